//! Office documents: archives of XML parts. Only parts with known names are opened, one after the other, never more of them than
//! the bound on what all unpack to.

use std::io::{BufRead, BufReader, Cursor, Read};

use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;
use zip::result::ZipError;

use super::{Collected, Limits, Problem, html};

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

fn broken(what: impl std::fmt::Display) -> Problem {
    Problem::Broken(what.to_string().chars().take(200).collect())
}

/// A reader that gives no more than so many bytes and says when there were more.
struct Bounded<'a, R> {
    inner: R,
    left: &'a mut usize,
    over: &'a mut bool,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if *self.left == 0 {
            let mut one = [0u8; 1];
            *self.over = self.inner.read(&mut one)? > 0;
            return Ok(0);
        }
        let most = buffer.len().min(*self.left);
        let read = match buffer.get_mut(..most) {
            Some(part) => self.inner.read(part)?,
            None => 0,
        };
        *self.left = self.left.saturating_sub(read);
        Ok(read)
    }
}

fn opened<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Archive<'a>, Problem> {
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
    if archive.len() > limits.parts {
        return Err(Problem::TooLarge);
    }
    Ok(archive)
}

/// What elements mean for the text.
struct Words {
    /// Elements whose text counts; none: all text counts.
    texts: &'static [&'static str],
    /// Elements that end a line.
    lines: &'static [&'static str],
    /// Elements that stand for a space, at their end or empty.
    spaces: &'static [&'static str],
}

const WORD: Words = Words { texts: &["t"], lines: &["p", "tr", "br"], spaces: &["tab", "tc"] };
const STRINGS: Words = Words { texts: &["t"], lines: &["si"], spaces: &[] };
// Shared texts are read where they stand; in the sheets only what stands nowhere else.
const SHEET: Words = Words { texts: &["t", "v"], lines: &["row"], spaces: &["c"] };
const OPEN: Words =
    Words { texts: &[], lines: &["p", "h", "table-row", "line-break"], spaces: &["s", "tab", "table-cell"] };

/// The text of a part.
fn part(
    archive: &mut Archive<'_>,
    name: &str,
    words: &Words,
    limits: &Limits,
    left: &mut usize,
    text: &mut Collected,
) -> Result<(), Problem> {
    let found = match archive.by_name(name) {
        Ok(found) => found,
        Err(ZipError::FileNotFound) => return Ok(()),
        Err(ZipError::UnsupportedArchive(what)) if what.contains("assword") => return Err(Problem::Locked),
        Err(error) => return Err(broken(error)),
    };
    let mut over = false;
    let outcome = xml(BufReader::new(Bounded { inner: found, left, over: &mut over }), words, limits, text);
    // A part that was cut off in the middle is broken for that reason.
    if over { Err(Problem::TooLarge) } else { outcome }
}

fn xml(input: impl BufRead, words: &Words, limits: &Limits, text: &mut Collected) -> Result<(), Problem> {
    let mut reader = Reader::from_reader(input);
    let mut buffer = Vec::new();
    let (mut depth, mut counts, mut shared): (usize, usize, bool) = (0, 0, false);
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer).map_err(broken)?;
        let is_text = |name: &str| words.texts.is_empty() || words.texts.contains(&name);
        match event {
            Event::Start(element) => {
                depth = depth.saturating_add(1);
                if depth > limits.depth.saturating_mul(8) {
                    return Err(Problem::TooDeep);
                }
                let name = element.local_name();
                if name.as_ref() == "c" {
                    shared =
                        element.attributes().flatten().any(|one| one.key.as_ref() == "t" && one.value.as_ref() == "s");
                }
                if is_text(name.as_ref()) {
                    counts = counts.saturating_add(1);
                }
            }
            Event::Empty(element) => mark(words, element.local_name().as_ref(), text),
            Event::End(element) => {
                depth = depth.saturating_sub(1);
                let name = element.local_name();
                if is_text(name.as_ref()) {
                    counts = counts.saturating_sub(1);
                }
                mark(words, name.as_ref(), text);
            }
            Event::Text(part) if counts > 0 && !shared => text.push(&part),
            Event::CData(part) if counts > 0 && !shared => text.push(&part),
            // Entities of the document's own are not looked up: they could stand for anything.
            Event::GeneralRef(name) if counts > 0 && !shared => {
                if let Some(one) = html::named(&name) {
                    text.push(one.encode_utf8(&mut [0; 4]));
                }
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
        if text.is_full() {
            return Ok(());
        }
    }
}

fn mark(words: &Words, name: &str, text: &mut Collected) {
    if words.lines.contains(&name) {
        text.line();
    } else if words.spaces.contains(&name) {
        text.space();
    }
}

/// Documents and sheets of Microsoft's formats.
pub(crate) fn open_xml(bytes: &[u8], limits: &Limits, text: &mut Collected) -> Result<(), Problem> {
    let mut archive = opened(bytes, limits)?;
    let mut names: Vec<String> = archive.file_names().flatten().map(|name| name.into_owned()).collect();
    names.sort_unstable();
    let mut left = limits.unpacked;
    let mut found = false;
    let known = |name: &str| -> Option<&'static Words> {
        let file = name.strip_suffix(".xml")?;
        if file == "xl/sharedStrings" {
            return Some(&STRINGS);
        }
        if file.starts_with("xl/worksheets/sheet") {
            return Some(&SHEET);
        }
        let word = file.strip_prefix("word/")?;
        let kinds = ["document", "header", "footer", "footnotes", "endnotes", "comments"];
        kinds
            .iter()
            .any(|kind| word.strip_prefix(kind).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit())))
            .then_some(&WORD)
    };
    for name in &names {
        if let Some(words) = known(name) {
            found = true;
            part(&mut archive, name, words, limits, &mut left, text)?;
            text.line();
        }
    }
    if found { Ok(()) } else { Err(broken("it holds neither text nor sheets")) }
}

/// Documents and sheets of the open formats.
pub(crate) fn open_document(bytes: &[u8], limits: &Limits, text: &mut Collected) -> Result<(), Problem> {
    let mut archive = opened(bytes, limits)?;
    if !archive.file_names().flatten().any(|name| name == "content.xml") {
        return Err(broken("it has no contents"));
    }
    let mut left = limits.unpacked;
    part(&mut archive, "content.xml", &OPEN, limits, &mut left, text)
}
