//! One server follows another without refusing anybody: the socket may be held by the service manager and handed to both,
//! the new one says when it serves, the old one says that it drains before it stops.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{SignalKind, signal};

use super::{Running, Shared};
use crate::platform::workers::Workers;

/// How long connections that were just taken from the socket have to come to their thread.
const SETTLE: Duration = Duration::from_millis(250);

/// The socket that the service manager holds and hands over (systemd's socket activation, `LISTEN_FDS`), if it does. While
/// one server goes and another comes, callers wait in it.
pub fn handed_socket() -> std::io::Result<Option<TcpListener>> {
    listenfd::ListenFd::from_env().take_tcp_listener(0)
}

/// Tells the service manager, if it wants to know (systemd's `Type=notify`), that this server is ready or stops.
pub fn tell(state: &str) {
    let Some(address) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let told = UnixDatagram::unbound().and_then(|socket| {
        let path = address.to_string_lossy();
        match path.strip_prefix('@') {
            #[cfg(target_os = "linux")]
            Some(name) => {
                use std::os::linux::net::SocketAddrExt;
                socket.send_to_addr(state.as_bytes(), &std::os::unix::net::SocketAddr::from_abstract_name(name)?)
            }
            _ => socket.send_to(state.as_bytes(), &address),
        }
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// What is needed to stop a server from beside it.
#[derive(Clone)]
pub struct Stop {
    shared: Arc<Shared>,
    workers: Option<Arc<Workers>>,
    handle: ServerHandle,
}

impl Stop {
    /// Of that server.
    #[must_use]
    pub fn of(running: &Running) -> Self {
        Self { shared: Arc::clone(&running.shared), workers: running.workers.clone(), handle: running.handle.clone() }
    }

    /// Stops when it is told to, as the signal says; a second signal stops at once.
    pub async fn on_signals(self, delay: Duration) -> std::io::Result<()> {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        tokio::select! {
            _ = interrupt.recv() => {
                self.at_once().await;
                return Ok(());
            }
            _ = terminate.recv() => {}
        }
        tokio::select! {
            () = self.drain(delay) => {}
            _ = interrupt.recv() => self.at_once().await,
            _ = terminate.recv() => self.at_once().await,
        }
        Ok(())
    }

    /// Says that this server takes no more work, goes on answering for as long as a balancer needs to notice, and then
    /// stops when what is open has been answered.
    pub async fn drain(&self, delay: Duration) {
        self.begin();
        tokio::time::sleep(delay).await;
        // What was taken from the socket and lies before a thread would be dropped by stopping: first no more is taken.
        self.handle.pause().await;
        tokio::time::sleep(SETTLE).await;
        self.handle.stop(true).await;
    }

    /// Stops at once: what is open is broken off, and its transactions are rolled back.
    pub async fn at_once(&self) {
        self.begin();
        self.handle.stop(false).await;
    }

    fn begin(&self) {
        tell("STOPPING=1");
        self.shared.draining.store(true, Ordering::Release);
        self.shared.presences.nudge_all();
        if let Some(workers) = &self.workers {
            workers.tell_to_stop();
        }
    }
}
