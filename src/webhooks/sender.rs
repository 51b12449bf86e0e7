//! The client's side of HTTP: one connection to exactly the addresses that the guard has let through, no redirects, no
//! proxies, and an end to everything: to connecting, to waiting, to the length of an answer.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::guard::{Destination, Unreachable};
use crate::platform::error::{Error, Result};

/// The most of an answer that is read: what is behind it is not waited for.
const MAX_ANSWER: usize = 16 * 1024;
/// The most of an answer's head that is read.
const MAX_HEAD: usize = 32 * 1024;

crate::platform::words! {
    /// What came of an attempt.
    WebhookOutcome {
        /// Answered with a status of 200 to 299: delivered.
        Delivered = "delivered",
        /// Answered with another status.
        Answered = "answered",
        /// Answered with a redirect, which is not followed.
        Redirected = "redirected",
        /// Not connected, not answered or not answered to the end in time.
        TimedOut = "timed_out",
        /// The name of the address resolves to nothing.
        Unresolved = "unresolved",
        /// The address lies in no public network, or its name resolves to one that does not.
        Refused = "refused",
        /// No connection came about.
        Unreachable = "unreachable",
        /// No encrypted connection came about: the certificate is not valid for the name, has expired, or is signed by
        /// nobody whom the server trusts.
        Untrusted = "untrusted",
        /// The connection ended in the middle, or what came was no HTTP.
        Broken = "broken",
    }
}

/// How long an attempt may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// To resolve the name, to connect and to agree on encryption.
    pub connect: Duration,
    /// From the request to the head of the answer.
    pub head: Duration,
    /// From there to the end of the answer.
    pub body: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), head: Duration::from_secs(15), body: Duration::from_secs(5) }
    }
}

/// What a receiver answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its `Retry-After`.
    pub retry_after: Option<String>,
    /// The first bytes of its body, as text.
    pub text: String,
}

/// What is sent besides the body.
#[derive(Clone, Debug)]
pub struct Head {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`, in seconds since 1970.
    pub timestamp: i64,
    /// `webhook-signature`.
    pub signature: String,
}

/// Opens connections. Made once a process.
#[derive(Clone)]
pub struct Sender {
    tls: TlsConnector,
    times: Times,
}

/// A connection to one receiver. Dropped, it is closed.
pub struct Line {
    requests: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Sender {
    /// With the certificates that the system trusts (`SSL_CERT_FILE` names others).
    pub fn new(times: Times) -> Result<Self> {
        let mut trusted = RootCertStore::empty();
        trusted.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if trusted.is_empty() {
            tracing::warn!(
                "the system trusts no certificates: no webhook can be delivered to https; install ca-certificates"
            );
        }
        Self::trusting(times, trusted)
    }

    /// With those certificates.
    fn trusting(times: Times, trusted: RootCertStore) -> Result<Self> {
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(Error::fault)?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), times })
    }

    /// Connects to an address that was looked at, and to no other.
    pub async fn connect(&self, to: &Destination) -> std::result::Result<Line, WebhookOutcome> {
        tokio::time::timeout(self.times.connect, self.dial(to)).await.unwrap_or(Err(WebhookOutcome::TimedOut))
    }

    async fn dial(&self, to: &Destination) -> std::result::Result<Line, WebhookOutcome> {
        let addresses = to.resolve().await.map_err(|why| match why {
            Unreachable::Unresolved => WebhookOutcome::Unresolved,
            Unreachable::Refused => WebhookOutcome::Refused,
        })?;
        let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|_| WebhookOutcome::Unreachable)?;
        let _ = stream.set_nodelay(true);
        if !to.is_https() {
            return line(stream).await;
        }
        let name = ServerName::try_from(to.host().to_owned()).map_err(|_| WebhookOutcome::Untrusted)?;
        let stream = self.tls.connect(name, stream).await.map_err(|_| WebhookOutcome::Untrusted)?;
        line(stream).await
    }

    /// Asks one question on a connection of its own and hears the whole answer: its status and its body, which may have so
    /// many bytes. The request names path and host as [`asking`] writes them.
    pub async fn ask(
        &self,
        to: &Destination,
        request: Request<Full<Bytes>>,
        most: usize,
    ) -> std::result::Result<(u16, Vec<u8>), WebhookOutcome> {
        let mut line = self.connect(to).await?;
        let answered = tokio::time::timeout(self.times.head, line.requests.send_request(request)).await;
        let mut response = answered.map_err(|_| WebhookOutcome::TimedOut)?.map_err(|_| WebhookOutcome::Broken)?;
        let read = tokio::time::timeout(self.times.body, read(&mut response, most)).await;
        match read.map_err(|_| WebhookOutcome::TimedOut)? {
            (bytes, true) => Ok((response.status().as_u16(), bytes)),
            (_, false) => Err(WebhookOutcome::Broken),
        }
    }

    /// Sends one message and hears the answer. Gives the line back if it can be used again.
    pub async fn send(
        &self,
        mut line: Line,
        to: &Destination,
        head: &Head,
        body: Bytes,
    ) -> (std::result::Result<Answer, WebhookOutcome>, Option<Line>) {
        let request = match request(to, head, body) {
            Ok(request) => request,
            Err(outcome) => return (Err(outcome), None),
        };
        let answered = tokio::time::timeout(self.times.head, line.requests.send_request(request)).await;
        let mut response = match answered {
            Err(_) => return (Err(WebhookOutcome::TimedOut), None),
            Ok(Err(_)) => return (Err(WebhookOutcome::Broken), None),
            Ok(Ok(response)) => response,
        };
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        // What the status says stands, even if the rest of the answer never comes.
        let read = tokio::time::timeout(self.times.body, read(&mut response, MAX_ANSWER)).await;
        let (bytes, whole) = read.unwrap_or_default();
        let answer = Answer { status, retry_after, text: String::from_utf8_lossy(&bytes).into_owned() };
        (Ok(answer), whole.then_some(line).filter(|line| !line.requests.is_closed()))
    }
}

impl Line {
    /// Whether it takes another request.
    pub async fn is_ready(&mut self) -> bool {
        self.requests.ready().await.is_ok()
    }
}

async fn line<S>(stream: S) -> std::result::Result<Line, WebhookOutcome>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (requests, connection) = Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(100)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| WebhookOutcome::Broken)?;
    let driver = tokio::spawn(async move {
        // What goes wrong on the line is told to the request that is on it.
        let _ = connection.await;
    });
    Ok(Line { requests, driver })
}

/// The beginning of a request to that address.
#[must_use]
pub fn asking(method: Method, to: &Destination) -> hyper::http::request::Builder {
    let url = to.url();
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    Request::builder().method(method).uri(path).header(HOST, host)
}

fn request(to: &Destination, head: &Head, body: Bytes) -> std::result::Result<Request<Full<Bytes>>, WebhookOutcome> {
    asking(Method::POST, to)
        .header(USER_AGENT, "Backoffice-Webhooks/1")
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "*/*")
        .header("webhook-id", &head.id)
        .header("webhook-timestamp", head.timestamp)
        .header("webhook-signature", &head.signature)
        .body(Full::new(body))
        .map_err(|_| WebhookOutcome::Broken)
}

/// The beginning of the body, so many bytes at most, and whether that was all of it.
async fn read(response: &mut Response<Incoming>, most: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        match response.frame().await {
            None => return (bytes, true),
            Some(Err(_)) => return (bytes, false),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    let room = most.saturating_sub(bytes.len());
                    bytes.extend(data.iter().take(room));
                    if data.len() > room {
                        return (bytes, false);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::guard::Policy;
    use super::*;

    /// A server on this machine with a certificate of its own for `localhost`; its port, and what to trust.
    async fn server() -> (u16, RootCertStore) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let mut trusted = RootCertStore::empty();
        trusted.add(made.cert.der().clone()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut heard = vec![0; 4096];
                while stream.read(&mut heard).await.is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
            }
        });
        (port, trusted)
    }

    #[tokio::test]
    async fn only_a_trusted_certificate_of_the_right_name_is_told_anything() {
        let (port, trusted) = server().await;
        let to =
            |host: &str| Destination::parse(&format!("https://{host}:{port}/"), Policy { to_loopback: true }).unwrap();
        let sender = Sender::trusting(Times::default(), trusted).unwrap();
        let head = Head { id: "msg_1".to_owned(), timestamp: 1, signature: "v1,x".to_owned() };
        let line = sender.connect(&to("localhost")).await.unwrap();
        let (answer, line) = sender.send(line, &to("localhost"), &head, Bytes::from_static(b"{}")).await;
        assert_eq!(answer.unwrap().text, "ok");
        // The same line again.
        let mut line = line.unwrap();
        assert!(line.is_ready().await);
        let (answer, _) = sender.send(line, &to("localhost"), &head, Bytes::from_static(b"{}")).await;
        assert_eq!(answer.unwrap().status, 200);
        assert_eq!(sender.connect(&to("127.0.0.1")).await.err(), Some(WebhookOutcome::Untrusted));
        let distrusting = Sender::trusting(Times::default(), RootCertStore::empty()).unwrap();
        assert_eq!(distrusting.connect(&to("localhost")).await.err(), Some(WebhookOutcome::Untrusted));
    }
}
