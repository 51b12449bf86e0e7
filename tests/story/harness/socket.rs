//! The client's end of a WebSocket, by hand: so that a story can also send what no well-behaved client sends.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// How long a story waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection.
pub struct Socket {
    stream: TcpStream,
    read: Vec<u8>,
}

/// What came.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Message(Value),
    Ping,
    Closed(u16),
    /// The connection ended without a word.
    Gone,
}

impl Socket {
    /// Opens a connection; `protocol` is what the client speaks.
    pub async fn open(address: SocketAddr, protocol: Option<&str>, token: Option<&str>) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap(), address, protocol, token).await
    }

    /// The same over a connection that has been made.
    async fn over(mut stream: TcpStream, address: SocketAddr, protocol: Option<&str>, token: Option<&str>) -> Self {
        let protocol = protocol.map(|name| format!("Sec-WebSocket-Protocol: {name}\r\n")).unwrap_or_default();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /graphql HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{protocol}{token}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut socket = Self { stream, read: Vec::new() };
        let end = loop {
            if let Some(at) = socket.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(socket.more().await, "no answer to the upgrade");
        };
        let head = String::from_utf8_lossy(&socket.read[..end]).into_owned();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        socket.read.drain(..end);
        socket
    }

    /// Opens a connection and introduces its client.
    pub async fn known(address: SocketAddr, token: &str) -> Self {
        Self::open(address, Some("graphql-transport-ws"), None).await.introduced(token).await
    }

    /// The same with so little room for what comes that it is full soon, whatever the system would give it.
    pub async fn known_with_little_room(address: SocketAddr, token: &str) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let stream = socket.connect(address).await.unwrap();
        Self::over(stream, address, Some("graphql-transport-ws"), None).await.introduced(token).await
    }

    async fn introduced(mut self, token: &str) -> Self {
        let authorization = format!("Bearer {token}");
        self.say(json!({ "type": "connection_init", "payload": { "Authorization": authorization } })).await;
        assert_eq!(self.message().await, json!({ "type": "connection_ack" }));
        self
    }

    async fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut piece)).await.expect("nothing came");
        let read = read.unwrap_or(0);
        self.read.extend_from_slice(&piece[..read]);
        read > 0
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.send(1, message.to_string().as_bytes()).await;
    }

    /// Sends a frame of that kind.
    pub async fn send(&mut self, opcode: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..=125 => frame.push(0x80 | u8::try_from(short).unwrap()),
            middle @ 126..=65_535 => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&u16::try_from(middle).unwrap().to_be_bytes());
            }
            long => {
                frame.push(0x80 | 127);
                frame.extend_from_slice(&(long as u64).to_be_bytes());
            }
        }
        // a mask of zeros: the payload as it is
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(payload);
        // the server may have closed already
        let _ = self.stream.write_all(&frame).await;
    }

    /// The next thing that comes.
    pub async fn hear(&mut self) -> Heard {
        loop {
            if let Some(heard) = self.frame() {
                return heard;
            }
            if !self.more().await {
                return Heard::Gone;
            }
        }
    }

    fn frame(&mut self) -> Option<Heard> {
        let (first, second) = (*self.read.first()?, *self.read.get(1)?);
        let (length, start) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes(self.read.get(2..4)?.try_into().unwrap())), 4),
            127 => (usize::try_from(u64::from_be_bytes(self.read.get(2..10)?.try_into().unwrap())).unwrap(), 10),
            short => (usize::from(short), 2),
        };
        let payload = self.read.get(start..start + length)?.to_vec();
        self.read.drain(..start + length);
        Some(match first & 0x0f {
            1 => Heard::Message(serde_json::from_slice(&payload).unwrap()),
            8 => Heard::Closed(payload.get(..2).map_or(1005, |code| u16::from_be_bytes(code.try_into().unwrap()))),
            9 => Heard::Ping,
            other => panic!("a frame of kind {other}"),
        })
    }

    /// The next message; pings of the server are passed over.
    pub async fn message(&mut self) -> Value {
        loop {
            match self.hear().await {
                Heard::Message(message) => return message,
                Heard::Ping => {}
                other => panic!("{other:?} instead of a message"),
            }
        }
    }

    /// The code that the server closes with; messages before it are passed over.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.hear().await {
                Heard::Closed(code) => return code,
                Heard::Gone => panic!("the connection ended without a word"),
                Heard::Message(_) | Heard::Ping => {}
            }
        }
    }

    /// Starts an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        self.say(json!({ "id": id, "type": "subscribe", "payload": { "query": query, "variables": variables } })).await;
    }

    /// The data of the next answer to an operation.
    pub async fn next(&mut self, id: &str) -> Value {
        let message = self.message().await;
        assert_eq!((&message["type"], &message["id"]), (&json!("next"), &json!(id)), "{message}");
        assert!(message["payload"]["errors"].is_null(), "{message}");
        message["payload"]["data"].clone()
    }
}
