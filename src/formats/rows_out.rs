//! Rows written as CSV or as a spreadsheet, a row at a time: nothing is held but the row and what was not taken yet.
//!
//! A text that a spreadsheet would run is written so that it is shown: in CSV behind an apostrophe, in XLSX as the text
//! that it is. Numbers are written digit by digit as they came; no float is in between. Each row can be read back from
//! what was written of it, so that whoever counts can count twice.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use quick_xml::events::Event;
use zip::ZipWriter;
use zip::write::{SimpleFileOptions, StreamWriter};

use crate::records::Records;
use crate::table::formula::{is_shielded, unshielded};

/// The most rows of a spreadsheet, its header included.
pub const MAX_SHEET_ROWS: u64 = 1_048_576;
/// The most characters of a spreadsheet's cell.
pub const MAX_SHEET_CELL: usize = 32_767;
/// How many digits of a number a spreadsheet keeps.
const SHEET_DIGITS: usize = 15;

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A number, as its digits.
    Number(String),
    /// A text.
    Text(String),
}

impl Cell {
    /// What is read where it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Empty => "",
            Self::Number(text) | Self::Text(text) => text,
        }
    }
}

/// Writes one line of CSV (RFC 4180, UTF-8).
pub fn csv_line(out: &mut Vec<u8>, cells: &[Cell]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match cell {
            Cell::Empty => {}
            Cell::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Cell::Text(text) => {
                let mark = if is_shielded(text) { "'" } else { "" };
                let special = text.contains([',', ';', '\t', '"', '\n', '\r']);
                if special || !mark.is_empty() || text.starts_with(' ') || text.ends_with(' ') {
                    out.push(b'"');
                    out.extend_from_slice(mark.as_bytes());
                    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
                    out.push(b'"');
                } else {
                    out.extend_from_slice(text.as_bytes());
                }
            }
        }
    }
    if let [only] = cells
        && only.text().is_empty()
    {
        // A line of nothing would be no line.
        out.extend_from_slice(b"\"\"");
    }
    out.extend_from_slice(b"\r\n");
}

/// The texts of a line of CSV as it was written by [`csv_line`]; nothing if it is none.
#[must_use]
pub fn csv_texts(line: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(line).ok()?;
    let mut records = Records::with_blanks(text, ',');
    let fields = records.next()?.ok()?.fields;
    let texts = fields.iter().map(|field| unshielded(field).unwrap_or(field).to_owned()).collect();
    if records.next().is_some() { None } else { Some(texts) }
}

/// What the archive has written and nobody has taken yet.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<u8>>>);

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A spreadsheet with one sheet that is written while it grows.
pub struct Sheet {
    archive: ZipWriter<StreamWriter<Taken>>,
    written: Taken,
    row: String,
    rows: u64,
}

const PARTS: [(&str, &str); 4] = [
    (
        "[Content_Types].xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>"#,
    ),
    (
        "_rels/.rels",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
    ),
    (
        "xl/workbook.xml",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Export" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
    ),
    (
        "xl/_rels/workbook.xml.rels",
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
    ),
];

impl Sheet {
    /// Begins a spreadsheet.
    pub fn begin() -> io::Result<Self> {
        let written = Taken::default();
        let mut archive = ZipWriter::new_stream(written.clone());
        for (name, text) in PARTS {
            archive.start_file(name, SimpleFileOptions::default())?;
            archive.write_all(text.as_bytes())?;
        }
        let large = SimpleFileOptions::default().large_file(true).compression_level(Some(3));
        archive.start_file("xl/worksheets/sheet1.xml", large)?;
        archive.write_all(br#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>"#)?;
        Ok(Self { archive, written, row: String::new(), rows: 0 })
    }

    /// Writes a row. Fails if the sheet is full, or a text is longer than a cell.
    pub fn row(&mut self, cells: &[Cell]) -> io::Result<()> {
        if self.rows >= MAX_SHEET_ROWS {
            return Err(io::Error::other(format!(
                "A spreadsheet has at most {MAX_SHEET_ROWS} rows; take CSV or JSONL."
            )));
        }
        self.rows = self.rows.saturating_add(1);
        let row = &mut self.row;
        row.clear();
        row.push_str("<row>");
        for cell in cells {
            match cell {
                Cell::Empty => row.push_str("<c/>"),
                // Beyond its digits a spreadsheet would round.
                Cell::Number(digits) if digits.bytes().filter(u8::is_ascii_digit).count() <= SHEET_DIGITS => {
                    row.push_str("<c><v>");
                    row.push_str(digits);
                    row.push_str("</v></c>");
                }
                Cell::Number(text) | Cell::Text(text) => {
                    if text.chars().count() > MAX_SHEET_CELL {
                        return Err(io::Error::other(format!(
                            "A cell of a spreadsheet holds at most {MAX_SHEET_CELL} characters; take CSV or JSONL."
                        )));
                    }
                    row.push_str(r#"<c t="inlineStr"><is><t xml:space="preserve">"#);
                    escape(row, text);
                    row.push_str("</t></is></c>");
                }
            }
        }
        row.push_str("</row>");
        self.archive.write_all(row.as_bytes())
    }

    /// The texts of the last row as it was written; nothing if it is none.
    #[must_use]
    pub fn last(&self) -> Option<Vec<String>> {
        let mut reader = quick_xml::Reader::from_str(&self.row);
        let mut texts: Vec<String> = Vec::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) if tag.name().as_ref() == "c" => texts.push(String::new()),
                Event::Empty(tag) if tag.name().as_ref() == "c" => texts.push(String::new()),
                Event::Text(text) => texts.last_mut()?.push_str(&text),
                Event::GeneralRef(name) => texts.last_mut()?.push(match name.as_ref() {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "#13" => '\r',
                    _ => return None,
                }),
                Event::Eof => return Some(texts),
                _ => {}
            }
        }
    }

    /// Takes what has been written so far.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut *self.written.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends the spreadsheet; gives what was not taken yet.
    pub fn end(mut self) -> io::Result<Vec<u8>> {
        self.archive.write_all(b"</sheetData></worksheet>")?;
        let Self { archive, written, .. } = self;
        archive.finish()?;
        Ok(std::mem::take(&mut *written.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// What XML cannot hold, as it is written instead.
#[must_use]
pub fn in_xml(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => character,
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => '\u{FFFD}',
        _ => character,
    }
}

/// A text inside XML.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match in_xml(character) {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows_in;
    use proptest::prelude::*;

    fn line(cells: &[Cell]) -> String {
        let mut out = Vec::new();
        csv_line(&mut out, cells);
        String::from_utf8(out).unwrap()
    }

    fn text(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }

    #[test]
    fn formulas_are_shown_and_numbers_are_not_touched() {
        let cells = [text("=1+1"), Cell::Number("-5.00".to_owned()), text("-5"), Cell::Empty, text("a \"b\", c")];
        assert_eq!(line(&cells), "\"'=1+1\",-5.00,-5,,\"a \"\"b\"\", c\"\r\n");
        for attack in
            ["=cmd|' /C calc'!A0", "\t=1", "-2+3+cmd|' /C calc'!A0", "＝1", "+", "-", "@", "\r", "\t", "+49 30"]
        {
            assert!(line(&[text(attack)]).starts_with("\"'"), "{attack:?}");
        }
        assert_eq!(line(&[Cell::Empty]), "\"\"\r\n");
    }

    fn cell() -> impl Strategy<Value = Cell> {
        prop_oneof![
            Just(Cell::Empty),
            (any::<i32>(), 0_u32..100).prop_map(|(whole, cents)| Cell::Number(format!("{whole}.{cents:02}"))),
            "[a-zA-Z0-9=+@ ,;\"<>&äß'\n\r\t-]{1,12}".prop_map(Cell::Text),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn what_goes_out_comes_in(rows in prop::collection::vec(("[a-z]{1,3}".prop_map(Cell::Text), cell(), cell()), 1..20)) {
            let rows: Vec<Vec<Cell>> = rows.into_iter().map(|(first, second, third)| vec![first, second, third]).collect();
            let mut sheet = Sheet::begin().unwrap();
            let mut bytes = Vec::new();
            let head = [text("a"), text("b"), text("c")];
            sheet.row(&head).unwrap();
            let mut expected = Vec::new();
            csv_line(&mut expected, &head);
            for row in &rows {
                let texts: Vec<String> = row.iter().map(|cell| cell.text().to_owned()).collect();
                let read = csv_texts(line(row).as_bytes());
                prop_assert_eq!(read.as_ref(), Some(&texts));
                sheet.row(row).unwrap();
                let read = sheet.last();
                prop_assert_eq!(read.as_ref(), Some(&texts));
                bytes.extend(sheet.take());
                let shown = row.iter().map(|cell| match cell {
                    Cell::Number(digits) => Cell::Number(digits.trim_end_matches('0').trim_end_matches('.').to_owned()),
                    Cell::Text(text) => Cell::Text(text.replace(['\r', '\n'], " ")),
                    Cell::Empty => Cell::Empty,
                });
                csv_line(&mut expected, &shown.collect::<Vec<_>>());
            }
            bytes.extend(sheet.end().unwrap());
            let csv = rows_in::to_csv(&bytes).unwrap();
            prop_assert_eq!(String::from_utf8(csv).unwrap(), String::from_utf8(expected).unwrap());
        }
    }
}
