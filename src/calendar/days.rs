//! Working days: the next one, so many on, how many between, and where a date rolls to that is none.

use chrono::{Datelike, NaiveDate};

use crate::calendar::{Calendar, Day};
use crate::error::CalendarError;
use crate::timeline::MOST_DAYS;

/// Where a date goes that is no working day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roll {
    /// To the next working day.
    Following,
    /// To the next working day, unless that lies in another month: then to the one before.
    ModifiedFollowing,
    /// To the working day before.
    Preceding,
}

const MOST: usize = 3_660;

impl Calendar {
    /// Whether anything is open on that day.
    pub fn is_working_day(&self, date: NaiveDate) -> Result<bool, CalendarError> {
        Ok(self.day(date)?.is_working())
    }

    /// The first working day behind that day.
    pub fn next_working_day(&self, date: NaiveDate) -> Result<NaiveDate, CalendarError> {
        self.add_working_days(date, 1)
    }

    /// The date itself if it is a working day, else where the convention says.
    pub fn roll(&self, date: NaiveDate, roll: Roll) -> Result<NaiveDate, CalendarError> {
        self.day(date)?;
        let following = || self.days(date).take(MOST).find(Day::is_working).map(|day| day.date);
        let preceding = || self.days_back(date).take(MOST).find(Day::is_working).map(|day| day.date);
        let rolled = match roll {
            Roll::Following => following(),
            Roll::Preceding => preceding(),
            Roll::ModifiedFollowing => {
                following().filter(|day| (day.year(), day.month()) == (date.year(), date.month())).or_else(preceding)
            }
        };
        rolled.ok_or(CalendarError::NoWorkingDay)
    }

    /// The working day that lies so many working days behind a date, or before it if the number is negative. The date
    /// itself does not count; nought of them is the date itself, or the next working day if it is none.
    pub fn add_working_days(&self, date: NaiveDate, count: i32) -> Result<NaiveDate, CalendarError> {
        let (day, _) = self.pass_working_days(date, count)?;
        Ok(day)
    }

    /// The same with every day that was looked at on the way, the last one included.
    pub fn pass_working_days(&self, date: NaiveDate, count: i32) -> Result<(NaiveDate, Vec<Day<'_>>), CalendarError> {
        self.day(date)?;
        let mut left = count.unsigned_abs();
        if u64::from(left) > MOST_DAYS {
            return Err(CalendarError::TooLong);
        }
        let days: Box<dyn Iterator<Item = Day<'_>>> = match count {
            0 => Box::new(self.days(date)),
            1.. => Box::new(self.days(date).skip(1)),
            _ => Box::new(self.days_back(date).skip(1)),
        };
        let mut passed = Vec::new();
        for day in days.take(MOST) {
            let (reached, works) = (day.date, day.is_working());
            passed.push(day);
            if works {
                left = left.saturating_sub(1);
                if left == 0 {
                    return Ok((reached, passed));
                }
            }
        }
        Err(CalendarError::NoWorkingDay)
    }

    /// The days from one date up to another, which does not belong to them; at most ten years.
    pub fn days_between(&self, from: NaiveDate, until: NaiveDate) -> Result<Vec<Day<'_>>, CalendarError> {
        if until < from {
            return Err(CalendarError::Backwards);
        }
        let days = usize::try_from((until - from).num_days()).unwrap_or(usize::MAX);
        if days > MOST {
            return Err(CalendarError::TooLong);
        }
        let days: Vec<Day<'_>> = {
            self.day(from)?;
            self.days(from).take(days).collect()
        };
        match (until - from).num_days() == i64::try_from(days.len()).unwrap_or_default() {
            true => Ok(days),
            false => Err(CalendarError::OutOfRange),
        }
    }
}
