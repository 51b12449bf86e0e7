//! Feeds: what stands in a calendar, as a file that calendars of others read again and again at a secret address. Who has
//! the address sees the calendar; the address is shown once, and only its hash is kept.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_credentials::Opaque;
use backoffice_icalendar::{Method, write};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Jsonb, Nullable, Uuid as SqlUuid};
use serde::Deserialize;
use uuid::Uuid;

use super::calendar::{AppointmentCalendar, held};
use super::ids::{AppointmentCalendarId, AppointmentFeedId};
use super::written::Written;
use crate::platform::can::Can;
use crate::platform::db::{Pools, Tx};
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::appointment_feed;

/// The most feeds of a calendar that were not revoked.
const MOST: i64 = 50;

/// A calendar as a file at a secret address.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = appointment_feed)]
#[graphql(complex)]
pub struct AppointmentFeed {
    /// Global id.
    pub id: AppointmentFeedId,
    #[graphql(skip)]
    calendar_id: AppointmentCalendarId,
    /// What it is for, e.g. whose telephone reads it.
    pub name: String,
    /// When it was revoked; null if it was not.
    pub revoked_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl AppointmentFeed {
    /// The calendar that it shows.
    async fn calendar(&self, ctx: &Context<'_>) -> async_graphql::Result<AppointmentCalendar> {
        let found = ctx.load::<AppointmentCalendar>(self.calendar_id).await?;
        Ok(found.ok_or_else(|| Error::fault("a feed of no calendar"))?)
    }
}

impl Fetch for AppointmentFeed {
    type Key = AppointmentFeedId;
    type Value = Self;
    const CAN: Can = Can::AppointmentCalendarManage;

    async fn fetch(tx: &Tx, keys: Vec<AppointmentFeedId>) -> Result<HashMap<AppointmentFeedId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                appointment_feed::table
                    .filter(appointment_feed::tenant_id.eq(tx.tenant()?))
                    .filter(appointment_feed::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A feed and its address, which is shown this once.
#[derive(SimpleObject, Clone, Debug)]
pub struct AppointmentFeedAddress {
    /// The feed.
    pub feed: AppointmentFeed,
    /// Its address on this server. Who has it sees the calendar; it is kept nowhere.
    pub address: String,
}

/// A new feed.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentFeedCreateInput {
    /// The calendar that it shows.
    pub calendar: AppointmentCalendarId,
    /// What it is for, 1 to 100 characters.
    pub name: String,
}

/// Names a feed.
#[derive(InputObject, Clone, Debug)]
pub struct AppointmentFeedInput {
    /// The feed.
    pub id: AppointmentFeedId,
    /// The version that was read; refused with `CONFLICT` if the feed was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a feed, with its address.
    AppointmentFeedAddressPayload {
        /// The feed and its address.
        appointment_feed_address: AppointmentFeedAddress
    }
}

crate::platform::payload! {
    /// What became of a feed.
    AppointmentFeedPayload {
        /// The feed as it is now.
        appointment_feed: AppointmentFeed
    }
}

/// A new address, and what is kept of it.
fn address(tx: &Tx) -> Result<(String, Vec<u8>)> {
    let (token, hash) = Opaque::Feed.generate().map_err(Error::fault)?;
    Ok((format!("/calendars/{}/{}.ics", tx.tenant()?.simple(), token.as_str()), hash.to_vec()))
}

async fn create(tx: &Tx, input: AppointmentFeedCreateInput) -> Result<AppointmentFeedAddress> {
    sized("name", &input.name, 1..=100)?;
    let calendar = held(tx, &[input.calendar]).await?.pop();
    let calendar = calendar.ok_or_else(|| Error::not_found("calendar", "calendar for appointments"))?;
    let count: i64 = tx
        .row(
            appointment_feed::table
                .filter(appointment_feed::tenant_id.eq(tx.tenant()?))
                .filter(appointment_feed::calendar_id.eq(calendar.id))
                .filter(appointment_feed::revoked_at.is_null())
                .count(),
        )
        .await?;
    if count >= MOST {
        let message = format!("A calendar has at most {MOST} feeds: revoke one that nobody reads.");
        return Err(Error::refuse(UserErrorCode::State, "calendar", message));
    }
    let (address, hash) = address(tx)?;
    let feed: AppointmentFeed = tx
        .row(
            diesel::insert_into(appointment_feed::table)
                .values((
                    appointment_feed::tenant_id.eq(tx.tenant()?),
                    appointment_feed::id.eq(AppointmentFeedId::new()),
                    appointment_feed::calendar_id.eq(calendar.id),
                    appointment_feed::name.eq(input.name.trim()),
                    appointment_feed::token_hash.eq(hash),
                ))
                .returning(AppointmentFeed::as_returning()),
        )
        .await?;
    emit(tx, EventKind::AppointmentFeedCreated, feed.id.0);
    Ok(AppointmentFeedAddress { feed, address })
}

async fn locked(tx: &Tx, input: &AppointmentFeedInput) -> Result<AppointmentFeed> {
    let found: Option<AppointmentFeed> = tx
        .maybe(
            appointment_feed::table
                .filter(appointment_feed::tenant_id.eq(tx.tenant()?))
                .filter(appointment_feed::id.eq(input.id))
                .select(AppointmentFeed::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "feed"))?;
    expect_version(input.expected_version, found.version, "feed")?;
    match found.revoked_at {
        None => Ok(found),
        Some(_) => Err(Error::refuse(UserErrorCode::State, "id", "This feed was revoked.")),
    }
}

async fn rotate(tx: &Tx, input: AppointmentFeedInput) -> Result<AppointmentFeedAddress> {
    let found = locked(tx, &input).await?;
    let (address, hash) = address(tx)?;
    let feed: AppointmentFeed = tx
        .row(
            diesel::update(appointment_feed::table)
                .filter(appointment_feed::tenant_id.eq(tx.tenant()?))
                .filter(appointment_feed::id.eq(found.id))
                .set(appointment_feed::token_hash.eq(hash))
                .returning(AppointmentFeed::as_returning()),
        )
        .await?;
    emit(tx, EventKind::AppointmentFeedRotated, feed.id.0);
    Ok(AppointmentFeedAddress { feed, address })
}

async fn revoke(tx: &Tx, input: AppointmentFeedInput) -> Result<AppointmentFeed> {
    let found = locked(tx, &input).await?;
    let feed: AppointmentFeed = tx
        .row(
            diesel::update(appointment_feed::table)
                .filter(appointment_feed::tenant_id.eq(tx.tenant()?))
                .filter(appointment_feed::id.eq(found.id))
                .set(appointment_feed::revoked_at.eq(tx.now()))
                .returning(AppointmentFeed::as_returning()),
        )
        .await?;
    emit(tx, EventKind::AppointmentFeedRevoked, feed.id.0);
    Ok(feed)
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Jsonb>)]
    shown: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Shown {
    name: String,
    appointments: Vec<Written>,
}

/// The file behind an address; nothing if it opens none.
pub async fn file(pools: &Pools, client: &str, token: &str) -> Result<Option<String>> {
    let (Ok(client), Some(hash)) = (Uuid::try_parse(client), Opaque::Feed.hash(token)) else { return Ok(None) };
    let tx = Tx::open_anonymous(pools).await?;
    let row: Row = tx
        .row(
            sql("SELECT practice.appointment_feed_read($1, $2) AS shown")
                .bind::<SqlUuid, _>(client)
                .bind::<Binary, _>(hash.to_vec()),
        )
        .await?;
    let now = tx.now();
    tx.finish(true).await?;
    let Some(shown) = row.shown else { return Ok(None) };
    let shown: Shown = serde_json::from_value(shown).map_err(Error::fault)?;
    let mut events = Vec::new();
    for appointment in &shown.appointments {
        // Who comes is the business of those who are invited.
        events.extend(appointment.events(None, false)?);
    }
    Ok(Some(write(Method::Publish, Some(&shown.name), &events, now)))
}

/// Queries about feeds.
#[derive(Default)]
pub struct FeedQuery;

#[Object]
impl FeedQuery {
    /// The client's feeds of calendars, also those that were revoked, the latest 500. Right:
    /// `work.appointment_calendar.manage`.
    async fn appointment_feeds(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AppointmentFeed>> {
        let tx = ctx.tx(Can::AppointmentCalendarManage).await?;
        let rows = tx
            .rows(
                appointment_feed::table
                    .filter(appointment_feed::tenant_id.eq(tx.tenant()?))
                    .order(appointment_feed::id.desc())
                    .limit(500)
                    .select(AppointmentFeed::as_select()),
            )
            .await?;
        Ok(rows)
    }
}

/// Changes of feeds.
#[derive(Default)]
pub struct FeedMutation;

#[Object]
impl FeedMutation {
    /// Makes a feed of a calendar; its address is shown this once. Right: `work.appointment_calendar.manage`.
    async fn appointment_feed_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new feed.")] input: AppointmentFeedCreateInput,
    ) -> async_graphql::Result<Option<AppointmentFeedAddressPayload>> {
        AppointmentFeedAddressPayload::settle(ctx, create(ctx.tx(Can::AppointmentCalendarManage).await?, input).await)
    }

    /// Gives a feed another address; the one before opens nothing any more. Right: `work.appointment_calendar.manage`.
    async fn appointment_feed_rotate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The feed.")] input: AppointmentFeedInput,
    ) -> async_graphql::Result<Option<AppointmentFeedAddressPayload>> {
        AppointmentFeedAddressPayload::settle(ctx, rotate(ctx.tx(Can::AppointmentCalendarManage).await?, input).await)
    }

    /// Revokes a feed for good: its address opens nothing any more. Right: `work.appointment_calendar.manage`.
    async fn appointment_feed_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The feed.")] input: AppointmentFeedInput,
    ) -> async_graphql::Result<Option<AppointmentFeedPayload>> {
        AppointmentFeedPayload::settle(ctx, revoke(ctx.tx(Can::AppointmentCalendarManage).await?, input).await)
    }
}
