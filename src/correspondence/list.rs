//! Reading the register.

use async_graphql::{Context, Object};
use diesel::prelude::*;

use super::entry::{CorrespondenceChannel, CorrespondenceDirection, CorrespondenceEntry, CorrespondenceState};
use super::ids::CorrespondenceEntryId;
use crate::finance::open_item::{CustomerIdFilter, VendorIdFilter};
use crate::platform::can::Can;
use crate::platform::error::{Error, Result};
use crate::platform::filter::{DateFilter, FlagFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::correspondence;

crate::platform::connection!(
    /// A page of the register of correspondence.
    CorrespondenceEntryConnection, CorrespondenceEntryEdge, CorrespondenceEntry
);

crate::platform::equality_filter!(
    /// Conditions on the way that correspondence went.
    CorrespondenceDirectionFilter, CorrespondenceDirection
);
crate::platform::equality_filter!(
    /// Conditions on how correspondence went.
    CorrespondenceChannelFilter, CorrespondenceChannel
);
crate::platform::equality_filter!(
    /// Conditions on where an entry of the register stands.
    CorrespondenceStateFilter, CorrespondenceState
);

crate::platform::filter! {
    /// Narrows the register of correspondence.
    CorrespondenceEntryFilter over correspondence {
        /// By number.
        number: TextFilter => text(correspondence::number),
        /// By direction.
        direction: CorrespondenceDirectionFilter => equality(correspondence::direction),
        /// By channel.
        channel: CorrespondenceChannelFilter => equality(correspondence::channel),
        /// By state.
        state: CorrespondenceStateFilter => equality(correspondence::state),
        /// By the day on which it came or went.
        on_date: DateFilter => date(correspondence::on_date),
        /// By subject.
        subject: TextFilter => text(correspondence::subject),
        /// By the name of the correspondent at that time.
        correspondent: TextFilter => text(correspondence::correspondent),
        /// By customer.
        customer: CustomerIdFilter => equality(correspondence::customer_id),
        /// By vendor.
        vendor: VendorIdFilter => equality(correspondence::vendor_id),
        /// By whether the client's own people see it.
        visible_to_client: FlagFilter => flag(correspondence::visible_to_client),
    }
}

/// Queries of the register.
#[derive(Default)]
pub struct ListQuery;

#[Object]
impl ListQuery {
    /// One entry of the register; null if the id is unknown. Right: `office.correspondence.read`.
    async fn correspondence_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: CorrespondenceEntryId,
    ) -> async_graphql::Result<Option<CorrespondenceEntry>> {
        Ok(ctx.load::<CorrespondenceEntry>(id).await?)
    }

    /// The register of correspondence, the latest day first. Right: `office.correspondence.read`.
    async fn correspondence_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only entries that match.")] filter: Option<CorrespondenceEntryFilter>,
    ) -> async_graphql::Result<CorrespondenceEntryConnection> {
        let tx = ctx.tx(Can::CorrespondenceRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<CorrespondenceEntryFilter>| -> Result<_> {
            let mut query = correspondence::table.filter(correspondence::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            let day: chrono::NaiveDate =
                day.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page.filter(
                correspondence::on_date.lt(day).or(correspondence::on_date.eq(day).and(correspondence::id.lt(*id))),
            );
        }
        let rows = tx
            .rows(
                page.order((correspondence::on_date.desc(), correspondence::id.desc()))
                    .limit(slice.limit())
                    .select(CorrespondenceEntry::as_select()),
            )
            .await?;
        let cursor = |row: &CorrespondenceEntry| encode(&row.on_date.0.to_string(), row.id.0);
        Ok(CorrespondenceEntryConnection::new(ctx, &slice, rows, cursor, total))
    }
}
