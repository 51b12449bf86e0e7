//! What is due of the entries that come again: each is posted once for each of its days, and noted beside the entry.

use async_graphql::SimpleObject;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Date as SqlDate, Int4, Nullable, Uuid as SqlUuid};

use super::{locked, next, post_one};
use crate::finance::ids::RecurringEntryId;
use crate::finance::ledger::lock;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode, path};
use crate::platform::ids::new_uuid;
use crate::platform::scalars::Date;
use crate::platform::sql::sql;

/// How many entries are posted in one transaction.
const AT_ONCE: i32 = 100;

/// What was posted of recurring entries.
#[derive(SimpleObject, Clone, Debug, Default)]
pub struct RecurringEntryRun {
    /// How many entries were posted.
    pub posted: i32,
    /// Whether more are due: ask again. At most 100 are posted at once.
    pub more: bool,
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    id: RecurringEntryId,
    #[diesel(sql_type = SqlDate)]
    on_date: NaiveDate,
}

/// Posts what is due by a day, at most a hundred entries: each on its day, or on the first one behind the locks and the
/// closed years. What has no fiscal year on that day waits.
pub async fn post_due(tx: &Tx, through: NaiveDate) -> Result<RecurringEntryRun> {
    lock::general_for_update(tx).await?;
    let opens_on = lock::opens_on(tx).await?;
    let mut run = RecurringEntryRun::default();
    while run.posted < AT_ONCE {
        let found: Option<Due> = tx
            .maybe(
                sql("SELECT r.id, greatest(r.next_on, $3) AS on_date FROM finance.recurring_entry r
                      WHERE r.tenant_id = $1 AND r.next_on <= $2 AND greatest(r.next_on, $3) <= $2
                        AND EXISTS (SELECT 1 FROM finance.fiscal_year y
                                     WHERE y.tenant_id = $1 AND greatest(r.next_on, $3) BETWEEN y.starts_on AND y.ends_on)
                      ORDER BY r.next_on, r.id LIMIT 1")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlDate, _>(through)
                .bind::<Nullable<SqlDate>, _>(opens_on),
            )
            .await?;
        let Some(due) = found else { return Ok(run) };
        let row = locked(tx, due.id).await?;
        let Some(day) = row.next_on else { continue };
        let posted = post_one(tx, &row, due.on_date, row.description.clone()).await;
        let posted = posted.map_err(|error| named(error, &row.description))?;
        let came = row.came.saturating_add(1);
        tx.exec(
            sql("INSERT INTO finance.recurring_entry_run (tenant_id, id, recurring_id, due_on, entry_id) VALUES ($1, $2, $3, $4, $5)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<SqlUuid, _>(row.id)
                .bind::<SqlDate, _>(day)
                .bind::<SqlUuid, _>(posted.id),
        )
        .await?;
        tx.exec(
            sql("UPDATE finance.recurring_entry r SET came = $3, next_on = $4 WHERE r.tenant_id = $1 AND r.id = $2")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(row.id)
                .bind::<Int4, _>(came)
                .bind::<Nullable<SqlDate>, _>(next(&row, came)),
        )
        .await?;
        run.posted = run.posted.saturating_add(1);
    }
    run.more = true;
    Ok(run)
}

/// A refusal that says which entry it is about.
pub(crate) fn named(error: Error, what: &str) -> Error {
    let Error::Refused(mut reasons) = error else { return error };
    for reason in &mut reasons {
        reason.field = path("through");
        reason.message = format!("{what}: {}", reason.message);
    }
    Error::Refused(reasons)
}

pub(super) async fn post_through(tx: &Tx, through: Option<Date>) -> Result<RecurringEntryRun> {
    let through = through.map_or(tx.today(), |day| day.0);
    if through > tx.today() {
        let message = "An entry is posted when it is due: this day has not come yet.";
        return Err(Error::refuse(UserErrorCode::Invalid, "through", message));
    }
    post_due(tx, through).await
}
