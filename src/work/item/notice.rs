//! Who watches a work item, and the notices of what became of it: what there is of watching and notices for any record, as
//! far as it is about work items.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::change::WorkItemPayload;
use super::{WorkItem, names};
use crate::notices::about::a_person;
use crate::notices::schema::record_watch;
use crate::notices::tell::{self, Audience, News};
use crate::notices::watch::{self, Wish};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{ClientId, UserId, WorkItemId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::work_item;

pub use crate::notices::notice::NoticeCause;

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

/// Whether a person sees the work of this client today.
pub(super) async fn sees(tx: &Tx, person: UserId) -> Result<bool> {
    let row: Yes = tx
        .row(
            sql("SELECT practice.holds_here($1, $2) AS yes")
                .bind::<SqlUuid, _>(person)
                .bind::<Text, _>(Can::WorkItemRead.name()),
        )
        .await?;
    Ok(row.yes)
}

/// Whoever sees a work item.
fn staff() -> Audience {
    Audience::of("WorkItem").inside()
}

/// Tells people of an item: each once, those who may see it, and never who acts.
pub(crate) async fn tell(tx: &Tx, item: WorkItemId, cause: NoticeCause, people: Vec<UserId>) -> Result<()> {
    let news = News { record: item.0, cause, comment: None, says: None };
    tell::tell(tx, &staff(), news, people).await
}

/// Tells people of an item in the name of a rule: each once, those who may see it.
pub async fn tell_by_rule(tx: &Tx, item: WorkItemId, rule: &str, people: Vec<UserId>) -> Result<()> {
    let news = News { record: item.0, cause: NoticeCause::Rule, comment: None, says: Some(rule.to_owned()) };
    tell::tell(tx, &staff(), news, people).await
}

/// Who watches an item, and who does it.
pub(super) async fn concerned(tx: &Tx, item: &WorkItem) -> Result<Vec<UserId>> {
    let mut people: Vec<UserId> = tx
        .rows(
            record_watch::table
                .filter(record_watch::tenant_id.eq(item.tenant_id))
                .filter(record_watch::record_id.eq(item.id.0))
                .filter(record_watch::record_type.eq("WorkItem"))
                .filter(record_watch::muted.eq(false))
                .select(record_watch::account_id),
        )
        .await?;
    people.extend(item.assignee_id);
    Ok(people)
}

/// Who watches items.
pub(super) struct Watchers;

impl Fetch for Watchers {
    type Key = WorkItemId;
    type Value = Vec<UserId>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<WorkItemId>) -> Result<HashMap<WorkItemId, Vec<UserId>>> {
        let rows: Vec<(Uuid, UserId)> = tx
            .rows(
                record_watch::table
                    .filter(record_watch::tenant_id.eq(tx.tenant()?))
                    .filter(record_watch::record_id.eq_any(keys.into_iter().map(|id| id.0).collect::<Vec<_>>()))
                    .filter(record_watch::record_type.eq("WorkItem"))
                    .filter(record_watch::muted.eq(false))
                    .order((record_watch::record_id, record_watch::id))
                    .select((record_watch::record_id, record_watch::account_id)),
            )
            .await?;
        let mut by_item: HashMap<WorkItemId, Vec<UserId>> = HashMap::new();
        for (item, person) in rows {
            by_item.entry(WorkItemId(item)).or_default().push(person);
        }
        Ok(by_item)
    }
}

/// Something that the caller is told of a work item.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct WorkNotice {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    id: Uuid,
    /// The client that the item belongs to.
    #[diesel(sql_type = SqlUuid)]
    pub client_id: ClientId,
    /// The item.
    #[diesel(sql_type = SqlUuid)]
    pub work_item_id: WorkItemId,
    /// What is to be done, in a line.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// Why the caller is told.
    #[diesel(sql_type = Text)]
    pub cause: NoticeCause,
    /// Who did it: the name at that time.
    #[diesel(sql_type = Text)]
    pub actor_name: String,
    /// When it happened.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// When the caller has read it; null: not yet.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub read_at: Option<DateTime>,
}

#[ComplexObject]
impl WorkNotice {
    /// The name of that client.
    async fn client_name(&self, ctx: &Context<'_>) -> async_graphql::Result<String> {
        let name = names::client(ctx, self.client_id).await?;
        Ok(name.ok_or_else(|| Error::fault("a notice that is seen has no client"))?)
    }
}

crate::platform::connection!(
    /// A page of notices.
    WorkNoticeConnection, WorkNoticeEdge, WorkNotice
);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whether the caller watches an item from now on.
#[derive(InputObject, Clone, Debug)]
pub struct WorkItemWatchInput {
    /// The work item.
    pub item: WorkItemId,
    /// False: not any more.
    pub watch: Option<bool>,
}

/// Items of which the caller has read all notices.
#[derive(InputObject, Clone, Debug)]
pub struct WorkNoticesReadInput {
    /// The work items, 1 to 100.
    pub items: Vec<WorkItemId>,
}

crate::platform::payload! {
    /// What became of notices.
    WorkNoticesReadPayload {
        /// How many were unread until now.
        count: i64
    }
}

async fn watched(tx: &Tx, input: WorkItemWatchInput) -> Result<WorkItem> {
    let item = WorkItem::fetch(tx, vec![input.item]).await?.remove(&input.item);
    let item = item.ok_or_else(|| Error::not_found("item", "work item"))?;
    let wish = if input.watch.unwrap_or(true) { Wish::Watch } else { Wish::Unwatch };
    watch::set(tx, "WorkItem", item.id.0, wish).await?;
    Ok(item)
}

async fn read(tx: &Tx, items: Vec<WorkItemId>) -> Result<i64> {
    if !(1..=100).contains(&items.len()) {
        return Err(Error::refuse(UserErrorCode::Invalid, "items", "Name 1 to 100 work items."));
    }
    let known: Vec<WorkItemId> = tx
        .rows(
            work_item::table
                .filter(work_item::tenant_id.eq(tx.tenant()?))
                .filter(work_item::id.eq_any(items.clone()))
                .select(work_item::id),
        )
        .await?;
    if let Some(at) = items.iter().position(|item| !known.contains(item)) {
        return Err(Error::not_found(&format!("items.{at}"), "work item"));
    }
    let count = tx
        .exec(
            sql("UPDATE practice.notice n SET read_at = now()
                  WHERE n.tenant_id = $1 AND n.account_id = $2 AND n.record_type = 'WorkItem' AND n.record_id = ANY ($3) AND n.read_at IS NULL")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(tx.actor())
            .bind::<Array<SqlUuid>, _>(items),
        )
        .await?;
    Ok(i64::try_from(count).unwrap_or_default())
}

/// Queries about notices.
#[derive(Default)]
pub struct NoticeQuery;

#[Object]
impl NoticeQuery {
    /// What the caller is told of work, the latest first: in the client that the token is for, or with a token without
    /// client (`practice.portfolio.read`) in all in which he may see the work today. Right: `work.item.read`.
    async fn work_notices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "True: also those that were read; unread ones only if not said.")] read: Option<bool>,
    ) -> async_graphql::Result<WorkNoticeConnection> {
        let tx = super::queue::reach(ctx).await?;
        a_person(ctx)?;
        tx.tells_own();
        let read = read.unwrap_or_default();
        let slice = Slice::new(first, after.as_deref())?;
        let tenants = tx.tenant().ok().map(|tenant| vec![tenant]);
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let row: Count = tx
                .row(
                    sql("SELECT count(*) AS count FROM practice.notice n
                          WHERE n.tenant_id = ANY (coalesce($1::uuid[], nullif(current_setting('app.tenant_ids', true), '')::uuid[]))
                            AND n.account_id = $2 AND n.record_type = 'WorkItem' AND ($3 OR n.read_at IS NULL)")
                    .bind::<Nullable<Array<SqlUuid>>, _>(tenants.clone())
                    .bind::<SqlUuid, _>(tx.actor())
                    .bind::<Bool, _>(read),
                )
                .await?;
            Some(row.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                sql("SELECT n.id, n.tenant_id AS client_id, n.record_id AS work_item_id, i.title, n.cause, n.actor_name, n.created_at, n.read_at
                       FROM practice.notice n JOIN practice.work_item i ON i.tenant_id = n.tenant_id AND i.id = n.record_id
                      WHERE n.tenant_id = ANY (coalesce($1::uuid[], nullif(current_setting('app.tenant_ids', true), '')::uuid[]))
                        AND n.account_id = $2 AND n.record_type = 'WorkItem' AND ($3 OR n.read_at IS NULL) AND ($4::uuid IS NULL OR n.id < $4)
                      ORDER BY n.id DESC LIMIT $5")
                .bind::<Nullable<Array<SqlUuid>>, _>(tenants)
                .bind::<SqlUuid, _>(tx.actor())
                .bind::<Bool, _>(read)
                .bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(WorkNoticeConnection::new(ctx, &slice, rows, |row: &WorkNotice| encode("", row.id), total))
    }
}

/// Watching, and reading what comes of it.
#[derive(Default)]
pub struct NoticeMutation;

#[Object]
impl NoticeMutation {
    /// Watches a work item, or does not any more: whoever watches is told what becomes of it. Right: `work.item.read`.
    async fn work_item_watch(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item.")] input: WorkItemWatchInput,
    ) -> async_graphql::Result<Option<WorkItemPayload>> {
        let tx = ctx.tx(Can::WorkItemRead).await?;
        a_person(ctx)?;
        WorkItemPayload::settle(ctx, watched(tx, input).await)
    }

    /// Says that the caller has read all notices of these work items. Right: `work.item.read`.
    async fn work_notices_read(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The items.")] input: WorkNoticesReadInput,
    ) -> async_graphql::Result<Option<WorkNoticesReadPayload>> {
        let tx = ctx.tx(Can::WorkItemRead).await?;
        a_person(ctx)?;
        WorkNoticesReadPayload::settle(ctx, read(tx, input.items).await)
    }
}
