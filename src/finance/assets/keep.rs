//! What is written of assets: plans with what they lay out, movements, and the entries that come with them.

use std::collections::BTreeMap;

use backoffice_money::{Balanced, Currency, Decimal, add, sub, sum};
use chrono::{Months, NaiveDate};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::LEDGER;
use super::asset::{Asset, AssetMovementKind, AssetPlan, AssetSlice, PlansOf, SlicesOf};
use super::class::AssetClass;
use super::plan::{self, DepreciationMethod, DepreciationSpread, Laid};
use crate::finance::chart;
use crate::finance::deferrals::slices::SliceOf;
use crate::finance::ids::{AccountId, AssetId, JournalEntryId};
use crate::finance::ledger::account::{self, Account};
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::{self, EntrySource, NewEntry, NewLine};
use crate::finance::ledger::lock;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::sql::sql;

/// A plan to be kept.
#[derive(Clone, Debug)]
pub struct NewPlan {
    /// The book.
    pub book: String,
    /// Its first day.
    pub from_on: NaiveDate,
    /// Its last day.
    pub ends_on: NaiveDate,
    /// How it is written off.
    pub method: DepreciationMethod,
    /// What counts of months.
    pub spread: DepreciationSpread,
    /// The book value on its first day.
    pub base: Decimal,
    /// What is left at its end.
    pub residual: Decimal,
    /// Percent of the book value a year.
    pub percent: Option<Decimal>,
    /// What it can do from its first day on.
    pub units: Option<Decimal>,
}

/// What moves the figures of an asset in a book.
#[derive(Clone, Debug)]
pub struct NewMovement {
    /// The asset.
    pub asset: AssetId,
    /// The book.
    pub book: String,
    /// The day that it counts for.
    pub on: NaiveDate,
    /// What it is.
    pub kind: AssetMovementKind,
    /// How much more it costs.
    pub cost: Decimal,
    /// How much more is written off.
    pub accumulated: Decimal,
    /// What is only noted.
    pub amount: Decimal,
    /// What is said about it.
    pub text: String,
    /// The entry of the same day and amounts.
    pub entry: Option<JournalEntryId>,
}

/// Keeps a plan and what it lays out.
pub async fn plan(tx: &Tx, asset: AssetId, new: &NewPlan) -> Result<()> {
    let exponent = Currency::parse(tx.book_currency())?.exponent();
    let laid = Laid {
        base: new.base,
        residual: new.residual,
        from_on: new.from_on,
        ends_on: new.ends_on,
        method: new.method,
        spread: new.spread,
        percent: new.percent.unwrap_or_default(),
    };
    let made = if new.base == new.residual { Vec::new() } else { plan::lay(&laid, exponent)? };
    let id = new_uuid();
    tx.exec(
        sql("INSERT INTO finance.asset_plan (tenant_id, id, asset_id, book, from_on, ends_on, method, spread, base, residual, percent, units)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<SqlUuid, _>(asset)
            .bind::<Text, _>(new.book.clone())
            .bind::<SqlDate, _>(new.from_on)
            .bind::<SqlDate, _>(new.ends_on)
            .bind::<Text, _>(new.method)
            .bind::<Text, _>(new.spread)
            .bind::<Numeric, _>(new.base)
            .bind::<Numeric, _>(new.residual)
            .bind::<Nullable<Numeric>, _>(new.percent)
            .bind::<Nullable<Numeric>, _>(new.units),
    )
    .await?;
    slices(tx, asset, id, &new.book, &made, None).await
}

/// Writes what is written off by a plan; what is worth something waits to be posted in the book that is.
pub async fn slices(
    tx: &Tx,
    asset: AssetId,
    plan: Uuid,
    book: &str,
    made: &[SliceOf],
    units: Option<Decimal>,
) -> Result<()> {
    if made.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO finance.asset_slice (tenant_id, id, asset_id, plan_id, book, from_on, to_on, amount, units, due)
             SELECT $1, n.id, $2, $3, $4, n.from_on, n.to_on, n.amount, $5, $6 AND n.amount > 0
               FROM unnest($7::uuid[], $8::date[], $9::date[], $10::numeric[]) AS n (id, from_on, to_on, amount)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(asset)
        .bind::<SqlUuid, _>(plan)
        .bind::<Text, _>(book.to_owned())
        .bind::<Nullable<Numeric>, _>(units)
        .bind::<Bool, _>(book == LEDGER)
        .bind::<Array<SqlUuid>, _>(made.iter().map(|_| new_uuid()).collect::<Vec<_>>())
        .bind::<Array<SqlDate>, _>(made.iter().map(|slice| slice.from).collect::<Vec<_>>())
        .bind::<Array<SqlDate>, _>(made.iter().map(|slice| slice.to).collect::<Vec<_>>())
        .bind::<Array<Numeric>, _>(made.iter().map(|slice| slice.amount).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

/// Writes what moved.
pub async fn movement(tx: &Tx, new: NewMovement) -> Result<()> {
    tx.exec(
        sql("INSERT INTO finance.asset_movement (tenant_id, id, asset_id, book, on_date, kind, cost, accumulated, amount, text, entry_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<SqlUuid, _>(new.asset)
            .bind::<Text, _>(new.book)
            .bind::<SqlDate, _>(new.on)
            .bind::<Text, _>(new.kind)
            .bind::<Numeric, _>(new.cost)
            .bind::<Numeric, _>(new.accumulated)
            .bind::<Numeric, _>(new.amount)
            .bind::<Text, _>(new.text)
            .bind::<Nullable<SqlUuid>, _>(new.entry),
    )
    .await?;
    Ok(())
}

/// Posts what comes with a movement: accounts with their amounts, debit positive. Labels stand on income and expense alone;
/// what is worth nothing is left out, and without any line nothing is posted.
pub async fn entry(
    tx: &Tx,
    asset: &Asset,
    on: NaiveDate,
    text: String,
    lines: &[(AccountId, Decimal)],
) -> Result<Option<JournalEntryId>> {
    let book = Currency::parse(tx.book_currency())?;
    let ids: Vec<AccountId> = lines.iter().map(|(account, _)| *account).collect();
    let accounts = account::by_id(tx, &ids).await?;
    let labels = Labels::from_json(&asset.dimensions)?;
    let made: Vec<NewLine> = lines
        .iter()
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(account, amount)| NewLine {
            account: *account,
            amount_document: *amount,
            amount: *amount,
            currency: book,
            description: String::new(),
            tax_code: None,
            labels: if accounts.get(account).is_some_and(|account| account.kind.is_result()) {
                labels.clone()
            } else {
                Labels::none()
            },
        })
        .collect();
    if made.is_empty() {
        return Ok(None);
    }
    let new = NewEntry {
        date: on,
        description: text.chars().take(500).collect(),
        currency: book,
        source: EntrySource::Asset,
        source_id: Some(asset.id.0),
        reverses: None,
        lines: Balanced::check(book, made)?,
    };
    Ok(Some(journal::post(tx, new).await?.id))
}

/// An asset that is still there and its class. Whoever posts or changes assets waits until the transaction ends.
pub async fn locked(tx: &Tx, id: AssetId) -> Result<(Asset, AssetClass)> {
    lock::general_for_update(tx).await?;
    let found = Asset::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::not_found("id", "asset"))?;
    if found.disposed_on.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This asset is sold or scrapped."));
    }
    let class = AssetClass::fetch(tx, vec![found.class_id]).await?.remove(&found.class_id);
    Ok((found, class.ok_or_else(|| Error::fault("an asset without its class"))?))
}

/// An account that stands against an asset's: a leaf in use without a record of its own beside the ledger.
pub async fn against(tx: &Tx, id: AccountId, field: &str) -> Result<Account> {
    use crate::finance::ledger::account::Control;
    let found = account::find(tx, id).await?.ok_or_else(|| Error::not_found(field, "account"))?;
    chart::check_posting(&found, field, Currency::parse(tx.book_currency())?)?;
    chart::check_no_control(
        &found,
        field,
        &[
            Control::Receivable,
            Control::Payable,
            Control::Bank,
            Control::InputTax,
            Control::OutputTax,
            Control::CustomerAdvance,
            Control::VendorAdvance,
        ],
    )?;
    Ok(found)
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = Text)]
    book: String,
    #[diesel(sql_type = Numeric)]
    cost: Decimal,
    #[diesel(sql_type = Numeric)]
    accumulated: Decimal,
    #[diesel(sql_type = SqlDate)]
    last_on: NaiveDate,
}

/// An asset in a book from a day on, with nothing laid out behind it.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The plan as it goes on, if nothing changes.
    pub plan: NewPlan,
    /// What the asset cost.
    pub cost: Decimal,
    /// What is written off by then.
    pub written_off: Decimal,
    /// Whether the plan's time is over.
    pub over: bool,
}

/// Ends the plans of an asset before a day, in all books or one: what was laid out behind it is dropped, of the slice that
/// the day lies in the part before it stays. Refused if something is posted behind the day, or something else stands there.
pub async fn cut_at(tx: &Tx, asset: &Asset, on: NaiveDate, only: Option<&str>) -> Result<Vec<Fresh>> {
    if on < asset.acquired_on.0 {
        let message = format!("This asset stands in the books from {} on.", asset.acquired_on.0);
        return Err(Error::refuse(UserErrorCode::Invalid, "on", message));
    }
    let exponent = Currency::parse(tx.book_currency())?.exponent();
    let plans = PlansOf::fetch(tx, vec![asset.id]).await?.remove(&asset.id).unwrap_or_default();
    let all = SlicesOf::fetch(tx, vec![asset.id]).await?.remove(&asset.id).unwrap_or_default();
    let sums: Vec<Sums> = tx
        .rows(
            sql("SELECT m.book, sum(m.cost) AS cost, coalesce(sum(m.accumulated) FILTER (WHERE m.kind <> 'depreciation'), 0) AS accumulated,
                        max(m.on_date) FILTER (WHERE m.kind <> 'depreciation') AS last_on
                   FROM finance.asset_movement m WHERE m.tenant_id = $1 AND m.asset_id = $2 GROUP BY m.book")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(asset.id),
        )
        .await?;
    // Of each book the last one holds.
    let live: BTreeMap<String, AssetPlan> = plans.into_iter().map(|plan| (plan.book.clone(), plan)).collect();
    let mut found = Vec::new();
    for (book, plan) in live {
        if only.is_some_and(|only| only != book) {
            continue;
        }
        let Some(sums) = sums.iter().find(|sums| sums.book == book) else { continue };
        if on < sums.last_on {
            let message =
                format!("Something that counts for {} stands already: this comes on that day or later.", sums.last_on);
            return Err(Error::refuse(UserErrorCode::State, "on", message));
        }
        let begins = plan::begins(on, plan.spread).ok_or_else(|| Error::fault("a day without a month"))?;
        let of_book: Vec<AssetSlice> = all.iter().filter(|slice| slice.book == book).cloned().collect();
        found.push(cut_one(tx, asset, plan, of_book, sums, begins, exponent).await?);
    }
    if let (Some(only), true) = (only, found.is_empty()) {
        return Err(Error::refuse(
            UserErrorCode::NotFound,
            "book",
            format!("This asset is not kept in a book {only}."),
        ));
    }
    Ok(found)
}

async fn cut_one(
    tx: &Tx,
    asset: &Asset,
    plan: AssetPlan,
    slices_of_book: Vec<AssetSlice>,
    sums: &Sums,
    begins: NaiveDate,
    exponent: u32,
) -> Result<Fresh> {
    if let Some(posted) = slices_of_book.iter().rfind(|one| one.entry_id.is_some() && one.to_on.0 >= begins) {
        let message =
            format!("Depreciation is posted up to {} already: this counts from the day after it on.", posted.to_on.0);
        return Err(Error::refuse(UserErrorCode::State, "on", message));
    }
    if let Some(reported) = slices_of_book.iter().find(|one| one.units.is_some() && one.to_on.0 >= begins) {
        let message =
            format!("Units are reported up to {} already: this counts from the day after it on.", reported.to_on.0);
        return Err(Error::refuse(UserErrorCode::State, "on", message));
    }
    let behind: Vec<&AssetSlice> = slices_of_book.iter().filter(|one| one.to_on.0 >= begins).collect();
    tx.exec(
        sql("UPDATE finance.asset_slice s SET due = false, dropped = true WHERE s.tenant_id = $1 AND s.id = ANY ($2)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(behind.iter().map(|one| one.id).collect::<Vec<_>>()),
    )
    .await?;
    let kept: Vec<&AssetSlice> = slices_of_book.iter().filter(|one| one.to_on.0 < begins).collect();
    let mut gone = sum(kept.iter().map(|one| one.amount.0))?;
    if let (Some(within), Some(last)) = (behind.iter().find(|one| one.from_on.0 < begins), begins.pred_opt()) {
        let whole = SliceOf { from: within.from_on.0, to: within.to_on.0, amount: within.amount.0 };
        let part = plan::cut(&whole, last, exponent)?;
        gone = add(gone, part.amount)?;
        slices(tx, asset.id, within.plan_id, &plan.book, &[part], None).await?;
    }
    let written_off = add(sums.accumulated, gone)?;
    let done = sum(kept.iter().filter(|one| one.plan_id == plan.id).filter_map(|one| one.units).map(|units| units.0))?;
    let units = plan.units.map(|units| sub(units.0, done)).transpose()?;
    let from_on = begins.max(plan.from_on.0);
    let over = from_on > plan.ends_on.0 && plan.method != DepreciationMethod::Units
        || units.is_some_and(|units| units <= Decimal::ZERO);
    let plan = NewPlan {
        book: plan.book,
        from_on,
        ends_on: plan.ends_on.0.max(from_on),
        method: plan.method,
        spread: plan.spread,
        base: sub(sums.cost, written_off)?,
        residual: plan.residual.0,
        percent: plan.percent.map(|percent| percent.0),
        units,
    };
    Ok(Fresh { plan, cost: sums.cost, written_off, over })
}

/// Lets a plan go on, over its own time or that many months from its first day on.
pub async fn go_on(tx: &Tx, asset: AssetId, mut fresh: Fresh, months: Option<u32>, field: &str) -> Result<()> {
    let plan = &mut fresh.plan;
    if plan.base < plan.residual {
        let message = format!("In the book {} it would be worth less than what is left of it at its end.", plan.book);
        return Err(Error::refuse(UserErrorCode::Invalid, field, message));
    }
    if let (Some(months), true) = (months, plan.method != DepreciationMethod::Units) {
        let end = plan.from_on.checked_add_months(Months::new(months)).and_then(|day| day.pred_opt());
        plan.ends_on = end.ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "months", "This lies too far away."))?;
    } else if fresh.over {
        if plan.base > plan.residual {
            let message = format!(
                "The plan of the book {} is over: say over how many months the rest is written off.",
                plan.book
            );
            return Err(Error::refuse(UserErrorCode::Required, "months", message));
        }
        // Nothing is left to be written off.
        (plan.method, plan.percent, plan.units) = (DepreciationMethod::StraightLine, None, None);
    }
    self::plan(tx, asset, plan).await
}
