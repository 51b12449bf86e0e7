//! The totals of a document: line nets, discounts, taxes by category, and a sum that always adds up.
//!
//! Two methods are in lawful use, and their results differ; a document stores which one it was made with and is
//! never recomputed with the other. For a line of 16 pieces at 348.35 less 4 %, taxed at 22 %:
//!
//! | | [`RoundingMethod::ByDocument`] | [`RoundingMethod::ByLine`] |
//! |---|---|---|
//! | exact net 348.35 × 16 × 0.96 | 5,350.656 | 5,350.656 |
//! | net | 5,350.66 | 5,350.66 |
//! | tax is taken of | 5,350.656 (exact sum of the category) | 5,350.66 (the rounded line) |
//! | tax | 1,177.14432 → 1,177.14 | 1,177.1452 → 1,177.15 |
//! | gross | **6,527.80** | **6,527.81** |
//!
//! By document, each category is rounded once, at its end; so a tax may differ by one minor unit from the
//! *displayed* base × rate. By line, the displayed line is what is taxed.
//!
//! Either way Σ line nets = Σ tax bases = net, Σ line taxes = Σ taxes = tax, and net + tax = gross, exactly. By
//! document, the nets of single lines are rounded and then moved by at most one minor unit where the roundings
//! would not add up, those lines first that were rounded furthest in the other direction.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::error::MoneyError;
use crate::exact::{add, check_range, percent_factor, raw, sub, sum};

/// The highest tax percentage accepted.
const MAX_TAX_PERCENT: Decimal = Decimal::ONE_THOUSAND;

/// When the taxes of a document are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoundingMethod {
    /// Tax per category on the exact sum of its lines, rounded once.
    ByDocument,
    /// Net and tax rounded on every line, then summed.
    ByLine,
}

/// What a line is taxed with: the caller's own key of the tax category, and its rate.
///
/// Lines are put together by key and rate. For lines outside of any tax let `K` be an `Option` and the rate 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxKey<K> {
    /// The category, for example the id of a tax code.
    pub key: K,
    /// The rate in percent of the net amount, from 0 to 1,000.
    pub percent: Decimal,
}

/// One line of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineInput<K> {
    /// How much; negative for a return.
    pub quantity: Decimal,
    /// The net price of one, in major units; may be finer than the currency.
    pub unit_price: Decimal,
    /// The discount on this line in percent, from 0 to 100.
    pub discount_percent: Decimal,
    /// Its tax.
    pub tax: TaxKey<K>,
}

/// The amounts of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineTotals {
    /// Net after the line's discount and its share of the document's. Net + document discount is what a
    /// printed document shows on the line when it shows the document's discount below.
    pub net: Decimal,
    /// The line's share of the document's discount, with the sign of the line.
    pub document_discount: Decimal,
    /// The line's share of its category's tax.
    pub tax: Decimal,
}

/// The sum of one tax category at one rate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxTotal<K> {
    /// The category.
    pub key: K,
    /// The rate in percent.
    pub percent: Decimal,
    /// Σ of the nets taxed.
    pub base: Decimal,
    /// The tax.
    pub tax: Decimal,
}

/// The totals of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals<K> {
    /// One for each line, in the order given.
    pub lines: Vec<LineTotals>,
    /// One for each category and rate, ordered by them.
    pub taxes: Vec<TaxTotal<K>>,
    /// Σ of the lines' shares of the document's discount: 0 without one.
    pub document_discount: Decimal,
    /// Σ of the line nets, after all discounts.
    pub net: Decimal,
    /// Σ of the taxes.
    pub tax: Decimal,
    /// Net + tax.
    pub gross: Decimal,
}

/// Computes the totals of a document in a currency of `exponent` decimals; halves are rounded away from zero.
///
/// `discount_percent` is the discount on the whole document, taken of every line after the line's own discount.
/// Products are kept to 28 significant digits until they are rounded. A document without lines totals 0.
///
/// # Errors
/// [`MoneyError::PercentOutOfRange`] and [`MoneyError::Overflow`], inside [`MoneyError::AtLine`] where one line
/// is to blame.
pub fn totals<K: Ord + Clone>(
    lines: &[LineInput<K>],
    discount_percent: Decimal,
    method: RoundingMethod,
    exponent: u32,
) -> Result<Totals<K>, MoneyError> {
    let kept = discount_factor(discount_percent)?;
    let mut results = Vec::with_capacity(lines.len());
    let mut categories: BTreeMap<(&K, Decimal), Category> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let exact = Exact::of(line, kept).map_err(|reason| reason.at(index))?;
        results.push(LineTotals { net: Decimal::ZERO, document_discount: Decimal::ZERO, tax: Decimal::ZERO });
        categories.entry((&line.tax.key, line.tax.percent)).or_default().0.push((index, exact));
    }
    let mut taxes = Vec::with_capacity(categories.len());
    for ((key, percent), category) in categories {
        let amounts = match method {
            RoundingMethod::ByDocument => category.round_once(percent, exponent),
            RoundingMethod::ByLine => category.round_lines(percent, exponent),
        }?;
        let base = sum(amounts.iter().map(|(_, line)| line.net))?;
        let tax = sum(amounts.iter().map(|(_, line)| line.tax))?;
        for (index, line) in amounts {
            if let Some(result) = results.get_mut(index) {
                *result = line;
            }
        }
        taxes.push(TaxTotal { key: key.clone(), percent, base, tax });
    }
    let net = sum(results.iter().map(|line| line.net))?;
    let tax = sum(taxes.iter().map(|total| total.tax))?;
    let document_discount = sum(results.iter().map(|line| line.document_discount))?;
    Ok(Totals { gross: add(net, tax)?, lines: results, taxes, document_discount, net, tax })
}

/// A line's net before and after the document's discount, not rounded.
struct Exact {
    listed: Decimal,
    net: Decimal,
}

impl Exact {
    fn of<K>(line: &LineInput<K>, document_kept: Decimal) -> Result<Self, MoneyError> {
        check_tax_percent(line.tax.percent)?;
        let kept = discount_factor(line.discount_percent)?;
        let amount = product(check_range(line.quantity)?, check_range(line.unit_price)?)?;
        let listed = product(amount, kept)?;
        Ok(Self { listed: check_range(listed)?, net: check_range(product(listed, document_kept)?)? })
    }
}

/// The lines that share a tax, each with its position in the document.
#[derive(Default)]
struct Category(Vec<(usize, Exact)>);

impl Category {
    fn round_once(self, percent: Decimal, exponent: u32) -> Result<Vec<(usize, LineTotals)>, MoneyError> {
        let rate = percent_factor(percent)?;
        let taxes = self.0.iter().map(|(_, line)| product(line.net, rate)).collect::<Result<Vec<_>, _>>()?;
        let listed = settle(self.0.iter().map(|(_, line)| line.listed).collect(), exponent)?;
        let nets = settle(self.0.iter().map(|(_, line)| line.net).collect(), exponent)?;
        let taxes = settle(taxes, exponent)?;
        let amounts = listed.into_iter().zip(nets).zip(taxes);
        self.0
            .into_iter()
            .zip(amounts)
            .map(|((index, _), ((listed, net), tax))| Ok((index, LineTotals::of(listed, net, tax)?)))
            .collect()
    }

    fn round_lines(self, percent: Decimal, exponent: u32) -> Result<Vec<(usize, LineTotals)>, MoneyError> {
        let rate = percent_factor(percent)?;
        self.0
            .into_iter()
            .map(|(index, line)| {
                let net = commercial(line.net, exponent);
                let tax = commercial(product(net, rate)?, exponent);
                Ok((index, LineTotals::of(commercial(line.listed, exponent), net, tax)?))
            })
            .collect()
    }
}

impl LineTotals {
    fn of(listed: Decimal, net: Decimal, tax: Decimal) -> Result<Self, MoneyError> {
        Ok(Self { net: check_range(net)?, document_discount: sub(listed, net)?, tax: check_range(tax)? })
    }
}

/// Rounds amounts so that they add up to their rounded sum.
///
/// Each is rounded by itself; what the sum is then off by is taken up one minor unit at a time by the amounts
/// that were rounded furthest in the other direction, of equal ones by the earlier. When n amounts were rounded
/// in that direction, they lost at most n ÷ 2 units and the target's own rounding half a unit: one unit each
/// suffices, and an amount that was not rounded at all (a free line) is never touched.
fn settle(exact: Vec<Decimal>, exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
    let target = commercial(sum(exact.iter().copied())?, exponent);
    let mut rounded: Vec<Decimal> = exact.iter().map(|amount| commercial(*amount, exponent)).collect();
    let mut off = sub(target, sum(rounded.iter().copied())?)?;
    if off.is_zero() {
        return Ok(rounded);
    }
    let unit = Decimal::try_new(1, exponent).map_err(|_| MoneyError::Overflow)?;
    let step = if off.is_sign_negative() { raw(Decimal::ZERO.checked_sub(unit))? } else { unit };
    let mut order = Vec::with_capacity(exact.len());
    for (index, (exact, rounded)) in exact.iter().zip(&rounded).enumerate() {
        // how far the rounding went against the direction that is wanted now
        let lost = sub(*exact, *rounded)?;
        order.push((if step.is_sign_negative() { raw(Decimal::ZERO.checked_sub(lost))? } else { lost }, index));
    }
    order.sort_by_key(|(lost, _)| std::cmp::Reverse(*lost));
    for (_, index) in order {
        if off.is_zero() {
            break;
        }
        if let Some(amount) = rounded.get_mut(index) {
            *amount = add(*amount, step)?;
            off = sub(off, step)?;
        }
    }
    Ok(rounded)
}

/// Halves away from zero; sizes are checked where amounts enter and leave.
fn commercial(value: Decimal, exponent: u32) -> Decimal {
    let mut rounded = value.round_dp_with_strategy(exponent, RoundingStrategy::MidpointAwayFromZero);
    if rounded.is_zero() {
        rounded.set_sign_positive(true);
    }
    rounded
}

/// A product on the way to an amount: 28 digits, no bound on its size but those.
fn product(a: Decimal, b: Decimal) -> Result<Decimal, MoneyError> {
    raw(a.checked_mul(b))
}

/// What a discount leaves, as a factor: 4 % leaves 0.96.
fn discount_factor(percent: Decimal) -> Result<Decimal, MoneyError> {
    if percent.is_sign_negative() && !percent.is_zero() || percent > Decimal::ONE_HUNDRED {
        return Err(MoneyError::PercentOutOfRange { percent });
    }
    percent_factor(sub(Decimal::ONE_HUNDRED, percent)?)
}

/// A tax rate can exceed 100 % (excises do), but one over 1,000 % is a mistake.
pub(crate) fn check_tax_percent(percent: Decimal) -> Result<(), MoneyError> {
    if percent.is_sign_negative() && !percent.is_zero() || percent > MAX_TAX_PERCENT {
        return Err(MoneyError::PercentOutOfRange { percent });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
