//! Work that is done later or takes long: asked for in a business transaction, done by a worker, each effect once.
//!
//! A kind of job is one `impl JobKind`. It works in transactions that the job's own door opens, with the rights that the
//! one who asked for it has at that moment. Each of them ends in [`JobContext::checkpoint`], which commits how far the job
//! has come together with what was done, or in [`JobContext::finish`], which takes the job out of the queue in the commit
//! of its last effect. A worker may die anywhere: what was committed is never done again, what was not is.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use super::db::Tx;
use super::error::{Error, Result};
use super::scalars::DateTime;
use super::sql::sql;

mod context;
mod queue;
pub mod worker;

pub use context::{Finished, JobContext, Problem, Progress};

crate::ids! {
    /// Names a job.
    JobId = "job";
}

crate::words! {
    /// What a job does.
    JobName {
        /// Verifies the client's audit chain from its first link to its newest.
        AuditVerify = "audit.verify",
        /// Posts what is due of deferrals, depreciation and recurring entries.
        DueEntriesPost = "finance.due_entries",
        /// Writes a list to a file.
        Export = "bulk.export",
        /// Takes a file in.
        Import = "bulk.import",
        /// Takes away what is over: stored answers, failed sign-ins, ended sessions. The provider's own.
        Sweep = "core.sweep",
        /// Sends a mail about coming in: an invitation, a new password, a sign-in from a new device. The provider's own.
        SignInMail = "mail.sign_in",
        /// Ends requests for approval whose time is over, and calls for help where a step waits for too long. The
        /// provider's own.
        LapseApprovals = "practice.lapse_approvals",
        /// Reminds a client by mail of what it was asked for. The provider's own.
        ReminderMail = "mail.reminder",
        /// Sends somebody a mail of what he was told of. The provider's own.
        NoticeMail = "mail.notices",
        /// Sends an invitation to an appointment, or tells what became of it.
        AppointmentMail = "mail.appointment",
        /// Lays a series of appointments out further ahead.
        AppointmentLay = "appointment.lay",
        /// Sets a letter as PDF.
        LetterTypeset = "letter.typeset",
        /// Sends a mail of the register of correspondence.
        CorrespondenceSend = "correspondence.send",
        /// Archives, trashes, proposes and purges documents whose day has come.
        DocumentRetention = "documents.retention",
        /// Reads the text of a version of a document, for the search.
        DocumentText = "documents.text",
        /// Writes everything that is the client's into one file.
        ClientArchive = "practice.client_archive",
        /// Asks for signatures by mail, reminds of them, and tells what became of them. The provider's own.
        SignatureMail = "signature.mail",
        /// Ends a request for signatures whose time is over. The provider's own.
        SignatureExpiry = "signature.expire",
        /// Writes the evidence sheet of what was signed. The provider's own.
        SignatureEvidence = "signature.evidence",
        /// Opens recurring work when it comes.
        OpenWork = "work.open",
    }
}

/// A kind of job. Registered in `crate::background`.
pub trait JobKind: Send + Sync + 'static {
    /// Its name.
    const NAME: JobName;
    /// How often it is tried, counted from the last time it came on, before it is given up.
    const TRIES: i32 = 8;
    /// What it is asked to do.
    type Args: Serialize + DeserializeOwned + Send + Sync;

    /// Does it, from where [`JobContext::state`] says it was left.
    fn run(&self, job: &JobContext, args: Self::Args) -> impl Future<Output = JobResult> + Send;
}

/// What becomes of a run.
pub type JobResult = std::result::Result<Finished, Halt>;

/// Why a run ended before the job was finished.
#[derive(Debug)]
pub enum Halt {
    /// It failed. A refusal or a missing right ends the job; what may be otherwise next time is tried again.
    Failed(Error),
    /// Somebody outside did not answer, or asked for patience: tried again. The reason is a sentence for whoever looks at
    /// the job.
    Later(String),
    /// It failed for good, with something to show for it: the lines of a file that are wrong, say.
    Refused(String, serde_json::Value),
    /// Somebody asked it to stop.
    Cancelled,
    /// The worker stops, or others' turn has come: the job goes back into the queue as far as it has come.
    HandedBack,
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Puts a job into the queue, for the actor and the client of this transaction. It exists exactly if this is committed.
pub async fn enqueue<K: JobKind>(tx: &Tx, args: &K::Args, run_at: Option<DateTime>) -> Result<JobId> {
    let id = JobId::new();
    let scopes: Vec<&str> = tx.permissions().iter().map(|can| can.name()).collect();
    tx.exec(
        sql("SELECT core.enqueue_job($1, $2, $3, $4, $5)")
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(K::NAME)
            .bind::<Jsonb, _>(serde_json::to_value(args).map_err(Error::fault)?)
            .bind::<Array<Text>, _>(scopes)
            .bind::<Nullable<Timestamptz>, _>(run_at),
    )
    .await?;
    tx.ask_for_work();
    Ok(id)
}

/// Puts a job that belongs to no client into the queue. Nobody acts in its transactions, which see no client's table.
pub async fn enqueue_for_provider<K: JobKind>(tx: &Tx, args: &K::Args, run_at: Option<DateTime>) -> Result<JobId> {
    let id = JobId::new();
    tx.exec(
        sql("SELECT core.enqueue_provider_job($1, $2, $3, $4)")
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(K::NAME)
            .bind::<Jsonb, _>(serde_json::to_value(args).map_err(Error::fault)?)
            .bind::<Nullable<Timestamptz>, _>(run_at),
    )
    .await?;
    tx.ask_for_work();
    Ok(id)
}

/// Told when a job was put into the queue by this process. Workers of other processes look once a second.
static BELL: Notify = Notify::const_new();

/// Wakes the workers of this process.
pub fn ring() {
    BELL.notify_waiters();
}

/// A kind with its arguments still in JSON.
trait AnyKind: Send + Sync {
    fn run<'a>(&'a self, job: &'a JobContext, args: serde_json::Value) -> BoxFuture<'a, JobResult>;
    fn tries(&self) -> i32;
}

impl<K: JobKind> AnyKind for K {
    fn run<'a>(&'a self, job: &'a JobContext, args: serde_json::Value) -> BoxFuture<'a, JobResult> {
        Box::pin(async move {
            let args = serde_json::from_value(args).map_err(Error::fault)?;
            JobKind::run(self, job, args).await
        })
    }

    fn tries(&self) -> i32 {
        K::TRIES
    }
}

/// The kinds of jobs that a process can do. Others are left to workers that know them.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: HashMap<&'static str, Arc<dyn AnyKind>>,
}

impl Registry {
    /// Adds a kind.
    #[must_use]
    pub fn with<K: JobKind>(mut self, kind: K) -> Self {
        self.kinds.insert(K::NAME.text(), Arc::new(kind));
        self
    }
}
