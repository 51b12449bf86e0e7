//! A calendar file of somebody else, taken into a calendar as a whole or not at all. What is there already, by its UID, is
//! not added again. With `Dry-Run: true` everything is tried and nothing kept.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_icalendar::{Event, Problem, Status, When, read};
use backoffice_recurrence::{MonthEnd, Series, Tz};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::appointment::Appointment;
use super::book::{LONGEST, laid, need, tell};
use super::calendar::{AppointmentCalendar, held};
use super::ids::{AppointmentCalendarId, AppointmentId};
use super::lay::{self, Laying};
use super::occurrence::AppointmentOccurrenceState;
use crate::clocks::calendar::whole;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::outbox::EventKind;
use crate::platform::scope::{Ask, settle};
use crate::schema::{appointment, appointment_occurrence};

/// The most events that are taken in at once.
const MOST: usize = 500;
/// How much of the past of a series is taken in.
const PAST: TimeDelta = TimeDelta::days(366);

/// A calendar file.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentsImportInput {
    /// The calendar that it is taken into.
    pub calendar: AppointmentCalendarId,
    /// The text of the iCalendar file (RFC 5545): at most 4 MiB with at most 500 events.
    pub text: String,
}

/// What is wrong with a line of a calendar file.
#[derive(SimpleObject, Clone, Debug)]
pub struct AppointmentFileError {
    /// The line, from 1 on.
    pub line: i32,
    /// A sentence.
    pub message: String,
}

/// What was taken in.
#[derive(SimpleObject, Clone, Debug)]
pub struct AppointmentsImported {
    /// The events that were not there before, as appointments.
    pub created: Vec<Appointment>,
    /// How many events were there already, by their UID, or do not take place.
    pub unchanged: i32,
}

/// What became of a calendar file.
#[derive(SimpleObject)]
pub struct AppointmentsImportPayload {
    /// What was taken in; null if anything was refused.
    pub appointments: Option<AppointmentsImported>,
    /// What is wrong, by line, the first 100; then nothing was taken in.
    pub file_errors: Vec<AppointmentFileError>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

fn at_line(line: usize, message: impl Into<String>) -> AppointmentFileError {
    AppointmentFileError { line: i32::try_from(line).unwrap_or(i32::MAX), message: message.into() }
}

/// One event as an appointment.
struct Taken<'a> {
    event: &'a Event,
    zone: Tz,
    wall: NaiveDateTime,
    minutes: i32,
}

impl<'a> Taken<'a> {
    fn of(event: &'a Event, home: Tz) -> std::result::Result<Self, String> {
        let zone = match event.starts {
            When::Local(_, zone) => zone,
            When::Instant(_) => chrono_tz::UTC,
            When::Day(_) | When::Floating(_) => home,
        };
        let (starts, ends) = (event.starts.instant(home), event.ends.instant(home));
        let minutes = (ends - starts).num_minutes();
        let minutes = i32::try_from(minutes).ok().filter(|minutes| (1..=LONGEST).contains(minutes));
        let minutes = minutes.ok_or("An appointment takes 1 to 44,640 minutes.")?;
        if event.summary.chars().count() > 200 {
            return Err("SUMMARY has more than 200 characters.".to_owned());
        }
        Ok(Self { event, zone, wall: event.starts.wall(zone), minutes })
    }

    /// Its times; a start that its rule does not name is added, as most calendars understand it.
    fn series(&self) -> std::result::Result<Series, String> {
        let wall = |when: &When| when.wall(self.zone);
        let series = Series::of_times(self.wall, self.zone, self.event.rule.clone(), MonthEnd::Skip)
            .map_err(|error| error.to_string())?;
        let start = (!series.starts_in_step()).then_some(self.wall);
        series
            .adding(self.event.added.iter().map(wall).chain(start))
            .and_then(|series| series.leaving_out(self.event.left_out.iter().map(wall)))
            .map_err(|error| error.to_string())
    }
}

/// Takes one event in, with those that stand for single times of it.
async fn take(
    tx: &Tx,
    calendar: &AppointmentCalendar,
    home: Tz,
    event: &Event,
    others: &[&Event],
) -> Result<std::result::Result<Appointment, AppointmentFileError>> {
    let taken = match Taken::of(event, home) {
        Ok(taken) => taken,
        Err(message) => return Ok(Err(at_line(event.line, message))),
    };
    let cancelled = |other: &&&Event| other.status == Status::Cancelled;
    let gone = others.iter().filter(cancelled).filter_map(|other| other.instead_of).map(|when| when.wall(taken.zone));
    let series = taken.series().and_then(|series| series.leaving_out(gone).map_err(|error| error.to_string()));
    let series = match series {
        Ok(series) => series,
        Err(message) => return Ok(Err(at_line(event.line, message))),
    };
    let title = event.summary.trim();
    let id = AppointmentId::new();
    let made: Appointment = tx
        .row(
            diesel::insert_into(appointment::table)
                .values((
                    appointment::tenant_id.eq(tx.tenant()?),
                    appointment::id.eq(id),
                    appointment::uid.eq(&event.uid),
                    appointment::title.eq(if title.is_empty() { "Untitled" } else { title }),
                    appointment::description.eq(&event.description),
                    appointment::location.eq(&event.location),
                    appointment::time_zone.eq(taken.zone.name()),
                    appointment::starts_wall.eq(taken.wall),
                    appointment::minutes.eq(taken.minutes),
                    appointment::rule.eq(series.rule().map(ToString::to_string)),
                    appointment::added.eq(series.added().iter().copied().collect::<Vec<_>>()),
                    appointment::left_out.eq(series.left_out().iter().copied().collect::<Vec<_>>()),
                    appointment::sequence.eq(event.sequence),
                    appointment::created_by.eq(tx.actor()),
                ))
                .returning(Appointment::as_returning()),
        )
        .await?;
    let calendars = std::slice::from_ref(calendar);
    need(tx, id, calendars).await?;
    let from = if event.rule.is_some() { tx.now() - PAST } else { event.starts.instant(home) };
    let laying = Laying { appointment: &made, calendars, from, outside: true };
    let until = match laying.lay(tx).await {
        Ok(until) => until,
        Err(Error::Refused(reasons)) => {
            let message = reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" ");
            return Ok(Err(at_line(event.line, message)));
        }
        Err(error) => return Err(error),
    };
    for other in others.iter().filter(|other| other.status != Status::Cancelled) {
        if let Err(wrong) = stand_in(tx, calendars, &taken, id, other, home).await? {
            return Ok(Err(wrong));
        }
    }
    Ok(Ok(laid(tx, id, until).await?))
}

/// Moves one time of a series to where the file has it.
async fn stand_in(
    tx: &Tx,
    calendars: &[AppointmentCalendar],
    taken: &Taken<'_>,
    id: AppointmentId,
    other: &Event,
    home: Tz,
) -> Result<std::result::Result<(), AppointmentFileError>> {
    let Some(which) = other.instead_of else { return Ok(Ok(())) };
    let found: Option<uuid::Uuid> = tx
        .maybe(
            appointment_occurrence::table
                .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
                .filter(appointment_occurrence::appointment_id.eq(id))
                .filter(appointment_occurrence::wall.eq(which.wall(taken.zone)))
                .select(appointment_occurrence::id),
        )
        .await?;
    // Of the past that is not taken in, or farther ahead than anything is laid out.
    let Some(found) = found else { return Ok(Ok(())) };
    let (starts, ends) = (other.starts.instant(home), other.ends.instant(home));
    if ends <= starts || ends - starts > TimeDelta::minutes(LONGEST.into()) {
        return Ok(Err(at_line(other.line, "An appointment takes 1 to 44,640 minutes.")));
    }
    lay::release_one(tx, super::ids::AppointmentOccurrenceId(found)).await?;
    let seats = lay::seats(tx, calendars, starts, ends, true).await?;
    if let Err(Error::Refused(reasons)) = lay::check_one(calendars, &seats, starts, ends - starts, taken.zone) {
        let message = reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" ");
        return Ok(Err(at_line(other.line, message)));
    }
    tx.exec(
        diesel::update(appointment_occurrence::table)
            .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
            .filter(appointment_occurrence::id.eq(found))
            .set((
                appointment_occurrence::starts_at.eq(starts),
                appointment_occurrence::ends_at.eq(ends),
                appointment_occurrence::state.eq(AppointmentOccurrenceState::Moved),
            )),
    )
    .await?;
    lay::hold(tx, vec![found], calendars).await?;
    Ok(Ok(()))
}

async fn import(
    tx: &Tx,
    input: AppointmentsImportInput,
    wrong: &mut Vec<AppointmentFileError>,
) -> Result<AppointmentsImported> {
    let calendar = held(tx, &[input.calendar]).await?.pop();
    let calendar = calendar.ok_or_else(|| Error::not_found("calendar", "calendar for appointments"))?;
    let home = whole(tx, calendar.hours_id).await?.ok_or_else(|| Error::fault("a calendar without hours"))?.zone;
    let reading = read(&input.text);
    wrong.extend(reading.problems.into_iter().map(|Problem { line, message }| at_line(line, message)));
    let (masters, others): (Vec<&Event>, Vec<&Event>) =
        reading.events.iter().partition(|event| event.instead_of.is_none());
    if masters.len() > MOST {
        wrong.push(at_line(1, format!("The file has more than {MOST} events.")));
    }
    for other in &others {
        if !masters.iter().any(|event| event.uid == other.uid && event.rule.is_some()) {
            wrong.push(at_line(other.line, "This stands for a time of a series that the file does not have."));
        }
    }
    let uids: Vec<&str> = masters.iter().map(|event| event.uid.as_str()).collect();
    let known: Vec<String> = tx
        .rows(
            appointment::table
                .filter(appointment::tenant_id.eq(tx.tenant()?))
                .filter(appointment::uid.eq_any(uids))
                .select(appointment::uid),
        )
        .await?;
    let (mut created, mut unchanged) = (Vec::new(), 0_i32);
    if wrong.is_empty() {
        for event in masters {
            if known.contains(&event.uid) || event.status == Status::Cancelled {
                unchanged = unchanged.saturating_add(1);
                continue;
            }
            let of_it: Vec<&Event> = others.iter().copied().filter(|other| other.uid == event.uid).collect();
            match take(tx, &calendar, home, event, &of_it).await? {
                Ok(made) => created.push(made),
                Err(error) => wrong.push(error),
            }
        }
    }
    if !wrong.is_empty() {
        wrong.sort_by_key(|error| error.line);
        wrong.truncate(100);
        let message = "The file is refused as a whole; `fileErrors` says what is wrong with which line.";
        return Err(Error::refuse(UserErrorCode::File, "text", message));
    }
    for appointment in &created {
        tell(tx, appointment, EventKind::AppointmentBooked, EventKind::ClientAppointmentBooked);
    }
    Ok(AppointmentsImported { created, unchanged })
}

/// Taking calendar files in.
#[derive(Default)]
pub struct ImportMutation;

#[Object]
impl ImportMutation {
    /// Takes a calendar file into a calendar: all of its events, or none if anything is wrong or overlaps. Its hours, notice
    /// and lead are not asked. Right: `work.appointment.book`.
    async fn appointments_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file, and where it goes.")] input: AppointmentsImportInput,
    ) -> async_graphql::Result<Option<AppointmentsImportPayload>> {
        let tx = ctx.tx(Can::AppointmentBook).await?;
        let mut wrong = Vec::new();
        let result = import(tx, input, &mut wrong).await;
        let (appointments, user_errors) = settle(ctx, result)?;
        Ok(Some(AppointmentsImportPayload { appointments, file_errors: wrong, user_errors }))
    }
}
