//! From bytes to text: the encoding is known or the file is refused, at the line where it stops making sense.

use std::borrow::Cow;

use crate::limits::MAX_BYTES;
use crate::problem::{Problem, ProblemCode};

/// In which encoding a file is expected. A byte order mark in the file always wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8 with or without byte order mark, or UTF-16 with one.
    #[default]
    Unicode,
    /// Windows-1252, of which ISO 8859-1 is a part. Every byte means something in it, so it is never guessed.
    Windows1252,
    /// ISO 8859-15, which differs by the euro sign and a few letters.
    Iso8859_15,
}

/// The text of a file, without byte order mark.
pub fn decode(bytes: &[u8], encoding: Encoding) -> Result<Cow<'_, str>, Problem> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_BYTES} are read", bytes.len());
        return Err(Problem::new(1, ProblemCode::TooLarge, message));
    }
    let text = if let Some(rest) = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
        utf8(rest)?
    } else if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        utf16(rest, u16::from_le_bytes)?
    } else if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
        utf16(rest, u16::from_be_bytes)?
    } else {
        match encoding {
            Encoding::Unicode => utf8(bytes)?,
            Encoding::Windows1252 => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0,
            Encoding::Iso8859_15 => encoding_rs::ISO_8859_15.decode_without_bom_handling(bytes).0,
        }
    };
    refuse_control_characters(&text)?;
    Ok(text)
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let bad = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
        let message = format!(
            "byte 0x{bad:02X} is not UTF-8; save the file as UTF-8, or name its encoding if it is Windows-1252"
        );
        Problem::new(line_after(good.iter().map(|byte| char::from(*byte))), ProblemCode::Encoding, message)
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>, Problem> {
    let pairs = bytes.chunks_exact(2);
    let odd = !pairs.remainder().is_empty();
    let units = pairs.filter_map(|pair| pair.try_into().ok()).map(unit);
    let mut text = String::with_capacity(bytes.len() / 2);
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => {
                let message = "half a character in UTF-16; the file is damaged";
                return Err(Problem::new(line_after(text.chars()), ProblemCode::Encoding, message));
            }
        }
    }
    if odd {
        let message = "the file ends in the middle of a UTF-16 character; it is cut off";
        return Err(Problem::new(line_after(text.chars()), ProblemCode::Encoding, message));
    }
    Ok(Cow::Owned(text))
}

/// Control characters have no place in business text: they hide things on screen, and NUL cannot be stored.
fn refuse_control_characters(text: &str) -> Result<(), Problem> {
    let Some((at, bad)) = text.char_indices().find(|(_, character)| is_unwanted(*character)) else {
        return Ok(());
    };
    let good = text.get(..at).unwrap_or_default();
    let hint = if bad == '\0' { "; if the file is UTF-16, it lacks its byte order mark" } else { "" };
    let message = format!("control character U+{:04X} in the text{hint}", u32::from(bad));
    Err(Problem::new(line_after(good.chars()), ProblemCode::ControlCharacter, message))
}

/// Control characters other than tab and line ends, and the two code points that Unicode and XML rule out.
pub(crate) fn is_unwanted(character: char) -> bool {
    (character.is_control() && !matches!(character, '\t' | '\n' | '\r')) || matches!(character, '\u{FFFE}' | '\u{FFFF}')
}

/// The number of the line that begins or goes on after this text.
fn line_after(text: impl Iterator<Item = char>) -> u64 {
    text.filter(|character| *character == '\n').fold(1, |line: u64, _| line.saturating_add(1))
}

/// Text on one line: trimmed, each run of white space one space.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// Like [`one_line`], and nothing if nothing is left.
pub(crate) fn filled(text: &str) -> Option<String> {
    Some(one_line(text)).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(bytes: &[u8], encoding: Encoding) -> (u64, ProblemCode) {
        let problem = decode(bytes, encoding).unwrap_err();
        (problem.line, problem.code)
    }

    #[test]
    fn unicode_in_its_three_forms() {
        let text = "Zahlung über 5 €\nok";
        let mut little = vec![0xFF, 0xFE];
        let mut big = vec![0xFE, 0xFF];
        for unit in text.encode_utf16() {
            little.extend(unit.to_le_bytes());
            big.extend(unit.to_be_bytes());
        }
        let marked = [b"\xEF\xBB\xBF".as_slice(), text.as_bytes()].concat();
        for bytes in [text.as_bytes(), &marked, &little, &big] {
            assert_eq!(decode(bytes, Encoding::Unicode).unwrap(), text);
        }
    }

    #[test]
    fn older_encodings_only_when_named() {
        assert_eq!(decode(b"\xFCber 5 \x80", Encoding::Windows1252).unwrap(), "über 5 €");
        assert_eq!(decode(b"\xFCber 5 \xA4", Encoding::Iso8859_15).unwrap(), "über 5 €");
        assert_eq!(code(b"a\nb\n\xFCber", Encoding::Unicode), (3, ProblemCode::Encoding));
        assert_eq!(code(b"a\n\x81", Encoding::Windows1252), (2, ProblemCode::ControlCharacter));
    }

    #[test]
    fn a_mark_in_the_file_wins() {
        assert_eq!(decode("\u{FEFF}ü".as_bytes(), Encoding::Windows1252).unwrap(), "ü");
    }

    #[test]
    fn damaged_files() {
        assert_eq!(code(b"\xFF\xFEa\0\n\0b", Encoding::Unicode), (2, ProblemCode::Encoding));
        assert_eq!(code(b"\xFF\xFE\n\0\x00\xD8x\0", Encoding::Unicode), (2, ProblemCode::Encoding));
        assert_eq!(code(b"a\n\0", Encoding::Unicode), (2, ProblemCode::ControlCharacter));
        assert_eq!(code("a\n\u{1b}[31m".as_bytes(), Encoding::Unicode), (2, ProblemCode::ControlCharacter));
        assert_eq!(code(&vec![b'a'; MAX_BYTES + 1], Encoding::Unicode), (1, ProblemCode::TooLarge));
    }
}
