//! Somebody else's server, which receives webhooks and answers as a story wants it to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    pub headers: HashMap<String, String>,
    pub body: String,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The record that it tells of.
    pub fn node(&self) -> String {
        self.json()["data"]["node"].as_str().unwrap_or_default().to_owned()
    }

    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The whole answer; nothing: the connection is closed without one.
    pub text: String,
    pub after: Duration,
}

/// An answer of that status, with more header lines and a body.
pub fn answer(status: u16, headers: &str, body: &str) -> Answer {
    Answer {
        text: format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()),
        after: Duration::ZERO,
    }
}

type Behaviour = Arc<Mutex<Box<dyn FnMut(&Received) -> Answer + Send>>>;

/// A server on this machine.
pub struct Receiver {
    pub address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Behaviour,
}

impl Receiver {
    /// One that takes everything.
    pub async fn open() -> Self {
        Self::answering(|_| answer(204, "", "")).await
    }

    pub async fn answering(behaviour: impl FnMut(&Received) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let behaviour: Behaviour = Arc::new(Mutex::new(Box::new(behaviour)));
        let (kept, behaving) = (Arc::clone(&received), Arc::clone(&behaviour));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept), Arc::clone(&behaving)));
            }
        });
        Self { address, received, behaviour }
    }

    /// Answers otherwise from now on.
    pub fn answer(&self, behaviour: impl FnMut(&Received) -> Answer + Send + 'static) {
        *self.behaviour.lock().unwrap() = Box::new(behaviour);
    }

    pub fn url(&self) -> String {
        format!("http://{}/hooks?from=story", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until so many have come.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let started = Instant::now();
        loop {
            let received = self.received();
            if received.len() >= count {
                return received;
            }
            assert!(started.elapsed() < Duration::from_secs(30), "{} of {count} came", received.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn serve(mut stream: TcpStream, kept: Arc<Mutex<Vec<Received>>>, behaviour: Behaviour) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let headers: HashMap<String, String> = text
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
            .collect();
        let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        let body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
        bytes.drain(..head + length);
        let mut headers = headers;
        headers.insert(":line".to_owned(), text.lines().next().unwrap_or_default().to_owned());
        let received = Received { headers, body };
        let answer = (behaviour.lock().unwrap())(&received);
        kept.lock().unwrap().push(received);
        tokio::time::sleep(answer.after).await;
        if answer.text.is_empty() {
            return None;
        }
        stream.write_all(answer.text.as_bytes()).await.ok()?;
    }
}
