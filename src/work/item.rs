//! A work item: whatever somebody has to do for a client. It points at any record by that record's outside id, and is
//! read in two ways: in its client, and in the queue over all clients that the caller may see.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::reminder::WorkReminder;
use crate::clocks::ids::ClockId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{ClientId, TeamId, UserId, WorkItemId};
use crate::platform::node::{self, Node};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::practice::ids::EngagementId;
use crate::practice::service::Service;
use crate::practice::skill::{Missing, MissingSkill};
use crate::practice::team::Team;
use crate::schema::work_item;

pub mod assign;
pub mod change;
pub mod checklist;
pub mod comment;
pub mod dependency;
pub mod due;
pub mod estimate;
pub mod moves;
pub mod names;
pub mod notice;
pub mod queue;
pub mod state;
pub mod time_line;
pub mod view;
pub mod wanted;

pub use assign::AssignMutation;
pub use change::ChangeMutation;
pub use checklist::{ChecklistMutation, WorkCheck};
pub use comment::{CommentMutation, WorkComment};
use dependency::Links;
pub use dependency::{DependencyMutation, WorkItemLink};
use due::DueExplanation;
pub use moves::MoveMutation;
pub use names::WorkPerson;
use notice::Watchers;
pub use notice::{NoticeMutation, NoticeQuery};
pub use queue::QueueQuery;
pub use state::{WorkItemAction, WorkItemState};
use time_line::WorkItemChange;
pub use view::{ViewMutation, ViewQuery};
pub use wanted::{WantedLine, WantedMutation};

crate::platform::words! {
    /// What sort of work an item is.
    WorkItemKind {
        /// Something to be done.
        Task = "task",
        /// A question or a disturbance that somebody has reported.
        Ticket = "ticket",
        /// Something that waits for somebody's consent.
        Approval = "approval",
        /// A step of closing a period.
        CloseStep = "close_step",
        /// Something that went otherwise than it should, and has to be looked at.
        Exception = "exception",
        /// A day that must not be missed.
        Deadline = "deadline",
        /// Something that is needed from the client.
        ClientRequest = "client_request",
    }
}

crate::platform::words! {
    /// How urgent a work item is.
    WorkPriority {
        /// When there is nothing else to do.
        Low = "low",
        /// As usual.
        Normal = "normal",
        /// Before what is usual.
        High = "high",
        /// Before everything else.
        Urgent = "urgent",
    }
}

/// Something that has to be done for a client, by whom and until when.
#[derive(Queryable, Selectable, QueryableByName, SimpleObject, Clone, Debug)]
#[diesel(table_name = work_item)]
#[graphql(complex)]
pub struct WorkItem {
    #[graphql(skip)]
    pub(super) tenant_id: ClientId,
    /// Global id.
    pub id: WorkItemId,
    /// What sort of work it is.
    pub kind: WorkItemKind,
    /// What is to be done, in a line.
    pub title: String,
    /// What is to be done, at length; empty if nothing more was said.
    pub description: String,
    /// Where it stands.
    pub state: WorkItemState,
    /// How urgent it is.
    pub priority: WorkPriority,
    /// The day until whose end it has to be done, in the client's time zone; null if none was set.
    pub due_on: Option<Date>,
    #[graphql(skip)]
    queue_on: Date,
    #[graphql(skip)]
    pub(super) assignee_id: Option<UserId>,
    #[graphql(skip)]
    team_id: Option<TeamId>,
    #[graphql(skip)]
    record_prefix: Option<String>,
    #[graphql(skip)]
    record_id: Option<Uuid>,
    /// Whether the client's own people see it as well, with its title and description, as a `ClientRequest`.
    pub visible_to_client: bool,
    /// What it waits for; null unless it waits.
    pub waiting_for: Option<String>,
    /// When it was completed or cancelled; null while it is open.
    pub closed_at: Option<DateTime>,
    /// When it was opened first.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
    #[graphql(skip)]
    pub(super) service_code: Option<String>,
    /// The instant until which it has to be done, where it is due by business hours or by a clock; null otherwise, and while
    /// its clock is paused before that.
    pub due_at: Option<DateTime>,
    #[graphql(skip)]
    due_basis: Option<serde_json::Value>,
    #[graphql(skip)]
    due_clock_id: Option<ClockId>,
    /// Whether it waits for the stage before it: it opens when all of that is done or cancelled.
    pub gated: bool,
    /// The engagement that covered its service when it was opened, or was given it; null if it belongs to none.
    pub engagement_id: Option<EngagementId>,
    /// How long it is thought to take, in minutes; null if nobody has said.
    pub estimate_minutes: Option<i32>,
}

#[ComplexObject]
impl WorkItem {
    /// The client that it is done for.
    async fn client_id(&self) -> ClientId {
        self.tenant_id
    }

    /// The name of that client.
    async fn client_name(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let name = names::client(ctx, self.tenant_id).await?;
        Ok(name.ok_or_else(|| Error::fault("a work item that is seen has no client"))?)
    }

    /// Who does it: one of the provider's staff or of the client's people; null if nobody in particular.
    async fn assignee(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WorkPerson>> {
        Ok(names::person(ctx, self.assignee_id).await?)
    }

    /// The team that does it; null if none.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Team>> {
        Ok(names::team(ctx, self.team_id).await?)
    }

    /// The id of the record that it is about; null if it is about none.
    async fn record_id(&self) -> Option<ID> {
        self.record_text().map(ID)
    }

    /// The record that it is about; null if it is about none. Needs a token for the client. Right: that to read records
    /// of its kind.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        match self.record_text() {
            Some(id) => Ok(node::find(ctx, &id).await?),
            None => Ok(None),
        }
    }

    /// The service that it belongs to; null if to none.
    async fn service(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Service>> {
        Ok(names::service(ctx, self.service_code.as_deref()).await?)
    }

    /// What whoever has it lacks today of what its service takes; nothing if he can it all, or is none of the staff.
    async fn missing_skills(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<MissingSkill>> {
        let (Some(person), Some(service)) = (self.assignee_id, self.service_code.clone()) else {
            return Ok(Vec::new());
        };
        let found = if names::far(ctx)? {
            ctx.load::<Missing<true>>((person, service)).await?
        } else {
            ctx.load::<Missing<false>>((person, service)).await?
        };
        Ok(found.unwrap_or_default())
    }

    /// Why it is due when it is; null if it is due on no day. What was computed is told as the calendar was then.
    async fn due_explanation(&self) -> async_graphql::Result<Option<DueExplanation>> {
        Ok(due::explain(self)?)
    }

    /// What is wanted from the client, line by line. Needs a token for the client.
    async fn wanted(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WantedLine>> {
        Ok(ctx.load::<WantedLine>(self.id).await?.unwrap_or_default())
    }

    /// When the client is reminded of it, and what came of that, the first one first. Needs a token for the client.
    async fn reminders(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkReminder>> {
        Ok(ctx.load::<WorkReminder>(self.id).await?.unwrap_or_default())
    }

    /// Its checklist. Needs a token for the client.
    async fn checklist(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkCheck>> {
        Ok(ctx.load::<WorkCheck>(self.id).await?.unwrap_or_default())
    }

    /// What has to be done before it can be completed. Needs a token for the client.
    async fn needs(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkItemLink>> {
        Ok(ctx.load::<Links<false>>(self.id).await?.unwrap_or_default())
    }

    /// What waits for it to be done. Needs a token for the client.
    async fn needed_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkItemLink>> {
        Ok(ctx.load::<Links<true>>(self.id).await?.unwrap_or_default())
    }

    /// What was written beside it, the latest of at most 100 comments first. Needs a token for the client.
    async fn comments(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkComment>> {
        Ok(ctx.load::<WorkComment>(self.id).await?.unwrap_or_default())
    }

    /// Who watches it. Needs a token for the client.
    async fn watchers(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkPerson>> {
        let ids = ctx.load::<Watchers>(self.id).await?.unwrap_or_default();
        let people = ids.into_iter().map(|id| names::person(ctx, Some(id)));
        Ok(futures_util::future::try_join_all(people).await?.into_iter().flatten().collect())
    }

    /// What can be done with it as it stands.
    async fn actions(&self) -> Vec<WorkItemAction> {
        state::actions(self.state)
    }

    /// What became of it, from the audit trail, the latest of at most 100 changes first. Needs a token for the client.
    async fn time_line(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<WorkItemChange>> {
        Ok(ctx.load::<WorkItemChange>(self.id).await?.unwrap_or_default())
    }
}

impl WorkItem {
    fn record_text(&self) -> Option<String> {
        let (prefix, id) = (self.record_prefix.as_deref()?, self.record_id?);
        Some(format!("{prefix}_{}", id.simple()))
    }

    /// Refuses what is done or cancelled.
    pub(super) fn expect_open(&self, field: &str) -> Result<()> {
        if self.state.is_open() {
            return Ok(());
        }
        let message = format!("This work item is {}; open it again first.", self.state.words());
        Err(Error::refuse(crate::platform::error::UserErrorCode::State, field, message))
    }
}

impl Fetch for WorkItem {
    type Key = WorkItemId;
    type Value = Self;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                work_item::table
                    .filter(work_item::tenant_id.eq(tx.tenant()?))
                    .filter(work_item::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The item of that id, locked until the transaction ends.
pub(super) async fn locked(tx: &Tx, id: WorkItemId, field: &str) -> Result<WorkItem> {
    let found: Option<WorkItem> = tx
        .maybe(
            work_item::table
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq(id))
                .select(WorkItem::as_select())
                .for_no_key_update(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found(field, "work item"))
}

/// Refuses if the item was changed since the caller read it.
fn expect_version(expected: Option<i32>, found: &WorkItem) -> Result<()> {
    match expected {
        Some(expected) if expected != found.version => Err(Error::refuse(
            crate::platform::error::UserErrorCode::Conflict,
            "expectedVersion",
            "The work item was changed by somebody else since it was read.",
        )),
        _ => Ok(()),
    }
}

/// Texts as a sentence names them: the first three, and how many more there are.
fn named(texts: &[String]) -> String {
    let shown: Vec<String> = texts.iter().take(3).map(|text| format!("\"{text}\"")).collect();
    match texts.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_sentence_names_three_and_counts_the_rest() {
        let texts = |count: usize| (1..=count).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(named(&texts(1)), "\"1\"");
        assert_eq!(named(&texts(3)), "\"1\", \"2\", \"3\"");
        assert_eq!(named(&texts(5)), "\"1\", \"2\", \"3\" and 2 more");
    }
}
