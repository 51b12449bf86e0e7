//! The door of calendars whose clocks are due anew, because a calendar of the provider that they follow has changed. It acts as
//! nobody, for one calendar of one client, with the few rights that this takes.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Int4, Uuid as SqlUuid};
use uuid::Uuid;

use super::db::{Begin, Pools, Tx};
use super::error::{Error, Result};
use super::sql::sql;

/// A calendar of a client that is to be renewed.
#[derive(QueryableByName, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The client.
    #[diesel(sql_type = SqlUuid)]
    pub client_id: Uuid,
    /// The calendar.
    #[diesel(sql_type = SqlUuid)]
    pub calendar_id: Uuid,
}

async fn kept<T>(tx: Tx, value: T) -> Result<T> {
    if tx.finish(true).await? { Ok(value) } else { Err(Error::fault("the list of renewals was not kept")) }
}

/// The next ones, those that wait longest first.
pub async fn due(pools: &Pools, most: i32) -> Result<Vec<Renewal>> {
    let tx = Tx::open_anonymous(pools).await?;
    let found =
        tx.rows(sql("SELECT r.client_id, r.calendar_id FROM core.next_renewals($1) r").bind::<Int4, _>(most)).await?;
    kept(tx, found).await
}

/// Opens the transaction in which a calendar is renewed. `Retry`: somebody else does it; `Forbidden`: the client has gone.
pub async fn open(pools: &Pools, renewal: Renewal, run: Uuid) -> Result<Tx> {
    let door = sql("SELECT verdict, permissions, edition, actor_name, time_zone, currency, opened_at FROM core.enter_renewal($1, $2, $3)")
        .bind::<SqlUuid, _>(renewal.client_id)
        .bind::<SqlUuid, _>(renewal.calendar_id)
        .bind::<SqlUuid, _>(run);
    Tx::open(&pools.app, Begin::Write, door, move |row| row.enter(Uuid::nil(), Some(renewal.client_id))).await
}

/// Lets one wait that could not be renewed; takes it off the list if its client has gone.
pub async fn put_off(pools: &Pools, renewal: Renewal, gone: bool) -> Result<()> {
    let tx = Tx::open_anonymous(pools).await?;
    tx.exec(
        sql("SELECT core.put_off_renewal($1, $2, $3)")
            .bind::<SqlUuid, _>(renewal.client_id)
            .bind::<SqlUuid, _>(renewal.calendar_id)
            .bind::<Bool, _>(gone),
    )
    .await?;
    kept(tx, ()).await
}
