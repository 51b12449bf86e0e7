//! The few threads that hash passwords. Each hash takes 19 MiB and a core for a while, so two run at a time in this
//! process, whatever the number of workers; the others queue, and after a few seconds are told so.
//!
//! Whoever holds a turn may take a connection; whoever holds a connection never waits for a turn. So the two cannot
//! wait for each other.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use backoffice_credentials::{Passwords, check_password};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::platform::error::{Error, Result, UserErrorCode};

const AT_ONCE: usize = 2;
const QUEUE_FOR: Duration = Duration::from_secs(5);

static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(AT_ONCE)));

/// The right to hash for now. It follows the work to its thread, so a caller who hangs up frees nothing early.
pub struct Turn(OwnedSemaphorePermit);

/// Waits for a turn.
pub async fn turn() -> Result<Turn> {
    match tokio::time::timeout(QUEUE_FOR, Arc::clone(&TURNS).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(Turn(permit)),
        Ok(Err(closed)) => Err(Error::fault(closed)),
        Err(_) => {
            Err(Error::refuse(UserErrorCode::RateLimited, "", "Too many people are signing in; try again in a moment."))
        }
    }
}

/// A turn if one is free at this moment: for those who hold a connection, and may not wait.
pub fn free_turn() -> Result<Turn> {
    Arc::clone(&TURNS).try_acquire_owned().map(Turn).map_err(|_| {
        Error::refuse(UserErrorCode::RateLimited, "", "Too many people are signing in; try again in a moment.")
    })
}

/// What a check of a password found.
pub struct Checked {
    /// Whether it is the one.
    pub right: bool,
    /// A hash with today's parameters, if the stored one is older.
    pub better_hash: Option<String>,
}

impl Turn {
    /// Whether the password is the stored one. The same work is done for somebody who has none or does not exist.
    pub async fn check(self, password: String, stored: Option<String>) -> Result<(Self, Checked)> {
        self.work(move |passwords| {
            let Some(stored) = stored else {
                passwords.verify_unknown(&password);
                return Ok(Checked { right: false, better_hash: None });
            };
            let right = passwords.verify(&password, &stored);
            let better_hash =
                if right && passwords.needs_rehash(&stored) { passwords.hash(&password).ok() } else { None };
            Ok(Checked { right, better_hash })
        })
        .await
    }

    /// The hash of a new password, to be stored.
    pub async fn hash(self, password: String) -> Result<(Self, String)> {
        self.work(move |passwords| passwords.hash(&password).map_err(Error::fault)).await
    }

    async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&Passwords) -> Result<T> + Send + 'static,
    ) -> Result<(Self, T)> {
        let (turn, done) = tokio::task::spawn_blocking(move || {
            let done = Passwords::new().map_err(Error::fault).and_then(|passwords| work(&passwords));
            (self, done)
        })
        .await
        .map_err(Error::fault)?;
        // kept alive until here: the permit is part of what comes back
        let _: &OwnedSemaphorePermit = &turn.0;
        Ok((turn, done?))
    }
}

/// Refuses a password that is too easy, at that field of the input.
pub fn refuse_weak(password: &str, email: &str, field: &str) -> Result<()> {
    check_password(password, email).map_err(|weak| Error::refuse(UserErrorCode::Invalid, field, weak.to_string()))
}
