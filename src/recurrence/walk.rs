//! The days of a rule, period by period.

use std::vec::IntoIter;

use chrono::{Datelike, Days, NaiveDate, TimeDelta};

use crate::rule::{Day, End, Frequency, Rule};
use crate::series::MonthEnd;

/// The first year of a series.
pub(crate) const FIRST_YEAR: i32 = 1900;
/// Its last one: a walk ends with it, whatever the rule says.
pub(crate) const LAST_YEAR: i32 = 2199;

/// The days that a rule names, from its start on, in order; ended by its count, not by its until.
pub(crate) struct Walk {
    rule: Rule,
    start: NaiveDate,
    month_end: MonthEnd,
    /// Which period comes next; the start lies in the first, 0.
    period: i64,
    found: IntoIter<NaiveDate>,
    left: Option<u32>,
}

impl Walk {
    pub(crate) fn new(rule: &Rule, start: NaiveDate, month_end: MonthEnd) -> Self {
        let left = match rule.end {
            End::Count(count) => Some(count),
            End::Never | End::Until(_) => None,
        };
        let rule = rule.clone().spelled_out(start);
        Self { rule, start, month_end, period: 0, found: Vec::new().into_iter(), left }
    }

    /// Leaves out periods that end before that day; days before it may still come. What is counted has to be walked.
    pub(crate) fn skip_to(&mut self, day: NaiveDate) {
        if self.left.is_some() || day <= self.start {
            return;
        }
        let days = (day - self.start).num_days();
        let months = (i64::from(day.year()) - i64::from(self.start.year())) * 12 + i64::from(day.month())
            - i64::from(self.start.month());
        let passed = match self.rule.frequency {
            Frequency::Daily => days,
            Frequency::Weekly => days / 7,
            Frequency::Monthly => months,
            Frequency::Yearly => months / 12,
        };
        self.period = (passed / i64::from(self.rule.interval) - 1).max(0);
    }

    /// First and last day of the next period, or nothing behind the last year.
    fn next_period(&mut self) -> Option<(NaiveDate, NaiveDate)> {
        let steps = self.period.checked_mul(self.rule.interval.into())?;
        self.period += 1;
        let (first, last) = match self.rule.frequency {
            Frequency::Daily => {
                let day = self.start.checked_add_signed(TimeDelta::try_days(steps)?)?;
                (day, day)
            }
            Frequency::Weekly => {
                let week = self.start.week(self.rule.week_start).checked_first_day()?;
                let first = week.checked_add_signed(TimeDelta::try_days(steps.checked_mul(7)?)?)?;
                (first, first.checked_add_days(Days::new(6))?)
            }
            Frequency::Monthly => {
                let months = i64::from(self.start.year()) * 12 + i64::from(self.start.month0()) + steps;
                let (year, month) = (i32::try_from(months / 12).ok()?, u32::try_from(months % 12).ok()? + 1);
                (NaiveDate::from_ymd_opt(year, month, 1)?, last_of_month(year, month)?)
            }
            Frequency::Yearly => {
                let year = i32::try_from(i64::from(self.start.year()) + steps).ok()?;
                (NaiveDate::from_ymd_opt(year, 1, 1)?, NaiveDate::from_ymd_opt(year, 12, 31)?)
            }
        };
        (first.year() <= LAST_YEAR).then_some((first, last))
    }

    fn days_of(&self, first: NaiveDate, last: NaiveDate) -> Vec<NaiveDate> {
        let all: Vec<NaiveDate> =
            first.iter_days().take_while(|day| *day <= last).filter(|day| self.names(*day)).collect();
        if self.rule.positions.is_empty() {
            return all;
        }
        let places = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let place = |position: &i16| match i64::from(*position) {
            from_the_end if from_the_end < 0 => usize::try_from(places + from_the_end).ok(),
            from_the_start => usize::try_from(from_the_start - 1).ok(),
        };
        let mut picked: Vec<NaiveDate> =
            self.rule.positions.iter().filter_map(place).filter_map(|place| all.get(place).copied()).collect();
        picked.sort_unstable();
        picked.dedup();
        picked
    }

    fn names(&self, day: NaiveDate) -> bool {
        let rule = &self.rule;
        (rule.months.is_empty() || rule.months.iter().any(|month| i64::from(*month) == i64::from(day.month())))
            && (rule.month_days.is_empty() || self.names_month_day(day))
            && (rule.days.is_empty() || rule.days.iter().any(|named| self.is_weekday(*named, day)))
    }

    fn names_month_day(&self, day: NaiveDate) -> bool {
        let Some(last) = last_of_month(day.year(), day.month()) else { return false };
        let (number, length) = (i64::from(day.day()), i64::from(last.day()));
        self.rule.month_days.iter().any(|named| match i64::from(*named) {
            from_the_end if from_the_end < 0 => number == length + 1 + from_the_end,
            named if self.month_end == MonthEnd::LastDay => number == named.min(length),
            named => number == named,
        })
    }

    fn is_weekday(&self, named: Day, day: NaiveDate) -> bool {
        if named.weekday != day.weekday() {
            return false;
        }
        let in_year = self.rule.frequency == Frequency::Yearly && self.rule.months.is_empty();
        let length = match in_year {
            true => {
                if day.leap_year() {
                    366
                } else {
                    365
                }
            }
            false => last_of_month(day.year(), day.month()).map_or(31, |last| last.day()),
        };
        let place = if in_year { day.ordinal0() } else { day.day0() };
        match i64::from(named.nth) {
            0 => true,
            nth if nth > 0 => i64::from(place / 7) + 1 == nth,
            nth => -(i64::from((length - 1).saturating_sub(place) / 7) + 1) == nth,
        }
    }
}

impl Iterator for Walk {
    type Item = NaiveDate;

    fn next(&mut self) -> Option<NaiveDate> {
        if self.left == Some(0) {
            return None;
        }
        loop {
            if let Some(day) = self.found.next() {
                if day < self.start {
                    continue;
                }
                if day.year() > LAST_YEAR {
                    return None;
                }
                self.left = self.left.map(|left| left.saturating_sub(1));
                return Some(day);
            }
            let (first, last) = self.next_period()?;
            self.found = self.days_of(first, last).into_iter();
        }
    }
}

fn last_of_month(year: i32, month: u32) -> Option<NaiveDate> {
    let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    NaiveDate::from_ymd_opt(year, month, 1)?.pred_opt()
}
