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
//! | [`camt053`] | ISO 20022 bank statements (XML) |
//! | [`mt940`] | SWIFT bank statements |
//! | [`ofx`] | Open Financial Exchange, 1 (SGML) and 2 (XML) |
//! | [`qif`] | Quicken's interchange format |
//! | [`register_csv`] | records of a register, whose columns its client has defined |
//! | [`rows_in`] | a spreadsheet (XLSX), as CSV for the readers above |
//! | [`rows_out`] | rows written as CSV or as a spreadsheet |
//!
//! All bank formats end in a [`BankStatement`].

#[macro_use]
mod words;

pub mod bank_csv;
pub mod bank_statement;
pub mod camt053;
pub mod chart_csv;
pub mod charts;
pub mod date;
pub mod iban;
pub mod limits;
pub mod mt940;
pub mod number;
pub mod ofx;
pub mod opening_csv;
pub mod parties_csv;
pub mod problem;
pub mod qif;
mod records;
pub mod register_csv;
pub mod rows_in;
pub mod rows_out;
pub mod table;
pub mod text;

#[cfg(test)]
mod broken_input;
#[cfg(test)]
mod demo_files;

pub use bank_statement::{AccountId, BankLine, BankStatement, Difference};
pub use date::DateFormat;
pub use number::DecimalMark;
pub use problem::{Problem, ProblemCode, Problems};
pub use table::Dialect;
pub use text::Encoding;
