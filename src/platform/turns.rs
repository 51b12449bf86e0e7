//! The turns of rules: which armed rules have events to look at, and the transaction in which one looks. It acts for whoever
//! published the rule, with the rights that he has at that moment; the rule's lane is held until it ends, and moved on in it.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Int4, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::db::{Begin, Pools, Tx};
use super::error::{Error, Result};
use super::sql::sql;

/// An armed rule that has an event to look at.
#[derive(QueryableByName, Clone, Copy, Debug)]
pub struct Lane {
    /// Its client.
    #[diesel(sql_type = SqlUuid)]
    pub client_id: Uuid,
    /// The rule.
    #[diesel(sql_type = SqlUuid)]
    pub rule_id: Uuid,
    /// The version that is armed.
    #[diesel(sql_type = Int4)]
    pub number: i32,
    /// Who published it.
    #[diesel(sql_type = SqlUuid)]
    pub publisher_id: Uuid,
    /// How far it has looked.
    #[diesel(sql_type = BigInt)]
    pub position: i64,
    /// How often it looked in vain at what comes next.
    #[diesel(sql_type = Int4)]
    pub failures: i32,
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Gone {
    #[diesel(sql_type = Int4)]
    gone: i32,
}

async fn kept<T>(tx: Tx, value: T) -> Result<T> {
    if tx.finish(true).await? { Ok(value) } else { Err(Error::fault("what was noted of a rule was not kept")) }
}

/// The rules that have something to look at, of each client at most `each`.
pub async fn due(pools: &Pools, each: i32) -> Result<Vec<Lane>> {
    let tx = Tx::open_anonymous(pools).await?;
    let lanes = tx
        .rows(
            sql("SELECT d.client_id, d.rule_id, d.number, d.publisher_id, d.position, d.failures FROM core.rule_due($1) d")
                .bind::<Int4, _>(each),
        )
        .await?;
    kept(tx, lanes).await
}

/// Opens a transaction of a rule's turn. `Retry`: somebody else has it, or it has moved on.
pub async fn open(pools: &Pools, lane: Lane, run: Uuid) -> Result<Tx> {
    let door = sql("SELECT verdict, permissions, edition, actor_name, time_zone, currency, opened_at FROM core.enter_rule($1, $2, $3, $4, $5)")
        .bind::<SqlUuid, _>(lane.client_id)
        .bind::<SqlUuid, _>(lane.rule_id)
        .bind::<Int4, _>(lane.number)
        .bind::<BigInt, _>(lane.position)
        .bind::<SqlUuid, _>(run);
    let opened =
        Tx::open(&pools.app, Begin::Write, door, move |row| row.enter(lane.publisher_id, Some(lane.client_id))).await;
    opened.map_err(|error| match error {
        Error::Unauthenticated(_) | Error::Forbidden(_) => {
            Error::Forbidden("Whoever published it has no access to this client any more.".to_owned())
        }
        other => other,
    })
}

/// Says how many rules led to what this transaction tells, one behind the other.
pub async fn deepen(tx: &Tx, depth: i32) -> Result<()> {
    tx.exec(sql("SELECT set_config('app.rule_depth', $1, true)").bind::<Text, _>(depth.to_string())).await?;
    Ok(())
}

/// Moves the rule's lane on and ends its turn.
pub async fn finish(tx: Tx, rule: Uuid, position: i64) -> Result<()> {
    tx.exec(sql("SELECT core.rule_advance($1, $2)").bind::<SqlUuid, _>(rule).bind::<BigInt, _>(position)).await?;
    kept(tx, ()).await
}

/// Lets a rule wait whose turn was in vain.
pub async fn put_off(pools: &Pools, lane: Lane) -> Result<()> {
    let tx = Tx::open_anonymous(pools).await?;
    tx.exec(
        sql("SELECT core.rule_put_off($1, $2, $3)")
            .bind::<SqlUuid, _>(lane.client_id)
            .bind::<SqlUuid, _>(lane.rule_id)
            .bind::<BigInt, _>(lane.position),
    )
    .await?;
    kept(tx, ()).await
}

/// Blocks a rule whose publisher may not do any more what it does. False: it was disarmed or has moved on meanwhile.
pub async fn block(pools: &Pools, lane: Lane, run: Uuid, reason: &str) -> Result<bool> {
    let tx = Tx::open_anonymous(pools).await?;
    let blocked: Yes = tx
        .row(
            sql("SELECT core.rule_block($1, $2, $3, $4, $5, $6) AS yes")
                .bind::<SqlUuid, _>(lane.client_id)
                .bind::<SqlUuid, _>(lane.rule_id)
                .bind::<Int4, _>(lane.number)
                .bind::<BigInt, _>(lane.position)
                .bind::<SqlUuid, _>(run)
                .bind::<Text, _>(reason.to_owned()),
        )
        .await?;
    kept(tx, blocked.yes).await
}

/// Takes away one batch of old runs; says how many went.
pub async fn sweep(pools: &Pools, most: i32) -> Result<i32> {
    let tx = Tx::open_anonymous(pools).await?;
    let swept: Gone = tx.row(sql("SELECT core.rule_sweep($1) AS gone").bind::<Int4, _>(most)).await?;
    kept(tx, swept.gone).await
}
