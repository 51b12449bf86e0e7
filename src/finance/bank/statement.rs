//! Bank statements as they were imported: append-only.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;

use super::account::BankAccount;
use crate::finance::ids::{BankAccountId, BankStatementId, ImportId};
use crate::finance::imports::Import;
use crate::finance::open_item::day_of;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::filter::DateFilter;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::bank_statement;

/// The movements of a bank account between two balances, as the bank stated them.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = bank_statement)]
#[graphql(complex)]
pub struct BankStatement {
    /// Global id.
    pub id: BankStatementId,
    #[graphql(skip)]
    pub(crate) bank_account_id: BankAccountId,
    #[graphql(skip)]
    pub(crate) import_id: ImportId,
    /// The bank's own number of the statement.
    pub reference: Option<String>,
    /// First day.
    pub opens_on: Date,
    /// Last day.
    pub closes_on: Date,
    /// Currency of the account.
    pub currency: CurrencyCode,
    #[graphql(skip)]
    pub(crate) opening_balance: Dec,
    #[graphql(skip)]
    pub(crate) closing_balance: Dec,
    /// When it was imported.
    pub created_at: DateTime,
}

#[ComplexObject]
impl BankStatement {
    /// Balance before the first movement; positive is the client's money.
    async fn opening_balance(&self) -> Money {
        Money::new(self.opening_balance, &self.currency.0)
    }

    /// Balance after the last movement; positive is the client's money.
    async fn closing_balance(&self) -> Money {
        Money::new(self.closing_balance, &self.currency.0)
    }

    /// The account.
    async fn bank_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankAccount>> {
        Ok(ctx.load::<BankAccount>(self.bank_account_id).await?)
    }

    /// The import that brought it. Right: `core.import.read`.
    async fn import(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Import>> {
        Ok(ctx.load::<Import>(self.import_id).await?)
    }
}

crate::platform::connection!(
    /// A page of bank statements.
    BankStatementConnection, BankStatementEdge, BankStatement
);

impl Fetch for BankStatement {
    type Key = BankStatementId;
    type Value = Self;
    const CAN: Can = Can::BankRead;

    async fn fetch(tx: &Tx, keys: Vec<BankStatementId>) -> Result<HashMap<BankStatementId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                bank_statement::table
                    .filter(bank_statement::tenant_id.eq(tx.tenant()?))
                    .filter(bank_statement::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::equality_filter!(
    /// Conditions on a bank account.
    BankAccountIdFilter, BankAccountId
);

crate::platform::filter! {
    /// Narrows a list of bank statements.
    BankStatementFilter over bank_statement {
        /// By bank account.
        bank_account: BankAccountIdFilter => equality(bank_statement::bank_account_id),
        /// By last day.
        closes_on: DateFilter => date(bank_statement::closes_on),
    }
}

/// Queries about bank statements.
#[derive(Default)]
pub struct BankStatementQuery;

#[Object]
impl BankStatementQuery {
    /// One bank statement; null if the id is unknown. Right: `finance.bank.read`.
    async fn bank_statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The statement's id.")] id: BankStatementId,
    ) -> async_graphql::Result<Option<BankStatement>> {
        Ok(ctx.load::<BankStatement>(id).await?)
    }

    /// The imported bank statements, the latest closing day first. Right: `finance.bank.read`.
    async fn bank_statements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only statements that match.")] filter: Option<BankStatementFilter>,
    ) -> async_graphql::Result<BankStatementConnection> {
        let tx = ctx.tx(Can::BankRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<BankStatementFilter>| -> Result<_> {
            let mut query = bank_statement::table.filter(bank_statement::tenant_id.eq(tx.tenant()?)).into_boxed();
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
                .filter(bank_statement::closes_on.le(day))
                .filter(bank_statement::closes_on.lt(day).or(bank_statement::id.lt(*id)));
        }
        let rows = tx
            .rows(
                page.order((bank_statement::closes_on.desc(), bank_statement::id.desc()))
                    .limit(slice.limit())
                    .select(BankStatement::as_select()),
            )
            .await?;
        let cursor = |row: &BankStatement| encode(&row.closes_on.0.to_string(), row.id.0);
        Ok(BankStatementConnection::new(ctx, &slice, rows, cursor, total))
    }
}
