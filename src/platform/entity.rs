//! Batching within one operation: children asked for one by one are fetched in one statement a level.
//!
//! A loader lives as long as its request, so nothing is ever shared between clients. The first caller of a batch steps
//! aside while siblings come, without a timer: they are polled in the same pass, leave their keys, and the first one
//! fetches for everybody. The edge runs operations outside of tokio's budget for that: once it is used up, siblings would
//! be held back to the next pass, and the batch would leave without them.

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

/// What a batch tells those who wait for it. Dropped without a word, it tells them to ask again.
type Told<F> = std::result::Result<Option<<F as Fetch>::Value>, Failed>;
type Waiting<F> = Vec<(<F as Fetch>::Key, oneshot::Sender<Told<F>>)>;

/// The batch failed; whoever fetched it has the reason.
struct Failed;

struct Batch<F: Fetch> {
    waiting: Waiting<F>,
    driven: bool,
    found: HashMap<F::Key, Option<F::Value>>,
}

/// The turn of the one who fetches for all. Dropped in the middle (another field of its object failed, and took it
/// along), it lets the others go so that one of them takes over: nobody waits for a fetch that never comes.
struct Turn<'a, F: Fetch> {
    batch: &'a Mutex<Batch<F>>,
    taken: bool,
}

impl<F: Fetch> Turn<'_, F> {
    fn take(&mut self) -> Waiting<F> {
        self.taken = true;
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.driven = false;
        std::mem::take(&mut batch.waiting)
    }
}

impl<F: Fetch> Drop for Turn<'_, F> {
    fn drop(&mut self) {
        if !self.taken {
            drop(self.take());
        }
    }
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
        loop {
            let batch = self.of::<F>()?;
            let (answer, drives) = {
                let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(value) = batch.found.get(&key) {
                    return Ok(value.clone());
                }
                let (sender, answer) = oneshot::channel();
                batch.waiting.push((key.clone(), sender));
                (answer, !std::mem::replace(&mut batch.driven, true))
            };
            if drives {
                Box::pin(drive(tx, &batch)).await?;
            }
            match answer.await {
                Ok(Ok(value)) => return Ok(value),
                // The reason stands where the batch was fetched.
                Ok(Err(Failed)) => return Err(Error::RolledBack),
                Err(_) => {}
            }
        }
    }

    /// Forgets what was fetched: after a write the same key may answer otherwise.
    pub(super) fn forget(&self) {
        self.by_type.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// How many passes a batch waits at most while siblings still come.
const MOST_PASSES: usize = 16;

/// Fetches what all have asked for when this one's turn comes.
async fn drive<F: Fetch>(tx: &Tx, batch: &Mutex<Batch<F>>) -> Result<()> {
    let mut turn = Turn { batch, taken: false };
    // As long as siblings still come, the batch waits for them: a long list may be polled in several passes. At least two,
    // because in the first one this may stand before the others: whoever hands out a batch wakes its waiters in their
    // order, and may be the first of them itself.
    let mut waiting = 0;
    for _ in 0..MOST_PASSES {
        step_aside().await;
        let now = batch.lock().unwrap_or_else(PoisonError::into_inner).waiting.len();
        if now == waiting {
            break;
        }
        waiting = now;
    }
    let waiting = turn.take();
    let mut keys: Vec<F::Key> = Vec::with_capacity(waiting.len());
    let mut seen = std::collections::HashSet::with_capacity(waiting.len());
    for (key, _) in &waiting {
        if seen.insert(key.clone()) {
            keys.push(key.clone());
        }
    }
    let fetched = F::fetch(tx, keys.clone()).await;
    let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
    // A caller that no longer waits is one whose request ended; nothing is lost with its answer.
    match fetched {
        Ok(found) => {
            for (key, sender) in waiting {
                let _ = sender.send(Ok(found.get(&key).cloned()));
            }
            for key in keys {
                let value = found.get(&key).cloned();
                batch.found.insert(key, value);
            }
            Ok(())
        }
        Err(error) => {
            for (_, sender) in waiting {
                let _ = sender.send(Err(Failed));
            }
            Err(error)
        }
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
