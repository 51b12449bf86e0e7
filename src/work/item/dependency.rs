//! What a work item needs before it can be completed: other items of the same client, never in a circle.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};

use super::change::WorkItemPayload;
use super::{WorkItem, WorkItemState, locked};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::WorkItemId;
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::work_dependency;

/// The most items that one needs.
const MOST: i64 = 100;

/// Another work item of the same client.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct WorkItemLink {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    of: WorkItemId,
    /// The other item's id.
    #[diesel(sql_type = SqlUuid)]
    pub work_item_id: WorkItemId,
    /// What is to be done there, in a line.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// Where it stands.
    #[diesel(sql_type = Text)]
    pub state: WorkItemState,
}

/// What items need, or what needs them.
pub(super) struct Links<const NEEDED_BY: bool>;

impl<const NEEDED_BY: bool> Fetch for Links<NEEDED_BY> {
    type Key = WorkItemId;
    type Value = Vec<WorkItemLink>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Vec<WorkItemLink>>> {
        let text = if NEEDED_BY {
            "SELECT d.needs_id AS of, i.id AS work_item_id, i.title, i.state
               FROM practice.work_dependency d JOIN practice.work_item i ON i.tenant_id = d.tenant_id AND i.id = d.item_id
              WHERE d.tenant_id = $1 AND d.needs_id = ANY ($2) ORDER BY i.queue_on, i.id"
        } else {
            "SELECT d.item_id AS of, i.id AS work_item_id, i.title, i.state
               FROM practice.work_dependency d JOIN practice.work_item i ON i.tenant_id = d.tenant_id AND i.id = d.needs_id
              WHERE d.tenant_id = $1 AND d.item_id = ANY ($2) ORDER BY i.queue_on, i.id"
        };
        let rows: Vec<WorkItemLink> =
            tx.rows(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(keys)).await?;
        let mut by_item: HashMap<WorkItemId, Vec<WorkItemLink>> = HashMap::new();
        for row in rows {
            by_item.entry(row.of).or_default().push(row);
        }
        Ok(by_item)
    }
}

/// Refuses to complete an item that needs others which are not done.
pub(super) async fn expect_finished(tx: &Tx, item: WorkItemId) -> Result<()> {
    let needed = Links::<false>::fetch(tx, vec![item]).await?.remove(&item).unwrap_or_default();
    let left: Vec<String> = needed.into_iter().filter(|other| other.state.is_open()).map(|other| other.title).collect();
    match left.as_slice() {
        [] => Ok(()),
        some => Err(Error::refuse(
            UserErrorCode::State,
            "id",
            format!("This work item needs others that are not done: {}.", super::named(some)),
        )),
    }
}

/// An item and another that it needs.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemDependencyInput {
    /// The work item that needs the other one. It has to be open.
    pub item: WorkItemId,
    /// The work item that it needs.
    pub needs: WorkItemId,
}

async fn add(tx: &Tx, input: WorkItemDependencyInput) -> Result<WorkItem> {
    if input.item == input.needs {
        return Err(Error::refuse(UserErrorCode::Invalid, "needs", "A work item does not need itself."));
    }
    let item = locked(tx, input.item, "item").await?;
    item.expect_open("item")?;
    let tenant = tx.tenant()?;
    // Whether it is there is for the same words as everywhere; that it stays there is for its foreign key.
    if WorkItem::fetch(tx, vec![input.needs]).await?.is_empty() {
        return Err(Error::not_found("needs", "work item"));
    }
    let own = || {
        work_dependency::table
            .filter(work_dependency::tenant_id.eq(tenant))
            .filter(work_dependency::item_id.eq(input.item))
    };
    let same: i64 = tx.row(own().filter(work_dependency::needs_id.eq(input.needs)).count()).await?;
    if same > 0 {
        return Err(Error::refuse(UserErrorCode::Duplicate, "needs", "The work item needs this one already."));
    }
    let known: i64 = tx.row(own().count()).await?;
    if known >= MOST {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "needs",
            format!("A work item needs at most {MOST} others."),
        ));
    }
    tx.exec(diesel::insert_into(work_dependency::table).values((
        work_dependency::tenant_id.eq(tenant),
        work_dependency::id.eq(new_uuid()),
        work_dependency::item_id.eq(input.item),
        work_dependency::needs_id.eq(input.needs),
    )))
    .await?;
    emit(tx, EventKind::WorkItemUpdated, item.id.0);
    Ok(item)
}

async fn remove(tx: &Tx, input: WorkItemDependencyInput) -> Result<WorkItem> {
    let item = locked(tx, input.item, "item").await?;
    item.expect_open("item")?;
    let gone = tx
        .exec(diesel::delete(
            work_dependency::table
                .filter(work_dependency::tenant_id.eq(tx.tenant()?))
                .filter(work_dependency::item_id.eq(input.item))
                .filter(work_dependency::needs_id.eq(input.needs)),
        ))
        .await?;
    if gone == 0 {
        return Err(Error::not_found("needs", "work item among those that it needs"));
    }
    emit(tx, EventKind::WorkItemUpdated, item.id.0);
    Ok(item)
}

/// Changes of what items need.
#[derive(Default)]
pub struct DependencyMutation;

#[Object]
impl DependencyMutation {
    /// Says that a work item needs another one: it is not completed before that one is done or cancelled. A circle is
    /// refused. Right: `work.item.manage`.
    async fn work_item_dependency_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The two items.")] input: WorkItemDependencyInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        WorkItemPayload::settle(ctx, add(tx, input).await)
    }

    /// Says that a work item does not need another one after all. Right: `work.item.manage`.
    async fn work_item_dependency_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The two items.")] input: WorkItemDependencyInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        WorkItemPayload::settle(ctx, remove(tx, input).await)
    }
}
