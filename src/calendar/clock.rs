//! A clock that runs in business time and pauses: what it shows, when it is due, when it went over its target.
//!
//! Half-open: what happens at the very instant at which a clock is due comes too late.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::calendar::Calendar;
use crate::error::CalendarError;
use crate::explain::{Explanation, Reason, Segment};
use crate::timeline::whole;

/// A stretch of a clock's life: it runs, or it is paused for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends; open if it has not ended.
    pub until: Option<DateTime<Utc>>,
    /// Why the clock is paused; none: it runs.
    pub pause: Option<Arc<str>>,
}

/// What a clock shows at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Business time that counted, in seconds.
    pub counted: i64,
    /// When it is due if it runs on as it does; none while it is paused and not yet over, or without a target.
    pub due: Option<DateTime<Utc>>,
    /// When it went over its target; none if it has not.
    pub breached: Option<DateTime<Utc>>,
    /// What counted and what was skipped.
    pub explanation: Explanation,
}

/// The stretches as they stood at an instant: without those that began behind it.
#[must_use]
pub fn lived(runs: &[Run], as_of: DateTime<Utc>) -> Vec<Run> {
    let mut lived: Vec<Run> = runs.iter().filter(|run| whole(run.from) <= whole(as_of)).cloned().collect();
    if let Some(last) = lived.last_mut() {
        last.until = last.until.filter(|until| whole(*until) < whole(as_of));
    }
    lived
}

/// Reads a clock at an instant from its stretches, in their order. `target` is in seconds of business time.
pub fn read(
    calendar: &Calendar,
    runs: &[Run],
    target: Option<i64>,
    as_of: DateTime<Utc>,
) -> Result<Reading, CalendarError> {
    let as_of = whole(as_of);
    let mut reading = Reading { counted: 0, due: None, breached: None, explanation: Explanation::default() };
    let mut reached: Option<DateTime<Utc>> = None;
    for (at, run) in runs.iter().enumerate() {
        let from = whole(run.from);
        let is_last = at + 1 == runs.len();
        if reached.is_some_and(|reached| reached != from) || (run.until.is_none() && !is_last) {
            return Err(CalendarError::BrokenRuns);
        }
        let ended = run.until.map(whole);
        // a clock that is read before its last stretch began has not come there yet
        let until = ended.unwrap_or(as_of).max(from);
        match &run.pause {
            Some(reason) => {
                reading.explanation.push(Segment { from, until, reason: Reason::Pause, name: Some(Arc::clone(reason)) })
            }
            None => {
                let before = reading.counted;
                reading.counted += calendar.between(from, until)?;
                calendar.explain_into(&mut reading.explanation, from, until)?;
                if let Some(left) = target.map(|target| target - before).filter(|left| *left > 0) {
                    // While it runs on, or where it ran long enough before it was stopped.
                    if ended.is_none() || reading.counted - before >= left {
                        reading.due = match calendar.add(from, left) {
                            Err(CalendarError::NeverReached) => None,
                            due => Some(due?),
                        };
                        reading.breached = reading.due.filter(|due| *due <= until);
                    }
                }
            }
        }
        reached = Some(until);
    }
    Ok(reading)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Berlin;

    use super::*;
    use crate::hours::{DayHours, WeekHours};

    fn at(text: &str) -> DateTime<Utc> {
        format!("{text}:00+01:00").parse().unwrap()
    }

    fn office() -> Calendar {
        Calendar::new(Berlin, WeekHours::weekdays(&DayHours::new(vec![(540, 1020)]).unwrap()), None)
    }

    fn run(from: &str, until: Option<&str>, pause: Option<&str>) -> Run {
        Run { from: at(from), until: until.map(at), pause: pause.map(Into::into) }
    }

    #[test]
    fn a_pause_moves_the_due_instant() {
        let calendar = office();
        let started = [run("2026-01-16T16:00", None, None)];
        let reading = read(&calendar, &started, Some(4 * 3600), at("2026-01-16T16:30")).unwrap();
        assert_eq!((reading.counted, reading.due, reading.breached), (1800, Some(at("2026-01-19T12:00")), None));
        let mut runs = vec![
            run("2026-01-16T16:00", Some("2026-01-16T16:30"), None),
            run("2026-01-16T16:30", None, Some("Waiting for the client")),
        ];
        let paused = read(&calendar, &runs, Some(4 * 3600), at("2026-01-19T15:00")).unwrap();
        assert_eq!((paused.counted, paused.due, paused.breached), (1800, None, None));
        assert_eq!(paused.explanation.wall(), paused.counted + paused.explanation.skipped());
        runs[1].until = Some(at("2026-01-19T15:00"));
        runs.push(run("2026-01-19T15:00", None, None));
        let resumed = read(&calendar, &runs, Some(4 * 3600), at("2026-01-19T15:00")).unwrap();
        assert_eq!(resumed.due, Some(at("2026-01-20T10:30")));
        // at the due instant itself it is over
        let just = at("2026-01-20T10:30") - chrono::TimeDelta::seconds(1);
        assert_eq!(read(&calendar, &runs, Some(4 * 3600), just).unwrap().breached, None);
        let over = read(&calendar, &runs, Some(4 * 3600), at("2026-01-20T10:30")).unwrap();
        assert_eq!(over.breached, Some(at("2026-01-20T10:30")));
        assert_eq!(over.counted, 4 * 3600);
    }

    #[test]
    fn a_pause_after_the_due_instant_heals_nothing() {
        let calendar = office();
        let runs = [
            run("2026-01-16T16:00", Some("2026-01-16T16:45"), None),
            run("2026-01-16T16:45", Some("2026-01-19T10:00"), Some("Hold")),
            run("2026-01-19T10:00", None, None),
        ];
        let reading = read(&calendar, &runs, Some(1800), at("2026-01-19T11:00")).unwrap();
        assert_eq!((reading.due, reading.breached), (Some(at("2026-01-16T16:30")), Some(at("2026-01-16T16:30"))));
    }

    #[test]
    fn stretches_that_do_not_follow_each_other_are_refused() {
        let calendar = office();
        let gap =
            [run("2026-01-16T16:00", Some("2026-01-16T16:30"), None), run("2026-01-16T16:31", None, Some("Hold"))];
        let open = [run("2026-01-16T16:00", None, None), run("2026-01-16T16:30", None, Some("Hold"))];
        for runs in [gap, open] {
            assert_eq!(read(&calendar, &runs, None, at("2026-01-19T11:00")), Err(CalendarError::BrokenRuns));
        }
    }
}
