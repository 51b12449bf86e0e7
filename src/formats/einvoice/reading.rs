//! Values of elements, read as what the elements hold. What is not there is nothing; what cannot be read is put on the list.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::model::{Category, EmbeddedFile, Identifier};
use crate::date::DateFormat;
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::xml::tree::Node;

/// Digits before and behind the point that amounts, quantities and prices may have.
const MAX_DIGITS: (usize, usize) = (15, 12);

/// What is wrong so far, and the currency that amounts are in.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) problems: Problems,
    pub(super) currency: Option<String>,
}

impl Reading {
    fn refuse(&mut self, node: &Node, code: ProblemCode, message: String) {
        self.problems.push(Problem::new(node.line, code, message).in_column(node.path.clone()));
    }

    /// A number at the end of a path.
    pub(super) fn decimal(&mut self, node: &Node, path: &str) -> Option<Decimal> {
        let node = node.at(path)?;
        self.own_decimal(node)
    }

    pub(super) fn own_decimal(&mut self, node: &Node) -> Option<Decimal> {
        let text = node.own_text()?;
        let value = decimal(&text);
        if value.is_none() {
            let (whole, fraction) = MAX_DIGITS;
            let message =
                format!("{} is not a number such as 1234.56, with at most {whole} and {fraction} digits", shown(&text));
            self.refuse(node, ProblemCode::Number, message);
        }
        value
    }

    /// An amount at the end of a path; one in another currency than the invoice's is refused.
    pub(super) fn amount(&mut self, node: &Node, path: &str) -> Option<Decimal> {
        let found = node.at(path)?;
        self.own_amount(found)
    }

    pub(super) fn own_amount(&mut self, node: &Node) -> Option<Decimal> {
        let currency = node.attribute("currencyID");
        if let (Some(own), Some(invoice)) = (&currency, &self.currency)
            && own != invoice
        {
            let message = format!("the amount is in {}, and the invoice in {}", shown(own), shown(invoice));
            self.refuse(node, ProblemCode::Currency, message);
            return None;
        }
        self.own_decimal(node)
    }

    /// `2026-01-31`
    pub(super) fn date(&mut self, node: &Node, path: &str) -> Option<NaiveDate> {
        let node = node.at(path)?;
        let text = node.own_text()?;
        self.day(node, &text)
    }

    /// `20260131`, with the format 102 that says so.
    pub(super) fn compact_date(&mut self, node: &Node, path: &str) -> Option<NaiveDate> {
        let node = node.at(path)?;
        let text = node.own_text()?;
        let format = node.attribute("format");
        let parts = (text.get(..4), text.get(4..6), text.get(6..));
        let (Some(year), Some(month), Some(day), "102") =
            (parts.0, parts.1, parts.2, format.as_deref().unwrap_or("102"))
        else {
            let message = format!("{} is not a date written YYYYMMDD (format 102)", shown(&text));
            self.refuse(node, ProblemCode::Date, message);
            return None;
        };
        self.day(node, &format!("{year}-{month}-{day}"))
    }

    fn day(&mut self, node: &Node, text: &str) -> Option<NaiveDate> {
        match DateFormat::Iso.parse(text) {
            Ok(day) => Some(day),
            Err(message) => {
                self.refuse(node, ProblemCode::Date, message);
                None
            }
        }
    }

    /// A category of the tax.
    pub(super) fn category(&mut self, node: &Node, path: &str) -> Option<Category> {
        let node = node.at(path)?;
        let text = node.own_text()?;
        let category = Category::ALL.iter().copied().find(|category| category.as_str() == text);
        if category.is_none() {
            let all: Vec<&str> = Category::ALL.iter().map(|category| category.as_str()).collect();
            self.refuse(node, ProblemCode::UnknownWord, format!("{} is not one of {}", shown(&text), all.join(", ")));
        }
        category
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, node: &Node, path: &str) -> bool {
        let Some(node) = node.at(path) else { return false };
        match node.own_text().as_deref() {
            Some("true" | "1") => true,
            Some("false" | "0") => false,
            other => {
                let message = format!("{} is not one of true, false", shown(other.unwrap_or_default()));
                self.refuse(node, ProblemCode::UnknownWord, message);
                false
            }
        }
    }

    /// The file within an element.
    pub(super) fn file(&mut self, node: &Node) -> EmbeddedFile {
        let base64: String = node.content.split_whitespace().collect();
        let digits = base64.trim_end_matches('=');
        let sound = digits.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
        if !sound || base64.len().saturating_sub(digits.len()) > 2 || !base64.len().is_multiple_of(4) {
            self.refuse(node, ProblemCode::Encoding, "the attached file is not in base 64".to_owned());
        }
        EmbeddedFile {
            media_type: node.attribute("mimeCode").unwrap_or_default(),
            name: node.attribute("filename").unwrap_or_default(),
            base64,
        }
    }
}

/// An identifier with its list.
pub(super) fn identifier(node: &Node) -> Option<Identifier> {
    Some(Identifier { id: node.own_text()?, scheme: node.attribute("schemeID") })
}

/// A decimal as XML Schema writes it: no exponent, no separators.
fn decimal(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    let there = digits.bytes().any(|byte| byte.is_ascii_digit());
    if !there || !plain(whole) || !plain(fraction) || whole.len() > MAX_DIGITS.0 || fraction.len() > MAX_DIGITS.1 {
        return None;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let value = Decimal::from_str_exact(&format!("{sign}0{whole}.{fraction}0")).ok()?;
    Some(if value.is_zero() { Decimal::ZERO } else { value.normalize() })
}

/// An amount as it is written: two decimals at least.
pub(super) fn amount_text(amount: Decimal) -> String {
    let amount = amount.normalize();
    if amount.scale() < 2 { format!("{amount:.2}") } else { amount.to_string() }
}

/// A quantity, price or percentage as it is written.
pub(super) fn plain_text(value: Decimal) -> String {
    value.normalize().to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers() {
        for (text, value) in [
            ("12.50", "12.5"),
            ("-0.00", "0"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+007", "7"),
            ("0.123456789012", "0.123456789012"),
        ] {
            assert_eq!(decimal(text).unwrap().to_string(), value, "{text}");
        }
        for text in ["", "-", ".", "1e5", "1,5", "--1", "NaN", "0.1234567890123", "1234567890123456", "1 0", "٣"] {
            assert_eq!(decimal(text), None, "{text}");
        }
        assert_eq!(amount_text("5".parse().unwrap()), "5.00");
        assert_eq!(amount_text("5.125".parse().unwrap()), "5.125");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(units in -999_999_999_999_i64..999_999_999_999, scale in 0_u32..8) {
            let value = Decimal::new(units, scale);
            prop_assert_eq!(decimal(&amount_text(value)), Some(value.normalize()));
            prop_assert_eq!(decimal(&plain_text(value)), Some(value.normalize()));
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}") {
            let _ = decimal(&text);
        }
    }
}
