//! A connection to a mail server, with an end to everything: to waiting, to the length of a line, to what is kept of it.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use crate::platform::error::Error;
use crate::platform::mail::{Encryption, Mailbox};
use crate::platform::tls;

/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long connecting, and agreeing on encryption, may take.
const CONNECT: Duration = Duration::from_secs(20);
/// What is read at once.
const STEP: usize = 32 * 1024;

/// Why reading a mailbox came to nothing. It says what was tried, never what the server said: that may be anything.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no connection.
    Unreachable(std::io::Error),
    /// There is no encrypted connection.
    Untrusted,
    /// The server does not let the user in.
    Login,
    /// The server refuses a step.
    Refused(&'static str),
    /// The server says what it must not, or more of it than it may.
    Broken(&'static str),
    /// The server takes too long.
    TimedOut,
    /// The server has hung up.
    Closed,
    /// It is this server's fault, or its database's.
    Inside(Error),
}

impl Trouble {
    /// Its name among the figures.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Untrusted => "untrusted",
            Self::Login => "login_refused",
            Self::Refused(_) => "refused",
            Self::Broken(_) => "broken",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
            Self::Inside(_) => "failed",
        }
    }
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(error) => write!(out, "the mail server cannot be reached: {error}"),
            Self::Untrusted => {
                out.write_str("the mail server's certificate is not valid for its name, or signed by nobody trusted")
            }
            Self::Login => out.write_str("the mail server refuses user and password"),
            Self::Refused(step) => write!(out, "the mail server refuses to {step}"),
            Self::Broken(how) => write!(out, "the mail server {how}"),
            Self::TimedOut => out.write_str("the mail server takes too long"),
            Self::Closed => out.write_str("the mail server has hung up"),
            Self::Inside(error) => write!(out, "mails could not be kept: {error:?}"),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Inside(error)
    }
}

/// What bytes come and go over.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection.
pub(super) struct Wire {
    stream: Box<dyn Duplex>,
    buffer: Vec<u8>,
    at: usize,
    until: Instant,
}

impl Wire {
    /// Connects; encrypted if it is encrypted from the first byte.
    pub(super) async fn connect(mailbox: &Mailbox) -> Result<Self, Trouble> {
        let stream = timeout(CONNECT, TcpStream::connect((mailbox.host.as_str(), mailbox.port))).await;
        let stream = stream.map_err(|_| Trouble::TimedOut)?.map_err(Trouble::Unreachable)?;
        let wire = Self { stream: Box::new(stream), buffer: Vec::new(), at: 0, until: Instant::now() };
        if mailbox.encryption == Encryption::Whole { wire.encrypt(mailbox).await } else { Ok(wire) }
    }

    /// Goes on encrypted. What came before is forgotten: whoever sits in between may have said it.
    pub(super) async fn encrypt(self, mailbox: &Mailbox) -> Result<Self, Trouble> {
        if self.at < self.buffer.len() {
            return Err(Trouble::Broken("speaks before the connection is encrypted"));
        }
        let config = tls::client().map_err(|error| Trouble::Inside(Error::fault(error)))?;
        let name = ServerName::try_from(mailbox.host.clone()).map_err(|_| Trouble::Untrusted)?;
        let stream = timeout(CONNECT, TlsConnector::from(Arc::new(config)).connect(name, self.stream)).await;
        let stream = stream.map_err(|_| Trouble::TimedOut)?.map_err(|_| Trouble::Untrusted)?;
        Ok(Self { stream: Box::new(stream), buffer: Vec::new(), at: 0, until: Instant::now() })
    }

    /// What follows has to be over by then.
    pub(super) fn within(&mut self, patience: Duration) {
        self.until = Instant::now() + patience;
    }

    /// Sends bytes.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        timeout_at(self.until, sending).await.map_err(|_| Trouble::TimedOut)?.map_err(|_| Trouble::Closed)
    }

    async fn fill(&mut self) -> Result<(), Trouble> {
        if self.at > 0 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.reserve(STEP);
        let until = self.until.min(Instant::now() + SILENCE);
        let mut bounded = (&mut self.stream).take(STEP as u64);
        match timeout_at(until, bounded.read_buf(&mut self.buffer)).await {
            Ok(Ok(0) | Err(_)) => Err(Trouble::Closed),
            Ok(Ok(_)) => Ok(()),
            Err(_) => Err(Trouble::TimedOut),
        }
    }

    /// A line without its end.
    pub(super) async fn line(&mut self, most: usize) -> Result<Vec<u8>, Trouble> {
        let mut seen = 0;
        loop {
            let waiting = self.buffer.get(self.at..).unwrap_or_default();
            let fresh = waiting.get(seen..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|one| *one == b'\n') {
                let end = seen.saturating_add(end);
                let line = waiting.get(..end).unwrap_or_default();
                let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                self.at = self.at.saturating_add(end).saturating_add(1);
                return if line.len() > most { Err(ENDLESS) } else { Ok(line) };
            }
            seen = waiting.len();
            if seen > most {
                return Err(ENDLESS);
            }
            self.fill().await?;
        }
    }

    /// Exactly so many bytes, behind what is there.
    pub(super) async fn exactly(&mut self, count: usize, into: &mut Vec<u8>) -> Result<(), Trouble> {
        let mut left = count;
        while left > 0 {
            let piece = self.piece().await?;
            let taken = piece.len().min(left);
            into.extend_from_slice(piece.get(..taken).unwrap_or_default());
            self.took(taken);
            left = left.saturating_sub(taken);
        }
        Ok(())
    }

    /// What has come, at least a byte. It stays until somebody says that he took it.
    pub(super) async fn piece(&mut self) -> Result<&[u8], Trouble> {
        if self.at >= self.buffer.len() {
            self.fill().await?;
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    /// So many bytes were taken.
    pub(super) fn took(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.buffer.len());
    }
}

const ENDLESS: Trouble = Trouble::Broken("sends a line without end");
