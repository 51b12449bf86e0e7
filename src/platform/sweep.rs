//! Taking away what has been of no use for long: stored answers, failed sign-ins, sessions and jobs that are over. What
//! goes and when is the database's to say (`core.sweep`, `core.sweep_jobs`), which also sees to it that one server sweeps at a time.

use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Int4};
use serde::{Deserialize, Serialize};

use super::db::{Pools, Tx};
use super::error::{Error, Result};
use super::jobs::{JobContext, JobKind, JobName, JobResult, Progress};
use super::sql::sql;

/// Rows of each kind that go in one transaction.
pub const BATCH: i32 = 1_000;
/// Transactions of one look; what is left then waits for the next.
const BATCHES: u32 = 200;
/// A rest between two of them, so that a large heap does not take the database from those who work.
const REST: Duration = Duration::from_millis(50);

/// What went.
#[derive(QueryableByName, Serialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Answers stored for repeated requests.
    #[diesel(sql_type = Int4)]
    pub answers: i32,
    /// Failed sign-ins.
    #[diesel(sql_type = Int4)]
    pub attempts: i32,
    /// Sessions.
    #[diesel(sql_type = Int4)]
    pub sessions: i32,
    /// Refresh tokens of such sessions.
    #[diesel(sql_type = Int4)]
    pub refresh_tokens: i32,
    /// Jobs that are over, with their attempts.
    #[diesel(sql_type = Int4)]
    pub jobs: i32,
    /// Whether there may be more.
    #[diesel(sql_type = Bool)]
    pub more: bool,
}

/// Takes away one batch, of at most that many rows of each kind.
pub async fn once(pools: &Pools, most: i32) -> Result<Swept> {
    let tx = Tx::open_anonymous(pools).await?;
    let swept: Swept = tx
        .row(
            sql("SELECT s.answers, s.attempts, s.sessions, s.refresh_tokens, j.jobs, s.more OR j.more AS more
                   FROM core.sweep($1) s, core.sweep_jobs($1) j")
            .bind::<Int4, _>(most),
        )
        .await?;
    if tx.finish(true).await? { Ok(swept) } else { Err(Error::fault("the sweep was not kept")) }
}

/// Takes away all that is due, in batches.
pub async fn all(pools: &Pools) -> Result<Swept> {
    let mut sum = Swept::default();
    for _ in 0..BATCHES {
        let swept = once(pools, BATCH).await?;
        sum = Swept {
            answers: sum.answers.saturating_add(swept.answers),
            attempts: sum.attempts.saturating_add(swept.attempts),
            sessions: sum.sessions.saturating_add(swept.sessions),
            refresh_tokens: sum.refresh_tokens.saturating_add(swept.refresh_tokens),
            jobs: sum.jobs.saturating_add(swept.jobs),
            more: swept.more,
        };
        if !swept.more {
            break;
        }
        tokio::time::sleep(REST).await;
    }
    Ok(sum)
}

/// The kind of job that sweeps. It is asked for by a schedule of the provider.
pub struct Sweep;

/// It is asked for without any wishes.
#[derive(Serialize, Deserialize)]
pub struct Everything {}

impl JobKind for Sweep {
    const NAME: JobName = JobName::Sweep;
    type Args = Everything;

    async fn run(&self, job: &JobContext, _: Everything) -> JobResult {
        // Each batch is kept by itself; what a worker that died has not swept, the next one does.
        let swept = all(job.pools()).await?;
        job.finish(job.provider_tx().await?, &swept, Progress::default()).await
    }
}
