//! An amount over a time: no database, no clock.

use backoffice_money::{Decimal, MoneyError, split_last};
use chrono::{Datelike, Months, NaiveDate};

crate::platform::words! {
    /// How an amount is spread over its time.
    DeferralMethod {
        /// Each month by its days in the time.
        ByDay = "by_day",
        /// Each month alike, also where only a part of it belongs to the time.
        ByMonth = "by_month",
    }
}

/// The part of an amount that belongs to one month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceOf {
    /// Its first day.
    pub from: NaiveDate,
    /// Its last day: when it is posted.
    pub to: NaiveDate,
    /// What belongs to it.
    pub amount: Decimal,
}

/// The months of a time, or the parts of them that belong to it.
pub(crate) fn months(starts_on: NaiveDate, ends_on: NaiveDate) -> Vec<(NaiveDate, NaiveDate)> {
    let mut found = Vec::new();
    let mut from = starts_on;
    while from <= ends_on {
        let next = from.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
        let Some((next, last)) = next.and_then(|next| Some((next, next.pred_opt()?))) else { break };
        found.push((from, last.min(ends_on)));
        from = next;
    }
    found
}

/// The slices of an amount from its first to its last day. Each is rounded by itself, the last one takes what is left.
pub fn slices(
    amount: Decimal,
    starts_on: NaiveDate,
    ends_on: NaiveDate,
    method: DeferralMethod,
    exponent: u32,
) -> Result<Vec<SliceOf>, MoneyError> {
    let months = months(starts_on, ends_on);
    let weights: Vec<Decimal> = months
        .iter()
        .map(|(from, to)| match method {
            DeferralMethod::ByDay => Decimal::from((*to - *from).num_days().saturating_add(1)),
            DeferralMethod::ByMonth => Decimal::ONE,
        })
        .collect();
    let amounts = split_last(amount, &weights, exponent)?;
    Ok(months.into_iter().zip(amounts).map(|((from, to), amount)| SliceOf { from, to, amount }).collect())
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
    fn the_last_slice_takes_the_cent() {
        let amounts = |method| -> Vec<String> {
            let made = slices(Decimal::ONE_HUNDRED, day(2026, 1, 10), day(2026, 3, 15), method, 2).unwrap();
            made.iter().map(|slice| slice.amount.to_string()).collect()
        };
        assert_eq!(amounts(DeferralMethod::ByDay), ["33.85", "43.08", "23.07"]);
        assert_eq!(amounts(DeferralMethod::ByMonth), ["33.33", "33.33", "33.34"]);
        let one = slices(Decimal::ONE, day(2026, 2, 3), day(2026, 2, 3), DeferralMethod::ByDay, 2).unwrap();
        assert_eq!(one, [SliceOf { from: day(2026, 2, 3), to: day(2026, 2, 3), amount: Decimal::new(100, 2) }]);
    }

    proptest! {
        /// Slices cover each day of the time once, one a month, and come to the amount.
        #[test]
        fn slices_cover_time_and_amount(start in 0u64..4000, length in 0u64..2000, cents in 1i64..100_000_000, by_day in any::<bool>()) {
            let from = day(2020, 1, 1) + chrono::Days::new(start);
            let to = from + chrono::Days::new(length);
            let method = if by_day { DeferralMethod::ByDay } else { DeferralMethod::ByMonth };
            let made = slices(Decimal::new(cents, 2), from, to, method, 2).unwrap();
            let mut next = from;
            for slice in &made {
                prop_assert_eq!(slice.from, next);
                prop_assert!(slice.from.month() == slice.to.month() && slice.amount >= Decimal::ZERO);
                next = slice.to + chrono::Days::new(1);
            }
            prop_assert_eq!(next, to + chrono::Days::new(1));
            prop_assert_eq!(sum(made.iter().map(|slice| slice.amount)).unwrap(), Decimal::new(cents, 2));
        }
    }
}
