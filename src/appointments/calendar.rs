//! A calendar in which appointments are booked: of a person, a room, a vehicle or a piece of equipment.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Uuid as SqlUuid};

use super::ids::AppointmentCalendarId;
use crate::clocks::calendar::{BusinessCalendar, default_of};
use crate::clocks::ids::BusinessCalendarId;
use crate::clocks::schema::business_calendar;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::input::{expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::appointment_calendar;
use crate::work::item::WorkPerson;

/// The most calendars of a client.
const MOST: i64 = 1_000;

crate::platform::words! {
    /// Whose time a calendar is.
    AppointmentCalendarKind {
        /// A person's.
        Person = "person",
        /// A room's.
        Room = "room",
        /// A vehicle's.
        Vehicle = "vehicle",
        /// A piece of equipment's.
        Equipment = "equipment",
    }
}

/// A calendar in which appointments are booked.
#[derive(Queryable, Selectable, QueryableByName, SimpleObject, Clone, Debug)]
#[diesel(table_name = appointment_calendar)]
#[graphql(complex)]
pub struct AppointmentCalendar {
    /// Global id.
    pub id: AppointmentCalendarId,
    /// Name, unique among the calendars that were not deleted.
    pub name: String,
    /// Whose time it is.
    pub kind: AppointmentCalendarKind,
    #[graphql(skip)]
    account_id: Option<UserId>,
    #[graphql(skip)]
    pub(super) hours_id: BusinessCalendarId,
    /// Minutes that stay free before each appointment.
    #[graphql(name = "bufferBeforeMinutes")]
    pub(super) buffer_before: i32,
    /// Minutes that stay free after each appointment. Between two of them there is what the one needs after and the other
    /// one before it.
    #[graphql(name = "bufferAfterMinutes")]
    pub(super) buffer_after: i32,
    /// How many minutes before it begins an appointment is booked at the latest.
    #[graphql(name = "noticeMinutes")]
    pub(super) notice: i32,
    /// How many days ahead an appointment is booked at the earliest.
    pub(super) lead_days: i32,
    /// When it was deleted; null if it was not.
    pub deleted_at: Option<DateTime>,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl AppointmentCalendar {
    /// Whose calendar it is, if it is a user's.
    async fn person(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WorkPerson>> {
        match self.account_id {
            Some(id) => Ok(ctx.load::<People>(id).await?),
            None => Ok(None),
        }
    }

    /// When it can be booked: the open hours of this business calendar, in its time zone. Right: `core.calendar.read`.
    async fn availability(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BusinessCalendar>> {
        Ok(ctx.load::<BusinessCalendar>(self.hours_id).await?)
    }
}

/// People beside appointments.
pub(super) struct People;

impl Fetch for People {
    type Key = UserId;
    type Value = WorkPerson;
    const CAN: Can = Can::AppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<UserId>) -> Result<HashMap<UserId, WorkPerson>> {
        let rows: Vec<WorkPerson> = tx
            .rows(sql("SELECT p.id, p.name, p.staff FROM practice.people_named($1) p").bind::<Array<SqlUuid>, _>(keys))
            .await?;
        Ok(rows.into_iter().map(|row| (row.user_id, row)).collect())
    }
}

impl Fetch for AppointmentCalendar {
    type Key = AppointmentCalendarId;
    type Value = Self;
    const CAN: Can = Can::AppointmentRead;

    async fn fetch(tx: &Tx, keys: Vec<AppointmentCalendarId>) -> Result<HashMap<AppointmentCalendarId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                appointment_calendar::table
                    .filter(appointment_calendar::tenant_id.eq(tx.tenant()?))
                    .filter(appointment_calendar::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of calendars for appointments.
    AppointmentCalendarConnection, AppointmentCalendarEdge, AppointmentCalendar
);

/// A new calendar for appointments.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentCalendarCreateInput {
    /// Name, 1 to 100 characters, unique among the calendars that were not deleted.
    pub name: String,
    /// Whose time it is.
    pub kind: AppointmentCalendarKind,
    /// The user whose calendar it is: somebody who may see appointments. Of a `PERSON` only.
    pub person: Option<UserId>,
    /// The business calendar in whose open hours it can be booked; the client's default one if not said.
    pub availability: Option<BusinessCalendarId>,
    /// Minutes that stay free before each appointment, 0 to 1,440; 0 if not said.
    pub buffer_before_minutes: Option<i32>,
    /// Minutes that stay free after each appointment, 0 to 1,440; 0 if not said.
    pub buffer_after_minutes: Option<i32>,
    /// How many minutes before it begins an appointment is booked at the latest, 0 to 129,600; 0 if not said.
    pub notice_minutes: Option<i32>,
    /// How many days ahead an appointment is booked at the earliest, 1 to 365; 365 if not said.
    pub lead_days: Option<i32>,
}

/// Changes of a calendar: what is omitted stays, null clears. What is booked stays as it was booked.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentCalendarUpdateInput {
    /// The calendar.
    pub id: AppointmentCalendarId,
    /// The version that was read; refused with `CONFLICT` if the calendar was changed since.
    pub expected_version: Option<i32>,
    /// Name, 1 to 100 characters.
    pub name: Option<String>,
    /// The user whose calendar it is.
    pub person: MaybeUndefined<UserId>,
    /// The business calendar in whose open hours it can be booked.
    pub availability: Option<BusinessCalendarId>,
    /// Minutes that stay free before each appointment, 0 to 1,440.
    pub buffer_before_minutes: Option<i32>,
    /// Minutes that stay free after each appointment, 0 to 1,440.
    pub buffer_after_minutes: Option<i32>,
    /// How many minutes before it begins an appointment is booked at the latest, 0 to 129,600.
    pub notice_minutes: Option<i32>,
    /// How many days ahead an appointment is booked at the earliest, 1 to 365.
    pub lead_days: Option<i32>,
}

/// Names a calendar for appointments.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentCalendarDeleteInput {
    /// The calendar.
    pub id: AppointmentCalendarId,
    /// The version that was read; refused with `CONFLICT` if the calendar was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a calendar for appointments.
    AppointmentCalendarPayload {
        /// The calendar as it is now.
        appointment_calendar: AppointmentCalendar
    }
}

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// Somebody who may see appointments of this client.
async fn check_person(tx: &Tx, kind: AppointmentCalendarKind, person: Option<UserId>) -> Result<()> {
    let Some(person) = person else { return Ok(()) };
    if kind != AppointmentCalendarKind::Person {
        return Err(Error::refuse(UserErrorCode::Invalid, "person", "Only the calendar of a person has one."));
    }
    let may: Flag = tx
        .row(
            sql("SELECT practice.holds_here($1, 'work.appointment.read') OR practice.holds_here($1, 'work.client_appointment.read') AS flag")
                .bind::<SqlUuid, _>(person),
        )
        .await?;
    if may.flag { Ok(()) } else { Err(Error::not_found("person", "user who may see appointments")) }
}

/// A business calendar that was not deleted; it stays while this transaction lasts.
async fn hours(tx: &Tx, named: Option<BusinessCalendarId>) -> Result<BusinessCalendarId> {
    let id = match named {
        Some(id) => Some(id),
        None => default_of(tx).await?,
    };
    let id = id.ok_or_else(|| {
        Error::refuse(UserErrorCode::Required, "availability", "This client has no default calendar: name one.")
    })?;
    let found: Option<BusinessCalendarId> = tx
        .maybe(
            business_calendar::table
                .filter(business_calendar::tenant_id.eq(tx.tenant()?))
                .filter(business_calendar::id.eq(id))
                .filter(business_calendar::deleted_at.is_null())
                .select(business_calendar::id)
                .for_share(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found("availability", "business calendar"))
}

fn within(field: &str, value: i32, least: i32, most: i32) -> Result<i32> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Error::refuse(UserErrorCode::Invalid, field, format!("This is a number from {least} to {most}.")))
}

async fn expect_new_name(tx: &Tx, name: &str, but: Option<AppointmentCalendarId>) -> Result<()> {
    let mut same = appointment_calendar::table
        .filter(appointment_calendar::tenant_id.eq(tx.tenant()?))
        .filter(appointment_calendar::deleted_at.is_null())
        .filter(appointment_calendar::name.eq(name))
        .into_boxed();
    if let Some(id) = but {
        same = same.filter(appointment_calendar::id.ne(id));
    }
    match tx.row(same.count()).await? {
        0_i64 => Ok(()),
        _ => Err(Error::refuse(UserErrorCode::Duplicate, "name", "Another calendar has this name.")),
    }
}

/// Makes a calendar.
pub async fn create(tx: &Tx, input: AppointmentCalendarCreateInput) -> Result<AppointmentCalendar> {
    let name = input.name.trim();
    sized("name", name, 1..=100)?;
    check_person(tx, input.kind, input.person).await?;
    let hours = hours(tx, input.availability).await?;
    expect_new_name(tx, name, None).await?;
    let count: i64 = tx
        .row(
            appointment_calendar::table
                .filter(appointment_calendar::tenant_id.eq(tx.tenant()?))
                .filter(appointment_calendar::deleted_at.is_null())
                .count(),
        )
        .await?;
    if count >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A client has at most {MOST} such calendars.")));
    }
    let made: AppointmentCalendar = tx
        .row(
            diesel::insert_into(appointment_calendar::table)
                .values((
                    appointment_calendar::tenant_id.eq(tx.tenant()?),
                    appointment_calendar::id.eq(AppointmentCalendarId::new()),
                    appointment_calendar::name.eq(name),
                    appointment_calendar::kind.eq(input.kind),
                    appointment_calendar::account_id.eq(input.person),
                    appointment_calendar::hours_id.eq(hours),
                    appointment_calendar::buffer_before.eq(within(
                        "bufferBeforeMinutes",
                        input.buffer_before_minutes.unwrap_or(0),
                        0,
                        1_440,
                    )?),
                    appointment_calendar::buffer_after.eq(within(
                        "bufferAfterMinutes",
                        input.buffer_after_minutes.unwrap_or(0),
                        0,
                        1_440,
                    )?),
                    appointment_calendar::notice.eq(within(
                        "noticeMinutes",
                        input.notice_minutes.unwrap_or(0),
                        0,
                        129_600,
                    )?),
                    appointment_calendar::lead_days.eq(within("leadDays", input.lead_days.unwrap_or(365), 1, 365)?),
                ))
                .returning(AppointmentCalendar::as_returning()),
        )
        .await?;
    emit(tx, EventKind::AppointmentCalendarCreated, made.id.0);
    Ok(made)
}

/// A calendar that was not deleted, locked until the transaction ends.
async fn locked(tx: &Tx, id: AppointmentCalendarId, expected: Option<i32>) -> Result<AppointmentCalendar> {
    let found = held(tx, &[id]).await?.pop().ok_or_else(|| Error::not_found("id", "calendar"))?;
    expect_version(expected, found.version, "calendar")?;
    Ok(found)
}

/// Those of the calendars that were not deleted, locked in the order of their ids: whoever books in one of them waits.
pub(super) async fn held(tx: &Tx, ids: &[AppointmentCalendarId]) -> Result<Vec<AppointmentCalendar>> {
    tx.rows(
        appointment_calendar::table
            .filter(appointment_calendar::tenant_id.eq(tx.tenant()?))
            .filter(appointment_calendar::id.eq_any(ids.to_vec()))
            .filter(appointment_calendar::deleted_at.is_null())
            .order(appointment_calendar::id)
            .select(AppointmentCalendar::as_select())
            .for_no_key_update(),
    )
    .await
}

async fn update(tx: &Tx, input: AppointmentCalendarUpdateInput) -> Result<AppointmentCalendar> {
    let known = locked(tx, input.id, input.expected_version).await?;
    let name = input.name.as_deref().unwrap_or(&known.name).trim();
    sized("name", name, 1..=100)?;
    expect_new_name(tx, name, Some(known.id)).await?;
    let person = match input.person {
        MaybeUndefined::Undefined => known.account_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(person) => {
            check_person(tx, known.kind, Some(person)).await?;
            Some(person)
        }
    };
    let hours_id = match input.availability {
        Some(id) => hours(tx, Some(id)).await?,
        None => known.hours_id,
    };
    let before = within("bufferBeforeMinutes", input.buffer_before_minutes.unwrap_or(known.buffer_before), 0, 1_440)?;
    let after = within("bufferAfterMinutes", input.buffer_after_minutes.unwrap_or(known.buffer_after), 0, 1_440)?;
    let notice = within("noticeMinutes", input.notice_minutes.unwrap_or(known.notice), 0, 129_600)?;
    let lead = within("leadDays", input.lead_days.unwrap_or(known.lead_days), 1, 365)?;
    let changed: AppointmentCalendar = tx
        .row(
            diesel::update(appointment_calendar::table)
                .filter(appointment_calendar::tenant_id.eq(tx.tenant()?))
                .filter(appointment_calendar::id.eq(input.id))
                .set((
                    appointment_calendar::name.eq(name),
                    appointment_calendar::account_id.eq(person),
                    appointment_calendar::hours_id.eq(hours_id),
                    appointment_calendar::buffer_before.eq(before),
                    appointment_calendar::buffer_after.eq(after),
                    appointment_calendar::notice.eq(notice),
                    appointment_calendar::lead_days.eq(lead),
                ))
                .returning(AppointmentCalendar::as_returning()),
        )
        .await?;
    emit(tx, EventKind::AppointmentCalendarUpdated, changed.id.0);
    Ok(changed)
}

async fn delete(tx: &Tx, input: AppointmentCalendarDeleteInput) -> Result<AppointmentCalendar> {
    let known = locked(tx, input.id, input.expected_version).await?;
    let waiting: Flag = tx
        .row(
            sql("SELECT EXISTS (SELECT 1 FROM practice.appointment_hold h
                                 WHERE h.tenant_id = $1 AND h.calendar_id = $2 AND h.busy_until > now())
                     OR EXISTS (SELECT 1 FROM practice.appointment_use u
                                  JOIN practice.appointment a ON a.tenant_id = u.tenant_id AND a.id = u.appointment_id
                                 WHERE u.tenant_id = $1 AND u.calendar_id = $2 AND a.state = 'booked'
                                   AND a.laid_until IS NOT NULL) AS flag")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(known.id),
        )
        .await?;
    if waiting.flag {
        let message = "Appointments are still to come in this calendar: move or cancel them before.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let deleted: AppointmentCalendar = tx
        .row(
            diesel::update(appointment_calendar::table)
                .filter(appointment_calendar::tenant_id.eq(tx.tenant()?))
                .filter(appointment_calendar::id.eq(input.id))
                .set(appointment_calendar::deleted_at.eq(tx.now()))
                .returning(AppointmentCalendar::as_returning()),
        )
        .await?;
    emit(tx, EventKind::AppointmentCalendarDeleted, deleted.id.0);
    Ok(deleted)
}

/// Queries about calendars for appointments.
#[derive(Default)]
pub struct AppointmentCalendarQuery;

#[Object]
impl AppointmentCalendarQuery {
    /// One calendar for appointments, also one that was deleted; null if the id is unknown. Right: `work.appointment.read`.
    async fn appointment_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar's id.")] id: AppointmentCalendarId,
    ) -> async_graphql::Result<Option<AppointmentCalendar>> {
        Ok(ctx.load::<AppointmentCalendar>(id).await?)
    }

    /// The client's calendars for appointments that were not deleted, by name. Right: `work.appointment.read`.
    async fn appointment_calendars(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<AppointmentCalendarConnection> {
        let tx = ctx.tx(Can::AppointmentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            Ok(appointment_calendar::table
                .filter(appointment_calendar::tenant_id.eq(tx.tenant()?))
                .filter(appointment_calendar::deleted_at.is_null())
                .into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((name, id)) = &slice.after {
            page = page.filter(
                appointment_calendar::name
                    .gt(name.clone())
                    .or(appointment_calendar::name.eq(name.clone()).and(appointment_calendar::id.gt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((appointment_calendar::name, appointment_calendar::id))
                    .limit(slice.limit())
                    .select(AppointmentCalendar::as_select()),
            )
            .await?;
        Ok(AppointmentCalendarConnection::new(ctx, &slice, rows, |row| encode(&row.name, row.id.0), total))
    }
}

/// Changes of calendars for appointments.
#[derive(Default)]
pub struct AppointmentCalendarMutation;

#[Object]
impl AppointmentCalendarMutation {
    /// Makes a calendar for appointments. Right: `work.appointment_calendar.manage`.
    async fn appointment_calendar_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new calendar.")] input: AppointmentCalendarCreateInput,
    ) -> async_graphql::Result<Option<AppointmentCalendarPayload>> {
        AppointmentCalendarPayload::settle(ctx, create(ctx.tx(Can::AppointmentCalendarManage).await?, input).await)
    }

    /// Changes a calendar for appointments; what is booked stays as it was booked. Right:
    /// `work.appointment_calendar.manage`.
    async fn appointment_calendar_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: AppointmentCalendarUpdateInput,
    ) -> async_graphql::Result<Option<AppointmentCalendarPayload>> {
        AppointmentCalendarPayload::settle(ctx, update(ctx.tx(Can::AppointmentCalendarManage).await?, input).await)
    }

    /// Deletes a calendar in which nothing is to come any more. Right: `work.appointment_calendar.manage`.
    async fn appointment_calendar_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar.")] input: AppointmentCalendarDeleteInput,
    ) -> async_graphql::Result<Option<AppointmentCalendarPayload>> {
        AppointmentCalendarPayload::settle(ctx, delete(ctx.tx(Can::AppointmentCalendarManage).await?, input).await)
    }
}
