//! The doors of signatures: of whoever comes with a link, and of a job that does what a request needs. Both act for one
//! client and without any right: what they may do is what the functions of `migrations/0217_signature` let them.

use diesel::sql_types::{Binary, Nullable, Uuid as SqlUuid};
use uuid::Uuid;

use super::db::{Begin, Pools, Tx};
use super::error::Result;
use super::sql::sql;

async fn open(pools: &Pools, client: Uuid, link: Option<[u8; 32]>, request: Option<Uuid>, run: Uuid) -> Result<Tx> {
    let door = sql("SELECT verdict, permissions, edition, actor_name, time_zone, currency, opened_at FROM core.enter_signature($1, $2, $3, $4)")
        .bind::<SqlUuid, _>(client)
        .bind::<Nullable<Binary>, _>(link.map(|hash| hash.to_vec()))
        .bind::<Nullable<SqlUuid>, _>(request)
        .bind::<SqlUuid, _>(run);
    Tx::open(&pools.app, Begin::Write, door, move |row| row.enter(Uuid::nil(), Some(client))).await
}

/// Opens a transaction for whoever comes with the link of that hash. `Forbidden`: it leads nowhere, or not any more.
pub async fn by_link(pools: &Pools, client: Uuid, link: [u8; 32], run: Uuid) -> Result<Tx> {
    open(pools, client, Some(link), None, run).await
}

/// Opens a transaction of a job about that request. `Forbidden`: the client has gone.
pub async fn for_request(pools: &Pools, client: Uuid, request: Uuid, run: Uuid) -> Result<Tx> {
    open(pools, client, None, Some(request), run).await
}
