//! What an operation costs, told with each answer: `extensions.cost`.

use async_graphql::Value;
use backoffice_gate::Passed;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::budget::{Left, Spending};

/// What a document costs that the gate turns away: it was read all the same.
pub const REJECTED: u64 = 10;

/// The price that is taken before an operation runs: nothing is for nothing.
#[must_use]
pub fn price(passed: &Passed) -> u64 {
    passed.cost.requested.max(1)
}

/// The price, what it came to, and what is left.
#[derive(Serialize, Clone, Copy, Debug)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// The price if every list is as long as it may be.
    requested: u64,
    /// The price with the items that there were; the rest was given back.
    actual: u64,
    /// Units left in the emptier bucket of the credential and its client; null if nothing bounds them.
    remaining: Option<u64>,
    /// When that bucket will be full again.
    #[serde(serialize_with = "stamp")]
    reset_at: DateTime<Utc>,
    /// Statements of the database.
    statements: u32,
}

fn stamp<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true))
}

impl Cost {
    /// Of an operation that ran: gives back what its lists did not hold.
    pub(super) fn settled(data: &Value, (passed, spending): (&Passed, &Spending), statements: u32) -> Self {
        let (actual, left) = spending.settle(passed.cost.least.saturating_add(items(data)).max(1));
        let more = spending.more();
        Self::new(price(passed).saturating_add(more), actual.saturating_add(more), left, statements)
    }

    /// Of a document that was turned away.
    pub(super) fn rejected(left: Left) -> Self {
        Self::new(REJECTED, REJECTED, left, 0)
    }

    /// Of an operation that was not run because it could not be paid.
    pub(super) fn not_taken(requested: u64, left: Left) -> Self {
        Self::new(requested, 0, left, 0)
    }

    fn new(requested: u64, actual: u64, left: Left, statements: u32) -> Self {
        Self { requested, actual, remaining: left.remaining, reset_at: left.reset_at, statements }
    }
}

/// The objects in all lists of an answer, with all objects inside them. The wrappers of a page are none.
fn items(data: &Value) -> u64 {
    let Value::Object(fields) = data else { return 0 };
    fields
        .iter()
        .map(|(key, value)| match value {
            Value::List(_) => inside(value, u64::from(key.as_str() != "edges")),
            _ => items(value),
        })
        .fold(0, u64::saturating_add)
}

fn inside(value: &Value, own: u64) -> u64 {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match key.as_str() {
                "edges" | "pageInfo" => inside(value, 0),
                _ => inside(value, 1),
            })
            .fold(own, u64::saturating_add),
        Value::List(elements) => elements.iter().map(|element| inside(element, own)).fold(0, u64::saturating_add),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::value;

    use super::*;

    #[test]
    fn what_lists_hold_is_counted_and_nothing_else() {
        for (data, expected) in [
            (value!({ "a": { "b": { "x": 1 } }, "n": null }), 0),
            (value!({ "list": { "nodes": [{ "id": 1 }, { "id": 2 }], "pageInfo": { "hasNextPage": true } } }), 2),
            (
                value!({ "list": { "nodes": [{ "lines": { "nodes": [{ "x": 1 }, { "x": 2 }], "pageInfo": { "e": 1 } } }] } }),
                4,
            ),
            (value!({ "list": { "nodes": [{ "lines": { "edges": [{ "node": { "x": 1 } }] } }] } }), 3),
            (value!({ "list": { "edges": [{ "node": { "x": 1 }, "cursor": "c" }] } }), 1),
            (value!({ "names": ["a", "b"], "matrix": [[{ "x": 1 }], [{ "x": 1 }]] }), 2),
        ] {
            assert_eq!(items(&data), expected, "{data}");
        }
    }
}
