//! Posting what is due of deferrals: by hand, or by a schedule's job.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::{Balanced, Currency, Decimal, neg};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Bool, Date as SqlDate, Int4, Int8, Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::finance::assets::{self, post::DepreciationRun};
use crate::finance::ids::{AccountId, DeferralId};
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::manual::expect_approved;
use crate::finance::ledger::journal::recurring::{self, RecurringEntryRun, named};
use crate::finance::ledger::journal::{self, EntrySource, NewEntry, NewLine};
use crate::finance::ledger::lock;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::jobs::{JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// How many slices are posted in one transaction.
const AT_ONCE: i64 = 100;

/// Up to when slices are posted.
#[derive(InputObject, Clone, Debug)]
pub struct DeferralsPostInput {
    /// Slices that end up to this day are posted; up to today in the client's time zone if not said, and never later.
    pub through: Option<Date>,
}

/// What was posted of deferrals.
#[derive(SimpleObject, Serialize, Deserialize, Clone, Debug, Default)]
pub struct DeferralRun {
    /// How many slices were posted.
    pub posted: i32,
    /// Whether more are due: ask again. At most 100 are posted at once.
    pub more: bool,
}

crate::platform::payload! {
    /// What became of slices that were due.
    DeferralRunPayload {
        /// What was posted.
        deferral_run: DeferralRun
    }
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    deferral_id: DeferralId,
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = Int8)]
    count: i64,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = SqlUuid)]
    debit_account_id: AccountId,
    #[diesel(sql_type = SqlUuid)]
    credit_account_id: AccountId,
    #[diesel(sql_type = Bool)]
    debit_is_result: bool,
    #[diesel(sql_type = Bool)]
    credit_is_result: bool,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = Jsonb)]
    dimensions: serde_json::Value,
    #[diesel(sql_type = SqlDate)]
    on_date: NaiveDate,
}

/// The slices that are due by a day, locked, with the day that they are posted on: their last one, or the first one behind
/// the locks and the closed years. Those without a fiscal year on that day wait.
async fn due(tx: &Tx, through: NaiveDate) -> Result<Vec<Due>> {
    let opens_on = lock::opens_on(tx).await?;
    tx.rows(
        sql("SELECT s.id, s.deferral_id, s.number, d.description, d.debit_account_id, d.credit_account_id, s.amount, d.dimensions,
                    (SELECT count(*) FROM finance.deferral_slice o WHERE o.tenant_id = $1 AND o.deferral_id = d.id) AS count,
                    a.kind IN ('income', 'expense') AS debit_is_result, b.kind IN ('income', 'expense') AS credit_is_result,
                    greatest(s.to_on, $3) AS on_date
               FROM finance.deferral_slice s
               JOIN finance.deferral d ON d.tenant_id = $1 AND d.id = s.deferral_id
               JOIN finance.account a ON a.tenant_id = $1 AND a.id = d.debit_account_id
               JOIN finance.account b ON b.tenant_id = $1 AND b.id = d.credit_account_id
              WHERE s.tenant_id = $1 AND s.due AND s.to_on <= $2 AND greatest(s.to_on, $3) <= $2
                AND EXISTS (SELECT 1 FROM finance.fiscal_year y
                             WHERE y.tenant_id = $1 AND greatest(s.to_on, $3) BETWEEN y.starts_on AND y.ends_on)
              ORDER BY s.to_on, s.id
              LIMIT $4
                FOR UPDATE OF s")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(through)
            .bind::<Nullable<SqlDate>, _>(opens_on)
            .bind::<Int8, _>(AT_ONCE),
    )
    .await
}

/// Posts what is due by a day, at most a hundred slices.
async fn post_due(tx: &Tx, through: NaiveDate) -> Result<DeferralRun> {
    // A lock cannot be set between looking at it and posting, and nobody else posts the same slices.
    lock::general_for_update(tx).await?;
    let book = Currency::parse(tx.book_currency())?;
    let slices = due(tx, through).await?;
    let mut run = DeferralRun { posted: 0, more: i64::try_from(slices.len()).unwrap_or(i64::MAX) >= AT_ONCE };
    for slice in slices {
        let text = format!("{} ({}/{})", slice.description, slice.number, slice.count);
        let labels = Labels::from_json(&slice.dimensions)?;
        let line = |account, amount, is_result: bool| NewLine {
            account,
            amount_document: amount,
            amount,
            currency: book,
            description: String::new(),
            tax_code: None,
            labels: if is_result { labels.clone() } else { Labels::none() },
        };
        let lines = vec![
            line(slice.debit_account_id, slice.amount, slice.debit_is_result),
            line(slice.credit_account_id, neg(slice.amount)?, slice.credit_is_result),
        ];
        let entry = NewEntry {
            date: slice.on_date,
            description: text.clone(),
            currency: book,
            source: EntrySource::Deferral,
            source_id: Some(slice.deferral_id.0),
            reverses: None,
            lines: Balanced::check(book, lines)?,
        };
        let posted = journal::post(tx, entry).await.map_err(|error| named(error, &text))?;
        expect_approved(tx, posted.id).await.map_err(|error| named(error, &text))?;
        tx.exec(
            sql("UPDATE finance.deferral_slice s SET due = false, entry_id = $3 WHERE s.tenant_id = $1 AND s.id = $2")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(slice.id)
                .bind::<SqlUuid, _>(posted.id),
        )
        .await?;
        run.posted = run.posted.saturating_add(1);
    }
    Ok(run)
}

async fn post_by_hand(tx: &Tx, through: Option<Date>) -> Result<DeferralRun> {
    let through = through.map_or(tx.today(), |day| day.0);
    if through > tx.today() {
        let message = "A slice is posted when its time is over: this day has not come yet.";
        return Err(Error::refuse(UserErrorCode::Invalid, "through", message));
    }
    post_due(tx, through).await
}

/// The kind of job that does it; asked for by a schedule.
pub struct DueEntriesPost;

/// It is asked for without any wishes.
#[derive(Serialize, Deserialize)]
pub struct Everything {}

impl JobKind for DueEntriesPost {
    const NAME: JobName = JobName::DueEntriesPost;
    type Args = Everything;

    async fn run(&self, job: &JobContext, _: Everything) -> JobResult {
        let mut done: DeferralRun = job.state()?;
        loop {
            let tx = job.tx(Can::JournalPost).await?;
            let run = post_due(&tx, tx.today()).await?;
            let assets =
                if run.more { DepreciationRun::default() } else { assets::post::post_due(&tx, tx.today()).await? };
            let more = run.more || assets.more;
            let again = if more { RecurringEntryRun::default() } else { recurring::post_due(&tx, tx.today()).await? };
            let posted =
                [done.posted, run.posted, assets.posted, again.posted].into_iter().fold(0, i32::saturating_add);
            done = DeferralRun { posted, more: more || again.more };
            let progress = Progress { done: u64::try_from(done.posted).unwrap_or_default(), total: None };
            if !done.more {
                return job.finish(tx, &done, progress).await;
            }
            job.checkpoint(tx, &done, progress).await?;
        }
    }
}

/// Posting what is due.
#[derive(Default)]
pub struct DeferralPostMutation;

#[Object]
impl DeferralPostMutation {
    /// Posts the slices of deferrals whose time is over, each once: on its last day, or on the first open one after it. A
    /// schedule of the kind `DUE_ENTRIES_POST` does the same by itself. Right: `finance.journal.post`.
    async fn deferrals_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Up to when.")] input: DeferralsPostInput,
    ) -> async_graphql::Result<Option<DeferralRunPayload>> {
        let tx = ctx.tx(Can::JournalPost).await?;
        DeferralRunPayload::settle(ctx, post_by_hand(tx, input.through).await)
    }
}
