//! The arithmetic of budgets: no database, no clock.

use backoffice_money::{Decimal, MoneyError, RoundingMode, mul, round_to, split, sub};
use chrono::{Datelike, Months, NaiveDate};

/// The first days of the months of a time.
#[must_use]
pub fn months(from: NaiveDate, to: NaiveDate) -> Vec<NaiveDate> {
    let mut found = Vec::new();
    let mut next = from.with_day(1);
    while let Some(month) = next.filter(|month| *month <= to) {
        found.push(month);
        next = month.checked_add_months(Months::new(1));
    }
    found
}

/// An amount over months, evenly or by weights, to the cent: 100 over twelve months is 8.34 four times and 8.33 eight times.
pub fn spread(amount: Decimal, weights: &[Decimal], exponent: u32) -> Result<Vec<Decimal>, MoneyError> {
    split(amount, weights, exponent)
}

/// How far something is off what was meant, in percent of that with its sign, to two decimals; none without anything meant.
pub fn percent_off(meant: Decimal, became: Decimal) -> Result<Option<Decimal>, MoneyError> {
    if meant.is_zero() {
        return Ok(None);
    }
    let off = mul(sub(became, meant)?, Decimal::ONE_HUNDRED)?;
    let percent = off.checked_div(meant.abs()).ok_or(MoneyError::Overflow)?;
    Ok(Some(round_to(percent, 2, RoundingMode::HalfAwayFromZero)?))
}

#[cfg(test)]
mod tests {
    use backoffice_money::sum;
    use proptest::prelude::*;

    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn a_hundred_over_a_year() {
        let months = months(day(2026, 1, 1), day(2026, 12, 31));
        let parts = spread(Decimal::ONE_HUNDRED, &vec![Decimal::ONE; months.len()], 2).unwrap();
        assert_eq!((parts.len(), sum(parts.iter().copied()).unwrap()), (12, Decimal::ONE_HUNDRED));
        assert_eq!(parts.iter().filter(|part| part.to_string() == "8.34").count(), 4);
        assert_eq!(parts.iter().filter(|part| part.to_string() == "8.33").count(), 8);
    }

    #[test]
    fn what_is_off_has_a_sign() {
        let off = |meant: i64, became: i64| percent_off(Decimal::from(meant), Decimal::from(became)).unwrap();
        assert_eq!(off(1000, 600), Some(Decimal::new(-4000, 2)));
        assert_eq!(off(300, 401), Some(Decimal::new(3367, 2)));
        assert_eq!(off(-200, -150), Some(Decimal::new(2500, 2)));
        assert_eq!(off(0, 5), None);
    }

    proptest! {
        /// Whatever the weights, months come to the amount.
        #[test]
        fn months_come_to_the_amount(cents in -100_000_000i64..100_000_000, weights in prop::collection::vec(1u32..1000, 1..36)) {
            let weights: Vec<Decimal> = weights.into_iter().map(Decimal::from).collect();
            let parts = spread(Decimal::new(cents, 2), &weights, 2).unwrap();
            prop_assert_eq!(sum(parts).unwrap(), Decimal::new(cents, 2));
        }
    }
}
