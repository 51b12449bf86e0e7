//! Quicken's interchange format: lines that begin with a letter, `^` behind each movement.
//!
//! Such a file says neither whose it is nor what the balances are, so the caller gives both. How days and amounts are written
//! depends on who wrote it: the caller says that, too.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::bank_csv::StatementFacts;
use crate::bank_statement::{BankLine, BankStatement, count_occurrences};
use crate::date::DateFormat;
use crate::limits::{MAX_FIELD_CHARS, MAX_ROWS};
use crate::number::{self, DecimalMark};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::text::{self, Encoding};

/// How a file is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    /// Its letters.
    pub encoding: Encoding,
    /// Its days. `MM/DD'YY` counts as written with slashes.
    pub date_format: DateFormat,
    /// Its amounts.
    pub decimal_mark: DecimalMark,
}

/// The sections that hold movements of an account.
const KINDS: &[&str] = &["bank", "cash", "ccard", "oth a", "oth l"];

#[derive(Default)]
struct Draft {
    line: u64,
    day: Option<NaiveDate>,
    amount: Option<Decimal>,
    payee: Option<String>,
    memo: Option<String>,
    number: Option<String>,
    category: Option<String>,
    begun: bool,
}

/// The movements of a file between the balances given. Whether they tie is [`BankStatement::tie`]'s to say.
pub fn parse(file: &[u8], written: &Written, facts: StatementFacts) -> Result<BankStatement, Problems> {
    let text = text::decode(file, written.encoding)?;
    let amounts = text.lines().filter_map(|line| line.strip_prefix('T'));
    let mark = match written.decimal_mark {
        DecimalMark::Detect => amounts.clone().find_map(number::evidence).unwrap_or(DecimalMark::Detect),
        said => said,
    };
    let mut problems = Problems::new();
    let (mut lines, mut draft, mut within, mut sections) = (Vec::new(), Draft::default(), false, 0_usize);
    for (at, line) in text.lines().enumerate() {
        let number = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
        let line = line.trim_end();
        if line.chars().count() > MAX_FIELD_CHARS {
            let message = format!("the line has more than {MAX_FIELD_CHARS} characters");
            return Err(Problem::new(number, ProblemCode::FieldTooLong, message).into());
        }
        if let Some(section) = line.strip_prefix('!') {
            within = begins(section, number)?;
            sections = sections.saturating_add(usize::from(within));
            if sections > 1 {
                let message = "the file has movements of several accounts; export one at a time";
                return Err(Problem::new(number, ProblemCode::Format, message).into());
            }
            continue;
        }
        let mut letters = line.chars();
        let Some(letter) = letters.next().filter(|_| within) else { continue };
        let value = letters.as_str();
        if letter == '^' {
            if lines.len() >= MAX_ROWS {
                let message = format!("more than {MAX_ROWS} movements");
                return Err(Problem::new(number, ProblemCode::TooLarge, message).into());
            }
            lines.extend(movement(std::mem::take(&mut draft), &facts.currency, &mut problems));
            continue;
        }
        if !draft.begun {
            draft = Draft { line: number, begun: true, ..Draft::default() };
        }
        let mut refuse = |code, message: String| problems.push(Problem::new(number, code, message).in_column(letter));
        match letter {
            'D' => match day(value, written.date_format) {
                Ok(day) => draft.day = Some(day),
                Err(message) => refuse(ProblemCode::Date, message),
            },
            'T' => match number::parse(value, mark) {
                Ok(amount) => draft.amount = Some(amount),
                Err(bad) => refuse(bad.code, bad.message),
            },
            'P' => draft.payee = text::filled(value),
            'M' => draft.memo = text::filled(value),
            'N' => draft.number = text::filled(value),
            'L' => draft.category = text::filled(value),
            // Cleared, address, splits, the amount a second time.
            'C' | 'A' | 'S' | 'E' | '$' | '%' | 'U' | 'F' => {}
            _ => refuse(ProblemCode::Format, format!("{} is no line of a movement", shown(line))),
        }
    }
    if draft.begun {
        lines.extend(movement(draft, &facts.currency, &mut problems));
    }
    if sections == 0 && problems.is_empty() {
        let message =
            "there is no !Type:Bank, !Type:CCard or !Type:Cash in the file; this is no QIF file of an account";
        problems.push(Problem::new(1, ProblemCode::Format, message));
    }
    let lines = problems.or(lines)?;
    let from = lines.iter().map(|line: &BankLine| line.booked_on).min();
    let to = lines.iter().map(|line| line.booked_on).max();
    let mut statement = [BankStatement {
        account: facts.account,
        currency: facts.currency,
        statement_id: None,
        from,
        to,
        opening: facts.opening,
        opening_on: from,
        closing: facts.closing,
        closing_on: to,
        lines,
        pending: 0,
        information: 0,
    }];
    count_occurrences(&mut statement);
    let [statement] = statement;
    Ok(statement)
}

/// Whether a section holds movements; what lists accounts, categories or classes is passed over.
fn begins(section: &str, line: u64) -> Result<bool, Problem> {
    let lower = section.to_ascii_lowercase();
    let Some(kind) = lower.strip_prefix("type:").map(str::trim) else { return Ok(false) };
    if KINDS.contains(&kind) {
        return Ok(true);
    }
    if ["cat", "class", "memorized", "tag", "prices", "security"].contains(&kind) {
        return Ok(false);
    }
    let message = format!("{} is no kind of account that is read here", shown(section));
    Err(Problem::new(line, ProblemCode::Format, message))
}

/// `1/31'26` is how Quicken writes days from 2000 on, `1/31/98` those before.
fn day(text: &str, format: DateFormat) -> Result<NaiveDate, String> {
    let tidy: String = text.trim().replace("' ", "'").replace("/ ", "/");
    let Some((head, year)) =
        tidy.rsplit_once('\'').or_else(|| tidy.rsplit_once('/')).filter(|(_, year)| year.len() <= 2)
    else {
        return format.parse(&tidy);
    };
    let century = if tidy.contains('\'') { "20" } else { "19" };
    format.parse(&format!("{head}/{century}{year:0>2}"))
}

fn movement(draft: Draft, currency: &str, problems: &mut Problems) -> Option<BankLine> {
    if !draft.begun {
        return None;
    }
    let (Some(booked_on), Some(amount)) = (draft.day, draft.amount) else {
        // What was there and could not be read is on the list already.
        if problems.is_empty() {
            let letter = if draft.day.is_none() { 'D' } else { 'T' };
            let message = format!("the movement that begins here has no line {letter}");
            problems.push(Problem::new(draft.line, ProblemCode::Required, message).in_column(letter));
        }
        return None;
    };
    Some(BankLine {
        line: draft.line,
        booked_on,
        value_on: None,
        amount,
        currency: currency.to_owned(),
        counterparty: draft.payee,
        counterparty_iban: None,
        reference: draft.memo,
        end_to_end_id: draft.number,
        bank_reference: None,
        kind: draft.category,
        reversal: false,
        occurrence: 1,
    })
}

#[cfg(test)]
mod tests;
