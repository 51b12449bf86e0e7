//! What an expression works with.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, SecondsFormat, TimeDelta, Utc};
use rust_decimal::Decimal;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// An exact decimal.
    Exact(Decimal),
    /// A text.
    Text(String),
    /// A day.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
    /// A length of time.
    Span(TimeDelta),
    /// Values in their order.
    List(Vec<Value>),
    /// Values by name.
    Map(BTreeMap<String, Value>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Whole(value)
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Self {
        Self::Exact(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Value {
    /// Values by name.
    pub fn map<N: Into<String>>(fields: impl IntoIterator<Item = (N, Value)>) -> Self {
        Self::Map(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// What it is, as a sentence names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Whole(_) => "a whole number",
            Self::Exact(_) => "a decimal",
            Self::Text(_) => "a text",
            Self::Day(_) => "a day",
            Self::Instant(_) => "an instant",
            Self::Span(_) => "a length of time",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }

    /// As a text shows it; none where there is nothing that a text could show.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        Some(match self {
            Self::Null | Self::List(_) | Self::Map(_) => return None,
            Self::Bool(value) => value.to_string(),
            Self::Whole(value) => value.to_string(),
            Self::Exact(value) => value.to_string(),
            Self::Text(value) => value.clone(),
            Self::Day(value) => value.to_string(),
            Self::Instant(value) => value.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            Self::Span(value) => format!("{}s", value.num_seconds()),
        })
    }

    /// As JSON: numbers with a decimal point, days, instants and lengths of time as texts.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Whole(value) => (*value).into(),
            Self::List(values) => values.iter().map(Self::json).collect(),
            Self::Map(fields) => {
                serde_json::Value::Object(fields.iter().map(|(name, value)| (name.clone(), value.json())).collect())
            }
            other => other.shown().map_or(serde_json::Value::Null, serde_json::Value::String),
        }
    }

    /// How much room it takes, roughly, in bytes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len().saturating_add(24),
            Self::List(values) => values.iter().map(Self::weight).fold(24, usize::saturating_add),
            Self::Map(fields) => fields
                .iter()
                .map(|(name, value)| name.len().saturating_add(24).saturating_add(value.weight()))
                .fold(24, usize::saturating_add),
            _ => 24,
        }
    }
}
