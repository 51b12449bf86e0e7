//! A CSV file as a table with known columns: separator, header and numbers are understood here, meaning elsewhere.

use std::borrow::Cow;
use std::collections::HashSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::date::DateFormat;
use crate::limits::MAX_ROWS;
use crate::number::{self, DecimalMark};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::records::{Records, skip_lines};
use crate::text::{self, Encoding};

pub(crate) mod formula;

/// How a CSV file is written. The default suits a file saved as UTF-8 with dates `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dialect {
    /// The encoding.
    pub encoding: Encoding,
    /// Comma, semicolon or tab; found in the header when absent.
    pub separator: Option<char>,
    /// How numbers are written.
    pub decimal_mark: DecimalMark,
    /// How dates are written.
    pub date_format: DateFormat,
    /// Lines above the header.
    pub skip_lines: u32,
    /// Columns that are called otherwise in the file: its name there, its name here.
    pub names: Vec<(String, String)>,
    /// Columns that nobody knows are passed over.
    pub pass_over: bool,
}

/// A column that a reader knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column<'l> {
    pub(crate) name: &'l str,
    pub(crate) required: bool,
    /// Its fields are amounts, and so tell the decimal mark.
    pub(crate) amounts: bool,
}

/// Shorthands that let a list of columns read like the file's documentation.
pub(crate) const fn needed(name: &str) -> Column<'_> {
    Column { name, required: true, amounts: false }
}

pub(crate) const fn optional(name: &str) -> Column<'_> {
    Column { name, required: false, amounts: false }
}

pub(crate) const fn amounts(name: &str) -> Column<'_> {
    Column { name, required: true, amounts: true }
}

/// The columns of a file, and what to do with others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout<'l> {
    pub(crate) columns: &'l [Column<'l>],
    pub(crate) ignore_others: bool,
    /// Text that looks like a formula is taken as text.
    pub(crate) accept_formulas: bool,
}

impl<'l> Layout<'l> {
    /// These columns and no others.
    pub(crate) const fn exactly(columns: &'l [Column<'l>]) -> Self {
        Self { columns, ignore_others: false, accept_formulas: false }
    }
}

/// A problem was put on the list; there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported;

/// The lines of a file, cut down to the known columns.
pub(crate) struct Table<'t> {
    layout: Layout<'t>,
    date_format: DateFormat,
    decimal_mark: DecimalMark,
    rows: Vec<(u64, Vec<Cow<'t, str>>)>,
    /// Lines with more or fewer fields than the header.
    pub(crate) ragged: usize,
    /// Where the file could not be read any further.
    pub(crate) broken: bool,
}

impl<'t> Table<'t> {
    /// Splits the text and checks the header and the shape of every line.
    pub(crate) fn read(text: &'t str, layout: Layout<'t>, dialect: &Dialect) -> Result<Self, Problems> {
        let mut problems = Problems::new();
        let table = Self::sift(text, layout, dialect, &mut problems)?;
        problems.or(table)
    }

    /// The same, but lines of another shape are left out and put on the list of problems.
    pub(crate) fn sift(
        text: &'t str,
        layout: Layout<'t>,
        dialect: &Dialect,
        problems: &mut Problems,
    ) -> Result<Self, Problems> {
        let first_line = u64::from(dialect.skip_lines).saturating_add(1);
        let body = skip_lines(text, dialect.skip_lines);
        let separator = dialect.separator.unwrap_or_else(|| detect_separator(body));
        if !matches!(separator, ',' | ';' | '\t') {
            let message =
                format!("{} cannot separate columns; comma, semicolon and tab can", shown(&separator.to_string()));
            return Err(Problem::new(first_line, ProblemCode::Format, message).into());
        }
        let mut records = Records::new(body, first_line, separator);
        let Some(header) = records.next().transpose()? else {
            return Err(
                Problem::new(first_line, ProblemCode::Empty, "the file is empty; a header line is expected").into()
            );
        };
        let places = places(&header.fields, header.line, layout, dialect)?;
        let width = header.fields.len();
        let mut rows = Vec::new();
        let (mut ragged, mut broken) = (0_usize, false);
        for record in records {
            let mut record = record.inspect_err(|problem| problems.push(problem.clone())).ok();
            let Some(record) = record.as_mut() else {
                broken = true;
                break;
            };
            if rows.len() >= MAX_ROWS {
                let message = format!("more than {MAX_ROWS} lines; split the file");
                return Err(Problem::new(record.line, ProblemCode::TooLarge, message).into());
            }
            if record.fields.len() != width {
                let message = format!("{} fields where the header has {width}", record.fields.len());
                problems.push(Problem::new(record.line, ProblemCode::RaggedRow, message));
                ragged = ragged.saturating_add(1);
                continue;
            }
            let cells = places
                .iter()
                .map(|place| place.and_then(|place| record.fields.get(place)).cloned().unwrap_or_default());
            rows.push((record.line, cells.collect()));
        }
        let decimal_mark = decimal_mark(dialect.decimal_mark, layout, &rows);
        Ok(Self { layout, date_format: dialect.date_format, decimal_mark, rows, ragged, broken })
    }

    /// How many lines there are below the header.
    pub(crate) fn lines(&self) -> usize {
        self.rows.len().saturating_add(self.ragged)
    }

    /// Reads each line; what a line lacks goes on the list of problems.
    pub(crate) fn each<T>(
        &self,
        problems: &mut Problems,
        read: impl Fn(&mut Row<'_, '_>) -> Result<T, Reported>,
    ) -> Vec<T> {
        let rows = self.rows.iter().filter_map(|(line, cells)| {
            read(&mut Row { line: *line, table: self, cells, problems: &mut *problems }).ok()
        });
        rows.collect()
    }
}

/// The separator that the header line has most of, outside quotes.
fn detect_separator(text: &str) -> char {
    let header = text.trim_start_matches(['\n', '\r']).split(['\n', '\r']).next().unwrap_or_default();
    let outside: String = header.split('"').step_by(2).collect();
    let count = |separator: &char| outside.matches(*separator).count();
    // the last of equals wins, so a header without any is one column, with a comma to come
    ['\t', ';', ','].into_iter().max_by_key(count).unwrap_or(',')
}

/// Where in a record each known column stands.
fn places(
    header: &[Cow<'_, str>],
    line: u64,
    layout: Layout<'_>,
    dialect: &Dialect,
) -> Result<Vec<Option<usize>>, Problems> {
    let mut problems = Problems::new();
    let written: Vec<String> =
        header.iter().map(|name| text::one_line(formula::unshielded(name).unwrap_or(name))).collect();
    for (there, _) in dialect.names.iter().filter(|(there, _)| !written.iter().any(|name| same_name(name, there))) {
        let message = format!("the header has no column {}", shown(there));
        problems.push(Problem::new(line, ProblemCode::MissingColumn, message).in_column(there));
    }
    let here = |name: &String| dialect.names.iter().find(|(there, _)| same_name(there, name)).map(|(_, here)| here);
    let names: Vec<String> = written.iter().map(|name| here(name).unwrap_or(name).clone()).collect();
    let known = |name: &str| layout.columns.iter().any(|column| same_name(column.name, name));
    let mut seen = HashSet::new();
    for name in &names {
        if !known(name) {
            if !(layout.ignore_others || dialect.pass_over) || dialect.names.iter().any(|(_, here)| here == name) {
                let list: Vec<&str> = layout.columns.iter().map(|column| column.name).collect();
                let message = format!("{} is not a column here; the columns are {}", shown(name), list.join(", "));
                problems.push(Problem::new(line, ProblemCode::UnknownColumn, message).in_column(name));
            }
        } else if !seen.insert(name.to_lowercase()) {
            let message = format!("two columns are named {}", shown(name));
            problems.push(Problem::new(line, ProblemCode::DuplicateColumn, message).in_column(name));
        }
    }
    let places: Vec<Option<usize>> =
        layout.columns.iter().map(|column| names.iter().position(|name| same_name(column.name, name))).collect();
    for (column, place) in layout.columns.iter().zip(&places) {
        if column.required && place.is_none() {
            let message = format!("the header has no column {}", shown(column.name));
            problems.push(Problem::new(line, ProblemCode::MissingColumn, message).in_column(column.name));
        }
    }
    problems.or(places)
}

/// Header names match whatever their case and outer white space.
fn same_name(one: &str, other: &str) -> bool {
    text::one_line(one).to_lowercase() == text::one_line(other).to_lowercase()
}

/// The mark of the whole file: declared, or proven by the first number that can be read in one way only.
fn decimal_mark(declared: DecimalMark, layout: Layout<'_>, rows: &[(u64, Vec<Cow<'_, str>>)]) -> DecimalMark {
    if declared != DecimalMark::Detect {
        return declared;
    }
    let amounts =
        rows.iter().flat_map(|(_, cells)| cells.iter().zip(layout.columns).filter(|(_, column)| column.amounts));
    amounts.map(|(cell, _)| cell).find_map(|cell| number::evidence(cell)).unwrap_or(DecimalMark::Detect)
}

/// One line while it is read. Every reader below returns the value, nothing for an empty field, or has reported a problem.
pub(crate) struct Row<'r, 't> {
    pub(crate) line: u64,
    table: &'r Table<'t>,
    cells: &'r [Cow<'t, str>],
    problems: &'r mut Problems,
}

impl<'r> Row<'r, '_> {
    /// Puts a problem of this column on the list.
    pub(crate) fn refuse(&mut self, column: &str, code: ProblemCode, message: impl Into<String>) -> Reported {
        self.problems.push(Problem::new(self.line, code, message).in_column(column));
        Reported
    }

    fn cell(&self, column: &str) -> &'r str {
        let place = self.table.layout.columns.iter().position(|known| known.name == column);
        place.and_then(|place| self.cells.get(place)).map(Cow::as_ref).unwrap_or_default()
    }

    /// Whether the field holds anything.
    pub(crate) fn is_filled(&self, column: &str) -> bool {
        !self.cell(column).trim().is_empty()
    }

    /// Text on one line.
    pub(crate) fn text(&mut self, column: &str) -> Result<Option<String>, Reported> {
        let cell = self.cell(column);
        if let Some(shown) = formula::unshielded(cell) {
            return Ok(text::filled(shown));
        }
        if !self.table.layout.accept_formulas && formula::is_formula(cell) {
            let message =
                format!("{} would run as a formula in a spreadsheet; write it as plain text", shown(cell.trim()));
            return Err(self.refuse(column, ProblemCode::Formula, message));
        }
        Ok(text::filled(cell))
    }

    /// Text that must be there.
    pub(crate) fn required(&mut self, column: &str) -> Result<String, Reported> {
        match self.text(column)? {
            Some(text) => Ok(text),
            None => Err(self.refuse(column, ProblemCode::Required, format!("{column} is missing"))),
        }
    }

    /// An amount.
    pub(crate) fn decimal(&mut self, column: &str) -> Result<Option<Decimal>, Reported> {
        self.number(column, number::MAX_DECIMALS)
    }

    /// A number of at most so many decimals.
    pub(crate) fn number(&mut self, column: &str, decimals: usize) -> Result<Option<Decimal>, Reported> {
        let cell = self.cell(column).trim();
        if cell.is_empty() {
            return Ok(None);
        }
        if cell.starts_with(['=', '@']) {
            let message = format!("{} is a formula; write its value", shown(cell));
            return Err(self.refuse(column, ProblemCode::Formula, message));
        }
        let read = number::parse_to(cell, self.table.decimal_mark, decimals);
        read.map(Some).map_err(|bad| self.refuse(column, bad.code, bad.message))
    }

    /// A date in the file's format.
    pub(crate) fn date(&mut self, column: &str) -> Result<Option<NaiveDate>, Reported> {
        let cell = self.cell(column);
        if cell.trim().is_empty() {
            return Ok(None);
        }
        self.table.date_format.parse(cell).map(Some).map_err(|message| self.refuse(column, ProblemCode::Date, message))
    }

    /// One of a few words; `parse` knows them and `all` names them in the refusal.
    pub(crate) fn word<T>(
        &mut self,
        column: &str,
        all: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Reported> {
        let cell = self.cell(column).trim();
        if cell.is_empty() {
            return Ok(None);
        }
        let message = || format!("{} is not one of {all}", shown(cell));
        parse(cell).map(Some).ok_or_else(|| self.refuse(column, ProblemCode::UnknownWord, message()))
    }

    /// The form of an ISO 4217 code. Whether the currency exists is for the caller, who has the list.
    pub(crate) fn currency(&mut self, column: &str) -> Result<Option<String>, Reported> {
        self.capitals(column, 3, ProblemCode::Currency, "a currency code of three capital letters, such as EUR")
    }

    /// The form of an ISO 3166 code.
    pub(crate) fn country(&mut self, column: &str) -> Result<Option<String>, Reported> {
        self.capitals(column, 2, ProblemCode::Country, "a country code of two capital letters, such as DE")
    }

    fn capitals(
        &mut self,
        column: &str,
        length: usize,
        code: ProblemCode,
        what: &str,
    ) -> Result<Option<String>, Reported> {
        let cell = self.cell(column).trim();
        if cell.is_empty() {
            return Ok(None);
        }
        if cell.len() == length && cell.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Ok(Some(cell.to_owned()));
        }
        Err(self.refuse(column, code, format!("{} is not {what}", shown(cell))))
    }
}

#[cfg(test)]
mod tests;
