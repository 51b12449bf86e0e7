//! The fields about credit notes.

use async_graphql::{Context, Enum, Object};
use diesel::prelude::*;

use super::{CreditNote, CreditNoteIssueInput, CreditNotePayload, issue};
use crate::finance::ids::{CreditNoteId, InvoiceId};
use crate::finance::open_item::{CustomerIdFilter, day_of};
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::credit_note;

crate::platform::connection!(
    /// A page of credit notes.
    CreditNoteConnection, CreditNoteEdge, CreditNote
);

crate::platform::equality_filter!(
    /// Conditions on an invoice.
    InvoiceIdFilter, InvoiceId
);

crate::platform::filter! {
    /// Narrows a list of credit notes.
    CreditNoteFilter over credit_note {
        /// By customer.
        customer: CustomerIdFilter => equality(credit_note::customer_id),
        /// By the invoice that they take back.
        invoice: InvoiceIdFilter => equality(credit_note::invoice_id),
        /// By date.
        issue_date: DateFilter => date(credit_note::issue_date),
        /// By number.
        number: TextFilter => text(credit_note::number),
    }
}

/// The order of a list of credit notes.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CreditNoteOrder {
    /// Issued last first.
    #[default]
    Newest,
    /// Latest date first.
    IssueDate,
}

/// Queries about credit notes.
#[derive(Default)]
pub struct CreditNoteQuery;

#[Object]
impl CreditNoteQuery {
    /// One credit note; null if the id is unknown. Right: `finance.invoice.read`.
    async fn credit_note(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The note's id.")] id: CreditNoteId,
    ) -> async_graphql::Result<Option<CreditNote>> {
        Ok(ctx.load::<CreditNote>(id).await?)
    }

    /// The client's credit notes. Right: `finance.invoice.read`.
    async fn credit_notes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only notes that match.")] filter: Option<CreditNoteFilter>,
        #[graphql(desc = "The order; a cursor is good for the order it was made with.", default)]
        order_by: CreditNoteOrder,
    ) -> async_graphql::Result<CreditNoteConnection> {
        let tx = ctx.tx(Can::InvoiceRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<CreditNoteFilter>| -> Result<_> {
            let mut query = credit_note::table.filter(credit_note::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            (CreditNoteOrder::Newest, Some((_, id))) => page.filter(credit_note::id.lt(*id)),
            (CreditNoteOrder::IssueDate, Some((day, id))) => {
                let day = day_of(day)?;
                page.filter(credit_note::issue_date.le(day))
                    .filter(credit_note::issue_date.lt(day).or(credit_note::id.lt(*id)))
            }
            (_, None) => page,
        };
        page = match order_by {
            CreditNoteOrder::Newest => page.order(credit_note::id.desc()),
            CreditNoteOrder::IssueDate => page.order((credit_note::issue_date.desc(), credit_note::id.desc())),
        };
        let rows = tx.rows(page.limit(slice.limit()).select(CreditNote::as_select())).await?;
        let cursor = |row: &CreditNote| match order_by {
            CreditNoteOrder::Newest => encode("", row.id.0),
            CreditNoteOrder::IssueDate => encode(&row.issue_date.0.to_string(), row.id.0),
        };
        Ok(CreditNoteConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// Changes by credit notes.
#[derive(Default)]
pub struct CreditNoteMutation;

#[Object]
impl CreditNoteMutation {
    /// Takes back lines of an issued invoice: takes the next number of the credit notes, posts it with the invoice's rates and
    /// settles what is still open on the invoice; what is left is the customer's. Right: `finance.credit_note.issue`.
    async fn credit_note_issue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invoice and what is taken back of it.")] input: CreditNoteIssueInput,
    ) -> async_graphql::Result<Option<CreditNotePayload>> {
        let tx = ctx.tx(Can::CreditNoteIssue).await?;
        CreditNotePayload::settle(ctx, issue::issue(tx, input).await)
    }
}
