//! HTTP/1.1 with as little work as possible, so that the measured side gets the processor: requests are rendered
//! beforehand, of an answer only status and length are read.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;

use serde_json::Value;

/// A POST of a GraphQL body with headers, ready to be sent.
pub fn render(token: &str, headers: &str, body: &str) -> Vec<u8> {
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!(
        "POST /graphql HTTP/1.1\r\nhost: bench\r\n{authorization}content-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Where the body of a whole answer lies in what was read so far, and its status; nothing if something is still missing.
pub fn whole(read: &[u8]) -> Option<(u16, Range<usize>)> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&read[..head]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body = head + 4..head + 4 + length.unwrap_or(0);
    (read.len() >= body.end).then_some((status, body))
}

/// A connection that waits for each answer.
pub struct Connection(TcpStream);

impl Connection {
    pub fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    /// Sends a rendered request and gives status and body.
    pub fn send(&mut self, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
        self.0.write_all(request)?;
        let mut read = Vec::new();
        let mut part = [0; 65536];
        loop {
            let count = self.0.read(&mut part)?;
            if count == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            read.extend_from_slice(&part[..count]);
            if let Some((status, body)) = whole(&read) {
                return Ok((status, read[body].to_vec()));
            }
        }
    }

    /// The data of a GraphQL operation that has to work.
    pub fn ask(&mut self, token: &str, query: &str, variables: &Value) -> Value {
        let body = serde_json::json!({ "query": query, "variables": variables }).to_string();
        let (_, answer) = self.send(&render(token, "", &body)).expect("the server gave no answer");
        let answer: Value = serde_json::from_slice(&answer).expect("the answer is not JSON");
        assert!(answer["errors"].is_null(), "{query}: {answer}");
        answer["data"].clone()
    }
}
