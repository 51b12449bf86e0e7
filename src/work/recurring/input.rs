//! What recurring work is made and changed with, and whether that can be: its rule, its periods, its template.

use async_graphql::{InputObject, MaybeUndefined};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};

use super::WorkPeriod;
use super::plan::Plan;
use crate::clocks::ids::BusinessCalendarId;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{TeamId, UserId};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;
use crate::work::ids::RecurringWorkId;
use crate::work::item::due;
use crate::work::template::{self, WorkTemplate};

/// Work that is going to come again.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringWorkCreateInput {
    /// Name, 1 to 200 characters.
    pub name: String,
    /// The code of the service: one that a live engagement of the client covers today or will cover. What comes on a day on
    /// which none does is passed over.
    pub service: String,
    /// The code of the template of which its work is made.
    pub template: String,
    /// When it comes: a rule by RFC 5545, what stands behind `RRULE:`, e.g. `FREQ=MONTHLY`. Days that a month does not have
    /// are its last day.
    pub rule: String,
    /// The day from which the rule counts, at most 366 days ago. What was due since is opened at once.
    pub starts_on: Date,
    /// The time of day by the client's wall clock, `00:00` to `23:59`; `08:00` if not said.
    pub time: Option<String>,
    /// What it is done for. Of each there is one run of the service at most.
    pub period: WorkPeriod,
    /// Which of them: 0 (if not said) is the one in which its day lies, -1 the one before; -12 to 12.
    pub period_shift: Option<i32>,
    /// The calendar in which due days are computed; the client's default if not said.
    pub calendar: Option<BusinessCalendarId>,
    /// Who does it: somebody who may see it.
    pub assignee: Option<UserId>,
    /// The team that does it: one of which somebody may see it.
    pub team: Option<TeamId>,
}

/// Changes of recurring work: what is omitted stays, null clears. What was opened stays as it is.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringWorkUpdateInput {
    /// The work.
    pub id: RecurringWorkId,
    /// The version that was read; refused with `CONFLICT` if it was changed since.
    pub expected_version: Option<i32>,
    /// The day from which on it changes: the work ends before that day, and other work begins there, which the payload
    /// shows. All of it that was not opened changes if not said.
    pub from: Option<Date>,
    /// Name, 1 to 200 characters.
    pub name: Option<String>,
    /// The code of the template of which its work is made.
    pub template: Option<String>,
    /// When it comes.
    pub rule: Option<String>,
    /// The time of day by the client's wall clock, `00:00` to `23:59`.
    pub time: Option<String>,
    /// The calendar in which due days are computed.
    pub calendar: MaybeUndefined<BusinessCalendarId>,
    /// Who does it: somebody who may see it.
    pub assignee: MaybeUndefined<UserId>,
    /// The team that does it: one of which somebody may see it.
    pub team: MaybeUndefined<TeamId>,
}

/// A single time of recurring work that is otherwise.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringWorkOccurrenceUpdateInput {
    /// The work.
    pub id: RecurringWorkId,
    /// The day that its rule names, not opened yet.
    pub occurs_on: Date,
    /// The day on which it comes instead; it is left out if not said.
    pub move_to: Option<Date>,
    /// True: it comes as its rule says after all.
    pub restore: Option<bool>,
}

/// The end of recurring work.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringWorkEndInput {
    /// The work.
    pub id: RecurringWorkId,
    /// The first day on which it does not come any more; today in the client's time zone if not said.
    pub until: Option<Date>,
}

/// Names recurring work.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringWorkInput {
    /// The work.
    pub id: RecurringWorkId,
}

/// The minute of the day that a time says.
pub(super) fn minute(text: Option<&str>) -> Result<i32> {
    let Some(text) = text else { return Ok(8 * 60) };
    let read = || {
        let (hours, minutes) = text.split_once(':')?;
        let plain = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        let digits = |part: &str| plain(part).then(|| part.parse::<u8>().ok()).flatten();
        let (hours, minutes) = (digits(hours)?, digits(minutes)?);
        (hours < 24 && minutes < 60).then(|| i32::from(hours) * 60 + i32::from(minutes))
    };
    read().ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "time", "A time of day is 00:00 to 23:59."))
}

pub(super) fn wrong_rule(error: &backoffice_recurrence::RecurrenceError) -> Error {
    Error::refuse(UserErrorCode::Invalid, "rule", error.to_string())
}

/// What its work is made of, if its due days can be computed.
pub(super) async fn check_template(tx: &Tx, code: &str, calendar: Option<BusinessCalendarId>) -> Result<WorkTemplate> {
    let found = template::named(tx, code).await?.ok_or_else(|| Error::not_found("template", "template"))?;
    let computes = found.steps.iter().any(|step| step.due_working_days.is_some() || step.due_days.is_some());
    if computes || calendar.is_some() {
        due::calendar_of(tx, calendar, "calendar").await?;
    }
    Ok(found)
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Refuses other work of the same service for the same kind of period at the same time: of each there is one run.
pub(super) async fn check_alone(
    tx: &Tx,
    own: Option<RecurringWorkId>,
    service: &str,
    period: WorkPeriod,
    days: (NaiveDate, Option<NaiveDate>),
) -> Result<()> {
    let others: Count = tx
        .row(
            sql("SELECT count(*) AS count FROM practice.recurring_work w
                  WHERE w.tenant_id = $1 AND w.service_code = $2 AND w.period_unit = $3 AND w.next_at IS NOT NULL
                    AND ($4::uuid IS NULL OR w.id <> $4) AND (w.until_on IS NULL OR w.until_on > $5)
                    AND ($6::date IS NULL OR w.starts_on < $6)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Text, _>(service.to_owned())
            .bind::<Text, _>(period)
            .bind::<Nullable<SqlUuid>, _>(own)
            .bind::<SqlDate, _>(Date(days.0))
            .bind::<Nullable<SqlDate>, _>(days.1.map(Date)),
        )
        .await?;
    if others.count == 0 {
        return Ok(());
    }
    let message = "Other work of this service comes for the same periods already: of each there is one run.";
    Err(Error::refuse(UserErrorCode::Duplicate, "service", message))
}

/// Refuses a rule that comes twice in one period.
pub(super) fn check_periods(plan: &Plan, period: WorkPeriod, shift: i32) -> Result<()> {
    match plan.twice_in(period.unit(), shift) {
        None => Ok(()),
        Some(name) => {
            let message = format!("This rule comes twice for {name}, and of each period there is one run.");
            Err(Error::refuse(UserErrorCode::Invalid, "rule", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::minute;

    #[test]
    fn a_time_of_day_has_one_spelling() {
        assert_eq!(minute(None).unwrap(), 480);
        assert_eq!([minute(Some("00:00")).unwrap(), minute(Some("23:59")).unwrap()], [0, 1439]);
        for wrong in ["", "8:00", "24:00", "12:60", "12", "12:5", "-1:00", "+8:00", "12:00:00"] {
            assert!(minute(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
