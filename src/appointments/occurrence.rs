//! One time of an appointment: what stands in the calendars.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::appointment::Appointment;
use super::ids::{AppointmentCalendarId, AppointmentId, AppointmentOccurrenceId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::{appointment_occurrence, appointment_use};

/// The most occurrences of a series that are shown on it.
const SHOWN: i64 = 500;

crate::platform::words! {
    /// What became of one time of an appointment.
    AppointmentOccurrenceState {
        /// It is where its appointment has it.
        Booked = "booked",
        /// It was moved by itself.
        Moved = "moved",
        /// It was cancelled.
        Cancelled = "cancelled",
    }
}

/// One time of an appointment.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = appointment_occurrence)]
#[graphql(complex)]
pub struct AppointmentOccurrence {
    /// Global id.
    pub id: AppointmentOccurrenceId,
    #[graphql(skip)]
    pub(super) appointment_id: AppointmentId,
    #[graphql(skip)]
    pub(super) wall: NaiveDateTime,
    /// When it begins.
    pub starts_at: DateTime,
    /// When it is over: the first instant that it does not take any more.
    pub ends_at: DateTime,
    /// What became of it.
    pub state: AppointmentOccurrenceState,
    /// When it was booked.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl AppointmentOccurrence {
    /// The appointment whose time it is.
    async fn appointment(&self, ctx: &Context<'_>) -> async_graphql::Result<Appointment> {
        let found = ctx.load::<Appointment>(self.appointment_id).await?;
        Ok(found.ok_or_else(|| Error::fault("a time of no appointment"))?)
    }

    /// When the series has it, as a local time without zone, e.g. `2027-03-01T09:00:00`: what calendars of others name it by.
    async fn series_time(&self) -> String {
        self.wall.format("%Y-%m-%dT%H:%M:%S").to_string()
    }
}

impl Fetch for AppointmentOccurrence {
    type Key = AppointmentOccurrenceId;
    type Value = Self;
    const CAN: Can = Can::AppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<AppointmentOccurrenceId>) -> Result<HashMap<AppointmentOccurrenceId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                appointment_occurrence::table
                    .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
                    .filter(appointment_occurrence::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The times of an appointment, in their order; the first 500.
pub(super) struct Times;

impl Fetch for Times {
    type Key = AppointmentId;
    type Value = Vec<AppointmentOccurrence>;
    const CAN: Can = Can::AppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<AppointmentId>) -> Result<HashMap<AppointmentId, Vec<AppointmentOccurrence>>> {
        let most = SHOWN.saturating_mul(keys.len().try_into().unwrap_or(1));
        let rows: Vec<AppointmentOccurrence> = tx
            .rows(
                appointment_occurrence::table
                    .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
                    .filter(appointment_occurrence::appointment_id.eq_any(keys))
                    .order((appointment_occurrence::starts_at, appointment_occurrence::id))
                    .limit(most)
                    .select(AppointmentOccurrence::as_select()),
            )
            .await?;
        let mut found: HashMap<AppointmentId, Vec<AppointmentOccurrence>> = HashMap::new();
        for row in rows {
            found.entry(row.appointment_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// One time of an appointment, locked; nothing if the id is unknown.
pub(super) async fn locked(tx: &Tx, id: AppointmentOccurrenceId) -> Result<Option<AppointmentOccurrence>> {
    tx.maybe(
        appointment_occurrence::table
            .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
            .filter(appointment_occurrence::id.eq(id))
            .select(AppointmentOccurrence::as_select())
            .for_update(),
    )
    .await
}

crate::platform::connection!(
    /// A page of times of appointments.
    AppointmentOccurrenceConnection, AppointmentOccurrenceEdge, AppointmentOccurrence
);

/// Which times of appointments are wanted; every condition that is given has to hold.
#[derive(Clone, Debug, Default, InputObject)]
pub struct AppointmentOccurrenceFilter {
    /// Only what needs one of these calendars, at most 100.
    pub calendars: Option<Vec<AppointmentCalendarId>>,
    /// True: also what was cancelled.
    pub cancelled: Option<bool>,
}

/// Queries about what stands in the calendars.
#[derive(Default)]
pub struct OccurrenceQuery;

#[Object]
impl OccurrenceQuery {
    /// One time of an appointment; null if the id is unknown. Right: `work.appointment.read`.
    async fn appointment_occurrence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: AppointmentOccurrenceId,
    ) -> async_graphql::Result<Option<AppointmentOccurrence>> {
        Ok(ctx.load::<AppointmentOccurrence>(id).await?)
    }

    /// What stands in the calendars, by its beginning; series as far as they are laid out, some 400 days ahead. Right:
    /// `work.appointment.read`.
    async fn appointment_occurrences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only what ends after this instant; now if not said.")] from: Option<DateTime>,
        #[graphql(desc = "Only what begins before this instant.")] until: Option<DateTime>,
        #[graphql(desc = "Only such.")] filter: Option<AppointmentOccurrenceFilter>,
    ) -> async_graphql::Result<AppointmentOccurrenceConnection> {
        let tx = ctx.tx(Can::AppointmentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let AppointmentOccurrenceFilter { calendars, cancelled } = filter.unwrap_or_default();
        if calendars.as_ref().is_some_and(|calendars| calendars.len() > 100) {
            return Err(Error::BadInput("At most 100 calendars at once.".to_owned()).into());
        }
        let from = from.map_or(tx.now(), |from| from.0);
        let narrowed = || -> Result<_> {
            let mut query = appointment_occurrence::table
                .filter(appointment_occurrence::tenant_id.eq(tx.tenant()?))
                .filter(appointment_occurrence::ends_at.gt(from))
                // nothing lasts longer: what the index goes by
                .filter(appointment_occurrence::starts_at.gt(from - TimeDelta::days(32)))
                .into_boxed();
            if let Some(until) = until {
                query = query.filter(appointment_occurrence::starts_at.lt(until));
            }
            if cancelled != Some(true) {
                query = query.filter(appointment_occurrence::state.ne(AppointmentOccurrenceState::Cancelled));
            }
            if let Some(calendars) = &calendars {
                let of_these = appointment_use::table
                    .filter(appointment_use::tenant_id.eq(tx.tenant()?))
                    .filter(appointment_use::calendar_id.eq_any(calendars.clone()))
                    .select(appointment_use::appointment_id);
                query = query.filter(appointment_occurrence::appointment_id.eq_any(of_these));
            }
            Ok(query)
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((at, id)) = &slice.after {
            let at: chrono::DateTime<chrono::Utc> =
                at.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page.filter(
                appointment_occurrence::starts_at
                    .gt(at)
                    .or(appointment_occurrence::starts_at.eq(at).and(appointment_occurrence::id.gt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((appointment_occurrence::starts_at, appointment_occurrence::id))
                    .limit(slice.limit())
                    .select(AppointmentOccurrence::as_select()),
            )
            .await?;
        let cursor = |row: &AppointmentOccurrence| encode(&row.starts_at.0.to_rfc3339(), row.id.0);
        Ok(AppointmentOccurrenceConnection::new(ctx, &slice, rows, cursor, total))
    }
}
