//! A whole application for one test: database, server, address.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;

use backoffice::server::{self, Serving};

use super::{Client, Database};

/// How the application of a test differs from the usual one.
pub struct Setup {
    pub workers: usize,
    pub pool_size: usize,
}

/// A running application. Stopped and removed when dropped.
pub struct App {
    pub address: SocketAddr,
    pub database: Database,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl App {
    /// Starts with an empty database.
    pub fn start() -> Self {
        Self::with(Setup { workers: 1, pool_size: 6 })
    }

    pub fn with(setup: Setup) -> Self {
        Self::on(Database::new(), setup)
    }

    pub fn on(database: Database, setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let urls = database.urls();
        let (started, address) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let serving = Serving {
                    urls,
                    workers: setup.workers,
                    pool_size: setup.pool_size,
                    explorer: true,
                    allowed_origin: Some("https://portal.example".to_owned()),
                    signals: false,
                };
                let running = server::start(listener, serving, None).await.unwrap();
                started.send(running.address).unwrap();
                let handle = running.handle.clone();
                actix_web::rt::spawn(async move {
                    let _ = stopped.await;
                    handle.stop(false).await;
                });
                running.server.await.unwrap();
            });
        });
        let address = address.recv().expect("the server did not start");
        Self { address, database, stop: Some(stop), thread: Some(thread) }
    }

    /// A client that has not signed in.
    pub fn client(&self) -> Client {
        Client::new(self.address)
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
