//! The fields about bills.

use async_graphql::{Context, Enum, Object};
use diesel::prelude::*;

use super::draft::update;
use super::{Bill, BillCreateInput, BillPayload, BillPostInput, BillStatus, BillUpdateInput, create, post};
use crate::finance::ids::BillId;
use crate::finance::open_item::{VendorIdFilter, day_of};
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::bill;

crate::platform::connection!(
    /// A page of bills.
    BillConnection, BillEdge, Bill
);

crate::platform::equality_filter!(
    /// Conditions on the status of a bill.
    BillStatusFilter, BillStatus
);

crate::platform::filter! {
    /// Narrows a list of bills.
    BillFilter over bill {
        /// By status.
        status: BillStatusFilter => equality(bill::status),
        /// By vendor.
        vendor: VendorIdFilter => equality(bill::vendor_id),
        /// By the date of the bill.
        bill_date: DateFilter => date(bill::bill_date),
        /// By due date.
        due_date: DateFilter => date(bill::due_date),
        /// By the vendor's number.
        number: TextFilter => text(bill::number),
    }
}

/// The order of a list of bills.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum BillOrder {
    /// Entered last first.
    #[default]
    Newest,
    /// Latest date of the bill first.
    BillDate,
    /// Earliest due date first.
    DueDate,
}

/// Queries about bills.
#[derive(Default)]
pub struct BillQuery;

#[Object]
impl BillQuery {
    /// One bill; null if the id is unknown. Right: `finance.bill.read`.
    async fn bill(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The bill's id.")] id: BillId,
    ) -> async_graphql::Result<Option<Bill>> {
        Ok(ctx.load::<Bill>(id).await?)
    }

    /// The client's bills. Right: `finance.bill.read`.
    async fn bills(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only bills that match.")] filter: Option<BillFilter>,
        #[graphql(desc = "The order; a cursor is good for the order it was made with.", default)] order_by: BillOrder,
    ) -> async_graphql::Result<BillConnection> {
        let tx = ctx.tx(Can::BillRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<BillFilter>| -> Result<_> {
            let mut query = bill::table.filter(bill::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            (BillOrder::Newest, Some((_, id))) => page.filter(bill::id.lt(*id)),
            (BillOrder::BillDate, Some((day, id))) => {
                let day = day_of(day)?;
                page.filter(bill::bill_date.le(day)).filter(bill::bill_date.lt(day).or(bill::id.lt(*id)))
            }
            (BillOrder::DueDate, Some((day, id))) => {
                let day = day_of(day)?;
                page.filter(bill::due_date.ge(day)).filter(bill::due_date.gt(day).or(bill::id.gt(*id)))
            }
            (_, None) => page,
        };
        page = match order_by {
            BillOrder::Newest => page.order(bill::id.desc()),
            BillOrder::BillDate => page.order((bill::bill_date.desc(), bill::id.desc())),
            BillOrder::DueDate => page.order((bill::due_date.asc(), bill::id.asc())),
        };
        let rows = tx.rows(page.limit(slice.limit()).select(Bill::as_select())).await?;
        let cursor = |row: &Bill| match order_by {
            BillOrder::Newest => encode("", row.id.0),
            BillOrder::BillDate => encode(&row.bill_date.0.to_string(), row.id.0),
            BillOrder::DueDate => encode(&row.due_date.0.to_string(), row.id.0),
        };
        Ok(BillConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// Changes of bills.
#[derive(Default)]
pub struct BillMutation;

#[Object]
impl BillMutation {
    /// Enters a bill as a draft: not in the books yet. The same bill of the vendor enters once. Right:
    /// `finance.bill.draft`.
    async fn bill_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new draft.")] input: BillCreateInput,
    ) -> async_graphql::Result<Option<BillPayload>> {
        let tx = ctx.tx(Can::BillDraft).await?;
        BillPayload::settle(ctx, create(tx, input).await)
    }

    /// Changes a draft; lines, when given, replace all lines. Right: `finance.bill.draft`.
    async fn bill_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: BillUpdateInput,
    ) -> async_graphql::Result<Option<BillPayload>> {
        let tx = ctx.tx(Can::BillDraft).await?;
        BillPayload::settle(ctx, update(tx, input).await)
    }

    /// Posts a draft at the tax rates of the bill's date and freezes it. Right: `finance.bill.post`.
    async fn bill_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The draft and its day in the books.")] input: BillPostInput,
    ) -> async_graphql::Result<Option<BillPayload>> {
        let tx = ctx.tx(Can::BillPost).await?;
        BillPayload::settle(ctx, post(tx, input).await)
    }
}
