//! Rows as JSON lines, CSV or a spreadsheet, and what is counted on the way: once as the rows come, and once more from
//! what was written of them.

use std::collections::BTreeMap;

use async_graphql::Value;
use backoffice_formats::rows_out::{Cell, Sheet, csv_line, csv_texts, in_xml};
use backoffice_money::{Decimal, add, parse_decimal};
use sha2::{Digest, Sha256};

use super::ExportFormat;
use super::plan::{Column, Sort};
use crate::platform::error::{Error, Result, UserErrorCode};

enum Writing {
    Jsonl(Vec<u8>),
    Csv(Vec<u8>),
    Xlsx(Box<Sheet>),
    Ended,
}

/// How many rows there are, and the sum of each column of decimals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: u64,
    totals: Vec<Decimal>,
}

impl Tally {
    fn new(columns: &[Column]) -> Self {
        Self { rows: 0, totals: vec![Decimal::ZERO; columns.len()] }
    }

    fn take<'a>(&mut self, columns: &[Column], texts: impl Iterator<Item = &'a str>) -> Result<()> {
        self.rows = self.rows.saturating_add(1);
        for ((column, total), text) in columns.iter().zip(&mut self.totals).zip(texts) {
            if column.sort == Sort::Decimal && !text.is_empty() {
                *total = add(*total, parse_decimal(text)?)?;
            }
        }
        Ok(())
    }
}

/// A file while it is written.
pub(super) struct Sink {
    columns: Vec<Column>,
    writing: Writing,
    came: Tally,
    written: Tally,
    hash: Sha256,
    size: u64,
}

/// What became of the rows.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) rows: u64,
    /// The sum of each column of decimals.
    pub(super) totals: BTreeMap<String, String>,
    pub(super) size: u64,
    pub(super) sha256: String,
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
        let tally = Tally::new(&columns);
        Ok(Self { columns, writing, came: tally.clone(), written: tally, hash: Sha256::new(), size: 0 })
    }

    /// Rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.came.rows
    }

    /// Writes a row, and reads it back.
    pub(super) fn row(&mut self, row: &Value) -> Result<()> {
        let cells: Vec<Cell> = self.columns.iter().map(|column| cell(row, column)).collect();
        self.came.take(&self.columns, cells.iter().map(Cell::text))?;
        let read = match &mut self.writing {
            Writing::Jsonl(out) => {
                let line = serde_json::to_vec(row).map_err(Error::fault)?;
                out.extend_from_slice(&line);
                out.push(b'\n');
                let back: Value = serde_json::from_slice(&line).map_err(Error::fault)?;
                Some(self.columns.iter().map(|column| cell(&back, column).text().to_owned()).collect())
            }
            Writing::Csv(out) => {
                let begin = out.len();
                csv_line(out, &cells);
                csv_texts(out.get(begin..).unwrap_or_default())
            }
            Writing::Xlsx(sheet) => {
                sheet.row(&cells).map_err(full)?;
                sheet.last()
            }
            Writing::Ended => None,
        };
        let in_sheet = matches!(self.writing, Writing::Xlsx(_));
        let as_written = |text: &str| if in_sheet { text.chars().map(in_xml).collect() } else { text.to_owned() };
        let read: Vec<String> = read.unwrap_or_default();
        if read.len() != cells.len() || read.iter().zip(&cells).any(|(read, cell)| *read != as_written(cell.text())) {
            return Err(Error::fault(format!("row {} of an export cannot be read back", self.came.rows)));
        }
        self.written.take(&self.columns, read.iter().map(String::as_str))
    }

    fn sent(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        self.hash.update(&bytes);
        self.size = self.size.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        bytes
    }

    /// Takes what has been written so far.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let bytes = match &mut self.writing {
            Writing::Jsonl(out) | Writing::Csv(out) => std::mem::take(out),
            Writing::Xlsx(sheet) => sheet.take(),
            Writing::Ended => Vec::new(),
        };
        self.sent(bytes)
    }

    /// Ends the file; gives what was not taken yet.
    pub(super) fn end(&mut self) -> Result<Vec<u8>> {
        let bytes = match std::mem::replace(&mut self.writing, Writing::Ended) {
            Writing::Jsonl(out) | Writing::Csv(out) => out,
            Writing::Xlsx(sheet) => sheet.end().map_err(full)?,
            Writing::Ended => Vec::new(),
        };
        Ok(self.sent(bytes))
    }

    /// What was counted, if both counts are the same and the list has as many rows.
    pub(super) fn counted(&mut self, listed: Option<u64>) -> Result<Counted> {
        if self.came != self.written || listed.is_some_and(|listed| listed != self.came.rows) {
            let text =
                format!("an export differs: {:?} came, {:?} written, {listed:?} listed", self.came, self.written);
            return Err(Error::fault(text));
        }
        let totals = self.columns.iter().zip(&self.written.totals);
        let totals = totals.filter(|(column, _)| column.sort == Sort::Decimal);
        Ok(Counted {
            rows: self.written.rows,
            totals: totals.map(|(column, total)| (column.name(), total.to_string())).collect(),
            size: self.size,
            sha256: crate::platform::files::store::hex(&self.hash.finalize_reset()),
        })
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

    fn write(format: ExportFormat) -> (Sink, Vec<u8>) {
        let rows = [
            value!({ "number": "=1", "gross": { "amount": "12.50" }, "lines": [{ "text": "a" }, { "text": "b" }] }),
            value!({ "number": "2", "gross": null, "lines": [] }),
            value!({ "number": "3\u{1}", "gross": { "amount": "-2.25" }, "lines": [{ "text": null }] }),
        ];
        let mut sink = Sink::begin(format, columns()).unwrap();
        let mut bytes = Vec::new();
        for row in &rows {
            sink.row(row).unwrap();
            bytes.extend(sink.take());
        }
        bytes.extend(sink.end().unwrap());
        (sink, bytes)
    }

    #[test]
    fn rows_are_written_and_counted() {
        let mut written = Vec::new();
        for format in [ExportFormat::Csv, ExportFormat::Jsonl, ExportFormat::Xlsx] {
            let (mut sink, bytes) = write(format);
            let counted = sink.counted(Some(3)).unwrap();
            assert_eq!((counted.rows, counted.totals["gross.amount"].as_str(), counted.totals.len()), (3, "10.25", 1));
            assert_eq!(counted.size, bytes.len() as u64);
            assert_eq!(counted.sha256, crate::platform::files::store::hex(&Sha256::digest(&bytes)));
            written.push(bytes);
        }
        assert_eq!(
            String::from_utf8(written[0].clone()).unwrap(),
            "number,gross.amount,lines.text\r\n\"'=1\",12.50,\"a; b\"\r\n2,,\r\n3\u{1},-2.25,\r\n"
        );
        assert_eq!(written[1].split(|byte| *byte == b'\n').count(), 4);
        let back = String::from_utf8(backoffice_formats::rows_in::to_csv(&written[2]).unwrap()).unwrap();
        assert_eq!(back, "number,gross.amount,lines.text\r\n\"'=1\",12.5,\"a; b\"\r\n2,,\r\n3\u{FFFD},-2.25,\r\n");
    }

    #[test]
    fn what_does_not_agree_is_no_export() {
        for listed in [Some(2), Some(4)] {
            assert!(write(ExportFormat::Csv).0.counted(listed).is_err());
        }
        let (mut sink, _) = write(ExportFormat::Jsonl);
        sink.written.totals[1] = Decimal::ONE;
        assert!(sink.counted(Some(3)).is_err());
    }
}
