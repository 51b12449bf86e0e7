//! SWIFT bank statements, MT940, as banks hand them to their customers.
//!
//! The fields around the movements are the same everywhere; what field 86 says of a movement is not. Four ways of writing it
//! are read: subfields behind a business code (`166?00…?20…`, Germany and Poland), code words (`/EREF/…/REMI/…`, Netherlands),
//! an account in front of the name (`NL47INGB… name`), and plain text, which is kept whole.
//!
//! A statement of several pages is one statement; its pages have to lead from one balance to the next. Movements that the bank
//! only expects (`EC`, `ED`) are counted and left out.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

use crate::bank_statement::{AccountId, BankLine, BankStatement, count_occurrences};
use crate::iban;
use crate::limits::{MAX_FIELD_CHARS, MAX_ROWS};
use crate::number::{self, DecimalMark};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::text::{self, Encoding};

mod details;

use details::Details;

/// The statements of a file, in its order. Whether each ties is [`BankStatement::tie`]'s to say.
///
/// The text is UTF-8 if it can be, and Windows-1252 otherwise: the standard's own letters are the same in both, and no file
/// says what it is.
pub fn parse(file: &[u8]) -> Result<Vec<BankStatement>, Problems> {
    // Start and end of a transmission, as some banks put them around a message.
    let wide = file.starts_with(&[0xFF, 0xFE]) || file.starts_with(&[0xFE, 0xFF]);
    let plain: Vec<u8> = file.iter().copied().filter(|byte| wide || ![1, 3, 4].contains(byte)).collect();
    let encoding = if wide || std::str::from_utf8(&plain).is_ok() { Encoding::Unicode } else { Encoding::Windows1252 };
    let text = text::decode(&plain, encoding)?;
    let mut reading = Reading::default();
    for field in fields(&text)? {
        reading.take(field)?;
    }
    reading.finish()
}

/// A field: its tag, its lines, where it begins.
struct Field<'t> {
    tag: &'t str,
    lines: Vec<&'t str>,
    line: u64,
}

/// A tag in front of a line: two digits, perhaps a letter.
fn tagged(line: &str) -> Option<(&str, &str)> {
    let (tag, rest) = line.strip_prefix(':')?.split_once(':')?;
    let (digits, letter) = tag.split_at_checked(2)?;
    let sound = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (letter.is_empty() || letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_uppercase()));
    sound.then_some((tag, rest))
}

/// The fields of all messages. A message's envelope (`{1:…}{4:`, `-}`, `-`) ends the field before it.
fn fields(text: &str) -> Result<Vec<Field<'_>>, Problem> {
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut within = false;
    for (at, line) in text.split('\n').enumerate() {
        let number = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
        let line = line.strip_suffix('\r').unwrap_or(line);
        // The first field may stand behind the envelope on one line.
        let line = if line.starts_with('{') { line.rsplit_once("{4:").map_or("", |(_, rest)| rest) } else { line };
        if let Some((tag, rest)) = tagged(line) {
            if fields.len() > MAX_ROWS.saturating_mul(2) {
                return Err(Problem::new(number, ProblemCode::TooLarge, format!("more than {MAX_ROWS} movements")));
            }
            fields.push(Field { tag, lines: vec![rest], line: number });
            within = true;
        } else if line == "-" || line.starts_with("-}") {
            within = false;
        } else if let Some(field) = fields.last_mut().filter(|_| within) {
            field.lines.push(line);
        } else if !line.trim().is_empty() {
            let message = format!("{} belongs to no field; a statement begins with :20:", shown(line));
            return Err(Problem::new(number, ProblemCode::Format, message));
        }
    }
    Ok(fields)
}

/// A balance as fields 60 and 62 say it.
#[derive(Clone, PartialEq, Eq)]
struct Balance {
    on: NaiveDate,
    currency: String,
    amount: Decimal,
    /// It stands between two pages.
    between: bool,
}

/// What is known of the statement at hand.
#[derive(Default)]
struct Page {
    line: u64,
    account: Option<AccountId>,
    number: Option<String>,
    opening: Option<Balance>,
    closing: Option<Balance>,
    lines: Vec<BankLine>,
    pending: u64,
    /// What the next field 86 is about.
    last: Last,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The statement as a whole.
    #[default]
    Statement,
    Movement,
    /// A movement that was left out.
    Expected,
}

#[derive(Default)]
struct Reading {
    page: Option<Page>,
    statements: Vec<BankStatement>,
    /// The balance with which the statement before has turned its page.
    turned: Option<Balance>,
    rows: usize,
    problems: Problems,
}

impl Reading {
    fn refuse(&mut self, field: &Field<'_>, code: ProblemCode, message: impl Into<String>) {
        self.problems.push(Problem::new(field.line, code, message).in_column(format!(":{}:", field.tag)));
    }

    fn take(&mut self, field: Field<'_>) -> Result<(), Problem> {
        if field.lines.iter().map(|line| line.chars().count()).sum::<usize>() > MAX_FIELD_CHARS {
            let message = format!("the field has more than {MAX_FIELD_CHARS} characters");
            return Err(Problem::new(field.line, ProblemCode::FieldTooLong, message));
        }
        if field.tag == "20" {
            self.end_page();
            self.page = Some(Page { line: field.line, ..Page::default() });
            return Ok(());
        }
        let Some(mut page) = self.page.take() else {
            let message = "a statement begins with :20:; this is no MT940 file";
            return Err(Problem::new(field.line, ProblemCode::Format, message).in_column(format!(":{}:", field.tag)));
        };
        let first = field.lines.first().copied().unwrap_or_default().trim();
        match field.tag {
            "25" | "25P" => page.account = Some(account(first)),
            "28" | "28C" => page.number = text::filled(first),
            "60F" | "60M" => page.opening = self.balance(&field, first),
            "62F" | "62M" => {
                page.closing = self.balance(&field, first);
                page.last = Last::Statement;
            }
            "61" => {
                self.rows = self.rows.saturating_add(1);
                if self.rows > MAX_ROWS {
                    return Err(Problem::new(
                        field.line,
                        ProblemCode::TooLarge,
                        format!("more than {MAX_ROWS} movements"),
                    ));
                }
                self.movement(&mut page, &field);
            }
            "86" => {
                if let (Last::Movement, Some(line)) = (page.last, page.lines.last_mut()) {
                    Details::read(&field.lines).put_on(line);
                }
            }
            // References of the message, the available and the forward balances.
            _ => {}
        }
        self.page = Some(page);
        Ok(())
    }

    /// `C200101EUR444,29`
    fn balance(&mut self, field: &Field<'_>, text: &str) -> Option<Balance> {
        let parts = (|| {
            let (mark, rest) = text.split_at_checked(1)?;
            let (day, rest) = rest.split_at_checked(6)?;
            let (currency, amount) = rest.split_at_checked(3)?;
            let money_in = match mark {
                "C" => true,
                "D" => false,
                _ => return None,
            };
            currency.bytes().all(|byte| byte.is_ascii_uppercase()).then_some((money_in, day, currency, amount))
        })();
        let Some((money_in, day, currency, size)) = parts else {
            let message = format!("{} is not a balance such as C200101EUR444,29", shown(text));
            self.refuse(field, ProblemCode::Format, message);
            return None;
        };
        let (on, size) = (self.day(field, day)?, self.size(field, size)?);
        let amount = if money_in { size } else { -size };
        Some(Balance { on, currency: currency.to_owned(), amount, between: field.tag.ends_with('M') })
    }

    /// `YYMMDD`: of years without a century those from 80 on are the last one's.
    fn day(&mut self, field: &Field<'_>, text: &str) -> Option<NaiveDate> {
        let two = |at: usize| text.get(at..at.saturating_add(2))?.parse::<u32>().ok();
        let day = (|| {
            let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
            let (year, month, day) = digits.then_some((two(0)?, two(2)?, two(4)?))?;
            let year = i32::try_from(year).ok()?.checked_add(if year >= 80 { 1900 } else { 2000 })?;
            NaiveDate::from_ymd_opt(year, month, day)
        })();
        if day.is_none() {
            self.refuse(field, ProblemCode::Date, format!("{} is not a date written YYMMDD", shown(text)));
        }
        day
    }

    fn size(&mut self, field: &Field<'_>, text: &str) -> Option<Decimal> {
        // `800,` is how the standard writes a whole number.
        let trimmed = text.trim().trim_end_matches(',');
        match number::parse(trimmed, DecimalMark::Comma) {
            Ok(size) if !size.is_sign_negative() && !trimmed.contains('.') => Some(size),
            Ok(_) => {
                let message =
                    format!("{} is not an amount such as 444,29; its direction stands before it", shown(text));
                self.refuse(field, ProblemCode::Number, message);
                None
            }
            Err(bad) => {
                self.refuse(field, bad.code, bad.message);
                None
            }
        }
    }

    /// `2001010101D65,00NOVBNL47INGB9999999999//reference`, and what the bank adds on the next line.
    fn movement(&mut self, page: &mut Page, field: &Field<'_>) {
        let text = field.lines.first().copied().unwrap_or_default().trim_end();
        let Some(parts) = Movement::split(text) else {
            let message = format!("{} is not a movement such as 2001010101D65,00NTRFNONREF", shown(text));
            self.refuse(field, ProblemCode::Format, message);
            page.last = Last::Expected;
            return;
        };
        let (Some(value_on), Some(size)) = (self.day(field, parts.value_on), self.size(field, parts.amount)) else {
            page.last = Last::Expected;
            return;
        };
        if parts.expected {
            page.pending = page.pending.saturating_add(1);
            page.last = Last::Expected;
            return;
        }
        let booked_on = match parts.booked_on {
            Some(day) => nearest(value_on, day),
            None => Some(value_on),
        };
        let Some(booked_on) = booked_on else {
            let message = format!("{} is not a day written MMDD", shown(parts.booked_on.unwrap_or_default()));
            self.refuse(field, ProblemCode::Date, message);
            page.last = Last::Expected;
            return;
        };
        let added = field.lines.get(1..).unwrap_or_default().join(" ");
        let named = |text: &str| text::filled(text).filter(|text| text != "NONREF");
        page.lines.push(BankLine {
            line: field.line,
            booked_on,
            value_on: Some(value_on),
            amount: if parts.money_in { size } else { -size },
            currency: page.opening.as_ref().map(|balance| balance.currency.clone()).unwrap_or_default(),
            counterparty: None,
            counterparty_iban: None,
            reference: text::filled(&added),
            end_to_end_id: named(parts.reference),
            bank_reference: named(parts.bank_reference),
            kind: text::filled(parts.kind),
            reversal: parts.reversal,
            occurrence: 1,
        });
        page.last = Last::Movement;
    }

    /// The page is over: it becomes a statement, or goes on with the one before.
    fn end_page(&mut self) {
        let Some(page) = self.page.take() else { return };
        let missing = |tag: &str| {
            let message = format!("the statement that begins here has no field {tag}");
            Problem::new(page.line, ProblemCode::Required, message).in_column(tag)
        };
        let (opening, closing) = match (page.opening, page.closing) {
            (Some(opening), Some(closing)) => (opening, closing),
            (opening, _) => {
                // What was there and could not be read is on the list already.
                if self.problems.is_empty() {
                    self.problems.push(missing(if opening.is_none() { ":60F:" } else { ":62F:" }));
                }
                return;
            }
        };
        let Some(account) = page.account else { return self.problems.push(missing(":25:")) };
        if opening.currency != closing.currency {
            let message = format!("it opens in {} and closes in {}", opening.currency, closing.currency);
            return self.problems.push(Problem::new(page.line, ProblemCode::Currency, message));
        }
        let turned = self.turned.take();
        if opening.between {
            let before = self.statements.last_mut().filter(|before| before.account == account);
            let (Some(before), Some(turned)) = (before, turned) else {
                let message = "this page goes on from one that is not in the file";
                return self.problems.push(Problem::new(page.line, ProblemCode::Format, message).in_column(":60M:"));
            };
            if (turned.amount, &turned.currency) != (opening.amount, &opening.currency) {
                let message = "this page does not begin with the balance with which the one before ended";
                let problem = Problem::new(page.line, ProblemCode::OutOfBalance, message);
                return self.problems.push(problem.in_column(":60M:"));
            }
            before.closing = closing.amount;
            before.closing_on = Some(closing.on);
            before.lines.extend(page.lines);
            before.pending = before.pending.saturating_add(page.pending);
        } else {
            self.statements.push(BankStatement {
                account,
                currency: opening.currency.clone(),
                statement_id: page.number,
                from: None,
                to: None,
                opening: opening.amount,
                opening_on: Some(opening.on),
                closing: closing.amount,
                closing_on: Some(closing.on),
                lines: page.lines,
                pending: page.pending,
                information: 0,
            });
        }
        if closing.between {
            self.turned = Some(closing);
        }
    }

    fn finish(mut self) -> Result<Vec<BankStatement>, Problems> {
        self.end_page();
        if self.statements.is_empty() && self.problems.is_empty() {
            self.problems.push(Problem::new(1, ProblemCode::Empty, "there is no statement in the file"));
        }
        let mut statements = self.problems.or(self.statements)?;
        count_occurrences(&mut statements);
        Ok(statements)
    }
}

/// The account as field 25 names it: an IBAN, or a number behind the bank's. Some banks write the currency behind it.
fn account(text: &str) -> AccountId {
    let number = text.rsplit('/').next().unwrap_or(text);
    let number = iban::normalised(number);
    let bare = number.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    for candidate in [number.as_str(), bare] {
        if let Ok(iban) = iban::check(candidate) {
            return AccountId { iban: Some(iban), other: None };
        }
    }
    AccountId { iban: None, other: text::filled(if bare.is_empty() { &number } else { bare }) }
}

/// The day `MMDD` that lies nearest to another: a movement of January may count for December.
fn nearest(value_on: NaiveDate, day: &str) -> Option<NaiveDate> {
    let (month, day) = (day.get(..2)?.parse().ok()?, day.get(2..4)?.parse().ok()?);
    let years = [value_on.year().checked_sub(1)?, value_on.year(), value_on.year().checked_add(1)?];
    years
        .into_iter()
        .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day))
        .min_by_key(|day| day.signed_duration_since(value_on).num_days().abs())
}

/// Field 61 in its parts.
struct Movement<'t> {
    value_on: &'t str,
    booked_on: Option<&'t str>,
    money_in: bool,
    reversal: bool,
    expected: bool,
    amount: &'t str,
    kind: &'t str,
    reference: &'t str,
    bank_reference: &'t str,
}

impl<'t> Movement<'t> {
    fn split(text: &'t str) -> Option<Self> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (value_on, rest) = text.split_at_checked(6)?;
        let (booked_on, rest) = match rest.split_at_checked(4) {
            Some((day, rest)) if digits(day) => (Some(day), rest),
            _ => (None, rest),
        };
        // The reversal of money in takes money out.
        let marks = [("RC", false, true, false), ("RD", true, true, false), ("EC", true, false, true)];
        let more = [("ED", false, false, true), ("C", true, false, false), ("D", false, false, false)];
        let (rest, money_in, reversal, expected) =
            marks.into_iter().chain(more).find_map(|(mark, money_in, reversal, expected)| {
                Some((rest.strip_prefix(mark)?, money_in, reversal, expected))
            })?;
        // The third letter of the currency, which says nothing that the balances do not.
        let rest = match rest.split_at_checked(1) {
            Some((letter, rest)) if letter.bytes().all(|byte| byte.is_ascii_uppercase()) => rest,
            _ => rest,
        };
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != ',')?;
        let (amount, rest) = rest.split_at_checked(end)?;
        let (kind, rest) = rest.split_at_checked(4)?;
        let (reference, bank_reference) = rest.split_once("//").unwrap_or((rest, ""));
        (amount.bytes().any(|byte| byte.is_ascii_digit()) && kind.starts_with(['N', 'F', 'S'])).then_some(Self {
            value_on,
            booked_on,
            money_in,
            reversal,
            expected,
            amount,
            kind,
            reference,
            bank_reference,
        })
    }
}

#[cfg(test)]
mod tests;
