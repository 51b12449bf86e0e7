//! Nobody does what he may not: every field of Query and Mutation, called by actors without the right.

use serde_json::{Value, json};

use super::schema::Schema;
use crate::harness::{App, Client, Reply};

/// What can be called without any token: the ways in, and what is published.
const PUBLIC: [&str; 11] = [
    "signIn",
    "signInBegin",
    "signInComplete",
    "tokenRefresh",
    "invitationAccept",
    "limits",
    "passwordReset",
    "passwordResetRequest",
    "signatureLinkOpen",
    "signatureLinkSign",
    "signatureLinkDecline",
];

/// What answers without a right, in a client or without one, and why. Whatever else answers has forgotten to ask.
const SELF_SERVICE: [(&str, &str); 43] = [
    ("approvalInbox", "shows what one may decide in the clients in which one may, and so none"),
    ("clientGroups", "the provider's groups, for whoever of its staff sees its portfolio"),
    ("clientStatusChanges", "needs `practice.client.read`, which whoever asks here holds"),
    ("clientTokenCreate", "gives a token for a client in which the caller has a grant, and is refused for any other"),
    ("clients", "shows the clients in which the caller holds the right to their figures, and so none"),
    ("closeStatuses", "shows the clients in which the caller holds the right to their periods, and so none"),
    ("invitationAccept", "the token of the invitation is the right"),
    ("limits", "published"),
    ("noticePreference", "how one is told oneself"),
    ("noticePreferenceSet", "how one is told oneself"),
    ("notices", "shows one's own notices of the clients in which one has any, and so none"),
    ("passwordChange", "one's own password"),
    (
        "passwordReset",
        "the token that came by mail is the right; the code of the authenticator app is asked for as well",
    ),
    ("passwordResetRequest", "whoever has forgotten his password has no token; nothing is told and nothing changes"),
    ("providerCalendars", "the provider's calendars, for whoever of its staff sees its portfolio"),
    ("providerTokenCreate", "gives up the client of one's own token"),
    ("serviceSkills", "what the provider's services take, for whoever of its staff sees its portfolio"),
    ("services", "the provider's services, for whoever of its staff sees its portfolio"),
    ("sessionRevoke", "one's own sessions"),
    ("sessions", "one's own sessions"),
    ("signIn", "a way in"),
    ("signInBegin", "a way in"),
    ("signInComplete", "the code and the secret of who began are the right"),
    ("signOut", "one's own session"),
    ("signatureLinkDecline", "the token of the link, which came by mail, is the right"),
    ("signatureLinkOpen", "the token of the link, which came by mail, is the right"),
    ("signatureLinkSign", "the token of the link, which came by mail, is the right"),
    ("skills", "what the provider's staff can do, for whoever of it sees its portfolio"),
    ("staffSkills", "who of the provider's staff can what, for whoever of it sees its portfolio"),
    ("teams", "the provider's teams, for whoever of its staff sees its portfolio"),
    ("tokenRefresh", "the refresh token is the right"),
    ("totpConfirm", "one's own codes"),
    ("totpDisable", "one's own codes"),
    ("totpEnroll", "one's own codes"),
    ("viewer", "who one is"),
    ("workItemCounts", "counts the work of the clients in which the caller may see it, and so none"),
    ("workItems", "shows the work of the clients in which the caller may see it, and so none"),
    ("workNotices", "shows one's own notices of the clients in which one may see the work, and so none"),
    ("workTemplates", "the provider's templates, for whoever of its staff sees its portfolio"),
    ("workViewCreate", "one's own views, which show no more than the queue does"),
    ("workViewDelete", "one's own views"),
    ("workViewUpdate", "one's own views, which show no more than the queue does"),
    ("workViews", "one's own views, and those that are shared with the staff"),
];

async fn call(schema: &Schema, client: &Client, mutation: bool, field: &str) -> Reply {
    let value = |path: &[String], named: &str| match named {
        // `node` asks for the right of the kind that the id names.
        "ID" if field.starts_with("node") => Some(json!("cus_0123456789abcdef0123456789abcdef")),
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
    let mut unasked = Vec::new();
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
        if [&within, &without].iter().any(|said| ["allowed", "refused"].contains(&said.as_str())) {
            unasked.push(field.clone());
        }
        table.push(format!("{field}\n  in a client: {within}\n  without one: {without}"));
    }
    unasked.sort();
    let expected: Vec<&str> = SELF_SERVICE.iter().map(|(field, _)| *field).collect();
    assert_eq!(unasked, expected, "these fields answer without any right, and those are meant to");
    table.sort();
    insta::assert_snapshot!(table.join("\n"));
}

#[tokio::test]
async fn node_asks_for_the_right_of_what_it_finds() {
    let app = App::start();
    let books = app.with_books().await;
    let inside = books.administrator.enter(&books.client).await;
    inside
        .ask(
            "mutation { roleCreate(input: { name: \"Customers\", permissions: [CUSTOMER_READ] }) { role { id } userErrors { message } } }",
            json!({}),
        )
        .await;
    let user = books.administrator.staff("nemo@firm.example", "Nemo").await;
    inside.grant(&user, "Customers", "2026-01-01", None).await;
    let nemo = app.sign_in("nemo@firm.example").await.enter(&books.client).await;
    let digits = "0123456789abcdef0123456789abcdef";
    let query = "query($id: ID!) { node(id: $id) { id } }";
    let prefixes = [
        "acal", "acc", "adel", "afd", "alc", "apo", "apol", "apr", "apt", "ba", "bcal", "bil", "bill", "bl", "bm",
        "bs", "capt", "cdoc", "cex", "cli", "clk", "cmt", "crq", "dfol", "dman", "doc", "docv", "dshr", "dsp", "dtyp",
        "eng", "file", "fy", "grt", "hold", "icm", "idp", "imp", "inv", "invl", "ivt", "je", "jl", "job", "jpr", "led",
        "lex", "oi", "rets", "rol", "rw", "sch", "svc", "tax", "txr", "usr", "vbc", "ven", "wi",
    ];
    for prefix in prefixes {
        let reply = nemo.send(query, json!({ "id": format!("{prefix}_{digits}") })).await;
        assert_eq!(reply.code(), "FORBIDDEN", "{prefix}: {}", reply.text);
    }
    for id in [format!("cus_{digits}"), format!("xyz_{digits}"), "cus".to_owned(), String::new()] {
        let reply = nemo.send(query, json!({ "id": id })).await;
        assert_eq!((reply.code(), &reply.body["data"]["node"]), ("OK", &Value::Null), "{id}: {}", reply.text);
    }
    let customer = books
        .accountant
        .ask(
            "mutation { customerCreate(input: { number: \"1\", name: \"One\", country: \"DE\" }) { customer { id } userErrors { message } } }",
            json!({}),
        )
        .await["customerCreate"]["customer"]["id"]
        .clone();
    let data = nemo
        .ask(
            "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }",
            json!({ "ids": [format!("cus_{digits}"), customer] }),
        )
        .await;
    assert_eq!(data["nodes"], json!([null, { "__typename": "Customer", "id": customer }]));
    let many: Vec<Value> = vec![customer; 101];
    let reply = nemo.send("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": many })).await;
    assert_eq!(reply.code(), "BAD_USER_INPUT", "{}", reply.text);
}
