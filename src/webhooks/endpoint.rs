//! Where a client's events are sent. An endpoint is told of the kinds that it names, from its making on; paused, it goes on
//! later where it stopped.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use chrono::TimeDelta;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Nullable, Timestamptz, Uuid as SqlUuid};

use super::Settings;
use super::guard::Destination;
use super::ids::WebhookEndpointId;
use super::secret::{self, WebhookSecret};
use super::signature::Secret;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::input::{expect_version, sized};
use crate::platform::outbox::{self, EventKind};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, settle};
use crate::platform::sql::sql;
use crate::schema::webhook_endpoint;

mod api;

pub use api::{EndpointMutation, EndpointQuery};

/// The most endpoints of a client.
const MOST: i64 = 50;
/// The longest time that a secret signs on beside its successor, in hours.
const LONGEST_OVERLAP: i32 = 168;

crate::platform::words! {
    /// Whether an endpoint is sent anything.
    WebhookEndpointState {
        /// It is told of events.
        Active = "active",
        /// Nothing is sent. Events wait, and are sent when it is resumed.
        Paused = "paused",
        /// It was deleted: nothing is sent any more, and no list shows it.
        Deleted = "deleted",
    }
}

crate::platform::words! {
    /// Why an endpoint is paused.
    WebhookPauseReason {
        /// Somebody paused it.
        Asked = "asked",
        /// It answered 410 Gone.
        Gone = "gone",
        /// Nothing has arrived there for three days.
        Failing = "failing",
    }
}

/// An address that the client's events are sent to, as signed requests by Standard Webhooks.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = webhook_endpoint)]
#[graphql(complex)]
pub struct WebhookEndpoint {
    /// Global id.
    pub id: WebhookEndpointId,
    /// What people call it.
    pub name: String,
    /// The address.
    pub url: String,
    #[graphql(skip)]
    kinds: Vec<String>,
    /// Whether it is sent anything.
    pub state: WebhookEndpointState,
    /// Why it is paused; null if it is not.
    pub paused_for: Option<WebhookPauseReason>,
    /// Since when it is paused; null if it is not.
    pub paused_at: Option<DateTime>,
    /// When the record was made. Events before that are not sent.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl WebhookEndpoint {
    /// The kinds of events that it is told of.
    async fn events(&self) -> Vec<EventKind> {
        self.kinds.iter().filter_map(|kind| EventKind::parse(kind)).collect()
    }

    /// The secrets that sign what is sent, the newest first: one, or two after a rotation.
    async fn secrets(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WebhookSecret>> {
        Ok(ctx.load::<secret::Live>(self.id).await?.unwrap_or_default())
    }

    /// How many deliveries are not over: due, to be tried again, or behind another one of the same record.
    async fn open_deliveries(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        Ok(ctx.load::<Lane>(self.id).await?.map_or(0, |lane| lane.open))
    }

    /// Since when nothing has arrived; null if the last attempt did.
    async fn failing_since(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime>> {
        Ok(ctx.load::<Lane>(self.id).await?.and_then(|lane| lane.failing_since))
    }

    /// When something arrived for the last time; null if nothing has yet.
    async fn last_success_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime>> {
        Ok(ctx.load::<Lane>(self.id).await?.and_then(|lane| lane.last_success_at))
    }
}

/// How the deliveries of an endpoint stand.
#[derive(QueryableByName, Clone, Copy, Debug)]
pub struct Lane {
    #[diesel(sql_type = SqlUuid)]
    endpoint_id: WebhookEndpointId,
    #[diesel(sql_type = Int4)]
    open: i32,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failing_since: Option<DateTime>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_success_at: Option<DateTime>,
}

impl Fetch for Lane {
    type Key = WebhookEndpointId;
    type Value = Self;
    const CAN: Can = Can::WebhookRead;

    async fn fetch(tx: &Tx, keys: Vec<WebhookEndpointId>) -> Result<HashMap<WebhookEndpointId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT l.endpoint_id, l.open, l.failing_since, l.last_success_at FROM core.webhook_lanes($1) l")
                    .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.endpoint_id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of endpoints.
    WebhookEndpointConnection, WebhookEndpointEdge, WebhookEndpoint
);

impl Fetch for WebhookEndpoint {
    type Key = WebhookEndpointId;
    type Value = Self;
    const CAN: Can = Can::WebhookRead;

    async fn fetch(tx: &Tx, keys: Vec<WebhookEndpointId>) -> Result<HashMap<WebhookEndpointId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                webhook_endpoint::table
                    .filter(webhook_endpoint::tenant_id.eq(tx.tenant()?))
                    .filter(webhook_endpoint::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A new endpoint.
#[derive(InputObject, Clone, Debug)]
pub struct WebhookEndpointCreateInput {
    /// What people call it, 1 to 100 characters.
    pub name: String,
    /// The address: `https`, port 443 or at least 1024, in a public network. Redirects are not followed.
    pub url: String,
    /// The kinds of events to tell of, at least one; the caller needs the right to read each.
    pub events: Vec<EventKind>,
}

/// Changes of an endpoint: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct WebhookEndpointUpdateInput {
    /// Which endpoint.
    pub id: WebhookEndpointId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// New name, 1 to 100 characters.
    pub name: Option<String>,
    /// New address. What waits is sent there at once.
    pub url: Option<String>,
    /// The kinds of events to tell of from now on, at least one; the caller needs the right to read each.
    pub events: Option<Vec<EventKind>>,
}

/// Which endpoint is paused, resumed or deleted.
#[derive(InputObject, Clone, Debug)]
pub struct WebhookEndpointChangeInput {
    /// Which endpoint.
    pub id: WebhookEndpointId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
}

/// Whose secret is rotated.
#[derive(InputObject, Clone, Debug)]
pub struct WebhookSecretRotateInput {
    /// Which endpoint.
    pub id: WebhookEndpointId,
    /// For how many hours the secret before signs as well, 0 to 168; 24 if not said.
    pub overlap_hours: Option<i32>,
}

/// What became of an endpoint whose new secret is shown.
#[derive(SimpleObject)]
pub struct WebhookSecretPayload {
    /// The endpoint.
    pub webhook_endpoint: Option<WebhookEndpoint>,
    /// The secret, `whsec_…`: shown once.
    pub secret: Option<String>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

impl WebhookSecretPayload {
    fn settle(ctx: &Context<'_>, result: Result<(WebhookEndpoint, Secret)>) -> async_graphql::Result<Option<Self>> {
        let (value, user_errors) = settle(ctx, result)?;
        let (webhook_endpoint, secret) = value.unzip();
        Ok(Some(Self { webhook_endpoint, secret: secret.map(|secret: Secret| secret.shown()), user_errors }))
    }
}

crate::platform::payload! {
    /// What became of an endpoint.
    WebhookEndpointPayload {
        /// The endpoint as it is now.
        webhook_endpoint: WebhookEndpoint
    }
}

fn check_url(settings: &Settings, url: &str) -> Result<String> {
    match Destination::parse(url, settings.policy) {
        Ok(destination) => Ok(destination.url().to_string()),
        Err(refusal) => Err(Error::refuse(UserErrorCode::Invalid, "url", refusal.sentence())),
    }
}

async fn check_kinds(tx: &Tx, events: &[EventKind]) -> Result<Vec<String>> {
    if events.is_empty() {
        return Err(Error::refuse(UserErrorCode::Required, "events", "An endpoint is told of at least one kind."));
    }
    let mut kinds: Vec<String> =
        outbox::visible(tx, Some(events)).await?.into_iter().map(|kind| kind.text().to_owned()).collect();
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}

async fn create(tx: &Tx, settings: &Settings, input: WebhookEndpointCreateInput) -> Result<(WebhookEndpoint, Secret)> {
    sized("name", input.name.trim(), 1..=100)?;
    let url = check_url(settings, &input.url)?;
    let kinds = check_kinds(tx, &input.events).await?;
    let tenant = tx.tenant()?;
    let existing: i64 = tx
        .row(
            webhook_endpoint::table
                .filter(webhook_endpoint::tenant_id.eq(tenant))
                .filter(webhook_endpoint::state.ne(WebhookEndpointState::Deleted))
                .count(),
        )
        .await?;
    if existing >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A client has at most {MOST} endpoints.")));
    }
    let endpoint: WebhookEndpoint = tx
        .row(
            diesel::insert_into(webhook_endpoint::table)
                .values((
                    webhook_endpoint::tenant_id.eq(tenant),
                    webhook_endpoint::id.eq(WebhookEndpointId::new()),
                    webhook_endpoint::name.eq(input.name.trim()),
                    webhook_endpoint::url.eq(url),
                    webhook_endpoint::kinds.eq(kinds),
                    webhook_endpoint::state.eq(WebhookEndpointState::Active),
                ))
                .returning(WebhookEndpoint::as_returning()),
        )
        .await?;
    let secret = secret::create(tx, &settings.vault, endpoint.id).await?;
    outbox::emit(tx, EventKind::WebhookEndpointCreated, endpoint.id.0);
    Ok((endpoint, secret))
}

/// The endpoint, locked until the transaction ends.
async fn locked(tx: &Tx, id: WebhookEndpointId, expected_version: Option<i32>) -> Result<WebhookEndpoint> {
    let found: Option<WebhookEndpoint> = tx
        .maybe(
            webhook_endpoint::table
                .filter(webhook_endpoint::tenant_id.eq(tx.tenant()?))
                .filter(webhook_endpoint::id.eq(id))
                .filter(webhook_endpoint::state.ne(WebhookEndpointState::Deleted))
                .select(WebhookEndpoint::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "webhook endpoint"))?;
    expect_version(expected_version, found.version, "endpoint")?;
    Ok(found)
}

#[derive(AsChangeset, Default)]
#[diesel(table_name = webhook_endpoint)]
struct Changes {
    name: Option<String>,
    url: Option<String>,
    kinds: Option<Vec<String>>,
    state: Option<WebhookEndpointState>,
    paused_for: Option<Option<WebhookPauseReason>>,
    paused_at: Option<Option<DateTime>>,
}

async fn change(tx: &Tx, id: WebhookEndpointId, changes: Changes, kind: EventKind) -> Result<WebhookEndpoint> {
    outbox::emit(tx, kind, id.0);
    tx.row(
        diesel::update(
            webhook_endpoint::table
                .filter(webhook_endpoint::tenant_id.eq(tx.tenant()?))
                .filter(webhook_endpoint::id.eq(id)),
        )
        .set(changes)
        .returning(WebhookEndpoint::as_returning()),
    )
    .await
}

async fn update(tx: &Tx, settings: &Settings, input: WebhookEndpointUpdateInput) -> Result<WebhookEndpoint> {
    let found = locked(tx, input.id, input.expected_version).await?;
    if let Some(name) = &input.name {
        sized("name", name.trim(), 1..=100)?;
    }
    let url = input.url.as_deref().map(|url| check_url(settings, url)).transpose()?;
    let kinds = match &input.events {
        Some(events) => Some(check_kinds(tx, events).await?),
        None => None,
    };
    let name = input.name.map(|name| name.trim().to_owned());
    if name.is_none() && url.is_none() && kinds.is_none() {
        return Ok(found);
    }
    change(tx, input.id, Changes { name, url, kinds, ..Changes::default() }, EventKind::WebhookEndpointUpdated).await
}

async fn pause(tx: &Tx, input: WebhookEndpointChangeInput) -> Result<WebhookEndpoint> {
    let found = locked(tx, input.id, input.expected_version).await?;
    if found.state != WebhookEndpointState::Active {
        return Err(Error::refuse(UserErrorCode::State, "id", "The endpoint is paused already."));
    }
    let changes = Changes {
        state: Some(WebhookEndpointState::Paused),
        paused_for: Some(Some(WebhookPauseReason::Asked)),
        paused_at: Some(Some(DateTime(tx.now()))),
        ..Changes::default()
    };
    change(tx, input.id, changes, EventKind::WebhookEndpointPaused).await
}

async fn resume(tx: &Tx, input: WebhookEndpointChangeInput) -> Result<WebhookEndpoint> {
    let found = locked(tx, input.id, input.expected_version).await?;
    if found.state != WebhookEndpointState::Paused {
        return Err(Error::refuse(UserErrorCode::State, "id", "The endpoint is not paused."));
    }
    let changes = Changes {
        state: Some(WebhookEndpointState::Active),
        paused_for: Some(None),
        paused_at: Some(None),
        ..Changes::default()
    };
    change(tx, input.id, changes, EventKind::WebhookEndpointResumed).await
}

async fn delete(tx: &Tx, input: WebhookEndpointChangeInput) -> Result<WebhookEndpoint> {
    locked(tx, input.id, input.expected_version).await?;
    let changes = Changes {
        state: Some(WebhookEndpointState::Deleted),
        paused_for: Some(None),
        paused_at: Some(None),
        ..Changes::default()
    };
    change(tx, input.id, changes, EventKind::WebhookEndpointDeleted).await
}

async fn rotate(tx: &Tx, settings: &Settings, input: WebhookSecretRotateInput) -> Result<(WebhookEndpoint, Secret)> {
    let overlap = input.overlap_hours.unwrap_or(24);
    if !(0..=LONGEST_OVERLAP).contains(&overlap) {
        return Err(Error::refuse(UserErrorCode::Invalid, "overlapHours", "An overlap is 0 to 168 hours."));
    }
    let endpoint = locked(tx, input.id, None).await?;
    let secret = secret::rotate(tx, &settings.vault, endpoint.id, TimeDelta::hours(i64::from(overlap))).await?;
    outbox::emit(tx, EventKind::WebhookEndpointUpdated, endpoint.id.0);
    Ok((endpoint, secret))
}
