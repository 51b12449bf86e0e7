//! The runs of rules: each time that one fired, or should have, with what it saw and what came of it.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::act::RuleEffect;
use super::ids::{RuleId, RuleRunId};
use super::rule::Rule;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::json::Json;
use crate::platform::outbox::{EventId, EventKind};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::rule_run;

crate::platform::words! {
    /// How a run of a rule ended.
    RuleOutcome {
        /// All of its actions were done.
        Done = "done",
        /// None of its actions was done: something was not as they need it, or the condition could not be evaluated.
        Failed = "failed",
        /// Its publisher may not do any more what it does; the rule is blocked.
        Refused = "refused",
        /// Too many rules had led to it, one behind the other; none of its actions was done.
        Stopped = "stopped",
    }
}

/// A run of a rule. Kept for 90 days.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = rule_run)]
#[graphql(complex)]
pub struct RuleRun {
    /// Global id.
    pub id: RuleRunId,
    #[graphql(skip)]
    rule_id: RuleId,
    /// The number of the version that ran.
    #[diesel(column_name = number)]
    #[graphql(name = "versionNumber")]
    pub number: i32,
    #[graphql(skip)]
    event_id: Uuid,
    #[graphql(skip)]
    event_kind: String,
    #[graphql(skip)]
    record_id: Uuid,
    /// How many rules had led to the event, one behind the other: 0 if a person or a program did it.
    pub depth: i32,
    /// How it ended.
    pub outcome: RuleOutcome,
    #[graphql(skip)]
    reason: String,
    #[graphql(skip)]
    input: Option<serde_json::Value>,
    #[graphql(skip)]
    effects: serde_json::Value,
    /// How long it took, in microseconds.
    pub duration_micros: i64,
    /// When it ran.
    pub created_at: DateTime,
}

#[ComplexObject]
impl RuleRun {
    /// The rule.
    async fn rule(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Rule>> {
        Ok(ctx.load::<Rule>(self.rule_id).await?)
    }

    /// What happened.
    async fn event_kind(&self) -> Option<EventKind> {
        EventKind::parse(&self.event_kind)
    }

    /// The id of the event; null for those who may not read records of its kind.
    async fn event(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ID>> {
        Ok(self.for_readers(ctx, ID(EventId(self.event_id).to_string())).await?)
    }

    /// The id of the record that it happened to; null for those who may not read such records.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ID>> {
        let kind = EventKind::parse(&self.event_kind);
        let id = kind.map(|kind| ID(format!("{}_{}", kind.prefix(), self.record_id.simple())));
        Ok(self.for_readers(ctx, id).await?.flatten())
    }

    /// Why it ended so, in a sentence; null for those who may not read such records.
    async fn reason(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(self.for_readers(ctx, self.reason.clone()).await?)
    }

    /// What the condition saw: `record`, `before`, `event` and `today`, long texts cut; null if it was not evaluated, and for
    /// those who may not read such records.
    async fn input(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Json>> {
        Ok(self.for_readers(ctx, self.input.clone()).await?.flatten().map(Json::new))
    }

    /// What was done; empty for those who may not read such records.
    async fn effects(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RuleEffect>> {
        match self.for_readers(ctx, self.effects.clone()).await? {
            Some(effects) => Ok(serde_json::from_value(effects).map_err(Error::fault)?),
            None => Ok(Vec::new()),
        }
    }
}

impl RuleRun {
    /// Something of the run that only those may know who may read records of its event's kind.
    async fn for_readers<T>(&self, ctx: &Context<'_>, value: T) -> Result<Option<T>> {
        let tx = ctx.tx(Can::RuleRead).await?;
        let may = EventKind::parse(&self.event_kind).is_some_and(|kind| tx.permissions().contains(&kind.can()));
        Ok(may.then_some(value))
    }
}

impl Fetch for RuleRun {
    type Key = RuleRunId;
    type Value = Self;
    const CAN: Can = Can::RuleRead;

    async fn fetch(tx: &Tx, keys: Vec<RuleRunId>) -> Result<HashMap<RuleRunId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                rule_run::table
                    .filter(rule_run::tenant_id.eq(tx.tenant()?))
                    .filter(rule_run::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of runs.
    RuleRunConnection, RuleRunEdge, RuleRun
);

crate::platform::equality_filter!(
    /// Conditions on the rule.
    RuleIdFilter, RuleId
);

crate::platform::equality_filter!(
    /// Conditions on how a run ended.
    RuleOutcomeFilter, RuleOutcome
);

crate::platform::filter! {
    /// Narrows a list of runs.
    RuleRunFilter over rule_run {
        /// By rule.
        rule: RuleIdFilter => equality(rule_run::rule_id),
        /// By how they ended.
        outcome: RuleOutcomeFilter => equality(rule_run::outcome),
    }
}

/// Queries about runs.
#[derive(Default)]
pub struct RunQuery;

#[Object]
impl RunQuery {
    /// The runs of the client's rules, the latest first. Right: `work.rule.read`.
    async fn rule_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only runs that match.")] filter: Option<RuleRunFilter>,
    ) -> async_graphql::Result<RuleRunConnection> {
        let tx = ctx.tx(Can::RuleRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<RuleRunFilter>| -> Result<_> {
            let mut query = rule_run::table.filter(rule_run::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            page = page.filter(rule_run::id.lt(*id));
        }
        let rows = tx.rows(page.order(rule_run::id.desc()).limit(slice.limit()).select(RuleRun::as_select())).await?;
        Ok(RuleRunConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
