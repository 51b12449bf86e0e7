//! Speaks GraphQL to the schema within the process: the gate, the token and the transaction are those of every request.

use std::sync::Arc;

use async_graphql::Variables;
use serde_json::{Value, json};

use super::Failure;
use crate::correspondence::typesetter::Typesetter;
use crate::graph::{self, Graph};
use crate::identity::keys::Keys;
use crate::platform::db::{Pools, Urls};
use crate::platform::error::Error;
use crate::platform::ids::new_uuid;
use crate::platform::scope::Caller;
use crate::server;
use crate::server::budget::Budget;
use crate::server::operation::{self, Circumstances};
use crate::server::published::Published;
use crate::webhooks;

/// One who asks, as a client over HTTP would.
pub(super) struct Speaker {
    graph: Graph,
    pools: Pools,
    keys: Arc<Keys>,
    token: Option<String>,
}

impl Speaker {
    pub(super) async fn new(urls: &Urls, webhooks: webhooks::Settings) -> Result<Self, Failure> {
        let pools = Pools::new(urls, 2).map_err(Error::sentence)?;
        let keys = Keys::load(&pools, webhooks.vault.clone()).await.map_err(Error::sentence)?;
        let typesetter = Typesetter::at(None);
        let graph =
            graph::build(Arc::clone(&keys), Published::default(), None, webhooks, Default::default(), typesetter);
        Ok(Self { graph, pools, keys, token: None })
    }

    /// Runs a document; any top-level error is a failure.
    pub(super) async fn ask(&self, query: &str, variables: Value) -> Result<Value, Failure> {
        let variables = Variables::from_json(variables);
        let passed = backoffice_gate::admit(query, None, &variables, &server::limits(false))
            .map_err(|error| error.to_string())?;
        let around = Circumstances {
            caller: self.token.as_deref().map_or(Caller::Nobody, |token| self.keys.verify(token)),
            query: query.to_owned(),
            request_id: new_uuid(),
            idempotency_key: None,
            dry_run: false,
            address: String::new(),
            user_agent: "demo".to_owned(),
            budget: Budget::unbounded(),
            warnings: Vec::new(),
        };
        let answer = operation::run(&self.graph, &self.pools, passed, variables, around).await;
        let answer: Value = serde_json::from_slice(&answer.json)?;
        if answer["errors"].is_array() {
            return Err(format!("the demo was refused: {}", answer["errors"]).into());
        }
        Ok(answer["data"].clone())
    }

    /// Runs a mutation with one field; a refusal is a failure. Gives its payload.
    pub(super) async fn change(&self, query: &str, variables: Value) -> Result<Value, Failure> {
        let data = self.ask(query, variables).await?;
        let payload = data.as_object().and_then(|fields| fields.values().next()).cloned().unwrap_or(Value::Null);
        match payload["userErrors"].as_array() {
            Some(reasons) if !reasons.is_empty() => Err(format!("the demo was refused: {payload}").into()),
            _ => Ok(payload),
        }
    }

    pub(super) async fn sign_in(&mut self, email: &str, password: &str) -> Result<(), Failure> {
        self.token = None;
        let payload = self
            .change(
                "mutation($input: SignInInput!) { signIn(input: $input) { accessToken userErrors { message } } }",
                json!({ "input": { "email": email, "password": password } }),
            )
            .await?;
        self.token = payload["accessToken"].as_str().map(str::to_owned);
        Ok(())
    }

    /// Goes on in a client.
    pub(super) async fn enter(&mut self, client: &str) -> Result<(), Failure> {
        let payload = self
            .change(
                "mutation($input: ClientTokenCreateInput!) { clientTokenCreate(input: $input) { accessToken userErrors { message } } }",
                json!({ "input": { "client": client } }),
            )
            .await?;
        self.token = payload["accessToken"].as_str().map(str::to_owned);
        Ok(())
    }
}
