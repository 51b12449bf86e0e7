//! Which time counted, which was skipped, and why. Counted and skipped time add up to the time on the wall.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::calendar::Calendar;
use crate::error::CalendarError;
use crate::timeline::{day_before, whole};
use crate::zone::instant;

/// Why time counted or was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It counted: the calendar was open.
    Open,
    /// A working day, outside of its hours.
    OutsideHours,
    /// A Saturday or Sunday without hours.
    Weekend,
    /// Another weekday without hours.
    ClosedDay,
    /// A holiday.
    Holiday,
    /// A day that is an exception of the calendar, outside of its hours.
    Exception,
    /// The clock was paused.
    Pause,
}

/// A stretch of time that counted or was skipped for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends; not part of it.
    pub until: DateTime<Utc>,
    /// Why it counted or was skipped.
    pub reason: Reason,
    /// The name of the holiday, exception or pause.
    pub name: Option<Arc<str>>,
}

impl Segment {
    /// How long, in seconds.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        (self.until - self.from).num_seconds()
    }

    /// Whether it counted.
    #[must_use]
    pub fn counted(&self) -> bool {
        self.reason == Reason::Open
    }
}

/// How much time counted or was skipped for one reason altogether.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sum {
    /// Why.
    pub reason: Reason,
    /// The name of the holiday, exception or pause.
    pub name: Option<Arc<str>>,
    /// How much, in seconds.
    pub seconds: i64,
}

/// An account of all time between two instants.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// Without a gap from the first instant to the last.
    pub segments: Vec<Segment>,
}

impl Explanation {
    /// Goes on with the next stretch of time: the same as the last one if it is for the same reason.
    pub fn push(&mut self, next: Segment) {
        if next.until <= next.from {
            return;
        }
        match self.segments.last_mut() {
            Some(last) if last.until == next.from && last.reason == next.reason && last.name == next.name => {
                last.until = next.until;
            }
            _ => self.segments.push(next),
        }
    }

    /// What counted, in seconds.
    #[must_use]
    pub fn counted(&self) -> i64 {
        self.segments.iter().filter(|segment| segment.counted()).map(Segment::seconds).sum()
    }

    /// What was skipped, in seconds.
    #[must_use]
    pub fn skipped(&self) -> i64 {
        self.segments.iter().filter(|segment| !segment.counted()).map(Segment::seconds).sum()
    }

    /// All time, in seconds, from the first instant to the last.
    #[must_use]
    pub fn wall(&self) -> i64 {
        match (self.segments.first(), self.segments.last()) {
            (Some(first), Some(last)) => (last.until - first.from).num_seconds(),
            _ => 0,
        }
    }

    /// By reason and name, in the order in which they first came.
    #[must_use]
    pub fn sums(&self) -> Vec<Sum> {
        let mut sums: Vec<Sum> = Vec::new();
        for segment in &self.segments {
            match sums.iter_mut().find(|sum| sum.reason == segment.reason && sum.name == segment.name) {
                Some(sum) => sum.seconds += segment.seconds(),
                None => {
                    sums.push(Sum { reason: segment.reason, name: segment.name.clone(), seconds: segment.seconds() })
                }
            }
        }
        sums
    }
}

impl Calendar {
    /// What counts and what is skipped from one instant to another.
    pub fn explain(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Explanation, CalendarError> {
        let mut explanation = Explanation::default();
        self.explain_into(&mut explanation, from, until)?;
        Ok(explanation)
    }

    /// The same, behind what was explained before.
    pub(crate) fn explain_into(
        &self,
        explanation: &mut Explanation,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<(), CalendarError> {
        // refuses what is too long or backwards
        self.timeline(from, until)?;
        let (from, until) = (whole(from).timestamp(), whole(until).timestamp());
        let at = |seconds: i64| DateTime::from_timestamp(seconds.clamp(from, until), 0).unwrap_or_default();
        let first = day_before(self, at(from))?;
        let mut reached = from;
        for day in self.days(first) {
            if reached >= until {
                break;
            }
            let mut push = |until: i64, reason, name| {
                explanation.push(Segment { from: at(reached), until: at(until), reason, name });
                reached = reached.max(until);
            };
            for &(opens, closes) in day.hours.spans() {
                push(instant(self.zone, day.date, opens), day.reason, day.name.clone());
                push(instant(self.zone, day.date, closes), Reason::Open, None);
            }
            push(instant(self.zone, day.date, 1440), day.reason, day.name.clone());
        }
        Ok(())
    }
}
