//! Bytes as they were encoded for the way, and letters as they were encoded in bytes. What is broken is read as far as it goes.

use mail_parser::decoders::charsets::map::charset_decoder;

/// Base64; anything that is none of its letters is passed over. True if there was such a thing, or its end is missing.
pub(crate) fn base64(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut bits, mut count, mut broken) = (0_u32, 0_u32, false);
    for one in bytes {
        let value = match one {
            b'A'..=b'Z' => one - b'A',
            b'a'..=b'z' => one - b'a' + 26,
            b'0'..=b'9' => one - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                // An end; some write another encoding behind it.
                (bits, count) = (0, 0);
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            _ => {
                broken = true;
                continue;
            }
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from((bits >> count) & 0xff).unwrap_or_default());
            bits &= (1 << count) - 1;
        }
    }
    (out, broken || count == 6)
}

/// Quoted-printable; what is no encoding stands for itself. True if there was such a thing.
pub(crate) fn quoted_printable(bytes: &[u8]) -> (Vec<u8>, bool) {
    let digit = |one: Option<&u8>| one.and_then(|one| char::from(*one).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut broken = false;
    let mut at = 0_usize;
    while let Some(one) = bytes.get(at) {
        at = at.saturating_add(1);
        if *one != b'=' {
            out.push(*one);
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if let (Some(high), Some(low)) = (digit(rest.first()), digit(rest.get(1))) {
            out.push(u8::try_from(high * 16 + low).unwrap_or_default());
            at = at.saturating_add(2);
            continue;
        }
        // A line that goes on: spaces at its end were added on the way.
        let spaces = rest.iter().take(100).take_while(|one| matches!(one, b' ' | b'\t')).count();
        let behind = rest.get(spaces..).unwrap_or_default();
        if behind.starts_with(b"\r\n") {
            at = at.saturating_add(spaces).saturating_add(2);
        } else if behind.starts_with(b"\n") {
            at = at.saturating_add(spaces).saturating_add(1);
        } else {
            broken = broken || !behind.is_empty();
            out.push(b'=');
        }
    }
    (out, broken)
}

/// Text of that charset; false if it is not known and was taken for UTF-8.
pub(crate) fn text(bytes: &[u8], charset: Option<&str>) -> (String, bool) {
    let charset = charset.map(str::trim).filter(|charset| !charset.is_empty());
    let is_utf8 = charset.is_none_or(|charset| {
        ["utf-8", "utf8", "us-ascii", "ascii"].iter().any(|one| charset.eq_ignore_ascii_case(one))
    });
    if is_utf8 {
        return (String::from_utf8_lossy(bytes).into_owned(), true);
    }
    let decoder = charset.filter(|charset| charset.len() <= 45).and_then(|charset| charset_decoder(charset.as_bytes()));
    let decoded = decoder.and_then(|decoder| std::panic::catch_unwind(|| decoder(bytes)).ok());
    match decoded {
        Some(text) => (text, true),
        None => (String::from_utf8_lossy(bytes).into_owned(), false),
    }
}

/// Text as it is kept: its lines, without control characters, within bounds. False if it was cut.
pub(crate) fn tidy(text: &str, most: usize) -> (String, bool) {
    let mut out = String::new();
    let (mut count, mut blank) = (0_usize, 0_usize);
    for line in text.lines() {
        let line = line.trim_end();
        if line.is_empty() {
            blank = blank.saturating_add(1);
            if blank > 2 || out.is_empty() {
                continue;
            }
        } else {
            blank = 0;
        }
        for one in line.chars().chain(std::iter::once('\n')) {
            if one.is_control() && !matches!(one, '\n' | '\t') || crate::is_hidden(one) {
                continue;
            }
            if count >= most {
                out.truncate(out.trim_end().len());
                return (out, false);
            }
            count = count.saturating_add(1);
            out.push(one);
        }
    }
    out.truncate(out.trim_end().len());
    (out, true)
}
