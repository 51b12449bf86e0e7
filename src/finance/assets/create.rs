//! An asset comes into the books: from where its cost stands so far, new or with what is written off of it already.

use std::collections::BTreeSet;

use async_graphql::{Context, InputObject, Object};
use backoffice_money::{Currency, Decimal, neg, sub};
use chrono::NaiveDate;
use diesel::prelude::*;

use super::asset::{Asset, AssetMovementKind, AssetPayload};
use super::class::AssetClass;
use super::keep::{self, NewMovement, NewPlan};
use super::plan::{self, DepreciationMethod, DepreciationSpread};
use super::{LEDGER, MOST_MONTHS};
use crate::finance::ids::{AccountId, AssetClassId, AssetId, DimensionValueId};
use crate::finance::ledger::dimension::labels;
use crate::finance::ledger::lock;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{decimals, relabel, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::schema::asset;

/// The most books of an asset.
const MOST_BOOKS: usize = 8;

/// How an asset is written off in a book.
#[derive(InputObject, Clone, Debug)]
pub struct AssetPlanInput {
    /// The book: `LEDGER` is posted and needed, any other one (1 to 20 capital letters, digits and underscores) only
    /// computes.
    #[graphql(default_with = "LEDGER.to_owned()")]
    pub book: String,
    /// How.
    pub method: DepreciationMethod,
    /// What counts of the first and last month.
    #[graphql(default_with = "DepreciationSpread::ByMonth")]
    pub spread: DepreciationSpread,
    /// The first day that something is written off for; the day of acquisition if not said, and not before its month.
    pub starts_on: Option<Date>,
    /// Over how many months, 1 to 1200; for units how long it is used at most.
    pub months: i32,
    /// What is left at the end, in the books' currency; zero if not said.
    pub residual: Option<Dec>,
    /// Percent of the book value a year, more than 0 and at most 100; needed for declining plans, and only there.
    pub percent: Option<Dec>,
    /// How many units it can do, with at most 4 decimals; needed for plans by units, and only there.
    pub units: Option<Dec>,
    /// What is written off in this book before: for assets that are taken over. Zero if not said.
    pub written_off: Option<Dec>,
}

/// An asset that comes into the books.
#[derive(InputObject, Clone, Debug)]
pub struct AssetCreateInput {
    /// Its class.
    pub class: AssetClassId,
    /// Its number, 1 to 40 characters, unique.
    pub number: String,
    /// What it is, 1 to 200 characters.
    pub name: String,
    /// The day from which on it stands in the books: its entry's.
    pub acquired_on: Date,
    /// What it cost, in the books' currency: more than zero.
    pub cost: Dec,
    /// Where its cost stands so far, less what is written off: the account of the bill's line, or one that the opening left
    /// it on. It takes the other side of the entry.
    pub from: AccountId,
    /// The values of dimensions that lines on income and expense stand on, at most one of each dimension; none if not said.
    pub dimensions: Option<Vec<DimensionValueId>>,
    /// How it is written off, in one to eight books.
    pub plans: Vec<AssetPlanInput>,
}

fn invalid(field: &str, message: &str) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

/// The plan that is asked for, with everything checked.
fn new_plan(at: usize, input: AssetPlanInput, cost: Decimal, acquired_on: NaiveDate, exponent: u32) -> Result<NewPlan> {
    let field = |name: &str| format!("plans.{at}.{name}");
    let mut name = input.book.bytes();
    let sound = name.next().is_some_and(|byte| byte.is_ascii_uppercase())
        && name.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !sound || input.book.len() > 20 {
        return Err(invalid(&field("book"), "A book is named by 1 to 20 capital letters, digits and underscores."));
    }
    let months = u32::try_from(input.months).ok().filter(|_| (1..=MOST_MONTHS).contains(&input.months));
    let months = months.ok_or_else(|| invalid(&field("months"), "A plan has 1 to 1200 months."))?;
    let money = |name: &str, value: Option<Dec>| {
        let value = decimals(&field(name), value.map_or(Decimal::ZERO, |value| value.0), exponent)?;
        if value < Decimal::ZERO || value > cost {
            return Err(invalid(&field(name), "This lies between zero and what the asset costs."));
        }
        Ok(value)
    };
    let (residual, written_off) = (money("residual", input.residual)?, money("writtenOff", input.written_off)?);
    let base = sub(cost, written_off)?;
    if residual > base {
        return Err(invalid(&field("residual"), "What is left at the end is at most what is not written off yet."));
    }
    let is = |method| input.method == method;
    let percent = input.percent.map(|percent| percent.0);
    if is(DepreciationMethod::Declining) != percent.is_some() {
        return Err(invalid(&field("percent"), "A declining plan needs a percentage, others have none."));
    }
    if let Some(percent) = percent
        && (decimals(&field("percent"), percent, 4)? <= Decimal::ZERO || percent > Decimal::ONE_HUNDRED)
    {
        return Err(invalid(&field("percent"), "A percentage is more than 0 and at most 100."));
    }
    let units = input.units.map(|units| units.0);
    if is(DepreciationMethod::Units) != units.is_some() {
        return Err(invalid(&field("units"), "A plan by units says how many there are, others do not."));
    }
    if let Some(units) = units
        && decimals(&field("units"), units, 4)? <= Decimal::ZERO
    {
        return Err(invalid(&field("units"), "This has to be more than zero."));
    }
    if is(DepreciationMethod::Declining) && input.spread == DepreciationSpread::ByDay {
        return Err(invalid(&field("spread"), "A declining plan counts whole months."));
    }
    let spread = if is(DepreciationMethod::Units) { DepreciationSpread::ByDay } else { input.spread };
    let starts_on = input.starts_on.map_or(acquired_on, |day| day.0);
    let far = || invalid(&field("startsOn"), "This lies too far away.");
    if starts_on < plan::begins(acquired_on, spread).ok_or_else(far)? {
        return Err(invalid(&field("startsOn"), "Nothing is written off before the asset is there."));
    }
    let (from_on, ends_on) = plan::time(starts_on, months, spread).ok_or_else(far)?;
    Ok(NewPlan { book: input.book, from_on, ends_on, method: input.method, spread, base, residual, percent, units })
}

async fn create(tx: &Tx, input: AssetCreateInput) -> Result<Asset> {
    sized("number", &input.number, 1..=40)?;
    sized("name", &input.name, 1..=200)?;
    let currency = Currency::parse(tx.book_currency())?;
    let cost = decimals("cost", input.cost.0, currency.exponent())?;
    if cost <= Decimal::ZERO {
        return Err(invalid("cost", "An asset costs more than zero."));
    }
    if !(1..=MOST_BOOKS).contains(&input.plans.len()) {
        return Err(invalid("plans", "An asset has one to eight books."));
    }
    let acquired_on = input.acquired_on.0;
    let plans = input.plans.into_iter().enumerate();
    let plans: Vec<NewPlan> =
        plans.map(|(at, plan)| new_plan(at, plan, cost, acquired_on, currency.exponent())).collect::<Result<_>>()?;
    let books: BTreeSet<&str> = plans.iter().map(|plan| plan.book.as_str()).collect();
    if books.len() != plans.len() || !books.contains(LEDGER) {
        return Err(invalid("plans", "Each book has one plan, and the book LEDGER has one."));
    }
    lock::general_for_update(tx).await?;
    let class = AssetClass::fetch(tx, vec![input.class]).await?.remove(&input.class);
    let class = class.ok_or_else(|| Error::not_found("class", "asset class"))?;
    let from = keep::against(tx, input.from, "from").await?;
    let wanted = vec![("dimensions".to_owned(), input.dimensions.unwrap_or_default())];
    let labels = labels::resolve(tx, &wanted, acquired_on).await?.remove(0);
    let made: Asset = tx
        .row(
            diesel::insert_into(asset::table)
                .values((
                    asset::tenant_id.eq(tx.tenant()?),
                    asset::id.eq(AssetId::new()),
                    asset::class_id.eq(class.id),
                    asset::number.eq(input.number),
                    asset::name.eq(input.name),
                    asset::acquired_on.eq(Date(acquired_on)),
                    asset::dimensions.eq(labels.to_json()),
                ))
                .returning(Asset::as_returning()),
        )
        .await?;
    for plan in plans {
        let written_off = sub(cost, plan.base)?;
        let entry = if plan.book == LEDGER {
            let lines = [
                (class.cost_account_id, cost),
                (class.accumulated_account_id, neg(written_off)?),
                (from.id, neg(plan.base)?),
            ];
            let text = format!("Acquisition of {} {}", made.number, made.name);
            let posted = keep::entry(tx, &made, acquired_on, text, &lines).await;
            posted.map_err(|error| relabel(error, &[("date", "acquiredOn"), ("lines", "from")]))?
        } else {
            None
        };
        let movement = NewMovement {
            asset: made.id,
            book: plan.book.clone(),
            on: acquired_on,
            kind: AssetMovementKind::Acquisition,
            cost,
            accumulated: written_off,
            amount: Decimal::ZERO,
            text: String::new(),
            entry,
        };
        keep::movement(tx, movement).await?;
        keep::plan(tx, made.id, &plan).await?;
    }
    emit(tx, EventKind::AssetCreated, made.id.0);
    Ok(made)
}

/// Assets come into the books.
#[derive(Default)]
pub struct AssetCreateMutation;

#[Object]
impl AssetCreateMutation {
    /// Enters an asset: posts its cost to the account of its class, from where it stands so far. What is written off is
    /// posted when it is due: see `depreciationPost`. Right: `finance.journal.post`.
    async fn asset_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The asset and how it is written off.")] input: AssetCreateInput,
    ) -> async_graphql::Result<Option<AssetPayload>> {
        AssetPayload::settle(ctx, create(ctx.tx(Can::JournalPost).await?, input).await)
    }
}
