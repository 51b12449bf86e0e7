//! The loop that takes jobs from the queue and does them.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;
use uuid::Uuid;

use super::super::db::Pools;
use super::super::error::Error;
use super::super::ids::new_uuid;
use super::queue::{self, Claimed, Ending};
use super::{BELL, Halt, JobContext, JobResult, Registry};

/// How often the queue is looked at when nobody rings.
const LOOK: Duration = Duration::from_secs(1);
/// How long a run may take without handing back, which it does within seconds if it comes on.
const LONGEST: Duration = Duration::from_secs(900);
/// How long running jobs have for the step that they are in when the worker stops.
const STEP: Duration = Duration::from_secs(20);
/// The longest wait before another try.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How a worker works.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How many jobs it does at a time.
    pub slots: usize,
    /// How long a job stays its own without being renewed.
    pub lease: Duration,
}

/// Does jobs until told to stop; then each is handed back after the step that it is in.
pub async fn work(pools: Pools, registry: Registry, terms: Terms, mut stopping: watch::Receiver<bool>) {
    let worker = new_uuid();
    let kinds: Vec<&'static str> = registry.kinds.keys().copied().collect();
    // One slot is left for others: a client with long jobs never has a whole worker to itself.
    let each = i32::try_from(terms.slots.saturating_sub(1).max(1)).unwrap_or(1);
    let mut running: JoinSet<()> = JoinSet::new();
    let renewing = tokio::spawn(keep_leases(pools.clone(), worker, terms.lease));
    while !*stopping.borrow() {
        // Listening before looking: a job that is asked for in between rings.
        let mut rung = std::pin::pin!(BELL.notified());
        rung.as_mut().enable();
        if running.len() < terms.slots {
            match queue::claim(&pools, worker, kinds.clone(), each, terms.lease).await {
                Ok(Some(claimed)) => {
                    let context = JobContext::new(pools.clone(), claimed.clone(), terms.lease, stopping.clone());
                    let span = tracing::info_span!("job", id = %claimed.job_id, kind = %claimed.kind);
                    running.spawn(one(pools.clone(), registry.clone(), claimed, context).instrument(span));
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(?error, "the queue does not answer"),
            }
        }
        tokio::select! {
            _ = running.join_next(), if !running.is_empty() => {}
            () = rung, if running.len() < terms.slots => {}
            () = tokio::time::sleep(LOOK) => {}
            _ = stopping.changed() => {}
        }
    }
    let stopped = tokio::time::timeout(STEP, async { while running.join_next().await.is_some() {} }).await;
    renewing.abort();
    if stopped.is_err() {
        tracing::warn!("jobs were cut off in the middle of a step; they are taken up again when their lease runs out");
        running.shutdown().await;
    }
}

async fn keep_leases(pools: Pools, worker: Uuid, lease: Duration) {
    loop {
        tokio::time::sleep(lease / 3).await;
        if let Err(error) = queue::renew(&pools, worker, lease).await {
            tracing::warn!(?error, "leases could not be renewed");
        }
    }
}

/// Does one job and notes what became of it.
async fn one(pools: Pools, registry: Registry, claimed: Claimed, mut context: JobContext) {
    let started = Instant::now();
    let Some(kind) = registry.kinds.get(claimed.kind.as_str()).cloned() else { return };
    let run = async {
        let args = context.read().await?;
        kind.run(&context, args).await
    };
    let outcome = match tokio::time::timeout(LONGEST, AssertUnwindSafe(run).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Halt::Failed(Error::fault("a job panicked"))),
        Err(_) => Err(Halt::Failed(Error::TimedOut)),
    };
    let word = outcome_word(&outcome);
    tracing::info!(outcome = word, ms = started.elapsed().as_millis(), "job");
    metrics::counter!("backoffice_jobs_total", "kind" => claimed.kind.clone(), "outcome" => word).increment(1);
    metrics::histogram!("backoffice_job_seconds", "kind" => claimed.kind.clone())
        .record(started.elapsed().as_secs_f64());
    let Err(halt) = outcome else { return };
    let ending = ending(halt, claimed.failures, kind.tries(), claimed.token);
    match queue::end(&pools, claimed.job_id, claimed.token, ending).await {
        Ok(true) => {}
        Ok(false) => tracing::info!("somebody else has taken this job over"),
        Err(error) => tracing::warn!(?error, "a job's end could not be noted; its lease will run out"),
    }
}

fn outcome_word(outcome: &JobResult) -> &'static str {
    match outcome {
        Ok(_) => "succeeded",
        Err(Halt::Failed(_) | Halt::Later(_)) => "failed",
        Err(Halt::Refused(..)) => "refused",
        Err(Halt::Cancelled) => "cancelled",
        Err(Halt::HandedBack) => "handed_back",
    }
}

/// What a halt means for the job.
fn ending(halt: Halt, failures: i32, tries: i32, token: Uuid) -> Ending {
    let last = failures.saturating_add(1) >= tries;
    let error = match halt {
        Halt::Cancelled => return Ending::Cancelled,
        Halt::HandedBack => return Ending::Released,
        Halt::Refused(message, result) => {
            return Ending::Failed { code: "REFUSED", message, result: Some(result) };
        }
        Halt::Later(message) if last => return Ending::Failed { code: "UNAVAILABLE", message, result: None },
        Halt::Later(message) => return Ending::Retry { code: "UNAVAILABLE", message, after: wait(failures, token) },
        Halt::Failed(error) => error,
    };
    let (code, message) = match error {
        Error::Refused(reasons) => {
            let message = reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" ");
            return Ending::Failed { code: "REFUSED", message, result: None };
        }
        Error::Unauthenticated(reason) => {
            return Ending::Failed { code: "FORBIDDEN", message: reason.to_owned(), result: None };
        }
        Error::Forbidden(message) => return Ending::Failed { code: "FORBIDDEN", message, result: None },
        Error::BadInput(message) => return Ending::Failed { code: "BAD_USER_INPUT", message, result: None },
        Error::Retry | Error::RolledBack => ("CONFLICT", "Another change came first."),
        Error::Unavailable | Error::Exhausted(_) => ("UNAVAILABLE", "The server was busy."),
        Error::TimedOut => ("TIMEOUT", "It took too long."),
        Error::Fault(text) => {
            tracing::error!(fault = %text, "internal fault");
            ("INTERNAL_SERVER_ERROR", "Something went wrong on our side.")
        }
    };
    let message = message.to_owned();
    if last {
        return Ending::Failed { code, message, result: None };
    }
    Ending::Retry { code, message, after: wait(failures, token) }
}

/// How long to wait before another try: twice as long each time, up to ten minutes, and between half and all of that,
/// so that what failed together does not come back together.
fn wait(failures: i32, token: Uuid) -> Duration {
    let doubled = 1_u64.checked_shl(u32::try_from(failures).unwrap_or_default()).unwrap_or(u64::MAX);
    let most = Duration::from_secs(doubled.min(LONGEST_WAIT.as_secs()));
    let chance = u32::from(token.as_bytes().last().copied().unwrap_or_default());
    most / 2 + (most / 2).saturating_mul(chance) / 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_the_requester_can_mend_is_not_tried_again() {
        for error in [
            Error::Forbidden("no".to_owned()),
            Error::BadInput("no".to_owned()),
            Error::Unauthenticated("no"),
            Error::not_found("id", "thing"),
        ] {
            assert!(matches!(ending(Halt::Failed(error), 0, 8, Uuid::nil()), Ending::Failed { .. }));
        }
        for error in [Error::Retry, Error::Unavailable, Error::TimedOut, Error::fault("x")] {
            assert!(matches!(ending(Halt::Failed(error), 0, 8, Uuid::nil()), Ending::Retry { .. }));
        }
        let later = || Halt::Later("They are closed.".to_owned());
        assert!(
            matches!(ending(later(), 0, 8, Uuid::nil()), Ending::Retry { message, .. } if message == "They are closed.")
        );
        assert!(
            matches!(ending(later(), 7, 8, Uuid::nil()), Ending::Failed { message, .. } if message == "They are closed.")
        );
        let Ending::Failed { message, .. } = ending(Halt::Failed(Error::fault("secret")), 7, 8, Uuid::nil()) else {
            panic!("tried for ever");
        };
        assert!(!message.contains("secret"));
    }

    proptest! {
        #[test]
        fn waits_grow_and_end(failures in 0_i32..1000, chance in any::<u8>()) {
            let token = Uuid::from_bytes([chance; 16]);
            let waited = wait(failures, token);
            prop_assert!(waited >= Duration::from_millis(500) && waited <= LONGEST_WAIT);
            prop_assert!(wait(failures + 2, token) >= waited);
        }
    }
}
