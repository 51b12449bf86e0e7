//! The rules of entries, without a database: sides, conversion into the books' currency, and reversal.

use backoffice_money::{Currency, Decimal, MoneyError, mul, neg, round, split, sum};

use super::{JournalLine, NewLine};
use crate::finance::ledger::dimension::Labels;
use crate::platform::error::Result;

/// The signed amount of a line that states one side: debit positive, credit negative.
pub fn signed(debit: Option<Decimal>, credit: Option<Decimal>) -> Result<Decimal, &'static str> {
    let (amount, is_debit) = match (debit, credit) {
        (Some(debit), None) => (debit, true),
        (None, Some(credit)) => (credit, false),
        (Some(_), Some(_)) => return Err("A line is a debit or a credit, not both."),
        (None, None) => return Err("A line needs a debit or a credit."),
    };
    if amount <= Decimal::ZERO {
        return Err("The amount of a line is greater than zero; the side says which way it goes.");
    }
    if is_debit { Ok(amount) } else { neg(amount).map_err(|_| "The amount is too large.") }
}

/// Signed document amounts in the books' currency, at one rate (units of book currency for one of the document's).
///
/// The sum of the debits is converted and rounded once and then shared out on each side by largest remainder. So no
/// line is further from its exact value than one minor unit, and what balances in the document balances in the books.
pub fn converted(amounts: &[Decimal], rate: Decimal, book: Currency) -> Result<Vec<Decimal>, MoneyError> {
    let side = |negative: bool| -> Vec<Decimal> {
        amounts
            .iter()
            .map(|amount| if amount.is_sign_negative() == negative { amount.abs() } else { Decimal::ZERO })
            .collect()
    };
    let (debits, credits) = (side(false), side(true));
    let total = round(mul(sum(debits.iter().copied())?, rate)?, book)?;
    let debits = split(total, &debits, book.exponent())?;
    let credits = split(total, &credits, book.exponent())?;
    amounts
        .iter()
        .zip(debits.into_iter().zip(credits))
        .map(|(amount, (debit, credit))| if amount.is_sign_negative() { neg(credit) } else { Ok(debit) })
        .collect()
}

/// The lines that take an entry back.
pub fn reversed(lines: &[JournalLine]) -> Result<Vec<NewLine>> {
    lines
        .iter()
        .map(|line| {
            Ok(NewLine {
                account: line.account_id,
                amount_document: neg(line.amount_document.0)?,
                amount: neg(line.amount.0)?,
                currency: Currency::parse(&line.currency.0)?,
                description: line.description.clone(),
                tax_code: line.tax_code_id,
                labels: Labels::from_json(&line.dimensions)?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use backoffice_money::{Balanced, add, sub};
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;
    use crate::finance::ids::{AccountId, JournalEntryId, JournalLineId};
    use crate::platform::scalars::{CurrencyCode, Date, Dec};

    fn cents(value: i64) -> Decimal {
        Decimal::new(value, 2)
    }

    /// Random lines in cents that balance: the last one takes what is left.
    fn balanced() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec((1i64..10_000_000, any::<bool>()), 1..30)
            .prop_map(|lines| {
                let mut lines: Vec<i64> =
                    lines.into_iter().map(|(amount, debit)| if debit { amount } else { -amount }).collect();
                lines.push(-lines.iter().sum::<i64>());
                lines
            })
            .prop_filter("a line has an amount", |lines| lines.iter().all(|line| *line != 0))
    }

    fn posted(amounts: &[i64]) -> Vec<JournalLine> {
        amounts
            .iter()
            .zip(1..)
            .map(|(amount, number)| JournalLine {
                id: JournalLineId::new(),
                entry_id: JournalEntryId::new(),
                line_number: number,
                account_id: AccountId::new(),
                date: Date(NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()),
                description: String::new(),
                currency: CurrencyCode("EUR".to_owned()),
                amount_document: Dec(cents(*amount)),
                amount: Dec(cents(*amount)),
                tax_code_id: None,
                dimensions: serde_json::json!({}),
                book_currency: "EUR".to_owned(),
            })
            .collect()
    }

    proptest! {
        /// What balances in the document balances in the books, each line within one minor unit of its exact value.
        #[test]
        fn conversion_keeps_the_balance(amounts in balanced(), rate in 1i64..1_000_000_000_000, yen in any::<bool>()) {
            let book = Currency::parse(if yen { "JPY" } else { "EUR" }).unwrap();
            let rate = Decimal::new(rate, 8);
            let amounts: Vec<Decimal> = amounts.into_iter().map(cents).collect();
            let booked = converted(&amounts, rate, book).unwrap();
            prop_assert_eq!(sum(booked.iter().copied()).unwrap(), Decimal::ZERO);
            let unit = Decimal::new(1, book.exponent());
            for (amount, booked) in amounts.iter().zip(&booked) {
                prop_assert!(sub(mul(*amount, rate).unwrap(), *booked).unwrap().abs() <= unit);
                prop_assert!(booked.is_zero() || booked.is_sign_negative() == amount.is_sign_negative());
            }
        }

        /// A reversal takes every line back, and balances.
        #[test]
        fn a_reversal_negates(amounts in balanced()) {
            let lines = posted(&amounts);
            let back = reversed(&lines).unwrap();
            for (line, back) in lines.iter().zip(&back) {
                prop_assert_eq!(line.account_id, back.account);
                prop_assert_eq!(add(line.amount.0, back.amount).unwrap(), Decimal::ZERO);
                prop_assert_eq!(add(line.amount_document.0, back.amount_document).unwrap(), Decimal::ZERO);
            }
            prop_assert!(Balanced::check(Currency::parse("EUR").unwrap(), back).is_ok());
        }
    }

    #[test]
    fn a_line_has_one_side() {
        let one = Some(Decimal::ONE);
        assert_eq!(signed(one, None), Ok(Decimal::ONE));
        assert_eq!(signed(None, one), Ok(Decimal::NEGATIVE_ONE));
        for (debit, credit) in
            [(one, one), (None, None), (Some(Decimal::ZERO), None), (None, Some(Decimal::NEGATIVE_ONE))]
        {
            assert!(signed(debit, credit).is_err());
        }
    }
}
