//! Electronic invoices by EN 16931: made of issued invoices and credit notes, and taken in as bills.
//!
//! What is made is checked by the rules of the standard first and kept as a file: asked for again, it is the same file. What
//! comes in is checked by the same rules, and becomes a bill that says the same amounts to the last cent, or nothing.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use diesel::prelude::*;

use crate::finance::ids::{BillId, CreditNoteId, EInvoiceId, InvoiceId, ReceivedInvoiceId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::files::{File, FileId};
use crate::platform::scalars::{DateTime, Dec};
use crate::platform::scope::Ask;
use crate::schema::{e_invoice, received_invoice};

pub mod api;
mod build;
mod check;
mod facts;
mod make;
pub mod seller;
mod take_in;
pub mod treatment;

pub use api::{EInvoiceMutation, EInvoiceQuery};
pub(crate) use make::{expect, wanted_at_issue};
pub use treatment::TaxTreatment;

crate::platform::words! {
    /// The form of an electronic invoice.
    EInvoiceForm {
        /// UBL 2.1 as Peppol BIS Billing 3 uses it: both parties have an electronic address, and the buyer a reference.
        Peppol = "peppol",
        /// UBL 2.1.
        Ubl = "ubl",
        /// UN/CEFACT Cross Industry Invoice D16B.
        Cii = "cii",
    }
}

/// An electronic invoice that was made of an invoice or a credit note.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = e_invoice)]
#[graphql(complex)]
pub struct EInvoice {
    /// Global id.
    pub id: EInvoiceId,
    #[graphql(skip)]
    invoice_id: Option<InvoiceId>,
    #[graphql(skip)]
    credit_note_id: Option<CreditNoteId>,
    /// Its form.
    pub form: EInvoiceForm,
    #[graphql(skip)]
    file_id: FileId,
    /// When it was made.
    pub created_at: DateTime,
}

#[ComplexObject]
impl EInvoice {
    /// The file, XML. Right: `core.file.read`.
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        Ok(ctx.load::<File>(self.file_id).await?)
    }
}

/// An electronic invoice that became a bill. The amounts are what its file says, in the bill's currency.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = received_invoice)]
#[graphql(complex)]
pub struct ReceivedInvoice {
    /// Global id.
    pub id: ReceivedInvoiceId,
    #[graphql(skip)]
    bill_id: BillId,
    #[graphql(skip)]
    file_id: FileId,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Sum without tax.
    pub net: Dec,
    /// The tax.
    pub tax: Dec,
    /// Sum with tax.
    pub gross: Dec,
    /// What it says has been paid already: the bill stands in full, and the payment is allocated to it.
    pub paid: Dec,
    /// When it was taken in.
    pub created_at: DateTime,
}

#[ComplexObject]
impl ReceivedInvoice {
    /// The file as it came. Right: `core.file.read`.
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        Ok(ctx.load::<File>(self.file_id).await?)
    }
}

impl Fetch for EInvoice {
    type Key = EInvoiceId;
    type Value = Self;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<EInvoiceId>) -> Result<HashMap<EInvoiceId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                e_invoice::table
                    .filter(e_invoice::tenant_id.eq(tx.tenant()?))
                    .filter(e_invoice::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Declares how the electronic invoices of a document are fetched.
macro_rules! of_document {
    ($(#[doc = $doc:literal])+ $Of:ident, $Id:ident, $column:ident) => {
        $(#[doc = $doc])+
        pub struct $Of;

        impl Fetch for $Of {
            type Key = $Id;
            type Value = Vec<EInvoice>;
            const CAN: Can = Can::InvoiceRead;

            async fn fetch(tx: &Tx, keys: Vec<$Id>) -> Result<HashMap<$Id, Vec<EInvoice>>> {
                let rows: Vec<EInvoice> = tx
                    .rows(
                        e_invoice::table
                            .filter(e_invoice::tenant_id.eq(tx.tenant()?))
                            .filter(e_invoice::$column.eq_any(keys))
                            .order(e_invoice::id)
                            .select(EInvoice::as_select()),
                    )
                    .await?;
                let mut found: HashMap<$Id, Vec<EInvoice>> = HashMap::new();
                for row in rows {
                    if let Some(id) = row.$column {
                        found.entry(id).or_default().push(row);
                    }
                }
                Ok(found)
            }
        }
    };
}

of_document!(
    /// Fetches the electronic invoices of invoices, in the order of making.
    OfInvoice, InvoiceId, invoice_id
);
of_document!(
    /// Fetches the electronic invoices of credit notes, in the order of making.
    OfCreditNote, CreditNoteId, credit_note_id
);

impl Fetch for ReceivedInvoice {
    type Key = ReceivedInvoiceId;
    type Value = Self;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<ReceivedInvoiceId>) -> Result<HashMap<ReceivedInvoiceId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                received_invoice::table
                    .filter(received_invoice::tenant_id.eq(tx.tenant()?))
                    .filter(received_invoice::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the electronic invoices that bills were made of.
pub struct OfBill;

impl Fetch for OfBill {
    type Key = BillId;
    type Value = ReceivedInvoice;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<BillId>) -> Result<HashMap<BillId, ReceivedInvoice>> {
        let rows: Vec<ReceivedInvoice> = tx
            .rows(
                received_invoice::table
                    .filter(received_invoice::tenant_id.eq(tx.tenant()?))
                    .filter(received_invoice::bill_id.eq_any(keys))
                    .select(ReceivedInvoice::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.bill_id, row)).collect())
    }
}
