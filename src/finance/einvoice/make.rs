//! Making electronic invoices of what was issued.

use std::sync::Arc;

use async_graphql::InputObject;
use backoffice_formats::einvoice::{cii, ubl};
use diesel::prelude::*;

use super::check::{self, EInvoiceProblem};
use super::facts::{self, Facts};
use super::{EInvoice, EInvoiceForm, build};
use crate::finance::ids::{CreditNoteId, EInvoiceId, InvoiceId};
use crate::finance::receivables::credit_note::CreditNote;
use crate::finance::receivables::invoice::{Invoice, InvoiceStatus};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{Bytes, FilePurpose, Files, Reserved, not_written};
use crate::platform::outbox::{EventKind, emit};
use crate::schema::{e_invoice, seller_profile};

/// What an electronic invoice is made of: an invoice or a credit note, exactly one of the two.
#[derive(InputObject, Clone, Debug)]
pub struct EInvoiceCreateInput {
    /// The invoice, which has to be issued.
    pub invoice: Option<InvoiceId>,
    /// The credit note.
    pub credit_note: Option<CreditNoteId>,
    /// Its form.
    pub form: EInvoiceForm,
}

crate::platform::payload! {
    /// What became of an electronic invoice. Each problem is an error at the field of the party or line that it is about.
    EInvoicePayload {
        /// The electronic invoice.
        e_invoice: EInvoice
    }
}

/// What speaks against that in that form, and the text if nothing does.
fn written(facts: &Facts, form: EInvoiceForm) -> Result<std::result::Result<String, Vec<EInvoiceProblem>>> {
    let invoice = build::invoice(facts, form)?;
    let mut problems = facts.unfit.clone();
    problems.extend(check::problems(&invoice, Some(form)));
    if !problems.is_empty() {
        return Ok(Err(problems));
    }
    let text = match form {
        EInvoiceForm::Peppol | EInvoiceForm::Ubl => ubl::write(&invoice),
        EInvoiceForm::Cii => cii::write(&invoice),
    };
    let broken = |violations: Vec<_>| Error::fault(format!("an invoice without problems broke {violations:?}"));
    Ok(Ok(text.map_err(broken)?))
}

/// What speaks against an invoice in that form; a draft is looked at as if it were issued today.
pub(super) async fn look(tx: &Tx, id: InvoiceId, form: EInvoiceForm) -> Result<Option<Vec<EInvoiceProblem>>> {
    let Some(invoice) = Invoice::fetch(tx, vec![id]).await?.remove(&id) else { return Ok(None) };
    let facts = facts::of_invoice(tx, &invoice).await?;
    Ok(Some(written(&facts, form)?.err().unwrap_or_default()))
}

/// The form in which the client wants every invoice to be fit before it is issued; none if it does not.
pub(crate) async fn wanted_at_issue(tx: &Tx) -> Result<Option<EInvoiceForm>> {
    let found: Option<Option<EInvoiceForm>> = tx
        .maybe(
            seller_profile::table
                .filter(seller_profile::tenant_id.eq(tx.tenant()?))
                .select(seller_profile::check_at_issue),
        )
        .await?;
    Ok(found.flatten())
}

/// Refuses an invoice that could not be sent in that form.
pub(crate) async fn expect(tx: &Tx, invoice: &Invoice, form: EInvoiceForm) -> Result<()> {
    let facts = facts::of_invoice(tx, invoice).await?;
    let problems = written(&facts, form)?.err().unwrap_or_default();
    check::refusal(&problems).map_or(Ok(()), Err)
}

async fn there(
    tx: &Tx,
    invoice: Option<InvoiceId>,
    note: Option<CreditNoteId>,
    form: EInvoiceForm,
) -> Result<Option<EInvoice>> {
    tx.maybe(
        e_invoice::table
            .filter(e_invoice::tenant_id.eq(tx.tenant()?))
            .filter(e_invoice::invoice_id.eq(invoice).or(e_invoice::credit_note_id.eq(note)))
            .filter(e_invoice::form.eq(form))
            .select(EInvoice::as_select()),
    )
    .await
}

async fn facts_of(tx: &Tx, input: &EInvoiceCreateInput) -> Result<Facts> {
    match (input.invoice, input.credit_note) {
        (Some(id), None) => {
            let invoice = Invoice::fetch(tx, vec![id]).await?.remove(&id);
            let invoice = invoice.ok_or_else(|| Error::not_found("invoice", "invoice"))?;
            if invoice.status != InvoiceStatus::Issued {
                let message = "This invoice is a draft: issue it first. eInvoiceCheck says what speaks against it.";
                return Err(Error::refuse(UserErrorCode::State, "invoice", message));
            }
            facts::of_invoice(tx, &invoice).await
        }
        (None, Some(id)) => {
            let note = CreditNote::fetch(tx, vec![id]).await?.remove(&id);
            facts::of_credit_note(tx, &note.ok_or_else(|| Error::not_found("creditNote", "credit note"))?).await
        }
        _ => {
            let message = "Name an invoice or a credit note: exactly one of the two.";
            Err(Error::refuse(UserErrorCode::Required, "invoice", message))
        }
    }
}

/// Makes an electronic invoice; asked for again it is the same one.
pub(super) async fn create(tx: &Tx, files: &Arc<Files>, input: EInvoiceCreateInput) -> Result<EInvoice> {
    let facts = facts_of(tx, &input).await?;
    if let Some(made) = there(tx, input.invoice, input.credit_note, input.form).await? {
        return Ok(made);
    }
    let text = match written(&facts, input.form)? {
        Ok(text) => text,
        Err(problems) => return Err(check::refusal(&problems).unwrap_or_else(|| Error::fault("refused for nothing"))),
    };
    let reserved = Reserved { rights: vec![Can::InvoiceRead], only_for: None };
    let name = format!("{}-{}.xml", facts.number, input.form.text());
    let draft = files.begin(tx, &name, FilePurpose::Export, &reserved).await?;
    let whole = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(text.into_bytes()))]);
    let bytes = files.write(&draft, whole).await.map_err(not_written)?;
    let file = files.finish(tx, &draft, &bytes, None, &reserved).await?;
    let made: Option<EInvoice> = tx
        .maybe(
            diesel::insert_into(e_invoice::table)
                .values((
                    e_invoice::tenant_id.eq(tx.tenant()?),
                    e_invoice::id.eq(EInvoiceId::new()),
                    e_invoice::invoice_id.eq(input.invoice),
                    e_invoice::credit_note_id.eq(input.credit_note),
                    e_invoice::form.eq(input.form),
                    e_invoice::file_id.eq(file.id),
                ))
                // whoever comes second does it again and finds the first one's
                .on_conflict_do_nothing()
                .returning(EInvoice::as_returning()),
        )
        .await?;
    let made = made.ok_or(Error::Retry)?;
    emit(tx, EventKind::EInvoiceMade, made.id.0);
    Ok(made)
}
