//! Amounts that are paid in coins: a client says the smallest step of a currency, and invoices in it are paid in steps. The
//! difference goes to an account of its own; net, taxes and gross amount stay as they are.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::{Currency, Decimal, add, check_scale, round_cash, sub};
use diesel::prelude::*;

use crate::finance::chart;
use crate::finance::ids::AccountId;
use crate::finance::ledger::account::Control;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{at, currency};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CurrencyCode, Dec};
use crate::platform::scope::Ask;
use crate::schema::{cash_rounding, ledger};

/// The smallest step in which a currency is paid.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = cash_rounding)]
pub struct CashRounding {
    /// The currency.
    pub currency: CurrencyCode,
    /// What is paid is a multiple of it: the nearest one, halves away from zero.
    pub step: Dec,
}

/// The smallest step in which a currency is paid.
#[derive(InputObject, Clone, Debug)]
pub struct CashRoundingSetInput {
    /// The currency.
    pub currency: CurrencyCode,
    /// What is paid is a multiple of it: more than the currency's smallest unit, up to 100 times as much. Null: invoices in
    /// this currency are not rounded.
    pub step: Option<Dec>,
}

crate::platform::payload! {
    /// What became of the steps in which currencies are paid.
    CashRoundingsPayload {
        /// The steps as they are now, by currency.
        cash_roundings: Vec<CashRounding>
    }
}

/// What a document is paid with beside its gross amount, and where that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cash {
    /// The account of differences of rounding.
    pub account: AccountId,
    /// What is paid more than the gross amount; negative: less.
    pub difference: Decimal,
}

/// What rounding to a step makes of an amount; none where nothing is rounded or nothing is off.
pub async fn of(tx: &Tx, amount: Decimal, step: Option<Decimal>, money: Currency) -> Result<Option<Cash>> {
    let Some(step) = step else { return Ok(None) };
    with(tx, round_cash(amount, step)?.difference, money).await
}

/// What a credit note of an amount takes back of an invoice that was rounded by `invoiced`: the last one all that is left to
/// be paid of it, others no more. Notes of an invoice that was not rounded are not.
pub async fn of_note(
    tx: &Tx,
    amount: Decimal,
    (left, left_payable): (Decimal, Decimal),
    invoiced: Decimal,
    money: Currency,
) -> Result<Option<Cash>> {
    if invoiced.is_zero() && left == left_payable {
        return Ok(None);
    }
    let payable = match step(tx, money).await? {
        _ if amount == left => left_payable,
        Some(step) => round_cash(amount, step)?.payable.min(left_payable),
        None => amount.min(left_payable),
    };
    with(tx, sub(payable, amount)?, money).await
}

/// The step in which a currency is paid, if there is one.
pub async fn step(tx: &Tx, money: Currency) -> Result<Option<Decimal>> {
    let found: Option<Dec> = tx
        .maybe(
            cash_rounding::table
                .filter(cash_rounding::tenant_id.eq(tx.tenant()?))
                .filter(cash_rounding::currency.eq(money.code().to_owned()))
                .select(cash_rounding::step),
        )
        .await?;
    Ok(found.map(|step| step.0))
}

async fn with(tx: &Tx, difference: Decimal, money: Currency) -> Result<Option<Cash>> {
    if difference.is_zero() {
        return Ok(None);
    }
    let account = chart::control(tx, Control::Rounding, money).await?.id;
    Ok(Some(Cash { account, difference }))
}

/// What is paid: the gross amount and the difference.
pub fn payable(gross: Decimal, cash: Option<Cash>) -> Result<Decimal> {
    Ok(add(gross, cash.map(|cash| cash.difference).unwrap_or_default())?)
}

async fn all(tx: &Tx) -> Result<Vec<CashRounding>> {
    tx.rows(
        cash_rounding::table
            .filter(cash_rounding::tenant_id.eq(tx.tenant()?))
            .order(cash_rounding::currency.asc())
            .select(CashRounding::as_select()),
    )
    .await
}

async fn set(tx: &Tx, input: CashRoundingSetInput) -> Result<Vec<CashRounding>> {
    let money = currency(&input.currency.0)?;
    let gone = diesel::delete(cash_rounding::table)
        .filter(cash_rounding::tenant_id.eq(tx.tenant()?))
        .filter(cash_rounding::currency.eq(money.code().to_owned()));
    tx.exec(gone).await?;
    if let Some(step) = input.step {
        check_scale(step.0, money.exponent()).map_err(|error| at("step", error))?;
        let unit = Decimal::try_new(1, money.exponent()).map_err(Error::fault)?;
        let most = backoffice_money::mul(unit, Decimal::ONE_HUNDRED)?;
        if step.0 <= unit || step.0 > most {
            let message = format!("A step is more than {unit} and at most {most} {money}.");
            return Err(Error::refuse(UserErrorCode::Invalid, "step", message));
        }
        let made = diesel::insert_into(cash_rounding::table).values((
            cash_rounding::tenant_id.eq(tx.tenant()?),
            cash_rounding::id.eq(new_uuid()),
            cash_rounding::currency.eq(money.code().to_owned()),
            cash_rounding::step.eq(step),
        ));
        tx.exec(made).await?;
    }
    let books: uuid::Uuid =
        tx.row(ledger::table.filter(ledger::tenant_id.eq(tx.tenant()?)).select(ledger::id).limit(1)).await?;
    emit(tx, EventKind::CashRoundingSet, books);
    all(tx).await
}

/// Queries about steps in which currencies are paid.
#[derive(Default)]
pub struct CashRoundingQuery;

#[Object]
impl CashRoundingQuery {
    /// The steps in which currencies are paid, by currency: invoices in others are paid to their smallest unit. Right:
    /// `finance.invoice.read`.
    async fn cash_roundings(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CashRounding>> {
        Ok(all(ctx.tx(Can::InvoiceRead).await?).await?)
    }
}

/// Changes of steps in which currencies are paid.
#[derive(Default)]
pub struct CashRoundingMutation;

#[Object]
impl CashRoundingMutation {
    /// Says in which step a currency is paid, or that it is not rounded. What is issued stays as it was. Right:
    /// `finance.account.manage`.
    async fn cash_rounding_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The currency and its step.")] input: CashRoundingSetInput,
    ) -> async_graphql::Result<Option<CashRoundingsPayload>> {
        CashRoundingsPayload::settle(ctx, set(ctx.tx(Can::AccountManage).await?, input).await)
    }
}
