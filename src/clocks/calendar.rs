//! A business calendar of a client: weekly hours, whose holidays are closed, exceptions; one of them is the default.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_calendar::{Calendar, DayHours, Exception, Region, Tz, WeekHours};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use serde::Deserialize;

use super::exception::CalendarException;
use super::follow::{self, Followed, FollowedCalendar};
use super::hours::{self, OpeningHours};
use super::ids::{BusinessCalendarId, ProviderCalendarId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CountryCode, DateTime, TimeZone};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::business_calendar;

mod keep;

pub use keep::{BusinessCalendarPayload, CalendarMutation};

/// When somebody works: a provider's team, a client, a department. Computed dates are those of the calendar as it is now.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = business_calendar)]
#[graphql(complex)]
pub struct BusinessCalendar {
    /// Global id.
    pub id: BusinessCalendarId,
    /// Name, unique in the client.
    pub name: String,
    #[graphql(skip)]
    pub(super) time_zone: TimeZone,
    #[graphql(skip)]
    region: Option<String>,
    #[graphql(skip)]
    hours: Vec<i32>,
    /// Whether it is the one that is meant where none is named.
    pub is_default: bool,
    /// When it was deleted; null if it was not.
    pub deleted_at: Option<DateTime>,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
    #[graphql(skip)]
    pub(super) follows_id: Option<ProviderCalendarId>,
}

impl BusinessCalendar {
    /// The provider's calendar that it follows, as it is now.
    async fn followed(&self, ctx: &Context<'_>) -> Result<Option<Followed>> {
        match self.follows_id {
            Some(id) => ctx.load::<Followed>(id).await,
            None => Ok(None),
        }
    }
}

#[ComplexObject]
impl BusinessCalendar {
    /// The zone whose wall clock the hours are of. A time in the gap of a change of clocks stands for the end of the gap,
    /// one that comes twice for its first coming.
    async fn time_zone(&self, ctx: &Context<'_>) -> async_graphql::Result<TimeZone> {
        Ok(self.followed(ctx).await?.map_or_else(|| self.time_zone.clone(), |one| TimeZone(one.time_zone)))
    }

    /// Whose holidays are closed, e.g. `DE-BY`, see `holidayRegions`; null: nobody's.
    async fn holiday_region(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(self.followed(ctx).await?.map_or_else(|| self.region.clone(), |one| one.region))
    }

    /// Its weekly hours, from Monday on. Holidays come before them, exceptions before holidays.
    async fn hours(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<OpeningHours>> {
        let followed = self.followed(ctx).await?;
        Ok(hours::shown(followed.as_ref().map_or(&self.hours, |one| &one.hours)))
    }

    /// The calendar of the provider that it follows: zone, holidays, hours and exceptions are that one's, as they are now, and
    /// exceptions of its own come before them. Null: it goes its own way.
    async fn follows(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<FollowedCalendar>> {
        Ok(self.followed(ctx).await?.map(Followed::seen).transpose()?)
    }

    /// Single days that are otherwise by its own account, in their order.
    async fn exceptions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CalendarException>> {
        Ok(ctx.load::<super::exception::Exceptions>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for BusinessCalendar {
    type Key = BusinessCalendarId;
    type Value = Self;
    const CAN: Can = Can::CalendarRead;

    async fn fetch(tx: &Tx, keys: Vec<BusinessCalendarId>) -> Result<HashMap<BusinessCalendarId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                business_calendar::table
                    .filter(business_calendar::tenant_id.eq(tx.tenant()?))
                    .filter(business_calendar::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A calendar with everything that is computed with, in one row.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: BusinessCalendarId,
    #[diesel(sql_type = Text)]
    time_zone: String,
    #[diesel(sql_type = Nullable<Text>)]
    region: Option<String>,
    #[diesel(sql_type = Array<Int4>)]
    hours: Vec<i32>,
    #[diesel(sql_type = Jsonb)]
    exceptions: serde_json::Value,
}

#[derive(Deserialize)]
struct StoredException {
    day: NaiveDate,
    name: String,
    hours: Vec<i32>,
}

impl Row {
    fn read(self) -> Result<Calendar> {
        let zone = Tz::from_str(&self.time_zone).map_err(Error::fault)?;
        let week = WeekHours::from_flat(&self.hours).map_err(Error::fault)?;
        let region = match &self.region {
            Some(code) => Some(Region::find(code).ok_or_else(|| Error::fault("a calendar names an unknown region"))?),
            None => None,
        };
        let stored: Vec<StoredException> = serde_json::from_value(self.exceptions).map_err(Error::fault)?;
        let exceptions: Result<BTreeMap<NaiveDate, Exception>> = stored
            .into_iter()
            .map(|one| Ok((one.day, Exception { name: one.name.into(), hours: hours::stored(&one.hours)? })))
            .collect();
        Ok(Calendar { zone, hours: week, region, exceptions: exceptions? })
    }
}

/// A calendar to compute with; also one that was deleted, for clocks that ran in it.
#[derive(Clone, Copy, Debug)]
pub struct Whole;

impl Fetch for Whole {
    type Key = BusinessCalendarId;
    type Value = Arc<Calendar>;
    // what a clock shows is computed with its calendar, which he who sees the clock need not see
    const CAN: Can = Can::ClockRead;

    async fn fetch(tx: &Tx, keys: Vec<BusinessCalendarId>) -> Result<HashMap<BusinessCalendarId, Arc<Calendar>>> {
        let rows: Vec<Row> = tx
            .rows(
                sql("SELECT w.id, w.time_zone, w.region, w.hours, w.exceptions FROM core.whole_calendar w
                      WHERE w.tenant_id = $1 AND w.id = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        rows.into_iter().map(|row| Ok((row.id, Arc::new(row.read()?)))).collect()
    }
}

/// A calendar of this client to compute with; nothing if the id is unknown.
pub async fn whole(tx: &Tx, id: BusinessCalendarId) -> Result<Option<Arc<Calendar>>> {
    Ok(Whole::fetch(tx, vec![id]).await?.remove(&id))
}

/// The client's default calendar; none only in a client that was taken on by a server that knew no calendars.
pub async fn default_of(tx: &Tx) -> Result<Option<BusinessCalendarId>> {
    tx.maybe(
        business_calendar::table
            .filter(business_calendar::tenant_id.eq(tx.tenant()?))
            .filter(business_calendar::is_default)
            .select(business_calendar::id),
    )
    .await
}

/// The calendar of that id, or the default one if none is named; nothing if there is none.
pub async fn named(tx: &Tx, id: Option<BusinessCalendarId>) -> Result<Option<Arc<Calendar>>> {
    let id = match id {
        Some(id) => Some(id),
        None => default_of(tx).await?,
    };
    match id {
        Some(id) => whole(tx, id).await,
        None => Ok(None),
    }
}

/// Locks a calendar that was not deleted. `share`: others may use it as well, none may change it.
pub(super) async fn locked(tx: &Tx, id: BusinessCalendarId, field: &str, share: bool) -> Result<BusinessCalendar> {
    let one = business_calendar::table
        .filter(business_calendar::tenant_id.eq(tx.tenant()?))
        .filter(business_calendar::id.eq(id))
        .filter(business_calendar::deleted_at.is_null())
        .select(BusinessCalendar::as_select());
    let found = if share { tx.maybe(one.for_share()).await? } else { tx.maybe(one.for_update()).await? };
    found.ok_or_else(|| Error::not_found(field, "business calendar"))
}

pub(super) fn checked_region(code: &str) -> Result<&'static str> {
    Region::find(code).map(Region::code).ok_or_else(|| {
        let message = "The holidays of this region are not known; `holidayRegions` lists those that are.";
        Error::refuse(UserErrorCode::Invalid, "holidayRegion", message)
    })
}

/// The calendar that a client begins with, in its founding transaction: Monday to Friday from 9 to 17, or one that follows a
/// calendar of the provider.
pub async fn found(
    tx: &Tx,
    country: &CountryCode,
    zone: &TimeZone,
    region: Option<&str>,
    follows: Option<ProviderCalendarId>,
) -> Result<BusinessCalendarId> {
    let id = BusinessCalendarId::new();
    if let Some(followed) = follows {
        if region.is_some() {
            let message = "The calendar of the template says whose holidays are closed.";
            return Err(Error::refuse(UserErrorCode::Invalid, "holidayRegion", message));
        }
        let said = follow::followable(tx, followed, "onboardingTemplate.calendar").await?;
        tx.exec(diesel::insert_into(business_calendar::table).values((
            business_calendar::tenant_id.eq(tx.tenant()?),
            business_calendar::id.eq(id),
            business_calendar::name.eq("Standard"),
            business_calendar::time_zone.eq(said.time_zone.map_or_else(|| zone.clone(), TimeZone)),
            business_calendar::region.eq(said.region),
            business_calendar::hours.eq(said.hours),
            business_calendar::is_default.eq(true),
            business_calendar::follows_id.eq(follows),
        )))
        .await?;
        return Ok(id);
    }
    let region = match region {
        Some(code) => {
            let of_country =
                code.strip_prefix(country.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
            if !of_country {
                let message = "A region of the client's own country, e.g. `DE-BY` in `DE`.";
                return Err(Error::refuse(UserErrorCode::Invalid, "holidayRegion", message));
            }
            Some(checked_region(code)?)
        }
        None => Region::find(&country.0).map(Region::code),
    };
    let nine_to_five = DayHours::new(vec![(540, 1020)]).map_err(Error::fault)?;
    tx.exec(diesel::insert_into(business_calendar::table).values((
        business_calendar::tenant_id.eq(tx.tenant()?),
        business_calendar::id.eq(id),
        business_calendar::name.eq("Standard"),
        business_calendar::time_zone.eq(zone),
        business_calendar::region.eq(region),
        business_calendar::hours.eq(WeekHours::weekdays(&nine_to_five).flat()),
        business_calendar::is_default.eq(true),
    )))
    .await?;
    Ok(id)
}

crate::platform::connection!(
    /// A page of business calendars.
    BusinessCalendarConnection, BusinessCalendarEdge, BusinessCalendar
);

fn undeleted(tx: &Tx) -> Result<business_calendar::BoxedQuery<'static, diesel::pg::Pg>> {
    Ok(business_calendar::table
        .filter(business_calendar::tenant_id.eq(tx.tenant()?))
        .filter(business_calendar::deleted_at.is_null())
        .into_boxed())
}

/// Queries about business calendars.
#[derive(Default)]
pub struct CalendarQuery;

#[Object]
impl CalendarQuery {
    /// One business calendar, also one that was deleted; null if the id is unknown. Right: `core.calendar.read`.
    async fn business_calendar(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar's id.")] id: BusinessCalendarId,
    ) -> async_graphql::Result<Option<BusinessCalendar>> {
        Ok(ctx.load::<BusinessCalendar>(id).await?)
    }

    /// The client's business calendars, the latest first. Right: `core.calendar.read`.
    async fn business_calendars(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<BusinessCalendarConnection> {
        let tx = ctx.tx(Can::CalendarRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(undeleted(tx)?.count()).await?)
        } else {
            None
        };
        let mut page = undeleted(tx)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(business_calendar::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(business_calendar::id.desc()).limit(slice.limit()).select(BusinessCalendar::as_select()))
            .await?;
        Ok(BusinessCalendarConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
