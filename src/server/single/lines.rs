//! The streams that many operations share: who reserved one, what runs in it, and how many there may be.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::web::Bytes;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::{MOST_OPERATIONS, MOST_RESERVED, MOST_RESERVED_OF_ONE, WAITING};
use crate::server::presence::{Credential, Presence, Seats};

/// A stream's token as the server knows it: its hash.
pub(super) type Key = [u8; 32];

/// Every stream of this process that carries many operations, reserved or open.
#[derive(Default)]
pub struct Lines(Mutex<HashMap<Key, Line>>);

struct Line {
    credential: Credential,
    presence: Presence,
    sender: mpsc::Sender<Bytes>,
    /// What is to be written, until somebody opens it.
    reserved: Option<mpsc::Receiver<Bytes>>,
    opened: Arc<Notify>,
    /// Dropped, the operation stops. The number tells two operations of one id from each other.
    operations: HashMap<String, (u64, oneshot::Sender<()>)>,
    begun: u64,
    /// Dropped, the task that looks after it ends.
    _lives: oneshot::Sender<()>,
}

/// What a caller wants of a stream and does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// There is none, or it is somebody else's.
    Such,
    /// It is open, or the id is taken.
    Twice,
    /// Too many at a time.
    More,
}

/// An operation that has a place in a stream.
pub(super) struct Begun {
    pub(super) sender: mpsc::Sender<Bytes>,
    pub(super) seats: Seats,
    pub(super) stopped: oneshot::Receiver<()>,
    pub(super) place: Place,
}

/// An operation's place in its stream. Dropped, it is free again.
pub(super) struct Place {
    lines: Arc<Lines>,
    pub(super) key: Key,
    pub(super) id: String,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.lines.all();
        let Some(line) = all.get_mut(&self.key) else { return };
        if line.operations.get(&self.id).is_some_and(|(number, _)| *number == self.number) {
            line.operations.remove(&self.id);
        }
    }
}

impl Lines {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a reservation in.
    pub(super) fn reserve(&self, key: Key, credential: Credential, presence: Presence) -> Result<Reserved, No> {
        let mut all = self.all();
        let waiting = all.values().filter(|line| line.reserved.is_some());
        let (of_all, of_one) = waiting.fold((0_usize, 0_usize), |(all, one), line| {
            (all.saturating_add(1), one.saturating_add(usize::from(line.credential == credential)))
        });
        if of_all >= MOST_RESERVED || of_one >= MOST_RESERVED_OF_ONE {
            return Err(No::More);
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        // Said at once: an intermediary may hold back the head of an answer until the first bytes of its body.
        let _ = sender.try_send(Bytes::from_static(b":\n\n"));
        let opened = Arc::new(Notify::new());
        let (lives, over) = oneshot::channel();
        let (nudged, sent) = (presence.nudged(), sender.clone());
        let reserved = Reserved { nudged, opened: Arc::clone(&opened), sender: sent, over };
        let (reserved_for, operations) = (Some(receiver), HashMap::new());
        let line =
            Line { credential, presence, sender, reserved: reserved_for, opened, operations, begun: 0, _lives: lives };
        all.insert(key, line);
        Ok(reserved)
    }

    /// The stream's writing end, for its one connection.
    pub(super) fn open(&self, key: &Key, credential: Credential) -> Result<mpsc::Receiver<Bytes>, No> {
        let mut all = self.all();
        let line = all.get_mut(key).filter(|line| line.credential == credential).ok_or(No::Such)?;
        let receiver = line.reserved.take().ok_or(No::Twice)?;
        line.opened.notify_one();
        Ok(receiver)
    }

    /// Gives an operation its place.
    pub(super) fn begin(self: &Arc<Self>, key: &Key, credential: Credential, id: String) -> Result<Begun, No> {
        let mut all = self.all();
        let line = all.get_mut(key).filter(|line| line.credential == credential).ok_or(No::Such)?;
        if line.operations.contains_key(&id) {
            return Err(No::Twice);
        }
        if line.operations.len() >= MOST_OPERATIONS {
            return Err(No::More);
        }
        line.begun = line.begun.wrapping_add(1);
        let (stop, stopped) = oneshot::channel();
        line.operations.insert(id.clone(), (line.begun, stop));
        let place = Place { lines: Arc::clone(self), key: *key, id, number: line.begun };
        Ok(Begun { sender: line.sender.clone(), seats: line.presence.seats(), stopped, place })
    }

    /// Stops an operation; one that is over already is none to be told of.
    pub(super) fn stop(&self, key: &Key, credential: Credential, id: &str) -> Result<(), No> {
        let mut all = self.all();
        let line = all.get_mut(key).filter(|line| line.credential == credential).ok_or(No::Such)?;
        line.operations.remove(id);
        Ok(())
    }

    /// Whether operations of a stream run.
    pub(super) fn works(&self, key: &Key) -> bool {
        self.all().get(key).is_some_and(|line| !line.operations.is_empty())
    }

    /// Ends a stream with all its operations.
    pub(super) fn end(&self, key: &Key) {
        // Dropped outside of the lock: places and presences let go of others.
        let line = self.all().remove(key);
        drop(line);
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all().len()
    }
}

/// A reservation, for the task that looks after it.
pub(super) struct Reserved {
    pub(super) nudged: watch::Receiver<()>,
    pub(super) opened: Arc<Notify>,
    pub(super) sender: mpsc::Sender<Bytes>,
    pub(super) over: oneshot::Receiver<()>,
}
