//! Periods that work is done for: days, weeks, months, quarters and years, each with a name of its own.

use chrono::{Datelike, Days, Months, NaiveDate};

/// What sort of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeriodUnit {
    /// A day.
    Day,
    /// A week from Monday on, by ISO 8601.
    Week,
    /// A month.
    Month,
    /// Three months, from January, April, July and October on.
    Quarter,
    /// A year.
    Year,
}

/// A period: its name and its days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Period {
    /// Its name, which no other period has: `2026-03-31`, `2026-W14`, `2026-03`, `2026-Q1`, `2026`.
    pub name: String,
    /// Its first day.
    pub first: NaiveDate,
    /// Its last day.
    pub last: NaiveDate,
}

/// The first day of the period that holds a day.
fn first_of(unit: PeriodUnit, day: NaiveDate) -> Option<NaiveDate> {
    match unit {
        PeriodUnit::Day => Some(day),
        PeriodUnit::Week => day.checked_sub_days(Days::new(day.weekday().num_days_from_monday().into())),
        PeriodUnit::Month => day.with_day(1),
        PeriodUnit::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
        PeriodUnit::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
    }
}

/// So many periods on, or back if negative, from the first day of one.
fn moved(unit: PeriodUnit, first: NaiveDate, by: i32) -> Option<NaiveDate> {
    let steps = u64::from(by.unsigned_abs());
    let days = |each: u64| {
        let days = Days::new(steps.checked_mul(each)?);
        if by < 0 { first.checked_sub_days(days) } else { first.checked_add_days(days) }
    };
    let months = |each: u32| {
        let months = Months::new(by.unsigned_abs().checked_mul(each)?);
        if by < 0 { first.checked_sub_months(months) } else { first.checked_add_months(months) }
    };
    match unit {
        PeriodUnit::Day => days(1),
        PeriodUnit::Week => days(7),
        PeriodUnit::Month => months(1),
        PeriodUnit::Quarter => months(3),
        PeriodUnit::Year => months(12),
    }
}

impl Period {
    /// The period that holds a day, or one so many periods behind it, or before it if negative. None where no calendar
    /// reaches.
    #[must_use]
    pub fn of(unit: PeriodUnit, day: NaiveDate, shift: i32) -> Option<Self> {
        let first = moved(unit, first_of(unit, day)?, shift)?;
        let last = moved(unit, first, 1)?.pred_opt()?;
        let name = match unit {
            PeriodUnit::Day => first.to_string(),
            PeriodUnit::Week => format!("{}-W{:02}", first.iso_week().year(), first.iso_week().week()),
            PeriodUnit::Month => first.format("%Y-%m").to_string(),
            PeriodUnit::Quarter => format!("{}-Q{}", first.format("%Y"), first.month0() / 3 + 1),
            PeriodUnit::Year => first.format("%Y").to_string(),
        };
        Some(Self { name, first, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(unit: PeriodUnit, day: &str, shift: i32) -> (String, String, String) {
        let period = Period::of(unit, day.parse().unwrap(), shift).unwrap();
        (period.name, period.first.to_string(), period.last.to_string())
    }

    fn is(found: (String, String, String), name: &str, first: &str, last: &str) {
        assert_eq!(found, (name.to_owned(), first.to_owned(), last.to_owned()));
    }

    #[test]
    fn each_period_has_its_name_and_its_days() {
        is(of(PeriodUnit::Day, "2026-03-31", 0), "2026-03-31", "2026-03-31", "2026-03-31");
        is(of(PeriodUnit::Week, "2026-04-01", 0), "2026-W14", "2026-03-30", "2026-04-05");
        is(of(PeriodUnit::Week, "2027-01-02", 0), "2026-W53", "2026-12-28", "2027-01-03");
        is(of(PeriodUnit::Month, "2026-04-01", -1), "2026-03", "2026-03-01", "2026-03-31");
        is(of(PeriodUnit::Month, "2028-03-15", -1), "2028-02", "2028-02-01", "2028-02-29");
        is(of(PeriodUnit::Quarter, "2026-05-10", 0), "2026-Q2", "2026-04-01", "2026-06-30");
        is(of(PeriodUnit::Quarter, "2026-01-10", -1), "2025-Q4", "2025-10-01", "2025-12-31");
        is(of(PeriodUnit::Year, "2026-05-10", 1), "2027", "2027-01-01", "2027-12-31");
    }

    #[test]
    fn periods_follow_each_other_without_a_gap() {
        for unit in [PeriodUnit::Day, PeriodUnit::Week, PeriodUnit::Month, PeriodUnit::Quarter, PeriodUnit::Year] {
            let mut day: NaiveDate = "2023-12-20".parse().unwrap();
            for _ in 0..200 {
                let (this, next) = (Period::of(unit, day, 0).unwrap(), Period::of(unit, day, 1).unwrap());
                assert_eq!(this.last.succ_opt().unwrap(), next.first);
                assert!(this.first <= day && day <= this.last && this.name != next.name);
                assert_eq!(Period::of(unit, next.last, -1).unwrap(), this);
                day = next.last;
            }
        }
    }
}
