//! Nobody does what he may not: every field of Query and Mutation, called by actors without the right.

use serde_json::{Value, json};

use super::schema::Schema;
use crate::harness::{App, Client, Reply};

/// What can be called without any token: the ways in.
const PUBLIC: [&str; 3] = ["signIn", "tokenRefresh", "invitationAccept"];

async fn call(schema: &Schema, client: &Client, mutation: bool, field: &str) -> Reply {
    let value = |path: &[String], named: &str| match named {
        "ID" => Some(json!("xx_0123456789abcdef0123456789abcdef")),
        // A file is given as text or as base64: the test gives the text.
        "String" if path.last().is_some_and(|last| last == "text") => Some(json!("a,b\n")),
        _ => None,
    };
    let (query, variables) = schema.call(mutation, field, &|_| false, &value);
    client.dry().send(&query, variables).await
}

fn all_fields(schema: &Schema) -> Vec<(bool, String)> {
    [false, true]
        .into_iter()
        .flat_map(|mutation| schema.root_fields(mutation).into_iter().map(move |field| (mutation, field)))
        .map(|(mutation, field)| (mutation, field["name"].as_str().unwrap().to_owned()))
        .collect()
}

#[tokio::test]
async fn without_a_token_nothing_but_the_ways_in_answers() {
    let (schema, app) = (Schema::read().await, App::start());
    for (mutation, field) in all_fields(&schema) {
        let reply = call(&schema, &app.client(), mutation, &field).await;
        let expected = if PUBLIC.contains(&field.as_str()) { "OK" } else { "UNAUTHENTICATED" };
        assert_eq!(reply.code(), expected, "{field}: {}", reply.text);
    }
}

#[tokio::test]
async fn every_field_names_the_right_that_is_missing() {
    let (schema, app) = (Schema::read().await, App::start());
    let books = app.with_books().await;
    let inside = books.administrator.enter(&books.client).await;
    inside
        .ask(
            "mutation { roleCreate(input: { name: \"Nearly nothing\", permissions: [CLIENT_READ] }) { role { id } userErrors { message } } }",
            json!({}),
        )
        .await;
    let user = books.administrator.staff("nemo@firm.example", "Nemo").await;
    inside.grant(&user, "Nearly nothing", "2026-01-01", None).await;
    let outside = app.sign_in("nemo@firm.example").await;
    let nemo = outside.enter(&books.client).await;

    let mut table = Vec::new();
    for (mutation, field) in all_fields(&schema) {
        let said = |reply: &Reply| match reply.code() {
            "OK" => {
                let payload = reply.body["data"]
                    .as_object()
                    .and_then(|data| data.values().next())
                    .cloned()
                    .unwrap_or(Value::Null);
                let refused = payload["userErrors"].as_array().is_some_and(|reasons| !reasons.is_empty());
                if refused { "refused".to_owned() } else { "allowed".to_owned() }
            }
            code => format!("{code} {}", reply.body["errors"][0]["message"].as_str().unwrap()),
        };
        let within = said(&call(&schema, &nemo, mutation, &field).await);
        let without = said(&call(&schema, &outside, mutation, &field).await);
        table.push(format!("{field}\n  in a client: {within}\n  without one: {without}"));
    }
    table.sort();
    insta::assert_snapshot!(table.join("\n"));
}
