//! Mails that are taken from a mailbox at a mail server, by IMAP or POP3.
//!
//! A mail is copied into a file on this machine, registered as one of the folder is, and only then moved, flagged or deleted
//! at its server. Cut off anywhere, it is still there, comes again and is found registered. Of several processes one reads at
//! a time; after a failure all of them wait.

mod imap;
mod pop3;
mod spool;
mod wire;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;
use uuid::Uuid;

use self::imap::Imap;
use self::pop3::Pop3;
use self::spool::Spool;
use self::wire::Trouble;
use super::maildir::{Hold, Maildir};
use super::outcome::{Outcome, Registrar, on_disk};
use crate::platform::db::Pools;
use crate::platform::error::{Error, Result};
use crate::platform::files::Files;
use crate::platform::inbound::{end_turn, take_turn};
use crate::platform::mail::{Mailbox, Mailer, Protocol};
use crate::platform::workers::rest;

/// The most bytes of a mail that is taken. A larger one stays where it is.
const MOST_MAIL: u64 = 100 << 20;
/// How many mails are taken in a row before the server is left alone.
const MOST_MAILS: usize = 200;
/// How long mails are taken in a row, and how long one may take.
const LONGEST_LOOK: Duration = Duration::from_secs(600);
const LONGEST_MAIL: Duration = Duration::from_secs(600);
/// For how many seconds a process has its turn, and how often it asks to keep it.
const TURN: i32 = 60;
const RENEW: Duration = Duration::from_secs(15);
/// The longest wait after failures.
const LONGEST_WAIT: u64 = 900;
/// The shortest wait after a password that was refused: servers lock out whoever tries often.
const AFTER_A_REFUSAL: u64 = 300;

/// A mail at its server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiting {
    /// Its number there, as long as the connection lasts.
    number: u32,
    /// What it is known by from one connection to the next.
    key: String,
}

/// What came of reading a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fetched {
    /// All of it is there.
    Whole,
    /// Somebody else has taken it away.
    Gone,
    /// It is larger than what is taken.
    TooLarge,
}

/// A signed-in connection.
enum Session {
    Imap(Box<Imap>),
    Pop3(Box<Pop3>),
}

impl Session {
    async fn open(mailbox: &Mailbox) -> Result<Self, Trouble> {
        Ok(match mailbox.protocol {
            Protocol::Imap { .. } => Self::Imap(Box::new(Imap::open(mailbox).await?)),
            Protocol::Pop3 => Self::Pop3(Box::new(Pop3::open(mailbox).await?)),
        })
    }

    async fn waiting(&mut self) -> Result<Vec<Waiting>, Trouble> {
        match self {
            Self::Imap(imap) => imap.waiting().await,
            Self::Pop3(pop) => pop.waiting().await,
        }
    }

    async fn fetch(&mut self, mail: &Waiting, spool: &mut Spool) -> Result<Fetched, Trouble> {
        match self {
            Self::Imap(imap) => imap.fetch(mail, spool).await,
            Self::Pop3(pop) => pop.fetch(mail, spool).await,
        }
    }

    async fn done(&mut self, mail: &Waiting) -> Result<(), Trouble> {
        match self {
            Self::Imap(imap) => imap.done(mail).await,
            Self::Pop3(pop) => pop.done(mail).await,
        }
    }

    async fn close(self) -> Result<(), Trouble> {
        match self {
            Self::Imap(imap) => imap.close().await,
            Self::Pop3(pop) => pop.close().await,
        }
    }
}

/// What reads the mailbox.
struct Reader {
    registrar: Registrar,
    mailbox: Mailbox,
    maildir: Maildir,
    /// No other process of this machine works in the folder.
    _hold: Hold,
    /// This process among those that read the mailbox.
    id: Uuid,
    key: String,
    /// Mails that could not be taken: how often, and when they are tried again.
    failed: HashMap<String, (u32, Instant)>,
}

/// Takes mails from the mailbox until the process stops. Without one there is nothing to do.
pub async fn keep_fetching(pools: Pools, files: Arc<Files>, mailer: Arc<Mailer>, mut stopping: watch::Receiver<bool>) {
    let Some(inbound) = mailer.settings().inbound.clone() else { return };
    let Some(mailbox) = inbound.mailbox else { return };
    let registrar = Registrar { pools, files, domain: inbound.domain };
    let mut reader: Option<Reader> = None;
    loop {
        let opened = match reader.take() {
            Some(opened) => Ok(Some(opened)),
            None => Reader::open(&registrar, &mailbox).await,
        };
        let mut pause = mailbox.every;
        match opened {
            Ok(Some(mut opened)) => {
                pause = opened.turn(&stopping).await;
                reader = Some(opened);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(?error, "the folder beside the mailbox cannot be opened"),
        }
        if rest(&mut stopping, pause).await {
            return;
        }
    }
}

/// How long the mail server is left alone after so many failures in a row.
fn wait_after(trouble: &Trouble, failures: i32, every: Duration) -> u64 {
    let doublings = u32::try_from(failures).unwrap_or_default().min(20);
    let wait = every.as_secs().max(1).saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX));
    let least = if matches!(trouble, Trouble::Login) { AFTER_A_REFUSAL } else { 1 };
    wait.clamp(least, LONGEST_WAIT.max(every.as_secs()))
}

impl Reader {
    /// Takes the folder on this machine; none if another process works in it. What was left there lies at the server, too.
    async fn open(registrar: &Registrar, mailbox: &Mailbox) -> Result<Option<Self>> {
        let aside = mailbox.aside.clone();
        let taken = on_disk(move || {
            let maildir = Maildir::open(&aside)?;
            let Some(hold) = maildir.hold()? else { return Ok(None) };
            maildir.empty()?;
            Ok(Some((maildir, hold)))
        });
        Ok(taken.await?.map(|(maildir, hold)| Self {
            registrar: registrar.clone(),
            mailbox: mailbox.clone(),
            maildir,
            _hold: hold,
            id: Uuid::now_v7(),
            key: mailbox.key(),
            failed: HashMap::new(),
        }))
    }

    /// Looks into the mailbox if it is this process's turn. Gives how long to wait for the next one.
    async fn turn(&mut self, stopping: &watch::Receiver<bool>) -> Duration {
        let every = self.mailbox.every;
        let (pools, key, id) = (self.registrar.pools.clone(), self.key.clone(), self.id);
        let before = match take_turn(&pools, &key, id, TURN).await {
            Ok(Some(failures)) => failures,
            Ok(None) => return every,
            Err(error) => {
                tracing::warn!(?error, "the turn of reading the mailbox could not be asked for");
                return every;
            }
        };
        let ended = {
            let looking = AssertUnwindSafe(self.look(stopping)).catch_unwind();
            let keeping = async {
                loop {
                    tokio::time::sleep(RENEW).await;
                    if !matches!(take_turn(&pools, &key, id, TURN).await, Ok(Some(_))) {
                        return;
                    }
                }
            };
            tokio::select! {
                ended = looking => ended.unwrap_or_else(|_| Err(Trouble::Inside(Error::fault("reading the mailbox panicked")))),
                () = keeping => Err(Trouble::Inside(Error::fault("another process has the turn"))),
            }
        };
        let (label, failures, wait) = match &ended {
            Ok(_) => ("read", 0, every.as_secs()),
            Err(trouble) => {
                tracing::warn!(%trouble, "the mailbox was not read; it is tried again");
                (trouble.label(), before.saturating_add(1), wait_after(trouble, before, every))
            }
        };
        metrics::counter!("backoffice_mailbox_looks_total", "outcome" => label).increment(1);
        // As much as there is, without leaving others of its clients waiting.
        let wait = if matches!(ended, Ok(true)) { 1 } else { wait };
        if let Err(error) = end_turn(&pools, &key, id, failures, i32::try_from(wait).unwrap_or(i32::MAX)).await {
            tracing::warn!(?error, "the turn of reading the mailbox could not be given back");
        }
        // Others may have the next turn; asking for it costs the mail server nothing.
        every.min(Duration::from_secs(wait))
    }

    /// Takes what lies in the mailbox. True if there is more.
    async fn look(&mut self, stopping: &watch::Receiver<bool>) -> Result<bool, Trouble> {
        let begun = Instant::now();
        let mut session = Session::open(&self.mailbox).await?;
        let mails = session.waiting().await?;
        let gauge = metrics::gauge!("backoffice_mailbox_waiting");
        let known: std::collections::HashSet<&str> = mails.iter().map(|mail| mail.key.as_str()).collect();
        self.failed.retain(|key, _| known.contains(key.as_str()));
        let (again, fresh): (Vec<_>, Vec<_>) = mails.iter().partition(|mail| self.failed.contains_key(&mail.key));
        let due = |mail: &&Waiting| self.failed.get(&mail.key).is_none_or(|(_, until)| *until <= Instant::now());
        let mut again: Vec<&Waiting> = again.into_iter().filter(due).collect();
        again.sort_by_key(|mail| self.failed.get(&mail.key).map_or(0, |(failures, _)| *failures));
        // One at which a server hangs up takes no others with it: they come in a look of their own, which ends well.
        let (batch, mut is_more) = if fresh.is_empty() { (again, false) } else { (fresh, !again.is_empty()) };
        let (mut left, mut tried) = (mails.len(), 0_usize);
        for mail in batch {
            gauge.set(u32::try_from(left).unwrap_or(u32::MAX));
            if *stopping.borrow() || tried >= MOST_MAILS || begun.elapsed() > LONGEST_LOOK {
                is_more = true;
                break;
            }
            tried = tried.saturating_add(1);
            if self.try_one(&mut session, mail).await? {
                left = left.saturating_sub(1);
            }
        }
        gauge.set(u32::try_from(left).unwrap_or(u32::MAX));
        session.close().await?;
        Ok(is_more)
    }

    /// Takes one mail. True if it is out of the way; an error if nothing more can be said to the server.
    async fn try_one(&mut self, session: &mut Session, mail: &Waiting) -> Result<bool, Trouble> {
        let fetched = tokio::time::timeout(LONGEST_MAIL, self.fetch(session, mail)).await;
        let name = match fetched.unwrap_or(Err(Trouble::TimedOut)) {
            Ok(Ok(name)) => name,
            Ok(Err(Fetched::TooLarge)) => {
                tracing::warn!("a mail in the mailbox is larger than 100 MiB; it stays there");
                metrics::counter!("backoffice_mails_in_total", "outcome" => "too_large").increment(1);
                self.later(mail);
                return Ok(false);
            }
            Ok(Err(_)) => return Ok(true),
            Err(trouble) => {
                // It may be this one that the server cannot send.
                self.later(mail);
                return Err(trouble);
            }
        };
        let done = AssertUnwindSafe(self.registrar.outcome(&self.maildir, &name)).catch_unwind().await;
        let kept = match done.unwrap_or_else(|_| Err(Error::fault("taking a mail panicked"))) {
            Ok(outcome) => {
                metrics::counter!("backoffice_mails_in_total", "outcome" => outcome.label()).increment(1);
                if let Outcome::Aside(why) = &outcome {
                    let (maildir, name, reason) = (self.maildir.clone(), name.clone(), why.sentence());
                    on_disk(move || maildir.set_aside(&name, reason)).await?;
                } else {
                    spool::remove(&self.maildir, &name).await?;
                }
                true
            }
            Err(error) => {
                tracing::warn!(?error, "a mail of the mailbox could not be taken; it stays there and is tried again");
                metrics::counter!("backoffice_mails_in_total", "outcome" => "failed").increment(1);
                spool::remove(&self.maildir, &name).await?;
                self.later(mail);
                false
            }
        };
        if kept {
            self.failed.remove(&mail.key);
            session.done(mail).await?;
        }
        Ok(kept)
    }

    /// Copies a mail to this machine.
    async fn fetch(
        &self,
        session: &mut Session,
        mail: &Waiting,
    ) -> Result<std::result::Result<std::ffi::OsString, Fetched>, Trouble> {
        let mut spool = Spool::begin(&self.maildir).await?;
        Ok(match session.fetch(mail, &mut spool).await? {
            Fetched::Whole => Ok(spool.end().await?),
            other => Err(other),
        })
    }

    /// A mail is tried again, later each time.
    fn later(&mut self, mail: &Waiting) {
        let failures = self.failed.get(&mail.key).map_or(0, |(failures, _)| *failures).saturating_add(1);
        let wait = 1_u64.checked_shl(failures).unwrap_or(u64::MAX).min(LONGEST_WAIT);
        self.failed.insert(mail.key.clone(), (failures, Instant::now() + Duration::from_secs(wait)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_it_fails_the_less_it_is_asked() {
        let minute = Duration::from_secs(60);
        let waits = |trouble: &Trouble| [0, 1, 2, 9, i32::MAX].map(|failures| wait_after(trouble, failures, minute));
        assert_eq!(waits(&Trouble::Closed), [60, 120, 240, 900, 900]);
        assert_eq!(waits(&Trouble::Login), [300, 300, 300, 900, 900]);
        assert_eq!(wait_after(&Trouble::Closed, 0, Duration::from_secs(3600)), 3600);
    }
}
