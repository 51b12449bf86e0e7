//! What is wrong with a file, as the API says it.

use async_graphql::{Enum, SimpleObject};
use backoffice_formats::limits::MAX_PROBLEMS;
use backoffice_formats::{Problem, ProblemCode, Problems};

use crate::platform::error::{Error, UserErrorCode};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $code:ident,)+) => {
        /// What kind of problem a line of a file has.
        #[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
        pub enum FileErrorCode {
            $($(#[doc = $doc])+ $code,)+
            /// The line names an account, customer, vendor or bank account that does not exist.
            NotFound,
            /// The line is well formed and still cannot be taken.
            Invalid,
            /// The record exists already with other data.
            Differs,
        }

        impl From<ProblemCode> for FileErrorCode {
            fn from(code: ProblemCode) -> Self {
                match code { $(ProblemCode::$code => Self::$code,)+ }
            }
        }
    };
}

codes! {
    /// The file, a line count or a start tag passes a limit.
    TooLarge,
    /// There is nothing in the file.
    Empty,
    /// The bytes are not text in the encoding expected.
    Encoding,
    /// NUL or another control character.
    ControlCharacter,
    /// A field has too many characters.
    FieldTooLong,
    /// A quote that is never closed, or text after one that is.
    Quote,
    /// A column that must be there is not.
    MissingColumn,
    /// A column that nobody knows.
    UnknownColumn,
    /// The same column twice.
    DuplicateColumn,
    /// A line with more or fewer fields than the header.
    RaggedRow,
    /// A field or XML element that must be filled is not.
    Required,
    /// Text that a spreadsheet would run as a formula.
    Formula,
    /// Not a number.
    Number,
    /// A number that can be read in two ways.
    AmbiguousNumber,
    /// More decimals than amounts have.
    TooManyDecimals,
    /// A number beyond what is allowed here.
    OutOfRange,
    /// Not a date, or not in the format expected.
    Date,
    /// A word outside the list of words allowed.
    UnknownWord,
    /// Not a currency, or another currency than the rest.
    Currency,
    /// Not a country code.
    Country,
    /// Not an e-mail address.
    Email,
    /// Not an IBAN, or one with wrong check digits.
    Iban,
    /// Not a tax number.
    VatNumber,
    /// The same thing twice.
    Duplicate,
    /// The parent account is not in the file.
    UnknownParent,
    /// The parent account is not a group.
    ParentNotGroup,
    /// Accounts that are each other's parents.
    Cycle,
    /// An account of another type than its parent or its control role allows.
    TypeMismatch,
    /// Not exactly one of debit and credit.
    OneSide,
    /// Debits and credits differ, or a running balance breaks.
    OutOfBalance,
    /// Broken XML.
    Xml,
    /// A document type definition or an entity of the file's own.
    Doctype,
    /// Another kind of file than the one expected.
    Format,
}

/// One thing that is wrong with a file, and where.
#[derive(SimpleObject, Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Line of the file, from 1; of an XML element, the line where it begins.
    pub line: i32,
    /// Name of the column in the header, or path of the XML element; null if the whole line is wrong.
    pub column: Option<String>,
    /// What kind of problem, for programs.
    pub code: FileErrorCode,
    /// What is wrong and how to mend it, for people.
    pub message: String,
}

/// Everything that is wrong with a file, as much of it as is shown.
#[derive(Debug, Default)]
pub(crate) struct FileErrors {
    pub(crate) listed: Vec<FileError>,
    pub(crate) more: u64,
}

impl FileErrors {
    /// Adds those of another list.
    pub(super) fn append(&mut self, other: Self) {
        self.more = self.more.saturating_add(other.more);
        for one in other.listed {
            if self.listed.len() >= MAX_PROBLEMS {
                self.more = self.more.saturating_add(1);
            } else {
                self.listed.push(one);
            }
        }
    }

    /// Adds one; beyond the limit it is only counted.
    pub(super) fn push(&mut self, line: u64, column: Option<&str>, code: FileErrorCode, message: impl Into<String>) {
        if self.listed.len() >= MAX_PROBLEMS {
            self.more = self.more.saturating_add(1);
            return;
        }
        let line = i32::try_from(line).unwrap_or(i32::MAX);
        self.listed.push(FileError { line, column: column.map(str::to_owned), code, message: message.into() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The refusal beside the list.
    pub(crate) fn refusal(&self) -> Error {
        let wrong = u64::try_from(self.listed.len()).unwrap_or(u64::MAX).saturating_add(self.more);
        let message = if wrong == 1 {
            "One place in the file is wrong; nothing was taken in.".to_owned()
        } else {
            format!("{wrong} places in the file are wrong; nothing was taken in.")
        };
        Error::refuse(UserErrorCode::File, "file", message)
    }
}

impl From<Problems> for FileErrors {
    fn from(problems: Problems) -> Self {
        let mut errors = Self { listed: Vec::new(), more: problems.more() };
        for Problem { line, column, code, message } in problems {
            errors.push(line, column.as_deref(), code.into(), message);
        }
        errors
    }
}
