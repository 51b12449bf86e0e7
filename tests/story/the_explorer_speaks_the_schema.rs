//! What the explorer's page sends and shows is run against the schema as it is: a document that has drifted from it is
//! named here.

use backoffice::server::explorer::{EXAMPLES, OPERATIONS};
use serde_json::{Value, json};

use crate::harness::issuer::{OAUTH_CLIENT, OAUTH_SECRET, VERIFIER, challenge, standing};
use crate::harness::{App, Client, PASSWORD};

/// The documents of a file by name, taken apart as the page does: each begins after a blank line, with its comment.
fn documents(file: &str) -> Vec<(String, String)> {
    let mut documents: Vec<String> = Vec::new();
    let mut blank = true;
    for line in file.lines() {
        let begins = blank && ["#", "query", "mutation"].iter().any(|word| line.starts_with(word));
        match documents.last_mut() {
            Some(last) if !begins => last.extend([line, "\n"]),
            _ => documents.push(format!("{line}\n")),
        }
        blank = line.is_empty();
    }
    let name = |text: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix("query ").or_else(|| line.strip_prefix("mutation ")))
            .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect::<String>())
    };
    documents.into_iter().filter_map(|text| Some((name(&text)?, text.trim().to_owned()))).collect()
}

/// Runs a document. What is wrong with it is told with its name.
async fn run(client: &Client, (name, document): &(String, String), variables: Value) -> Result<Value, String> {
    let reply = client.send(document, variables).await;
    let refused = |payload: &Value| payload["userErrors"].as_array().is_some_and(|reasons| !reasons.is_empty());
    let fields = reply.body["data"].as_object().cloned().unwrap_or_default();
    if !reply.status.is_success() || !reply.body["errors"].is_null() || fields.values().any(refused) {
        return Err(format!("{name}: {}", reply.text));
    }
    Ok(fields.values().next().cloned().unwrap_or_default())
}

#[tokio::test]
async fn every_document_of_the_explorer_runs() {
    let app = App::start();
    let books = app.with_books().await;
    let (mut own, mut inside) = (app.client(), books.accountant.clone());
    let all: Vec<_> = documents(OPERATIONS).into_iter().chain(documents(EXAMPLES)).collect();
    let written = [OPERATIONS, EXAMPLES].iter().flat_map(|file| file.lines());
    let written = written.filter(|line| line.starts_with("query") || line.starts_with("mutation")).count();
    assert_eq!(all.len(), written, "a document was lost on the way: {all:?}");
    let set_up = "mutation($input: StaffIdentityProviderCreateInput!) { staffIdentityProviderCreate(input: $input) {
        staffIdentityProvider { handle } userErrors { message } } }";
    let login = json!({ "name": "Login", "issuer": standing().url, "oauthClientId": OAUTH_CLIENT, "oauthClientSecret": OAUTH_SECRET });
    let login = books.administrator.ask(set_up, json!({ "input": login })).await;
    let handle = &login["staffIdentityProviderCreate"]["staffIdentityProvider"]["handle"];
    let konrad = json!({ "sub": "k-1", "email": "konrad@firm.example", "email_verified": true });
    let mut code = String::new();
    let mut refresh = Value::Null;
    let mut drifted = Vec::new();
    for document in &all {
        // The page's order: sign in, go on, look at the clients, take a token for one, ask in it.
        let (client, variables) = match document.0.as_str() {
            "SignIn" => (app.client(), json!({ "input": { "email": "konrad@firm.example", "password": PASSWORD } })),
            "SignInBegin" => {
                let input =
                    json!({ "identityProvider": handle, "returnTo": app.url("/graphiql"), "challenge": challenge() });
                (app.client(), json!({ "input": input }))
            }
            "SignInComplete" => (app.client(), json!({ "input": { "code": code, "verifier": VERIFIER } })),
            "TokenRefresh" => (app.client(), json!({ "input": { "refreshToken": refresh } })),
            "ClientTokenCreate" => (own.clone(), json!({ "input": { "client": books.client } })),
            "Clients" => (own.clone(), json!({ "after": null })),
            "TrialBalance" => (inside.clone(), json!({ "asOf": "2026-11-22" })),
            "Portfolio" => (own.clone(), json!({})),
            "CustomerCreate" => {
                (inside.dry(), json!({ "input": { "number": "C-1", "name": "Example Ltd", "country": "DE" } }))
            }
            "Viewer" | "Customers" | "Invoices" | "Bills" | "BankLines" | "AuditLog" => (inside.clone(), json!({})),
            other => panic!("say here how {other} is run"),
        };
        match run(&client, document, variables).await {
            Ok(data) => {
                if let Some(token) = data["refreshToken"].as_str() {
                    refresh = json!(token);
                }
                if let Some(address) = data["authorizationUrl"].as_str() {
                    code = standing().sends_back(address, &konrad).await;
                }
                match (document.0.as_str(), data["accessToken"].as_str()) {
                    ("SignInComplete", _) => assert_eq!(data["user"]["email"], "konrad@firm.example", "{data}"),
                    ("SignIn" | "TokenRefresh", token) => own = app.client().with_token(token.unwrap()),
                    ("ClientTokenCreate", token) => inside = app.client().with_token(token.unwrap()),
                    ("Clients", _) => assert_eq!(data["nodes"][0]["name"], "Alpha Trading", "{data}"),
                    ("Viewer", _) => assert_eq!(data["client"], books.client, "{data}"),
                    ("TrialBalance", _) => assert!(data["rows"].is_array(), "{data}"),
                    _ => {}
                }
            }
            Err(reason) => drifted.push(reason),
        }
    }
    assert!(drifted.is_empty(), "documents of the explorer that the server does not take:\n{}", drifted.join("\n"));
}

#[tokio::test]
async fn a_document_that_drifts_is_named() {
    let app = App::start();
    let books = app.with_books().await;
    let drifted =
        documents("# Who?\nquery Viewer { viewer { name } }\n\n# Old.\nquery Drifted {\n  viewer { nickname }\n}\n");
    assert_eq!(drifted.len(), 2);
    assert!(run(&books.accountant, &drifted[0], json!({})).await.is_ok());
    let reason = run(&books.accountant, &drifted[1], json!({})).await.unwrap_err();
    assert!(reason.starts_with("Drifted: ") && reason.contains("GRAPHQL_VALIDATION_FAILED"), "{reason}");
}
