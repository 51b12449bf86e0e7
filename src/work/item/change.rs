//! Opening a work item, and changing what it says.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use diesel::prelude::*;
use uuid::Uuid;

use super::due::{self, WorkDue, WorkDueInput};
use super::notice::{self, NoticeCause};
use super::{WorkItem, WorkItemKind, WorkPriority, assign, expect_version, locked, wanted};
use crate::clocks::ids::ClockId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{TeamId, UserId, WorkItemId};
use crate::platform::input::sized;
use crate::platform::node;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::practice::engagement;
use crate::practice::ids::EngagementId;
use crate::schema::work_item;
use crate::work::reminder;

/// A new work item of the client that the token is for.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemCreateInput {
    /// What sort of work it is.
    pub kind: WorkItemKind,
    /// What is to be done, 1 to 200 characters.
    pub title: String,
    /// What is to be done, at length, at most 20,000 characters.
    pub description: Option<String>,
    /// How urgent it is; `NORMAL` if not said.
    pub priority: Option<WorkPriority>,
    /// The day until whose end it has to be done, in the client's time zone.
    pub due_on: Option<Date>,
    /// How that day is computed, instead of `dueOn`.
    pub due: Option<WorkDueInput>,
    /// Who does it: somebody who may see it. Right: `work.item.assign`, unless it is oneself.
    pub assignee: Option<UserId>,
    /// The team that does it: one of which somebody may see it. Right: `work.item.assign`.
    pub team: Option<TeamId>,
    /// The code of the service that it belongs to: one that a live engagement of the client covers today.
    pub service: Option<String>,
    /// The id of the record that it is about: any that the caller may read.
    pub record: Option<ID>,
    /// Whether the client's own people see it as well; a `CLIENT_REQUEST` is shown to them unless this says otherwise, other
    /// work is not.
    pub visible_to_client: Option<bool>,
    /// What is wanted from the client, line by line: at most 100, 1 to 500 characters each.
    pub wanted: Option<Vec<String>>,
    /// On which days behind today the client is reminded by mail of what is still wanted: at most 20, each 1 to 365, at eight
    /// o'clock in the client's time zone. Whoever it is given to is reminded if he is one of the client's people, else all
    /// who may answer. Needs `wanted`.
    pub remind_after_days: Option<Vec<i32>>,
}

/// Changes of a work item: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemUpdateInput {
    /// The work item. It has to be open.
    pub id: WorkItemId,
    /// The version that was read; refused with `CONFLICT` if the item was changed since.
    pub expected_version: Option<i32>,
    /// What is to be done, 1 to 200 characters.
    pub title: Option<String>,
    /// What is to be done, at length, at most 20,000 characters.
    pub description: Option<String>,
    /// How urgent it is.
    pub priority: Option<WorkPriority>,
    /// The day until whose end it has to be done, in the client's time zone.
    pub due_on: MaybeUndefined<Date>,
    /// How that day is computed, instead of `dueOn`. A clock that it was due by before is stopped.
    pub due: Option<WorkDueInput>,
    /// The code of the service that it belongs to: one that a live engagement of the client covers today.
    pub service: MaybeUndefined<String>,
    /// The id of the record that it is about: any that the caller may read.
    pub record: MaybeUndefined<ID>,
    /// Whether the client's own people see it as well.
    pub visible_to_client: Option<bool>,
}

crate::platform::payload! {
    /// What became of a work item.
    WorkItemPayload {
        /// The item as it is now.
        work_item: WorkItem
    }
}

fn check_texts(title: Option<&str>, description: Option<&str>) -> Result<()> {
    if let Some(title) = title {
        sized("title", title, 1..=200)?;
    }
    description.map_or(Ok(()), |text| sized("description", text, 0..=20_000))
}

/// Tells of a change of an item, and to the client's people what they see of it.
pub(super) fn tell(tx: &Tx, item: &WorkItem, inside: EventKind, outside: Option<EventKind>) {
    emit(tx, inside, item.id.0);
    if let Some(kind) = outside.filter(|_| item.visible_to_client) {
        emit(tx, kind, item.id.0);
    }
}

/// What a new item is, checked.
pub struct New {
    /// As it was asked for.
    pub input: WorkItemCreateInput,
    /// What it is about.
    pub about: Option<(String, Uuid)>,
}

/// Opens a work item.
pub async fn create(tx: &Tx, new: New) -> Result<WorkItem> {
    let New { input, about } = new;
    check_texts(Some(&input.title), input.description.as_deref())?;
    let visible = input.visible_to_client.unwrap_or(input.kind == WorkItemKind::ClientRequest);
    if let Some(person) = input.assignee {
        assign::check_person(tx, person, visible, "assignee").await?;
    }
    if let Some(team) = input.team {
        assign::check_team(tx, team, "team").await?;
    }
    let engagement = match &input.service {
        Some(service) => Some(engagement::expect_live(tx, service, "service").await?),
        None => None,
    };
    let wanted = input.wanted.unwrap_or_default();
    wanted::check(&wanted, "wanted")?;
    let reminders = reminder::checked(input.remind_after_days.unwrap_or_default(), &wanted, visible)?;
    let id = WorkItemId::new();
    let due = match (input.due, input.due_on) {
        (Some(_), Some(_)) => return Err(due_twice()),
        (Some(described), None) => due::resolve(tx, described, id).await?,
        (None, stated) => WorkDue::stated(stated),
    };
    let (prefix, record) = about.unzip();
    let made: WorkItem = tx
        .row(
            diesel::insert_into(work_item::table)
                .values((
                    work_item::tenant_id.eq(tx.tenant()?),
                    work_item::id.eq(id),
                    work_item::kind.eq(input.kind),
                    work_item::title.eq(input.title),
                    work_item::description.eq(input.description.unwrap_or_default()),
                    work_item::priority.eq(input.priority.unwrap_or(WorkPriority::Normal)),
                    work_item::due_on.eq(due.on),
                    work_item::due_at.eq(due.at),
                    work_item::due_basis.eq(due.basis),
                    work_item::due_clock_id.eq(due.clock),
                    work_item::assignee_id.eq(input.assignee),
                    work_item::team_id.eq(input.team),
                    work_item::service_code.eq(input.service),
                    work_item::engagement_id.eq(engagement),
                    work_item::record_prefix.eq(prefix),
                    work_item::record_id.eq(record),
                    work_item::visible_to_client.eq(visible),
                    work_item::created_by.eq(tx.actor()),
                ))
                .returning(WorkItem::as_returning()),
        )
        .await?;
    wanted::add(tx, id, 0, wanted).await?;
    reminder::set(tx, id, reminders).await?;
    tell(tx, &made, EventKind::WorkItemCreated, Some(EventKind::ClientRequestOpened));
    notice::tell(tx, made.id, NoticeCause::Assigned, made.assignee_id.into_iter().collect()).await?;
    Ok(made)
}

fn due_twice() -> Error {
    Error::refuse(UserErrorCode::Invalid, "due", "Say either the day or how it is computed.")
}

#[derive(AsChangeset)]
#[diesel(table_name = work_item)]
struct Changes {
    title: Option<String>,
    description: Option<String>,
    priority: Option<WorkPriority>,
    due_on: Option<Option<Date>>,
    due_at: Option<Option<DateTime>>,
    due_basis: Option<Option<serde_json::Value>>,
    due_clock_id: Option<Option<ClockId>>,
    service_code: Option<Option<String>>,
    engagement_id: Option<Option<EngagementId>>,
    record_prefix: Option<Option<String>>,
    record_id: Option<Option<Uuid>>,
    visible_to_client: Option<bool>,
}

/// Changes what a work item says.
pub async fn update(tx: &Tx, input: WorkItemUpdateInput, about: Option<Option<(String, Uuid)>>) -> Result<WorkItem> {
    check_texts(input.title.as_deref(), input.description.as_deref())?;
    let found = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, &found)?;
    found.expect_open("id")?;
    let engagement = match &input.service {
        MaybeUndefined::Value(service) => Some(Some(engagement::expect_live(tx, service, "service").await?)),
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Undefined => None,
    };
    let due = match (input.due, input.due_on) {
        (Some(_), MaybeUndefined::Null | MaybeUndefined::Value(_)) => return Err(due_twice()),
        (Some(described), MaybeUndefined::Undefined) => Some(due::resolve(tx, described, found.id).await?),
        (None, MaybeUndefined::Undefined) => None,
        (None, stated) => Some(WorkDue::stated(stated.take())),
    };
    if due.is_some() {
        due::stop_clock(tx, found.due_clock_id).await?;
    }
    let (prefix, record) = match about {
        Some(about) => {
            let (prefix, record) = about.unzip();
            (Some(prefix), Some(record))
        }
        None => (None, None),
    };
    let changes = Changes {
        title: input.title,
        description: input.description,
        priority: input.priority,
        due_on: due.as_ref().map(|due| due.on),
        due_at: due.as_ref().map(|due| due.at),
        due_clock_id: due.as_ref().map(|due| due.clock),
        due_basis: due.map(|due| due.basis),
        service_code: input.service.into(),
        engagement_id: engagement,
        record_prefix: prefix,
        record_id: record,
        visible_to_client: input.visible_to_client,
    };
    let changed: WorkItem = tx
        .row(
            diesel::update(work_item::table)
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq(input.id))
                // Setting a column to itself keeps an empty change a statement, which counts a version and says so.
                .set((changes, work_item::kind.eq(work_item::kind)))
                .returning(WorkItem::as_returning()),
        )
        .await?;
    let outside = match (found.visible_to_client, changed.visible_to_client) {
        (false, true) => EventKind::ClientRequestOpened,
        _ => EventKind::ClientRequestUpdated,
    };
    tell(tx, &changed, EventKind::WorkItemUpdated, Some(outside));
    Ok(changed)
}

/// Opening and changing work items.
#[derive(Default)]
pub struct ChangeMutation;

#[Object]
impl ChangeMutation {
    /// Opens a work item of the client that the token is for. Right: `work.item.manage`.
    async fn work_item_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new item.")] input: WorkItemCreateInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        let done = async {
            if input.team.is_some() || input.assignee.is_some_and(|person| person.0 != tx.actor()) {
                ctx.tx(Can::WorkItemAssign).await?;
            }
            if input.due.as_ref().is_some_and(|due| due.clock_minutes.is_some()) {
                ctx.tx(Can::ClockManage).await?;
            }
            let about = match &input.record {
                Some(id) => Some(node::pointed_at(ctx, id, "record").await?),
                None => None,
            };
            create(tx, New { input, about }).await
        };
        WorkItemPayload::settle(ctx, done.await)
    }

    /// Changes what a work item says: what is omitted stays, null clears. Right: `work.item.manage`.
    async fn work_item_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: WorkItemUpdateInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemManage).await?;
        let done = async {
            if input.due.as_ref().is_some_and(|due| due.clock_minutes.is_some()) {
                ctx.tx(Can::ClockManage).await?;
            }
            let about = match &input.record {
                MaybeUndefined::Undefined => None,
                MaybeUndefined::Null => Some(None),
                MaybeUndefined::Value(id) => Some(Some(node::pointed_at(ctx, id, "record").await?)),
            };
            update(tx, input, about).await
        };
        WorkItemPayload::settle(ctx, done.await)
    }
}
