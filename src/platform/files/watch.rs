//! What happens to files by itself: the check of those in quarantine, and the sweeping of what is over.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use tokio::sync::watch;
use uuid::Uuid;

use super::Files;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::sql::sql;
use crate::platform::workers::rest;

/// How often a server looks for files in quarantine, if it has files checked.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// How long the check of one file may take; below the five minutes for which `core.files_to_check` gives it.
const CHECK_TIMEOUT: Duration = Duration::from_secs(240);
/// How often a server looks for files that are over, and for the first time after its start.
const SWEEP_EVERY: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(600));
/// Files that are taken at once.
const BATCH: i32 = 100;

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    tenant_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    object_key: String,
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Bool)]
    done: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Int4)]
    count: i32,
}

/// Checks and sweeps, until told to stop.
pub async fn keep(files: Arc<Files>, pools: Pools, mut stopping: watch::Receiver<bool>) {
    let (first, every) = SWEEP_EVERY;
    let mut next_sweep = tokio::time::Instant::now() + first;
    loop {
        if files.settings.check.is_some() {
            match check_all(&files, &pools).await {
                Ok(_) => {}
                Err(error) => tracing::warn!(?error, "files in quarantine could not be checked"),
            }
        }
        if tokio::time::Instant::now() >= next_sweep {
            next_sweep = tokio::time::Instant::now() + every;
            match sweep(&files, &pools).await {
                Ok(0) => {}
                Ok(swept) => tracing::info!(swept, "files were swept"),
                Err(error) => tracing::warn!(?error, "files that are over could not be swept away"),
            }
        }
        if rest(&mut stopping, CHECK_EVERY).await {
            return;
        }
    }
}

/// Has every file in quarantine checked that nobody else is checking; gives how many got a verdict.
pub async fn check_all(files: &Files, pools: &Pools) -> Result<usize> {
    let Some(check) = &files.settings.check else { return Ok(0) };
    let mut decided: usize = 0;
    loop {
        let tx = Tx::open_anonymous(pools).await?;
        let waiting: Vec<Due> = tx
            .rows(sql("SELECT f.tenant_id, f.id, f.object_key FROM core.files_to_check($1) f").bind::<Int4, _>(1))
            .await?;
        tx.finish(true).await?;
        let Some(file) = waiting.first() else { return Ok(decided) };
        let Some(verdict) = look(files, check, &file.object_key).await else { continue };
        if verdict == Verdict::Refused {
            files.store.remove(&file.object_key).await?;
        }
        let reason = (verdict == Verdict::Refused).then_some("The check of files refused it.");
        let tx = Tx::open_anonymous(pools).await?;
        let done: Done = tx
            .row(
                sql("SELECT core.file_checked($1, $2, $3) AS done")
                    .bind::<SqlUuid, _>(file.tenant_id)
                    .bind::<SqlUuid, _>(file.id)
                    .bind::<Nullable<Text>, _>(reason),
            )
            .await?;
        tx.finish(true).await?;
        tracing::info!(file = %super::FileId(file.id), ?verdict, done = done.done, "a file was checked");
        decided = decided.saturating_add(usize::from(done.done));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Refused,
}

/// What the program says: 0 good, 1 refused, as virus scanners do. Whatever else it says is no verdict: the file stays in
/// quarantine and is looked at again.
async fn look(files: &Files, check: &str, key: &str) -> Option<Verdict> {
    let on_disk = match files.store.on_disk(key).await {
        Ok(on_disk) => on_disk,
        Err(error) => {
            tracing::warn!(?error, "a file in quarantine could not be read");
            return None;
        }
    };
    let mut words = check.split_whitespace();
    let mut command = tokio::process::Command::new(words.next()?);
    // Settings of the server are none of its business: they hold secrets.
    command
        .args(words)
        .arg(on_disk.path())
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(CHECK_TIMEOUT, command.status()).await {
        Ok(Ok(status)) => match status.code() {
            Some(0) => Some(Verdict::Good),
            Some(1) => Some(Verdict::Refused),
            code => {
                tracing::error!(?code, "the check of files gave no verdict; the file stays in quarantine");
                None
            }
        },
        Ok(Err(error)) => {
            tracing::error!(%error, "the check of files cannot be run; the file stays in quarantine");
            None
        }
        Err(_) => {
            tracing::error!("the check of a file took too long; it stays in quarantine");
            None
        }
    }
}

/// Takes the bytes of files away that are over, and then their rows or the mark that they are there; gives how many.
pub async fn sweep(files: &Files, pools: &Pools) -> Result<usize> {
    let mut swept = files.store.remove_leftovers().await?;
    loop {
        let tx = Tx::open_anonymous(pools).await?;
        let due: Vec<Due> = tx
            .rows(sql("SELECT f.tenant_id, f.id, f.object_key FROM core.files_due($1) f").bind::<Int4, _>(BATCH))
            .await?;
        tx.finish(true).await?;
        let last = due.len() < usize::try_from(BATCH).unwrap_or_default();
        let mut gone: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
        for file in due {
            // Bytes first: cut off in between, the row is due once more.
            files.store.remove(&file.object_key).await?;
            gone.entry(file.tenant_id).or_default().push(file.id);
        }
        let before = swept;
        for (tenant, ids) in gone {
            // One client a transaction: its trail is sealed at the commit.
            let tx = Tx::open_anonymous(pools).await?;
            let count: Count = tx
                .row(
                    sql("SELECT core.files_removed($1, $2) AS count")
                        .bind::<SqlUuid, _>(tenant)
                        .bind::<Array<SqlUuid>, _>(ids),
                )
                .await?;
            if !tx.finish(true).await? {
                return Err(Error::fault("the sweep of files was not kept"));
            }
            swept = swept.saturating_add(usize::try_from(count.count).unwrap_or_default());
        }
        if last || swept == before {
            return Ok(swept);
        }
    }
}
