//! What a run proposes for an item, and what that costs: no database, no clock.

use backoffice_money::{Currency, Decimal, MoneyError, add, mul, round};
use chrono::NaiveDate;

use super::DunningOmission;
use super::level::DunningLevel;

/// Days of a year, for interest.
const YEAR: Decimal = Decimal::from_parts(365, 0, 0, false, 0);

/// A part of an item that is open, and the day it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenPart {
    /// The day it was due.
    pub due_date: NaiveDate,
    /// In the item's currency.
    pub open: Decimal,
}

/// What is known of an item on the day of a run.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// What was open of it at the end of that day, by the day it was due.
    pub parts: Vec<OpenPart>,
    /// What is open of it now: a payment that was recorded since counts.
    pub open_now: Decimal,
    /// Its currency.
    pub currency: Currency,
    /// It is in dispute.
    pub disputed: bool,
    /// Another run proposes it.
    pub proposed: bool,
    /// It is a fee or interest itself.
    pub charge: bool,
    /// The level that was sent last, 0 for none.
    pub sent_level: i32,
    /// The day up to which interest was asked for.
    pub interest_through: Option<NaiveDate>,
}

/// What is proposed for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proposed {
    /// The level.
    pub level: i32,
    /// Days since the first of its open parts was due.
    pub days_overdue: i32,
    /// How much of it is overdue.
    pub overdue: Decimal,
    /// Percent a year.
    pub interest_percent: Decimal,
    /// Interest on what is overdue.
    pub interest: Decimal,
}

fn days_between(from: NaiveDate, to: NaiveDate) -> i32 {
    i32::try_from(to.signed_duration_since(from).num_days()).unwrap_or(i32::MAX)
}

/// Days since the first open part was due; negative before that.
pub(super) fn days_overdue(facts: &Facts, day: NaiveDate) -> i32 {
    facts.parts.iter().map(|part| days_between(part.due_date, day)).max().unwrap_or_default()
}

/// The level that comes next for an item, if it comes on that day: each one behind the one before it, and only when so many
/// days have gone by.
pub(super) fn propose(
    facts: &Facts,
    levels: &[DunningLevel],
    day: NaiveDate,
) -> Result<Result<Proposed, DunningOmission>, MoneyError> {
    let overdue_parts: Vec<OpenPart> = facts.parts.iter().copied().filter(|part| part.due_date < day).collect();
    let mut left = facts.open_now;
    let mut parts = Vec::with_capacity(overdue_parts.len());
    let later = facts.parts.iter().filter(|part| part.due_date >= day);
    let not_due = later.map(|part| part.open).try_fold(Decimal::ZERO, add)?;
    // what was paid since has settled the earliest: the latest are open
    left = left.min(overdue_parts.iter().map(|part| part.open).try_fold(not_due, add)?);
    left = backoffice_money::sub(left, not_due.min(left))?;
    for part in overdue_parts.iter().rev() {
        let open = part.open.min(left);
        left = backoffice_money::sub(left, open)?;
        if open > Decimal::ZERO {
            parts.push(OpenPart { open, ..*part });
        }
    }
    if facts.open_now <= Decimal::ZERO {
        return Ok(Err(DunningOmission::Settled));
    }
    if facts.charge {
        return Ok(Err(DunningOmission::Charge));
    }
    if facts.disputed {
        return Ok(Err(DunningOmission::Disputed));
    }
    if facts.proposed {
        return Ok(Err(DunningOmission::Proposed));
    }
    let Some(first) = parts.iter().map(|part| part.due_date).min() else { return Ok(Err(DunningOmission::NotDue)) };
    let Some(level) = levels.iter().find(|level| level.level == facts.sent_level.saturating_add(1)) else {
        return Ok(Err(if levels.is_empty() || facts.sent_level == 0 {
            DunningOmission::TooEarly
        } else {
            DunningOmission::LastLevel
        }));
    };
    let days_overdue = days_between(first, day);
    if days_overdue < level.days_overdue {
        return Ok(Err(DunningOmission::TooEarly));
    }
    let overdue = parts.iter().map(|part| part.open).try_fold(Decimal::ZERO, add)?;
    let interest = interest(&parts, level.interest_percent.0, facts.interest_through, day, facts.currency)?;
    let interest_percent = level.interest_percent.0;
    Ok(Ok(Proposed { level: level.level, days_overdue, overdue, interest_percent, interest }))
}

/// Simple interest: of each part for the days since it was due, or since interest was asked for last, by days/365; rounded
/// once.
fn interest(
    parts: &[OpenPart],
    percent: Decimal,
    through: Option<NaiveDate>,
    day: NaiveDate,
    currency: Currency,
) -> Result<Decimal, MoneyError> {
    let mut weighted = Decimal::ZERO;
    for part in parts {
        let from = through.map_or(part.due_date, |through| through.max(part.due_date));
        let days = Decimal::from(days_between(from, day).max(0));
        weighted = add(weighted, mul(part.open, days)?)?;
    }
    let hundredth = Decimal::try_new(1, 2).map_err(|_| MoneyError::Overflow)?;
    let year = mul(weighted, mul(percent, hundredth)?)?;
    round(year.checked_div(YEAR).ok_or(MoneyError::Overflow)?, currency)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::platform::scalars::Dec;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn levels() -> Vec<DunningLevel> {
        [(1, 5, "0"), (2, 20, "9")]
            .into_iter()
            .map(|(level, days_overdue, percent)| DunningLevel {
                level,
                days_overdue,
                fee: Dec(dec("5")),
                interest_percent: Dec(dec(percent)),
                book_charges: true,
            })
            .collect()
    }

    fn facts(sent_level: i32) -> Facts {
        Facts {
            parts: vec![OpenPart { due_date: day("2026-01-10"), open: dec("1000") }],
            open_now: dec("1000"),
            currency: Currency::parse("EUR").unwrap(),
            disputed: false,
            proposed: false,
            charge: false,
            sent_level,
            interest_through: None,
        }
    }

    fn on(facts: &Facts, text: &str) -> Result<Proposed, DunningOmission> {
        propose(facts, &levels(), day(text)).unwrap()
    }

    #[test]
    fn level_one_on_day_five() {
        assert_eq!(on(&facts(0), "2026-01-10"), Err(DunningOmission::NotDue));
        assert_eq!(on(&facts(0), "2026-01-14"), Err(DunningOmission::TooEarly));
        assert_eq!(on(&facts(0), "2026-01-15").unwrap().level, 1);
        // however long it has been, level 2 comes behind level 1
        assert_eq!(on(&facts(0), "2026-03-15").unwrap().level, 1);
        assert_eq!(on(&facts(1), "2026-01-29"), Err(DunningOmission::TooEarly));
        let second = on(&facts(1), "2026-01-30").unwrap();
        // 1,000 at 9 percent for 20 days
        assert_eq!((second.level, second.interest), (2, dec("4.93")));
        assert_eq!(on(&facts(2), "2026-05-30"), Err(DunningOmission::LastLevel));
        assert_eq!(propose(&facts(0), &[], day("2026-03-15")).unwrap(), Err(DunningOmission::TooEarly));
    }

    #[test]
    fn what_keeps_an_item_out() {
        let one = |change: fn(&mut Facts)| {
            let mut facts = facts(0);
            change(&mut facts);
            on(&facts, "2026-02-01")
        };
        assert_eq!(one(|facts| facts.disputed = true), Err(DunningOmission::Disputed));
        assert_eq!(one(|facts| facts.proposed = true), Err(DunningOmission::Proposed));
        assert_eq!(one(|facts| facts.charge = true), Err(DunningOmission::Charge));
        assert_eq!(one(|facts| facts.open_now = Decimal::ZERO), Err(DunningOmission::Settled));
        assert_eq!(one(|facts| facts.open_now = dec("400")).unwrap().overdue, dec("400"));
    }

    #[test]
    fn of_instalments_what_is_due() {
        let mut facts = facts(1);
        facts.parts.push(OpenPart { due_date: day("2026-01-20"), open: dec("500") });
        facts.parts.push(OpenPart { due_date: day("2026-03-20"), open: dec("200") });
        facts.open_now = dec("1700");
        let all = on(&facts, "2026-01-30").unwrap();
        // 1,000 for 20 days and 500 for 10
        assert_eq!((all.overdue, all.interest, all.days_overdue), (dec("1500"), dec("6.16"), 20));
        // 1,100 came since: 400 of the second are overdue, 200 are not due
        facts.open_now = dec("600");
        let mut early = facts.clone();
        early.sent_level = 0;
        let left = on(&early, "2026-01-30").unwrap();
        assert_eq!((left.overdue, left.days_overdue), (dec("400"), 10));
        // interest is asked for once
        facts.open_now = dec("1700");
        facts.interest_through = Some(day("2026-01-25"));
        assert_eq!(on(&facts, "2026-01-30").unwrap().interest, dec("1.85"));
    }

    proptest! {
        #[test]
        fn interest_is_never_negative_and_grows(open in 1i64..100_000_000, days in 0u64..4000, percent in 0i64..1_000_000) {
            let parts = [OpenPart { due_date: day("2026-01-10"), open: Decimal::new(open, 2) }];
            let until = |days: u64| day("2026-01-10").checked_add_days(chrono::Days::new(days)).unwrap();
            let eur = Currency::parse("EUR").unwrap();
            let of = |days| interest(&parts, Decimal::new(percent, 4), None, until(days), eur).unwrap();
            prop_assert!(of(days) >= Decimal::ZERO);
            prop_assert!(of(days) <= of(days + 1));
        }
    }
}
