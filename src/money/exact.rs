//! Reading decimals exactly, checked arithmetic on them, and the ways of rounding.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::currency::Currency;
use crate::error::MoneyError;

/// The most decimals that a [`Decimal`] can carry.
pub const MAX_DECIMALS: u32 = 28;

/// Amounts stay below this in size: 10^15.
const LIMIT: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0);

/// What happens to a half.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RoundingMode {
    /// Commercial rounding, the default everywhere: 0.005 becomes 0.01 and -0.005 becomes -0.01.
    ///
    /// This is what tax offices and EN 16931 mean by "rounded", and it treats a credit note as the exact
    /// mirror of its invoice.
    #[default]
    HalfAwayFromZero,
    /// Banker's rounding (IEEE 754 `roundTiesToEven`): 0.005 becomes 0.00 and 0.015 becomes 0.02. For
    /// contracts and statistics that ask for it.
    HalfEven,
}

/// Reads a plain decimal number: an optional minus, digits, and optionally a point with digits after it.
///
/// The decimals that were written are kept (`1.50` stays at two); minus zero becomes zero.
///
/// # Errors
/// [`MoneyError::NotADecimal`] for a plus sign, blanks, an exponent, digit groups, `NaN`, `.5` or `5.`;
/// [`MoneyError::TooManyDigits`] beyond 28 digits, leading zeros counted; [`MoneyError::Overflow`] from 10^15.
pub fn parse_decimal(text: &str) -> Result<Decimal, MoneyError> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    // the length first: a megabyte of digits is refused without being looked at
    if unsigned.len() > 64 {
        return Err(MoneyError::TooManyDigits);
    }
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits_only(whole) || !fraction.is_none_or(digits_only) {
        return Err(MoneyError::NotADecimal);
    }
    let digits = whole.len().saturating_add(fraction.map_or(0, str::len));
    if digits > MAX_DECIMALS as usize {
        return Err(MoneyError::TooManyDigits);
    }
    let value = Decimal::from_str_exact(text).map_err(|_| MoneyError::NotADecimal)?;
    check_range(unsigned_zero(value))
}

/// Hands the value back if it has at most `max_decimals` decimals (zeros at the end do not count) and is in range.
///
/// # Errors
/// [`MoneyError::TooManyDecimals`], [`MoneyError::Overflow`].
pub fn check_scale(value: Decimal, max_decimals: u32) -> Result<Decimal, MoneyError> {
    // the scale is compared first because normalising divides
    if value.scale() > max_decimals && value.normalize().scale() > max_decimals {
        return Err(MoneyError::TooManyDecimals { value, allowed: max_decimals });
    }
    check_range(value)
}

/// Hands the value back if its size is below 10^15.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn check_range(value: Decimal) -> Result<Decimal, MoneyError> {
    if value.abs() < LIMIT { Ok(value) } else { Err(MoneyError::Overflow) }
}

/// a + b.
///
/// # Errors
/// [`MoneyError::Overflow`] when the result is not below 10^15 in size.
pub fn add(a: Decimal, b: Decimal) -> Result<Decimal, MoneyError> {
    check_range(raw(a.checked_add(b))?)
}

/// a − b.
///
/// # Errors
/// [`MoneyError::Overflow`] when the result is not below 10^15 in size.
pub fn sub(a: Decimal, b: Decimal) -> Result<Decimal, MoneyError> {
    check_range(raw(a.checked_sub(b))?)
}

/// a × b, to 28 significant digits; not rounded to any currency.
///
/// # Errors
/// [`MoneyError::Overflow`] when the result is not below 10^15 in size.
pub fn mul(a: Decimal, b: Decimal) -> Result<Decimal, MoneyError> {
    check_range(raw(a.checked_mul(b))?)
}

/// −a. Zero stays zero, without a sign.
///
/// # Errors
/// [`MoneyError::Overflow`] when the value is not below 10^15 in size.
pub fn neg(a: Decimal) -> Result<Decimal, MoneyError> {
    let mut value = check_range(a)?;
    value.set_sign_positive(!value.is_sign_positive());
    Ok(unsigned_zero(value))
}

/// Σ of the values; 0 for none.
///
/// # Errors
/// [`MoneyError::Overflow`] when a partial sum is not below 10^15 in size.
pub fn sum(values: impl IntoIterator<Item = Decimal>) -> Result<Decimal, MoneyError> {
    values.into_iter().try_fold(Decimal::ZERO, add)
}

/// Rounds to the minor unit of a currency, halves away from zero.
///
/// # Errors
/// [`MoneyError::Overflow`] when the value is not below 10^15 in size.
pub fn round(value: Decimal, currency: Currency) -> Result<Decimal, MoneyError> {
    round_to(value, currency.exponent(), RoundingMode::HalfAwayFromZero)
}

/// Rounds to a number of decimals.
///
/// # Errors
/// [`MoneyError::Overflow`] when the value is not below 10^15 in size, before or after.
pub fn round_to(value: Decimal, decimals: u32, mode: RoundingMode) -> Result<Decimal, MoneyError> {
    let strategy = match mode {
        RoundingMode::HalfAwayFromZero => RoundingStrategy::MidpointAwayFromZero,
        RoundingMode::HalfEven => RoundingStrategy::MidpointNearestEven,
    };
    check_range(unsigned_zero(check_range(value)?.round_dp_with_strategy(decimals, strategy)))
}

/// The result of a checked operation of the decimal library, which answers `None` on overflow.
pub(crate) fn raw(result: Option<Decimal>) -> Result<Decimal, MoneyError> {
    result.map(unsigned_zero).ok_or(MoneyError::Overflow)
}

/// −0 would be written as `-0` in an answer and sort strangely: there is one zero.
fn unsigned_zero(mut value: Decimal) -> Decimal {
    if value.is_zero() {
        value.set_sign_positive(true);
    }
    value
}

/// A percentage as a factor: 22 becomes 0.22. Exact, as it only moves the point.
///
/// # Errors
/// [`MoneyError::TooManyDigits`] when the percentage already uses all decimals.
pub(crate) fn percent_factor(percent: Decimal) -> Result<Decimal, MoneyError> {
    let percent = percent.normalize();
    Decimal::try_from_i128_with_scale(percent.mantissa(), percent.scale().saturating_add(2))
        .map_err(|_| MoneyError::TooManyDigits)
}

#[cfg(test)]
mod tests;
