//! A thousand subscribers of one client over WebSockets: what they cost while nothing happens, and how quickly events
//! reach them all.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tell;
use crate::database::Database;
use crate::process::resident_kb;
use crate::report::Measure;
use crate::scale::Scale;
use crate::server::{Server, Session};

const FOLLOWERS: usize = 1_000;
/// A credential may hold 200 connections.
const SESSIONS: usize = 5;
const EVENTS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(120);

pub fn followers(server: &Server, database: &Database, scale: &Scale) -> [Measure; 2] {
    let sessions: Vec<Session> = (0..SESSIONS).map(|_| Session::of(server, &[1])).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let before = resident_kb(server.pid());
        let mut all = Vec::with_capacity(FOLLOWERS);
        for number in 0..FOLLOWERS {
            all.push(Follower::begin(server.address(), sessions[number % SESSIONS].token(1)).await);
        }
        // Long enough for each to be looked after a few times.
        tokio::time::sleep(scale.round.max(Duration::from_secs(5))).await;
        let with_them = resident_kb(server.pid());
        let memory = with_them.saturating_sub(before) as f64 / 1024.0;

        let started = Instant::now();
        tell(database, 1, "customer.updated", EVENTS);
        let mut wrong = None;
        for follower in &mut all {
            let hear = async {
                for _ in 0..EVENTS {
                    follower.event().await?;
                }
                Ok(())
            };
            let heard = tokio::time::timeout(PATIENCE, hear).await;
            if let Err(error) = heard.unwrap_or_else(|_| Err("events did not come".to_owned())) {
                wrong.get_or_insert(error);
            }
        }
        let took = started.elapsed().as_secs_f64();
        let rate = (FOLLOWERS * EVENTS) as f64 / took;
        let idle = Measure::at_most(
            "memory of 1,000 idle subscribers",
            format!("{} MB", before / 1024),
            format!("{} MB", with_them / 1024),
            memory,
            100.0,
            "MB",
        );
        let told = Measure::rate("events to 1,000 subscribers", rate)
            .note(format!("{EVENTS} events at once to {FOLLOWERS} subscribers, each a query of its own: {took:.2} s"));
        [
            idle,
            match wrong {
                Some(wrong) => told.wrong(format!("subscribers: {wrong}")),
                None => told,
            },
        ]
    })
}

/// The client's end of a WebSocket, with as little work as possible.
struct Follower {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Follower {
    async fn begin(address: SocketAddr, token: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the server takes no connection");
        let head = format!(
            "GET /graphql HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut follower = Self { stream, read: Vec::new() };
        let end = loop {
            if let Some(at) = follower.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            follower.more().await.unwrap();
        };
        assert!(follower.read.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&follower.read));
        follower.read.drain(..end);
        let authorization = format!("Bearer {token}");
        follower.say(&json!({ "type": "connection_init", "payload": { "Authorization": authorization } })).await;
        let answer = follower.message().await.unwrap();
        assert!(answer.contains("connection_ack"), "{answer}");
        let query = "subscription { events { kind node { id } } }";
        follower.say(&json!({ "id": "1", "type": "subscribe", "payload": { "query": query } })).await;
        follower
    }

    async fn more(&mut self) -> Result<(), String> {
        let mut piece = [0; 4096];
        let count = self.stream.read(&mut piece).await.map_err(|error| error.to_string())?;
        self.read.extend_from_slice(&piece[..count]);
        if count == 0 { Err("the connection ended".to_owned()) } else { Ok(()) }
    }

    async fn say(&mut self, message: &serde_json::Value) {
        let payload = message.to_string();
        let length = u16::try_from(payload.len()).unwrap();
        // a mask of zeros: the payload as it is
        let mut frame = vec![0x81];
        if length < 126 {
            frame.push(0x80 | length as u8);
        } else {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload.as_bytes());
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The next message; the server's pings are passed over.
    async fn message(&mut self) -> Result<String, String> {
        loop {
            while let [first, second, ..] = self.read[..] {
                let (length, start) = match (second & 0x7f, self.read.get(2..4)) {
                    (126, Some(two)) => (usize::from(u16::from_be_bytes([two[0], two[1]])), 4),
                    (126, None) => break,
                    (short, _) => (usize::from(short), 2),
                };
                if self.read.len() < start + length {
                    break;
                }
                let payload = String::from_utf8_lossy(&self.read[start..start + length]).into_owned();
                self.read.drain(..start + length);
                match first & 0x0f {
                    1 => return Ok(payload),
                    9 => {}
                    other => return Err(format!("a frame of kind {other}: {payload}")),
                }
            }
            self.more().await?;
        }
    }

    async fn event(&mut self) -> Result<(), String> {
        let message = self.message().await?;
        let good = message.contains("\"CUSTOMER_UPDATED\"") && !message.contains("\"errors\"");
        if good { Ok(()) } else { Err(message) }
    }
}
