//! What a version of a rule is to say is read, held against what its publisher may do, and written down.

use diesel::prelude::*;
use diesel::sql_types::{Array, Int4, Jsonb, Text, Uuid as SqlUuid};

use super::action::RuleAction;
use super::armed::{Armed, Ready};
use super::ids::RuleId;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::EventKind;
use crate::platform::sql::sql;
use crate::platform::withheld;
use crate::webhooks::schema::webhook_endpoint;
use crate::work::item::assign;

/// What a version is to say, checked against what its publisher may do.
pub(super) struct Said {
    /// The type of the records whose events it looks at.
    pub node_type: &'static str,
    kinds: Vec<&'static str>,
    condition: String,
    actions: serde_json::Value,
}

/// Reads what a version is to say. Whoever publishes it has to hold every right that it needs.
pub(super) async fn checked(
    tx: &Tx,
    events: &[EventKind],
    condition: String,
    actions: Vec<RuleAction>,
) -> Result<Said> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    let Some(first) = events.first().filter(|_| events.len() <= 20) else {
        return refuse("events", "Name 1 to 20 kinds of events.");
    };
    let node_type = first.node_type();
    if let Some(at) = events.iter().position(|kind| kind.node_type() != node_type) {
        return refuse(&format!("events.{at}"), "All events have to be of records of one type.");
    }
    if actions.is_empty() {
        return refuse("actions", "Say what it does.");
    }
    let stored = serde_json::to_value(&actions).map_err(Error::fault)?;
    let read = Armed::parse(node_type, events.to_vec(), &condition, actions)?;
    if let Some(missing) = read.rights().into_iter().find(|can| !tx.permissions().contains(can)) {
        let message = format!("You need the right `{}` for this.", missing.name());
        return Err(withheld::refusal(tx, missing, message).await);
    }
    for (at, action) in read.actions.iter().enumerate() {
        reachable(tx, action, &format!("actions.{at}")).await?;
    }
    let mut kinds: Vec<&str> = events.iter().map(|kind| kind.text()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(Said { node_type, kinds, condition, actions: stored })
}

/// Refuses an action that names what the client does not have.
async fn reachable(tx: &Tx, action: &Ready, at: &str) -> Result<()> {
    match action {
        Ready::Open(opening) => {
            let visible = opening.said.visible_to_client.unwrap_or_default();
            if let Some(person) = opening.assignee {
                assign::check_person(tx, person, visible, &format!("{at}.openWorkItem.assignee")).await?;
            }
            if let Some(team) = opening.team {
                assign::check_team(tx, team, &format!("{at}.openWorkItem.team")).await?;
            }
        }
        Ready::Notify(people) => {
            for (place, person) in people.iter().enumerate() {
                assign::check_person(tx, *person, false, &format!("{at}.notify.people.{place}")).await?;
            }
        }
        Ready::Call(endpoint) => {
            let known: Option<String> = tx
                .maybe(
                    webhook_endpoint::table
                        .filter(webhook_endpoint::tenant_id.eq(tx.tenant()?))
                        .filter(webhook_endpoint::id.eq(*endpoint))
                        .filter(webhook_endpoint::state.ne("deleted"))
                        .select(webhook_endpoint::state),
                )
                .await?;
            if known.is_none() {
                return Err(Error::not_found(&format!("{at}.callWebhook.endpoint"), "webhook endpoint"));
            }
        }
        Ready::Set { .. } | Ready::Ask { .. } => {}
    }
    Ok(())
}

/// Writes a version down, for whoever acts.
pub(super) async fn publish(tx: &Tx, rule: RuleId, number: i32, said: Said) -> Result<()> {
    let scopes: Vec<&str> = tx.permissions().iter().map(|can| can.name()).collect();
    tx.exec(
        sql("INSERT INTO practice.rule_version (tenant_id, id, rule_id, number, kinds, condition, actions, publisher_id, publisher_name, publisher_kind, scopes)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, k.kind, CASE WHEN k.kind = 'service' THEN $10 END
               FROM (SELECT current_setting('app.actor_kind') AS kind) k")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(new_uuid())
        .bind::<SqlUuid, _>(rule)
        .bind::<Int4, _>(number)
        .bind::<Array<Text>, _>(said.kinds)
        .bind::<Text, _>(said.condition)
        .bind::<Jsonb, _>(said.actions)
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Text, _>(tx.actor_name().to_owned())
        .bind::<Array<Text>, _>(scopes),
    )
    .await?;
    Ok(())
}
