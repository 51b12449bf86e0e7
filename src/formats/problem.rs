//! What is wrong with a file, said so that the person who sent it can mend it.

use std::fmt;

use crate::limits::MAX_PROBLEMS;

words! {
    /// The kind of a problem: stable, for programs. The sentence in [`Problem::message`] is for people.
    pub enum ProblemCode {
        /// The file, a line count or a start tag passes a limit.
        TooLarge = "TOO_LARGE",
        /// There is nothing in the file.
        Empty = "EMPTY",
        /// The bytes are not text in the encoding expected.
        Encoding = "ENCODING",
        /// NUL or another control character.
        ControlCharacter = "CONTROL_CHARACTER",
        /// A field has too many characters.
        FieldTooLong = "FIELD_TOO_LONG",
        /// A quote that is never closed, or text after one that is.
        Quote = "QUOTE",
        /// A column that must be there is not.
        MissingColumn = "MISSING_COLUMN",
        /// A column that nobody knows.
        UnknownColumn = "UNKNOWN_COLUMN",
        /// The same column twice.
        DuplicateColumn = "DUPLICATE_COLUMN",
        /// A line with more or fewer fields than the header.
        RaggedRow = "RAGGED_ROW",
        /// A field or XML element that must be filled is not.
        Required = "REQUIRED",
        /// Text that a spreadsheet would run as a formula.
        Formula = "FORMULA",
        /// Not a number.
        Number = "NUMBER",
        /// A number that can be read in two ways.
        AmbiguousNumber = "AMBIGUOUS_NUMBER",
        /// More decimals than amounts have.
        TooManyDecimals = "TOO_MANY_DECIMALS",
        /// A number beyond what is allowed here.
        OutOfRange = "OUT_OF_RANGE",
        /// Not a date, or not in the format expected.
        Date = "DATE",
        /// A word outside the list of words allowed.
        UnknownWord = "UNKNOWN_WORD",
        /// Not a currency code, or another currency than the rest.
        Currency = "CURRENCY",
        /// Not a country code.
        Country = "COUNTRY",
        /// Not an e-mail address.
        Email = "EMAIL",
        /// Not an IBAN, or one with wrong check digits.
        Iban = "IBAN",
        /// Not a tax number.
        VatNumber = "VAT_NUMBER",
        /// The same thing twice.
        Duplicate = "DUPLICATE",
        /// The parent account is not in the file.
        UnknownParent = "UNKNOWN_PARENT",
        /// The parent account is not a group.
        ParentNotGroup = "PARENT_NOT_GROUP",
        /// Accounts that are each other's parents.
        Cycle = "CYCLE",
        /// An account of another type than its parent or its control role allows.
        TypeMismatch = "TYPE_MISMATCH",
        /// Not exactly one of debit and credit.
        OneSide = "ONE_SIDE",
        /// Debits and credits differ, or a running balance breaks.
        OutOfBalance = "OUT_OF_BALANCE",
        /// Broken XML.
        Xml = "XML",
        /// A DTD or an entity of the file's own.
        Doctype = "DOCTYPE",
        /// Another kind of file than the one expected.
        Format = "FORMAT",
    }
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line of the file, from 1; of an XML element, the line where it begins.
    pub line: u64,
    /// Header name of the column, or path of the XML element.
    pub column: Option<String>,
    /// What kind of problem.
    pub code: ProblemCode,
    /// A sentence that helps to mend it.
    pub message: String,
}

impl Problem {
    /// A problem of a whole line or file.
    pub fn new(line: u64, code: ProblemCode, message: impl Into<String>) -> Self {
        Self { line, column: None, code, message: message.into() }
    }

    /// The same problem, with the column it is in.
    pub fn in_column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        write!(f, ": {} [{}]", self.message, self.code)
    }
}

/// All that is wrong with a file, by line. The first 1,000 are kept, the rest is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    more: u64,
}

impl Problems {
    /// Nothing wrong yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; beyond the limit it is only counted.
    pub fn push(&mut self, problem: Problem) {
        if self.kept.len() < MAX_PROBLEMS {
            self.kept.push(problem);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// The problems kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.kept.iter()
    }

    /// How many were only counted.
    pub fn more(&self) -> u64 {
        self.more
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The value if nothing is wrong, otherwise the problems in the order of the file.
    pub fn or<T>(mut self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            return Ok(value);
        }
        self.kept.sort_by_key(|problem| problem.line);
        Err(self)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { kept: vec![problem], more: 0 }
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.kept.into_iter()
    }
}

impl<'p> IntoIterator for &'p Problems {
    type Item = &'p Problem;
    type IntoIter = std::slice::Iter<'p, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.kept.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        if self.more > 0 {
            write!(f, "\nand {} more", self.more)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A value from the file as it appears in a message: quoted and not too long.
pub(crate) fn shown(value: &str) -> String {
    const LONGEST: usize = 40;
    let short: String = value.chars().take(LONGEST).collect();
    if short.len() < value.len() { format!("\u{201c}{short}…\u{201d}") } else { format!("\u{201c}{short}\u{201d}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_counted() {
        let mut problems = Problems::new();
        for line in 0..1_234 {
            problems.push(Problem::new(line, ProblemCode::Number, "no"));
        }
        assert_eq!(problems.iter().count(), MAX_PROBLEMS);
        assert_eq!(problems.more(), 234);
        assert!(problems.to_string().ends_with("and 234 more"));
    }

    #[test]
    fn values_in_messages_are_cut() {
        assert_eq!(shown("ä"), "“ä”");
        assert!(shown(&"ä".repeat(100)).chars().count() < 50);
    }
}
