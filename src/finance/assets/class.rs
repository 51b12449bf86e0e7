//! Classes of assets: the accounts that all assets of a kind are kept on.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::Currency;
use diesel::prelude::*;

use crate::finance::chart;
use crate::finance::ids::{AccountId, AssetClassId};
use crate::finance::ledger::account::{self, Account, AccountKind, Control};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::asset_class;

/// A kind of assets: the accounts that they are kept on. Never changes.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = asset_class)]
#[graphql(complex)]
pub struct AssetClass {
    /// Global id.
    pub id: AssetClassId,
    /// Short name, unique.
    pub code: String,
    /// Name.
    pub name: String,
    #[graphql(skip)]
    pub(super) cost_account_id: AccountId,
    #[graphql(skip)]
    pub(super) accumulated_account_id: AccountId,
    #[graphql(skip)]
    pub(super) expense_account_id: AccountId,
    #[graphql(skip)]
    pub(super) gain_account_id: AccountId,
    #[graphql(skip)]
    pub(super) loss_account_id: AccountId,
    /// When it was made.
    pub created_at: DateTime,
}

#[ComplexObject]
impl AssetClass {
    /// Where its assets stand with what they cost. Right: `finance.account.read`.
    async fn cost_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.cost_account_id).await?)
    }

    /// Where what is written off stands. Right: `finance.account.read`.
    async fn accumulated_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.accumulated_account_id).await?)
    }

    /// What depreciation is an expense of. Right: `finance.account.read`.
    async fn expense_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.expense_account_id).await?)
    }

    /// Where what a disposal gains goes. Right: `finance.account.read`.
    async fn gain_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.gain_account_id).await?)
    }

    /// Where what a disposal loses goes. Right: `finance.account.read`.
    async fn loss_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.loss_account_id).await?)
    }
}

crate::platform::connection!(
    /// A page of asset classes.
    AssetClassConnection, AssetClassEdge, AssetClass
);

impl Fetch for AssetClass {
    type Key = AssetClassId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<AssetClassId>) -> Result<HashMap<AssetClassId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                asset_class::table
                    .filter(asset_class::tenant_id.eq(tx.tenant()?))
                    .filter(asset_class::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A kind of assets and its accounts.
#[derive(InputObject, Clone, Debug)]
pub struct AssetClassCreateInput {
    /// Short name: 1 to 20 letters, digits, points, hyphens and underscores, unique.
    pub code: String,
    /// Name, 1 to 100 characters.
    pub name: String,
    /// Where its assets stand with what they cost: a leaf with the role `FIXED_ASSET`.
    pub cost_account: AccountId,
    /// Where what is written off stands: a leaf with the role `ACCUMULATED_DEPRECIATION`.
    pub accumulated_account: AccountId,
    /// What depreciation is an expense of.
    pub expense_account: AccountId,
    /// Where what a disposal gains goes: income or expense.
    pub gain_account: AccountId,
    /// Where what a disposal loses goes: income or expense.
    pub loss_account: AccountId,
}

crate::platform::payload! {
    /// What became of an asset class.
    AssetClassPayload {
        /// The asset class.
        asset_class: AssetClass
    }
}

async fn create(tx: &Tx, input: AssetClassCreateInput) -> Result<AssetClass> {
    if !account::is_code(&input.code) || input.code.len() > 20 {
        let message = "A short name has 1 to 20 letters, digits, points, hyphens and underscores.";
        return Err(Error::refuse(UserErrorCode::Invalid, "code", message));
    }
    sized("name", &input.name, 1..=100)?;
    let book = Currency::parse(tx.book_currency())?;
    let named = [
        ("costAccount", input.cost_account),
        ("accumulatedAccount", input.accumulated_account),
        ("expenseAccount", input.expense_account),
        ("gainAccount", input.gain_account),
        ("lossAccount", input.loss_account),
    ];
    let ids: Vec<AccountId> = named.iter().map(|(_, id)| *id).collect();
    let found = account::by_id(tx, &ids).await?;
    let mut accounts = Vec::with_capacity(named.len());
    for (field, id) in named {
        accounts.push((field, found.get(&id).ok_or_else(|| Error::not_found(field, "account"))?));
    }
    for (field, account) in accounts {
        chart::check_posting(account, field, book)?;
        let wanted = match field {
            "costAccount" => account.control == Some(Control::FixedAsset),
            "accumulatedAccount" => account.control == Some(Control::AccumulatedDepreciation),
            "expenseAccount" => account.kind == AccountKind::Expense && account.control.is_none(),
            _ => account.kind.is_result() && account.control.is_none(),
        };
        if !wanted {
            let message = match field {
                "costAccount" => "What assets cost stands on an account with the role fixed asset.",
                "accumulatedAccount" => {
                    "What is written off stands on an account with the role accumulated depreciation."
                }
                "expenseAccount" => "Depreciation is an expense: this takes an account of expense without a role.",
                _ => "This takes an account of income or expense without a role.",
            };
            return Err(Error::refuse(UserErrorCode::Invalid, field, message));
        }
    }
    tx.row(
        diesel::insert_into(asset_class::table)
            .values((
                asset_class::tenant_id.eq(tx.tenant()?),
                asset_class::id.eq(AssetClassId::new()),
                asset_class::code.eq(input.code),
                asset_class::name.eq(input.name),
                asset_class::cost_account_id.eq(input.cost_account),
                asset_class::accumulated_account_id.eq(input.accumulated_account),
                asset_class::expense_account_id.eq(input.expense_account),
                asset_class::gain_account_id.eq(input.gain_account),
                asset_class::loss_account_id.eq(input.loss_account),
            ))
            .returning(AssetClass::as_returning()),
    )
    .await
    .inspect(|class: &AssetClass| emit(tx, EventKind::AssetClassCreated, class.id.0))
}

/// Queries about asset classes.
#[derive(Default)]
pub struct AssetClassQuery;

#[Object]
impl AssetClassQuery {
    /// The classes of assets, by short name. Right: `finance.journal.read`.
    async fn asset_classes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<AssetClassConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all =
            || -> Result<_> { Ok(asset_class::table.filter(asset_class::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((code, _)) = &slice.after {
            page = page.filter(asset_class::code.gt(code.clone()));
        }
        let page = page.order(asset_class::code.asc()).limit(slice.limit());
        let rows = tx.rows(page.select(AssetClass::as_select())).await?;
        Ok(AssetClassConnection::new(ctx, &slice, rows, |row: &AssetClass| encode(&row.code, row.id.0), total))
    }
}

/// Changes of asset classes.
#[derive(Default)]
pub struct AssetClassMutation;

#[Object]
impl AssetClassMutation {
    /// Makes a class of assets. Right: `finance.account.manage`.
    async fn asset_class_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The class and its accounts.")] input: AssetClassCreateInput,
    ) -> async_graphql::Result<Option<AssetClassPayload>> {
        AssetClassPayload::settle(ctx, create(ctx.tx(Can::AccountManage).await?, input).await)
    }
}
