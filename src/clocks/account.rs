//! What counted and what was skipped, as it is shown, and as it is kept with a clock that was stopped.

use async_graphql::SimpleObject;
use backoffice_calendar::{Explanation, Reason};
use chrono::{TimeZone, Utc};
use serde::{Deserialize, Serialize};

use crate::platform::error::{Error, Result};
use crate::platform::scalars::DateTime;

/// How many intervals an account lists at most; its sums hold all time.
const MOST: usize = 500;

crate::platform::words! {
    /// Why time counted or was skipped.
    TimeReason {
        /// It counted: the calendar was open.
        Open = "open",
        /// A working day, outside of its hours.
        OutsideHours = "outside_hours",
        /// A Saturday or Sunday without hours.
        Weekend = "weekend",
        /// Another weekday without hours.
        ClosedDay = "closed_day",
        /// A holiday.
        Holiday = "holiday",
        /// A day that is an exception of the calendar, outside of its hours.
        Exception = "exception",
        /// The clock was paused.
        Pause = "pause",
    }
}

impl From<Reason> for TimeReason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Open => Self::Open,
            Reason::OutsideHours => Self::OutsideHours,
            Reason::Weekend => Self::Weekend,
            Reason::ClosedDay => Self::ClosedDay,
            Reason::Holiday => Self::Holiday,
            Reason::Exception => Self::Exception,
            Reason::Pause => Self::Pause,
        }
    }
}

/// A stretch of time that counted or was skipped for one reason.
#[derive(SimpleObject, Clone, Debug)]
pub struct TimeInterval {
    /// When it begins.
    pub from: DateTime,
    /// When it ends; not part of it.
    pub until: DateTime,
    /// How long it is, in seconds.
    pub seconds: i64,
    /// Whether it counted.
    pub counted: bool,
    /// Why.
    pub reason: TimeReason,
    /// Name of the holiday, the exception or the pause.
    pub name: Option<String>,
}

/// How much time counted or was skipped for one reason altogether.
#[derive(SimpleObject, Clone, Debug)]
pub struct TimeSum {
    /// Whether it counted.
    pub counted: bool,
    /// Why.
    pub reason: TimeReason,
    /// Name of the holiday, the exception or the pause.
    pub name: Option<String>,
    /// How much, in seconds.
    pub seconds: i64,
}

/// An account of all time between two instants, in whole seconds: what counted and what was skipped add up to the time on
/// the wall.
#[derive(SimpleObject, Clone, Debug)]
pub struct TimeAccount {
    /// What counted, in seconds.
    pub counted_seconds: i64,
    /// The same in whole minutes.
    pub counted_minutes: i64,
    /// What was skipped, in seconds.
    pub skipped_seconds: i64,
    /// All of it, in seconds.
    pub wall_seconds: i64,
    /// By reason and name.
    pub sums: Vec<TimeSum>,
    /// One after the other without a gap, the first 500.
    pub intervals: Vec<TimeInterval>,
    /// How many further intervals there are; the sums hold them.
    pub more_intervals: i32,
}

impl From<&Explanation> for TimeAccount {
    fn from(explanation: &Explanation) -> Self {
        let counted = explanation.counted();
        let name = |name: &Option<std::sync::Arc<str>>| name.as_deref().map(str::to_owned);
        let sums = explanation.sums();
        Self {
            counted_seconds: counted,
            counted_minutes: counted / 60,
            skipped_seconds: explanation.skipped(),
            wall_seconds: explanation.wall(),
            sums: sums
                .iter()
                .map(|sum| TimeSum {
                    counted: sum.reason == Reason::Open,
                    reason: sum.reason.into(),
                    name: name(&sum.name),
                    seconds: sum.seconds,
                })
                .collect(),
            intervals: explanation
                .segments
                .iter()
                .take(MOST)
                .map(|segment| TimeInterval {
                    from: DateTime(segment.from),
                    until: DateTime(segment.until),
                    seconds: segment.seconds(),
                    counted: segment.counted(),
                    reason: segment.reason.into(),
                    name: name(&segment.name),
                })
                .collect(),
            more_intervals: i32::try_from(explanation.segments.len().saturating_sub(MOST)).unwrap_or(i32::MAX),
        }
    }
}

/// An account as it is stored: seconds of Unix time and words.
#[derive(Serialize, Deserialize)]
struct Kept {
    intervals: Vec<(i64, i64, String, Option<String>)>,
    sums: Vec<(String, Option<String>, i64)>,
    more: i32,
}

impl TimeAccount {
    /// As it is kept with a clock that was stopped.
    pub fn kept(&self) -> Result<serde_json::Value> {
        let intervals = self.intervals.iter().map(|one| {
            (one.from.0.timestamp(), one.until.0.timestamp(), one.reason.text().to_owned(), one.name.clone())
        });
        let sums = self.sums.iter().map(|sum| (sum.reason.text().to_owned(), sum.name.clone(), sum.seconds));
        let kept = Kept { intervals: intervals.collect(), sums: sums.collect(), more: self.more_intervals };
        serde_json::to_value(kept).map_err(Error::fault)
    }

    /// From how it is kept.
    pub fn restored(kept: &serde_json::Value) -> Result<Self> {
        let kept = Kept::deserialize(kept).map_err(Error::fault)?;
        let reason = |word: &str| TimeReason::parse(word).ok_or_else(|| Error::fault("an unknown reason is kept"));
        let at = |seconds: i64| {
            Utc.timestamp_opt(seconds, 0).single().map(DateTime).ok_or_else(|| Error::fault("an unknown time is kept"))
        };
        let intervals: Result<Vec<TimeInterval>> = kept
            .intervals
            .into_iter()
            .map(|(from, until, word, name)| {
                let reason = reason(&word)?;
                let counted = reason == TimeReason::Open;
                Ok(TimeInterval { from: at(from)?, until: at(until)?, seconds: until - from, counted, reason, name })
            })
            .collect();
        let sums: Result<Vec<TimeSum>> = kept
            .sums
            .into_iter()
            .map(|(word, name, seconds)| {
                let reason = reason(&word)?;
                Ok(TimeSum { counted: reason == TimeReason::Open, reason, name, seconds })
            })
            .collect();
        let sums = sums?;
        let counted_seconds = sums.iter().filter(|sum| sum.counted).map(|sum| sum.seconds).sum();
        let wall_seconds = sums.iter().map(|sum| sum.seconds).sum();
        Ok(Self {
            counted_seconds,
            counted_minutes: counted_seconds / 60,
            skipped_seconds: wall_seconds - counted_seconds,
            wall_seconds,
            sums,
            intervals: intervals?,
            more_intervals: kept.more,
        })
    }
}
