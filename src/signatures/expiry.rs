//! The end of a request's time. That it is over holds from its instant on, whoever asks; the job writes it down and tells of
//! it. A job that comes for an end that was changed since, or to a request that is over, does nothing.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::mails::{self, News};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::jobs::{self, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::signing;
use crate::platform::sql::sql;

/// Which end of which request a job comes for.
#[derive(Serialize, Deserialize, Clone, Copy, Debug)]
pub struct End {
    client: Uuid,
    request: Uuid,
    expires_at: chrono::DateTime<chrono::Utc>,
}

/// Asks for the job that writes this end down.
pub(super) async fn watch(tx: &Tx, request: Uuid, expires_at: DateTime) -> Result<()> {
    let end = End { client: tx.tenant()?, request, expires_at: expires_at.0 };
    jobs::enqueue_for_provider::<SignatureExpiry>(tx, &end, Some(expires_at)).await?;
    Ok(())
}

/// The kind of job.
pub struct SignatureExpiry;

#[derive(QueryableByName)]
struct Ended {
    #[diesel(sql_type = Bool)]
    ended: bool,
}

impl JobKind for SignatureExpiry {
    const NAME: JobName = JobName::SignatureExpiry;
    type Args = End;

    async fn run(&self, job: &JobContext, end: End) -> JobResult {
        let ended = match signing::for_request(job.pools(), end.client, end.request, job.id().0).await {
            Ok(tx) => {
                let said: Ended = tx
                    .row(
                        sql("SELECT practice.expire_signature($1, $2) AS ended")
                            .bind::<SqlUuid, _>(end.request)
                            .bind::<Timestamptz, _>(DateTime(end.expires_at)),
                    )
                    .await?;
                if said.ended {
                    emit(&tx, EventKind::SignatureRequestEnded, end.request);
                    mails::ask(&tx, end.request, News::Over, None).await?;
                }
                if !tx.finish(true).await? {
                    return Err(Error::fault("the end of a request was not kept").into());
                }
                said.ended
            }
            // The client has gone, and its requests with it.
            Err(Error::Forbidden(_)) => false,
            Err(error) => return Err(error.into()),
        };
        job.finish(job.provider_tx().await?, &serde_json::json!({ "expired": ended }), Progress::default()).await
    }
}
