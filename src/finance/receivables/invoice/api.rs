//! The fields about invoices.

use async_graphql::{Context, Enum, Object};
use diesel::prelude::*;

use super::{
    Invoice, InvoiceCreateInput, InvoiceIssueInput, InvoicePayload, InvoiceStatus, InvoiceUpdateInput, create, issue,
    update,
};
use crate::finance::ids::InvoiceId;
use crate::finance::open_item::{CustomerIdFilter, day_of};
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::invoice;

crate::platform::connection!(
    /// A page of invoices.
    InvoiceConnection, InvoiceEdge, Invoice
);

crate::platform::equality_filter!(
    /// Conditions on the status of an invoice.
    InvoiceStatusFilter, InvoiceStatus
);

crate::platform::filter! {
    /// Narrows a list of invoices.
    InvoiceFilter over invoice {
        /// By status.
        status: InvoiceStatusFilter => equality(invoice::status),
        /// By customer.
        customer: CustomerIdFilter => equality(invoice::customer_id),
        /// By issue date; drafts have none.
        issue_date: DateFilter => date(invoice::issue_date),
        /// By due date; drafts have none.
        due_date: DateFilter => date(invoice::due_date),
        /// By number; drafts have none.
        number: TextFilter => text(invoice::number),
    }
}

/// The order of a list of invoices.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum InvoiceOrder {
    /// Drafted last first.
    #[default]
    Newest,
    /// Latest issue date first; drafts, which have none, are left out.
    IssueDate,
    /// Earliest due date first; drafts, which have none, are left out.
    DueDate,
}

/// Queries about invoices.
#[derive(Default)]
pub struct InvoiceQuery;

#[Object]
impl InvoiceQuery {
    /// One invoice; null if the id is unknown. Right: `finance.invoice.read`.
    async fn invoice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invoice's id.")] id: InvoiceId,
    ) -> async_graphql::Result<Option<Invoice>> {
        Ok(ctx.load::<Invoice>(id).await?)
    }

    /// The client's invoices. Right: `finance.invoice.read`.
    async fn invoices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only invoices that match.")] filter: Option<InvoiceFilter>,
        #[graphql(desc = "The order; a cursor is good for the order it was made with.", default)]
        order_by: InvoiceOrder,
    ) -> async_graphql::Result<InvoiceConnection> {
        let tx = ctx.tx(Can::InvoiceRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<InvoiceFilter>| -> Result<_> {
            let mut query = invoice::table.filter(invoice::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(match order_by {
                InvoiceOrder::Newest => query,
                InvoiceOrder::IssueDate => query.filter(invoice::issue_date.is_not_null()),
                InvoiceOrder::DueDate => query.filter(invoice::due_date.is_not_null()),
            })
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        page = match (order_by, &slice.after) {
            (InvoiceOrder::Newest, Some((_, id))) => page.filter(invoice::id.lt(*id)),
            (InvoiceOrder::IssueDate, Some((day, id))) => {
                let day = day_of(day)?;
                page.filter(invoice::issue_date.le(day)).filter(invoice::issue_date.lt(day).or(invoice::id.lt(*id)))
            }
            (InvoiceOrder::DueDate, Some((day, id))) => {
                let day = day_of(day)?;
                page.filter(invoice::due_date.ge(day)).filter(invoice::due_date.gt(day).or(invoice::id.gt(*id)))
            }
            (_, None) => page,
        };
        page = match order_by {
            InvoiceOrder::Newest => page.order(invoice::id.desc()),
            InvoiceOrder::IssueDate => page.order((invoice::issue_date.desc(), invoice::id.desc())),
            InvoiceOrder::DueDate => page.order((invoice::due_date.asc(), invoice::id.asc())),
        };
        let rows = tx.rows(page.limit(slice.limit()).select(Invoice::as_select())).await?;
        let cursor = |row: &Invoice| {
            let day = match order_by {
                InvoiceOrder::Newest => None,
                InvoiceOrder::IssueDate => row.issue_date,
                InvoiceOrder::DueDate => row.due_date,
            };
            encode(&day.map(|day| day.0.to_string()).unwrap_or_default(), row.id.0)
        };
        Ok(InvoiceConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// Changes of invoices.
#[derive(Default)]
pub struct InvoiceMutation;

#[Object]
impl InvoiceMutation {
    /// Drafts an invoice: not numbered and not in the books yet. Right: `finance.invoice.draft`.
    async fn invoice_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new draft.")] input: InvoiceCreateInput,
    ) -> async_graphql::Result<Option<InvoicePayload>> {
        let tx = ctx.tx(Can::InvoiceDraft).await?;
        InvoicePayload::settle(ctx, create(tx, input).await)
    }

    /// Changes a draft; lines, when given, replace all lines. Right: `finance.invoice.draft`.
    async fn invoice_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: InvoiceUpdateInput,
    ) -> async_graphql::Result<Option<InvoicePayload>> {
        let tx = ctx.tx(Can::InvoiceDraft).await?;
        InvoicePayload::settle(ctx, update(tx, input).await)
    }

    /// Issues a draft: takes the next number, posts it at the tax rates of the issue date and freezes it. Right:
    /// `finance.invoice.issue`.
    async fn invoice_issue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The draft and its dates.")] input: InvoiceIssueInput,
    ) -> async_graphql::Result<Option<InvoicePayload>> {
        let tx = ctx.tx(Can::InvoiceIssue).await?;
        let done = async {
            if input.credit_override_reason.is_some() {
                ctx.tx(Can::CreditOverride).await?;
            }
            issue::issue(tx, input).await
        };
        InvoicePayload::settle(ctx, done.await)
    }
}
