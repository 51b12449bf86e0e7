//! What comes again: recurrence rules of RFC 5545 over days, and over local times of a zone.
//!
//! No database and no clock of its own. A [`Rule`] is what stands behind `RRULE:`; a [`Series`] is a rule with its start,
//! with days that were added and days that were left out, and answers which of its occurrences lie in a range.
//!
//! ```
//! use backoffice_recurrence::{MonthEnd, Series};
//! let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
//! let rent = Series::of_days(day("2026-01-31"), Some("FREQ=MONTHLY".parse()?), MonthEnd::LastDay)?;
//! assert_eq!(rent.days(day("2026-02-01"), day("2026-05-01"), 10), [day("2026-02-28"), day("2026-03-31"), day("2026-04-30")]);
//! # Ok::<(), backoffice_recurrence::RecurrenceError>(())
//! ```
//!
//! **What counts.** Occurrences are those of the rule from its start on. A start that the rule does not name is not one
//! (RFC 5545 leaves that open): [`Series::starts_in_step`] tells, and who wants it otherwise adds it.
//!
//! **Ranges** are half-open: they hold their beginning and not their end.
//!
//! **Daylight saving.** A local time in a gap moves forward by the gap (02:30 becomes 03:30), one that comes twice stands
//! for its first coming, as RFC 5545 says. All other occurrences keep the time on the wall.
//!
//! **Months without the day.** The RFC leaves out months that have no 31st. Rents and closings want their last day:
//! [`MonthEnd::LastDay`] says so for the whole series.
//!
//! **Bounds.** Years 1900 to 2199; no question looks at a day twice, so that the longest costs some 110,000 days. A rule
//! that never happens is refused when its series is made.

mod error;
mod local;
mod parse;
mod rule;
mod series;
mod walk;

pub use chrono_tz::Tz;
pub use error::RecurrenceError;
pub use local::instant;
pub use rule::{Day, End, Frequency, Rule, Until};
pub use series::{MonthEnd, Occurrence, Series};
