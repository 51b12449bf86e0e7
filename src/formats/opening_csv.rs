//! The balances that a set of books starts with, as CSV: they balance, or they are refused with the difference.
//!
//! Columns: `account` (code), `debit`, `credit` (exactly one of them, positive); optional `currency`, `description`, and for
//! the open items behind receivables and payables `party` (number of the customer or vendor), `document` and `due_date`.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::number::written;
use crate::problem::{Problem, ProblemCode, Problems};
use crate::table::{Column, Dialect, Layout, Reported, Row, Table, amounts, needed, optional};
use crate::text;

/// One balance, or one open item of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningLine {
    /// Line of the file.
    pub line: u64,
    /// Code of the account.
    pub account: String,
    /// The amount if it is a debit, otherwise zero.
    pub debit: Decimal,
    /// The amount if it is a credit, otherwise zero.
    pub credit: Decimal,
    /// The currency if the line names one; the same on all lines that do.
    pub currency: Option<String>,
    /// What the balance is.
    pub description: Option<String>,
    /// Number of the customer or vendor who owes it or is owed it.
    pub party: Option<String>,
    /// Number of the invoice or bill.
    pub document: Option<String>,
    /// When it is due.
    pub due_date: Option<NaiveDate>,
}

/// Opening balances that balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningBalances {
    /// The lines, in the order of the file.
    pub lines: Vec<OpeningLine>,
    /// The currency that the file names, if it names one.
    pub currency: Option<String>,
    /// The sum of the debits, which is also that of the credits.
    pub total: Decimal,
}

const COLUMNS: &[Column<'_>] = &[
    needed("account"),
    amounts("debit"),
    amounts("credit"),
    optional("currency"),
    optional("description"),
    optional("party"),
    optional("document"),
    optional("due_date"),
];

/// The opening balances of a file.
pub fn parse(file: &[u8], dialect: &Dialect) -> Result<OpeningBalances, Problems> {
    let text = text::decode(file, dialect.encoding)?;
    let table = Table::read(&text, Layout::exactly(COLUMNS), dialect)?;
    let mut problems = Problems::new();
    let lines = table.each(&mut problems, line);
    let currency = one_currency(&lines, &mut problems);
    if lines.is_empty() && problems.is_empty() {
        problems.push(Problem::new(1, ProblemCode::Empty, "the file has no balances below its header"));
    }
    // totals over half the lines would only be a second, misleading problem
    let lines = problems.or(lines)?;
    let total = balance(&lines)?;
    Ok(OpeningBalances { lines, currency, total })
}

fn line(row: &mut Row<'_, '_>) -> Result<OpeningLine, Reported> {
    let account = row.required("account");
    let sides = sides(row);
    let (currency, description) = (row.currency("currency"), row.text("description"));
    let (party, document, due_date) = (row.text("party"), row.text("document"), row.date("due_date"));
    if !row.is_filled("party") {
        for column in ["document", "due_date"] {
            if row.is_filled(column) {
                let message =
                    format!("a {column} belongs to an open item; name its customer or vendor in the column party");
                return Err(row.refuse("party", ProblemCode::Required, message));
            }
        }
    }
    let (debit, credit) = sides?;
    Ok(OpeningLine {
        line: row.line,
        account: account?,
        debit,
        credit,
        currency: currency?,
        description: description?,
        party: party?,
        document: document?,
        due_date: due_date?,
    })
}

fn sides(row: &mut Row<'_, '_>) -> Result<(Decimal, Decimal), Reported> {
    let (debit, credit) = (row.decimal("debit"), row.decimal("credit"));
    let (debit, credit) = (debit?.unwrap_or_default(), credit?.unwrap_or_default());
    for (column, amount) in [("debit", debit), ("credit", credit)] {
        if amount < Decimal::ZERO {
            let message = format!("{} is negative; write it as a positive amount on the other side", written(amount));
            return Err(row.refuse(column, ProblemCode::OneSide, message));
        }
    }
    match (debit.is_zero(), credit.is_zero()) {
        (false, true) | (true, false) => Ok((debit, credit)),
        (true, true) => Err(row.refuse("debit", ProblemCode::OneSide, "neither debit nor credit has an amount")),
        (false, false) => Err(row.refuse(
            "debit",
            ProblemCode::OneSide,
            "both debit and credit have an amount; a balance has one side",
        )),
    }
}

/// Amounts of several currencies cannot be added up, and so cannot be seen to balance.
fn one_currency(lines: &[OpeningLine], problems: &mut Problems) -> Option<String> {
    let mut named = lines.iter().filter_map(|line| line.currency.as_deref().map(|currency| (line.line, currency)));
    let (first_line, first) = named.next()?;
    for (line, currency) in named.filter(|(_, currency)| *currency != first) {
        let message =
            format!("{currency} here and {first} on line {first_line}; opening balances are given in one currency");
        problems.push(Problem::new(line, ProblemCode::Currency, message).in_column("currency"));
    }
    Some(first.to_owned())
}

fn balance(lines: &[OpeningLine]) -> Result<Decimal, Problem> {
    let sum = |side: fn(&OpeningLine) -> Decimal| {
        lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(side(line)))
    };
    let last = lines.last().map_or(1, |line| line.line);
    let too_large = || Problem::new(last, ProblemCode::OutOfRange, "the amounts are too large to be added up");
    let debit = sum(|line| line.debit).ok_or_else(too_large)?;
    let credit = sum(|line| line.credit).ok_or_else(too_large)?;
    let difference = debit.checked_sub(credit).ok_or_else(too_large)?;
    if difference.is_zero() {
        return Ok(debit);
    }
    let message =
        format!("debits {} and credits {} differ by {}", written(debit), written(credit), written(difference.abs()));
    Err(Problem::new(last, ProblemCode::OutOfBalance, message))
}

#[cfg(test)]
mod tests;
