//! Deliveries to one endpoint on this machine.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::tell;
use crate::database::Database;
use crate::report::Measure;
use crate::server::{Server, Session};

const MESSAGES: usize = 5_000;
const PATIENCE: Duration = Duration::from_secs(120);

pub fn webhooks(server: &Server, session: &Session, database: &Database) -> Measure {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&arrived);
    std::thread::spawn(move || receive(&listener, &count));
    let created = server.connect().ask(
        session.token(2),
        "mutation($url: String!) { webhookEndpointCreate(input: { name: \"Bench\", url: $url, events: [CUSTOMER_UPDATED] }) {
           webhookEndpoint { id } userErrors { message } } }",
        &json!({ "url": format!("http://{address}/") }),
    );
    let endpoint = created["webhookEndpointCreate"]["webhookEndpoint"]["id"].as_str();
    let endpoint = endpoint.unwrap_or_else(|| panic!("{created}")).to_owned();
    let started = Instant::now();
    tell(database, 2, "customer.updated", MESSAGES);
    while arrived.load(Ordering::Relaxed) < MESSAGES && started.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = started.elapsed().as_secs_f64();
    let count = arrived.load(Ordering::Relaxed);
    let measure = Measure::rate("webhooks to one endpoint", count as f64 / took)
        .note(format!("{MESSAGES} events of as many records, signed and logged: {took:.2} s"));
    server.connect().ask(
        session.token(2),
        "mutation($id: ID!) { webhookEndpointDelete(input: { id: $id }) { userErrors { message } } }",
        &json!({ "id": endpoint }),
    );
    if count == MESSAGES { measure } else { measure.wrong(format!("webhooks: {count} of {MESSAGES} arrived")) }
}

/// Takes every request, a thread a connection.
fn receive(listener: &TcpListener, count: &Arc<AtomicUsize>) {
    for stream in listener.incoming().map_while(Result::ok) {
        let count = Arc::clone(count);
        std::thread::spawn(move || {
            let (mut stream, mut read, mut piece) = (stream, Vec::new(), [0; 8192]);
            loop {
                if let Some(length) = whole_request(&read) {
                    read.drain(..length);
                    count.fetch_add(1, Ordering::Relaxed);
                    if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_err() {
                        return;
                    }
                    continue;
                }
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => return,
                    Ok(more) => read.extend_from_slice(&piece[..more]),
                }
            }
        });
    }
}

/// How long the first whole request is, if one has been read.
fn whole_request(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let length = std::str::from_utf8(&read[..head]).ok()?.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = head + 4 + length.unwrap_or(0);
    (read.len() >= whole).then_some(whole)
}
