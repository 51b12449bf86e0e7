//! A new server takes over from an old one on the same database while everybody works, and nobody notices.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::program::{Program, folder};
use crate::harness::socket::{Heard, Socket};
use crate::harness::{App, Client, Office};

/// A server on the socket that the service manager, which is us, holds.
fn on_socket(socket: &TcpListener, environment: &[(&str, &str)]) -> Program {
    Program::serve_on(Some(socket), &folder("serving"), &["--drain-delay", "1"], environment)
}

/// Asks without a pause until told to stop.
async fn ask(address: SocketAddr, token: String, stop: Arc<AtomicBool>, asked: Arc<AtomicUsize>) {
    let mut fresh = 0_u32;
    let mut client = Client::new(address).with_token(token.clone());
    while !stop.load(Ordering::Relaxed) {
        let reply = client.send("{ accounts(first: 1) { nodes { code } } }", json!({})).await;
        assert!(reply.body["errors"].is_null() && reply.status == 200, "{} {}", reply.status, reply.text);
        asked.fetch_add(1, Ordering::Relaxed);
        fresh += 1;
        // Some keep their connection, some come anew.
        if fresh.is_multiple_of(5) {
            client = Client::new(address).with_token(token.clone());
        }
    }
}

#[tokio::test]
async fn a_restart_refuses_nobody() {
    let app = App::start();
    let books = app.with_books().await;
    let url = app.database.url("backoffice_app");
    let environment = [("DATABASE_URL", url.as_str())];
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();

    let mut old = on_socket(&socket, &environment);
    assert_eq!(old.address, address, "the server does not take the socket it is given");
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let token = books.accountant.token.clone().unwrap();
    let callers: Vec<_> =
        (0..4).map(|_| tokio::spawn(ask(address, token.clone(), Arc::clone(&stop), Arc::clone(&asked)))).collect();
    for round in 0..2 {
        // The new one first, then the old one is told to stop.
        let new = on_socket(&socket, &environment);
        let at = asked.load(Ordering::Relaxed);
        old.terminate();
        assert!(old.ended().await.success());
        assert!(asked.load(Ordering::Relaxed) > at, "round {round}: nobody was served meanwhile");
        tokio::time::sleep(Duration::from_millis(300)).await;
        old = new;
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    assert!(asked.load(Ordering::Relaxed) > 50, "{asked:?}");
}

#[tokio::test]
async fn a_draining_server_says_so_before_it_stops_listening() {
    let app = App::start();
    let url = app.database.url("backoffice_app");
    let mut program = Program::serve(&folder("serving"), &["--drain-delay", "2"], &[("DATABASE_URL", &url)]);
    let ready = format!("http://{}/health/ready", program.address);
    assert_eq!(reqwest::get(&ready).await.unwrap().status(), 200);
    program.terminate();
    tokio::time::sleep(Duration::from_millis(300)).await;
    // The balancer is told; who comes nevertheless is served.
    let response = reqwest::get(&ready).await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap().as_str()), (503, "draining\n"));
    let reply = program.client().send("{ __typename }", json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(program.ended().await.success());
    assert!(reqwest::get(&ready).await.is_err());
}

const CREATE: &str = "mutation($number: String!) { customerCreate(input: { number: $number, name: \"C\", country: \"DE\" }) { customer { id } userErrors { message } } }";
const FOLLOW: &str = "subscription($after: String) { events(kinds: [CUSTOMER_CREATED], resumeAfter: $after) {
    cursor node { ... on Customer { number } } } }";

#[tokio::test]
async fn connections_that_last_move_to_the_next_server() {
    let office = Office::open();
    let person = office.person("Ada");
    let firm = office.firm("Firm", person);
    let (client, token) = (office.client(person, firm), office.token(person, Some(firm)));
    let url = office.app.database.url("backoffice_app");
    let mut old = Program::serve(&folder("serving"), &["--drain-delay", "1"], &[("DATABASE_URL", &url)]);
    let new = Program::serve(&folder("serving"), &[], &[("DATABASE_URL", &url)]);
    let mut follower = Socket::known(old.address, &token).await;
    follower.subscribe("f", FOLLOW, json!({})).await;
    let mut stream = crate::harness::http()
        .post(format!("http://{}/graphql", old.address))
        .header("accept", "text/event-stream")
        .bearer_auth(&token)
        .json(&json!({ "query": FOLLOW }))
        .send()
        .await
        .unwrap();
    let mut busy = Socket::known(old.address, &token).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let made = client.ask(CREATE, json!({ "number": "1" })).await;
    let heard = follower.next("f").await["events"].clone();
    assert_eq!(heard["node"]["number"], "1");

    // One of them has asked for something that takes until after the server is told to stop.
    let holder = office.app.database.hold("SELECT 1 FROM finance.customer FOR UPDATE");
    let update = "mutation($id: ID!) { customerUpdate(input: { id: $id, name: \"Late\" }) { customer { name } userErrors { message } } }";
    busy.subscribe("u", update, json!({ "id": made["customerCreate"]["customer"]["id"] })).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    old.terminate();
    // No error of the subscription, which a client would take for its end: the connection goes, and says why.
    assert_eq!(follower.hear().await, Heard::Closed(1001));
    let mut told = String::new();
    while let Some(piece) = stream.chunk().await.unwrap() {
        told.push_str(&String::from_utf8_lossy(&piece));
    }
    assert!(
        told.contains("\"number\":\"1\"") && told.ends_with(": the server is going away; connect again\n\n"),
        "{told}"
    );
    assert!(!told.contains("event: complete") && !told.contains("errors"), "{told}");
    drop(holder);
    assert_eq!(busy.next("u").await["customerUpdate"]["customer"]["name"], "Late");
    assert_eq!(busy.message().await, json!({ "id": "u", "type": "complete" }));
    assert_eq!(busy.hear().await, Heard::Closed(1001));

    // What happens meanwhile is heard from the next server, once.
    client.ask(CREATE, json!({ "number": "2" })).await;
    let mut follower = Socket::known(new.address, &token).await;
    follower.subscribe("f", FOLLOW, json!({ "after": heard["cursor"] })).await;
    assert_eq!(follower.next("f").await["events"]["node"]["number"], "2");
    client.ask(CREATE, json!({ "number": "3" })).await;
    assert_eq!(follower.next("f").await["events"]["node"]["number"], "3");
    assert_ne!(heard["cursor"], Value::Null);
    assert!(old.ended().await.success());
}
