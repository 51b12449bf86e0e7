//! What can be wrong with a rule or a series, in sentences for the person who wrote it.

use std::fmt;

/// Why a rule or a series is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecurrenceError {
    /// Something that is not `NAME=value`.
    NotAPart(String),
    /// A part that RFC 5545 does not know.
    UnknownPart(String),
    /// A part of RFC 5545 that is not supported.
    UnsupportedPart(&'static str, &'static str),
    /// The same part twice.
    Twice(&'static str),
    /// A value that the part cannot have: what was said, and what it can be.
    Value(&'static str, String, &'static str),
    /// No `FREQ`.
    NoFrequency,
    /// `COUNT` and `UNTIL` together.
    TwoEnds,
    /// Parts that RFC 5545 does not let stand together.
    Together(&'static str),
    /// More than 1,000 characters.
    TooLong,
    /// It has no occurrence between its start and its end.
    Never,
    /// A day outside of the years 1900 to 2199.
    OutOfRange,
    /// More than 5,000 days added or left out.
    TooMany,
}

impl fmt::Display for RecurrenceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPart(said) => {
                write!(
                    out,
                    "“{said}” is no part of a rule. Parts look like FREQ=WEEKLY and are separated by semicolons."
                )
            }
            Self::UnknownPart(said) => write!(
                out,
                "A rule has no part “{said}”. It has FREQ, INTERVAL, COUNT or UNTIL, BYMONTH, BYMONTHDAY, BYDAY, BYSETPOS \
                 and WKST."
            ),
            Self::UnsupportedPart(part, instead) => write!(out, "{part} is not supported. {instead}"),
            Self::Twice(part) => write!(out, "{part} stands in the rule twice."),
            Self::Value(part, said, rule) => write!(out, "{part} cannot be “{said}”: {rule}"),
            Self::NoFrequency => out.write_str("A rule says how often: FREQ=DAILY, WEEKLY, MONTHLY or YEARLY."),
            Self::TwoEnds => out.write_str("A rule ends after a COUNT or at an UNTIL, not both."),
            Self::Together(sentence) => out.write_str(sentence),
            Self::TooLong => out.write_str("A rule has at most 1,000 characters."),
            Self::Never => out.write_str("This rule names no day between its start and its end."),
            Self::OutOfRange => out.write_str("Series reach from 1900 to 2199."),
            Self::TooMany => out.write_str("A series has at most 5,000 days added and 5,000 left out."),
        }
    }
}

impl std::error::Error for RecurrenceError {}

/// What was said, short enough to be repeated in a sentence and without anything that is not to be shown.
pub(crate) fn quoted(said: &str) -> String {
    let mut short: String = said.chars().filter(|sign| !sign.is_control()).take(24).collect();
    if said.chars().nth(24).is_some() {
        short.push('…');
    }
    short
}
