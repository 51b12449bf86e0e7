//! Holidays by country and region: rules with the years that they hold in and the law that they come from, so that any
//! year can be computed. What was proclaimed for one year only is a row with its date.
//!
//! The rows lie in `holidays/*.csv`, fields separated by semicolons: region; name; rule; how it moves; first year; last
//! year; source. A region has the holidays of what its code begins with as well: `DE-BY` those of `DE`.
//!
//! | rule | meaning |
//! |---|---|
//! | `fixed 12-25` | that day of every year |
//! | `easter -2` | so many days from Easter Sunday (Gregorian) |
//! | `nth 3 MON 01` | the third Monday of January |
//! | `nth 3 SUN 09 +1` | so many days behind it |
//! | `nth 1 THU 04 spares -3` | that day, but a week later if it is so many days from Easter Sunday |
//! | `last MON 05` | the last Monday of May |
//! | `before WED 11-23` | the last Wednesday before that day |
//! | `on 2025-05-08` | that day alone |
//!
//! | moves | meaning |
//! |---|---|
//! | `-` | does not |
//! | `observed` | of a Saturday also the Friday before, of a Sunday also the Monday after (5 U.S.C. 6103) |
//! | `substitute` | of a Saturday or Sunday also the next weekday that is none yet (United Kingdom) |
//! | `only MON` | does not, and is none on any other weekday |
//! | `not TUE SAT` | does not, and is none on those weekdays |
//! | `saturday` | from a Sunday to the Saturday before (King's Day) |

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use chrono::{Datelike, Days, NaiveDate, TimeDelta, Weekday, WeekdaySet};

/// The data files.
const FILES: [&str; 7] = [
    include_str!("holidays/at.csv"),
    include_str!("holidays/ch.csv"),
    include_str!("holidays/de.csv"),
    include_str!("holidays/fr.csv"),
    include_str!("holidays/gb.csv"),
    include_str!("holidays/nl.csv"),
    include_str!("holidays/us.csv"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Fixed(u32, u32),
    Easter(i64),
    Nth(u8, Weekday, u32, i64),
    Spares(u8, Weekday, u32, i64),
    Last(Weekday, u32),
    Before(Weekday, u32, u32),
    On(NaiveDate),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moves {
    Not,
    Observed,
    Substitute,
    Saturday,
    /// It is none on the weekdays of this set.
    Without(WeekdaySet),
}

/// A rule for one holiday.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    region: &'static str,
    name: Arc<str>,
    when: When,
    moves: Moves,
    first: i32,
    last: i32,
    source: &'static str,
}

/// A holiday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// The day.
    pub date: NaiveDate,
    /// Its name in the region.
    pub name: Arc<str>,
    /// The law that makes it one.
    pub source: &'static str,
}

/// A country or a part of one that has holidays of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Region {
    code: &'static str,
    rules: Vec<&'static Rule>,
}

/// Easter Sunday of a year, Gregorian (the anonymous algorithm, as by Meeus).
#[must_use]
pub fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year.rem_euclid(19), year.div_euclid(100), year.rem_euclid(100));
    let (d, e) = (b.div_euclid(4), b.rem_euclid(4));
    let g = (8 * b + 13).div_euclid(25);
    let h = (19 * a + b - d - g + 15).rem_euclid(30);
    let (i, k) = (c.div_euclid(4), c.rem_euclid(4));
    let l = (32 + 2 * e + 2 * i - h - k).rem_euclid(7);
    let m = (a + 11 * h + 19 * l).div_euclid(433);
    let n = h + l - 7 * m;
    let month = (n + 90).div_euclid(25);
    let day = (n + 33 * month + 19).rem_euclid(32);
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

fn last_weekday(weekday: Weekday, until: NaiveDate) -> Option<NaiveDate> {
    until.checked_sub_days(Days::new(u64::from(until.weekday().days_since(weekday))))
}

/// `TUE SAT`.
fn weekdays(text: &str) -> Option<WeekdaySet> {
    let days: Option<Vec<Weekday>> = text.split(' ').map(|day| day.parse().ok()).collect();
    Some(days?.into_iter().collect())
}

impl When {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let day = |text: &str| -> Option<(u32, u32)> {
            let (month, day) = text.split_once('-')?;
            let (month, day) = (month.parse().ok()?, day.parse().ok()?);
            NaiveDate::from_ymd_opt(2024, month, day).map(|_| (month, day))
        };
        let nth = |text: &str| text.parse().ok().filter(|number| (1..=4).contains(number));
        let month = |text: &str| text.parse().ok().filter(|month| (1..=12).contains(month));
        Some(match *words.as_slice() {
            ["fixed", on] => day(on).map(|(month, day)| Self::Fixed(month, day))?,
            ["easter", offset] => Self::Easter(offset.parse().ok()?),
            ["nth", number, weekday, on] => Self::Nth(nth(number)?, weekday.parse().ok()?, month(on)?, 0),
            ["nth", number, weekday, on, behind] => {
                Self::Nth(nth(number)?, weekday.parse().ok()?, month(on)?, behind.parse().ok()?)
            }
            ["nth", number, weekday, on, "spares", offset] => {
                Self::Spares(nth(number)?, weekday.parse().ok()?, month(on)?, offset.parse().ok()?)
            }
            ["last", weekday, on] => Self::Last(weekday.parse().ok()?, month(on)?),
            ["before", weekday, on] => {
                let (month, day) = day(on)?;
                Self::Before(weekday.parse().ok()?, month, day)
            }
            ["on", date] => Self::On(date.parse().ok()?),
            _ => return None,
        })
    }

    fn in_year(self, year: i32) -> Option<NaiveDate> {
        match self {
            Self::Fixed(month, day) => NaiveDate::from_ymd_opt(year, month, day),
            Self::Easter(offset) => easter(year)?.checked_add_signed(TimeDelta::days(offset)),
            Self::Nth(number, weekday, month, behind) => {
                let day = NaiveDate::from_weekday_of_month_opt(year, month, weekday, number)?;
                day.checked_add_signed(TimeDelta::days(behind))
            }
            Self::Spares(number, weekday, month, offset) => {
                let day = NaiveDate::from_weekday_of_month_opt(year, month, weekday, number)?;
                let spared = easter(year)?.checked_add_signed(TimeDelta::days(offset))?;
                if day == spared { day.checked_add_days(Days::new(7)) } else { Some(day) }
            }
            Self::Last(weekday, month) => {
                let first = NaiveDate::from_ymd_opt(year, month, 1)?;
                last_weekday(weekday, first.checked_add_months(chrono::Months::new(1))?.pred_opt()?)
            }
            Self::Before(weekday, month, day) => {
                last_weekday(weekday, NaiveDate::from_ymd_opt(year, month, day)?.pred_opt()?)
            }
            Self::On(date) => (date.year() == year).then_some(date),
        }
    }
}

impl Rule {
    fn parse(line: &'static str) -> Option<Self> {
        let fields: Vec<&'static str> = line.split(';').collect();
        let &[region, name, when, moves, first, last, source] = fields.as_slice() else { return None };
        let year = |text: &str, open: i32| if text.is_empty() { Some(open) } else { text.parse().ok() };
        let when = When::parse(when)?;
        let moves = match moves {
            "-" => Moves::Not,
            "observed" => Moves::Observed,
            "substitute" => Moves::Substitute,
            "saturday" => Moves::Saturday,
            other => match other.split_once(' ')? {
                ("only", days) => Moves::Without(WeekdaySet::ALL.difference(weekdays(days)?)),
                ("not", days) => Moves::Without(weekdays(days)?),
                _ => return None,
            },
        };
        let plain = !region.is_empty() && !name.is_empty() && !source.is_empty();
        let rule = Self {
            region,
            name: name.into(),
            when,
            moves,
            first: year(first, i32::MIN)?,
            last: year(last, i32::MAX)?,
            source,
        };
        plain.then_some(rule)
    }

    fn on(&self, date: NaiveDate) -> Holiday {
        Holiday { date, name: Arc::clone(&self.name), source: self.source }
    }

    fn moved(&self, date: NaiveDate, word: &str) -> Holiday {
        Holiday { date, name: format!("{} ({word})", self.name).into(), source: self.source }
    }
}

/// The lines of the data files that are rules.
fn lines() -> impl Iterator<Item = &'static str> {
    FILES.iter().flat_map(|file| file.lines()).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Every rule. A test holds that no line is left out.
static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| lines().filter_map(Rule::parse).collect());

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| {
    let codes: BTreeSet<&'static str> = RULES.iter().map(|rule| rule.region).collect();
    let holds = |code: &str, rule: &Rule| {
        code.strip_prefix(rule.region).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    codes
        .into_iter()
        .map(|code| Region { code, rules: RULES.iter().filter(|rule| holds(code, rule)).collect() })
        .collect()
});

impl Region {
    /// Every region whose holidays are known, by code.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &REGIONS
    }

    /// The region of that code: a country (ISO 3166-1) or a part of one (ISO 3166-2), some with a part of our own behind.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Self> {
        REGIONS.iter().find(|region| region.code == code)
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The holidays of a year, in their order.
    #[must_use]
    pub fn year(&self, year: i32) -> Vec<Holiday> {
        // What is observed on another day may be of the year before or behind.
        let mut holidays: Vec<Holiday> =
            [year - 1, year, year + 1].into_iter().flat_map(|year| self.of_year(year)).collect();
        holidays.retain(|holiday| holiday.date.year() == year);
        holidays.sort_by_key(|holiday| holiday.date);
        holidays
    }

    /// The holiday on a day.
    #[must_use]
    pub fn on(&self, date: NaiveDate) -> Option<Holiday> {
        self.year(date.year()).into_iter().find(|holiday| holiday.date == date)
    }

    /// The holidays that a year's rules make, also those that move out of it.
    fn of_year(&self, year: i32) -> Vec<Holiday> {
        let valid = self.rules.iter().filter(|rule| (rule.first..=rule.last).contains(&year));
        let mut own: Vec<(NaiveDate, &Rule)> =
            valid.filter_map(|rule| Some((rule.when.in_year(year)?, *rule))).collect();
        own.sort_by_key(|(date, _)| *date);
        let mut taken: BTreeSet<NaiveDate> = own.iter().map(|(date, _)| *date).collect();
        let mut holidays = Vec::with_capacity(own.len());
        for (date, rule) in own {
            let weekday = date.weekday();
            let weekend = matches!(weekday, Weekday::Sat | Weekday::Sun);
            match rule.moves {
                Moves::Without(days) if days.contains(weekday) => continue,
                Moves::Saturday if weekday == Weekday::Sun => {
                    holidays.extend(date.pred_opt().map(|day| rule.on(day)));
                    continue;
                }
                Moves::Observed if weekend => {
                    let day = if weekday == Weekday::Sat { date.pred_opt() } else { date.succ_opt() };
                    holidays.extend(day.map(|day| rule.moved(day, "observed")));
                }
                Moves::Substitute if weekend => {
                    let mut free = date.iter_days().filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun));
                    if let Some(day) = free.find(|day| !taken.contains(day)) {
                        taken.insert(day);
                        holidays.push(rule.moved(day, "substitute day"));
                    }
                }
                _ => {}
            }
            holidays.push(rule.on(date));
        }
        holidays
    }
}

#[cfg(test)]
mod tests;
