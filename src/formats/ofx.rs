//! Open Financial Exchange: bank and credit card statements, version 1 (SGML, where values are not closed) and 2 (XML).
//!
//! Such a file says the balance at its end and none at its beginning. The balance before the first movement is the one behind
//! the last less all of them, unless the caller knows it: then the two have to tie.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::bank_statement::{AccountId, BankLine, BankStatement, count_occurrences};
use crate::iban;
use crate::limits::{MAX_FIELD_CHARS, MAX_ROWS};
use crate::number::{self, DecimalMark};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::text::{self, Encoding};

/// The statements of a file, in its order. `opening`: the balance before the first movement, where the caller knows it; of a
/// file with one statement only. Whether each ties is [`BankStatement::tie`]'s to say.
pub fn parse(file: &[u8], opening: Option<Decimal>) -> Result<Vec<BankStatement>, Problems> {
    let text = text::decode(file, encoding(file)?)?;
    let start = text.find("<OFX>").ok_or_else(|| {
        Problem::new(1, ProblemCode::Format, "there is no <OFX> in the file; this is no OFX statement")
    })?;
    let (head, body) = text.split_at_checked(start).unwrap_or_default();
    let mut reading = Reading { opening, ..Reading::default() };
    let mut line = newlines(head).saturating_add(1);
    for piece in body.split('<').skip(1) {
        reading.piece(piece, line)?;
        line = line.saturating_add(newlines(piece));
    }
    reading.finish()
}

fn newlines(text: &str) -> u64 {
    u64::try_from(text.matches('\n').count()).unwrap_or(u64::MAX)
}

/// What the header says of the letters: `CHARSET:1252` or `ENCODING:UTF-8` (1), the XML declaration (2).
fn encoding(file: &[u8]) -> Result<Encoding, Problem> {
    let head = String::from_utf8_lossy(file.get(..1_000).unwrap_or(file)).to_ascii_uppercase();
    let head = head.split("<OFX>").next().unwrap_or_default();
    let said = |name: &str| {
        let rest = head.split_once(name)?.1.trim_start_matches([' ', '=', ':', '"', '\'']);
        Some(rest.split(['"', '\'', '\r', '\n', ' ', '?']).next().unwrap_or_default())
    };
    let charset = said("CHARSET");
    match (said("ENCODING").unwrap_or("UTF-8"), charset) {
        (_, Some("1252" | "ISO-8859-1" | "8859-1")) => Ok(Encoding::Windows1252),
        (_, Some("ISO-8859-15" | "8859-15")) => Ok(Encoding::Iso8859_15),
        ("UTF-8" | "UNICODE" | "UTF-16" | "USASCII" | "US-ASCII", _) => Ok(Encoding::Unicode),
        ("WINDOWS-1252" | "ISO-8859-1", _) => Ok(Encoding::Windows1252),
        (other, _) => {
            let message = format!("the encoding {} is not read; UTF-8 is", shown(other));
            Err(Problem::new(1, ProblemCode::Encoding, message))
        }
    }
}

/// Where a value stands, as far as that says what it is.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Else,
    Account,
    Movement,
    Payee,
    Other,
    Ledger,
}

/// A movement while it is read.
#[derive(Default)]
struct Draft {
    line: u64,
    booked_on: Option<NaiveDate>,
    value_on: Option<NaiveDate>,
    amount: Option<Decimal>,
    name: Option<String>,
    memo: Option<String>,
    account: Option<String>,
    check: Option<String>,
    id: Option<String>,
    kind: Option<String>,
    currency: Option<String>,
    takes_back: bool,
}

/// A statement while it is read.
#[derive(Default)]
struct Statement {
    line: u64,
    currency: Option<String>,
    account: AccountId,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    balance: Option<Decimal>,
    balance_on: Option<NaiveDate>,
    lines: Vec<BankLine>,
}

#[derive(Default)]
struct Reading {
    opening: Option<Decimal>,
    /// The parts that are open, the innermost last.
    parts: Vec<(&'static str, Part)>,
    statement: Option<Statement>,
    draft: Option<Draft>,
    statements: Vec<BankStatement>,
    rows: usize,
    problems: Problems,
}

/// The aggregates that matter here.
const PARTS: &[(&str, Part)] = &[
    ("BANKACCTFROM", Part::Account),
    ("CCACCTFROM", Part::Account),
    ("STMTTRN", Part::Movement),
    ("PAYEE", Part::Payee),
    ("BANKACCTTO", Part::Other),
    ("CCACCTTO", Part::Other),
    ("LEDGERBAL", Part::Ledger),
    ("AVAILBAL", Part::Else),
    ("BALLIST", Part::Else),
    ("CURRENCY", Part::Else),
    ("ORIGCURRENCY", Part::Else),
];

impl Reading {
    /// What begins with one `<`, up to the next.
    fn piece(&mut self, piece: &str, line: u64) -> Result<(), Problem> {
        let Some((tag, value)) = piece.split_once('>') else {
            let message = format!("{} is a tag without an end", shown(piece));
            return Err(Problem::new(line, ProblemCode::Xml, message));
        };
        if let Some(closed) = tag.strip_prefix('/') {
            self.close(closed.trim(), line);
            return Ok(());
        }
        let tag = tag.trim().trim_end_matches('/');
        if value.chars().count() > MAX_FIELD_CHARS {
            let message = format!("the text has more than {MAX_FIELD_CHARS} characters");
            return Err(Problem::new(line, ProblemCode::FieldTooLong, message).in_column(tag));
        }
        match tag {
            "STMTRS" | "CCSTMTRS" => {
                self.end_statement();
                self.statement = Some(Statement { line, ..Statement::default() });
            }
            "INVSTMTRS" => {
                let message = "statements of securities accounts are not read";
                return Err(Problem::new(line, ProblemCode::Format, message).in_column(tag));
            }
            _ => {}
        }
        if let Some((name, part)) = PARTS.iter().find(|(name, _)| *name == tag) {
            if *part == Part::Movement {
                self.rows = self.rows.saturating_add(1);
                if self.rows > MAX_ROWS {
                    let message = format!("more than {MAX_ROWS} movements");
                    return Err(Problem::new(line, ProblemCode::TooLarge, message));
                }
                self.end_movement();
                self.draft = Some(Draft { line, ..Draft::default() });
            }
            // In version 1 nothing has to be closed that ends with what is around it.
            if self.parts.len() < 8 {
                self.parts.push((name, *part));
            }
        } else if let Some(text) = text::filled(&unescaped(value)) {
            self.value(tag, text, line);
        }
        Ok(())
    }

    fn close(&mut self, tag: &str, _line: u64) {
        match tag {
            "STMTTRN" => self.end_movement(),
            "STMTRS" | "CCSTMTRS" => self.end_statement(),
            _ => {}
        }
        if let Some(at) = self.parts.iter().rposition(|(name, _)| *name == tag) {
            self.parts.truncate(at);
        }
    }

    fn refuse(&mut self, line: u64, tag: &str, code: ProblemCode, message: impl Into<String>) {
        self.problems.push(Problem::new(line, code, message).in_column(tag));
    }

    fn value(&mut self, tag: &str, text: String, line: u64) {
        let part = self.parts.last().map_or(Part::Else, |(_, part)| *part);
        match (part, tag) {
            (Part::Movement | Part::Payee | Part::Other | Part::Else, _) if self.draft.is_some() => {
                self.of_movement(part, tag, text, line);
            }
            (Part::Ledger, "BALAMT") => {
                let amount = self.amount(tag, &text, line);
                self.in_statement(|statement| statement.balance = amount);
            }
            (Part::Ledger, "DTASOF") => {
                let day = self.day(tag, &text, line);
                self.in_statement(|statement| statement.balance_on = day);
            }
            (Part::Account, "ACCTID") => self.in_statement(|statement| {
                statement.account = match iban::check(&text) {
                    Ok(iban) => AccountId { iban: Some(iban), other: None },
                    Err(_) => AccountId { iban: None, other: Some(iban::normalised(&text)) },
                };
            }),
            (_, "CURDEF") => self.in_statement(|statement| statement.currency = Some(text)),
            (_, "DTSTART") => {
                let day = self.day(tag, &text, line);
                self.in_statement(|statement| statement.from = day);
            }
            (_, "DTEND") => {
                let day = self.day(tag, &text, line);
                self.in_statement(|statement| statement.to = day);
            }
            _ => {}
        }
    }

    fn in_statement(&mut self, change: impl FnOnce(&mut Statement)) {
        if let Some(statement) = &mut self.statement {
            change(statement);
        }
    }

    fn of_movement(&mut self, part: Part, tag: &str, text: String, line: u64) {
        let (amount, day) = match tag {
            "TRNAMT" => (self.amount(tag, &text, line), None),
            "DTPOSTED" | "DTAVAIL" | "DTUSER" => (None, self.day(tag, &text, line)),
            _ => (None, None),
        };
        let Some(draft) = &mut self.draft else { return };
        match (part, tag) {
            (_, "TRNAMT") => draft.amount = amount,
            (_, "DTPOSTED") => draft.booked_on = day,
            (_, "DTAVAIL") => draft.value_on = day,
            (Part::Other, "ACCTID") => draft.account = Some(iban::normalised(&text)),
            (Part::Movement | Part::Payee, "NAME") => draft.name = Some(text),
            (Part::Movement, "MEMO") => draft.memo = Some(text),
            (Part::Movement, "CHECKNUM" | "REFNUM") => {
                draft.check.get_or_insert(text);
            }
            (Part::Movement, "FITID") => draft.id = Some(text),
            (Part::Movement, "TRNTYPE") => draft.kind = Some(text),
            (Part::Movement, "CORRECTACTION") => draft.takes_back = text == "DELETE",
            (Part::Else, "CURSYM") => draft.currency = Some(text),
            _ => {}
        }
    }

    /// `20260131`, perhaps with a time and a zone behind it: the day is the bank's.
    fn day(&mut self, tag: &str, text: &str, line: u64) -> Option<NaiveDate> {
        let day = text
            .get(..8)
            .filter(|day| day.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|day| NaiveDate::parse_from_str(day, "%Y%m%d").ok());
        if day.is_none() {
            self.refuse(line, tag, ProblemCode::Date, format!("{} is not a date written YYYYMMDD", shown(text)));
        }
        day
    }

    fn amount(&mut self, tag: &str, text: &str, line: u64) -> Option<Decimal> {
        let text = text.strip_prefix('+').unwrap_or(text);
        // The standard allows both marks, and no separator of thousands.
        let mark = if text.contains(',') { DecimalMark::Comma } else { DecimalMark::Plain };
        match number::parse(text, mark) {
            Ok(amount) => Some(amount),
            Err(bad) => {
                self.refuse(line, tag, bad.code, bad.message);
                None
            }
        }
    }

    fn end_movement(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        let Some(statement) = &mut self.statement else {
            let message = "a movement outside a statement";
            return self.problems.push(Problem::new(draft.line, ProblemCode::Format, message));
        };
        let currency = statement.currency.clone().unwrap_or_default();
        let missing = match (draft.booked_on, draft.amount) {
            (None, _) => Some("DTPOSTED"),
            (_, None) => Some("TRNAMT"),
            _ => None,
        };
        if let Some(tag) = missing {
            // What was there and could not be read is on the list already.
            if self.problems.is_empty() {
                let message = format!("the movement that begins here has no {tag}");
                self.problems.push(Problem::new(draft.line, ProblemCode::Required, message).in_column(tag));
            }
            return;
        }
        let (Some(booked_on), Some(amount)) = (draft.booked_on, draft.amount) else { return };
        if draft.currency.as_ref().is_some_and(|other| *other != currency) {
            let other = draft.currency.unwrap_or_default();
            let message = format!("the movement is in {} and the statement in {currency}", shown(&other));
            return self.problems.push(Problem::new(draft.line, ProblemCode::Currency, message).in_column("CURSYM"));
        }
        statement.lines.push(BankLine {
            line: draft.line,
            booked_on,
            value_on: draft.value_on,
            amount,
            currency,
            counterparty: draft.name,
            counterparty_iban: draft.account,
            reference: draft.memo,
            end_to_end_id: draft.check,
            bank_reference: draft.id,
            kind: draft.kind,
            reversal: draft.takes_back,
            occurrence: 1,
        });
    }

    fn end_statement(&mut self) {
        self.end_movement();
        let Some(statement) = self.statement.take() else { return };
        let missing = [
            (statement.currency.is_none(), "CURDEF"),
            (statement.account == AccountId::default(), "ACCTID"),
            (statement.balance.is_none(), "LEDGERBAL"),
        ];
        if let Some((_, tag)) = missing.into_iter().find(|(missing, _)| *missing) {
            if self.problems.is_empty() {
                let message = format!("the statement that begins here has no {tag}");
                self.problems.push(Problem::new(statement.line, ProblemCode::Required, message).in_column(tag));
            }
            return;
        }
        let (Some(currency), Some(closing)) = (statement.currency, statement.balance) else { return };
        let moved = statement.lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
        let before = self.opening.or_else(|| closing.checked_sub(moved?));
        let Some(opening) = before else {
            let message = "the movements add up to more than can be computed";
            return self.problems.push(Problem::new(statement.line, ProblemCode::OutOfRange, message));
        };
        self.statements.push(BankStatement {
            account: statement.account,
            currency,
            statement_id: None,
            from: statement.from,
            to: statement.to,
            opening,
            opening_on: statement.from,
            closing,
            closing_on: statement.balance_on.or(statement.to),
            lines: statement.lines,
            pending: 0,
            information: 0,
        });
    }

    fn finish(mut self) -> Result<Vec<BankStatement>, Problems> {
        self.end_statement();
        if self.problems.is_empty() && self.statements.is_empty() {
            self.problems.push(Problem::new(1, ProblemCode::Empty, "there is no statement in the file"));
        }
        if self.problems.is_empty() && self.opening.is_some() && self.statements.len() > 1 {
            let message = "the file has several statements; a balance that the caller gives can be of one only";
            self.problems.push(Problem::new(1, ProblemCode::Format, message));
        }
        let mut statements = self.problems.or(self.statements)?;
        count_occurrences(&mut statements);
        Ok(statements)
    }
}

/// The five characters that are written otherwise.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&nbsp;", " ")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests;
