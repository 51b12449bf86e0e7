//! What amounts on a value are split into when they are posted: the overhead's cost among those who caused it. The parts are
//! 100 percent, nothing is split into itself by however many steps, and money is shared out by largest remainder.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Balanced, Currency, Decimal, MoneyError, check_scale, mul, split, sum};
use chrono::NaiveDate;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Numeric, Uuid as SqlUuid};

use super::lock;
use super::value::{DimensionValue, DimensionValuePayload};
use crate::finance::ids::{DimensionId, DimensionValueId};
use crate::finance::ledger::journal::NewLine;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::value_split;

/// The most parts of a value.
const MOST: usize = 100;
/// The most steps from a value to what its amounts end on.
const STEPS: usize = 10;

/// What amounts on a value are split into from a day on.
#[derive(SimpleObject, Clone, Debug)]
pub struct Distribution {
    /// The first day whose lines are split like this; lasts until the next one begins.
    pub valid_from: Date,
    /// The parts, 100 percent together; empty: nothing is split any more.
    pub parts: Vec<DistributionPart>,
}

/// A part of what a value is split into.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct DistributionPart {
    #[graphql(skip)]
    value_id: DimensionValueId,
    /// How much of each amount, in percent.
    pub percent: Dec,
}

#[ComplexObject]
impl DistributionPart {
    /// The value that takes the part.
    async fn value(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DimensionValue>> {
        Ok(ctx.load::<DimensionValue>(self.value_id).await?)
    }
}

/// What values are split into, the earliest first.
pub struct SplitsOf;

#[derive(QueryableByName)]
struct PartRow {
    #[diesel(sql_type = SqlUuid)]
    value_id: DimensionValueId,
    #[diesel(sql_type = SqlDate)]
    valid_from: NaiveDate,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    part_id: Option<DimensionValueId>,
    #[diesel(sql_type = Nullable<Numeric>)]
    percent: Option<Decimal>,
}

impl Fetch for SplitsOf {
    type Key = DimensionValueId;
    type Value = Vec<Distribution>;
    const CAN: Can = Can::AccountRead;

    async fn fetch(tx: &Tx, keys: Vec<DimensionValueId>) -> Result<HashMap<DimensionValueId, Vec<Distribution>>> {
        let rows: Vec<PartRow> = tx
            .rows(
                sql("SELECT s.value_id, s.valid_from, p.value_id AS part_id, p.percent
                       FROM finance.value_split s
                       LEFT JOIN finance.value_split_part p ON p.tenant_id = $1 AND p.split_id = s.id
                      WHERE s.tenant_id = $1 AND s.value_id = ANY ($2)
                      ORDER BY s.value_id, s.valid_from, p.percent DESC, p.value_id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<DimensionValueId, Vec<Distribution>> = HashMap::new();
        for row in rows {
            let of_value = found.entry(row.value_id).or_default();
            if of_value.last().is_none_or(|last| last.valid_from.0 != row.valid_from) {
                of_value.push(Distribution { valid_from: Date(row.valid_from), parts: Vec::new() });
            }
            if let (Some(last), Some(value_id), Some(percent)) = (of_value.last_mut(), row.part_id, row.percent) {
                last.parts.push(DistributionPart { value_id, percent: Dec(percent) });
            }
        }
        Ok(found)
    }
}

/// What amounts on a value are to be split into.
#[derive(InputObject, Clone, Debug)]
pub struct DimensionDistributionSetInput {
    /// The value whose amounts are split.
    pub value: DimensionValueId,
    /// The first day whose lines are split like this. What is posted already stays.
    pub valid_from: Date,
    /// The parts: other values of the same dimension, 100 percent together. Empty to end the splitting on that day.
    pub parts: Vec<DistributionPartInput>,
}

/// A part of what a value is to be split into.
#[derive(InputObject, Clone, Debug)]
pub struct DistributionPartInput {
    /// The value that takes the part, named once.
    pub value: DimensionValueId,
    /// How much of each amount: more than 0 percent, with at most 6 decimals.
    pub percent: Dec,
}

/// What each value is split into on one day.
pub type Splits = BTreeMap<DimensionValueId, Vec<(DimensionValueId, Decimal)>>;

/// All splits of a dimension, with the day from which each holds; without parts: from there on none.
type Dated = BTreeMap<DimensionValueId, BTreeMap<NaiveDate, Vec<DimensionValueId>>>;

/// The earliest day from `from` on at which a value would be split into itself, by however many steps.
fn circle(all: &Dated, value: DimensionValueId, from: NaiveDate) -> Option<NaiveDate> {
    let until = all.get(&value)?.range((std::ops::Bound::Excluded(from), std::ops::Bound::Unbounded)).next();
    let until = until.map_or(NaiveDate::MAX, |(day, _)| *day);
    let days: BTreeSet<NaiveDate> =
        all.values().flat_map(|days| days.keys().copied()).filter(|day| *day > from && *day < until).collect();
    std::iter::once(from).chain(days).find(|day| {
        let parts = |of: DimensionValueId| {
            all.get(&of).and_then(|days| days.range(..=*day).next_back()).map_or(&[][..], |(_, parts)| parts.as_slice())
        };
        let (mut seen, mut next) = (HashSet::new(), parts(value).to_vec());
        while let Some(one) = next.pop() {
            if one == value {
                return true;
            }
            if seen.insert(one) {
                next.extend_from_slice(parts(one));
            }
        }
        false
    })
}

/// Weights of the values on which amounts of a value end: those of all steps multiplied.
fn ends(splits: &Splits, value: DimensionValueId) -> Result<Vec<(DimensionValueId, Decimal)>, MoneyError> {
    let mut weights: BTreeMap<DimensionValueId, Decimal> = BTreeMap::new();
    let mut next = vec![(value, Decimal::ONE_HUNDRED, 0_usize)];
    while let Some((one, weight, step)) = next.pop() {
        match splits.get(&one).filter(|parts| !parts.is_empty() && step < STEPS) {
            Some(parts) => {
                for (part, percent) in parts {
                    let share = mul(weight, *percent)?.checked_div(Decimal::ONE_HUNDRED).ok_or(MoneyError::Overflow)?;
                    next.push((*part, share, step.saturating_add(1)));
                }
            }
            None => {
                let kept = weights.entry(one).or_default();
                *kept = sum([*kept, weight])?;
            }
        }
    }
    Ok(weights.into_iter().collect())
}

/// The lines with those on split values in parts, each amount to the last cent; parts without any amount are left out.
pub fn distributed(lines: Vec<NewLine>, splits: &Splits, book: Currency) -> Result<Vec<NewLine>, MoneyError> {
    let mut done = Vec::with_capacity(lines.len());
    for line in lines {
        let mut parts = vec![line];
        let dimensions: Vec<DimensionId> = parts.iter().flat_map(|line| line.labels.dimensions()).collect();
        for dimension in dimensions {
            let mut further = Vec::with_capacity(parts.len());
            for part in parts {
                let value =
                    part.labels.of(dimension).filter(|value| splits.get(value).is_some_and(|to| !to.is_empty()));
                let Some(value) = value else {
                    further.push(part);
                    continue;
                };
                let ends = ends(splits, value)?;
                let weights: Vec<Decimal> = ends.iter().map(|(_, weight)| *weight).collect();
                let documents = split(part.amount_document, &weights, part.currency.exponent())?;
                let books = split(part.amount, &weights, book.exponent())?;
                for ((end, _), (amount_document, amount)) in ends.iter().zip(documents.into_iter().zip(books)) {
                    if !amount.is_zero() || !amount_document.is_zero() {
                        let labels = part.labels.with(dimension, *end);
                        further.push(NewLine { labels, amount_document, amount, ..part.clone() });
                    }
                }
            }
            parts = further;
        }
        done.extend(parts);
    }
    Ok(done)
}

/// What those values are split into on a day, with what their parts are split into. One statement a step, none without
/// values.
async fn on_day(tx: &Tx, values: Vec<DimensionValueId>, day: NaiveDate) -> Result<Splits> {
    let mut found = Splits::new();
    let mut next = values;
    for _ in 0..STEPS {
        if next.is_empty() {
            break;
        }
        let rows: Vec<PartRow> = tx
            .rows(
                sql("SELECT v.value_id, s.valid_from, p.value_id AS part_id, p.percent
                       FROM unnest($2::uuid[]) AS v (value_id)
                      CROSS JOIN LATERAL (SELECT s.id, s.valid_from FROM finance.value_split s
                                           WHERE s.tenant_id = $1 AND s.value_id = v.value_id AND s.valid_from <= $3
                                           ORDER BY s.valid_from DESC LIMIT 1) s
                       JOIN finance.value_split_part p ON p.tenant_id = $1 AND p.split_id = s.id
                      ORDER BY v.value_id, p.value_id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(std::mem::take(&mut next))
                .bind::<SqlDate, _>(day),
            )
            .await?;
        let mut reached = BTreeSet::new();
        for row in rows {
            if let (Some(part), Some(percent)) = (row.part_id, row.percent) {
                found.entry(row.value_id).or_default().push((part, percent));
                reached.insert(part);
            }
        }
        next = reached.into_iter().filter(|value| !found.contains_key(value)).collect();
    }
    Ok(found)
}

/// The lines as they are posted on a day: those on values that are split, in parts.
pub async fn apply(tx: &Tx, day: NaiveDate, lines: Balanced<NewLine>) -> Result<Balanced<NewLine>> {
    let values: BTreeSet<DimensionValueId> = lines.lines().iter().flat_map(|line| line.labels.values()).collect();
    if values.is_empty() {
        return Ok(lines);
    }
    let splits = on_day(tx, values.into_iter().collect(), day).await?;
    if splits.is_empty() {
        return Ok(lines);
    }
    let book = lines.book_currency();
    Ok(Balanced::check(book, distributed(lines.into_lines(), &splits, book)?)?)
}

fn check_parts(input: &DimensionDistributionSetInput) -> Result<()> {
    if input.parts.len() > MOST {
        let message = format!("A value is split into at most {MOST} parts.");
        return Err(Error::refuse(UserErrorCode::Invalid, "parts", message));
    }
    let mut seen = HashSet::new();
    for (at, part) in input.parts.iter().enumerate() {
        if !seen.insert(part.value) {
            let field = format!("parts.{at}.value");
            return Err(Error::refuse(UserErrorCode::Duplicate, &field, "This value is named twice."));
        }
        if part.percent.0 <= Decimal::ZERO || check_scale(part.percent.0, 6).is_err() {
            let message = "A part is more than 0 percent, with at most 6 decimals.";
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("parts.{at}.percent"), message));
        }
    }
    let total = sum(input.parts.iter().map(|part| part.percent.0))?;
    if !input.parts.is_empty() && total != Decimal::ONE_HUNDRED {
        let message = format!("The parts come to {} percent; together they are 100.", total.normalize());
        return Err(Error::refuse(UserErrorCode::Invalid, "parts", message));
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

async fn set(tx: &Tx, input: DimensionDistributionSetInput) -> Result<DimensionValue> {
    check_parts(&input)?;
    let mut ids: Vec<DimensionValueId> = input.parts.iter().map(|part| part.value).collect();
    ids.push(input.value);
    let known = DimensionValue::fetch(tx, ids).await?;
    let value = known.get(&input.value).cloned().ok_or_else(|| Error::not_found("value", "dimension value"))?;
    for (at, part) in input.parts.iter().enumerate() {
        let field = format!("parts.{at}.value");
        let found = known.get(&part.value).ok_or_else(|| Error::not_found(&field, "dimension value"))?;
        if found.dimension_id != value.dimension_id {
            let message = format!("{} is a value of another dimension than {}.", found.code, value.code);
            return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
        }
    }
    // Of two that close a circle together the second one sees the first.
    lock(tx, value.dimension_id, "value").await?;
    let tenant = tx.tenant()?;
    let there: Taken = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM finance.value_split s
                                 WHERE s.tenant_id = $1 AND s.value_id = $2 AND s.valid_from = $3) AS taken")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(value.id)
            .bind::<SqlDate, _>(input.valid_from),
        )
        .await?;
    if there.taken {
        let message = "What this value is split into begins anew on that day already; choose another one.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "validFrom", message));
    }
    let mut all = of_dimension(tx, value.dimension_id).await?;
    let parts = input.parts.iter().map(|part| part.value).collect();
    all.entry(value.id).or_default().insert(input.valid_from.0, parts);
    if let Some(day) = circle(&all, value.id, input.valid_from.0) {
        let message =
            format!("On {day} amounts on {} would come back to it: its parts are split themselves.", value.code);
        return Err(Error::refuse(UserErrorCode::Invalid, "parts", message));
    }
    let id = new_uuid();
    tx.exec(diesel::insert_into(value_split::table).values((
        value_split::tenant_id.eq(tenant),
        value_split::id.eq(id),
        value_split::dimension_id.eq(value.dimension_id),
        value_split::value_id.eq(value.id),
        value_split::valid_from.eq(input.valid_from),
    )))
    .await?;
    if !input.parts.is_empty() {
        tx.exec(
            sql("INSERT INTO finance.value_split_part (tenant_id, id, split_id, dimension_id, value_id, percent)
                 SELECT $1, n.id, $2, $3, n.value_id, n.percent
                   FROM unnest($4::uuid[], $5::uuid[], $6::numeric[]) AS n (id, value_id, percent)")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(id)
            .bind::<SqlUuid, _>(value.dimension_id)
            .bind::<Array<SqlUuid>, _>(input.parts.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(input.parts.iter().map(|part| part.value).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(input.parts.iter().map(|part| part.percent.0).collect::<Vec<_>>()),
        )
        .await?;
    }
    emit(tx, EventKind::DimensionValueDistributed, value.id.0);
    Ok(value)
}

/// All splits of a dimension.
async fn of_dimension(tx: &Tx, dimension: DimensionId) -> Result<Dated> {
    let rows: Vec<PartRow> = tx
        .rows(
            sql("SELECT s.value_id, s.valid_from, p.value_id AS part_id, p.percent
                   FROM finance.dimension_value v
                   JOIN finance.value_split s ON s.tenant_id = $1 AND s.value_id = v.id
                   LEFT JOIN finance.value_split_part p ON p.tenant_id = $1 AND p.split_id = s.id
                  WHERE v.tenant_id = $1 AND v.dimension_id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(dimension),
        )
        .await?;
    let mut all = Dated::new();
    for row in rows {
        all.entry(row.value_id).or_default().entry(row.valid_from).or_default().extend(row.part_id);
    }
    Ok(all)
}

/// Changes of what values are split into.
#[derive(Default)]
pub struct SplitMutation;

#[Object]
impl SplitMutation {
    /// Says what amounts on a value are split into when they are posted, from a day on: among other values of its dimension,
    /// by largest remainder. What is posted already stays. Right: `finance.account.manage`.
    async fn dimension_distribution_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The value and its parts.")] input: DimensionDistributionSetInput,
    ) -> async_graphql::Result<Option<DimensionValuePayload>> {
        DimensionValuePayload::settle(ctx, set(ctx.tx(Can::AccountManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests;
