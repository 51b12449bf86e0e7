//! An appointment: one time, or a series by a rule of RFC 5545, with the calendars that it needs.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use backoffice_recurrence::{MonthEnd, Series, Tz, instant};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};
use uuid::Uuid;

use super::attendee::AppointmentAttendee;
use super::calendar::{AppointmentCalendar, People};
use super::ids::{AppointmentCalendarId, AppointmentId};
use super::occurrence::{AppointmentOccurrence, Times};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::UserId;
use crate::platform::node::{self, Node};
use crate::platform::scalars::{DateTime, TimeZone};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{appointment, appointment_use};
use crate::work::item::WorkPerson;

crate::platform::words! {
    /// Whether an appointment stands.
    AppointmentState {
        /// It stands, or some of its occurrences do.
        Booked = "booked",
        /// All of it was cancelled.
        Cancelled = "cancelled",
    }
}

/// An appointment, or a series of them.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = appointment)]
#[graphql(complex)]
pub struct Appointment {
    /// Global id.
    pub id: AppointmentId,
    /// What calendars of others know it by (`UID` of RFC 5545). It never changes.
    pub uid: String,
    /// What it is, in a line.
    pub title: String,
    /// What it is, at length; empty if nothing more was said.
    pub description: String,
    /// Where it is; empty if that was not said.
    pub location: String,
    /// The zone whose wall clock it keeps, also when clocks change.
    pub time_zone: TimeZone,
    #[graphql(skip)]
    pub(super) starts_wall: NaiveDateTime,
    /// How long it takes, in minutes.
    pub minutes: i32,
    /// When it comes again, as `RRULE` of RFC 5545 says it, e.g. `FREQ=WEEKLY;BYDAY=MO`; null: once.
    pub rule: Option<String>,
    /// Whether the last day of a month stands for a day that the month does not have; else such months are left out.
    #[graphql(name = "lastDayOfShortMonths")]
    pub(super) month_end: bool,
    #[graphql(skip)]
    pub(super) added: Vec<NaiveDateTime>,
    #[graphql(skip)]
    pub(super) left_out: Vec<NaiveDateTime>,
    /// Whether it stands.
    pub state: AppointmentState,
    /// Counts what calendars of others have to be told (`SEQUENCE` of RFC 5545).
    pub sequence: i32,
    /// The instant up to which a series is laid out in the calendars; null: all of it is. It moves on by itself.
    pub laid_until: Option<DateTime>,
    #[graphql(skip)]
    pub(super) continues_id: Option<AppointmentId>,
    #[graphql(skip)]
    record_prefix: Option<String>,
    #[graphql(skip)]
    record_id: Option<Uuid>,
    /// Whether the client's own people see it as well, as a `ClientAppointment`.
    pub visible_to_client: bool,
    #[graphql(skip)]
    pub(super) created_by: Uuid,
    /// When it was booked.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl Appointment {
    /// When it begins; of a series, for the first time.
    async fn starts_at(&self) -> async_graphql::Result<DateTime> {
        Ok(DateTime(instant(self.starts_wall, self.zone()?)))
    }

    /// The calendars that it needs.
    async fn calendars(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AppointmentCalendar>> {
        Ok(ctx.load::<Uses>(self.id).await?.unwrap_or_default())
    }

    /// Its times, in their order, the first 500.
    async fn occurrences(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AppointmentOccurrence>> {
        Ok(ctx.load::<Times>(self.id).await?.unwrap_or_default())
    }

    /// Who is invited, by mail address.
    async fn attendees(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AppointmentAttendee>> {
        Ok(ctx.load::<AppointmentAttendee>(self.id).await?.unwrap_or_default())
    }

    /// The series of which it is what follows; null if it is none's.
    async fn continues(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Appointment>> {
        match self.continues_id {
            Some(id) => Ok(ctx.load::<Appointment>(id).await?),
            None => Ok(None),
        }
    }

    /// Who booked it; null if a service did.
    async fn booked_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WorkPerson>> {
        Ok(ctx.load::<People>(UserId(self.created_by)).await?)
    }

    /// The id of the record that it is about; null if it is about none.
    async fn record_id(&self) -> Option<ID> {
        self.record_text().map(ID)
    }

    /// The record that it is about; null if it is about none. Right: that to read records of its kind.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        match self.record_text() {
            Some(id) => Ok(node::find(ctx, &id).await?),
            None => Ok(None),
        }
    }
}

impl Appointment {
    fn record_text(&self) -> Option<String> {
        let (prefix, id) = (self.record_prefix.as_deref()?, self.record_id?);
        Some(format!("{prefix}_{}", id.simple()))
    }

    /// Whether it has more than one time.
    pub(super) fn is_series(&self) -> bool {
        self.rule.is_some() || !self.added.is_empty()
    }

    /// What it is about, as the table keeps it.
    pub(super) fn about(&self) -> (Option<String>, Option<Uuid>) {
        (self.record_prefix.clone(), self.record_id)
    }

    /// Its zone.
    pub(super) fn zone(&self) -> Result<Tz> {
        self.time_zone.0.parse().map_err(Error::fault)
    }

    /// Its series; one time alone is a series without a rule.
    pub(super) fn series(&self) -> Result<Series> {
        let rule = self.rule.as_deref().map(str::parse).transpose().map_err(Error::fault)?;
        let month_end = if self.month_end { MonthEnd::LastDay } else { MonthEnd::Skip };
        Series::of_times(self.starts_wall, self.zone()?, rule, month_end)
            .and_then(|series| series.adding(self.added.iter().copied()))
            .and_then(|series| series.leaving_out(self.left_out.iter().copied()))
            .map_err(Error::fault)
    }
}

impl Fetch for Appointment {
    type Key = AppointmentId;
    type Value = Self;
    const CAN: Can = Can::AppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<AppointmentId>) -> Result<HashMap<AppointmentId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                appointment::table
                    .filter(appointment::tenant_id.eq(tx.tenant()?))
                    .filter(appointment::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

#[derive(QueryableByName)]
struct Use {
    #[diesel(sql_type = SqlUuid)]
    appointment_id: AppointmentId,
    #[diesel(embed)]
    calendar: AppointmentCalendar,
}

/// The calendars of appointments, by name.
struct Uses;

impl Fetch for Uses {
    type Key = AppointmentId;
    type Value = Vec<AppointmentCalendar>;
    const CAN: Can = Can::AppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<AppointmentId>) -> Result<HashMap<AppointmentId, Vec<AppointmentCalendar>>> {
        let rows: Vec<Use> = tx
            .rows(
                sql("SELECT u.appointment_id, c.* FROM practice.appointment_use u
                       JOIN practice.appointment_calendar c ON c.tenant_id = u.tenant_id AND c.id = u.calendar_id
                      WHERE u.tenant_id = $1 AND u.appointment_id = ANY ($2) ORDER BY c.name, c.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<AppointmentId, Vec<AppointmentCalendar>> = HashMap::new();
        for row in rows {
            found.entry(row.appointment_id).or_default().push(row.calendar);
        }
        Ok(found)
    }
}

/// The calendars that an appointment needs.
pub(super) async fn uses(tx: &Tx, id: AppointmentId) -> Result<Vec<AppointmentCalendarId>> {
    tx.rows(
        appointment_use::table
            .filter(appointment_use::tenant_id.eq(tx.tenant()?))
            .filter(appointment_use::appointment_id.eq(id))
            .order(appointment_use::calendar_id)
            .select(appointment_use::calendar_id),
    )
    .await
}

/// An appointment that stands, locked until the transaction ends.
pub(super) async fn locked(tx: &Tx, id: AppointmentId) -> Result<Option<Appointment>> {
    tx.maybe(
        appointment::table
            .filter(appointment::tenant_id.eq(tx.tenant()?))
            .filter(appointment::id.eq(id))
            .select(Appointment::as_select())
            .for_no_key_update(),
    )
    .await
}

/// Queries about appointments.
#[derive(Default)]
pub struct AppointmentQuery;

#[Object]
impl AppointmentQuery {
    /// One appointment; null if the id is unknown. Right: `work.appointment.read`.
    async fn appointment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: AppointmentId,
    ) -> async_graphql::Result<Option<Appointment>> {
        Ok(ctx.load::<Appointment>(id).await?)
    }
}
