//! The run of retention: archives, trashes, proposes and purges what is due on a day, batch by batch. What is held is left.

use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::change::trash;
use super::disposal;
use super::document::Document;
use super::retention::Schedules;
use super::rules::{due, told};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::jobs::{JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;
use crate::schema::document;

/// Documents that are looked at in one transaction.
const BATCH: i32 = 200;

/// Does what is due by retention.
pub struct RetentionJob;

/// What the job is asked to do.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default)]
pub struct Asked {
    /// As of which day; the day of the run if it is not said.
    #[serde(default)]
    pub as_of: Option<NaiveDate>,
}

/// What was done.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase")]
struct Done {
    as_of: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    after: Option<Uuid>,
    looked_at: u64,
    archived: u64,
    trashed: u64,
    proposed: u64,
    purged: u64,
    held: u64,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    held: bool,
}

/// The next documents for which anything can be due, each with whether it is held; their rows are locked.
async fn next(tx: &Tx, after: Option<Uuid>, latest: NaiveDate) -> Result<Vec<Found>> {
    tx.rows(
        sql("SELECT d.id, practice.document_held($1, d.id) AS held
               FROM practice.document d
              WHERE d.tenant_id = $1 AND d.id > coalesce($2, '00000000-0000-0000-0000-000000000000'::uuid)
                AND (d.retain_from <= $3 OR d.trashed_on IS NOT NULL)
              ORDER BY d.id LIMIT 200 FOR UPDATE OF d")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Nullable<SqlUuid>, _>(after)
        .bind::<SqlDate, _>(latest),
    )
    .await
}

async fn open_already(tx: &Tx, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    #[derive(QueryableByName)]
    struct Open {
        #[diesel(sql_type = SqlUuid)]
        document_id: Uuid,
    }
    let open: Vec<Open> = tx
        .rows(
            sql("SELECT p.document_id FROM practice.disposal p
                  WHERE p.tenant_id = $1 AND p.document_id = ANY ($2) AND p.decided_at IS NULL")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(ids),
        )
        .await?;
    Ok(open.into_iter().map(|one| one.document_id).collect())
}

/// Does what is due for some documents.
async fn step(tx: &Tx, found: &[Found], schedules: &Schedules, day: NaiveDate, done: &mut Done) -> Result<()> {
    let ids: Vec<Uuid> = found.iter().map(|one| one.id).collect();
    let open = open_already(tx, ids.clone()).await?;
    let documents: Vec<Document> = tx
        .rows(
            document::table
                .filter(document::tenant_id.eq(tx.tenant()?))
                .filter(document::id.eq_any(ids))
                .order(document::id)
                .select(Document::as_select()),
        )
        .await?;
    let one_more = |count: &mut u64| *count = count.saturating_add(1);
    for one in documents {
        one_more(&mut done.looked_at);
        let terms = schedules.of(one.type_id);
        let planned = due(&terms, one.retain_from.0, one.trashed_on.map(|day| day.0));
        let is_due = |when: Option<NaiveDate>| when.is_some_and(|when| when <= day);
        let (archives, trashes, purges) = (
            one.archived_on.is_none() && one.trashed_on.is_none() && is_due(planned.archive_on),
            one.trashed_on.is_none() && is_due(planned.trash_on),
            one.trashed_on.is_some() && is_due(planned.purge_on),
        );
        if !(archives || trashes || purges) {
            continue;
        }
        if found.iter().any(|row| row.id == one.id.0 && row.held) {
            one_more(&mut done.held);
        } else if trashes {
            trash(tx, &one, Date(day)).await?;
            one_more(&mut done.trashed);
        } else if archives {
            tx.exec(
                diesel::update(document::table)
                    .filter(document::tenant_id.eq(tx.tenant()?))
                    .filter(document::id.eq(one.id))
                    .set(document::archived_on.eq(Some(Date(day)))),
            )
            .await?;
            emit(tx, EventKind::DocumentUpdated, one.id.0);
            one_more(&mut done.archived);
        } else if planned.confirmed {
            if !open.contains(&one.id.0) {
                disposal::propose(tx, &one, told(&terms), Date(day)).await?;
                one_more(&mut done.proposed);
            }
        } else {
            disposal::purge_by_schedule(tx, &one, told(&terms), Date(day)).await?;
            one_more(&mut done.purged);
        }
    }
    Ok(())
}

impl JobKind for RetentionJob {
    const NAME: JobName = JobName::DocumentRetention;
    type Args = Asked;

    async fn run(&self, job: &JobContext, asked: Asked) -> JobResult {
        let mut done: Done = job.state()?;
        loop {
            let tx = job.tx(Can::RetentionManage).await?;
            // A day that was not said is that on which the run began, however long it takes.
            let day = done.as_of.or(asked.as_of).unwrap_or_else(|| tx.today()).min(tx.today());
            done.as_of = Some(day);
            let schedules = Schedules::read(&tx).await?;
            let soonest = u64::try_from(schedules.soonest().unwrap_or(0)).unwrap_or_default();
            let latest = day.checked_sub_days(chrono::Days::new(soonest)).unwrap_or(day);
            let found = next(&tx, done.after, latest).await?;
            step(&tx, &found, &schedules, day, &mut done).await?;
            done.after = found.last().map(|last| last.id).or(done.after);
            let progress = Progress { done: done.looked_at, total: None };
            if found.len() < usize::try_from(BATCH).unwrap_or_default() {
                done.after = None;
                return job.finish(tx, &done, Progress { total: Some(done.looked_at), ..progress }).await;
            }
            job.checkpoint(tx, &done, progress).await?;
        }
    }
}
