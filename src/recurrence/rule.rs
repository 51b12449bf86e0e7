//! A rule: what stands behind `RRULE:`.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc, Weekday};

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Frequency {
    /// Every day, or every so many days.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
    /// Every year.
    Yearly,
}

/// Until when, including that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Until {
    /// To the end of that day.
    Day(NaiveDate),
    /// To that time on the wall.
    Wall(NaiveDateTime),
    /// To that instant.
    Instant(DateTime<Utc>),
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// It does not.
    Never,
    /// After so many occurrences.
    Count(u32),
    /// At a moment.
    Until(Until),
}

/// A weekday, or the so-manieth one of its month or year; negative counts from the end, 0 is every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Day {
    /// 0, or 1 to 53, or -53 to -1.
    pub nth: i8,
    /// Which day of the week.
    pub weekday: Weekday,
}

/// A recurrence rule. Made by parsing, so that its parts are known to fit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    pub(crate) frequency: Frequency,
    pub(crate) interval: u32,
    pub(crate) end: End,
    pub(crate) months: Vec<i16>,
    pub(crate) month_days: Vec<i16>,
    pub(crate) days: Vec<Day>,
    pub(crate) positions: Vec<i16>,
    pub(crate) week_start: Weekday,
}

impl Rule {
    /// How often.
    #[must_use]
    pub fn frequency(&self) -> Frequency {
        self.frequency
    }

    /// Every how many days, weeks, months or years.
    #[must_use]
    pub fn interval(&self) -> u32 {
        self.interval
    }

    /// How it ends.
    #[must_use]
    pub fn end(&self) -> End {
        self.end
    }

    /// The same rule with another end.
    #[must_use]
    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// The last of the days from the 28th to the named one: what the last day of short months is in plain RFC 5545.
    pub(crate) fn on_the_last_day(mut self) -> Option<Self> {
        match self.month_days.as_slice() {
            days if days.iter().all(|day| *day <= 28) => Some(self),
            [day @ 29..=31] if self.days.is_empty() && self.positions.is_empty() => {
                let by_month = self.frequency == Frequency::Monthly;
                let by_year = self.frequency == Frequency::Yearly && self.months.len() == 1;
                self.month_days = (28..=*day).collect();
                self.positions = vec![-1];
                (by_month || by_year).then_some(self)
            }
            _ => None,
        }
    }

    /// The rule with what it takes from its start written out, so that another start does not change it.
    #[must_use]
    pub fn spelled_out(mut self, start: NaiveDate) -> Self {
        let (month, month_day) = (start.month().try_into().unwrap_or(1), start.day().try_into().unwrap_or(1));
        match self.frequency {
            Frequency::Weekly if self.days.is_empty() => {
                self.days.push(Day { nth: 0, weekday: start.weekday() });
            }
            Frequency::Monthly if self.days.is_empty() && self.month_days.is_empty() => {
                self.month_days.push(month_day);
            }
            Frequency::Yearly if self.days.is_empty() && self.month_days.is_empty() => {
                self.month_days.push(month_day);
                if self.months.is_empty() {
                    self.months.push(month);
                }
            }
            _ => {}
        }
        self
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Yearly => "YEARLY",
        })
    }
}

impl fmt::Display for Until {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(out, "{}", day.format("%Y%m%d")),
            Self::Wall(wall) => write!(out, "{}", wall.format("%Y%m%dT%H%M%S")),
            Self::Instant(instant) => write!(out, "{}", instant.format("%Y%m%dT%H%M%SZ")),
        }
    }
}

/// The letters of a weekday, as the RFC writes them.
pub(crate) fn letters(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "MO",
        Weekday::Tue => "TU",
        Weekday::Wed => "WE",
        Weekday::Thu => "TH",
        Weekday::Fri => "FR",
        Weekday::Sat => "SA",
        Weekday::Sun => "SU",
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nth {
            0 => out.write_str(letters(self.weekday)),
            nth => write!(out, "{nth}{}", letters(self.weekday)),
        }
    }
}

/// `;NAME=a,b,c`, or nothing.
fn list<T: fmt::Display>(out: &mut fmt::Formatter<'_>, name: &str, values: &[T]) -> fmt::Result {
    for (place, value) in values.iter().enumerate() {
        match place {
            0 => write!(out, ";{name}={value}")?,
            _ => write!(out, ",{value}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "FREQ={}", self.frequency)?;
        match self.end {
            End::Never => {}
            End::Count(count) => write!(out, ";COUNT={count}")?,
            End::Until(until) => write!(out, ";UNTIL={until}")?,
        }
        if self.interval != 1 {
            write!(out, ";INTERVAL={}", self.interval)?;
        }
        list(out, "BYMONTH", &self.months)?;
        list(out, "BYMONTHDAY", &self.month_days)?;
        list(out, "BYDAY", &self.days)?;
        list(out, "BYSETPOS", &self.positions)?;
        if self.week_start != Weekday::Mon {
            write!(out, ";WKST={}", letters(self.week_start))?;
        }
        Ok(())
    }
}
