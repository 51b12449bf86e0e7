//! Looking at events: the records as they stood before and after, and whether a condition has come to hold.

use backoffice_conditions::Budget;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value as Json;
use uuid::Uuid;

use super::armed::Armed;
use super::subject::{self, Subject};
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::json;
use crate::platform::outbox::{EventId, EventKind};
use crate::platform::scalars::DateTime;
use crate::platform::sql::sql;

/// An event, and the record as it stood before and after what it tells of.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its place among the client's events.
    pub position: i64,
    /// Its id.
    pub id: EventId,
    /// What it tells of.
    pub kind: EventKind,
    /// The record.
    pub node: Uuid,
    /// What kind of actor did it.
    pub actor_kind: String,
    /// Who did it.
    pub actor_id: Option<Uuid>,
    /// When.
    pub occurred_at: DateTime,
    /// The version of the record.
    pub version: Option<i32>,
    /// How many rules led to it.
    pub depth: i32,
    /// The record before; nothing if it was made by this.
    pub before: Option<Json>,
    /// The record afterwards.
    pub after: Option<Json>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = SqlUuid)]
    id: EventId,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    node_id: Uuid,
    #[diesel(sql_type = Text)]
    actor_kind: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    actor_id: Option<Uuid>,
    #[diesel(sql_type = Timestamptz)]
    occurred_at: DateTime,
    #[diesel(sql_type = Nullable<Int4>)]
    version: Option<i32>,
    #[diesel(sql_type = Int4)]
    depth: i32,
    #[diesel(sql_type = Nullable<Text>)]
    before: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    after: Option<String>,
}

impl Seen {
    /// The record's outside id.
    #[must_use]
    pub fn record_id(&self) -> String {
        format!("{}_{}", self.kind.prefix(), self.node.simple())
    }
}

fn seen(rows: Vec<Row>) -> Result<Vec<Seen>> {
    let image =
        |text: Option<String>| text.map(|text| json::Json::image(&text).map(json::Json::into_value)).transpose();
    // Kinds that this version of the server does not know are none that it was asked for.
    let known = rows.into_iter().filter_map(|row| EventKind::parse(&row.kind).map(|kind| (kind, row)));
    known
        .map(|(kind, row)| {
            Ok(Seen {
                position: row.position,
                id: row.id,
                kind,
                node: row.node_id,
                actor_kind: row.actor_kind,
                actor_id: row.actor_id,
                occurred_at: row.occurred_at,
                version: row.version,
                depth: row.depth,
                before: image(row.before)?,
                after: image(row.after)?,
            })
        })
        .collect()
}

/// The events of that type of record behind a position, in their order.
pub async fn after(tx: &Tx, node_type: &str, position: i64, limit: i64) -> Result<Vec<Seen>> {
    let rows = tx
        .rows(
            sql("SELECT e.position, e.id, e.kind, e.node_id, e.actor_kind, e.actor_id, e.occurred_at, e.version, e.depth, later.after::text AS after,
                        CASE WHEN own.id IS NULL THEN later.after ELSE own.before END::text AS before
                   FROM core.event e
                   LEFT JOIN LATERAL (SELECT a.after FROM audit.entry a
                                       WHERE a.tenant_id = e.tenant_id AND a.record_id = e.node_id AND a.table_name = $2
                                         AND a.occurred_at <= e.occurred_at ORDER BY a.id DESC LIMIT 1) later ON true
                   LEFT JOIN LATERAL (SELECT a.id, a.before FROM audit.entry a
                                       WHERE a.tenant_id = e.tenant_id AND a.change_id = e.change_id AND a.record_id = e.node_id
                                         AND a.table_name = $2 ORDER BY a.id LIMIT 1) own ON true
                  WHERE e.tenant_id = $1 AND e.kind = ANY ($3) AND e.position > $4 ORDER BY e.position LIMIT $5")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Text, _>(subject::subject(node_type).map_or("", |subject| subject.table))
            .bind::<Array<Text>, _>(texts(node_type))
            .bind::<BigInt, _>(position)
            .bind::<BigInt, _>(limit),
        )
        .await?;
    seen(rows)
}

/// The last events of that type of record, in their order.
pub async fn last(tx: &Tx, node_type: &str, limit: i64) -> Result<Vec<Seen>> {
    let from: Option<First> = tx
        .maybe(
            sql("SELECT min(l.position) AS first FROM (SELECT e.position FROM core.event e WHERE e.tenant_id = $1 AND e.kind = ANY ($2)
                                                        ORDER BY e.position DESC LIMIT $3) l")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Text>, _>(texts(node_type))
                .bind::<BigInt, _>(limit),
        )
        .await?;
    match from.and_then(|from| from.first) {
        Some(first) => after(tx, node_type, first.saturating_sub(1), limit).await,
        None => Ok(Vec::new()),
    }
}

#[derive(QueryableByName)]
struct First {
    #[diesel(sql_type = Nullable<BigInt>)]
    first: Option<i64>,
}

fn texts(node_type: &str) -> Vec<&'static str> {
    subject::kinds_of(node_type).into_iter().map(EventKind::text).collect()
}

/// What comes of looking at an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The condition holds or does not, as is noted.
    Stands(bool),
    /// It has come to hold, and the event is one that the rule waits for.
    Fires,
    /// It cannot be said whether it holds.
    Unclear(String),
}

/// Looks at an event. `stood` is whether the condition held when it was last looked at; not known, it is asked of the record
/// as it was before.
#[must_use]
pub fn step(rule: &Armed, seen: &Seen, stood: Option<bool>, zone: chrono_tz::Tz) -> Step {
    let about = rule.subject();
    let holds = |record: Option<&Json>| {
        let names = subject::names(about, seen, record, zone);
        rule.condition.holds(&names, &mut Budget::default())
    };
    // What says nothing of the record can have held for none before it happened.
    let of_record = rule.condition.uses("record") || rule.condition.uses("before");
    let stood =
        stood.unwrap_or_else(|| of_record && seen.before.is_some() && holds(seen.before.as_ref()).unwrap_or(false));
    match (rule.kinds.contains(&seen.kind), holds(seen.after.as_ref())) {
        (true, Ok(true)) if !stood => Step::Fires,
        (true, Ok(holds)) => Step::Stands(holds),
        (true, Err(failure)) => Step::Unclear(failure.message),
        // Of what happens besides, a rule takes only that its condition does not hold any more: else it would never come to
        // hold again at the events that it waits for, or would have come to hold at one that it does not.
        (false, Ok(false)) => Step::Stands(false),
        (false, _) if !of_record => Step::Stands(false),
        (false, _) => Step::Stands(stood),
    }
}

/// What an event and its record looked like to a rule, for the record of its run: long texts cut.
#[must_use]
pub fn input(about: Option<&Subject>, seen: &Seen, zone: chrono_tz::Tz) -> Json {
    let names = subject::names(about, seen, seen.after.as_ref(), zone);
    let mut shown = Json::Object(names.into_iter().map(|(name, value)| (name, value.json())).collect());
    shorten(&mut shown);
    shown
}

fn shorten(value: &mut Json) {
    match value {
        Json::String(text) if text.chars().nth(200).is_some() => {
            *text = text.chars().take(199).chain(['…']).collect();
        }
        Json::Array(values) => values.iter_mut().for_each(shorten),
        Json::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: EventKind, before: Option<&str>, after: &str) -> Seen {
        let image = |state: &str| json!({ "state": state, "title": "x".repeat(300) });
        Seen {
            position: 1,
            id: EventId::new(),
            kind,
            node: Uuid::nil(),
            actor_kind: "user".to_owned(),
            actor_id: None,
            occurred_at: DateTime(chrono::Utc::now()),
            version: None,
            depth: 0,
            before: before.map(image),
            after: Some(image(after)),
        }
    }

    /// How often a rule fires over a history: from, event, to.
    fn fired(kinds: &[EventKind], condition: &str, history: &[(EventKind, Option<&str>, &str)]) -> Vec<usize> {
        let rule = Armed::parse("WorkItem", kinds.to_vec(), condition, Vec::new()).unwrap();
        let (mut stood, mut fired) = (None, Vec::new());
        for (at, (kind, before, after)) in history.iter().enumerate() {
            match step(&rule, &event(*kind, *before, after), stood, chrono_tz::UTC) {
                Step::Fires => {
                    fired.push(at);
                    stood = Some(true);
                }
                Step::Stands(holds) => stood = Some(holds),
                Step::Unclear(_) => {}
            }
        }
        fired
    }

    #[test]
    fn done_fires_done_again_does_not_open_then_done_does() {
        use EventKind::{WorkItemCommented, WorkItemCompleted, WorkItemReopened, WorkItemUpdated};
        let history = [
            (WorkItemCompleted, Some("open"), "done"),
            (WorkItemCommented, Some("done"), "done"),
            (WorkItemCompleted, Some("done"), "done"),
            (WorkItemReopened, Some("done"), "open"),
            (WorkItemCompleted, Some("open"), "done"),
        ];
        assert_eq!(fired(&[WorkItemCompleted], "record.state == 'DONE'", &history), [0, 4]);
        assert_eq!(fired(&[WorkItemCompleted, WorkItemReopened], "record.state == 'DONE'", &history), [0, 4]);
        // held before anybody looked
        assert_eq!(
            fired(&[WorkItemUpdated], "record.state == 'DONE'", &[(WorkItemUpdated, Some("done"), "done")]),
            Vec::<usize>::new()
        );
        // made so
        assert_eq!(fired(&[WorkItemUpdated], "record.state == 'DONE'", &[(WorkItemUpdated, None, "done")]), [0]);
        // it waits for a comment, and the condition came to hold in between
        assert_eq!(fired(&[WorkItemCommented], "record.state == 'DONE'", &history), [1]);
        // of what happens only: each time, but not again and again
        assert_eq!(fired(&[WorkItemCompleted], "true", &history), [0, 2, 4]);
        assert_eq!(fired(&[WorkItemCompleted, WorkItemCommented], "true", &history), [0, 4]);
        assert_eq!(fired(&[WorkItemCompleted], "before.state == 'OPEN' && record.state == 'DONE'", &history), [0, 4]);
    }

    #[test]
    fn what_cannot_be_said_is_said_so() {
        let rule =
            Armed::parse("WorkItem", vec![EventKind::WorkItemUpdated], "record.dueOn < today", Vec::new()).unwrap();
        let told = step(&rule, &event(EventKind::WorkItemUpdated, None, "open"), None, chrono_tz::UTC);
        assert_eq!(told, Step::Unclear("`<` does not go between null and a day.".to_owned()));
    }

    #[test]
    fn what_is_kept_of_long_texts_is_short() {
        let kept =
            input(subject::subject("WorkItem"), &event(EventKind::WorkItemUpdated, None, "open"), chrono_tz::UTC);
        assert_eq!(kept["record"]["title"].as_str().unwrap().chars().count(), 200);
        assert_eq!(kept["record"]["state"], "OPEN");
    }
}
