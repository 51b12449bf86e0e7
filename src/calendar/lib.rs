//! Business calendars: when a firm works, what time counts, which day is a working day, when a term by law ends.
//!
//! No database and no clock of its own: everything is computed from what is handed in, and explains itself.
//!
//! | module | what it knows |
//! |---|---|
//! | [`hours`] | open intervals of a day and of a week, never overlapping |
//! | [`holidays`] | holidays by country and region, from rules with their law |
//! | [`calendar`] | hours, holidays and exceptions of one calendar, day by day |
//! | [`timeline`] | the same as instants, summed up: additions by two binary searches |
//! | [`days`] | working days, roll conventions |
//! | [`terms`] | statutory terms, each step with its paragraph |
//! | [`clock`] | a clock that runs and pauses against a target |
//! | [`slots`] | free time in several calendars at once, buffers kept |
//! | [`explain`] | which time counted, which was skipped, and why |
//!
//! Everything is half-open: an interval holds its beginning and not its end. Instants are whole seconds; what is finer is
//! cut off, so that counted and skipped time always add up to the time on the wall.
//!
//! **Daylight saving.** A local time stands for the first instant at which the clock on the wall has reached it. In a gap
//! (02:30 on a night when 02:00 becomes 03:00) that is the end of the gap; a time that comes twice stands for its first
//! coming. So hours from 00:00 to 24:00 count 23, 24 or 25 hours, hours from 01:00 to 04:00 count two, three or four, and
//! hours that touch each other neither overlap nor leave anything out.
//!
//! Bounds: years 1970 to 2099 (zones know no rules behind that), ten years for one computation.

pub mod calendar;
pub mod clock;
pub mod days;
mod error;
pub mod explain;
pub mod holidays;
pub mod hours;
pub mod period;
pub mod slots;
pub mod terms;
pub mod timeline;
mod zone;

pub use calendar::{Calendar, Day, Exception};
pub use chrono_tz::Tz;
pub use clock::{Reading, Run};
pub use days::Roll;
pub use error::CalendarError;
pub use explain::{Explanation, Reason, Segment, Sum};
pub use holidays::{Holiday, Region};
pub use hours::{DayHours, WeekHours};
pub use terms::{TermEnd, TermRule, TermUnit};
pub use timeline::Timeline;
pub use zone::instant;
