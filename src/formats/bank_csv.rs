//! A bank's own CSV export: every bank names and orders its columns as it likes, so the caller says which is which.
//!
//! Columns that the mapping does not name are passed over. Such files rarely carry the balances, so the caller gives them.

use rust_decimal::Decimal;

use crate::bank_statement::{AccountId, BankLine, BankStatement, count_occurrences};
use crate::iban;
use crate::number::written;
use crate::problem::{Problem, ProblemCode, Problems};
use crate::table::{Column, Dialect, Layout, Reported, Row, Table};
use crate::text;

/// Where the amount stands. In both cases money out may be written with a minus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AmountColumns {
    /// One column, negative for money out.
    Signed(String),
    /// Two columns, one of them filled.
    Sides {
        /// Money out.
        debit: String,
        /// Money in.
        credit: String,
    },
}

/// Which column of the bank's file is what, by header name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMapping {
    /// The day of booking.
    pub booked_on: String,
    /// The value date.
    pub value_on: Option<String>,
    /// The amount.
    pub amount: AmountColumns,
    /// The currency, which must then be the account's on every line.
    pub currency: Option<String>,
    /// The other party's name.
    pub counterparty: Option<String>,
    /// The other party's account.
    pub counterparty_iban: Option<String>,
    /// What the payment is for.
    pub reference: Option<String>,
    /// The payer's own reference.
    pub end_to_end_id: Option<String>,
    /// The bank's reference.
    pub bank_reference: Option<String>,
    /// The bank's word for the kind of movement.
    pub kind: Option<String>,
    /// The balance after each line, which is then checked: a line that was left out shows.
    pub balance: Option<String>,
    /// Take text that looks like a formula for what it is. Who pays an account chooses the text, so without this one payer can
    /// keep the whole file out; with it, everything that writes spreadsheets must escape.
    pub accept_formula_text: bool,
    /// How the file is written.
    pub dialect: Dialect,
}

impl ColumnMapping {
    /// The least a mapping needs: the day and the amount.
    pub fn new(booked_on: impl Into<String>, amount: AmountColumns) -> Self {
        Self {
            booked_on: booked_on.into(),
            value_on: None,
            amount,
            currency: None,
            counterparty: None,
            counterparty_iban: None,
            reference: None,
            end_to_end_id: None,
            bank_reference: None,
            kind: None,
            balance: None,
            accept_formula_text: false,
            dialect: Dialect::default(),
        }
    }

    /// Every column named, with those that hold amounts marked. A column may serve twice.
    fn columns(&self) -> Vec<Column<'_>> {
        let mut amounts = match &self.amount {
            AmountColumns::Signed(amount) => vec![amount],
            AmountColumns::Sides { debit, credit } => vec![debit, credit],
        };
        amounts.extend(&self.balance);
        let texts = [
            &self.value_on,
            &self.currency,
            &self.counterparty,
            &self.counterparty_iban,
            &self.reference,
            &self.end_to_end_id,
            &self.bank_reference,
            &self.kind,
        ];
        let others = std::iter::once(&self.booked_on).chain(texts.into_iter().flatten());
        let column = |name, amounts| Column { name, required: true, amounts };
        amounts.into_iter().map(|name| column(name, true)).chain(others.map(|name| column(name, false))).collect()
    }
}

/// What the file does not say about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFacts {
    /// The account.
    pub account: AccountId,
    /// Its currency.
    pub currency: String,
    /// Balance before the first line.
    pub opening: Decimal,
    /// Balance after the last line.
    pub closing: Decimal,
}

/// The lines of a file between the balances given. Whether they tie is [`BankStatement::tie`]'s to say.
pub fn parse(file: &[u8], mapping: &ColumnMapping, facts: StatementFacts) -> Result<BankStatement, Problems> {
    let columns = mapping.columns();
    if columns.iter().any(|column| text::one_line(column.name).is_empty()) {
        let message = "the mapping names a column without a name; leave columns away that the file does not have";
        return Err(Problem::new(1, ProblemCode::MissingColumn, message).into());
    }
    let text = text::decode(file, mapping.dialect.encoding)?;
    let layout = Layout { columns: &columns, ignore_others: true, accept_formulas: mapping.accept_formula_text };
    let table = Table::read(&text, layout, &mapping.dialect)?;
    let mut problems = Problems::new();
    let read = table.each(&mut problems, |row| line(row, mapping, &facts.currency));
    if let Some(column) = mapping.balance.as_deref().filter(|_| problems.is_empty()) {
        check_balances(&read, column, &mut problems);
    }
    let lines: Vec<BankLine> = problems.or(read)?.into_iter().map(|(line, _)| line).collect();
    let from = lines.iter().map(|line| line.booked_on).min();
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

/// A line, and the balance that the bank writes beside it.
type LineAndBalance = (BankLine, Option<Decimal>);

fn line(row: &mut Row<'_, '_>, mapping: &ColumnMapping, currency: &str) -> Result<LineAndBalance, Reported> {
    let booked_on = row.date(&mapping.booked_on).and_then(|day| match day {
        Some(day) => Ok(day),
        None => Err(row.refuse(&mapping.booked_on, ProblemCode::Required, "the day of booking is missing")),
    });
    let value_on = mapping.value_on.as_deref().map_or(Ok(None), |column| row.date(column));
    let balance = mapping.balance.as_deref().map_or(Ok(None), |column| row.decimal(column));
    let amount = amount(row, &mapping.amount);
    let same_currency = check_currency(row, mapping.currency.as_deref(), currency);
    let mut text = |column: &Option<String>| column.as_deref().map_or(Ok(None), |column| row.text(column));
    let (counterparty, account) = (text(&mapping.counterparty), text(&mapping.counterparty_iban));
    let (reference, end_to_end_id) = (text(&mapping.reference), text(&mapping.end_to_end_id));
    let (bank_reference, kind) = (text(&mapping.bank_reference), text(&mapping.kind));
    same_currency?;
    let line = BankLine {
        line: row.line,
        booked_on: booked_on?,
        value_on: value_on?,
        amount: amount?,
        currency: currency.to_owned(),
        counterparty: counterparty?,
        counterparty_iban: account?.map(|account| iban::normalised(&account)),
        reference: reference?,
        end_to_end_id: end_to_end_id?,
        bank_reference: bank_reference?,
        kind: kind?,
        reversal: false,
        occurrence: 1,
    };
    Ok((line, balance?))
}

fn check_currency(row: &mut Row<'_, '_>, column: Option<&str>, expected: &str) -> Result<(), Reported> {
    let Some(column) = column else { return Ok(()) };
    match row.currency(column)? {
        Some(found) if found != expected => {
            let message = format!("the line is in {found} and the account in {expected}");
            Err(row.refuse(column, ProblemCode::Currency, message))
        }
        _ => Ok(()),
    }
}

fn amount(row: &mut Row<'_, '_>, columns: &AmountColumns) -> Result<Decimal, Reported> {
    match columns {
        AmountColumns::Signed(column) => match row.decimal(column)? {
            Some(amount) => Ok(amount),
            None => Err(row.refuse(column, ProblemCode::Required, "the amount is missing")),
        },
        AmountColumns::Sides { debit, credit } => {
            let (money_out, money_in) = (row.decimal(debit), row.decimal(credit));
            let (money_out, money_in) = (money_out?.unwrap_or_default(), money_in?.unwrap_or_default());
            if money_in < Decimal::ZERO {
                let message =
                    format!("{} is money in with a minus; it belongs in the column {debit}", written(money_in));
                return Err(row.refuse(credit, ProblemCode::OneSide, message));
            }
            match (money_out.is_zero(), money_in.is_zero()) {
                (false, true) => Ok(-money_out.abs()),
                (true, false) => Ok(money_in),
                _ => Err(row.refuse(
                    debit,
                    ProblemCode::OneSide,
                    format!("exactly one of {debit} and {credit} must hold an amount"),
                )),
            }
        }
    }
}

/// Each balance must be the one before plus the amount. Banks write the newest line first or last; whichever way more lines
/// fit is taken, and every line that does not fit is named.
fn check_balances(lines: &[LineAndBalance], column: &str, problems: &mut Problems) {
    let breaks = |older_first: bool| -> Vec<Problem> {
        let pairs = lines.iter().zip(lines.iter().skip(1));
        let pairs = pairs.map(|(above, below)| if older_first { (above, below) } else { (below, above) });
        pairs.filter_map(|(older, newer)| balance_break(older, newer, column)).collect()
    };
    let (older_first, newer_first) = (breaks(true), breaks(false));
    let fewer = if newer_first.len() < older_first.len() { newer_first } else { older_first };
    fewer.into_iter().for_each(|problem| problems.push(problem));
}

fn balance_break(older: &LineAndBalance, newer: &LineAndBalance, column: &str) -> Option<Problem> {
    let (before, after) = (older.1?, newer.1?);
    let expected = before.checked_add(newer.0.amount)?;
    if expected == after {
        return None;
    }
    let message = format!(
        "balance {} before and amount {} do not give the balance {}; a line is missing or changed",
        written(before),
        written(newer.0.amount),
        written(after)
    );
    Some(Problem::new(newer.0.line, ProblemCode::OutOfBalance, message).in_column(column))
}

#[cfg(test)]
mod tests;
