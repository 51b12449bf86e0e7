//! `Idempotency-Key`: a request that is sent again is answered again, not run again.

use serde_json::json;

use crate::harness::{Client, Office};

const CREATE: &str = "mutation($number: String!) {
    customerCreate(input: { number: $number, name: \"One\", country: \"DE\" }) { customer { id number } userErrors { message } } }";

fn keyed(client: &Client, key: &str) -> Client {
    client.with_header("Idempotency-Key", key)
}

#[tokio::test]
async fn fifty_at_once_are_one() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = keyed(&office.client(person, office.firm("Firm", person)), "order-1");
    let all: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send(CREATE, json!({ "number": "ONE" })).await })
        })
        .collect();
    let (mut answers, mut replayed) = (Vec::new(), 0);
    for one in all {
        let reply = one.await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(reply.body["errors"].is_null(), "{}", reply.text);
        assert_eq!(reply.body["data"]["customerCreate"]["customer"]["number"], "ONE", "{}", reply.text);
        replayed += usize::from(reply.headers.get("idempotency-replayed").is_some_and(|value| value == "true"));
        answers.push(reply.text);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "different answers: {answers:?}");
    assert_eq!(replayed, 49);
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 1);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_caller() {
    let office = Office::open();
    let (ada, ben) = (office.person("Ada"), office.person("Ben"));
    let (firm, other) = (office.firm("Firm", ada), office.firm("Other", ada));
    office.grant(firm, ben, backoffice::platform::can::Can::ALL);
    let client = keyed(&office.client(ada, firm), "key");

    // What was refused is not kept: the same key can be used for the mended request.
    client.ask(CREATE, json!({ "number": "ONE" })).await;
    let mended = keyed(&client, "mended");
    assert_eq!(mended.send(CREATE, json!({ "number": "TWO" })).await.status, 400, "two keys are one too many");

    let retried = keyed(&office.client(ada, firm), "retried");
    retried.refused(CREATE, json!({ "number": "ONE" })).await;
    assert_eq!(office.count("SELECT count(*) FROM core.idempotency"), 1);
    retried.ask(CREATE, json!({ "number": "THREE" })).await;

    // Other values, another document: refused, and nothing happens.
    for (query, number) in [(CREATE.to_owned(), "FOUR"), (CREATE.replace("One", "Four"), "ONE")] {
        let reply = client.send(&query, json!({ "number": number })).await;
        assert_eq!((reply.status.as_u16(), reply.code()), (400, "BAD_USER_INPUT"), "{}", reply.text);
        assert!(reply.text.contains("This Idempotency-Key was used for another request."), "{}", reply.text);
    }
    // Somebody else's key, and one's own in another client, are other keys.
    keyed(&office.client(ben, firm), "key").ask(CREATE, json!({ "number": "BEN" })).await;
    keyed(&office.client(ada, other), "key").ask(CREATE, json!({ "number": "ONE" })).await;
    // A query needs no key, and takes none.
    client.ask("{ customers { nodes { id } } }", json!({})).await;
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 4);
}

/// Fragments lie in a map of the parsed document, which has another order each time it is parsed.
#[tokio::test]
async fn a_document_with_fragments_is_the_same_document() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = keyed(&office.client(person, office.firm("Firm", person)), "fragments");
    let names = ["id", "number", "name", "country", "version", "active", "email"];
    let fragments: String = names.iter().map(|name| format!(" fragment F{name} on Customer {{ {name} }}")).collect();
    let spreads: String = names.iter().map(|name| format!(" ...F{name}")).collect();
    let document = format!(
        "mutation {{ customerCreate(input: {{ number: \"ONE\", name: \"One\", country: \"DE\" }}) {{ customer {{ {spreads} }} userErrors {{ message }} }} }}{fragments}"
    );
    let first = client.ask(&document, json!({})).await;
    for _ in 0..10 {
        assert_eq!(client.ask(&document, json!({})).await, first);
    }
    assert_eq!(office.count("SELECT count(*) FROM finance.customer"), 1);
}
