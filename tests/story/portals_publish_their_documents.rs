//! A portal publishes its documents and names them by their hash; and a client whose portal has done so can have it that
//! nothing else runs.

use std::time::{Duration, Instant};

use backoffice::practice::documents::hash;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::harness::{App, Client, Office, Reply};

const PUBLISH: &str = "mutation($portal: String!, $documents: [PortalDocumentInput!]!, $replaces: Boolean) {
    documentManifestPublish(input: { portal: $portal, documents: $documents, replaces: $replaces }) {
        documentManifest { id documents hashes retiredAt version } userErrors { code field message } } }";
const RETIRE: &str = "mutation($id: ID!) { documentManifestRetire(input: { id: $id }) { documentManifest { retiredAt } userErrors { code field } } }";
const ONLY: &str = "mutation($only: Boolean!) { clientUpdate(input: { onlyPersistedDocuments: $only }) { client { onlyPersistedDocuments } userErrors { message } } }";
const NAME: &str = "query($unused: Boolean = true) { client { name @include(if: $unused) } }";
const CREATE: &str = "mutation New($number: String!) { customerCreate(input: { number: $number, name: \"N\", country: \"DE\" }) { customer { number } userErrors { message } } }";

fn documents(texts: &[&str]) -> Value {
    texts.iter().map(|text| json!({ "sha256": hash(text), "text": text })).collect()
}

/// Sends a body as it is.
async fn post(app: &App, client: &Client, body: Value) -> Reply {
    let mut request = crate::harness::http()
        .post(app.url("/graphql"))
        .header("accept", "application/graphql-response+json")
        .json(&body);
    if let Some(token) = &client.token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    Reply { status, headers, body: serde_json::from_str(&text).unwrap(), text }
}

fn by_id(text: &str, variables: Value) -> Value {
    json!({ "documentId": format!("sha256:{}", hash(text)), "variables": variables })
}

async fn until(what: &str, app: &App, client: &Client, body: Value, expected: &str) {
    let started = Instant::now();
    loop {
        let reply = post(app, client, body.clone()).await;
        if reply.code() == expected {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{what}: {}", reply.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_document_is_named_by_its_hash() {
    let office = Office::open();
    let (app, person) = (&office.app, office.person("Ada"));
    let (firm, other) = (office.firm("Firm", person), office.firm("Other", person));
    let (client, elsewhere) = (office.client(person, firm), office.client(person, other));
    let reply = post(app, &client, by_id(NAME, json!({}))).await;
    assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "PERSISTED_QUERY_NOT_FOUND"), "{}", reply.text);

    let data = client.ask(PUBLISH, json!({ "portal": "web", "documents": documents(&[NAME, CREATE]) })).await;
    let manifest = data["documentManifestPublish"]["documentManifest"].clone();
    assert_eq!((&manifest["documents"], &manifest["retiredAt"]), (&json!(2), &Value::Null));
    for body in [
        by_id(NAME, json!({})),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash(NAME) } } }),
        json!({ "query": NAME, "documentId": format!("sha256:{}", hash(NAME)) }),
    ] {
        let reply = post(app, &client, body).await;
        assert_eq!(reply.body["data"]["client"]["name"], "Firm", "{}", reply.text);
    }
    let reply = post(app, &client, by_id(CREATE, json!({ "number": "1" }))).await;
    assert_eq!(reply.body["data"]["customerCreate"]["customer"]["number"], "1", "{}", reply.text);

    // A link reads and does not change, also by hash.
    let get = async |text: &str| {
        let id = format!("sha256:{}", hash(text));
        let variables = json!({ "number": "2", "unused": true }).to_string();
        let url =
            reqwest::Url::parse_with_params(&app.url("/graphql"), [("documentId", &id), ("variables", &variables)]);
        let request = crate::harness::http().get(url.unwrap()).bearer_auth(client.token.as_ref().unwrap());
        request.header("accept", "application/graphql-response+json").send().await.unwrap().status()
    };
    assert_eq!((get(NAME).await, get(CREATE).await), (StatusCode::OK, StatusCode::METHOD_NOT_ALLOWED));
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 1);

    // It is this client's document: for nobody else and for nobody at all.
    for stranger in [&elsewhere, &app.client(), &app.client().with_token(office.token(person, None))] {
        let reply = post(app, stranger, by_id(NAME, json!({}))).await;
        assert_eq!(reply.code(), "PERSISTED_QUERY_NOT_FOUND", "{}", reply.text);
    }
    for body in [
        json!({ "documentId": "sha256:00" }),
        json!({ "documentId": "md5:00000000000000000000000000000000" }),
        json!({ "documentId": 7 }),
        json!({ "query": "{ client { id } }", "documentId": format!("sha256:{}", hash(NAME)) }),
        json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "../../etc/passwd" } } }),
    ] {
        let reply = post(app, &client, body.clone()).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"), "{body}");
    }

    // A new version beside the old one; the old one goes when it is retired, and what both name stays.
    let newer = "{ client { id name } }";
    client.ask(PUBLISH, json!({ "portal": "web", "documents": documents(&[CREATE, newer]) })).await;
    assert_eq!(post(app, &client, by_id(NAME, json!({}))).await.code(), "OK");
    client.ask(RETIRE, json!({ "id": manifest["id"] })).await;
    until("the retired manifest's", app, &client, by_id(NAME, json!({})), "PERSISTED_QUERY_NOT_FOUND").await;
    assert_eq!(post(app, &client, by_id(newer, json!({}))).await.code(), "OK");
    assert_eq!(post(app, &client, by_id(CREATE, json!({ "number": "3" }))).await.code(), "OK");
    let refused = client.refused(RETIRE, json!({ "id": manifest["id"] })).await;
    assert_eq!(refused[0]["code"], "STATE");
    client.ask(PUBLISH, json!({ "portal": "web", "documents": documents(&[NAME]), "replaces": true })).await;
    until("the replaced manifest's", app, &client, by_id(newer, json!({})), "PERSISTED_QUERY_NOT_FOUND").await;
    let data = client.ask("{ documentManifests { totalCount nodes { portal retiredAt } } }", json!({})).await;
    assert_eq!(data["documentManifests"]["totalCount"], 3);
    assert_eq!(data["documentManifests"]["nodes"][0]["retiredAt"], Value::Null, "the newest first");

    // What is published is what it says.
    for (text, sha256) in [("{ a }", hash("{ b }")), ("{ a(", hash("{ a(")), ("{ a }", "x".to_owned())] {
        let refused = client
            .refused(PUBLISH, json!({ "portal": "web", "documents": [{ "sha256": sha256, "text": text }] }))
            .await;
        assert_eq!((&refused[0]["code"], &refused[0]["field"][1]), (&json!("INVALID"), &json!("documents")));
    }
    // Nor does the database take a text under another's hash.
    let forged = format!(
        "INSERT INTO practice.portal_document (tenant_id, id, sha256, body) VALUES ('{firm}', gen_random_uuid(), '{}', '{{ evil }}')",
        hash("{ good }")
    );
    let refused = app.database.past_the_server("postgres", |connection| {
        diesel::RunQueryDsl::execute(diesel::sql_query(forged), connection).unwrap_err().to_string()
    });
    assert!(refused.contains("check constraint"), "{refused}");
    assert!(app.database.findings_of_the_server().is_empty());
}

#[tokio::test]
async fn a_client_can_have_it_that_nothing_else_runs() {
    let office = Office::open();
    let (app, person) = (&office.app, office.person("Ada"));
    let (firm, other) = (office.firm("Firm", person), office.firm("Other", person));
    let (client, elsewhere) = (office.client(person, firm), office.client(person, other));
    client.ask(PUBLISH, json!({ "portal": "web", "documents": documents(&[NAME]) })).await;
    client.ask(ONLY, json!({ "only": true })).await;
    let free = json!({ "query": "{ client { id name } }" });
    until("a free document", app, &client, free.clone(), "DOCUMENT_NOT_PUBLISHED").await;
    for query in ["{ client { id name } }", CREATE, "{ __schema { types { name } } }", "{ limits { cost } }"] {
        let reply = client.send(query, json!({ "number": "1" })).await;
        assert_eq!((reply.status, reply.code()), (StatusCode::FORBIDDEN, "DOCUMENT_NOT_PUBLISHED"), "{}", reply.text);
        assert!(reply.body.get("data").is_none());
    }
    // A field that manages documents does not carry others through.
    let beside = "mutation { clientUpdate(input: {}) { client { id } } customerCreate(input: { number: \"1\", name: \"N\", country: \"DE\" }) { customer { id } } }";
    assert_eq!(client.send(beside, json!({})).await.code(), "DOCUMENT_NOT_PUBLISHED");
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 0);
    // What was published runs, by its hash and as a text.
    assert_eq!(post(app, &client, by_id(NAME, json!({}))).await.body["data"]["client"]["name"], "Firm");
    client.ask(NAME, json!({})).await;
    // Another client's tokens are as free as they were, and so is whoever has taken none.
    elsewhere.ask("{ client { id name } }", json!({})).await;
    app.client().with_token(office.token(person, None)).ask("{ viewer { name } }", json!({})).await;
    // Nobody is locked out: documents are published, and the rule is taken back, by those who may.
    client.ask(PUBLISH, json!({ "portal": "web", "documents": documents(&[CREATE]) })).await;
    client.ask(CREATE, json!({ "number": "1" })).await;
    client.ask("{ documentManifests { nodes { portal } } }", json!({})).await;
    let nobody = office.person("Nemo");
    office.grant(firm, nobody, &[backoffice::platform::can::Can::CustomerRead]);
    assert_eq!(office.client(nobody, firm).send(ONLY, json!({ "only": false })).await.code(), "FORBIDDEN");
    client.ask(ONLY, json!({ "only": false })).await;
    until("a free document", app, &client, free, "OK").await;
}
