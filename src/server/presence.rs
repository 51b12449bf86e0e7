//! Who is connected for long, bounded in number, and looked after: a connection whose session or grant has ended is told
//! so within seconds, also if nothing happens on it.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Int8, Nullable, Text, Uuid as SqlUuid};
use tokio::sync::watch;
use uuid::Uuid;

use super::Shared;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::ids::new_uuid;
use crate::platform::outbox;
use crate::platform::scope::{Caller, Mode, Scope};
use crate::platform::sql::sql;

/// Connections of one credential in one process.
pub const MOST_OF_ONE: usize = 200;
/// Connections of all.
pub const MOST_OF_ALL: usize = 10_000;
/// Subscriptions of one credential.
const MOST_SUBSCRIPTIONS_OF_ONE: usize = 1_000;
/// Subscriptions of all.
const MOST_SUBSCRIPTIONS_OF_ALL: usize = 20_000;
/// How often it is looked for events that other processes wrote.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// At every how many looks credentials are looked after as well.
const CREDENTIALS_EVERY: u32 = 2;

/// What a connection was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Credential {
    kind: &'static str,
    actor: Uuid,
    session: Option<Uuid>,
    client: Option<Uuid>,
}

impl Credential {
    /// That of a caller; nobody's if he is not known.
    #[must_use]
    pub fn of(caller: &Caller) -> Option<Self> {
        match caller {
            Caller::Person { account, session, client } => {
                Some(Self { kind: "user", actor: *account, session: Some(*session), client: *client })
            }
            Caller::Service { account, client, .. } => {
                Some(Self { kind: "service", actor: *account, session: None, client: Some(*client) })
            }
            Caller::Nobody | Caller::Invalid(_) | Caller::Job { .. } => None,
        }
    }
}

/// All that are connected to this process.
#[derive(Default)]
pub struct Presences(Mutex<All>);

#[derive(Default)]
struct All {
    present: HashMap<Credential, Present>,
    connections: usize,
    subscriptions: usize,
}

struct Present {
    connections: usize,
    subscriptions: usize,
    edition: Option<String>,
    nudge: watch::Sender<()>,
}

/// One connection. Dropped, its place is free again.
pub struct Presence {
    presences: Arc<Presences>,
    credential: Credential,
    nudged: watch::Receiver<()>,
}

/// Where a connection's subscriptions take their seats: for an operation that is a task of its own.
#[derive(Clone)]
pub struct Seats {
    presences: Arc<Presences>,
    credential: Credential,
    nudged: watch::Receiver<()>,
}

/// The place of one subscription. Dropped, it is free again.
pub struct Seat {
    presences: Arc<Presences>,
    credential: Credential,
}

impl Presences {
    fn all(&self) -> std::sync::MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a connection in; nothing if there are too many.
    pub fn enter(self: &Arc<Self>, credential: Credential) -> Option<Presence> {
        let mut all = self.all();
        if all.connections >= MOST_OF_ALL {
            return None;
        }
        let present = all.present.entry(credential).or_insert_with(|| Present {
            connections: 0,
            subscriptions: 0,
            edition: None,
            nudge: watch::Sender::new(()),
        });
        if present.connections >= MOST_OF_ONE {
            return None;
        }
        present.connections = present.connections.saturating_add(1);
        let nudged = present.nudge.subscribe();
        all.connections = all.connections.saturating_add(1);
        metrics::gauge!("backoffice_connections_open").increment(1.0);
        Some(Presence { presences: Arc::clone(self), credential, nudged })
    }

    /// How many connections and subscriptions there are.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let all = self.all();
        (all.connections, all.subscriptions)
    }

    /// Tells every connection to look after itself.
    pub(super) fn nudge_all(&self) {
        for present in self.all().present.values() {
            present.nudge.send_replace(());
        }
    }
}

impl Presence {
    /// Where its subscriptions take their seats.
    #[must_use]
    pub fn seats(&self) -> Seats {
        Seats { presences: Arc::clone(&self.presences), credential: self.credential, nudged: self.nudged.clone() }
    }

    /// Hears when the credential has to be looked at again.
    #[must_use]
    pub fn nudged(&self) -> watch::Receiver<()> {
        self.nudged.clone()
    }
}

impl Seats {
    /// Hears when the credential has to be looked at again.
    #[must_use]
    pub fn nudged(&self) -> watch::Receiver<()> {
        self.nudged.clone()
    }

    /// Takes a subscription in; nothing if there are too many.
    #[must_use]
    pub fn seat(&self) -> Option<Seat> {
        let mut all = self.presences.all();
        if all.subscriptions >= MOST_SUBSCRIPTIONS_OF_ALL {
            return None;
        }
        let present = all.present.get_mut(&self.credential)?;
        if present.subscriptions >= MOST_SUBSCRIPTIONS_OF_ONE {
            return None;
        }
        present.subscriptions = present.subscriptions.saturating_add(1);
        all.subscriptions = all.subscriptions.saturating_add(1);
        metrics::gauge!("backoffice_subscriptions_open").increment(1.0);
        Some(Seat { presences: Arc::clone(&self.presences), credential: self.credential })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let mut all = self.presences.all();
        all.connections = all.connections.saturating_sub(1);
        if let Some(present) = all.present.get_mut(&self.credential) {
            present.connections = present.connections.saturating_sub(1);
            if present.connections == 0 && present.subscriptions == 0 {
                all.present.remove(&self.credential);
            }
        }
        metrics::gauge!("backoffice_connections_open").decrement(1.0);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.presences.all();
        all.subscriptions = all.subscriptions.saturating_sub(1);
        if let Some(present) = all.present.get_mut(&self.credential) {
            present.subscriptions = present.subscriptions.saturating_sub(1);
            if present.connections == 0 && present.subscriptions == 0 {
                all.present.remove(&self.credential);
            }
        }
        metrics::gauge!("backoffice_subscriptions_open").decrement(1.0);
    }
}

/// Whether a caller's session and grants still hold.
pub async fn still_in(caller: &Caller, pools: &Pools) -> Result<()> {
    let scope = Scope::new(caller.clone(), Mode::Query, new_uuid(), pools.clone());
    let looked = match scope.whoever().await {
        Ok(_) => scope.pass().await,
        Err(error) => Err(error),
    };
    let _ = scope.end(looked.is_ok()).await;
    match looked {
        // something of his rights has changed, and he is in all the same
        Err(Error::Retry) => Ok(()),
        looked => looked,
    }
}

#[derive(QueryableByName)]
struct Edition {
    #[diesel(sql_type = Int4)]
    place: i32,
    #[diesel(sql_type = Nullable<Text>)]
    edition: Option<String>,
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    #[diesel(sql_type = Int8)]
    head: i64,
}

/// Rings for events that other processes wrote, and nudges connections whose credentials have changed; for ever.
pub async fn keep_watch(shared: Arc<Shared>, pools: Pools) {
    let (mut heads, mut looks) = (HashMap::new(), 0_u32);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        looks = looks.wrapping_add(1);
        if shared.draining.load(Ordering::Acquire) {
            shared.presences.nudge_all();
        }
        let watched = async {
            look_for_events(&pools, &mut heads).await?;
            if looks.is_multiple_of(CREDENTIALS_EVERY) {
                look_after(&pools, &shared.presences).await?;
            }
            Ok::<(), Error>(())
        };
        if let Err(error) = watched.await {
            tracing::warn!(
                ?error,
                "open connections could not be looked after; they stay as they are until the next time"
            );
        }
    }
}

async fn look_for_events(pools: &Pools, heads: &mut HashMap<Uuid, i64>) -> Result<()> {
    let bell = outbox::bell();
    let clients = bell.listened_for();
    heads.retain(|client, _| clients.contains(client));
    if clients.is_empty() {
        return Ok(());
    }
    let tx = Tx::open_anonymous(pools).await?;
    let found: Vec<Head> = tx
        .rows(sql("SELECT h.client_id, h.head FROM core.event_heads($1) h").bind::<Array<SqlUuid>, _>(clients))
        .await?;
    tx.finish(true).await?;
    for Head { client_id, head } in found {
        if heads.insert(client_id, head) != Some(head) {
            bell.ring_at(client_id, head);
        }
    }
    Ok(())
}

/// Nudges those whose edition is not what it was when it was looked at last. The first look always nudges: something may
/// have changed between the opening of the connection and it.
async fn look_after(pools: &Pools, presences: &Presences) -> Result<()> {
    let credentials: Vec<Credential> = presences.all().present.keys().copied().collect();
    if credentials.is_empty() {
        return Ok(());
    }
    let tx = Tx::open_anonymous(pools).await?;
    let found: Vec<Edition> = tx
        .rows(
            sql("SELECT e.place, e.edition FROM core.editions($1, $2, $3, $4) e")
                .bind::<Array<Text>, _>(credentials.iter().map(|one| one.kind).collect::<Vec<_>>())
                .bind::<Array<SqlUuid>, _>(credentials.iter().map(|one| one.actor).collect::<Vec<_>>())
                .bind::<Array<Nullable<SqlUuid>>, _>(credentials.iter().map(|one| one.session).collect::<Vec<_>>())
                .bind::<Array<Nullable<SqlUuid>>, _>(credentials.iter().map(|one| one.client).collect::<Vec<_>>()),
        )
        .await?;
    tx.finish(true).await?;
    let mut all = presences.all();
    for Edition { place, edition } in found {
        let at = usize::try_from(place).unwrap_or_default().saturating_sub(1);
        let Some(credential) = credentials.get(at) else { continue };
        let Some(present) = all.present.get_mut(credential) else { continue };
        if edition.is_none() || present.edition != edition {
            present.edition = edition;
            present.nudge.send_replace(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credential(actor: u128) -> Credential {
        Credential { kind: "user", actor: Uuid::from_u128(actor), session: Some(Uuid::nil()), client: None }
    }

    #[test]
    fn places_are_bounded_and_free_again() {
        let presences = Arc::new(Presences::default());
        let mut all: Vec<Presence> = (0..MOST_OF_ONE).map(|_| presences.enter(credential(1)).unwrap()).collect();
        assert!(presences.enter(credential(1)).is_none());
        let other = presences.enter(credential(2)).unwrap();
        let seats: Vec<Seat> = (0..MOST_SUBSCRIPTIONS_OF_ONE).map(|_| other.seats().seat().unwrap()).collect();
        assert!(other.seats().seat().is_none());
        assert_eq!(presences.count(), (MOST_OF_ONE + 1, MOST_SUBSCRIPTIONS_OF_ONE));
        all.pop();
        assert!(presences.enter(credential(1)).is_some());
        drop((all, seats, other));
        assert_eq!(presences.count(), (0, 0));
        assert!(presences.all().present.is_empty());
    }
}
