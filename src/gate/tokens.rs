//! The text as a row of tokens, cut in one pass without recursion.
//!
//! Whatever could make later passes expensive (length, depth, aliases, directives) is counted here, and the cut stops at the first
//! limit passed. The rules are those of the October 2021 specification, section 2.1.

use async_graphql_parser::Pos;

use crate::{
    Limits,
    rejected::{PARSE_FAILED, Rejected, VALIDATION_FAILED, quoted},
};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One of `! $ & ( ) : = @ [ ] { | }`.
    Punctuator(u8),
    /// `...`
    Spread,
    /// A name or keyword.
    Name,
    /// An integer or decimal number.
    Number,
    /// A string between single quotes; the token's text is without them, escapes not yet resolved.
    Text,
    /// A block string; likewise.
    Block,
}

/// A token and where it starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub at: Pos,
}

/// Cuts `source`, holding it to the limits on text.
pub(crate) fn cut<'a>(source: &'a str, limits: &Limits, work: &mut u64) -> Result<Vec<Token<'a>>, Rejected> {
    let over = |name, what, allowed: usize, found: usize| Rejected::over(VALIDATION_FAILED, name, what, allowed, found);
    over("bytes", "bytes of query text", limits.bytes, source.len())?;

    let mut cutter = Cutter { source, bytes: source.as_bytes(), next: 0, placed: 0, at: Pos { line: 1, column: 1 } };
    let mut tokens = Vec::with_capacity(limits.tokens.min(source.len() / 4 + 1));
    let mut open: Vec<u8> = Vec::new();
    let (mut round, mut aliases, mut directives) = (0_usize, 0_usize, 0_usize);
    while let Some(token) = cutter.token()? {
        *work += 1;
        over("tokens", "words and signs", limits.tokens, tokens.len() + 1).map_err(|no| no.at(token.at))?;
        match token.kind {
            Kind::Punctuator(sign @ (b'(' | b'[' | b'{')) => {
                open.push(sign);
                round += usize::from(sign == b'(');
                over("nesting", "brackets inside each other", limits.nesting, open.len())
                    .map_err(|no| no.at(token.at))?;
            }
            Kind::Punctuator(sign @ (b')' | b']' | b'}')) => {
                let opened = match sign {
                    b')' => b'(',
                    b']' => b'[',
                    _ => b'{',
                };
                if open.pop() != Some(opened) {
                    return Err(Rejected::parse(format!("{} closes nothing.", quoted(token.text)), token.at));
                }
                round -= usize::from(sign == b')');
            }
            // Outside of round brackets a colon can only follow an alias.
            Kind::Punctuator(b':') if round == 0 => {
                aliases += 1;
                over("aliases", "aliases", limits.aliases, aliases).map_err(|no| no.at(token.at))?;
            }
            Kind::Punctuator(b'@') => {
                directives += 1;
                over("directives", "directives", limits.directives, directives).map_err(|no| no.at(token.at))?;
            }
            _ => {}
        }
        tokens.push(token);
    }
    if let Some(sign) = open.pop() {
        let sign = char::from(sign).to_string();
        return Err(Rejected::parse(
            format!("The text ends before {} is closed.", quoted(&sign)),
            cutter.place(source.len()),
        ));
    }
    Ok(tokens)
}

struct Cutter<'a> {
    source: &'a str,
    bytes: &'a [u8],
    next: usize,
    /// Up to here `at` has been counted.
    placed: usize,
    at: Pos,
}

impl<'a> Cutter<'a> {
    fn byte(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.next + ahead).copied()
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> usize {
        let start = self.next;
        while self.byte(0).is_some_and(&belongs) {
            self.next += 1;
        }
        self.next - start
    }

    /// Line and column of an offset; offsets are asked for in rising order, so that all questions together read the text once.
    fn place(&mut self, offset: usize) -> Pos {
        for &byte in self.bytes.get(self.placed..offset).unwrap_or_default() {
            match byte {
                b'\n' => {
                    self.at.line += 1;
                    self.at.column = 1;
                }
                b'\r' => self.at.column = 1,
                // The further bytes of one character.
                0x80..=0xBF => {}
                _ => self.at.column += 1,
            }
        }
        self.placed = self.placed.max(offset);
        self.at
    }

    fn flaw<T>(&mut self, offset: usize, message: impl Into<String>) -> Result<T, Rejected> {
        let at = self.place(offset);
        Err(Rejected::new(PARSE_FAILED, message).at(at))
    }

    fn skip_ignored(&mut self) -> Result<(), Rejected> {
        loop {
            match self.byte(0) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | b',') => self.next += 1,
                Some(0xEF) if self.byte(1) == Some(0xBB) && self.byte(2) == Some(0xBF) => self.next += 3,
                Some(b'#') => {
                    self.run(|byte| byte >= b' ' || byte == b'\t');
                    if let Some(byte) = self.byte(0)
                        && byte != b'\n'
                        && byte != b'\r'
                    {
                        return self.flaw(self.next, "The comment holds a control character.");
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn token(&mut self) -> Result<Option<Token<'a>>, Rejected> {
        self.skip_ignored()?;
        let Some(first) = self.byte(0) else {
            return Ok(None);
        };
        let start = self.next;
        let (kind, from, to) = match first {
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}' => {
                self.next += 1;
                (Kind::Punctuator(first), start, self.next)
            }
            b'.' => {
                if self.byte(1) != Some(b'.') || self.byte(2) != Some(b'.') {
                    return self.flaw(start, "A dot stands alone; a spread has three.");
                }
                self.next += 3;
                (Kind::Spread, start, self.next)
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => {
                self.run(is_name);
                (Kind::Name, start, self.next)
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
                (Kind::Number, start, self.next)
            }
            b'"' if self.byte(1) == Some(b'"') && self.byte(2) == Some(b'"') => {
                self.next += 3;
                self.block(start)?;
                (Kind::Block, start + 3, self.next - 3)
            }
            b'"' => {
                self.next += 1;
                self.string(start)?;
                (Kind::Text, start + 1, self.next - 1)
            }
            _ => {
                let odd: String = self.source.get(start..).and_then(|rest| rest.chars().next()).into_iter().collect();
                return self.flaw(start, format!("The character {} has no place here.", quoted(&odd)));
            }
        };
        let at = self.place(start);
        Ok(Some(Token { kind, text: self.source.get(from..to).unwrap_or_default(), at }))
    }

    fn number(&mut self) -> Result<(), Rejected> {
        let start = self.next;
        let digit = |byte: u8| byte.is_ascii_digit();
        self.next += usize::from(self.byte(0) == Some(b'-'));
        let zero = self.byte(0) == Some(b'0');
        let whole = self.run(digit);
        let mut sound = whole == 1 || (whole > 1 && !zero);
        if self.byte(0) == Some(b'.') {
            self.next += 1;
            sound &= self.run(digit) > 0;
        }
        if matches!(self.byte(0), Some(b'e' | b'E')) {
            self.next += 1;
            self.next += usize::from(matches!(self.byte(0), Some(b'+' | b'-')));
            sound &= self.run(digit) > 0;
        }
        if !sound || self.byte(0).is_some_and(|byte| is_name(byte) || byte == b'.') {
            return self.flaw(start, "This is not a number.");
        }
        Ok(())
    }

    fn string(&mut self, start: usize) -> Result<(), Rejected> {
        loop {
            self.run(|byte| byte >= b' ' && byte != b'"' && byte != b'\\' || byte == b'\t');
            match self.byte(0) {
                Some(b'"') => {
                    self.next += 1;
                    return Ok(());
                }
                Some(b'\\') => match self.byte(1) {
                    Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u') => self.next += 2,
                    _ => return self.flaw(self.next, "The string holds an unknown escape."),
                },
                None | Some(b'\n' | b'\r') => return self.flaw(start, "The string is not closed."),
                Some(_) => return self.flaw(self.next, "The string holds a control character."),
            }
        }
    }

    fn block(&mut self, start: usize) -> Result<(), Rejected> {
        loop {
            self.run(|byte| (byte >= b' ' && byte != b'"' && byte != b'\\') || matches!(byte, b'\t' | b'\n' | b'\r'));
            let three = |ahead: usize| (ahead..ahead + 3).all(|i| self.byte(i) == Some(b'"'));
            match self.byte(0) {
                Some(b'"') if three(0) => {
                    self.next += 3;
                    return Ok(());
                }
                Some(b'\\') if three(1) => self.next += 4,
                Some(b'"' | b'\\') => self.next += 1,
                None => return self.flaw(start, "The block string is not closed."),
                Some(_) => return self.flaw(self.next, "The string holds a control character."),
            }
        }
    }
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
