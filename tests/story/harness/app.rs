//! A whole application for one test: database, server, address.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use backoffice::correspondence::typesetter::Typesetter;
use backoffice::platform::db::Waits;
use backoffice::platform::files::Settings as FileSettings;
use backoffice::platform::jobs::worker::Terms;
use backoffice::platform::mail::{Inbound, Settings as MailSettings};
use backoffice::platform::vault::Vault;
use backoffice::server::address::TrustedProxies;
use backoffice::server::budget::{Rate, Rates};
use backoffice::server::cors::OwnOrigins;
use backoffice::server::{self, Serving, Shared};
use backoffice::webhooks;
use backoffice::webhooks::guard::Policy;
use backoffice::webhooks::sender::Times;
use metrics_exporter_prometheus::PrometheusHandle;

use super::{Client, Database, postgres};

/// How the application of a test differs from the usual one.
pub struct Setup {
    pub workers: usize,
    pub pool_size: usize,
    pub waits: Waits,
    /// Jobs done at a time by the server itself; 0: none.
    pub jobs: usize,
    pub client_connections: Option<usize>,
    pub rates: Rates,
    /// None: a folder of the test's own.
    pub files: Option<FileSettings>,
    /// None: a folder of the test's own, beside that of the files.
    pub mails: Option<MailSettings>,
    /// How webhooks are sent: to this machine, and with little patience.
    pub webhooks: webhooks::Settings,
    /// What sets letters.
    pub typesetter: Typesetter,
}

impl Default for Setup {
    fn default() -> Self {
        // Counted like any other's, but a story may ask as much as it likes.
        let plenty = Rate { per_second: 1_000_000, burst: 1_000_000_000 };
        let rates = Rates { credential: plenty, client: plenty, stranger: plenty };
        let webhooks = webhooks::Settings {
            vault: story_vault(),
            policy: Policy { to_loopback: true },
            times: Times {
                connect: Duration::from_secs(2),
                head: Duration::from_secs(2),
                body: Duration::from_secs(1),
            },
        };
        Self {
            workers: 1,
            pool_size: 6,
            waits: Waits::default(),
            jobs: 1,
            client_connections: None,
            rates,
            files: None,
            mails: None,
            webhooks,
            typesetter: Typesetter::at(None),
        }
    }
}

/// What seals the secrets of this process's servers, which may share a database.
pub fn story_vault() -> Vault {
    static VAULT: OnceLock<Vault> = OnceLock::new();
    VAULT.get_or_init(|| Vault::open(&story_key()).unwrap()).clone()
}

/// The file of its keys, for programs beside those servers.
pub fn story_key() -> PathBuf {
    postgres().socket_dir().parent().unwrap().join("secrets.key")
}

/// What the servers of this process count together.
fn metrics() -> PrometheusHandle {
    static COUNTED: OnceLock<PrometheusHandle> = OnceLock::new();
    COUNTED.get_or_init(|| backoffice::server::measure::install().unwrap()).clone()
}

/// A running application. Stopped and removed when dropped.
pub struct App {
    pub address: SocketAddr,
    pub database: Database,
    pub shared: Arc<Shared>,
    /// Where the bytes of files lie.
    pub folder: PathBuf,
    /// Where mails lie, unless a story sends them.
    pub mail: PathBuf,
    /// Where mails come in, unless a story says otherwise.
    pub maildir: PathBuf,
    stop: Option<tokio::sync::oneshot::Sender<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl App {
    /// Starts with an empty database.
    pub fn start() -> Self {
        Self::with(Setup::default())
    }

    pub fn with(setup: Setup) -> Self {
        Self::on(Database::new(), setup)
    }

    pub fn on(database: Database, setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let urls = database.urls();
        let folder = database.folder();
        let mail = folder.with_extension("mail");
        let maildir = folder.with_extension("maildir");
        let mails = setup.mails.unwrap_or_else(|| MailSettings {
            inbound: Some(Inbound {
                maildir: Some(maildir.clone()),
                mailbox: None,
                domain: "in.story.example".to_owned(),
            }),
            ..MailSettings::in_folder(mail.clone())
        });
        let mut files = setup.files.unwrap_or_else(|| FileSettings::in_folder(folder.clone()));
        // The program that runs is the test.
        files.reading.program = Some(env!("CARGO_BIN_EXE_backoffice").into());
        let (started, address) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<bool>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let serving = Serving {
                    urls,
                    workers: setup.workers,
                    jobs: Terms { slots: setup.jobs, lease: Duration::from_secs(30) },
                    pool_size: setup.pool_size,
                    waits: setup.waits,
                    client_connections: setup.client_connections,
                    rates: setup.rates,
                    files,
                    mails,
                    webhooks: setup.webhooks,
                    typesetter: setup.typesetter,
                    explorer: true,
                    own_origins: OwnOrigins::parse("https://portal.example"),
                    // Stories that play a proxy speak from here.
                    proxies: TrustedProxies::parse("127.0.0.66").unwrap(),
                };
                let running = server::start(listener, serving, Some(metrics())).await.unwrap();
                started.send((running.address, Arc::clone(&running.shared))).unwrap();
                let handle = running.handle.clone();
                actix_web::rt::spawn(async move {
                    let graceful = stopped.await.unwrap_or(false);
                    handle.stop(graceful).await;
                });
                running.server.await.unwrap();
                if let Some(workers) = &running.workers {
                    workers.stop().await;
                }
            });
        });
        let (address, shared) = address.recv().expect("the server did not start");
        Self { address, database, shared, folder, mail, maildir, stop: Some(stop), thread: Some(thread) }
    }

    /// A client that has not signed in.
    pub fn client(&self) -> Client {
        Client::new(self.address)
    }

    /// Tells the server to stop when what is open has been answered. Returns at once.
    pub fn drain(&mut self) {
        self.stop.take().unwrap().send(true).unwrap();
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
