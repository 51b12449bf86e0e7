//! Conditions over records, written in the Common Expression Language (CEL), and texts with expressions in them.
//!
//! The language is CEL without message types: literals, lists, maps, fields, operators, the macros `has`, `all`, `exists`,
//! `exists_one`, `map` and `filter`, and the functions named in [`parse`]. Two things differ on purpose: a number with a
//! decimal point is an exact decimal, never a binary float, and there is a type for days (`date("2026-01-31")`).
//!
//! An expression sees the values it is given and nothing else: no clock, no file, no network, no function of the host. It
//! is bounded in each direction: its text, its nesting and its size when it is read ([`MOST_CHARACTERS`], [`MOST_DEPTH`],
//! [`MOST_PARTS`]); its steps, the size of what it makes and its time when it is run ([`Budget`]).

mod eval;
mod ops;
mod parse;
mod part;
mod shape;
mod template;
mod token;
mod value;

pub use eval::{Budget, Failure, Names};
pub use shape::Shape;
pub use template::Template;
pub use value::Value;

/// The longest text of an expression, in characters.
pub const MOST_CHARACTERS: usize = 4_000;
/// How deep an expression may nest.
pub const MOST_DEPTH: usize = 48;
/// How many parts an expression may have: names, literals, operators, calls.
pub const MOST_PARTS: usize = 600;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Where, in characters from 0.
    pub at: usize,
    /// What is wrong, as a sentence.
    pub message: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} (At character {}.)", self.message, self.at.saturating_add(1))
    }
}

/// An expression that was read.
#[derive(Clone, Debug)]
pub struct Expression {
    root: part::Part,
}

impl Expression {
    /// Reads an expression over values of that shape; a name that is not in it is refused here, not when it is run.
    pub fn parse(text: &str, shape: &Shape) -> Result<Self, Broken> {
        Ok(Self { root: parse::parse(text, shape)? })
    }

    /// What it comes to.
    pub fn value(&self, names: &Names, budget: &mut Budget) -> Result<Value, Failure> {
        eval::run(&self.root, names, budget)
    }

    /// Whether it uses that name.
    #[must_use]
    pub fn uses(&self, name: &str) -> bool {
        self.root.uses(name)
    }

    /// Whether it holds. What is neither true nor false fails.
    pub fn holds(&self, names: &Names, budget: &mut Budget) -> Result<bool, Failure> {
        match self.value(names, budget)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(Failure::wrong(format!("The condition gives {}, not true or false.", other.kind()))),
        }
    }
}

#[cfg(test)]
mod tests;
