//! A job as its client sees it: what it does, how far it has come, how it ended. It is done by workers
//! (`platform::jobs`), which are the only ones to change it.

use std::collections::HashMap;

pub mod problem;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{ServiceAccountId, UserId};
use crate::platform::jobs::{JobId, JobName};
use crate::platform::json::Json;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{job, job_attempt};
use problem::JobProblemConnection;

crate::words! {
    /// Where a job stands.
    JobState {
        /// It waits for its time or for a worker.
        Waiting = "waiting",
        /// A worker does it.
        Running = "running",
        /// It is done, all of it.
        Succeeded = "succeeded",
        /// It was given up; what it did before stays done as far as `done` says. `jobRetry` takes it up again.
        Failed = "failed",
        /// It was stopped; what it did before stays done as far as `done` says.
        Cancelled = "cancelled",
    }
}

crate::words! {
    /// How an attempt at a job ended.
    JobOutcome {
        /// With the job done.
        Succeeded = "succeeded",
        /// With the job given up.
        Failed = "failed",
        /// With a failure that may be otherwise next time: the job is tried again after a while.
        Retry = "retry",
        /// Its worker was lost; another goes on.
        Lost = "lost",
        /// Somebody stopped the job.
        Cancelled = "cancelled",
    }
}

/// Work that takes longer than a request: asked for with one, done by the server with the rights of the one who asked,
/// as they are while it is done.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = job)]
#[graphql(complex)]
pub struct Job {
    /// Global id.
    pub id: JobId,
    /// What it does.
    pub kind: JobName,
    /// Where it stands.
    pub state: JobState,
    /// How much of it is done, in what its kind counts: links, rows, lines.
    #[graphql(skip)]
    pub done: i64,
    #[graphql(skip)]
    total: Option<i64>,
    /// How many attempts at it have ended.
    #[diesel(column_name = attempts)]
    pub attempt_count: i32,
    #[graphql(skip)]
    requester_id: Uuid,
    #[graphql(skip)]
    requester_kind: String,
    /// The name of the person or service account that asked for it.
    #[graphql(name = "requestedByName")]
    pub requester_name: String,
    #[graphql(skip)]
    result: Option<serde_json::Value>,
    /// Why it failed or is tried again, for programs: `REFUSED`, `FORBIDDEN`, `BAD_USER_INPUT`, `CONFLICT`,
    /// `UNAVAILABLE`, `TIMEOUT`, `WORKER_LOST`, `INTERNAL_SERVER_ERROR`; null if it did not.
    pub error_code: Option<String>,
    #[graphql(skip)]
    error: Option<String>,
    /// It is not begun before this.
    pub run_at: DateTime,
    /// When it was first begun; null if it was not.
    pub started_at: Option<DateTime>,
    /// When it ended; null while it waits or runs.
    pub ended_at: Option<DateTime>,
    /// When somebody asked it to stop; null if nobody did.
    #[graphql(name = "cancelRequestedAt")]
    pub cancel_asked_at: Option<DateTime>,
    /// When it was asked for.
    pub created_at: DateTime,
    /// When it last came on.
    pub updated_at: DateTime,
}

/// How far a job has come.
#[derive(SimpleObject, Clone, Copy, Debug)]
pub struct JobProgress {
    /// How much is done, in what the kind of job counts: links, rows, lines.
    pub done: i64,
    /// How much there is altogether; null if that is not known.
    pub total: Option<i64>,
}

/// One attempt at a job that has ended.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = job_attempt)]
pub struct JobAttempt {
    #[graphql(skip)]
    job_id: JobId,
    /// Its number, from 1.
    pub number: i32,
    /// How it ended.
    pub outcome: JobOutcome,
    /// Why, for programs; see `Job.errorCode`.
    pub error_code: Option<String>,
    /// When it began.
    pub started_at: DateTime,
    /// When it ended.
    pub ended_at: DateTime,
}

#[ComplexObject]
impl Job {
    /// How far it has come.
    async fn progress(&self) -> JobProgress {
        JobProgress { done: self.done, total: self.total }
    }

    /// Global id of the person or service account that asked for it.
    async fn requested_by(&self) -> ID {
        ID(match self.requester_kind.as_str() {
            "service" => ServiceAccountId(self.requester_id).to_string(),
            _ => UserId(self.requester_id).to_string(),
        })
    }

    /// What came of it, for the one who asked for it; null for everybody else and until it has ended. Which fields it
    /// has stands at the mutation that asks for the job.
    async fn result(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Json>> {
        Ok(self.result.clone().filter(|_| self.is_for(ctx)).map(Json::new))
    }

    /// Why it failed or is tried again, in a sentence, for the one who asked for it; null for everybody else.
    async fn error(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(self.error.clone().filter(|_| self.is_for(ctx)))
    }

    /// What was wrong with the file that it was given, by line, for the one who asked for it; null for everybody else. The
    /// first 1,000 places are listed; how many more there are stands in the result of the job.
    async fn problems(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<Option<JobProblemConnection>> {
        problem::page(ctx, self.id, self.is_for(ctx), first, after).await
    }

    /// The attempts at it that have ended, the first one first.
    async fn attempts(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<JobAttempt>> {
        Ok(ctx.load::<JobAttempt>(self.id).await?.unwrap_or_default())
    }
}

impl Job {
    /// What a job says may be more than others are allowed to see: it was done with its requester's rights.
    fn is_for(&self, ctx: &Context<'_>) -> bool {
        let tx = ctx.scope().ok().and_then(|scope| scope.transaction());
        if let Some(tx) = tx {
            tx.tells_own();
        }
        tx.map(Tx::actor) == Some(self.requester_id)
    }

    /// A job that this transaction has just asked for.
    pub async fn asked_for(tx: &Tx, id: JobId) -> Result<Self> {
        find(tx, id).await?.ok_or_else(|| Error::fault("a job that was asked for is not there"))
    }
}

async fn find(tx: &Tx, id: JobId) -> Result<Option<Job>> {
    tx.maybe(job::table.filter(job::tenant_id.eq(tx.tenant()?)).filter(job::id.eq(id)).select(Job::as_select())).await
}

impl Fetch for Job {
    type Key = JobId;
    type Value = Self;
    const CAN: Can = Can::JobRead;

    async fn fetch(tx: &Tx, keys: Vec<JobId>) -> Result<HashMap<JobId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                job::table
                    .filter(job::tenant_id.eq(tx.tenant()?))
                    .filter(job::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for JobAttempt {
    type Key = JobId;
    type Value = Vec<Self>;
    const CAN: Can = Can::JobRead;

    async fn fetch(tx: &Tx, keys: Vec<JobId>) -> Result<HashMap<JobId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                job_attempt::table
                    .filter(job_attempt::tenant_id.eq(tx.tenant()?))
                    .filter(job_attempt::job_id.eq_any(keys))
                    .order((job_attempt::job_id, job_attempt::number))
                    .select(Self::as_select()),
            )
            .await?;
        let mut by_job: HashMap<JobId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_job.entry(row.job_id).or_default().push(row);
        }
        Ok(by_job)
    }
}

crate::connection!(
    /// A page of jobs.
    JobConnection, JobEdge, Job
);

crate::equality_filter!(
    /// Conditions on what a job does.
    JobNameFilter, JobName
);

crate::equality_filter!(
    /// Conditions on where a job stands.
    JobStateFilter, JobState
);

crate::filter! {
    /// Narrows a list of jobs.
    JobFilter over job {
        /// By what it does.
        kind: JobNameFilter => equality(job::kind),
        /// By where it stands.
        state: JobStateFilter => equality(job::state),
    }
}

/// Queries about jobs.
#[derive(Default)]
pub struct JobQuery;

#[Object]
impl JobQuery {
    /// One job; null if the id is unknown. Right: `work.job.read`.
    async fn job(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job's id.")] id: JobId,
    ) -> async_graphql::Result<Option<Job>> {
        Ok(ctx.load::<Job>(id).await?)
    }

    /// The client's jobs, the latest first. Right: `work.job.read`.
    async fn jobs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only jobs that match.")] filter: Option<JobFilter>,
    ) -> async_graphql::Result<JobConnection> {
        let tx = ctx.tx(Can::JobRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<JobFilter>| -> Result<_> {
            let mut query = job::table.filter(job::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(job::id.lt(*id));
        }
        let rows = tx.rows(page.order(job::id.desc()).limit(slice.limit()).select(Job::as_select())).await?;
        Ok(JobConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Names a job.
#[derive(InputObject, Clone, Debug)]
pub struct JobInput {
    /// The job.
    pub id: JobId,
}

crate::payload!(
    /// What came of asking for a job, or of stopping or repeating one.
    JobPayload {
        /// The job; null if the input was refused.
        job: Job
    }
);

#[derive(QueryableByName)]
struct Verdict {
    #[diesel(sql_type = Text)]
    verdict: String,
}

/// Stops a job.
async fn cancel(tx: &Tx, id: JobId) -> Result<Job> {
    let said: Verdict = tx.row(sql("SELECT core.cancel_job($1) AS verdict").bind::<SqlUuid, _>(id)).await?;
    match said.verdict.as_str() {
        "unknown" => Err(Error::not_found("id", "job")),
        "over" => Err(Error::refuse(UserErrorCode::State, "id", "This job has ended already.")),
        _ => Job::asked_for(tx, id).await,
    }
}

/// Takes up a job again.
async fn retry(tx: &Tx, id: JobId) -> Result<Job> {
    let said: Verdict = tx.row(sql("SELECT core.retry_job($1) AS verdict").bind::<SqlUuid, _>(id)).await?;
    match said.verdict.as_str() {
        "unknown" => Err(Error::not_found("id", "job")),
        "state" => {
            Err(Error::refuse(UserErrorCode::State, "id", "Only a job that failed or was cancelled is run again."))
        }
        _ => {
            tx.ask_for_work();
            Job::asked_for(tx, id).await
        }
    }
}

/// What can be done with jobs.
#[derive(Default)]
pub struct JobMutation;

#[Object]
impl JobMutation {
    /// Stops a job: at once if it waits, after its next step if it runs. What it has done stays done. Right:
    /// `work.job.manage`.
    async fn job_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job.")] input: JobInput,
    ) -> async_graphql::Result<Option<JobPayload>> {
        let tx = ctx.tx(Can::JobManage).await?;
        JobPayload::settle(ctx, cancel(tx, input.id).await)
    }

    /// Takes up a job that failed or was cancelled, where it was left, still for the one who asked for it. Right:
    /// `work.job.manage`.
    async fn job_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The job.")] input: JobInput,
    ) -> async_graphql::Result<Option<JobPayload>> {
        let tx = ctx.tx(Can::JobManage).await?;
        JobPayload::settle(ctx, retry(tx, input.id).await)
    }
}
