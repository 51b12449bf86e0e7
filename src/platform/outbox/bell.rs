//! Tells those who follow a client's events in this process that there are new ones. Events of other processes are found
//! by looking at the database now and then: nothing depends on the bell but speed.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

/// A bell for each client, and one for all.
pub struct Bell {
    of_client: Mutex<HashMap<Uuid, watch::Sender<i64>>>,
    of_any: watch::Sender<()>,
}

impl Default for Bell {
    fn default() -> Self {
        Self { of_client: Mutex::default(), of_any: watch::Sender::new(()) }
    }
}

/// The bell of this process: rung by every transaction that has written events.
#[must_use]
pub fn bell() -> &'static Bell {
    static BELL: LazyLock<Bell> = LazyLock::new(Bell::default);
    &BELL
}

impl Bell {
    /// Says that there are new events of a client: after the commit that wrote them.
    pub fn ring(&self, client: Uuid) {
        self.of_any.send_replace(());
        self.ring_at(client, i64::MAX);
    }

    /// Says that a client's newest event was found at that position: whoever has seen it need not look.
    pub fn ring_at(&self, client: Uuid, head: i64) {
        let mut bells = self.of_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(&client) {
            if bell.receiver_count() == 0 {
                bells.remove(&client);
            } else {
                bell.send_replace(head);
            }
        }
    }

    /// Hears of new events of a client that are told of after this call: up to which position there are some, as far as
    /// that is known.
    #[must_use]
    pub fn listen(&self, client: Uuid) -> watch::Receiver<i64> {
        let mut bells = self.of_client.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(client).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Hears of new events of any client.
    #[must_use]
    pub fn listen_to_all(&self) -> watch::Receiver<()> {
        self.of_any.subscribe()
    }

    /// The clients that somebody listens for; those that nobody listens for any more are forgotten.
    #[must_use]
    pub fn listened_for(&self) -> Vec<Uuid> {
        let mut bells = self.of_client.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|_, bell| bell.receiver_count() > 0);
        bells.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_listens_hears_of_his_own_client_only() {
        let (bell, own, other) = (Bell::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let mut listening = bell.listen(own);
        let any = bell.listen_to_all();
        bell.ring(other);
        assert!(!listening.has_changed().unwrap() && any.has_changed().unwrap());
        bell.ring(own);
        bell.ring(own);
        listening.changed().await.unwrap();
        assert_eq!(*listening.borrow_and_update(), i64::MAX);
        bell.ring_at(own, 7);
        assert_eq!(*listening.borrow_and_update(), 7);
        assert!(!listening.has_changed().unwrap());
        assert_eq!(bell.listened_for(), [own]);
        drop(listening);
        assert!(bell.listened_for().is_empty());
    }
}
