//! Business calendars of the provider: kept once, followed by calendars of its clients (`follow.rs`). A change is seen by all
//! followers from its commit on.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use serde::Deserialize;

use super::calendar::checked_region;
use super::follow::{self, KeptDay, ProviderCalendarException};
use super::hours::{self, DayOpeningInput, OpeningHours, OpeningHoursInput};
use super::ids::ProviderCalendarId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{expect_version, sized};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, TimeZone};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::provider_calendar;

/// The most calendars of the provider.
const MOST: i64 = 500;
/// The most exceptions of one.
const MOST_DAYS: usize = 1_000;

/// A business calendar that the provider keeps for many clients: calendars of clients follow it (`BusinessCalendar.follows`).
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = provider_calendar)]
#[graphql(complex)]
pub struct ProviderCalendar {
    /// Global id.
    pub id: ProviderCalendarId,
    /// Name, unique.
    pub name: String,
    /// The zone whose wall clock the hours are of; null: that of each client.
    pub time_zone: Option<TimeZone>,
    /// Whose holidays are closed, e.g. `DE-BY`, see `holidayRegions`; null: nobody's.
    #[graphql(name = "holidayRegion")]
    pub region: Option<String>,
    #[graphql(skip)]
    hours: Vec<i32>,
    #[graphql(skip)]
    exceptions: serde_json::Value,
    /// When it was deleted; null if it was not.
    pub deleted_at: Option<DateTime>,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = SqlUuid)]
    calendar_id: ProviderCalendarId,
    #[diesel(sql_type = BigInt)]
    followers: i64,
}

async fn followers(tx: &Tx, of: Vec<ProviderCalendarId>) -> Result<HashMap<ProviderCalendarId, i64>> {
    let rows: Vec<Count> = tx
        .rows(sql("SELECT f.calendar_id, f.followers FROM core.followers($1) f").bind::<Array<SqlUuid>, _>(of))
        .await?;
    Ok(rows.into_iter().map(|row| (row.calendar_id, row.followers)).collect())
}

#[ComplexObject]
impl ProviderCalendar {
    /// Its weekly hours, from Monday on. Holidays come before them, exceptions before holidays.
    async fn hours(&self) -> Vec<OpeningHours> {
        hours::shown(&self.hours)
    }

    /// Single days that are otherwise, in their order. An exception of a client's own comes before them.
    async fn exceptions(&self) -> async_graphql::Result<Vec<ProviderCalendarException>> {
        Ok(follow::shown(&self.exceptions)?)
    }

    /// How many calendars of clients follow it.
    async fn followers(&self, ctx: &Context<'_>) -> async_graphql::Result<i64> {
        let tx = ctx.scope()?.transaction().ok_or_else(|| Error::fault("a calendar was read without a transaction"))?;
        Ok(followers(tx, vec![self.id]).await?.remove(&self.id).unwrap_or_default())
    }
}

crate::platform::connection!(
    /// A page of business calendars of the provider.
    ProviderCalendarConnection, ProviderCalendarEdge, ProviderCalendar
);

/// A day that is otherwise than the week and the holidays of a calendar say.
#[derive(InputObject, Clone, Debug)]
pub struct ProviderCalendarExceptionInput {
    /// The day, 1970 to 2099; one exception a day: it takes the place of the one that is there.
    pub day: Date,
    /// Why, 1 to 100 characters, as it stands in explanations.
    pub name: String,
    /// When it is open on that day, also if it is a holiday; none at all: closed.
    pub hours: Option<Vec<DayOpeningInput>>,
}

/// A new business calendar of the provider.
#[derive(InputObject, Clone, Debug)]
pub struct ProviderCalendarCreateInput {
    /// Name, 1 to 100 characters, unique.
    pub name: String,
    /// The zone whose wall clock the hours are of; that of each client if not said.
    pub time_zone: Option<TimeZone>,
    /// Whose holidays are closed, see `holidayRegions`; nobody's if not said.
    pub holiday_region: Option<String>,
    /// Weekly hours; those of a day do not overlap. None at all: it is open on exceptions only.
    pub hours: Vec<OpeningHoursInput>,
    /// Single days that are otherwise, at most 1,000.
    pub exceptions: Option<Vec<ProviderCalendarExceptionInput>>,
}

/// Changes of a business calendar of the provider: what is omitted stays, null clears. All followers have them from then on.
#[derive(InputObject, Clone, Debug)]
pub struct ProviderCalendarUpdateInput {
    /// The calendar.
    pub id: ProviderCalendarId,
    /// The version that was read; refused with `CONFLICT` if the calendar was changed since.
    pub expected_version: Option<i32>,
    /// New name, 1 to 100 characters, unique.
    pub name: Option<String>,
    /// The zone whose wall clock the hours are of; null: that of each client.
    pub time_zone: MaybeUndefined<TimeZone>,
    /// Whose holidays are closed from now on; null: nobody's.
    pub holiday_region: MaybeUndefined<String>,
    /// All weekly hours.
    pub hours: Option<Vec<OpeningHoursInput>>,
    /// Single days that are otherwise from now on; other exceptions stay.
    pub exceptions: Option<Vec<ProviderCalendarExceptionInput>>,
    /// Days that are no exceptions any more.
    pub remove_exceptions: Option<Vec<Date>>,
}

/// Names a business calendar of the provider.
#[derive(InputObject, Clone, Debug)]
pub struct ProviderCalendarDeleteInput {
    /// The calendar.
    pub id: ProviderCalendarId,
    /// The version that was read; refused with `CONFLICT` if the calendar was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a business calendar of the provider.
    ProviderCalendarPayload {
        /// The calendar as it is now.
        provider_calendar: ProviderCalendar
    }
}

/// Days that are otherwise, as they are kept: those known, less those taken away, with those given.
fn days(known: Vec<KeptDay>, gone: &[Date], given: &[ProviderCalendarExceptionInput]) -> Result<serde_json::Value> {
    let mut all: BTreeMap<chrono::NaiveDate, KeptDay> = known.into_iter().map(|one| (one.day, one)).collect();
    for (at, day) in gone.iter().enumerate() {
        if all.remove(&day.0).is_none() {
            let message = "This day of the calendar is no exception.";
            return Err(Error::refuse(UserErrorCode::NotFound, &format!("removeExceptions.{at}"), message));
        }
    }
    for (at, one) in given.iter().enumerate() {
        let kept = || -> Result<KeptDay> {
            sized("name", one.name.trim(), 1..=100)?;
            let hours = hours::day(one.hours.as_deref().unwrap_or_default())?;
            Ok(KeptDay { day: one.day.0, name: one.name.trim().to_owned(), hours: hours::flat(&hours) })
        };
        all.insert(one.day.0, kept().map_err(|error| error.below(&format!("exceptions.{at}")))?);
    }
    if all.len() > MOST_DAYS {
        let message = format!("A calendar has at most {MOST_DAYS} exceptions.");
        return Err(Error::refuse(UserErrorCode::Invalid, "exceptions", message));
    }
    serde_json::to_value(all.into_values().collect::<Vec<_>>()).map_err(Error::fault)
}

async fn create(tx: &Tx, input: ProviderCalendarCreateInput) -> Result<ProviderCalendar> {
    sized("name", input.name.trim(), 1..=100)?;
    let week = hours::week(&input.hours)?;
    let region = input.holiday_region.as_deref().map(checked_region).transpose()?;
    let days = days(Vec::new(), &[], input.exceptions.as_deref().unwrap_or_default())?;
    let count: i64 = tx.row(provider_calendar::table.filter(provider_calendar::deleted_at.is_null()).count()).await?;
    if count >= MOST {
        let message = format!("The provider has at most {MOST} calendars.");
        return Err(Error::refuse(UserErrorCode::State, "", message));
    }
    tx.row(
        diesel::insert_into(provider_calendar::table)
            .values((
                provider_calendar::id.eq(ProviderCalendarId::new()),
                provider_calendar::name.eq(input.name.trim()),
                provider_calendar::time_zone.eq(input.time_zone),
                provider_calendar::region.eq(region),
                provider_calendar::hours.eq(week.flat()),
                provider_calendar::exceptions.eq(days),
            ))
            .returning(ProviderCalendar::as_returning()),
    )
    .await
}

async fn locked(tx: &Tx, id: ProviderCalendarId, expected: Option<i32>) -> Result<ProviderCalendar> {
    let one = provider_calendar::table
        .filter(provider_calendar::id.eq(id))
        .filter(provider_calendar::deleted_at.is_null())
        .select(ProviderCalendar::as_select())
        .for_update();
    let found: ProviderCalendar =
        tx.maybe(one).await?.ok_or_else(|| Error::not_found("id", "calendar of the provider"))?;
    expect_version(expected, found.version, "calendar")?;
    Ok(found)
}

async fn update(tx: &Tx, input: ProviderCalendarUpdateInput) -> Result<ProviderCalendar> {
    let known = locked(tx, input.id, input.expected_version).await?;
    let name = input.name.unwrap_or(known.name);
    sized("name", name.trim(), 1..=100)?;
    let zone = match input.time_zone {
        MaybeUndefined::Undefined => known.time_zone,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(zone) => Some(zone),
    };
    let region = match &input.holiday_region {
        MaybeUndefined::Undefined => known.region,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(code) => Some(checked_region(code)?.to_owned()),
    };
    let hours = match &input.hours {
        Some(hours) => hours::week(hours)?.flat(),
        None => known.hours,
    };
    let kept = Vec::<KeptDay>::deserialize(&known.exceptions).map_err(Error::fault)?;
    let gone = input.remove_exceptions.unwrap_or_default();
    let days = days(kept, &gone, input.exceptions.as_deref().unwrap_or_default())?;
    tx.row(
        diesel::update(provider_calendar::table.filter(provider_calendar::id.eq(input.id)))
            .set((
                provider_calendar::name.eq(name.trim()),
                provider_calendar::time_zone.eq(zone),
                provider_calendar::region.eq(region),
                provider_calendar::hours.eq(hours),
                provider_calendar::exceptions.eq(days),
                provider_calendar::updated_at.eq(tx.now()),
                provider_calendar::version.eq(provider_calendar::version + 1),
            ))
            .returning(ProviderCalendar::as_returning()),
    )
    .await
}

async fn delete(tx: &Tx, input: ProviderCalendarDeleteInput) -> Result<ProviderCalendar> {
    let known = locked(tx, input.id, input.expected_version).await?;
    // Who lets a calendar follow it holds it as well, so nobody comes between.
    let count = followers(tx, vec![known.id]).await?.remove(&known.id).unwrap_or_default();
    if count > 0 {
        let message =
            format!("{count} calendars of clients follow it: let them go their own way before (`follows: null`).");
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    tx.row(
        diesel::update(provider_calendar::table.filter(provider_calendar::id.eq(input.id)))
            .set((
                provider_calendar::deleted_at.eq(tx.now()),
                provider_calendar::updated_at.eq(tx.now()),
                provider_calendar::version.eq(provider_calendar::version + 1),
            ))
            .returning(ProviderCalendar::as_returning()),
    )
    .await
}

/// Queries about business calendars of the provider.
#[derive(Default)]
pub struct ProviderCalendarQuery;

#[Object]
impl ProviderCalendarQuery {
    /// The business calendars that the provider keeps for its clients, by name. Needs a token without client. Right:
    /// `practice.portfolio.read`.
    async fn provider_calendars(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ProviderCalendarConnection> {
        let tx = ctx.provider(Can::PortfolioRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let there = || provider_calendar::table.filter(provider_calendar::deleted_at.is_null());
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(there().count()).await?) } else { None };
        let mut page = there().into_boxed();
        if let Some((name, id)) = &slice.after {
            page = page.filter(
                provider_calendar::name
                    .gt(name.clone())
                    .or(provider_calendar::name.eq(name.clone()).and(provider_calendar::id.gt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((provider_calendar::name, provider_calendar::id))
                    .limit(slice.limit())
                    .select(ProviderCalendar::as_select()),
            )
            .await?;
        Ok(ProviderCalendarConnection::new(ctx, &slice, rows, |row| encode(&row.name, row.id.0), total))
    }
}

/// Changes of business calendars of the provider.
#[derive(Default)]
pub struct ProviderCalendarMutation;

#[Object]
impl ProviderCalendarMutation {
    /// Makes a business calendar that calendars of clients can follow. Needs a token without client. Right:
    /// `practice.calendar.manage`.
    async fn provider_calendar_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new calendar.")] input: ProviderCalendarCreateInput,
    ) -> async_graphql::Result<Option<ProviderCalendarPayload>> {
        ProviderCalendarPayload::settle(ctx, create(ctx.provider(Can::ProviderCalendarManage).await?, input).await)
    }

    /// Changes a business calendar of the provider: all calendars that follow it have the change from then on, and clocks that
    /// run in them are due anew. What was computed before stays as it was explained. Needs a token without client. Right:
    /// `practice.calendar.manage`.
    async fn provider_calendar_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: ProviderCalendarUpdateInput,
    ) -> async_graphql::Result<Option<ProviderCalendarPayload>> {
        ProviderCalendarPayload::settle(ctx, update(ctx.provider(Can::ProviderCalendarManage).await?, input).await)
    }

    /// Deletes a business calendar of the provider that no client's follows. Needs a token without client. Right:
    /// `practice.calendar.manage`.
    async fn provider_calendar_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The calendar.")] input: ProviderCalendarDeleteInput,
    ) -> async_graphql::Result<Option<ProviderCalendarPayload>> {
        ProviderCalendarPayload::settle(ctx, delete(ctx.provider(Can::ProviderCalendarManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        Date(text.parse().unwrap())
    }

    fn closed(on: &str, name: &str) -> ProviderCalendarExceptionInput {
        ProviderCalendarExceptionInput { day: day(on), name: name.to_owned(), hours: None }
    }

    #[test]
    fn a_day_is_one_exception_and_goes_by_its_day() {
        let two = days(Vec::new(), &[], &[closed("2026-06-02", "Second"), closed("2026-06-01", " First ")]).unwrap();
        let kept = Vec::<KeptDay>::deserialize(&two).unwrap();
        assert_eq!(kept.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["First", "Second"]);
        let moved = days(kept.clone(), &[day("2026-06-02")], &[closed("2026-06-01", "Other")]).unwrap();
        let moved = Vec::<KeptDay>::deserialize(&moved).unwrap();
        assert_eq!(moved.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Other"]);
        let Err(Error::Refused(reasons)) = days(moved, &[day("2026-06-02")], &[]) else { panic!("it was there") };
        assert_eq!(reasons[0].field, ["input", "removeExceptions", "0"]);
        let Err(Error::Refused(reasons)) = days(kept, &[], &[closed("2026-06-01", " ")]) else { panic!("no name") };
        assert_eq!(reasons[0].field, ["input", "exceptions", "0", "name"]);
    }
}
