//! Posting what is due of depreciation: by hand, or by the job that posts whatever is due.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::{Decimal, neg};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Date as SqlDate, Int8, Nullable, Numeric, Uuid as SqlUuid};
use uuid::Uuid;

use super::LEDGER;
use super::asset::{Asset, AssetMovementKind};
use super::class::AssetClass;
use super::keep::{self, NewMovement};
use crate::finance::ids::{AssetId, JournalEntryId};
use crate::finance::ledger::journal::recurring::named;
use crate::finance::ledger::lock;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// How much is posted in one transaction.
const AT_ONCE: i64 = 100;

/// Up to when depreciation is posted.
#[derive(InputObject, Clone, Debug)]
pub struct DepreciationPostInput {
    /// What ends up to this day is posted; up to today in the client's time zone if not said, and never later.
    pub through: Option<Date>,
}

/// What was posted of depreciation.
#[derive(SimpleObject, Clone, Copy, Debug, Default)]
pub struct DepreciationRun {
    /// How many months of assets were posted.
    pub posted: i32,
    /// Whether more are due: ask again. At most 100 are posted at once.
    pub more: bool,
}

crate::platform::payload! {
    /// What became of depreciation that was due.
    DepreciationRunPayload {
        /// What was posted.
        depreciation_run: DepreciationRun
    }
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    asset_id: AssetId,
    #[diesel(sql_type = SqlDate)]
    from_on: NaiveDate,
    #[diesel(sql_type = SqlDate)]
    to_on: NaiveDate,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = SqlDate)]
    on_date: NaiveDate,
}

/// What is due by a day, of all assets or one, with the day that it is posted on: its last one, or the first one behind the
/// locks and the closed years. What has no fiscal year on that day waits.
async fn due(tx: &Tx, through: NaiveDate, only: Option<AssetId>, limit: i64) -> Result<Vec<Due>> {
    let opens_on = lock::opens_on(tx).await?;
    tx.rows(
        sql("SELECT s.id, s.asset_id, s.from_on, s.to_on, s.amount, greatest(s.to_on, $3) AS on_date
               FROM finance.asset_slice s
              WHERE s.tenant_id = $1 AND s.due AND s.to_on <= $2 AND greatest(s.to_on, $3) <= $2 AND ($4 IS NULL OR s.asset_id = $4)
                AND EXISTS (SELECT 1 FROM finance.fiscal_year y
                             WHERE y.tenant_id = $1 AND greatest(s.to_on, $3) BETWEEN y.starts_on AND y.ends_on)
              ORDER BY s.to_on, s.id
              LIMIT $5
                FOR UPDATE OF s")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlDate, _>(through)
        .bind::<Nullable<SqlDate>, _>(opens_on)
        .bind::<Nullable<SqlUuid>, _>(only)
        .bind::<Int8, _>(limit),
    )
    .await
}

/// Posts slices, each with its own entry.
async fn post_these(tx: &Tx, slices: Vec<Due>) -> Result<i32> {
    let mut assets = Asset::fetch(tx, slices.iter().map(|slice| slice.asset_id).collect()).await?;
    let classes = AssetClass::fetch(tx, assets.values().map(|asset| asset.class_id).collect()).await?;
    let mut posted = 0i32;
    for slice in slices {
        let asset = assets.get_mut(&slice.asset_id).ok_or_else(|| Error::fault("a slice without its asset"))?;
        let class = classes.get(&asset.class_id).ok_or_else(|| Error::fault("an asset without its class"))?;
        let text = format!("Depreciation of {} {}, {}", asset.number, asset.name, slice.from_on.format("%Y-%m"));
        let lines = [(class.expense_account_id, slice.amount), (class.accumulated_account_id, neg(slice.amount)?)];
        let entry: Option<JournalEntryId> =
            keep::entry(tx, asset, slice.on_date, text.clone(), &lines).await.map_err(|error| named(error, &text))?;
        tx.exec(
            sql("UPDATE finance.asset_slice s SET due = false, entry_id = $3 WHERE s.tenant_id = $1 AND s.id = $2")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(slice.id)
                .bind::<Nullable<SqlUuid>, _>(entry),
        )
        .await?;
        let movement = NewMovement {
            asset: asset.id,
            book: LEDGER.to_owned(),
            on: slice.on_date,
            kind: AssetMovementKind::Depreciation,
            cost: Decimal::ZERO,
            accumulated: slice.amount,
            amount: Decimal::ZERO,
            text: format!("{} to {}", slice.from_on, slice.to_on),
            entry,
        };
        keep::movement(tx, movement).await?;
        posted = posted.saturating_add(1);
    }
    Ok(posted)
}

/// Posts what is due by a day, at most a hundred at once.
pub async fn post_due(tx: &Tx, through: NaiveDate) -> Result<DepreciationRun> {
    // A lock cannot be set between looking at it and posting, and nobody else posts the same.
    lock::general_for_update(tx).await?;
    let slices = due(tx, through, None, AT_ONCE).await?;
    let more = i64::try_from(slices.len()).unwrap_or(i64::MAX) >= AT_ONCE;
    Ok(DepreciationRun { posted: post_these(tx, slices).await?, more })
}

/// Posts all that still waits of an asset, whose plans have been cut: refused if something cannot be.
pub async fn all_of(tx: &Tx, asset: AssetId) -> Result<()> {
    let slices = due(tx, NaiveDate::MAX, Some(asset), i64::from(i32::MAX)).await?;
    post_these(tx, slices).await?;
    let waits = due_without_year(tx, asset).await?;
    if waits > 0 {
        let message = "Something of it waits to be written off on a day without a fiscal year; add that first.";
        return Err(Error::refuse(UserErrorCode::State, "on", message));
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Int8)]
    count: i64,
}

async fn due_without_year(tx: &Tx, asset: AssetId) -> Result<i64> {
    let found: Count = tx
        .row(
            sql("SELECT count(*) AS count FROM finance.asset_slice s WHERE s.tenant_id = $1 AND s.asset_id = $2 AND s.due")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(asset),
        )
        .await?;
    Ok(found.count)
}

async fn post_by_hand(tx: &Tx, through: Option<Date>) -> Result<DepreciationRun> {
    let through = through.map_or(tx.today(), |day| day.0);
    if through > tx.today() {
        let message = "What is written off is posted when its time is over: this day has not come yet.";
        return Err(Error::refuse(UserErrorCode::Invalid, "through", message));
    }
    post_due(tx, through).await
}

/// Posting what is due.
#[derive(Default)]
pub struct DepreciationMutation;

#[Object]
impl DepreciationMutation {
    /// Posts depreciation whose time is over, each month of an asset once: on its last day, or on the first open one after
    /// it. A schedule of the kind `DUE_ENTRIES_POST` does the same by itself. Right: `finance.journal.post`.
    async fn depreciation_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Up to when.")] input: DepreciationPostInput,
    ) -> async_graphql::Result<Option<DepreciationRunPayload>> {
        let tx = ctx.tx(Can::JournalPost).await?;
        DepreciationRunPayload::settle(ctx, post_by_hand(tx, input.through).await)
    }
}
