//! A mail server that does as a story wants, and remembers what it was told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::reader::Mail;

/// What becomes of a mail that was brought.
#[derive(Clone, Copy, Debug)]
pub enum Mood {
    /// It is kept, and nothing is said about it.
    KeepsSilently,
    /// This is answered to its recipient.
    Answers(&'static str),
    /// This is answered to who signs in.
    Knows(&'static str),
}

#[derive(Default)]
struct Desk {
    moods: VecDeque<Mood>,
    heard: Vec<String>,
    kept: Vec<String>,
}

pub struct PostOffice {
    pub port: u16,
    /// The certificate that it shows, if it speaks TLS.
    pub certificate: Option<String>,
    desk: Arc<Mutex<Desk>>,
}

impl PostOffice {
    /// One that does so with one mail after another, and keeps all further ones.
    pub async fn open(moods: &[Mood]) -> Self {
        Self::with(moods, None).await
    }

    /// The same, with STARTTLS.
    pub async fn with_tls(moods: &[Mood]) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(own.signing_key.serialize_der()));
        let config =
            ServerConfig::builder().with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key).unwrap();
        let lines =
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(own.cert.der()));
        Self::with(moods, Some((TlsAcceptor::from(Arc::new(config)), lines))).await
    }

    async fn with(moods: &[Mood], tls: Option<(TlsAcceptor, String)>) -> Self {
        backoffice::platform::tls::install();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Mutex::new(Desk { moods: moods.iter().copied().collect(), ..Desk::default() }));
        let (acceptor, certificate) = tls.unzip();
        let serving = Arc::clone(&desk);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (desk, acceptor) = (Arc::clone(&serving), acceptor.clone());
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    stream.write_all(b"220 post.example\r\n").await?;
                    if talk(&mut stream, &desk, acceptor.is_some()).await?
                        && let Some(acceptor) = acceptor
                    {
                        let mut stream = BufReader::new(acceptor.accept(stream.into_inner()).await?);
                        talk(&mut stream, &desk, false).await?;
                    }
                    Ok::<_, std::io::Error>(())
                });
            }
        });
        Self { port, certificate, desk }
    }

    /// Everything that it was told, but for the mails.
    pub fn heard(&self) -> Vec<String> {
        self.desk.lock().unwrap().heard.clone()
    }

    /// The mails that it has.
    pub fn kept(&self) -> Vec<Mail> {
        self.desk.lock().unwrap().kept.iter().map(|raw| Mail::read(raw)).collect()
    }

    /// Waits until it has so many mails.
    pub async fn has(&self, count: usize) -> Vec<Mail> {
        let begun = Instant::now();
        while self.kept().len() < count {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{} of {count} mails; heard {:?}",
                self.kept().len(),
                self.heard()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.kept()
    }
}

/// Speaks SMTP with one who came. True if he wants to go on in TLS.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    desk: &Mutex<Desk>,
    offers_tls: bool,
) -> std::io::Result<bool> {
    let mut line = String::new();
    let mut read = async |stream: &mut BufReader<S>| {
        line.clear();
        let count = stream.read_line(&mut line).await?;
        Ok::<_, std::io::Error>((count > 0).then(|| line.trim_end_matches("\r\n").to_owned()))
    };
    while let Some(said) = read(stream).await? {
        desk.lock().unwrap().heard.push(said.clone());
        let next = desk.lock().unwrap().moods.front().copied();
        let reply = match said.split([' ', ':']).next().unwrap() {
            "EHLO" if offers_tls => "250-post.example\r\n250 STARTTLS",
            "EHLO" => "250-post.example\r\n250 AUTH PLAIN",
            "STARTTLS" if offers_tls => {
                stream.write_all(b"220 go on\r\n").await?;
                return Ok(true);
            }
            "AUTH" => match next {
                Some(Mood::Knows(answer)) => {
                    desk.lock().unwrap().moods.pop_front();
                    answer
                }
                _ => "235 known",
            },
            "RCPT" => match next {
                Some(Mood::Answers(answer)) => {
                    desk.lock().unwrap().moods.pop_front();
                    answer
                }
                _ => "250 fine",
            },
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(said) = read(stream).await?.filter(|said| said != ".") {
                    mail.push_str(said.strip_prefix('.').unwrap_or(&said));
                    mail.push_str("\r\n");
                }
                desk.lock().unwrap().kept.push(mail);
                let mood = desk.lock().unwrap().moods.pop_front();
                if let Some(Mood::KeepsSilently) = mood {
                    // Whoever waits is to lose patience.
                    while read(stream).await?.is_some() {}
                    return Ok(false);
                }
                "250 kept"
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
    Ok(false)
}

/// User and password of an `AUTH PLAIN`.
pub fn login(heard: &str) -> String {
    let bytes = STANDARD.decode(heard.strip_prefix("AUTH PLAIN ").unwrap()).unwrap();
    String::from_utf8(bytes).unwrap().replace('\0', " ")
}
