//! How long a piece of work is thought to take.

use async_graphql::{Context, InputObject, Object};
use diesel::prelude::*;

use super::change::WorkItemPayload;
use super::{WorkItem, expect_version, locked};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::WorkItemId;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::schema::work_item;

/// How long a work item is thought to take.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemEstimateSetInput {
    /// The work item. It has to be open.
    pub id: WorkItemId,
    /// The version that was read; refused with `CONFLICT` if the item was changed since.
    pub expected_version: Option<i32>,
    /// How many minutes, 1 to 60,000; null: nobody knows.
    pub minutes: Option<i32>,
}

async fn set(tx: &Tx, input: WorkItemEstimateSetInput) -> Result<WorkItem> {
    if input.minutes.is_some_and(|minutes| !(1..=60_000).contains(&minutes)) {
        let message = "Work is thought to take 1 to 60,000 minutes.";
        return Err(Error::refuse(UserErrorCode::Invalid, "minutes", message));
    }
    let found = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, &found)?;
    found.expect_open("id")?;
    tx.row(
        diesel::update(work_item::table)
            .filter(work_item::tenant_id.eq(tx.tenant()?))
            .filter(work_item::id.eq(input.id))
            .set(work_item::estimate_minutes.eq(input.minutes))
            .returning(WorkItem::as_returning()),
    )
    .await
    .inspect(|now: &WorkItem| emit(tx, EventKind::WorkItemUpdated, now.id.0))
}

/// Saying how long work takes.
#[derive(Default)]
pub struct EstimateMutation;

#[Object]
impl EstimateMutation {
    /// Says how long a work item is thought to take. Right: `work.item.manage`.
    async fn work_item_estimate_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item, and how long.")] input: WorkItemEstimateSetInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        WorkItemPayload::settle(ctx, set(ctx.tx(Can::WorkItemManage).await?, input).await)
    }
}
