//! How many work items there are: the same conditions as the list's, added up.

use std::collections::BTreeMap;

use async_graphql::{Context, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};

use super::{Part, Wanted, Whose};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::ClientId;
use crate::platform::sql::sql;
use crate::work::item::{WorkItemKind, WorkItemState, names};

/// How many items of one client, state and kind there are.
#[derive(QueryableByName)]
pub(super) struct Group {
    #[diesel(sql_type = SqlUuid)]
    pub(super) client_id: ClientId,
    #[diesel(sql_type = Text)]
    pub(super) state: WorkItemState,
    #[diesel(sql_type = Text)]
    pub(super) kind: WorkItemKind,
    #[diesel(sql_type = BigInt)]
    pub(super) count: i64,
}

/// Counts what is wanted; see `practice.work_counted`.
pub(super) async fn groups(tx: &Tx, wanted: Wanted) -> Result<Vec<Group>> {
    tx.rows(
        sql("SELECT c.client_id, c.state, c.kind, c.count
               FROM practice.work_counted($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) c")
        .bind::<Nullable<Array<SqlUuid>>, _>(wanted.clients)
        .bind::<SqlDate, _>(wanted.from)
        .bind::<SqlDate, _>(wanted.before)
        .bind::<Nullable<SqlUuid>, _>(wanted.whose.person())
        .bind::<Bool, _>(wanted.whose == Whose::Nobodys)
        .bind::<Text, _>(match wanted.part {
            Part::Open => "open",
            Part::Closed => "closed",
            Part::All => "all",
        })
        .bind::<Nullable<Array<Text>>, _>(wanted.states)
        .bind::<Nullable<Array<Text>>, _>(wanted.kinds)
        .bind::<Nullable<Array<Text>>, _>(wanted.priorities)
        .bind::<Nullable<Array<SqlUuid>>, _>(wanted.teams)
        .bind::<Nullable<SqlUuid>, _>(wanted.record)
        .bind::<Nullable<Text>, _>(wanted.text)
        .bind::<Nullable<Array<Text>>, _>(wanted.services)
        .bind::<Nullable<Array<SqlUuid>>, _>(wanted.engagements),
    )
    .await
}

/// How many items stand somewhere.
#[derive(SimpleObject, Clone, Copy, Debug)]
pub struct WorkItemStateCount {
    /// Where they stand.
    pub state: WorkItemState,
    /// How many.
    pub count: i64,
}

/// How many items of a sort there are.
#[derive(SimpleObject, Clone, Copy, Debug)]
pub struct WorkItemKindCount {
    /// The sort of work.
    pub kind: WorkItemKind,
    /// How many.
    pub count: i64,
}

/// How many items a client has.
#[derive(SimpleObject, Clone, Copy, Debug)]
#[graphql(complex)]
pub struct WorkItemClientCount {
    /// The client.
    pub client_id: ClientId,
    /// How many.
    pub count: i64,
}

#[async_graphql::ComplexObject]
impl WorkItemClientCount {
    /// The client's name.
    async fn client_name(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let name = names::client(ctx, self.client_id).await?;
        Ok(name.ok_or_else(|| Error::fault("a work item that is counted has no client"))?)
    }
}

/// How many work items a list has under the same filter, all together and apart. What has none is left out.
#[derive(SimpleObject, Clone, Debug)]
pub struct WorkItemCounts {
    /// All of them: the list's `totalCount`.
    pub total: i64,
    /// By where they stand.
    pub by_state: Vec<WorkItemStateCount>,
    /// By what sort of work they are.
    pub by_kind: Vec<WorkItemKindCount>,
    /// By client, those with the most first.
    pub by_client: Vec<WorkItemClientCount>,
}

impl WorkItemCounts {
    pub(super) fn of(groups: &[Group]) -> Self {
        let (mut states, mut kinds, mut clients) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut total = 0_i64;
        let add = |sum: &mut i64, count: i64| *sum = sum.saturating_add(count);
        for Group { client_id, state, kind, count } in groups {
            add(&mut total, *count);
            add(&mut states.entry(state.text()).or_insert((*state, 0)).1, *count);
            add(&mut kinds.entry(kind.text()).or_insert((*kind, 0)).1, *count);
            add(clients.entry(*client_id).or_insert(0), *count);
        }
        let mut by_client: Vec<_> =
            clients.into_iter().map(|(client_id, count)| WorkItemClientCount { client_id, count }).collect();
        by_client.sort_by_key(|one| std::cmp::Reverse(one.count));
        Self {
            total,
            by_state: states.into_values().map(|(state, count)| WorkItemStateCount { state, count }).collect(),
            by_kind: kinds.into_values().map(|(kind, count)| WorkItemKindCount { kind, count }).collect(),
            by_client,
        }
    }
}
