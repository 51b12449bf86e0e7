//! Opening items: in the transaction that posts their entry, one statement however many.

use backoffice_money::Decimal;
use chrono::NaiveDate;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::finance::ids::{
    AccountId, BillId, CreditNoteId, CustomerId, DunningNoticeId, InvoiceId, JournalEntryId, OpenItemId, PaymentId,
    VendorCreditId, VendorId,
};
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::sql::sql;

/// Who owes or is owed.
#[derive(Clone, Copy, Debug)]
pub enum Party {
    /// A customer: the item is a receivable.
    Customer(CustomerId),
    /// A vendor: the item is a payable.
    Vendor(VendorId),
}

/// A document that an item comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// An issued invoice.
    Invoice(InvoiceId),
    /// A posted bill.
    Bill(BillId),
    /// An issued credit note.
    CreditNote(CreditNoteId),
    /// A posted vendor credit.
    VendorCredit(VendorCreditId),
    /// A payment: the item is what is not used of it.
    Payment(PaymentId),
    /// Fee and interest of a reminder.
    Dunning(DunningNoticeId),
    /// The balances that the books started with.
    Opening,
}

/// An item to be opened, in the transaction that posts its entry.
#[derive(Clone, Debug)]
pub struct NewItem {
    /// Who owes or is owed.
    pub party: Party,
    /// Where it comes from.
    pub source: Source,
    /// Number of the document, 1 to 60 characters.
    pub document: String,
    /// Name of the party.
    pub party_name: String,
    /// The entry that posted it to the control account.
    pub entry: JournalEntryId,
    /// The control account.
    pub account: AccountId,
    /// Date of the document.
    pub item_date: NaiveDate,
    /// Due date.
    pub due_date: NaiveDate,
    /// The document's currency.
    pub currency: String,
    /// In the document's currency; positive for what is owed in the direction of the side.
    pub amount: Decimal,
    /// The same in the books' currency.
    pub amount_book: Decimal,
}

/// Opens items: one statement, however many.
pub async fn open(tx: &Tx, items: &[NewItem]) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let texts = |pick: fn(&NewItem) -> String| items.iter().map(pick).collect::<Vec<String>>();
    let ids = |pick: fn(&NewItem) -> Option<Uuid>| items.iter().map(pick).collect::<Vec<Option<Uuid>>>();
    tx.exec(
        sql("INSERT INTO finance.open_item (tenant_id, id, side, customer_id, vendor_id, invoice_id, bill_id, credit_note_id, payment_id, dunning_notice_id, vendor_credit_id, document, party_name,
                                            entry_id, account_id, item_date, due_date, currency, amount, amount_book, open_amount, open_book)
             SELECT $1, n.id, CASE WHEN n.vendor_id IS NULL THEN 'receivable' ELSE 'payable' END, n.customer_id, n.vendor_id,
                    n.invoice_id, n.bill_id, n.credit_note_id, n.payment_id, n.dunning_notice_id, n.vendor_credit_id, n.document, n.party_name, n.entry_id, n.account_id, n.item_date, n.due_date, n.currency,
                    n.amount, n.amount_book, n.amount, n.amount_book
               FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::uuid[], $10::uuid[],
                           $11::date[], $12::date[], $13::text[], $14::numeric[], $15::numeric[], $16::uuid[], $17::uuid[],
                           $18::uuid[], $19::uuid[])
                 AS n (id, customer_id, vendor_id, invoice_id, bill_id, document, party_name, entry_id, account_id, item_date, due_date,
                       currency, amount, amount_book, credit_note_id, payment_id, dunning_notice_id, vendor_credit_id)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(items.iter().map(|_| OpenItemId::new()).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.party {
                Party::Customer(id) => Some(id.0),
                Party::Vendor(_) => None,
            }))
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.party {
                Party::Vendor(id) => Some(id.0),
                Party::Customer(_) => None,
            }))
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.source {
                Source::Invoice(id) => Some(id.0),
                _ => None,
            }))
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.source {
                Source::Bill(id) => Some(id.0),
                _ => None,
            }))
            .bind::<Array<Text>, _>(texts(|item| item.document.clone()))
            .bind::<Array<Text>, _>(texts(|item| item.party_name.clone()))
            .bind::<Array<SqlUuid>, _>(items.iter().map(|item| item.entry).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(items.iter().map(|item| item.account).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(items.iter().map(|item| item.item_date).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(items.iter().map(|item| item.due_date).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(texts(|item| item.currency.clone()))
            .bind::<Array<Numeric>, _>(items.iter().map(|item| item.amount).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(items.iter().map(|item| item.amount_book).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.source {
                Source::CreditNote(id) => Some(id.0),
                _ => None,
            }))
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.source {
                Source::Payment(id) => Some(id.0),
                _ => None,
            }))
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.source {
                Source::Dunning(id) => Some(id.0),
                _ => None,
            }))
            .bind::<Array<Nullable<SqlUuid>>, _>(ids(|item| match item.source {
                Source::VendorCredit(id) => Some(id.0),
                _ => None,
            })),
    )
    .await?;
    Ok(())
}
