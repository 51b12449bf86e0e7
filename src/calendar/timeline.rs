//! The open hours of a calendar as instants, with what was open before each: business time between two instants is a
//! difference, an addition is two binary searches. Nothing steps through minutes.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

use crate::calendar::Calendar;
use crate::error::CalendarError;
use crate::zone::{self, instant};

/// How many days one computation looks at, at most: ten years.
pub const MOST_DAYS: u64 = 3_660;

/// An open interval in seconds of Unix time, and how long it was open before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    start: i64,
    end: i64,
    before: i64,
}

/// Precomputed business time of some days of a calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    open: Vec<Open>,
    from: i64,
    until: i64,
}

impl Timeline {
    /// Computes the days from `from` on, `days` of them: at most ten years, within the years that calendars know.
    pub fn new(calendar: &Calendar, from: NaiveDate, days: u64) -> Result<Self, CalendarError> {
        if days > MOST_DAYS {
            return Err(CalendarError::TooLong);
        }
        zone::check(from)?;
        let mut open: Vec<Open> = Vec::new();
        let (mut before, mut last) = (0, from);
        for day in calendar.days(from).take(usize::try_from(days).unwrap_or_default()) {
            for &(opens, closes) in day.hours.spans() {
                let (start, end) = (instant(calendar.zone, day.date, opens), instant(calendar.zone, day.date, closes));
                // hours that lie in a gap are none
                if start < end {
                    open.push(Open { start, end, before });
                    before += end - start;
                }
            }
            last = day.date;
        }
        let until = if days == 0 { instant(calendar.zone, from, 0) } else { instant(calendar.zone, last, 1440) };
        Ok(Self { open, from: instant(calendar.zone, from, 0), until })
    }

    /// When it is open, in seconds of Unix time, in order.
    pub fn open(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.open.iter().map(|open| (open.start, open.end))
    }

    /// What was open from the beginning of this timeline up to that instant.
    fn counted_before(&self, at: i64) -> i64 {
        let behind = self.open.partition_point(|open| open.start < at);
        match behind.checked_sub(1).and_then(|last| self.open.get(last)) {
            Some(open) => open.before + at.min(open.end) - open.start,
            None => 0,
        }
    }

    /// Business time from one instant to another, in seconds; nothing if the timeline does not reach from the one to the
    /// other, or they are the wrong way round.
    #[must_use]
    pub fn between(&self, from: i64, until: i64) -> Option<i64> {
        (self.from <= from && from <= until && until <= self.until)
            .then(|| self.counted_before(until) - self.counted_before(from))
    }

    /// The first instant by which that many seconds were open since `at`; nothing if the timeline ends before.
    #[must_use]
    pub fn add(&self, at: i64, seconds: i64) -> Option<i64> {
        if at < self.from || at > self.until || seconds < 0 {
            return None;
        }
        if seconds == 0 {
            return Some(at);
        }
        let wanted = self.counted_before(at).checked_add(seconds)?;
        let behind = self.open.partition_point(|open| open.before < wanted);
        let open = self.open.get(behind.checked_sub(1)?)?;
        let reached = open.start + (wanted - open.before);
        (reached <= open.end).then_some(reached)
    }
}

/// The day before the local day of an instant, as far as calendars know it: where midnight comes twice, an instant may
/// belong to the hours of the day before.
pub(crate) fn day_before(calendar: &Calendar, at: DateTime<Utc>) -> Result<NaiveDate, CalendarError> {
    let local = at.with_timezone(&calendar.zone).date_naive();
    zone::check(local)?;
    Ok(local.checked_sub_days(Days::new(1)).filter(|day| zone::check(*day).is_ok()).unwrap_or(local))
}

impl Calendar {
    /// Business time between two instants, in whole seconds.
    pub fn between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<i64, CalendarError> {
        let timeline = self.timeline(from, until)?;
        timeline.between(from.timestamp(), until.timestamp()).ok_or(CalendarError::OutOfRange)
    }

    /// A timeline that reaches from one instant to another.
    pub fn timeline(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Timeline, CalendarError> {
        if until < from {
            return Err(CalendarError::Backwards);
        }
        let (first, last) = (day_before(self, from)?, day_before(self, until)?);
        let days = u64::try_from((last - first).num_days()).unwrap_or_default();
        // the day before, the day itself, and the day that an instant of a strange zone may belong to
        if days + 3 > MOST_DAYS {
            return Err(CalendarError::TooLong);
        }
        Timeline::new(self, first, days + 3)
    }

    /// The first instant by which that many seconds of business time have gone by since `at`. Adding nothing is `at` itself.
    pub fn add(&self, at: DateTime<Utc>, seconds: i64) -> Result<DateTime<Utc>, CalendarError> {
        let first = day_before(self, at)?;
        // As many days as it takes if every week is a usual one, then more until it is reached.
        let week: i64 = self
            .hours
            .flat()
            .chunks(2)
            .map(|pair| match pair {
                [from, until] => i64::from(until - from) * 60,
                _ => 0,
            })
            .sum();
        let weeks = seconds.checked_div(week).unwrap_or_default();
        let mut days = u64::try_from(weeks.saturating_mul(7)).unwrap_or_default().saturating_add(14).min(MOST_DAYS);
        loop {
            let timeline = Timeline::new(self, first, days)?;
            if let Some(reached) = timeline.add(at.timestamp(), seconds) {
                return DateTime::from_timestamp(reached, 0).ok_or(CalendarError::OutOfRange);
            }
            if days >= MOST_DAYS {
                return Err(CalendarError::NeverReached);
            }
            days = days.saturating_mul(2).min(MOST_DAYS);
        }
    }
}

/// An instant without what is finer than a second.
#[must_use]
pub fn whole(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::nanoseconds(at.timestamp_subsec_nanos().into())
}
