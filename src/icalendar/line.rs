//! Lines: how they are folded, what they are made of, how text is escaped.

/// Octets of a line as it is written, without its end.
pub const WIDTH: usize = 75;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name, in capitals.
    pub name: String,
    /// Its parameters: names in capitals, values without quotes.
    pub parameters: Vec<(String, String)>,
    /// Its value, as it stands there.
    pub value: String,
    /// Its number in the file, from 1 on: that of its first part if it is folded.
    pub number: usize,
}

impl Line {
    /// The value of a parameter.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Unfolds a text: lines with the number of their first part. A line that begins with a space or a tab goes on with the one
/// before it, even in the middle of a letter. Lines end with CRLF, or with either of both.
pub fn unfold(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    let mut parts = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).enumerate().peekable();
    std::iter::from_fn(move || {
        let (place, first) = parts.next()?;
        let mut line = first.to_owned();
        while let Some((_, more)) = parts.next_if(|(_, next)| next.starts_with([' ', '\t'])) {
            line.push_str(more.get(1..).unwrap_or_default());
        }
        Some((place + 1, line))
    })
    .filter(|(_, line)| !line.trim().is_empty())
}

/// Reads a line; nothing if it is none.
#[must_use]
pub fn parse(number: usize, text: &str) -> Option<Line> {
    let named = text.find([';', ':'])?;
    let (name, mut rest) = text.split_at_checked(named)?;
    let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !word(name) {
        return None;
    }
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.strip_prefix(';') {
        let (name, value) = parameter.split_once('=')?;
        if !word(name) {
            return None;
        }
        let (value, after) = parameter_value(value)?;
        // A bomb of parameters is no line.
        if parameters.len() >= 50 {
            return None;
        }
        parameters.push((name.to_ascii_uppercase(), value));
        rest = after;
    }
    let value = rest.strip_prefix(':')?.to_owned();
    Some(Line { name: name.to_ascii_uppercase(), parameters, value, number })
}

/// The value of a parameter and what stands behind it: a list is one value with its commas.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut quoted = false;
    for (place, sign) in text.char_indices() {
        match sign {
            '"' => quoted = !quoted,
            ';' | ':' if !quoted => return text.split_at_checked(place).map(|(_, rest)| (unhatted(&value), rest)),
            sign => value.push(sign),
        }
    }
    None
}

/// RFC 6868: quotes and line breaks in parameters.
fn unhatted(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut signs = value.chars().peekable();
    while let Some(sign) = signs.next() {
        let hatted = match (sign, signs.peek()) {
            ('^', Some('n')) => Some('\n'),
            ('^', Some('\'')) => Some('"'),
            ('^', Some('^')) => Some('^'),
            _ => None,
        };
        match hatted {
            Some(meant) => {
                signs.next();
                plain.push(meant);
            }
            None => plain.push(sign),
        }
    }
    plain
}

/// A text as it was meant: `\n`, `\,`, `\;` and `\\`.
#[must_use]
pub fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut signs = value.chars();
    while let Some(sign) = signs.next() {
        match (sign, sign == '\\') {
            (_, true) => match signs.next() {
                Some('n' | 'N') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            (sign, false) => text.push(sign),
        }
    }
    text
}

/// A text as it is written: nothing in it ends its line, or is taken for something else.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for sign in text.replace("\r\n", "\n").chars() {
        match sign {
            '\\' => escaped.push_str("\\\\"),
            ';' => escaped.push_str("\\;"),
            ',' => escaped.push_str("\\,"),
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => escaped.push_str("\\n"),
            '\t' => escaped.push('\t'),
            sign if sign.is_control() => {}
            sign => escaped.push(sign),
        }
    }
    escaped
}

/// The value of a parameter in quotes, with what it cannot hold written as RFC 6868 has it.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        match sign {
            '^' => quoted.push_str("^^"),
            '"' => quoted.push_str("^'"),
            '\n' => quoted.push_str("^n"),
            sign if sign.is_control() => {}
            sign => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a line: folded at 75 octets, never in the middle of a letter, ended by CRLF.
pub fn put(out: &mut String, line: &str) {
    let mut left = WIDTH;
    for sign in line.chars() {
        if sign.len_utf8() > left {
            out.push_str("\r\n ");
            left = WIDTH - 1;
        }
        out.push(sign);
        left -= sign.len_utf8();
    }
    out.push_str("\r\n");
}
