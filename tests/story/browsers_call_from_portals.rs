//! Each client names the pages that browsers may call from with its tokens; nobody else's portal can read its answers, and
//! no page can do anything in the name of somebody who only looks at it.

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, Client};

const UPDATE: &str = "mutation($origins: [String!], $version: Int) { clientUpdate(input: { portalOrigins: $origins, expectedVersion: $version }) {
    client { portalOrigins version } userErrors { code field message } } }";
const ALPHA: &str = "https://alpha.example";
const BETA: &str = "https://beta.example:8443";

/// A page in somebody's browser.
struct Page<'a> {
    app: &'a App,
    origin: &'static str,
}

impl Page<'_> {
    /// What the server says when the browser asks whether the page may call.
    async fn asks_first(&self) -> HeaderMap {
        let request = crate::harness::http()
            .request(Method::OPTIONS, self.app.url("/graphql"))
            .header("origin", self.origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization, content-type");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        response.headers().clone()
    }

    /// Status, and whether the page may read the answer.
    async fn calls(&self, client: &Client, query: &str) -> (u16, bool) {
        let reply = client.with_header("origin", self.origin).send(query, json!({})).await;
        assert!(reply.headers.get_all("vary").iter().any(|vary| vary == "origin"), "{:?}", reply.headers);
        assert!(reply.headers.get("access-control-allow-credentials").is_none());
        let told = reply.headers.get("access-control-allow-origin");
        assert!(told.is_none_or(|told| told == self.origin), "{told:?}");
        (reply.status.as_u16(), told.is_some())
    }

    async fn until_it_may(&self, may: bool) {
        let started = Instant::now();
        while self.asks_first().await.contains_key("access-control-allow-origin") != may {
            assert!(started.elapsed() < Duration::from_secs(10), "{} is not {may}", self.origin);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test]
async fn each_client_has_its_own_portals() {
    let app = App::start();
    let administrator = app.administrator().await;
    let mut clients = Vec::new();
    for (name, origins) in [("Alpha", json!([" HTTPS://Alpha.example "])), ("Beta", json!([BETA, BETA]))] {
        let id = administrator.onboard(name, "DE", "EUR", "Europe/Berlin", "NONE").await;
        let client = administrator.enter(&id).await;
        client.ask(UPDATE, json!({ "origins": origins })).await;
        clients.push(client);
    }
    let [alpha, beta] = [&clients[0], &clients[1]];
    let kept = alpha.ask("{ client { portalOrigins } }", json!({})).await;
    assert_eq!(kept["client"]["portalOrigins"], json!([ALPHA]));

    let (at_alpha, at_beta) = (Page { app: &app, origin: ALPHA }, Page { app: &app, origin: BETA });
    let elsewhere = Page { app: &app, origin: "https://elsewhere.example" };
    at_alpha.until_it_may(true).await;
    at_beta.until_it_may(true).await;
    let told = at_alpha.asks_first().await;
    assert_eq!(told["access-control-allow-origin"], ALPHA);
    assert_eq!(told["access-control-allow-methods"], "GET, POST, PUT, DELETE");
    for header in ["authorization", "last-event-id", "x-graphql-event-stream-token"] {
        assert!(told["access-control-allow-headers"].to_str().unwrap().contains(header), "{header}");
    }
    assert!(!told.contains_key("access-control-allow-credentials"), "nothing is taken from cookies");
    assert!(!elsewhere.asks_first().await.contains_key("access-control-allow-methods"));

    // On the way in nobody is known yet: every portal may, with and without a token that still names no client.
    let name = "{ client { name } }";
    for page in [&at_alpha, &at_beta] {
        assert_eq!(page.calls(&app.client(), "{ __typename }").await, (200, true));
        assert_eq!(page.calls(&app.client().with_token("expired"), name).await, (401, true));
        assert_eq!(page.calls(&administrator, "{ viewer { name } }").await, (200, true));
    }
    // With a client's token only that client's portals, and the provider's own page.
    assert_eq!(at_alpha.calls(alpha, name).await, (200, true));
    assert_eq!(at_beta.calls(beta, name).await, (200, true));
    assert_eq!(at_alpha.calls(beta, name).await, (403, false));
    assert_eq!(at_beta.calls(alpha, name).await, (403, false));
    assert_eq!(elsewhere.calls(alpha, name).await, (200, false));
    assert_eq!(Page { app: &app, origin: "https://portal.example" }.calls(beta, name).await, (200, true));
    assert_eq!(Page { app: &app, origin: "null" }.calls(beta, name).await, (200, false));
    let change = "mutation { clientUpdate(input: { name: \"Stolen\" }) { userErrors { message } } }";
    assert_eq!(at_alpha.calls(beta, change).await, (403, false));
    assert_eq!(beta.ask(name, json!({})).await["client"]["name"], "Beta");

    // What is taken off the list is off it, and what was never an origin does not come on it.
    alpha.ask(UPDATE, json!({ "origins": [] })).await;
    at_alpha.until_it_may(false).await;
    assert_eq!(at_alpha.calls(alpha, name).await, (200, false));
    for wrong in ["https://alpha.example/", "http://alpha.example", "*", "null", "https://*.example"] {
        let refused = alpha.refused(UPDATE, json!({ "origins": [ALPHA, wrong] })).await;
        assert_eq!(
            (&refused[0]["code"], &refused[0]["field"]),
            (&json!("INVALID"), &json!(["input", "portalOrigins", "1"]))
        );
    }
    let stale = alpha.refused(UPDATE, json!({ "origins": [ALPHA], "version": 1 })).await;
    assert_eq!(stale[0]["code"], "CONFLICT");
    let trail = alpha.ask("{ auditLog(first: 1) { nodes { recordType before } } }", json!({})).await;
    assert_eq!(trail["auditLog"]["nodes"][0]["before"]["portal_origins"], json!([ALPHA]), "{trail}");
}

#[tokio::test]
async fn a_page_cannot_act_for_somebody_who_looks_at_it() {
    let app = App::start();
    let books = app.with_books().await;
    let create = json!({ "query": "mutation { customerCreate(input: { number: \"X\", name: \"X\", country: \"DE\" }) { userErrors { message } } }" });
    let http = crate::harness::http();
    let token = books.accountant.token.clone().unwrap();
    // What a form or an image can send without the browser asking first.
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"] {
        let sent =
            http.post(app.url("/graphql")).bearer_auth(&token).header("content-type", kind).body(create.to_string());
        assert_eq!(sent.send().await.unwrap().status(), 415, "{kind}");
    }
    let url = reqwest::Url::parse_with_params(&app.url("/graphql"), [("query", create["query"].as_str().unwrap())]);
    assert_eq!(http.get(url.unwrap()).bearer_auth(&token).send().await.unwrap().status(), 405);
    // Nor is anything taken from a cookie.
    let sent = http.post(app.url("/graphql")).header("cookie", format!("authorization=Bearer {token}")).json(&create);
    let answer: Value = sent.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{answer}");
    let found = books.accountant.ask("{ customers(first: 1) { nodes { id } } }", json!({})).await;
    assert_eq!(found["customers"]["nodes"], json!([]));
}
