//! The fields about withholding.

use async_graphql::{Context, Object};
use diesel::prelude::*;

use super::entry::{WithholdingEntry, WithholdingEntryConnection, WithholdingTotalConnection, totals};
use super::{
    VendorWithholdingSetInput, WithholdingCode, WithholdingCodeCreateInput, WithholdingCodePayload,
    WithholdingRateAddInput, add_rate, create, of_vendor, set_on_vendor,
};
use crate::finance::ids::{VendorId, WithholdingCodeId};
use crate::finance::open_item::{VendorIdFilter, day_of};
use crate::finance::payables::vendor::VendorPayload;
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::schema::{withholding_code, withholding_entry};

crate::platform::connection!(
    /// A page of withholding codes.
    WithholdingCodeConnection, WithholdingCodeEdge, WithholdingCode
);

crate::platform::equality_filter!(
    /// Conditions on a withholding code.
    WithholdingCodeIdFilter, WithholdingCodeId
);

crate::platform::filter! {
    /// Narrows a list of withholding codes.
    WithholdingCodeFilter over withholding_code {
        /// By short name.
        code: TextFilter => text(withholding_code::code),
    }
}

crate::platform::filter! {
    /// Narrows a list of what was withheld.
    WithholdingEntryFilter over withholding_entry {
        /// By vendor.
        vendor: VendorIdFilter => equality(withholding_entry::vendor_id),
        /// By code.
        withholding_code: WithholdingCodeIdFilter => equality(withholding_entry::code_id),
        /// By the day in the books.
        posted_on: DateFilter => date(withholding_entry::posted_on),
    }
}

/// Queries about withholding.
#[derive(Default)]
pub struct WithholdingQuery;

#[Object]
impl WithholdingQuery {
    /// One withholding code; null if the id is unknown. Right: `finance.tax_code.read`.
    async fn withholding_code(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code's id.")] id: WithholdingCodeId,
    ) -> async_graphql::Result<Option<WithholdingCode>> {
        Ok(ctx.load::<WithholdingCode>(id).await?)
    }

    /// The client's withholding codes, by short name. Right: `finance.tax_code.read`.
    async fn withholding_codes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only codes that match.")] filter: Option<WithholdingCodeFilter>,
    ) -> async_graphql::Result<WithholdingCodeConnection> {
        let tx = ctx.tx(Can::TaxCodeRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<WithholdingCodeFilter>| -> Result<_> {
            let mut query = withholding_code::table.filter(withholding_code::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            page = page.filter(withholding_code::code.gt(code.clone()));
        }
        let page = page.order(withholding_code::code.asc()).limit(slice.limit()).select(WithholdingCode::as_select());
        let rows = tx.rows(page).await?;
        Ok(WithholdingCodeConnection::new(ctx, &slice, rows, |row| encode(&row.code, row.id.0), total))
    }

    /// By which code something is withheld of a vendor's new bills; null: by none, or the vendor is unknown. Right:
    /// `finance.vendor.read`.
    async fn vendor_withholding(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The vendor.")] vendor: VendorId,
    ) -> async_graphql::Result<Option<WithholdingCode>> {
        match of_vendor(ctx.tx(Can::VendorRead).await?, vendor).await? {
            Some(code) => Ok(ctx.load::<WithholdingCode>(code).await?),
            None => Ok(None),
        }
    }

    /// What was withheld, document by document, in the order of the days in the books. Right: `finance.bill.read`.
    async fn withholding_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only entries that match.")] filter: Option<WithholdingEntryFilter>,
    ) -> async_graphql::Result<WithholdingEntryConnection> {
        let tx = ctx.tx(Can::BillRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<WithholdingEntryFilter>| -> Result<_> {
            let mut query = withholding_entry::table.filter(withholding_entry::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            page = page
                .filter(withholding_entry::posted_on.ge(day))
                .filter(withholding_entry::posted_on.gt(day).or(withholding_entry::id.gt(*id)));
        }
        let page = page.order((withholding_entry::posted_on.asc(), withholding_entry::id.asc()));
        let rows = tx.rows(page.limit(slice.limit()).select(WithholdingEntry::as_select())).await?;
        let cursor = |row: &WithholdingEntry| encode(&row.posted_on.0.to_string(), row.id.0);
        Ok(WithholdingEntryConnection::new(ctx, &slice, rows, cursor, total))
    }

    /// What was withheld of documents that were posted from one day to another, by vendor and code: each sum is that of
    /// `withholdingEntries` with the same vendor, code and days. Right: `finance.report.read`.
    async fn withholding_totals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day.")] to: Date,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<WithholdingTotalConnection> {
        let tx = ctx.tx(Can::ReportRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let rows = totals(tx, from, to, &slice).await?;
        Ok(WithholdingTotalConnection::new(ctx, &slice, rows, |row| encode(&row.vendor_number, row.last_id), None))
    }
}

/// Changes of withholding.
#[derive(Default)]
pub struct WithholdingMutation;

#[Object]
impl WithholdingMutation {
    /// Creates a withholding code with its first rate. Right: `finance.tax_code.manage`.
    async fn withholding_code_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new code.")] input: WithholdingCodeCreateInput,
    ) -> async_graphql::Result<Option<WithholdingCodePayload>> {
        let tx = ctx.tx(Can::TaxCodeManage).await?;
        WithholdingCodePayload::settle(ctx, create(tx, input).await)
    }

    /// Adds a rate to a withholding code; rates are never changed. Right: `finance.tax_code.manage`.
    async fn withholding_rate_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new rate.")] input: WithholdingRateAddInput,
    ) -> async_graphql::Result<Option<WithholdingCodePayload>> {
        let tx = ctx.tx(Can::TaxCodeManage).await?;
        WithholdingCodePayload::settle(ctx, add_rate(tx, input).await)
    }

    /// Says by which code something is withheld of a vendor's new bills. Right: `finance.vendor.manage`.
    async fn vendor_withholding_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The vendor and the code.")] input: VendorWithholdingSetInput,
    ) -> async_graphql::Result<Option<VendorPayload>> {
        let tx = ctx.tx(Can::VendorManage).await?;
        VendorPayload::settle(ctx, set_on_vendor(tx, input).await)
    }
}
