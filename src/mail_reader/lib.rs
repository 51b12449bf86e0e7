//! Mails as they come from strangers: bytes that may lie about everything. What is read here is read in time that grows with
//! the bytes alone, and nothing is asked of anybody else: no address of a picture is followed, no archive is opened.
//!
//! A mail that breaks a bound is not thrown away: it is told with what its head says, and with the reason. Whoever calls this
//! keeps the bytes as they came.

mod address;
mod decode;
mod head;
mod name;
mod report;
mod walk;

#[cfg(test)]
mod tests;

use std::fmt;

pub use address::{in_subject, routes};
pub use head::{Head, head, long_digest};
pub use name::{differs, safe_name};
pub use report::{Delivery, Report};

/// The most bytes of a mail that is read; of a larger one only the head.
pub const MOST_BYTES: usize = 25 * 1024 * 1024;
/// The most bytes of a mail's head.
pub const MOST_HEAD: usize = 256 * 1024;
/// The most bytes of the head of a part.
const MOST_PART_HEAD: usize = 64 * 1024;
/// The most fields of a head.
const MOST_FIELDS: usize = 2_000;
/// The most parts of a mail, and how many of them are kept as files.
const MOST_PARTS: usize = 500;
const MOST_PIECES: usize = 100;
/// How deep parts lie in parts.
const MOST_DEPTH: usize = 20;
/// The most characters of a text; more is cut off.
pub const MOST_TEXT: usize = 200_000;
/// The most characters of a subject.
const MOST_SUBJECT: usize = 300;

/// Why a mail was not read beyond its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is larger than what is read.
    TooLarge,
    /// Its head, or that of a part, is larger than any that means well.
    HeadTooLarge,
    /// It has more parts than any that means well.
    TooManyParts,
    /// Its parts lie too deep in parts.
    TooDeep,
    /// It has no head at all.
    NoHead,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => {
                write!(out, "It is larger than {} MiB: only its head was read.", MOST_BYTES / (1024 * 1024))
            }
            Self::HeadTooLarge => {
                write!(
                    out,
                    "Its head, or that of one of its parts, is larger than {} KiB or has more than {MOST_FIELDS} fields.",
                    MOST_HEAD / 1024
                )
            }
            Self::TooManyParts => write!(out, "It has more than {MOST_PARTS} parts, or more than {MOST_PIECES} files."),
            Self::TooDeep => write!(out, "Its parts lie more than {MOST_DEPTH} deep in one another."),
            Self::NoHead => out.write_str("It has no head of a mail."),
        }
    }
}

/// Whether a mail was sealed by its sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sealing {
    /// It was not.
    #[default]
    None,
    /// It is signed. The signature is kept with it and not looked at.
    Signed,
    /// It, or a part of it, is encrypted: kept whole.
    Encrypted,
}

/// A file of a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its name, which is safe to be shown and written.
    pub name: String,
    /// What its sender says that it is.
    pub declared: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Piece {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ({}, {} bytes)", self.name, self.declared, self.bytes.len())
    }
}

/// What a mail says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// What it is about, in a line; empty if it does not say.
    pub subject: String,
    /// The name of its sender; empty if it does not say.
    pub from_name: String,
    /// His address, in small letters; none if there is no sane one.
    pub from_address: Option<String>,
    /// When it says that it was written, in seconds since 1970; none if it does not say so sanely.
    pub written_at: Option<i64>,
    /// The Message-IDs that it answers: those of In-Reply-To, then those of References, the latest first.
    pub answers: Vec<String>,
    /// Whether a machine has written it (RFC 3834).
    pub is_automatic: bool,
    /// Whether it is sealed.
    pub sealing: Sealing,
    /// Its text.
    pub text: String,
    /// Its files.
    pub pieces: Vec<Piece>,
    /// What a mail server says of a mail that was sent before.
    pub report: Option<Report>,
    /// What was wrong with it, in sentences; it was read all the same.
    pub notes: Vec<String>,
    /// Why it was not read beyond its head.
    pub problem: Option<Problem>,
}

/// Reads a mail.
#[must_use]
pub fn read(bytes: &[u8]) -> Mail {
    let mut mail = head::mail(bytes);
    if bytes.len() > MOST_BYTES {
        mail.problem = Some(Problem::TooLarge);
    }
    if mail.problem.is_none() {
        walk::walk(bytes, &mut mail);
    }
    mail
}

/// A line of somebody else's: no control characters, nothing that turns the direction of writing, no more than so many characters.
fn line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut count = 0_usize;
    for one in text.trim().chars() {
        let one = if one.is_control() || one.is_whitespace() { ' ' } else { one };
        if is_hidden(one) || (one == ' ' && out.ends_with(' ')) {
            continue;
        }
        if count >= most {
            break;
        }
        count = count.saturating_add(1);
        out.push(one);
    }
    out.truncate(out.trim_end().len());
    out
}

/// Characters that are not seen and make what is seen look like something else.
fn is_hidden(one: char) -> bool {
    matches!(one, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}
