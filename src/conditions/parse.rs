//! Reading expressions: precedence as in CEL, names checked as they are read.
//!
//! Functions: `size`, `string`, `int`, `decimal` (also called `double`), `date`, `timestamp`, `duration`; of a text
//! `contains`, `startsWith`, `endsWith`, `matches` (a pattern that is a literal), `size`, `trim`, `lowerAscii`,
//! `upperAscii`; of an instant `getFullYear`, `getMonth`, `getDayOfMonth`, `getDayOfWeek`, `getHours` in UTC, and the first
//! four of a day.

use regex::Regex;

use crate::ops::Between;
use crate::part::{Function, Part, Walk};
use crate::shape::Shape;
use crate::token::{Kind, Token, broken, tokens};
use crate::value::Value;
use crate::{Broken, MOST_DEPTH, MOST_PARTS};

struct Parser<'a> {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    parts: usize,
    shape: &'a Shape,
    /// Names that macros bind around the part that is read.
    bound: Vec<String>,
}

/// What is read, and what shape it has as far as that is known: its path and what is below.
struct Read<'a> {
    part: Part,
    below: Option<(String, &'a Shape)>,
}

impl Read<'_> {
    fn plain(part: Part) -> Self {
        Self { part, below: None }
    }
}

/// Reads a whole text.
pub(crate) fn parse(text: &str, shape: &Shape) -> Result<Part, Broken> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, parts: 0, shape, bound: Vec::new() };
    let part = parser.whole()?;
    match parser.peek() {
        (Kind::End, _) => Ok(part),
        (_, at) => Err(broken(at, "The expression should end here, or an operator is missing.")),
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> (Kind, usize) {
        self.tokens.get(self.next).map_or((Kind::End, 0), |token| (token.kind.clone(), token.at))
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(0, |token| token.at)
    }

    fn is(&self, sign: &str) -> bool {
        self.tokens.get(self.next).is_some_and(|token| matches!(&token.kind, Kind::Sign(found) if *found == sign))
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is(sign);
        if found {
            self.next = self.next.saturating_add(1);
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Broken> {
        let at = self.at();
        if self.take(sign) { Ok(()) } else { Err(broken(at, format!("`{sign}` is missing here."))) }
    }

    fn count(&mut self) -> Result<(), Broken> {
        self.parts = self.parts.saturating_add(1);
        if self.parts > MOST_PARTS {
            return Err(broken(self.at(), format!("An expression has at most {MOST_PARTS} parts.")));
        }
        Ok(())
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Broken>) -> Result<T, Broken> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MOST_DEPTH {
            return Err(broken(self.at(), format!("An expression nests at most {MOST_DEPTH} deep.")));
        }
        let read = read(self);
        self.depth = self.depth.saturating_sub(1);
        read
    }

    /// A whole expression: `a ? b : c` and everything that binds closer.
    fn whole(&mut self) -> Result<Part, Broken> {
        self.deeper(|parser| {
            let condition = parser.either()?;
            if !parser.take("?") {
                return Ok(condition);
            }
            parser.count()?;
            let then = parser.either()?;
            parser.expect(":")?;
            let otherwise = parser.whole()?;
            Ok(Part::If(Box::new(condition), Box::new(then), Box::new(otherwise)))
        })
    }

    fn either(&mut self) -> Result<Part, Broken> {
        let first = self.both()?;
        let mut parts = vec![first];
        while self.take("||") {
            self.count()?;
            parts.push(self.both()?);
        }
        Ok(alone(parts, Part::Or))
    }

    fn both(&mut self) -> Result<Part, Broken> {
        let first = self.related()?;
        let mut parts = vec![first];
        while self.take("&&") {
            self.count()?;
            parts.push(self.related()?);
        }
        Ok(alone(parts, Part::And))
    }

    fn related(&mut self) -> Result<Part, Broken> {
        let mut left = self.sum()?;
        let mut chain = 0_usize;
        loop {
            let op = match self.peek().0 {
                Kind::Sign("==") => Between::Equal,
                Kind::Sign("!=") => Between::Unequal,
                Kind::Sign("<") => Between::Less,
                Kind::Sign("<=") => Between::AtMost,
                Kind::Sign(">") => Between::More,
                Kind::Sign(">=") => Between::AtLeast,
                Kind::Name(name) if name == "in" => Between::In,
                _ => return Ok(left),
            };
            self.link(&mut chain)?;
            let right = self.sum()?;
            left = Part::Between(op, Box::new(left), Box::new(right));
        }
    }

    fn sum(&mut self) -> Result<Part, Broken> {
        let mut left = self.product()?;
        let mut chain = 0_usize;
        loop {
            let op = match self.peek().0 {
                Kind::Sign("+") => Between::Plus,
                Kind::Sign("-") => Between::Minus,
                _ => return Ok(left),
            };
            self.link(&mut chain)?;
            let right = self.product()?;
            left = Part::Between(op, Box::new(left), Box::new(right));
        }
    }

    fn product(&mut self) -> Result<Part, Broken> {
        let mut left = self.signed()?;
        let mut chain = 0_usize;
        loop {
            let op = match self.peek().0 {
                Kind::Sign("*") => Between::Times,
                Kind::Sign("/") => Between::Over,
                Kind::Sign("%") => Between::Rest,
                _ => return Ok(left),
            };
            self.link(&mut chain)?;
            let right = self.signed()?;
            left = Part::Between(op, Box::new(left), Box::new(right));
        }
    }

    /// Goes past an operator that makes a chain; the left end of a chain lies as deep as it is long.
    fn link(&mut self, chain: &mut usize) -> Result<(), Broken> {
        self.count()?;
        *chain = chain.saturating_add(1);
        if *chain > MOST_DEPTH {
            return Err(broken(self.at(), format!("At most {MOST_DEPTH} operators follow one another.")));
        }
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    fn signed(&mut self) -> Result<Part, Broken> {
        if self.take("!") {
            self.count()?;
            return self.deeper(|parser| Ok(Part::Not(Box::new(parser.signed()?))));
        }
        if self.take("-") {
            self.count()?;
            return self.deeper(|parser| Ok(Part::Negative(Box::new(parser.signed()?))));
        }
        self.member()
    }

    fn member(&mut self) -> Result<Part, Broken> {
        let mut read = self.primary()?;
        let mut chain = 0_usize;
        loop {
            let at = self.at();
            if self.take(".") {
                chain = chain.saturating_add(1);
                let (Kind::Name(name), place) = self.peek() else {
                    return Err(broken(self.at(), "A name is missing behind the dot."));
                };
                self.next = self.next.saturating_add(1);
                self.count()?;
                read = if self.take("(") {
                    Read::plain(self.method(read.part, &name, place)?)
                } else {
                    field(read, name, place)?
                };
            } else if self.take("[") {
                chain = chain.saturating_add(1);
                self.count()?;
                let index = self.whole()?;
                self.expect("]")?;
                read = match (index, &read.below) {
                    (Part::Known(Value::Text(name)), Some(_)) => field(read, name, at)?,
                    (index, _) => Read::plain(Part::At(Box::new(read.part), Box::new(index))),
                };
            } else {
                return Ok(read.part);
            }
            if chain > MOST_DEPTH {
                return Err(broken(at, format!("At most {MOST_DEPTH} names follow one another.")));
            }
        }
    }

    fn primary(&mut self) -> Result<Read<'a>, Broken> {
        self.count()?;
        let (kind, at) = self.peek();
        self.next = self.next.saturating_add(1);
        Ok(Read::plain(match kind {
            Kind::Whole(value) => Part::Known(Value::Whole(value)),
            Kind::Exact(value) => Part::Known(Value::Exact(value)),
            Kind::Text(value) => Part::Known(Value::Text(value)),
            Kind::Sign("(") => {
                let inner = self.whole()?;
                self.expect(")")?;
                inner
            }
            Kind::Sign("[") => Part::List(self.list("]")?),
            Kind::Sign("{") => Part::Map(self.entries()?),
            Kind::Name(name) => return self.name(name, at),
            Kind::End => return Err(broken(at, "The expression ends too early.")),
            Kind::Sign(sign) => return Err(broken(at, format!("`{sign}` does not belong here."))),
        }))
    }

    fn name(&mut self, name: String, at: usize) -> Result<Read<'a>, Broken> {
        match name.as_str() {
            "true" => return Ok(Read::plain(Part::Known(Value::Bool(true)))),
            "false" => return Ok(Read::plain(Part::Known(Value::Bool(false)))),
            "null" => return Ok(Read::plain(Part::Known(Value::Null))),
            "in" => return Err(broken(at, "`in` stands between two values.")),
            _ => {}
        }
        if self.take("(") {
            return Ok(Read::plain(self.call(&name, at)?));
        }
        if self.bound.contains(&name) {
            return Ok(Read { part: Part::Name(name.clone()), below: Some((name, &Shape::Anything)) });
        }
        let below = self.shape.under("", &name).map_err(|message| broken(at, message))?;
        Ok(Read { part: Part::Name(name.clone()), below: Some((name, below)) })
    }

    fn list(&mut self, end: &str) -> Result<Vec<Part>, Broken> {
        let mut parts = Vec::new();
        while !self.take(end) {
            if !parts.is_empty() {
                self.expect(",")?;
                if self.take(end) {
                    break;
                }
            }
            parts.push(self.whole()?);
        }
        Ok(parts)
    }

    fn entries(&mut self) -> Result<Vec<(Part, Part)>, Broken> {
        let mut parts = Vec::new();
        while !self.take("}") {
            if !parts.is_empty() {
                self.expect(",")?;
                if self.take("}") {
                    break;
                }
            }
            let name = self.whole()?;
            self.expect(":")?;
            parts.push((name, self.whole()?));
        }
        Ok(parts)
    }

    fn call(&mut self, name: &str, at: usize) -> Result<Part, Broken> {
        if name == "has" {
            let asked = self.whole()?;
            self.expect(")")?;
            return match asked {
                Part::Field(of, name) => Ok(Part::Has(of, name)),
                _ => Err(broken(at, "`has` asks for a field: has(record.title).")),
            };
        }
        let function = match name {
            "size" => Function::Size,
            "string" => Function::Text,
            "int" => Function::Whole,
            "decimal" | "double" => Function::Exact,
            "date" => Function::Day,
            "timestamp" => Function::Instant,
            "duration" => Function::Span,
            _ => return Err(broken(at, format!("There is no function `{name}`."))),
        };
        let parts = self.list(")")?;
        if parts.len() != 1 {
            return Err(broken(at, format!("`{name}` takes one value.")));
        }
        Ok(Part::Call(function, parts))
    }

    fn method(&mut self, of: Part, name: &str, at: usize) -> Result<Part, Broken> {
        let walk = match name {
            "all" => Some(Walk::All),
            "exists" => Some(Walk::Exists),
            "exists_one" | "existsOne" => Some(Walk::ExistsOne),
            "map" => Some(Walk::Map),
            "filter" => Some(Walk::Filter),
            _ => None,
        };
        if let Some(walk) = walk {
            let (Kind::Name(bound), _) = self.peek() else {
                return Err(broken(
                    self.at(),
                    format!("`{name}` takes a name and an expression: {name}(one, one > 0)."),
                ));
            };
            self.next = self.next.saturating_add(1);
            self.expect(",")?;
            self.bound.push(bound.clone());
            let step = self.whole();
            self.bound.pop();
            self.expect(")")?;
            return Ok(Part::Walk { walk, over: Box::new(of), name: bound, step: Box::new(step?) });
        }
        let mut parts = self.list(")")?;
        if name == "matches" {
            return match (parts.pop(), parts.pop()) {
                (Some(Part::Known(Value::Text(pattern))), None) => {
                    Ok(Part::Matches(Box::new(of), Box::new(compiled(&pattern, at)?)))
                }
                _ => Err(broken(at, "`matches` takes one pattern, which stands there as a text.")),
            };
        }
        let (function, takes) = match name {
            "size" => (Function::Size, 0),
            "contains" => (Function::Contains, 1),
            "startsWith" => (Function::StartsWith, 1),
            "endsWith" => (Function::EndsWith, 1),
            "trim" => (Function::Trim, 0),
            "lowerAscii" => (Function::Lower, 0),
            "upperAscii" => (Function::Upper, 0),
            "getFullYear" => (Function::Year, 0),
            "getMonth" => (Function::Month, 0),
            "getDayOfMonth" => (Function::DayOfMonth, 0),
            "getDayOfWeek" => (Function::DayOfWeek, 0),
            "getHours" => (Function::Hours, 0),
            _ => return Err(broken(at, format!("There is no function `{name}`."))),
        };
        if parts.len() != takes {
            return Err(broken(at, format!("`{name}` takes {takes} values.")));
        }
        parts.insert(0, of);
        Ok(Part::Call(function, parts))
    }
}

/// A pattern that finds in time that grows with the text only, and takes little room.
fn compiled(pattern: &str, at: usize) -> Result<Regex, Broken> {
    regex::RegexBuilder::new(pattern)
        .size_limit(1 << 18)
        .dfa_size_limit(1 << 18)
        .nest_limit(20)
        .build()
        .map_err(|_| broken(at, "This pattern cannot be read, or is too large."))
}

fn alone(mut parts: Vec<Part>, make: fn(Vec<Part>) -> Part) -> Part {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            make(parts)
        }
        None => make(parts),
    }
}

fn field<'a>(read: Read<'a>, name: String, at: usize) -> Result<Read<'a>, Broken> {
    let below = match read.below {
        Some((path, shape)) => {
            let shape = shape.under(&path, &name).map_err(|message| broken(at, message))?;
            Some((format!("{path}.{name}"), shape))
        }
        None => None,
    };
    Ok(Read { part: Part::Field(Box::new(read.part), name), below })
}
