//! When recurring work comes: the occurrences of its rule by the wall clock of its client, without those that were left
//! out, and with those that were moved. No database, no clock of its own.

use backoffice_calendar::period::{Period, PeriodUnit};
use backoffice_recurrence::{MonthEnd, RecurrenceError, Rule, Series, instant};
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// How far ahead the next time is looked for.
const AHEAD: TimeDelta = TimeDelta::days(10 * 366);

/// One time at which work comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planned {
    /// When.
    pub at: DateTime<Utc>,
    /// The day that the rule names, by which it is known, also if it was moved.
    pub occurs_on: NaiveDate,
    /// The day on which it comes.
    pub day: NaiveDate,
}

/// When work comes.
#[derive(Debug, Clone)]
pub struct Plan {
    series: Series,
    zone: Tz,
    time: NaiveTime,
    /// The first day on which it does not come any more.
    until: Option<NaiveDate>,
    /// Single days that are otherwise: left out, or moved to another day.
    exceptions: Vec<(NaiveDate, Option<NaiveDate>)>,
}

/// The time of day of a minute.
fn time(minute: i32) -> NaiveTime {
    let seconds = u32::try_from(minute.clamp(0, 1439)).unwrap_or_default().saturating_mul(60);
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0).unwrap_or_default()
}

impl Plan {
    /// Work by a rule from a day on, at a minute of the day in a zone.
    pub fn new(
        rule: &str,
        starts_on: NaiveDate,
        minute: i32,
        zone: Tz,
        until: Option<NaiveDate>,
        exceptions: Vec<(NaiveDate, Option<NaiveDate>)>,
    ) -> Result<Self, RecurrenceError> {
        let (rule, time): (Rule, NaiveTime) = (rule.parse()?, time(minute));
        // The last day of a month stands for one that it does not have: the 31st of February is the 28th.
        let series = Series::of_times(starts_on.and_time(time), zone, Some(rule), MonthEnd::LastDay)?
            .leaving_out(exceptions.iter().map(|(day, _)| day.and_time(time)))?;
        Ok(Self { series, zone, time, until, exceptions })
    }

    fn ends_before(&self, day: NaiveDate) -> bool {
        self.until.is_some_and(|until| day >= until)
    }

    fn wall(&self, day: NaiveDate) -> NaiveDateTime {
        day.and_time(self.time)
    }

    /// The instant at which it comes, or would come, on a day.
    pub fn at(&self, day: NaiveDate) -> DateTime<Utc> {
        instant(self.wall(day), self.zone)
    }

    /// The first times behind an instant, up to another one and including that.
    pub fn between(&self, behind: DateTime<Utc>, through: DateTime<Utc>, most: usize) -> Vec<Planned> {
        let second = TimeDelta::seconds(1);
        let (from, until) = (behind + second, through + second);
        let by_rule = self
            .series
            .occurrences(from, until, most)
            .into_iter()
            .map(|one| Planned { at: one.at, occurs_on: one.wall.date(), day: one.wall.date() })
            .filter(|one| !self.ends_before(one.occurs_on));
        let moved = self
            .exceptions
            .iter()
            .filter(|(day, _)| !self.ends_before(*day))
            .filter_map(|(day, to)| to.map(|to| Planned { at: self.at(to), occurs_on: *day, day: to }))
            .filter(|one| from <= one.at && one.at < until);
        let mut all: Vec<Planned> = by_rule.chain(moved).collect();
        all.sort_unstable();
        all.truncate(most);
        all
    }

    /// The next times behind an instant.
    pub fn next(&self, behind: DateTime<Utc>, most: usize) -> Vec<Planned> {
        self.between(behind, behind + AHEAD, most)
    }

    /// Whether the rule names that day, before any exception.
    pub fn names(&self, day: NaiveDate) -> bool {
        !self.ends_before(day)
            && (self.series.has(self.wall(day)) || self.exceptions.iter().any(|(known, _)| *known == day))
    }

    /// The rule and the first day of what comes on that day or later; nothing if nothing does.
    pub fn rest_from(&self, day: NaiveDate) -> Option<(String, NaiveDate)> {
        // Exceptions stay with the part that they belong to.
        let (_, following) = self.series.split(self.wall(day));
        let following = following?;
        Some((following.rule()?.to_string(), following.start().date()))
    }

    /// The first period in which it comes twice, among the next occurrences.
    pub fn twice_in(&self, unit: PeriodUnit, shift: i32) -> Option<String> {
        let start = instant(self.series.start(), self.zone) - TimeDelta::seconds(1);
        let mut last = None;
        for one in self.series.occurrences(start, start + AHEAD, 60) {
            let name = Period::of(unit, one.wall.date(), shift)?.name;
            if last.as_ref() == Some(&name) {
                return Some(name);
            }
            last = Some(name);
        }
        None
    }
}

/// The instant right before a day begins.
pub fn before(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let midnight = instant(day.and_time(NaiveTime::MIN), zone);
    midnight.checked_sub_signed(TimeDelta::seconds(1)).unwrap_or(midnight)
}

/// So many days behind a day, or before it if negative.
pub fn days_from(day: NaiveDate, days: i32) -> Option<NaiveDate> {
    let count = Days::new(u64::from(days.unsigned_abs()));
    if days < 0 { day.checked_sub_days(count) } else { day.checked_add_days(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn plan(rule: &str, starts: &str, minute: i32, exceptions: &[(&str, Option<&str>)]) -> Plan {
        let exceptions = exceptions.iter().map(|(from, to)| (day(from), to.map(day))).collect();
        Plan::new(rule, day(starts), minute, chrono_tz::Europe::Berlin, None, exceptions).unwrap()
    }

    fn times(plan: &Plan, behind: &str, most: usize) -> Vec<String> {
        let next = plan.next(behind.parse().unwrap(), most);
        next.into_iter().map(|one| one.at.format("%Y-%m-%dT%H:%M").to_string()).collect()
    }

    #[test]
    fn the_31st_is_the_last_day_and_nine_stays_nine() {
        let monthly = plan("FREQ=MONTHLY", "2026-01-31", 540, &[]);
        assert_eq!(
            times(&monthly, "2026-01-01T00:00:00Z", 5),
            ["2026-01-31T08:00", "2026-02-28T08:00", "2026-03-31T07:00", "2026-04-30T07:00", "2026-05-31T07:00"]
        );
        assert_eq!(times(&monthly, "2028-02-01T00:00:00Z", 1), ["2028-02-29T08:00"]);
        assert_eq!(times(&monthly, "2026-10-01T00:00:00Z", 1), ["2026-10-31T08:00"]);
    }

    #[test]
    fn single_days_are_left_out_or_moved() {
        let weekly =
            plan("FREQ=WEEKLY", "2026-03-02", 480, &[("2026-03-09", None), ("2026-03-16", Some("2026-03-18"))]);
        assert_eq!(
            times(&weekly, "2026-03-01T00:00:00Z", 4),
            ["2026-03-02T07:00", "2026-03-18T07:00", "2026-03-23T07:00", "2026-03-30T06:00"]
        );
        let moved = weekly.next("2026-03-03T00:00:00Z".parse().unwrap(), 1).remove(0);
        assert_eq!((moved.occurs_on, moved.day), (day("2026-03-16"), day("2026-03-18")));
        assert!(weekly.names(day("2026-03-09")) && weekly.names(day("2026-03-23")) && !weekly.names(day("2026-03-10")));
    }

    #[test]
    fn what_was_due_at_the_instant_is_not_due_again() {
        let daily = plan("FREQ=DAILY", "2026-03-02", 480, &[]);
        let at = daily.at(day("2026-03-05"));
        assert_eq!(daily.between(at, at, 9), []);
        assert_eq!(daily.between(at - TimeDelta::seconds(1), at, 9).len(), 1);
        assert_eq!(daily.between(at, at + TimeDelta::days(3), 9).len(), 3);
    }

    #[test]
    fn a_series_is_split_where_it_is_changed() {
        let monthly = plan("FREQ=MONTHLY;COUNT=6", "2026-01-31", 540, &[]);
        let (rule, starts) = monthly.rest_from(day("2026-03-15")).unwrap();
        let rest = plan(&rule, &starts.to_string(), 540, &[]);
        assert_eq!(
            times(&rest, "2026-01-01T00:00:00Z", 9),
            ["2026-03-31T07:00", "2026-04-30T07:00", "2026-05-31T07:00", "2026-06-30T07:00"]
        );
        assert_eq!(monthly.rest_from(day("2027-01-01")), None);
    }

    #[test]
    fn a_rule_that_comes_twice_in_a_period_is_noticed() {
        let weekly = plan("FREQ=WEEKLY", "2026-03-02", 480, &[]);
        assert_eq!(weekly.twice_in(PeriodUnit::Month, 0), Some("2026-03".to_owned()));
        assert_eq!(weekly.twice_in(PeriodUnit::Week, -1), None);
        assert_eq!(plan("FREQ=MONTHLY", "2026-01-31", 0, &[]).twice_in(PeriodUnit::Month, -1), None);
    }
}
