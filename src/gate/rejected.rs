//! Why a document was turned away, in words for the caller and in a form for his program.

use std::fmt;

use async_graphql_parser::Pos;

/// The text is not GraphQL.
pub const PARSE_FAILED: &str = "GRAPHQL_PARSE_FAILED";
/// The text is GraphQL, but asks for something contradictory or for too much.
pub const VALIDATION_FAILED: &str = "GRAPHQL_VALIDATION_FAILED";
/// The document is fine, a value in it or in the variables is not.
pub const BAD_USER_INPUT: &str = "BAD_USER_INPUT";

/// Names from the document are cut to this many characters in a message, so that an answer cannot be made as long as a request.
const QUOTED_CHARS: usize = 40;

/// A refusal of the gate. Nothing has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// [`PARSE_FAILED`], [`VALIDATION_FAILED`] or [`BAD_USER_INPUT`].
    pub code: &'static str,
    /// One sentence for a person.
    pub message: String,
    /// Line and column in the text, both from 1.
    pub location: Option<(usize, usize)>,
    /// The limit that was passed, where it was one.
    pub limit: Option<Limit>,
}

/// A limit and what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// The name of the field in [`crate::Limits`].
    pub name: &'static str,
    /// The most that passes.
    pub allowed: u64,
    /// What was found; counting stops soon after the limit, so the whole may be more.
    pub found: u64,
}

impl Rejected {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), location: None, limit: None }
    }

    pub(crate) fn parse(message: impl Into<String>, at: Pos) -> Self {
        Self::new(PARSE_FAILED, message).at(at)
    }

    pub(crate) fn validation(message: impl Into<String>, at: Pos) -> Self {
        Self::new(VALIDATION_FAILED, message).at(at)
    }

    pub(crate) fn at(mut self, at: Pos) -> Self {
        self.location = Some((at.line, at.column));
        self
    }

    /// Checks `found` against `allowed`; `what` completes "… allowed, … found".
    pub(crate) fn over(
        code: &'static str,
        name: &'static str,
        what: &str,
        allowed: impl TryInto<u64>,
        found: impl TryInto<u64>,
    ) -> Result<(), Self> {
        let allowed = allowed.try_into().unwrap_or(u64::MAX);
        let found = found.try_into().unwrap_or(u64::MAX);
        if found <= allowed {
            return Ok(());
        }
        Err(Self {
            limit: Some(Limit { name, allowed, found }),
            ..Self::new(code, format!("The request is too large: at most {allowed} {what} are allowed."))
        })
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.location {
            Some((line, column)) => write!(f, "{} (line {line}, column {column})", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Rejected {}

/// A piece of the document as a message may show it.
pub(crate) fn quoted(text: &str) -> String {
    let mut shown: String =
        text.chars().take(QUOTED_CHARS).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(QUOTED_CHARS).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}
