//! The rules of EN 16931 about what must be there, what adds up, and which tax asks for what.
//!
//! Each is named as the standard names it, so that a sender finds it in his own tool's list. Rules of code lists are not
//! checked here, nor those of a country or network.

use std::fmt;

use super::model::Invoice;

mod present;
mod sums;
mod vat;

/// A rule that an invoice breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule by the standard's name, such as `BR-CO-10`.
    pub rule: String,
    /// Where: names of fields and positions (from 0) joined by points, such as `lines.2.price`.
    pub at: String,
    /// What is wrong, in a sentence.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.at, self.message, self.rule)
    }
}

/// The rules broken so far.
#[derive(Default)]
struct Broken {
    all: Vec<Violation>,
}

impl Broken {
    /// Puts a rule on the list unless it holds.
    fn unless(&mut self, holds: bool, rule: impl Into<String>, at: impl Into<String>, message: impl Into<String>) {
        if !holds && self.all.len() < crate::limits::MAX_PROBLEMS {
            self.all.push(Violation { rule: rule.into(), at: at.into(), message: message.into() });
        }
    }
}

impl Invoice {
    /// Every rule that the invoice breaks, in the order of presence, sums and tax.
    pub fn violations(&self) -> Vec<Violation> {
        let mut broken = Broken::default();
        present::check(self, &mut broken);
        sums::check(self, &mut broken);
        vat::check(self, &mut broken);
        broken.all
    }

    /// Nothing if the invoice keeps all rules.
    pub fn check(&self) -> Result<(), Vec<Violation>> {
        let broken = self.violations();
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }
}

#[cfg(test)]
mod tests;
