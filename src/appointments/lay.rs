//! Laying an appointment out in the calendars: its occurrences for a while ahead, and what each of them holds.

use std::collections::HashMap;

use backoffice_calendar::slots::{Seat, Taken};
use backoffice_recurrence::Occurrence;
use chrono::{DateTime, Duration, TimeDelta, Utc};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Timestamp, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::appointment::Appointment;
use super::calendar::AppointmentCalendar;
use super::ids::{AppointmentCalendarId, AppointmentId, AppointmentOccurrenceId};
use crate::clocks::calendar::Whole;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::sql::sql;
use crate::schema::appointment_occurrence;

/// How far ahead series are laid out. Farther than any calendar is booked ahead, so that nobody takes the place of what
/// is to come of a series.
pub(super) const AHEAD: Duration = Duration::days(400);

/// The most occurrences that are laid out at once.
const MOST: usize = 1_000;

/// How long before its beginning a hold can begin and still reach behind it: the longest appointment with its buffers.
const LONGEST: Duration = Duration::days(34);

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = SqlUuid)]
    calendar_id: AppointmentCalendarId,
    #[diesel(sql_type = Timestamptz)]
    busy_from: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    busy_until: DateTime<Utc>,
}

/// What the calendars say about a stretch of time. `outside`: as if they were open always.
pub(super) async fn seats(
    tx: &Tx,
    calendars: &[AppointmentCalendar],
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    outside: bool,
) -> Result<Vec<Seat>> {
    let hours = Whole::fetch(tx, calendars.iter().map(|calendar| calendar.hours_id).collect()).await?;
    let day = TimeDelta::days(1);
    let held: Vec<Held> = tx
        .rows(
            sql("SELECT h.calendar_id, h.busy_from, h.busy_until FROM practice.appointment_hold h
                  WHERE h.tenant_id = $1 AND h.calendar_id = ANY ($2) AND h.busy_from > $3 AND h.busy_from < $4
                    AND h.busy_until > $5")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(calendars.iter().map(|calendar| calendar.id).collect::<Vec<_>>())
            .bind::<Timestamptz, _>(from - LONGEST)
            .bind::<Timestamptz, _>(until + day)
            .bind::<Timestamptz, _>(from - day),
        )
        .await?;
    let mut busy: HashMap<AppointmentCalendarId, Vec<(i64, i64)>> = HashMap::new();
    for hold in held {
        let span = (hold.busy_from.timestamp(), hold.busy_until.timestamp());
        busy.entry(hold.calendar_id).or_default().push(span);
    }
    calendars
        .iter()
        .map(|calendar| {
            let busy = busy.remove(&calendar.id).unwrap_or_default();
            let (before, after) = (i64::from(calendar.buffer_before) * 60, i64::from(calendar.buffer_after) * 60);
            if outside {
                return Ok(Seat::new([(i64::MIN, i64::MAX)], before, after, busy));
            }
            let hours = hours.get(&calendar.hours_id).ok_or_else(|| Error::fault("a calendar without hours"))?;
            let timeline = hours
                .timeline(from, until + day)
                .map_err(|error| Error::refuse(UserErrorCode::Invalid, "startsAt", error.to_string()))?;
            Ok(Seat::new(timeline.open(), before, after, busy))
        })
        .collect()
}

/// What is laid out of an appointment.
pub(super) struct Laying<'a> {
    /// The appointment, as it is now.
    pub appointment: &'a Appointment,
    /// The calendars that it needs, locked.
    pub calendars: &'a [AppointmentCalendar],
    /// From which instant on.
    pub from: DateTime<Utc>,
    /// Whether it may lie outside of their open hours.
    pub outside: bool,
}

impl Laying<'_> {
    /// Writes the occurrences with what they hold; gives the instant up to which that is, if more are to come.
    pub(super) async fn lay(&self, tx: &Tx) -> Result<Option<DateTime<Utc>>> {
        let series = self.appointment.series()?;
        let until = tx.now() + AHEAD;
        let times = series.occurrences(self.from, until, MOST + 1);
        if times.len() > MOST {
            let message = format!("More than {MOST} times within {} days.", AHEAD.num_days());
            return Err(Error::refuse(UserErrorCode::Invalid, "rule", message));
        }
        let more = !series.occurrences(until, DateTime::<Utc>::MAX_UTC, 1).is_empty();
        self.check(tx, &times).await?;
        let ids: Vec<Uuid> = times.iter().map(|_| new_uuid()).collect();
        tx.exec(
            sql("INSERT INTO practice.appointment_occurrence (tenant_id, id, appointment_id, wall, starts_at, ends_at)
                 SELECT $1, t.id, $2, t.wall, t.starts_at, t.starts_at + make_interval(mins => $3)
                   FROM unnest($4, $5, $6) AS t (id, wall, starts_at)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(self.appointment.id)
            .bind::<Int4, _>(self.appointment.minutes)
            .bind::<Array<SqlUuid>, _>(ids.clone())
            .bind::<Array<Timestamp>, _>(times.iter().map(|time| time.wall).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(times.iter().map(|time| time.at).collect::<Vec<_>>()),
        )
        .await?;
        hold(tx, ids, self.calendars).await?;
        Ok(more.then_some(until))
    }

    /// Refuses with the first time that does not fit, in words. That nothing overlaps is the database's to decide, which
    /// does so when the times are held.
    async fn check(&self, tx: &Tx, times: &[Occurrence]) -> Result<()> {
        let minutes = TimeDelta::minutes(self.appointment.minutes.into());
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Ok(()) };
        let seats = seats(tx, self.calendars, first.at, last.at + minutes, self.outside).await?;
        for time in times {
            check_one(self.calendars, &seats, time.at, minutes, self.appointment.zone()?)?;
        }
        Ok(())
    }
}

/// Refuses a time that does not fit into one of the calendars.
pub(super) fn check_one(
    calendars: &[AppointmentCalendar],
    seats: &[Seat],
    starts_at: DateTime<Utc>,
    length: TimeDelta,
    zone: backoffice_recurrence::Tz,
) -> Result<()> {
    let (from, until) = (starts_at.timestamp(), (starts_at + length).timestamp());
    for (calendar, seat) in calendars.iter().zip(seats) {
        let Err(taken) = seat.check(from, until) else { continue };
        let when = starts_at.with_timezone(&zone).format("%Y-%m-%d at %H:%M");
        let (name, zone) = (&calendar.name, zone.name());
        return Err(match taken {
            Taken::Busy => {
                Error::refuse(UserErrorCode::Busy, "startsAt", format!("\"{name}\" is taken on {when} ({zone})."))
            }
            Taken::Closed => {
                let message = format!(
                    "\"{name}\" is not open for this on {when} ({zone}). It can be booked all the same with `outsideAvailability`."
                );
                Error::refuse(UserErrorCode::Invalid, "startsAt", message)
            }
        });
    }
    Ok(())
}

/// Takes the time of occurrences in all calendars, with the buffers of each: the database refuses what is taken.
pub(super) async fn hold(tx: &Tx, occurrences: Vec<Uuid>, calendars: &[AppointmentCalendar]) -> Result<()> {
    tx.exec(
        sql("INSERT INTO practice.appointment_hold (tenant_id, id, occurrence_id, calendar_id, busy_from, busy_until)
             SELECT $1, gen_random_uuid(), o.id, c.id, o.starts_at - make_interval(mins => c.buffer_before),
                    o.ends_at + make_interval(mins => c.buffer_after)
               FROM practice.appointment_occurrence o
               JOIN practice.appointment_calendar c ON c.tenant_id = o.tenant_id AND c.id = ANY ($3)
              WHERE o.tenant_id = $1 AND o.id = ANY ($2)
              ORDER BY o.starts_at, c.id")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(occurrences)
        .bind::<Array<SqlUuid>, _>(calendars.iter().map(|calendar| calendar.id).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

/// Gives back what occurrences of an appointment hold from a time of the series on.
pub(super) async fn release(tx: &Tx, id: AppointmentId, from: chrono::NaiveDateTime) -> Result<()> {
    tx.exec(
        sql("DELETE FROM practice.appointment_hold h USING practice.appointment_occurrence o
              WHERE h.tenant_id = $1 AND o.tenant_id = $1 AND o.id = h.occurrence_id AND o.appointment_id = $2
                AND o.wall >= $3")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id)
        .bind::<Timestamp, _>(from),
    )
    .await?;
    Ok(())
}

/// Gives back what one occurrence holds.
pub(super) async fn release_one(tx: &Tx, id: AppointmentOccurrenceId) -> Result<()> {
    tx.exec(
        sql("DELETE FROM practice.appointment_hold h WHERE h.tenant_id = $1 AND h.occurrence_id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id),
    )
    .await?;
    Ok(())
}

/// Takes the occurrences of an appointment away, from a time of the series on.
pub(super) async fn lift(tx: &Tx, id: AppointmentId, from: chrono::NaiveDateTime) -> Result<()> {
    release(tx, id, from).await?;
    tx.exec(diesel::delete(
        appointment_occurrence::table
            .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
            .filter(appointment_occurrence::appointment_id.eq(id))
            .filter(appointment_occurrence::wall.ge(from)),
    ))
    .await?;
    Ok(())
}
