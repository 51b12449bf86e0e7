//! Rows as JSON lines, CSV or a spreadsheet, and what is counted on the way.

use std::collections::BTreeMap;

use async_graphql::Value;
use backoffice_formats::rows_out::{Cell, Sheet, csv_line};
use backoffice_money::{Decimal, add, parse_decimal};

use super::ExportFormat;
use super::plan::{Column, Sort};
use crate::platform::error::{Error, Result, UserErrorCode};

enum Writing {
    Jsonl(Vec<u8>),
    Csv(Vec<u8>),
    Xlsx(Box<Sheet>),
}

/// A file while it is written.
pub(super) struct Sink {
    columns: Vec<Column>,
    writing: Writing,
    /// Rows so far.
    pub(super) rows: u64,
    /// The sum of each column of decimals.
    pub(super) totals: BTreeMap<String, Decimal>,
}

fn full(error: std::io::Error) -> Error {
    Error::refuse(UserErrorCode::Invalid, "format", error.to_string())
}

impl Sink {
    /// Begins a file; CSV and spreadsheets with the names of the columns.
    pub(super) fn begin(format: ExportFormat, columns: Vec<Column>) -> Result<Self> {
        let names: Vec<Cell> = columns.iter().map(|column| Cell::Text(column.name())).collect();
        let writing = match format {
            ExportFormat::Jsonl => Writing::Jsonl(Vec::new()),
            ExportFormat::Csv => {
                let mut out = Vec::new();
                csv_line(&mut out, &names);
                Writing::Csv(out)
            }
            ExportFormat::Xlsx => {
                let mut sheet = Sheet::begin().map_err(full)?;
                sheet.row(&names).map_err(full)?;
                Writing::Xlsx(Box::new(sheet))
            }
        };
        let decimals = columns.iter().filter(|column| column.sort == Sort::Decimal);
        let totals = decimals.map(|column| (column.name(), Decimal::ZERO)).collect();
        Ok(Self { columns, writing, rows: 0, totals })
    }

    /// Writes a row.
    pub(super) fn row(&mut self, row: &Value) -> Result<()> {
        self.rows = self.rows.saturating_add(1);
        let mut cells = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let cell = cell(row, column);
            if let (Sort::Decimal, Cell::Number(digits)) = (column.sort, &cell)
                && let Some(total) = self.totals.get_mut(&column.name())
            {
                *total = add(*total, parse_decimal(digits)?)?;
            }
            cells.push(cell);
        }
        match &mut self.writing {
            Writing::Jsonl(out) => {
                serde_json::to_writer(&mut *out, row).map_err(Error::fault)?;
                out.push(b'\n');
            }
            Writing::Csv(out) => csv_line(out, &cells),
            Writing::Xlsx(sheet) => sheet.row(&cells).map_err(full)?,
        }
        Ok(())
    }

    /// Takes what has been written so far.
    pub(super) fn take(&mut self) -> Vec<u8> {
        match &mut self.writing {
            Writing::Jsonl(out) | Writing::Csv(out) => std::mem::take(out),
            Writing::Xlsx(sheet) => sheet.take(),
        }
    }

    /// Ends the file; gives what was not taken yet.
    pub(super) fn end(&mut self) -> Result<Vec<u8>> {
        match std::mem::replace(&mut self.writing, Writing::Jsonl(Vec::new())) {
            Writing::Jsonl(out) | Writing::Csv(out) => Ok(out),
            Writing::Xlsx(sheet) => sheet.end().map_err(full),
        }
    }
}

/// The value of a column in a row; those of a list one behind the other.
fn cell(row: &Value, column: &Column) -> Cell {
    let mut found = Vec::new();
    collect(row, &column.path, &mut found);
    match (found.as_slice(), column.sort) {
        ([], _) => Cell::Empty,
        ([one], Sort::Decimal | Sort::Whole) => Cell::Number(one.clone()),
        _ => Cell::Text(found.join("; ")),
    }
}

fn collect(value: &Value, path: &[String], found: &mut Vec<String>) {
    match (value, path.split_first()) {
        (Value::Null, _) => {}
        (Value::List(items), _) => items.iter().for_each(|item| collect(item, path, found)),
        (Value::Object(fields), Some((name, below))) => {
            if let Some(value) = fields.get(name.as_str()) {
                collect(value, below, found);
            }
        }
        (Value::String(text), None) => found.push(text.clone()),
        (Value::Enum(word), None) => found.push(word.to_string()),
        (other, None) => found.push(serde_json::to_string(other).unwrap_or_default()),
        (_, Some(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::value;

    fn columns() -> Vec<Column> {
        let column = |path: &[&str], sort| Column { path: path.iter().map(|part| (*part).to_owned()).collect(), sort };
        vec![
            column(&["number"], Sort::Text),
            column(&["gross", "amount"], Sort::Decimal),
            column(&["lines", "text"], Sort::Text),
        ]
    }

    #[test]
    fn rows_are_written_and_counted() {
        let rows = [
            value!({ "number": "=1", "gross": { "amount": "12.50" }, "lines": [{ "text": "a" }, { "text": "b" }] }),
            value!({ "number": "2", "gross": null, "lines": [] }),
            value!({ "number": "3", "gross": { "amount": "-2.25" }, "lines": [{ "text": null }] }),
        ];
        let mut written = Vec::new();
        for format in [ExportFormat::Csv, ExportFormat::Jsonl, ExportFormat::Xlsx] {
            let mut sink = Sink::begin(format, columns()).unwrap();
            let mut bytes = Vec::new();
            for row in &rows {
                sink.row(row).unwrap();
                bytes.extend(sink.take());
            }
            bytes.extend(sink.end().unwrap());
            assert_eq!((sink.rows, sink.totals["gross.amount"].to_string()), (3, "10.25".to_owned()));
            written.push(bytes);
        }
        assert_eq!(
            String::from_utf8(written[0].clone()).unwrap(),
            "number,gross.amount,lines.text\r\n\"'=1\",12.50,a; b\r\n2,,\r\n3,-2.25,\r\n"
        );
        assert_eq!(written[1].split(|byte| *byte == b'\n').count(), 4);
        let back = String::from_utf8(backoffice_formats::rows_in::to_csv(&written[2]).unwrap()).unwrap();
        assert_eq!(back, "number,gross.amount,lines.text\r\n=1,12.5,a; b\r\n2,,\r\n3,-2.25,\r\n");
    }
}
