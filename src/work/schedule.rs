//! Schedules of a client: jobs that come again, with the rights of whoever made or last changed the schedule.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use chrono::Utc;
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::{ServiceAccountId, UserId};
use crate::platform::job::Job;
use crate::platform::jobs::{JobId, JobName};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{DateTime, TimeZone};
use crate::platform::schedules::Pattern;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::platform::withheld;
use crate::schema::{schedule, schedule_turn};

crate::platform::ids! {
    /// Names a schedule.
    ScheduleId = "sch";
}

/// The most schedules of one client.
const MOST: i64 = 100;

/// A job that comes again.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = schedule)]
#[graphql(complex)]
pub struct Schedule {
    /// Global id.
    pub id: ScheduleId,
    /// Name, unique in the client.
    pub name: String,
    /// What its jobs do.
    pub kind: JobName,
    /// When: minute, hour, day of month, month, day of week.
    pub cron: String,
    /// The zone whose wall clock that is.
    pub time_zone: TimeZone,
    /// Since when it is paused; null if it is not.
    pub paused_at: Option<DateTime>,
    #[graphql(skip)]
    owner_id: Uuid,
    #[graphql(skip)]
    owner_kind: String,
    /// Name of the person or service account whose rights its jobs have: who made it or changed it last.
    pub owner_name: String,
    /// When it was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes, for `expectedVersion`.
    pub version: i32,
}

/// When a schedule is and was due.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = schedule_turn)]
pub struct Turn {
    schedule_id: ScheduleId,
    next_due_at: Option<DateTime>,
    last_due_at: Option<DateTime>,
    last_job_id: Option<JobId>,
    passed_over: i32,
}

#[ComplexObject]
impl Schedule {
    /// Global id of the person or service account whose rights its jobs have.
    async fn owner(&self) -> ID {
        ID(match self.owner_kind.as_str() {
            "service" => ServiceAccountId(self.owner_id).to_string(),
            _ => UserId(self.owner_id).to_string(),
        })
    }

    /// When it is due next; null while it is paused. However often it was missed in an outage, it runs once for that.
    async fn next_due_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime>> {
        Ok(ctx.load::<Turn>(self.id).await?.and_then(|turn| turn.next_due_at))
    }

    /// The time it was last due for; null if it never was.
    async fn last_due_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime>> {
        Ok(ctx.load::<Turn>(self.id).await?.and_then(|turn| turn.last_due_at))
    }

    /// How often it was due while its last job had not ended, and so began no other.
    async fn passed_over(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        Ok(ctx.load::<Turn>(self.id).await?.map_or(0, |turn| turn.passed_over))
    }

    /// Its last job; null if it had none.
    async fn last_job(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Job>> {
        match ctx.load::<Turn>(self.id).await?.and_then(|turn| turn.last_job_id) {
            Some(id) => Ok(ctx.load::<Job>(id).await?),
            None => Ok(None),
        }
    }
}

impl Fetch for Schedule {
    type Key = ScheduleId;
    type Value = Self;
    const CAN: Can = Can::JobRead;

    async fn fetch(tx: &Tx, keys: Vec<ScheduleId>) -> Result<HashMap<ScheduleId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                schedule::table
                    .filter(schedule::tenant_id.eq(tx.tenant()?))
                    .filter(schedule::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for Turn {
    type Key = ScheduleId;
    type Value = Self;
    const CAN: Can = Can::JobRead;

    async fn fetch(tx: &Tx, keys: Vec<ScheduleId>) -> Result<HashMap<ScheduleId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                schedule_turn::table
                    .filter(schedule_turn::tenant_id.eq(tx.tenant()?))
                    .filter(schedule_turn::schedule_id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.schedule_id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of schedules.
    ScheduleConnection, ScheduleEdge, Schedule
);

/// A new schedule.
#[derive(InputObject, Clone, Debug)]
pub struct ScheduleCreateInput {
    /// Name, 1 to 100 characters, unique in the client.
    pub name: String,
    /// What its jobs do: `AUDIT_VERIFY`, `DOCUMENT_RETENTION` or `DUE_ENTRIES_POST`.
    pub kind: JobName,
    /// When: minute, hour, day of month, month, day of week, e.g. `30 6 * * MON-FRI`.
    pub cron: String,
    /// The zone whose wall clock that is; the client's if not said.
    pub time_zone: Option<TimeZone>,
}

/// What changes of a schedule. Its jobs have the rights of whoever changes it.
#[derive(InputObject, Clone, Debug)]
pub struct ScheduleUpdateInput {
    /// The schedule.
    pub id: ScheduleId,
    /// Name, 1 to 100 characters, unique in the client.
    pub name: Option<String>,
    /// When: minute, hour, day of month, month, day of week.
    pub cron: Option<String>,
    /// The zone whose wall clock that is.
    pub time_zone: Option<TimeZone>,
    /// Refused with `CONFLICT` if the schedule was changed since this version.
    pub expected_version: Option<i32>,
}

/// Pauses a schedule or lets it go on.
#[derive(InputObject, Clone, Debug)]
pub struct SchedulePauseInput {
    /// The schedule.
    pub id: ScheduleId,
    /// True pauses it, false lets it go on: what was due meanwhile is not made up for.
    pub paused: bool,
}

/// Names a schedule.
#[derive(InputObject, Clone, Debug)]
pub struct ScheduleInput {
    /// The schedule.
    pub id: ScheduleId,
}

crate::platform::payload!(
    /// What became of a schedule.
    SchedulePayload {
        /// The schedule as it is now, or was before it was deleted.
        schedule: Schedule
    }
);

/// The right that somebody needs who asks for such a job; jobs that are not asked for by schedules have none here.
fn right(kind: JobName) -> Result<Can> {
    match kind {
        JobName::AuditVerify => Ok(Can::AuditRead),
        JobName::DocumentRetention => Ok(Can::RetentionManage),
        JobName::DueEntriesPost => Ok(Can::JournalPost),
        JobName::Sweep
        | JobName::SignInMail
        | JobName::ReminderMail
        | JobName::NoticeMail
        | JobName::OpenWork
        | JobName::Export
        | JobName::Import
        | JobName::LapseApprovals
        | JobName::AppointmentLay
        | JobName::AppointmentMail
        | JobName::LetterTypeset
        | JobName::CorrespondenceSend
        | JobName::DocumentText
        | JobName::ClientArchive
        | JobName::SignatureMail
        | JobName::SignatureExpiry
        | JobName::SignatureEvidence => {
            Err(Error::refuse(UserErrorCode::Invalid, "kind", "Jobs of this kind are not asked for by schedules."))
        }
    }
}

fn named(name: &str) -> Result<()> {
    if name.trim().is_empty() || name.chars().count() > 100 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 100 characters."));
    }
    Ok(())
}

/// The pattern, if it comes at all.
fn pattern(cron: &str, zone: &TimeZone) -> Result<Pattern> {
    let refused = |message: String| Error::refuse(UserErrorCode::Invalid, "cron", message);
    let pattern = Pattern::read(cron, &zone.0).map_err(refused)?;
    if cron.len() > 100 || pattern.next_after(Utc::now()).is_none() {
        return Err(refused("This time never comes.".to_owned()));
    }
    Ok(pattern)
}

async fn place(tx: &Tx, id: ScheduleId, pattern: Option<&Pattern>) -> Result<()> {
    let due = pattern.and_then(|pattern| pattern.next_after(tx.now()));
    tx.exec(sql("SELECT core.place_schedule($1, $2)").bind::<SqlUuid, _>(id).bind::<Nullable<Timestamptz>, _>(due))
        .await?;
    Ok(())
}

async fn locked(tx: &Tx, id: ScheduleId) -> Result<Schedule> {
    let found = tx
        .maybe(
            schedule::table
                .filter(schedule::tenant_id.eq(tx.tenant()?))
                .filter(schedule::id.eq(id))
                .select(Schedule::as_select())
                .for_update(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found("id", "schedule"))
}

fn scopes(tx: &Tx) -> Vec<&'static str> {
    tx.permissions().iter().map(|can| can.name()).collect()
}

async fn create(tx: &Tx, input: ScheduleCreateInput) -> Result<Schedule> {
    named(&input.name)?;
    let zone = input.time_zone.unwrap_or_else(|| TimeZone(tx.time_zone().name().to_owned()));
    let pattern = pattern(&input.cron, &zone)?;
    let count: i64 = tx.row(schedule::table.filter(schedule::tenant_id.eq(tx.tenant()?)).count()).await?;
    if count >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A client has at most {MOST} schedules.")));
    }
    let id = ScheduleId::new();
    tx.exec(
        sql("INSERT INTO core.schedule (tenant_id, id, name, kind, args, cron, time_zone, owner_id, owner_name, owner_kind, scopes)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, k.kind, CASE WHEN k.kind = 'service' THEN $10 END
               FROM (SELECT current_setting('app.actor_kind') AS kind) k")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(input.name)
        .bind::<Text, _>(input.kind)
        .bind::<Jsonb, _>(serde_json::json!({}))
        .bind::<Text, _>(input.cron)
        .bind::<Text, _>(zone.0)
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Text, _>(tx.actor_name().to_owned())
        .bind::<Array<Text>, _>(scopes(tx)),
    )
    .await?;
    place(tx, id, Some(&pattern)).await?;
    locked(tx, id).await
}

/// Changes a schedule. `rights` are asked for by the resolver, because the kind is known only here.
async fn update(tx: &Tx, input: ScheduleUpdateInput) -> Result<Schedule> {
    let known = locked(tx, input.id).await?;
    if input.expected_version.is_some_and(|version| version != known.version) {
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", "The schedule was changed meanwhile."));
    }
    let needed = right(known.kind)?;
    if !tx.permissions().contains(&needed) {
        let message = format!("You need the right `{}` for this.", needed.name());
        return Err(withheld::refusal(tx, needed, message).await);
    }
    let (name, cron, zone) = (
        input.name.unwrap_or(known.name),
        input.cron.unwrap_or(known.cron),
        input.time_zone.unwrap_or(known.time_zone),
    );
    named(&name)?;
    let pattern = pattern(&cron, &zone)?;
    tx.exec(
        sql("UPDATE core.schedule s SET name = $3, cron = $4, time_zone = $5, owner_id = $6, owner_name = $7, owner_kind = k.kind,
                    scopes = CASE WHEN k.kind = 'service' THEN $8 END
               FROM (SELECT current_setting('app.actor_kind') AS kind) k
              WHERE s.tenant_id = $1 AND s.id = $2")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(input.id)
        .bind::<Text, _>(name)
        .bind::<Text, _>(cron)
        .bind::<Text, _>(zone.0)
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Text, _>(tx.actor_name().to_owned())
        .bind::<Array<Text>, _>(scopes(tx)),
    )
    .await?;
    place(tx, input.id, Some(&pattern).filter(|_| known.paused_at.is_none())).await?;
    locked(tx, input.id).await
}

async fn pause(tx: &Tx, input: SchedulePauseInput) -> Result<Schedule> {
    let known = locked(tx, input.id).await?;
    if known.paused_at.is_some() == input.paused {
        return Ok(known);
    }
    let paused_at = input.paused.then(|| tx.now());
    tx.exec(
        diesel::update(schedule::table.filter(schedule::tenant_id.eq(tx.tenant()?)).filter(schedule::id.eq(input.id)))
            .set(schedule::paused_at.eq(paused_at)),
    )
    .await?;
    let pattern = pattern(&known.cron, &known.time_zone)?;
    place(tx, input.id, Some(&pattern).filter(|_| !input.paused)).await?;
    locked(tx, input.id).await
}

async fn delete(tx: &Tx, id: ScheduleId) -> Result<Schedule> {
    let known = locked(tx, id).await?;
    tx.exec(sql("SELECT core.unplace_schedule($1)").bind::<SqlUuid, _>(id)).await?;
    tx.exec(diesel::delete(schedule::table.filter(schedule::tenant_id.eq(tx.tenant()?)).filter(schedule::id.eq(id))))
        .await?;
    Ok(known)
}

/// Queries about schedules.
#[derive(Default)]
pub struct ScheduleQuery;

#[Object]
impl ScheduleQuery {
    /// One schedule; null if the id is unknown. Right: `work.job.read`.
    async fn schedule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule's id.")] id: ScheduleId,
    ) -> async_graphql::Result<Option<Schedule>> {
        Ok(ctx.load::<Schedule>(id).await?)
    }

    /// The client's schedules, the latest first. Right: `work.job.read`.
    async fn schedules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ScheduleConnection> {
        let tx = ctx.tx(Can::JobRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(schedule::table.filter(schedule::tenant_id.eq(tenant)).count()).await?)
        } else {
            None
        };
        let mut page = schedule::table.filter(schedule::tenant_id.eq(tenant)).into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(schedule::id.lt(*id));
        }
        let rows = tx.rows(page.order(schedule::id.desc()).limit(slice.limit()).select(Schedule::as_select())).await?;
        Ok(ScheduleConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of schedules.
#[derive(Default)]
pub struct ScheduleMutation;

#[Object]
impl ScheduleMutation {
    /// Makes a schedule. Rights: `work.schedule.manage`, and what its kind of job needs (`audit.trail.read` for
    /// `AUDIT_VERIFY`, `office.retention.manage` for `DOCUMENT_RETENTION`, `finance.journal.post` for
    /// `DUE_ENTRIES_POST`).
    async fn schedule_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new schedule.")] input: ScheduleCreateInput,
    ) -> async_graphql::Result<Option<SchedulePayload>> {
        let tx = ctx.tx(Can::ScheduleManage).await?;
        match right(input.kind) {
            Ok(needed) => {
                ctx.tx(needed).await?;
                SchedulePayload::settle(ctx, create(tx, input).await)
            }
            Err(refused) => SchedulePayload::settle(ctx, Err(refused)),
        }
    }

    /// Changes a schedule, whose jobs have the caller's rights from then on. Rights: `work.schedule.manage`, and what its
    /// kind of job needs.
    async fn schedule_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: ScheduleUpdateInput,
    ) -> async_graphql::Result<Option<SchedulePayload>> {
        SchedulePayload::settle(ctx, update(ctx.tx(Can::ScheduleManage).await?, input).await)
    }

    /// Pauses a schedule or lets it go on. Right: `work.schedule.manage`.
    async fn schedule_pause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule.")] input: SchedulePauseInput,
    ) -> async_graphql::Result<Option<SchedulePayload>> {
        SchedulePayload::settle(ctx, pause(ctx.tx(Can::ScheduleManage).await?, input).await)
    }

    /// Deletes a schedule. Its jobs stay. Right: `work.schedule.manage`.
    async fn schedule_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The schedule.")] input: ScheduleInput,
    ) -> async_graphql::Result<Option<SchedulePayload>> {
        SchedulePayload::settle(ctx, delete(ctx.tx(Can::ScheduleManage).await?, input.id).await)
    }
}
