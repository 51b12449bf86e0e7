//! Who does a work item: one by one, or many at once.

use async_graphql::{Context, InputObject, MaybeUndefined, Object};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text, Uuid as SqlUuid};

use super::change::WorkItemPayload;
use super::notice::{self, NoticeCause};
use super::{WorkItem, expect_version, locked};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{TeamId, UserId, WorkItemId};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::practice::team;
use crate::schema::work_item;

/// The most items that are assigned at once.
const MOST: usize = 100;

/// Who does a work item from now on: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemAssignInput {
    /// The work item. It has to be open.
    pub id: WorkItemId,
    /// The version that was read; refused with `CONFLICT` if the item was changed since.
    pub expected_version: Option<i32>,
    /// Who does it: somebody who may see it.
    pub assignee: MaybeUndefined<UserId>,
    /// The team that does it: one of which somebody may see it.
    pub team: MaybeUndefined<TeamId>,
}

/// Who does several work items from now on: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemsAssignInput {
    /// The work items, 1 to 100, each once. They have to be open.
    pub items: Vec<WorkItemId>,
    /// Who does them: somebody who may see them all.
    pub assignee: MaybeUndefined<UserId>,
    /// The team that does them: one of which somebody may see them.
    pub team: MaybeUndefined<TeamId>,
}

crate::platform::payload! {
    /// What became of several work items.
    WorkItemsPayload {
        /// The items as they are now, in the order in which they were named.
        work_items: Vec<WorkItem>
    }
}

#[derive(QueryableByName)]
struct Holds {
    #[diesel(sql_type = Bool)]
    inside: bool,
    #[diesel(sql_type = Bool)]
    outside: bool,
}

/// What a person sees of this client's work today.
async fn sight(tx: &Tx, person: UserId) -> Result<Holds> {
    tx.row(
        sql("SELECT practice.holds_here($1, $2) AS inside, practice.holds_here($1, $3) AS outside")
            .bind::<SqlUuid, _>(person)
            .bind::<Text, _>(Can::WorkItemRead.name())
            .bind::<Text, _>(Can::ClientRequestRead.name()),
    )
    .await
}

impl Holds {
    fn sees(&self, visible_to_client: bool) -> bool {
        self.inside || (self.outside && visible_to_client)
    }

    /// Refuses somebody who would never see it. That a person sees other work of this client is told, whether one of no
    /// client exists is not.
    fn check(&self, visible_to_client: bool, field: &str, at: &str) -> Result<()> {
        if !self.inside && !self.outside {
            return Err(Error::not_found(field, "person who sees this client's work"));
        }
        if !self.sees(visible_to_client) {
            let message = "This person sees only work that is visible to the client, and this item is not.";
            return Err(Error::refuse(UserErrorCode::Invalid, at, message));
        }
        Ok(())
    }
}

/// Refuses an assignee who would never see the item.
pub async fn check_person(tx: &Tx, person: UserId, visible_to_client: bool, field: &str) -> Result<()> {
    sight(tx, person).await?.check(visible_to_client, field, field)
}

/// Refuses a team of which nobody would ever see the item.
pub async fn check_team(tx: &Tx, team: TeamId, field: &str) -> Result<()> {
    match team::here(tx).await?.iter().any(|here| here.id == team) {
        true => Ok(()),
        false => Err(Error::not_found(field, "team that sees this client's work")),
    }
}

fn values<T: Copy>(given: &MaybeUndefined<T>) -> Option<Option<T>> {
    match given {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(*value)),
    }
}

#[derive(AsChangeset, Clone, Copy)]
#[diesel(table_name = work_item)]
struct Changes {
    assignee_id: Option<Option<UserId>>,
    team_id: Option<Option<TeamId>>,
}

impl Changes {
    fn new(assignee: &MaybeUndefined<UserId>, team: &MaybeUndefined<TeamId>) -> Result<Self> {
        let changes = Self { assignee_id: values(assignee), team_id: values(team) };
        if changes.assignee_id.is_none() && changes.team_id.is_none() {
            return Err(Error::refuse(UserErrorCode::Required, "assignee", "Say who does it: a person or a team."));
        }
        Ok(changes)
    }

    fn person(self) -> Option<UserId> {
        self.assignee_id.flatten()
    }
}

async fn assign(tx: &Tx, input: WorkItemAssignInput) -> Result<WorkItem> {
    let changes = Changes::new(&input.assignee, &input.team)?;
    let found = locked(tx, input.id, "id").await?;
    expect_version(input.expected_version, &found)?;
    found.expect_open("id")?;
    if let Some(person) = changes.person() {
        check_person(tx, person, found.visible_to_client, "assignee").await?;
    }
    if let Some(team) = changes.team_id.flatten() {
        check_team(tx, team, "team").await?;
    }
    let given: WorkItem = tx
        .row(
            diesel::update(work_item::table)
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq(input.id))
                .set(changes)
                .returning(WorkItem::as_returning()),
        )
        .await?;
    emit(tx, EventKind::WorkItemAssigned, given.id.0);
    notice::tell(tx, given.id, NoticeCause::Assigned, changes.person().into_iter().collect()).await?;
    Ok(given)
}

/// All of them or none: each that cannot be assigned is named by its place.
async fn assign_all(tx: &Tx, input: WorkItemsAssignInput) -> Result<Vec<WorkItem>> {
    if !(1..=MOST).contains(&input.items.len()) {
        let message = format!("Name 1 to {MOST} work items.");
        return Err(Error::refuse(UserErrorCode::Invalid, "items", message));
    }
    let changes = Changes::new(&input.assignee, &input.team)?;
    if let Some(team) = changes.team_id.flatten() {
        check_team(tx, team, "team").await?;
    }
    let sight = match changes.person() {
        Some(person) => {
            let sight = sight(tx, person).await?;
            // Whoever sees nothing here is refused once, not for each item.
            sight.check(true, "assignee", "assignee")?;
            Some(sight)
        }
        None => None,
    };
    // In the order of their ids, as everybody locks them.
    let found: Vec<WorkItem> = tx
        .rows(
            work_item::table
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq_any(input.items.clone()))
                .order(work_item::id)
                .select(WorkItem::as_select())
                .for_no_key_update(),
        )
        .await?;
    let mut reasons = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (at, id) in input.items.iter().enumerate() {
        let field = format!("items.{at}");
        let verdict = match found.iter().find(|item| item.id == *id) {
            None => Err(Error::not_found(&field, "work item")),
            Some(_) if !seen.insert(*id) => {
                Err(Error::refuse(UserErrorCode::Duplicate, &field, "This work item is named twice."))
            }
            Some(item) => item.expect_open(&field).and_then(|()| {
                sight.as_ref().map_or(Ok(()), |held| held.check(item.visible_to_client, "assignee", &field))
            }),
        };
        match verdict {
            Err(Error::Refused(more)) => reasons.extend(more),
            Err(other) => return Err(other),
            Ok(()) => {}
        }
    }
    if !reasons.is_empty() {
        return Err(Error::Refused(reasons));
    }
    let mut done: Vec<WorkItem> = tx
        .rows(
            diesel::update(work_item::table)
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq_any(input.items.clone()))
                .set(changes)
                .returning(WorkItem::as_returning()),
        )
        .await?;
    done.sort_by_key(|item| input.items.iter().position(|id| *id == item.id));
    for item in &done {
        emit(tx, EventKind::WorkItemAssigned, item.id.0);
        notice::tell(tx, item.id, NoticeCause::Assigned, changes.person().into_iter().collect()).await?;
    }
    Ok(done)
}

/// Saying who does what.
#[derive(Default)]
pub struct AssignMutation;

#[Object]
impl AssignMutation {
    /// Gives a work item to a person, a team or nobody. Right: `work.item.assign`.
    async fn work_item_assign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item, and who does it.")] input: WorkItemAssignInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemAssign).await?;
        WorkItemPayload::settle(ctx, assign(tx, input).await)
    }

    /// Gives several work items to a person, a team or nobody: all of them or none. Each that is refused is named by its
    /// place. Right: `work.item.assign`.
    async fn work_items_assign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The items, and who does them.")] input: WorkItemsAssignInput,
    ) -> async_graphql::Result<Option<WorkItemsPayload>> {
        let tx = ctx.tx(Can::WorkItemAssign).await?;
        WorkItemsPayload::settle(ctx, assign_all(tx, input).await)
    }
}
