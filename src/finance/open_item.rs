//! What is owed, to the client and by it: one open item for each posted document, settled by allocations.
//!
//! The sum of the open items of a side is the balance of its control accounts. An item only moves by an allocation, and
//! the database keeps what is open; an allocation is undone by one of the opposite sign, never removed.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use backoffice_money::{Currency, Decimal, add, split_last, sub};
use chrono::NaiveDate;
use diesel::prelude::*;

use crate::finance::document::PaymentState;
use crate::finance::dunning::DunningNotice;
use crate::finance::dunning::dispute::OpenItemDispute;
use crate::finance::ids::{
    AccountId, BillId, CreditNoteId, CustomerId, DunningNoticeId, InvoiceId, JournalEntryId, OpenItemId, PaymentId,
    VendorCreditId, VendorId,
};
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::payables::bill::Bill;
use crate::finance::payables::vendor::Vendor;
use crate::finance::payables::vendor_credit::VendorCredit;
use crate::finance::payment::Payment;
use crate::finance::receivables::credit_note::CreditNote;
use crate::finance::receivables::customer::Customer;
use crate::finance::receivables::invoice::Invoice;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::open_item;

pub mod aging;
pub mod allocation;
mod api;
pub mod early_payment;
pub mod instalment;
mod opening;

pub use aging::AgingQuery;
pub use allocation::Allocation;
pub(crate) use api::day_of;
pub use api::{CustomerIdFilter, OpenItemFilter, OpenItemOrder, OpenItemQuery, OpenItemSideFilter, VendorIdFilter};
pub use early_payment::EarlyPayment;
pub use instalment::Instalment;
pub use opening::{NewItem, Party, Source, open};

crate::platform::words! {
    /// Who owes whom.
    OpenItemSide {
        /// A customer owes the client.
        Receivable = "receivable",
        /// The client owes a vendor.
        Payable = "payable",
    }
}

/// An amount that is owed until it is settled.
#[derive(Queryable, QueryableByName, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = open_item)]
#[graphql(complex)]
pub struct OpenItem {
    /// Global id.
    pub id: OpenItemId,
    /// Who owes whom.
    pub side: OpenItemSide,
    #[graphql(skip)]
    pub(crate) customer_id: Option<CustomerId>,
    #[graphql(skip)]
    pub(crate) vendor_id: Option<VendorId>,
    #[graphql(skip)]
    pub(crate) invoice_id: Option<InvoiceId>,
    #[graphql(skip)]
    pub(crate) bill_id: Option<BillId>,
    #[graphql(skip)]
    pub(crate) credit_note_id: Option<CreditNoteId>,
    #[graphql(skip)]
    pub(crate) vendor_credit_id: Option<VendorCreditId>,
    #[graphql(skip)]
    pub(crate) payment_id: Option<PaymentId>,
    #[graphql(skip)]
    pub(crate) dunning_notice_id: Option<DunningNoticeId>,
    /// Number of the document: the client's own of an invoice, a credit note or a payment, the vendor's of
    /// a bill.
    pub document: String,
    /// Name of the customer or vendor as it stands on the document.
    pub party_name: String,
    #[graphql(skip)]
    pub(crate) entry_id: JournalEntryId,
    #[graphql(skip)]
    pub(crate) account_id: AccountId,
    /// Date of the document.
    pub item_date: Date,
    /// The day it is due.
    pub due_date: Date,
    #[graphql(skip)]
    pub(crate) currency: String,
    #[graphql(skip)]
    pub(crate) amount: Dec,
    #[graphql(skip)]
    pub(crate) open_amount: Dec,
    #[graphql(skip)]
    pub(crate) open_book: Dec,
    /// Counts changes.
    pub version: i32,
}

impl OpenItem {
    /// How much of it is settled.
    #[must_use]
    pub fn payment_state(&self) -> PaymentState {
        if self.open_amount.0.is_zero() {
            PaymentState::Paid
        } else if self.open_amount == self.amount {
            PaymentState::Open
        } else {
            PaymentState::PartPaid
        }
    }

    /// Whether something is open after the due date.
    #[must_use]
    pub fn overdue(&self, today: NaiveDate) -> bool {
        !self.open_amount.0.is_zero() && self.due_date.0 < today
    }

    /// What a part of it is worth in the books' currency, with the item's sign and at the rate that the item was posted
    /// with; the last part takes what is left.
    pub fn book_share(&self, part: Decimal, book: Currency) -> Result<Decimal> {
        let exponent = (self.currency != book.code()).then_some(book.exponent());
        share(self.open_amount.0, self.open_book.0, part, exponent)
    }

    /// What was open at the end of a day, by the allocations dated up to it. Nothing before the document's date.
    pub fn open_as_of(&self, allocations: &[Allocation], day: NaiveDate) -> Result<Decimal> {
        if day < self.item_date.0 {
            return Ok(Decimal::ZERO);
        }
        let settled = allocations
            .iter()
            .filter(|allocation| allocation.allocated_on.0 <= day)
            .try_fold(Decimal::ZERO, |sum, allocation| add(sum, allocation.amount.0))?;
        Ok(sub(self.amount.0, settled)?)
    }
}

#[ComplexObject]
impl OpenItem {
    /// The whole amount in the document's currency. Positive: owed to the client on a receivable, by the client on a
    /// payable; negative for a credit note.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency)
    }

    /// What is still open, in the document's currency and with the sign of `amount`; at the end of a day if one is given:
    /// allocations count from their own date, and nothing is open before the document's date.
    async fn open_amount(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; now if not said.")] as_of: Option<Date>,
    ) -> async_graphql::Result<Money> {
        let Some(day) = as_of else { return Ok(Money::new(self.open_amount, &self.currency)) };
        let allocations = ctx.load::<allocation::OfItem>(self.id).await?.unwrap_or_default();
        Ok(Money::new(Dec(self.open_as_of(&allocations, day.0)?), &self.currency))
    }

    /// Whether nothing is open any more.
    async fn settled(&self) -> bool {
        self.open_amount.0.is_zero()
    }

    /// Who owes it, on a receivable. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Customer>> {
        match self.customer_id {
            Some(id) => Ok(ctx.load::<Customer>(id).await?),
            None => Ok(None),
        }
    }

    /// Who is owed it, on a payable. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        match self.vendor_id {
            Some(id) => Ok(ctx.load::<Vendor>(id).await?),
            None => Ok(None),
        }
    }

    /// The invoice, if the item comes from one. Right: `finance.invoice.read`.
    async fn invoice(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Invoice>> {
        match self.invoice_id {
            Some(id) => Ok(ctx.load::<Invoice>(id).await?),
            None => Ok(None),
        }
    }

    /// The bill, if the item comes from one. Right: `finance.bill.read`.
    async fn bill(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Bill>> {
        match self.bill_id {
            Some(id) => Ok(ctx.load::<Bill>(id).await?),
            None => Ok(None),
        }
    }

    /// The credit note, if the item is what one took back beyond what was still open. Right: `finance.invoice.read`.
    async fn credit_note(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CreditNote>> {
        match self.credit_note_id {
            Some(id) => Ok(ctx.load::<CreditNote>(id).await?),
            None => Ok(None),
        }
    }

    /// The vendor credit, if the item is what one gave back beyond what was still open. Right: `finance.bill.read`.
    async fn vendor_credit(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<VendorCredit>> {
        match self.vendor_credit_id {
            Some(id) => Ok(ctx.load::<VendorCredit>(id).await?),
            None => Ok(None),
        }
    }

    /// The payment, if the item is what is not used of one. Right: `finance.payment.read`.
    async fn payment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Payment>> {
        match self.payment_id {
            Some(id) => Ok(ctx.load::<Payment>(id).await?),
            None => Ok(None),
        }
    }

    /// The reminder, if the item is the fee and interest of one. Right: `finance.dunning.read`.
    async fn dunning_notice(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DunningNotice>> {
        match self.dunning_notice_id {
            Some(id) => Ok(ctx.load::<DunningNotice>(id).await?),
            None => Ok(None),
        }
    }

    /// What a dispute about it says that is not over; null without one.
    async fn dispute(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItemDispute>> {
        Ok(ctx.load::<OpenItemDispute>(self.id).await?)
    }

    /// The journal entry that posted it to the control account. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// Its instalments, in their order; none for an item that is due on one day. What is settled settles the earliest ones
    /// first. `dueDate` is the day of the last one.
    async fn instalments(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Instalment>> {
        Ok(ctx.load::<instalment::OfItem>(self.id).await?.unwrap_or_default())
    }

    /// The discounts that its document grants to whoever pays early, the earliest first.
    async fn early_payment(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EarlyPayment>> {
        Ok(ctx.load::<early_payment::OfItem>(self.id).await?.unwrap_or_default())
    }

    /// How it was settled, in the order of recording; what was undone stands here with its opposite.
    async fn allocations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Allocation>> {
        Ok(ctx.load::<allocation::OfItem>(self.id).await?.unwrap_or_default())
    }
}

crate::platform::connection!(
    /// A page of open items.
    OpenItemConnection, OpenItemEdge, OpenItem
);

impl Fetch for OpenItem {
    type Key = OpenItemId;
    type Value = Self;
    const CAN: Can = Can::OpenItemRead;

    async fn fetch(tx: &Tx, keys: Vec<OpenItemId>) -> Result<HashMap<OpenItemId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                open_item::table
                    .filter(open_item::tenant_id.eq(tx.tenant()?))
                    .filter(open_item::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// What is open on a document, and whether it is late today.
#[derive(Clone, Debug)]
pub struct Owed {
    /// The open item.
    pub item: OpenItem,
    /// Something is open after the due date.
    pub overdue: bool,
}

/// Declares how the open item that a document made is fetched, by its own right.
macro_rules! item_of {
    ($ItemOf:ident, $Id:ident, $column:ident, $one:literal) => {
        #[doc = concat!("Fetches the open item that the ", $one, " made.")]
        pub struct $ItemOf;

        impl Fetch for $ItemOf {
            type Key = $Id;
            type Value = OpenItem;
            const CAN: Can = Can::OpenItemRead;

            async fn fetch(tx: &Tx, keys: Vec<$Id>) -> Result<HashMap<$Id, OpenItem>> {
                let rows: Vec<OpenItem> = tx
                    .rows(
                        open_item::table
                            .filter(open_item::tenant_id.eq(tx.tenant()?))
                            .filter(open_item::$column.eq_any(keys))
                            .select(OpenItem::as_select()),
                    )
                    .await?;
                Ok(rows.into_iter().filter_map(|item| item.$column.map(|id| (id, item))).collect())
            }
        }
    };
}

/// The same, and what is open on it as part of reading the document.
macro_rules! items_of {
    ($On:ident, $ItemOf:ident, $Id:ident, $column:ident, $can:ident, $one:literal) => {
        item_of!($ItemOf, $Id, $column, $one);

        #[doc = concat!("Fetches what is open: part of reading the ", $one, ".")]
        pub struct $On;

        impl Fetch for $On {
            type Key = $Id;
            type Value = Owed;
            const CAN: Can = Can::$can;

            async fn fetch(tx: &Tx, keys: Vec<$Id>) -> Result<HashMap<$Id, Owed>> {
                let today = tx.today();
                let items = $ItemOf::fetch(tx, keys).await?;
                Ok(items.into_iter().map(|(id, item)| (id, Owed { overdue: item.overdue(today), item })).collect())
            }
        }
    };
}

items_of!(OnInvoice, ItemOfInvoice, InvoiceId, invoice_id, InvoiceRead, "invoice");
item_of!(ItemOfPayment, PaymentId, payment_id, "payment");
item_of!(ItemOfVendorCredit, VendorCreditId, vendor_credit_id, "vendor credit");
item_of!(ItemOfCreditNote, CreditNoteId, credit_note_id, "credit note");
items_of!(OnBill, ItemOfBill, BillId, bill_id, BillRead, "bill");

/// What a part of an open amount is worth of what all of it is worth in the books, which has so many decimals; none where
/// the two currencies are one.
pub fn share(open: Decimal, open_book: Decimal, part: Decimal, exponent: Option<u32>) -> Result<Decimal> {
    let Some(exponent) = exponent else { return Ok(part) };
    let parts = split_last(open_book, &[part.abs(), sub(open, part)?.abs()], exponent)?;
    parts.into_iter().next().ok_or_else(|| Error::fault("a split without parts"))
}

/// The open items of those ids, locked in the order of their ids until the transaction ends.
pub async fn lock_items(tx: &Tx, ids: Vec<OpenItemId>) -> Result<HashMap<OpenItemId, OpenItem>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<OpenItem> = tx
        .rows(
            open_item::table
                .filter(open_item::tenant_id.eq(tx.tenant()?))
                .filter(open_item::id.eq_any(ids))
                .order(open_item::id)
                .select(OpenItem::as_select())
                .for_update(),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(amount: &str, open: &str) -> OpenItem {
        let dec = |text: &str| Dec(text.parse().unwrap());
        OpenItem {
            id: OpenItemId::new(),
            side: OpenItemSide::Receivable,
            customer_id: None,
            vendor_id: None,
            invoice_id: None,
            bill_id: None,
            credit_note_id: None,
            vendor_credit_id: None,
            payment_id: None,
            dunning_notice_id: None,
            document: "INV-00001".to_owned(),
            party_name: "A".to_owned(),
            entry_id: JournalEntryId::new(),
            account_id: AccountId::new(),
            item_date: Date("2026-01-10".parse().unwrap()),
            due_date: Date("2026-01-24".parse().unwrap()),
            currency: "EUR".to_owned(),
            amount: dec(amount),
            open_amount: dec(open),
            open_book: dec(open),
            version: 1,
        }
    }

    #[test]
    fn states() {
        assert_eq!(item("100", "100").payment_state(), PaymentState::Open);
        assert_eq!(item("100", "40").payment_state(), PaymentState::PartPaid);
        assert_eq!(item("-100", "0").payment_state(), PaymentState::Paid);
        assert!(item("100", "1").overdue("2026-01-25".parse().unwrap()));
        assert!(!item("100", "1").overdue("2026-01-24".parse().unwrap()));
        assert!(!item("100", "0").overdue("2026-02-24".parse().unwrap()));
    }

    #[test]
    fn as_of_a_day() {
        let item = item("100", "70");
        let on = |day: &str, amount: i64| Allocation::sample(item.id, day.parse().unwrap(), Decimal::from(amount));
        let allocations = [on("2026-01-20", 60), on("2026-02-01", -60), on("2026-02-01", 30)];
        let open = |day: &str| item.open_as_of(&allocations, day.parse().unwrap()).unwrap();
        assert_eq!(open("2026-01-09"), Decimal::ZERO);
        assert_eq!(open("2026-01-10"), Decimal::from(100));
        assert_eq!(open("2026-01-20"), Decimal::from(40));
        assert_eq!(open("2026-02-01"), Decimal::from(70));
    }
}
