//! The card of an account: its lines by day, each with the balance after it.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_money::{Decimal, MoneyError, add};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Jsonb, Nullable, Numeric, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::figures::{Span, figures, named};
use super::lines::{LinePage, LinesIn, cursor};
use super::tree::{self, Sums};
use crate::finance::ids::{AccountId, DimensionValueId};
use crate::finance::ledger::account;
use crate::finance::ledger::account::Account;
use crate::finance::ledger::journal::JournalLine;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::Slice;
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// The general ledger of one account, or of all accounts below a group. Amounts are in the books' currency.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct GeneralLedger {
    /// The first day; null: from the beginning.
    pub from: Option<Date>,
    /// The last day.
    pub to: Date,
    /// Only what was recorded up to this moment counts; null: everything.
    pub known_at: Option<DateTime>,
    /// Balance before the first day: debit positive.
    pub opening: Money,
    /// Σ of the debits.
    pub debit: Money,
    /// Σ of the credits, without sign.
    pub credit: Money,
    /// Balance at the end of the last day: debit positive.
    pub closing: Money,
    #[graphql(skip)]
    account: AccountId,
    #[graphql(skip)]
    leaves: Arc<[AccountId]>,
    #[graphql(skip)]
    span: Span,
    #[graphql(skip)]
    sums: Sums,
}

/// A line and the balance after it.
#[derive(SimpleObject, Clone, Debug)]
pub struct GeneralLedgerLine {
    /// The line; leads on to its entry and document.
    pub line: JournalLine,
    /// Balance after the line: debit positive.
    pub balance: Money,
}

crate::platform::connection!(
    /// A page of a general ledger.
    GeneralLedgerConnection, GeneralLedgerEdge, GeneralLedgerLine
);

#[ComplexObject]
impl GeneralLedger {
    /// The account or group.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account).await?)
    }

    /// The lines by day and posting, each with the balance after it. Rights: `finance.report.read` and
    /// `finance.journal.read`.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<GeneralLedgerConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let page = LinePage::new(Arc::clone(&self.leaves), self.span.clone(), &slice)?;
        let before = match page.after {
            Some((day, id)) => balance_after(tx, &self.leaves, &self.span, day, id).await?,
            None => self.sums.opening,
        };
        let lines = LinesIn::fetch(tx, vec![page.clone()]).await?.remove(&page).unwrap_or_default();
        let rows = running(before, lines).map_err(Error::from)?;
        let cursor = |row: &GeneralLedgerLine| cursor(&row.line);
        Ok(GeneralLedgerConnection::new(ctx, &slice, rows, cursor, Some(self.sums.lines)))
    }
}

/// Each line with the balance after it.
fn running(before: Decimal, lines: Vec<JournalLine>) -> Result<Vec<GeneralLedgerLine>, MoneyError> {
    let mut balance = before;
    lines
        .into_iter()
        .map(|line| {
            balance = add(balance, line.amount.0)?;
            Ok(GeneralLedgerLine { balance: Money::new(Dec(balance), &line.book_currency), line })
        })
        .collect()
}

#[derive(QueryableByName)]
struct Amount {
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

/// The balance after a line: that of the day before, and the lines of the day up to it.
async fn balance_after(tx: &Tx, leaves: &[AccountId], span: &Span, day: NaiveDate, id: Uuid) -> Result<Decimal> {
    let eve = day.pred_opt().ok_or_else(|| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
    let before = Span { from: None, to: eve, ..span.clone() };
    let known = figures(tx, &before, Some(leaves)).await?;
    let mut balance = Decimal::ZERO;
    for moved in known.values() {
        balance = add(balance, Sums::of(moved)?.balance()?)?;
    }
    let only: Vec<Vec<String>> =
        span.only.iter().map(|(_, values)| values.iter().map(|value| value.0.to_string()).collect()).collect();
    let on_day: Amount = tx
        .row(
            sql("SELECT coalesce(sum(l.amount), 0) AS amount FROM finance.journal_line l
                  WHERE l.tenant_id = $1 AND l.account_id = ANY ($2) AND l.entry_date = $3 AND l.id <= $4
                    AND l.ledger_id = (SELECT b.id FROM finance.ledger b WHERE b.tenant_id = $1 AND b.code = 'GENERAL')
                    AND ($5::timestamptz IS NULL OR l.recorded_at <= $5)
                    AND NOT EXISTS (
                          SELECT 1 FROM jsonb_array_elements($6::jsonb) AS o (vals)
                           WHERE NOT EXISTS (
                             SELECT 1 FROM jsonb_array_elements_text(o.vals) AS v (id)
                               JOIN finance.line_dimension d ON d.tenant_id = $1 AND d.value_id = v.id::uuid AND d.account_id = l.account_id
                                AND d.entry_date = l.entry_date AND d.line_id = l.id))")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(leaves.to_vec())
            .bind::<SqlDate, _>(day)
            .bind::<SqlUuid, _>(id)
            .bind::<Nullable<Timestamptz>, _>(span.known_at)
            .bind::<Jsonb, _>(serde_json::json!(only)),
        )
        .await?;
    Ok(add(balance, on_day.amount)?)
}

/// Queries about the general ledger.
#[derive(Default)]
pub struct GeneralLedgerQuery;

#[Object]
impl GeneralLedgerQuery {
    /// The general ledger of an account or group; null if the id is unknown. Right: `finance.report.read`.
    async fn general_ledger(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account, or a group for all accounts below it.")] account: AccountId,
        #[graphql(desc = "The first day; from the beginning if not said.")] from: Option<Date>,
        #[graphql(desc = "The last day.")] to: Date,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
        #[graphql(
            desc = "Only lines that stand on one of these values of dimensions; where several dimensions are named, on a value of each."
        )]
        dimensions: Option<Vec<DimensionValueId>>,
    ) -> async_graphql::Result<Option<GeneralLedger>> {
        let tx = ctx.tx(Can::ReportRead).await?;
        if from.is_some_and(|from| from > to) {
            return Err(Error::BadInput("`from` lies behind the last day of the report.".to_owned()).into());
        }
        let span = Span::of(from.map(|day| day.0), to.0, known_at.map(|at| at.0));
        let span = Span { only: named(tx, dimensions).await?, ..span };
        Ok(card(tx, account, span).await?)
    }
}

async fn card(tx: &Tx, account: AccountId, span: Span) -> Result<Option<GeneralLedger>> {
    let accounts = account::all(tx).await?;
    if !accounts.iter().any(|known| known.id == account) {
        return Ok(None);
    }
    let leaves = tree::leaves(&accounts, account);
    let figures = figures(tx, &span, Some(&leaves)).await?;
    let parts = figures.values().map(Sums::of).collect::<Result<Vec<_>, MoneyError>>()?;
    let sums = Sums::total(&parts)?;
    let money = |amount| Money::new(Dec(amount), tx.book_currency());
    Ok(Some(GeneralLedger {
        from: span.from.map(Date),
        to: Date(span.to),
        known_at: span.known_at.map(DateTime),
        opening: money(sums.opening),
        debit: money(sums.debit),
        credit: money(sums.credit),
        closing: money(sums.balance()?),
        account,
        leaves: leaves.into(),
        span,
        sums,
    }))
}
