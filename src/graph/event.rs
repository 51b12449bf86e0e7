//! Events as they are read: a list to catch up with, in the order in which things happened, and each event's record.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{ServiceAccountId, UserId};
use crate::platform::node::{self, Node};
use crate::platform::outbox::{self, EventId, EventKind, Written};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;

/// Something that happened to a record of the client. What the record says is read from the record, as it is now.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct Event {
    /// Global id. Whoever is told of an event more than once knows it by this.
    pub id: EventId,
    /// What happened.
    pub kind: EventKind,
    /// When: right before the change was kept. Events that follow each other never go back in time.
    pub occurred_at: DateTime,
    /// The version of the record as it was kept; null where records of its kind have none, or are gone. Whoever has read
    /// this version or a newer one learns nothing new by reading again.
    pub version: Option<i32>,
    #[graphql(skip)]
    pub(crate) position: i64,
    #[graphql(skip)]
    node_id: Uuid,
    #[graphql(skip)]
    actor: Option<String>,
    #[graphql(skip)]
    request_id: Option<Uuid>,
}

impl Event {
    /// An event as it was written; nothing if this server does not know its kind.
    #[must_use]
    pub fn read(row: &Written) -> Option<Self> {
        let actor = row.actor_id.and_then(|id| match row.actor_kind.as_str() {
            "user" => Some(UserId(id).to_string()),
            "service" => Some(ServiceAccountId(id).to_string()),
            _ => None,
        });
        Some(Self {
            id: row.id,
            kind: EventKind::parse(&row.kind)?,
            occurred_at: row.occurred_at,
            version: row.version,
            position: row.position,
            node_id: row.node_id,
            actor,
            request_id: row.request_id,
        })
    }

    /// Its place in the list of events.
    #[must_use]
    pub fn place(&self) -> String {
        encode(&self.position.to_string(), self.id.0)
    }

    fn node_text(&self) -> String {
        format!("{}_{}", self.kind.prefix(), self.node_id.simple())
    }
}

#[ComplexObject]
impl Event {
    /// Its place: give it as `after` or `resumeAfter` to go on behind it.
    async fn cursor(&self) -> String {
        self.place()
    }

    /// The id of the record that it happened to.
    async fn node_id(&self) -> ID {
        ID(self.node_text())
    }

    /// The record that it happened to, as it is now. Right: that to read records of its kind.
    async fn node(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        Ok(node::find(ctx, &self.node_text()).await?)
    }

    /// Who did it: the id of a user or service account; null for the system itself.
    async fn actor(&self) -> Option<ID> {
        self.actor.clone().map(ID)
    }

    /// The request that it was done in: the id in its answer's `x-request-id` and in the audit trail.
    async fn request_id(&self) -> Option<String> {
        self.request_id.map(|id| id.to_string())
    }

    /// The same under its former name.
    #[graphql(deprecation = "Use `requestId`, as errors and answers name it. This goes on 2027-12-01.")]
    async fn request(&self) -> Option<String> {
        self.request_id.map(|id| id.to_string())
    }
}

crate::platform::connection!(
    /// A page of events.
    EventConnection, EventEdge, Event
);

/// The order of a list of events.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EventOrder {
    /// As they happened. Whoever goes on behind the last cursor misses nothing, however late.
    #[default]
    Oldest,
    /// The latest first.
    Newest,
}

impl Fetch for Event {
    type Key = EventId;
    type Value = Self;
    const CAN: Can = Can::EventRead;

    async fn fetch(tx: &Tx, keys: Vec<EventId>) -> Result<HashMap<EventId, Self>> {
        let kinds = outbox::visible(tx, None).await?;
        let rows = outbox::by_id(tx, keys, &kinds).await?;
        Ok(rows.iter().filter_map(Event::read).map(|event| (event.id, event)).collect())
    }
}

/// The position that a cursor of events holds.
pub(crate) fn position(value: &str) -> Result<i64> {
    let position = value.parse().ok().filter(|position| *position > 0);
    position.ok_or_else(|| Error::BadInput("`after` is not a cursor of this list.".to_owned()))
}

/// Queries about events.
#[derive(Default)]
pub struct EventQuery;

#[Object]
impl EventQuery {
    /// What happened at the client, in the order in which it was kept: a reader that goes on behind its last cursor misses
    /// nothing and sees nothing twice. Rights: `core.event.read`, and for each kind that to read records of its type; kinds
    /// that are not named are shown as far as the caller may read them.
    async fn events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only events behind this cursor, in the chosen order.")] after: Option<String>,
        #[graphql(desc = "Only events of these kinds.")] kinds: Option<Vec<EventKind>>,
        #[graphql(desc = "The order.", default)] order_by: EventOrder,
    ) -> async_graphql::Result<EventConnection> {
        let tx = ctx.tx(Can::EventRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let kinds = outbox::visible(tx, kinds.as_deref()).await?;
        let after = slice.after.as_ref().map(|(value, _)| position(value)).transpose()?;
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(outbox::count(tx, &kinds).await?) } else { None };
        let rows = match order_by {
            EventOrder::Oldest => outbox::after(tx, after.unwrap_or(0), &kinds, slice.limit()).await?,
            EventOrder::Newest => outbox::before(tx, after.unwrap_or(i64::MAX), &kinds, slice.limit()).await?,
        };
        let events = rows.iter().filter_map(Event::read).collect();
        Ok(EventConnection::new(ctx, &slice, events, Event::place, total))
    }
}

crate::platform::nodes! {
    Event: EventId by Event;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_event_tells_of_a_kind_of_node() {
        crate::graph::declare_records();
        for kind in EventKind::ALL {
            assert_eq!(node::type_of(kind.prefix()), Some(kind.node_type()), "{}", kind.text());
        }
    }
}
