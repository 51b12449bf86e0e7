//! An appointment as the people of its client see it, once the provider has made it visible to them. Which calendars it
//! needs, who booked it and what it is about stay inside the provider.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;

use super::appointment::AppointmentState;
use super::ids::ClientAppointmentId;
use super::occurrence::AppointmentOccurrenceState;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{DateTime, TimeZone};
use crate::platform::scope::Ask;
use crate::schema::{appointment, appointment_occurrence};

/// The most times that are shown of one appointment.
const SHOWN: i64 = 100;

/// An appointment that the client's own people see.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = appointment)]
#[graphql(complex)]
pub struct ClientAppointment {
    /// Global id.
    pub id: ClientAppointmentId,
    /// What it is, in a line.
    pub title: String,
    /// What it is, at length; empty if nothing more was said.
    pub description: String,
    /// Where it is; empty if that was not said.
    pub location: String,
    /// The zone whose wall clock it keeps.
    pub time_zone: TimeZone,
    /// How long it takes, in minutes.
    pub minutes: i32,
    /// When it comes again, as `RRULE` of RFC 5545 says it; null: once.
    pub rule: Option<String>,
    /// Whether it stands.
    pub state: AppointmentState,
    /// When it was last changed.
    pub updated_at: DateTime,
}

/// One time of an appointment, as the client's people see it.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = appointment_occurrence)]
pub struct ClientAppointmentTime {
    #[graphql(skip)]
    appointment_id: ClientAppointmentId,
    /// When it begins.
    pub starts_at: DateTime,
    /// When it is over.
    pub ends_at: DateTime,
    /// What became of it.
    pub state: AppointmentOccurrenceState,
}

#[ComplexObject]
impl ClientAppointment {
    /// Its times that are not over, in their order, the first 100.
    async fn times(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ClientAppointmentTime>> {
        Ok(ctx.load::<ClientAppointmentTime>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for ClientAppointmentTime {
    type Key = ClientAppointmentId;
    type Value = Vec<Self>;
    const CAN: Can = Can::ClientAppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientAppointmentId>) -> Result<HashMap<ClientAppointmentId, Vec<Self>>> {
        let most = SHOWN.saturating_mul(keys.len().try_into().unwrap_or(1));
        let rows: Vec<Self> = tx
            .rows(
                appointment_occurrence::table
                    .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
                    .filter(appointment_occurrence::appointment_id.eq_any(keys))
                    .filter(appointment_occurrence::ends_at.gt(tx.now()))
                    .order((appointment_occurrence::starts_at, appointment_occurrence::id))
                    .limit(most)
                    .select(Self::as_select()),
            )
            .await?;
        let mut found: HashMap<ClientAppointmentId, Vec<Self>> = HashMap::new();
        for row in rows {
            let times = found.entry(row.appointment_id).or_default();
            if i64::try_from(times.len()).is_ok_and(|known| known < SHOWN) {
                times.push(row);
            }
        }
        Ok(found)
    }
}

impl Fetch for ClientAppointment {
    type Key = ClientAppointmentId;
    type Value = Self;
    const CAN: Can = Can::ClientAppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientAppointmentId>) -> Result<HashMap<ClientAppointmentId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                appointment::table
                    .filter(appointment::tenant_id.eq(tx.tenant()?))
                    .filter(appointment::visible_to_client.eq(true))
                    .filter(appointment::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of the appointments that the client's own people see.
    ClientAppointmentConnection, ClientAppointmentEdge, ClientAppointment
);

/// Queries of the client's own people about appointments.
#[derive(Default)]
pub struct ClientAppointmentQuery;

#[Object]
impl ClientAppointmentQuery {
    /// One appointment that is visible to the client; null if the id is unknown. Right: `work.client_appointment.read`.
    async fn client_appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ClientAppointmentId,
    ) -> async_graphql::Result<Option<ClientAppointment>> {
        Ok(ctx.load::<ClientAppointment>(id).await?)
    }

    /// The appointments that are visible to the client, the latest booked first. Right: `work.client_appointment.read`.
    async fn client_appointments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ClientAppointmentConnection> {
        let tx = ctx.tx(Can::ClientAppointmentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            Ok(appointment::table
                .filter(appointment::tenant_id.eq(tx.tenant()?))
                .filter(appointment::visible_to_client.eq(true))
                .into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(appointment::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(appointment::id.desc()).limit(slice.limit()).select(ClientAppointment::as_select()))
            .await?;
        Ok(ClientAppointmentConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
