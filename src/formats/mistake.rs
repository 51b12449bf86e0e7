//! What is wrong with a document that is to be written, said so that whoever asked for it can mend it.

use std::fmt;

use crate::problem::ProblemCode;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where: names and positions (from 0) joined by points, such as `batches.0.transfers.3.iban`.
    pub at: String,
    /// What kind of mistake.
    pub code: ProblemCode,
    /// A sentence that helps to mend it.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.at, self.message, self.code)
    }
}

/// The mistakes found so far, and where the one who looks is.
#[derive(Debug, Default)]
pub(crate) struct Found {
    mistakes: Vec<Mistake>,
    place: Vec<String>,
}

impl Found {
    /// Looks at a part; what is found in it is named below it.
    pub(crate) fn within<T>(&mut self, part: impl fmt::Display, look: impl FnOnce(&mut Self) -> T) -> T {
        self.place.push(part.to_string());
        let found = look(self);
        self.place.pop();
        found
    }

    /// Looks at each part of a list.
    pub(crate) fn each<T>(&mut self, name: &str, parts: &[T], mut look: impl FnMut(&mut Self, &T)) {
        for (at, part) in parts.iter().enumerate() {
            self.within(format!("{name}.{at}"), |found| look(found, part));
        }
    }

    /// Puts a mistake on the list.
    pub(crate) fn add(&mut self, field: &str, code: ProblemCode, message: impl Into<String>) {
        if self.mistakes.len() < crate::limits::MAX_PROBLEMS {
            let mut at = self.place.join(".");
            if !at.is_empty() {
                at.push('.');
            }
            at.push_str(field);
            self.mistakes.push(Mistake { at, code, message: message.into() });
        }
    }

    /// The value if nothing is wrong with it.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Vec<Mistake>> {
        if self.mistakes.is_empty() { Ok(value) } else { Err(self.mistakes) }
    }
}
