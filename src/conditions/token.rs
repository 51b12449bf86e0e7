//! The text of an expression in tokens.

use rust_decimal::Decimal;

use crate::{Broken, MOST_CHARACTERS, MOST_PARTS};

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Name(String),
    Whole(i64),
    Exact(Decimal),
    Text(String),
    Sign(&'static str),
    End,
}

/// A token and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub kind: Kind,
    pub at: usize,
}

/// Longer ones first: what is read is the longest.
const SIGNS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", ".",
    "?", ":",
];

pub(crate) fn broken(at: usize, message: impl Into<String>) -> Broken {
    Broken { at, message: message.into() }
}

struct Reader {
    letters: Vec<char>,
    at: usize,
}

/// Reads the tokens of a text.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Broken> {
    if text.chars().nth(MOST_CHARACTERS).is_some() {
        return Err(broken(MOST_CHARACTERS, format!("An expression has at most {MOST_CHARACTERS} characters.")));
    }
    let mut reader = Reader { letters: text.chars().collect(), at: 0 };
    let mut found = Vec::new();
    loop {
        reader.skip();
        let at = reader.at;
        let kind = reader.next()?;
        let over = kind == Kind::End;
        found.push(Token { kind, at });
        if over {
            return Ok(found);
        }
        // Signs are counted as well: some three tokens make a part.
        if found.len() > MOST_PARTS.saturating_mul(4) {
            return Err(broken(at, "The expression is too long."));
        }
    }
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at.saturating_add(ahead)).copied()
    }

    fn step(&mut self, by: usize) {
        self.at = self.at.saturating_add(by);
    }

    fn skip(&mut self) {
        while let Some(letter) = self.peek(0) {
            if letter == '/' && self.peek(1) == Some('/') {
                while self.peek(0).is_some_and(|letter| letter != '\n') {
                    self.step(1);
                }
            } else if letter.is_whitespace() {
                self.step(1);
            } else {
                return;
            }
        }
    }

    fn next(&mut self) -> Result<Kind, Broken> {
        let Some(letter) = self.peek(0) else { return Ok(Kind::End) };
        if matches!(letter, 'r' | 'R') && matches!(self.peek(1), Some('"' | '\'')) {
            self.step(1);
            return self.text(true);
        }
        if matches!(letter, 'b' | 'B') && matches!(self.peek(1), Some('"' | '\'')) {
            return Err(broken(self.at, "Bytes are not known here; write a text."));
        }
        if matches!(letter, '"' | '\'') {
            return self.text(false);
        }
        if letter.is_ascii_digit() || (letter == '.' && self.peek(1).is_some_and(|next| next.is_ascii_digit())) {
            return self.number();
        }
        if letter.is_ascii_alphabetic() || letter == '_' {
            let mut name = String::new();
            while let Some(letter) = self.peek(0).filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_') {
                name.push(letter);
                self.step(1);
            }
            return Ok(Kind::Name(name));
        }
        let sign = SIGNS.iter().find(|sign| sign.chars().enumerate().all(|(at, letter)| self.peek(at) == Some(letter)));
        match sign {
            Some(sign) => {
                self.step(sign.len());
                Ok(Kind::Sign(sign))
            }
            None => Err(broken(self.at, format!("`{letter}` means nothing here."))),
        }
    }

    fn number(&mut self) -> Result<Kind, Broken> {
        let start = self.at;
        if self.peek(0) == Some('0') && matches!(self.peek(1), Some('x' | 'X')) {
            self.step(2);
            let digits = self.taken(|letter| letter.is_ascii_hexdigit());
            let whole = i64::from_str_radix(&digits, 16).map_err(|_| broken(start, "This is no whole number."))?;
            return Ok(Kind::Whole(whole));
        }
        let mut text = self.taken(|letter| letter.is_ascii_digit());
        let mut exact = false;
        if self.peek(0) == Some('.') && self.peek(1).is_some_and(|next| next.is_ascii_digit()) {
            exact = true;
            self.step(1);
            text.push('.');
            text.push_str(&self.taken(|letter| letter.is_ascii_digit()));
        }
        if matches!(self.peek(0), Some('e' | 'E')) {
            let signed = matches!(self.peek(1), Some('+' | '-'));
            if self.peek(if signed { 2 } else { 1 }).is_some_and(|next| next.is_ascii_digit()) {
                exact = true;
                text.push('e');
                if signed {
                    text.extend(self.peek(1));
                }
                self.step(if signed { 2 } else { 1 });
                text.push_str(&self.taken(|letter| letter.is_ascii_digit()));
            }
        }
        if exact {
            let text = if text.starts_with('.') { format!("0{text}") } else { text };
            let number =
                if text.contains('e') { Decimal::from_scientific(&text) } else { Decimal::from_str_exact(&text) };
            return number.map(Kind::Exact).map_err(|_| broken(start, "This number has too many digits."));
        }
        if matches!(self.peek(0), Some('u' | 'U')) {
            self.step(1);
        }
        text.parse().map(Kind::Whole).map_err(|_| broken(start, "This number is too large."))
    }

    fn taken(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut text = String::new();
        while let Some(letter) = self.peek(0).filter(|letter| belongs(*letter)) {
            text.push(letter);
            self.step(1);
        }
        text
    }

    fn text(&mut self, raw: bool) -> Result<Kind, Broken> {
        let start = self.at;
        let quote = self.peek(0).unwrap_or('"');
        let long = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        let width = if long { 3 } else { 1 };
        self.step(width);
        let mut text = String::new();
        loop {
            let Some(letter) = self.peek(0) else { return Err(broken(start, "This text has no end.")) };
            if letter == quote && (!long || (self.peek(1) == Some(quote) && self.peek(2) == Some(quote))) {
                self.step(width);
                return Ok(Kind::Text(text));
            }
            if !long && matches!(letter, '\n' | '\r') {
                return Err(broken(start, "This text has no end."));
            }
            self.step(1);
            text.push(if letter == '\\' && !raw { self.escaped()? } else { letter });
        }
    }

    fn escaped(&mut self) -> Result<char, Broken> {
        let at = self.at;
        let wrong = || broken(at, "No such escape is known.");
        let letter = self.peek(0).ok_or_else(wrong)?;
        self.step(1);
        let coded = |reader: &mut Self, digits: usize, radix: u32| {
            let mut code = 0_u32;
            for _ in 0..digits {
                let digit = reader.peek(0).and_then(|letter| letter.to_digit(radix)).ok_or_else(wrong)?;
                reader.step(1);
                code = code.checked_mul(radix).and_then(|code| code.checked_add(digit)).ok_or_else(wrong)?;
            }
            char::from_u32(code).ok_or_else(wrong)
        };
        match letter {
            'n' => Ok('\n'),
            't' => Ok('\t'),
            'r' => Ok('\r'),
            'a' => Ok('\u{7}'),
            'b' => Ok('\u{8}'),
            'f' => Ok('\u{c}'),
            'v' => Ok('\u{b}'),
            '\\' | '"' | '\'' | '`' | '?' => Ok(letter),
            'x' | 'X' => coded(self, 2, 16),
            'u' => coded(self, 4, 16),
            'U' => coded(self, 8, 16),
            '0'..='3' => {
                self.at = at;
                coded(self, 3, 8)
            }
            _ => Err(wrong()),
        }
    }
}
