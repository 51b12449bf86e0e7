//! The outbox: every change of business state is told as an event, written in the transaction that made the change.
//!
//! A command says what happened with [`emit`]. The transaction keeps it and writes it together with its COMMIT, so that an
//! event costs no round trip, and a rollback, a dry run or a repeated request tells nothing. Positions rise in the order
//! of commits (see `core.emit`): whoever has read up to a position and goes on from there misses nothing.

use std::fmt::Write;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Int8, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::db::Tx;
use super::error::{Error, Result};
use super::ids::new_uuid;
use super::scalars::DateTime;
use super::sql::sql;

mod bell;
mod kind;
mod kinds;

pub use bell::{Bell, bell};
pub use kind::EventKind;

crate::ids! {
    /// Names an event.
    EventId = "evt";
}

/// What a transaction is going to tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    kind: EventKind,
    node: Uuid,
}

/// Tells of a change to a record, if the transaction is kept.
pub fn emit(tx: &Tx, kind: EventKind, node: Uuid) {
    tx.tell(Told { kind, node });
}

/// The statement that writes what a transaction tells. Only words and ids of our own are in it, no text of anybody's.
pub(super) fn statement(told: &[Told]) -> String {
    let mut text = String::with_capacity(told.len().saturating_mul(140).saturating_add(100));
    let mut list = |cast: &str, one: &dyn Fn(&Told, &mut String)| {
        text.push_str(if text.is_empty() { "SELECT core.emit('{" } else { ", '{" });
        for (at, told) in told.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            one(told, &mut text);
        }
        text.push_str("}'::");
        text.push_str(cast);
    };
    // writing to a string cannot fail
    list("uuid[]", &|_, text| {
        let _ = write!(text, "{}", new_uuid());
    });
    list("text[]", &|told, text| text.push_str(told.kind.text()));
    list("text[]", &|told, text| text.push_str(told.kind.node_type()));
    list("uuid[]", &|told, text| {
        let _ = write!(text, "{}", told.node);
    });
    text.push(')');
    text
}

/// An event as it was written.
#[derive(QueryableByName, Clone, Debug)]
pub struct Written {
    /// Its place among the client's events, from 1.
    #[diesel(sql_type = Int8)]
    pub position: i64,
    /// Its id.
    #[diesel(sql_type = SqlUuid)]
    pub id: EventId,
    /// What it tells of, as [`EventKind::text`]: perhaps a kind that this version of the server does not know.
    #[diesel(sql_type = Text)]
    pub kind: String,
    /// The record.
    #[diesel(sql_type = SqlUuid)]
    pub node_id: Uuid,
    /// `user`, `service`, `system` or `database`.
    #[diesel(sql_type = Text)]
    pub actor_kind: String,
    /// Who did it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub actor_id: Option<Uuid>,
    /// The request that did it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub request_id: Option<Uuid>,
    /// When it was written, right before the commit.
    #[diesel(sql_type = Timestamptz)]
    pub occurred_at: DateTime,
    /// The version of the record as it was kept, if it has one.
    #[diesel(sql_type = Nullable<Int4>)]
    pub version: Option<i32>,
}

fn texts(kinds: &[EventKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.text()).collect()
}

/// The client's events of those kinds behind a position, in their order.
pub async fn after(tx: &Tx, position: i64, kinds: &[EventKind], limit: i64) -> Result<Vec<Written>> {
    tx.rows(
        sql("SELECT e.position, e.id, e.kind, e.node_id, e.actor_kind, e.actor_id, e.request_id, e.occurred_at, e.version
               FROM core.event e WHERE e.tenant_id = $1 AND e.position > $2 AND e.kind = ANY ($3) ORDER BY e.position LIMIT $4")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Int8, _>(position)
            .bind::<Array<Text>, _>(texts(kinds))
            .bind::<Int8, _>(limit),
    )
    .await
}

/// The same the other way round: before a position, the newest first.
pub async fn before(tx: &Tx, position: i64, kinds: &[EventKind], limit: i64) -> Result<Vec<Written>> {
    tx.rows(
        sql("SELECT e.position, e.id, e.kind, e.node_id, e.actor_kind, e.actor_id, e.request_id, e.occurred_at, e.version
               FROM core.event e WHERE e.tenant_id = $1 AND e.position < $2 AND e.kind = ANY ($3) ORDER BY e.position DESC LIMIT $4")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Int8, _>(position)
            .bind::<Array<Text>, _>(texts(kinds))
            .bind::<Int8, _>(limit),
    )
    .await
}

/// The events of those ids, of those kinds.
pub async fn by_id(tx: &Tx, ids: Vec<EventId>, kinds: &[EventKind]) -> Result<Vec<Written>> {
    tx.rows(
        sql("SELECT e.position, e.id, e.kind, e.node_id, e.actor_kind, e.actor_id, e.request_id, e.occurred_at, e.version
               FROM core.event e WHERE e.tenant_id = $1 AND e.id = ANY ($2) AND e.kind = ANY ($3)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(texts(kinds)),
    )
    .await
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Int8)]
    count: i64,
}

/// How many events of those kinds the client has.
pub async fn count(tx: &Tx, kinds: &[EventKind]) -> Result<i64> {
    let counted: Counted = tx
        .row(
            sql("SELECT count(*) AS count FROM core.event e WHERE e.tenant_id = $1 AND e.kind = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Text>, _>(texts(kinds)),
        )
        .await?;
    Ok(counted.count)
}

/// The position of the client's newest event; 0 if there is none.
pub async fn head(tx: &Tx) -> Result<i64> {
    let found: Option<Counted> = tx
        .maybe(
            sql("SELECT h.position AS count FROM core.event_head h WHERE h.tenant_id = $1")
                .bind::<SqlUuid, _>(tx.tenant()?),
        )
        .await?;
    Ok(found.map_or(0, |found| found.count))
}

/// Whether an event stands at that position of the client's: a cursor is two things that have to fit together.
pub async fn stands_at(tx: &Tx, position: i64, id: EventId) -> Result<bool> {
    let found: Counted = tx
        .row(
            sql("SELECT count(*) AS count FROM core.event e WHERE e.tenant_id = $1 AND e.position = $2 AND e.id = $3")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Int8, _>(position)
                .bind::<SqlUuid, _>(id),
        )
        .await?;
    Ok(found.count > 0)
}

/// Which kinds a transaction's actor sees: those asked for, each of which he must be allowed to read; if none are named,
/// all that he may read.
pub async fn visible(tx: &Tx, asked: Option<&[EventKind]>) -> Result<Vec<EventKind>> {
    let held = tx.permissions();
    let Some(asked) = asked else {
        return Ok(EventKind::ALL.iter().copied().filter(|kind| held.contains(&kind.can())).collect());
    };
    match asked.iter().find(|kind| !held.contains(&kind.can())) {
        Some(kind) => {
            // Perhaps only as far as is known from the last time.
            tx.pass().await?;
            Err(Error::Forbidden(format!("You need the right `{}` for this.", kind.can().name())))
        }
        None => Ok(asked.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_one_statement() {
        let told = [
            Told { kind: EventKind::InvoiceIssued, node: Uuid::from_u128(1) },
            Told { kind: EventKind::CustomerCreated, node: Uuid::from_u128(2) },
        ];
        let text = statement(&told);
        let (ids, rest) = text.split_once("}'::uuid[], '{").unwrap();
        assert_eq!(ids.len(), "SELECT core.emit('{".len() + 2 * 36 + 1);
        assert_eq!(
            rest,
            "invoice.issued,customer.created}'::text[], '{Invoice,Customer}'::text[], \
             '{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}'::uuid[])"
        );
    }
}
