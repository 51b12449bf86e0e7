//! Speaks GraphQL over HTTP, with a token or without.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};

/// One who asks.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    http: reqwest::Client,
    pub token: Option<String>,
    headers: Vec<(&'static str, String)>,
}

/// An answer with everything around it.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Reply {
    /// The code of the first top-level error.
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or("OK")
    }
}

/// A client of HTTP as it comes.
pub fn http() -> reqwest::Client {
    http_builder().build().unwrap()
}

/// The same, to be told more. No story speaks TLS through it: reading the machine's certificates each time took as long as
/// many a story.
pub fn http_builder() -> reqwest::ClientBuilder {
    // The HTTP library wants it chosen, also where nothing is encrypted.
    backoffice::platform::tls::install();
    // The server closes a connection after 75 idle seconds. A story that blocks its thread meanwhile does not see that,
    // so it opens a new one well before.
    reqwest::Client::builder().tls_certs_only([]).pool_idle_timeout(Duration::from_secs(20))
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, http: http(), token: None, headers: Vec::new() }
    }

    /// The same client with another token.
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// The same client that sends one more header with each request.
    pub fn with_header(&self, name: &'static str, value: impl Into<String>) -> Self {
        let mut client = self.clone();
        client.headers.push((name, value.into()));
        client
    }

    /// The same client whose mutations change nothing.
    pub fn dry(&self) -> Self {
        self.with_header("Dry-Run", "true")
    }

    /// Sends a document and gives back whatever comes.
    pub async fn send(&self, query: &str, variables: Value) -> Reply {
        let mut request = self
            .http
            .post(format!("http://{}/graphql", self.address))
            .header("accept", "application/graphql-response+json")
            .json(&json!({ "query": query, "variables": variables }));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request.send().await.expect("no answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.expect("a broken answer");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Reply { status, headers, text, body }
    }

    /// The data of a document that has to work: no top-level error, no refusal in any payload.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let reply = self.send(query, variables).await;
        assert!(reply.body["errors"].is_null(), "{query}\n{}", reply.text);
        let data = reply.body["data"].clone();
        if let Some(fields) = data.as_object() {
            for (name, payload) in fields {
                let refused = payload["userErrors"].as_array().is_some_and(|reasons| !reasons.is_empty());
                assert!(!refused, "{name} was refused: {}", reply.text);
            }
        }
        data
    }

    /// The `userErrors` of a mutation with one field that has to be refused.
    pub async fn refused(&self, query: &str, variables: Value) -> Value {
        let reply = self.send(query, variables).await;
        let payload =
            reply.body["data"].as_object().and_then(|fields| fields.values().next()).cloned().unwrap_or_default();
        let reasons = payload["userErrors"].clone();
        assert!(reasons.as_array().is_some_and(|reasons| !reasons.is_empty()), "not refused: {}", reply.text);
        reasons
    }
}
