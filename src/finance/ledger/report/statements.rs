//! Trial balance, income statement and balance sheet.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Object, SimpleObject};
use backoffice_money::{Decimal, add, neg, sub};
use chrono::NaiveDate;

use super::figures::{Figures, Only, Span, figures, named};
use super::row::{ReportRow, ReportRowKind};
use super::tree::{self, Sums};
use crate::finance::ids::{AccountId, DimensionValueId};
use crate::finance::ledger::account::{self, Account, AccountKind};
use crate::finance::ledger::period;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;

/// The kinds in the order of a chart.
const ALL: [AccountKind; 5] =
    [AccountKind::Asset, AccountKind::Liability, AccountKind::Equity, AccountKind::Income, AccountKind::Expense];
const RESULT: [AccountKind; 2] = [AccountKind::Income, AccountKind::Expense];

/// Debits, credits and balances of all accounts that ever moved, up to a day.
#[derive(SimpleObject)]
pub struct TrialBalance {
    /// The first day whose debits and credits are shown; null: from the beginning.
    pub from: Option<Date>,
    /// The last day.
    pub as_of: Date,
    /// Only what was recorded up to this moment counts; null: everything.
    pub known_at: Option<DateTime>,
    /// Groups and accounts in the order of the chart, kind by kind.
    pub rows: Vec<ReportRow>,
    /// Σ of the debits of all accounts.
    pub debit: Money,
    /// Σ of the credits of all accounts: the same as `debit`.
    pub credit: Money,
    /// Σ of all debit balances.
    pub debit_balance: Money,
    /// Σ of all credit balances, without sign: the same as `debitBalance`.
    pub credit_balance: Money,
}

/// What the company earned and spent. Closing a fiscal year does not change it.
#[derive(SimpleObject)]
pub struct IncomeStatement {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Only what was recorded up to this moment counts; null: everything.
    pub known_at: Option<DateTime>,
    /// Accounts of income and their groups; credit positive in `amount`.
    pub income: Vec<ReportRow>,
    /// Accounts of expense and their groups; debit positive in `amount`.
    pub expenses: Vec<ReportRow>,
    /// Σ of the income.
    pub total_income: Money,
    /// Σ of the expenses.
    pub total_expenses: Money,
    /// Income less expenses: positive is a profit.
    pub result: Money,
}

/// What the company owns and owes at the end of a day. Assets equal liabilities and equity.
#[derive(SimpleObject)]
pub struct BalanceSheet {
    /// The day.
    pub as_of: Date,
    /// Only what was recorded up to this moment counts; null: everything.
    pub known_at: Option<DateTime>,
    /// First day of the fiscal year that the day lies in; null if no fiscal year has begun by then.
    pub year_from: Option<Date>,
    /// Accounts of assets and their groups; debit positive in `amount`.
    pub assets: Vec<ReportRow>,
    /// Accounts of liabilities and their groups; credit positive in `amount`.
    pub liabilities: Vec<ReportRow>,
    /// Accounts of equity and their groups, then the result of earlier years and of the year as rows of their own; credit
    /// positive in `amount`.
    pub equity: Vec<ReportRow>,
    /// Σ of the assets.
    pub total_assets: Money,
    /// Σ of the liabilities.
    pub total_liabilities: Money,
    /// Σ of the equity, results included.
    pub total_equity: Money,
    /// Σ of liabilities and equity: the same as `totalAssets`.
    pub total_liabilities_and_equity: Money,
}

fn rows(
    accounts: &[Account],
    figures: &HashMap<AccountId, Figures>,
    kinds: &[AccountKind],
    span: &Span,
    currency: &str,
) -> Result<Vec<ReportRow>> {
    let nodes = tree::rows(accounts, figures, kinds)?;
    nodes.into_iter().map(|node| ReportRow::of_account(node, span.clone(), currency)).collect()
}

async fn trial_balance(tx: &Tx, span: Span) -> Result<TrialBalance> {
    let currency = tx.book_currency();
    let (accounts, figures) = (account::all(tx).await?, figures(tx, &span, None).await?);
    let total = tree::total(&accounts, &figures, &ALL)?;
    let (mut debit_balance, mut credit_balance) = (Decimal::ZERO, Decimal::ZERO);
    for moved in figures.values() {
        let balance = Sums::of(moved)?.balance()?;
        if balance.is_sign_negative() {
            credit_balance = add(credit_balance, neg(balance)?)?;
        } else {
            debit_balance = add(debit_balance, balance)?;
        }
    }
    let money = |amount| Money::new(Dec(amount), currency);
    Ok(TrialBalance {
        from: span.from.map(Date),
        as_of: Date(span.to),
        known_at: span.known_at.map(DateTime),
        rows: rows(&accounts, &figures, &ALL, &span, currency)?,
        debit: money(total.debit),
        credit: money(total.credit),
        debit_balance: money(debit_balance),
        credit_balance: money(credit_balance),
    })
}

/// The income statement of a span over the chart's accounts.
pub(super) async fn income_statement(
    tx: &Tx,
    accounts: &[Account],
    from: NaiveDate,
    span: Span,
) -> Result<IncomeStatement> {
    let currency = tx.book_currency();
    // What lies before is not part of an income statement.
    let figures = figures(tx, &span, None).await?.into_iter().map(|(id, figures)| (id, figures.within())).collect();
    let income = neg(tree::total(accounts, &figures, &[AccountKind::Income])?.balance()?)?;
    let expenses = tree::total(accounts, &figures, &[AccountKind::Expense])?.balance()?;
    let money = |amount| Money::new(Dec(amount), currency);
    Ok(IncomeStatement {
        from: Date(from),
        to: Date(span.to),
        known_at: span.known_at.map(DateTime),
        income: rows(accounts, &figures, &[AccountKind::Income], &span, currency)?,
        expenses: rows(accounts, &figures, &[AccountKind::Expense], &span, currency)?,
        total_income: money(income),
        total_expenses: money(expenses),
        result: money(sub(income, expenses)?),
    })
}

/// The balance sheet of a day over the chart's accounts.
pub(super) async fn balance_sheet(
    tx: &Tx,
    accounts: &[Account],
    to: NaiveDate,
    known_at: Option<DateTime>,
    only: Only,
) -> Result<BalanceSheet> {
    let currency = tx.book_currency();
    let year_from = period::start_of_year(tx, to).await?;
    let known_at = known_at.map(|moment| moment.0);
    // One reading serves both: what the year moved, and what was before it. Without a fiscal year nothing is posted.
    let year = Span { only, ..Span::of(Some(year_from.unwrap_or(to)), to, known_at) };
    let moved = figures(tx, &year, None).await?;
    let ever: HashMap<AccountId, Figures> =
        moved.iter().map(|(id, figures)| Ok((*id, figures.whole()?))).collect::<Result<_>>()?;
    let span = Span { from: None, ..year.clone() };
    let mut equity = rows(accounts, &ever, &[AccountKind::Equity], &span, currency)?;
    equity.extend(results(accounts, &moved, &year, currency)?);
    let side = |kinds: &[AccountKind]| tree::total(accounts, &ever, kinds)?.balance();
    let assets = side(&[AccountKind::Asset])?;
    let liabilities = neg(side(&[AccountKind::Liability])?)?;
    let own = neg(side(&[AccountKind::Equity, AccountKind::Income, AccountKind::Expense])?)?;
    let money = |amount| Money::new(Dec(amount), currency);
    Ok(BalanceSheet {
        as_of: Date(to),
        known_at: known_at.map(DateTime),
        year_from: year_from.map(Date),
        assets: rows(accounts, &ever, &[AccountKind::Asset], &span, currency)?,
        liabilities: rows(accounts, &ever, &[AccountKind::Liability], &span, currency)?,
        equity,
        total_assets: money(assets),
        total_liabilities: money(liabilities),
        total_equity: money(own),
        total_liabilities_and_equity: money(add(liabilities, own)?),
    })
}

/// The results that no entry has moved to equity yet: of earlier years if there is any, and of the year.
fn results(
    accounts: &[Account],
    moved: &HashMap<AccountId, Figures>,
    year: &Span,
    currency: &str,
) -> Result<Vec<ReportRow>> {
    let leaves: Arc<[AccountId]> = accounts
        .iter()
        .filter(|account| !account.is_group && account.kind.is_result())
        .map(|account| account.id)
        .collect();
    let sums = |part: fn(&Figures) -> Figures| -> Result<Sums> {
        let part = moved.iter().map(|(id, figures)| (*id, part(figures))).collect();
        Ok(tree::total(accounts, &part, &RESULT)?)
    };
    let row = |row, name, sums: &Sums, span| {
        ReportRow::computed(row, name, AccountKind::Equity, sums, Arc::clone(&leaves), span, currency)
    };
    let mut rows = Vec::new();
    let earlier = sums(Figures::before)?;
    if earlier.lines != 0
        && let Some(to) = year.from.and_then(|from| from.pred_opt())
    {
        let span = Span { from: None, to, ..year.clone() };
        rows.push(row(ReportRowKind::ResultOfEarlierYears, "Result of earlier years", &earlier, span)?);
    }
    rows.push(row(ReportRowKind::ResultOfYear, "Result of the year", &sums(Figures::within)?, year.clone())?);
    Ok(rows)
}

/// Refuses a report that ends before it begins.
pub(super) fn check_order(from: Date, to: Date) -> Result<()> {
    if from > to {
        return Err(Error::BadInput("`from` lies behind the last day of the report.".to_owned()));
    }
    Ok(())
}

/// The statements.
#[derive(Default)]
pub struct StatementQuery;

#[Object]
impl StatementQuery {
    /// The trial balance at the end of a day. Right: `finance.report.read`.
    async fn trial_balance(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The last day.")] as_of: Date,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
        #[graphql(desc = "The first day whose debits and credits are shown; what lies before becomes `opening`.")]
        from: Option<Date>,
        #[graphql(
            desc = "Whether it shows the fiscal year of `asOf` as if it were not closed: without the entry that takes its result to equity. No if not said."
        )]
        before_closing: Option<bool>,
        #[graphql(
            desc = "Only lines that stand on one of these values of dimensions; where several dimensions are named, on a value of each."
        )]
        dimensions: Option<Vec<DimensionValueId>>,
    ) -> async_graphql::Result<TrialBalance> {
        let tx = ctx.tx(Can::ReportRead).await?;
        check_order(from.unwrap_or(as_of), as_of)?;
        let mut span = Span::of(from.map(|day| day.0), as_of.0, known_at.map(|moment| moment.0));
        span.only = named(tx, dimensions).await?;
        if before_closing == Some(true) {
            span.unclosed = period::start_of_year(tx, as_of.0).await?;
        }
        Ok(trial_balance(tx, span).await?)
    }

    /// The income statement of some days. Right: `finance.report.read`.
    async fn income_statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day.")] to: Date,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
        #[graphql(
            desc = "Only lines that stand on one of these values of dimensions; where several dimensions are named, on a value of each."
        )]
        dimensions: Option<Vec<DimensionValueId>>,
    ) -> async_graphql::Result<IncomeStatement> {
        let tx = ctx.tx(Can::ReportRead).await?;
        check_order(from, to)?;
        // What takes the result of a closed year to equity is nothing that was earned or spent.
        let known_at = known_at.map(|moment| moment.0);
        let only = named(tx, dimensions).await?;
        let span = Span { unclosed: Some(from.0), only, ..Span::of(Some(from.0), to.0, known_at) };
        Ok(income_statement(tx, &account::all(tx).await?, from.0, span).await?)
    }

    /// The balance sheet at the end of a day. Right: `finance.report.read`.
    async fn balance_sheet(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day.")] as_of: Date,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
        #[graphql(
            desc = "Only lines that stand on one of these values of dimensions; where several dimensions are named, on a value of each. The two sides then agree as far as entries balance on these values."
        )]
        dimensions: Option<Vec<DimensionValueId>>,
    ) -> async_graphql::Result<BalanceSheet> {
        let tx = ctx.tx(Can::ReportRead).await?;
        let only = named(tx, dimensions).await?;
        Ok(balance_sheet(tx, &account::all(tx).await?, as_of.0, known_at, only).await?)
    }
}
