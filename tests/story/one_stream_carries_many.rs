//! Browsers over HTTP/1 open one stream for all their operations (`graphql-sse`, single connection): it belongs to whoever
//! reserved it, answers come under their operation's id, and it ends with the sign-in behind it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use backoffice::platform::can::Can;
use backoffice::server::budget::{Rate, Rates};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{App, Office, Setup};

const TOKEN: &str = "x-graphql-event-stream-token";
const FOLLOW: &str =
    "subscription { events(kinds: [CUSTOMER_CREATED]) { kind cursor node { ... on Customer { number } } } }";
const CUSTOMER: &str = "mutation($number: String!) { customerCreate(input: { number: $number, name: \"C\", country: \"DE\" }) { customer { id number } userErrors { message } } }";

/// One who speaks the protocol.
#[derive(Clone)]
struct Speaker {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl Speaker {
    fn of(app: &App, token: &str) -> Self {
        backoffice::platform::tls::install();
        Self { http: crate::harness::http(), url: app.url("/graphql"), token: token.to_owned() }
    }

    fn request(&self, method: Method, stream: &str, query: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{query}", self.url)).bearer_auth(&self.token);
        if stream.is_empty() { request } else { request.header(TOKEN, stream) }
    }

    async fn reserve(&self) -> String {
        let reserved = self.request(Method::PUT, "", "").send().await.unwrap();
        assert_eq!(reserved.status(), StatusCode::CREATED);
        assert!(reserved.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
        reserved.text().await.unwrap()
    }

    async fn open(&self, stream: &str) -> reqwest::Response {
        self.request(Method::GET, stream, "").header("accept", "text/event-stream").send().await.unwrap()
    }

    async fn opened(&self) -> (String, Stream) {
        let stream = self.reserve().await;
        let response = self.open(&stream).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
        (stream, Stream { response, read: String::new() })
    }

    fn operation(&self, stream: &str, id: Value, query: &str, variables: Value) -> reqwest::RequestBuilder {
        let body = json!({ "query": query, "variables": variables, "extensions": { "operationId": id } });
        self.request(Method::POST, stream, "").header("accept", "application/graphql-response+json").json(&body)
    }

    async fn run(&self, stream: &str, id: &str, query: &str, variables: Value) -> StatusCode {
        self.operation(stream, json!(id), query, variables).send().await.unwrap().status()
    }

    async fn stop(&self, stream: &str, id: &str) -> StatusCode {
        self.request(Method::DELETE, stream, &format!("?operationId={id}")).send().await.unwrap().status()
    }
}

/// A stream while it is read.
struct Stream {
    response: reqwest::Response,
    read: String,
}

impl Stream {
    /// The next event: its kind and its data. Nothing at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((piece, rest)) = self.read.split_once("\n\n") {
                let (piece, rest) = (piece.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| piece.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let Some(kind) = field("event:") {
                    return Some((kind.to_owned(), serde_json::from_str(field("data:").unwrap()).unwrap()));
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.response.chunk()).await;
            self.read.push_str(&String::from_utf8_lossy(&chunk.expect("nothing came").ok()??));
        }
    }

    /// The next answer, which has to be that operation's.
    async fn answer(&mut self, id: &str) -> Value {
        let (kind, data) = self.next().await.expect("the stream ended");
        assert_eq!((kind.as_str(), &data["id"]), ("next", &json!(id)), "{data}");
        data["payload"].clone()
    }

    async fn completes(&mut self, id: &str) {
        assert_eq!(self.next().await, Some(("complete".to_owned(), json!({ "id": id }))));
    }
}

fn one_firm(setup: Setup) -> (Office, crate::harness::Person, uuid::Uuid, Speaker) {
    let office = Office::with(setup);
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let speaker = Speaker::of(&office.app, &office.token(person, Some(firm)));
    (office, person, firm, speaker)
}

async fn until(holds: impl Fn() -> bool, at_most: Duration) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < at_most, "it does not come about");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_any_kind_are_answered_in_one_stream() {
    let (office, _, _, ada) = one_firm(Setup { workers: 2, ..Setup::default() });
    let (stream, mut told) = ada.opened().await;
    assert_eq!(ada.run(&stream, "follow", FOLLOW, json!({})).await, StatusCode::ACCEPTED);
    assert_eq!(ada.run(&stream, "read", "{ customers { totalCount } }", json!({})).await, StatusCode::ACCEPTED);
    assert_eq!(told.answer("read").await["data"]["customers"]["totalCount"], 0);
    told.completes("read").await;
    assert_eq!(ada.run(&stream, "write", CUSTOMER, json!({ "number": "1" })).await, StatusCode::ACCEPTED);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (kind, data) = told.next().await.unwrap();
        seen.push(format!("{kind} {}", data["id"].as_str().unwrap()));
        if data["id"] == "follow" {
            assert_eq!(data["payload"]["data"]["events"]["node"]["number"], "1", "{data}");
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["complete write", "next follow", "next write"]);
    // Each is paid and counted like any other, and headers mean what they mean elsewhere.
    let dry = ada.operation(&stream, json!("dry"), CUSTOMER, json!({ "number": "2" })).header("dry-run", "true");
    assert_eq!(dry.send().await.unwrap().status(), StatusCode::ACCEPTED);
    let answer = told.answer("dry").await;
    assert_eq!(answer["extensions"]["cost"]["actual"], 12, "{answer}");
    told.completes("dry").await;
    // A token in the address does as well, and a reservation takes operations before it is opened.
    let early = ada.reserve().await;
    let body = json!({ "query": "{ customers { totalCount } }", "extensions": { "operationId": "1" } });
    let posted = ada.request(Method::POST, "", &format!("?token={early}")).json(&body).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::ACCEPTED);
    let response = ada
        .request(Method::POST, "", &format!("?token={early}"))
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    let mut second = Stream { response, read: String::new() };
    assert_eq!(second.answer("1").await["data"]["customers"]["totalCount"], 1);
    // Stopped, it tells no more, and its id is free.
    assert_eq!(ada.run(&stream, "follow", FOLLOW, json!({})).await, StatusCode::CONFLICT);
    assert_eq!(ada.stop(&stream, "follow").await, StatusCode::OK);
    assert_eq!(ada.stop(&stream, "follow").await, StatusCode::OK);
    until(|| office.app.shared.presences.count().1 == 0, Duration::from_secs(5)).await;
    assert_eq!(ada.run(&stream, "write", CUSTOMER, json!({ "number": "3" })).await, StatusCode::ACCEPTED);
    told.answer("write").await;
    told.completes("write").await;
    assert_eq!(ada.run(&stream, "follow", FOLLOW, json!({})).await, StatusCode::ACCEPTED);
    // The connection goes, and everything with it; its token is good for nothing more.
    drop((told, second));
    until(|| office.app.shared.lines.count() == 0, Duration::from_secs(40)).await;
    assert_eq!(office.app.shared.presences.count(), (0, 0));
    assert_eq!(ada.open(&stream).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ada.run(&stream, "late", FOLLOW, json!({})).await, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_its_owners_alone() {
    let (office, person, firm, ada) = one_firm(Setup::default());
    let other = office.person("Eve");
    office.grant(firm, other, Can::ALL);
    let eve = Speaker::of(&office.app, &office.token(other, Some(firm)));
    // The same person in another client is somebody else here.
    let elsewhere = Speaker::of(&office.app, &office.token(person, Some(office.firm("Elsewhere", person))));
    let nobody = Speaker { token: "nonsense".to_owned(), ..ada.clone() };
    let stream = ada.reserve().await;
    for (stranger, status) in
        [(&eve, StatusCode::NOT_FOUND), (&elsewhere, StatusCode::NOT_FOUND), (&nobody, StatusCode::UNAUTHORIZED)]
    {
        assert_eq!(stranger.open(&stream).await.status(), status);
        assert_eq!(stranger.run(&stream, "1", "{ customers { totalCount } }", json!({})).await, status);
        assert_eq!(stranger.stop(&stream, "1").await, status);
    }
    assert_eq!(nobody.request(Method::PUT, "", "").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    // One connection, and never a second one.
    let first = ada.open(&stream).await;
    assert_eq!((first.status(), ada.open(&stream).await.status()), (StatusCode::OK, StatusCode::CONFLICT));
    let mut told = Stream { response: first, read: String::new() };
    ada.run(&stream, "1", FOLLOW, json!({})).await;

    // The session ends: the subscription says so, the stream ends, and so does what was only reserved.
    let reserved = ada.reserve().await;
    let started = Instant::now();
    office.app.database.lay(&format!("UPDATE identity.session SET revoked_at = now() WHERE id = '{}'", person.session));
    assert_eq!(told.answer("1").await["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    told.completes("1").await;
    assert_eq!(told.next().await, None);
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    until(|| office.app.shared.lines.count() == 0, Duration::from_secs(8)).await;
    assert_eq!(ada.open(&reserved).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(ada.request(Method::PUT, "", "").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    // A grant that ends ends a silent stream as well.
    let (_, mut silent) = eve.opened().await;
    office.app.database.lay(&format!(
        "SELECT core.set_tenant('{firm}'); UPDATE identity.access_grant SET ended_at = now() WHERE account_id = '{}'",
        other.account
    ));
    assert_eq!(silent.next().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_opens_goes_away_and_nobody_reserves_without_end() {
    let (office, _, firm, ada) = one_firm(Setup::default());
    let mut reserved = Vec::new();
    for _ in 0..20 {
        reserved.push(ada.reserve().await);
    }
    let refused = ada.request(Method::PUT, "", "").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["errors"][0]["extensions"]["code"], "RATE_LIMITED");
    // Others reserve, and an open one is none that waits.
    let other = office.person("Ben");
    office.grant(firm, other, Can::ALL);
    Speaker::of(&office.app, &office.token(other, Some(firm))).reserve().await;
    let kept = ada.open(&reserved[0]).await;
    assert_eq!(kept.status(), StatusCode::OK);
    ada.reserve().await;
    // Operations of one stream have a bound.
    let mut told = Stream { response: kept, read: String::new() };
    for id in 0..50 {
        assert_eq!(ada.run(&reserved[0], &id.to_string(), FOLLOW, json!({})).await, StatusCode::ACCEPTED);
    }
    assert_eq!(ada.run(&reserved[0], "more", FOLLOW, json!({})).await, StatusCode::TOO_MANY_REQUESTS);
    // Those that nobody opened are gone after a quarter of a minute; the open one stays.
    until(|| office.app.shared.lines.count() == 1, Duration::from_secs(25)).await;
    assert_eq!(ada.open(&reserved[1]).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(office.app.shared.presences.count(), (1, 50));
    ada.stop(&reserved[0], "7").await;
    assert_eq!(ada.run(&reserved[0], "read", "{ customers { totalCount } }", json!({})).await, StatusCode::ACCEPTED);
    told.answer("read").await;

    // A reservation is paid for.
    let rate = |burst| Rate { per_second: 1, burst };
    let rates = Rates { credential: rate(35), client: rate(1_000), stranger: rate(1_000) };
    let (_office, _, _, poor) = one_firm(Setup { rates, ..Setup::default() });
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(poor.request(Method::PUT, "", "").send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [201, 201, 201, 429, 429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_as_over_http() {
    let (office, _, _, ada) = one_firm(Setup::default());
    let (stream, mut told) = ada.opened().await;
    let send = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        let error = body["errors"][0]["extensions"].clone();
        assert!(error["requestId"].is_string(), "{body}");
        (status, error["code"].as_str().unwrap().to_owned())
    };
    let bad = |code: &str| (400, code.to_owned());
    for id in [json!(null), json!(""), json!(7), json!(["1"]), json!("x".repeat(257))] {
        let request = ada.operation(&stream, id.clone(), FOLLOW, json!({}));
        assert_eq!(send(request).await, bad("BAD_USER_INPUT"), "{id}");
    }
    for (query, code) in [
        ("{ nonsense }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ broken", "GRAPHQL_PARSE_FAILED"),
        ("subscription { events { nonsense } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { events(resumeAfter: \"no cursor\") { id } }", "BAD_USER_INPUT"),
    ] {
        assert_eq!(send(ada.operation(&stream, json!("1"), query, json!({}))).await, bad(code), "{query}");
    }
    // Only JSON, so that a page elsewhere has to ask first.
    let form = ada.request(Method::POST, &stream, "").header("content-type", "text/plain").body("{}");
    assert_eq!(send(form).await.0, 415);
    for token in ["", "nonsense", &format!("boe_{}", "A".repeat(43)), &"x".repeat(5_000)] {
        for (method, query) in [(Method::GET, ""), (Method::DELETE, "?operationId=1")] {
            let request = ada.request(method, "", query).header(TOKEN, token).header("accept", "text/event-stream");
            assert_eq!(send(request).await.0, 404, "{token}");
        }
    }
    for query in ["", "?operationId=", "?operationid=1", &format!("?operationId={}", "x".repeat(300))] {
        let request = ada.request(Method::DELETE, &stream, query);
        assert_eq!(send(request).await, bad("BAD_USER_INPUT"), "{query}");
    }
    assert_eq!(send(ada.request(Method::DELETE, "", "?operationId=1")).await.0, 404);
    // After all of that it works, and what runs next to it is not disturbed.
    assert_eq!(ada.run(&stream, "1", "{ customers { totalCount } }", json!({})).await, StatusCode::ACCEPTED);
    told.answer("1").await;
    told.completes("1").await;
    assert_eq!(office.app.shared.presences.count(), (1, 0));

    // A lazy reader holds up nobody but himself.
    let everything = "{ __schema { types { description fields { description args { description } } enumValues { description } inputFields { description } } } }";
    let (lazy, unread) = ada.opened().await;
    let ada = Arc::new(ada);
    let mut posts = Vec::new();
    for id in 0..40 {
        let (ada, lazy) = (Arc::clone(&ada), lazy.clone());
        posts.push(tokio::spawn(async move { ada.run(&lazy, &id.to_string(), everything, json!({})).await }));
    }
    for post in posts {
        let status = post.await.unwrap();
        assert!([202, 404, 429].contains(&status.as_u16()), "{status}");
    }
    assert_eq!(ada.run(&stream, "2", "{ customers { totalCount } }", json!({})).await, StatusCode::ACCEPTED);
    told.answer("2").await;
    drop(unread);
}
