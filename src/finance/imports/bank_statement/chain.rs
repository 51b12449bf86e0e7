//! Statements that join or overlap, as one: no database, no clock.

use backoffice_formats::BankStatement;
use backoffice_money::{Decimal, add, sub};
use chrono::NaiveDate;

use crate::platform::error::{Error, Result, UserErrorCode};

/// What a statement covers, and its balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub opens_on: NaiveDate,
    pub closes_on: NaiveDate,
    pub opening: Decimal,
    pub closing: Decimal,
}

impl Span {
    /// Of a statement as the bank gives it: its own days, widened to its movements. Nothing if it has neither.
    pub(super) fn of(statement: &BankStatement) -> Option<Self> {
        let first = statement.lines.iter().map(|line| line.booked_on).min();
        let last = statement.lines.iter().map(|line| line.booked_on).max();
        let opens_on = statement.from.into_iter().chain(first).min().or(statement.opening_on);
        let closes_on = statement.to.into_iter().chain(last).max().or(statement.closing_on);
        let (opens_on, closes_on) = (opens_on.or(closes_on)?, closes_on.or(opens_on)?);
        Some(Self {
            opens_on: opens_on.min(closes_on),
            closes_on: closes_on.max(opens_on),
            opening: statement.opening,
            closing: statement.closing,
        })
    }
}

/// The chain that a statement belongs to, as one span. `spans` are in the order in which they were taken in: of several
/// statements of one day the earlier one opens and the later one closes.
pub(super) fn around(spans: &[Span], span: &Span) -> Option<Span> {
    let mut ordered: Vec<&Span> = spans.iter().collect();
    // stable, so the order of taking in stays among equals
    ordered.sort_by_key(|span| span.opens_on);
    let mut chains: Vec<Span> = Vec::new();
    for span in ordered {
        match chains.last_mut() {
            Some(chain) if chain.closes_on.succ_opt().is_none_or(|next| span.opens_on <= next) => {
                if span.closes_on >= chain.closes_on {
                    chain.closes_on = span.closes_on;
                    chain.closing = span.closing;
                }
            }
            _ => chains.push(span.clone()),
        }
    }
    chains.into_iter().find(|chain| chain.opens_on <= span.opens_on && span.closes_on <= chain.closes_on)
}

impl Span {
    /// Refuses a chain whose movements do not lead from its first balance to its last.
    pub(super) fn check(&self, moved: Decimal) -> Result<()> {
        let difference = sub(add(self.opening, moved)?, self.closing)?;
        if difference.is_zero() {
            return Ok(());
        }
        let message = format!(
            "Together with the statements that are there, from {} to {}: opening balance {} and entries {} do not give the \
             closing balance {}; the difference is {}. A statement is missing or contradicts another one, or the file \
             brings known movements in another form. Nothing was taken in.",
            self.opens_on,
            self.closes_on,
            self.opening.normalize(),
            moved.normalize(),
            self.closing.normalize(),
            difference.normalize(),
        );
        Err(Error::refuse(UserErrorCode::Unbalanced, "file", message))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
    }

    fn span(opens: u32, closes: u32, opening: i64, closing: i64) -> Span {
        Span {
            opens_on: day(opens),
            closes_on: day(closes),
            opening: Decimal::from(opening),
            closing: Decimal::from(closing),
        }
    }

    #[test]
    fn joining_statements_are_one_chain() {
        let spans = [span(1, 10, 0, 100), span(11, 20, 100, 150)];
        let chain = around(&spans, &spans[1]).unwrap();
        assert_eq!(chain, span(1, 20, 0, 150));
        assert!(chain.check(Decimal::from(150)).is_ok());
        assert!(chain.check(Decimal::from(130)).is_err());
    }

    #[test]
    fn a_gap_separates_until_it_is_filled() {
        let mut spans = vec![span(1, 10, 0, 100), span(13, 20, 120, 150)];
        assert_eq!(around(&spans, &spans[1]).unwrap(), span(13, 20, 120, 150));
        spans.push(span(11, 12, 100, 120));
        assert_eq!(around(&spans, &spans[2]).unwrap(), span(1, 20, 0, 150));
    }

    #[test]
    fn several_statements_of_one_day_keep_their_order() {
        let spans = [span(5, 5, 0, 10), span(5, 5, 10, 30)];
        assert_eq!(around(&spans, &spans[1]).unwrap(), span(5, 5, 0, 30));
    }

    proptest! {
        /// Daily balances cut into statements in any way, overlapping or not, taken in in any order: the chain of all ties.
        #[test]
        fn any_cut_of_one_history_ties(
            moves in prop::collection::vec(-100i64..100, 28),
            cuts in prop::collection::vec((1u32..=28, 0u32..10), 1..6),
        ) {
            let balance = |through: u32| moves.iter().take(through as usize).sum::<i64>();
            let spans: Vec<Span> = cuts.iter().map(|(from, length)| {
                let to = (from + length).min(28);
                span(*from, to, balance(from - 1), balance(to))
            }).collect();
            for one in &spans {
                let chain = around(&spans, one).unwrap();
                let (from, to) = (chrono::Datelike::day(&chain.opens_on), chrono::Datelike::day(&chain.closes_on));
                prop_assert!(chain.check(Decimal::from(balance(to) - balance(from - 1))).is_ok());
            }
        }
    }
}
