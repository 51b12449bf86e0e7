//! A claim of a vendor: entered, then posted. The same bill of a vendor enters once, however its number is written; a
//! posted bill is never edited.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, SimpleObject};
use backoffice_money::Totals;
use chrono::{Datelike, Days, NaiveDate};
use diesel::prelude::*;
use futures_util::future::join;

use crate::approvals;
use crate::finance::document::lines::{self, DocumentLine};
use crate::finance::document::pricing::{Terms, exchange_rate, total};
use crate::finance::document::{DocumentLineInput, DocumentRounding, DocumentTax, Kind, PaymentState};
use crate::finance::einvoice::{self, ReceivedInvoice};
use crate::finance::expenses;
use crate::finance::ids::{BillId, JournalEntryId, TaxCodeId, VendorId, WithholdingCodeId};
use crate::finance::ledger::exchange_rate::given_or_on;
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::open_item::early_payment::EarlyPaymentInput;
use crate::finance::open_item::{Allocation, ItemOfBill, OnBill, OpenItem, allocation};
use crate::finance::payables::vendor::{self, Vendor};
use crate::finance::payables::vendor_credit::{self, VendorCredit};
use crate::finance::withholding::{self, WithholdingCode};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, expect_version, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::bill;

pub mod api;
mod post;

pub use api::{BillMutation, BillQuery};
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

/// A vendor's number as it is compared: capitals and digits only, so that `RE-2026/1` is `re 20261`.
pub(crate) fn normalized(number: &str) -> Result<String> {
    sized("number", number, 1..=60)?;
    let kept: String = number.chars().flat_map(char::to_uppercase).filter(|c| c.is_alphanumeric()).take(60).collect();
    if kept.is_empty() {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "number",
            "A bill's number has at least one letter or digit.",
        ));
    }
    Ok(kept)
}

fn due_date(day: NaiveDate, given: Option<NaiveDate>, terms: i32) -> Result<NaiveDate> {
    match given {
        Some(due) if due < day => {
            Err(Error::refuse(UserErrorCode::Invalid, "dueDate", "A bill is not due before its own date."))
        }
        Some(due) => Ok(due),
        None => day
            .checked_add_days(Days::new(u64::try_from(terms).unwrap_or_default()))
            .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "billDate", "The date is out of range.")),
    }
}

async fn active_vendor(tx: &Tx, id: VendorId) -> Result<Vendor> {
    let vendor = vendor::find(tx, id).await?.ok_or_else(|| Error::not_found("vendor", "vendor"))?;
    if vendor.active {
        Ok(vendor)
    } else {
        Err(Error::refuse(UserErrorCode::State, "vendor", "This vendor is not active: no new bills."))
    }
}

/// The refusal of a bill that is there already, if it is: it names the first one as that was written.
async fn duplicate(
    tx: &Tx,
    vendor: VendorId,
    normalized: &str,
    year: i32,
    but: Option<BillId>,
) -> Result<Option<Error>> {
    let found: Option<Bill> = tx
        .maybe(
            bill::table
                .filter(bill::tenant_id.eq(tx.tenant()?))
                .filter(bill::vendor_id.eq(vendor))
                .filter(bill::normalized_number.eq(normalized.to_owned()))
                .filter(bill::bill_year.eq(year))
                .select(Bill::as_select()),
        )
        .await?;
    Ok(found.filter(|found| Some(found.id) != but).map(|found| {
        let message = format!("This bill is entered already: number {} of {}.", found.number, found.bill_date.0);
        Error::refuse(UserErrorCode::Duplicate, "number", message)
    }))
}

/// Enters a bill as a draft.
pub(crate) async fn create(tx: &Tx, input: BillCreateInput) -> Result<Bill> {
    let compared = normalized(&input.number)?;
    let day = input.bill_date.0;
    let vendor = active_vendor(tx, input.vendor).await?;
    let due = due_date(day, input.due_date.map(|due| due.0), vendor.payment_terms_days)?;
    let code = input.currency.unwrap_or(vendor.currency);
    let money = currency(&code.0)?;
    let given = given_or_on(tx, input.exchange_rate.map(|rate| rate.0), money, input.bill_date.0).await?;
    let rate = exchange_rate(given, money, currency(tx.book_currency())?)?;
    let terms = Terms {
        rounding: input.rounding.unwrap_or(DocumentRounding::ByDocument),
        discount_percent: input.discount_percent.unwrap_or_default().0,
        prices_include_tax: input.prices_include_tax.unwrap_or_default(),
    }
    .checked()?;
    let lines = lines::resolve(tx, Kind::Bill, input.lines, money, day).await?;
    let totals = total(&lines, terms, money)?;
    let withholding_code = match input.withholding_code {
        MaybeUndefined::Undefined => withholding::of_vendor(tx, input.vendor).await?,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(id) => Some(withholding::known(tx, id, "withholdingCode").await?.id),
    };
    let created: Option<Bill> = tx
        .maybe(
            diesel::insert_into(bill::table)
                .values((
                    bill::tenant_id.eq(tx.tenant()?),
                    bill::id.eq(BillId::new()),
                    bill::vendor_id.eq(input.vendor),
                    bill::status.eq(BillStatus::Draft),
                    bill::number.eq(input.number),
                    bill::normalized_number.eq(compared.clone()),
                    bill::bill_date.eq(input.bill_date),
                    bill::bill_year.eq(day.year()),
                    bill::due_date.eq(Date(due)),
                    bill::currency.eq(code),
                    bill::exchange_rate.eq(rate),
                    bill::rounding.eq(terms.rounding),
                    bill::discount_percent.eq(terms.discount_percent),
                    bill::prices_include_tax.eq(terms.prices_include_tax),
                    bill::vendor_name.eq(vendor.name),
                    bill::net.eq(totals.net),
                    bill::tax.eq(totals.tax),
                    bill::gross.eq(totals.gross),
                    bill::withholding_code_id.eq(withholding_code),
                ))
                // the database decides which of two is the first, and waits for it if it is not committed yet
                .on_conflict((bill::tenant_id, bill::vendor_id, bill::normalized_number, bill::bill_year))
                .do_nothing()
                .returning(Bill::as_returning()),
        )
        .await?;
    let Some(created) = created else {
        let refusal = duplicate(tx, input.vendor, &compared, day.year(), None).await?;
        return Err(refusal.unwrap_or(Error::Retry));
    };
    lines::insert(tx, Kind::Bill, created.id.0, lines, &totals).await?;
    emit(tx, EventKind::BillCreated, created.id.0);
    Ok(created)
}

/// The draft of that id, locked until the transaction ends. Refuses posted ones.
async fn lock_draft(tx: &Tx, id: BillId, expected_version: Option<i32>) -> Result<Bill> {
    let found: Option<Bill> = tx
        .maybe(
            bill::table
                .filter(bill::tenant_id.eq(tx.tenant()?))
                .filter(bill::id.eq(id))
                .select(Bill::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "bill"))?;
    expect_version(expected_version, found.version, "bill")?;
    if found.status != BillStatus::Draft {
        return Err(Error::refuse(UserErrorCode::State, "id", "This bill is posted: it is never changed."));
    }
    Ok(found)
}

async fn update(tx: &Tx, input: BillUpdateInput) -> Result<Bill> {
    let draft = lock_draft(tx, input.id, input.expected_version).await?;
    if let Some(claim) = expenses::claim_of(tx, draft.id).await? {
        let message = format!("This bill is what was accepted of expense claim {claim}: it stays as it is.");
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let vendor = match input.vendor {
        Some(id) => Some(active_vendor(tx, id).await?),
        None => None,
    };
    let (vendor_id, vendor_name) =
        vendor.map_or((draft.vendor_id, draft.vendor_name), |vendor| (vendor.id, vendor.name));
    let number = input.number.unwrap_or(draft.number);
    let compared = normalized(&number)?;
    let bill_date = input.bill_date.unwrap_or(draft.bill_date);
    let due = due_date(bill_date.0, Some(input.due_date.unwrap_or(draft.due_date).0), 0)?;
    if let Some(refusal) = duplicate(tx, vendor_id, &compared, bill_date.0.year(), Some(draft.id)).await? {
        return Err(refusal);
    }
    let code = input.currency.unwrap_or_else(|| draft.currency.clone());
    let money = currency(&code.0)?;
    // the old rate is one of the old currency
    let given = input.exchange_rate.map(|rate| rate.0);
    let kept = (code == draft.currency).then_some(draft.exchange_rate.0);
    let given = given_or_on(tx, given.or(kept), money, bill_date.0).await?;
    let rate = exchange_rate(given, money, currency(tx.book_currency())?)?;
    let terms = Terms {
        rounding: input.rounding.unwrap_or(draft.rounding),
        discount_percent: input.discount_percent.unwrap_or(draft.discount_percent).0,
        prices_include_tax: input.prices_include_tax.unwrap_or(draft.prices_include_tax),
    }
    .checked()?;
    let totals: Totals<Option<TaxCodeId>> = if let Some(new) = input.lines {
        let lines = lines::resolve(tx, Kind::Bill, new, money, bill_date.0).await?;
        let totals = total(&lines, terms, money)?;
        lines::clear(tx, Kind::Bill, draft.id.0).await?;
        lines::insert(tx, Kind::Bill, draft.id.0, lines, &totals).await?;
        totals
    } else {
        let before = lines::draft(tx, Kind::Bill, draft.id.0, bill_date.0).await?;
        let lines = lines::at_posting(&before, draft.version, "billDate")?;
        let totals = total(&lines, terms, money)?;
        lines::reprice(tx, Kind::Bill, &before, &lines, &totals).await?;
        totals
    };
    let withholding_code = match input.withholding_code {
        MaybeUndefined::Undefined => draft.withholding_code_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(id) => Some(withholding::known(tx, id, "withholdingCode").await?.id),
    };
    let updated = tx.row(
        diesel::update(bill::table)
            .filter(bill::tenant_id.eq(tx.tenant()?))
            .filter(bill::id.eq(input.id))
            .set((
                bill::vendor_id.eq(vendor_id),
                bill::vendor_name.eq(vendor_name),
                bill::number.eq(number),
                bill::normalized_number.eq(compared),
                bill::bill_date.eq(bill_date),
                bill::bill_year.eq(bill_date.0.year()),
                bill::due_date.eq(Date(due)),
                bill::currency.eq(code),
                bill::exchange_rate.eq(rate),
                bill::rounding.eq(terms.rounding),
                bill::discount_percent.eq(terms.discount_percent),
                bill::prices_include_tax.eq(terms.prices_include_tax),
                bill::net.eq(totals.net),
                bill::tax.eq(totals.tax),
                bill::gross.eq(totals.gross),
                bill::withholding_code_id.eq(withholding_code),
            ))
            .returning(Bill::as_returning()),
    );
    // whatever was asked for or approved before, this is something else
    let (updated, void) = join(updated, approvals::request::tell_void(tx, Some(input.id.0))).await;
    let updated: Bill = updated?;
    void?;
    emit(tx, EventKind::BillUpdated, updated.id.0);
    Ok(updated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_number_written_otherwise() {
        for other in ["RE-2026/1", "re 20261", " Re.2026-1 ", "RE20261"] {
            assert_eq!(normalized(other).unwrap(), "RE20261");
        }
        assert!(normalized("---").is_err());
        assert!(normalized("").is_err());
        assert_ne!(normalized("R-1").unwrap(), normalized("R-11").unwrap());
    }

    proptest! {
        #[test]
        fn any_number_is_kept_or_refused(number in ".{0,80}") {
            if let Ok(kept) = normalized(&number) {
                prop_assert!((1..=60).contains(&kept.chars().count()));
                prop_assert_eq!(normalized(&kept).unwrap(), kept);
            }
        }
    }
}
