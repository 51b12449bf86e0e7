//! The loop that takes mails from the folder. A mail leaves `new` after what comes of it was committed, or with a reason.

use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use backoffice_mail_reader::{MOST_BYTES, head, long_digest, read};
use futures_util::FutureExt;
use tokio::sync::watch;
use uuid::Uuid;

use super::intake::{Strange, Taken, take};
use super::maildir::{Hold, Maildir};
use crate::platform::db::Pools;
use crate::platform::error::{Error, Result};
use crate::platform::files::Files;
use crate::platform::inbound;
use crate::platform::mail::Mailer;
use crate::platform::workers::rest;

/// How often the folder is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// The longest wait before a mail is tried again that could not be registered.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// More servers than these have handed on no mail that is not in a circle.
const MOST_HOPS: usize = 100;
/// The most bytes of a file.
const MOST_KEPT: u64 = i32::MAX as u64;

/// Why a mail is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unclaimed {
    NoFile,
    TooLarge,
    Circle,
    NoAddress,
    UnknownAddress,
    Revoked,
    ClientGone,
}

impl Unclaimed {
    fn label(self) -> &'static str {
        match self {
            Self::NoFile => "unclaimed_no_file",
            Self::TooLarge => "unclaimed_too_large",
            Self::Circle => "unclaimed_circle",
            Self::NoAddress => "unclaimed_no_address",
            Self::UnknownAddress => "unclaimed_unknown_address",
            Self::Revoked => "unclaimed_revoked_address",
            Self::ClientGone => "unclaimed_client_gone",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::NoFile => "It is no file.",
            Self::TooLarge => "It is larger than 2 GiB.",
            Self::Circle => "It went over more than 100 mail servers: it goes in a circle.",
            Self::NoAddress => "It names no address of this server, and reports on no mail that was sent from here.",
            Self::UnknownAddress => "It was sent to an address that no client has.",
            Self::Revoked => "It was sent to an address that was revoked.",
            Self::ClientGone => "Its client has left.",
        }
    }
}

/// What became of a mail.
enum Outcome {
    Kept(Taken),
    Aside(Unclaimed),
}

impl Outcome {
    fn label(&self) -> &'static str {
        match self {
            Self::Kept(Taken::Registered) => "registered",
            Self::Kept(Taken::Unread) => "unread",
            Self::Kept(Taken::Duplicate) => "duplicate",
            Self::Aside(why) => why.label(),
        }
    }
}

/// What takes mails.
struct Taker {
    pools: Pools,
    files: Arc<Files>,
    maildir: Maildir,
    domain: String,
    hold: Option<Hold>,
    /// Mails that could not be registered: how often, and when they are tried again.
    failed: HashMap<OsString, (u32, Instant)>,
}

/// Takes mails until the process stops. Without a folder there is nothing to do.
pub async fn keep_taking(pools: Pools, files: Arc<Files>, mailer: Arc<Mailer>, mut stopping: watch::Receiver<bool>) {
    let Some(inbound) = mailer.settings().inbound.clone() else { return };
    let mut taker: Option<Taker> = None;
    loop {
        let opened = match taker.take() {
            Some(opened) => Some(opened),
            None => match Maildir::open(&inbound.maildir) {
                Ok(maildir) => Some(Taker {
                    pools: pools.clone(),
                    files: Arc::clone(&files),
                    maildir,
                    domain: inbound.domain.clone(),
                    hold: None,
                    failed: HashMap::new(),
                }),
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

/// Runs what waits for the disk beside everything else.
async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::fault)?.map_err(Error::fault)
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
        let outcome = self.outcome(name).await?;
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

    /// Reads a mail, and everything that is known of it.
    async fn strange(&self, name: &OsStr) -> Result<std::result::Result<Strange, Unclaimed>> {
        let (maildir, name, domain) = (self.maildir.clone(), name.to_owned(), self.domain.clone());
        on_disk(move || {
            let Some(lying) = maildir.read(&name, MOST_BYTES.saturating_add(1))? else {
                return Ok(Err(Unclaimed::NoFile));
            };
            if lying.size > MOST_KEPT {
                return Ok(Err(Unclaimed::TooLarge));
            }
            let mut head = head(&lying.bytes, &domain);
            if head.hops > MOST_HOPS {
                return Ok(Err(Unclaimed::Circle));
            }
            if lying.bytes.len() > MOST_BYTES {
                head.digest = long_digest(&lying.bytes, lying.rest)?;
            }
            let mail = read(&lying.bytes);
            Ok(Ok(Strange { path: lying.path, head, mail }))
        })
        .await
    }

    async fn outcome(&self, name: &OsStr) -> Result<Outcome> {
        let strange = match self.strange(name).await? {
            Ok(strange) => strange,
            Err(why) => return Ok(Outcome::Aside(why)),
        };
        let routes = match self.routes(&strange).await? {
            Ok(routes) => routes,
            Err(why) => return Ok(Outcome::Aside(why)),
        };
        let mut kept: Option<Taken> = None;
        let mut gone = false;
        for (client, address) in routes {
            match take(&self.pools, &self.files, client, address, &strange).await {
                // Of several clients: what is new somewhere was no duplicate.
                Ok(taken) => {
                    kept = Some(match kept {
                        Some(before) if taken == Taken::Duplicate => before,
                        _ => taken,
                    });
                }
                Err(Error::Forbidden(_)) => gone = true,
                Err(error) => return Err(error),
            }
        }
        Ok(match kept {
            Some(taken) => Outcome::Kept(taken),
            None if gone => Outcome::Aside(Unclaimed::ClientGone),
            None => Outcome::Aside(Unclaimed::NoAddress),
        })
    }

    /// Whose a mail is: those to whose addresses it was sent, or who has sent the mail that it reports on.
    async fn routes(
        &self,
        strange: &Strange,
    ) -> Result<std::result::Result<BTreeSet<(Uuid, Option<Uuid>)>, Unclaimed>> {
        let mut found: BTreeSet<(Uuid, Option<Uuid>)> = BTreeSet::new();
        let mut why = Unclaimed::NoAddress;
        for token in &strange.head.routes {
            match inbound::route(&self.pools, token).await? {
                Some(route) if route.revoked => why = Unclaimed::Revoked,
                // One row a client, whichever of its addresses it came to.
                Some(route) if found.iter().any(|(client, _)| *client == route.client_id) => {}
                Some(route) => {
                    found.insert((route.client_id, Some(route.address_id)));
                }
                None if why == Unclaimed::NoAddress => why = Unclaimed::UnknownAddress,
                None => {}
            }
        }
        let about = strange.mail.report.as_ref().and_then(|report| report.about.as_deref());
        if let (true, Some(about)) = (strange.head.routes.is_empty(), about)
            && let Some(client) = inbound::sender(&self.pools, about).await?
        {
            found.insert((client, None));
        }
        Ok(if found.is_empty() { Err(why) } else { Ok(found) })
    }
}
