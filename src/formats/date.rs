//! Dates in the format that the file says, strictly: a day that could mean two things is a wrong booking.

use chrono::{Datelike, NaiveDate};

use crate::problem::shown;

/// How dates are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateFormat {
    /// `2026-01-31`
    #[default]
    Iso,
    /// `31.01.2026`
    DayMonthYearPoints,
    /// `01/31/2026`
    MonthDayYearSlashes,
    /// `31/01/2026`
    DayMonthYearSlashes,
}

impl DateFormat {
    /// Every format.
    pub const ALL: &'static [Self] =
        &[Self::Iso, Self::DayMonthYearPoints, Self::MonthDayYearSlashes, Self::DayMonthYearSlashes];

    /// The usual way to name the format: `YYYY-MM-DD`, `DD.MM.YYYY`, `MM/DD/YYYY`, `DD/MM/YYYY`.
    pub fn pattern(self) -> &'static str {
        match self {
            Self::Iso => "YYYY-MM-DD",
            Self::DayMonthYearPoints => "DD.MM.YYYY",
            Self::MonthDayYearSlashes => "MM/DD/YYYY",
            Self::DayMonthYearSlashes => "DD/MM/YYYY",
        }
    }

    /// The format of that name.
    pub fn from_pattern(pattern: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.pattern().eq_ignore_ascii_case(pattern.trim()))
    }

    /// The date, or a sentence on why it is none.
    pub fn parse(self, text: &str) -> Result<NaiveDate, String> {
        let text = text.trim();
        let separator = match self {
            Self::Iso => '-',
            Self::DayMonthYearPoints => '.',
            Self::MonthDayYearSlashes | Self::DayMonthYearSlashes => '/',
        };
        let mut parts = text.split(separator);
        let (first, second, third) = (parts.next(), parts.next(), parts.next());
        let (year, month, day) = match self {
            Self::Iso => (first, second, third),
            Self::MonthDayYearSlashes => (third, first, second),
            Self::DayMonthYearPoints | Self::DayMonthYearSlashes => (third, second, first),
        };
        // ISO is for machines and fixed in width; people leave the zero away
        let shortest = if self == Self::Iso { 2 } else { 1 };
        let numbers = (digits(year, 4, 4), digits(month, shortest, 2), digits(day, shortest, 2));
        let (Some(year), Some(month), Some(day), None) = (numbers.0, numbers.1, numbers.2, parts.next()) else {
            return Err(format!("{} is not a date written {}", shown(text), self.pattern()));
        };
        i32::try_from(year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
            .filter(|date| (1900..2200).contains(&date.year()))
            .ok_or_else(|| {
                format!("{} is not a day of the calendar from 1900 to 2199 ({})", shown(text), self.pattern())
            })
    }
}

fn digits(part: Option<&str>, shortest: usize, longest: usize) -> Option<u32> {
    let part = part?;
    let fits = (shortest..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    if fits { part.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_format_reads_its_own() {
        let day = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
        for (format, text) in [
            (DateFormat::Iso, "2026-01-31"),
            (DateFormat::DayMonthYearPoints, "31.01.2026"),
            (DateFormat::DayMonthYearPoints, "31.1.2026"),
            (DateFormat::MonthDayYearSlashes, "01/31/2026"),
            (DateFormat::DayMonthYearSlashes, " 31/01/2026 "),
        ] {
            assert_eq!(format.parse(text), Ok(day), "{text}");
            assert_eq!(DateFormat::from_pattern(format.pattern()), Some(format));
        }
    }

    #[test]
    fn nothing_else_is_read() {
        for text in [
            "",
            "2026-1-31",
            "2026-02-30",
            "31.01.2026",
            "+2026-01-31",
            "2026-01-31T00:00:00",
            "0026-01-31",
            "２０２６-01-31",
        ] {
            assert!(DateFormat::Iso.parse(text).is_err(), "{text}");
        }
        assert!(DateFormat::MonthDayYearSlashes.parse("31/01/2026").is_err());
        assert!(DateFormat::DayMonthYearPoints.parse("31.01.26").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,20}") {
            for format in DateFormat::ALL {
                let _ = format.parse(&text);
            }
        }
    }
}
