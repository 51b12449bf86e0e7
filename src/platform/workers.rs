//! The background loops of a process, on a thread of their own beside those that answer requests. Which loops there are
//! stands in `crate::background`.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::db::{Pools, Urls, Waits};
use super::error::{Error, Result};
use super::jobs::worker::Terms;

/// How long loops have to end what they are in when they are told to stop.
const GRACE: Duration = Duration::from_secs(25);

/// What a loop is given.
#[derive(Clone)]
pub struct Surroundings {
    /// Connections of this thread.
    pub pools: Pools,
    /// How jobs are done.
    pub terms: Terms,
    /// Turns true when the process stops: what is in hand is ended or handed back.
    pub stopping: watch::Receiver<bool>,
}

/// One loop; it ends when `stopping` says so, or is dropped.
pub type Loop = BoxFuture<'static, ()>;

/// The loops while they run.
pub struct Workers {
    stop: watch::Sender<bool>,
    ended: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Workers {
    /// Starts the loops. `loops` makes them on their thread.
    pub fn start(
        urls: Urls,
        waits: Waits,
        terms: Terms,
        loops: impl FnOnce(&Surroundings) -> Vec<Loop> + Send + 'static,
    ) -> Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let (end, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::fault)?;
        let thread = std::thread::Builder::new().name("workers".to_owned()).spawn(move || {
            runtime.block_on(async move {
                // For each slot what a job reads and what it notes at the same time, and the queue.
                let size = terms.slots.saturating_mul(2).saturating_add(2);
                let pools = match Pools::with(&urls, size, waits) {
                    Ok(pools) => pools,
                    Err(error) => {
                        tracing::error!(?error, "the workers have no connections");
                        return;
                    }
                };
                let surroundings = Surroundings { pools, terms, stopping };
                run(loops(&surroundings), surroundings.stopping).await;
            });
            let _ = end.send(());
        });
        thread.map_err(Error::fault)?;
        Ok(Self { stop, ended: Mutex::new(Some(ended)) })
    }

    /// Tells the loops to stop. Returns at once.
    pub fn tell_to_stop(&self) {
        self.stop.send_replace(true);
    }

    /// Tells the loops to stop, and waits until they have handed back what they had.
    pub async fn stop(&self) {
        self.tell_to_stop();
        let ended = self.ended.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        if let Some(ended) = ended {
            let _ = ended.await;
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.tell_to_stop();
    }
}

async fn run(loops: Vec<Loop>, mut stopping: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    for one in loops {
        running.spawn(one);
    }
    let _ = stopping.wait_for(|stop| *stop).await;
    if tokio::time::timeout(GRACE, async { while running.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!("some of the background work did not end in time");
    }
    running.shutdown().await;
}

/// Waits for a while, or until the process stops: then true.
pub async fn rest(stopping: &mut watch::Receiver<bool>, pause: Duration) -> bool {
    tokio::time::timeout(pause, stopping.wait_for(|stop| *stop)).await.is_ok()
}
