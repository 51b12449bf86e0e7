//! XML read element by element, within limits: what all XML formats share.
//!
//! Names are taken without their prefixes, and where we are is the names of the open elements, joined by slashes. A document
//! type definition, an entity of the file's own, control characters, text that has no end and elements that nest without one
//! are refused at the line where they stand.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::limits::{MAX_BYTES, MAX_FIELD_CHARS, MAX_XML_DEPTH, MAX_XML_TAG_BYTES};
use crate::problem::{Problem, ProblemCode, shown};
use crate::records::line_ends;
use crate::text::{self, Encoding};

pub(crate) mod tree;
pub(crate) mod write;

/// What a format says of its elements before they are read.
#[derive(Clone, Copy)]
pub(crate) struct Rules {
    /// The path of the message: places are named below it.
    pub(crate) message: &'static str,
    /// Whether an element says nothing by itself and stands in no path: the path before it, and its name.
    pub(crate) passed_over: fn(&str, &str) -> bool,
    /// Whether an element holds a file, whose text may be as long as one.
    pub(crate) holds_file: fn(&str) -> bool,
}

impl Rules {
    /// Every element counts, and none holds a file.
    pub(crate) fn plain(message: &'static str) -> Self {
        Self { message, passed_over: |_, _| false, holds_file: |_| false }
    }
}

/// The next thing in the file.
pub(crate) enum Step<'t> {
    /// An element begins, on this line; the path ends with its name.
    Open(BytesStart<'t>, u64),
    /// It ends, with the text that stood in it; the path still ends with its name.
    Close(String, u64),
    /// So does the file.
    End,
}

/// The text of an XML file, by the encoding that it declares.
pub(crate) fn decode(file: &[u8]) -> Result<std::borrow::Cow<'_, str>, Problem> {
    text::decode(file, declared_encoding(file)?)
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

/// The namespace that an element's own prefix stands for, if the element itself declares it.
pub(crate) fn namespace(tag: &BytesStart<'_>) -> String {
    let declaration = tag.name().prefix().map_or("xmlns".to_owned(), |prefix| format!("xmlns:{}", prefix.as_ref()));
    let attribute = tag.try_get_attribute(&declaration).ok().flatten();
    attribute.map(|attribute| attribute.value.into_owned()).unwrap_or_default()
}

/// One pass over the elements: where we are, and the text gathered there.
pub(crate) struct Walk<'t> {
    source: &'t str,
    reader: Reader<&'t [u8]>,
    rules: Rules,
    /// Up to which byte lines are counted, and how many.
    counted: (usize, u64),
    /// Names of the open elements, joined by slashes, and for each the length before it.
    path: String,
    open: Vec<usize>,
    /// Text of the innermost element so far.
    text: String,
    /// The innermost element holds a file.
    file: bool,
    root_seen: bool,
    /// The innermost element has ended, and whoever reads has been told.
    closed: bool,
}

impl<'t> Walk<'t> {
    pub(crate) fn new(source: &'t str, rules: Rules) -> Self {
        let mut reader = Reader::from_str(source);
        reader.config_mut().expand_empty_elements = true;
        Self {
            source,
            reader,
            rules,
            counted: (0, 1),
            path: String::new(),
            open: Vec::new(),
            text: String::new(),
            file: false,
            root_seen: false,
            closed: false,
        }
    }

    /// Names of the open elements, joined by slashes.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The path below the message; nothing for the message itself and for what is outside of it.
    pub(crate) fn below(&self) -> &str {
        self.path.strip_prefix(self.rules.message).and_then(|path| path.strip_prefix('/')).unwrap_or_default()
    }

    /// How many elements are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The path below the message, for people.
    pub(crate) fn place(&self) -> String {
        let below = self.path.strip_prefix(self.rules.message);
        below.map_or(self.path.as_str(), |path| path.trim_start_matches('/')).to_owned()
    }

    /// The value of an attribute of an element that has just begun.
    pub(crate) fn attribute(&self, tag: &BytesStart<'_>, name: &str, line: u64) -> Result<Option<String>, Problem> {
        let attribute = tag.try_get_attribute(name).map_err(|error| self.broken(line, &error))?;
        Ok(attribute.map(|attribute| attribute.value.into_owned()))
    }

    /// The attributes of an element that has just begun, its namespaces left out; names without prefix.
    pub(crate) fn attributes(&self, tag: &BytesStart<'_>, line: u64) -> Result<Vec<(String, String)>, Problem> {
        let mut all = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|error| self.broken(line, &error))?;
            let name = attribute.key.as_ref();
            if name == "xmlns" || name.starts_with("xmlns:") {
                continue;
            }
            let name = name.rsplit_once(':').map_or(name, |(_, name)| name).to_owned();
            let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| self.broken(line, &error))?;
            if value.chars().any(text::is_unwanted) {
                let message = "a control character in an attribute";
                return Err(Problem::new(line, ProblemCode::ControlCharacter, message).in_column(self.place()));
            }
            all.push((name, value.into_owned()));
        }
        Ok(all)
    }

    fn broken(&self, line: u64, error: &dyn std::fmt::Display) -> Problem {
        Problem::new(line, ProblemCode::Xml, format!("the XML is broken: {error}")).in_column(self.place())
    }

    /// The next beginning or end of an element, or the end of the file.
    pub(crate) fn step(&mut self) -> Result<Step<'t>, Problem> {
        if std::mem::take(&mut self.closed)
            && let Some(length) = self.open.pop()
        {
            self.path.truncate(length);
        }
        loop {
            let line = self.line_of(self.reader.buffer_position());
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => {
                    let line = self.line_of(self.reader.error_position());
                    return Err(self.broken(line, &error));
                }
            };
            match event {
                Event::Start(tag) => {
                    self.start(&tag, line)?;
                    return Ok(Step::Open(tag, line));
                }
                Event::End(_) => {
                    self.closed = true;
                    self.file = false;
                    return Ok(Step::Close(std::mem::take(&mut self.text), line));
                }
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
        }
    }

    fn line_of(&mut self, position: u64) -> u64 {
        let position = usize::try_from(position).unwrap_or(usize::MAX).min(self.source.len());
        let (from, line) = self.counted;
        // error positions may lie before what is counted already
        let Some(passed) = self.source.get(from..position) else { return line };
        self.counted = (position, line.saturating_add(line_ends(passed)));
        self.counted.1
    }

    fn start(&mut self, tag: &BytesStart<'_>, line: u64) -> Result<(), Problem> {
        if self.open.is_empty() && std::mem::replace(&mut self.root_seen, true) {
            return Err(Problem::new(line, ProblemCode::Xml, "a second document begins after the end of the first"));
        }
        if tag.len() > MAX_XML_TAG_BYTES || self.open.len() >= MAX_XML_DEPTH {
            let message = format!(
                "elements are nested deeper than {MAX_XML_DEPTH} or a tag has more than {MAX_XML_TAG_BYTES} bytes"
            );
            return Err(Problem::new(line, ProblemCode::TooLarge, message).in_column(self.place()));
        }
        self.open.push(self.path.len());
        let name = tag.local_name();
        self.file = (self.rules.holds_file)(name.as_ref());
        if !(self.rules.passed_over)(&self.path, name.as_ref()) {
            if !self.path.is_empty() {
                self.path.push('/');
            }
            self.path.push_str(name.as_ref());
        }
        self.text.clear();
        Ok(())
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
        let most = if self.file { MAX_BYTES } else { MAX_FIELD_CHARS };
        if self.text.len() > most {
            let message = format!("more than {most} bytes of text in one element");
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

    fn end_of_file(&mut self, line: u64) -> Result<Step<'t>, Problem> {
        if !self.open.is_empty() {
            let message = "the file ends in the middle; it is cut off";
            return Err(Problem::new(line, ProblemCode::Xml, message).in_column(self.place()));
        }
        if !self.root_seen {
            return Err(Problem::new(line, ProblemCode::Empty, "the file holds no XML document"));
        }
        Ok(Step::End)
    }
}
