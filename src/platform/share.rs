//! How many connections one client's work may hold at once, of each worker's pool: whoever has much to do waits for his
//! own, and leaves the others theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

/// With more clients than this, those that hold nothing are forgotten.
const MOST_KNOWN: usize = 4096;

/// The shares of all clients. By default nobody's is bounded.
#[derive(Clone, Default)]
pub(super) struct Shares {
    most: Option<usize>,
    by_client: Arc<Mutex<HashMap<Uuid, Share>>>,
}

/// One client's share.
#[derive(Clone)]
pub(super) struct Share(Arc<Semaphore>);

/// A place in a share; given back when dropped.
pub(super) struct Place(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Shares {
    /// So many for each.
    pub fn of(most: usize) -> Self {
        Self { most: Some(most.max(1)), by_client: Arc::default() }
    }

    /// The share of a client.
    pub fn share(&self, client: Uuid) -> Option<Share> {
        let most = self.most?;
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if by_client.len() >= MOST_KNOWN && !by_client.contains_key(&client) {
            // Whoever holds or waits for a place keeps his share: a second one beside it would be one too many.
            by_client.retain(|_, share| Arc::strong_count(&share.0) > 1);
        }
        Some(by_client.entry(client).or_insert_with(|| Share(Arc::new(Semaphore::new(most)))).clone())
    }
}

impl Share {
    /// Waits for a place.
    pub async fn place(&self) -> Option<Place> {
        // The semaphore is never closed.
        Arc::clone(&self.0).acquire_owned().await.ok().map(Place)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn one_client_waits_and_another_does_not() {
        let shares = Shares::of(2);
        let place = |client: u128| shares.share(Uuid::from_u128(client)).unwrap().place().now_or_never().flatten();
        let (first, second) = (place(1), place(1));
        assert!(first.is_some() && second.is_some() && place(1).is_none());
        assert!(place(2).is_some());
        drop(first);
        assert!(place(1).is_some());
        assert!(Shares::default().share(Uuid::from_u128(1)).is_none());
    }

    #[test]
    fn whoever_holds_something_is_not_forgotten() {
        let shares = Shares::of(1);
        let held = shares.share(Uuid::from_u128(0)).unwrap().place().now_or_never().flatten();
        for client in 1..=2 * MOST_KNOWN as u128 {
            assert!(shares.share(Uuid::from_u128(client)).is_some());
        }
        assert!(shares.by_client.lock().unwrap().len() <= MOST_KNOWN + 1);
        assert!(held.is_some() && shares.share(Uuid::from_u128(0)).unwrap().place().now_or_never().flatten().is_none());
    }
}
