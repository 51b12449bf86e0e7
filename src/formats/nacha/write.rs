//! Writing a file: what banks would refuse is refused first, then controls are computed and every field set in its place.

use chrono::Datelike;
use rust_decimal::Decimal;

use super::{AchBatch, AchEntry, AchFile, BLOCK, LINE, Sums, cents, is_routing_number};
use crate::limits::MAX_ROWS;
use crate::mistake::{Found, Mistake};
use crate::number::written;
use crate::problem::{ProblemCode, shown};
use crate::sepa::characters;

/// Entries and addenda that a batch's control can count.
const MAX_BATCH_COUNT: u64 = 999_999;

impl AchFile {
    /// Everything that a bank would refuse; nothing if the file can be written.
    pub fn check(&self) -> Result<(), Vec<Mistake>> {
        let mut found = Found::default();
        routing("destination", &self.destination, &mut found);
        let origin_is_sound = is_routing_number(&self.origin) || self.origin.len() == 10 && is_plain(&self.origin);
        if !origin_is_sound || self.origin.contains(' ') {
            let message =
                format!("{} is neither a routing number nor the ten characters of a sender", shown(&self.origin));
            found.add("origin", ProblemCode::Format, message);
        }
        if !(self.modifier.is_ascii_uppercase() || self.modifier.is_ascii_digit()) {
            found.add("modifier", ProblemCode::Format, "it is one capital letter or digit");
        }
        year("created_on", self.created_on, &mut found);
        words("destination_name", &self.destination_name, 23, true, &mut found);
        words("origin_name", &self.origin_name, 23, true, &mut found);
        id("reference", &self.reference, 8, false, &mut found);
        if self.batches.is_empty() {
            found.add("batches", ProblemCode::Required, "there is nothing to send");
        }
        let entries = self.batches.iter().fold(0_usize, |sum, batch| sum.saturating_add(batch.entries.len()));
        if entries > MAX_ROWS {
            let message = format!("a file holds at most {MAX_ROWS} entries");
            found.add("batches", ProblemCode::TooLarge, message);
        }
        found.each("batches", &self.batches, |found, batch| batch.check(found));
        if self.sums().is_none() {
            found.add("batches", ProblemCode::OutOfRange, "the entries come to more than a file can say");
        }
        found.or(())
    }

    /// Number, hash and amounts of all entries.
    fn sums(&self) -> Option<Sums> {
        self.batches.iter().try_fold(Sums::default(), |sums, batch| sums.and(batch.sums()?))
    }

    /// The file, lines ended by a line feed; or everything that is wrong with it.
    pub fn write(&self) -> Result<String, Vec<Mistake>> {
        self.check()?;
        let mut lines = vec![self.header()];
        let mut number = 0_usize;
        for batch in &self.batches {
            number = number.saturating_add(1);
            lines.push(batch.header(number));
            for entry in &batch.entries {
                lines.push(entry.line(&batch.bank));
                lines.extend(entry.addenda_line());
            }
            lines.push(batch.control(number));
        }
        // the control itself is a line as well
        let blocks = lines.len().saturating_add(1).div_ceil(BLOCK);
        lines.push(self.control(blocks));
        lines.resize(blocks.saturating_mul(BLOCK), "9".repeat(LINE));
        let mut text = lines.join("\n");
        text.push('\n');
        Ok(text)
    }

    fn header(&self) -> String {
        let time = self.created_at.map(|time| time.format("%H%M").to_string()).unwrap_or_default();
        let head =
            format!("101{:>10}{:>10}{}{time:4}", self.destination, self.origin, self.created_on.format("%y%m%d"));
        let names = [text(&self.destination_name, 23), text(&self.origin_name, 23), text(&self.reference, 8)];
        format!("{head}{}094101{}", self.modifier, names.concat())
    }

    fn control(&self, blocks: usize) -> String {
        let sums = self.sums().unwrap_or_default();
        let Sums { count, debits, credits, .. } = sums;
        let counts = format!("9{:06}{blocks:06}{count:08}", self.batches.len());
        format!("{counts}{:010}{debits:012}{credits:012}{:39}", sums.short_hash(), "")
    }
}

impl AchBatch {
    fn check(&self, found: &mut Found) {
        words("company_name", &self.company_name, 16, true, found);
        id("discretionary", &self.discretionary, 20, false, found);
        id("company_id", &self.company_id, 10, true, found);
        words("description", &self.description, 10, true, found);
        id("descriptive_date", &self.descriptive_date, 6, false, found);
        self.effective_on.iter().for_each(|day| year("effective_on", *day, found));
        if self.bank.len() != 8 || !self.bank.bytes().all(|byte| byte.is_ascii_digit()) {
            let message = format!("{} is not the first eight digits of a routing number", shown(&self.bank));
            found.add("bank", ProblemCode::Format, message);
        }
        if self.entries.is_empty() {
            found.add("entries", ProblemCode::Required, "the batch holds no entry");
        }
        let mut before = 0;
        found.each("entries", &self.entries, |found, entry| {
            entry.check(found);
            if !self.class.allows(entry.transaction.is_credit()) {
                let message = format!("a batch {} does not hold entries {}", self.class, entry.transaction);
                found.add("transaction", ProblemCode::TypeMismatch, message);
            }
            if entry.trace <= before || entry.trace > 9_999_999 {
                let message = format!("{} is not above the one before ({before}) and below 10000000", entry.trace);
                found.add("trace", ProblemCode::OutOfRange, message);
            }
            before = before.max(entry.trace);
        });
        if self.sums().is_none_or(|sums| sums.count > MAX_BATCH_COUNT) {
            found.add("entries", ProblemCode::OutOfRange, "the entries come to more than a batch can say");
        }
    }

    fn sums(&self) -> Option<Sums> {
        self.entries.iter().try_fold(Sums::default(), |sums, entry| {
            // what cannot be read is refused where it stands
            let bank = entry.routing.get(..8).and_then(|bank| bank.parse().ok()).unwrap_or_default();
            let cents = cents(entry.amount).unwrap_or_default();
            sums.plus(bank, cents, entry.transaction.is_credit(), entry.addenda.is_some())
        })
    }

    fn header(&self, number: usize) -> String {
        let day = self.effective_on.map(|day| day.format("%y%m%d").to_string()).unwrap_or_default();
        let company =
            [text(&self.company_name, 16), text(&self.discretionary, 20), text(&self.company_id, 10)].concat();
        let what =
            [self.kind.as_str().to_owned(), text(&self.description, 10), text(&self.descriptive_date, 6)].concat();
        // the three places before the 1 are the clearing house's own
        format!("5{}{company}{what}{day:6}   1{}{number:07}", self.class, self.bank)
    }

    fn control(&self, number: usize) -> String {
        let sums = self.sums().unwrap_or_default();
        let Sums { count, debits, credits, .. } = sums;
        let counts = format!("8{}{count:06}{:010}{debits:012}{credits:012}", self.class, sums.short_hash());
        format!("{counts}{}{:25}{}{number:07}", text(&self.company_id, 10), "", self.bank)
    }
}

impl AchEntry {
    fn check(&self, found: &mut Found) {
        routing("routing", &self.routing, found);
        id("account", &self.account, 17, true, found);
        id("id", &self.id, 15, false, found);
        words("name", &self.name, 22, true, found);
        id("discretionary", &self.discretionary, 2, false, found);
        if let Some(words) = &self.addenda {
            let plain = ascii(words);
            if plain.is_empty() {
                found.add("addenda", ProblemCode::Required, "the addenda is empty; leave it away");
            } else if plain.len() > 80 {
                found.add("addenda", ProblemCode::FieldTooLong, "an addenda has at most 80 characters");
            }
        }
        let amount = written(self.amount);
        match cents(self.amount) {
            None if self.amount.normalize().scale() > 2 => {
                found.add("amount", ProblemCode::TooManyDecimals, format!("{amount} is not a whole number of cents"));
            }
            None => {
                found.add("amount", ProblemCode::OutOfRange, format!("{amount} is not between 0.00 and 99999999.99"));
            }
            Some(0) if !self.transaction.is_trial() => {
                found.add("amount", ProblemCode::OutOfRange, "an entry without an amount is a trial");
            }
            Some(1..) if self.transaction.is_trial() => {
                found.add("amount", ProblemCode::OutOfRange, format!("a trial moves no money, and this one {amount}"));
            }
            Some(_) => {}
        }
    }

    fn line(&self, bank: &str) -> String {
        let amount = cents(self.amount).unwrap_or_default();
        let head = format!("6{}{}{}{amount:010}", self.transaction, self.routing, text(&self.account, 17));
        let who = [text(&self.id, 15), text(&self.name, 22), text(&self.discretionary, 2)].concat();
        format!("{head}{who}{}{bank}{:07}", u8::from(self.addenda.is_some()), self.trace)
    }

    fn addenda_line(&self) -> Option<String> {
        self.addenda.as_ref().map(|words| format!("705{}0001{:07}", text(words, 80), self.trace))
    }
}

fn routing(field: &str, number: &str, found: &mut Found) {
    if !is_routing_number(number) {
        let message = format!("{} is not a routing number: nine digits, the last a check digit", shown(number));
        found.add(field, ProblemCode::Format, message);
    }
}

/// Years are written with two digits.
fn year(field: &str, day: chrono::NaiveDate, found: &mut Found) {
    if !(2000..2100).contains(&day.year()) {
        found.add(field, ProblemCode::Date, format!("{day} is not a day from 2000 to 2099"));
    }
}

/// Words may be put into other letters and cut, but not be empty where they are needed.
fn words(field: &str, value: &str, most: usize, needed: bool, found: &mut Found) {
    if needed && text(value, most).trim().is_empty() {
        found.add(field, ProblemCode::Required, "it is empty");
    }
}

/// What identifies something is never changed.
fn id(field: &str, value: &str, most: usize, needed: bool, found: &mut Found) {
    if needed && value.is_empty() {
        found.add(field, ProblemCode::Required, "it is empty");
    } else if !is_plain(value) || value.trim() != value {
        let message = format!("{} has spaces around it, or characters that are not plain letters", shown(value));
        found.add(field, ProblemCode::Format, message);
    } else if value.len() > most {
        let message = format!("{} has more than {most} characters", shown(value));
        found.add(field, ProblemCode::FieldTooLong, message);
    }
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|character| matches!(character, ' '..='~'))
}

/// A text in plain letters on one line.
fn ascii(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|character| match character {
            '!'..='~' => character.to_string(),
            other => characters::allowed_or_space(other),
        })
        .collect();
    crate::text::one_line(&plain)
}

/// A text in plain letters, cut or filled to so many characters.
fn text(value: &str, width: usize) -> String {
    let plain = ascii(value);
    let cut = plain.get(..width).unwrap_or(&plain).trim_end();
    format!("{cut:width$}")
}

/// What an amount of cents is in dollars.
pub(super) fn dollars(cents: u64) -> Decimal {
    Decimal::from(cents).checked_div(Decimal::ONE_HUNDRED).unwrap_or_default()
}
