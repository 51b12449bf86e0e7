//! Journal entries that cannot be built out of balance.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::currency::Currency;
use crate::error::MoneyError;
use crate::exact::{add, check_scale, neg, sub};

/// What a line of an entry says about money. Debits are positive, credits negative.
pub trait Posting {
    /// The amount in the currency of the books.
    fn book(&self) -> Decimal;
    /// The amount in the currency of the document.
    fn document(&self) -> Decimal;
    /// The currency of the document amount.
    fn currency(&self) -> Currency;
}

/// The lines of an entry in balance.
///
/// [`Balanced::check`] is the only way to build one, and the lines cannot be changed afterwards, so whoever is
/// handed one need not check again:
///
/// - at least two lines, none without an amount (a line may have an amount in one of the two currencies only, as
///   a revaluation has);
/// - Σ of the book amounts is exactly 0;
/// - Σ of the document amounts is exactly 0 when all lines share one currency. An entry that mixes currencies
///   (an exchange, a realised gain) balances in the books' currency only;
/// - no amount is finer than its currency's minor unit, and no line is a debit in one currency and a credit in
///   the other; in the books' own currency its two amounts are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balanced<L> {
    lines: Vec<L>,
    book: Currency,
}

impl<L: Posting> Balanced<L> {
    /// Checks the lines of an entry in books that are kept in `book`.
    ///
    /// # Errors
    /// [`MoneyError::TooFewLines`]; [`MoneyError::AtLine`] with [`MoneyError::ZeroLine`],
    /// [`MoneyError::TooManyDecimals`], [`MoneyError::OppositeSigns`], [`MoneyError::AmountsDiffer`] or
    /// [`MoneyError::Overflow`]; [`MoneyError::Unbalanced`] with both sides, for the books' currency first.
    pub fn check(book: Currency, lines: Vec<L>) -> Result<Self, MoneyError> {
        if lines.len() < 2 {
            return Err(MoneyError::TooFewLines);
        }
        for (index, line) in lines.iter().enumerate() {
            check_line(book, line).map_err(|reason| reason.at(index))?;
        }
        Sides::of(lines.iter().map(Posting::book))?.balance(book)?;
        let currencies: BTreeSet<Currency> = lines.iter().map(Posting::currency).collect();
        if let (1, Some(only)) = (currencies.len(), currencies.first()) {
            Sides::of(lines.iter().map(Posting::document))?.balance(*only)?;
        }
        Ok(Self { lines, book })
    }

    /// Σ of the debits in the books' currency, which is also Σ of the credits.
    ///
    /// # Errors
    /// None in practice: the same sum was made when the entry was checked.
    pub fn volume(&self) -> Result<Decimal, MoneyError> {
        Ok(Sides::of(self.lines.iter().map(Posting::book))?.debit)
    }
}

impl<L> Balanced<L> {
    /// The lines, in the order given.
    pub fn lines(&self) -> &[L] {
        &self.lines
    }

    /// The currency of the books.
    pub fn book_currency(&self) -> Currency {
        self.book
    }

    /// Hands the lines out; the proof of balance ends here.
    pub fn into_lines(self) -> Vec<L> {
        self.lines
    }
}

fn check_line(book: Currency, line: &impl Posting) -> Result<(), MoneyError> {
    let booked = check_scale(line.book(), book.exponent())?;
    let document = check_scale(line.document(), line.currency().exponent())?;
    if booked.is_zero() && document.is_zero() {
        return Err(MoneyError::ZeroLine);
    }
    if line.currency() == book && booked != document {
        return Err(MoneyError::AmountsDiffer { document, book: booked });
    }
    if !booked.is_zero() && !document.is_zero() && booked.is_sign_negative() != document.is_sign_negative() {
        return Err(MoneyError::OppositeSigns);
    }
    Ok(())
}

/// Both sides of an entry in one currency, each as a positive sum.
struct Sides {
    debit: Decimal,
    credit: Decimal,
}

impl Sides {
    fn of(amounts: impl Iterator<Item = Decimal>) -> Result<Self, MoneyError> {
        let mut sides = Self { debit: Decimal::ZERO, credit: Decimal::ZERO };
        for amount in amounts {
            if amount.is_sign_negative() {
                sides.credit = add(sides.credit, neg(amount)?)?;
            } else {
                sides.debit = add(sides.debit, amount)?;
            }
        }
        Ok(sides)
    }

    fn balance(&self, currency: Currency) -> Result<(), MoneyError> {
        let difference = sub(self.debit, self.credit)?;
        if difference.is_zero() {
            return Ok(());
        }
        Err(MoneyError::Unbalanced { currency, debit: self.debit, credit: self.credit, difference })
    }
}

#[cfg(test)]
mod tests;
