//! One statement while it is read: its account, its balances, its entries.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::bank_statement::{AccountId, BankStatement};
use crate::camt::{Amount, Entries, Unit, Value};
use crate::iban;
use crate::problem::{Problem, ProblemCode, Problems};

/// A statement read to its end.
pub(super) struct Finished {
    pub(super) line: u64,
    /// A long statement may come in pages that share its number.
    pub(super) page: Option<String>,
    pub(super) statement: BankStatement,
}

#[derive(Default)]
struct Balance {
    line: u64,
    code: Option<String>,
    amount: Option<Amount>,
    money_in: Option<bool>,
    on: Option<NaiveDate>,
}

/// A balance that is needed, and whole.
struct Point {
    line: u64,
    value: Decimal,
    currency: String,
    on: Option<NaiveDate>,
}

pub(super) struct StatementDraft {
    line: u64,
    id: Option<String>,
    page: Option<String>,
    account: AccountId,
    currency: Option<String>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    balance: Balance,
    balances: Vec<Balance>,
    entries: Entries,
}

impl Unit for StatementDraft {
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
            balance: Balance::default(),
            balances: Vec::new(),
            entries: Entries::of("Stmt"),
        }
    }

    fn open(&mut self, path: &str, line: u64) {
        if path == "Bal" {
            self.balance = Balance { line, ..Balance::default() };
        }
        self.entries.open(path, line);
    }

    fn value(&mut self, path: &str, value: Value<'_>) {
        let Some(value) = self.entries.value(path, value) else { return };
        match path {
            "Id" => self.id = Some(value.text),
            "StmtPgntn/PgNb" => self.page = Some(value.text),
            "FrToDt/FrDtTm" => self.from = value.date(),
            "FrToDt/ToDtTm" => self.to = value.date(),
            "Acct/Id/IBAN" => self.account.iban = Some(iban::normalised(&value.text)),
            "Acct/Id/Othr/Id" => self.account.other = Some(value.text),
            "Acct/Ccy" => self.currency = value.currency_code(),
            "Bal/Tp/CdOrPrtry/Cd" => self.balance.code = Some(value.text),
            "Bal/Amt" => self.balance.amount = value.amount(),
            "Bal/CdtDbtInd" => self.balance.money_in = value.money_in(),
            "Bal/Dt/Dt" | "Bal/Dt/DtTm" => self.balance.on = value.date(),
            _ => {}
        }
    }

    fn close(&mut self, path: &str, problems: &mut Problems) {
        if path == "Bal" {
            self.balances.push(std::mem::take(&mut self.balance));
        }
        self.entries.close(path, problems);
    }

    fn finish(self, problems: &mut Problems) -> Option<Finished> {
        let mut refuse = |line: u64, column: &str, code: ProblemCode, message: String| {
            problems.push(Problem::new(line, code, message).in_column(column));
        };
        if self.account == AccountId::default() {
            let message = "the statement does not name its account".to_owned();
            refuse(self.line, "Stmt/Acct/Id", ProblemCode::Required, message);
        }
        let opening =
            self.opening().map_err(|(line, message)| refuse(line, "Stmt/Bal", ProblemCode::Required, message)).ok();
        let closing =
            self.closing().map_err(|(line, message)| refuse(line, "Stmt/Bal", ProblemCode::Required, message)).ok();
        let (opening, closing) = (opening?, closing?);
        let currency = self.currency.unwrap_or_else(|| opening.currency.clone());
        for (balance, name) in [(&opening, "opening"), (&closing, "closing")] {
            if balance.currency != currency {
                let message = format!("the {name} balance is in {} and the account in {currency}", balance.currency);
                refuse(balance.line, "Stmt/Bal/Amt", ProblemCode::Currency, message);
            }
        }
        self.entries.check_currency(&currency, problems);
        let statement = BankStatement {
            account: self.account,
            currency,
            statement_id: self.id,
            from: self.from,
            to: self.to,
            opening: opening.value,
            opening_on: opening.on,
            closing: closing.value,
            closing_on: closing.on,
            lines: self.entries.lines,
            pending: self.entries.pending,
            information: self.entries.information,
        };
        Some(Finished { line: self.line, page: self.page, statement })
    }
}

impl StatementDraft {
    /// The booked opening balance, or the closing balance of the statement before. A page in the middle of a statement begins
    /// with an interim balance.
    fn opening(&self) -> Result<Point, (u64, String)> {
        self.point(
            self.coded("OPBD").or_else(|| self.coded("PRCD")).or_else(|| self.coded("ITBD")),
            "opening balance (OPBD or PRCD)",
        )
    }

    /// The booked closing balance. All pages but the last end with an interim one.
    fn closing(&self) -> Result<Point, (u64, String)> {
        let interim = || self.balances.iter().rev().find(|balance| balance.code.as_deref() == Some("ITBD"));
        let begins_with_it = self.coded("OPBD").or_else(|| self.coded("PRCD")).is_none();
        let interim =
            interim().filter(|last| !begins_with_it || self.coded("ITBD").is_some_and(|first| first.line != last.line));
        self.point(self.coded("CLBD").or(interim), "closing balance (CLBD)")
    }

    fn coded(&self, code: &str) -> Option<&Balance> {
        self.balances.iter().find(|balance| balance.code.as_deref() == Some(code))
    }

    fn point(&self, balance: Option<&Balance>, name: &str) -> Result<Point, (u64, String)> {
        let balance = balance.ok_or_else(|| (self.line, format!("the statement has no {name}")))?;
        let (Some(amount), Some(money_in)) = (&balance.amount, balance.money_in) else {
            return Err((balance.line, format!("the {name} lacks its amount or its direction")));
        };
        let same_code =
            self.balances.iter().filter(|other| other.code == balance.code && other.code.as_deref() != Some("ITBD"));
        for other in same_code {
            if (&other.amount, other.money_in) != (&balance.amount, balance.money_in) {
                return Err((other.line, format!("the statement has two {name}s that differ")));
            }
        }
        Ok(Point {
            line: balance.line,
            value: amount.signed(money_in),
            currency: amount.currency.clone(),
            on: balance.on,
        })
    }
}
