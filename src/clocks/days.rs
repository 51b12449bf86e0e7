//! Working days: how many, so many on, and where a date rolls to.

use async_graphql::{Context, Enum, Object, SimpleObject};
use backoffice_calendar::{Day, Roll};

use super::account::TimeReason;
use super::calendar::named;
use super::ids::BusinessCalendarId;
use super::refused;
use crate::platform::can::Can;
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;

/// How many rows of days an explanation lists at most.
const MOST: usize = 500;

/// Where a date goes that is no working day.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollConvention {
    /// To the next working day.
    Following,
    /// To the next working day, unless that lies in another month: then to the one before.
    ModifiedFollowing,
    /// To the working day before.
    Preceding,
}

/// Days in a row that counted, or that were skipped for one reason.
#[derive(SimpleObject, Clone, Debug)]
pub struct DayInterval {
    /// The first of them.
    pub from: Date,
    /// The last of them.
    pub through: Date,
    /// How many.
    pub days: i32,
    /// Whether they are working days.
    pub counted: bool,
    /// Why; `OPEN` for working days.
    pub reason: TimeReason,
    /// Name of the holiday or exception.
    pub name: Option<String>,
}

/// Working days in a row of days.
#[derive(SimpleObject, Clone, Debug)]
pub struct WorkingDays {
    /// How many working days: days on which the calendar is open at any time.
    pub counted_days: i32,
    /// How many other days.
    pub skipped_days: i32,
    /// All of them in their order, the first 500 rows.
    pub explanation: Vec<DayInterval>,
}

/// A working day that was computed, and how.
#[derive(SimpleObject, Clone, Debug)]
pub struct WorkingDay {
    /// The day.
    pub date: Date,
    /// The days that were looked at on the way, in the direction in which they were, the day itself last: the first 500
    /// rows.
    pub explanation: Vec<DayInterval>,
}

/// Days as they are explained: one row for days in a row that counted, or were skipped for one reason.
pub fn rows(days: &[Day<'_>]) -> Vec<DayInterval> {
    let mut rows: Vec<DayInterval> = Vec::new();
    for day in days {
        let counted = day.is_working();
        let (reason, name) = match counted {
            true => (TimeReason::Open, None),
            false => (day.reason.into(), day.name.as_deref()),
        };
        let full = rows.len() >= MOST;
        match rows.last_mut() {
            Some(last) if last.counted == counted && last.reason == reason && last.name.as_deref() == name => {
                last.through = Date(day.date);
                last.days = last.days.saturating_add(1);
            }
            _ if full => break,
            _ => rows.push(DayInterval {
                from: Date(day.date),
                through: Date(day.date),
                days: 1,
                counted,
                reason,
                name: name.map(str::to_owned),
            }),
        }
    }
    rows
}

/// Queries about working days.
#[derive(Default)]
pub struct DayQuery;

#[Object]
impl DayQuery {
    /// The working days from one date up to another; null if the calendar's id is unknown. Right: `core.calendar.read`.
    async fn working_days(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar; the client's default if not said.")] calendar: Option<BusinessCalendarId>,
        #[graphql(desc = "From this day on.")] from: Date,
        #[graphql(desc = "Up to this day, which is not part of it; at most ten years later.")] until: Date,
    ) -> async_graphql::Result<Option<WorkingDays>> {
        let tx = ctx.tx(Can::CalendarRead).await?;
        let Some(calendar) = named(tx, calendar).await? else { return Ok(None) };
        let days = calendar.days_between(from.0, until.0).map_err(refused)?;
        let counted = days.iter().filter(|day| day.is_working()).count();
        let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        Ok(Some(WorkingDays {
            counted_days: number(counted),
            skipped_days: number(days.len().saturating_sub(counted)),
            explanation: rows(&days),
        }))
    }

    /// The working day that lies so many working days behind a date, or before it; null if the calendar's id is unknown.
    /// Right: `core.calendar.read`.
    async fn working_day_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar; the client's default if not said.")] calendar: Option<BusinessCalendarId>,
        #[graphql(desc = "The date, which does not count itself.")] from: Date,
        #[graphql(
            desc = "How many working days on, or back if negative; 0: the date itself, or the next working day."
        )]
        days: i32,
    ) -> async_graphql::Result<Option<WorkingDay>> {
        let tx = ctx.tx(Can::CalendarRead).await?;
        let Some(calendar) = named(tx, calendar).await? else { return Ok(None) };
        let (date, passed) = calendar.pass_working_days(from.0, days).map_err(refused)?;
        Ok(Some(WorkingDay { date: Date(date), explanation: rows(&passed) }))
    }

    /// The date itself if it is a working day, else where the convention says; null if the calendar's id is unknown. Right:
    /// `core.calendar.read`.
    async fn working_day_roll(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar; the client's default if not said.")] calendar: Option<BusinessCalendarId>,
        #[graphql(desc = "The date.")] date: Date,
        #[graphql(desc = "Where it goes if it is no working day.")] convention: RollConvention,
    ) -> async_graphql::Result<Option<WorkingDay>> {
        let tx = ctx.tx(Can::CalendarRead).await?;
        let Some(calendar) = named(tx, calendar).await? else { return Ok(None) };
        let roll = match convention {
            RollConvention::Following => Roll::Following,
            RollConvention::ModifiedFollowing => Roll::ModifiedFollowing,
            RollConvention::Preceding => Roll::Preceding,
        };
        let rolled = calendar.roll(date.0, roll).map_err(refused)?;
        let mut passed: Vec<Day<'_>> = if rolled < date.0 {
            calendar.days_back(date.0).take_while(|day| day.date >= rolled).collect()
        } else {
            calendar.days(date.0).take_while(|day| day.date <= rolled).collect()
        };
        passed.truncate(3_660);
        Ok(Some(WorkingDay { date: Date(rolled), explanation: rows(&passed) }))
    }
}
