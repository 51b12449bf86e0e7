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
//! Either way Σ line nets = net, Σ line taxes = Σ taxes = tax, and net + tax = gross, exactly; where each line has one
//! tax, Σ tax bases = net as well. By document, the nets of single lines are rounded and then moved by at most one
//! minor unit where the roundings would not add up, those lines first that were rounded furthest in the other direction.
//!
//! Prices may [include their taxes](Prices::IncludeTax): then each tax is amount × percent ÷ (100 + Σ percents of the
//! line), rounded by the same method, and the net is what is left of the price. A line may have several taxes, each of
//! the net amount: 24,900.00 that includes two of 14 % is 19,453.12 + 2,723.44 + 2,723.44.

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

/// What the prices of a document are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prices {
    /// Net: taxes come on top.
    Net,
    /// What is paid: taxes are inside.
    IncludeTax,
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
    /// The price of one, in major units; may be finer than the currency.
    pub unit_price: Decimal,
    /// The discount on this line in percent, from 0 to 100.
    pub discount_percent: Decimal,
    /// Its taxes, each of the net amount, none twice; one of rate 0 where there is none.
    pub taxes: Vec<TaxKey<K>>,
}

/// The amounts of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineTotals {
    /// Net after the line's discount and its share of the document's. Net + document discount is what a
    /// printed document shows on the line when it shows the document's discount below.
    pub net: Decimal,
    /// The line's share of the document's discount, with the sign of the line: net where prices are, else with tax.
    pub document_discount: Decimal,
    /// The line's shares of its taxes.
    pub tax: Decimal,
    /// The same for each of its taxes, in the order given.
    pub taxes: Vec<Decimal>,
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
    prices: Prices,
    method: RoundingMethod,
    exponent: u32,
) -> Result<Totals<K>, MoneyError> {
    let kept = discount_factor(discount_percent)?;
    let exact = lines
        .iter()
        .enumerate()
        .map(|(index, line)| Exact::of(line, kept, prices).map_err(|reason| reason.at(index)))
        .collect::<Result<Vec<Exact>, MoneyError>>()?;
    let (listed, amounts) = amounts(lines, &exact, method, exponent)?;
    let mut shares: Vec<Vec<Decimal>> = lines.iter().map(|line| vec![Decimal::ZERO; line.taxes.len()]).collect();
    let mut categories: BTreeMap<(&K, Decimal), Vec<(usize, usize)>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        for (place, tax) in line.taxes.iter().enumerate() {
            categories.entry((&tax.key, tax.percent)).or_default().push((index, place));
        }
    }
    for ((_, percent), places) in &categories {
        let bases: Vec<(Decimal, Decimal)> = places
            .iter()
            .filter_map(|(index, _)| {
                let (exact, rounded) = (exact.get(*index)?, amounts.get(*index)?);
                Some((if method == RoundingMethod::ByLine { *rounded } else { exact.amount }, exact.whole))
            })
            .collect();
        let rounded = match method {
            RoundingMethod::ByLine => bases
                .iter()
                .map(|(base, whole)| Ok(commercial(share(*base, *percent, *whole)?, exponent)))
                .collect::<Result<Vec<Decimal>, MoneyError>>()?,
            RoundingMethod::ByDocument => round_once(&bases, *percent, exponent)?,
        };
        for ((index, place), tax) in places.iter().zip(rounded) {
            if let Some(slot) = shares.get_mut(*index).and_then(|taxes| taxes.get_mut(*place)) {
                *slot = check_range(tax)?;
            }
        }
    }
    let mut results = Vec::with_capacity(lines.len());
    for ((listed, amount), taxes) in listed.into_iter().zip(amounts).zip(shares) {
        let tax = sum(taxes.iter().copied())?;
        let net = match prices {
            Prices::Net => check_range(amount)?,
            Prices::IncludeTax => sub(amount, tax)?,
        };
        results.push(LineTotals { net, document_discount: sub(listed, amount)?, tax, taxes });
    }
    let mut taxes = Vec::with_capacity(categories.len());
    for ((key, percent), places) in categories {
        let of = |(index, place): &(usize, usize)| {
            let line = results.get(*index)?;
            Some((line.net, *line.taxes.get(*place)?))
        };
        let base = sum(places.iter().filter_map(of).map(|(net, _)| net))?;
        let tax = sum(places.iter().filter_map(of).map(|(_, tax)| tax))?;
        taxes.push(TaxTotal { key: key.clone(), percent, base, tax });
    }
    let net = sum(results.iter().map(|line| line.net))?;
    let tax = sum(taxes.iter().map(|total| total.tax))?;
    let document_discount = sum(results.iter().map(|line| line.document_discount))?;
    Ok(Totals { gross: add(net, tax)?, lines: results, taxes, document_discount, net, tax })
}

/// A line before and after the document's discount, not rounded: net or with its taxes, as the prices are.
struct Exact {
    listed: Decimal,
    amount: Decimal,
    /// What a percentage is one of: 100 of a net amount, 100 and the percentages of one that includes them.
    whole: Decimal,
}

impl Exact {
    fn of<K>(line: &LineInput<K>, document_kept: Decimal, prices: Prices) -> Result<Self, MoneyError> {
        let mut whole = Decimal::ONE_HUNDRED;
        for tax in &line.taxes {
            check_tax_percent(tax.percent)?;
            if prices == Prices::IncludeTax {
                whole = add(whole, tax.percent)?;
            }
        }
        let kept = discount_factor(line.discount_percent)?;
        let amount = product(check_range(line.quantity)?, check_range(line.unit_price)?)?;
        let listed = product(amount, kept)?;
        Ok(Self { listed: check_range(listed)?, amount: check_range(product(listed, document_kept)?)?, whole })
    }
}

/// The taxes of a line: keys and rates.
type Taxes<'a, K> = Vec<(&'a K, Decimal)>;

/// The amounts of the lines before and after the document's discount, rounded: by line each by itself, by document so
/// that those that are taxed alike add up to their rounded sum.
fn amounts<K: Ord>(
    lines: &[LineInput<K>],
    exact: &[Exact],
    method: RoundingMethod,
    exponent: u32,
) -> Result<(Vec<Decimal>, Vec<Decimal>), MoneyError> {
    let mut listed: Vec<Decimal> = exact.iter().map(|line| commercial(line.listed, exponent)).collect();
    let mut amounts: Vec<Decimal> = exact.iter().map(|line| commercial(line.amount, exponent)).collect();
    if method == RoundingMethod::ByLine {
        return Ok((listed, amounts));
    }
    let mut alike: BTreeMap<Taxes<'_, K>, Vec<(usize, &Exact)>> = BTreeMap::new();
    for (index, (line, exact)) in lines.iter().zip(exact).enumerate() {
        let taxed = line.taxes.iter().map(|tax| (&tax.key, tax.percent)).collect();
        alike.entry(taxed).or_default().push((index, exact));
    }
    for group in alike.values() {
        let settled = [
            settle(group.iter().map(|(_, line)| line.listed).collect(), exponent)?,
            settle(group.iter().map(|(_, line)| line.amount).collect(), exponent)?,
        ];
        for (place, (index, _)) in group.iter().enumerate() {
            for (all, settled) in [&mut listed, &mut amounts].into_iter().zip(&settled) {
                if let (Some(slot), Some(amount)) = (all.get_mut(*index), settled.get(place)) {
                    *slot = *amount;
                }
            }
        }
    }
    Ok((listed, amounts))
}

/// The shares of one tax on many lines that add up to the tax on their sum, rounded once. Each line is its amount and
/// what a percentage of it is one of.
fn round_once(bases: &[(Decimal, Decimal)], percent: Decimal, exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
    let mut sums: BTreeMap<Decimal, Decimal> = BTreeMap::new();
    for (base, whole) in bases {
        let sum = sums.entry(*whole).or_default();
        *sum = add(*sum, *base)?;
    }
    let mut exact = Decimal::ZERO;
    for (whole, base) in sums {
        // multiplied first: the only inexact step is the division, at the 28th digit
        exact = add(exact, share(base, percent, whole)?)?;
    }
    let shares = bases.iter().map(|(base, whole)| share(*base, percent, *whole)).collect::<Result<Vec<_>, _>>()?;
    settle_to(shares, commercial(exact, exponent), exponent)
}

/// What so many percent are of an amount of which 100 %, or more, are `whole`.
fn share(amount: Decimal, percent: Decimal, whole: Decimal) -> Result<Decimal, MoneyError> {
    if whole == Decimal::ONE_HUNDRED {
        return product(amount, percent_factor(percent)?);
    }
    raw(product(amount, percent)?.checked_div(whole))
}

/// Rounds amounts so that they add up to their rounded sum.
fn settle(exact: Vec<Decimal>, exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
    let target = commercial(sum(exact.iter().copied())?, exponent);
    settle_to(exact, target, exponent)
}

/// Rounds amounts so that they add up to their sum, rounded.
///
/// Each is rounded by itself; what the sum is then off by is taken up one minor unit at a time by the amounts
/// that were rounded furthest in the other direction, of equal ones by the earlier. When n amounts were rounded
/// in that direction, they lost at most n ÷ 2 units and the target's own rounding half a unit: one unit each
/// suffices, and an amount that was not rounded at all (a free line) is never touched.
fn settle_to(exact: Vec<Decimal>, target: Decimal, exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
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
