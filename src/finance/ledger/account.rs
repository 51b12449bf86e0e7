//! The chart of accounts: a tree of groups with accounts as leaves; only leaves take postings.
//!
//! What an account is (kind, group or leaf, role, currency) never changes; its name, place and use do.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;

use super::check_text;
use super::dimension::{Dimension, NeededBy};
use super::report::cash_flow::place::{CashFlowSection, PlaceOf};
use crate::finance::ids::AccountId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::{FlagFilter, TextFilter};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, DateTime};
use crate::platform::scope::Ask;
use crate::schema::account;

pub mod import;
pub mod kind;

pub use import::{Imported, NewAccount, Refused, import};
pub use kind::{AccountKind, Control};

/// An account of the chart: a group that holds others, or a leaf that takes postings.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = account)]
#[graphql(complex)]
pub struct Account {
    /// Global id.
    pub id: AccountId,
    /// The account's number; text, because zeros in front count.
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its kind; that of its parent.
    pub kind: AccountKind,
    /// The group that it belongs to.
    #[graphql(skip)]
    pub parent_id: Option<AccountId>,
    /// A heading that other accounts belong to; takes no postings.
    pub is_group: bool,
    /// The role that the books give to it; none for most accounts.
    pub control: Option<Control>,
    /// The only currency that it takes; any if null.
    pub currency: Option<CurrencyCode>,
    /// Its line in the financial statements.
    pub statement_line: Option<String>,
    /// Whether it takes new postings.
    pub active: bool,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl Account {
    /// The group that it belongs to; null at the top.
    async fn parent(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        match self.parent_id {
            Some(parent) => Ok(ctx.load::<Account>(parent).await?),
            None => Ok(None),
        }
    }

    /// Where it stands in the statement of cash flows; null for a group.
    async fn cash_flow_section(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CashFlowSection>> {
        Ok(ctx.load::<PlaceOf>(self.id).await?)
    }

    /// The dimensions of which each of its new lines needs a value; empty for most accounts.
    async fn required_dimensions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Dimension>> {
        let mut needed = Vec::new();
        for id in ctx.load::<NeededBy>(self.id).await?.unwrap_or_default() {
            needed.extend(ctx.load::<Dimension>(id).await?);
        }
        Ok(needed)
    }
}

crate::platform::connection!(
    /// A page of accounts.
    AccountConnection, AccountEdge, Account
);

impl Fetch for Account {
    type Key = AccountId;
    type Value = Self;
    const CAN: Can = Can::AccountRead;

    async fn fetch(tx: &Tx, keys: Vec<AccountId>) -> Result<HashMap<AccountId, Self>> {
        by_id(tx, &keys).await
    }
}

crate::platform::equality_filter!(
    /// Conditions on the kind of an account.
    AccountKindFilter,
    AccountKind
);

crate::platform::equality_filter!(
    /// Conditions on the role of an account.
    ControlFilter,
    Control
);

crate::platform::filter! {
    /// Narrows a list of accounts.
    AccountFilter over account {
        /// By number.
        code: TextFilter => text(account::code),
        /// By name.
        name: TextFilter => text(account::name),
        /// By kind.
        kind: AccountKindFilter => equality(account::kind),
        /// By role.
        control: ControlFilter => equality(account::control),
        /// Groups or leaves.
        is_group: FlagFilter => flag(account::is_group),
        /// Active or not.
        active: FlagFilter => flag(account::active),
    }
}

/// A new account.
#[derive(InputObject, Clone, Debug)]
pub struct AccountCreateInput {
    /// Its number: 1 to 20 letters, digits, points and hyphens, unique.
    pub code: String,
    /// Its name, 1 to 200 characters.
    pub name: String,
    /// Its kind; has to be that of its parent.
    pub kind: AccountKind,
    /// The group that it belongs to; at the top if not said.
    pub parent: Option<AccountId>,
    /// A heading for others that takes no postings; no if not said.
    pub is_group: Option<bool>,
    /// The role that the books give to it; leaves only.
    pub control: Option<Control>,
    /// The only currency that it takes; any if not said.
    pub currency: Option<CurrencyCode>,
    /// Its line in the financial statements, at most 100 characters.
    pub statement_line: Option<String>,
}

/// Changes of an account: what is omitted stays, null clears. Kind, role and currency never change.
#[derive(InputObject, Clone, Debug)]
pub struct AccountUpdateInput {
    /// The account.
    pub id: AccountId,
    /// The version that was read; refused with `CONFLICT` if the account was changed since.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// New group; null moves it to the top.
    pub parent: MaybeUndefined<AccountId>,
    /// New line in the financial statements.
    pub statement_line: MaybeUndefined<String>,
    /// Whether it takes new postings.
    pub active: Option<bool>,
}

#[derive(AsChangeset)]
#[diesel(table_name = account)]
struct AccountChanges {
    name: Option<String>,
    parent_id: Option<Option<AccountId>>,
    statement_line: Option<Option<String>>,
    active: Option<bool>,
}

crate::platform::payload! {
    /// What became of an account.
    AccountPayload {
        /// The account as it is now.
        account: Account
    }
}

/// The account, or nothing.
pub async fn find(tx: &Tx, id: AccountId) -> Result<Option<Account>> {
    tx.maybe(
        account::table
            .filter(account::tenant_id.eq(tx.tenant()?))
            .filter(account::id.eq(id))
            .select(Account::as_select()),
    )
    .await
}

/// The accounts of those ids; unknown ids are left out.
pub async fn by_id(tx: &Tx, ids: &[AccountId]) -> Result<HashMap<AccountId, Account>> {
    let rows: Vec<Account> = tx
        .rows(
            account::table
                .filter(account::tenant_id.eq(tx.tenant()?))
                .filter(account::id.eq_any(ids.to_vec()))
                .select(Account::as_select()),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// The accounts of those numbers; unknown numbers are left out.
pub async fn by_code(tx: &Tx, codes: &[String]) -> Result<HashMap<String, Account>> {
    let rows: Vec<Account> = tx
        .rows(
            account::table
                .filter(account::tenant_id.eq(tx.tenant()?))
                .filter(account::code.eq_any(codes.to_vec()))
                .select(Account::as_select()),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.code.clone(), row)).collect())
}

/// The whole chart, by number.
pub async fn all(tx: &Tx) -> Result<Vec<Account>> {
    tx.rows(
        account::table.filter(account::tenant_id.eq(tx.tenant()?)).order(account::code).select(Account::as_select()),
    )
    .await
}

/// The active accounts of that role, by number.
pub async fn by_control(tx: &Tx, control: Control) -> Result<Vec<Account>> {
    tx.rows(
        account::table
            .filter(account::tenant_id.eq(tx.tenant()?))
            .filter(account::control.eq(control))
            .filter(account::active)
            .order(account::code)
            .select(Account::as_select()),
    )
    .await
}

/// Whether the text can be an account's number.
#[must_use]
pub fn is_code(text: &str) -> bool {
    (1..=20).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

async fn create(tx: &Tx, input: AccountCreateInput) -> Result<Account> {
    if !is_code(&input.code) {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "code",
            "An account's number has 1 to 20 letters, digits, points and hyphens.",
        ));
    }
    check_text("name", &input.name, 200)?;
    let is_group = input.is_group.unwrap_or(false);
    if input.control.is_some_and(|control| is_group || !control.suits(input.kind)) {
        return Err(Error::refuse(UserErrorCode::Invalid, "control", "An account of this kind cannot play this role."));
    }
    if let Some(parent) = input.parent {
        find(tx, parent).await?.ok_or_else(|| Error::not_found("parent", "account"))?;
    }
    if by_code(tx, std::slice::from_ref(&input.code)).await?.contains_key(&input.code) {
        return Err(Error::refuse(UserErrorCode::Duplicate, "code", "There is an account with this number."));
    }
    tx.row(
        diesel::insert_into(account::table)
            .values((
                account::tenant_id.eq(tx.tenant()?),
                account::id.eq(AccountId::new()),
                account::code.eq(input.code),
                account::name.eq(input.name),
                account::kind.eq(input.kind),
                account::parent_id.eq(input.parent),
                account::is_group.eq(is_group),
                account::control.eq(input.control),
                account::currency.eq(input.currency),
                account::statement_line.eq(input.statement_line),
            ))
            .returning(Account::as_returning()),
    )
    .await
    .inspect(|created: &Account| emit(tx, EventKind::AccountCreated, created.id.0))
}

async fn update(tx: &Tx, input: AccountUpdateInput) -> Result<Account> {
    let found: Option<Account> = tx
        .maybe(
            account::table
                .filter(account::tenant_id.eq(tx.tenant()?))
                .filter(account::id.eq(input.id))
                .select(Account::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "account"))?;
    if input.expected_version.is_some_and(|version| version != found.version) {
        return Err(Error::refuse(
            UserErrorCode::Conflict,
            "expectedVersion",
            "The account was changed by somebody else.",
        ));
    }
    if let Some(name) = &input.name {
        check_text("name", name, 200)?;
    }
    if let MaybeUndefined::Value(parent) = input.parent {
        find(tx, parent).await?.ok_or_else(|| Error::not_found("parent", "account"))?;
    }
    let changes = AccountChanges {
        name: input.name,
        parent_id: input.parent.into(),
        statement_line: input.statement_line.into(),
        active: input.active,
    };
    tx.row(
        diesel::update(account::table)
            .filter(account::tenant_id.eq(tx.tenant()?))
            .filter(account::id.eq(input.id))
            .set((changes, account::code.eq(account::code)))
            .returning(Account::as_returning()),
    )
    .await
    .inspect(|updated: &Account| emit(tx, EventKind::AccountUpdated, updated.id.0))
}

/// Queries about the chart of accounts.
#[derive(Default)]
pub struct AccountQuery;

#[Object]
impl AccountQuery {
    /// One account; null if the id is unknown. Right: `finance.account.read`.
    async fn account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account's id.")] id: AccountId,
    ) -> async_graphql::Result<Option<Account>> {
        Ok(find(ctx.tx(Can::AccountRead).await?, id).await?)
    }

    /// The client's chart of accounts, by number. Right: `finance.account.read`.
    async fn accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only accounts that match.")] filter: Option<AccountFilter>,
    ) -> async_graphql::Result<AccountConnection> {
        let tx = ctx.tx(Can::AccountRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<AccountFilter>| -> Result<_> {
            let mut query = account::table.filter(account::tenant_id.eq(tx.tenant()?)).into_boxed();
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
        if let Some((code, _)) = &slice.after {
            page = page.filter(account::code.gt(code.clone()));
        }
        let rows = tx.rows(page.order(account::code.asc()).limit(slice.limit()).select(Account::as_select())).await?;
        Ok(AccountConnection::new(ctx, &slice, rows, |row| encode(&row.code, row.id.0), total))
    }
}

/// Changes of the chart of accounts.
#[derive(Default)]
pub struct AccountMutation;

#[Object]
impl AccountMutation {
    /// Adds an account to the chart. Right: `finance.account.manage`.
    async fn account_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new account.")] input: AccountCreateInput,
    ) -> async_graphql::Result<Option<AccountPayload>> {
        let tx = ctx.tx(Can::AccountManage).await?;
        AccountPayload::settle(ctx, create(tx, input).await)
    }

    /// Changes an account: what is omitted stays, null clears. Right: `finance.account.manage`.
    async fn account_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: AccountUpdateInput,
    ) -> async_graphql::Result<Option<AccountPayload>> {
        let tx = ctx.tx(Can::AccountManage).await?;
        AccountPayload::settle(ctx, update(tx, input).await)
    }
}
