//! The loop that tells those who watch a record what happened to it, and those who watch or do it that a clock on it went
//! over. One place among the events of each client is kept in the database; it is moved on in the transaction that tells,
//! so that a process that is killed tells nothing twice and leaves nothing out. The mails that are due are asked for beside.

use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Text, Uuid as SqlUuid};
use tokio::sync::watch;
use uuid::Uuid;

use super::{about, digest};
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::outbox::{self, EventKind};
use crate::platform::sql::sql;

/// How often the database is looked at without being told to.
const LOOK: Duration = Duration::from_secs(1);
/// How long events are gathered once there is one, so that a busy client's are taken together.
const GATHER: Duration = Duration::from_millis(50);
/// How often clients are looked for where nobody has begun to tell.
const BEGIN: Duration = Duration::from_secs(60);
/// Events of one transaction.
const EVENTS: i32 = 100;

/// Events that those whom they concern are told of by the commands themselves, or that tell of nothing that is watched.
const TOLD_OTHERWISE: &[EventKind] = &[
    EventKind::WorkItemCreated,
    EventKind::WorkItemAssigned,
    EventKind::WorkItemStarted,
    EventKind::WorkItemPutOff,
    EventKind::WorkItemCompleted,
    EventKind::WorkItemCancelled,
    EventKind::WorkItemReopened,
    EventKind::WorkItemCommented,
    EventKind::ClientRequestCommented,
];

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
}

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = Bool)]
    moved: bool,
}

/// What is followed.
fn kinds() -> Vec<&'static str> {
    EventKind::ALL.iter().filter(|kind| !TOLD_OTHERWISE.contains(kind)).map(|kind| kind.text()).collect()
}

async fn due(pools: &Pools, begin: bool) -> Result<Vec<Due>> {
    let tx = Tx::open_anonymous(pools).await?;
    let due = tx.rows(sql("SELECT d.client_id FROM core.notices_due($1) d").bind::<Bool, _>(begin)).await?;
    if tx.finish(true).await? { Ok(due) } else { Err(Error::fault("where notices begin was not kept")) }
}

/// Tells of the next events of a client. False if there are none, or somebody else tells of them.
async fn tell_next(pools: &Pools, client: Uuid) -> Result<bool> {
    let (types, rights) = about::lists();
    let tx = Tx::open_anonymous(pools).await?;
    let row: Moved = tx
        .row(
            sql("SELECT core.notices_follow($1, $2, $3, $4, $5) AS moved")
                .bind::<SqlUuid, _>(client)
                .bind::<Array<Text>, _>(kinds())
                .bind::<Array<Text>, _>(types)
                .bind::<Array<Text>, _>(rights)
                .bind::<Int4, _>(EVENTS),
        )
        .await?;
    if tx.finish(true).await? { Ok(row.moved) } else { Err(Error::fault("what was told was not kept")) }
}

/// Tells of everything that happened so far. `begin`: looks for clients where nobody has begun to tell, which are told of from
/// then on. False if nothing happened.
pub async fn tell_all(pools: &Pools, begin: bool) -> Result<bool> {
    let mut moved = false;
    for client in due(pools, begin).await? {
        moved |= tell_next(pools, client.client_id).await?;
    }
    Ok(moved)
}

/// Tells until the process stops.
pub async fn keep_telling(pools: Pools, mut stopping: watch::Receiver<bool>) {
    let mut rings = outbox::bell().listen_to_all();
    let mut begun: Option<Instant> = None;
    while !*stopping.borrow() {
        let begin = begun.is_none_or(|begun| begun.elapsed() > BEGIN);
        if begin {
            begun = Some(Instant::now());
        }
        let moved = match tell_all(&pools, begin).await {
            Ok(moved) => moved,
            Err(error) => {
                tracing::warn!(?error, "notices wait");
                false
            }
        };
        if let Err(error) = digest::ask(&pools).await {
            tracing::warn!(?error, "mails of notices wait");
        }
        if !moved {
            tokio::select! {
                _ = rings.changed() => tokio::time::sleep(GATHER).await,
                _ = stopping.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breach_is_followed() {
        assert!(kinds().contains(&EventKind::ClockBreached.text()));
        assert_eq!(kinds().len() + TOLD_OTHERWISE.len(), EventKind::ALL.len());
    }
}
