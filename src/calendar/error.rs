//! What can be wrong with a calendar or a question to it, in sentences for the person who asked.

use std::fmt;

/// Why a calendar or a computation is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CalendarError {
    /// An interval that ends where it begins, or before.
    EmptyHours,
    /// An interval that reaches beyond its day.
    BeyondTheDay,
    /// Two intervals of a day that overlap.
    OverlappingHours,
    /// More than 20 intervals on a day.
    TooManyHours,
    /// A date or instant outside of the years 1970 to 2099.
    OutOfRange,
    /// The end lies before the beginning.
    Backwards,
    /// More than ten years at once.
    TooLong,
    /// The calendar is not open for that long within ten years.
    NeverReached,
    /// The calendar has no such working day within ten years.
    NoWorkingDay,
    /// The rule knows no terms of that unit.
    UnitNotKnown,
    /// A term of less than one unit, or of more than 1,000 years.
    TermLength,
    /// Intervals of a clock that overlap, leave a gap, or go on after one that is still open.
    BrokenRuns,
}

impl fmt::Display for CalendarError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::EmptyHours => "Hours end after they begin.",
            Self::BeyondTheDay => "Hours lie between 00:00 and 24:00 of one day.",
            Self::OverlappingHours => "Hours of a day do not overlap.",
            Self::TooManyHours => "A day has at most 20 intervals of hours.",
            Self::OutOfRange => "Calendars reach from 1970 to 2099.",
            Self::Backwards => "The end lies before the beginning.",
            Self::TooLong => "At most ten years are computed at once.",
            Self::NeverReached => "The calendar is not open for that long within ten years.",
            Self::NoWorkingDay => "The calendar has no such working day within ten years.",
            Self::UnitNotKnown => "This rule knows no terms of that unit.",
            Self::TermLength => "A term is at least one unit long and ends before 2100.",
            Self::BrokenRuns => "The intervals of a clock follow each other without a gap.",
        })
    }
}

impl std::error::Error for CalendarError {}
