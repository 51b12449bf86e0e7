//! What an operation costs the database: one statement a level, however many rows stand on it. Siblings are fetched
//! together, without a timer, and nobody waits for a fetch that never comes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema, Variables};
use backoffice::platform::can::Can;
use backoffice::platform::db::{Pools, Tx};
use backoffice::platform::entity::Fetch;
use backoffice::platform::error::{Error, Result};
use backoffice::platform::scope::{Ask, Caller};
use backoffice::platform::sql::sql;
use backoffice::server::budget::Budget;
use backoffice::server::operation::{self, Circumstances};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4};
use serde_json::{Value, json};

use crate::harness::{App, Office};

#[tokio::test]
async fn a_page_with_two_nested_levels_costs_one_statement_a_level() {
    let app = App::start();
    let books = app.with_books().await;
    let client = &books.accountant;
    let account = client
        .ask(
            "{ accounts(first: 1, filter: { kind: { eq: INCOME }, isGroup: { eq: false } }) { nodes { id } } }",
            json!({}),
        )
        .await;
    let account = account["accounts"]["nodes"][0]["id"].clone();
    for batch in 0..10 {
        let customers: String = (0..5)
            .map(|n| format!(" c{n}: customerCreate(input: {{ number: \"{batch}-{n}\", name: \"Customer\", country: \"DE\" }}) {{ customer {{ id }} userErrors {{ message }} }}"))
            .collect();
        let customers = client.ask(&format!("mutation {{{customers} }}"), json!({})).await;
        let invoices: String = (0..5)
            .map(|n| {
                let line = format!("{{ description: \"Work\", quantity: \"1\", unitPrice: \"10\", account: {account} }}");
                let customer = &customers[format!("c{n}")]["customer"]["id"];
                format!(" i{n}: invoiceCreate(input: {{ customer: {customer}, lines: [{line}, {line}, {line}] }}) {{ invoice {{ id }} userErrors {{ message }} }}")
            })
            .collect();
        client.ask(&format!("mutation {{{invoices} }}"), json!({})).await;
    }
    for first in [1, 50] {
        let reply = client
            .send(
                "query($first: Int!) { invoices(first: $first) { nodes { id taxes { percent } customer { name } lines { description account { code } } } } }",
                json!({ "first": first }),
            )
            .await;
        assert!(reply.body["errors"].is_null(), "{}", reply.text);
        let nodes = reply.body["data"]["invoices"]["nodes"].as_array().unwrap();
        assert_eq!(nodes.len(), first);
        assert!(nodes.iter().all(
            |node| node["lines"].as_array().unwrap().len() == 3 && node["lines"][2]["account"]["code"].is_string()
        ));
        // The page, its customers, its lines, their accounts; and the opening, which is one round trip.
        assert_eq!(reply.body["extensions"]["cost"]["statements"], 1 + 4, "a page of {first}");
    }
}

#[derive(QueryableByName, Clone, Debug)]
struct Square {
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = Int4)]
    square: i32,
}

impl Fetch for Square {
    type Key = i32;
    type Value = Self;
    const CAN: Can = Can::CustomerRead;

    async fn fetch(tx: &Tx, keys: Vec<i32>) -> Result<HashMap<i32, Self>> {
        if keys.contains(&-1) {
            return Err(Error::fault("as ordered"));
        }
        let rows: Vec<Self> = tx
            .rows(sql("SELECT n AS number, n * n AS square FROM unnest($1::int[]) AS n").bind::<Array<Int4>, _>(keys))
            .await?;
        Ok(rows.into_iter().map(|row| (row.number, row)).collect())
    }
}

struct Number(i32);

#[Object]
impl Number {
    async fn square(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<i32>> {
        Ok(ctx.load::<Square>(self.0).await?.map(|found| found.square))
    }

    async fn next(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Number>> {
        Ok(ctx.load::<Square>(self.0).await?.map(|found| Number(found.number + 1000)))
    }

    /// Fails as soon as there is a transaction, and takes its siblings along.
    async fn fails(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        ctx.tx(Can::CustomerRead).await?;
        Err("as ordered".into())
    }
}

struct Numbers;

#[Object]
impl Numbers {
    async fn numbers(&self, count: i32) -> Vec<Number> {
        (0..count).map(Number).collect()
    }

    async fn number(&self, number: i32) -> Option<Number> {
        Some(Number(number))
    }
}

async fn ask(office: &Office, document: &str) -> Value {
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let graph = Schema::build(Numbers, EmptyMutation, EmptySubscription).finish();
    let pools = Pools::new(&office.app.database.urls(), 1).unwrap();
    let passed =
        backoffice_gate::admit(document, None, &Variables::default(), &backoffice::server::limits(false)).unwrap();
    let around = Circumstances {
        caller: Caller::Person { account: person.account, session: person.session, client: Some(firm) },
        query: document.to_owned(),
        request_id: uuid::Uuid::now_v7(),
        idempotency_key: None,
        dry_run: false,
        address: String::new(),
        user_agent: String::new(),
        budget: Budget::unbounded(),
        warnings: Vec::new(),
    };
    let answer = operation::run(&graph, &pools, passed, Variables::default(), around);
    let answer = tokio::time::timeout(Duration::from_secs(5), answer).await.expect("somebody waits for ever");
    serde_json::from_slice(&answer.json).unwrap()
}

#[test]
fn siblings_are_fetched_together() {
    actix_web::rt::System::new().block_on(async {
        let office = Office::open();
        for count in [1, 20, 200] {
            let started = Instant::now();
            let answer = ask(
                &office,
                &format!("{{ numbers(count: {count}) {{ square next {{ square next {{ square }} }} }} }}"),
            )
            .await;
            assert_eq!(answer["data"]["numbers"].as_array().unwrap().len(), count);
            assert_eq!(answer["data"]["numbers"][count - 1]["next"]["next"]["square"], (count + 1999).pow(2));
            assert_eq!(answer["extensions"]["cost"]["statements"], 1 + 3, "{count} numbers");
            assert!(started.elapsed() < Duration::from_secs(2));
        }
    });
}

#[test]
fn nobody_waits_for_a_fetch_that_never_comes() {
    actix_web::rt::System::new().block_on(async {
        let office = Office::open();
        // The first one begins to fetch for all and is dropped with its object; another takes over.
        let answer =
            ask(&office, "{ doomed: number(number: 3) { square fails } well: number(number: 4) { square } }").await;
        assert_eq!(answer["data"], json!({ "doomed": null, "well": { "square": 16 } }), "{answer}");
        // A fetch that fails fails for all who waited for it.
        let answer = ask(&office, "{ bad: number(number: -1) { square } well: number(number: 4) { square } }").await;
        assert_eq!(answer["data"], json!({ "bad": null, "well": null }), "{answer}");
        assert!(!answer.to_string().contains("as ordered"), "{answer}");
    });
}
