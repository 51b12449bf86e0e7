//! A clock on a record: it counts business time against a target, pauses, and says when it is due and why.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use backoffice_calendar::clock as arithmetic;
use diesel::prelude::*;
use uuid::Uuid;

use super::account::TimeAccount;
use super::calendar::{BusinessCalendar, Whole};
use super::change::{self, Beginning, Moment};
use super::ids::{BusinessCalendarId, ClockId};
use super::interval::{ClockInterval, ClockPauseReason};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::node::{self, Node};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::clock;

crate::platform::words! {
    /// Where a clock stands.
    ClockState {
        /// It counts whenever its calendar is open.
        Running = "running",
        /// It counts nothing.
        Paused = "paused",
        /// It was stopped for good; what it says stays as it is.
        Stopped = "stopped",
    }
}

/// A clock on a record. What happens at the very instant at which it is due comes too late.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = clock)]
#[graphql(complex)]
pub struct Clock {
    /// Global id.
    pub id: ClockId,
    #[graphql(skip)]
    pub(super) calendar_id: BusinessCalendarId,
    #[graphql(skip)]
    node_type: String,
    #[graphql(skip)]
    node_id: Uuid,
    /// What it measures, e.g. `First response`.
    pub name: String,
    #[graphql(skip)]
    pub(super) target_seconds: Option<i64>,
    /// Where it stands.
    pub state: ClockState,
    /// When it began to run.
    pub started_at: DateTime,
    /// When it was stopped; null if it was not.
    pub stopped_at: Option<DateTime>,
    /// When its target is used up if it runs on as it does; null while that is not known: it is paused before that, has no
    /// target, or its calendar is not open for so long within ten years.
    pub due_at: Option<DateTime>,
    #[graphql(skip)]
    breached_at: Option<DateTime>,
    #[graphql(skip)]
    account: Option<serde_json::Value>,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// What a clock shows at an instant.
#[derive(SimpleObject, Clone, Debug)]
pub struct ClockReading {
    /// The instant: when it was stopped, if that was before.
    pub as_of: DateTime,
    /// Business time left of the target, in seconds; null without a target, negative if it was exceeded.
    pub remaining_seconds: Option<i64>,
    /// When the target is used up if the clock runs on as it does at that instant.
    pub due_at: Option<DateTime>,
    /// When it went over its target; null if it had not by then.
    pub breached_at: Option<DateTime>,
    /// What counted and what was skipped, and why: together the time since the clock was started.
    pub explanation: TimeAccount,
}

impl Clock {
    /// When it went over its target, as far as is known at that instant.
    fn breached_by(&self, now: chrono::DateTime<chrono::Utc>) -> Option<DateTime> {
        match self.state {
            ClockState::Running => self.due_at.filter(|due| due.0 <= now),
            ClockState::Paused | ClockState::Stopped => self.breached_at,
        }
    }
}

#[ComplexObject]
impl Clock {
    /// The record that it is on. Right: that to read records of its kind.
    async fn node(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        Ok(node::record_of(ctx, &self.node_type, self.node_id).await?)
    }

    /// The calendar that it runs in. Right: `core.calendar.read`.
    async fn calendar(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BusinessCalendar>> {
        Ok(ctx.load::<BusinessCalendar>(self.calendar_id).await?)
    }

    /// How much business time it allows, in seconds; null: it only measures.
    async fn target_seconds(&self) -> Option<i64> {
        self.target_seconds
    }

    /// When it went over its target: exactly when it was due. Null if it has not.
    async fn breached_at(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DateTime>> {
        Ok(self.breached_by(ctx.tx(Can::ClockRead).await?.now()))
    }

    /// Its stretches, running and paused, in their order.
    async fn intervals(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ClockInterval>> {
        Ok(ctx.load::<ClockInterval>(self.id).await?.unwrap_or_default())
    }

    /// What it shows: what counted, what was skipped and why. Of a clock that was stopped, as it was then, whatever became
    /// of its calendar.
    async fn reading(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At which instant, not before it was started; now if not said.")] as_of: Option<DateTime>,
    ) -> async_graphql::Result<ClockReading> {
        let now = ctx.tx(Can::ClockRead).await?.now();
        let as_of = as_of.map_or(now, |at| at.0);
        if as_of < self.started_at.0 {
            return Err(Error::BadInput("A clock shows nothing before it was started.".to_owned()).into());
        }
        if let (Some(stopped), Some(kept)) = (self.stopped_at.filter(|at| at.0 <= as_of), &self.account) {
            let explanation = TimeAccount::restored(kept)?;
            return Ok(ClockReading {
                as_of: stopped,
                remaining_seconds: self.target_seconds.map(|target| target - explanation.counted_seconds),
                due_at: self.due_at,
                breached_at: self.breached_at,
                explanation,
            });
        }
        let calendar = ctx.load::<Whole>(self.calendar_id).await?;
        let calendar = calendar.ok_or_else(|| Error::fault("a clock runs in no calendar"))?;
        let intervals = ctx.load::<ClockInterval>(self.id).await?.unwrap_or_default();
        let runs: Vec<_> = intervals.iter().map(ClockInterval::run).collect();
        let lived = arithmetic::lived(&runs, as_of);
        let reading = arithmetic::read(&calendar, &lived, self.target_seconds, as_of).map_err(super::refused)?;
        Ok(ClockReading {
            as_of: DateTime(backoffice_calendar::timeline::whole(as_of)),
            remaining_seconds: self.target_seconds.map(|target| target - reading.counted),
            due_at: reading.due.map(DateTime),
            breached_at: reading.breached.map(DateTime),
            explanation: TimeAccount::from(&reading.explanation),
        })
    }
}

impl Fetch for Clock {
    type Key = ClockId;
    type Value = Self;
    const CAN: Can = Can::ClockRead;

    async fn fetch(tx: &Tx, keys: Vec<ClockId>) -> Result<HashMap<ClockId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                clock::table
                    .filter(clock::tenant_id.eq(tx.tenant()?))
                    .filter(clock::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Whether a clock that was not stopped runs in that calendar.
pub(super) async fn any_lives_in(tx: &Tx, calendar: BusinessCalendarId) -> Result<bool> {
    let count: i64 = tx
        .row(
            clock::table
                .filter(clock::tenant_id.eq(tx.tenant()?))
                .filter(clock::calendar_id.eq(calendar))
                .filter(clock::state.ne(ClockState::Stopped))
                .count(),
        )
        .await?;
    Ok(count > 0)
}

crate::platform::connection!(
    /// A page of clocks.
    ClockConnection, ClockEdge, Clock
);

crate::platform::equality_filter!(
    /// Conditions on where a clock stands.
    ClockStateFilter, ClockState
);

crate::platform::filter! {
    /// Narrows a list of clocks.
    ClockFilter over clock {
        /// By where they stand.
        state: ClockStateFilter => equality(clock::state),
    }
}

/// Queries about clocks.
#[derive(Default)]
pub struct ClockQuery;

#[Object]
impl ClockQuery {
    /// One clock; null if the id is unknown. Right: `work.clock.read`.
    async fn clock(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The clock's id.")] id: ClockId,
    ) -> async_graphql::Result<Option<Clock>> {
        Ok(ctx.load::<Clock>(id).await?)
    }

    /// The client's clocks, the latest first. Right: `work.clock.read`.
    async fn clocks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only clocks on this record.")] node: Option<ID>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only clocks that match.")] filter: Option<ClockFilter>,
        #[graphql(desc = "Only clocks that run and are due before this instant, those that are over included.")]
        due_before: Option<DateTime>,
    ) -> async_graphql::Result<ClockConnection> {
        let tx = ctx.tx(Can::ClockRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        // an id that names nothing has no clocks
        let node = node.map(|id| node::named(&id).unwrap_or(("", Uuid::nil())));
        let narrowed = |filter: Option<ClockFilter>| -> Result<_> {
            let mut query = clock::table.filter(clock::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some((kind, id)) = node {
                query = query.filter(clock::node_id.eq(id)).filter(clock::node_type.eq(kind));
            }
            if let Some(before) = due_before {
                query = query.filter(clock::state.eq(ClockState::Running)).filter(clock::due_at.lt(before));
            }
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(clock::id.lt(*id));
        }
        let rows = tx.rows(page.order(clock::id.desc()).limit(slice.limit()).select(Clock::as_select())).await?;
        Ok(ClockConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// A new clock.
#[derive(InputObject, Clone, Debug)]
pub struct ClockStartInput {
    /// The record that it is on: any that the caller may read and that `node` finds.
    pub node: ID,
    /// What it measures, 1 to 100 characters.
    pub name: String,
    /// The calendar that it runs in; the client's default if not said.
    pub calendar: Option<BusinessCalendarId>,
    /// How many minutes of business time it allows, 1 to 5,256,000; it only measures if not said.
    pub target_minutes: Option<i32>,
    /// When it begins to run: now if not said, never in the future, at most five years ago.
    pub at: Option<DateTime>,
}

/// Pauses a clock.
#[derive(InputObject, Clone, Debug)]
pub struct ClockPauseInput {
    /// The clock.
    pub id: ClockId,
    /// Why.
    pub reason: ClockPauseReason,
    /// What else there is to say, 1 to 200 characters.
    pub note: Option<String>,
    /// From when: now if not said, never in the future, and not before the clock began to run last.
    pub at: Option<DateTime>,
}

/// Lets a clock run on or stops it.
#[derive(InputObject, Clone, Debug)]
pub struct ClockInput {
    /// The clock.
    pub id: ClockId,
    /// When: now if not said, never in the future, and not before it was paused or began to run last.
    pub at: Option<DateTime>,
}

crate::platform::payload! {
    /// What became of a clock.
    ClockPayload {
        /// The clock as it is now.
        clock: Clock
    }
}

/// What a clock is started with, of the input.
async fn beginning(ctx: &Context<'_>, input: ClockStartInput) -> Result<Beginning> {
    let unknown = || Error::not_found("node", "record");
    let (node_type, node_id) = node::named(&input.node).ok_or_else(unknown)?;
    // it is there, and the caller may read it
    node::find(ctx, &input.node).await?.ok_or_else(unknown)?;
    let target = match input.target_minutes {
        Some(minutes) if !(1..=5_256_000).contains(&minutes) => {
            let message = "A target is 1 to 5,256,000 minutes of business time.";
            return Err(Error::refuse(UserErrorCode::Invalid, "targetMinutes", message));
        }
        minutes => minutes.map(|minutes| i64::from(minutes) * 60),
    };
    Ok(Beginning {
        node_type,
        node_id,
        name: input.name,
        calendar: input.calendar,
        target_seconds: target,
        at: Moment(input.at),
    })
}

/// Changes of clocks.
#[derive(Default)]
pub struct ClockMutation;

#[Object]
impl ClockMutation {
    /// Starts a clock on a record. Rights: `work.clock.manage`, and that to read the record.
    async fn clock_start(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new clock.")] input: ClockStartInput,
    ) -> async_graphql::Result<Option<ClockPayload>> {
        let tx = ctx.tx(Can::ClockManage).await?;
        let started = async { change::start(tx, beginning(ctx, input).await?).await }.await;
        ClockPayload::settle(ctx, started)
    }

    /// Pauses a clock that runs; if it was due before, it stays over. Right: `work.clock.manage`.
    async fn clock_pause(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The clock, and why.")] input: ClockPauseInput,
    ) -> async_graphql::Result<Option<ClockPayload>> {
        let tx = ctx.tx(Can::ClockManage).await?;
        let paused = change::pause(tx, input.id, input.reason, input.note, Moment(input.at)).await;
        ClockPayload::settle(ctx, paused)
    }

    /// Lets a paused clock run on: it is due later by what was skipped. Right: `work.clock.manage`.
    async fn clock_resume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The clock.")] input: ClockInput,
    ) -> async_graphql::Result<Option<ClockPayload>> {
        let tx = ctx.tx(Can::ClockManage).await?;
        ClockPayload::settle(ctx, change::resume(tx, input.id, Moment(input.at)).await)
    }

    /// Stops a clock for good: what it counted and skipped is kept as it is then. Right: `work.clock.manage`.
    async fn clock_stop(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The clock.")] input: ClockInput,
    ) -> async_graphql::Result<Option<ClockPayload>> {
        let tx = ctx.tx(Can::ClockManage).await?;
        ClockPayload::settle(ctx, change::stop(tx, input.id, Moment(input.at)).await)
    }
}
