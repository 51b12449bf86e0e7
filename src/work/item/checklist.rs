//! The checklist of a work item: lines that are ticked off. What is not ticked off holds the item back.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Text, Uuid as SqlUuid};

use super::change::WorkItemPayload;
use super::{WorkItem, WorkPerson, expect_version, locked, names};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{UserId, WorkItemId};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::work_check;

/// The most lines of a checklist.
const MOST: usize = 100;

/// A line of a checklist.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = work_check)]
#[graphql(complex)]
pub struct WorkCheck {
    #[graphql(skip)]
    item_id: WorkItemId,
    /// Its number in the checklist; stays when others go.
    pub number: i32,
    /// What is to be done.
    #[graphql(name = "text")]
    pub body: String,
    /// When it was ticked off; null if it was not.
    pub done_at: Option<DateTime>,
    #[graphql(skip)]
    done_by: Option<UserId>,
}

#[ComplexObject]
impl WorkCheck {
    /// Who has ticked it off; null if it was not, or by a program.
    async fn done_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WorkPerson>> {
        Ok(names::person(ctx, self.done_by).await?)
    }
}

impl Fetch for WorkCheck {
    type Key = WorkItemId;
    type Value = Vec<Self>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Vec<Self>>> {
        let rows = lines(tx, keys).await?;
        let mut by_item: HashMap<WorkItemId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_item.entry(row.item_id).or_default().push(row);
        }
        Ok(by_item)
    }
}

async fn lines(tx: &Tx, items: Vec<WorkItemId>) -> Result<Vec<WorkCheck>> {
    tx.rows(
        work_check::table
            .filter(work_check::tenant_id.eq(tx.tenant()?))
            .filter(work_check::item_id.eq_any(items))
            .order((work_check::item_id, work_check::number))
            .select(WorkCheck::as_select()),
    )
    .await
}

/// Refuses to complete an item of whose checklist something is left.
pub(super) async fn expect_finished(tx: &Tx, item: WorkItemId) -> Result<()> {
    let left: Vec<String> =
        lines(tx, vec![item]).await?.into_iter().filter(|line| line.done_at.is_none()).map(|line| line.body).collect();
    match left.as_slice() {
        [] => Ok(()),
        some => Err(Error::refuse(
            UserErrorCode::State,
            "id",
            format!("The checklist is not finished: {}.", super::named(some)),
        )),
    }
}

/// Changes of a checklist, in this order: lines go, lines come, lines are ticked off and opened again.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemChecklistUpdateInput {
    /// The work item. It has to be open.
    pub id: WorkItemId,
    /// The version of the item that was read; refused with `CONFLICT` if it was changed since.
    pub expected_version: Option<i32>,
    /// Numbers of lines that go.
    pub remove: Option<Vec<i32>>,
    /// Texts of lines that come behind the others, 1 to 500 characters each.
    pub add: Option<Vec<String>>,
    /// Numbers of lines that are done.
    pub done: Option<Vec<i32>>,
    /// Numbers of lines that are not done after all.
    pub undone: Option<Vec<i32>>,
}

async fn update(tx: &Tx, input: WorkItemChecklistUpdateInput) -> Result<WorkItem> {
    let (remove, add) = (input.remove.unwrap_or_default(), input.add.unwrap_or_default());
    let (done, undone) = (input.done.unwrap_or_default(), input.undone.unwrap_or_default());
    for (at, text) in add.iter().enumerate() {
        sized(&format!("add.{at}"), text, 1..=500)?;
    }
    let item = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, &item)?;
    item.expect_open("id")?;
    let known = lines(tx, vec![input.id]).await?;
    let kept = known.len().saturating_sub(remove.len()).saturating_add(add.len());
    if kept > MOST || remove.len().max(done.len()).max(undone.len()) > MOST {
        return Err(Error::refuse(UserErrorCode::Invalid, "add", format!("A checklist has at most {MOST} lines.")));
    }
    let behind = known.last().map_or(0, |line| line.number);
    let coming = i32::try_from(add.len()).unwrap_or_default();
    let there = |number: i32| {
        (known.iter().any(|line| line.number == number) && !remove.contains(&number))
            || (number > behind && number <= behind.saturating_add(coming))
    };
    for (field, numbers) in [("done", &done), ("undone", &undone)] {
        if let Some(at) = numbers.iter().position(|number| !there(*number)) {
            return Err(Error::not_found(&format!("{field}.{at}"), "line"));
        }
    }
    if let Some(at) = remove.iter().position(|number| known.iter().all(|line| line.number != *number)) {
        return Err(Error::not_found(&format!("remove.{at}"), "line"));
    }
    let own =
        || work_check::table.filter(work_check::tenant_id.eq(item.tenant_id)).filter(work_check::item_id.eq(input.id));
    if !remove.is_empty() {
        tx.exec(diesel::delete(own().filter(work_check::number.eq_any(remove)))).await?;
    }
    if !add.is_empty() {
        tx.exec(
            sql("INSERT INTO practice.work_check (tenant_id, id, item_id, number, body)
                 SELECT $1, l.id, $2, $3 + l.place::integer, l.body
                   FROM unnest($4::uuid[], $5::text[]) WITH ORDINALITY AS l (id, body, place)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(input.id)
            .bind::<Int4, _>(behind)
            .bind::<Array<SqlUuid>, _>(add.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(add),
        )
        .await?;
    }
    if !done.is_empty() {
        let open = own().filter(work_check::number.eq_any(done)).filter(work_check::done_at.is_null());
        tx.exec(diesel::update(open).set((work_check::done_at.eq(tx.now()), work_check::done_by.eq(tx.actor()))))
            .await?;
    }
    if !undone.is_empty() {
        let nobody: (Option<chrono::DateTime<chrono::Utc>>, Option<uuid::Uuid>) = (None, None);
        tx.exec(
            diesel::update(own().filter(work_check::number.eq_any(undone)))
                .set((work_check::done_at.eq(nobody.0), work_check::done_by.eq(nobody.1))),
        )
        .await?;
    }
    emit(tx, EventKind::WorkItemUpdated, item.id.0);
    Ok(item)
}

/// Changes of checklists.
#[derive(Default)]
pub struct ChecklistMutation;

#[Object]
impl ChecklistMutation {
    /// Changes the checklist of a work item: removes, adds, ticks off and opens lines. Right: `work.item.perform`.
    async fn work_item_checklist_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: WorkItemChecklistUpdateInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemPerform).await?;
        WorkItemPayload::settle(ctx, update(tx, input).await)
    }
}
