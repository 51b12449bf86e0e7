//! The job that waits until work comes: it opens what is due, and asks for the next one in the same transaction. After an
//! outage it opens what was missed, each once.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{RecurringWork, open};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::jobs::{self, JobContext, JobKind, JobName, JobResult, Progress};
use crate::work::ids::RecurringWorkId;

/// How many runs are opened in one transaction.
const AT_ONCE: usize = 10;

/// Which work is to be opened.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct Waiting {
    work: Uuid,
    /// As it was when the job was asked for.
    generation: i32,
}

/// The kind of job.
pub struct OpenWork;

/// Asks for the job that opens the next run, for whoever acts.
pub(super) async fn wait(tx: &Tx, work: &RecurringWork) -> Result<()> {
    if work.next_at.is_some() {
        let waiting = Waiting { work: work.id.0, generation: work.generation };
        jobs::enqueue::<OpenWork>(tx, &waiting, work.next_at).await?;
    }
    Ok(())
}

impl JobKind for OpenWork {
    const NAME: JobName = JobName::OpenWork;
    type Args = Waiting;

    async fn run(&self, job: &JobContext, waiting: Waiting) -> JobResult {
        let mut done = Progress::default();
        loop {
            let tx = job.tx(Can::WorkItemManage).await?;
            let found = open::held(&tx, RecurringWorkId(waiting.work)).await?;
            // Changed since: the change has asked for a job of its own.
            let Some(work) = found.filter(|work| work.generation == waiting.generation) else {
                return job.finish(tx, &serde_json::json!({ "opened": false }), done).await;
            };
            let (work, more) = open::open_due(&tx, work, AT_ONCE).await?;
            done.done = done.done.saturating_add(1);
            if more {
                job.checkpoint(tx, &serde_json::json!({}), done).await?;
                continue;
            }
            wait(&tx, &work).await?;
            return job.finish(tx, &serde_json::json!({ "opened": true }), done).await;
        }
    }
}
