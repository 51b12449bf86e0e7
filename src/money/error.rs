//! What can be wrong with an amount, in sentences for the person who entered it.

use std::fmt;

use rust_decimal::Decimal;

use crate::currency::Currency;

/// Why an amount, a split, a document or an entry is refused.
///
/// Each displays as one sentence without internals, fit to be shown to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MoneyError {
    /// A result or an input lies outside of ±10^15, or an intermediate product outside of 28 digits.
    Overflow,
    /// The text is not a plain decimal number such as `-1234.50`.
    NotADecimal,
    /// The number has more than 28 digits and could not be kept exactly.
    TooManyDigits,
    /// More decimals than the currency or the field allows; nothing is cut off silently.
    TooManyDecimals {
        /// The number as it was given.
        value: Decimal,
        /// How many decimals are allowed.
        allowed: u32,
    },
    /// Not an active or historic ISO 4217 currency that amounts can be kept in.
    UnknownCurrency,
    /// Two amounts that must share a currency do not.
    CurrencyMismatch {
        /// The currency that was expected.
        expected: Currency,
        /// The currency that was found.
        found: Currency,
    },
    /// A line in the books' currency states one amount for the document and another for the books.
    AmountsDiffer {
        /// The amount in document currency.
        document: Decimal,
        /// The amount in the books' currency.
        book: Decimal,
    },
    /// A line is a debit in one currency and a credit in the other.
    OppositeSigns,
    /// There are no weights to split by, or they sum to zero.
    NoWeights,
    /// A weight or share below zero.
    NegativeWeight,
    /// Shares in percent that do not make a whole.
    NotWhole {
        /// What the shares add up to; 100 is wanted.
        sum: Decimal,
    },
    /// A percentage outside of what it can mean (a discount over 100, a tax below 0 or over 1,000).
    PercentOutOfRange {
        /// The percentage as it was given.
        percent: Decimal,
    },
    /// A rounding step that is zero or negative.
    InvalidStep,
    /// An entry of fewer than two lines.
    TooFewLines,
    /// A line without any amount.
    ZeroLine,
    /// Debit and credit of an entry differ.
    Unbalanced {
        /// The currency in which they differ.
        currency: Currency,
        /// Σ of the debits, positive.
        debit: Decimal,
        /// Σ of the credits, positive.
        credit: Decimal,
        /// Debit less credit.
        difference: Decimal,
    },
    /// What is wrong with one line of several.
    AtLine {
        /// The position of the line, from 0.
        index: usize,
        /// What is wrong with it.
        reason: Box<MoneyError>,
    },
}

impl MoneyError {
    /// The same refusal, with the position (from 0) of the line that it is about.
    pub fn at(self, index: usize) -> Self {
        Self::AtLine { index, reason: Box::new(self) }
    }
}

impl fmt::Display for MoneyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow => f.write_str("The amount is too large."),
            Self::NotADecimal => f.write_str("This is not a decimal number such as -1234.50."),
            Self::TooManyDigits => f.write_str("The number has more than 28 digits."),
            Self::TooManyDecimals { value, allowed } => {
                write!(f, "{value} has more decimals than the {allowed} that are allowed here.")
            }
            Self::UnknownCurrency => f.write_str("This is not an ISO 4217 currency code that amounts can be kept in."),
            Self::CurrencyMismatch { expected, found } => {
                write!(f, "The amount is in {found}, but {expected} is expected.")
            }
            Self::AmountsDiffer { document, book } => write!(
                f,
                "The line is in the currency of the books, but its two amounts differ: {document} and {book}."
            ),
            Self::OppositeSigns => f.write_str("The line is a debit in one currency and a credit in the other."),
            Self::NoWeights => f.write_str("There is nothing to split by: the shares sum to zero."),
            Self::NegativeWeight => f.write_str("A share cannot be negative."),
            Self::NotWhole { sum } => write!(f, "The shares add up to {sum} %, not to 100 %."),
            Self::PercentOutOfRange { percent } => {
                write!(f, "{percent} % is not a possible percentage here.")
            }
            Self::InvalidStep => f.write_str("The rounding step must be greater than zero."),
            Self::TooFewLines => f.write_str("An entry needs at least two lines."),
            Self::ZeroLine => f.write_str("The line has no amount."),
            Self::Unbalanced { currency, debit, credit, difference } => {
                write!(f, "Debit and credit differ by {difference} {currency}: debit is {debit}, credit is {credit}.")
            }
            // the reason is a sentence of its own, so it is not folded into this one
            Self::AtLine { index, reason } => {
                write!(f, "Line {}: {reason}", index.saturating_add(1))
            }
        }
    }
}

impl std::error::Error for MoneyError {}
