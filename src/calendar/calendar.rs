//! One calendar: hours of the week, holidays of a region and exceptions on single days, read day by day.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;

use crate::error::CalendarError;
use crate::explain::Reason;
use crate::holidays::{Holiday, Region};
use crate::hours::{DayHours, WeekHours};
use crate::zone;

/// A day that is otherwise than the week and the holidays say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Why.
    pub name: Arc<str>,
    /// Its hours, instead of all others; none: closed.
    pub hours: DayHours,
}

/// When somebody works. Exceptions come before holidays, holidays before the hours of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// The zone whose wall clock the hours are of.
    pub zone: Tz,
    /// The hours of each weekday.
    pub hours: WeekHours,
    /// Whose holidays are closed; none: nobody's.
    pub region: Option<&'static Region>,
    /// What is otherwise on single days.
    pub exceptions: BTreeMap<NaiveDate, Exception>,
}

/// A day of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Day<'a> {
    /// The day.
    pub date: NaiveDate,
    /// What is open.
    pub hours: &'a DayHours,
    /// Why the rest of it is not.
    pub reason: Reason,
    /// The name of the holiday or exception.
    pub name: Option<Arc<str>>,
}

impl Day<'_> {
    /// Whether anything is open on it.
    #[must_use]
    pub fn is_working(&self) -> bool {
        !self.hours.is_closed()
    }
}

static CLOSED: DayHours = DayHours::CLOSED;

impl Calendar {
    /// A calendar without exceptions.
    #[must_use]
    pub fn new(zone: Tz, hours: WeekHours, region: Option<&'static Region>) -> Self {
        Self { zone, hours, region, exceptions: BTreeMap::new() }
    }

    /// Days in their order, the first one included.
    pub fn days(&self, from: NaiveDate) -> impl Iterator<Item = Day<'_>> {
        self.walk(from, |day| day.succ_opt())
    }

    /// Days backwards, the first one included.
    pub fn days_back(&self, from: NaiveDate) -> impl Iterator<Item = Day<'_>> {
        self.walk(from, |day| day.pred_opt())
    }

    /// One day.
    pub fn day(&self, date: NaiveDate) -> Result<Day<'_>, CalendarError> {
        self.days(date).next().ok_or(CalendarError::OutOfRange)
    }

    /// Ends at the bounds of the years that calendars know.
    fn walk(&self, from: NaiveDate, step: impl Fn(NaiveDate) -> Option<NaiveDate>) -> impl Iterator<Item = Day<'_>> {
        let mut known: (i32, Vec<Holiday>) = (i32::MIN, Vec::new());
        std::iter::successors(Some(from), move |day| step(*day)).map_while(|day| zone::check(day).ok()).map(
            move |date| {
                if known.0 != date.year() {
                    known = (date.year(), self.region.map(|region| region.year(date.year())).unwrap_or_default());
                }
                let holiday = known.1.iter().find(|holiday| holiday.date == date);
                self.look(date, holiday)
            },
        )
    }

    fn look(&self, date: NaiveDate, holiday: Option<&Holiday>) -> Day<'_> {
        if let Some(exception) = self.exceptions.get(&date) {
            return Day {
                date,
                hours: &exception.hours,
                reason: Reason::Exception,
                name: Some(Arc::clone(&exception.name)),
            };
        }
        if let Some(holiday) = holiday {
            return Day { date, hours: &CLOSED, reason: Reason::Holiday, name: Some(Arc::clone(&holiday.name)) };
        }
        let hours = self.hours.on(date.weekday());
        let reason = match date.weekday() {
            _ if !hours.is_closed() => Reason::OutsideHours,
            Weekday::Sat | Weekday::Sun => Reason::Weekend,
            _ => Reason::ClosedDay,
        };
        Day { date, hours, reason, name: None }
    }
}
