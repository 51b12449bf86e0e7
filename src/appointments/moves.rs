//! Moving an appointment: one time of it, or it and everything that follows, or all that is to come. A series that is moved
//! in its middle becomes two.

use async_graphql::{Context, Enum, InputObject, Object};
use backoffice_recurrence::{End, MonthEnd, Rule, Series, Until};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::ahead;
use super::appointment::{Appointment, locked, uses};
use super::attendee;
use super::book::{self, AppointmentPayload, calendars, check_minutes, check_notice, laid, need, tell};
use super::change::expect_booked;
use super::ids::{AppointmentId, AppointmentOccurrenceId};
use super::lay::{self, Laying};
use super::mails::{self, News};
use super::occurrence::{self, AppointmentOccurrence, AppointmentOccurrenceState};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::expect_version;
use crate::platform::outbox::EventKind;
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::{appointment, appointment_occurrence};

/// How much of a series something is done with.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppointmentScope {
    /// This time alone.
    This,
    /// This time and all that follow.
    Following,
    /// All times that have not begun yet. What has begun stays as it was.
    All,
}

/// Where an appointment goes.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentMoveInput {
    /// One time of the appointment. It has not begun yet.
    pub id: AppointmentOccurrenceId,
    /// The version that was read; refused with `CONFLICT` if this time was changed since.
    pub expected_version: Option<i32>,
    /// How much of a series is moved; `THIS` if not said.
    pub scope: Option<AppointmentScope>,
    /// When this time begins from now on, at a full minute. The others of the scope move by as much on the wall.
    pub starts_at: DateTime,
    /// How long it takes from now on, 1 to 44,640 minutes; as long as before if not said.
    pub minutes: Option<i32>,
    /// Another rule for all times of the scope, as `RRULE` of RFC 5545 says it. Not with `THIS`.
    pub rule: Option<String>,
    /// Whether it may lie outside of the calendars' open hours.
    pub outside_availability: Option<bool>,
}

/// One time of an appointment with its appointment, both locked; neither over nor cancelled.
pub(super) async fn standing(
    tx: &Tx,
    id: AppointmentOccurrenceId,
    expected: Option<i32>,
) -> Result<(Appointment, AppointmentOccurrence)> {
    let unknown = || Error::not_found("id", "time of an appointment");
    let seen = AppointmentOccurrence::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(unknown)?;
    let appointment = locked(tx, seen.appointment_id).await?.ok_or_else(unknown)?;
    // It may have changed until its appointment was held.
    let time = occurrence::locked(tx, id).await?.ok_or_else(unknown)?;
    expect_version(expected, time.version, "appointment")?;
    expect_booked(&appointment)?;
    let refuse = |message: &str| Err(Error::refuse(UserErrorCode::State, "id", message));
    if time.state == AppointmentOccurrenceState::Cancelled {
        return refuse("This time of the appointment was cancelled.");
    }
    if time.starts_at.0 <= tx.now() {
        return refuse("This time of the appointment has begun already.");
    }
    Ok((appointment, time))
}

/// From which time of the series on something is done: what has begun stays.
pub(super) async fn pivot(tx: &Tx, time: &AppointmentOccurrence, scope: AppointmentScope) -> Result<NaiveDateTime> {
    if scope != AppointmentScope::All {
        return Ok(time.wall);
    }
    let last_begun: Option<NaiveDateTime> = tx
        .row(
            appointment_occurrence::table
                .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
                .filter(appointment_occurrence::appointment_id.eq(time.appointment_id))
                .filter(appointment_occurrence::starts_at.le(tx.now()))
                .select(diesel::dsl::max(appointment_occurrence::wall)),
        )
        .await?;
    // Behind what has begun; before all that series know, if nothing has.
    let first = chrono::NaiveDate::from_ymd_opt(1900, 1, 1).ok_or_else(|| Error::fault("a day"))?;
    let first = first.and_time(chrono::NaiveTime::MIN);
    Ok(last_begun.map_or(first, |last| last + TimeDelta::seconds(1)).min(time.wall))
}

/// The part of a series that stays as it was.
pub(super) async fn keep_before(tx: &Tx, id: AppointmentId, before: &Series, sequence: i32) -> Result<Appointment> {
    tx.row(
        diesel::update(appointment::table)
            .filter(appointment::tenant_id.eq(tx.tenant()?))
            .filter(appointment::id.eq(id))
            .set((
                appointment::starts_wall.eq(before.start()),
                appointment::rule.eq(before.rule().map(ToString::to_string)),
                appointment::added.eq(before.added().iter().copied().collect::<Vec<_>>()),
                appointment::left_out.eq(before.left_out().iter().copied().collect::<Vec<_>>()),
                appointment::laid_until.eq(None::<chrono::DateTime<chrono::Utc>>),
                appointment::sequence.eq(sequence),
            ))
            .returning(Appointment::as_returning()),
    )
    .await
}

/// Moves one time by itself.
async fn move_one(
    tx: &Tx,
    appointment: &Appointment,
    time: &AppointmentOccurrence,
    input: &AppointmentMoveInput,
) -> Result<Appointment> {
    let length = TimeDelta::minutes(
        check_minutes(input.minutes.unwrap_or_else(|| {
            i32::try_from((time.ends_at.0 - time.starts_at.0).num_minutes()).unwrap_or(appointment.minutes)
        }))?
        .into(),
    );
    let wall = book::wall(input.starts_at, appointment.zone()?)?;
    // The only time of an appointment is that of the appointment itself.
    let alone = !appointment.is_series();
    let needed = uses(tx, appointment.id).await?;
    let calendars = calendars(tx, &needed).await?;
    ahead::keep_up(tx, &needed).await?;
    check_notice(tx, &calendars, input.starts_at)?;
    lay::release_one(tx, time.id).await?;
    let outside = input.outside_availability.unwrap_or(false);
    let (from, until) = (input.starts_at.0, input.starts_at.0 + length);
    let seats = lay::seats(tx, &calendars, from, until, outside).await?;
    lay::check_one(&calendars, &seats, from, length, appointment.zone()?)?;
    tx.exec(
        diesel::update(appointment_occurrence::table)
            .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
            .filter(appointment_occurrence::id.eq(time.id))
            .set((
                appointment_occurrence::starts_at.eq(from),
                appointment_occurrence::ends_at.eq(until),
                appointment_occurrence::wall.eq(if alone { wall } else { time.wall }),
                appointment_occurrence::state.eq(if alone { time.state } else { AppointmentOccurrenceState::Moved }),
            )),
    )
    .await?;
    lay::hold(tx, vec![time.id.0], &calendars).await?;
    let minutes = i32::try_from(length.num_minutes()).map_err(Error::fault)?;
    tx.row(
        diesel::update(appointment::table)
            .filter(appointment::tenant_id.eq(tx.tenant()?))
            .filter(appointment::id.eq(appointment.id))
            .set((
                appointment::sequence.eq(appointment.sequence.saturating_add(1)),
                appointment::starts_wall.eq(if alone { wall } else { appointment.starts_wall }),
                appointment::minutes.eq(if alone { minutes } else { appointment.minutes }),
            ))
            .returning(Appointment::as_returning()),
    )
    .await
}

/// The rule of what follows, moved on the wall by so much.
fn moved_rule(appointment: &Appointment, following: &Series, by: TimeDelta) -> Result<Option<String>> {
    let Some(rule) = following.rule() else { return Ok(None) };
    let end = match rule.end() {
        End::Until(Until::Instant(at)) => End::Until(Until::Instant(at + by)),
        End::Until(Until::Wall(at)) => End::Until(Until::Wall(at + by)),
        End::Until(Until::Day(day)) => End::Until(Until::Day((day.and_time(following.start().time()) + by).date())),
        End::Never | End::Count(_) => rule.end(),
    };
    // A rule that names no days goes by its start, and moves along with it to another day. On the same day it is left as it
    // was written, unless it goes by another day than that of the part's start (the 31st of a series cut off in February).
    let start = following.start() + by;
    let written: Rule =
        appointment.rule.as_deref().map_or_else(|| Ok(rule.clone()), str::parse).map_err(Error::fault)?;
    let written = written.ending(rule.end());
    let same = written.clone().spelled_out(start.date()) == *rule;
    let kept = if same || start.date() != following.start().date() { written } else { rule.clone() };
    Ok(Some(kept.ending(end).to_string()))
}

/// Moves a time and what follows of its series.
async fn move_rest(
    tx: &Tx,
    appointment: &Appointment,
    time: &AppointmentOccurrence,
    input: &AppointmentMoveInput,
    scope: AppointmentScope,
) -> Result<Appointment> {
    let zone = appointment.zone()?;
    let minutes = check_minutes(input.minutes.unwrap_or(appointment.minutes))?;
    let by = book::wall(input.starts_at, zone)? - time.wall;
    let from = pivot(tx, time, scope).await?;
    let needed = uses(tx, appointment.id).await?;
    let calendars = calendars(tx, &needed).await?;
    ahead::keep_up(tx, &needed).await?;
    check_notice(tx, &calendars, input.starts_at)?;
    // What was cancelled by itself stays cancelled.
    let cancelled: Vec<NaiveDateTime> = tx
        .rows(
            appointment_occurrence::table
                .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
                .filter(appointment_occurrence::appointment_id.eq(appointment.id))
                .filter(appointment_occurrence::wall.ge(from))
                .filter(appointment_occurrence::state.eq(AppointmentOccurrenceState::Cancelled))
                .select(appointment_occurrence::wall),
        )
        .await?;
    let (before, following) = appointment.series()?.split(from);
    let following = following.ok_or_else(|| Error::fault("a time of no series"))?;
    let start = following.start() + by;
    let month_end = if appointment.month_end { MonthEnd::LastDay } else { MonthEnd::Skip };
    let text = match &input.rule {
        Some(text) => Some(text.clone()),
        None => moved_rule(appointment, &following, by)?,
    };
    let rule = match text {
        Some(text) => Some(book::rule(&text, start, zone, month_end)?.0.to_string()),
        None => None,
    };
    let shifted = |walls: &mut dyn Iterator<Item = NaiveDateTime>| walls.map(|wall| wall + by).collect::<Vec<_>>();
    let added = shifted(&mut following.added().iter().copied());
    let left_out = shifted(&mut following.left_out().iter().copied().chain(cancelled));
    lay::lift(tx, appointment.id, from).await?;
    let sequence = appointment.sequence.saturating_add(1);
    let values = (
        appointment::starts_wall.eq(start),
        appointment::minutes.eq(minutes),
        appointment::rule.eq(rule),
        appointment::added.eq(added),
        appointment::left_out.eq(left_out),
    );
    let rest: Appointment = match &before {
        None => {
            tx.row(
                diesel::update(appointment::table)
                    .filter(appointment::tenant_id.eq(tx.tenant()?))
                    .filter(appointment::id.eq(appointment.id))
                    .set((values, appointment::sequence.eq(sequence)))
                    .returning(Appointment::as_returning()),
            )
            .await?
        }
        Some(before) => {
            keep_before(tx, appointment.id, before, sequence).await?;
            let id = AppointmentId::new();
            let (prefix, record) = appointment.about();
            let new: Appointment = tx
                .row(
                    diesel::insert_into(appointment::table)
                        .values((
                            values,
                            appointment::tenant_id.eq(tx.tenant()?),
                            appointment::id.eq(id),
                            appointment::uid.eq(id.0.to_string()),
                            appointment::title.eq(&appointment.title),
                            appointment::description.eq(&appointment.description),
                            appointment::location.eq(&appointment.location),
                            appointment::time_zone.eq(zone.name()),
                            appointment::month_end.eq(appointment.month_end),
                            appointment::continues_id.eq(appointment.id),
                            appointment::record_prefix.eq(prefix),
                            appointment::record_id.eq(record),
                            appointment::visible_to_client.eq(appointment.visible_to_client),
                            appointment::created_by.eq(tx.actor()),
                        ))
                        .returning(Appointment::as_returning()),
                )
                .await?;
            need(tx, id, &calendars).await?;
            new
        }
    };
    let outside = input.outside_availability.unwrap_or(false);
    let laying = Laying { appointment: &rest, calendars: &calendars, from: tx.now(), outside };
    let until = laying.lay(tx).await?;
    let rest = laid(tx, rest.id, until).await?;
    if rest.id != appointment.id {
        ahead::go_on(tx, &rest).await?;
    }
    Ok(rest)
}

async fn moved(tx: &Tx, input: AppointmentMoveInput) -> Result<Appointment> {
    let (appointment, time) = standing(tx, input.id, input.expected_version).await?;
    let scope = input.scope.unwrap_or(AppointmentScope::This);
    if input.rule.is_some() && (scope == AppointmentScope::This || !appointment.is_series()) {
        let message = "One time alone has no rule: say FOLLOWING or ALL of a series, or book a series.";
        return Err(Error::refuse(UserErrorCode::Invalid, "rule", message));
    }
    let now = match (scope, appointment.is_series()) {
        (AppointmentScope::This, _) | (_, false) => move_one(tx, &appointment, &time, &input).await?,
        (scope, true) => move_rest(tx, &appointment, &time, &input, scope).await?,
    };
    attendee::ask_again(tx, now.id).await?;
    if now.id != appointment.id {
        // What is left of the series ends earlier; what follows is another appointment to everybody.
        let left = locked(tx, appointment.id).await?.ok_or_else(|| Error::fault("a series that was split"))?;
        mails::tell(tx, &left, News::Changed).await?;
        attendee::take_along(tx, appointment.id, &now).await?;
        tell(tx, &appointment, EventKind::AppointmentMoved, EventKind::ClientAppointmentUpdated);
        tell(tx, &now, EventKind::AppointmentBooked, EventKind::ClientAppointmentBooked);
    } else {
        mails::tell(tx, &now, News::Changed).await?;
        tell(tx, &now, EventKind::AppointmentMoved, EventKind::ClientAppointmentUpdated);
    }
    Ok(now)
}

/// Moving appointments.
#[derive(Default)]
pub struct AppointmentMoveMutation;

#[Object]
impl AppointmentMoveMutation {
    /// Moves one time of an appointment, it and what follows, or all that has not begun: all of it, or nothing. In the middle
    /// of a series what follows becomes an appointment of its own, which is given. Refused with `BUSY` if anything else is
    /// booked then. Right: `work.appointment.book`.
    async fn appointment_move(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What goes where.")] input: AppointmentMoveInput,
    ) -> async_graphql::Result<Option<AppointmentPayload>> {
        AppointmentPayload::settle(ctx, moved(ctx.tx(Can::AppointmentBook).await?, input).await)
    }
}
