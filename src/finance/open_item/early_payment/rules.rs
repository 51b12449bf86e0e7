//! What a discount is worth and how it splits: no database, no clock.

use backoffice_money::{Currency, Decimal, MoneyError, Totals, mul, round, split, sub};
use chrono::NaiveDate;

use super::{EarlyPaymentInput, PostedPart, last_day};
use crate::finance::ids::{AccountId, TaxCodeId};
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::decimals;

/// The most discounts of one document.
const MOST: usize = 3;

/// A discount as it was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// In percent.
    pub percent: Decimal,
    /// The last day on which a payment takes it.
    pub last_day: NaiveDate,
}

/// The discounts of a document of a day: each later one is lower.
pub fn agreed(
    given: &[EarlyPaymentInput],
    totals: &Totals<Option<TaxCodeId>>,
    currency: Currency,
    day: NaiveDate,
) -> Result<Vec<Agreed>> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    if given.is_empty() {
        return Ok(Vec::new());
    }
    if given.len() > MOST {
        return refuse("earlyPayment", "A document has at most 3 discounts for paying early.");
    }
    if totals.gross <= Decimal::ZERO || totals.net.is_sign_negative() {
        return refuse("earlyPayment", "Nobody pays early what he does not owe.");
    }
    if totals.taxes.iter().any(|tax| tax.tax.is_sign_negative() && !tax.tax.is_zero()) {
        return refuse(
            "earlyPayment",
            "A document that gives back one of its taxes grants no discount for paying early.",
        );
    }
    let mut terms: Vec<Agreed> = Vec::with_capacity(given.len());
    for (index, one) in given.iter().enumerate() {
        let field = format!("earlyPayment.{index}.percent");
        let percent = decimals(&field, one.percent.0, 4)?;
        if percent <= Decimal::ZERO || percent >= Decimal::ONE_HUNDRED {
            return refuse(&field, "A discount for paying early is more than 0 and less than 100 percent.");
        }
        if discount(totals.gross, percent, currency)?.is_zero() {
            return refuse(&field, "The discount is worth nothing.");
        }
        let days = format!("earlyPayment.{index}.days");
        if !(0..=365).contains(&one.days) {
            return refuse(&days, "A discount is granted within 0 to 365 days.");
        }
        let last_day = last_day(day, one.days, &days)?;
        if let Some(before) = terms.last() {
            if last_day <= before.last_day {
                return refuse(&days, "A further discount is granted for more days than the one before it.");
            }
            if percent >= before.percent {
                return refuse(&field, "Whoever pays later gets a lower discount than the one before it.");
            }
        }
        terms.push(Agreed { percent, last_day });
    }
    Ok(terms)
}

/// What the discount on an amount is worth, rounded to the currency.
pub(super) fn discount(base: Decimal, percent: Decimal, currency: Currency) -> Result<Decimal, MoneyError> {
    let hundredth = Decimal::try_new(1, 2).map_err(|_| MoneyError::Overflow)?;
    round(mul(base, mul(percent, hundredth)?)?, currency)
}

/// A tax of the document that a discount is taken of.
#[derive(Clone, Copy, Debug)]
pub(super) struct DocumentTax {
    /// The code.
    pub code: TaxCodeId,
    /// Where the tax is posted.
    pub account: AccountId,
    /// What it is taken of.
    pub base: Decimal,
    /// The tax.
    pub tax: Decimal,
}

/// What a payment in time takes off an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// With the item's sign, in its currency.
    pub amount: Decimal,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    account: AccountId,
    tax_code: Option<TaxCodeId>,
    base: Decimal,
    amount: Decimal,
}

impl Discount {
    /// Splits a discount like its document: net and taxes by largest remainder, so that they are the whole.
    pub(super) fn split(
        amount: Decimal,
        account: AccountId,
        net: Decimal,
        taxes: &[DocumentTax],
        currency: Currency,
    ) -> Result<Self> {
        let weights: Vec<Decimal> = std::iter::once(net).chain(taxes.iter().map(|tax| tax.tax)).collect();
        let mut amounts = split(amount, &weights, currency.exponent())?.into_iter();
        let first = amounts.next().unwrap_or_default();
        let mut parts = vec![Part { account, tax_code: None, base: first, amount: first }];
        for (tax, part) in taxes.iter().zip(amounts) {
            // the part of the net amount that this tax was taken of
            let others = sub(net, tax.base)?;
            let base = if others.is_sign_negative() {
                first
            } else {
                split(first, &[tax.base, others], currency.exponent())?.into_iter().next().unwrap_or_default()
            };
            parts.push(Part { account: tax.account, tax_code: Some(tax.code), base, amount: part });
        }
        parts.retain(|part| !part.amount.is_zero());
        Ok(Self { amount, parts })
    }

    /// The parts, worth together what the whole is worth in the books.
    pub fn worth(&self, amount_book: Decimal, book: Currency) -> Result<Vec<PostedPart>> {
        let weights: Vec<Decimal> = self.parts.iter().map(|part| part.amount.abs()).collect();
        let books = split(amount_book, &weights, book.exponent())?;
        let posted = self.parts.iter().zip(books).map(|(part, amount_book)| PostedPart {
            account_id: part.account,
            tax_code_id: part.tax_code,
            base: part.base,
            amount: part.amount,
            amount_book,
        });
        Ok(posted.collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::finance::document::DocumentRounding;
    use crate::finance::document::pricing::{Line, LineTax, Terms, total};
    use crate::finance::ledger::dimension::Labels;
    use crate::platform::scalars::Dec;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn eur() -> Currency {
        Currency::parse("EUR").unwrap()
    }

    fn totals(price: &str, percent: &str) -> Totals<Option<TaxCodeId>> {
        let tax = LineTax { code: TaxCodeId(Uuid::from_u128(1)), account: AccountId::new(), percent: dec(percent) };
        let line = Line {
            description: "x".to_owned(),
            quantity: Decimal::ONE,
            unit_price: dec(price),
            discount_percent: Decimal::ZERO,
            account: AccountId::new(),
            tax: Some(tax),
            second_tax: None,
            labels: Labels::none(),
        };
        let terms = Terms {
            rounding: DocumentRounding::ByDocument,
            discount_percent: Decimal::ZERO,
            prices_include_tax: false,
        };
        total(&[line], terms, eur()).unwrap()
    }

    fn tax(base: &str, tax: &str) -> DocumentTax {
        DocumentTax { code: TaxCodeId::new(), account: AccountId::new(), base: dec(base), tax: dec(tax) }
    }

    #[test]
    fn ten_percent_of_236() {
        assert_eq!(discount(dec("236"), dec("10"), eur()).unwrap(), dec("23.60"));
        let split = Discount::split(dec("23.60"), AccountId::new(), dec("200"), &[tax("200", "36")], eur()).unwrap();
        let amounts: Vec<Decimal> = split.parts.iter().map(|part| part.amount).collect();
        assert_eq!(amounts, [dec("20.00"), dec("3.60")]);
        assert_eq!(split.parts[1].base, dec("20.00"));
    }

    #[test]
    fn terms() {
        let day: NaiveDate = "2026-01-10".parse().unwrap();
        let input = |terms: &[(&str, i32)]| -> Vec<EarlyPaymentInput> {
            terms.iter().map(|(percent, days)| EarlyPaymentInput { percent: Dec(dec(percent)), days: *days }).collect()
        };
        let found = agreed(&input(&[("3", 10), ("2", 20)]), &totals("100", "19"), eur(), day).unwrap();
        assert_eq!(found[1], Agreed { percent: dec("2"), last_day: "2026-01-30".parse().unwrap() });
        for wrong in [
            &[("0", 10)][..],
            &[("100", 10)],
            &[("1.00001", 10)],
            &[("3", -1)],
            &[("3", 366)],
            &[("3", 10), ("2", 10)],
            &[("2", 10), ("3", 20)],
            &[("4", 1), ("3", 2), ("2", 3), ("1", 4)],
        ] {
            assert!(agreed(&input(wrong), &totals("100", "19"), eur(), day).is_err(), "{wrong:?}");
        }
        assert!(agreed(&input(&[("3", 10)]), &totals("-100", "19"), eur(), day).is_err());
        assert!(agreed(&input(&[("0.01", 10)]), &totals("1", "19"), eur(), day).is_err());
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(net in 1i64..10_000_000, taxes in prop::collection::vec(0i64..2_000_000, 0..4), percent in 1i64..999_999, rate in 1i64..1_000_000) {
            let net = Decimal::new(net, 2);
            let taxes: Vec<DocumentTax> = taxes.iter().map(|cents| DocumentTax {
                code: TaxCodeId::new(), account: AccountId::new(), base: net, tax: Decimal::new(*cents, 2),
            }).collect();
            let gross = net + taxes.iter().map(|tax| tax.tax).sum::<Decimal>();
            let off = discount(gross, Decimal::new(percent, 4), eur()).unwrap();
            prop_assume!(!off.is_zero());
            let split = Discount::split(off, AccountId::new(), net, &taxes, eur()).unwrap();
            prop_assert_eq!(split.parts.iter().map(|part| part.amount).sum::<Decimal>(), off);
            let worth = (off * Decimal::new(rate, 3)).round_dp(2);
            let posted = split.worth(worth, eur()).unwrap();
            prop_assert_eq!(posted.iter().map(|part| part.amount_book).sum::<Decimal>(), worth);
        }
    }
}
