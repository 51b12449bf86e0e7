//! A row of a statement: a name, its sums, and the way to the lines that it sums.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, SimpleObject};
use backoffice_money::neg;

use super::figures::Span;
use super::lines::{LinePage, LinesIn, cursor};
use super::tree::{Node, Sums};
use crate::finance::ids::AccountId;
use crate::finance::ledger::account::{Account, AccountKind};
use crate::finance::ledger::journal::JournalLineConnection;
use crate::platform::error::Result;
use crate::platform::paging::Slice;
use crate::platform::scalars::{Dec, Money};
use crate::platform::scope::Ask;

/// What a row of a statement stands for.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportRowKind {
    /// An account that takes postings.
    Account,
    /// A group: sums the accounts below it.
    Group,
    /// The result of the fiscal year that the day lies in, from its first day to that day.
    ResultOfYear,
    /// The results of earlier fiscal years that no entry has moved to an account of equity.
    ResultOfEarlierYears,
}

/// A row of a statement. Amounts are in the books' currency.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ReportRow {
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
    /// Id of the group that it belongs to; null at the top.
    pub parent_id: Option<AccountId>,
    /// Its line in the financial statements, as the account says.
    pub statement_line: Option<String>,
    /// Balance before the first day of the report: debit positive. Zero if the report has no first day.
    pub opening: Money,
    /// Σ of the debits in the report's days.
    pub debit: Money,
    /// Σ of the credits in the report's days, without sign.
    pub credit: Money,
    /// Balance at the end of the last day, `opening` + `debit` − `credit`: debit positive.
    pub balance: Money,
    /// The balance as a statement shows it: debit positive for assets and expenses, credit positive for liabilities,
    /// equity and income.
    pub amount: Money,
    /// How many lines the row sums.
    pub line_count: i64,
    /// The account.
    #[graphql(skip)]
    pub account_id: Option<AccountId>,
    /// The accounts whose lines it sums.
    #[graphql(skip)]
    pub leaves: Arc<[AccountId]>,
    /// The days whose lines it sums.
    #[graphql(skip)]
    pub span: Span,
}

#[ComplexObject]
impl ReportRow {
    /// The account; null for computed rows.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        match self.account_id {
            Some(id) => Ok(ctx.load::<Account>(id).await?),
            None => Ok(None),
        }
    }

    /// The lines that the row sums, by day and posting: Σ debits and Σ credits are the row's. Right:
    /// `finance.journal.read`.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<JournalLineConnection> {
        let slice = Slice::new(first, after.as_deref())?;
        let page = LinePage::new(Arc::clone(&self.leaves), self.span.clone(), &slice)?;
        let rows = ctx.load::<LinesIn>(page).await?.unwrap_or_default();
        Ok(JournalLineConnection::new(ctx, &slice, rows, cursor, Some(self.line_count)))
    }
}

impl ReportRow {
    /// A row of the chart.
    pub fn of_account(node: Node, span: Span, currency: &str) -> Result<Self> {
        let Node { account, depth, sums, leaves } = node;
        let row = if account.is_group { ReportRowKind::Group } else { ReportRowKind::Account };
        let mut made = Self::computed(row, &account.name, account.kind, &sums, leaves.into(), span, currency)?;
        made.code = Some(account.code);
        made.depth = depth;
        made.parent_id = account.parent_id;
        made.statement_line = account.statement_line;
        made.account_id = Some(account.id);
        Ok(made)
    }

    /// A row that no account stands for.
    pub fn computed(
        row: ReportRowKind,
        name: &str,
        kind: AccountKind,
        sums: &Sums,
        leaves: Arc<[AccountId]>,
        span: Span,
        currency: &str,
    ) -> Result<Self> {
        let money = |amount| Money::new(Dec(amount), currency);
        let balance = sums.balance()?;
        Ok(Self {
            row,
            code: None,
            name: name.to_owned(),
            kind,
            depth: 0,
            parent_id: None,
            statement_line: None,
            opening: money(sums.opening),
            debit: money(sums.debit),
            credit: money(sums.credit),
            balance: money(balance),
            amount: money(if kind.grows_by_debit() { balance } else { neg(balance)? }),
            line_count: sums.lines,
            account_id: None,
            leaves,
            span,
        })
    }
}
