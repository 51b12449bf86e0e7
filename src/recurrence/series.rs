//! A series: a rule with its start, with what was added to it and what was left out.

use std::collections::BTreeSet;
use std::iter::Peekable;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::error::RecurrenceError;
use crate::local::instant;
use crate::rule::{End, Rule, Until};
use crate::walk::{FIRST_YEAR, LAST_YEAR, Walk};

type Outcome<T> = Result<T, RecurrenceError>;

/// How many days a series can have added, and how many left out.
const MOST: usize = 5_000;

/// What becomes of a day that a month does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MonthEnd {
    /// Such months are left out, as RFC 5545 says.
    #[default]
    Skip,
    /// The last day of the month stands for it: the 31st is 28 February, and 29 February is the 28th in common years.
    LastDay,
}

/// One occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Occurrence {
    /// The instant; the midnight of UTC in a series of days.
    pub at: DateTime<Utc>,
    /// The time on the wall as the rule says it, which is what exceptions name; midnight in a series of days.
    pub wall: NaiveDateTime,
}

/// A series of days, or of local times of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    start: NaiveDateTime,
    zone: Option<Tz>,
    rule: Option<Rule>,
    month_end: MonthEnd,
    added: BTreeSet<NaiveDateTime>,
    left_out: BTreeSet<NaiveDateTime>,
}

impl Series {
    /// A series of days. Without a rule it is its start alone.
    ///
    /// # Errors
    /// When the start lies outside of 1900 to 2199, or when the rule names no day.
    pub fn of_days(start: NaiveDate, rule: Option<Rule>, month_end: MonthEnd) -> Outcome<Self> {
        Self::new(start.and_time(NaiveTime::MIN), None, rule, month_end)
    }

    /// A series of local times: the time of day is that of its start.
    ///
    /// # Errors
    /// As [`Series::of_days`].
    pub fn of_times(start: NaiveDateTime, zone: Tz, rule: Option<Rule>, month_end: MonthEnd) -> Outcome<Self> {
        Self::new(start, Some(zone), rule, month_end)
    }

    fn new(start: NaiveDateTime, zone: Option<Tz>, rule: Option<Rule>, month_end: MonthEnd) -> Outcome<Self> {
        within(start)?;
        let series = Self { start, zone, rule, month_end, added: BTreeSet::new(), left_out: BTreeSet::new() };
        let happens = series.of_rule(start.date()).next().is_some();
        if happens { Ok(series) } else { Err(RecurrenceError::Never) }
    }

    /// With more occurrences (`RDATE`).
    ///
    /// # Errors
    /// More than 5,000, or one outside of 1900 to 2199.
    pub fn adding(mut self, walls: impl IntoIterator<Item = NaiveDateTime>) -> Outcome<Self> {
        more(&mut self.added, walls)?;
        Ok(self)
    }

    /// Without some occurrences (`EXDATE`), by their time on the wall. What is no occurrence is no error.
    ///
    /// # Errors
    /// As [`Series::adding`].
    pub fn leaving_out(mut self, walls: impl IntoIterator<Item = NaiveDateTime>) -> Outcome<Self> {
        more(&mut self.left_out, walls)?;
        Ok(self)
    }

    /// Where it starts, on the wall.
    #[must_use]
    pub fn start(&self) -> NaiveDateTime {
        self.start
    }

    /// The zone of its times; none is a series of days.
    #[must_use]
    pub fn zone(&self) -> Option<Tz> {
        self.zone
    }

    /// Its rule.
    #[must_use]
    pub fn rule(&self) -> Option<&Rule> {
        self.rule.as_ref()
    }

    /// What becomes of days that a month does not have.
    #[must_use]
    pub fn month_end(&self) -> MonthEnd {
        self.month_end
    }

    /// What was added.
    #[must_use]
    pub fn added(&self) -> &BTreeSet<NaiveDateTime> {
        &self.added
    }

    /// What was left out.
    #[must_use]
    pub fn left_out(&self) -> &BTreeSet<NaiveDateTime> {
        &self.left_out
    }

    /// Whether its start is its first occurrence by the rule.
    #[must_use]
    pub fn starts_in_step(&self) -> bool {
        self.of_rule(self.start.date()).next() == Some(self.start)
    }

    /// Its rule without [`MonthEnd::LastDay`], for those who know plain RFC 5545 only; nothing if no rule says the same.
    #[must_use]
    pub fn plain_rule(&self) -> Option<Rule> {
        let rule = self.rule.clone()?;
        match self.month_end {
            MonthEnd::Skip => Some(rule),
            MonthEnd::LastDay => rule.spelled_out(self.start.date()).on_the_last_day(),
        }
    }

    /// The occurrences from `from` on and before `until`, the first `at_most` of them.
    #[must_use]
    pub fn occurrences(&self, from: DateTime<Utc>, until: DateTime<Utc>, at_most: usize) -> Vec<Occurrence> {
        // Zones lie within a day of UTC, and gaps move by a day at most.
        let two_days = TimeDelta::days(2);
        let Some(first) = from.naive_utc().checked_sub_signed(two_days) else { return Vec::new() };
        let last = until.naive_utc().checked_add_signed(two_days).unwrap_or(NaiveDateTime::MAX);
        let mut seen = None;
        self.walls(first.date())
            .take_while(|wall| *wall < last)
            .map(|wall| Occurrence { at: self.instant(wall), wall })
            .filter(|one| from <= one.at && one.at < until)
            // A time in a gap can fall on the next one, which was added by hand.
            .filter(|one| seen.replace(one.at) != Some(one.at))
            .take(at_most)
            .collect()
    }

    /// The days from `from` on and before `until` on which it occurs, on the wall; the first `at_most` of them.
    #[must_use]
    pub fn days(&self, from: NaiveDate, until: NaiveDate, at_most: usize) -> Vec<NaiveDate> {
        let mut seen = None;
        self.walls(from)
            .map(|wall| wall.date())
            .take_while(|day| *day < until)
            .filter(|day| from <= *day && seen.replace(*day) != Some(*day))
            .take(at_most)
            .collect()
    }

    /// Whether it occurs at that time on the wall.
    #[must_use]
    pub fn has(&self, wall: NaiveDateTime) -> bool {
        self.walls(wall.date()).find(|one| *one >= wall) == Some(wall)
    }

    /// Everything before a time on the wall, and that time and everything that follows. Together they are the whole; a
    /// count is shared out, and what the rule takes from its start is written out.
    #[must_use]
    pub fn split(&self, at: NaiveDateTime) -> (Option<Self>, Option<Self>) {
        (self.before(at), self.following(at))
    }

    fn before(&self, at: NaiveDateTime) -> Option<Self> {
        let added: BTreeSet<NaiveDateTime> = self.added.range(..at).copied().collect();
        let first = self.of_rule(self.start.date()).next().filter(|first| *first < at);
        let (start, rule) = match (first, &self.rule) {
            (Some(_), Some(rule)) => {
                let end = match rule.end() {
                    End::Count(_) => End::Count(count(self.of_rule(self.start.date()).take_while(|wall| *wall < at))),
                    End::Never | End::Until(_) => {
                        // What comes before both ends is before the earlier one.
                        let last = self.of_rule_before(at)?;
                        End::Until(match self.zone {
                            None => Until::Day(last.date()),
                            Some(_) => Until::Instant(self.instant(last)),
                        })
                    }
                };
                (self.start, Some(rule.clone().ending(end)))
            }
            (Some(first), None) => (first, None),
            (None, _) => (*added.first()?, None),
        };
        Some(self.part(start, rule, added, self.left_out.range(..at).copied().collect()))
    }

    fn following(&self, at: NaiveDateTime) -> Option<Self> {
        let added: BTreeSet<NaiveDateTime> = self.added.range(at..).copied().collect();
        let first = self.of_rule(at.date()).find(|wall| *wall >= at);
        let (start, rule) = match (first, &self.rule) {
            (Some(first), Some(rule)) => {
                let spelled_out = rule.clone().spelled_out(self.start.date());
                let rule = match rule.end() {
                    End::Count(_) => {
                        let rest = count(self.of_rule(self.start.date()).filter(|wall| *wall >= at));
                        spelled_out.ending(End::Count(rest))
                    }
                    End::Never | End::Until(_) => spelled_out,
                };
                (first, Some(rule))
            }
            (Some(first), None) => (first, None),
            (None, _) => (*added.first()?, None),
        };
        Some(self.part(start, rule, added, self.left_out.range(at..).copied().collect()))
    }

    fn part(
        &self,
        start: NaiveDateTime,
        rule: Option<Rule>,
        added: BTreeSet<NaiveDateTime>,
        left_out: BTreeSet<NaiveDateTime>,
    ) -> Self {
        Self { start, zone: self.zone, rule, month_end: self.month_end, added, left_out }
    }

    /// The last time that the rule names before that one.
    fn of_rule_before(&self, at: NaiveDateTime) -> Option<NaiveDateTime> {
        // Looked for in steps back, so that a daily series of a century is not walked as a whole.
        let mut back = 60;
        loop {
            let from = at.date().checked_sub_days(chrono::Days::new(back)).filter(|day| *day > self.start.date());
            let found = self.of_rule(from.unwrap_or(self.start.date())).take_while(|wall| *wall < at).last();
            if found.is_some() || from.is_none() {
                return found;
            }
            back *= 8;
        }
    }

    /// The instant of a time on the wall.
    fn instant(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        match self.zone {
            Some(zone) => instant(wall, zone),
            None => wall.and_utc(),
        }
    }

    /// What the rule names; the days before `from` may be left out.
    fn of_rule(&self, from: NaiveDate) -> impl Iterator<Item = NaiveDateTime> + '_ {
        let alone = self.rule.is_none().then_some(self.start);
        let time = self.start.time();
        let walk = self.rule.as_ref().map(|rule| {
            let mut walk = Walk::new(rule, self.start.date(), self.month_end);
            walk.skip_to(from);
            walk
        });
        let until = match self.rule.as_ref().map(Rule::end) {
            Some(End::Until(until)) => Some(until),
            _ => None,
        };
        let named = walk.into_iter().flatten().map(move |day| day.and_time(time)).take_while(move |wall| match until {
            None => true,
            Some(Until::Day(day)) => wall.date() <= day,
            Some(Until::Wall(last)) => *wall <= last,
            // A day is said by a day; who says an instant means its date.
            Some(Until::Instant(last)) if self.zone.is_none() => wall.date() <= last.date_naive(),
            Some(Until::Instant(last)) => self.instant(*wall) <= last,
        });
        alone.into_iter().chain(named)
    }

    fn walls(&self, from: NaiveDate) -> impl Iterator<Item = NaiveDateTime> + '_ {
        let named = self.of_rule(from).peekable();
        let added = self.added.range(from.and_time(NaiveTime::MIN)..).copied().peekable();
        Merged { named, added }.filter(|wall| !self.left_out.contains(wall))
    }
}

/// Two orders as one, each time once.
struct Merged<N: Iterator, A: Iterator> {
    named: Peekable<N>,
    added: Peekable<A>,
}

impl<N, A> Iterator for Merged<N, A>
where
    N: Iterator<Item = NaiveDateTime>,
    A: Iterator<Item = NaiveDateTime>,
{
    type Item = NaiveDateTime;

    fn next(&mut self) -> Option<NaiveDateTime> {
        match (self.named.peek(), self.added.peek()) {
            (Some(named), Some(added)) if added < named => self.added.next(),
            (Some(named), Some(added)) if added == named => {
                self.added.next();
                self.named.next()
            }
            (Some(_), _) => self.named.next(),
            (None, _) => self.added.next(),
        }
    }
}

fn within(wall: NaiveDateTime) -> Outcome<()> {
    match (FIRST_YEAR..=LAST_YEAR).contains(&wall.date().year()) {
        true => Ok(()),
        false => Err(RecurrenceError::OutOfRange),
    }
}

fn more(known: &mut BTreeSet<NaiveDateTime>, walls: impl IntoIterator<Item = NaiveDateTime>) -> Outcome<()> {
    for wall in walls {
        within(wall)?;
        known.insert(wall);
        if known.len() > MOST {
            return Err(RecurrenceError::TooMany);
        }
    }
    Ok(())
}

fn count(walls: impl Iterator<Item = NaiveDateTime>) -> u32 {
    u32::try_from(walls.count()).unwrap_or(u32::MAX)
}
