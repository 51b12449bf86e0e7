//! Where accounts stand in the statement of cash flows: where their kind and role put them, or where somebody says.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};

use crate::finance::ids::AccountId;
use crate::finance::ledger::account::{self, Account, AccountPayload};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

crate::platform::words! {
    /// Where an account stands in the statement of cash flows.
    CashFlowSection {
        /// It is cash itself: banks, tills, what is on its way between them.
        Cash = "cash",
        /// The daily business.
        Operating = "operating",
        /// What is owned for long.
        Investing = "investing",
        /// Owners and lenders.
        Financing = "financing",
    }
}

#[derive(QueryableByName)]
struct Placed {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Text)]
    section: CashFlowSection,
}

/// Where leaves of the chart stand: those that are named, or all of them.
async fn placed(tx: &Tx, only: Option<Vec<AccountId>>) -> Result<HashMap<AccountId, CashFlowSection>> {
    let rows: Vec<Placed> = tx
        .rows(
            sql("SELECT a.id AS account_id,
                        coalesce(p.section, CASE WHEN a.control = 'bank' THEN 'cash' WHEN a.control = 'fixed_asset' THEN 'investing'
                                                 WHEN a.kind = 'equity' THEN 'financing' ELSE 'operating' END) AS section
                   FROM finance.account a
                   LEFT JOIN finance.cash_flow_place p ON p.tenant_id = $1 AND p.account_id = a.id
                  WHERE a.tenant_id = $1 AND NOT a.is_group AND ($2::uuid[] IS NULL OR a.id = ANY ($2))")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Nullable<Array<SqlUuid>>, _>(only),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.section)).collect())
}

/// Where the leaves of the chart stand.
pub(super) async fn places(tx: &Tx) -> Result<HashMap<AccountId, CashFlowSection>> {
    placed(tx, None).await
}

/// The accounts that are cash.
pub async fn cash_accounts(tx: &Tx) -> Result<Vec<AccountId>> {
    let places = places(tx).await?.into_iter();
    Ok(places.filter(|(_, section)| *section == CashFlowSection::Cash).map(|(account, _)| account).collect())
}

/// Fetches where accounts stand; groups stand nowhere.
pub struct PlaceOf;

impl Fetch for PlaceOf {
    type Key = AccountId;
    type Value = CashFlowSection;
    const CAN: Can = Can::AccountRead;

    async fn fetch(tx: &Tx, keys: Vec<AccountId>) -> Result<HashMap<AccountId, CashFlowSection>> {
        placed(tx, Some(keys)).await
    }
}

/// Where an account stands in the statement of cash flows.
#[derive(InputObject, Clone, Debug)]
pub struct AccountCashFlowSetInput {
    /// The account: a leaf.
    pub account: AccountId,
    /// The section. Accounts of income and expense are never cash.
    pub section: CashFlowSection,
}

async fn set(tx: &Tx, input: AccountCashFlowSetInput) -> Result<Account> {
    let found = account::find(tx, input.account).await?.ok_or_else(|| Error::not_found("account", "account"))?;
    if found.is_group {
        let message = "A group stands nowhere itself; the accounts below it do.";
        return Err(Error::refuse(UserErrorCode::Invalid, "account", message));
    }
    if input.section == CashFlowSection::Cash && found.kind.is_result() {
        let message = "What is earned or spent is not cash itself.";
        return Err(Error::refuse(UserErrorCode::Invalid, "section", message));
    }
    tx.exec(
        sql("INSERT INTO finance.cash_flow_place (tenant_id, id, account_id, section) VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, account_id) DO UPDATE SET section = excluded.section")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(new_uuid())
        .bind::<SqlUuid, _>(found.id)
        .bind::<Text, _>(input.section),
    )
    .await?;
    emit(tx, EventKind::AccountUpdated, found.id.0);
    Ok(found)
}

/// Changes of where accounts stand.
#[derive(Default)]
pub struct CashFlowMutation;

#[Object]
impl CashFlowMutation {
    /// Says where an account stands in the statement of cash flows. By themselves banks are cash, what fixed assets cost is
    /// investing, equity is financing, all else operating. Right: `finance.account.manage`.
    async fn account_cash_flow_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account and its section.")] input: AccountCashFlowSetInput,
    ) -> async_graphql::Result<Option<AccountPayload>> {
        AccountPayload::settle(ctx, set(ctx.tx(Can::AccountManage).await?, input).await)
    }
}
