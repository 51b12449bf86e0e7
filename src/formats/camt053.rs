//! ISO 20022 bank statements, CAMT.053.001.02 and later.
//!
//! The versions name some things differently: a party stands in `Dbtr` or in `Dbtr/Pty`, a status is `Sts` or `Sts/Cd`, the
//! amount of a single transaction is `TxDtls/Amt` or `AmtDtls/TxAmt/Amt`. All spellings are read in all versions.
//!
//! Booked entries become lines. An entry that bundles several transactions becomes one line each if their amounts add up to
//! the entry's, and otherwise stays one line: a statement must tie before it can be detailed. Pending entries and those that
//! only inform are counted and left out.

use std::collections::HashSet;

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::bank_statement::{BankStatement, count_occurrences};
use crate::limits::{MAX_FIELD_CHARS, MAX_ROWS, MAX_XML_DEPTH, MAX_XML_TAG_BYTES};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::records::line_ends;
use crate::text::{self, Encoding};

mod entry;
mod statement;
mod value;

use statement::{Finished, StatementDraft};
use value::Value;

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.";
const MESSAGE: &str = "Document/BkToCstmrStmt";

/// The statements of a file, in its order. Whether each ties is [`BankStatement::tie`]'s to say.
pub fn parse(file: &[u8]) -> Result<Vec<BankStatement>, Problems> {
    let text = text::decode(file, declared_encoding(file)?)?;
    let mut walk = Walk::new(&text);
    while walk.step()? {}
    walk.finish()
}

/// The encoding that the XML declaration names. A byte order mark needs no declaration.
fn declared_encoding(file: &[u8]) -> Result<Encoding, Problem> {
    let declaration =
        file.strip_prefix(b"<?xml").and_then(|rest| rest.split(|byte| *byte == b'>').next()).unwrap_or_default();
    let declaration = String::from_utf8_lossy(declaration.get(..200).unwrap_or(declaration));
    let Some((_, value)) = declaration.split_once("encoding") else { return Ok(Encoding::Unicode) };
    let label = value.trim_start_matches([' ', '=']).split(['"', '\'']).nth(1).unwrap_or_default();
    match label.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" | "utf-16" => Ok(Encoding::Unicode),
        "windows-1252" | "iso-8859-1" => Ok(Encoding::Windows1252),
        "iso-8859-15" => Ok(Encoding::Iso8859_15),
        _ => {
            let message = format!("the encoding {} is not read; UTF-8 is", shown(label));
            Err(Problem::new(1, ProblemCode::Encoding, message))
        }
    }
}

/// One pass over the elements: where we are, what was gathered there, what is finished.
struct Walk<'t> {
    source: &'t str,
    reader: Reader<&'t [u8]>,
    /// Up to which byte lines are counted, and how many.
    counted: (usize, u64),
    /// Names of the open elements, joined by slashes, and for each the length before it.
    path: String,
    open: Vec<usize>,
    /// Text of the innermost element so far.
    text: String,
    /// `Ccy` of the innermost amount.
    currency: Option<String>,
    root_seen: bool,
    rows: usize,
    statement: Option<StatementDraft>,
    statements: Vec<Finished>,
    problems: Problems,
}

impl<'t> Walk<'t> {
    fn new(source: &'t str) -> Self {
        let mut reader = Reader::from_str(source);
        reader.config_mut().expand_empty_elements = true;
        Self {
            source,
            reader,
            counted: (0, 1),
            path: String::new(),
            open: Vec::new(),
            text: String::new(),
            currency: None,
            root_seen: false,
            rows: 0,
            statement: None,
            statements: Vec::new(),
            problems: Problems::new(),
        }
    }

    /// Takes the next piece of XML; false at the end of the file.
    fn step(&mut self) -> Result<bool, Problem> {
        let line = self.line_of(self.reader.buffer_position());
        let event = self.reader.read_event().map_err(|error| {
            let line = self.line_of(self.reader.error_position());
            Problem::new(line, ProblemCode::Xml, format!("the XML is broken: {error}")).in_column(self.place())
        })?;
        match event {
            Event::Start(tag) => self.start(&tag, line)?,
            Event::End(_) => self.end(line)?,
            Event::Text(piece) => self.append(&piece.xml10_content(), line)?,
            Event::CData(piece) => self.append(&piece.xml10_content(), line)?,
            Event::GeneralRef(reference) => self.reference(&reference, line)?,
            Event::DocType(_) => {
                let message = "a document type definition is not read: it can make a small file expand without end";
                return Err(Problem::new(line, ProblemCode::Doctype, message));
            }
            // the reader expands empty elements to a start and an end
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => return self.end_of_file(line),
        }
        Ok(true)
    }

    fn line_of(&mut self, position: u64) -> u64 {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.source.len());
        let (from, line) = self.counted;
        // error positions may lie before what is counted already
        let Some(passed) = self.source.get(from..position) else { return line };
        self.counted = (position, line.saturating_add(line_ends(passed)));
        self.counted.1
    }

    /// The path below the message, for people.
    fn place(&self) -> String {
        self.path.strip_prefix(MESSAGE).map_or(self.path.as_str(), |path| path.trim_start_matches('/')).to_owned()
    }

    fn start(&mut self, tag: &BytesStart<'_>, line: u64) -> Result<(), Problem> {
        if self.open.is_empty() {
            self.root(tag, line)?;
        }
        if tag.len() > MAX_XML_TAG_BYTES || self.open.len() >= MAX_XML_DEPTH {
            let message = format!(
                "elements are nested deeper than {MAX_XML_DEPTH} or a tag has more than {MAX_XML_TAG_BYTES} bytes"
            );
            return Err(Problem::new(line, ProblemCode::TooLarge, message).in_column(self.place()));
        }
        self.open.push(self.path.len());
        let name = tag.local_name();
        // later versions wrap a party in one more element, which says nothing
        let wrapper = name.as_ref() == "Pty" && self.path.rsplit('/').nth(1) == Some("RltdPties");
        if !wrapper {
            if !self.path.is_empty() {
                self.path.push('/');
            }
            self.path.push_str(name.as_ref());
        }
        self.text.clear();
        if self.path.ends_with("/Amt") {
            let attribute = tag.try_get_attribute("Ccy").map_err(|error| {
                Problem::new(line, ProblemCode::Xml, format!("the XML is broken: {error}")).in_column(self.place())
            })?;
            self.currency = attribute.map(|attribute| attribute.value.into_owned());
        }
        let below = self.path.strip_prefix(MESSAGE).and_then(|path| path.strip_prefix('/')).unwrap_or_default();
        if matches!(below, "Stmt/Ntry" | "Stmt/Ntry/NtryDtls/TxDtls") {
            self.rows = self.rows.saturating_add(1);
            if self.rows > MAX_ROWS {
                let message = format!("more than {MAX_ROWS} entries; ask the bank for a shorter period");
                return Err(Problem::new(line, ProblemCode::TooLarge, message));
            }
        }
        if below == "Stmt" {
            self.statement = Some(StatementDraft::new(line));
        } else if let (Some(statement), Some(path)) = (&mut self.statement, below.strip_prefix("Stmt/")) {
            statement.open(path, line);
        }
        Ok(())
    }

    fn root(&mut self, tag: &BytesStart<'_>, line: u64) -> Result<(), Problem> {
        let format = |message: String| Problem::new(line, ProblemCode::Format, message);
        if std::mem::replace(&mut self.root_seen, true) {
            return Err(Problem::new(line, ProblemCode::Xml, "a second document begins after the end of the first"));
        }
        if tag.local_name().as_ref() != "Document" {
            let message =
                format!("the file begins with {}; a bank statement begins with Document", shown(tag.name().as_ref()));
            return Err(format(message));
        }
        let declaration = tag.name().prefix().map_or("xmlns".to_owned(), |prefix| format!("xmlns:{}", prefix.as_ref()));
        let attribute = tag.try_get_attribute(&declaration).ok().flatten();
        let namespace = attribute.map(|attribute| attribute.value.into_owned()).unwrap_or_default();
        let version = namespace
            .strip_prefix(NAMESPACE)
            .filter(|version| version.len() == 2 && version.bytes().all(|b| b.is_ascii_digit()));
        match version {
            Some("00" | "01") | None => Err(format(format!(
                "the file is {}; a statement camt.053.001.02 or later is expected",
                shown(namespace.rsplit(':').next().unwrap_or_default())
            ))),
            Some(_) => Ok(()),
        }
    }

    fn append(&mut self, piece: &str, line: u64) -> Result<(), Problem> {
        if self.open.is_empty() && !piece.trim().is_empty() {
            return Err(Problem::new(line, ProblemCode::Xml, "text outside the document"));
        }
        // white space between elements is not worth keeping; runs of it would count against the limit
        if self.text.is_empty() && piece.trim().is_empty() {
            return Ok(());
        }
        self.text.push_str(piece);
        if self.text.len() > MAX_FIELD_CHARS {
            let message = format!("more than {MAX_FIELD_CHARS} bytes of text in one element");
            return Err(Problem::new(line, ProblemCode::FieldTooLong, message).in_column(self.place()));
        }
        Ok(())
    }

    /// The five entities of XML itself and characters by number; others would need a document type definition.
    fn reference(&mut self, reference: &BytesRef<'_>, line: u64) -> Result<(), Problem> {
        let piece = match reference.resolve_char_ref() {
            Ok(Some(character)) if !text::is_unwanted(character) => character.to_string(),
            Ok(None) => match quick_xml::escape::resolve_xml_entity(reference) {
                Some(piece) => piece.to_owned(),
                None => {
                    let message = format!("the entity {} is not one of XML's own", shown(reference));
                    return Err(Problem::new(line, ProblemCode::Doctype, message).in_column(self.place()));
                }
            },
            _ => {
                let message = format!("{} is not a character of text", shown(reference));
                return Err(Problem::new(line, ProblemCode::ControlCharacter, message).in_column(self.place()));
            }
        };
        self.append(&piece, line)
    }

    fn end(&mut self, line: u64) -> Result<(), Problem> {
        let value = text::filled(&self.text);
        self.text.clear();
        let below = self.path.strip_prefix(MESSAGE).and_then(|path| path.strip_prefix('/'));
        if below == Some("Stmt") {
            if let Some(draft) = self.statement.take() {
                self.statements.extend(draft.finish(&mut self.problems));
            }
        } else if let (Some(statement), Some(path)) =
            (&mut self.statement, below.and_then(|path| path.strip_prefix("Stmt/")))
        {
            if let Some(text) = value {
                let currency = self.currency.as_deref();
                statement.value(path, Value { path, text, currency, line, problems: &mut self.problems });
            }
            statement.close(path, &mut self.problems);
        }
        if let Some(length) = self.open.pop() {
            self.path.truncate(length);
        }
        Ok(())
    }

    fn end_of_file(&mut self, line: u64) -> Result<bool, Problem> {
        if !self.open.is_empty() {
            let message = "the file ends in the middle; it is cut off";
            return Err(Problem::new(line, ProblemCode::Xml, message).in_column(self.place()));
        }
        if !self.root_seen {
            return Err(Problem::new(line, ProblemCode::Empty, "the file holds no XML document"));
        }
        Ok(false)
    }

    fn finish(mut self) -> Result<Vec<BankStatement>, Problems> {
        if self.statements.is_empty() && self.problems.is_empty() {
            self.problems.push(Problem::new(1, ProblemCode::Required, "the file holds no statement").in_column("Stmt"));
        }
        let mut seen = HashSet::new();
        for Finished { line, page, statement } in &self.statements {
            let Some(id) = &statement.statement_id else { continue };
            if !seen.insert((&statement.account, id, page)) {
                let message = format!("statement {} of this account is in the file twice", shown(id));
                self.problems.push(Problem::new(*line, ProblemCode::Duplicate, message).in_column("Stmt/Id"));
            }
        }
        let finished = self.problems.or(self.statements)?;
        let mut statements: Vec<BankStatement> = finished.into_iter().map(|finished| finished.statement).collect();
        count_occurrences(&mut statements);
        Ok(statements)
    }
}

#[cfg(test)]
mod tests;
