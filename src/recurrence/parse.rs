//! Reading a rule: every part by itself, then whether they may stand together.

use std::str::FromStr;

use chrono::{NaiveDate, NaiveDateTime, Weekday};

use crate::error::{RecurrenceError, quoted};
use crate::rule::{Day, End, Frequency, Rule, Until};

type Outcome<T> = Result<T, RecurrenceError>;

/// The longest text of a rule.
const LONGEST: usize = 1_000;

/// What a rule has at most of days, months and positions.
const VALUES: usize = 62;

impl FromStr for Rule {
    type Err = RecurrenceError;

    fn from_str(text: &str) -> Outcome<Self> {
        if text.len() > LONGEST {
            return Err(RecurrenceError::TooLong);
        }
        let upper = text.trim().to_ascii_uppercase();
        let mut parts = Parts::default();
        for part in upper.strip_prefix("RRULE:").unwrap_or(&upper).split(';') {
            let (name, value) = part.split_once('=').ok_or_else(|| RecurrenceError::NotAPart(quoted(part)))?;
            parts.take(name, value)?;
        }
        parts.rule()
    }
}

#[derive(Default)]
struct Parts {
    frequency: Option<Frequency>,
    interval: Option<u32>,
    count: Option<u32>,
    until: Option<Until>,
    months: Option<Vec<i16>>,
    month_days: Option<Vec<i16>>,
    days: Option<Vec<Day>>,
    positions: Option<Vec<i16>>,
    week_start: Option<Weekday>,
}

impl Parts {
    fn take(&mut self, name: &str, value: &str) -> Outcome<()> {
        match name {
            "FREQ" => once("FREQ", &mut self.frequency, frequency(value)?),
            "INTERVAL" => once("INTERVAL", &mut self.interval, counted("INTERVAL", value)?),
            "COUNT" => once("COUNT", &mut self.count, counted("COUNT", value)?),
            "UNTIL" => once("UNTIL", &mut self.until, until(value)?),
            "BYMONTH" => {
                once("BYMONTH", &mut self.months, numbers("BYMONTH", value, 1, 12, "a list of months from 1 to 12.")?)
            }
            "BYMONTHDAY" => {
                let days = numbers("BYMONTHDAY", value, -31, 31, "a list of days from 1 to 31, or from -31 to -1.")?;
                once("BYMONTHDAY", &mut self.month_days, days)
            }
            "BYDAY" => once("BYDAY", &mut self.days, weekdays(value)?),
            "BYSETPOS" => {
                let places = numbers("BYSETPOS", value, -366, 366, "a list of places from 1 to 366, or -366 to -1.")?;
                once("BYSETPOS", &mut self.positions, places)
            }
            "WKST" => once("WKST", &mut self.week_start, week_start(value)?),
            "BYWEEKNO" => {
                Err(RecurrenceError::UnsupportedPart("BYWEEKNO", "BYMONTH with BYDAY names most such weeks."))
            }
            "BYYEARDAY" => Err(RecurrenceError::UnsupportedPart("BYYEARDAY", "BYMONTH with BYMONTHDAY names a day.")),
            "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                Err(RecurrenceError::UnsupportedPart("A time of day", "The start of the series says it."))
            }
            _ => Err(RecurrenceError::UnknownPart(quoted(name))),
        }
    }

    fn rule(self) -> Outcome<Rule> {
        let frequency = self.frequency.ok_or(RecurrenceError::NoFrequency)?;
        let end = match (self.count, self.until) {
            (Some(_), Some(_)) => return Err(RecurrenceError::TwoEnds),
            (Some(count), None) => End::Count(count),
            (None, Some(until)) => End::Until(until),
            (None, None) => End::Never,
        };
        let rule = Rule {
            frequency,
            interval: self.interval.unwrap_or(1),
            end,
            months: self.months.unwrap_or_default(),
            month_days: self.month_days.unwrap_or_default(),
            days: self.days.unwrap_or_default(),
            positions: self.positions.unwrap_or_default(),
            week_start: self.week_start.unwrap_or(Weekday::Mon),
        };
        if frequency == Frequency::Weekly && !rule.month_days.is_empty() {
            return Err(RecurrenceError::Together(
                "FREQ=WEEKLY goes by BYDAY: BYMONTHDAY belongs to months and years.",
            ));
        }
        let counted_days = rule.days.iter().any(|day| day.nth != 0);
        if counted_days && matches!(frequency, Frequency::Daily | Frequency::Weekly) {
            return Err(RecurrenceError::Together(
                "Numbers before the days of BYDAY belong to FREQ=MONTHLY and YEARLY.",
            ));
        }
        let beyond = rule.days.iter().any(|day| day.nth.unsigned_abs() > 5);
        if beyond && (frequency == Frequency::Monthly || !rule.months.is_empty()) {
            return Err(RecurrenceError::Together("A month has at most five of each weekday."));
        }
        let narrowed = [rule.months.is_empty(), rule.month_days.is_empty(), rule.days.is_empty()];
        if !rule.positions.is_empty() && narrowed == [true; 3] {
            return Err(RecurrenceError::Together("BYSETPOS picks from what BYDAY, BYMONTHDAY or BYMONTH name."));
        }
        Ok(rule)
    }
}

fn once<T>(name: &'static str, place: &mut Option<T>, value: T) -> Outcome<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(RecurrenceError::Twice(name)),
    }
}

fn frequency(value: &str) -> Outcome<Frequency> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        _ => Err(RecurrenceError::Value("FREQ", quoted(value), "DAILY, WEEKLY, MONTHLY or YEARLY.")),
    }
}

fn counted(name: &'static str, value: &str) -> Outcome<u32> {
    match digits(value).and_then(|value| value.parse().ok()) {
        Some(number @ 1..=10_000) => Ok(number),
        _ => Err(RecurrenceError::Value(name, quoted(value), "a number from 1 to 10,000.")),
    }
}

/// Digits only: what `parse` takes beyond them (a sign) the RFC does not have here.
fn digits(value: &str) -> Option<&str> {
    (!value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())).then_some(value)
}

/// A signed number without spaces.
fn signed(value: &str) -> Option<i16> {
    digits(value.strip_prefix(['+', '-']).unwrap_or(value)).and_then(|_| value.parse().ok())
}

/// Sorted, each once; zero is never one of them.
fn numbers(name: &'static str, value: &str, from: i16, to: i16, rule: &'static str) -> Outcome<Vec<i16>> {
    let wrong = || RecurrenceError::Value(name, quoted(value), rule);
    let mut found = value
        .split(',')
        .map(|one| signed(one).filter(|number| *number != 0 && (from..=to).contains(number)).ok_or_else(wrong))
        .collect::<Outcome<Vec<i16>>>()?;
    found.sort_unstable();
    found.dedup();
    if found.len() > VALUES { Err(wrong()) } else { Ok(found) }
}

fn weekday(letters: &str) -> Option<Weekday> {
    match letters {
        "MO" => Some(Weekday::Mon),
        "TU" => Some(Weekday::Tue),
        "WE" => Some(Weekday::Wed),
        "TH" => Some(Weekday::Thu),
        "FR" => Some(Weekday::Fri),
        "SA" => Some(Weekday::Sat),
        "SU" => Some(Weekday::Sun),
        _ => None,
    }
}

fn weekdays(value: &str) -> Outcome<Vec<Day>> {
    let wrong = || RecurrenceError::Value("BYDAY", quoted(value), "a list of days like MO, 1MO or -1FR.");
    let day = |one: &str| {
        let at = one.len().checked_sub(2).and_then(|at| one.split_at_checked(at));
        let (number, letters) = at.ok_or_else(wrong)?;
        let nth = match number {
            "" => 0,
            number => signed(number)
                .filter(|number| *number != 0 && (-53..=53).contains(number))
                .and_then(|number| i8::try_from(number).ok())
                .ok_or_else(wrong)?,
        };
        Ok(Day { nth, weekday: weekday(letters).ok_or_else(wrong)? })
    };
    let mut found = value.split(',').map(day).collect::<Outcome<Vec<Day>>>()?;
    found.sort_unstable_by_key(|day| (day.nth, day.weekday.num_days_from_monday()));
    found.dedup();
    if found.len() > VALUES { Err(wrong()) } else { Ok(found) }
}

fn week_start(value: &str) -> Outcome<Weekday> {
    weekday(value).ok_or_else(|| RecurrenceError::Value("WKST", quoted(value), "a day like MO or SU."))
}

fn until(value: &str) -> Outcome<Until> {
    let wrong =
        || RecurrenceError::Value("UNTIL", quoted(value), "a day like 20261231 or an instant like 20261231T225959Z.");
    if !value.is_ascii() {
        return Err(wrong());
    }
    let wall = |text: &str| NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").ok();
    match (value.len(), value.strip_suffix('Z')) {
        (8, None) => digits(value)
            .and_then(|_| NaiveDate::parse_from_str(value, "%Y%m%d").ok())
            .map(Until::Day)
            .ok_or_else(wrong),
        (15, None) => wall(value).map(Until::Wall).ok_or_else(wrong),
        (16, Some(value)) => wall(value).map(|wall| Until::Instant(wall.and_utc())).ok_or_else(wrong),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match text.parse::<Rule>() {
            Ok(rule) => rule.to_string(),
            Err(error) => format!("! {error}"),
        }
    }

    #[test]
    fn what_is_read_is_printed_in_one_way() {
        assert_eq!(said("RRULE:FREQ=DAILY"), "FREQ=DAILY");
        assert_eq!(
            said("freq=weekly;byday=we,mo,+1TU"),
            "! Numbers before the days of BYDAY belong to FREQ=MONTHLY and YEARLY."
        );
        assert_eq!(said("INTERVAL=2;FREQ=WEEKLY;WKST=SU;BYDAY=WE,MO,WE"), "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=SU");
        assert_eq!(said("FREQ=MONTHLY;BYDAY=+1MO,-1FR;COUNT=10"), "FREQ=MONTHLY;COUNT=10;BYDAY=-1FR,1MO");
        assert_eq!(
            said("FREQ=YEARLY;UNTIL=20301231T235959Z;BYMONTH=1"),
            "FREQ=YEARLY;UNTIL=20301231T235959Z;BYMONTH=1"
        );
        assert_eq!(said("FREQ=YEARLY;UNTIL=20301231;INTERVAL=1"), "FREQ=YEARLY;UNTIL=20301231");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, sentence) in [
            ("", "“” is no part of a rule. Parts look like FREQ=WEEKLY and are separated by semicolons."),
            ("BYDAY=MO", "A rule says how often: FREQ=DAILY, WEEKLY, MONTHLY or YEARLY."),
            ("FREQ=SECONDLY", "FREQ cannot be “SECONDLY”: DAILY, WEEKLY, MONTHLY or YEARLY."),
            ("FREQ=DAILY;FREQ=DAILY", "FREQ stands in the rule twice."),
            ("FREQ=DAILY;COUNT=3;UNTIL=20260101", "A rule ends after a COUNT or at an UNTIL, not both."),
            ("FREQ=DAILY;COUNT=0", "COUNT cannot be “0”: a number from 1 to 10,000."),
            ("FREQ=DAILY;INTERVAL=-1", "INTERVAL cannot be “-1”: a number from 1 to 10,000."),
            (
                "FREQ=DAILY;COUNT=99999999999999999999",
                "COUNT cannot be “99999999999999999999”: a number from 1 to 10,000.",
            ),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY cannot be “0”: a list of days from 1 to 31, or from -31 to -1."),
            (
                "FREQ=MONTHLY;BYMONTHDAY=32",
                "BYMONTHDAY cannot be “32”: a list of days from 1 to 31, or from -31 to -1.",
            ),
            ("FREQ=MONTHLY;BYDAY=6MO", "A month has at most five of each weekday."),
            ("FREQ=MONTHLY;BYDAY=€O", "BYDAY cannot be “€O”: a list of days like MO, 1MO or -1FR."),
            ("FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=WEEKLY goes by BYDAY: BYMONTHDAY belongs to months and years."),
            ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS picks from what BYDAY, BYMONTHDAY or BYMONTH name."),
            ("FREQ=DAILY;BYHOUR=9", "A time of day is not supported. The start of the series says it."),
            (
                "FREQ=DAILY;UNTIL=20260230",
                "UNTIL cannot be “20260230”: a day like 20261231 or an instant like 20261231T225959Z.",
            ),
            (
                "FREQ=DAILY;BYMOON=FULL",
                "A rule has no part “BYMOON”. It has FREQ, INTERVAL, COUNT or UNTIL, BYMONTH, BYMONTHDAY, BYDAY, BYSETPOS and WKST.",
            ),
        ] {
            assert_eq!(said(text), format!("! {sentence}"), "{text}");
        }
        assert_eq!("X".repeat(1_001).parse::<Rule>(), Err(RecurrenceError::TooLong));
    }
}
