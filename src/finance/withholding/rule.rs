//! How much is withheld of a document, given what came before it in the year: no database, no clock.

use backoffice_money::{Currency, Decimal, RoundingMode, add, mul, round, round_to, sub};

use super::WithholdingScope;
use crate::platform::error::Result;

/// Decimals that what is withheld of is kept with.
const KEPT: u32 = 4;

/// What a code says on a day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Percent of what is withheld of.
    pub percent: Decimal,
    /// From which net amount of a year on something is withheld, in the books' currency.
    pub threshold: Decimal,
    /// Of all of it, or of what is above.
    pub scope: WithholdingScope,
}

/// What came before in the year, of the same vendor by the same code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Before {
    /// Net amounts.
    pub net: Decimal,
    /// Of how much of them something was withheld.
    pub base: Decimal,
}

/// What is withheld of one document, or given back by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Of how much.
    pub base: Decimal,
    /// How much.
    pub amount: Decimal,
}

impl Terms {
    /// Of how much of a year's net amount something is withheld.
    fn due(&self, net: Decimal) -> Result<Decimal> {
        if net < self.threshold || net <= Decimal::ZERO {
            return Ok(Decimal::ZERO);
        }
        match self.scope {
            WithholdingScope::Whole => Ok(net),
            WithholdingScope::Excess => Ok(sub(net, self.threshold)?),
        }
    }
}

/// What is withheld of a net amount, which is below zero where something is taken back: never more than `most`, the sum with
/// tax; what would be more is withheld of the next document. Nothing is given back by what is owed, nor withheld of what is
/// taken back.
pub(super) fn take(terms: Terms, before: Before, net: Decimal, most: Decimal, book: Currency) -> Result<Taken> {
    let base = sub(terms.due(add(before.net, net)?)?, before.base)?;
    if base.is_zero() || terms.percent.is_zero() || base.is_sign_negative() != net.is_sign_negative() {
        return Ok(Taken::default());
    }
    let share = mul(base, terms.percent)?.checked_div(Decimal::ONE_HUNDRED).unwrap_or_default();
    let amount = round(share, book)?;
    if amount.abs() <= most.abs() {
        return Ok(Taken { base, amount });
    }
    let mut amount = most.abs();
    amount.set_sign_negative(base.is_sign_negative());
    let base = mul(amount, Decimal::ONE_HUNDRED)?.checked_div(terms.percent).unwrap_or_default();
    Ok(Taken { base: round_to(base, KEPT, RoundingMode::HalfAwayFromZero)?, amount })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::platform::input::currency;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn terms(percent: &str, threshold: &str, scope: WithholdingScope) -> Terms {
        Terms { percent: dec(percent), threshold: dec(threshold), scope }
    }

    /// What is withheld of each of some documents in turn.
    fn year(terms: Terms, nets: &[&str]) -> Vec<String> {
        let euro = currency("EUR").unwrap();
        let mut before = Before::default();
        nets.iter()
            .map(|net| {
                let net = dec(net);
                let taken = take(terms, before, net, net, euro).unwrap();
                before = Before { net: before.net + net, base: before.base + taken.base };
                taken.amount.normalize().to_string()
            })
            .collect()
    }

    #[test]
    fn the_whole_amount_once_the_threshold_is_reached() {
        let whole = terms("10", "30000", WithholdingScope::Whole);
        assert_eq!(year(whole, &["10000", "10000", "10000", "500"]), ["0", "0", "3000", "50"]);
        assert_eq!(year(whole, &["10000", "10000", "9999.99", "0.01"]), ["0", "0", "0", "0.01"]);
        // what one document cannot bear is withheld of the next
        assert_eq!(year(whole, &["29000", "1000", "5000"]), ["0", "1000", "2500"]);
        // and back
        assert_eq!(year(whole, &["10000", "10000", "10000", "-10000", "10000"]), ["0", "0", "3000", "-3000", "3000"]);
    }

    #[test]
    fn the_excess_alone() {
        let excess = terms("5", "1000", WithholdingScope::Excess);
        assert_eq!(year(excess, &["600", "600", "-300", "300", "100"]), ["0", "10", "-10", "10", "5"]);
        assert_eq!(year(terms("5", "0", WithholdingScope::Excess), &["600"]), ["30"]);
    }

    proptest! {
        /// As long as no document is too small for it, the year's sum is what the whole year says, whatever the order.
        #[test]
        fn the_sum_is_that_of_the_year(cents in prop::collection::vec(1_i64..5_000_000, 1..12), threshold in 0_i64..10_000_000) {
            let euro = currency("EUR").unwrap();
            for scope in [WithholdingScope::Whole, WithholdingScope::Excess] {
                let terms = Terms { percent: dec("10"), threshold: Decimal::new(threshold, 2), scope };
                let mut before = Before::default();
                let mut withheld = Decimal::ZERO;
                for cent in &cents {
                    let net = Decimal::new(*cent, 2);
                    let taken = take(terms, before, net, net, euro).unwrap();
                    prop_assert!(taken.amount <= net && taken.amount >= Decimal::ZERO);
                    before = Before { net: before.net + net, base: before.base + taken.base };
                    withheld += taken.amount;
                }
                prop_assert!(before.base <= terms.due(before.net).unwrap());
                let off = withheld - before.base * dec("0.1");
                prop_assert!(off.abs() <= dec("0.005") * Decimal::from(cents.len()), "{off}");
            }
        }

        /// What is taken back in the opposite order leaves nothing withheld.
        #[test]
        fn what_is_taken_back_is_as_if_it_had_never_been(cents in prop::collection::vec(1_i64..5_000_000, 1..12), threshold in 0_i64..10_000_000) {
            let euro = currency("EUR").unwrap();
            let terms = Terms { percent: dec("10"), threshold: Decimal::new(threshold, 2), scope: WithholdingScope::Excess };
            let mut before = Before::default();
            let mut stack = Vec::new();
            for cent in &cents {
                let net = Decimal::new(*cent, 2);
                let taken = take(terms, before, net, net, euro).unwrap();
                stack.push((net, before, taken));
                before = Before { net: before.net + net, base: before.base + taken.base };
            }
            for (net, was, taken) in stack.into_iter().rev() {
                let back = take(terms, before, -net, net, euro).unwrap();
                prop_assert_eq!(back.amount, -taken.amount);
                before = Before { net: before.net - net, base: before.base + back.base };
                prop_assert_eq!(before, was);
            }
        }
    }
}
