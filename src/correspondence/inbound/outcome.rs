//! What becomes of a mail that lies on this machine: whose it is, and that it is registered there; or why it is nobody's.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::Arc;

use backoffice_mail_reader::{MOST_BYTES, head, long_digest, read};
use uuid::Uuid;

use super::intake::{Strange, Taken, take};
use super::maildir::Maildir;
use crate::platform::db::Pools;
use crate::platform::error::{Error, Result};
use crate::platform::files::Files;
use crate::platform::inbound;

/// More servers than these have handed on no mail that is not in a circle.
const MOST_HOPS: usize = 100;
/// The most bytes of a file.
const MOST_KEPT: u64 = i32::MAX as u64;

/// Why a mail is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unclaimed {
    NoFile,
    TooLarge,
    Circle,
    NoAddress,
    UnknownAddress,
    Revoked,
    ClientGone,
}

impl Unclaimed {
    pub(super) fn label(self) -> &'static str {
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

    /// The reason, in a sentence.
    pub(super) fn sentence(self) -> &'static str {
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
pub(super) enum Outcome {
    Kept(Taken),
    Aside(Unclaimed),
}

impl Outcome {
    /// Its name among the figures.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Kept(Taken::Registered) => "registered",
            Self::Kept(Taken::Unread) => "unread",
            Self::Kept(Taken::Duplicate) => "duplicate",
            Self::Aside(why) => why.label(),
        }
    }
}

/// What registers mails, wherever they come from.
#[derive(Clone)]
pub(super) struct Registrar {
    /// Connections.
    pub(super) pools: Pools,
    /// Where the bytes go.
    pub(super) files: Arc<Files>,
    /// The domain of the clients' addresses.
    pub(super) domain: String,
}

/// Runs what waits for the disk beside everything else.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::fault)?.map_err(Error::fault)
}

impl Registrar {
    /// Reads a mail, and everything that is known of it.
    async fn strange(&self, maildir: &Maildir, name: &OsStr) -> Result<std::result::Result<Strange, Unclaimed>> {
        let (maildir, name, domain) = (maildir.clone(), name.to_owned(), self.domain.clone());
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

    /// Registers a mail of a folder with everybody whose it is, and says what became of it. The mail stays where it lies.
    pub(super) async fn outcome(&self, maildir: &Maildir, name: &OsStr) -> Result<Outcome> {
        let strange = match self.strange(maildir, name).await? {
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
