//! Running expressions, within a budget.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

use crate::ops::{self, between};
use crate::part::{Function, Part, Walk};
use crate::value::Value;

/// The values that an expression sees, by name.
pub type Names = BTreeMap<String, Value>;

/// Why an expression gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong, as a sentence.
    pub message: String,
    /// Whether it was cut off because it would have cost too much.
    pub spent: bool,
}

impl Failure {
    pub(crate) fn wrong(message: String) -> Self {
        Self { message, spent: false }
    }

    fn spent(message: &str) -> Self {
        Self { message: message.to_owned(), spent: true }
    }
}

/// What running may cost. One budget may serve several expressions.
#[derive(Clone, Debug)]
pub struct Budget {
    steps: u32,
    bytes: usize,
    until: Option<Instant>,
    allowed: Duration,
}

impl Default for Budget {
    /// 20,000 steps, 256 KiB, 50 ms from the first step on.
    fn default() -> Self {
        Self { steps: 20_000, bytes: 256 * 1024, until: None, allowed: Duration::from_millis(50) }
    }
}

impl Budget {
    /// So many steps, so many bytes made, so long.
    #[must_use]
    pub fn new(steps: u32, bytes: usize, allowed: Duration) -> Self {
        Self { steps, bytes, until: None, allowed }
    }

    /// How many steps are left.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    fn step(&mut self, count: usize) -> Result<(), Failure> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.steps = match self.steps.checked_sub(count) {
            Some(left) => left,
            None => {
                self.steps = 0;
                return Err(Failure::spent("The expression takes too many steps."));
            }
        };
        // Looking at the clock costs more than a step.
        if self.steps & 63 == 0 || count > 64 {
            let now = Instant::now();
            let until = *self.until.get_or_insert_with(|| now + self.allowed);
            if now > until {
                return Err(Failure::spent("The expression takes too long."));
            }
        }
        Ok(())
    }

    fn make(&mut self, value: Value) -> Result<Value, Failure> {
        self.bytes = match self.bytes.checked_sub(value.weight()) {
            Some(left) => left,
            None => {
                self.bytes = 0;
                return Err(Failure::spent("The expression makes too much."));
            }
        };
        Ok(value)
    }
}

/// What macros bind around a part, the innermost last.
type Bound<'a> = Vec<(&'a str, Value)>;

/// What an expression comes to.
pub(crate) fn run(root: &Part, names: &Names, budget: &mut Budget) -> Result<Value, Failure> {
    if budget.until.is_none() {
        budget.until = Some(Instant::now() + budget.allowed);
    }
    Run { names, bound: Vec::new(), budget }.value(root)
}

struct Run<'a> {
    names: &'a Names,
    bound: Bound<'a>,
    budget: &'a mut Budget,
}

impl<'a> Run<'a> {
    fn value(&mut self, part: &'a Part) -> Result<Value, Failure> {
        self.budget.step(1)?;
        match part {
            Part::Known(value) => Ok(value.clone()),
            Part::Name(name) => {
                let bound = self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, value)| value);
                let found = bound.or_else(|| self.names.get(name)).cloned();
                let found = found.ok_or_else(|| Failure::wrong(format!("There is no `{name}`.")))?;
                self.copied(found)
            }
            Part::Field(..) => {
                let found = self.found(part)?;
                self.copied(found)
            }
            Part::At(of, index) => {
                let (of, index) = (self.value(of)?, self.value(index)?);
                at(&of, &index)
            }
            Part::Not(inner) => match self.value(inner)? {
                Value::Bool(value) => Ok(Value::Bool(!value)),
                other => Err(Failure::wrong(format!("`!` does not go before {}.", other.kind()))),
            },
            Part::Negative(inner) => ops::negative(&self.value(inner)?),
            Part::Between(op, left, right) => {
                let (left, right) = (self.value(left)?, self.value(right)?);
                // Comparing and joining cost as much as there is.
                self.budget.step(left.weight().saturating_add(right.weight()) / 256)?;
                let made = between(*op, &left, &right)?;
                self.budget.make(made)
            }
            Part::And(parts) => self.all(parts, false),
            Part::Or(parts) => self.all(parts, true),
            Part::If(condition, then, otherwise) => match self.value(condition)? {
                Value::Bool(true) => self.value(then),
                Value::Bool(false) => self.value(otherwise),
                other => Err(Failure::wrong(format!("`?` stands behind {}, not true or false.", other.kind()))),
            },
            Part::List(parts) => {
                let values = parts.iter().map(|part| self.value(part)).collect::<Result<_, _>>()?;
                self.budget.make(Value::List(values))
            }
            Part::Map(parts) => {
                let mut fields = BTreeMap::new();
                for (name, value) in parts {
                    let Value::Text(name) = self.value(name)? else {
                        return Err(Failure::wrong("The names of a map are texts.".to_owned()));
                    };
                    fields.insert(name, self.value(value)?);
                }
                self.budget.make(Value::Map(fields))
            }
            Part::Has(of, name) => match self.value(of)? {
                Value::Map(fields) => Ok(Value::Bool(!matches!(fields.get(name), None | Some(Value::Null)))),
                Value::Null => Ok(Value::Bool(false)),
                other => Err(Failure::wrong(format!("`.{name}` is asked of {}.", other.kind()))),
            },
            Part::Call(function, parts) => {
                let values: Vec<Value> = parts.iter().map(|part| self.value(part)).collect::<Result<_, _>>()?;
                self.budget.step(values.iter().map(Value::weight).fold(0, usize::saturating_add) / 256)?;
                let made = call(*function, &values)?;
                self.budget.make(made)
            }
            Part::Matches(of, pattern) => match self.value(of)? {
                Value::Text(text) => {
                    self.budget.step(text.len() / 16)?;
                    Ok(Value::Bool(pattern.is_match(&text)))
                }
                other => Err(Failure::wrong(format!("`matches` is asked of {}, not of a text.", other.kind()))),
            },
            Part::Walk { walk, over, name, step } => self.walk(*walk, over, name, step),
        }
    }

    /// A field, without copying what stands around it.
    fn found(&mut self, part: &'a Part) -> Result<Value, Failure> {
        let mut path = Vec::new();
        let mut root = part;
        while let Part::Field(of, name) = root {
            self.budget.step(1)?;
            path.push(name);
            root = of;
        }
        let held;
        let mut value = match root {
            Part::Name(name) => {
                let bound = self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, value)| value);
                bound
                    .or_else(|| self.names.get(name))
                    .ok_or_else(|| Failure::wrong(format!("There is no `{name}`.")))?
            }
            other => {
                held = self.value(other)?;
                &held
            }
        };
        for name in path.into_iter().rev() {
            value = match value {
                Value::Map(fields) => {
                    fields.get(name).ok_or_else(|| Failure::wrong(format!("There is no field `{name}`.")))?
                }
                other => return Err(Failure::wrong(format!("`.{name}` is asked of {}.", other.kind()))),
            };
        }
        Ok(value.clone())
    }

    /// A value that was copied counts if it is large.
    fn copied(&mut self, value: Value) -> Result<Value, Failure> {
        match &value {
            Value::List(_) | Value::Map(_) | Value::Text(_) => self.budget.make(value),
            _ => Ok(value),
        }
    }

    /// `&&` and `||`: whichever side decides does, also if another fails.
    fn all(&mut self, parts: &'a [Part], decides: bool) -> Result<Value, Failure> {
        let mut failure = None;
        for part in parts {
            match self.value(part) {
                Ok(Value::Bool(value)) if value == decides => return Ok(Value::Bool(decides)),
                Ok(Value::Bool(_)) => {}
                Ok(other) => {
                    let sign = if decides { "||" } else { "&&" };
                    let message = format!("`{sign}` goes between conditions, and this is {}.", other.kind());
                    failure.get_or_insert(Failure::wrong(message));
                }
                Err(spent) if spent.spent => return Err(spent),
                Err(other) => {
                    failure.get_or_insert(other);
                }
            }
        }
        failure.map_or(Ok(Value::Bool(!decides)), Err)
    }

    fn walk(&mut self, walk: Walk, over: &'a Part, name: &'a str, step: &'a Part) -> Result<Value, Failure> {
        let values = match self.value(over)? {
            Value::List(values) => values,
            Value::Map(fields) => fields.into_keys().map(Value::Text).collect(),
            other => {
                return Err(Failure::wrong(format!("This is {}; only lists and maps are gone through.", other.kind())));
            }
        };
        let (mut made, mut held, mut failure) = (Vec::new(), 0_usize, None);
        for value in values {
            self.bound.push((name, value.clone()));
            let told = self.value(step);
            self.bound.pop();
            match (walk, told) {
                (_, Err(spent)) if spent.spent => return Err(spent),
                (Walk::All | Walk::Exists, Err(other)) => {
                    failure.get_or_insert(other);
                }
                (_, Err(other)) => return Err(other),
                (Walk::Map, Ok(value)) => made.push(value),
                (Walk::All, Ok(Value::Bool(false))) => return Ok(Value::Bool(false)),
                (Walk::Exists, Ok(Value::Bool(true))) => return Ok(Value::Bool(true)),
                (Walk::Filter, Ok(Value::Bool(true))) => made.push(value),
                (Walk::ExistsOne, Ok(Value::Bool(true))) => held = held.saturating_add(1),
                (_, Ok(Value::Bool(_))) => {}
                (_, Ok(other)) => {
                    return Err(Failure::wrong(format!(
                        "What is asked of each is {}, not true or false.",
                        other.kind()
                    )));
                }
            }
        }
        match (walk, failure) {
            (_, Some(failure)) => Err(failure),
            (Walk::All, None) => Ok(Value::Bool(true)),
            (Walk::Exists, None) => Ok(Value::Bool(false)),
            (Walk::ExistsOne, None) => Ok(Value::Bool(held == 1)),
            (Walk::Map | Walk::Filter, None) => self.budget.make(Value::List(made)),
        }
    }
}

fn at(of: &Value, index: &Value) -> Result<Value, Failure> {
    match (of, index) {
        (Value::List(values), Value::Whole(at)) => {
            let found = usize::try_from(*at).ok().and_then(|at| values.get(at));
            found.cloned().ok_or_else(|| Failure::wrong(format!("The list has no place {at}.")))
        }
        (Value::Map(fields), Value::Text(name)) => {
            fields.get(name).cloned().ok_or_else(|| Failure::wrong(format!("There is no field `{name}`.")))
        }
        _ => Err(Failure::wrong(format!("{} is no place in {}.", index.kind(), of.kind()))),
    }
}

fn call(function: Function, values: &[Value]) -> Result<Value, Failure> {
    let misfit = || {
        let kinds: Vec<&str> = values.iter().map(Value::kind).collect();
        Failure::wrong(format!("This function does not take {}.", kinds.join(" and ")))
    };
    let day = |at: &dyn Fn(&NaiveDate) -> i64| match values {
        [Value::Day(day)] => Ok(Value::Whole(at(day))),
        [Value::Instant(instant)] => Ok(Value::Whole(at(&instant.date_naive()))),
        _ => Err(misfit()),
    };
    let count = |count: usize| Value::Whole(i64::try_from(count).unwrap_or(i64::MAX));
    match (function, values) {
        (Function::Size, [Value::Text(text)]) => Ok(count(text.chars().count())),
        (Function::Size, [Value::List(values)]) => Ok(count(values.len())),
        (Function::Size, [Value::Map(fields)]) => Ok(count(fields.len())),
        (Function::Text, [value]) => value.shown().map(Value::Text).ok_or_else(misfit),
        (Function::Whole, [value]) => ops::whole(value),
        (Function::Exact, [value]) => ops::decimal(value),
        (Function::Day, [Value::Day(day)]) => Ok(Value::Day(*day)),
        (Function::Day, [Value::Instant(at)]) => Ok(Value::Day(at.date_naive())),
        (Function::Day, [Value::Text(text)]) => NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map(Value::Day)
            .map_err(|_| Failure::wrong("A day is written like `2026-01-31`.".to_owned())),
        (Function::Instant, [Value::Instant(at)]) => Ok(Value::Instant(*at)),
        (Function::Instant, [Value::Text(text)]) => DateTime::parse_from_rfc3339(text)
            .map(|at| Value::Instant(at.with_timezone(&Utc)))
            .map_err(|_| Failure::wrong("An instant is written like `2026-01-31T09:00:00Z`.".to_owned())),
        (Function::Span, [Value::Span(span)]) => Ok(Value::Span(*span)),
        (Function::Span, [Value::Text(text)]) => ops::span(text),
        (Function::Contains, [Value::Text(text), Value::Text(part)]) => Ok(Value::Bool(text.contains(part))),
        (Function::StartsWith, [Value::Text(text), Value::Text(part)]) => Ok(Value::Bool(text.starts_with(part))),
        (Function::EndsWith, [Value::Text(text), Value::Text(part)]) => Ok(Value::Bool(text.ends_with(part))),
        (Function::Trim, [Value::Text(text)]) => Ok(Value::Text(text.trim().to_owned())),
        (Function::Lower, [Value::Text(text)]) => Ok(Value::Text(text.to_ascii_lowercase())),
        (Function::Upper, [Value::Text(text)]) => Ok(Value::Text(text.to_ascii_uppercase())),
        (Function::Year, _) => day(&|day| i64::from(day.year())),
        (Function::Month, _) => day(&|day| i64::from(day.month0())),
        (Function::DayOfMonth, _) => day(&|day| i64::from(day.day0())),
        (Function::DayOfWeek, _) => day(&|day| i64::from(day.weekday().num_days_from_sunday())),
        (Function::Hours, [Value::Instant(at)]) => Ok(Value::Whole(i64::from(at.hour()))),
        _ => Err(misfit()),
    }
}
