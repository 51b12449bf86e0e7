//! The fields about payments.

use async_graphql::{Context, Object};
use diesel::prelude::*;

use super::{
    Payment, PaymentAllocateInput, PaymentAllocationUndoInput, PaymentPayload, PaymentRecordInput, PaymentReverseInput,
    apply, record,
};
use crate::finance::ids::PaymentId;
use crate::finance::open_item::{CustomerIdFilter, OpenItemSideFilter, VendorIdFilter, day_of};
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::payment;

crate::platform::connection!(
    /// A page of payments.
    PaymentConnection, PaymentEdge, Payment
);

crate::platform::filter! {
    /// Narrows a list of payments.
    PaymentFilter over payment {
        /// By side.
        side: OpenItemSideFilter => equality(payment::side),
        /// By customer.
        customer: CustomerIdFilter => equality(payment::customer_id),
        /// By vendor.
        vendor: VendorIdFilter => equality(payment::vendor_id),
        /// By the day of the payment.
        paid_on: DateFilter => date(payment::paid_on),
        /// By number.
        number: TextFilter => text(payment::number),
    }
}

/// Queries about payments.
#[derive(Default)]
pub struct PaymentQuery;

#[Object]
impl PaymentQuery {
    /// One payment; null if the id is unknown. Right: `finance.payment.read`.
    async fn payment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payment's id.")] id: PaymentId,
    ) -> async_graphql::Result<Option<Payment>> {
        Ok(ctx.load::<Payment>(id).await?)
    }

    /// Payments of customers and to vendors, the latest day first. Right: `finance.payment.read`.
    async fn payments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only payments that match.")] filter: Option<PaymentFilter>,
    ) -> async_graphql::Result<PaymentConnection> {
        let tx = ctx.tx(Can::PaymentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<PaymentFilter>| -> Result<_> {
            let mut query = payment::table.filter(payment::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            page = page.filter(payment::paid_on.le(day)).filter(payment::paid_on.lt(day).or(payment::id.lt(*id)));
        }
        let rows = tx
            .rows(
                page.order((payment::paid_on.desc(), payment::id.desc()))
                    .limit(slice.limit())
                    .select(Payment::as_select()),
            )
            .await?;
        let cursor = |row: &Payment| encode(&row.paid_on.0.to_string(), row.id.0);
        Ok(PaymentConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// Changes by payments.
#[derive(Default)]
pub struct PaymentMutation;

#[Object]
impl PaymentMutation {
    /// Records a payment and posts it; what it does not settle at once is an advance. Right: `finance.payment.record`.
    async fn payment_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payment and what it settles.")] input: PaymentRecordInput,
    ) -> async_graphql::Result<Option<PaymentPayload>> {
        let tx = ctx.tx(Can::PaymentRecord).await?;
        PaymentPayload::settle(ctx, record::record(tx, input).await)
    }

    /// Settles open items by what is free of a payment. Right: `finance.payment.record`.
    async fn payment_allocate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payment and what it settles.")] input: PaymentAllocateInput,
    ) -> async_graphql::Result<Option<PaymentPayload>> {
        let tx = ctx.tx(Can::PaymentRecord).await?;
        PaymentPayload::settle(ctx, apply::allocate(tx, input).await)
    }

    /// Undoes what a payment settled of one open item: the item is open again and the payment free again, as they were.
    /// Right: `finance.payment.record`.
    async fn payment_allocation_undo(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it settled.")] input: PaymentAllocationUndoInput,
    ) -> async_graphql::Result<Option<PaymentPayload>> {
        let tx = ctx.tx(Can::PaymentRecord).await?;
        PaymentPayload::settle(ctx, apply::undo(tx, input).await)
    }

    /// Takes back a payment of which nothing is allocated; its bank line, if it has one, is open again. Right:
    /// `finance.payment.record`.
    async fn payment_reverse(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payment.")] input: PaymentReverseInput,
    ) -> async_graphql::Result<Option<PaymentPayload>> {
        let tx = ctx.tx(Can::PaymentRecord).await?;
        PaymentPayload::settle(ctx, apply::reverse(tx, input).await)
    }
}
