//! How much customers may owe: an invoice that would go beyond that is not issued, unless somebody who may says why.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::{Decimal, add, check_scale, sub};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Numeric, Uuid as SqlUuid};

use super::customer;
use crate::finance::ids::{CustomerId, InvoiceId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{at, currency, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{credit_limit, credit_override};

/// How much a customer may owe and does, in the books' currency.
#[derive(SimpleObject, Clone, Debug)]
pub struct CustomerCredit {
    /// How much it may owe; null: there is no limit.
    pub limit: Option<Money>,
    /// What it owes: all that is open, less its credits and what it has paid ahead.
    pub used: Money,
    /// What it may owe beyond that; negative if it owes too much, null without a limit.
    pub free: Option<Money>,
}

/// That an invoice was issued beyond a limit, in the books' currency.
#[derive(Queryable, Selectable, Clone, Debug)]
#[diesel(table_name = credit_override)]
pub struct Overridden {
    invoice_id: InvoiceId,
    limit_amount: Dec,
    used: Dec,
    reason: String,
    overridden_by_name: String,
    created_at: DateTime,
}

/// That an invoice was issued beyond the limit of its customer.
#[derive(SimpleObject, Clone, Debug)]
pub struct CreditOverride {
    /// The limit at that time, in the books' currency.
    pub limit: Money,
    /// What the customer owed before, in the books' currency.
    pub used: Money,
    /// Why it was issued all the same.
    pub reason: String,
    /// Who has said so.
    pub overridden_by_name: String,
    /// When.
    pub created_at: DateTime,
}

/// Fetches what was said when invoices were issued beyond a limit: part of reading them.
pub struct OfInvoice;

impl Fetch for OfInvoice {
    type Key = InvoiceId;
    type Value = CreditOverride;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<InvoiceId>) -> Result<HashMap<InvoiceId, CreditOverride>> {
        let rows: Vec<Overridden> = tx
            .rows(
                credit_override::table
                    .filter(credit_override::tenant_id.eq(tx.tenant()?))
                    .filter(credit_override::invoice_id.eq_any(keys))
                    .select(Overridden::as_select()),
            )
            .await?;
        let book = tx.book_currency();
        let shown = rows.into_iter().map(|row| {
            let said = CreditOverride {
                limit: Money::new(row.limit_amount, book),
                used: Money::new(row.used, book),
                reason: row.reason,
                overridden_by_name: row.overridden_by_name,
                created_at: row.created_at,
            };
            (row.invoice_id, said)
        });
        Ok(shown.collect())
    }
}

/// How much a customer may owe.
#[derive(InputObject, Clone, Debug)]
pub struct CustomerCreditLimitSetInput {
    /// The customer.
    pub customer: CustomerId,
    /// How much it may owe, in the books' currency: nothing or more. Null: there is no limit.
    pub limit: Option<Dec>,
}

crate::platform::payload! {
    /// What became of a customer's credit.
    CustomerCreditPayload {
        /// How much it may owe and does.
        customer_credit: CustomerCredit
    }
}

#[derive(QueryableByName)]
struct Used {
    #[diesel(sql_type = Numeric)]
    used: Decimal,
}

async fn used(tx: &Tx, customer: CustomerId) -> Result<Decimal> {
    let found: Used = tx
        .row(
            sql("SELECT coalesce(sum(i.open_book), 0) AS used FROM finance.open_item i
                  WHERE i.tenant_id = $1 AND i.side = 'receivable' AND NOT i.settled AND i.customer_id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(customer),
        )
        .await?;
    Ok(found.used)
}

/// The limit of a customer; locked, so that of two invoices the second sees the first.
pub(super) async fn limit(tx: &Tx, customer: CustomerId, lock: bool) -> Result<Option<Decimal>> {
    let of = credit_limit::table
        .filter(credit_limit::tenant_id.eq(tx.tenant()?))
        .filter(credit_limit::customer_id.eq(customer))
        .select(credit_limit::amount);
    let found: Option<Dec> = if lock { tx.maybe(of.for_update()).await? } else { tx.maybe(of).await? };
    Ok(found.map(|limit| limit.0))
}

async fn credit(tx: &Tx, customer: CustomerId) -> Result<CustomerCredit> {
    let (limit, used) = (limit(tx, customer, false).await?, used(tx, customer).await?);
    let money = |amount| Money::new(Dec(amount), tx.book_currency());
    let free = limit.map(|limit| sub(limit, used)).transpose()?;
    Ok(CustomerCredit { limit: limit.map(money), used: money(used), free: free.map(money) })
}

/// Refuses an invoice that its customer may not owe, or keeps why it is issued all the same. `amount` is what it is worth in
/// the books.
pub(super) async fn check(
    tx: &Tx,
    (customer, limit): (CustomerId, Option<Decimal>),
    invoice: InvoiceId,
    amount: Decimal,
    reason: Option<String>,
) -> Result<()> {
    if let Some(reason) = &reason {
        sized("creditOverrideReason", reason, 1..=500)?;
    }
    let Some(limit) = limit else { return Ok(()) };
    let used = used(tx, customer).await?;
    let after = add(used, amount)?;
    if amount <= Decimal::ZERO || after <= limit {
        return Ok(());
    }
    let Some(reason) = reason else {
        let book = currency(tx.book_currency())?;
        let message = format!(
            "The customer owes {} {book} and may owe {}: with this invoice it would be {}, {} more. Whoever may override a limit says why.",
            book.shown(used),
            book.shown(limit),
            book.shown(after),
            book.shown(sub(after, limit)?)
        );
        return Err(Error::refuse(UserErrorCode::State, "creditOverrideReason", message));
    };
    tx.exec(diesel::insert_into(credit_override::table).values((
        credit_override::tenant_id.eq(tx.tenant()?),
        credit_override::id.eq(new_uuid()),
        credit_override::invoice_id.eq(invoice),
        credit_override::limit_amount.eq(limit),
        credit_override::used.eq(used),
        credit_override::amount.eq(amount),
        credit_override::reason.eq(reason),
        credit_override::overridden_by_name.eq(tx.actor_name().to_owned()),
    )))
    .await?;
    Ok(())
}

async fn set(tx: &Tx, input: CustomerCreditLimitSetInput) -> Result<CustomerCredit> {
    let found = customer::find(tx, input.customer).await?.ok_or_else(|| Error::not_found("customer", "customer"))?;
    let gone = diesel::delete(credit_limit::table)
        .filter(credit_limit::tenant_id.eq(tx.tenant()?))
        .filter(credit_limit::customer_id.eq(found.id));
    tx.exec(gone).await?;
    if let Some(limit) = input.limit {
        let book = currency(tx.book_currency())?;
        check_scale(limit.0, book.exponent()).map_err(|error| at("limit", error))?;
        if limit.0 < Decimal::ZERO {
            return Err(Error::refuse(UserErrorCode::Invalid, "limit", "A limit is nothing or more."));
        }
        let made = diesel::insert_into(credit_limit::table).values((
            credit_limit::tenant_id.eq(tx.tenant()?),
            credit_limit::id.eq(new_uuid()),
            credit_limit::customer_id.eq(found.id),
            credit_limit::amount.eq(limit),
        ));
        tx.exec(made).await?;
    }
    emit(tx, EventKind::CustomerCreditLimitSet, found.id.0);
    credit(tx, found.id).await
}

/// Queries about credit limits.
#[derive(Default)]
pub struct CreditLimitQuery;

#[Object]
impl CreditLimitQuery {
    /// How much a customer may owe and does; null if the id is unknown. Right: `finance.open_item.read`.
    async fn customer_credit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer.")] customer: CustomerId,
    ) -> async_graphql::Result<Option<CustomerCredit>> {
        let tx = ctx.tx(Can::OpenItemRead).await?;
        match customer::find(tx, customer).await? {
            Some(found) => Ok(Some(credit(tx, found.id).await?)),
            None => Ok(None),
        }
    }
}

/// Changes of credit limits.
#[derive(Default)]
pub struct CreditLimitMutation;

#[Object]
impl CreditLimitMutation {
    /// Says how much a customer may owe. What is issued stays as it was. Right: `finance.credit.override`.
    async fn customer_credit_limit_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer and its limit.")] input: CustomerCreditLimitSetInput,
    ) -> async_graphql::Result<Option<CustomerCreditPayload>> {
        CustomerCreditPayload::settle(ctx, set(ctx.tx(Can::CreditOverride).await?, input).await)
    }
}
