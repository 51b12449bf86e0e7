//! When a work item is due, and why: on a day that somebody said, so many working days or business minutes behind another
//! day or moment, or by a clock that runs on the item. What was computed is kept with the days that were looked at, so that
//! it is explained as the calendar was then.

use async_graphql::{Enum, InputObject, SimpleObject};
use backoffice_calendar::{Calendar, Day, Roll};
use chrono::{NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::WorkItem;
use crate::clocks::account::{TimeAccount, TimeReason};
use crate::clocks::calendar::{self, BusinessCalendar};
use crate::clocks::change::{self, Beginning, Moment};
use crate::clocks::clock::{Clock, ClockState};
use crate::clocks::days::{DayInterval, rows};
use crate::clocks::follow;
use crate::clocks::ids::{BusinessCalendarId, ClockId};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::WorkItemId;
use crate::platform::scalars::{Date, DateTime};

/// The most working days, back or on.
const MOST_DAYS: i32 = 1_000;
/// The most business minutes: ten years.
const MOST_MINUTES: i32 = 5_256_000;

/// How it came that a work item is due when it is.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueBasis {
    /// Somebody said the day.
    Stated,
    /// So many working days of a calendar from another day.
    WorkingDays,
    /// So many days from another day, and where no working day is, the next or the last one.
    Days,
    /// So much business time of a calendar from a moment.
    BusinessTime,
    /// A clock runs on it: it is due when that is.
    Clock,
}

/// How a due date is computed: one of `workingDays`, `businessMinutes` and `clockMinutes`.
#[derive(InputObject, Clone, Debug, Default)]
pub struct WorkDueInput {
    /// The calendar; the client's default if not said.
    pub calendar: Option<BusinessCalendarId>,
    /// So many working days behind `from`, or before it if negative, at most 1,000; 0: that day itself, or the next working
    /// day.
    pub working_days: Option<i32>,
    /// The day from which working days are counted, which does not count itself; today in the client's time zone if not
    /// said.
    pub from: Option<Date>,
    /// So many minutes of business time behind `since`, 1 to 5,256,000.
    pub business_minutes: Option<i32>,
    /// The moment from which business time is counted; now if not said.
    pub since: Option<DateTime>,
    /// A clock is started on the item that allows so many minutes of business time, 1 to 5,256,000: it is due when the clock
    /// is, and on no day while that is paused. The clock stops when the item is done or cancelled. Right:
    /// `work.clock.manage`.
    pub clock_minutes: Option<i32>,
}

/// Why a work item is due when it is.
#[derive(SimpleObject, Clone, Debug)]
pub struct DueExplanation {
    /// How it came so.
    pub basis: DueBasis,
    /// The same in a sentence.
    pub sentence: String,
    /// The days that were looked at on the way, the due day last; empty unless working days were counted.
    pub days: Vec<DayInterval>,
    /// What counted and what was skipped; null unless business time was counted.
    pub time: Option<TimeAccount>,
    /// The clock; null unless it is due by one. `clock` reads it.
    pub clock_id: Option<ClockId>,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
struct KeptDays {
    from: NaiveDate,
    through: NaiveDate,
    days: i32,
    reason: String,
    name: Option<String>,
}

/// How a due date was computed, as it is kept.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(tag = "by", rename_all = "snake_case")]
enum Basis {
    WorkingDays {
        from: NaiveDate,
        what: Option<String>,
        count: i32,
        calendar: String,
        due: NaiveDate,
        days: Vec<KeptDays>,
    },
    Days {
        from: NaiveDate,
        what: String,
        count: i32,
        calendar: String,
        stated: NaiveDate,
        due: NaiveDate,
        days: Vec<KeptDays>,
    },
    BusinessTime {
        from: chrono::DateTime<Utc>,
        minutes: i32,
        calendar: String,
        account: serde_json::Value,
    },
}

/// When something is due, and why.
#[derive(Clone, Debug, Default)]
pub struct WorkDue {
    /// The day, in the client's time zone.
    pub on: Option<Date>,
    /// The instant, if it is one.
    pub at: Option<DateTime>,
    /// How it was computed.
    pub basis: Option<serde_json::Value>,
    /// The clock that it is due by.
    pub clock: Option<ClockId>,
}

impl WorkDue {
    /// On a day that somebody said.
    pub fn stated(on: Option<Date>) -> Self {
        Self { on, ..Self::default() }
    }
}

fn kept(days: &[Day<'_>]) -> Vec<KeptDays> {
    let row = |one: DayInterval| KeptDays {
        from: one.from.0,
        through: one.through.0,
        days: one.days,
        reason: one.reason.text().to_owned(),
        name: one.name,
    };
    rows(days).into_iter().map(row).collect()
}

fn shown(days: Vec<KeptDays>) -> Result<Vec<DayInterval>> {
    days.into_iter()
        .map(|one| {
            let reason = TimeReason::parse(&one.reason).ok_or_else(|| Error::fault("an unknown reason is kept"))?;
            Ok(DayInterval {
                from: Date(one.from),
                through: Date(one.through),
                days: one.days,
                counted: reason == TimeReason::Open,
                reason,
                name: one.name,
            })
        })
        .collect()
}

fn long(day: NaiveDate) -> String {
    day.format("%-d %B %Y").to_string()
}

fn counted(count: u32, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What was skipped, in words: holidays and exceptions by name, everything else by how many days it was.
fn skipped(days: &[KeptDays]) -> String {
    let (mut named, mut closed): (Vec<&str>, i32) = (Vec::new(), 0);
    for one in days.iter().filter(|one| one.reason != TimeReason::Open.text()) {
        match one.name.as_deref() {
            Some(name) if !named.contains(&name) => named.push(name),
            Some(_) => {}
            None => closed = closed.saturating_add(one.days),
        }
    }
    let mut parts: Vec<String> = named.into_iter().map(str::to_owned).collect();
    if closed > 0 {
        parts.push(format!("{} without hours", counted(closed.unsigned_abs(), "day")));
    }
    if parts.is_empty() { String::new() } else { format!(" Skipped: {}.", parts.join(", ")) }
}

fn days_sentence(basis: (NaiveDate, Option<&str>, i32, &str, NaiveDate), days: &[KeptDays]) -> String {
    let (from, what, count, calendar, due) = basis;
    let from = what.map_or_else(|| long(from), |what| format!("{} ({what})", long(from)));
    let way = match count {
        0 => format!("{from} or the next working day"),
        1.. => format!("{} behind {from}", counted(count.unsigned_abs(), "working day")),
        _ => format!("{} before {from}", counted(count.unsigned_abs(), "working day")),
    };
    format!("{way}, by the calendar \"{calendar}\": {}.{}", long(due), skipped(days))
}

/// So many working days from a day, in a calendar. `what` says what that day is.
pub fn by_working_days(
    calendar: &Calendar,
    name: &str,
    from: NaiveDate,
    what: Option<String>,
    count: i32,
) -> Result<WorkDue> {
    let refused = |error: backoffice_calendar::CalendarError| {
        Error::refuse(UserErrorCode::Invalid, "due.workingDays", error.to_string())
    };
    let (due, passed) = calendar.pass_working_days(from, count).map_err(refused)?;
    let basis = Basis::WorkingDays { from, what, count, calendar: name.to_owned(), due, days: kept(&passed) };
    let basis = serde_json::to_value(basis).map_err(Error::fault)?;
    Ok(WorkDue { on: Some(Date(due)), basis: Some(basis), ..WorkDue::default() })
}

/// So many days from a day, at `stated`, and from there to a working day. `from` says what that day is.
pub fn by_days(
    calendar: &Calendar,
    name: &str,
    from: (NaiveDate, String),
    count: i32,
    stated: NaiveDate,
    roll: Option<Roll>,
) -> Result<WorkDue> {
    let refused =
        |error: backoffice_calendar::CalendarError| Error::refuse(UserErrorCode::Invalid, "due", error.to_string());
    let due = roll.map_or(Ok(stated), |roll| calendar.roll(stated, roll)).map_err(refused)?;
    let passed: Vec<Day<'_>> = if due < stated {
        calendar.days_back(stated).take_while(|day| day.date >= due).collect()
    } else {
        calendar.days(stated).take_while(|day| day.date <= due).collect()
    };
    let (from, what) = from;
    let basis = Basis::Days { from, what, count, calendar: name.to_owned(), stated, due, days: kept(&passed) };
    let basis = serde_json::to_value(basis).map_err(Error::fault)?;
    Ok(WorkDue { on: Some(Date(due)), basis: Some(basis), ..WorkDue::default() })
}

/// The calendar of that id, or the default one, with its name.
pub async fn calendar_of(
    tx: &Tx,
    id: Option<BusinessCalendarId>,
    field: &str,
) -> Result<(BusinessCalendar, std::sync::Arc<Calendar>)> {
    let named = match id {
        Some(id) => id,
        None => calendar::default_of(tx).await?.ok_or_else(|| {
            let message = "This client has no default calendar: name one, or make one.";
            Error::refuse(UserErrorCode::Required, field, message)
        })?,
    };
    let found = BusinessCalendar::fetch(tx, vec![named]).await?.remove(&named).filter(|one| one.deleted_at.is_none());
    let found = found.ok_or_else(|| Error::not_found(field, "business calendar"))?;
    let whole = calendar::whole(tx, named).await?.ok_or_else(|| Error::not_found(field, "business calendar"))?;
    Ok((found, whole))
}

fn minutes(given: i32, field: &str) -> Result<i64> {
    if (1..=MOST_MINUTES).contains(&given) {
        return Ok(i64::from(given) * 60);
    }
    Err(Error::refuse(UserErrorCode::Invalid, field, "This is 1 to 5,256,000 minutes of business time."))
}

/// What was refused of the clock, at the field that describes it.
fn below(error: Error) -> Error {
    match error {
        Error::Refused(mut reasons) => {
            for reason in &mut reasons {
                let at = reason.field.len().min(1);
                reason.field.insert(at, "due".to_owned());
                if let Some(last) = reason.field.last_mut().filter(|last| *last == "at") {
                    *last = "since".to_owned();
                }
            }
            Error::Refused(reasons)
        }
        other => other,
    }
}

/// When an item is due that is described so. Where a clock is wanted, it is started on the item.
pub(super) async fn resolve(tx: &Tx, input: WorkDueInput, item: WorkItemId) -> Result<WorkDue> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    match (input.working_days, input.business_minutes, input.clock_minutes) {
        (Some(count), None, None) => {
            if count.saturating_abs() > MOST_DAYS {
                return refuse("due.workingDays", "At most 1,000 working days.");
            }
            if input.since.is_some() {
                return refuse("due.since", "Working days are counted from a day: say `from`.");
            }
            let (named, calendar) = calendar_of(tx, input.calendar, "due.calendar").await?;
            by_working_days(
                &calendar,
                &follow::said(tx, &named).await?,
                input.from.map_or(tx.today(), |day| day.0),
                None,
                count,
            )
        }
        (None, Some(given), None) => {
            if input.from.is_some() {
                return refuse("due.from", "Business time is counted from a moment: say `since`.");
            }
            let seconds = minutes(given, "due.businessMinutes")?;
            let (named, calendar) = calendar_of(tx, input.calendar, "due.calendar").await?;
            let refused = |error: backoffice_calendar::CalendarError| {
                Error::refuse(UserErrorCode::Invalid, "due.businessMinutes", error.to_string())
            };
            let from = backoffice_calendar::timeline::whole(input.since.map_or(tx.now(), |at| at.0));
            let at = calendar.add(from, seconds).map_err(refused)?;
            let account = TimeAccount::from(&calendar.explain(from, at).map_err(refused)?).kept()?;
            let basis =
                Basis::BusinessTime { from, minutes: given, calendar: follow::said(tx, &named).await?, account };
            Ok(WorkDue {
                on: Some(Date(at.with_timezone(&tx.time_zone()).date_naive())),
                at: Some(DateTime(at)),
                basis: Some(serde_json::to_value(basis).map_err(Error::fault)?),
                clock: None,
            })
        }
        (None, None, Some(given)) => {
            let beginning = Beginning {
                node_type: "WorkItem",
                node_id: item.0,
                name: "Due".to_owned(),
                calendar: input.calendar,
                target_seconds: Some(minutes(given, "due.clockMinutes")?),
                at: Moment(input.since),
            };
            let started = change::start(tx, beginning).await.map_err(below)?;
            let on = started.due_at.map(|at| Date(at.0.with_timezone(&tx.time_zone()).date_naive()));
            Ok(WorkDue { on, at: started.due_at, basis: None, clock: Some(started.id) })
        }
        _ => refuse("due", "Say one of `workingDays`, `businessMinutes` and `clockMinutes`."),
    }
}

/// Stops the clock that an item is due by, if that runs or is paused: the item is done, or due otherwise from now on.
pub(super) async fn stop_clock(tx: &Tx, clock: Option<ClockId>) -> Result<()> {
    let Some(id) = clock else { return Ok(()) };
    let found = Clock::fetch(tx, vec![id]).await?.remove(&id);
    if found.is_some_and(|clock| clock.state != ClockState::Stopped) {
        change::stop(tx, id, Moment::default()).await?;
    }
    Ok(())
}

/// Why an item is due when it is.
pub(super) fn explain(item: &WorkItem) -> Result<Option<DueExplanation>> {
    let plain = |basis, sentence| DueExplanation { basis, sentence, days: Vec::new(), time: None, clock_id: None };
    if let Some(clock) = item.due_clock_id {
        let sentence = match item.due_at {
            Some(at) => format!("The clock that runs on it is due at {}.", moment(at)),
            None => "The clock that it is due by is paused.".to_owned(),
        };
        return Ok(Some(DueExplanation { clock_id: Some(clock), ..plain(DueBasis::Clock, sentence) }));
    }
    let Some(kept) = &item.due_basis else {
        return Ok(item.due_on.map(|day| plain(DueBasis::Stated, format!("Somebody said {}.", long(day.0)))));
    };
    match Basis::deserialize(kept).map_err(Error::fault)? {
        Basis::WorkingDays { from, what, count, calendar, due, days } => {
            let sentence = days_sentence((from, what.as_deref(), count, &calendar, due), &days);
            Ok(Some(DueExplanation { days: shown(days)?, ..plain(DueBasis::WorkingDays, sentence) }))
        }
        Basis::Days { from, what, count, calendar, stated, due, days } => {
            let way = match count {
                0 => format!("{} ({what})", long(from)),
                1.. => format!("{} behind {} ({what})", counted(count.unsigned_abs(), "day"), long(from)),
                _ => format!("{} before {} ({what})", counted(count.unsigned_abs(), "day"), long(from)),
            };
            let sentence = if due == stated {
                format!("{way}: {}.", long(due))
            } else {
                let from = long(stated);
                format!("{way}: {from}, rolled by the calendar \"{calendar}\" to {}.{}", long(due), skipped(&days))
            };
            Ok(Some(DueExplanation { days: shown(days)?, ..plain(DueBasis::Days, sentence) }))
        }
        Basis::BusinessTime { from, minutes, calendar, account } => {
            let at = item.due_at.map_or_else(String::new, moment);
            let sentence = format!(
                "{} of business time behind {}, by the calendar \"{calendar}\": {at}.",
                counted(minutes.unsigned_abs(), "minute"),
                moment(DateTime(from)),
            );
            let time = Some(TimeAccount::restored(&account)?);
            Ok(Some(DueExplanation { time, ..plain(DueBasis::BusinessTime, sentence) }))
        }
    }
}

fn moment(at: DateTime) -> String {
    at.0.format("%-d %B %Y, %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use backoffice_calendar::{DayHours, Region, WeekHours};

    use super::*;

    fn german() -> Calendar {
        let nine_to_five = DayHours::new(vec![(540, 1020)]).unwrap();
        Calendar::new(chrono_tz::Europe::Berlin, WeekHours::weekdays(&nine_to_five), Region::find("DE"))
    }

    fn sentence(from: &str, what: Option<&str>, count: i32) -> (String, String) {
        let due =
            by_working_days(&german(), "Standard", from.parse().unwrap(), what.map(str::to_owned), count).unwrap();
        let Basis::WorkingDays { from, what, count, calendar, due: on, days } =
            Basis::deserialize(due.basis.as_ref().unwrap()).unwrap()
        else {
            panic!()
        };
        (due.on.unwrap().0.to_string(), days_sentence((from, what.as_deref(), count, &calendar, on), &days))
    }

    #[test]
    fn a_due_day_says_what_was_skipped() {
        let (on, said) = sentence("2026-03-31", Some("the end of the period"), 10);
        assert_eq!(on, "2026-04-16");
        assert_eq!(
            said,
            "10 working days behind 31 March 2026 (the end of the period), by the calendar \"Standard\": 16 April 2026. \
             Skipped: Karfreitag, Ostermontag, 4 days without hours."
        );
        assert_eq!(
            sentence("2026-03-02", None, 1),
            (
                "2026-03-03".to_owned(),
                "1 working day behind 2 March 2026, by the calendar \"Standard\": 3 March 2026.".to_owned()
            )
        );
        assert_eq!(sentence("2026-03-01", None, 0).0, "2026-03-02");
        assert_eq!(sentence("2026-03-02", None, -1).0, "2026-02-27");
    }
}
