//! A new server takes over from an old one on the same database while everybody works, and nobody notices.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::harness::program::{Program, folder};
use crate::harness::{App, Client};

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
