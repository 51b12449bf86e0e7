//! The doors of mails that have come: whose they are, and the transaction in which one is registered. It acts as nobody, for
//! one client, with the few rights that this takes.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::db::{Begin, Pools, Tx};
use super::error::{Error, Result};
use super::sql::sql;

/// The domain of the addresses under which clients are written to; none if no mails come in.
#[derive(Clone, Debug, Default)]
pub struct MailDomain(pub Option<String>);

/// An address of a client.
#[derive(QueryableByName, Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The client.
    #[diesel(sql_type = SqlUuid)]
    pub client_id: Uuid,
    /// The address.
    #[diesel(sql_type = SqlUuid)]
    pub address_id: Uuid,
    /// Whether it was revoked.
    #[diesel(sql_type = Bool)]
    pub revoked: bool,
}

#[derive(QueryableByName)]
struct Sender {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
}

async fn kept<T>(tx: Tx, value: T) -> Result<T> {
    if tx.finish(true).await? { Ok(value) } else { Err(Error::fault("the way of a mail could not be asked for")) }
}

/// Whose address begins with that token.
pub async fn route(pools: &Pools, token: &str) -> Result<Option<Route>> {
    let tx = Tx::open_anonymous(pools).await?;
    let found = tx
        .rows(
            sql("SELECT r.client_id, r.address_id, r.revoked FROM core.inbound_route($1) r")
                .bind::<Text, _>(token.to_owned()),
        )
        .await?;
    kept(tx, found.into_iter().next()).await
}

/// Which client has sent the mail of that Message-ID.
pub async fn sender(pools: &Pools, message_id: &str) -> Result<Option<Uuid>> {
    let tx = Tx::open_anonymous(pools).await?;
    let found: Vec<Sender> = tx
        .rows(sql("SELECT r.client_id FROM core.sent_mail_route($1) r").bind::<Text, _>(message_id.to_owned()))
        .await?;
    kept(tx, found.into_iter().next().map(|one| one.client_id)).await
}

#[derive(QueryableByName)]
struct Turn {
    #[diesel(sql_type = Integer)]
    failures: i32,
}

/// Takes the turn of reading a mailbox, or keeps it for so many seconds more: how often reading it has failed in a row. None
/// if another process has it, or if it is not time yet.
pub async fn take_turn(pools: &Pools, mailbox: &str, reader: Uuid, seconds: i32) -> Result<Option<i32>> {
    let tx = Tx::open_anonymous(pools).await?;
    let turn: Vec<Turn> = tx
        .rows(
            sql("SELECT t.failures FROM core.take_mailbox_turn($1, $2, $3) t")
                .bind::<Text, _>(mailbox.to_owned())
                .bind::<SqlUuid, _>(reader)
                .bind::<Integer, _>(seconds),
        )
        .await?;
    kept(tx, turn.into_iter().next().map(|turn| turn.failures)).await
}

/// Gives the turn back, and says in how many seconds it is anybody's again.
pub async fn end_turn(pools: &Pools, mailbox: &str, reader: Uuid, failures: i32, seconds: i32) -> Result<()> {
    let tx = Tx::open_anonymous(pools).await?;
    // No row: another process has it meanwhile.
    let _: Vec<Turn> = tx
        .rows(
            sql("SELECT t.failures FROM core.end_mailbox_turn($1, $2, $3, $4) t")
                .bind::<Text, _>(mailbox.to_owned())
                .bind::<SqlUuid, _>(reader)
                .bind::<Integer, _>(failures)
                .bind::<Integer, _>(seconds),
        )
        .await?;
    kept(tx, ()).await
}

/// Opens a transaction of a mail that has come. `Forbidden`: the client has gone, or the address was revoked.
pub async fn open(pools: &Pools, client: Uuid, address: Option<Uuid>, run: Uuid) -> Result<Tx> {
    let door = sql("SELECT verdict, permissions, edition, actor_name, time_zone, currency, opened_at FROM core.enter_mail($1, $2, $3)")
        .bind::<SqlUuid, _>(client)
        .bind::<Nullable<SqlUuid>, _>(address)
        .bind::<SqlUuid, _>(run);
    Tx::open(&pools.app, Begin::Write, door, move |row| row.enter(Uuid::nil(), Some(client))).await
}
