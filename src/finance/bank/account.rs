//! The client's accounts at banks, each tied to one account of the chart.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::prelude::*;

use crate::finance::chart;
use crate::finance::ids::{AccountId, BankAccountId};
use crate::finance::ledger::account::{self, Account, Control};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::{FlagFilter, TextFilter};
use crate::platform::input::{currency, expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, DateTime, Iban};
use crate::platform::scope::Ask;
use crate::schema::bank_account;

/// An account at a bank.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = bank_account)]
#[graphql(complex)]
pub struct BankAccount {
    /// Global id.
    pub id: BankAccountId,
    /// What the client calls it.
    pub name: String,
    /// Its IBAN; finds the account when statements are imported.
    pub iban: Option<Iban>,
    /// Its number where it has no IBAN.
    pub number: Option<String>,
    /// The one currency that it is kept in.
    pub currency: CurrencyCode,
    #[graphql(skip)]
    pub(crate) account_id: AccountId,
    /// Whether it is still in use.
    pub active: bool,
    /// For how many days nothing is paid from it to a vendor whose bank details have changed.
    pub cooling_off_days: i32,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl BankAccount {
    /// The account of the chart that its movements are posted to. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }
}

crate::platform::connection!(
    /// A page of bank accounts.
    BankAccountConnection, BankAccountEdge, BankAccount
);

impl Fetch for BankAccount {
    type Key = BankAccountId;
    type Value = Self;
    const CAN: Can = Can::BankRead;

    async fn fetch(tx: &Tx, keys: Vec<BankAccountId>) -> Result<HashMap<BankAccountId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                bank_account::table
                    .filter(bank_account::tenant_id.eq(tx.tenant()?))
                    .filter(bank_account::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::filter! {
    /// Narrows a list of bank accounts.
    BankAccountFilter over bank_account {
        /// By name.
        name: TextFilter => text(bank_account::name),
        /// In use or not.
        active: FlagFilter => flag(bank_account::active),
    }
}

/// A new bank account.
#[derive(InputObject, Clone, Debug)]
pub struct BankAccountCreateInput {
    /// What the client calls it, 1 to 100 characters.
    pub name: String,
    /// Its IBAN, unique; this or a number is needed.
    pub iban: Option<Iban>,
    /// Its number where it has no IBAN, 1 to 40 characters.
    pub number: Option<String>,
    /// Its currency; the client's book currency if not said.
    pub currency: Option<CurrencyCode>,
    /// The account of the chart: a leaf with the control role `bank` that no other bank account has.
    pub account: AccountId,
    /// For how many days nothing is paid from it to a vendor whose bank details have changed, 0 to 90; 3 if not said.
    pub cooling_off_days: Option<i32>,
}

/// Changes of a bank account: what is omitted stays, null clears. Currency and ledger account never change.
#[derive(InputObject, Clone, Debug)]
pub struct BankAccountUpdateInput {
    /// The bank account.
    pub id: BankAccountId,
    /// The version that was read; refused with `CONFLICT` if the bank account was changed since.
    pub expected_version: Option<i32>,
    /// New name.
    pub name: Option<String>,
    /// New IBAN.
    pub iban: MaybeUndefined<Iban>,
    /// New number.
    pub number: MaybeUndefined<String>,
    /// Whether it is still in use.
    pub active: Option<bool>,
    /// For how many days nothing is paid from it to a vendor whose bank details have changed, 0 to 90.
    pub cooling_off_days: Option<i32>,
}

#[derive(AsChangeset)]
#[diesel(table_name = bank_account)]
struct Changes {
    name: Option<String>,
    iban: Option<Option<Iban>>,
    number: Option<Option<String>>,
    active: Option<bool>,
    cooling_off_days: Option<i32>,
}

crate::platform::payload! {
    /// What became of a bank account.
    BankAccountPayload {
        /// The bank account as it is now.
        bank_account: BankAccount
    }
}

/// All bank accounts of the client: a handful.
pub async fn all(tx: &Tx) -> Result<Vec<BankAccount>> {
    tx.rows(
        bank_account::table
            .filter(bank_account::tenant_id.eq(tx.tenant()?))
            .order(bank_account::id)
            .select(BankAccount::as_select()),
    )
    .await
}

/// The bank account, locked until the transaction ends.
pub async fn lock(tx: &Tx, id: BankAccountId) -> Result<Option<BankAccount>> {
    tx.maybe(
        bank_account::table
            .filter(bank_account::tenant_id.eq(tx.tenant()?))
            .filter(bank_account::id.eq(id))
            .select(BankAccount::as_select())
            .for_update(),
    )
    .await
}

fn check(name: Option<&str>, number: Option<&str>, cooling_off_days: Option<i32>) -> Result<()> {
    if let Some(name) = name {
        sized("name", name, 1..=100)?;
    }
    if cooling_off_days.is_some_and(|days| !(0..=90).contains(&days)) {
        return Err(Error::refuse(UserErrorCode::Invalid, "coolingOffDays", "Cooling off takes 0 to 90 days."));
    }
    number.map_or(Ok(()), |number| sized("number", number, 1..=40))
}

/// Refuses what another bank account has already.
fn check_unique(others: &[BankAccount], iban: Option<&Iban>, account: AccountId) -> Result<()> {
    if iban.is_some() && others.iter().any(|other| other.iban.as_ref() == iban) {
        return Err(Error::refuse(UserErrorCode::Duplicate, "iban", "There is a bank account with this IBAN already."));
    }
    if others.iter().any(|other| other.account_id == account) {
        let message = "Another bank account is posted to this account; each needs one of its own.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "account", message));
    }
    Ok(())
}

fn check_named(iban: Option<&Iban>, number: Option<&str>) -> Result<()> {
    if iban.is_none() && number.is_none() {
        return Err(Error::refuse(UserErrorCode::Required, "iban", "A bank account has an IBAN or a number."));
    }
    Ok(())
}

async fn create(tx: &Tx, input: BankAccountCreateInput) -> Result<BankAccount> {
    check(Some(&input.name), input.number.as_deref(), input.cooling_off_days)?;
    check_named(input.iban.as_ref(), input.number.as_deref())?;
    let code = input.currency.unwrap_or_else(|| CurrencyCode(tx.book_currency().to_owned()));
    let account = account::find(tx, input.account).await?.ok_or_else(|| Error::not_found("account", "account"))?;
    chart::check_posting(&account, "account", currency(&code.0)?)?;
    if account.control != Some(Control::Bank) {
        let message = format!("Account {} does not have the control role `bank`.", account.code);
        return Err(Error::refuse(UserErrorCode::Invalid, "account", message));
    }
    check_unique(&all(tx).await?, input.iban.as_ref(), input.account)?;
    tx.row(
        diesel::insert_into(bank_account::table)
            .values((
                bank_account::tenant_id.eq(tx.tenant()?),
                bank_account::id.eq(BankAccountId::new()),
                bank_account::name.eq(input.name),
                bank_account::iban.eq(input.iban),
                bank_account::number.eq(input.number),
                bank_account::currency.eq(code),
                bank_account::account_id.eq(input.account),
                bank_account::cooling_off_days.eq(input.cooling_off_days.unwrap_or(3)),
            ))
            .returning(BankAccount::as_returning()),
    )
    .await
    .inspect(|created: &BankAccount| emit(tx, EventKind::BankAccountCreated, created.id.0))
}

async fn update(tx: &Tx, input: BankAccountUpdateInput) -> Result<BankAccount> {
    check(input.name.as_deref(), input.number.as_opt_deref().flatten(), input.cooling_off_days)?;
    let found = lock(tx, input.id).await?.ok_or_else(|| Error::not_found("id", "bank account"))?;
    expect_version(input.expected_version, found.version, "bank account")?;
    let iban = match &input.iban {
        MaybeUndefined::Undefined => found.iban.as_ref(),
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(iban) => Some(iban),
    };
    let number = match &input.number {
        MaybeUndefined::Undefined => found.number.as_deref(),
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(number) => Some(number.as_str()),
    };
    check_named(iban, number)?;
    let mut others = all(tx).await?;
    others.retain(|other| other.id != found.id);
    check_unique(&others, iban, found.account_id)?;
    let changes = Changes {
        name: input.name,
        iban: input.iban.into(),
        number: input.number.into(),
        active: input.active,
        cooling_off_days: input.cooling_off_days,
    };
    tx.row(
        diesel::update(bank_account::table)
            .filter(bank_account::tenant_id.eq(tx.tenant()?))
            .filter(bank_account::id.eq(input.id))
            // Setting a column to itself keeps an empty change a statement, which counts a version and says so.
            .set((changes, bank_account::currency.eq(bank_account::currency)))
            .returning(BankAccount::as_returning()),
    )
    .await
    .inspect(|updated: &BankAccount| emit(tx, EventKind::BankAccountUpdated, updated.id.0))
}

/// Queries about bank accounts.
#[derive(Default)]
pub struct BankAccountQuery;

#[Object]
impl BankAccountQuery {
    /// One bank account; null if the id is unknown. Right: `finance.bank.read`.
    async fn bank_account(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The bank account's id.")] id: BankAccountId,
    ) -> async_graphql::Result<Option<BankAccount>> {
        Ok(ctx.load::<BankAccount>(id).await?)
    }

    /// The client's bank accounts, newest first. Right: `finance.bank.read`.
    async fn bank_accounts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only bank accounts that match.")] filter: Option<BankAccountFilter>,
    ) -> async_graphql::Result<BankAccountConnection> {
        let tx = ctx.tx(Can::BankRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<BankAccountFilter>| -> Result<_> {
            let mut query = bank_account::table.filter(bank_account::tenant_id.eq(tx.tenant()?)).into_boxed();
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
        if let Some((_, id)) = &slice.after {
            page = page.filter(bank_account::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(bank_account::id.desc()).limit(slice.limit()).select(BankAccount::as_select())).await?;
        Ok(BankAccountConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of bank accounts.
#[derive(Default)]
pub struct BankAccountMutation;

#[Object]
impl BankAccountMutation {
    /// Creates a bank account. Right: `finance.bank.manage`.
    async fn bank_account_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new bank account.")] input: BankAccountCreateInput,
    ) -> async_graphql::Result<Option<BankAccountPayload>> {
        let tx = ctx.tx(Can::BankManage).await?;
        BankAccountPayload::settle(ctx, create(tx, input).await)
    }

    /// Changes a bank account: what is omitted stays, null clears. Right: `finance.bank.manage`.
    async fn bank_account_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: BankAccountUpdateInput,
    ) -> async_graphql::Result<Option<BankAccountPayload>> {
        let tx = ctx.tx(Can::BankManage).await?;
        BankAccountPayload::settle(ctx, update(tx, input).await)
    }
}
