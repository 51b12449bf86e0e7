//! Statements side by side: one column for each span of days or each day, with what has changed from one to the next.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::{Decimal, sub};
use chrono::NaiveDate;

use super::figures::{Span, named};
use super::row::{ReportRow, ReportRowKind};
use super::statements::{BalanceSheet, IncomeStatement, balance_sheet, check_order, income_statement};
use crate::finance::ids::{AccountId, DimensionValueId};
use crate::finance::ledger::account::{self, Account, AccountKind};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;

/// The most columns: a year by months and the year before.
const MOST_COLUMNS: usize = 13;

/// Some days, both the first and the last one included.
#[derive(InputObject, Clone, Copy, Debug)]
pub struct StatementDays {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
}

/// What a row says in one column.
#[derive(SimpleObject, Clone, Debug)]
pub struct ComparedCell {
    /// The amount as a statement shows it; zero where nothing was ever posted.
    pub amount: Money,
    /// By how much it differs from the column behind it; null in the last column.
    pub change: Option<Money>,
    /// The change in percent of the amount in the column behind it, without its sign, rounded half to even to two places; null
    /// in the last column, and where that amount is zero.
    pub change_percent: Option<Dec>,
    /// The row of that column's statement, with the way to its lines; null where nothing was ever posted.
    pub row: Option<ReportRow>,
}

/// A row of statements side by side.
#[derive(SimpleObject, Clone, Debug)]
pub struct ComparedRow {
    /// What it stands for.
    pub row: ReportRowKind,
    /// Number of the account; null for computed rows.
    pub code: Option<String>,
    /// Name of the account, or of the computed row.
    pub name: String,
    /// Kind of the account; equity for computed rows.
    pub kind: AccountKind,
    /// How many groups stand above it.
    pub depth: i32,
    /// One cell for each column, in their order.
    pub cells: Vec<ComparedCell>,
}

/// Income statements side by side.
#[derive(SimpleObject)]
pub struct IncomeStatementComparison {
    /// The statement of each span of days, in the order in which they were asked for: their totals are here.
    pub columns: Vec<IncomeStatement>,
    /// Every row that is in any of them, in the order of the chart: income, then expenses.
    pub rows: Vec<ComparedRow>,
}

/// Balance sheets side by side.
#[derive(SimpleObject)]
pub struct BalanceSheetComparison {
    /// The balance sheet of each day, in the order in which they were asked for: their totals are here.
    pub columns: Vec<BalanceSheet>,
    /// Every row that is in any of them, in the order of the chart: assets, liabilities, equity and the results in it.
    pub rows: Vec<ComparedRow>,
}

/// Where a row stands: its part of the statement, then the numbers from the top down to it; computed rows come behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    part: u8,
    computed: u8,
    numbers: Vec<String>,
}

struct Chart<'a>(HashMap<AccountId, &'a Account>);

impl<'a> Chart<'a> {
    fn of(accounts: &'a [Account]) -> Self {
        Self(accounts.iter().map(|account| (account.id, account)).collect())
    }

    fn place(&self, part: u8, row: &ReportRow) -> Place {
        let computed = match row.row {
            ReportRowKind::Account | ReportRowKind::Group => 0,
            ReportRowKind::ResultOfEarlierYears => 1,
            ReportRowKind::ResultOfYear => 2,
        };
        let mut numbers = Vec::new();
        let mut next = row.account_id;
        while let Some(account) = next.and_then(|id| self.0.get(&id)) {
            numbers.push(account.code.clone());
            next = account.parent_id;
        }
        numbers.reverse();
        Place { part, computed, numbers }
    }
}

/// What an amount has changed by, and in percent of what it was.
fn change(now: Decimal, before: Decimal) -> Result<(Decimal, Option<Dec>)> {
    let change = sub(now, before)?;
    let percent = change
        .checked_mul(Decimal::ONE_HUNDRED)
        .and_then(|hundredfold| hundredfold.checked_div(before.abs()))
        .map(|percent| Dec(percent.round_dp(2)));
    Ok((change, percent))
}

/// Lays the rows of all columns side by side. Each column gives its rows by part of the statement.
fn side_by_side(accounts: &[Account], columns: &[Vec<&[ReportRow]>], currency: &str) -> Result<Vec<ComparedRow>> {
    let chart = Chart::of(accounts);
    let mut found: BTreeMap<Place, Vec<Option<&ReportRow>>> = BTreeMap::new();
    for (at, column) in columns.iter().enumerate() {
        for (part, rows) in (0_u8..).zip(column) {
            for row in *rows {
                let cells = found.entry(chart.place(part, row)).or_insert_with(|| vec![None; columns.len()]);
                if let Some(cell) = cells.get_mut(at) {
                    *cell = Some(row);
                }
            }
        }
    }
    let mut compared = Vec::with_capacity(found.len());
    for cells in found.into_values() {
        let Some(any) = cells.iter().flatten().next() else { continue };
        let amounts: Vec<Decimal> =
            cells.iter().map(|cell| cell.map_or(Decimal::ZERO, |row| row.amount.amount.0)).collect();
        let behind = amounts.iter().skip(1).copied().map(Some).chain([None]);
        let mut shown = Vec::with_capacity(cells.len());
        for ((row, now), before) in cells.iter().zip(&amounts).zip(behind) {
            let changed = before.map(|before| change(*now, before)).transpose()?;
            shown.push(ComparedCell {
                amount: Money::new(Dec(*now), currency),
                change: changed.map(|(by, _)| Money::new(Dec(by), currency)),
                change_percent: changed.and_then(|(_, percent)| percent),
                row: row.cloned(),
            });
        }
        compared.push(ComparedRow {
            row: any.row,
            code: any.code.clone(),
            name: any.name.clone(),
            kind: any.kind,
            depth: any.depth,
            cells: shown,
        });
    }
    Ok(compared)
}

fn check_columns(count: usize) -> Result<()> {
    match (1..=MOST_COLUMNS).contains(&count) {
        true => Ok(()),
        false => Err(Error::BadInput(format!("A comparison has 1 to {MOST_COLUMNS} columns."))),
    }
}

async fn income_statements(
    tx: &Tx,
    columns: Vec<StatementDays>,
    known_at: Option<DateTime>,
    dimensions: Option<Vec<DimensionValueId>>,
) -> Result<IncomeStatementComparison> {
    check_columns(columns.len())?;
    let (only, accounts) = (named(tx, dimensions).await?, account::all(tx).await?);
    let mut statements = Vec::with_capacity(columns.len());
    for StatementDays { from, to } in columns {
        check_order(from, to)?;
        let known_at = known_at.map(|moment| moment.0);
        let span = Span { unclosed: Some(from.0), only: only.clone(), ..Span::of(Some(from.0), to.0, known_at) };
        statements.push(income_statement(tx, &accounts, from.0, span).await?);
    }
    let parts: Vec<Vec<&[ReportRow]>> =
        statements.iter().map(|one| vec![one.income.as_slice(), one.expenses.as_slice()]).collect();
    let rows = side_by_side(&accounts, &parts, tx.book_currency())?;
    Ok(IncomeStatementComparison { columns: statements, rows })
}

async fn balance_sheets(
    tx: &Tx,
    days: Vec<NaiveDate>,
    known_at: Option<DateTime>,
    dimensions: Option<Vec<DimensionValueId>>,
) -> Result<BalanceSheetComparison> {
    check_columns(days.len())?;
    let (only, accounts) = (named(tx, dimensions).await?, account::all(tx).await?);
    let mut sheets = Vec::with_capacity(days.len());
    for day in days {
        sheets.push(balance_sheet(tx, &accounts, day, known_at, only.clone()).await?);
    }
    let parts: Vec<Vec<&[ReportRow]>> = sheets
        .iter()
        .map(|one| vec![one.assets.as_slice(), one.liabilities.as_slice(), one.equity.as_slice()])
        .collect();
    let rows = side_by_side(&accounts, &parts, tx.book_currency())?;
    Ok(BalanceSheetComparison { columns: sheets, rows })
}

/// Statements side by side.
#[derive(Default)]
pub struct ComparisonQuery;

#[Object]
impl ComparisonQuery {
    /// Income statements side by side: by month, or a year and the one before. Right: `finance.report.read`.
    async fn income_statement_comparison(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The days of each column, 1 to 13 of them; each is compared with the one behind it.")] columns: Vec<
            StatementDays,
        >,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
        #[graphql(
            desc = "Only lines that stand on one of these values of dimensions; where several dimensions are named, on a value of each."
        )]
        dimensions: Option<Vec<DimensionValueId>>,
    ) -> async_graphql::Result<IncomeStatementComparison> {
        Ok(income_statements(ctx.tx(Can::ReportRead).await?, columns, known_at, dimensions).await?)
    }

    /// Balance sheets side by side. Right: `finance.report.read`.
    async fn balance_sheet_comparison(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day of each column, 1 to 13 of them; each is compared with the one behind it.")]
        as_of: Vec<Date>,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
        #[graphql(
            desc = "Only lines that stand on one of these values of dimensions; where several dimensions are named, on a value of each."
        )]
        dimensions: Option<Vec<DimensionValueId>>,
    ) -> async_graphql::Result<BalanceSheetComparison> {
        let days = as_of.into_iter().map(|day| day.0).collect();
        Ok(balance_sheets(ctx.tx(Can::ReportRead).await?, days, known_at, dimensions).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_change_is_told_in_percent_of_what_was_there() {
        for (now, before, by, percent) in [
            ("110", "100", "10", Some("10.00")),
            ("-50", "100", "-150", Some("-150.00")),
            ("-50", "-100", "50", Some("50.00")),
            ("1", "3", "-2", Some("-66.67")),
            ("5", "0", "5", None),
        ] {
            let (found, of) = change(dec(now), dec(before)).unwrap();
            assert_eq!((found, of.map(|percent| percent.0)), (dec(by), percent.map(dec)), "{now} after {before}");
        }
    }
}
