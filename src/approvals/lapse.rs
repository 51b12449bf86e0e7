//! What happens to requests when time passes: they expire, and steps that wait for too long call for help. That a request
//! has expired holds from its instant on; the job only writes it down, closes the work items and tells of it.

use diesel::QueryableByName;
use diesel::sql_types::Int4;
use serde::{Deserialize, Serialize};

use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::jobs::{JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::sql::sql;

/// Requests and steps of one transaction.
const BATCH: i32 = 200;
/// Transactions of one job; what is left then waits for the next.
const BATCHES: u32 = 100;

/// What has lapsed.
#[derive(QueryableByName, Serialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lapsed {
    /// Requests that expired.
    #[diesel(sql_type = Int4)]
    pub expired: i32,
    /// Steps that called for help.
    #[diesel(sql_type = Int4)]
    pub escalated: i32,
}

/// Writes down all that has lapsed, in batches.
pub async fn all(pools: &Pools) -> Result<Lapsed> {
    let mut sum = Lapsed::default();
    for _ in 0..BATCHES {
        let tx = Tx::open_anonymous(pools).await?;
        let some: Lapsed = tx
            .row(sql("SELECT l.expired, l.escalated FROM practice.lapse_approvals($1) l").bind::<Int4, _>(BATCH))
            .await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("what lapsed was not kept"));
        }
        sum.expired = sum.expired.saturating_add(some.expired);
        sum.escalated = sum.escalated.saturating_add(some.escalated);
        if some.expired < BATCH && some.escalated < BATCH {
            break;
        }
    }
    Ok(sum)
}

/// The kind of job that does it. It is asked for by a schedule of the provider.
pub struct LapseApprovals;

/// It is asked for without any wishes.
#[derive(Serialize, Deserialize)]
pub struct Everything {}

impl JobKind for LapseApprovals {
    const NAME: JobName = JobName::LapseApprovals;
    type Args = Everything;

    async fn run(&self, job: &JobContext, _: Everything) -> JobResult {
        let lapsed = all(job.pools()).await?;
        job.finish(job.provider_tx().await?, &lapsed, Progress::default()).await
    }
}
