//! Batching within one operation: children asked for one by one are fetched in one statement a level.
//!
//! A loader lives as long as its request, so nothing is ever shared between clients. The first caller of a batch steps
//! aside once, without a timer: all siblings of a list are polled in the same pass, leave their keys, and the first one
//! fetches for everybody.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::sync::oneshot;

use super::can::Can;
use super::db::Tx;
use super::error::{Error, Result};

/// Fetches many values by key in one statement.
pub trait Fetch: Send + Sync + 'static {
    /// What is asked for.
    type Key: Eq + Hash + Clone + Send + Sync + 'static;
    /// What is found.
    type Value: Clone + Send + Sync + 'static;
    /// The right that the caller needs.
    const CAN: Can;
    /// One statement for all keys; keys without a value are left out.
    fn fetch(tx: &Tx, keys: Vec<Self::Key>) -> impl Future<Output = Result<HashMap<Self::Key, Self::Value>>> + Send;
}

type Waiting<F> = Vec<(<F as Fetch>::Key, oneshot::Sender<Option<<F as Fetch>::Value>>)>;

struct Batch<F: Fetch> {
    waiting: Waiting<F>,
    driven: bool,
    found: HashMap<F::Key, Option<F::Value>>,
}

/// All batches of one request.
#[derive(Default)]
pub struct Batches {
    by_type: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Batches {
    fn of<F: Fetch>(&self) -> Result<Arc<Mutex<Batch<F>>>> {
        let mut by_type = self.by_type.lock().unwrap_or_else(PoisonError::into_inner);
        by_type
            .entry(TypeId::of::<F>())
            .or_insert_with(|| {
                Arc::new(Mutex::new(Batch::<F> { waiting: Vec::new(), driven: false, found: HashMap::new() }))
            })
            .clone()
            .downcast()
            .map_err(|_| Error::fault("a batch of another type"))
    }

    /// The value of one key, fetched together with all keys asked for in the same pass.
    pub(super) async fn load<F: Fetch>(&self, tx: &Tx, key: F::Key) -> Result<Option<F::Value>> {
        let batch = self.of::<F>()?;
        let (answer, drives) = {
            let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(value) = batch.found.get(&key) {
                return Ok(value.clone());
            }
            let (sender, answer) = oneshot::channel();
            batch.waiting.push((key, sender));
            (answer, !std::mem::replace(&mut batch.driven, true))
        };
        if drives {
            step_aside().await;
            let waiting = {
                let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
                batch.driven = false;
                std::mem::take(&mut batch.waiting)
            };
            let mut keys: Vec<F::Key> = Vec::with_capacity(waiting.len());
            let mut seen = std::collections::HashSet::with_capacity(waiting.len());
            for (key, _) in &waiting {
                if seen.insert(key.clone()) {
                    keys.push(key.clone());
                }
            }
            let found = F::fetch(tx, keys.clone()).await?;
            let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
            for key in keys {
                let value = found.get(&key).cloned();
                batch.found.insert(key, value);
            }
            for (key, sender) in waiting {
                // A caller that no longer waits is one whose request ended; nothing is lost with its answer.
                let _ = sender.send(found.get(&key).cloned());
            }
        }
        // The driver failed or was dropped: its error is the operation's error.
        answer.await.map_err(|_| Error::RolledBack)
    }

    /// Forgets what was fetched: after a write the same key may answer otherwise.
    pub(super) fn forget(&self) {
        self.by_type.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Lets every other future of this task run once.
pub(super) async fn step_aside() {
    let mut stepped = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut stepped, true) {
            Poll::Ready(())
        } else {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}
