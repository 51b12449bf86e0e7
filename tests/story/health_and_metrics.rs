//! What the machines around the server ask it, and how it stops.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Office, Setup, execute, postgres, wire};

/// A statement in another database of the same PostgreSQL.
fn outside(statement: &str) {
    let url = postgres().url("postgres", "postgres");
    let work = || execute(&mut backoffice::database::connect(&url).unwrap(), statement);
    std::thread::scope(|scope| scope.spawn(work).join()).unwrap();
}

async fn get(office: &Office, path: &str) -> (u16, String) {
    let response = reqwest::get(office.app.url(path)).await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn it_says_how_it_is() {
    let office = Office::open();
    assert_eq!(get(&office, "/health/live").await, (200, "alive\n".to_owned()));
    assert_eq!(get(&office, "/health/ready").await, (200, "ready\n".to_owned()));

    let person = office.person("Ada");
    let client = office.client(person, office.firm("Very Secret Firm", person));
    client.ask("{ customers { nodes { id } } }", json!({})).await;
    // A caller invents a field's name; it must not become a label.
    office
        .app
        .client()
        .with_header("Idempotency-Key", "x")
        .send("mutation { inventedByTheCaller { id } }", json!({}))
        .await;
    let (status, text) = get(&office, "/metrics").await;
    assert_eq!(status, 200);
    assert!(text.contains("backoffice_operations_total{kind=\"query\",operation=\"customers\",code=\"OK\"}"), "{text}");
    assert!(!text.contains("inventedByTheCaller"), "{text}");
    assert!(!text.contains("Secret") && !text.contains(&person.account.simple().to_string()), "{text}");

    office.app.shared.draining.store(true, Ordering::Release);
    assert_eq!(get(&office, "/health/ready").await, (503, "draining\n".to_owned()));
    assert_eq!(get(&office, "/health/live").await.0, 200);
}

#[tokio::test]
async fn without_its_database_it_is_alive_but_not_ready() {
    let office = Office::open();
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    client.ask("{ customers { nodes { id } } }", json!({})).await;
    assert_eq!(get(&office, "/health/ready").await.0, 200);
    // The database throws everybody out: connections in the pools are dead, new ones are good.
    office.count("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE 'backoffice%'");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(get(&office, "/health/ready").await.0, 200);
    client.ask("{ customers { nodes { id } } }", json!({})).await;

    let name = office.app.database.lines("postgres", "SELECT current_database()::text AS line").remove(0);
    let name = name.as_str();
    outside(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    outside(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(get(&office, "/health/ready").await, (503, "no database\n".to_owned()));
    assert_eq!(get(&office, "/health/live").await.0, 200);
    let reply = client.send("{ customers { nodes { id } } }", json!({})).await;
    assert_eq!(reply.code(), "INTERNAL_SERVER_ERROR", "{}", reply.text);
    assert!(!reply.text.contains(name), "{}", reply.text);

    outside(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    assert_eq!(get(&office, "/health/ready").await.0, 200);
    client.ask("{ customers { nodes { id } } }", json!({})).await;
}

#[tokio::test]
async fn it_answers_what_is_open_before_it_stops() {
    let mut office = Office::with(Setup { pool_size: 2, ..Setup::default() });
    let person = office.person("Ada");
    let client = office.client(person, office.firm("Firm", person));
    let created = client
        .ask("mutation { customerCreate(input: { number: \"1\", name: \"One\", country: \"DE\" }) { customer { id } userErrors { message } } }", json!({}))
        .await;
    let id = created["customerCreate"]["customer"]["id"].clone();
    let holder = office.app.database.hold("SELECT 1 FROM finance.customer FOR UPDATE");
    let update = "mutation($id: ID!) { customerUpdate(input: { id: $id, name: \"Late\" }) { customer { name } userErrors { message } } }";
    let request = wire::post(
        client.token.as_deref().unwrap(),
        &json!({ "query": update, "variables": { "id": id } }).to_string(),
    );
    let mut open = wire::send(office.app.address, request.as_bytes()).await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    office.app.drain();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = tokio::net::TcpStream::connect(office.app.address).await;
    drop(holder);
    let heard = wire::hear(&mut open).await;
    assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
    assert!(heard.contains("\"name\":\"Late\""), "{heard}");
    assert!(refused.is_err() || wire::hear(&mut refused.unwrap()).await.is_empty(), "a new request was taken");
    assert_eq!(office.count("SELECT count(*) FROM finance.customer WHERE name = 'Late'"), 1);
}
