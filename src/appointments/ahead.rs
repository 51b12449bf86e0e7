//! Series without an end near are laid out for a while ahead. As time goes on, so does what is laid out: by a job once a
//! month, and whenever something is booked in one of their calendars, so that nothing takes the place of what is to come.

use backoffice_recurrence::Occurrence;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Text, Timestamp, Timestamptz, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::appointment::{Appointment, AppointmentState, locked, uses};
use super::book::laid;
use super::calendar::{AppointmentCalendar, held};
use super::ids::{AppointmentCalendarId, AppointmentId};
use super::lay::{self, AHEAD};
use super::occurrence::AppointmentOccurrenceState;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::new_uuid;
use crate::platform::jobs::{self, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::scalars;
use crate::platform::sql::sql;
use crate::schema::{appointment, appointment_use};

/// How far ahead everything has to be laid out before something is booked: farther than any calendar is booked ahead.
const NEEDED: TimeDelta = TimeDelta::days(370);
/// The most series that one booking lays out further.
const MOST: i64 = 50;
/// How often the job comes.
const EVERY: TimeDelta = TimeDelta::days(30);

/// Lays a series out further. A time that something else has taken meanwhile (of a file that was taken in, say) is cancelled.
async fn further(tx: &Tx, found: &Appointment, calendars: &[AppointmentCalendar]) -> Result<Appointment> {
    let (Some(from), AppointmentState::Booked) = (found.laid_until, found.state) else { return Ok(found.clone()) };
    let until = tx.now() + AHEAD;
    let series = found.series()?;
    let times: Vec<Occurrence> = series.occurrences(from.0, until, 1_000);
    let length = TimeDelta::minutes(found.minutes.into());
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        let seats = lay::seats(tx, calendars, first.at, last.at + length, true).await?;
        let zone = found.zone()?;
        let free: Vec<bool> = times
            .iter()
            .map(|time| match lay::check_one(calendars, &seats, time.at, length, zone) {
                Ok(()) => Ok(true),
                Err(Error::Refused(_)) => Ok(false),
                Err(error) => Err(error),
            })
            .collect::<Result<_>>()?;
        let ids: Vec<Uuid> = times.iter().map(|_| new_uuid()).collect();
        let state = |free: &bool| match free {
            true => AppointmentOccurrenceState::Booked.text(),
            false => AppointmentOccurrenceState::Cancelled.text(),
        };
        tx.exec(
            sql("INSERT INTO practice.appointment_occurrence (tenant_id, id, appointment_id, wall, starts_at, ends_at, state)
                 SELECT $1, t.id, $2, t.wall, t.starts_at, t.starts_at + make_interval(mins => $3), t.state
                   FROM unnest($4, $5, $6, $7) AS t (id, wall, starts_at, state)
                 ON CONFLICT (tenant_id, appointment_id, wall) DO NOTHING")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(found.id)
            .bind::<Int4, _>(found.minutes)
            .bind::<Array<SqlUuid>, _>(ids.clone())
            .bind::<Array<Timestamp>, _>(times.iter().map(|time| time.wall).collect::<Vec<_>>())
            .bind::<Array<Timestamptz>, _>(times.iter().map(|time| time.at).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(free.iter().map(state).collect::<Vec<_>>()),
        )
        .await?;
        let booked = ids.into_iter().zip(&free).filter(|(_, free)| **free).map(|(id, _)| id).collect();
        lay::hold(tx, booked, calendars).await?;
    }
    let more = !series.occurrences(until, DateTime::<Utc>::MAX_UTC, 1).is_empty();
    laid(tx, found.id, more.then_some(until)).await
}

/// Lays out what is due in calendars that are locked. Whatever somebody else works on just now is left to him.
pub(super) async fn keep_up(tx: &Tx, calendars: &[AppointmentCalendarId]) -> Result<()> {
    let due: Vec<Appointment> = tx
        .rows(
            appointment::table
                .filter(appointment::tenant_id.eq(tx.tenant()?))
                .filter(appointment::laid_until.lt(tx.now() + NEEDED))
                .filter(appointment::state.eq(AppointmentState::Booked))
                .filter(
                    appointment::id.eq_any(
                        appointment_use::table
                            .filter(appointment_use::tenant_id.eq(tx.tenant()?))
                            .filter(appointment_use::calendar_id.eq_any(calendars.to_vec()))
                            .select(appointment_use::appointment_id),
                    ),
                )
                .order(appointment::id)
                .limit(MOST)
                .select(Appointment::as_select())
                .for_no_key_update()
                .skip_locked(),
        )
        .await?;
    for found in due {
        let needed = held(tx, &uses(tx, found.id).await?).await?;
        further(tx, &found, &needed).await?;
    }
    Ok(())
}

/// Which series.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Which {
    appointment: Uuid,
}

/// Asks for the job that lays a series out further, if there is more to come of it.
pub(super) async fn go_on(tx: &Tx, found: &Appointment) -> Result<()> {
    if found.laid_until.is_some() {
        let next = scalars::DateTime(tx.now() + EVERY);
        jobs::enqueue::<AppointmentLay>(tx, &Which { appointment: found.id.0 }, Some(next)).await?;
    }
    Ok(())
}

/// The kind of job.
pub struct AppointmentLay;

impl JobKind for AppointmentLay {
    const NAME: JobName = JobName::AppointmentLay;
    type Args = Which;

    async fn run(&self, job: &JobContext, which: Which) -> JobResult {
        let tx = job.tx(Can::AppointmentBook).await?;
        let mut done = false;
        if let Some(found) = locked(&tx, AppointmentId(which.appointment)).await? {
            let calendars = held(&tx, &uses(&tx, found.id).await?).await?;
            let now = further(&tx, &found, &calendars).await?;
            done = true;
            if now.state == AppointmentState::Booked {
                go_on(&tx, &now).await?;
            }
        }
        job.finish(tx, &serde_json::json!({ "laidOut": done }), Progress { done: 1, total: Some(1) }).await
    }
}
