//! Making, changing and deleting a client's business calendars.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use diesel::prelude::*;

use super::super::hours::{self, OpeningHoursInput};
use super::super::ids::{BusinessCalendarId, ProviderCalendarId};
use super::super::{change, clock, follow};
use super::{BusinessCalendar, checked_region, locked, undeleted};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::TimeZone;
use crate::platform::scope::Ask;
use crate::schema::business_calendar;

/// The most calendars of a client.
const MOST: i64 = 200;

/// A new business calendar.
#[derive(InputObject, Clone, Debug)]
pub struct BusinessCalendarCreateInput {
    /// Name, 1 to 100 characters, unique in the client.
    pub name: String,
    /// The zone whose wall clock the hours are of; the client's if not said.
    pub time_zone: Option<TimeZone>,
    /// Whose holidays are closed, see `holidayRegions`; nobody's if not said.
    pub holiday_region: Option<String>,
    /// Weekly hours; those of a day do not overlap. None at all: it is open on exceptions only. Needed unless it follows.
    pub hours: Option<Vec<OpeningHoursInput>>,
    /// The calendar of the provider that it follows: then it has zone, holidays and hours of that one, and none are said here.
    /// Named by the provider's staff.
    pub follows: Option<ProviderCalendarId>,
    /// Whether it becomes the one that is meant where none is named, instead of the one before.
    pub is_default: Option<bool>,
}

/// Changes of a business calendar: what is omitted stays, null clears. Running clocks are due anew.
#[derive(InputObject, Clone, Debug)]
pub struct BusinessCalendarUpdateInput {
    /// The calendar.
    pub id: BusinessCalendarId,
    /// The version that was read; refused with `CONFLICT` if the calendar was changed since.
    pub expected_version: Option<i32>,
    /// New name, 1 to 100 characters, unique in the client.
    pub name: Option<String>,
    /// New zone.
    pub time_zone: Option<TimeZone>,
    /// Whose holidays are closed from now on; null: nobody's.
    pub holiday_region: MaybeUndefined<String>,
    /// All weekly hours.
    pub hours: Option<Vec<OpeningHoursInput>>,
    /// True: it becomes the default, instead of the one before. The default is not taken away otherwise.
    pub is_default: Option<bool>,
    /// The calendar of the provider that it follows from now on, named by the provider's staff; null: it goes its own way, with
    /// what it had last.
    pub follows: MaybeUndefined<ProviderCalendarId>,
}

/// Names a business calendar.
#[derive(InputObject, Clone, Debug)]
pub struct BusinessCalendarDeleteInput {
    /// The calendar.
    pub id: BusinessCalendarId,
    /// The version that was read; refused with `CONFLICT` if the calendar was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a business calendar.
    BusinessCalendarPayload {
        /// The calendar as it is now.
        business_calendar: BusinessCalendar
    }
}

/// Takes the default away from whichever calendar has it.
async fn clear_default(tx: &Tx) -> Result<()> {
    tx.exec(
        diesel::update(
            business_calendar::table
                .filter(business_calendar::tenant_id.eq(tx.tenant()?))
                .filter(business_calendar::is_default),
        )
        .set(business_calendar::is_default.eq(false)),
    )
    .await?;
    Ok(())
}

async fn create(tx: &Tx, input: BusinessCalendarCreateInput) -> Result<BusinessCalendar> {
    sized("name", input.name.trim(), 1..=100)?;
    let zone = || TimeZone(tx.time_zone().name().to_owned());
    let (zone, region, week) = match (input.follows, input.hours) {
        (Some(_), Some(_)) => return Err(follow::refuse_own("hours")),
        (Some(_), None) if input.time_zone.is_some() => return Err(follow::refuse_own("timeZone")),
        (Some(_), None) if input.holiday_region.is_some() => return Err(follow::refuse_own("holidayRegion")),
        (Some(id), None) => {
            let said = follow::followable(tx, id, "follows").await?;
            (said.time_zone.map_or_else(zone, TimeZone), said.region, said.hours)
        }
        (None, None) => {
            let message = "Say its hours, or the calendar of the provider that it follows.";
            return Err(Error::refuse(UserErrorCode::Required, "hours", message));
        }
        (None, Some(hours)) => {
            let region = input.holiday_region.as_deref().map(checked_region).transpose()?;
            (input.time_zone.unwrap_or_else(zone), region.map(str::to_owned), hours::week(&hours)?.flat())
        }
    };
    let count: i64 = tx.row(undeleted(tx)?.count()).await?;
    if count >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A client has at most {MOST} calendars.")));
    }
    if input.is_default == Some(true) {
        clear_default(tx).await?;
    }
    let created: BusinessCalendar = tx
        .row(
            diesel::insert_into(business_calendar::table)
                .values((
                    business_calendar::tenant_id.eq(tx.tenant()?),
                    business_calendar::id.eq(BusinessCalendarId::new()),
                    business_calendar::name.eq(input.name.trim()),
                    business_calendar::time_zone.eq(zone),
                    business_calendar::region.eq(region),
                    business_calendar::hours.eq(week),
                    business_calendar::is_default.eq(input.is_default == Some(true)),
                    business_calendar::follows_id.eq(input.follows),
                ))
                .returning(BusinessCalendar::as_returning()),
        )
        .await?;
    emit(tx, EventKind::BusinessCalendarCreated, created.id.0);
    Ok(created)
}

async fn update(tx: &Tx, input: BusinessCalendarUpdateInput) -> Result<BusinessCalendar> {
    let mut known = locked(tx, input.id, "id", false).await?;
    expect_version(input.expected_version, known.version, "calendar")?;
    let follows = match input.follows {
        MaybeUndefined::Undefined => known.follows_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(id) => Some(id),
    };
    if follows.is_some() {
        for (said, field) in [
            (input.time_zone.is_some(), "timeZone"),
            (!input.holiday_region.is_undefined(), "holidayRegion"),
            (input.hours.is_some(), "hours"),
        ] {
            if said {
                return Err(follow::refuse_own(field));
            }
        }
    }
    match follows {
        Some(id) if known.follows_id != follows => {
            let said = follow::followable(tx, id, "follows").await?;
            let zone = said.time_zone.unwrap_or_else(|| tx.time_zone().name().to_owned());
            (known.time_zone, known.region, known.hours) = (TimeZone(zone), said.region, said.hours);
        }
        None if known.follows_id.is_some() => {
            follow::let_go(tx, known.id).await?;
            known = locked(tx, input.id, "id", false).await?;
        }
        _ => {}
    }
    let name = input.name.unwrap_or(known.name);
    sized("name", name.trim(), 1..=100)?;
    let region = match &input.holiday_region {
        MaybeUndefined::Undefined => known.region,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(code) => Some(checked_region(code)?.to_owned()),
    };
    let hours = match &input.hours {
        Some(hours) => hours::week(hours)?.flat(),
        None => known.hours,
    };
    if input.is_default == Some(false) && known.is_default {
        let message = "A client always has a default calendar: make another one the default instead.";
        return Err(Error::refuse(UserErrorCode::State, "isDefault", message));
    }
    if input.is_default == Some(true) && !known.is_default {
        clear_default(tx).await?;
    }
    let one = business_calendar::table
        .filter(business_calendar::tenant_id.eq(tx.tenant()?))
        .filter(business_calendar::id.eq(input.id));
    let updated: BusinessCalendar = tx
        .row(
            diesel::update(one)
                .set((
                    business_calendar::name.eq(name.trim()),
                    business_calendar::time_zone.eq(input.time_zone.unwrap_or(known.time_zone)),
                    business_calendar::region.eq(region),
                    business_calendar::hours.eq(hours),
                    business_calendar::is_default.eq(input.is_default.unwrap_or(known.is_default)),
                    business_calendar::follows_id.eq(follows),
                ))
                .returning(BusinessCalendar::as_returning()),
        )
        .await?;
    change::due_anew(tx, input.id).await?;
    emit(tx, EventKind::BusinessCalendarUpdated, updated.id.0);
    Ok(updated)
}

async fn delete(tx: &Tx, input: BusinessCalendarDeleteInput) -> Result<BusinessCalendar> {
    let known = locked(tx, input.id, "id", false).await?;
    expect_version(input.expected_version, known.version, "calendar")?;
    if known.is_default {
        let message = "The default calendar is not deleted: make another one the default before.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    if clock::any_lives_in(tx, input.id).await? {
        let message = "Clocks run in this calendar: stop them before.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let one = business_calendar::table
        .filter(business_calendar::tenant_id.eq(tx.tenant()?))
        .filter(business_calendar::id.eq(input.id));
    let deleted: BusinessCalendar = tx
        .row(
            diesel::update(one)
                .set(business_calendar::deleted_at.eq(tx.now()))
                .returning(BusinessCalendar::as_returning()),
        )
        .await?;
    emit(tx, EventKind::BusinessCalendarDeleted, deleted.id.0);
    Ok(deleted)
}

/// Changes of business calendars.
#[derive(Default)]
pub struct CalendarMutation;

#[Object]
impl CalendarMutation {
    /// Makes a business calendar. Right: `core.calendar.manage`.
    async fn business_calendar_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new calendar.")] input: BusinessCalendarCreateInput,
    ) -> async_graphql::Result<Option<BusinessCalendarPayload>> {
        BusinessCalendarPayload::settle(ctx, create(ctx.tx(Can::CalendarManage).await?, input).await)
    }

    /// Changes a business calendar; clocks that run in it are due anew. Right: `core.calendar.manage`.
    async fn business_calendar_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: BusinessCalendarUpdateInput,
    ) -> async_graphql::Result<Option<BusinessCalendarPayload>> {
        BusinessCalendarPayload::settle(ctx, update(ctx.tx(Can::CalendarManage).await?, input).await)
    }

    /// Deletes a business calendar in which no clock runs and that is not the default. Right: `core.calendar.manage`.
    async fn business_calendar_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar.")] input: BusinessCalendarDeleteInput,
    ) -> async_graphql::Result<Option<BusinessCalendarPayload>> {
        BusinessCalendarPayload::settle(ctx, delete(ctx.tx(Can::CalendarManage).await?, input).await)
    }
}
