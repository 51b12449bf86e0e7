//! Taking a client's archive.

use async_graphql::{Context, Object};

use super::archive::{ArchiveArgs, ClientArchive};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::job::{Job, JobPayload};
use crate::platform::jobs;
use crate::platform::scope::Ask;

async fn archive(tx: &Tx) -> Result<Job> {
    let id = jobs::enqueue::<ClientArchive>(tx, &ArchiveArgs::default(), None).await?;
    Job::asked_for(tx, id).await
}

/// Archives.
#[derive(Default)]
pub struct ArchiveMutation;

#[Object]
impl ArchiveMutation {
    /// Starts a job that writes everything that is the client's into one file, as it stood at one moment: every row of every
    /// table, the bytes of its files, its audit trail, and a manifest with the SHA-256 of each part and control totals; no
    /// secrets and no sessions. `backoffice client load` brings it into another server. Its result: `file` (for `file(id)`,
    /// kept 30 days, for holders of the right alone), `size` and `sha256`, `manifestSha256`, `tables`, `rows`, `files`,
    /// `missingFiles` and `controlTotals`. Right: `practice.client.archive`, now and until it is written.
    async fn client_archive_create(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JobPayload>> {
        let tx = ctx.tx(Can::ClientArchive).await?;
        JobPayload::settle(ctx, archive(tx).await)
    }
}
