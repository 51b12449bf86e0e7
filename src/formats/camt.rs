//! What the messages of ISO 20022 from a bank about an account share: the walk over them, and their entries.
//!
//! The versions name some things differently: a party stands in `Dbtr` or in `Dbtr/Pty`, a status is `Sts` or `Sts/Cd`, the
//! amount of a single transaction is `TxDtls/Amt` or `AmtDtls/TxAmt/Amt`. All spellings are read in all versions.

use rust_decimal::Decimal;

use crate::bank_statement::BankLine;
use crate::camt054::Totals;
use crate::limits::MAX_ROWS;
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::text;
use crate::xml::{self, Rules, Step, Walk};

mod entry;
mod value;

use entry::{EntryDraft, Outcome};
pub(crate) use value::{Amount, Value};

/// Which message is read.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    /// The path of the message.
    pub(crate) path: &'static str,
    /// Its namespace without the two digits of the version.
    pub(crate) namespace: &'static str,
    /// The element of each statement or notification in it.
    pub(crate) unit: &'static str,
    /// What it is, for people: `bank statement`.
    pub(crate) name: &'static str,
    /// What is expected where it is another, for people.
    pub(crate) expected: &'static str,
}

/// A statement or notification while it is read.
pub(crate) trait Unit: Sized {
    /// What it becomes.
    type Finished;

    /// It begins on this line.
    fn new(line: u64) -> Self;
    /// An element begins; paths are relative to the unit.
    fn open(&mut self, path: &str, line: u64);
    /// An element with text ends.
    fn value(&mut self, path: &str, value: Value<'_>);
    /// An element ends.
    fn close(&mut self, path: &str, problems: &mut Problems);
    /// It is over; nothing comes of it if it is refused.
    fn finish(self, problems: &mut Problems) -> Option<Self::Finished>;
}

/// All units of a file, and what is wrong with it so far.
pub(crate) fn read<U: Unit>(file: &[u8], message: Message) -> Result<(Vec<U::Finished>, Problems), Problem> {
    let text = xml::decode(file)?;
    // later versions wrap a party in one more element, which says nothing
    let passed_over = |path: &str, name: &str| name == "Pty" && path.rsplit('/').nth(1) == Some("RltdPties");
    let mut walk = Walk::new(&text, Rules { passed_over, ..Rules::plain(message.path) });
    let (mut finished, mut problems) = (Vec::new(), Problems::new());
    let mut unit: Option<U> = None;
    // `Ccy` of the innermost amount
    let mut currency = None;
    let mut rows = 0_usize;
    loop {
        match walk.step()? {
            Step::Open(tag, line) => {
                if walk.depth() == 1 {
                    check_root(&tag, line, message)?;
                }
                if walk.path().ends_with("/Amt") {
                    currency = walk.attribute(&tag, "Ccy", line)?;
                }
                let Some(path) = walk.below().strip_prefix(message.unit) else { continue };
                let Some(path) = path.strip_prefix('/') else {
                    if path.is_empty() {
                        unit = Some(U::new(line));
                    }
                    continue;
                };
                if matches!(path, "Ntry" | "Ntry/NtryDtls/TxDtls") {
                    rows = rows.saturating_add(1);
                    if rows > MAX_ROWS {
                        let message = format!("more than {MAX_ROWS} entries; ask the bank for a shorter period");
                        return Err(Problem::new(line, ProblemCode::TooLarge, message));
                    }
                }
                unit.iter_mut().for_each(|unit| unit.open(path, line));
            }
            Step::Close(text, line) => {
                let below = walk.below();
                if below == message.unit {
                    finished.extend(unit.take().and_then(|unit| unit.finish(&mut problems)));
                } else if let (Some(unit), Some(path)) =
                    (&mut unit, below.strip_prefix(message.unit).and_then(|path| path.strip_prefix('/')))
                {
                    if let Some(text) = text::filled(&text) {
                        let currency = currency.as_deref();
                        let problems = &mut problems;
                        unit.value(path, Value { unit: message.unit, path, text, currency, line, problems });
                    }
                    unit.close(path, &mut problems);
                }
            }
            Step::End => return Ok((finished, problems)),
        }
    }
}

fn check_root(tag: &quick_xml::events::BytesStart<'_>, line: u64, message: Message) -> Result<(), Problem> {
    let format = |message: String| Problem::new(line, ProblemCode::Format, message);
    if tag.local_name().as_ref() != "Document" {
        let begins = shown(tag.name().as_ref());
        return Err(format(format!("the file begins with {begins}; a {} begins with Document", message.name)));
    }
    let namespace = xml::namespace(tag);
    let version = namespace
        .strip_prefix(message.namespace)
        .filter(|version| version.len() == 2 && version.bytes().all(|byte| byte.is_ascii_digit()));
    match version {
        Some("00" | "01") | None => {
            let is = shown(namespace.rsplit(':').next().unwrap_or_default());
            Err(format(format!("the file is {is}; {} is expected", message.expected)))
        }
        Some(_) => Ok(()),
    }
}

/// The entries of a unit.
pub(crate) struct Entries {
    unit: &'static str,
    entry: Option<EntryDraft>,
    /// The booked ones, split where they can be.
    pub(crate) lines: Vec<BankLine>,
    /// How many the bank has not booked yet.
    pub(crate) pending: u64,
    /// How many only inform.
    pub(crate) information: u64,
    /// Of all of them money in and money out: how many, and what they come to as long as that can be added.
    sides: [(u64, Option<Decimal>); 2],
}

impl Entries {
    pub(crate) fn of(unit: &'static str) -> Self {
        let sides = [(0, Some(Decimal::ZERO)); 2];
        Self { unit, entry: None, lines: Vec::new(), pending: 0, information: 0, sides }
    }

    /// What all entries come to, whatever their status.
    pub(crate) fn counted(&self) -> Totals {
        let [(credits, credit_sum), (debits, debit_sum)] = self.sides;
        let entries = Some(credits.saturating_add(debits));
        Totals { entries, credits: Some(credits), credit_sum, debits: Some(debits), debit_sum }
    }

    fn count(&mut self, entry: &EntryDraft) {
        let Some((size, money_in)) = entry.movement() else { return };
        let [credit, debit] = &mut self.sides;
        let (count, sum) = if money_in { credit } else { debit };
        *count = count.saturating_add(1);
        *sum = sum.and_then(|sum| sum.checked_add(size));
    }

    /// An element begins; paths are relative to the unit.
    pub(crate) fn open(&mut self, path: &str, line: u64) {
        match path {
            "Ntry" => self.entry = Some(EntryDraft::new(self.unit, line)),
            "Ntry/NtryDtls/TxDtls" => self.entry.iter_mut().for_each(|entry| entry.open_transaction(line)),
            _ => {}
        }
    }

    /// An element with text ends; gives it back if it is not one of an entry.
    pub(crate) fn value<'v>(&mut self, path: &str, value: Value<'v>) -> Option<Value<'v>> {
        match (&mut self.entry, path.strip_prefix("Ntry/")) {
            (Some(entry), Some(path)) => {
                entry.value(path, value);
                None
            }
            _ => Some(value),
        }
    }

    /// An element ends.
    pub(crate) fn close(&mut self, path: &str, problems: &mut Problems) {
        match path {
            "Ntry/NtryDtls/TxDtls" => self.entry.iter_mut().for_each(EntryDraft::close_transaction),
            "Ntry" => {
                let Some(entry) = self.entry.take() else { return };
                self.count(&entry);
                match entry.finish(problems) {
                    Outcome::Booked(lines) => self.lines.extend(lines),
                    Outcome::Pending => self.pending = self.pending.saturating_add(1),
                    Outcome::Information => self.information = self.information.saturating_add(1),
                    Outcome::Refused => {}
                }
            }
            _ => {}
        }
    }

    /// Puts on the list every line that is in another currency than the account.
    pub(crate) fn check_currency(&self, currency: &str, problems: &mut Problems) {
        for line in self.lines.iter().filter(|line| line.currency != currency) {
            let message = format!("the entry is in {} and the account in {currency}", line.currency);
            let problem = Problem::new(line.line, ProblemCode::Currency, message);
            problems.push(problem.in_column(format!("{}/Ntry/Amt", self.unit)));
        }
    }
}
