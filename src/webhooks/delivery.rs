//! The log of what was sent where, and what came of it: one delivery for each event and endpoint, with its attempts.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::endpoint::WebhookEndpoint;
use super::ids::{MessageId, WebhookDeliveryId, WebhookEndpointId};
use super::message::{self, TEST};
use super::sender::WebhookOutcome;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventId, EventKind};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{webhook_attempt, webhook_delivery, webhook_endpoint};

crate::platform::words! {
    /// How a delivery stands.
    WebhookDeliveryState {
        /// Behind an earlier delivery of the same record to the same endpoint.
        Queued = "queued",
        /// Due, or to be tried again.
        Waiting = "waiting",
        /// Arrived.
        Succeeded = "succeeded",
        /// Tried for three days in vain, or answered 410 Gone.
        GivenUp = "given_up",
        /// The endpoint was deleted.
        Cancelled = "cancelled",
    }
}

crate::platform::equality_filter!(
    /// Conditions on how a delivery stands.
    WebhookDeliveryStateFilter, WebhookDeliveryState
);

crate::platform::equality_filter!(
    /// Conditions on the endpoint.
    WebhookEndpointIdFilter, WebhookEndpointId
);

crate::platform::filter! {
    /// Narrows a list of deliveries.
    WebhookDeliveryFilter over webhook_delivery {
        /// By endpoint.
        endpoint: WebhookEndpointIdFilter => equality(webhook_delivery::endpoint_id),
        /// By how they stand.
        state: WebhookDeliveryStateFilter => equality(webhook_delivery::state),
    }
}

/// A message to one endpoint.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = webhook_delivery)]
#[graphql(complex)]
pub struct WebhookDelivery {
    /// Global id.
    pub id: WebhookDeliveryId,
    #[graphql(skip)]
    seq: i64,
    #[graphql(skip)]
    endpoint_id: WebhookEndpointId,
    #[graphql(skip)]
    message_id: Uuid,
    #[graphql(skip)]
    kind: String,
    #[graphql(skip)]
    node_id: Option<Uuid>,
    /// When the event happened, or the test was asked for: `timestamp` of the message.
    pub occurred_at: DateTime,
    /// How it stands.
    pub state: WebhookDeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    #[graphql(skip)]
    next_attempt_at: DateTime,
    /// When it arrived, was given up or cancelled; null until then.
    pub ended_at: Option<DateTime>,
    #[graphql(skip)]
    replay_of: Option<Uuid>,
    /// When the record was made.
    pub created_at: DateTime,
}

#[ComplexObject]
impl WebhookDelivery {
    /// The `webhook-id` of the message: the same for each attempt, endpoint and replay.
    async fn message_id(&self) -> String {
        MessageId(self.message_id).to_string()
    }

    /// The `type` of the message: that of the event, e.g. `invoice.issued`, or `webhook.test`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.kind
    }

    /// The event; null for a test, and for those who may not read records of its kind.
    async fn event(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ID>> {
        let event = self.node_id.map(|_| ID(EventId(self.message_id).to_string()));
        Ok(if self.is_visible(ctx).await? { event } else { None })
    }

    /// The id of the record that the event happened to; null for a test, and for those who may not read such records.
    async fn node(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ID>> {
        let node = self.node_id.and_then(|node| message::node_id(&self.kind, node)).map(ID);
        Ok(if self.is_visible(ctx).await? { node } else { None })
    }

    /// Where it goes.
    async fn endpoint(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WebhookEndpoint>> {
        Ok(ctx.load::<WebhookEndpoint>(self.endpoint_id).await?)
    }

    /// When it is tried next; null unless it waits.
    async fn next_attempt_at(&self) -> Option<DateTime> {
        (self.state == WebhookDeliveryState::Waiting).then_some(self.next_attempt_at)
    }

    /// The delivery that it repeats; null if it was not asked for by `webhookDeliveryReplay`.
    async fn replay_of(&self) -> Option<ID> {
        self.replay_of.map(|id| ID(WebhookDeliveryId(id).to_string()))
    }

    /// The attempts, in their order.
    async fn log(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WebhookAttempt>> {
        Ok(ctx.load::<WebhookAttempt>(self.id).await?.unwrap_or_default())
    }
}

impl WebhookDelivery {
    async fn is_visible(&self, ctx: &Context<'_>) -> Result<bool> {
        let tx = ctx.tx(Can::WebhookRead).await?;
        Ok(EventKind::parse(&self.kind).is_some_and(|kind| tx.permissions().contains(&kind.can())))
    }
}

crate::platform::connection!(
    /// A page of deliveries.
    WebhookDeliveryConnection, WebhookDeliveryEdge, WebhookDelivery
);

impl Fetch for WebhookDelivery {
    type Key = WebhookDeliveryId;
    type Value = Self;
    const CAN: Can = Can::WebhookRead;

    async fn fetch(tx: &Tx, keys: Vec<WebhookDeliveryId>) -> Result<HashMap<WebhookDeliveryId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                webhook_delivery::table
                    .filter(webhook_delivery::tenant_id.eq(tx.tenant()?))
                    .filter(webhook_delivery::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// One attempt to deliver a message.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = webhook_attempt)]
pub struct WebhookAttempt {
    #[graphql(skip)]
    delivery_id: WebhookDeliveryId,
    /// Which attempt, from 1.
    pub number: i32,
    /// When it was begun.
    pub started_at: DateTime,
    /// How long it took, in milliseconds.
    pub latency_ms: i32,
    /// What came of it.
    pub outcome: WebhookOutcome,
    /// The status of the answer; null if none came.
    pub status: Option<i32>,
    /// The beginning of the answer, at most 1000 characters; null if none came. Never holds a secret of the endpoint.
    pub answer: Option<String>,
}

impl Fetch for WebhookAttempt {
    type Key = WebhookDeliveryId;
    type Value = Vec<Self>;
    const CAN: Can = Can::WebhookRead;

    async fn fetch(tx: &Tx, keys: Vec<WebhookDeliveryId>) -> Result<HashMap<WebhookDeliveryId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                webhook_attempt::table
                    .filter(webhook_attempt::tenant_id.eq(tx.tenant()?))
                    .filter(webhook_attempt::delivery_id.eq_any(keys))
                    .order((webhook_attempt::delivery_id, webhook_attempt::number))
                    .select(Self::as_select()),
            )
            .await?;
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for row in rows {
            found.entry(row.delivery_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// Which delivery is made once more.
#[derive(InputObject, Clone, Debug)]
pub struct WebhookDeliveryReplayInput {
    /// The delivery, which is over.
    pub id: WebhookDeliveryId,
}

/// Which endpoint is tested.
#[derive(InputObject, Clone, Debug)]
pub struct WebhookTestInput {
    /// The endpoint, which is active.
    pub id: WebhookEndpointId,
}

crate::platform::payload! {
    /// What became of a delivery.
    WebhookDeliveryPayload {
        /// The new delivery. What comes of it is seen in its log a moment later.
        webhook_delivery: WebhookDelivery
    }
}

#[derive(QueryableByName)]
struct Enqueued {
    #[diesel(sql_type = Bool)]
    enqueued: bool,
}

async fn find(tx: &Tx, id: WebhookDeliveryId) -> Result<Option<WebhookDelivery>> {
    Ok(WebhookDelivery::fetch(tx, vec![id]).await?.remove(&id))
}

async fn enqueue(
    tx: &Tx,
    endpoint: WebhookEndpointId,
    message: Uuid,
    replay_of: Option<WebhookDeliveryId>,
    what: &str,
) -> Result<WebhookDelivery> {
    let state: Option<String> = tx
        .maybe(
            webhook_endpoint::table
                .filter(webhook_endpoint::tenant_id.eq(tx.tenant()?))
                .filter(webhook_endpoint::id.eq(endpoint))
                .select(webhook_endpoint::state),
        )
        .await?;
    match state.as_deref() {
        Some("active") => {}
        Some("paused") => {
            return Err(Error::refuse(UserErrorCode::State, "id", "The endpoint is paused; resume it first."));
        }
        _ => return Err(Error::not_found("id", what)),
    }
    let id = WebhookDeliveryId::new();
    let told: Enqueued = tx
        .row(
            sql("SELECT core.webhook_enqueue($1, $2, $3, $4, $5) AS enqueued")
                .bind::<SqlUuid, _>(id)
                .bind::<SqlUuid, _>(endpoint)
                .bind::<SqlUuid, _>(message)
                .bind::<Text, _>(TEST)
                .bind::<Nullable<SqlUuid>, _>(replay_of),
        )
        .await?;
    if !told.enqueued {
        return Err(Error::not_found("id", what));
    }
    find(tx, id).await?.ok_or_else(|| Error::fault("a delivery was not made"))
}

async fn replay(tx: &Tx, id: WebhookDeliveryId) -> Result<WebhookDelivery> {
    let found = find(tx, id).await?.ok_or_else(|| Error::not_found("id", "webhook delivery"))?;
    if found.ended_at.is_none() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This delivery is not over yet."));
    }
    enqueue(tx, found.endpoint_id, found.message_id, Some(id), "webhook delivery").await
}

async fn test(tx: &Tx, endpoint: WebhookEndpointId) -> Result<WebhookDelivery> {
    enqueue(tx, endpoint, crate::platform::ids::new_uuid(), None, "webhook endpoint").await
}

/// Queries about deliveries.
#[derive(Default)]
pub struct DeliveryQuery;

#[Object]
impl DeliveryQuery {
    /// What was sent to the client's endpoints, newest first. Deliveries that are over are kept for 30 days. Right:
    /// `core.webhook.read`.
    async fn webhook_deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only rows for which this holds.")] filter: Option<WebhookDeliveryFilter>,
    ) -> async_graphql::Result<WebhookDeliveryConnection> {
        let tx = ctx.tx(Can::WebhookRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let all = || -> Result<_> {
            let mut all = webhook_delivery::table.filter(webhook_delivery::tenant_id.eq(tenant)).into_boxed();
            if let Some(condition) = filter.clone().map(|filter| filter.condition(1)).transpose()?.flatten() {
                all = all.filter(condition);
            }
            Ok(all)
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((seq, _)) = &slice.after {
            let seq: i64 =
                seq.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page.filter(webhook_delivery::seq.lt(seq));
        }
        let rows = tx
            .rows(page.order(webhook_delivery::seq.desc()).limit(slice.limit()).select(WebhookDelivery::as_select()))
            .await?;
        Ok(WebhookDeliveryConnection::new(ctx, &slice, rows, |row| encode(&row.seq.to_string(), row.id.0), total))
    }
}

/// Changes of deliveries.
#[derive(Default)]
pub struct DeliveryMutation;

#[Object]
impl DeliveryMutation {
    /// Makes a delivery that is over once more, with the same `webhook-id`, to the address that the endpoint has now. Right:
    /// `core.webhook.manage`.
    async fn webhook_delivery_replay(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery.")] input: WebhookDeliveryReplayInput,
    ) -> async_graphql::Result<Option<WebhookDeliveryPayload>> {
        WebhookDeliveryPayload::settle(ctx, replay(ctx.tx(Can::WebhookManage).await?, input.id).await)
    }

    /// Sends an endpoint a message of the type `webhook.test`. Right: `core.webhook.manage`.
    async fn webhook_test(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The endpoint.")] input: WebhookTestInput,
    ) -> async_graphql::Result<Option<WebhookDeliveryPayload>> {
        WebhookDeliveryPayload::settle(ctx, test(ctx.tx(Can::WebhookManage).await?, input.id).await)
    }
}
