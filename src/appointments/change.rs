//! What an appointment says: title, text, place, record, who sees it. Its times stay.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use diesel::prelude::*;
use uuid::Uuid;

use super::appointment::{Appointment, AppointmentState, locked};
use super::book::{AppointmentPayload, check_texts, tell};
use super::ids::AppointmentId;
use super::mails::{self, News};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::expect_version;
use crate::platform::node;
use crate::platform::outbox::EventKind;
use crate::platform::scope::Ask;
use crate::schema::appointment;

/// Changes of an appointment: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentUpdateInput {
    /// The appointment, or the series as a whole.
    pub id: AppointmentId,
    /// The version that was read; refused with `CONFLICT` if the appointment was changed since.
    pub expected_version: Option<i32>,
    /// What it is, 1 to 200 characters.
    pub title: Option<String>,
    /// What it is, at length, at most 20,000 characters.
    pub description: Option<String>,
    /// Where it is, at most 500 characters.
    pub location: Option<String>,
    /// The id of the record that it is about: any that the caller may read.
    pub record: MaybeUndefined<ID>,
    /// Whether the client's own people see it as well.
    pub visible_to_client: Option<bool>,
}

/// Refuses what was cancelled as a whole.
pub(super) fn expect_booked(found: &Appointment) -> Result<()> {
    match found.state {
        AppointmentState::Booked => Ok(()),
        AppointmentState::Cancelled => {
            Err(Error::refuse(UserErrorCode::State, "id", "This appointment was cancelled: book a new one."))
        }
    }
}

#[derive(AsChangeset)]
#[diesel(table_name = appointment)]
struct Changes {
    title: Option<String>,
    description: Option<String>,
    location: Option<String>,
    record_prefix: Option<Option<String>>,
    record_id: Option<Option<Uuid>>,
    visible_to_client: Option<bool>,
}

async fn update(tx: &Tx, input: AppointmentUpdateInput, about: Option<Option<(String, Uuid)>>) -> Result<Appointment> {
    check_texts(input.title.as_deref(), input.description.as_deref(), input.location.as_deref())?;
    let found = locked(tx, input.id).await?.ok_or_else(|| Error::not_found("id", "appointment"))?;
    expect_version(input.expected_version, found.version, "appointment")?;
    expect_booked(&found)?;
    let (prefix, record) = match about {
        Some(about) => {
            let (prefix, record) = about.unzip();
            (Some(prefix), Some(record))
        }
        None => (None, None),
    };
    let changes = Changes {
        title: input.title.map(|title| title.trim().to_owned()),
        description: input.description,
        location: input.location,
        record_prefix: prefix,
        record_id: record,
        visible_to_client: input.visible_to_client,
    };
    let says_more = changes.title.is_some() || changes.description.is_some() || changes.location.is_some();
    let changed: Appointment = tx
        .row(
            diesel::update(appointment::table)
                .filter(appointment::tenant_id.eq(tx.tenant()?))
                .filter(appointment::id.eq(input.id))
                .set((changes, appointment::sequence.eq(found.sequence.saturating_add(i32::from(says_more)))))
                .returning(Appointment::as_returning()),
        )
        .await?;
    let outside = match (found.visible_to_client, changed.visible_to_client) {
        (false, true) => EventKind::ClientAppointmentBooked,
        _ => EventKind::ClientAppointmentUpdated,
    };
    if says_more {
        mails::tell(tx, &changed, News::Changed).await?;
    }
    tell(tx, &changed, EventKind::AppointmentUpdated, outside);
    Ok(changed)
}

/// Changing what appointments say.
#[derive(Default)]
pub struct AppointmentChangeMutation;

#[Object]
impl AppointmentChangeMutation {
    /// Changes what an appointment says: what is omitted stays, null clears. Right: `work.appointment.book`.
    async fn appointment_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: AppointmentUpdateInput,
    ) -> async_graphql::Result<Option<AppointmentPayload>> {
        let tx = ctx.tx(Can::AppointmentBook).await?;
        let done = async {
            let about = match &input.record {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(id) => Some(Some(node::pointed_at(ctx, id, "record").await?)),
            };
            update(tx, input, about).await
        };
        AppointmentPayload::settle(ctx, done.await)
    }
}
