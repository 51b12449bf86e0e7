//! All fields of an operation take effect together or none does; a dry run is the same with nothing kept; two
//! operations that stand in each other's way both succeed in the end.

use std::time::Duration;

use backoffice::platform::can::Can;
use serde_json::{Value, json};

use crate::harness::{Client, Office};

const CREATE: &str = "mutation($number: String!) {
    customerCreate(input: { number: $number, name: \"One\", country: \"DE\" }) { customer { id number version } userErrors { message } } }";

async fn create(client: &Client, number: &str) -> String {
    let data = client.ask(CREATE, json!({ "number": number })).await;
    data["customerCreate"]["customer"]["id"].as_str().unwrap().to_owned()
}

fn customers(office: &Office, number: &str) -> i64 {
    office.count(&format!("SELECT count(*) FROM finance.customer WHERE number LIKE '{number}'"))
}

#[tokio::test]
async fn what_a_later_field_refuses_never_happened() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let client = office.client(person, firm);
    create(&client, "TAKEN").await;
    let ben = office.person("Ben");
    office.grant(firm, ben, &[Can::CustomerManage]);
    let before = office.count("SELECT count(*) FROM audit.entry");

    let reply = client
        .send(
            "mutation {
               first: customerCreate(input: { number: \"FIRST\", name: \"One\", country: \"DE\" }) { customer { id } userErrors { message } }
               second: customerCreate(input: { number: \"TAKEN\", name: \"Two\", country: \"DE\" }) { customer { id } userErrors { code field message } }
               third: customerCreate(input: { number: \"THIRD\", name: \"Three\", country: \"DE\" }) { customer { id } userErrors { message } }
             }",
            json!({}),
        )
        .await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.body["data"]["first"], Value::Null);
    assert_eq!(reply.body["data"]["third"], Value::Null);
    assert_eq!(reply.body["data"]["second"]["customer"], Value::Null);
    assert_eq!(reply.body["data"]["second"]["userErrors"][0]["code"], "DUPLICATE", "{}", reply.text);
    let mut rolled_back: Vec<&str> = reply.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            assert_eq!(error["extensions"]["code"], "ROLLED_BACK", "{}", reply.text);
            error["path"][0].as_str().unwrap()
        })
        .collect();
    rolled_back.sort_unstable();
    assert_eq!(rolled_back, ["first", "third"]);

    // A failure that is no refusal takes all along as well, and what stands after it is not done at all.
    let reply = office
        .client(ben, firm)
        .send(
            "mutation {
               first: customerCreate(input: { number: \"FIRST\", name: \"One\", country: \"DE\" }) { customer { id } }
               second: accountUpdate(input: { id: \"acc_00000000000070008000000000000001\", name: \"X\" }) { userErrors { message } }
               third: customerCreate(input: { number: \"THIRD\", name: \"Three\", country: \"DE\" }) { customer { id } } }",
            json!({}),
        )
        .await;
    assert_eq!(reply.body["data"], json!({ "first": null, "second": null, "third": null }), "{}", reply.text);
    let mut codes: Vec<_> = reply.body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| format!("{} {}", error["path"][0].as_str().unwrap(), error["extensions"]["code"].as_str().unwrap()))
        .collect();
    codes.sort_unstable();
    assert_eq!(codes, ["first ROLLED_BACK", "second FORBIDDEN", "third ROLLED_BACK"]);
    assert_eq!(customers(&office, "%"), 1);
    assert_eq!(office.count("SELECT count(*) FROM audit.entry"), before);
}

#[tokio::test]
async fn a_dry_run_answers_and_changes_nothing() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let before = office.count("SELECT count(*) FROM audit.entry");
    let dry = client.dry().with_header("Idempotency-Key", "dry");
    for _ in 0..2 {
        let data = dry.ask(CREATE, json!({ "number": "DRY" })).await;
        assert_eq!(data["customerCreate"]["customer"]["number"], "DRY");
        assert_eq!(data["customerCreate"]["customer"]["version"], 1);
    }
    let id = create(&client, "WET").await;
    let update = "mutation($id: ID!) { customerUpdate(input: { id: $id, name: \"Other\" }) { customer { name version } userErrors { message } } }";
    let data = client.dry().ask(update, json!({ "id": id })).await;
    assert_eq!(data["customerUpdate"]["customer"], json!({ "name": "Other", "version": 2 }));
    let reasons = client.dry().refused(CREATE, json!({ "number": "WET" })).await;
    assert_eq!(reasons[0]["message"], "A record with this number, code or name exists already.");
    assert_eq!(customers(&office, "DRY"), 0);
    assert_eq!(office.count("SELECT count(*) FROM finance.customer WHERE name = 'Other'"), 0);
    assert_eq!(office.count("SELECT count(*) FROM audit.entry"), before + 1);
    assert_eq!(office.count("SELECT count(*) FROM core.idempotency"), 0);
}

#[tokio::test]
async fn a_repeated_field_runs_once() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let reply = client
        .send(
            "mutation {
               customerCreate(input: { number: \"ONCE\", name: \"One\", country: \"DE\" }) { customer { id } }
               ...Again
               customerCreate(input: { number: \"ONCE\", name: \"One\", country: \"DE\" }) { customer { version } userErrors { message } }
             }
             fragment Again on Mutation { customerCreate(input: { number: \"ONCE\", name: \"One\", country: \"DE\" }) { customer { number } } }",
            json!({}),
        )
        .await;
    assert!(reply.body["errors"].is_null(), "{}", reply.text);
    let customer = &reply.body["data"]["customerCreate"]["customer"];
    assert_eq!((&customer["number"], &customer["version"]), (&json!("ONCE"), &json!(1)));
    assert_eq!(customers(&office, "ONCE"), 1);

    // The same key with two meanings is refused before anything runs.
    let reply = client
        .send(
            "mutation {
               customerCreate(input: { number: \"A\", name: \"One\", country: \"DE\" }) { customer { id } }
               customerCreate(input: { number: \"B\", name: \"One\", country: \"DE\" }) { customer { id } } }",
            json!({}),
        )
        .await;
    assert_eq!((reply.status.as_u16(), reply.code()), (400, "GRAPHQL_VALIDATION_FAILED"), "{}", reply.text);
    assert_eq!(customers(&office, "_"), 0);
}

#[tokio::test]
async fn conditions_know_the_defaults_of_variables() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    for (default, sent, both) in [
        ("false", json!({}), false),
        ("true", json!({}), true),
        ("false", json!({ "too": true }), true),
        ("true", json!({ "too": false }), false),
    ] {
        let data = client
            .dry()
            .ask(
                &format!(
                    "mutation($too: Boolean = {default}) {{
                       one: customerCreate(input: {{ number: \"ONE\", name: \"One\", country: \"DE\" }}) {{ customer {{ number }} userErrors {{ message }} }}
                       two: customerCreate(input: {{ number: \"TWO\", name: \"Two\", country: \"DE\" }}) @include(if: $too) {{ customer {{ number }} userErrors {{ message }} }}
                     }}"
                ),
                sent.clone(),
            )
            .await;
        assert_eq!(data.get("two").is_some(), both, "default {default}, sent {sent}");
    }
}

#[tokio::test]
async fn two_that_stand_in_each_others_way_both_succeed() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let mut ids = Vec::new();
    for number in ["LEFT", "RIGHT", "GATE1", "GATE2"] {
        ids.push(create(&client, number).await);
    }
    // Both take their first row, then wait at a gate; when it opens, each wants the row that the other one has.
    let gate = office.app.database.hold("SELECT 1 FROM finance.customer WHERE number LIKE 'GATE%' FOR UPDATE");
    let both: Vec<_> = [[0, 2, 1], [1, 3, 0]]
        .into_iter()
        .enumerate()
        .map(|(who, order)| {
            let (client, ids) = (client.clone(), order.map(|at: usize| ids[at].clone()));
            tokio::spawn(async move {
                let reply = client
                    .send(
                        "mutation($a: ID!, $b: ID!, $c: ID!, $name: String!) {
                           a: customerUpdate(input: { id: $a, name: $name }) { customer { version } userErrors { message } }
                           b: customerUpdate(input: { id: $b, name: $name }) { customer { version } userErrors { message } }
                           c: customerUpdate(input: { id: $c, name: $name }) { customer { version } userErrors { message } } }",
                        json!({ "a": ids[0], "b": ids[1], "c": ids[2], "name": format!("Writer {who}") }),
                    )
                    .await;
                assert!(reply.body["errors"].is_null(), "{}", reply.text);
            })
        })
        .collect();
    for _ in 0..100 {
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'backoffice_app' AND wait_event_type = 'Lock'";
        if office.count(waiting) == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(gate);
    for one in both {
        one.await.unwrap();
    }
    assert_eq!(office.count("SELECT count(*) FROM finance.customer WHERE number IN ('LEFT', 'RIGHT') AND version = 3"), 2);
    assert_eq!(office.count("SELECT count(DISTINCT name) FROM finance.customer WHERE number IN ('LEFT', 'RIGHT')"), 1, "mixed");
    for _ in 0..100 {
        if office.count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("there was no deadlock, so nothing was shown");
}
