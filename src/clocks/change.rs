//! What happens to clocks: started, paused, resumed, stopped, and due anew when their calendar changes. Whoever changes a
//! clock holds its row, so that of two who want the same one wins and the other is told.

use backoffice_calendar::timeline::whole;
use backoffice_calendar::{Calendar, Reading, Run, clock as arithmetic};
use chrono::{DateTime as Instant, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::account::TimeAccount;
use super::calendar::{self, default_of};
use super::clock::{Clock, ClockState};
use super::ids::{BusinessCalendarId, ClockId};
use super::interval::{ClockInterval, ClockPauseReason};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::sql::sql;
use crate::schema::{clock, clock_interval};

/// How long ago a clock may have begun to run when it is started: what is computed at once is ten years.
const OLDEST: TimeDelta = TimeDelta::days(5 * 365);

/// What a clock is started with.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The type of the record that it is on, as in events.
    pub node_type: &'static str,
    /// The record's own id. Whoever starts the clock has seen that it is there.
    pub node_id: Uuid,
    /// What it measures, 1 to 100 characters.
    pub name: String,
    /// The calendar that it runs in; none: the client's default.
    pub calendar: Option<BusinessCalendarId>,
    /// How much business time it allows, in seconds; none: it only measures.
    pub target_seconds: Option<i64>,
    /// When it begins to run.
    pub at: Moment,
}

/// When something happens to a clock; none: now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment(pub Option<DateTime>);

impl Moment {
    /// In whole seconds. Now is never before what happened last: of two transactions the later one may have begun earlier.
    fn not_before(self, tx: &Tx, last: Instant<Utc>) -> Result<Instant<Utc>> {
        let now = whole(tx.now());
        let refuse = |message: &str| Err(Error::refuse(UserErrorCode::Invalid, "at", message));
        match self.0.map(|at| whole(at.0)) {
            None => Ok(now.max(last)),
            Some(at) if at > now.max(last) => refuse("This lies in the future."),
            Some(at) if at < last => refuse("Something happened to this clock later than that."),
            Some(at) => Ok(at),
        }
    }
}

/// A clock that is held, with what it is computed from.
struct Held {
    clock: Clock,
    calendar: std::sync::Arc<Calendar>,
    intervals: Vec<ClockInterval>,
}

impl Held {
    fn runs(&self) -> Vec<Run> {
        self.intervals.iter().map(ClockInterval::run).collect()
    }

    fn last(&self) -> Result<&ClockInterval> {
        self.intervals.last().ok_or_else(|| Error::fault("a clock has no interval"))
    }

    fn read(&self, at: Instant<Utc>) -> Result<Reading> {
        arithmetic::read(&self.calendar, &self.runs(), self.clock.target_seconds, at).map_err(super::refused_at("at"))
    }
}

async fn held(tx: &Tx, id: ClockId) -> Result<Held> {
    let found: Option<Clock> = tx
        .maybe(
            clock::table
                .filter(clock::tenant_id.eq(tx.tenant()?))
                .filter(clock::id.eq(id))
                .select(Clock::as_select())
                .for_update(),
        )
        .await?;
    let clock = found.ok_or_else(|| Error::not_found("id", "clock"))?;
    let intervals = ClockInterval::fetch(tx, vec![id]).await?.remove(&id).unwrap_or_default();
    let calendar = calendar::whole(tx, clock.calendar_id).await?;
    let calendar = calendar.ok_or_else(|| Error::fault("a clock runs in no calendar"))?;
    Ok(Held { clock, calendar, intervals })
}

fn wrong_state<T>(message: &str) -> Result<T> {
    Err(Error::refuse(UserErrorCode::State, "id", message))
}

/// Begins a stretch.
async fn begin(
    tx: &Tx,
    clock: ClockId,
    number: i32,
    at: Instant<Utc>,
    pause: Option<(ClockPauseReason, Option<String>)>,
) -> Result<()> {
    let (reason, note) = pause.unzip();
    tx.exec(diesel::insert_into(clock_interval::table).values((
        clock_interval::tenant_id.eq(tx.tenant()?),
        clock_interval::id.eq(new_uuid()),
        clock_interval::clock_id.eq(clock),
        clock_interval::number.eq(number),
        clock_interval::reason.eq(reason),
        clock_interval::note.eq(note.flatten()),
        clock_interval::begins_at.eq(at),
    )))
    .await?;
    Ok(())
}

/// Ends the last stretch.
async fn end(tx: &Tx, clock: ClockId, at: Instant<Utc>) -> Result<()> {
    tx.exec(
        diesel::update(
            clock_interval::table
                .filter(clock_interval::tenant_id.eq(tx.tenant()?))
                .filter(clock_interval::clock_id.eq(clock))
                .filter(clock_interval::ends_at.is_null()),
        )
        .set(clock_interval::ends_at.eq(at)),
    )
    .await?;
    Ok(())
}

/// Writes where a clock that runs or is paused now stands.
async fn stand(tx: &Tx, id: ClockId, state: ClockState, reading: &Reading) -> Result<Clock> {
    // While it runs it is over from `due_at` on, without anybody writing that.
    let breached = reading.breached.filter(|_| state != ClockState::Running);
    tx.row(
        diesel::update(clock::table.filter(clock::tenant_id.eq(tx.tenant()?)).filter(clock::id.eq(id)))
            .set((
                clock::state.eq(state),
                clock::due_at.eq(if state == ClockState::Running { reading.due } else { breached }),
                clock::breached_at.eq(breached),
            ))
            .returning(Clock::as_returning()),
    )
    .await
}

/// Starts a clock.
pub async fn start(tx: &Tx, beginning: Beginning) -> Result<Clock> {
    sized("name", beginning.name.trim(), 1..=100)?;
    let named = match beginning.calendar {
        Some(id) => Some(id),
        None => default_of(tx).await?,
    };
    let named = named.ok_or_else(|| {
        Error::refuse(
            UserErrorCode::Required,
            "calendar",
            "This client has no default calendar: name one, or make one.",
        )
    })?;
    // held, so that it is not deleted or changed until the clock is there
    calendar::locked(tx, named, "calendar", true).await?;
    let whole_calendar =
        calendar::whole(tx, named).await?.ok_or_else(|| Error::not_found("calendar", "business calendar"))?;
    let at = beginning.at.not_before(tx, Instant::<Utc>::UNIX_EPOCH)?;
    if at < tx.now() - OLDEST {
        let message = "A clock begins to run at most five years ago.";
        return Err(Error::refuse(UserErrorCode::Invalid, "at", message));
    }
    let runs = [Run { from: at, until: None, pause: None }];
    let reading =
        arithmetic::read(&whole_calendar, &runs, beginning.target_seconds, at).map_err(super::refused_at("at"))?;
    let id = ClockId::new();
    let started: Clock = tx
        .row(
            diesel::insert_into(clock::table)
                .values((
                    clock::tenant_id.eq(tx.tenant()?),
                    clock::id.eq(id),
                    clock::calendar_id.eq(named),
                    clock::node_type.eq(beginning.node_type),
                    clock::node_id.eq(beginning.node_id),
                    clock::name.eq(beginning.name.trim()),
                    clock::target_seconds.eq(beginning.target_seconds),
                    clock::state.eq(ClockState::Running),
                    clock::started_at.eq(at),
                    clock::due_at.eq(reading.due),
                ))
                .returning(Clock::as_returning()),
        )
        .await?;
    begin(tx, id, 1, at, None).await?;
    emit(tx, EventKind::ClockStarted, id.0);
    Ok(started)
}

/// Pauses a clock that runs.
pub async fn pause(tx: &Tx, id: ClockId, reason: ClockPauseReason, note: Option<String>, at: Moment) -> Result<Clock> {
    if let Some(note) = &note {
        sized("note", note.trim(), 1..=200)?;
    }
    let held = held(tx, id).await?;
    match held.clock.state {
        ClockState::Running => {}
        ClockState::Paused => return wrong_state("This clock is paused already."),
        ClockState::Stopped => return wrong_state("This clock was stopped."),
    }
    let last = held.last()?;
    let at = at.not_before(tx, last.begins_at.0)?;
    let reading = held.read(at)?;
    end(tx, id, at).await?;
    begin(tx, id, last.number.saturating_add(1), at, Some((reason, note.map(|note| note.trim().to_owned())))).await?;
    let paused = stand(tx, id, ClockState::Paused, &reading).await?;
    emit(tx, EventKind::ClockPaused, id.0);
    Ok(paused)
}

/// Lets a paused clock run on.
pub async fn resume(tx: &Tx, id: ClockId, at: Moment) -> Result<Clock> {
    let mut held = held(tx, id).await?;
    match held.clock.state {
        ClockState::Paused => {}
        ClockState::Running => return wrong_state("This clock runs already."),
        ClockState::Stopped => return wrong_state("This clock was stopped."),
    }
    let (number, begun) = (held.last()?.number, held.last()?.begins_at.0);
    let at = at.not_before(tx, begun)?;
    end(tx, id, at).await?;
    begin(tx, id, number.saturating_add(1), at, None).await?;
    held.intervals = ClockInterval::fetch(tx, vec![id]).await?.remove(&id).unwrap_or_default();
    let reading = held.read(at)?;
    let resumed = stand(tx, id, ClockState::Running, &reading).await?;
    emit(tx, EventKind::ClockResumed, id.0);
    Ok(resumed)
}

/// Stops a clock for good.
pub async fn stop(tx: &Tx, id: ClockId, at: Moment) -> Result<Clock> {
    let held = held(tx, id).await?;
    if held.clock.state == ClockState::Stopped {
        return wrong_state("This clock was stopped already.");
    }
    let at = at.not_before(tx, held.last()?.begins_at.0)?;
    let reading = held.read(at)?;
    let account = TimeAccount::from(&reading.explanation).kept()?;
    end(tx, id, at).await?;
    let stopped: Clock = tx
        .row(
            diesel::update(clock::table.filter(clock::tenant_id.eq(tx.tenant()?)).filter(clock::id.eq(id)))
                .set((
                    clock::state.eq(ClockState::Stopped),
                    clock::stopped_at.eq(at),
                    clock::due_at.eq(reading.due),
                    clock::breached_at.eq(reading.breached),
                    clock::counted_seconds.eq(reading.counted),
                    clock::account.eq(account),
                ))
                .returning(Clock::as_returning()),
        )
        .await?;
    emit(tx, EventKind::ClockStopped, id.0);
    Ok(stopped)
}

/// When the clocks that run in a calendar are due, after it has changed. What was stopped stays as it was said.
pub(super) async fn due_anew(tx: &Tx, changed: BusinessCalendarId) -> Result<()> {
    let clocks: Vec<Clock> = tx
        .rows(
            clock::table
                .filter(clock::tenant_id.eq(tx.tenant()?))
                .filter(clock::calendar_id.eq(changed))
                .filter(clock::state.ne(ClockState::Stopped))
                .order(clock::id)
                .select(Clock::as_select())
                .for_update(),
        )
        .await?;
    if clocks.is_empty() {
        return Ok(());
    }
    let calendar = calendar::whole(tx, changed).await?;
    let calendar = calendar.ok_or_else(|| Error::fault("a calendar that changed is not there"))?;
    let intervals = ClockInterval::fetch(tx, clocks.iter().map(|clock| clock.id).collect()).await?;
    let now = whole(tx.now());
    let (mut ids, mut due, mut breached) = (Vec::new(), Vec::new(), Vec::new());
    for clock in &clocks {
        let runs: Vec<Run> = intervals.get(&clock.id).into_iter().flatten().map(ClockInterval::run).collect();
        let running = clock.state == ClockState::Running;
        let reading =
            arithmetic::read(&calendar, &runs, clock.target_seconds, now).map_err(super::refused_at("hours"))?;
        ids.push(clock.id);
        due.push(if running { reading.due } else { reading.breached });
        breached.push(reading.breached.filter(|_| !running));
    }
    tx.exec(
        sql("UPDATE core.clock c SET due_at = n.due_at, breached_at = n.breached_at
               FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS n (id, due_at, breached_at)
              WHERE c.tenant_id = $1 AND c.id = n.id
                AND (c.due_at, c.breached_at) IS DISTINCT FROM (n.due_at, n.breached_at)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Nullable<Timestamptz>>, _>(due)
        .bind::<Array<Nullable<Timestamptz>>, _>(breached),
    )
    .await?;
    Ok(())
}
