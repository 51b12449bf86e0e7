//! Open items in the API: found one by one, and listed.

use async_graphql::{Context, Enum, Object};
use chrono::NaiveDate;
use diesel::prelude::*;

use super::{OpenItem, OpenItemConnection, OpenItemSide};
use crate::finance::ids::{CustomerId, OpenItemId, VendorId};
use crate::platform::can::Can;
use crate::platform::error::{Error, Result};
use crate::platform::filter::{DateFilter, FlagFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::open_item;

crate::platform::equality_filter!(
    /// Conditions on the side of an open item.
    OpenItemSideFilter, OpenItemSide
);
crate::platform::equality_filter!(
    /// Conditions on a customer.
    CustomerIdFilter, CustomerId
);
crate::platform::equality_filter!(
    /// Conditions on a vendor.
    VendorIdFilter, VendorId
);

crate::platform::filter! {
    /// Narrows a list of open items.
    OpenItemFilter over open_item {
        /// By side.
        side: OpenItemSideFilter => equality(open_item::side),
        /// Settled or not.
        settled: FlagFilter => flag(open_item::settled),
        /// By due date.
        due_date: DateFilter => date(open_item::due_date),
        /// By customer.
        customer: CustomerIdFilter => equality(open_item::customer_id),
        /// By vendor.
        vendor: VendorIdFilter => equality(open_item::vendor_id),
    }
}

/// The order of a list of open items.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OpenItemOrder {
    /// Earliest due date first.
    #[default]
    DueDate,
    /// Posted last first.
    Newest,
}

/// Queries about open items.
#[derive(Default)]
pub struct OpenItemQuery;

#[Object]
impl OpenItemQuery {
    /// One open item; null if the id is unknown. Right: `finance.open_item.read`.
    async fn open_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The open item's id.")] id: OpenItemId,
    ) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<OpenItem>(id).await?)
    }

    /// What is owed to the client and by it. Right: `finance.open_item.read`.
    async fn open_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only open items that match.")] filter: Option<OpenItemFilter>,
        #[graphql(desc = "The order; a cursor is good for the order it was made with.", default)]
        order_by: OpenItemOrder,
    ) -> async_graphql::Result<OpenItemConnection> {
        let tx = ctx.tx(Can::OpenItemRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<OpenItemFilter>| -> Result<_> {
            let mut query = open_item::table.filter(open_item::tenant_id.eq(tx.tenant()?)).into_boxed();
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
        page = match order_by {
            OpenItemOrder::DueDate => {
                if let Some((day, id)) = &slice.after {
                    let day = day_of(day)?;
                    page = page
                        .filter(open_item::due_date.ge(day))
                        .filter(open_item::due_date.gt(day).or(open_item::id.gt(*id)));
                }
                page.order((open_item::due_date.asc(), open_item::id.asc()))
            }
            OpenItemOrder::Newest => {
                if let Some((_, id)) = &slice.after {
                    page = page.filter(open_item::id.lt(*id));
                }
                page.order(open_item::id.desc())
            }
        };
        let rows = tx.rows(page.limit(slice.limit()).select(OpenItem::as_select())).await?;
        let cursor = |row: &OpenItem| match order_by {
            OpenItemOrder::DueDate => encode(&row.due_date.0.to_string(), row.id.0),
            OpenItemOrder::Newest => encode("", row.id.0),
        };
        Ok(OpenItemConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// The ordering value of a cursor in a list ordered by a date.
pub(crate) fn day_of(value: &str) -> Result<NaiveDate> {
    value.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))
}
