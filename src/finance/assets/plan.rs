//! How what an asset costs is written off over its time: no database, no clock.
//!
//! Each part is rounded by itself, halves away from zero, and the last one takes what is left: what is written off is cost
//! less residual to the cent, whatever changed on the way. A change lays the rest anew from its day on: 887.50 over 21
//! months is 42.26 twenty times and 42.30.

use backoffice_money::{Decimal, MoneyError, RoundingMode, add, mul, round_to, split_last, sub, sum};
use chrono::{Datelike, Months, NaiveDate};

use crate::finance::deferrals::slices::{DeferralMethod, SliceOf, months, slices};

crate::platform::words! {
    /// How an asset is written off.
    DepreciationMethod {
        /// The same for each month or day.
        StraightLine = "straight_line",
        /// A percentage of the book value at the beginning of each year of the plan; evenly over the months that are left
        /// once that is more. By month only.
        Declining = "declining",
        /// By what it has done of all that it can do.
        Units = "units",
    }
}

crate::platform::words! {
    /// What counts of the first and last month of a plan.
    DepreciationSpread {
        /// Whole months: that of the first day counts as a whole.
        ByMonth = "by_month",
        /// Days.
        ByDay = "by_day",
    }
}

/// What is to be laid out.
#[derive(Clone, Copy, Debug)]
pub struct Laid {
    /// The book value at its beginning.
    pub base: Decimal,
    /// What is left at its end.
    pub residual: Decimal,
    /// Its first day.
    pub from_on: NaiveDate,
    /// Its last day.
    pub ends_on: NaiveDate,
    /// How it is written off; nothing is laid out for units.
    pub method: DepreciationMethod,
    /// What counts of months.
    pub spread: DepreciationSpread,
    /// Percent of the book value a year, for declining plans.
    pub percent: Decimal,
}

/// The first and last day of a plan over some months from a day on.
#[must_use]
pub fn time(starts_on: NaiveDate, count: u32, spread: DepreciationSpread) -> Option<(NaiveDate, NaiveDate)> {
    let from = begins(starts_on, spread)?;
    Some((from, from.checked_add_months(Months::new(count))?.pred_opt()?))
}

/// The day from which on a change on a day counts: that day, or the first one of its month.
#[must_use]
pub fn begins(on: NaiveDate, spread: DepreciationSpread) -> Option<NaiveDate> {
    match spread {
        DepreciationSpread::ByMonth => on.with_day(1),
        DepreciationSpread::ByDay => Some(on),
    }
}

/// The parts of a plan, month by month: together they are its base less its residual.
pub fn lay(plan: &Laid, exponent: u32) -> Result<Vec<SliceOf>, MoneyError> {
    let all = sub(plan.base, plan.residual)?;
    match plan.method {
        DepreciationMethod::Units => Ok(Vec::new()),
        DepreciationMethod::StraightLine => {
            let method = match plan.spread {
                DepreciationSpread::ByMonth => DeferralMethod::ByMonth,
                DepreciationSpread::ByDay => DeferralMethod::ByDay,
            };
            slices(all, plan.from_on, plan.ends_on, method, exponent)
        }
        DepreciationMethod::Declining => declining(plan, all, exponent),
    }
}

/// Year by year what the percentage says of the book value, or an even part of what is left once that is more.
fn declining(plan: &Laid, all: Decimal, exponent: u32) -> Result<Vec<SliceOf>, MoneyError> {
    let months = months(plan.from_on, plan.ends_on);
    let (mut rest, mut value, mut ahead) = (all, plan.base, Decimal::from(months.len()));
    let mut made = Vec::with_capacity(months.len());
    for year in months.chunks(12) {
        let count = Decimal::from(year.len());
        // `count` of the 1,200 hundredths of a year's months
        let by_percent = divided(mul(mul(value, plan.percent)?, count)?, Decimal::from(1200))?;
        let evenly = divided(mul(rest, count)?, ahead)?;
        let last = count == ahead;
        let amount = if last { rest } else { whole(by_percent.max(evenly), exponent)?.min(rest) };
        let amounts = split_last(amount, &vec![Decimal::ONE; year.len()], exponent)?;
        made.extend(year.iter().zip(amounts).map(|((from, to), amount)| SliceOf { from: *from, to: *to, amount }));
        (rest, value, ahead) = (sub(rest, amount)?, sub(value, amount)?, sub(ahead, count)?);
    }
    Ok(made)
}

fn divided(amount: Decimal, by: Decimal) -> Result<Decimal, MoneyError> {
    amount.checked_div(by).ok_or(MoneyError::Overflow)
}

fn whole(amount: Decimal, exponent: u32) -> Result<Decimal, MoneyError> {
    round_to(amount, exponent, RoundingMode::HalfAwayFromZero)
}

/// What is written off for further units: what all of them are worth together, rounded, less what was written off for those
/// before. The last unit takes what is left.
pub fn for_units(
    all: Decimal,
    units: Decimal,
    before: (Decimal, Decimal),
    more: Decimal,
    exponent: u32,
) -> Result<Decimal, MoneyError> {
    let (done, written_off) = before;
    let by_now = whole(divided(mul(all, add(done, more)?)?, units)?, exponent)?;
    sub(by_now, written_off)
}

/// The part of a slice up to a day, by its days.
pub fn cut(slice: &SliceOf, last: NaiveDate, exponent: u32) -> Result<SliceOf, MoneyError> {
    let days = |to: NaiveDate| Decimal::from((to - slice.from).num_days().saturating_add(1));
    let amount = whole(divided(mul(slice.amount, days(last))?, days(slice.to))?, exponent)?;
    Ok(SliceOf { from: slice.from, to: last, amount })
}

/// A share of an amount, rounded.
pub fn share(amount: Decimal, part: Decimal, of: Decimal, exponent: u32) -> Result<Decimal, MoneyError> {
    if amount.is_zero() {
        return Ok(Decimal::ZERO);
    }
    whole(divided(mul(amount, part)?, of)?, exponent)
}

/// What slices come to.
pub fn total<'a>(slices: impl IntoIterator<Item = &'a SliceOf>) -> Result<Decimal, MoneyError> {
    sum(slices.into_iter().map(|slice| slice.amount))
}

#[cfg(test)]
mod tests;
