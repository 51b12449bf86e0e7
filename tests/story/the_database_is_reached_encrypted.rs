//! A PostgreSQL on another machine is spoken to over TLS, and only if its certificate is good for its name.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use backoffice::database;
use backoffice::platform::db::{Pools, Urls};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use uuid::Uuid;

use crate::harness::{App, Database};

/// PostgreSQL's number for "let us speak TLS".
const SSL_REQUEST: u32 = 80_877_103;

/// Stands before the run's PostgreSQL, as one on another machine would answer: over TLS, or without.
struct Front {
    port: u16,
    roots: PathBuf,
    /// Connections that came through TLS.
    encrypted: Arc<AtomicU32>,
    /// Bytes that came in the clear, besides the question for TLS.
    in_the_clear: Arc<AtomicU32>,
}

impl Front {
    /// With a certificate for that name; with none it speaks no TLS.
    async fn open(database: &Database, name: Option<&str>) -> Self {
        let folder = std::env::temp_dir();
        let roots = folder.join(format!("backoffice-roots-{}.pem", Uuid::now_v7()));
        let acceptor = name.map(|name| {
            let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            let pem = STANDARD.encode(made.cert.der());
            std::fs::write(&roots, format!("-----BEGIN CERTIFICATE-----\n{pem}\n-----END CERTIFICATE-----\n")).unwrap();
            let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
            let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key)
                .unwrap();
            TlsAcceptor::from(Arc::new(config))
        });
        let config: tokio_postgres::Config = database.url("backoffice_app").parse().unwrap();
        let Some(tokio_postgres::config::Host::Unix(socket)) = config.get_hosts().first() else { panic!("no socket") };
        let socket = socket.join(format!(".s.PGSQL.{}", config.get_ports()[0]));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (encrypted, in_the_clear) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (counted, clear) = (Arc::clone(&encrypted), Arc::clone(&in_the_clear));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (acceptor, socket) = (acceptor.clone(), socket.clone());
                let (counted, clear) = (Arc::clone(&counted), Arc::clone(&clear));
                tokio::spawn(async move {
                    let mut asked = [0; 8];
                    stream.read_exact(&mut asked).await.unwrap();
                    assert_eq!(asked[4..], SSL_REQUEST.to_be_bytes(), "it asks for TLS before it says anything");
                    let Some(acceptor) = acceptor else {
                        stream.write_all(b"N").await.unwrap();
                        let more = stream.read_to_end(&mut Vec::new()).await.unwrap_or_default();
                        clear.fetch_add(more as u32, Ordering::SeqCst);
                        return;
                    };
                    stream.write_all(b"S").await.unwrap();
                    // Whoever does not trust the certificate hangs up here.
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    counted.fetch_add(1, Ordering::SeqCst);
                    let mut postgres = UnixStream::connect(socket).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut postgres).await;
                });
            }
        });
        Self { port, roots, encrypted, in_the_clear }
    }

    fn url(&self, database: &Database, role: &str, more: &str) -> String {
        let config: tokio_postgres::Config = database.url(role).parse().unwrap();
        format!("postgres://{role}@localhost:{}/{}?{more}", self.port, config.get_dbname().unwrap())
    }

    fn urls(&self, database: &Database, more: &str) -> Urls {
        let url = |role| self.url(database, role, more);
        Urls {
            app: url("backoffice_app"),
            portfolio: url("backoffice_portfolio"),
            identity: url("backoffice_identity"),
        }
    }

    fn trusted(&self) -> String {
        format!("sslmode=verify-full&sslrootcert={}", self.roots.display())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.roots);
    }
}

/// What the command line says of a database that it cannot reach.
async fn refused(url: String) -> String {
    let reached = tokio::task::spawn_blocking(move || database::connect(&url).map(drop));
    reached.await.unwrap().unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_good_for_the_name_is_trusted() {
    let app = App::start();
    let front = Front::open(&app.database, Some("localhost")).await;
    let urls = front.urls(&app.database, &front.trusted());
    Pools::new(&urls, 2).unwrap().ping().await.unwrap();
    assert_eq!(front.encrypted.load(Ordering::SeqCst), 1);
    // The checks before serving and the commands go the same way.
    tokio::task::spawn_blocking(move || database::check_serving(&urls)).await.unwrap().unwrap();
    assert!(front.encrypted.load(Ordering::SeqCst) > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_else_is_told_nothing() {
    let app = App::start();
    let database = &app.database;
    // A certificate for another name, one that nobody trusts, and no TLS at all.
    let elsewhere = Front::open(database, Some("db.example")).await;
    let url = elsewhere.url(database, "backoffice_app", &elsewhere.trusted());
    let said = refused(url).await;
    assert!(said.contains("certificate") && said.contains("sslrootcert"), "{said}");
    assert!(Pools::new(&elsewhere.urls(database, &elsewhere.trusted()), 2).unwrap().ping().await.is_err());

    let stranger = Front::open(database, Some("localhost")).await;
    let said = refused(stranger.url(database, "backoffice_app", "sslmode=verify-full")).await;
    assert!(said.contains("certificate"), "{said}");
    let said = refused(stranger.url(database, "backoffice_app", "sslmode=require")).await;
    assert!(said.contains("certificate"), "require does not mean anybody: {said}");

    let plain = Front::open(database, None).await;
    let said = refused(plain.url(database, "backoffice_app", &stranger.trusted())).await;
    assert!(said.contains("TLS") && said.contains("sslmode=disable"), "{said}");
    for front in [&elsewhere, &stranger, &plain] {
        assert_eq!(front.encrypted.load(Ordering::SeqCst), 0);
        assert_eq!(front.in_the_clear.load(Ordering::SeqCst), 0);
    }
}
