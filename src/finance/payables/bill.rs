//! A claim of a vendor: entered, then posted. The same bill of a vendor enters once, however its number is written; a
//! posted bill is never edited.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, SimpleObject};
use diesel::prelude::*;

use crate::finance::document::lines::{self, DocumentLine};
use crate::finance::document::pricing::Terms;
use crate::finance::document::{DocumentLineInput, DocumentRounding, DocumentTax, Kind, PaymentState};
use crate::finance::einvoice::{self, ReceivedInvoice};
use crate::finance::ids::{BillId, JournalEntryId, VendorId, WithholdingCodeId};
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::open_item::early_payment::EarlyPaymentInput;
use crate::finance::open_item::{Allocation, ItemOfBill, OnBill, OpenItem, allocation};
use crate::finance::payables::vendor::Vendor;
use crate::finance::payables::vendor_credit::{self, VendorCredit};
use crate::finance::withholding::WithholdingCode;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::bill;

pub mod api;
mod draft;
mod post;

pub use api::{BillMutation, BillQuery};
pub(crate) use draft::{create, normalized};
pub(crate) use post::post;

crate::platform::words! {
    /// Where a bill stands.
    BillStatus {
        /// May still be changed; not in the books.
        Draft = "draft",
        /// In the books, frozen.
        Posted = "posted",
    }
}

/// A claim of a vendor. All its amounts are in its own currency.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = bill)]
#[graphql(complex)]
pub struct Bill {
    /// Global id.
    pub id: BillId,
    #[graphql(skip)]
    pub(crate) vendor_id: VendorId,
    /// Draft or posted.
    pub status: BillStatus,
    /// The vendor's own number, as it stands on the bill.
    pub number: String,
    /// Date of the bill: decides tax rates.
    pub bill_date: Date,
    /// The day it is due.
    pub due_date: Date,
    /// Currency of all its amounts.
    pub currency: CurrencyCode,
    /// Book currency for one unit of the bill's currency; 1 in the books' own.
    pub exchange_rate: Dec,
    /// When taxes are rounded.
    pub rounding: DocumentRounding,
    /// Discount on the whole document in percent, behind those of the lines.
    pub discount_percent: Dec,
    /// Whether the prices of the lines include their taxes.
    pub prices_include_tax: bool,
    /// The vendor's name at the time of the bill.
    pub vendor_name: String,
    #[graphql(skip)]
    pub(crate) net: Dec,
    #[graphql(skip)]
    pub(crate) tax: Dec,
    #[graphql(skip)]
    pub(crate) gross: Dec,
    #[graphql(skip)]
    pub(crate) withholding_code_id: Option<WithholdingCodeId>,
    #[graphql(skip)]
    pub(crate) withheld: Dec,
    #[graphql(skip)]
    pub(crate) entry_id: Option<JournalEntryId>,
    /// When the draft was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

impl Bill {
    /// What besides its lines decides its amounts.
    pub(crate) fn terms(&self) -> Terms {
        Terms {
            rounding: self.rounding,
            discount_percent: self.discount_percent.0,
            prices_include_tax: self.prices_include_tax,
        }
    }
}

#[ComplexObject]
impl Bill {
    /// Sum of the lines after discounts, before tax.
    async fn net(&self) -> Money {
        Money::new(self.net, &self.currency.0)
    }

    /// Sum of the taxes.
    async fn tax(&self) -> Money {
        Money::new(self.tax, &self.currency.0)
    }

    /// Net and tax: what the vendor is owed, but for what is withheld.
    async fn gross(&self) -> Money {
        Money::new(self.gross, &self.currency.0)
    }

    /// What of it is owed to the tax office instead of the vendor; 0 on a draft.
    async fn withheld(&self) -> Money {
        Money::new(self.withheld, &self.currency.0)
    }

    /// By which code something is withheld; null: by none. Right: `finance.tax_code.read`.
    async fn withholding_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WithholdingCode>> {
        match self.withholding_code_id {
            Some(id) => Ok(ctx.load::<WithholdingCode>(id).await?),
            None => Ok(None),
        }
    }

    /// What the vendor is still owed; null on a draft.
    async fn open_amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Money>> {
        if self.status == BillStatus::Draft {
            return Ok(None);
        }
        let owed = ctx.load::<OnBill>(self.id).await?;
        Ok(Some(Money::new(owed.map(|owed| owed.item.open_amount).unwrap_or_default(), &self.currency.0)))
    }

    /// How much has been paid; null on a draft.
    async fn payment_state(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<PaymentState>> {
        if self.status == BillStatus::Draft {
            return Ok(None);
        }
        // a bill that sums to nothing is owed to nobody
        Ok(Some(ctx.load::<OnBill>(self.id).await?.map_or(PaymentState::Paid, |owed| owed.item.payment_state())))
    }

    /// Whether something is still open after the due date, today in the client's time zone.
    async fn overdue(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        if self.status == BillStatus::Draft {
            return Ok(false);
        }
        Ok(ctx.load::<OnBill>(self.id).await?.is_some_and(|owed| owed.overdue))
    }

    /// The taxes by code.
    async fn taxes(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentTax>> {
        let lines = ctx.load::<Lines>((self.id, self.currency.clone())).await?.unwrap_or_default();
        Ok(lines::taxes(&lines, self.terms(), &self.currency.0)?)
    }

    /// The lines, in their order.
    async fn lines(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentLine>> {
        Ok(ctx.load::<Lines>((self.id, self.currency.clone())).await?.unwrap_or_default())
    }

    /// The vendor as it is today. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }

    /// The journal entry that posting made; null on a draft. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }

    /// The open item that the bill made; null on a draft and on a bill that sums to nothing. Right:
    /// `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<ItemOfBill>(self.id).await?)
    }

    /// What the vendor gave back of it, in the order of posting.
    async fn vendor_credits(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<VendorCredit>> {
        Ok(ctx.load::<vendor_credit::OfBill>(self.id).await?.unwrap_or_default())
    }

    /// The electronic invoice that it was made of; null if it was entered.
    async fn received_invoice(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ReceivedInvoice>> {
        Ok(ctx.load::<einvoice::OfBill>(self.id).await?)
    }

    /// How it was paid, in the order of recording. Right: `finance.open_item.read`.
    async fn allocations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Allocation>> {
        Ok(ctx.load::<allocation::OfBill>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for Bill {
    type Key = BillId;
    type Value = Self;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<BillId>) -> Result<HashMap<BillId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                bill::table
                    .filter(bill::tenant_id.eq(tx.tenant()?))
                    .filter(bill::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the lines of bills.
struct Lines;

impl Fetch for Lines {
    type Key = lines::Asked<BillId>;
    type Value = Vec<DocumentLine>;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<Self::Key>) -> Result<HashMap<Self::Key, Vec<DocumentLine>>> {
        lines::of(tx, Kind::Bill, keys, |id| id.0).await
    }
}

/// A new draft.
#[derive(InputObject, Clone, Debug)]
pub struct BillCreateInput {
    /// The vendor, who has to be active.
    pub vendor: VendorId,
    /// The vendor's number as it stands on the bill, 1 to 60 characters with at least one letter or digit. Unique for the
    /// vendor and the year of the bill, whatever its case, blanks and punctuation.
    pub number: String,
    /// Date of the bill: decides tax rates.
    pub bill_date: Date,
    /// The day it is due, not before the date of the bill; by the vendor's payment terms if not said.
    pub due_date: Option<Date>,
    /// Currency of all amounts; the vendor's if not said.
    pub currency: Option<CurrencyCode>,
    /// Book currency for one unit of the bill's currency, at most 8 decimals. Where the two differ the exchange rate of the day
    /// if not said; needed if there is none.
    pub exchange_rate: Option<Dec>,
    /// When the vendor rounded the taxes; `BY_DOCUMENT` if not said.
    pub rounding: Option<DocumentRounding>,
    /// Discount on the whole document in percent, 0 to 100, at most 4 decimals, behind those of the lines; none if not said.
    pub discount_percent: Option<Dec>,
    /// Whether the prices of the lines include their taxes; they do not if not said.
    pub prices_include_tax: Option<bool>,
    /// By which code something is withheld; by the vendor's if not said, null: nothing.
    pub withholding_code: MaybeUndefined<WithholdingCodeId>,
    /// 1 to 1000 lines.
    pub lines: Vec<DocumentLineInput>,
}

/// Changes of a draft: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct BillUpdateInput {
    /// The draft.
    pub id: BillId,
    /// The version that was read; refused with `CONFLICT` if the bill was changed since.
    pub expected_version: Option<i32>,
    /// Another vendor, who has to be active.
    pub vendor: Option<VendorId>,
    /// Another number.
    pub number: Option<String>,
    /// Another date of the bill.
    pub bill_date: Option<Date>,
    /// Another due date.
    pub due_date: Option<Date>,
    /// Another currency; the amounts of the lines stay as numbers.
    pub currency: Option<CurrencyCode>,
    /// Another exchange rate: needed with another currency that is not the books'.
    pub exchange_rate: Option<Dec>,
    /// Another rule of rounding.
    pub rounding: Option<DocumentRounding>,
    /// Another discount on the whole document in percent, 0 to 100.
    pub discount_percent: Option<Dec>,
    /// Whether the prices of the lines include their taxes, which stay as numbers.
    pub prices_include_tax: Option<bool>,
    /// By which other code something is withheld; null: nothing.
    pub withholding_code: MaybeUndefined<WithholdingCodeId>,
    /// Lines that replace all lines there are.
    pub lines: Option<Vec<DocumentLineInput>>,
}

/// What a bill is posted with.
#[derive(InputObject, Clone, Debug)]
pub struct BillPostInput {
    /// The draft.
    pub id: BillId,
    /// The day in the books; the date of the bill if not said. Tax rates go by the date of the bill either way.
    pub posting_date: Option<Date>,
    /// Discounts that the vendor grants for paying early, at most 3, the highest first; none if not said. Their days count
    /// from the date of the bill.
    pub early_payment: Option<Vec<EarlyPaymentInput>>,
    /// The version that was read; refused with `CONFLICT` if the bill was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of a bill.
    BillPayload {
        /// The bill as it is now.
        bill: Bill
    }
}
