//! The loop that takes mails from the folder. A mail leaves `new` after what comes of it was committed, or with a reason.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;

use super::maildir::{Hold, Maildir};
use super::outcome::{Outcome, Registrar, on_disk};
use crate::platform::db::Pools;
use crate::platform::error::{Error, Result};
use crate::platform::files::Files;
use crate::platform::mail::Mailer;
use crate::platform::workers::rest;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The longest wait before a mail is tried again that could not be registered.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// What takes mails.
struct Taker {
    registrar: Registrar,
    maildir: Maildir,
    hold: Option<Hold>,
    /// Mails that could not be registered: how often, and when they are tried again.
    failed: HashMap<OsString, (u32, Instant)>,
}

/// Takes mails until the process stops. Without a folder there is nothing to do.
pub async fn keep_taking(pools: Pools, files: Arc<Files>, mailer: Arc<Mailer>, mut stopping: watch::Receiver<bool>) {
    let Some(inbound) = mailer.settings().inbound.clone() else { return };
    let Some(folder) = inbound.maildir else { return };
    let registrar = Registrar { pools, files, domain: inbound.domain };
    let mut taker: Option<Taker> = None;
    loop {
        let opened = match taker.take() {
            Some(opened) => Some(opened),
            None => match Maildir::open(&folder) {
                Ok(maildir) => {
                    Some(Taker { registrar: registrar.clone(), maildir, hold: None, failed: HashMap::new() })
                }
                Err(error) => {
                    tracing::warn!(%error, "the folder of incoming mails cannot be opened");
                    None
                }
            },
        };
        if let Some(mut opened) = opened {
            if let Err(error) = opened.look(&stopping).await {
                tracing::warn!(?error, "incoming mails wait");
            }
            taker = Some(opened);
        }
        if rest(&mut stopping, LOOK).await {
            return;
        }
    }
}

impl Taker {
    /// Takes what lies there.
    async fn look(&mut self, stopping: &watch::Receiver<bool>) -> Result<()> {
        let maildir = self.maildir.clone();
        if self.hold.is_none() {
            self.hold = on_disk(move || maildir.hold()).await?;
        }
        if self.hold.is_none() {
            return Ok(());
        }
        let maildir = self.maildir.clone();
        let names = on_disk(move || maildir.waiting()).await?;
        self.failed.retain(|name, _| names.binary_search(name).is_ok());
        let mut left = names.len();
        let waiting = metrics::gauge!("backoffice_mails_in_waiting");
        for name in names {
            waiting.set(u32::try_from(left).unwrap_or(u32::MAX));
            if *stopping.borrow() {
                return Ok(());
            }
            let waits = self.failed.get(&name).is_some_and(|(_, until)| *until > Instant::now());
            if !waits && self.try_one(&name).await {
                left = left.saturating_sub(1);
            }
        }
        waiting.set(u32::try_from(left).unwrap_or(u32::MAX));
        Ok(())
    }

    /// Takes one mail. True if it is out of the way.
    async fn try_one(&mut self, name: &OsStr) -> bool {
        let done = match AssertUnwindSafe(self.one(name)).catch_unwind().await {
            Ok(done) => done,
            Err(_) => Err(Error::fault("taking a mail panicked")),
        };
        match done {
            Ok(outcome) => {
                metrics::counter!("backoffice_mails_in_total", "outcome" => outcome.label()).increment(1);
                self.failed.remove(name);
                true
            }
            Err(error) => {
                // Its name is somebody else's text, so the log gets its place alone.
                tracing::warn!(?error, "a mail could not be taken; it stays where it is and is tried again");
                metrics::counter!("backoffice_mails_in_total", "outcome" => "failed").increment(1);
                let failures = self.failed.get(name).map_or(0, |(failures, _)| *failures).saturating_add(1);
                let wait = Duration::from_secs(1_u64.checked_shl(failures).unwrap_or(u64::MAX)).min(LONGEST_WAIT);
                self.failed.insert(name.to_owned(), (failures, Instant::now() + wait));
                false
            }
        }
    }

    async fn one(&self, name: &OsStr) -> Result<Outcome> {
        let outcome = self.registrar.outcome(&self.maildir, name).await?;
        let (maildir, name) = (self.maildir.clone(), name.to_owned());
        match &outcome {
            Outcome::Kept(_) => on_disk(move || maildir.done(&name)).await?,
            Outcome::Aside(why) => {
                let reason = why.sentence();
                on_disk(move || maildir.set_aside(&name, reason)).await?;
            }
        }
        Ok(outcome)
    }
}
