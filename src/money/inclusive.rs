//! The taxes inside a price that includes them.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::error::MoneyError;
use crate::exact::{add, check_scale, raw, sub, sum};
use crate::totals::check_tax_percent;

/// A price that includes taxes, taken apart: net + Σ taxes = gross, exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusive {
    /// What is left of the price without its taxes; it absorbs the rounding.
    pub net: Decimal,
    /// One amount for each percentage, in the order given.
    pub taxes: Vec<Decimal>,
}

/// Takes the taxes out of a gross amount; each percentage is of the net amount.
///
/// Every tax is gross × percent ÷ (100 + Σ percents), rounded by itself to `exponent` decimals (halves away from
/// zero), so that two taxes of the same rate are always the same amount; the net amount is what remains.
/// 24,900.00 with two taxes of 14 % is 19,453.12 + 2,723.44 + 2,723.44.
///
/// # Errors
/// [`MoneyError::TooManyDecimals`] when the gross amount is finer than `exponent`,
/// [`MoneyError::PercentOutOfRange`], [`MoneyError::Overflow`].
pub fn extract_inclusive(gross: Decimal, percents: &[Decimal], exponent: u32) -> Result<Inclusive, MoneyError> {
    let gross = check_scale(gross, exponent)?;
    for percent in percents {
        check_tax_percent(*percent)?;
    }
    let whole = add(Decimal::ONE_HUNDRED, sum(percents.iter().copied())?)?;
    let taxes = percents
        .iter()
        .map(|percent| {
            // multiplied first: the only inexact step is the division, at the 28th digit
            let tax = raw(raw(gross.checked_mul(*percent))?.checked_div(whole))?;
            raw(Some(tax.round_dp_with_strategy(exponent, RoundingStrategy::MidpointAwayFromZero)))
        })
        .collect::<Result<Vec<Decimal>, MoneyError>>()?;
    Ok(Inclusive { net: sub(gross, sum(taxes.iter().copied())?)?, taxes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn two_equal_taxes_are_equal_amounts() {
        let price = extract_inclusive(dec("24900"), &[dec("14"), dec("14")], 2).unwrap();
        assert_eq!(price.net, dec("19453.12"));
        assert_eq!(price.taxes, [dec("2723.44"), dec("2723.44")]);
        assert_eq!(sum(price.taxes), Ok(dec("5446.88")));
    }

    #[test]
    fn one_tax_none_and_a_refund() {
        let one = extract_inclusive(dec("119"), &[dec("19")], 2).unwrap();
        assert_eq!((one.net, one.taxes), (dec("100"), vec![dec("19")]));
        let none = extract_inclusive(dec("119"), &[], 2).unwrap();
        assert_eq!((none.net, none.taxes), (dec("119"), vec![]));
        let refund = extract_inclusive(dec("-24900"), &[dec("14"), dec("14")], 2).unwrap();
        assert_eq!(refund.net, dec("-19453.12"));
    }

    #[test]
    fn impossible_rates_are_refused() {
        for percent in ["-1", "1000.01", "-100"] {
            let error = extract_inclusive(dec("1"), &[dec(percent)], 2).unwrap_err();
            assert_eq!(error, MoneyError::PercentOutOfRange { percent: dec(percent) });
        }
        assert!(matches!(extract_inclusive(dec("1.001"), &[], 2), Err(MoneyError::TooManyDecimals { .. })));
    }

    proptest! {
        #[test]
        fn net_and_taxes_are_the_gross(
            units in -99_999_999_999i64..=99_999_999_999,
            exponent in 0u32..=4,
            percents in prop::collection::vec(0i64..=10_000, 0..5),
        ) {
            let gross = Decimal::new(units, exponent);
            let percents: Vec<Decimal> = percents.into_iter().map(|percent| Decimal::new(percent, 2)).collect();
            let price = extract_inclusive(gross, &percents, exponent).unwrap();
            prop_assert_eq!(price.net + price.taxes.iter().copied().sum::<Decimal>(), gross);
            prop_assert!(price.taxes.iter().all(|tax| check_scale(*tax, exponent).is_ok()));
        }
    }
}
