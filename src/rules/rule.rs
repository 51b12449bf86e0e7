//! A rule: made and published by those who may, armed by an act of its own.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Int4, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::action::RuleAction;
use super::ids::RuleId;
use super::publish::{checked, publish};
use super::subject;
use super::version::{self, RuleVersion};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::TextFilter;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::rule;

/// The most rules of a client.
const MOST: i64 = 200;

/// Where a rule stands.
#[derive(async_graphql::Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleState {
    /// It does nothing.
    Disarmed,
    /// One of its versions looks at what happens.
    Armed,
    /// Its armed version does nothing any more, because whoever published it may not do any more what it does. Armed again,
    /// it goes on from then.
    Blocked,
}

/// When something happens, if a condition holds, then something is done.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = rule)]
#[graphql(complex)]
pub struct Rule {
    /// Global id.
    pub id: RuleId,
    /// Name, unique in the client.
    pub name: String,
    /// The type of the records whose events it looks at, e.g. `WorkItem`.
    pub record_type: String,
    /// The number of its newest version.
    #[diesel(column_name = latest)]
    pub latest_version: i32,
    /// The number of the version that is armed or blocked; null if none is.
    #[diesel(column_name = armed)]
    pub armed_version: Option<i32>,
    #[graphql(skip)]
    pub(super) armed_from: i64,
    /// When that was armed; null if none is.
    pub armed_at: Option<DateTime>,
    /// Why the armed version is blocked, in a sentence; null if it is not.
    pub blocked_for: Option<String>,
    /// When the rule was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl Rule {
    /// Where it stands.
    async fn state(&self) -> RuleState {
        match (self.armed_version, &self.blocked_for) {
            (None, _) => RuleState::Disarmed,
            (Some(_), None) => RuleState::Armed,
            (Some(_), Some(_)) => RuleState::Blocked,
        }
    }

    /// Its versions, the newest first.
    async fn versions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RuleVersion>> {
        Ok(ctx.load::<RuleVersion>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for Rule {
    type Key = RuleId;
    type Value = Self;
    const CAN: Can = Can::RuleRead;

    async fn fetch(tx: &Tx, keys: Vec<RuleId>) -> Result<HashMap<RuleId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                rule::table
                    .filter(rule::tenant_id.eq(tx.tenant()?))
                    .filter(rule::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of rules.
    RuleConnection, RuleEdge, Rule
);

crate::platform::filter! {
    /// Narrows a list of rules.
    RuleFilter over rule {
        /// By name.
        name: TextFilter => text(rule::name),
        /// By the type of the records whose events they look at.
        record_type: TextFilter => text(rule::record_type),
    }
}

/// A new rule of the client that the token is for.
#[derive(InputObject, Clone, Debug)]
pub struct RuleCreateInput {
    /// Name, 1 to 100 characters, unique in the client.
    pub name: String,
    /// The events that it waits for, 1 to 20, all of records of one type. Right: that to read such records.
    pub events: Vec<EventKind>,
    /// When it fires: an expression in CEL, at most 4,000 characters, over `record` and `before` (the record after and before
    /// what happened), `event` and `today`. It fires when that comes to hold for a record, not while it holds.
    pub condition: String,
    /// What it does, 1 to 5 actions, in order, all of them or none. Rights: those of each.
    pub actions: Vec<RuleAction>,
}

/// A new version of a rule. It acts with the rights of whoever publishes it, and is not armed by that.
#[derive(InputObject, Clone, Debug)]
pub struct RuleVersionPublishInput {
    /// The rule.
    pub rule: RuleId,
    /// The version of the record that was read; refused with `CONFLICT` if the rule was changed since.
    pub expected_version: Option<i32>,
    /// The events that it waits for, 1 to 20, of the same type of record as before.
    pub events: Vec<EventKind>,
    /// When it fires.
    pub condition: String,
    /// What it does, 1 to 5 actions, in order.
    pub actions: Vec<RuleAction>,
}

/// Arms a version of a rule.
#[derive(InputObject, Clone, Debug)]
pub struct RuleArmInput {
    /// The rule.
    pub rule: RuleId,
    /// The number of the version; the newest if not said.
    pub number: Option<i32>,
    /// The version of the record that was read; refused with `CONFLICT` if the rule was changed since.
    pub expected_version: Option<i32>,
}

/// Disarms a rule.
#[derive(InputObject, Clone, Debug)]
pub struct RuleDisarmInput {
    /// The rule.
    pub rule: RuleId,
    /// The version of the record that was read; refused with `CONFLICT` if the rule was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a rule.
    RulePayload {
        /// The rule as it is now.
        rule: Rule
    }
}

async fn create(tx: &Tx, input: RuleCreateInput) -> Result<Rule> {
    if input.name.trim().is_empty() || input.name.chars().count() > 100 {
        return Err(Error::refuse(UserErrorCode::Invalid, "name", "A name has 1 to 100 characters."));
    }
    let said = checked(tx, &input.events, input.condition, input.actions).await?;
    let count: i64 = tx.row(rule::table.filter(rule::tenant_id.eq(tx.tenant()?)).count()).await?;
    if count >= MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A client has at most {MOST} rules.")));
    }
    let known: i64 = tx
        .row(rule::table.filter(rule::tenant_id.eq(tx.tenant()?)).filter(rule::name.eq(input.name.clone())).count())
        .await?;
    if known > 0 {
        return Err(Error::refuse(UserErrorCode::Duplicate, "name", "There is a rule of this name already."));
    }
    let made: Rule = tx
        .row(
            diesel::insert_into(rule::table)
                .values((
                    rule::tenant_id.eq(tx.tenant()?),
                    rule::id.eq(RuleId::new()),
                    rule::name.eq(input.name),
                    rule::record_type.eq(said.node_type),
                ))
                .returning(Rule::as_returning()),
        )
        .await?;
    publish(tx, made.id, 1, said).await?;
    emit(tx, EventKind::RuleCreated, made.id.0);
    Ok(made)
}

async fn locked(tx: &Tx, id: RuleId, expected_version: Option<i32>) -> Result<Rule> {
    let found: Option<Rule> = tx
        .maybe(
            rule::table
                .filter(rule::tenant_id.eq(tx.tenant()?))
                .filter(rule::id.eq(id))
                .select(Rule::as_select())
                .for_no_key_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("rule", "rule"))?;
    if expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The rule was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    Ok(found)
}

async fn publish_version(tx: &Tx, input: RuleVersionPublishInput) -> Result<Rule> {
    let found = locked(tx, input.rule, input.expected_version).await?;
    let said = checked(tx, &input.events, input.condition, input.actions).await?;
    if said.node_type != found.record_type {
        let message = format!("This rule looks at events of {} records; make another for others.", found.record_type);
        return Err(Error::refuse(UserErrorCode::Invalid, "events.0", message));
    }
    let number = found.latest_version.saturating_add(1);
    let now: Rule = tx
        .row(
            diesel::update(rule::table)
                .filter(rule::tenant_id.eq(tx.tenant()?))
                .filter(rule::id.eq(found.id))
                .set(rule::latest.eq(number))
                .returning(Rule::as_returning()),
        )
        .await?;
    publish(tx, found.id, number, said).await?;
    emit(tx, EventKind::RulePublished, found.id.0);
    Ok(now)
}

#[derive(QueryableByName)]
struct Place {
    #[diesel(sql_type = BigInt)]
    position: i64,
}

/// Puts the rule's lane where the events stand now, or takes it out of use.
async fn lane(tx: &Tx, rule: &Rule, number: Option<i32>) -> Result<i64> {
    let kinds: Vec<&str> = subject::kinds_of(&rule.record_type).into_iter().map(EventKind::text).collect();
    let place: Place = tx
        .row(
            sql("SELECT core.rule_lane_set($1, $2, $3) AS position")
                .bind::<SqlUuid, _>(rule.id)
                .bind::<Nullable<Int4>, _>(number)
                .bind::<Array<Text>, _>(kinds),
        )
        .await?;
    Ok(place.position)
}

#[derive(AsChangeset)]
#[diesel(table_name = rule)]
#[diesel(treat_none_as_null = true)]
struct Arming {
    armed: Option<i32>,
    armed_from: i64,
    armed_by: Option<Uuid>,
    armed_at: Option<DateTime>,
    blocked_for: Option<String>,
}

async fn change(tx: &Tx, id: RuleId, arming: Arming) -> Result<Rule> {
    tx.row(
        diesel::update(rule::table)
            .filter(rule::tenant_id.eq(tx.tenant()?))
            .filter(rule::id.eq(id))
            .set(arming)
            .returning(Rule::as_returning()),
    )
    .await
}

async fn arm(tx: &Tx, input: RuleArmInput) -> Result<Rule> {
    let found = locked(tx, input.rule, input.expected_version).await?;
    let number = input.number.unwrap_or(found.latest_version);
    let version = version::of(tx, found.id, number).await?;
    let version = version.ok_or_else(|| Error::not_found("number", "version of this rule"))?;
    if found.armed_version == Some(number) && found.blocked_for.is_none() {
        return Err(Error::refuse(UserErrorCode::State, "rule", "This version is armed already."));
    }
    // What cannot be run is not armed; whether its publisher may still do it is asked when it runs.
    version.armed(&found.record_type)?;
    let armed_from = lane(tx, &found, Some(number)).await?;
    let arming = Arming {
        armed: Some(number),
        armed_from,
        armed_by: Some(tx.actor()),
        armed_at: Some(DateTime(tx.now())),
        blocked_for: None,
    };
    let now = change(tx, found.id, arming).await?;
    emit(tx, EventKind::RuleArmed, found.id.0);
    Ok(now)
}

async fn disarm(tx: &Tx, input: RuleDisarmInput) -> Result<Rule> {
    let found = locked(tx, input.rule, input.expected_version).await?;
    if found.armed_version.is_none() {
        return Err(Error::refuse(UserErrorCode::State, "rule", "This rule is not armed."));
    }
    let armed_from = lane(tx, &found, None).await?;
    let arming = Arming { armed: None, armed_from, armed_by: None, armed_at: None, blocked_for: None };
    let now = change(tx, found.id, arming).await?;
    emit(tx, EventKind::RuleDisarmed, found.id.0);
    Ok(now)
}

/// Queries about rules.
#[derive(Default)]
pub struct RuleQuery;

#[Object]
impl RuleQuery {
    /// One rule; null if the id is unknown. Right: `work.rule.read`.
    async fn rule(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule's id.")] id: RuleId,
    ) -> async_graphql::Result<Option<Rule>> {
        Ok(ctx.load::<Rule>(id).await?)
    }

    /// The client's rules, the newest first. Right: `work.rule.read`.
    async fn rules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only rules that match.")] filter: Option<RuleFilter>,
    ) -> async_graphql::Result<RuleConnection> {
        let tx = ctx.tx(Can::RuleRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<RuleFilter>| -> Result<_> {
            let mut query = rule::table.filter(rule::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            page = page.filter(rule::id.lt(*id));
        }
        let rows = tx.rows(page.order(rule::id.desc()).limit(slice.limit()).select(Rule::as_select())).await?;
        Ok(RuleConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// What can be done with rules.
#[derive(Default)]
pub struct RuleMutation;

#[Object]
impl RuleMutation {
    /// Makes a rule. Its first version is published and not armed. Rights: `work.rule.manage`, and all that the rule needs to
    /// read its records and to do what it does.
    async fn rule_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new rule.")] input: RuleCreateInput,
    ) -> async_graphql::Result<Option<RulePayload>> {
        let tx = ctx.tx(Can::RuleManage).await?;
        RulePayload::settle(ctx, create(tx, input).await)
    }

    /// Publishes a new version of a rule, which is not armed by that; the one that is goes on. Rights: `work.rule.manage`, and
    /// all that the version needs to read its records and to do what it does.
    async fn rule_version_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What the rule says from now on.")] input: RuleVersionPublishInput,
    ) -> async_graphql::Result<Option<RulePayload>> {
        let tx = ctx.tx(Can::RuleManage).await?;
        RulePayload::settle(ctx, publish_version(tx, input).await)
    }

    /// Arms a version of a rule instead of any other: it looks at what happens from now on, with its publisher's rights of
    /// each moment. Right: `work.rule.arm`.
    async fn rule_arm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule, and which of its versions.")] input: RuleArmInput,
    ) -> async_graphql::Result<Option<RulePayload>> {
        let tx = ctx.tx(Can::RuleArm).await?;
        RulePayload::settle(ctx, arm(tx, input).await)
    }

    /// Disarms a rule. Right: `work.rule.arm`.
    async fn rule_disarm(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rule.")] input: RuleDisarmInput,
    ) -> async_graphql::Result<Option<RulePayload>> {
        let tx = ctx.tx(Can::RuleArm).await?;
        RulePayload::settle(ctx, disarm(tx, input).await)
    }
}
