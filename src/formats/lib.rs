//! File formats of banks and bookkeepers: parsed whole or refused by line, column and reason; no database.
//!
//! Every parser takes the bytes of one file and returns either everything in it or [`Problems`], never half. Nothing here
//! reads a clock, a disk or a network, and limits ([`limits`]) bound the work that a hostile file can cause.
//!
//! | module | file |
//! |---|---|
//! | [`chart_csv`] | a chart of accounts; ready ones in [`charts`] |
//! | [`opening_csv`] | the balances that a set of books starts with |
//! | [`parties_csv`] | customers and vendors |
//! | [`bank_csv`] | a bank's own CSV export, by a column mapping |
//! | [`camt053`] | ISO 20022 bank statements (XML), camt.053.001.02 and later, read |
//! | [`camt054`] | ISO 20022 notifications of debits and credits (XML), camt.054.001.02 and later, read |
//! | [`pain001`] | SEPA credit transfers, ISO 20022 pain.001.001.09, written |
//! | [`pain008`] | SEPA direct debits, ISO 20022 pain.008.001.08, written |
//! | [`pain002`] | the bank's answer to either, ISO 20022 pain.002.001.03 and later, read |
//! | [`mt940`] | SWIFT bank statements |
//! | [`nacha`] | orders in the United States (NACHA files: PPD, CCD), written and read |
//! | [`ofx`] | Open Financial Exchange, 1 (SGML) and 2 (XML) |
//! | [`qif`] | Quicken's interchange format |
//! | [`einvoice`] | invoices by EN 16931: UBL 2.1 (Peppol BIS 3) and CII D16B, read, checked by the standard's rules and written |
//! | [`register_csv`] | records of a register, whose columns its client has defined |
//! | [`rows_in`] | a spreadsheet (XLSX), as CSV for the readers above |
//! | [`rows_out`] | rows written as CSV or as a spreadsheet |
//!
//! All statements of banks end in a [`BankStatement`]; a notification, which has no balances, in a
//! [`camt054::BankNotification`] of the same lines. What is written is checked first, and refused with every [`Mistake`] in it;
//! the same content gives the same bytes.

#[macro_use]
mod words;

pub mod bank_csv;
pub mod bank_statement;
mod camt;
pub mod camt053;
pub mod camt054;
pub mod chart_csv;
pub mod charts;
pub mod date;
pub mod einvoice;
pub mod iban;
pub mod limits;
pub mod mistake;
pub mod mt940;
pub mod nacha;
pub mod number;
pub mod ofx;
pub mod opening_csv;
pub mod pain001;
pub mod pain002;
pub mod pain008;
pub mod parties_csv;
pub mod problem;
pub mod qif;
mod records;
pub mod register_csv;
pub mod rows_in;
pub mod rows_out;
pub mod sepa;
pub mod table;
pub mod text;
mod xml;

#[cfg(test)]
mod broken_input;
#[cfg(test)]
mod demo_files;

pub use bank_statement::{AccountId, BankLine, BankStatement, Difference};
pub use date::DateFormat;
pub use mistake::Mistake;
pub use number::DecimalMark;
pub use problem::{Problem, ProblemCode, Problems};
pub use table::Dialect;
pub use text::Encoding;
