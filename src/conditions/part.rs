//! What an expression consists of.

use regex::Regex;

use crate::ops::Between;
use crate::value::Value;

/// What a macro goes through a list for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walk {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    Text,
    Whole,
    Exact,
    Day,
    Instant,
    Span,
    Contains,
    StartsWith,
    EndsWith,
    Trim,
    Lower,
    Upper,
    Year,
    Month,
    DayOfMonth,
    DayOfWeek,
    Hours,
}

/// A part of an expression.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Known(Value),
    Name(String),
    Field(Box<Part>, String),
    At(Box<Part>, Box<Part>),
    Not(Box<Part>),
    Negative(Box<Part>),
    Between(Between, Box<Part>, Box<Part>),
    And(Vec<Part>),
    Or(Vec<Part>),
    If(Box<Part>, Box<Part>, Box<Part>),
    List(Vec<Part>),
    Map(Vec<(Part, Part)>),
    Has(Box<Part>, String),
    Call(Function, Vec<Part>),
    Matches(Box<Part>, Box<Regex>),
    Walk { walk: Walk, over: Box<Part>, name: String, step: Box<Part> },
}

impl Part {
    /// Whether that name of the values around is used in it.
    pub(crate) fn uses(&self, name: &str) -> bool {
        match self {
            Self::Known(_) => false,
            Self::Name(used) => used == name,
            Self::Field(of, _) | Self::Has(of, _) | Self::Not(of) | Self::Negative(of) | Self::Matches(of, _) => {
                of.uses(name)
            }
            Self::At(left, right) | Self::Between(_, left, right) => left.uses(name) || right.uses(name),
            Self::If(condition, then, otherwise) => {
                [condition, then, otherwise].into_iter().any(|part| part.uses(name))
            }
            Self::And(parts) | Self::Or(parts) | Self::List(parts) | Self::Call(_, parts) => {
                parts.iter().any(|part| part.uses(name))
            }
            Self::Map(parts) => parts.iter().any(|(key, value)| key.uses(name) || value.uses(name)),
            Self::Walk { over, step, .. } => over.uses(name) || step.uses(name),
        }
    }
}
