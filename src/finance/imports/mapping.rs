//! How a bank writes its CSV files: which column is what, and how numbers and dates are written.

use async_graphql::{Enum, InputObject};
use backoffice_formats::bank_csv::{AmountColumns, ColumnMapping};
use backoffice_formats::limits::MAX_COLUMNS;
use backoffice_formats::{DateFormat, DecimalMark, Dialect, Encoding, qif};

use crate::platform::error::{Error, Result, UserErrorCode};

/// How dates are written in a file.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileDateFormat {
    /// `2026-01-31`
    Iso,
    /// `31.01.2026`
    DayMonthYearPoints,
    /// `01/31/2026`
    MonthDayYearSlashes,
    /// `31/01/2026`
    DayMonthYearSlashes,
}

/// How numbers are written in a file.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileDecimalMark {
    /// Found out from the numbers; one that can be read in two ways is refused.
    Detect,
    /// `1234.56`, no thousands separators.
    Plain,
    /// `1234.56` or `1,234.56`.
    Point,
    /// `1234,56` or `1.234,56`.
    Comma,
}

/// How the characters of a file are written.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileEncoding {
    /// UTF-8, or UTF-16 with a byte order mark.
    Unicode,
    /// Windows-1252, of which ISO 8859-1 is a part.
    Windows1252,
    /// ISO 8859-15.
    Iso885915,
}

/// Which column of a bank's CSV file is what, by the names in its header. Columns that are not named are passed over.
#[derive(InputObject, Clone, Debug)]
pub struct BankCsvMappingInput {
    /// The day of booking.
    pub booked_on: String,
    /// The value date.
    pub value_on: Option<String>,
    /// The amount, negative for money out; this, or `debit` and `credit`.
    pub amount: Option<String>,
    /// Money out, where it has a column of its own.
    pub debit: Option<String>,
    /// Money in, where it has a column of its own.
    pub credit: Option<String>,
    /// The currency, which then has to be the account's on every line.
    pub currency: Option<String>,
    /// The other party's name.
    pub counterparty: Option<String>,
    /// The other party's account.
    pub counterparty_iban: Option<String>,
    /// What the payment is for.
    pub reference: Option<String>,
    /// The payer's own reference.
    pub end_to_end_id: Option<String>,
    /// The bank's reference.
    pub bank_reference: Option<String>,
    /// The bank's word for the kind of movement.
    pub kind: Option<String>,
    /// The balance after each line, which is then checked: a line that was left out shows.
    pub balance: Option<String>,
    /// How dates are written; `ISO` if not said.
    pub date_format: Option<FileDateFormat>,
    /// How numbers are written; `DETECT` if not said.
    pub decimal_mark: Option<FileDecimalMark>,
    /// How characters are written; `UNICODE` if not said.
    pub encoding: Option<FileEncoding>,
    /// What separates columns: `,`, `;` or a tab; found out from the header if not said.
    pub separator: Option<String>,
    /// Lines above the header, 0 to 1000; none if not said.
    pub skip_lines: Option<i32>,
    /// Take text that looks like a spreadsheet's formula for what it is; refused if not said. Who pays chooses the text.
    pub accept_formula_text: Option<bool>,
}

impl BankCsvMappingInput {
    /// The mapping for the parser. Refusals name fields below `at`.
    pub(super) fn read(self, at: &str) -> Result<ColumnMapping> {
        let amount = match (self.amount, self.debit, self.credit) {
            (Some(amount), None, None) => AmountColumns::Signed(amount),
            (None, Some(debit), Some(credit)) => AmountColumns::Sides { debit, credit },
            _ => {
                let message = "Name the column of the amount, or those of debit and credit.";
                return Err(Error::refuse(UserErrorCode::Invalid, &format!("{at}.amount"), message));
            }
        };
        let written = Written {
            encoding: self.encoding,
            separator: self.separator,
            decimal_mark: self.decimal_mark,
            date_format: self.date_format,
            skip_lines: self.skip_lines,
        };
        let dialect = written.read(at)?;
        Ok(ColumnMapping {
            value_on: self.value_on,
            currency: self.currency,
            counterparty: self.counterparty,
            counterparty_iban: self.counterparty_iban,
            reference: self.reference,
            end_to_end_id: self.end_to_end_id,
            bank_reference: self.bank_reference,
            kind: self.kind,
            balance: self.balance,
            accept_formula_text: self.accept_formula_text.unwrap_or_default(),
            dialect,
            ..ColumnMapping::new(self.booked_on, amount)
        })
    }
}

/// How a bank's file is written that does not say so itself.
#[derive(InputObject, Clone, Debug, Default)]
pub struct BankFileWritingInput {
    /// How dates are written; `ISO` if not said.
    pub date_format: Option<FileDateFormat>,
    /// How numbers are written; `DETECT` if not said.
    pub decimal_mark: Option<FileDecimalMark>,
    /// How characters are written; `UNICODE` if not said.
    pub encoding: Option<FileEncoding>,
}

impl BankFileWritingInput {
    /// The same for a parser. Refusals name fields below `at`.
    pub(super) fn read(self, at: &str) -> Result<qif::Written> {
        let Self { date_format, decimal_mark, encoding } = self;
        let dialect = Written { encoding, separator: None, decimal_mark, date_format, skip_lines: None }.read(at)?;
        Ok(qif::Written {
            encoding: dialect.encoding,
            date_format: dialect.date_format,
            decimal_mark: dialect.decimal_mark,
        })
    }
}

/// How a file is written, as far as it is said.
pub(super) struct Written {
    pub(super) encoding: Option<FileEncoding>,
    pub(super) separator: Option<String>,
    pub(super) decimal_mark: Option<FileDecimalMark>,
    pub(super) date_format: Option<FileDateFormat>,
    pub(super) skip_lines: Option<i32>,
}

impl Written {
    /// The same for a parser. Refusals name fields below `at`.
    pub(super) fn read(self, at: &str) -> Result<Dialect> {
        let refuse =
            |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, &format!("{at}.{field}"), message));
        let separator = match self.separator.as_deref() {
            None => None,
            Some(",") => Some(','),
            Some(";") => Some(';'),
            Some("\t") => Some('\t'),
            Some(_) => return refuse("separator", "Columns are separated by a comma, a semicolon or a tab."),
        };
        let Some(skip_lines) = u32::try_from(self.skip_lines.unwrap_or_default()).ok().filter(|lines| *lines <= 1000)
        else {
            return refuse("skipLines", "0 to 1000 lines above the header can be left out.");
        };
        Ok(Dialect {
            encoding: match self.encoding {
                None | Some(FileEncoding::Unicode) => Encoding::Unicode,
                Some(FileEncoding::Windows1252) => Encoding::Windows1252,
                Some(FileEncoding::Iso885915) => Encoding::Iso8859_15,
            },
            separator,
            decimal_mark: match self.decimal_mark {
                None | Some(FileDecimalMark::Detect) => DecimalMark::Detect,
                Some(FileDecimalMark::Plain) => DecimalMark::Plain,
                Some(FileDecimalMark::Point) => DecimalMark::Point,
                Some(FileDecimalMark::Comma) => DecimalMark::Comma,
            },
            date_format: match self.date_format {
                None | Some(FileDateFormat::Iso) => DateFormat::Iso,
                Some(FileDateFormat::DayMonthYearPoints) => DateFormat::DayMonthYearPoints,
                Some(FileDateFormat::MonthDayYearSlashes) => DateFormat::MonthDayYearSlashes,
                Some(FileDateFormat::DayMonthYearSlashes) => DateFormat::DayMonthYearSlashes,
            },
            skip_lines,
            ..Dialect::default()
        })
    }
}

/// What a column of a file is.
#[derive(InputObject, Clone, Debug)]
pub struct ImportColumnInput {
    /// Its name in the file's header.
    pub column: String,
    /// What it is: one of the columns that files of this kind have, as `number`.
    pub field: String,
}

/// How a file is written, and what its columns are.
#[derive(InputObject, Clone, Debug, Default)]
pub struct ImportMappingInput {
    /// Columns that have other names in the file than files of this kind have; at most 200.
    pub columns: Option<Vec<ImportColumnInput>>,
    /// Pass over columns that files of this kind do not have; such a file is refused if not said.
    pub ignore_other_columns: Option<bool>,
    /// How dates are written; `ISO` if not said. Dates that a spreadsheet knows as such are `ISO`.
    pub date_format: Option<FileDateFormat>,
    /// How numbers are written; `DETECT` if not said.
    pub decimal_mark: Option<FileDecimalMark>,
    /// How characters are written; `UNICODE` if not said.
    pub encoding: Option<FileEncoding>,
    /// What separates columns: `,`, `;` or a tab; found out from the header if not said.
    pub separator: Option<String>,
    /// Lines above the header, 0 to 1000; none if not said.
    pub skip_lines: Option<i32>,
}

impl ImportMappingInput {
    /// The same for a parser.
    pub(super) fn read(self) -> Result<Dialect> {
        let names: Vec<(String, String)> =
            self.columns.unwrap_or_default().into_iter().map(|one| (one.column, one.field)).collect();
        if names.len() > MAX_COLUMNS {
            let message = format!("A file has at most {MAX_COLUMNS} columns.");
            return Err(Error::refuse(UserErrorCode::Invalid, "mapping.columns", message));
        }
        let written = Written {
            encoding: self.encoding,
            separator: self.separator,
            decimal_mark: self.decimal_mark,
            date_format: self.date_format,
            skip_lines: self.skip_lines,
        };
        Ok(Dialect { names, pass_over: self.ignore_other_columns.unwrap_or_default(), ..written.read("mapping")? })
    }
}

/// A file that was a spreadsheet is CSV of one spelling by now.
pub(super) fn of_sheet(dialect: Dialect) -> Dialect {
    let decimal_mark = match dialect.decimal_mark {
        DecimalMark::Detect => DecimalMark::Plain,
        said => said,
    };
    Dialect { encoding: Encoding::Unicode, separator: Some(','), decimal_mark, ..dialect }
}
