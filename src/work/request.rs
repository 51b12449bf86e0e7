//! A work item as the people of its client see it: what the provider asks of them, and what it shows them of its work.
//! Whatever stays inside the provider (who does it, what is written beside it, its records) is no part of this type.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;

use super::ids::ClientRequestId;
use super::item::comment::Shared;
use super::item::wanted::{Asked, WantedLine};
use super::item::{WorkComment, WorkItemKind, WorkItemState};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::schema::work_item;

/// Work of the provider that the client's own people see.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = work_item)]
#[graphql(complex)]
pub struct ClientRequest {
    /// Global id.
    pub id: ClientRequestId,
    /// What sort of work it is; `CLIENT_REQUEST` is something that is needed from the client.
    pub kind: WorkItemKind,
    /// What is to be done, in a line.
    pub title: String,
    /// What is to be done, at length; empty if nothing more was said.
    pub description: String,
    /// Where it stands.
    pub state: WorkItemState,
    /// The day until whose end it has to be done, in the client's time zone; null if none was set.
    pub due_on: Option<Date>,
    #[graphql(skip)]
    queue_on: Date,
    /// When it was completed or cancelled; null while it is open.
    pub closed_at: Option<DateTime>,
    /// When it was opened first.
    pub created_at: DateTime,
}

#[ComplexObject]
impl ClientRequest {
    /// What is wanted, line by line.
    async fn wanted(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WantedLine>> {
        Ok(ctx.load::<Asked>(self.id).await?.unwrap_or_default())
    }

    /// What was written beside it for both sides, the latest of at most 100 comments first.
    async fn comments(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkComment>> {
        Ok(ctx.load::<Shared>(self.id).await?.unwrap_or_default())
    }
}

crate::platform::payload! {
    /// What became of an answer.
    ClientRequestPayload {
        /// The piece of work as it is now.
        client_request: ClientRequest
    }
}

impl Fetch for ClientRequest {
    type Key = ClientRequestId;
    type Value = Self;
    const CAN: Can = Can::ClientRequestRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientRequestId>) -> Result<HashMap<ClientRequestId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                work_item::table
                    .filter(work_item::tenant_id.eq(tx.tenant()?))
                    .filter(work_item::visible_to_client.eq(true))
                    .filter(work_item::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of what the client's own people see of the provider's work.
    ClientRequestConnection, ClientRequestEdge, ClientRequest
);

/// Queries of the client's own people about work.
#[derive(Default)]
pub struct RequestQuery;

#[Object]
impl RequestQuery {
    /// One piece of work that is visible to the client; null if the id is unknown. Right: `work.request.read`.
    async fn client_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ClientRequestId,
    ) -> async_graphql::Result<Option<ClientRequest>> {
        Ok(ctx.load::<ClientRequest>(id).await?)
    }

    /// The work that is visible to the client, by the day it is due, what is due on no day last. Right:
    /// `work.request.read`.
    async fn client_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "True: what is done or cancelled; what is open if not said.")] closed: Option<bool>,
    ) -> async_graphql::Result<ClientRequestConnection> {
        let tx = ctx.tx(Can::ClientRequestRead).await?;
        let closed = closed.unwrap_or_default();
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let query = work_item::table
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::visible_to_client.eq(true))
                .into_boxed();
            Ok(if closed {
                query.filter(work_item::closed_at.is_not_null())
            } else {
                query.filter(work_item::closed_at.is_null())
            })
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((day, id)) = &slice.after {
            let day: chrono::NaiveDate =
                day.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page.filter(work_item::queue_on.gt(day).or(work_item::queue_on.eq(day).and(work_item::id.gt(*id))));
        }
        let rows = tx
            .rows(
                page.order((work_item::queue_on, work_item::id))
                    .limit(slice.limit())
                    .select(ClientRequest::as_select()),
            )
            .await?;
        let cursor = |row: &ClientRequest| encode(&row.queue_on.0.to_string(), row.id.0);
        Ok(ClientRequestConnection::new(ctx, &slice, rows, cursor, total))
    }
}
