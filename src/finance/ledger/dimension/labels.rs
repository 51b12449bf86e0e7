//! What stands on a line beside its account: at most one value of each dimension.

use std::collections::{BTreeMap, HashMap};

use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use super::value::DimensionValue;
use crate::finance::ids::{AccountId, DimensionId, DimensionValueId};
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};
use crate::platform::sql::sql;

/// The labels of a line: a value by dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(BTreeMap<DimensionId, DimensionValueId>);

impl Labels {
    /// No label.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The values, in the order in which their dimensions were made.
    pub fn values(&self) -> impl Iterator<Item = DimensionValueId> + '_ {
        self.0.values().copied()
    }

    /// The value of that dimension.
    #[must_use]
    pub fn of(&self, dimension: DimensionId) -> Option<DimensionValueId> {
        self.0.get(&dimension).copied()
    }

    /// The same with another value of that dimension.
    #[must_use]
    pub fn with(&self, dimension: DimensionId, value: DimensionValueId) -> Self {
        let mut labels = self.clone();
        labels.0.insert(dimension, value);
        labels
    }

    /// The dimensions.
    pub fn dimensions(&self) -> impl Iterator<Item = DimensionId> + '_ {
        self.0.keys().copied()
    }

    /// As the database keeps them: id of a dimension, id of its value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let pairs = self.0.iter().map(|(dimension, value)| (dimension.0.to_string(), Value::from(value.0.to_string())));
        Value::Object(pairs.collect())
    }

    /// From what the database keeps.
    pub fn from_json(kept: &Value) -> Result<Self> {
        let read = |text: &str| Uuid::parse_str(text).map_err(|_| Error::fault("a label without id"));
        let Value::Object(pairs) = kept else { return Err(Error::fault("labels that are no object")) };
        let labels = pairs.iter().map(|(dimension, value)| {
            Ok((DimensionId(read(dimension)?), DimensionValueId(read(value.as_str().unwrap_or_default())?)))
        });
        Ok(Self(labels.collect::<Result<_>>()?))
    }
}

/// Why a value cannot stand on a line of that day, if it cannot.
fn refused(value: Option<&DimensionValue>, day: NaiveDate, labels: &Labels) -> Option<(UserErrorCode, String)> {
    let Some(value) = value else {
        return Some((UserErrorCode::NotFound, "There is no such dimension value.".to_owned()));
    };
    let code = &value.code;
    if labels.of(value.dimension_id).is_some() {
        return Some((
            UserErrorCode::Duplicate,
            format!("A line has one value of a dimension; {code} is a second one."),
        ));
    }
    if !value.active {
        return Some((UserErrorCode::Invalid, format!("{code} is not in use any more.")));
    }
    let early = value.valid_from.is_some_and(|from| day < from.0);
    if early || value.valid_to.is_some_and(|to| day > to.0) {
        return Some((UserErrorCode::Invalid, format!("{code} does not hold on {day}.")));
    }
    None
}

/// The labels of lines as a caller names them, each list by the field that it stands in. One statement, or none if nobody
/// names any; refused is everything that is wrong with them.
pub async fn resolve(tx: &Tx, wanted: &[(String, Vec<DimensionValueId>)], day: NaiveDate) -> Result<Vec<Labels>> {
    let ids: Vec<DimensionValueId> = wanted.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
    let known = if ids.is_empty() { HashMap::new() } else { DimensionValue::fetch(tx, ids).await? };
    let mut reasons = Vec::new();
    let mut resolved = Vec::with_capacity(wanted.len());
    for (field, ids) in wanted {
        let mut labels = Labels::none();
        for (at, id) in ids.iter().enumerate() {
            let value = known.get(id);
            match refused(value, day, &labels) {
                Some((code, message)) => {
                    reasons.push(UserError { code, field: path(&format!("{field}.{at}")), message });
                }
                None => labels = value.map_or_else(|| labels.clone(), |value| labels.with(value.dimension_id, *id)),
            }
        }
        resolved.push(labels);
    }
    if reasons.is_empty() { Ok(resolved) } else { Err(Error::Refused(reasons)) }
}

/// A dimension of which an account needs a value.
#[derive(QueryableByName)]
struct Needed {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Text)]
    account: String,
    #[diesel(sql_type = SqlUuid)]
    dimension_id: DimensionId,
    #[diesel(sql_type = Text)]
    dimension: String,
}

/// Refuses lines (account and labels, with the field that says so) that lack a value that their account needs.
pub async fn check_needed(tx: &Tx, lines: &[(String, AccountId, &Labels)]) -> Result<()> {
    let accounts: Vec<AccountId> = lines.iter().map(|(_, account, _)| *account).collect();
    let needed: Vec<Needed> = tx
        .rows(
            sql("SELECT r.account_id, a.code AS account, r.dimension_id, d.name AS dimension
                   FROM finance.account_dimension r
                   JOIN finance.account a ON a.tenant_id = $1 AND a.id = r.account_id
                   JOIN finance.dimension d ON d.tenant_id = $1 AND d.id = r.dimension_id
                  WHERE r.tenant_id = $1 AND r.account_id = ANY ($2) ORDER BY r.dimension_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(accounts),
        )
        .await?;
    let mut reasons = Vec::new();
    for (field, account, labels) in lines {
        for one in needed.iter().filter(|one| one.account_id == *account && labels.of(one.dimension_id).is_none()) {
            let message = format!("Account {} needs a value of {} on each of its lines.", one.account, one.dimension);
            reasons.push(UserError { code: UserErrorCode::Required, field: path(field), message });
        }
    }
    if reasons.is_empty() { Ok(()) } else { Err(Error::Refused(reasons)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_kept_as_they_are() {
        let labels = Labels::none()
            .with(DimensionId::new(), DimensionValueId::new())
            .with(DimensionId::new(), DimensionValueId::new());
        assert_eq!(Labels::from_json(&labels.to_json()).unwrap(), labels);
        assert_eq!(Labels::from_json(&serde_json::json!({})).unwrap(), Labels::none());
        for kept in [serde_json::json!([]), serde_json::json!({ "a": "b" }), serde_json::json!({ "a": 1 })] {
            assert!(Labels::from_json(&kept).is_err());
        }
    }
}
