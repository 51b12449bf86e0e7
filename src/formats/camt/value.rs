//! The text of one XML element, read as what the element holds.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::date::DateFormat;
use crate::number::{self, DecimalMark};
use crate::problem::{Problem, ProblemCode, Problems, shown};

/// An amount of the message: never negative, its direction stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) size: Decimal,
    pub(crate) currency: String,
}

impl Amount {
    pub(crate) fn signed(&self, money_in: bool) -> Decimal {
        if money_in { self.size } else { -self.size }
    }
}

/// Text that was found at a path. Every reader below gives nothing when it has reported a problem.
pub(crate) struct Value<'v> {
    pub(crate) unit: &'static str,
    pub(crate) path: &'v str,
    pub(crate) text: String,
    pub(crate) currency: Option<&'v str>,
    pub(crate) line: u64,
    pub(crate) problems: &'v mut Problems,
}

impl Value<'_> {
    pub(crate) fn refuse(self, code: ProblemCode, message: String) {
        self.problems.push(Problem::new(self.line, code, message).in_column(format!("{}/{}", self.unit, self.path)));
    }

    pub(crate) fn amount(self) -> Option<Amount> {
        let size = match number::parse(&self.text, DecimalMark::Plain) {
            Ok(size) if size.is_sign_negative() => {
                let message = format!("{} is negative; the direction stands in CdtDbtInd", shown(&self.text));
                self.refuse(ProblemCode::Number, message);
                return None;
            }
            Ok(size) => size,
            Err(bad) => {
                self.refuse(bad.code, bad.message);
                return None;
            }
        };
        match self.currency {
            Some(currency) if is_currency(currency) => Some(Amount { size, currency: currency.to_owned() }),
            Some(currency) => {
                let message = format!("{} is not a currency code", shown(currency));
                self.refuse(ProblemCode::Currency, message);
                None
            }
            None => {
                self.refuse(ProblemCode::Currency, "the amount has no currency (Ccy)".to_owned());
                None
            }
        }
    }

    /// A date, or the day of a moment as the bank's clock has it.
    pub(crate) fn date(self) -> Option<NaiveDate> {
        let (day, rest) = self.text.split_at_checked(10).unwrap_or((&self.text, ""));
        let day = if rest.is_empty() || rest.starts_with(['T', 'Z', '+', '-']) { day } else { &self.text };
        match DateFormat::Iso.parse(day) {
            Ok(day) => Some(day),
            Err(message) => {
                self.refuse(ProblemCode::Date, message);
                None
            }
        }
    }

    /// Whether money came in.
    pub(crate) fn money_in(self) -> Option<bool> {
        self.word(&[("CRDT", true), ("DBIT", false)])
    }

    pub(crate) fn flag(self) -> Option<bool> {
        self.word(&[("true", true), ("1", true), ("false", false), ("0", false)])
    }

    fn word(self, words: &[(&str, bool)]) -> Option<bool> {
        let found = words.iter().find(|(word, _)| *word == self.text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{} is not one of {}", shown(&self.text), all.join(", "));
            self.refuse(ProblemCode::UnknownWord, message);
        }
        found
    }

    pub(crate) fn currency_code(self) -> Option<String> {
        if is_currency(&self.text) {
            return Some(self.text);
        }
        let message = format!("{} is not a currency code", shown(&self.text));
        self.refuse(ProblemCode::Currency, message);
        None
    }
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}
