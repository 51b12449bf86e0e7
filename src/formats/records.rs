//! CSV split into records, with the line each begins on.
//!
//! Our own splitter, because a refusal must name the right line: it counts `\n`, `\r\n` and `\r` alike, and a quote that is
//! never closed is a problem at the line where it opens, not a field as long as the rest of the file.

use std::borrow::Cow;

use crate::limits::{MAX_COLUMNS, MAX_FIELD_CHARS};
use crate::problem::{Problem, ProblemCode};

/// One record: its fields as written, without the quotes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'t> {
    pub(crate) line: u64,
    pub(crate) fields: Vec<Cow<'t, str>>,
}

/// The records of a text, one after the other. Blank lines are passed over. After a problem nothing more comes: where one
/// record goes wrong, the borders of the next are a guess.
pub(crate) struct Records<'t> {
    rest: &'t str,
    line: u64,
    separator: char,
    blanks: bool,
}

impl<'t> Records<'t> {
    pub(crate) fn new(text: &'t str, first_line: u64, separator: char) -> Self {
        Self { rest: text, line: first_line, separator, blanks: false }
    }

    /// The same where blank lines are records like others.
    pub(crate) fn with_blanks(text: &'t str, separator: char) -> Self {
        Self { rest: text, line: 1, separator, blanks: true }
    }

    fn record(&mut self) -> Result<Option<Record<'t>>, Problem> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let line = self.line;
            let mut fields = Vec::new();
            while {
                let (field, more) = self.field()?;
                if fields.len() >= MAX_COLUMNS {
                    let message = format!("more than {MAX_COLUMNS} fields in one line");
                    return Err(Problem::new(line, ProblemCode::TooLarge, message));
                }
                if field.chars().count() > MAX_FIELD_CHARS {
                    let message =
                        format!("field {} has more than {MAX_FIELD_CHARS} characters", fields.len().saturating_add(1));
                    return Err(Problem::new(line, ProblemCode::FieldTooLong, message));
                }
                fields.push(field);
                more
            } {}
            // spreadsheets write lines of empty fields below the data
            if self.blanks || fields.iter().any(|field| !field.trim().is_empty()) {
                return Ok(Some(Record { line, fields }));
            }
        }
    }

    /// The next field, and whether another one follows in the same record.
    fn field(&mut self) -> Result<(Cow<'t, str>, bool), Problem> {
        let text = self.rest;
        let Some(quoted) = text.trim_start_matches(' ').strip_prefix('"') else {
            let end = text.find([self.separator, '\n', '\r']).unwrap_or(text.len());
            let (field, rest) = text.split_at_checked(end).unwrap_or((text, ""));
            self.rest = rest;
            return Ok((Cow::Borrowed(field), self.pass_border()));
        };
        let opened_on = self.line;
        let mut value = Cow::Borrowed("");
        let mut rest = quoted;
        loop {
            let Some((part, after)) = rest.split_once('"') else {
                let message = "a quote opens here and is never closed";
                return Err(Problem::new(opened_on, ProblemCode::Quote, message));
            };
            self.line = self.line.saturating_add(line_ends(part));
            append(&mut value, part);
            let Some(again) = after.strip_prefix('"') else {
                rest = after;
                break;
            };
            append(&mut value, "\"");
            rest = again;
        }
        self.rest = rest.trim_start_matches(' ');
        if !(self.rest.is_empty() || self.rest.starts_with([self.separator, '\n', '\r'])) {
            let message = "text after a closing quote; a quote inside a quoted field is written twice";
            return Err(Problem::new(self.line, ProblemCode::Quote, message));
        }
        Ok((value, self.pass_border()))
    }

    /// Passes over the separator or the line end; whether it was a separator.
    fn pass_border(&mut self) -> bool {
        if let Some(rest) = self.rest.strip_prefix(self.separator) {
            self.rest = rest;
            return true;
        }
        let after = self.rest.strip_prefix("\r\n").or_else(|| self.rest.strip_prefix(['\n', '\r']));
        if let Some(rest) = after {
            self.line = self.line.saturating_add(1);
            self.rest = rest;
        }
        false
    }
}

impl<'t> Iterator for Records<'t> {
    type Item = Result<Record<'t>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        self.record().inspect_err(|_| self.rest = "").transpose()
    }
}

fn append<'t>(value: &mut Cow<'t, str>, part: &'t str) {
    if value.is_empty() {
        *value = Cow::Borrowed(part);
    } else {
        value.to_mut().push_str(part);
    }
}

/// How many lines end in a text; `\r\n` ends one.
pub(crate) fn line_ends(text: &str) -> u64 {
    let count = text.matches(['\n', '\r']).count().saturating_sub(text.matches("\r\n").count());
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The text behind so many lines.
pub(crate) fn skip_lines(text: &str, lines: u32) -> &str {
    let mut rest = text;
    for _ in 0..lines {
        let Some(end) = rest.find(['\n', '\r']) else { return "" };
        let tail = rest.get(end..).unwrap_or_default();
        rest = tail.strip_prefix("\r\n").or_else(|| tail.strip_prefix(['\n', '\r'])).unwrap_or_default();
    }
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(text: &str) -> Vec<(u64, Vec<String>)> {
        Records::new(text, 1, ',')
            .map(|record| record.map(|record| (record.line, record.fields.into_iter().map(Cow::into_owned).collect())))
            .collect::<Result<_, _>>()
            .unwrap()
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("a,b{end}{end}\"x{end}y\",2{end},{end}c,\"say \"\"hi\"\"\"{end}");
            let quoted = format!("x{end}y");
            assert_eq!(
                split(&text),
                vec![
                    (1, vec!["a".into(), "b".into()]),
                    (3, vec![quoted, "2".into()]),
                    (6, vec!["c".into(), "say \"hi\"".into()]),
                ]
            );
        }
    }

    #[test]
    fn fields_at_the_borders() {
        assert_eq!(split(",a,\n"), vec![(1, vec![String::new(), "a".into(), String::new()])]);
        assert_eq!(split("a,"), vec![(1, vec!["a".into(), String::new()])]);
        assert_eq!(split("\"\",\"a\" ,5\" tape"), vec![(1, vec![String::new(), "a".into(), "5\" tape".into()])]);
    }

    #[test]
    fn quotes_that_go_wrong() {
        fn problem(text: &str) -> Option<(u64, ProblemCode)> {
            Records::new(text, 1, ',').find_map(Result::err).map(|problem| (problem.line, problem.code))
        }
        assert_eq!(problem("a\nb,\"c\nd\ne"), Some((2, ProblemCode::Quote)));
        assert_eq!(problem("a\n\"b\" c"), Some((2, ProblemCode::Quote)));
        assert_eq!(problem(&",".repeat(MAX_COLUMNS)), Some((1, ProblemCode::TooLarge)));
        assert_eq!(problem(&"x".repeat(MAX_FIELD_CHARS + 1)), Some((1, ProblemCode::FieldTooLong)));
    }

    #[test]
    fn skipping() {
        assert_eq!(skip_lines("a\r\nb\nc", 2), "c");
        assert_eq!(skip_lines("a", 2), "");
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(fields in prop::collection::vec(prop::collection::vec("[a,\"\n\r ;é]{0,6}x", 1..4), 1..5)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let text: Vec<String> = fields.iter().map(|record| record.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
            let read: Vec<Vec<String>> = split(&text.join("\n")).into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(read, fields);
        }
    }
}
