//! Clients hang up, are cut off, lose patience; resolvers panic. Whatever was under way is gone with them: no row of it
//! stays, no lock, no open transaction, and nobody else ever borrows the connection that it ran on.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Context, EmptySubscription, Object, Schema, Variables};
use backoffice::platform::can::Can;
use backoffice::platform::db::Pools;
use backoffice::platform::scope::{Ask, Caller};
use backoffice::platform::sql::sql;
use backoffice::server::budget::Budget;
use backoffice::server::operation::{self, Circumstances};
use diesel::sql_types::{Text, Uuid as SqlUuid};
use serde_json::json;
use uuid::Uuid;

use crate::harness::{Client, Office, Person, Setup, wire};

const FIRMS: usize = 20;
const TASKS: usize = 200;

/// Begins with a row that must not stay, then waits for a row that somebody else holds.
const HALF: &str = "mutation($number: String!, $held: ID!) {
    half: customerCreate(input: { number: $number, name: \"Half\", country: \"DE\" }) { customer { id } }
    held: customerUpdate(input: { id: $held, name: \"Reached\" }) { customer { id } } }";
const WHOLE: &str = "mutation($number: String!) {
    customerCreate(input: { number: $number, name: \"Whole\", country: \"DE\" }) { customer { number } userErrors { message } } }";
const LIST: &str = "{ customers(first: 100) { nodes { number name } } }";

struct Firm {
    id: Uuid,
    held: Uuid,
    token: String,
    client: Client,
}

fn firms(office: &Office, person: Person) -> Vec<Firm> {
    (0..FIRMS)
        .map(|index| {
            let (id, held) = (office.firm(&format!("Firm {index}"), person), Uuid::now_v7());
            office.app.database.lay(&format!(
                "SELECT core.set_tenant('{id}');
                     INSERT INTO finance.customer (tenant_id, id, number, name, country, currency, payment_terms_days)
                     VALUES ('{id}', '{held}', 'F{index}-HELD', 'Held', 'DE', 'EUR', 30)"
            ));
            Firm { id, held, token: office.token(person, Some(id)), client: office.client(person, id) }
        })
        .collect()
}

/// Sessions of the server that are in the middle of something.
fn busy(office: &Office) -> i64 {
    office.count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'backoffice_app' AND state <> 'idle'",
    )
}

async fn until_quiet(office: &Office) {
    for _ in 0..100 {
        if busy(office) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{} sessions are still in the middle of something", busy(office));
}

#[tokio::test]
async fn a_cut_off_request_leaves_nothing_behind() {
    let office = Office::with(Setup { pool_size: 2, ..Setup::default() });
    let person = office.person("Ada");
    let firms = Arc::new(firms(&office, person));
    let holder = office.app.database.hold("SELECT 1 FROM finance.customer WHERE number LIKE '%HELD' FOR UPDATE");
    let address = office.app.address;
    let turns = Arc::new(tokio::sync::Semaphore::new(8));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (firms, turns) = (Arc::clone(&firms), Arc::clone(&turns));
            tokio::spawn(async move {
                let _turn = turns.acquire_owned().await.unwrap();
                let (index, firm) = (task % FIRMS, &firms[task % FIRMS]);
                let patience = Duration::from_millis(20 + (task as u64 * 37) % 150);
                let half =
                    json!({ "number": format!("F{index}-HALF-{task}"), "held": format!("cus_{}", firm.held.simple()) });
                let request = wire::post(&firm.token, &json!({ "query": HALF, "variables": half }).to_string());
                match (task / FIRMS) % 5 {
                    0 => {
                        let stream = wire::send(address, request.as_bytes()).await;
                        tokio::time::sleep(patience).await;
                        drop(stream);
                    }
                    1 => {
                        let stream = wire::send(address, request.as_bytes()).await;
                        tokio::time::sleep(patience).await;
                        stream.set_zero_linger().unwrap();
                        drop(stream);
                    }
                    2 => {
                        let _ = tokio::time::timeout(patience, firm.client.send(HALF, half)).await;
                    }
                    3 => {
                        let data = firm.client.ask(LIST, json!({})).await;
                        for row in data["customers"]["nodes"].as_array().unwrap() {
                            let number = row["number"].as_str().unwrap();
                            assert!(number.starts_with(&format!("F{index}-")), "firm {index} was shown {number}");
                            assert!(!number.contains("HALF"), "firm {index} was shown half-done work: {number}");
                        }
                    }
                    _ => {
                        let number = format!("F{index}-WHOLE-{task}");
                        let data = firm.client.ask(WHOLE, json!({ "number": number })).await;
                        assert_eq!(data["customerCreate"]["customer"]["number"], number);
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    until_quiet(&office).await;
    let sessions = office.count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'backoffice_app'",
    );
    assert!(sessions <= 2, "{sessions} sessions for a pool of two");
    assert_eq!(
        office.count("SELECT count(*) FROM finance.customer WHERE number LIKE '%HALF%'"),
        0,
        "half-done work was kept"
    );
    assert_eq!(office.count("SELECT count(*) FROM finance.customer WHERE number LIKE '%WHOLE%'"), (TASKS / 5) as i64);
    // Each change is on the record under the request that made it, and none under two clients.
    assert_eq!(
        office.count("SELECT count(*) FROM (SELECT change_id FROM audit.entry GROUP BY change_id HAVING count(DISTINCT tenant_id) > 1) x"),
        0
    );
    drop(holder);
    for firm in firms.iter() {
        let data = firm.client.ask(LIST, json!({})).await;
        let own = office.count(&format!("SELECT count(*) FROM finance.customer WHERE tenant_id = '{}'", firm.id));
        assert_eq!(data["customers"]["nodes"].as_array().unwrap().len() as i64, own);
    }
}

/// Resolvers that no real schema has.
struct Unsound;

#[Object]
impl Unsound {
    /// Writes a row, then panics.
    async fn write_and_panic(&self, ctx: &Context<'_>, number: String) -> async_graphql::Result<bool> {
        write(ctx, &number).await?;
        panic!("as ordered");
    }

    /// Writes a row, then waits for longer than anybody does.
    async fn write_and_wait(&self, ctx: &Context<'_>, number: String) -> async_graphql::Result<bool> {
        write(ctx, &number).await?;
        let tx = ctx.tx(Can::CustomerManage).await?;
        tx.exec(sql("SELECT pg_sleep(60)")).await?;
        Ok(true)
    }

    /// Writes a row and passes over a statement that failed.
    async fn write_and_pass_over(&self, ctx: &Context<'_>, number: String) -> async_graphql::Result<bool> {
        write(ctx, &number).await?;
        let tx = ctx.tx(Can::CustomerManage).await?;
        let _ = tx.exec(sql("SELECT 1 / 0")).await;
        Ok(true)
    }

    /// Writes a row and loses interest in a statement that is still running.
    async fn write_and_turn_away(&self, ctx: &Context<'_>, number: String) -> async_graphql::Result<bool> {
        write(ctx, &number).await?;
        let tx = ctx.tx(Can::CustomerManage).await?;
        let _ = tokio::time::timeout(Duration::from_millis(50), tx.exec(sql("SELECT pg_sleep(0.2)"))).await;
        Ok(true)
    }

    /// Writes a row.
    async fn write(&self, ctx: &Context<'_>, number: String) -> async_graphql::Result<bool> {
        write(ctx, &number).await?;
        Ok(true)
    }
}

async fn write(ctx: &Context<'_>, number: &str) -> async_graphql::Result<()> {
    let tx = ctx.tx(Can::CustomerManage).await?;
    tx.exec(
        sql("INSERT INTO finance.customer (tenant_id, id, number, name, country, currency, payment_terms_days)
             VALUES ($1, $2, $3, 'X', 'DE', 'EUR', 30)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(Uuid::now_v7())
        .bind::<Text, _>(number.to_owned()),
    )
    .await?;
    Ok(())
}

/// An empty half of a schema.
struct Nothing;

#[Object]
impl Nothing {
    /// Nothing.
    async fn nothing(&self) -> bool {
        true
    }
}

#[test]
fn panics_and_lost_statements_keep_nothing() {
    actix_web::rt::System::new().block_on(panics_and_lost_statements());
}

async fn panics_and_lost_statements() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let graph =
        Schema::build(Nothing, Unsound, EmptySubscription).directive(backoffice::server::own_error::own_error).finish();
    let pools = Pools::new(&office.app.database.urls(), 2).unwrap();
    let run = async |document: &str| {
        let passed =
            backoffice_gate::admit(document, None, &Variables::default(), &backoffice::server::limits(false)).unwrap();
        let around = Circumstances {
            caller: Caller::Person { account: person.account, session: person.session, client: Some(firm) },
            query: document.to_owned(),
            request_id: Uuid::now_v7(),
            idempotency_key: None,
            dry_run: false,
            address: String::new(),
            user_agent: String::new(),
            budget: Budget::unbounded(),
            warnings: Vec::new(),
        };
        operation::run(&graph, &pools, passed, Variables::default(), around).await
    };
    for round in 0..10 {
        let answer = run(&format!("mutation {{ writeAndPanic(number: \"P{round}\") }}")).await;
        assert_eq!(answer.code.as_deref(), Some("INTERNAL_SERVER_ERROR"));
        let waiting = format!("mutation {{ writeAndWait(number: \"W{round}\") }}");
        assert!(tokio::time::timeout(Duration::from_millis(100), run(&waiting)).await.is_err());
        for field in ["writeAndPassOver", "writeAndTurnAway"] {
            let answer = run(&format!("mutation {{ {field}(number: \"L{round}\") }}")).await;
            assert_eq!(
                answer.code.as_deref(),
                Some("INTERNAL_SERVER_ERROR"),
                "{field}: {}",
                String::from_utf8_lossy(&answer.json)
            );
        }
        assert!(run(&format!("mutation {{ write(number: \"K{round}\") }}")).await.code.is_none());
    }
    until_quiet(&office).await;
    assert_eq!(office.count("SELECT count(*) FROM finance.customer WHERE number LIKE 'K%'"), 10);
    assert_eq!(office.count("SELECT count(*) FROM finance.customer WHERE number NOT LIKE 'K%'"), 0);
}
