//! HTTP by hand, for what no well-behaved client sends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The text of a POST to /graphql.
pub fn post(token: &str, body: &str) -> String {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         accept: application/graphql-response+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Sends bytes and gives back the open connection.
pub async fn send(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Everything that comes until the other side closes or falls silent.
pub async fn hear(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(Ok(1..)) = tokio::time::timeout(Duration::from_secs(3), async {
        let read = stream.read(&mut piece).await?;
        heard.extend_from_slice(&piece[..read]);
        Ok::<_, std::io::Error>(read)
    })
    .await
    {}
    String::from_utf8_lossy(&heard).into_owned()
}

/// Sends bytes, hears the answer: status and all.
pub async fn ask(address: SocketAddr, bytes: &[u8]) -> (u16, String) {
    let mut stream = send(address, bytes).await;
    let heard = hear(&mut stream).await;
    let status = heard.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, heard)
}
