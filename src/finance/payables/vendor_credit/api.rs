//! The fields about vendor credits.

use async_graphql::{Context, Enum, Object};
use diesel::prelude::*;

use super::{VendorCredit, VendorCreditPayload, VendorCreditPostInput, post};
use crate::finance::ids::{BillId, VendorCreditId};
use crate::finance::open_item::{VendorIdFilter, day_of};
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::vendor_credit;

crate::platform::connection!(
    /// A page of vendor credits.
    VendorCreditConnection, VendorCreditEdge, VendorCredit
);

crate::platform::equality_filter!(
    /// Conditions on a bill.
    BillIdFilter, BillId
);

crate::platform::filter! {
    /// Narrows a list of vendor credits.
    VendorCreditFilter over vendor_credit {
        /// By vendor.
        vendor: VendorIdFilter => equality(vendor_credit::vendor_id),
        /// By the bill that they give back.
        bill: BillIdFilter => equality(vendor_credit::bill_id),
        /// By date.
        credit_date: DateFilter => date(vendor_credit::credit_date),
        /// By number.
        number: TextFilter => text(vendor_credit::number),
    }
}

/// The order of a list of vendor credits.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VendorCreditOrder {
    /// Posted last first.
    #[default]
    Newest,
    /// Latest date first.
    CreditDate,
}

/// Queries about vendor credits.
#[derive(Default)]
pub struct VendorCreditQuery;

#[Object]
impl VendorCreditQuery {
    /// One vendor credit; null if the id is unknown. Right: `finance.bill.read`.
    async fn vendor_credit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The credit's id.")] id: VendorCreditId,
    ) -> async_graphql::Result<Option<VendorCredit>> {
        Ok(ctx.load::<VendorCredit>(id).await?)
    }

    /// The client's vendor credits. Right: `finance.bill.read`.
    async fn vendor_credits(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only credits that match.")] filter: Option<VendorCreditFilter>,
        #[graphql(desc = "The order; a cursor is good for the order it was made with.", default)]
        order_by: VendorCreditOrder,
    ) -> async_graphql::Result<VendorCreditConnection> {
        let tx = ctx.tx(Can::BillRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<VendorCreditFilter>| -> Result<_> {
            let mut query = vendor_credit::table.filter(vendor_credit::tenant_id.eq(tx.tenant()?)).into_boxed();
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
        page = match (order_by, &slice.after) {
            (VendorCreditOrder::Newest, Some((_, id))) => page.filter(vendor_credit::id.lt(*id)),
            (VendorCreditOrder::CreditDate, Some((day, id))) => {
                let day = day_of(day)?;
                page.filter(vendor_credit::credit_date.le(day))
                    .filter(vendor_credit::credit_date.lt(day).or(vendor_credit::id.lt(*id)))
            }
            (_, None) => page,
        };
        page = match order_by {
            VendorCreditOrder::Newest => page.order(vendor_credit::id.desc()),
            VendorCreditOrder::CreditDate => page.order((vendor_credit::credit_date.desc(), vendor_credit::id.desc())),
        };
        let rows = tx.rows(page.limit(slice.limit()).select(VendorCredit::as_select())).await?;
        let cursor = |row: &VendorCredit| match order_by {
            VendorCreditOrder::Newest => encode("", row.id.0),
            VendorCreditOrder::CreditDate => encode(&row.credit_date.0.to_string(), row.id.0),
        };
        Ok(VendorCreditConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// Changes by vendor credits.
#[derive(Default)]
pub struct VendorCreditMutation;

#[Object]
impl VendorCreditMutation {
    /// Posts a credit to lines of a posted bill with the bill's rates and settles what is still open on the bill; what is left
    /// is owed by the vendor. Right: `finance.bill.post`.
    async fn vendor_credit_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The bill and what is given back of it.")] input: VendorCreditPostInput,
    ) -> async_graphql::Result<Option<VendorCreditPayload>> {
        let tx = ctx.tx(Can::BillPost).await?;
        VendorCreditPayload::settle(ctx, post::post(tx, input).await)
    }
}
