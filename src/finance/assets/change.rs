//! What changes an asset while it is there: its value, repairs, a part that becomes its own, and the units that it has done.

use async_graphql::{Context, InputObject, Object};
use backoffice_money::{Currency, Decimal, add, neg, sub, sum};
use diesel::prelude::*;

use super::asset::{Asset, AssetMovementKind, AssetPayload, PlansOf, SlicesOf};
use super::keep::{self, NewMovement};
use super::plan::{self, DepreciationMethod};
use super::{LEDGER, MOST_MONTHS, post};
use crate::finance::deferrals::slices::SliceOf;
use crate::finance::ids::{AccountId, AssetId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{decimals, relabel, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::schema::asset;

/// A value that is set anew.
#[derive(InputObject, Clone, Debug)]
pub struct AssetRevalueInput {
    /// The asset.
    pub id: AssetId,
    /// From when on: what is written off changes from this day on, or from its month on if the plan counts whole months.
    pub on: Date,
    /// How much more it is worth, in the books' currency; negative for less.
    pub amount: Dec,
    /// The account that stands against it: a reserve, income, or an expense for what is lost.
    pub against: AccountId,
    /// Only in this book; in all of them if not said. Nothing is posted for a book other than `LEDGER`.
    pub book: Option<String>,
    /// Over how many months what is left is written off from then on; over the plan's own time if not said.
    pub months: Option<i32>,
    /// Why, 3 to 500 characters.
    pub reason: String,
}

/// A repair.
#[derive(InputObject, Clone, Debug)]
pub struct AssetRepairInput {
    /// The asset.
    pub id: AssetId,
    /// The day.
    pub on: Date,
    /// What it cost, in the books' currency: more than zero.
    pub amount: Dec,
    /// Where its cost stands so far, if it becomes part of what the asset costs; otherwise the repair is an expense where
    /// its bill was booked, and only noted here.
    pub capitalised_from: Option<AccountId>,
    /// Over how many months what is left is written off from then on; over the plan's own time if not said.
    pub months: Option<i32>,
    /// What was done, 3 to 500 characters.
    pub text: String,
}

/// A part that becomes an asset of its own.
#[derive(InputObject, Clone, Debug)]
pub struct AssetSplitInput {
    /// The asset.
    pub id: AssetId,
    /// The day.
    pub on: Date,
    /// What the part cost, in the books' currency: more than zero and less than the whole. What is written off, what is left
    /// at the end and units are split alike, rounded; the rest stays with the asset.
    pub cost: Dec,
    /// The number of the new asset, 1 to 40 characters, unique.
    pub number: String,
    /// What the new asset is, 1 to 200 characters.
    pub name: String,
}

/// Units that an asset has done.
#[derive(InputObject, Clone, Debug)]
pub struct AssetUnitsReportInput {
    /// The asset, written off by units in at least one book.
    pub id: AssetId,
    /// The last day that they were done on; what was reported before ends earlier.
    pub through: Date,
    /// How many since then: zero or more, with at most 4 decimals.
    pub units: Dec,
}

fn months(wanted: Option<i32>) -> Result<Option<u32>> {
    let Some(wanted) = wanted else { return Ok(None) };
    let found = u32::try_from(wanted).ok().filter(|_| (1..=MOST_MONTHS).contains(&wanted));
    let wrong = || Error::refuse(UserErrorCode::Invalid, "months", "A plan has 1 to 1200 months.");
    found.map(Some).ok_or_else(wrong)
}

/// Adds to what an asset costs in some of its books, and lets their plans go on from there.
struct Addition<'a> {
    asset: &'a Asset,
    on: Date,
    amount: Decimal,
    kind: AssetMovementKind,
    text: String,
    only: Option<&'a str>,
    months: Option<u32>,
}

async fn add_to(tx: &Tx, new: Addition<'_>, lines: &[(AccountId, Decimal)], field: &str) -> Result<()> {
    for mut fresh in keep::cut_at(tx, new.asset, new.on.0, new.only).await? {
        let book = fresh.plan.book.clone();
        fresh.plan.base = add(fresh.plan.base, new.amount)?;
        let entry = if book == LEDGER {
            let text = format!("{} {}: {}", new.asset.number, new.asset.name, new.text);
            let posted = keep::entry(tx, new.asset, new.on.0, text, lines).await;
            posted.map_err(|error| relabel(error, &[("date", "on"), ("lines", field)]))?
        } else {
            None
        };
        let movement = NewMovement {
            asset: new.asset.id,
            book,
            on: new.on.0,
            kind: new.kind,
            cost: new.amount,
            accumulated: Decimal::ZERO,
            amount: Decimal::ZERO,
            text: new.text.clone(),
            entry,
        };
        keep::movement(tx, movement).await?;
        keep::go_on(tx, new.asset.id, fresh, new.months, "amount").await?;
    }
    Ok(())
}

async fn revalue(tx: &Tx, input: AssetRevalueInput) -> Result<Asset> {
    sized("reason", &input.reason, 3..=500)?;
    let months = months(input.months)?;
    let amount = decimals("amount", input.amount.0, Currency::parse(tx.book_currency())?.exponent())?;
    if amount.is_zero() {
        return Err(Error::refuse(UserErrorCode::Invalid, "amount", "A value that changes by nothing is no new one."));
    }
    let (asset, class) = keep::locked(tx, input.id).await?;
    let against = keep::against(tx, input.against, "against").await?;
    let lines = [(class.cost_account_id, amount), (against.id, neg(amount)?)];
    let new = Addition {
        asset: &asset,
        on: input.on,
        amount,
        kind: AssetMovementKind::Revaluation,
        text: input.reason,
        only: input.book.as_deref(),
        months,
    };
    add_to(tx, new, &lines, "against").await?;
    emit(tx, EventKind::AssetRevalued, asset.id.0);
    Ok(asset)
}

async fn repair(tx: &Tx, input: AssetRepairInput) -> Result<Asset> {
    sized("text", &input.text, 3..=500)?;
    let months = months(input.months)?;
    let amount = decimals("amount", input.amount.0, Currency::parse(tx.book_currency())?.exponent())?;
    if amount <= Decimal::ZERO {
        return Err(Error::refuse(UserErrorCode::Invalid, "amount", "A repair costs more than zero."));
    }
    let (asset, class) = keep::locked(tx, input.id).await?;
    if let Some(from) = input.capitalised_from {
        let from = keep::against(tx, from, "capitalisedFrom").await?;
        let lines = [(class.cost_account_id, amount), (from.id, neg(amount)?)];
        let (kind, text) = (AssetMovementKind::Repair, input.text);
        let new = Addition { asset: &asset, on: input.on, amount, kind, text, only: None, months };
        add_to(tx, new, &lines, "capitalisedFrom").await?;
    } else {
        if input.on.0 < asset.acquired_on.0 {
            let message = format!("This asset stands in the books from {} on.", asset.acquired_on.0);
            return Err(Error::refuse(UserErrorCode::Invalid, "on", message));
        }
        if months.is_some() {
            let message = "What is only an expense changes no plan.";
            return Err(Error::refuse(UserErrorCode::Invalid, "months", message));
        }
        let movement = NewMovement {
            asset: asset.id,
            book: LEDGER.to_owned(),
            on: input.on.0,
            kind: AssetMovementKind::Repair,
            cost: Decimal::ZERO,
            accumulated: Decimal::ZERO,
            amount,
            text: input.text,
            entry: None,
        };
        keep::movement(tx, movement).await?;
    }
    emit(tx, EventKind::AssetRepaired, asset.id.0);
    Ok(asset)
}

async fn split(tx: &Tx, input: AssetSplitInput) -> Result<Asset> {
    sized("number", &input.number, 1..=40)?;
    sized("name", &input.name, 1..=200)?;
    let exponent = Currency::parse(tx.book_currency())?.exponent();
    let part = decimals("cost", input.cost.0, exponent)?;
    let (asset, _) = keep::locked(tx, input.id).await?;
    let fresh = keep::cut_at(tx, &asset, input.on.0, None).await?;
    post::all_of(tx, asset.id).await?;
    let whole = fresh.iter().find(|one| one.plan.book == LEDGER).map_or(Decimal::ZERO, |one| one.cost);
    if part <= Decimal::ZERO || part >= whole {
        let message = format!("A part costs more than zero and less than {whole}.");
        return Err(Error::refuse(UserErrorCode::Invalid, "cost", message));
    }
    let made: Asset = tx
        .row(
            diesel::insert_into(asset::table)
                .values((
                    asset::tenant_id.eq(tx.tenant()?),
                    asset::id.eq(AssetId::new()),
                    asset::class_id.eq(asset.class_id),
                    asset::number.eq(input.number),
                    asset::name.eq(input.name),
                    asset::acquired_on.eq(input.on),
                    asset::dimensions.eq(asset.dimensions.clone()),
                    asset::split_from_id.eq(Some(asset.id)),
                ))
                .returning(Asset::as_returning()),
        )
        .await?;
    for mut stays in fresh {
        let mut goes = stays.clone();
        let share = |amount| plan::share(amount, part, whole, exponent);
        goes.cost = share(stays.cost)?;
        goes.written_off = share(stays.written_off)?;
        goes.plan.base = sub(goes.cost, goes.written_off)?;
        // Rounding never leaves either part worth less than its end.
        let (all, base) = (stays.plan.residual, stays.plan.base);
        let kept = sub(base, goes.plan.base)?;
        goes.plan.residual = share(all)?.max(sub(all, kept)?).min(goes.plan.base);
        goes.plan.units = stays.plan.units.map(|units| plan::share(units, part, whole, 4)).transpose()?;
        stays.plan.base = kept;
        stays.plan.residual = sub(all, goes.plan.residual)?;
        if let (Some(units), Some(gone)) = (stays.plan.units, goes.plan.units) {
            stays.plan.units = Some(sub(units, gone)?);
        }
        for (id, cost, accumulated) in
            [(asset.id, neg(goes.cost)?, neg(goes.written_off)?), (made.id, goes.cost, goes.written_off)]
        {
            let movement = NewMovement {
                asset: id,
                book: goes.plan.book.clone(),
                on: input.on.0,
                kind: AssetMovementKind::Split,
                cost,
                accumulated,
                amount: Decimal::ZERO,
                text: String::new(),
                entry: None,
            };
            keep::movement(tx, movement).await?;
        }
        keep::go_on(tx, asset.id, stays, None, "cost").await?;
        keep::go_on(tx, made.id, goes, None, "cost").await?;
    }
    emit(tx, EventKind::AssetSplit, asset.id.0);
    emit(tx, EventKind::AssetCreated, made.id.0);
    Ok(made)
}

async fn report(tx: &Tx, input: AssetUnitsReportInput) -> Result<Asset> {
    let more = decimals("units", input.units.0, 4)?;
    if more < Decimal::ZERO {
        return Err(Error::refuse(UserErrorCode::Invalid, "units", "Units are zero or more."));
    }
    let exponent = Currency::parse(tx.book_currency())?.exponent();
    let (asset, _) = keep::locked(tx, input.id).await?;
    let plans = PlansOf::fetch(tx, vec![asset.id]).await?.remove(&asset.id).unwrap_or_default();
    let slices = SlicesOf::fetch(tx, vec![asset.id]).await?.remove(&asset.id).unwrap_or_default();
    let live: std::collections::BTreeMap<String, _> = plans.into_iter().map(|plan| (plan.book.clone(), plan)).collect();
    let mut any = false;
    for plan in live.into_values() {
        let Some(units) = plan.units.filter(|_| plan.method == DepreciationMethod::Units) else { continue };
        any = true;
        let own: Vec<_> = slices.iter().filter(|slice| slice.plan_id == plan.id).collect();
        let last = own.iter().map(|slice| slice.to_on.0).max();
        let from = last.map_or(Some(plan.from_on.0), |last| last.succ_opt());
        let Some(from) = from.filter(|from| *from <= input.through.0) else {
            let message = "Units up to this day are reported already, or the plan begins later.";
            return Err(Error::refuse(UserErrorCode::State, "through", message));
        };
        let done = sum(own.iter().filter_map(|slice| slice.units).map(|units| units.0))?;
        let written_off = sum(own.iter().map(|slice| slice.amount.0))?;
        if add(done, more)? > units.0 {
            let message = format!("It can do {} more.", sub(units.0, done)?.normalize());
            return Err(Error::refuse(UserErrorCode::Invalid, "units", message));
        }
        let all = sub(plan.base.0, plan.residual.0)?;
        let amount = plan::for_units(all, units.0, (done, written_off), more, exponent)?;
        let slice = SliceOf { from, to: input.through.0, amount };
        keep::slices(tx, asset.id, plan.id, &plan.book, &[slice], Some(more)).await?;
    }
    if !any {
        return Err(Error::refuse(UserErrorCode::State, "id", "This asset is not written off by units."));
    }
    emit(tx, EventKind::AssetUnitsReported, asset.id.0);
    Ok(asset)
}

/// What changes assets.
#[derive(Default)]
pub struct AssetChangeMutation;

#[Object]
impl AssetChangeMutation {
    /// Sets the value of an asset anew: posts the difference, and writes the rest off from then on. Right:
    /// `finance.journal.post`.
    async fn asset_revalue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset and how much more it is worth.")] input: AssetRevalueInput,
    ) -> async_graphql::Result<Option<AssetPayload>> {
        AssetPayload::settle(ctx, revalue(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Notes a repair of an asset: as part of what it costs, or as an expense that stands elsewhere. Right:
    /// `finance.journal.post`.
    async fn asset_repair(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset and what was done.")] input: AssetRepairInput,
    ) -> async_graphql::Result<Option<AssetPayload>> {
        AssetPayload::settle(ctx, repair(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Makes a part of an asset an asset of its own; gives the new one. The accounts stay as they are. Right:
    /// `finance.journal.post`.
    async fn asset_split(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset and its part.")] input: AssetSplitInput,
    ) -> async_graphql::Result<Option<AssetPayload>> {
        AssetPayload::settle(ctx, split(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Reports units that an asset has done: their part is written off with the day up to which they were done. Right:
    /// `finance.journal.post`.
    async fn asset_units_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset and its units.")] input: AssetUnitsReportInput,
    ) -> async_graphql::Result<Option<AssetPayload>> {
        AssetPayload::settle(ctx, report(ctx.tx(Can::JournalPost).await?, input).await)
    }
}
