//! A work item is started, put off, completed, cancelled and opened again.

use async_graphql::{Context, InputObject, Object};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Uuid as SqlUuid};

use super::change::{WorkItemPayload, tell};
use super::notice::{self, NoticeCause, Watchers};
use super::state::{self, WorkItemAction};
use super::{WorkItem, checklist, dependency, due, expect_version, locked};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{UserId, WorkItemId};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::practice::engagement;
use crate::schema::work_item;

/// Names a work item with which something is done.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemInput {
    /// The work item.
    pub id: WorkItemId,
    /// The version that was read; refused with `CONFLICT` if the item was changed since.
    pub expected_version: Option<i32>,
}

/// A work item that has to wait.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemWaitInput {
    /// The work item.
    pub id: WorkItemId,
    /// The version that was read; refused with `CONFLICT` if the item was changed since.
    pub expected_version: Option<i32>,
    /// What it waits for, 1 to 500 characters.
    pub waiting_for: Option<String>,
}

#[derive(QueryableByName)]
struct Opened {
    #[diesel(sql_type = SqlUuid)]
    id: WorkItemId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    assignee_id: Option<UserId>,
}

/// Opens what has waited for an item that was just closed, and for no other.
async fn open_stage(tx: &Tx, closed: WorkItemId) -> Result<()> {
    // Held first: of two that close the last ones, the second finds what the first has done.
    let waiting: Vec<Opened> = tx
        .rows(
            sql("SELECT i.id, i.assignee_id FROM practice.work_dependency d
                   JOIN practice.work_item i ON i.tenant_id = d.tenant_id AND i.id = d.item_id
                  WHERE d.tenant_id = $1 AND d.needs_id = $2 AND i.gated AND i.closed_at IS NULL
                  ORDER BY i.id FOR NO KEY UPDATE OF i")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(closed),
        )
        .await?;
    if waiting.is_empty() {
        return Ok(());
    }
    let opened: Vec<Opened> = tx
        .rows(
            sql("UPDATE practice.work_item i SET state = 'open', waiting_for = NULL, gated = false
                  WHERE i.tenant_id = $1 AND i.id = ANY ($2) AND NOT EXISTS (
                    SELECT 1 FROM practice.work_dependency d JOIN practice.work_item n ON n.tenant_id = d.tenant_id AND n.id = d.needs_id
                     WHERE d.tenant_id = i.tenant_id AND d.item_id = i.id AND n.closed_at IS NULL)
                 RETURNING i.id, i.assignee_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(waiting.into_iter().map(|one| one.id).collect::<Vec<_>>()),
        )
        .await?;
    for one in opened {
        emit(tx, EventKind::WorkItemUpdated, one.id.0);
        notice::tell(tx, one.id, NoticeCause::Moved, one.assignee_id.into_iter().collect()).await?;
    }
    Ok(())
}

async fn moved(tx: &Tx, input: WorkItemInput, action: WorkItemAction, waiting_for: Option<String>) -> Result<WorkItem> {
    if let Some(text) = &waiting_for {
        sized("waitingFor", text, 1..=500)?;
    }
    // Whoever comes second waits here, and finds what the first one has done.
    let found = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, &found)?;
    let to = state::next(found.state, action)?;
    match (action, &found.service_code) {
        (WorkItemAction::Complete, _) => {
            dependency::expect_finished(tx, found.id).await?;
            checklist::expect_finished(tx, found.id).await?;
        }
        // What was begun can be finished; nothing is begun outside a live engagement.
        (WorkItemAction::Start | WorkItemAction::Reopen, Some(service)) => {
            engagement::expect_live(tx, service, "id").await?;
        }
        _ => {}
    }
    if found.gated && action == WorkItemAction::Start {
        let message = "This work item opens when the stage before it is done.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    if !to.is_open() {
        due::stop_clock(tx, found.due_clock_id).await?;
    }
    let closed = (!to.is_open()).then(|| (tx.now(), tx.actor())).unzip();
    let now: WorkItem = tx
        .row(
            diesel::update(work_item::table)
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq(input.id))
                .set((
                    work_item::state.eq(to),
                    work_item::waiting_for.eq(waiting_for),
                    work_item::closed_at.eq(closed.0),
                    work_item::closed_by.eq(closed.1),
                    work_item::gated.eq(false),
                ))
                .returning(WorkItem::as_returning()),
        )
        .await?;
    let (inside, outside) = match action {
        WorkItemAction::Start => (EventKind::WorkItemStarted, None),
        WorkItemAction::Wait => (EventKind::WorkItemPutOff, None),
        WorkItemAction::Complete => (EventKind::WorkItemCompleted, Some(EventKind::ClientRequestClosed)),
        WorkItemAction::Cancel => (EventKind::WorkItemCancelled, Some(EventKind::ClientRequestClosed)),
        WorkItemAction::Reopen => (EventKind::WorkItemReopened, Some(EventKind::ClientRequestOpened)),
    };
    tell(tx, &now, inside, outside);
    if !to.is_open() {
        open_stage(tx, now.id).await?;
    }
    let watchers = Watchers::fetch(tx, vec![now.id]).await?.remove(&now.id).unwrap_or_default();
    notice::tell(tx, now.id, NoticeCause::Moved, watchers).await?;
    Ok(now)
}

/// What is done with work items.
#[derive(Default)]
pub struct MoveMutation;

#[Object]
impl MoveMutation {
    /// Begins a work item, or goes on with one that waited. Right: `work.item.perform`.
    async fn work_item_start(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item.")] input: WorkItemInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemPerform).await?;
        WorkItemPayload::settle(ctx, moved(tx, input, WorkItemAction::Start, None).await)
    }

    /// Lets a work item wait, for what is said. Right: `work.item.perform`.
    async fn work_item_wait(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item, and what it waits for.")] input: WorkItemWaitInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemPerform).await?;
        let WorkItemWaitInput { id, expected_version, waiting_for } = input;
        let input = WorkItemInput { id, expected_version };
        WorkItemPayload::settle(ctx, moved(tx, input, WorkItemAction::Wait, waiting_for).await)
    }

    /// Says that a work item is done. Right: `work.item.perform`.
    async fn work_item_complete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item.")] input: WorkItemInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemPerform).await?;
        WorkItemPayload::settle(ctx, moved(tx, input, WorkItemAction::Complete, None).await)
    }

    /// Gives a work item up. Right: `work.item.manage`.
    async fn work_item_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item.")] input: WorkItemInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        WorkItemPayload::settle(ctx, moved(tx, input, WorkItemAction::Cancel, None).await)
    }

    /// Opens a work item again that was done or cancelled. Right: `work.item.manage`.
    async fn work_item_reopen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item.")] input: WorkItemInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        WorkItemPayload::settle(ctx, moved(tx, input, WorkItemAction::Reopen, None).await)
    }
}
