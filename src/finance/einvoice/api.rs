//! The fields about electronic invoices.

use async_graphql::{Context, MergedObject, Object};

use super::check::EInvoiceProblem;
use super::make::{self, EInvoiceCreateInput, EInvoicePayload};
use super::seller::{SellerProfileMutation, SellerProfileQuery};
use super::take_in::{self, EInvoiceImportInput, EInvoiceImportPayload};
use super::treatment::TaxTreatmentMutation;
use super::{EInvoice, EInvoiceForm, ReceivedInvoice};
use crate::finance::ids::{EInvoiceId, InvoiceId, ReceivedInvoiceId};
use crate::platform::can::Can;
use crate::platform::files::api::files;
use crate::platform::scope::Ask;

/// Queries about electronic invoices and how the client names itself on them.
#[derive(MergedObject, Default)]
pub struct EInvoiceQuery(EInvoices, SellerProfileQuery);

/// Changes about electronic invoices and how the client names itself on them.
#[derive(MergedObject, Default)]
pub struct EInvoiceMutation(EInvoicesMade, SellerProfileMutation, TaxTreatmentMutation);

/// Queries about electronic invoices.
#[derive(Default)]
pub struct EInvoices;

#[Object]
impl EInvoices {
    /// One electronic invoice that was made; null if the id is unknown. Right: `finance.invoice.read`.
    async fn e_invoice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The electronic invoice's id.")] id: EInvoiceId,
    ) -> async_graphql::Result<Option<EInvoice>> {
        Ok(ctx.load::<EInvoice>(id).await?)
    }

    /// One electronic invoice that became a bill; null if the id is unknown. Right: `finance.bill.read`.
    async fn received_invoice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The electronic invoice's id.")] id: ReceivedInvoiceId,
    ) -> async_graphql::Result<Option<ReceivedInvoice>> {
        Ok(ctx.load::<ReceivedInvoice>(id).await?)
    }

    /// What speaks against an electronic invoice of that form; empty if nothing does, null if the invoice is unknown. A draft
    /// is looked at as if it were issued today. Right: `finance.invoice.read`.
    async fn e_invoice_check(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invoice, a draft or issued.")] invoice: InvoiceId,
        #[graphql(desc = "The form.")] form: EInvoiceForm,
    ) -> async_graphql::Result<Option<Vec<EInvoiceProblem>>> {
        Ok(make::look(ctx.tx(Can::InvoiceRead).await?, invoice, form).await?)
    }
}

/// Making and taking in electronic invoices.
#[derive(Default)]
pub struct EInvoicesMade;

#[Object]
impl EInvoicesMade {
    /// Makes an electronic invoice of an issued invoice or a credit note: a file that is kept beside it. Asked for again it is
    /// the same one. What speaks against it by EN 16931 is refused at the field that it is about. Right:
    /// `finance.invoice.issue`.
    async fn e_invoice_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is made of, and its form.")] input: EInvoiceCreateInput,
    ) -> async_graphql::Result<Option<EInvoicePayload>> {
        let files = files(ctx)?;
        EInvoicePayload::settle(ctx, make::create(ctx.tx(Can::InvoiceIssue).await?, files, input).await)
    }

    /// Takes an uploaded electronic invoice in as the draft of a bill, with the amounts that it says: whole or not at all. The
    /// file stays beside the bill. Rights: `core.file.read` and `finance.bill.draft`.
    async fn e_invoice_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file, and what it does not say.")] input: EInvoiceImportInput,
    ) -> async_graphql::Result<Option<EInvoiceImportPayload>> {
        let files = files(ctx)?;
        ctx.tx(Can::FileRead).await?;
        let tx = ctx.tx(Can::BillDraft).await?;
        EInvoiceImportPayload::settle(ctx, take_in::import(tx, files, input).await)
    }
}
