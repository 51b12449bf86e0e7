//! Amounts payable in coins: the nearest multiple of the smallest coin, and the difference for its own account.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::error::MoneyError;
use crate::exact::{check_range, raw, sub};

/// An amount as it is paid in cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CashRounding {
    /// What changes hands: a multiple of the step.
    pub payable: Decimal,
    /// Payable less the amount owed, for the account of rounding differences: positive when the payer gives more.
    pub difference: Decimal,
}

/// Rounds to the nearest multiple of a step, halves away from zero: 42.06 on steps of 0.10 is 42.10.
///
/// The document's own total stays as it is: the difference is booked beside it, never hidden in a tax base.
///
/// # Errors
/// [`MoneyError::InvalidStep`] unless the step is above zero, [`MoneyError::Overflow`].
pub fn round_cash(amount: Decimal, step: Decimal) -> Result<CashRounding, MoneyError> {
    if step <= Decimal::ZERO {
        return Err(MoneyError::InvalidStep);
    }
    let amount = check_range(amount)?;
    // what is over a multiple is exact, unlike a quotient, which may have endless decimals
    let over = raw(amount.checked_rem(step))?;
    let below = raw(amount.checked_sub(over))?;
    let away = raw(over.abs().checked_sub(raw(step.checked_sub(over.abs()))?))?;
    let payable = if over.is_zero() || away < Decimal::ZERO {
        below
    } else if amount.is_sign_negative() {
        raw(below.checked_sub(step))?
    } else {
        raw(below.checked_add(step))?
    };
    let decimals = amount.scale().max(step.scale());
    let payable = check_range(payable)?.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    Ok(CashRounding { payable, difference: sub(payable, amount)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn to_the_nearest_coin() {
        let cases = [
            ("42.06", "0.10", "42.10", "0.04"),
            ("42.04", "0.10", "42.00", "-0.04"),
            ("42.05", "0.10", "42.10", "0.05"),
            ("-42.06", "0.10", "-42.10", "-0.04"),
            ("-42.05", "0.10", "-42.10", "-0.05"),
            ("13.37", "0.05", "13.35", "-0.02"),
            ("13.38", "0.05", "13.40", "0.02"),
            ("0.02", "0.05", "0", "-0.02"),
            ("40.00", "0.05", "40", "0"),
        ];
        for (amount, step, payable, difference) in cases {
            let expected = CashRounding { payable: dec(payable), difference: dec(difference) };
            assert_eq!(round_cash(dec(amount), dec(step)), Ok(expected), "{amount} on {step}");
        }
    }

    #[test]
    fn a_step_is_above_zero() {
        for step in ["0", "-0.05"] {
            assert_eq!(round_cash(dec("1"), dec(step)), Err(MoneyError::InvalidStep));
        }
    }

    proptest! {
        #[test]
        fn the_difference_is_at_most_half_a_step(units in -99_999_999_999i64..=99_999_999_999, step in 1i64..=1000) {
            let (amount, step) = (Decimal::new(units, 2), Decimal::new(step, 2));
            let cash = round_cash(amount, step).unwrap();
            prop_assert!((cash.payable % step).is_zero());
            prop_assert_eq!(cash.payable, amount + cash.difference);
            prop_assert!(cash.difference.abs() * Decimal::TWO <= step);
        }
    }
}
