//! What a running job works with: its transactions, how far it has come, and when to stop.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

use super::super::can::Can;
use super::super::db::{Begin, Pools, Tx};
use super::super::door;
use super::super::error::{Error, Result};
use super::super::scope::Caller;
use super::super::sql::sql;
use super::super::withheld;
use super::queue::{Asked, Claimed, millis};
use super::{Halt, JobId};

/// How long a job works before it lets others have their turn.
const TURN: Duration = Duration::from_secs(5);

/// How much is done, and of how much as far as that is known: in whatever the kind of job counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// Altogether.
    pub total: Option<u64>,
}

impl Progress {
    fn done(self) -> i64 {
        i64::try_from(self.done).unwrap_or(i64::MAX)
    }

    fn total(self) -> Option<i64> {
        self.total.map(|total| i64::try_from(total).unwrap_or(i64::MAX))
    }
}

/// What was wrong with a line of the file that a job was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: i32,
    /// The column, if it is one column.
    pub column: Option<String>,
    /// What kind of problem, in capitals.
    pub code: String,
    /// What is wrong and how to mend it.
    pub message: String,
}

/// The proof that a job was finished: given by [`JobContext::finish`] only.
#[derive(Debug)]
pub struct Finished(());

#[derive(QueryableByName)]
struct Listed {
    #[diesel(sql_type = Int4)]
    #[allow(dead_code, reason = "the statement has to give a row")]
    listed: i32,
}

/// A job while it runs.
pub struct JobContext {
    pools: Pools,
    claimed: Claimed,
    lease: Duration,
    stopping: watch::Receiver<bool>,
    begun: Instant,
    /// Until when this turn lasts.
    turn: Mutex<Instant>,
    checkpoint: Option<Value>,
}

#[derive(QueryableByName)]
struct ToStop {
    #[diesel(sql_type = Bool)]
    to_stop: bool,
}

impl JobContext {
    pub(super) fn new(pools: Pools, claimed: Claimed, lease: Duration, stopping: watch::Receiver<bool>) -> Self {
        let begun = Instant::now();
        Self { pools, claimed, lease, stopping, begun, turn: Mutex::new(begun + TURN), checkpoint: None }
    }

    /// The job's id.
    #[must_use]
    pub fn id(&self) -> JobId {
        JobId(self.claimed.job_id)
    }

    /// The connections of the worker, for work that opens transactions through [`JobContext::caller`].
    #[must_use]
    pub fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The one who asked for the job, as the caller of operations that only read.
    pub fn caller(&self) -> Result<Caller> {
        let (client, requester) = self.client()?;
        Ok(Caller::Job { job: self.claimed.job_id, lease: self.claimed.token, requester, client })
    }

    /// Who asked for the job.
    pub fn requester(&self) -> Result<Uuid> {
        Ok(self.client()?.1)
    }

    fn client(&self) -> Result<(Uuid, Uuid)> {
        match (self.claimed.client_id, self.claimed.requester_id) {
            (Some(client), Some(requester)) => Ok((client, requester)),
            _ => Err(Error::fault("this job belongs to no client")),
        }
    }

    /// Opens a transaction for the one who asked for the job, if he holds that right now.
    pub async fn tx(&self, can: Can) -> Result<Tx> {
        self.tx_with(&[can]).await
    }

    /// The same for all of these rights.
    pub async fn tx_with(&self, rights: &[Can]) -> Result<Tx> {
        let tx = self.enter(Begin::Write).await?;
        self.check(tx, rights).await
    }

    /// Opens a transaction that reads one snapshot, if the one who asked for the job holds these rights now.
    pub async fn snapshot(&self, rights: &[Can]) -> Result<Tx> {
        let tx = self.enter(Begin::Read).await?;
        self.check(tx, rights).await
    }

    async fn check(&self, tx: Tx, rights: &[Can]) -> Result<Tx> {
        let Some(missing) = rights.iter().find(|can| !tx.permissions().contains(can)) else { return Ok(tx) };
        let message = format!("Whoever asked for this job does not hold the right `{}` any more.", missing.name());
        let refused = withheld::refusal(&tx, *missing, message).await;
        tx.finish(false).await?;
        Err(refused)
    }

    /// Notes how far a job has come that keeps nothing until its end, and asks whether these rights are still held. Gives
    /// a [`Halt`] if it is to stop.
    pub async fn note(&self, progress: Progress, rights: &[Can]) -> Result<(), Halt> {
        let tx = self.tx_with(rights).await?;
        let noted: ToStop = tx
            .row(
                sql("SELECT core.progress_job($1, $2, $3, $4) AS to_stop")
                    .bind::<SqlUuid, _>(self.claimed.job_id)
                    .bind::<SqlUuid, _>(self.claimed.token)
                    .bind::<BigInt, _>(progress.done())
                    .bind::<Nullable<BigInt>, _>(progress.total()),
            )
            .await?;
        tx.finish(true).await?;
        match (noted.to_stop, self.is_stopping()) {
            (true, _) => Err(Halt::Cancelled),
            (_, true) => Err(Halt::HandedBack),
            _ => Ok(()),
        }
    }

    /// Lists what was wrong with the job's file, instead of what was listed before, for whoever asked for the job.
    pub async fn list_problems(&self, tx: Tx, problems: &[Problem]) -> Result<()> {
        let _: Listed = tx
            .row(
                sql("SELECT core.list_job_problems($1, $2, $3, $4, $5, $6) AS listed")
                    .bind::<SqlUuid, _>(self.claimed.job_id)
                    .bind::<SqlUuid, _>(self.claimed.token)
                    .bind::<Array<Int4>, _>(problems.iter().map(|one| one.line).collect::<Vec<_>>())
                    .bind::<Array<Nullable<Text>>, _>(problems.iter().map(|one| one.column.clone()).collect::<Vec<_>>())
                    .bind::<Array<Text>, _>(problems.iter().map(|one| one.code.clone()).collect::<Vec<_>>())
                    .bind::<Array<Text>, _>(problems.iter().map(|one| one.message.clone()).collect::<Vec<_>>()),
            )
            .await?;
        if tx.finish(true).await? { Ok(()) } else { Err(Error::fault("the problems of a job were not kept")) }
    }

    /// Opens a transaction of a job that belongs to no client.
    pub async fn provider_tx(&self) -> Result<Tx> {
        let door = door::of_provider_job(self.claimed.job_id, self.claimed.token);
        Tx::open(&self.pools.identity, Begin::Write, door, |row| row.enter(Uuid::nil(), None)).await
    }

    async fn enter(&self, begin: Begin) -> Result<Tx> {
        let (client, requester) = self.client()?;
        let door = door::of_job(self.claimed.job_id, self.claimed.token, begin == Begin::Write);
        let opened = Tx::open(&self.pools.app, begin, door, |row| row.enter(requester, Some(client))).await;
        opened.map_err(|error| match error {
            Error::Unauthenticated(_) | Error::Forbidden(_) => {
                Error::Forbidden("Whoever asked for this job has no access to this client any more.".to_owned())
            }
            other => other,
        })
    }

    /// Reads what the job is asked to do, and how far it had come.
    pub(super) async fn read(&mut self) -> Result<Value> {
        let asked: Option<Asked> = if self.claimed.client_id.is_some() {
            let tx = self.enter(Begin::Read).await?;
            let asked = tx
                .maybe(
                    sql("SELECT j.args, j.checkpoint FROM core.job j WHERE j.tenant_id = $1 AND j.id = $2")
                        .bind::<SqlUuid, _>(tx.tenant()?)
                        .bind::<SqlUuid, _>(self.claimed.job_id),
                )
                .await?;
            tx.finish(true).await?;
            asked
        } else {
            let tx = Tx::open_anonymous(&self.pools).await?;
            let asked = tx
                .maybe(
                    sql("SELECT a.args, a.checkpoint FROM core.provider_job_args($1, $2) a")
                        .bind::<SqlUuid, _>(self.claimed.job_id)
                        .bind::<SqlUuid, _>(self.claimed.token),
                )
                .await?;
            tx.finish(true).await?;
            asked
        };
        let asked = asked.ok_or(Error::Retry)?;
        self.checkpoint = asked.checkpoint;
        asked.args.ok_or(Error::Retry)
    }

    /// Where the job was left; the default if it has not been begun.
    pub fn state<S: DeserializeOwned + Default>(&self) -> Result<S> {
        match &self.checkpoint {
            Some(value) => serde_json::from_value(value.clone()).map_err(Error::fault),
            None => Ok(S::default()),
        }
    }

    /// Commits the transaction together with how far the job has come. Gives a [`Halt`] if it is to go on another time.
    pub async fn checkpoint<S: Serialize>(&self, tx: Tx, state: &S, progress: Progress) -> Result<(), Halt> {
        let state = serde_json::to_value(state).map_err(Error::fault)?;
        let noted: ToStop = tx
            .row(
                sql("SELECT core.checkpoint_job($1, $2, $3, $4, $5, $6) AS to_stop")
                    .bind::<SqlUuid, _>(self.claimed.job_id)
                    .bind::<SqlUuid, _>(self.claimed.token)
                    .bind::<Jsonb, _>(state)
                    .bind::<BigInt, _>(progress.done())
                    .bind::<Nullable<BigInt>, _>(progress.total())
                    .bind::<BigInt, _>(millis(self.lease)),
            )
            .await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("a step of a job was not kept").into());
        }
        if noted.to_stop {
            return Err(Halt::Cancelled);
        }
        if self.is_stopping() || Instant::now() > *self.turn.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(Halt::HandedBack);
        }
        Ok(())
    }

    /// Commits the transaction and finishes the job with it.
    pub async fn finish<R: Serialize>(&self, tx: Tx, result: &R, progress: Progress) -> Result<Finished, Halt> {
        let result = serde_json::to_value(result).map_err(Error::fault)?;
        tx.exec(
            sql("SELECT core.finish_job($1, $2, $3, $4, $5)")
                .bind::<SqlUuid, _>(self.claimed.job_id)
                .bind::<SqlUuid, _>(self.claimed.token)
                .bind::<Jsonb, _>(result)
                .bind::<BigInt, _>(progress.done())
                .bind::<Nullable<BigInt>, _>(progress.total()),
        )
        .await?;
        if tx.finish(true).await? { Ok(Finished(())) } else { Err(Error::fault("a job's end was not kept").into()) }
    }

    /// Begins the turn of a job that had to prepare itself, and has to do so again each time: it lasts longer then, so that
    /// most of it is work.
    pub fn is_prepared(&self) {
        let turn = TURN.max(self.begun.elapsed().saturating_mul(3));
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + turn;
    }

    /// Whether a failure now would be the last one of a job that is tried so often.
    #[must_use]
    pub fn is_last_try(&self, tries: i32) -> bool {
        self.claimed.failures.saturating_add(1) >= tries
    }

    /// Whether the worker has been told to stop: work without checkpoints may give up early.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }
}
