//! ISO 20022 notifications of debits and credits, CAMT.054.001.02 and later (tried up to .08).
//!
//! A notification tells of movements before the statement does, or in more detail than it: mostly the single payments of an
//! entry that the statement shows as one sum. It has no balances, so it cannot tie like a statement. Where it states totals
//! of its entries, [`BankNotification::tie`] holds the entries against them.
//!
//! Entries are read as in [`camt053`](crate::camt053). Only booked ones become lines; most banks send the movement in the
//! statement too, with the same reference, so a notification's lines are to be matched and not to be counted again.

use std::collections::HashSet;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::bank_statement::{AccountId, BankLine, number_occurrences};
use crate::camt::{self, Entries, Message, Unit, Value};
use crate::iban;
use crate::number::{self, DecimalMark, written};
use crate::problem::{Problem, ProblemCode, Problems, shown};

const UNIT: &str = "Ntfctn";

/// Movements that a bank tells of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankNotification {
    /// The account.
    pub account: AccountId,
    /// Its currency, or that of its lines; nothing if neither says.
    pub currency: Option<String>,
    /// The bank's number of the notification.
    pub notification_id: Option<String>,
    /// First day covered, if stated.
    pub from: Option<NaiveDate>,
    /// Last day covered, if stated.
    pub to: Option<NaiveDate>,
    /// Booked movements, in the order of the file. The currency of each is the notification's.
    pub lines: Vec<BankLine>,
    /// Entries left out because the bank has not booked them yet.
    pub pending: u64,
    /// Entries left out because they only inform.
    pub information: u64,
    /// What the file says that its entries come to.
    pub stated: Totals,
    /// What they come to, those that were left out included.
    pub counted: Totals,
}

/// How many entries there are, and what they come to. Nothing where a file does not say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Entries of both directions.
    pub entries: Option<u64>,
    /// Entries that bring money in.
    pub credits: Option<u64>,
    /// What they bring, never negative.
    pub credit_sum: Option<Decimal>,
    /// Entries that take money out.
    pub debits: Option<u64>,
    /// What they take, never negative.
    pub debit_sum: Option<Decimal>,
}

impl BankNotification {
    /// Checks that the entries come to what the file says of them, or says where they do not.
    pub fn tie(&self) -> Result<(), String> {
        let number = |value: Option<u64>| value.map(|value| value.to_string());
        let sum = |value: Option<Decimal>| value.map(written);
        let (stated, counted) = (&self.stated, &self.counted);
        let pairs = [
            ("number of entries", number(stated.entries), number(counted.entries)),
            ("number of credits", number(stated.credits), number(counted.credits)),
            ("sum of credits", sum(stated.credit_sum), sum(counted.credit_sum)),
            ("number of debits", number(stated.debits), number(counted.debits)),
            ("sum of debits", sum(stated.debit_sum), sum(counted.debit_sum)),
        ];
        for (name, stated, counted) in pairs {
            let counted = counted.unwrap_or_else(|| "more than can be added".to_owned());
            if let Some(stated) = stated.filter(|stated| *stated != counted) {
                return Err(format!("the notification states {stated} as its {name}; it is {counted}"));
            }
        }
        Ok(())
    }
}

/// The notifications of a file, in its order. Whether each ties is [`BankNotification::tie`]'s to say.
pub fn parse(file: &[u8]) -> Result<Vec<BankNotification>, Problems> {
    let message = Message {
        path: "Document/BkToCstmrDbtCdtNtfctn",
        namespace: "urn:iso:std:iso:20022:tech:xsd:camt.054.001.",
        unit: UNIT,
        name: "notification of a bank",
        expected: "a notification camt.054.001.02 or later",
    };
    let (notifications, mut problems) = camt::read::<Draft>(file, message)?;
    if notifications.is_empty() && problems.is_empty() {
        problems.push(Problem::new(1, ProblemCode::Required, "the file holds no notification").in_column(UNIT));
    }
    let mut seen = HashSet::new();
    for Finished { line, page, notification } in &notifications {
        let Some(id) = &notification.notification_id else { continue };
        if !seen.insert((&notification.account, id, page)) {
            let message = format!("notification {} of this account is in the file twice", shown(id));
            problems.push(Problem::new(*line, ProblemCode::Duplicate, message).in_column("Ntfctn/Id"));
        }
    }
    let finished = problems.or(notifications)?;
    let mut notifications: Vec<BankNotification> = finished.into_iter().map(|one| one.notification).collect();
    number_occurrences(notifications.iter_mut().map(|one| (&one.account, one.lines.as_mut_slice())));
    Ok(notifications)
}

struct Finished {
    line: u64,
    /// A long notification may come in pages that share its number.
    page: Option<String>,
    notification: BankNotification,
}

/// A notification while it is read.
struct Draft {
    line: u64,
    id: Option<String>,
    page: Option<String>,
    account: AccountId,
    currency: Option<String>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    stated: Totals,
    entries: Entries,
}

impl Unit for Draft {
    type Finished = Finished;

    fn new(line: u64) -> Self {
        Self {
            line,
            id: None,
            page: None,
            account: AccountId::default(),
            currency: None,
            from: None,
            to: None,
            stated: Totals::default(),
            entries: Entries::of(UNIT),
        }
    }

    fn open(&mut self, path: &str, line: u64) {
        self.entries.open(path, line);
    }

    fn value(&mut self, path: &str, value: Value<'_>) {
        let Some(value) = self.entries.value(path, value) else { return };
        match path {
            "Id" => self.id = Some(value.text),
            "NtfctnPgntn/PgNb" => self.page = Some(value.text),
            "FrToDt/FrDtTm" => self.from = value.date(),
            "FrToDt/ToDtTm" => self.to = value.date(),
            "Acct/Id/IBAN" => self.account.iban = Some(iban::normalised(&value.text)),
            "Acct/Id/Othr/Id" => self.account.other = Some(value.text),
            "Acct/Ccy" => self.currency = value.currency_code(),
            "TxsSummry/TtlNtries/NbOfNtries" => self.stated.entries = count(value),
            "TxsSummry/TtlCdtNtries/NbOfNtries" => self.stated.credits = count(value),
            "TxsSummry/TtlCdtNtries/Sum" => self.stated.credit_sum = sum(value),
            "TxsSummry/TtlDbtNtries/NbOfNtries" => self.stated.debits = count(value),
            "TxsSummry/TtlDbtNtries/Sum" => self.stated.debit_sum = sum(value),
            _ => {}
        }
    }

    fn close(&mut self, path: &str, problems: &mut Problems) {
        self.entries.close(path, problems);
    }

    fn finish(self, problems: &mut Problems) -> Option<Finished> {
        if self.account == AccountId::default() {
            let message = "the notification does not name its account";
            problems.push(Problem::new(self.line, ProblemCode::Required, message).in_column("Ntfctn/Acct/Id"));
            return None;
        }
        let currency = self.currency.or_else(|| self.entries.lines.first().map(|line| line.currency.clone()));
        if let Some(currency) = &currency {
            self.entries.check_currency(currency, problems);
        }
        let counted = self.entries.counted();
        let Entries { lines, pending, information, .. } = self.entries;
        let (account, notification_id, from, to, stated) = (self.account, self.id, self.from, self.to, self.stated);
        let notification = BankNotification {
            account,
            currency,
            notification_id,
            from,
            to,
            lines,
            pending,
            information,
            stated,
            counted,
        };
        Some(Finished { line: self.line, page: self.page, notification })
    }
}

fn count(value: Value<'_>) -> Option<u64> {
    let count = value.text.parse().ok();
    if count.is_none() {
        let message = format!("{} is not a number of entries", shown(&value.text));
        value.refuse(ProblemCode::Number, message);
    }
    count
}

fn sum(value: Value<'_>) -> Option<Decimal> {
    match number::parse(&value.text, DecimalMark::Plain) {
        Ok(sum) => Some(sum),
        Err(bad) => {
            value.refuse(bad.code, bad.message);
            None
        }
    }
}

#[cfg(test)]
mod tests;
