//! Retention schedules: how long documents are kept, by their type. What a schedule says never changes; it is ended and another
//! one made.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Nullable, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::{DocumentId, DocumentTypeId, RetentionScheduleId};
use super::kind::DocumentType;
use super::rules::{Due, Terms, due, told};
use super::run::{Asked, RetentionJob};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::job::Job;
use crate::platform::jobs;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::retention_schedule;

/// The most schedules of a client that hold.
const MOST: i64 = 200;

/// How long documents of some types are kept.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = retention_schedule)]
#[graphql(complex)]
pub struct RetentionSchedule {
    /// Global id.
    pub id: RetentionScheduleId,
    /// Name, unique among those that hold.
    pub name: String,
    /// Days from the day from which a document's retention counts until it is archived; null: it is not archived by this.
    pub archive_after: Option<i32>,
    /// Days from that day until it goes into the trash; null: it is kept.
    pub trash_after: Option<i32>,
    /// Days in the trash until it is purged; null: it stays there.
    pub purge_after: Option<i32>,
    /// Whether somebody other than who proposes it has to confirm that a document is purged.
    #[diesel(column_name = confirmed)]
    pub needs_confirmation: bool,
    #[graphql(skip)]
    type_ids: Vec<Uuid>,
    /// When it was ended; null while it holds.
    pub ended_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl RetentionSchedule {
    /// The types of documents for which it holds; none: all.
    async fn document_types(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentType>> {
        let types = self.type_ids.iter().map(|id| ctx.load::<DocumentType>(DocumentTypeId(*id)));
        Ok(futures_util::future::try_join_all(types).await?.into_iter().flatten().collect())
    }
}

impl RetentionSchedule {
    fn terms(&self) -> Terms {
        Terms {
            name: self.name.clone(),
            archive_after: self.archive_after,
            trash_after: self.trash_after,
            purge_after: self.purge_after,
            confirmed: self.needs_confirmation,
        }
    }
}

/// The schedules of a client that hold.
pub(super) struct Schedules(Vec<RetentionSchedule>);

impl Schedules {
    /// Those that hold now.
    pub(super) async fn read(tx: &Tx) -> Result<Self> {
        let rows = tx
            .rows(
                retention_schedule::table
                    .filter(retention_schedule::tenant_id.eq(tx.tenant()?))
                    .filter(retention_schedule::ended_at.is_null())
                    .order((retention_schedule::name, retention_schedule::id))
                    .select(RetentionSchedule::as_select()),
            )
            .await?;
        Ok(Self(rows))
    }

    /// What those say that hold for a type.
    pub(super) fn of(&self, kind: DocumentTypeId) -> Vec<Terms> {
        let holds = |one: &&RetentionSchedule| one.type_ids.is_empty() || one.type_ids.contains(&kind.0);
        self.0.iter().filter(holds).map(RetentionSchedule::terms).collect()
    }

    /// The fewest days after which any of them does anything; none: none does.
    pub(super) fn soonest(&self) -> Option<i32> {
        self.0.iter().flat_map(|one| [one.archive_after, one.trash_after]).flatten().min()
    }
}

/// What comes of retention for a document.
#[derive(SimpleObject, Clone, Debug)]
pub struct DocumentRetention {
    /// The day on which it is archived, in the client's time zone; null: never.
    pub archive_on: Option<Date>,
    /// The day on which it goes into the trash; null: never.
    pub trash_on: Option<Date>,
    /// The day on which it is purged, or that is proposed; null: never.
    pub purge_on: Option<Date>,
    /// Whether a legal hold names it, its type, a folder above it, one of its versions or their files: nothing of the above
    /// happens then.
    pub held: bool,
    /// The schedules that hold for it, in a sentence each.
    pub explanation: String,
}

#[derive(QueryableByName)]
struct Kept {
    #[diesel(sql_type = SqlUuid)]
    id: DocumentId,
    #[diesel(sql_type = SqlUuid)]
    type_id: DocumentTypeId,
    #[diesel(sql_type = SqlDate)]
    retain_from: Date,
    #[diesel(sql_type = Nullable<SqlDate>)]
    trashed_on: Option<Date>,
    #[diesel(sql_type = Bool)]
    held: bool,
}

impl Fetch for DocumentRetention {
    type Key = DocumentId;
    type Value = Self;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentId>) -> Result<HashMap<DocumentId, Self>> {
        let schedules = Schedules::read(tx).await?;
        let rows: Vec<Kept> = tx
            .rows(
                sql("SELECT d.id, d.type_id, d.retain_from, d.trashed_on, practice.document_held($1, d.id) AS held
                       FROM practice.document d WHERE d.tenant_id = $1 AND d.id = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let told = |row: Kept| {
            let terms = schedules.of(row.type_id);
            let Due { archive_on, trash_on, purge_on, .. } =
                due(&terms, row.retain_from.0, row.trashed_on.map(|day| day.0));
            let (archive_on, trash_on, purge_on) = (archive_on.map(Date), trash_on.map(Date), purge_on.map(Date));
            (row.id, Self { archive_on, trash_on, purge_on, held: row.held, explanation: told(&terms) })
        };
        Ok(rows.into_iter().map(told).collect())
    }
}

crate::platform::connection!(
    /// A page of retention schedules.
    RetentionScheduleConnection, RetentionScheduleEdge, RetentionSchedule
);

/// A new retention schedule.
#[derive(InputObject, Clone, Debug)]
pub struct RetentionScheduleCreateInput {
    /// Name, 1 to 100 characters, unique among those that hold.
    pub name: String,
    /// The types of documents for which it holds, at most 500; all if not said.
    pub document_types: Option<Vec<DocumentTypeId>>,
    /// Days from the day from which a document's retention counts until it is archived, 0 to 40,000; it is not if not said.
    pub archive_after: Option<i32>,
    /// Days from that day until it goes into the trash, 0 to 40,000; it is kept if not said.
    pub trash_after: Option<i32>,
    /// Days in the trash until it is purged, 1 to 40,000; it stays there if not said.
    pub purge_after: Option<i32>,
    /// Whether somebody has to confirm that a document is purged; so if not said.
    pub needs_confirmation: Option<bool>,
}

/// A retention schedule that is not to hold any more.
#[derive(InputObject, Clone, Debug)]
pub struct RetentionScheduleEndInput {
    /// The schedule.
    pub id: RetentionScheduleId,
}

/// What is to be done by retention.
#[derive(InputObject, Clone, Debug)]
pub struct RetentionRunInput {
    /// As of which day, in the client's time zone: today or before; today if not said.
    pub as_of: Option<Date>,
}

crate::platform::payload! {
    /// What became of a retention schedule.
    RetentionSchedulePayload {
        /// The schedule as it is now.
        retention_schedule: RetentionSchedule
    }
}

crate::platform::payload! {
    /// What is done by retention.
    RetentionRunPayload {
        /// The job that does it. Its result counts what was archived, trashed, proposed, purged and left because it is held.
        job: Job
    }
}

async fn create(tx: &Tx, input: RetentionScheduleCreateInput) -> Result<RetentionSchedule> {
    sized("name", &input.name, 1..=100)?;
    let days = |field: &str, days: Option<i32>, least: i32| match days {
        Some(days) if !(least..=40_000).contains(&days) => {
            Err(Error::refuse(UserErrorCode::Invalid, field, format!("This has to be {least} to 40,000 days.")))
        }
        _ => Ok(()),
    };
    days("archiveAfter", input.archive_after, 0)?;
    days("trashAfter", input.trash_after, 0)?;
    days("purgeAfter", input.purge_after, 1)?;
    if input.purge_after.is_some() && input.trash_after.is_none() {
        let message = "What is kept is not purged: say when it goes into the trash.";
        return Err(Error::refuse(UserErrorCode::Invalid, "trashAfter", message));
    }
    let mut types = input.document_types.unwrap_or_default();
    if types.len() > 500 {
        return Err(Error::refuse(UserErrorCode::Invalid, "documentTypes", "Name at most 500 types."));
    }
    let known = DocumentType::fetch(tx, types.clone()).await?;
    if let Some(at) = types.iter().position(|kind| !known.contains_key(kind)) {
        return Err(Error::not_found(&format!("documentTypes.{at}"), "type of documents"));
    }
    types.sort_unstable();
    types.dedup();
    let own = retention_schedule::table
        .filter(retention_schedule::tenant_id.eq(tx.tenant()?))
        .filter(retention_schedule::ended_at.is_null())
        .count();
    if tx.row::<i64, _>(own).await? >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("At most {MOST} schedules hold at a time.")));
    }
    tx.row(
        diesel::insert_into(retention_schedule::table)
            .values((
                retention_schedule::tenant_id.eq(tx.tenant()?),
                retention_schedule::id.eq(RetentionScheduleId::new()),
                retention_schedule::name.eq(input.name),
                retention_schedule::archive_after.eq(input.archive_after),
                retention_schedule::trash_after.eq(input.trash_after),
                retention_schedule::purge_after.eq(input.purge_after),
                retention_schedule::confirmed.eq(input.needs_confirmation.unwrap_or(true)),
                retention_schedule::type_ids.eq(types.into_iter().map(|kind| kind.0).collect::<Vec<_>>()),
            ))
            .returning(RetentionSchedule::as_returning()),
    )
    .await
    .inspect(|made: &RetentionSchedule| emit(tx, EventKind::RetentionScheduleCreated, made.id.0))
}

async fn end(tx: &Tx, id: RetentionScheduleId) -> Result<RetentionSchedule> {
    let ended: Option<RetentionSchedule> = tx
        .maybe(
            diesel::update(retention_schedule::table)
                .filter(retention_schedule::tenant_id.eq(tx.tenant()?))
                .filter(retention_schedule::id.eq(id))
                .filter(retention_schedule::ended_at.is_null())
                .set(retention_schedule::ended_at.eq(tx.now()))
                .returning(RetentionSchedule::as_returning()),
        )
        .await?;
    let ended = ended.ok_or_else(|| Error::not_found("id", "retention schedule that holds"))?;
    emit(tx, EventKind::RetentionScheduleEnded, ended.id.0);
    Ok(ended)
}

async fn run(tx: &Tx, input: RetentionRunInput) -> Result<Job> {
    if input.as_of.is_some_and(|day| day.0 > tx.today()) {
        let message = "What is due later is not done yet: name today or a day before.";
        return Err(Error::refuse(UserErrorCode::Invalid, "asOf", message));
    }
    let id = jobs::enqueue::<RetentionJob>(tx, &Asked { as_of: input.as_of.map(|day| day.0) }, None).await?;
    let job = Job::fetch(tx, vec![id]).await?.remove(&id);
    job.ok_or_else(|| Error::fault("a job that was asked for is not there"))
}

impl Fetch for RetentionSchedule {
    type Key = RetentionScheduleId;
    type Value = Self;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<RetentionScheduleId>) -> Result<HashMap<RetentionScheduleId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                retention_schedule::table
                    .filter(retention_schedule::tenant_id.eq(tx.tenant()?))
                    .filter(retention_schedule::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Queries about retention.
#[derive(Default)]
pub struct RetentionQuery;

#[Object]
impl RetentionQuery {
    /// One retention schedule; null if the id is unknown. Right: `office.document.read`.
    async fn retention_schedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule's id.")] id: RetentionScheduleId,
    ) -> async_graphql::Result<Option<RetentionSchedule>> {
        Ok(ctx.load::<RetentionSchedule>(id).await?)
    }

    /// The client's retention schedules, the latest first, ended ones included. Right: `office.document.read`.
    async fn retention_schedules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<RetentionScheduleConnection> {
        let tx = ctx.tx(Can::OfficeDocumentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own =
            || -> Result<_> { Ok(retention_schedule::table.filter(retention_schedule::tenant_id.eq(tx.tenant()?))) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?.into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(retention_schedule::id.lt(*id));
        }
        let page = page.order(retention_schedule::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(RetentionSchedule::as_select())).await?;
        Ok(RetentionScheduleConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of retention.
#[derive(Default)]
pub struct RetentionMutation;

#[Object]
impl RetentionMutation {
    /// Makes a retention schedule. Of several that hold for a document the longest wins. Right: `office.retention.manage`.
    async fn retention_schedule_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new schedule.")] input: RetentionScheduleCreateInput,
    ) -> async_graphql::Result<Option<RetentionSchedulePayload>> {
        RetentionSchedulePayload::settle(ctx, create(ctx.tx(Can::RetentionManage).await?, input).await)
    }

    /// Ends a retention schedule. Right: `office.retention.manage`.
    async fn retention_schedule_end(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule.")] input: RetentionScheduleEndInput,
    ) -> async_graphql::Result<Option<RetentionSchedulePayload>> {
        RetentionSchedulePayload::settle(ctx, end(ctx.tx(Can::RetentionManage).await?, input.id).await)
    }

    /// Has done what is due by retention: a job, as a schedule of the kind `DOCUMENT_RETENTION` asks for one every day. Rights:
    /// `office.retention.manage`, `work.job.read`.
    async fn retention_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "As of which day.")] input: RetentionRunInput,
    ) -> async_graphql::Result<Option<RetentionRunPayload>> {
        let tx = ctx.tx(Can::RetentionManage).await?;
        ctx.tx(Can::JobRead).await?;
        RetentionRunPayload::settle(ctx, run(tx, input).await)
    }
}
