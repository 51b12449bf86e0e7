//! Amounts as people and programs write them, read exactly or refused: `1234.56`, `1,234.56`, `1.234,56`.
//!
//! No float is involved. A number that could be read in two ways (`1,234`) is refused unless the file says, or shows by
//! its other numbers, which mark it uses.

use rust_decimal::Decimal;

use crate::problem::{ProblemCode, shown};

/// Decimals that an amount may have, not counting zeros at the end.
pub const MAX_DECIMALS: usize = 4;
/// Decimals that may be written: ISO 20022 allows five, and some banks fill them with zeros.
pub const MAX_WRITTEN_DECIMALS: usize = 5;
/// Digits before the decimal mark: amounts stay below 1,000,000,000,000,000.
pub const MAX_WHOLE_DIGITS: usize = 15;
/// Characters of a number, with separators and white space.
const MAX_LENGTH: usize = 64;

/// How numbers are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DecimalMark {
    /// The first number of the file that can be read in one way only decides. Without such a number the mark is a point, and
    /// a number that could be read in two ways is refused.
    #[default]
    Detect,
    /// `1234.56`, no thousands separators.
    Plain,
    /// `1234.56` or `1,234.56`.
    Point,
    /// `1234,56` or `1.234,56`.
    Comma,
}

/// Why a text is not an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadNumber {
    /// The kind of problem.
    pub code: ProblemCode,
    /// A sentence that helps to mend it.
    pub message: String,
}

impl BadNumber {
    fn new(code: ProblemCode, message: String) -> Self {
        Self { code, message }
    }
}

/// Reads an amount: at most four decimals, below 10^15 in size. A sign may stand in front; thousands may also be set apart by
/// spaces or apostrophes where the mark allows separators.
pub fn parse(text: &str, mark: DecimalMark) -> Result<Decimal, BadNumber> {
    parse_to(text, mark, MAX_DECIMALS)
}

/// The same with another limit to its decimals, not counting zeros at the end: at most eight.
pub fn parse_to(text: &str, mark: DecimalMark, decimals_kept: usize) -> Result<Decimal, BadNumber> {
    let text = text.trim();
    if text.len() > MAX_LENGTH {
        return Err(BadNumber::new(ProblemCode::Number, format!("{} is too long for a number", shown(text))));
    }
    let (negative, body) = signed(text);
    if let Some(reason) = not_a_number(text, body) {
        return Err(reason);
    }
    let decimal_mark = match mark {
        DecimalMark::Plain | DecimalMark::Point => '.',
        DecimalMark::Comma => ',',
        DecimalMark::Detect => match evidence(text) {
            Some(DecimalMark::Comma) => ',',
            None if body.contains(['.', ',']) => return Err(ambiguous(text)),
            _ => '.',
        },
    };
    let (whole, decimals) = body.split_once(decimal_mark).unwrap_or((body, ""));
    let grouped = mark != DecimalMark::Plain;
    let Some(whole) = whole_digits(whole, decimal_mark, grouped).filter(|_| only_digits(decimals)) else {
        return Err(misplaced(text, mark, decimal_mark));
    };
    exact(text, negative, &whole, decimals, decimals_kept.min(8))
}

/// Which decimal mark this number proves, if it can be read in one way only.
pub fn evidence(text: &str) -> Option<DecimalMark> {
    let (_, body) = signed(text.trim());
    if not_a_number(text, body).is_some() {
        return None;
    }
    let points = body.matches('.').count();
    let commas = body.matches(',').count();
    let (mark, other) = match (points, commas) {
        (0, 0) => return None,
        (_, 0) => (DecimalMark::Point, DecimalMark::Comma),
        (0, _) => (DecimalMark::Comma, DecimalMark::Point),
        // with both, the last one is the decimal mark
        _ if body.rfind('.') > body.rfind(',') => return Some(DecimalMark::Point),
        _ => return Some(DecimalMark::Comma),
    };
    if points.max(commas) > 1 {
        // a decimal mark comes once, so this one separates thousands
        return Some(other);
    }
    let (whole, decimals) = body.split_once(['.', ','])?;
    let may_be_thousands =
        decimals.len() == 3 && (1..=3).contains(&whole.len()) && only_digits(whole) && !whole.starts_with('0');
    if may_be_thousands { None } else { Some(mark) }
}

/// An amount as it appears in a message: at least two decimals.
pub(crate) fn written(amount: Decimal) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    amount.to_string()
}

fn signed(text: &str) -> (bool, &str) {
    if let Some(body) = text.strip_prefix(['-', '\u{2212}']) {
        (true, body)
    } else {
        (false, text.strip_prefix('+').unwrap_or(text))
    }
}

fn only_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_separator(character: char) -> bool {
    matches!(character, '.' | ',' | ' ' | '\u{A0}' | '\u{202F}' | '\'' | '\u{2019}')
}

fn not_a_number(text: &str, body: &str) -> Option<BadNumber> {
    let digits = body.bytes().any(|byte| byte.is_ascii_digit());
    let strange = body.chars().find(|character| !character.is_ascii_digit() && !is_separator(*character));
    let value = shown(text);
    let message = match strange {
        None if digits => return None,
        Some('e' | 'E') if digits => format!("{value} is written with an exponent; write the amount out in digits"),
        Some(character) if digits => {
            format!("{value} is not a number: {} has no place in it", shown(&character.to_string()))
        }
        _ => format!("{value} is not a number"),
    };
    Some(BadNumber::new(ProblemCode::Number, message))
}

fn ambiguous(text: &str) -> BadNumber {
    let message = format!(
        "{} can be read with a decimal mark or with a thousands separator; name the file's decimal mark",
        shown(text)
    );
    BadNumber::new(ProblemCode::AmbiguousNumber, message)
}

fn misplaced(text: &str, mark: DecimalMark, decimal_mark: char) -> BadNumber {
    let hint = if mark == DecimalMark::Plain {
        "a point before the decimals and no thousands separators are expected, as in 1234.56".to_owned()
    } else if decimal_mark == ',' {
        "this file's decimal mark is the comma, as in 1.234,56".to_owned()
    } else {
        "this file's decimal mark is the point, as in 1,234.56".to_owned()
    };
    BadNumber::new(ProblemCode::Number, format!("{} has a separator in the wrong place: {hint}", shown(text)))
}

/// The digits of the whole part, if its separators are all the same and set apart groups of three.
fn whole_digits(whole: &str, decimal_mark: char, grouped: bool) -> Option<String> {
    let Some(separator) = whole.chars().find(|character| !character.is_ascii_digit()) else {
        return Some(whole.to_owned());
    };
    if !grouped || separator == decimal_mark {
        return None;
    }
    let mut groups = whole.split(separator);
    let first = groups.next().filter(|group| (1..=3).contains(&group.len()) && only_digits(group))?;
    groups.try_fold(first.to_owned(), |mut digits, group| {
        digits.push_str(Some(group).filter(|group| group.len() == 3 && only_digits(group))?);
        Some(digits)
    })
}

fn exact(text: &str, negative: bool, whole: &str, decimals: &str, kept: usize) -> Result<Decimal, BadNumber> {
    let significant = decimals.trim_end_matches('0');
    if significant.len() > kept || decimals.len() > kept.max(MAX_WRITTEN_DECIMALS) {
        let message = format!("{} has {} decimals; at most {kept} are kept", shown(text), decimals.len());
        return Err(BadNumber::new(ProblemCode::TooManyDecimals, message));
    }
    let whole = whole.trim_start_matches('0');
    if whole.len() > MAX_WHOLE_DIGITS {
        let message = format!("{} is too large; amounts stay below 1,000,000,000,000,000", shown(text));
        return Err(BadNumber::new(ProblemCode::OutOfRange, message));
    }
    let sign = if negative { "-" } else { "" };
    let plain = format!("{sign}0{whole}.{decimals}0");
    // the added zero keeps the text well formed without decimals; at most 24 digits in all, so this cannot overflow
    let value = Decimal::from_str_exact(&plain)
        .map_err(|_| BadNumber::new(ProblemCode::Number, format!("{} is not a number", shown(text))))?;
    Ok(if value.is_zero() { Decimal::ZERO } else { value.normalize() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::DecimalMark::{Comma, Detect, Plain, Point};
    use super::*;

    fn read(text: &str, mark: DecimalMark) -> String {
        parse(text, mark).map_or_else(|bad| bad.code.to_string(), |value| value.to_string())
    }

    #[test]
    fn the_usual_ways_to_write() {
        for (text, mark, value) in [
            ("1234.56", Plain, "1234.56"),
            ("-1234.5600", Plain, "-1234.56"),
            ("1,234.56", Point, "1234.56"),
            ("1.234,56", Comma, "1234.56"),
            ("1 234 567,8", Comma, "1234567.8"),
            ("1'234.50", Point, "1234.5"),
            ("\u{2212}5", Point, "-5"),
            ("+.5", Plain, "0.5"),
            ("-0.00", Plain, "0"),
            ("999999999999999.9999", Plain, "999999999999999.9999"),
            ("1,234.56", Detect, "1234.56"),
            ("1.234,56", Detect, "1234.56"),
            ("1.234.567", Detect, "1234567"),
            ("0.125", Detect, "0.125"),
            ("1234.567", Detect, "1234.567"),
            ("12,5", Detect, "12.5"),
            ("700", Detect, "700"),
        ] {
            assert_eq!(read(text, mark), value, "{text} with {mark:?}");
        }
    }

    #[test]
    fn what_is_no_amount_says_why() {
        for (text, mark, code) in [
            ("", Plain, "NUMBER"),
            ("-", Plain, "NUMBER"),
            ("NaN", Plain, "NUMBER"),
            ("inf", Plain, "NUMBER"),
            ("1e30", Plain, "NUMBER"),
            ("=1+1", Plain, "NUMBER"),
            ("1_000", Plain, "NUMBER"),
            ("٣", Plain, "NUMBER"),
            ("--5", Plain, "NUMBER"),
            ("5 EUR", Point, "NUMBER"),
            ("1,234.56", Plain, "NUMBER"),
            ("1,23,456", Point, "NUMBER"),
            ("12,34", Point, "NUMBER"),
            ("1.234.56", Point, "NUMBER"),
            ("1,234 567.00", Point, "NUMBER"),
            ("1,234", Detect, "AMBIGUOUS_NUMBER"),
            ("1.234", Detect, "AMBIGUOUS_NUMBER"),
            ("0.12345", Plain, "TOO_MANY_DECIMALS"),
            ("0.1000000000000000000000000000001", Plain, "TOO_MANY_DECIMALS"),
            ("1.0000000000000000000000000000000", Plain, "TOO_MANY_DECIMALS"),
            ("1000000000000000", Plain, "OUT_OF_RANGE"),
            ("1000000000000000000000000000000", Plain, "OUT_OF_RANGE"),
        ] {
            assert_eq!(read(text, mark), code, "{text} with {mark:?}");
        }
        assert!(parse("1e30", Plain).unwrap_err().message.contains("exponent"));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,70}") {
            for mark in [Detect, Plain, Point, Comma] {
                let _ = parse(&text, mark);
            }
        }

        #[test]
        fn number_like_text_is_survived(text in "[-+0-9., 'eE]{0,40}") {
            for mark in [Detect, Plain, Point, Comma] {
                if let Ok(value) = parse(&text, mark) {
                    prop_assert!(value.abs() < Decimal::from(1_000_000_000_000_000_i64) && value.scale() <= 4);
                }
            }
        }

        #[test]
        fn every_amount_is_read_back(units in -9_999_999_999_999_999_999_i128..=9_999_999_999_999_999_999, scale in 0_u32..=4) {
            let value = Decimal::from_i128_with_scale(units, scale.max(4));
            prop_assert_eq!(parse(&value.to_string(), Plain).unwrap(), value);
            prop_assert_eq!(parse(&value.to_string().replace('.', ","), Comma).unwrap(), value);
            let short = Decimal::from_i128_with_scale(units / 100_000, scale);
            prop_assert_eq!(parse(&short.to_string(), Plain).unwrap(), short);
        }
    }
}
