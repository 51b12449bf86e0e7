//! Statutory terms: from an event to the end of a term as a law counts it, each step with its paragraph.
//!
//! How each law counts stands in `terms/rules.csv`; the holidays are those of a region. Terms end with the end of a day.

use std::sync::LazyLock;

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use crate::error::CalendarError;
use crate::holidays::{Region, easter};
use crate::zone;

/// The unit that a term is said in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TermUnit {
    /// Days of the calendar.
    Days,
    /// Weeks of seven days.
    Weeks,
    /// Months of the calendar.
    Months,
    /// Years of twelve months.
    Years,
}

/// How a law counts.
#[derive(Debug, PartialEq, Eq)]
pub struct TermRule {
    /// Names the rule.
    pub code: &'static str,
    /// What it is, in words.
    pub name: &'static str,
    /// Whose holidays it means if none are named; none: they have to be named.
    pub region: Option<&'static str>,
    /// The law with its date.
    pub source: &'static str,
    from_event: bool,
    units: Vec<TermUnit>,
    two_working_days: bool,
    moves: bool,
    /// Days from Easter Sunday and name of a further day of rest.
    rest: Option<(i64, &'static str)>,
    begins: &'static str,
    in_days: &'static str,
    in_months: &'static str,
    missing_day: &'static str,
    moved_end: &'static str,
    least_days: &'static str,
}

/// A step of the computation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The paragraph that says so.
    pub paragraph: &'static str,
    /// What it says of this term.
    pub text: String,
    /// The day that the step leads to.
    pub date: NaiveDate,
}

/// When a term ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermEnd {
    /// The first day that counts.
    pub first_day: NaiveDate,
    /// The last day by the calendar alone.
    pub nominal: NaiveDate,
    /// The day with whose end the term ends.
    pub ends_on: NaiveDate,
    /// How that came about.
    pub steps: Vec<Step>,
}

impl TermUnit {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "days" => Self::Days,
            "weeks" => Self::Weeks,
            "months" => Self::Months,
            "years" => Self::Years,
            _ => return None,
        })
    }
}

fn lines() -> impl Iterator<Item = &'static str> {
    include_str!("terms/rules.csv").lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Every rule. A test holds that no line is left out.
static RULES: LazyLock<Vec<TermRule>> = LazyLock::new(|| lines().filter_map(TermRule::parse).collect());

impl TermRule {
    fn parse(line: &'static str) -> Option<Self> {
        let fields: Vec<&'static str> = line.split(';').collect();
        let &[
            code,
            name,
            region,
            begin,
            units,
            two,
            moves,
            rest,
            begins,
            in_days,
            in_months,
            missing_day,
            moved_end,
            least_days,
            source,
        ] = fields.as_slice()
        else {
            return None;
        };
        let flag = |word: &str| match word {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        };
        let rest = match rest.strip_prefix("easter ").and_then(|rest| rest.split_once(' ')) {
            Some((offset, name)) => Some((offset.parse().ok()?, name)),
            None if rest.is_empty() => None,
            None => return None,
        };
        let from_event = match begin {
            "event" => true,
            "day" => false,
            _ => return None,
        };
        Some(Self {
            code,
            name,
            region: Some(region).filter(|region| !region.is_empty()),
            source,
            from_event,
            units: units.split(' ').map(TermUnit::parse).collect::<Option<_>>()?,
            two_working_days: flag(two)?,
            moves: flag(moves)?,
            rest,
            begins,
            in_days,
            in_months,
            missing_day,
            moved_end,
            least_days,
        })
    }

    /// Every rule.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &RULES
    }

    /// The rule of that code.
    #[must_use]
    pub fn find(code: &str) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.code == code)
    }

    /// The units in which it knows terms.
    #[must_use]
    pub fn units(&self) -> &[TermUnit] {
        &self.units
    }

    /// Why nothing is done on that day, if nothing is.
    fn rests(&self, date: NaiveDate, region: &Region) -> Option<String> {
        if let Some(holiday) = region.on(date) {
            return Some(holiday.name.to_string());
        }
        let further = self.rest.filter(|(offset, _)| {
            easter(date.year()).and_then(|sunday| sunday.checked_add_signed(chrono::TimeDelta::days(*offset)))
                == Some(date)
        });
        match (further, date.weekday()) {
            (Some((_, name)), _) => Some(name.to_owned()),
            (None, Weekday::Sat) => Some("a Saturday".to_owned()),
            (None, Weekday::Sun) => Some("a Sunday".to_owned()),
            _ => None,
        }
    }

    /// When a term of that length ends that begins with that day or the event on it.
    pub fn end(&self, from: NaiveDate, length: u32, unit: TermUnit, region: &Region) -> Result<TermEnd, CalendarError> {
        zone::check(from)?;
        if !self.units.contains(&unit) {
            return Err(CalendarError::UnitNotKnown);
        }
        if length == 0 || length > 100_000 {
            return Err(CalendarError::TermLength);
        }
        let inside =
            |date: Option<NaiveDate>| date.filter(|date| zone::check(*date).is_ok()).ok_or(CalendarError::TermLength);
        let mut steps = Vec::new();
        let first_day = if self.from_event { inside(from.succ_opt())? } else { from };
        let said = match self.from_event {
            true => format!("The day of the event, {from}, is not counted: the first day is {first_day}."),
            false => format!("The day itself is counted: the first day is {first_day}."),
        };
        steps.push(Step { paragraph: self.begins, text: said, date: first_day });

        let nominal = match unit {
            TermUnit::Days | TermUnit::Weeks => {
                let days = u64::from(length) * if unit == TermUnit::Weeks { 7 } else { 1 };
                inside(first_day.checked_add_days(Days::new(days - 1)))?
            }
            TermUnit::Months | TermUnit::Years => {
                let months = length * if unit == TermUnit::Years { 12 } else { 1 };
                self.by_months(from, months).map(|date| inside(Some(date))).unwrap_or(Err(CalendarError::TermLength))?
            }
        };
        let (word, paragraph) = match unit {
            TermUnit::Days => ("day", self.in_days),
            TermUnit::Weeks => ("week", self.in_months),
            TermUnit::Months => ("month", self.in_months),
            TermUnit::Years => ("year", self.in_months),
        };
        let ends = if length == 1 { format!("{word} ends") } else { format!("{word}s end") };
        let counted = format!("{length} {ends} with {nominal}, a {}.", nominal.format("%A"));
        steps.push(Step { paragraph, text: counted, date: nominal });
        if matches!(unit, TermUnit::Months | TermUnit::Years) && self.lacks_day(from, nominal) {
            let text = format!("The last month has no such day: the term ends with its last day, {nominal}.");
            steps.push(Step { paragraph: self.missing_day, text, date: nominal });
        }

        let mut ends_on = nominal;
        if self.moves {
            let mut reasons = Vec::new();
            while let Some(reason) = self.rests(ends_on, region) {
                reasons.push(format!("{ends_on} is {reason}"));
                ends_on = inside(ends_on.succ_opt())?;
            }
            if !reasons.is_empty() {
                let text = format!("{}: the term ends with the next working day, {ends_on}.", reasons.join(", "));
                steps.push(Step { paragraph: self.moved_end, text, date: ends_on });
            }
        }
        // Of two days or more, says the rule; weeks hold them but for a long row of holidays.
        if self.two_working_days && (unit != TermUnit::Days || length >= 2) {
            let mut working = first_day
                .iter_days()
                .take_while(|day| *day <= ends_on)
                .filter(|day| self.rests(*day, region).is_none())
                .take(2)
                .count();
            let before = ends_on;
            while working < 2 {
                ends_on = inside(ends_on.succ_opt())?;
                working += usize::from(self.rests(ends_on, region).is_none());
            }
            if ends_on != before {
                let text =
                    format!("A term of two days or more holds two working days at least: it ends with {ends_on}.");
                steps.push(Step { paragraph: self.least_days, text, date: ends_on });
            }
        }
        Ok(TermEnd { first_day, nominal, ends_on, steps })
    }

    /// The day that the number of months leads to: that of the same number as the day of the event; where the day itself
    /// counts, the one before it. The last day of a month that has no such day.
    fn by_months(&self, from: NaiveDate, months: u32) -> Option<NaiveDate> {
        let same = from.checked_add_months(Months::new(months))?;
        if self.from_event || same.day() != from.day() {
            return Some(same);
        }
        same.pred_opt()
    }

    /// Whether the month of the end has no day of the number that the law looks for.
    fn lacks_day(&self, from: NaiveDate, nominal: NaiveDate) -> bool {
        let wanted = if self.from_event { from.day() } else { from.day() - 1 };
        wanted != 0 && nominal.day() != wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(rule: &str, from: &str, length: u32, unit: TermUnit, region: &str) -> TermEnd {
        let region = Region::find(region).unwrap();
        TermRule::find(rule).unwrap().end(from.parse().unwrap(), length, unit, region).unwrap()
    }

    fn ends(rule: &str, from: &str, length: u32, unit: TermUnit, region: &str) -> String {
        end(rule, from, length, unit, region).ends_on.to_string()
    }

    #[test]
    fn every_line_is_a_rule() {
        let unread: Vec<&str> = lines().filter(|line| TermRule::parse(line).is_none()).collect();
        assert_eq!(unread, Vec::<&str>::new());
        for rule in TermRule::all() {
            assert!(rule.region.is_none_or(|code| Region::find(code).is_some()), "{}", rule.code);
            assert!(!rule.source.is_empty() && !rule.begins.is_empty(), "{}", rule.code);
            assert!(!rule.two_working_days || !rule.least_days.is_empty(), "{}", rule.code);
        }
    }

    #[test]
    fn the_civil_code_counts_from_the_day_behind_the_event() {
        use TermUnit::{Days, Months, Weeks, Years};
        // Day 31 from January and a month: 02-28, which is a Saturday in 2026 and a Wednesday in 2029.
        let january = end("DE_BGB", "2026-01-31", 1, Months, "DE");
        assert_eq!(
            (january.nominal.to_string(), january.ends_on.to_string()),
            ("2026-02-28".into(), "2026-03-02".into())
        );
        let paragraphs: Vec<&str> = january.steps.iter().map(|step| step.paragraph).collect();
        assert_eq!(paragraphs, ["§ 187 Abs. 1 BGB", "§ 188 Abs. 2 BGB", "§ 188 Abs. 3 BGB", "§ 193 BGB"]);
        assert!(
            january.steps[3].text.contains("2026-02-28 is a Saturday, 2026-03-01 is a Sunday"),
            "{:?}",
            january.steps
        );
        assert_eq!(ends("DE_BGB", "2029-01-31", 1, Months, "DE"), "2029-02-28");
        assert_eq!(ends("DE_BGB", "2028-01-31", 1, Months, "DE"), "2028-02-29");
        assert_eq!(ends("DE_BGB", "2026-02-28", 1, Months, "DE"), "2026-03-30", "the 28th is a Saturday");
        assert_eq!(ends("DE_BGB", "2026-01-13", 2, Weeks, "DE"), "2026-01-27");
        assert_eq!(ends("DE_BGB", "2026-01-13", 10, Days, "DE"), "2026-01-23");
        assert_eq!(ends("DE_BGB", "2024-02-29", 1, Years, "DE"), "2025-02-28");
        // Two weeks to Good Friday end with the Tuesday behind Easter.
        assert_eq!(ends("DE_BGB", "2026-03-20", 2, Weeks, "DE"), "2026-04-07");
        // Corpus Christi is a holiday in Bavaria and none in Berlin.
        assert_eq!(ends("DE_BGB", "2026-05-04", 1, Months, "DE-BY"), "2026-06-05");
        assert_eq!(ends("DE_BGB", "2026-05-04", 1, Months, "DE-BE"), "2026-06-04");
    }

    #[test]
    fn a_term_from_the_beginning_of_a_day_ends_the_day_before() {
        use TermUnit::{Days, Months, Weeks, Years};
        assert_eq!(end("DE_BGB_DAY", "2026-01-01", 1, Months, "DE").nominal.to_string(), "2026-01-31");
        assert_eq!(end("DE_BGB_DAY", "2026-01-15", 1, Years, "DE").nominal.to_string(), "2027-01-14");
        assert_eq!(end("DE_BGB_DAY", "2026-01-31", 1, Months, "DE").nominal.to_string(), "2026-02-28");
        assert_eq!(end("DE_BGB_DAY", "2026-03-01", 1, Months, "DE").nominal.to_string(), "2026-03-31");
        assert_eq!(end("DE_BGB_DAY", "2026-01-12", 1, Weeks, "DE").nominal.to_string(), "2026-01-18");
        assert_eq!(end("DE_BGB_DAY", "2026-01-12", 1, Days, "DE").nominal.to_string(), "2026-01-12");
    }

    #[test]
    fn the_regulation_wants_two_working_days() {
        use TermUnit::{Days, Months};
        // From Thursday before Easter two days: Friday and Saturday count none, Monday neither: Tuesday and Wednesday.
        let easter = end("EU_1182_71", "2026-04-02", 2, Days, "DE");
        assert_eq!(easter.ends_on.to_string(), "2026-04-08");
        assert_eq!(easter.steps.last().unwrap().paragraph, "Art. 3(5) Regulation 1182/71");
        assert_eq!(ends("EU_1182_71", "2026-01-15", 1, Days, "DE"), "2026-01-16");
        assert_eq!(ends("EU_1182_71", "2026-01-16", 1, Days, "DE"), "2026-01-19");
        assert_eq!(ends("EU_1182_71", "2026-01-31", 1, Months, "DE"), "2026-03-02");
    }

    #[test]
    fn other_laws() {
        use TermUnit::{Days, Months, Weeks};
        // Good Friday is no holiday in Austria, but a day on which no term ends.
        let friday = end("AT_ABGB", "2026-03-20", 2, Weeks, "AT");
        assert_eq!(friday.ends_on.to_string(), "2026-04-07");
        assert!(friday.steps.last().unwrap().text.contains("Karfreitag"));
        assert_eq!(ends("FR_CPC", "2026-04-14", 1, Months, "FR"), "2026-05-15", "the 14th is Ascension");
        assert_eq!(ends("US_FRCP", "2026-06-19", 14, Days, "US"), "2026-07-06", "3 July is observed for the 4th");
        let refused = TermRule::find("US_FRCP").unwrap().end(
            "2026-06-19".parse().unwrap(),
            1,
            Months,
            Region::find("US").unwrap(),
        );
        assert_eq!(refused, Err(CalendarError::UnitNotKnown));
    }

    #[test]
    fn what_is_no_length_is_refused() {
        let rule = TermRule::find("DE_BGB").unwrap();
        let region = Region::find("DE").unwrap();
        let from = "2026-01-01".parse().unwrap();
        for (length, unit) in
            [(0, TermUnit::Days), (u32::MAX, TermUnit::Weeks), (90_000, TermUnit::Years), (100, TermUnit::Years)]
        {
            assert_eq!(rule.end(from, length, unit, region), Err(CalendarError::TermLength), "{length} {unit:?}");
        }
    }
}
