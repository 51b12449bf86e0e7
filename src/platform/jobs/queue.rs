//! What a worker says to the queue. The rules stand in the functions of migration 0065.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use super::super::db::{Pools, Tx};
use super::super::error::{Error, Result};
use super::super::sql::sql;

/// A job that a worker has taken.
#[derive(QueryableByName, Clone, Debug)]
pub(super) struct Claimed {
    #[diesel(sql_type = SqlUuid)]
    pub job_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub client_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = SqlUuid)]
    pub token: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub requester_id: Option<Uuid>,
    #[diesel(sql_type = Int4)]
    pub failures: i32,
}

/// What a job is about.
#[derive(QueryableByName)]
pub(super) struct Asked {
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub args: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub checkpoint: Option<Value>,
}

/// How an attempt ended that did not finish its job.
#[derive(Debug)]
pub(super) enum Ending {
    Retry { code: &'static str, message: String, after: Duration },
    Failed { code: &'static str, message: String, result: Option<Value> },
    Cancelled,
    Released,
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Bool)]
    held: bool,
}

#[derive(QueryableByName)]
struct Renewed {
    #[diesel(sql_type = Int4)]
    #[allow(dead_code, reason = "the statement has to give a row")]
    renewed: i32,
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

async fn kept<T>(tx: Tx, value: T) -> Result<T> {
    if tx.finish(true).await? { Ok(value) } else { Err(Error::fault("a note in the queue was not kept")) }
}

/// Takes the next job, if one of these kinds is due.
pub(super) async fn claim(
    pools: &Pools,
    worker: Uuid,
    kinds: Vec<&'static str>,
    each: i32,
    lease: Duration,
) -> Result<Option<Claimed>> {
    let tx = Tx::open_anonymous(pools).await?;
    let claimed = tx
        .maybe(
            sql("SELECT c.job_id, c.client_id, c.kind, c.token, c.requester_id, c.failures FROM core.claim_job($1, $2, $3, $4) c")
                .bind::<SqlUuid, _>(worker)
                .bind::<Array<Text>, _>(kinds)
                .bind::<Int4, _>(each)
                .bind::<BigInt, _>(millis(lease)),
        )
        .await?;
    kept(tx, claimed).await
}

/// Renews the leases of a worker.
pub(super) async fn renew(pools: &Pools, worker: Uuid, lease: Duration) -> Result<()> {
    let tx = Tx::open_anonymous(pools).await?;
    let _: Renewed = tx
        .row(
            sql("SELECT core.renew_leases($1, $2) AS renewed")
                .bind::<SqlUuid, _>(worker)
                .bind::<BigInt, _>(millis(lease)),
        )
        .await?;
    kept(tx, ()).await
}

/// Ends an attempt. False if the job was somebody else's by then.
pub(super) async fn end(pools: &Pools, job: Uuid, token: Uuid, ending: Ending) -> Result<bool> {
    let (outcome, code, message, result, after) = match ending {
        Ending::Retry { code, message, after } => ("retry", Some(code), Some(message), None, after),
        Ending::Failed { code, message, result } => ("failed", Some(code), Some(message), result, Duration::ZERO),
        Ending::Cancelled => ("cancelled", None, None, None, Duration::ZERO),
        Ending::Released => ("released", None, None, None, Duration::ZERO),
    };
    let tx = Tx::open_anonymous(pools).await?;
    let held: Held = tx
        .row(
            sql("SELECT core.end_job($1, $2, $3, $4, $5, $6, $7) AS held")
                .bind::<SqlUuid, _>(job)
                .bind::<SqlUuid, _>(token)
                .bind::<Text, _>(outcome)
                .bind::<Nullable<Text>, _>(code)
                .bind::<Nullable<Text>, _>(message)
                .bind::<Nullable<Jsonb>, _>(result)
                .bind::<BigInt, _>(millis(after)),
        )
        .await?;
    kept(tx, held.held).await
}
