//! One amount into parts that add up to it, to the last minor unit.
//!
//! Two rules, because two things are being split. Shares of one moment (cost centres, instalments, the taxes of
//! a price) go by [largest remainder](split): no part is further than one minor unit from its exact share.
//! Slices of time (deferrals, depreciation) are [rounded one by one and the last takes the rest](split_last), so
//! that a slice already booked never depends on how many are still to come.

use rust_decimal::Decimal;

use crate::error::MoneyError;
use crate::exact::{check_scale, raw, sum};

/// Splits a total by weights with the largest remainder method (Hamilton, Hare–Niemeyer).
///
/// Each part is first cut down to whole minor units of `exponent` decimals; the units left over go to the parts
/// with the largest fractions cut off, of equal ones to the earlier. A negative total gives the mirror image of
/// the positive one. Parts of weight 0 get nothing. Σ parts = total, always.
///
/// # Errors
/// [`MoneyError::NoWeights`] when Σ weights = 0, [`MoneyError::NegativeWeight`],
/// [`MoneyError::TooManyDecimals`] when the total itself is finer than `exponent`, [`MoneyError::Overflow`].
pub fn split(total: Decimal, weights: &[Decimal], exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
    let units = minor_units(total, exponent)?;
    let shares = Shares::of(units.unsigned_abs(), weights)?;
    let cut = shares.parts.iter().fold(0u128, |cut, (whole, _)| cut.saturating_add(*whole));
    let left = units.unsigned_abs().saturating_sub(cut);

    let mut order: Vec<(usize, u128)> = shares.parts.iter().map(|(_, rest)| *rest).enumerate().collect();
    // a stable sort keeps the earlier of two equal remainders first
    order.sort_by_key(|(_, rest)| std::cmp::Reverse(*rest));
    let mut parts: Vec<u128> = shares.parts.into_iter().map(|(whole, _)| whole).collect();
    // Σ remainders = left × Σ weights, and each is below Σ weights: more parts have a remainder than units are left
    for (index, _) in order.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        if let Some(part) = parts.get_mut(index) {
            *part = part.saturating_add(1);
        }
    }
    parts.into_iter().map(|part| from_units(part, units < 0, exponent)).collect()
}

/// Splits a total by weights, each part rounded by itself (halves away from zero) and the last part taking the rest.
///
/// For slices of time: 100.00 over 22, 28 and 15 days is 33.85, 43.08 and 23.07. No part goes beyond what is
/// left, so all parts have the sign of the total even when it is worth less than one unit a slice. Σ parts = total.
///
/// # Errors
/// As for [`split`].
pub fn split_last(total: Decimal, weights: &[Decimal], exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
    let units = minor_units(total, exponent)?;
    let shares = Shares::of(units.unsigned_abs(), weights)?;
    let last = shares.parts.len().saturating_sub(1);
    let mut left = units.unsigned_abs();
    let mut parts = Vec::with_capacity(shares.parts.len());
    for (index, (whole, rest)) in shares.parts.into_iter().enumerate() {
        // rest / Σ weights ≥ ½, without a division
        let up = u128::from(rest >= shares.sum.saturating_sub(rest));
        let part = if index == last { left } else { whole.saturating_add(up).min(left) };
        left = left.saturating_sub(part);
        parts.push(from_units(part, units < 0, exponent)?);
    }
    Ok(parts)
}

/// Splits a total by percentages that make a whole, by largest remainder: 100 at 60 and 40 is 60 and 40.
///
/// # Errors
/// [`MoneyError::NotWhole`] unless the percentages add up to exactly 100; else as for [`split`].
pub fn split_percent(total: Decimal, percents: &[Decimal], exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
    let whole = sum(percents.iter().copied())?;
    if whole != Decimal::ONE_HUNDRED {
        return Err(MoneyError::NotWhole { sum: whole });
    }
    split(total, percents, exponent)
}

/// For each weight the whole minor units of its share and the remainder, in parts of Σ weights.
struct Shares {
    parts: Vec<(u128, u128)>,
    sum: u128,
}

impl Shares {
    fn of(units: u128, weights: &[Decimal]) -> Result<Self, MoneyError> {
        let weights = whole_numbers(weights)?;
        let sum = weights.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight)).ok_or(MoneyError::Overflow)?;
        if sum == 0 {
            return Err(MoneyError::NoWeights);
        }
        // the bound that `mul_div` needs
        if sum > u128::MAX >> 2 {
            return Err(MoneyError::Overflow);
        }
        let parts = weights.into_iter().map(|weight| mul_div(units, weight, sum)).collect();
        Ok(Self { parts, sum })
    }
}

/// Weights as whole numbers in their original proportions.
fn whole_numbers(weights: &[Decimal]) -> Result<Vec<u128>, MoneyError> {
    if weights.iter().any(|weight| weight.is_sign_negative() && !weight.is_zero()) {
        return Err(MoneyError::NegativeWeight);
    }
    let weights: Vec<Decimal> = weights.iter().map(Decimal::normalize).collect();
    let scale = weights.iter().map(Decimal::scale).max().unwrap_or_default();
    weights
        .iter()
        .map(|weight| {
            10u128
                .checked_pow(scale.saturating_sub(weight.scale()))
                .and_then(|power| weight.mantissa().unsigned_abs().checked_mul(power))
                .ok_or(MoneyError::Overflow)
        })
        .collect()
}

/// a × b ÷ c as quotient and remainder, exactly, although a × b may need more than 128 bits.
///
/// Binary long multiplication that reduces as it goes.
// Needs b ≤ c < 2^126: then the remainder stays below c, twice of it below 2^127, and the quotient below a + 1.
#[allow(clippy::arithmetic_side_effects)]
fn mul_div(a: u128, b: u128, c: u128) -> (u128, u128) {
    let (mut quotient, mut rest) = (0u128, 0u128);
    for bit in (0..u128::BITS - a.leading_zeros()).rev() {
        quotient *= 2;
        rest *= 2;
        if rest >= c {
            rest -= c;
            quotient += 1;
        }
        if (a >> bit) & 1 == 1 {
            rest += b;
            if rest >= c {
                rest -= c;
                quotient += 1;
            }
        }
    }
    (quotient, rest)
}

/// An amount in whole minor units of `exponent` decimals.
///
/// # Errors
/// [`MoneyError::TooManyDecimals`] when it is finer than that, [`MoneyError::Overflow`].
fn minor_units(amount: Decimal, exponent: u32) -> Result<i128, MoneyError> {
    let amount = check_scale(amount, exponent)?.normalize();
    10i128
        .checked_pow(exponent.saturating_sub(amount.scale()))
        .and_then(|power| amount.mantissa().checked_mul(power))
        .ok_or(MoneyError::Overflow)
}

/// The amount of so many minor units, with all decimals of the exponent written.
fn from_units(units: u128, negative: bool, exponent: u32) -> Result<Decimal, MoneyError> {
    let units = i128::try_from(units).map_err(|_| MoneyError::Overflow)?;
    let units = if negative { units.saturating_neg() } else { units };
    raw(Decimal::try_from_i128_with_scale(units, exponent).ok())
}

#[cfg(test)]
mod tests;
