//! What a version of a rule would have done over what has happened: everything is looked at, nothing is done.

use std::collections::HashMap;

use async_graphql::{Context, ID, Object, SimpleObject};
use uuid::Uuid;

use super::act;
use super::ids::RuleId;
use super::look::{self, Step};
use super::rule::Rule;
use super::subject;
use super::version;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::outbox::EventKind;
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;

/// The most events that a dry run looks at.
const MOST: i32 = 1_000;

/// What a version of a rule would have done at an event.
#[derive(SimpleObject, Clone, Debug)]
pub struct RuleRehearsedStep {
    /// The id of the event.
    pub event: ID,
    /// What happened.
    pub event_kind: EventKind,
    /// The id of the record.
    pub record: ID,
    /// When it happened.
    pub occurred_at: DateTime,
    /// What it would have done, a sentence an action; empty if something would have failed.
    pub would: Vec<String>,
    /// Why it would have failed, in a sentence; null if it would not.
    pub failure: Option<String>,
}

/// What a version of a rule would have done over the last events of its type of record. Nothing was done.
#[derive(SimpleObject, Clone, Debug)]
pub struct RuleRehearsal {
    /// The number of the version.
    pub version_number: i32,
    /// How many events were looked at.
    pub looked_at: i32,
    /// Where it would have fired or failed, the earliest first.
    pub steps: Vec<RuleRehearsedStep>,
}

async fn rehearse(tx: &Tx, id: RuleId, number: Option<i32>, last: i32) -> Result<Option<RuleRehearsal>> {
    let Some(rule) = Rule::fetch(tx, vec![id]).await?.remove(&id) else { return Ok(None) };
    let number = number.unwrap_or(rule.latest_version);
    let Some(said) = version::of(tx, id, number).await? else { return Ok(None) };
    let armed = said.armed(&rule.record_type)?;
    // Whoever looks sees no more than he may read himself.
    for kind in &armed.kinds {
        if !tx.permissions().contains(&kind.can()) {
            return Err(Error::Forbidden(format!("You need the right `{}` for this.", kind.can().name())));
        }
    }
    let (mut stood, mut steps): (HashMap<Uuid, bool>, Vec<RuleRehearsedStep>) = (HashMap::new(), Vec::new());
    let events = look::last(tx, &rule.record_type, i64::from(last)).await?;
    let looked_at = i32::try_from(events.len()).unwrap_or(i32::MAX);
    for seen in events {
        let (would, failure) = match look::step(&armed, &seen, stood.get(&seen.node).copied(), tx.time_zone()) {
            Step::Stands(holds) => {
                stood.insert(seen.node, holds);
                continue;
            }
            Step::Unclear(reason) => (Vec::new(), Some(reason)),
            Step::Fires => {
                stood.insert(seen.node, true);
                let names = subject::names(armed.subject(), &seen, seen.after.as_ref(), tx.time_zone());
                match armed.actions.iter().map(|action| act::told(action, &names)).collect::<Result<Vec<_>>>() {
                    Ok(would) => (would, None),
                    Err(Error::Refused(reasons)) => {
                        let sentences: Vec<String> = reasons.into_iter().map(|reason| reason.message).collect();
                        (Vec::new(), Some(sentences.join(" ")))
                    }
                    Err(other) => return Err(other),
                }
            }
        };
        steps.push(RuleRehearsedStep {
            event: ID(seen.id.to_string()),
            event_kind: seen.kind,
            record: ID(seen.record_id()),
            occurred_at: seen.occurred_at,
            would,
            failure,
        });
    }
    Ok(Some(RuleRehearsal { version_number: number, looked_at, steps }))
}

/// Queries about what rules would do.
#[derive(Default)]
pub struct RehearsalQuery;

#[Object]
impl RehearsalQuery {
    /// What a version of a rule, armed or not, would have done over the last events of its type of record; nothing is done by
    /// asking. Null if there is no such rule or version. Rights: `work.rule.read`, and that to read such records.
    async fn rule_dry_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] rule: RuleId,
        #[graphql(desc = "The number of the version; the newest if not said.")] number: Option<i32>,
        #[graphql(desc = "Over how many events, 1 to 1,000; 100 if not said.")] last: Option<i32>,
    ) -> async_graphql::Result<Option<RuleRehearsal>> {
        let tx = ctx.tx(Can::RuleRead).await?;
        let last = last.unwrap_or(100);
        if !(1..=MOST).contains(&last) {
            return Err(Error::BadInput(format!("`last` has to be between 1 and {MOST}.")).into());
        }
        Ok(rehearse(tx, rule, number, last).await?)
    }
}
