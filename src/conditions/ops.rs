//! What operators do with values.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::eval::Failure;
use crate::value::Value;

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Plus,
    Minus,
    Times,
    Over,
    Rest,
    In,
}

impl Between {
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Over => "/",
            Self::Rest => "%",
            Self::In => "in",
        }
    }
}

fn misfit(op: Between, left: &Value, right: &Value) -> Failure {
    Failure::wrong(format!("`{}` does not go between {} and {}.", op.sign(), left.kind(), right.kind()))
}

fn too_large() -> Failure {
    Failure::wrong("A number gets too large.".to_owned())
}

/// Two numbers as decimals, if both are numbers.
fn exact(left: &Value, right: &Value) -> Option<(Decimal, Decimal)> {
    let one = |value: &Value| match value {
        Value::Whole(value) => Some(Decimal::from(*value)),
        Value::Exact(value) => Some(*value),
        _ => None,
    };
    Some((one(left)?, one(right)?))
}

/// Whether two values are the same. Values of different kinds are not, numbers aside.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::Text(left), Value::Text(right)) => left == right,
        (Value::Day(left), Value::Day(right)) => left == right,
        (Value::Instant(left), Value::Instant(right)) => left == right,
        (Value::Span(left), Value::Span(right)) => left == right,
        (Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| equal(value, other)))
        }
        _ => exact(left, right).is_some_and(|(left, right)| left == right),
    }
}

fn order(op: Between, left: &Value, right: &Value) -> Result<Ordering, Failure> {
    Ok(match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Day(left), Value::Day(right)) => left.cmp(right),
        (Value::Instant(left), Value::Instant(right)) => left.cmp(right),
        (Value::Span(left), Value::Span(right)) => left.cmp(right),
        _ => match exact(left, right) {
            Some((left, right)) => left.cmp(&right),
            None => return Err(misfit(op, left, right)),
        },
    })
}

/// A day so many days later.
pub(crate) fn later(day: NaiveDate, days: i64) -> Result<NaiveDate, Failure> {
    TimeDelta::try_days(days).and_then(|span| day.checked_add_signed(span)).ok_or_else(too_large)
}

fn moved(at: DateTime<Utc>, span: TimeDelta) -> Result<Value, Failure> {
    at.checked_add_signed(span).map(Value::Instant).ok_or_else(too_large)
}

fn back(span: TimeDelta) -> Result<TimeDelta, Failure> {
    TimeDelta::zero().checked_sub(&span).ok_or_else(too_large)
}

/// What an operator makes of two values.
pub(crate) fn between(op: Between, left: &Value, right: &Value) -> Result<Value, Failure> {
    let ordered = |fits: fn(Ordering) -> bool| Ok(Value::Bool(fits(order(op, left, right)?)));
    match op {
        Between::Equal => Ok(Value::Bool(equal(left, right))),
        Between::Unequal => Ok(Value::Bool(!equal(left, right))),
        Between::Less => ordered(Ordering::is_lt),
        Between::AtMost => ordered(Ordering::is_le),
        Between::More => ordered(Ordering::is_gt),
        Between::AtLeast => ordered(Ordering::is_ge),
        Between::In => match right {
            Value::List(values) => Ok(Value::Bool(values.iter().any(|value| equal(left, value)))),
            Value::Map(fields) => match left {
                Value::Text(name) => Ok(Value::Bool(fields.contains_key(name))),
                _ => Ok(Value::Bool(false)),
            },
            _ => Err(misfit(op, left, right)),
        },
        Between::Plus => match (left, right) {
            (Value::Whole(left), Value::Whole(right)) => {
                left.checked_add(*right).map(Value::Whole).ok_or_else(too_large)
            }
            (Value::Text(left), Value::Text(right)) => Ok(Value::Text(format!("{left}{right}"))),
            (Value::List(left), Value::List(right)) => Ok(Value::List(left.iter().chain(right).cloned().collect())),
            (Value::Instant(at), Value::Span(span)) | (Value::Span(span), Value::Instant(at)) => moved(*at, *span),
            (Value::Span(left), Value::Span(right)) => left.checked_add(right).map(Value::Span).ok_or_else(too_large),
            (Value::Day(day), Value::Whole(days)) => later(*day, *days).map(Value::Day),
            _ => number(op, left, right, Decimal::checked_add),
        },
        Between::Minus => match (left, right) {
            (Value::Whole(left), Value::Whole(right)) => {
                left.checked_sub(*right).map(Value::Whole).ok_or_else(too_large)
            }
            (Value::Instant(at), Value::Span(span)) => moved(*at, back(*span)?),
            (Value::Instant(left), Value::Instant(right)) => Ok(Value::Span(left.signed_duration_since(*right))),
            (Value::Span(left), Value::Span(right)) => left.checked_sub(right).map(Value::Span).ok_or_else(too_large),
            (Value::Day(left), Value::Day(right)) => Ok(Value::Whole(left.signed_duration_since(*right).num_days())),
            (Value::Day(day), Value::Whole(days)) => {
                later(*day, days.checked_neg().ok_or_else(too_large)?).map(Value::Day)
            }
            _ => number(op, left, right, Decimal::checked_sub),
        },
        Between::Times => match (left, right) {
            (Value::Whole(left), Value::Whole(right)) => {
                left.checked_mul(*right).map(Value::Whole).ok_or_else(too_large)
            }
            _ => number(op, left, right, Decimal::checked_mul),
        },
        Between::Over | Between::Rest => {
            if exact(left, right).is_some_and(|(_, right)| right.is_zero()) {
                return Err(Failure::wrong("Something is divided by zero.".to_owned()));
            }
            match (op, left, right) {
                (Between::Over, Value::Whole(left), Value::Whole(right)) => {
                    left.checked_div(*right).map(Value::Whole).ok_or_else(too_large)
                }
                (Between::Over, _, _) => number(op, left, right, Decimal::checked_div),
                (_, Value::Whole(left), Value::Whole(right)) => {
                    left.checked_rem(*right).map(Value::Whole).ok_or_else(too_large)
                }
                _ => Err(misfit(op, left, right)),
            }
        }
    }
}

fn number(
    op: Between,
    left: &Value,
    right: &Value,
    make: fn(Decimal, Decimal) -> Option<Decimal>,
) -> Result<Value, Failure> {
    let (one, other) = exact(left, right).ok_or_else(|| misfit(op, left, right))?;
    make(one, other).map(Value::Exact).ok_or_else(too_large)
}

/// The negative of a number.
pub(crate) fn negative(value: &Value) -> Result<Value, Failure> {
    match value {
        Value::Whole(value) => value.checked_neg().map(Value::Whole).ok_or_else(too_large),
        Value::Exact(value) => Ok(Value::Exact(-*value)),
        Value::Span(value) => back(*value).map(Value::Span),
        other => Err(Failure::wrong(format!("`-` does not go before {}.", other.kind()))),
    }
}

/// A value as a whole number: what stands behind the decimal point is cut off.
pub(crate) fn whole(value: &Value) -> Result<Value, Failure> {
    let wrong = || Failure::wrong(format!("{} is no whole number.", capital(value.kind())));
    match value {
        Value::Whole(value) => Ok(Value::Whole(*value)),
        Value::Exact(value) => value.trunc().to_i64().map(Value::Whole).ok_or_else(too_large),
        Value::Text(text) => text.trim().parse().map(Value::Whole).map_err(|_| wrong()),
        Value::Instant(at) => Ok(Value::Whole(at.timestamp())),
        _ => Err(wrong()),
    }
}

/// A value as a decimal.
pub(crate) fn decimal(value: &Value) -> Result<Value, Failure> {
    let wrong = || Failure::wrong(format!("{} is no decimal.", capital(value.kind())));
    match value {
        Value::Whole(value) => Ok(Value::Exact(Decimal::from(*value))),
        Value::Exact(value) => Ok(Value::Exact(*value)),
        Value::Text(text) => Decimal::from_str_exact(text.trim()).map(Value::Exact).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A length of time as CEL writes it: `1h30m`, `90s`, `250ms`; `d` for 24 hours besides.
pub(crate) fn span(text: &str) -> Result<Value, Failure> {
    let wrong = || Failure::wrong("A length of time is written like `36h`, `1h30m` or `90s`.".to_owned());
    let (minus, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut sum = TimeDelta::zero();
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let (unit, made) = match tail {
            tail if tail.starts_with("ms") => ("ms", TimeDelta::try_milliseconds(number)),
            tail if tail.starts_with('s') => ("s", TimeDelta::try_seconds(number)),
            tail if tail.starts_with('m') => ("m", TimeDelta::try_minutes(number)),
            tail if tail.starts_with('h') => ("h", TimeDelta::try_hours(number)),
            tail if tail.starts_with('d') => ("d", TimeDelta::try_days(number)),
            _ => return Err(wrong()),
        };
        sum = made.and_then(|made| sum.checked_add(&made)).ok_or_else(too_large)?;
        rest = tail.strip_prefix(unit).ok_or_else(wrong)?;
        parts += 1;
    }
    match (parts, minus) {
        (0, _) => Err(wrong()),
        (_, true) => back(sum).map(Value::Span),
        (_, false) => Ok(Value::Span(sum)),
    }
}
