//! Booking an appointment.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, Object};
use backoffice_recurrence::{MonthEnd, Rule, Series, Tz, instant};
use chrono::{NaiveDateTime, TimeDelta, Timelike};
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use uuid::Uuid;

use super::ahead;
use super::appointment::Appointment;
use super::attendee::{self, AppointmentAttendeeInput};
use super::calendar::{self, AppointmentCalendar};
use super::ids::{AppointmentCalendarId, AppointmentId};
use super::lay::Laying;
use crate::clocks::calendar::whole;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::node;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{DateTime, TimeZone};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::appointment;

/// The most calendars of one appointment.
const MOST_CALENDARS: usize = 20;
/// The longest appointment: 31 days.
pub(super) const LONGEST: i32 = 44_640;

/// A new appointment.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentBookInput {
    /// What it is, 1 to 200 characters.
    pub title: String,
    /// What it is, at length, at most 20,000 characters.
    pub description: Option<String>,
    /// Where it is, at most 500 characters.
    pub location: Option<String>,
    /// The calendars that it needs, 1 to 20. None of them has anything else at its times.
    pub calendars: Vec<AppointmentCalendarId>,
    /// When it begins, at a full minute; of a series, for the first time.
    pub starts_at: DateTime,
    /// How long it takes: 1 to 44,640 minutes (31 days).
    pub minutes: i32,
    /// The zone whose wall clock a series keeps; that of the first calendar if not said.
    pub time_zone: Option<TimeZone>,
    /// When it comes again, as `RRULE` of RFC 5545 says it, e.g. `FREQ=WEEKLY;BYDAY=MO;COUNT=10`; once if not said. It names
    /// the day on which the appointment begins.
    pub rule: Option<String>,
    /// Whether the last day of a month stands for a day that the month does not have; if not said, such months are left out.
    pub last_day_of_short_months: Option<bool>,
    /// Whether it may lie outside of the calendars' open hours.
    pub outside_availability: Option<bool>,
    /// The id of the record that it is about: any that the caller may read.
    pub record: Option<ID>,
    /// Whether the client's own people see it as well; not, if not said.
    pub visible_to_client: Option<bool>,
    /// Who is invited by mail, at most 50 people.
    pub attendees: Option<Vec<AppointmentAttendeeInput>>,
}

crate::platform::payload! {
    /// What became of an appointment.
    AppointmentPayload {
        /// The appointment as it is now.
        appointment: Appointment
    }
}

pub(super) fn check_texts(title: Option<&str>, description: Option<&str>, location: Option<&str>) -> Result<()> {
    title.map_or(Ok(()), |text| sized("title", text, 1..=200))?;
    description.map_or(Ok(()), |text| sized("description", text, 0..=20_000))?;
    location.map_or(Ok(()), |text| sized("location", text, 0..=500))
}

pub(super) fn check_minutes(minutes: i32) -> Result<i32> {
    if (1..=LONGEST).contains(&minutes) {
        return Ok(minutes);
    }
    Err(Error::refuse(UserErrorCode::Invalid, "minutes", format!("This is a number from 1 to {LONGEST}.")))
}

/// The calendars of those ids, locked in one order; each has to be there.
pub(super) async fn calendars(tx: &Tx, ids: &[AppointmentCalendarId]) -> Result<Vec<AppointmentCalendar>> {
    let different: BTreeSet<AppointmentCalendarId> = ids.iter().copied().collect();
    if different.is_empty() || different.len() > MOST_CALENDARS {
        let message = format!("An appointment needs 1 to {MOST_CALENDARS} calendars.");
        return Err(Error::refuse(UserErrorCode::Invalid, "calendars", message));
    }
    let found = calendar::held(tx, ids).await?;
    match ids.iter().position(|id| !found.iter().any(|calendar| calendar.id == *id)) {
        None => Ok(found),
        Some(place) => Err(Error::not_found(&format!("calendars.{place}"), "calendar for appointments")),
    }
}

/// When an instant is on the wall, if that names it alone.
pub(super) fn wall(at: DateTime, zone: Tz) -> Result<NaiveDateTime> {
    let refuse = |message: &str| Err(Error::refuse(UserErrorCode::Invalid, "startsAt", message));
    if at.0.second() != 0 || at.0.nanosecond() != 0 {
        return refuse("Appointments begin at a full minute.");
    }
    let wall = at.0.with_timezone(&zone).naive_local();
    if instant(wall, zone) != at.0 {
        return refuse("This time comes twice on that day, and this is the second one: name the time zone UTC for it.");
    }
    Ok(wall)
}

/// Whether it is neither too late nor too early to book that.
pub(super) fn check_notice(tx: &Tx, calendars: &[AppointmentCalendar], starts_at: DateTime) -> Result<()> {
    for calendar in calendars {
        let (notice, lead) = (TimeDelta::minutes(calendar.notice.into()), TimeDelta::days(calendar.lead_days.into()));
        let message = if starts_at.0 < tx.now() + notice {
            format!("\"{}\" is booked at least {} minutes before.", calendar.name, calendar.notice)
        } else if starts_at.0 > tx.now() + lead {
            format!("\"{}\" is booked at most {} days ahead.", calendar.name, calendar.lead_days)
        } else {
            continue;
        };
        return Err(Error::refuse(UserErrorCode::Invalid, "startsAt", message));
    }
    Ok(())
}

/// A rule that fits to its start, printed in the one way.
pub(super) fn rule(text: &str, start: NaiveDateTime, zone: Tz, month_end: MonthEnd) -> Result<(Rule, Series)> {
    let refuse = |message: String| Error::refuse(UserErrorCode::Invalid, "rule", message);
    let rule: Rule = text.parse().map_err(|error: backoffice_recurrence::RecurrenceError| refuse(error.to_string()))?;
    let series =
        Series::of_times(start, zone, Some(rule.clone()), month_end).map_err(|error| refuse(error.to_string()))?;
    if !series.starts_in_step() {
        return Err(refuse("The rule does not name the day on which the appointment begins.".to_owned()));
    }
    Ok((rule, series))
}

/// Tells of a change of an appointment, and the client's people of what they see.
pub(super) fn tell(tx: &Tx, appointment: &Appointment, inside: EventKind, outside: EventKind) {
    emit(tx, inside, appointment.id.0);
    if appointment.visible_to_client {
        emit(tx, outside, appointment.id.0);
    }
}

/// Says which calendars an appointment needs.
pub(super) async fn need(tx: &Tx, id: AppointmentId, calendars: &[AppointmentCalendar]) -> Result<()> {
    tx.exec(
        sql("INSERT INTO practice.appointment_use (tenant_id, id, appointment_id, calendar_id)
             SELECT $1, gen_random_uuid(), $2, c FROM unnest($3) AS c")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id)
        .bind::<Array<SqlUuid>, _>(calendars.iter().map(|calendar| calendar.id).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

/// Notes up to where an appointment has been laid out.
pub(super) async fn laid(
    tx: &Tx,
    id: AppointmentId,
    until: Option<chrono::DateTime<chrono::Utc>>,
) -> Result<Appointment> {
    tx.row(
        diesel::update(appointment::table)
            .filter(appointment::tenant_id.eq(tx.tenant()?))
            .filter(appointment::id.eq(id))
            .set(appointment::laid_until.eq(until))
            .returning(Appointment::as_returning()),
    )
    .await
}

/// Books an appointment.
pub async fn book(tx: &Tx, input: AppointmentBookInput, about: Option<(String, Uuid)>) -> Result<Appointment> {
    check_texts(Some(&input.title), input.description.as_deref(), input.location.as_deref())?;
    let minutes = check_minutes(input.minutes)?;
    // Whoever books in the same calendars waits here, so that he is told what the first one has taken.
    let calendars = calendars(tx, &input.calendars).await?;
    let zone = match &input.time_zone {
        Some(zone) => zone.0.parse().map_err(Error::fault)?,
        None => {
            let first = calendars.iter().find(|calendar| Some(&calendar.id) == input.calendars.first());
            let hours = first.ok_or_else(|| Error::fault("a calendar that was found"))?.hours_id;
            whole(tx, hours).await?.ok_or_else(|| Error::fault("a calendar without hours"))?.zone
        }
    };
    ahead::keep_up(tx, &input.calendars).await?;
    let wall = wall(input.starts_at, zone)?;
    check_notice(tx, &calendars, input.starts_at)?;
    let month_end = input.last_day_of_short_months.unwrap_or(false);
    let rule = match &input.rule {
        Some(text) => {
            let ends = if month_end { MonthEnd::LastDay } else { MonthEnd::Skip };
            Some(rule(text, wall, zone, ends)?.0.to_string())
        }
        None => None,
    };
    let id = AppointmentId::new();
    let (prefix, record) = about.unzip();
    let made: Appointment = tx
        .row(
            diesel::insert_into(appointment::table)
                .values((
                    appointment::tenant_id.eq(tx.tenant()?),
                    appointment::id.eq(id),
                    appointment::uid.eq(id.0.to_string()),
                    appointment::title.eq(input.title.trim()),
                    appointment::description.eq(input.description.unwrap_or_default()),
                    appointment::location.eq(input.location.unwrap_or_default()),
                    appointment::time_zone.eq(zone.name()),
                    appointment::starts_wall.eq(wall),
                    appointment::minutes.eq(minutes),
                    appointment::rule.eq(rule),
                    appointment::month_end.eq(month_end),
                    appointment::record_prefix.eq(prefix),
                    appointment::record_id.eq(record),
                    appointment::visible_to_client.eq(input.visible_to_client.unwrap_or(false)),
                    appointment::created_by.eq(tx.actor()),
                ))
                .returning(Appointment::as_returning()),
        )
        .await?;
    need(tx, id, &calendars).await?;
    let outside = input.outside_availability.unwrap_or(false);
    let laying = Laying { appointment: &made, calendars: &calendars, from: input.starts_at.0, outside };
    let until = laying.lay(tx).await?;
    let made = match until {
        Some(until) => laid(tx, id, Some(until)).await?,
        None => made,
    };
    ahead::go_on(tx, &made).await?;
    attendee::invite(tx, &made, input.attendees.unwrap_or_default()).await?;
    tell(tx, &made, EventKind::AppointmentBooked, EventKind::ClientAppointmentBooked);
    Ok(made)
}

/// Booking appointments.
#[derive(Default)]
pub struct BookMutation;

#[Object]
impl BookMutation {
    /// Books an appointment in all calendars that it needs: all of its times, or nothing. Refused with `BUSY` if anything
    /// else is booked then. Right: `work.appointment.book`.
    async fn appointment_book(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new appointment.")] input: AppointmentBookInput,
    ) -> async_graphql::Result<Option<AppointmentPayload>> {
        let tx = ctx.tx(Can::AppointmentBook).await?;
        let done = async {
            let about = match &input.record {
                Some(id) => Some(node::pointed_at(ctx, id, "record").await?),
                None => None,
            };
            book(tx, input, about).await
        };
        AppointmentPayload::settle(ctx, done.await)
    }
}
