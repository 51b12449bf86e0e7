//! One entry while it is read, with the transactions it bundles, and the lines it becomes.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::value::{Amount, Value};
use crate::bank_statement::BankLine;
use crate::iban;
use crate::limits::MAX_FIELD_CHARS;
use crate::problem::{Problem, ProblemCode, Problems, shown};

/// What an entry turned out to be.
pub(super) enum Outcome {
    Booked(Vec<BankLine>),
    Pending,
    Information,
    /// Its problems are on the list.
    Refused,
}

/// The bank's code for the kind of movement.
#[derive(Default, Clone)]
struct Kind {
    domain: Option<String>,
    family: Option<String>,
    sub_family: Option<String>,
    proprietary: Option<String>,
}

impl Kind {
    fn take(&mut self, path: &str, text: String) {
        match path {
            "Domn/Cd" => self.domain = Some(text),
            "Domn/Fmly/Cd" => self.family = Some(text),
            "Domn/Fmly/SubFmlyCd" => self.sub_family = Some(text),
            "Prtry/Cd" => self.proprietary = Some(text),
            _ => {}
        }
    }

    fn code(&self) -> Option<String> {
        let parts: Vec<&str> =
            [&self.domain, &self.family, &self.sub_family].into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() { self.proprietary.clone() } else { Some(parts.join("/")) }
    }
}

/// One side of a payment.
#[derive(Default, Clone)]
struct Side {
    name: Option<String>,
    /// On whose behalf, where the first name is a payment service.
    ultimate: Option<String>,
    iban: Option<String>,
    other: Option<String>,
}

#[derive(Default, Clone)]
struct Transaction {
    line: u64,
    amount: Option<Amount>,
    amount_in_details: Option<Amount>,
    money_in: Option<bool>,
    debtor: Side,
    creditor: Side,
    end_to_end_id: Option<String>,
    bank_reference: Option<String>,
    remittance: Vec<String>,
    information: Option<String>,
    kind: Kind,
}

impl Transaction {
    fn value(&mut self, path: &str, value: Value<'_>) {
        if let Some(path) = path.strip_prefix("BkTxCd/") {
            return self.kind.take(path, value.text);
        }
        if let Some(path) = path.strip_prefix("RltdPties/") {
            return self.party(path, value.text);
        }
        match path {
            "Refs/EndToEndId" if value.text != "NOTPROVIDED" => self.end_to_end_id = Some(value.text),
            "Refs/AcctSvcrRef" => self.bank_reference = Some(value.text),
            "Amt" => self.amount = value.amount(),
            "CdtDbtInd" => self.money_in = value.money_in(),
            "AmtDtls/TxAmt/Amt" => self.amount_in_details = value.amount(),
            "RmtInf/Ustrd" | "RmtInf/Strd/CdtrRefInf/Ref" | "RmtInf/Strd/RfrdDocInf/Nb" | "RmtInf/Strd/AddtlRmtInf" => {
                self.remittance.push(value.text);
            }
            "AddtlTxInf" => self.information = Some(value.text),
            _ => {}
        }
    }

    fn party(&mut self, path: &str, text: String) {
        match path {
            "Dbtr/Nm" => self.debtor.name = Some(text),
            "UltmtDbtr/Nm" => self.debtor.ultimate = Some(text),
            "DbtrAcct/Id/IBAN" => self.debtor.iban = Some(iban::normalised(&text)),
            "DbtrAcct/Id/Othr/Id" => self.debtor.other = Some(iban::normalised(&text)),
            "Cdtr/Nm" => self.creditor.name = Some(text),
            "UltmtCdtr/Nm" => self.creditor.ultimate = Some(text),
            "CdtrAcct/Id/IBAN" => self.creditor.iban = Some(iban::normalised(&text)),
            "CdtrAcct/Id/Othr/Id" => self.creditor.other = Some(iban::normalised(&text)),
            _ => {}
        }
    }

    fn signed(&self, entry_money_in: bool, currency: &str) -> Option<Decimal> {
        let amount = self.amount.as_ref().or(self.amount_in_details.as_ref())?;
        Some(amount.signed(self.money_in.unwrap_or(entry_money_in))).filter(|_| amount.currency == currency)
    }

    /// The side that is not the account's. A reversal keeps the parties of the payment that it takes back.
    fn other_side(&self, money_in: bool, reversal: bool) -> &Side {
        if money_in == reversal { &self.creditor } else { &self.debtor }
    }

    fn reference(&self) -> Option<String> {
        if self.remittance.is_empty() { self.information.clone() } else { joined(self.remittance.iter(), " ") }
    }
}

#[derive(Default)]
pub(super) struct EntryDraft {
    /// The element that the entry stands in.
    unit: &'static str,
    line: u64,
    amount: Option<Amount>,
    money_in: Option<bool>,
    reversal: bool,
    status: Option<String>,
    booked_on: Option<NaiveDate>,
    value_on: Option<NaiveDate>,
    entry_reference: Option<String>,
    bank_reference: Option<String>,
    information: Option<String>,
    kind: Kind,
    transaction: Option<Transaction>,
    transactions: Vec<Transaction>,
}

/// What every line of an entry shares.
struct Booking {
    booked_on: NaiveDate,
    amount: Decimal,
    currency: String,
    money_in: bool,
}

impl EntryDraft {
    pub(super) fn new(unit: &'static str, line: u64) -> Self {
        Self { unit, line, ..Self::default() }
    }

    pub(super) fn open_transaction(&mut self, line: u64) {
        self.transaction = Some(Transaction { line, ..Transaction::default() });
    }

    pub(super) fn close_transaction(&mut self) {
        self.transactions.extend(self.transaction.take());
    }

    /// Text at a path relative to the entry.
    pub(super) fn value(&mut self, path: &str, value: Value<'_>) {
        if let (Some(transaction), Some(path)) = (&mut self.transaction, path.strip_prefix("NtryDtls/TxDtls/")) {
            return transaction.value(path, value);
        }
        if let Some(path) = path.strip_prefix("BkTxCd/") {
            return self.kind.take(path, value.text);
        }
        match path {
            "NtryRef" => self.entry_reference = Some(value.text),
            "Amt" => self.amount = value.amount(),
            "CdtDbtInd" => self.money_in = value.money_in(),
            "RvslInd" => self.reversal = value.flag().unwrap_or(false),
            "Sts" | "Sts/Cd" => self.status = Some(value.text),
            "BookgDt/Dt" | "BookgDt/DtTm" => self.booked_on = value.date(),
            "ValDt/Dt" | "ValDt/DtTm" => self.value_on = value.date(),
            "AcctSvcrRef" => self.bank_reference = Some(value.text),
            "AddtlNtryInf" => self.information = Some(value.text),
            _ => {}
        }
    }

    /// What the entry moves, never negative, and whether money comes in.
    pub(super) fn movement(&self) -> Option<(Decimal, bool)> {
        Some((self.amount.as_ref()?.size, self.money_in?))
    }

    pub(super) fn finish(self, problems: &mut Problems) -> Outcome {
        let mut refuse = |code: ProblemCode, column: &str, message: String| {
            problems.push(Problem::new(self.line, code, message).in_column(format!("{}/Ntry/{column}", self.unit)));
            Outcome::Refused
        };
        match self.status.as_deref() {
            Some("BOOK") => {}
            Some("PDNG" | "FUTR") => return Outcome::Pending,
            Some("INFO") => return Outcome::Information,
            Some(other) => {
                let message = format!("the status {} is not one of BOOK, PDNG, FUTR, INFO", shown(other));
                return refuse(ProblemCode::UnknownWord, "Sts", message);
            }
            None => return refuse(ProblemCode::Required, "Sts", "the entry has no status".to_owned()),
        }
        let (Some(amount), Some(money_in)) = (&self.amount, self.money_in) else {
            let message = "the entry lacks its amount (Amt) or its direction (CdtDbtInd)".to_owned();
            return refuse(ProblemCode::Required, "Amt", message);
        };
        let Some(booked_on) = self.booked_on.or(self.value_on) else {
            let message = "the booked entry has no date".to_owned();
            return refuse(ProblemCode::Required, "BookgDt", message);
        };
        let booking =
            Booking { booked_on, amount: amount.signed(money_in), currency: amount.currency.clone(), money_in };
        Outcome::Booked(self.split(&booking).unwrap_or_else(|| vec![self.whole(&booking)]))
    }

    /// A line for each transaction, if there are several and they add up.
    fn split(&self, booking: &Booking) -> Option<Vec<BankLine>> {
        if self.transactions.len() < 2 {
            return None;
        }
        let amount = |transaction: &Transaction| transaction.signed(booking.money_in, &booking.currency);
        let sum = self
            .transactions
            .iter()
            .try_fold(Decimal::ZERO, |sum, transaction| sum.checked_add(amount(transaction)?))?;
        if sum != booking.amount {
            return None;
        }
        self.transactions
            .iter()
            .map(|transaction| Some(self.detail(transaction, booking, amount(transaction)?)))
            .collect()
    }

    fn detail(&self, transaction: &Transaction, booking: &Booking, amount: Decimal) -> BankLine {
        let money_in = transaction.money_in.unwrap_or(booking.money_in);
        let side = transaction.other_side(money_in, self.reversal);
        BankLine {
            line: transaction.line,
            booked_on: booking.booked_on,
            value_on: self.value_on,
            amount,
            currency: booking.currency.clone(),
            counterparty: side.name.clone().or_else(|| side.ultimate.clone()),
            counterparty_iban: side.iban.clone().or_else(|| side.other.clone()),
            reference: transaction.reference().or_else(|| self.information.clone()),
            end_to_end_id: transaction.end_to_end_id.clone(),
            bank_reference: transaction.bank_reference.clone().or_else(|| self.own_reference()),
            kind: transaction.kind.code().or_else(|| self.kind.code()),
            reversal: self.reversal,
            occurrence: 1,
        }
    }

    /// One line for the entry. Of several transactions it tells what they share, and all that they are for.
    fn whole(&self, booking: &Booking) -> BankLine {
        let transactions: Vec<BankLine> =
            self.transactions.iter().map(|transaction| self.detail(transaction, booking, booking.amount)).collect();
        let shared = |field: fn(&BankLine) -> &Option<String>| {
            let first = field(transactions.first()?);
            first.clone().filter(|_| transactions.iter().all(|line| field(line) == first))
        };
        let own_transaction = self.transactions.first().filter(|_| self.transactions.len() == 1);
        let transaction_reference = own_transaction.and_then(|transaction| transaction.bank_reference.clone());
        let references = self.transactions.iter().filter_map(Transaction::reference).collect::<Vec<_>>();
        BankLine {
            line: self.line,
            booked_on: booking.booked_on,
            value_on: self.value_on,
            amount: booking.amount,
            currency: booking.currency.clone(),
            counterparty: shared(|line| &line.counterparty),
            counterparty_iban: shared(|line| &line.counterparty_iban),
            reference: joined(references.iter(), "; ").or_else(|| self.information.clone()),
            end_to_end_id: shared(|line| &line.end_to_end_id),
            bank_reference: self
                .bank_reference
                .clone()
                .or(transaction_reference)
                .or_else(|| self.entry_reference.clone()),
            kind: self.kind.code().or_else(|| shared(|line| &line.kind)),
            reversal: self.reversal,
            occurrence: 1,
        }
    }

    fn own_reference(&self) -> Option<String> {
        self.bank_reference.clone().or_else(|| self.entry_reference.clone())
    }
}

/// The texts one behind the other, as far as one field may hold them.
fn joined<'a>(texts: impl Iterator<Item = &'a String>, between: &str) -> Option<String> {
    let mut all = String::new();
    for text in texts {
        if !all.is_empty() {
            all.push_str(between);
        }
        all.push_str(text);
        if all.len() > MAX_FIELD_CHARS {
            all = all.chars().take(MAX_FIELD_CHARS).collect();
            break;
        }
    }
    Some(all).filter(|all| !all.is_empty())
}
