//! A spreadsheet's first sheet as CSV, for the readers of CSV files. Row and line numbers are the same.
//!
//! A spreadsheet is an archive and may be a bomb. Before anything of it is kept, what it says of its size is looked at, and
//! then each of its parts is unpacked once into nothing, with an end to how much that may be, whatever was said; of XML
//! also how many elements there are and how long each is, because the reader holds one at a time and every shared text.

use std::io::{BufReader, Cursor, Read};

use calamine::{DataRef, Reader, Xlsx, open_workbook_from_rs};
use zip::ZipArchive;

use crate::limits::{MAX_BYTES, MAX_COLUMNS, MAX_FIELD_CHARS, MAX_ROWS};
use crate::problem::{Problem, ProblemCode, Problems};
use crate::rows_out::{Cell, csv_line};

/// The most bytes that a spreadsheet may unpack to.
pub const MAX_UNPACKED: u64 = 192 * 1024 * 1024;
/// The most bytes that any part of it may unpack to that is held whole: everything but sheets.
pub const MAX_PART: u64 = 32 * 1024 * 1024;
/// The most elements in a part that is held whole.
const MAX_HELD_ELEMENTS: u64 = 2_000_000;
/// The most bytes of one element or one text.
const MAX_RUN: u64 = 256 * 1024;
/// The most parts of the archive.
const MAX_PARTS: usize = 500;

fn wrong(code: ProblemCode, message: impl Into<String>) -> Problems {
    Problem::new(1, code, message.into()).into()
}

/// Whether the bytes are an archive, as a spreadsheet is.
#[must_use]
pub fn is_spreadsheet(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

fn too_large(bytes: u64) -> Problems {
    wrong(ProblemCode::TooLarge, format!("the spreadsheet unpacks to more than {} MiB", bytes / 1024 / 1024))
}

/// Looks at what the archive says of itself, then unpacks everything into nothing: what is said is not believed.
fn defuse(bytes: &[u8]) -> Result<(), Problems> {
    let broken = |_| wrong(ProblemCode::Format, "this is no spreadsheet that can be read");
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > MAX_PARTS {
        return Err(wrong(ProblemCode::TooLarge, format!("more than {MAX_PARTS} parts in the spreadsheet")));
    }
    let mut declared: u64 = 0;
    for at in 0..archive.len() {
        declared = declared.saturating_add(archive.by_index_raw(at).map_err(broken)?.size());
    }
    if declared > MAX_UNPACKED {
        return Err(too_large(MAX_UNPACKED));
    }
    let mut left = MAX_UNPACKED;
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(broken)?;
        let sheet = part.name().map_err(broken)?.starts_with("xl/worksheets/");
        let most = if sheet { left } else { left.min(MAX_PART) };
        left = left.saturating_sub(measure(part, most, sheet)?);
    }
    Ok(())
}

/// How many bytes a part unpacks to, if it is fit to be read.
fn measure(part: impl Read, most: u64, sheet: bool) -> Result<u64, Problems> {
    let mut reader = BufReader::with_capacity(64 * 1024, part);
    let (mut size, mut elements, mut run) = (0_u64, 0_u64, 0_u64);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = reader.read(&mut buffer).map_err(|_| wrong(ProblemCode::Format, "the spreadsheet is damaged"))?;
        let piece = buffer.get(..count).unwrap_or_default();
        if piece.is_empty() {
            return Ok(size);
        }
        size = size.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if size > most {
            return Err(too_large(most));
        }
        for byte in piece {
            match byte {
                b'<' => {
                    elements = elements.saturating_add(1);
                    run = 0;
                }
                b'>' => run = 0,
                _ => run = run.saturating_add(1),
            }
            if run > MAX_RUN {
                return Err(wrong(ProblemCode::TooLarge, "a text or an element of the spreadsheet is too long"));
            }
        }
        if !sheet && elements > MAX_HELD_ELEMENTS {
            return Err(wrong(ProblemCode::TooLarge, "too many elements in the spreadsheet"));
        }
    }
}

/// The cells of the first sheet, as CSV.
pub fn to_csv(bytes: &[u8]) -> Result<Vec<u8>, Problems> {
    if bytes.len() > MAX_BYTES {
        return Err(wrong(ProblemCode::TooLarge, format!("the file is larger than {} MiB", MAX_BYTES / 1024 / 1024)));
    }
    defuse(bytes)?;
    let broken =
        |error: calamine::XlsxError| wrong(ProblemCode::Format, format!("the spreadsheet cannot be read: {error}"));
    let mut book: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).map_err(broken)?;
    let name = book.sheet_names().first().cloned().ok_or_else(|| wrong(ProblemCode::Empty, "there is no sheet"))?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(broken)?;
    let mut lines = Lines::default();
    while let Some(cell) = cells.next_cell().map_err(broken)? {
        let (row, column) = cell.get_position();
        let (row, column) = (usize::try_from(row).unwrap_or(usize::MAX), usize::try_from(column).unwrap_or(usize::MAX));
        let line = u64::try_from(row).unwrap_or(u64::MAX).saturating_add(1);
        let shown = match shown(cell.get_value()) {
            Ok(Cell::Empty) => continue,
            Ok(shown) => shown,
            Err(message) => return Err(Problem::new(line, ProblemCode::Format, message).into()),
        };
        if row > MAX_ROWS || column >= MAX_COLUMNS {
            let message = format!("more than {MAX_ROWS} rows or {MAX_COLUMNS} columns");
            return Err(Problem::new(line, ProblemCode::TooLarge, message).into());
        }
        if shown.text().chars().count() > MAX_FIELD_CHARS {
            let message = format!("a cell has more than {MAX_FIELD_CHARS} characters");
            return Err(Problem::new(line, ProblemCode::FieldTooLong, message).into());
        }
        lines.put(row, column, shown)?;
    }
    lines.end()
}

/// Lines of CSV while they come.
#[derive(Default)]
struct Lines {
    out: Vec<u8>,
    line: usize,
    /// Of the first line that holds anything, which is the header.
    width: usize,
    cells: Vec<Cell>,
}

impl Lines {
    fn put(&mut self, row: usize, column: usize, cell: Cell) -> Result<(), Problems> {
        if row < self.line {
            return Err(wrong(ProblemCode::Format, "the rows of the sheet are in no order"));
        }
        while self.line < row {
            self.finish()?;
        }
        if self.cells.len() <= column {
            self.cells.resize(column.saturating_add(1), Cell::Empty);
        }
        if let Some(place) = self.cells.get_mut(column) {
            *place = cell;
        }
        Ok(())
    }

    /// Ends a line; it has as many fields as the header.
    fn finish(&mut self) -> Result<(), Problems> {
        if self.width == 0 {
            self.width = self.cells.len();
        }
        if self.cells.len() < self.width {
            self.cells.resize(self.width, Cell::Empty);
        }
        csv_line(&mut self.out, &self.cells);
        self.cells.clear();
        self.line = self.line.saturating_add(1);
        if self.out.len() > MAX_BYTES {
            let message = format!("the spreadsheet holds more than {} MiB of text", MAX_BYTES / 1024 / 1024);
            return Err(wrong(ProblemCode::TooLarge, message));
        }
        Ok(())
    }

    fn end(mut self) -> Result<Vec<u8>, Problems> {
        if !self.cells.is_empty() {
            self.finish()?;
        }
        Ok(self.out)
    }
}

/// What a person sees in a cell, on one line. A text stays a text, also where it looks like a formula.
fn shown(value: &DataRef<'_>) -> Result<Cell, String> {
    let text = |text: &str| Cell::Text(text.replace(['\r', '\n'], " "));
    Ok(match value {
        DataRef::Empty => Cell::Empty,
        DataRef::Int(number) => Cell::Number(number.to_string()),
        DataRef::Float(number) => Cell::Number(digits(*number)?),
        DataRef::String(shown) => text(shown),
        DataRef::SharedString(shown) => text(shown),
        DataRef::Bool(yes) => text(if *yes { "true" } else { "false" }),
        DataRef::DateTime(moment) => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            text(&match (hour, minute, second) {
                (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
                _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
            })
        }
        DataRef::DateTimeIso(shown) | DataRef::DurationIso(shown) => text(shown),
        DataRef::Error(error) => return Err(format!("a cell shows the error {error}")),
    })
}

/// A number as a spreadsheet shows it: with fifteen digits, which gives back what was typed.
fn digits(number: f64) -> Result<String, String> {
    if !number.is_finite() || number.abs() >= 1e15 {
        return Err(format!("{number} has more digits than a spreadsheet keeps; write it as text"));
    }
    let shown: f64 = format!("{number:.14e}").parse().map_err(|_| "a cell holds no number".to_owned())?;
    Ok(shown.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows_out::Sheet;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    /// A spreadsheet with another part beside it, or instead of its sheet.
    fn with_part(name: &str, repeated: &[u8], times: usize) -> Vec<u8> {
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        for _ in 0..times {
            archive.write_all(repeated).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn refused(bytes: &[u8]) -> (ProblemCode, String) {
        let problem = to_csv(bytes).unwrap_err().into_iter().next().unwrap();
        (problem.code, problem.message)
    }

    #[test]
    fn bombs_are_refused_whatever_they_say_of_themselves() {
        let cells = b"<c><v>1</v></c>".repeat(8192);
        let mut bomb = with_part("xl/worksheets/sheet1.xml", &cells, 1700);
        assert!(bomb.len() < 2 * 1024 * 1024);
        let (code, message) = refused(&bomb);
        assert_eq!(code, ProblemCode::TooLarge, "{message}");
        // The same with a directory that says it were small: its four bytes of size before the name.
        let directory = bomb.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
        bomb[directory + 24..directory + 28].copy_from_slice(&1000_u32.to_le_bytes());
        let (code, message) = refused(&bomb);
        assert!([ProblemCode::TooLarge, ProblemCode::Format].contains(&code), "{message}");
        for (name, repeated, times) in [
            ("xl/sharedStrings.xml", b"<si/>".repeat(8192), 300),
            (
                "xl/sharedStrings.xml",
                b"<t>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</t>".repeat(1024),
                600,
            ),
            ("xl/worksheets/sheet1.xml", vec![b'a'; 1024], 300),
        ] {
            let (code, message) = refused(&with_part(name, &repeated, times));
            assert_eq!(code, ProblemCode::TooLarge, "{name}: {message}");
        }
    }

    #[test]
    fn rubbish_is_refused() {
        let good = with_part("xl/workbook.xml", b"<workbook/>", 1);
        for rubbish in [&b"PK\x03\x04"[..], b"", b"PK\x03\x04 and so on", &good, &good[..good.len() / 2]] {
            assert!(to_csv(rubbish).is_err());
        }
        let mut many = ZipWriter::new(Cursor::new(Vec::new()));
        for at in 0..600 {
            many.start_file(format!("{at}"), SimpleFileOptions::default()).unwrap();
        }
        assert_eq!(refused(&many.finish().unwrap().into_inner()).0, ProblemCode::TooLarge);
    }

    #[test]
    fn numbers_are_shown_as_they_were_typed() {
        for (number, text) in
            [(0.1 + 0.2, "0.3"), (-1234.5, "-1234.5"), (1e14, "100000000000000"), (12.0, "12"), (0.0, "0")]
        {
            assert_eq!(digits(number).unwrap(), text);
        }
        assert!(digits(1e15).is_err() && digits(f64::NAN).is_err());
    }

    #[test]
    fn texts_that_look_like_formulas_stay_texts() {
        let mut sheet = Sheet::begin().unwrap();
        sheet.row(&[Cell::Text("number".to_owned()), Cell::Text("name".to_owned())]).unwrap();
        sheet.row(&[Cell::Text("1".to_owned()), Cell::Text("=1+1".to_owned())]).unwrap();
        let csv = to_csv(&sheet.end().unwrap()).unwrap();
        assert_eq!(String::from_utf8(csv.clone()).unwrap(), "number,name\r\n1,\"'=1+1\"\r\n");
        let parties = crate::parties_csv::parse(&csv, &crate::Dialect::default()).unwrap();
        assert_eq!(parties[0].name, "=1+1");
    }
}
