//! What a rule says in one of its versions. A version never changes.

use std::collections::HashMap;

use async_graphql::{ComplexObject, ID, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::action::RuleAction;
use super::armed::Armed;
use super::ids::RuleId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{ServiceAccountId, UserId};
use crate::platform::outbox::EventKind;
use crate::platform::scalars::DateTime;
use crate::schema::rule_version;

/// A version of a rule. It never changes; a change is a new version.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = rule_version)]
#[graphql(complex)]
pub struct RuleVersion {
    #[graphql(skip)]
    pub(super) rule_id: RuleId,
    /// Its number, from 1.
    pub number: i32,
    #[graphql(skip)]
    kinds: Vec<String>,
    /// When it fires: an expression in CEL over `record`, `before`, `event` and `today`. It fires when that comes to hold for
    /// a record.
    pub condition: String,
    #[graphql(skip)]
    actions: serde_json::Value,
    #[graphql(skip)]
    publisher_id: Uuid,
    #[graphql(skip)]
    publisher_kind: String,
    /// The name of whoever published it, with whose rights it acts.
    pub publisher_name: String,
    /// When it was published.
    #[graphql(name = "publishedAt")]
    pub created_at: DateTime,
}

#[ComplexObject]
impl RuleVersion {
    /// The events that it waits for.
    async fn events(&self) -> Vec<EventKind> {
        self.kinds()
    }

    /// What it does, in order.
    async fn actions(&self) -> async_graphql::Result<Vec<RuleAction>> {
        Ok(self.said()?)
    }

    /// Global id of whoever published it: a person or a service account.
    async fn publisher(&self) -> ID {
        ID(match self.publisher_kind.as_str() {
            "service" => ServiceAccountId(self.publisher_id).to_string(),
            _ => UserId(self.publisher_id).to_string(),
        })
    }
}

impl RuleVersion {
    fn kinds(&self) -> Vec<EventKind> {
        self.kinds.iter().filter_map(|kind| EventKind::parse(kind)).collect()
    }

    fn said(&self) -> Result<Vec<RuleAction>> {
        serde_json::from_value(self.actions.clone()).map_err(Error::fault)
    }

    /// Read, to be run. Refused if this version of the server cannot run it any more.
    pub fn armed(&self, node_type: &str) -> Result<Armed> {
        Armed::parse(node_type, self.kinds(), &self.condition, self.said()?)
    }
}

/// That version of a rule.
pub async fn of(tx: &Tx, rule: RuleId, number: i32) -> Result<Option<RuleVersion>> {
    tx.maybe(
        rule_version::table
            .filter(rule_version::tenant_id.eq(tx.tenant()?))
            .filter(rule_version::rule_id.eq(rule))
            .filter(rule_version::number.eq(number))
            .select(RuleVersion::as_select()),
    )
    .await
}

impl Fetch for RuleVersion {
    type Key = RuleId;
    type Value = Vec<Self>;
    const CAN: Can = Can::RuleRead;

    async fn fetch(tx: &Tx, keys: Vec<RuleId>) -> Result<HashMap<RuleId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                rule_version::table
                    .filter(rule_version::tenant_id.eq(tx.tenant()?))
                    .filter(rule_version::rule_id.eq_any(keys))
                    .order((rule_version::rule_id, rule_version::number.desc()))
                    .select(Self::as_select()),
            )
            .await?;
        let mut by_rule: HashMap<RuleId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_rule.entry(row.rule_id).or_default().push(row);
        }
        Ok(by_rule)
    }
}
