//! Lines of bank statements: what the bank said stays as it was said; only the matched mark moves, with a match.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;

use super::account::BankAccount;
use super::matching::{BankMatch, LiveMatch};
use super::statement::{BankAccountIdFilter, BankStatement};
use super::suggestion::{ForLine, MatchSuggestion};
use crate::finance::ids::{BankAccountId, BankLineId, BankStatementId};
use crate::finance::open_item::day_of;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, FlagFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::bank_line;

/// One movement on a bank account.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = bank_line)]
#[graphql(complex)]
pub struct BankLine {
    /// Global id.
    pub id: BankLineId,
    #[graphql(skip)]
    pub(crate) bank_account_id: BankAccountId,
    #[graphql(skip)]
    pub(crate) statement_id: BankStatementId,
    /// Place in its statement, from 1.
    pub line_no: i32,
    /// The day the bank booked it.
    pub booked_on: Date,
    /// The day it counts for interest.
    pub value_on: Option<Date>,
    /// Currency of the account.
    pub currency: CurrencyCode,
    #[graphql(skip)]
    pub(crate) amount: Dec,
    /// Who paid or was paid.
    pub counterparty: Option<String>,
    /// Their account as the bank gives it, not checked.
    pub counterparty_iban: Option<String>,
    /// What the payment is for.
    pub reference: String,
    /// The bank's own reference.
    pub bank_reference: Option<String>,
    /// Whether it is matched to what it settles.
    pub matched: bool,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl BankLine {
    /// Positive: money in; negative: money out.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency.0)
    }

    /// The account.
    async fn bank_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankAccount>> {
        Ok(ctx.load::<BankAccount>(self.bank_account_id).await?)
    }

    /// The statement that it stands in.
    async fn statement(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankStatement>> {
        Ok(ctx.load::<BankStatement>(self.statement_id).await?)
    }

    /// What it is matched to; null if it is not.
    #[graphql(name = "match")]
    async fn live_match(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankMatch>> {
        if !self.matched {
            return Ok(None);
        }
        Ok(ctx.load::<LiveMatch>(self.id).await?)
    }

    /// Open items that the line may settle, the likeliest first, at most 10; none if it is matched. Nothing is matched by
    /// itself: equal candidates are all proposed. Right: `finance.open_item.read`.
    async fn suggestions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<MatchSuggestion>> {
        Ok(ctx.load::<ForLine>(self.id).await?.unwrap_or_default())
    }
}

crate::platform::connection!(
    /// A page of bank lines.
    BankLineConnection, BankLineEdge, BankLine
);

impl Fetch for BankLine {
    type Key = BankLineId;
    type Value = Self;
    const CAN: Can = Can::BankRead;

    async fn fetch(tx: &Tx, keys: Vec<BankLineId>) -> Result<HashMap<BankLineId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                bank_line::table
                    .filter(bank_line::tenant_id.eq(tx.tenant()?))
                    .filter(bank_line::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The line, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: BankLineId) -> Result<Option<BankLine>> {
    tx.maybe(
        bank_line::table
            .filter(bank_line::tenant_id.eq(tx.tenant()?))
            .filter(bank_line::id.eq(id))
            .select(BankLine::as_select())
            .for_update(),
    )
    .await
}

crate::platform::equality_filter!(
    /// Conditions on a bank statement.
    BankStatementIdFilter, BankStatementId
);

crate::platform::filter! {
    /// Narrows a list of bank lines.
    BankLineFilter over bank_line {
        /// Matched or not.
        matched: FlagFilter => flag(bank_line::matched),
        /// By bank account.
        bank_account: BankAccountIdFilter => equality(bank_line::bank_account_id),
        /// By statement.
        statement: BankStatementIdFilter => equality(bank_line::statement_id),
        /// By the day the bank booked it.
        booked_on: DateFilter => date(bank_line::booked_on),
    }
}

/// Queries about bank lines.
#[derive(Default)]
pub struct BankLineQuery;

#[Object]
impl BankLineQuery {
    /// One bank line; null if the id is unknown. Right: `finance.bank.read`.
    async fn bank_line(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The line's id.")] id: BankLineId,
    ) -> async_graphql::Result<Option<BankLine>> {
        Ok(ctx.load::<BankLine>(id).await?)
    }

    /// Movements on the client's bank accounts, the latest first. Right: `finance.bank.read`.
    async fn bank_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only lines that match.")] filter: Option<BankLineFilter>,
    ) -> async_graphql::Result<BankLineConnection> {
        let tx = ctx.tx(Can::BankRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<BankLineFilter>| -> Result<_> {
            let mut query = bank_line::table.filter(bank_line::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((day, id)) = &slice.after {
            let day = day_of(day)?;
            page = page
                .filter(bank_line::booked_on.le(day))
                .filter(bank_line::booked_on.lt(day).or(bank_line::id.lt(*id)));
        }
        let rows = tx
            .rows(
                page.order((bank_line::booked_on.desc(), bank_line::id.desc()))
                    .limit(slice.limit())
                    .select(BankLine::as_select()),
            )
            .await?;
        let cursor = |row: &BankLine| encode(&row.booked_on.0.to_string(), row.id.0);
        Ok(BankLineConnection::new(ctx, &slice, rows, cursor, total))
    }
}
