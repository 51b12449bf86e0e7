//! Cancelling an appointment: one time of it, or it and everything that follows, or all that is to come. Its time is free
//! from then on.

use async_graphql::{Context, InputObject, Object};
use diesel::prelude::*;

use super::appointment::{Appointment, AppointmentState};
use super::book::{AppointmentPayload, tell};
use super::ids::AppointmentOccurrenceId;
use super::lay;
use super::mails::{self, News};
use super::moves::{AppointmentScope, keep_before, pivot, standing};
use super::occurrence::AppointmentOccurrenceState;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::outbox::EventKind;
use crate::platform::scope::Ask;
use crate::schema::{appointment, appointment_occurrence};

/// What is cancelled.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentCancelInput {
    /// One time of the appointment. It has not begun yet.
    pub id: AppointmentOccurrenceId,
    /// The version that was read; refused with `CONFLICT` if this time was changed since.
    pub expected_version: Option<i32>,
    /// How much of a series is cancelled; `THIS` if not said.
    pub scope: Option<AppointmentScope>,
}

async fn cancel(tx: &Tx, input: AppointmentCancelInput) -> Result<Appointment> {
    let (found, time) = standing(tx, input.id, input.expected_version).await?;
    let scope = match found.is_series() {
        true => input.scope.unwrap_or(AppointmentScope::This),
        false => AppointmentScope::All,
    };
    let of_it = appointment_occurrence::table
        .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
        .filter(appointment_occurrence::appointment_id.eq(found.id));
    let cancelled = appointment_occurrence::state.eq(AppointmentOccurrenceState::Cancelled);
    let sequence = found.sequence.saturating_add(1);
    let one = appointment::table.filter(appointment::tenant_id.eq(tx.tenant()?)).filter(appointment::id.eq(found.id));
    let now: Appointment = if scope == AppointmentScope::This {
        lay::release_one(tx, time.id).await?;
        tx.exec(diesel::update(of_it.filter(appointment_occurrence::id.eq(time.id))).set(cancelled)).await?;
        tx.row(diesel::update(one).set(appointment::sequence.eq(sequence)).returning(Appointment::as_returning()))
            .await?
    } else {
        let from = pivot(tx, &time, scope).await?;
        lay::release(tx, found.id, from).await?;
        tx.exec(diesel::update(of_it.filter(appointment_occurrence::wall.ge(from))).set(cancelled)).await?;
        match found.series()?.split(from).0 {
            Some(before) => keep_before(tx, found.id, &before, sequence).await?,
            None => {
                tx.row(
                    diesel::update(one)
                        .set((
                            appointment::state.eq(AppointmentState::Cancelled),
                            appointment::sequence.eq(sequence),
                            appointment::laid_until.eq(None::<chrono::DateTime<chrono::Utc>>),
                        ))
                        .returning(Appointment::as_returning()),
                )
                .await?
            }
        }
    };
    match (scope, now.state) {
        (AppointmentScope::This, _) => mails::tell_cancelled_time(tx, &now, &time).await?,
        (_, AppointmentState::Cancelled) => mails::tell(tx, &now, News::Cancelled).await?,
        (_, AppointmentState::Booked) => mails::tell(tx, &now, News::Changed).await?,
    }
    tell(tx, &now, EventKind::AppointmentCancelled, EventKind::ClientAppointmentUpdated);
    Ok(now)
}

/// Cancelling appointments.
#[derive(Default)]
pub struct CancelMutation;

#[Object]
impl CancelMutation {
    /// Cancels one time of an appointment, it and what follows, or all that has not begun. Right: `work.appointment.book`.
    async fn appointment_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is cancelled.")] input: AppointmentCancelInput,
    ) -> async_graphql::Result<Option<AppointmentPayload>> {
        AppointmentPayload::settle(ctx, cancel(ctx.tx(Can::AppointmentBook).await?, input).await)
    }
}
