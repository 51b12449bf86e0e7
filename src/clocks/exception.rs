//! A day that is otherwise than the week and the holidays of its calendar say: closed, or open at other hours.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;

use super::calendar::{BusinessCalendar, BusinessCalendarPayload, locked};
use super::change;
use super::hours::{self, DayOpening, DayOpeningInput};
use super::ids::{BusinessCalendarId, CalendarExceptionId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::schema::{business_calendar, calendar_exception};

/// The most exceptions of one calendar.
const MOST: i64 = 1_000;

/// A day that is otherwise than its calendar's week and holidays say.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = calendar_exception)]
#[graphql(complex)]
pub struct CalendarException {
    /// Global id.
    pub id: CalendarExceptionId,
    #[graphql(skip)]
    calendar_id: BusinessCalendarId,
    /// The day; one exception a day.
    pub day: Date,
    /// Why, as it stands in explanations.
    pub name: String,
    #[graphql(skip)]
    hours: Vec<i32>,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl CalendarException {
    /// When the calendar is open on it, also if it is a holiday; nothing: it is closed.
    async fn hours(&self) -> Vec<DayOpening> {
        hours::shown_day(&self.hours)
    }

    /// Its calendar.
    async fn calendar(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BusinessCalendar>> {
        Ok(ctx.load::<BusinessCalendar>(self.calendar_id).await?)
    }
}

impl Fetch for CalendarException {
    type Key = CalendarExceptionId;
    type Value = Self;
    const CAN: Can = Can::CalendarRead;

    async fn fetch(tx: &Tx, keys: Vec<CalendarExceptionId>) -> Result<HashMap<CalendarExceptionId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                calendar_exception::table
                    .filter(calendar_exception::tenant_id.eq(tx.tenant()?))
                    .filter(calendar_exception::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The exceptions of a calendar, by day.
#[derive(Clone, Copy, Debug)]
pub struct Exceptions;

impl Fetch for Exceptions {
    type Key = BusinessCalendarId;
    type Value = Vec<CalendarException>;
    const CAN: Can = Can::CalendarRead;

    async fn fetch(
        tx: &Tx,
        keys: Vec<BusinessCalendarId>,
    ) -> Result<HashMap<BusinessCalendarId, Vec<CalendarException>>> {
        let rows: Vec<CalendarException> = tx
            .rows(
                calendar_exception::table
                    .filter(calendar_exception::tenant_id.eq(tx.tenant()?))
                    .filter(calendar_exception::calendar_id.eq_any(keys))
                    .order((calendar_exception::calendar_id, calendar_exception::day))
                    .select(CalendarException::as_select()),
            )
            .await?;
        let mut by_calendar: HashMap<BusinessCalendarId, Vec<CalendarException>> = HashMap::new();
        for row in rows {
            by_calendar.entry(row.calendar_id).or_default().push(row);
        }
        Ok(by_calendar)
    }
}

/// A new exception of a calendar.
#[derive(InputObject, Clone, Debug)]
pub struct CalendarExceptionCreateInput {
    /// The calendar.
    pub calendar: BusinessCalendarId,
    /// The day, 1970 to 2099; one exception a day.
    pub day: Date,
    /// Why, 1 to 100 characters, as it stands in explanations.
    pub name: String,
    /// When it is open on that day, also if it is a holiday; none at all: closed.
    pub hours: Option<Vec<DayOpeningInput>>,
}

/// Changes of an exception: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct CalendarExceptionUpdateInput {
    /// The exception.
    pub id: CalendarExceptionId,
    /// The version that was read; refused with `CONFLICT` if the exception was changed since.
    pub expected_version: Option<i32>,
    /// Why, 1 to 100 characters.
    pub name: Option<String>,
    /// All hours of the day; an empty list: closed.
    pub hours: Option<Vec<DayOpeningInput>>,
}

/// Names an exception.
#[derive(InputObject, Clone, Debug)]
pub struct CalendarExceptionDeleteInput {
    /// The exception.
    pub id: CalendarExceptionId,
    /// The version that was read; refused with `CONFLICT` if the exception was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of an exception.
    CalendarExceptionPayload {
        /// The exception as it is now.
        calendar_exception: CalendarException
    }
}

/// The calendar has changed with its exceptions: its version counts them, clocks that run in it are due anew.
async fn changed(tx: &Tx, calendar: BusinessCalendarId) -> Result<BusinessCalendar> {
    let one = business_calendar::table
        .filter(business_calendar::tenant_id.eq(tx.tenant()?))
        .filter(business_calendar::id.eq(calendar));
    let changed: BusinessCalendar = tx
        .row(diesel::update(one).set(business_calendar::id.eq(calendar)).returning(BusinessCalendar::as_returning()))
        .await?;
    change::due_anew(tx, calendar).await?;
    emit(tx, EventKind::BusinessCalendarUpdated, calendar.0);
    Ok(changed)
}

/// An exception, its calendar locked before it: in that order, as everywhere.
async fn held(tx: &Tx, id: CalendarExceptionId, expected: Option<i32>) -> Result<CalendarException> {
    let unknown = || Error::not_found("id", "exception");
    let found = CalendarException::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(unknown)?;
    locked(tx, found.calendar_id, "id", false).await?;
    // it may have gone or changed until the calendar was held
    let found = CalendarException::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(unknown)?;
    expect_version(expected, found.version, "exception")?;
    Ok(found)
}

async fn create(tx: &Tx, input: CalendarExceptionCreateInput) -> Result<CalendarException> {
    sized("name", input.name.trim(), 1..=100)?;
    let hours = hours::day(input.hours.as_deref().unwrap_or_default())?;
    locked(tx, input.calendar, "calendar", false).await?;
    let of_calendar = || -> Result<_> {
        Ok(calendar_exception::table
            .filter(calendar_exception::tenant_id.eq(tx.tenant()?))
            .filter(calendar_exception::calendar_id.eq(input.calendar)))
    };
    let count: i64 = tx.row(of_calendar()?.count()).await?;
    if count >= MOST {
        let message = format!("A calendar has at most {MOST} exceptions.");
        return Err(Error::refuse(UserErrorCode::State, "calendar", message));
    }
    let same_day: i64 = tx.row(of_calendar()?.filter(calendar_exception::day.eq(input.day)).count()).await?;
    if same_day > 0 {
        let message = "This day of the calendar is an exception already.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "day", message));
    }
    let created: CalendarException = tx
        .row(
            diesel::insert_into(calendar_exception::table)
                .values((
                    calendar_exception::tenant_id.eq(tx.tenant()?),
                    calendar_exception::id.eq(CalendarExceptionId::new()),
                    calendar_exception::calendar_id.eq(input.calendar),
                    calendar_exception::day.eq(input.day),
                    calendar_exception::name.eq(input.name.trim()),
                    calendar_exception::hours.eq(hours::flat(&hours)),
                ))
                .returning(CalendarException::as_returning()),
        )
        .await?;
    changed(tx, input.calendar).await?;
    Ok(created)
}

async fn update(tx: &Tx, input: CalendarExceptionUpdateInput) -> Result<CalendarException> {
    let known = held(tx, input.id, input.expected_version).await?;
    let name = input.name.unwrap_or(known.name);
    sized("name", name.trim(), 1..=100)?;
    let hours = match &input.hours {
        Some(hours) => hours::flat(&hours::day(hours)?),
        None => known.hours,
    };
    let one = calendar_exception::table
        .filter(calendar_exception::tenant_id.eq(tx.tenant()?))
        .filter(calendar_exception::id.eq(input.id));
    let updated: CalendarException = tx
        .row(
            diesel::update(one)
                .set((calendar_exception::name.eq(name.trim()), calendar_exception::hours.eq(hours)))
                .returning(CalendarException::as_returning()),
        )
        .await?;
    changed(tx, known.calendar_id).await?;
    Ok(updated)
}

async fn delete(tx: &Tx, input: CalendarExceptionDeleteInput) -> Result<BusinessCalendar> {
    let known = held(tx, input.id, input.expected_version).await?;
    tx.exec(diesel::delete(
        calendar_exception::table
            .filter(calendar_exception::tenant_id.eq(tx.tenant()?))
            .filter(calendar_exception::id.eq(input.id)),
    ))
    .await?;
    changed(tx, known.calendar_id).await
}

/// Changes of exceptions.
#[derive(Default)]
pub struct ExceptionMutation;

#[Object]
impl ExceptionMutation {
    /// Makes a day of a calendar an exception: closed, or open at other hours. Clocks that run in it are due anew. Right:
    /// `core.calendar.manage`.
    async fn calendar_exception_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new exception.")] input: CalendarExceptionCreateInput,
    ) -> async_graphql::Result<Option<CalendarExceptionPayload>> {
        CalendarExceptionPayload::settle(ctx, create(ctx.tx(Can::CalendarManage).await?, input).await)
    }

    /// Changes an exception. Clocks that run in its calendar are due anew. Right: `core.calendar.manage`.
    async fn calendar_exception_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: CalendarExceptionUpdateInput,
    ) -> async_graphql::Result<Option<CalendarExceptionPayload>> {
        CalendarExceptionPayload::settle(ctx, update(ctx.tx(Can::CalendarManage).await?, input).await)
    }

    /// Takes an exception back. Clocks that run in its calendar are due anew. Right: `core.calendar.manage`.
    async fn calendar_exception_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The exception.")] input: CalendarExceptionDeleteInput,
    ) -> async_graphql::Result<Option<BusinessCalendarPayload>> {
        BusinessCalendarPayload::settle(ctx, delete(ctx.tx(Can::CalendarManage).await?, input).await)
    }
}
