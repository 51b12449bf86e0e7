//! The loop that lets armed rules look at what happens.
//!
//! A turn is one transaction as the rule's publisher: it looks at the next events of its type of record up to the first at
//! which the rule fires, does what it says, writes the run, and moves the rule's lane on. If what it does is refused, all of
//! it is rolled back and the next turn writes that down instead.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Uuid as SqlUuid};
use tokio::sync::watch;
use uuid::Uuid;

use super::MOST_DEPTH;
use super::act::{self, RuleEffect};
use super::armed::Armed;
use super::ids::{RuleId, RuleRunId};
use super::look::{self, Seen, Step};
use super::rule::Rule;
use super::run::RuleOutcome;
use super::subject;
use super::version;
use crate::platform::db::{Pools, Tx};
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::outbox;
use crate::platform::sql::sql;
use crate::platform::turns::{self, Lane};
use crate::schema::{rule_run, rule_standing};

/// How often the database is looked at without being told to.
const LOOK: Duration = Duration::from_secs(1);
/// How long events are gathered once there is one, so that a busy client's are taken together.
const GATHER: Duration = Duration::from_millis(10);
/// Rules of one client that have a turn before others do.
const EACH: i32 = 20;
/// Events of one turn.
const EVENTS: i64 = 50;
/// How often a turn is tried in vain before what it was about is written down as failed.
const TRIES: i32 = 8;
/// How often old runs are swept, and how many at once.
const SWEEP: (Duration, i32) = (Duration::from_secs(3600), 1_000);
/// The most characters of a reason.
const REASON: usize = 500;

/// Lets rules look until the process stops.
pub async fn keep_rules(pools: Pools, mut stopping: watch::Receiver<bool>) {
    let mut rings = outbox::bell().listen_to_all();
    let mut swept = Instant::now();
    while !*stopping.borrow() {
        let due = match turns::due(&pools, EACH).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(?error, "rules wait: the database could not be asked");
                Vec::new()
            }
        };
        let mut moved = false;
        for lane in due {
            if *stopping.borrow() {
                break;
            }
            moved |= look_once(&pools, lane).await;
        }
        if swept.elapsed() > SWEEP.0 {
            swept = Instant::now();
            if let Err(error) = turns::sweep(&pools, SWEEP.1).await {
                tracing::warn!(?error, "old runs of rules could not be swept");
            }
        }
        if !moved {
            tokio::select! {
                _ = rings.changed() => tokio::time::sleep(GATHER).await,
                _ = stopping.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }
}

/// What is to be done instead of a turn's actions.
enum Instead {
    /// Nothing: they are done.
    Nothing,
    /// What the rule did at the next event failed so.
    Failed(String),
}

/// One turn of a rule. True if it came on.
async fn look_once(pools: &Pools, lane: Lane) -> bool {
    let mut instead = Instead::Nothing;
    // Once for the turn, and once more to write down that it failed.
    for _ in 0..2 {
        let run = RuleRunId::new();
        let reason = match turn(pools, lane, run, &instead).await {
            Ok(()) => return true,
            // Somebody else's turn.
            Err(Error::Retry) => return false,
            Err(Error::Forbidden(reason)) => return block(pools, lane, run, &reason).await,
            Err(Error::Refused(reasons)) => reasons.into_iter().map(|one| one.message).collect::<Vec<_>>().join(" "),
            Err(Error::BadInput(reason)) => reason,
            Err(error) => {
                tracing::warn!(?error, rule = %lane.rule_id, "a rule's turn failed");
                if lane.failures < TRIES {
                    if let Err(error) = turns::put_off(pools, lane).await {
                        tracing::warn!(?error, "a rule could not be put off");
                    }
                    return false;
                }
                "Something went wrong on our side, again and again.".to_owned()
            }
        };
        instead = Instead::Failed(reason);
    }
    false
}

async fn block(pools: &Pools, lane: Lane, run: RuleRunId, reason: &str) -> bool {
    match turns::block(pools, lane, run.0, reason).await {
        Ok(blocked) => {
            if blocked {
                tracing::info!(rule = %lane.rule_id, reason, "a rule was blocked");
            }
            blocked
        }
        Err(error) => {
            tracing::warn!(?error, "a rule could not be blocked");
            false
        }
    }
}

/// A rule in its turn.
struct Turn {
    tx: Tx,
    rule: Rule,
    armed: Armed,
    number: i32,
    run: RuleRunId,
    began: Instant,
}

async fn turn(pools: &Pools, lane: Lane, run: RuleRunId, instead: &Instead) -> Result<()> {
    let tx = turns::open(pools, lane, run.0).await?;
    let id = RuleId(lane.rule_id);
    let rule =
        Rule::fetch(&tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::fault("an armed rule is not there"))?;
    let said = version::of(&tx, id, lane.number).await?;
    let said = said.ok_or_else(|| Error::fault("an armed version is not there"))?;
    let began = Instant::now();
    let armed = match said.armed(&rule.record_type) {
        Ok(armed) => armed,
        Err(Error::Refused(_)) => {
            tx.finish(false).await?;
            return Err(Error::Forbidden("This version cannot be run any more; publish a new one.".to_owned()));
        }
        Err(other) => return Err(other),
    };
    // Looked at only with the right to read such records.
    for kind in &armed.kinds {
        if let Err(refused) = act::expect(&tx, kind.can()).await {
            tx.finish(false).await?;
            return Err(refused);
        }
    }
    let turn = Turn { tx, rule, armed, number: lane.number, run, began };
    match turn.look(lane.position, instead).await {
        Ok(position) => turns::finish(turn.tx, lane.rule_id, position).await,
        Err(error) => {
            turn.tx.finish(false).await?;
            Err(error)
        }
    }
}

impl Turn {
    /// Looks at what comes next; gives how far it has looked.
    async fn look(&self, from: i64, instead: &Instead) -> Result<i64> {
        let events = look::after(&self.tx, &self.rule.record_type, from, EVENTS).await?;
        let mut known = self.known(&events).await?;
        let mut changed: HashMap<Uuid, (bool, i64)> = HashMap::new();
        let mut position = from;
        for seen in &events {
            let stood = known.get(&seen.node).copied();
            let step = look::step(&self.armed, seen, stood, self.tx.time_zone());
            let acts = !matches!(step, Step::Stands(_));
            // What fires has a transaction to itself, which can be rolled back without what was looked at before.
            if acts && position > from {
                break;
            }
            let holds = match step {
                Step::Stands(holds) => Some(holds),
                Step::Fires => {
                    self.fire(seen, instead).await?;
                    Some(true)
                }
                Step::Unclear(reason) => {
                    self.note(seen, RuleOutcome::Failed, &reason, Vec::new()).await?;
                    None
                }
            };
            if let Some(holds) = holds.filter(|holds| stood != Some(*holds)) {
                known.insert(seen.node, holds);
                changed.insert(seen.node, (holds, seen.position));
            }
            position = seen.position;
            if acts {
                break;
            }
        }
        self.keep(changed).await?;
        Ok(position)
    }

    async fn fire(&self, seen: &Seen, instead: &Instead) -> Result<()> {
        if let Instead::Failed(reason) = instead {
            return self.note(seen, RuleOutcome::Failed, reason, Vec::new()).await;
        }
        if seen.depth >= MOST_DEPTH {
            let reason = format!("{MOST_DEPTH} rules had led to this, one behind the other; nothing more is done.");
            return self.note(seen, RuleOutcome::Stopped, &reason, Vec::new()).await;
        }
        turns::deepen(&self.tx, seen.depth.saturating_add(1)).await?;
        let names = subject::names(self.armed.subject(), seen, seen.after.as_ref(), self.tx.time_zone());
        let effects = act::perform(&self.tx, &self.rule.name, &self.armed.actions, seen, &names).await?;
        self.note(seen, RuleOutcome::Done, "The condition came to hold.", effects).await
    }

    /// Writes the run down.
    async fn note(&self, seen: &Seen, outcome: RuleOutcome, reason: &str, effects: Vec<RuleEffect>) -> Result<()> {
        let reason: String = reason.chars().take(REASON).collect();
        let micros = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.tx
            .exec(
                diesel::insert_into(rule_run::table)
                    .values((
                        rule_run::tenant_id.eq(self.tx.tenant()?),
                        rule_run::id.eq(self.run),
                        rule_run::rule_id.eq(self.rule.id),
                        rule_run::number.eq(self.number),
                        rule_run::event_id.eq(seen.id),
                        rule_run::event_kind.eq(seen.kind.text()),
                        rule_run::record_id.eq(seen.node),
                        rule_run::depth.eq(seen.depth),
                        rule_run::outcome.eq(outcome),
                        rule_run::reason.eq(reason),
                        rule_run::input.eq(look::input(self.armed.subject(), seen, self.tx.time_zone())),
                        rule_run::effects.eq(serde_json::to_value(&effects).map_err(Error::fault)?),
                        rule_run::duration_micros.eq(micros),
                    ))
                    // A rule that was armed again does not run twice at one event.
                    .on_conflict_do_nothing(),
            )
            .await?;
        metrics::counter!("backoffice_rule_runs_total", "outcome" => outcome.text()).increment(1);
        Ok(())
    }

    /// Whether the condition held for those records when it was last looked at since the rule was armed.
    async fn known(&self, events: &[Seen]) -> Result<HashMap<Uuid, bool>> {
        let records: Vec<Uuid> = events.iter().map(|seen| seen.node).collect();
        let rows: Vec<(Uuid, bool)> = self
            .tx
            .rows(
                rule_standing::table
                    .filter(rule_standing::tenant_id.eq(self.tx.tenant()?))
                    .filter(rule_standing::rule_id.eq(self.rule.id))
                    .filter(rule_standing::record_id.eq_any(records))
                    .filter(rule_standing::position.gt(self.rule.armed_from))
                    .select((rule_standing::record_id, rule_standing::holds)),
            )
            .await?;
        Ok(rows.into_iter().collect())
    }

    async fn keep(&self, changed: HashMap<Uuid, (bool, i64)>) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let (mut records, mut holds, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        for (record, (held, position)) in changed {
            records.push(record);
            holds.push(held);
            positions.push(position);
        }
        self.tx
            .exec(
                sql("INSERT INTO practice.rule_standing AS s (tenant_id, rule_id, record_id, holds, position)
                     SELECT $1, $2, n.record, n.holds, n.position FROM unnest($3::uuid[], $4::boolean[], $5::bigint[]) AS n (record, holds, position)
                     ON CONFLICT (tenant_id, rule_id, record_id) DO UPDATE SET holds = excluded.holds, position = excluded.position")
                .bind::<SqlUuid, _>(self.tx.tenant()?)
                .bind::<SqlUuid, _>(self.rule.id)
                .bind::<Array<SqlUuid>, _>(records)
                .bind::<Array<Bool>, _>(holds)
                .bind::<Array<BigInt>, _>(positions),
            )
            .await?;
        Ok(())
    }
}
