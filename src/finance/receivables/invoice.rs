//! A claim on a customer: drafted, then issued. Issuing numbers it without gaps, freezes it and books it; an issued
//! invoice is never edited.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, SimpleObject};
use backoffice_money::Totals;
use diesel::prelude::*;

use crate::finance::document::lines::{self, DocumentLine};
use crate::finance::document::pricing::{Terms, exchange_rate, total};
use crate::finance::document::{DocumentLineInput, DocumentRounding, DocumentTax, Kind, PaymentState};
use crate::finance::einvoice::{self, EInvoice};
use crate::finance::ids::{CustomerId, InvoiceId, JournalEntryId, TaxCodeId};
use crate::finance::ledger::exchange_rate::given_or_on;
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::open_item::early_payment::EarlyPaymentInput;
use crate::finance::open_item::instalment::{InstalmentInput, LateOnInvoice};
use crate::finance::open_item::{Allocation, ItemOfInvoice, OnInvoice, OpenItem, allocation};
use crate::finance::receivables::credit_limit::{self, CreditOverride};
use crate::finance::receivables::credit_note::{self, CreditNote};
use crate::finance::receivables::customer::{self, Customer};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{currency, expect_version, sized_if_given};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::invoice;

pub mod api;
mod issue;

pub use api::{InvoiceMutation, InvoiceQuery};

crate::platform::words! {
    /// Where an invoice stands.
    InvoiceStatus {
        /// May still be changed; has no number and is not in the books.
        Draft = "draft",
        /// Numbered, in the books, frozen.
        Issued = "issued",
    }
}

/// A claim on a customer. All its amounts are in its own currency.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = invoice)]
#[graphql(complex)]
pub struct Invoice {
    /// Global id.
    pub id: InvoiceId,
    #[graphql(skip)]
    pub(crate) customer_id: CustomerId,
    /// Draft or issued.
    pub status: InvoiceStatus,
    /// Gapless number, given at issue; null on a draft.
    pub number: Option<String>,
    /// Date of the invoice, given at issue; null on a draft.
    pub issue_date: Option<Date>,
    /// The day it is due, given at issue; null on a draft.
    pub due_date: Option<Date>,
    /// Currency of all its amounts.
    pub currency: CurrencyCode,
    /// Book currency for one unit of the invoice's currency; 1 in the books' own.
    pub exchange_rate: Dec,
    /// When taxes are rounded.
    pub rounding: DocumentRounding,
    /// Discount on the whole document in percent, behind those of the lines.
    pub discount_percent: Dec,
    /// Whether the prices of the lines include their taxes.
    pub prices_include_tax: bool,
    /// The customer's reference, such as his order number.
    pub reference: Option<String>,
    /// The customer's name at the time of the invoice.
    pub customer_name: String,
    #[graphql(skip)]
    pub(crate) net: Dec,
    #[graphql(skip)]
    pub(crate) tax: Dec,
    #[graphql(skip)]
    pub(crate) gross: Dec,
    #[graphql(skip)]
    pub(crate) cash_difference: Dec,
    #[graphql(skip)]
    pub(crate) entry_id: Option<JournalEntryId>,
    /// When the draft was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

impl Invoice {
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
impl Invoice {
    /// Sum of the lines after discounts, before tax.
    async fn net(&self) -> Money {
        Money::new(self.net, &self.currency.0)
    }

    /// Sum of the taxes.
    async fn tax(&self) -> Money {
        Money::new(self.tax, &self.currency.0)
    }

    /// Net and tax: what the customer owes.
    async fn gross(&self) -> Money {
        Money::new(self.gross, &self.currency.0)
    }

    /// What is paid more than the gross amount because its currency is paid in steps; negative: less. Given at issue.
    async fn cash_difference(&self) -> Money {
        Money::new(self.cash_difference, &self.currency.0)
    }

    /// What is paid: the gross amount and what rounding adds to it at issue.
    async fn payable(&self) -> async_graphql::Result<Money> {
        let payable = backoffice_money::add(self.gross.0, self.cash_difference.0).map_err(Error::from)?;
        Ok(Money::new(Dec(payable), &self.currency.0))
    }

    /// What was said if it was issued beyond the customer's limit; null if it was not.
    async fn credit_override(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CreditOverride>> {
        Ok(ctx.load::<credit_limit::OfInvoice>(self.id).await?)
    }

    /// What the customer still owes; null on a draft.
    async fn open_amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Money>> {
        if self.status == InvoiceStatus::Draft {
            return Ok(None);
        }
        let owed = ctx.load::<OnInvoice>(self.id).await?;
        Ok(Some(Money::new(owed.map(|owed| owed.item.open_amount).unwrap_or_default(), &self.currency.0)))
    }

    /// How much has been paid; null on a draft.
    async fn payment_state(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<PaymentState>> {
        if self.status == InvoiceStatus::Draft {
            return Ok(None);
        }
        // an invoice that sums to nothing is owed by nobody
        Ok(Some(ctx.load::<OnInvoice>(self.id).await?.map_or(PaymentState::Paid, |owed| owed.item.payment_state())))
    }

    /// Whether something is still open after its due date, that of an instalment too, today in the client's time zone.
    async fn overdue(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        if self.status == InvoiceStatus::Draft {
            return Ok(false);
        }
        match ctx.load::<OnInvoice>(self.id).await? {
            None => Ok(false),
            Some(owed) if owed.overdue => Ok(true),
            // one of its instalments may be late
            Some(_) => Ok(ctx.load::<LateOnInvoice>(self.id).await?.unwrap_or_default()),
        }
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

    /// The customer as it is today. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Customer>> {
        Ok(ctx.load::<Customer>(self.customer_id).await?)
    }

    /// The journal entry that issuing posted; null on a draft. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }

    /// The open item that the invoice made; null on a draft and on an invoice that sums to nothing. Right:
    /// `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<ItemOfInvoice>(self.id).await?)
    }

    /// The credit notes that take it back, in part or in full, in the order of issue.
    async fn credit_notes(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CreditNote>> {
        Ok(ctx.load::<credit_note::OfInvoice>(self.id).await?.unwrap_or_default())
    }

    /// The electronic invoices that were made of it.
    async fn e_invoices(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EInvoice>> {
        Ok(ctx.load::<einvoice::OfInvoice>(self.id).await?.unwrap_or_default())
    }

    /// How it was paid, in the order of recording. Right: `finance.open_item.read`.
    async fn allocations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Allocation>> {
        Ok(ctx.load::<allocation::OfInvoice>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for Invoice {
    type Key = InvoiceId;
    type Value = Self;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<InvoiceId>) -> Result<HashMap<InvoiceId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                invoice::table
                    .filter(invoice::tenant_id.eq(tx.tenant()?))
                    .filter(invoice::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the lines of invoices.
struct Lines;

impl Fetch for Lines {
    type Key = lines::Asked<InvoiceId>;
    type Value = Vec<DocumentLine>;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<Self::Key>) -> Result<HashMap<Self::Key, Vec<DocumentLine>>> {
        lines::of(tx, Kind::Invoice, keys, |id| id.0).await
    }
}

/// A new draft.
#[derive(InputObject, Clone, Debug)]
pub struct InvoiceCreateInput {
    /// The customer, who has to be active.
    pub customer: CustomerId,
    /// Currency of all amounts; the customer's if not said.
    pub currency: Option<CurrencyCode>,
    /// Book currency for one unit of the invoice's currency, at most 8 decimals. Where the two differ the exchange rate of the day
    /// if not said; needed if there is none.
    pub exchange_rate: Option<Dec>,
    /// When taxes are rounded; `BY_DOCUMENT` if not said.
    pub rounding: Option<DocumentRounding>,
    /// Discount on the whole document in percent, 0 to 100, at most 4 decimals, behind those of the lines; none if not said.
    pub discount_percent: Option<Dec>,
    /// Whether the prices of the lines include their taxes; they do not if not said.
    pub prices_include_tax: Option<bool>,
    /// The customer's reference, such as his order number, up to 100 characters.
    pub reference: Option<String>,
    /// 1 to 1000 lines.
    pub lines: Vec<DocumentLineInput>,
}

/// Changes of a draft: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct InvoiceUpdateInput {
    /// The draft.
    pub id: InvoiceId,
    /// The version that was read; refused with `CONFLICT` if the invoice was changed since.
    pub expected_version: Option<i32>,
    /// Another customer, who has to be active.
    pub customer: Option<CustomerId>,
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
    /// Another reference; null clears.
    pub reference: MaybeUndefined<String>,
    /// Lines that replace all lines there are.
    pub lines: Option<Vec<DocumentLineInput>>,
}

/// What an invoice is issued with.
#[derive(InputObject, Clone, Debug)]
pub struct InvoiceIssueInput {
    /// The draft.
    pub id: InvoiceId,
    /// Date of the invoice: decides tax rates and period. Today in the client's time zone if not said.
    pub issue_date: Option<Date>,
    /// The day it is due, not before the issue date; by the customer's payment terms if not said.
    pub due_date: Option<Date>,
    /// The parts that it is due in, 1 to 60, which are 100 percent: the last one's day is the due date of the whole. Not
    /// together with `dueDate`.
    pub instalments: Option<Vec<InstalmentInput>>,
    /// Discounts for paying early, at most 3, the highest first; none if not said.
    pub early_payment: Option<Vec<EarlyPaymentInput>>,
    /// Whether it is paid in the step of its currency, if that has one; it is if not said.
    pub cash_rounding: Option<bool>,
    /// Why it is issued although the customer would owe more than it may, 1 to 500 characters. Right:
    /// `finance.credit.override`.
    pub credit_override_reason: Option<String>,
    /// The version that was read; refused with `CONFLICT` if the invoice was changed since.
    pub expected_version: Option<i32>,
}

crate::platform::payload! {
    /// What became of an invoice.
    InvoicePayload {
        /// The invoice as it is now.
        invoice: Invoice
    }
}

async fn active_customer(tx: &Tx, id: CustomerId) -> Result<Customer> {
    let customer = customer::find(tx, id).await?.ok_or_else(|| Error::not_found("customer", "customer"))?;
    if customer.active {
        Ok(customer)
    } else {
        Err(Error::refuse(UserErrorCode::State, "customer", "This customer is not active: no new invoices."))
    }
}

async fn create(tx: &Tx, input: InvoiceCreateInput) -> Result<Invoice> {
    sized_if_given("reference", input.reference.as_deref(), 100)?;
    let customer = active_customer(tx, input.customer).await?;
    let code = input.currency.unwrap_or(customer.currency);
    let money = currency(&code.0)?;
    let given = given_or_on(tx, input.exchange_rate.map(|rate| rate.0), money, tx.today()).await?;
    let rate = exchange_rate(given, money, currency(tx.book_currency())?)?;
    let terms = Terms {
        rounding: input.rounding.unwrap_or(DocumentRounding::ByDocument),
        discount_percent: input.discount_percent.unwrap_or_default().0,
        prices_include_tax: input.prices_include_tax.unwrap_or_default(),
    }
    .checked()?;
    let lines = lines::resolve(tx, Kind::Invoice, input.lines, money, tx.today()).await?;
    let totals = total(&lines, terms, money)?;
    let created: Invoice = tx
        .row(
            diesel::insert_into(invoice::table)
                .values((
                    invoice::tenant_id.eq(tx.tenant()?),
                    invoice::id.eq(InvoiceId::new()),
                    invoice::customer_id.eq(input.customer),
                    invoice::status.eq(InvoiceStatus::Draft),
                    invoice::currency.eq(code),
                    invoice::exchange_rate.eq(rate),
                    invoice::rounding.eq(terms.rounding),
                    invoice::discount_percent.eq(terms.discount_percent),
                    invoice::prices_include_tax.eq(terms.prices_include_tax),
                    invoice::reference.eq(input.reference),
                    invoice::customer_name.eq(customer.name),
                    invoice::net.eq(totals.net),
                    invoice::tax.eq(totals.tax),
                    invoice::gross.eq(totals.gross),
                ))
                .returning(Invoice::as_returning()),
        )
        .await?;
    lines::insert(tx, Kind::Invoice, created.id.0, lines, &totals).await?;
    emit(tx, EventKind::InvoiceCreated, created.id.0);
    Ok(created)
}

/// The draft of that id, locked until the transaction ends. Refuses issued ones.
async fn lock_draft(tx: &Tx, id: InvoiceId, expected_version: Option<i32>) -> Result<Invoice> {
    let found: Option<Invoice> = tx
        .maybe(
            invoice::table
                .filter(invoice::tenant_id.eq(tx.tenant()?))
                .filter(invoice::id.eq(id))
                .select(Invoice::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "invoice"))?;
    expect_version(expected_version, found.version, "invoice")?;
    if found.status != InvoiceStatus::Draft {
        let number = found.number.unwrap_or_default();
        let message = format!("Invoice {number} is issued: it is never changed.");
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    Ok(found)
}

async fn update(tx: &Tx, input: InvoiceUpdateInput) -> Result<Invoice> {
    sized_if_given("reference", input.reference.as_opt_deref().flatten(), 100)?;
    let draft = lock_draft(tx, input.id, input.expected_version).await?;
    let customer = match input.customer {
        Some(id) => Some(active_customer(tx, id).await?),
        None => None,
    };
    let code = input.currency.unwrap_or_else(|| draft.currency.clone());
    let money = currency(&code.0)?;
    // the old rate is one of the old currency
    let given = input.exchange_rate.map(|rate| rate.0);
    let kept = (code == draft.currency).then_some(draft.exchange_rate.0);
    let given = given_or_on(tx, given.or(kept), money, tx.today()).await?;
    let rate = exchange_rate(given, money, currency(tx.book_currency())?)?;
    let terms = Terms {
        rounding: input.rounding.unwrap_or(draft.rounding),
        discount_percent: input.discount_percent.unwrap_or(draft.discount_percent).0,
        prices_include_tax: input.prices_include_tax.unwrap_or(draft.prices_include_tax),
    }
    .checked()?;
    let totals: Totals<Option<TaxCodeId>> = if let Some(new) = input.lines {
        let lines = lines::resolve(tx, Kind::Invoice, new, money, tx.today()).await?;
        let totals = total(&lines, terms, money)?;
        lines::clear(tx, Kind::Invoice, draft.id.0).await?;
        lines::insert(tx, Kind::Invoice, draft.id.0, lines, &totals).await?;
        totals
    } else {
        let before = lines::draft(tx, Kind::Invoice, draft.id.0, tx.today()).await?;
        let lines = lines::at_posting(&before, draft.version, "lines")?;
        let totals = total(&lines, terms, money)?;
        lines::reprice(tx, Kind::Invoice, &before, &lines, &totals).await?;
        totals
    };
    let reference = match input.reference {
        MaybeUndefined::Undefined => draft.reference,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(reference) => Some(reference),
    };
    let (customer_id, customer_name) =
        customer.map_or((draft.customer_id, draft.customer_name), |customer| (customer.id, customer.name));
    tx.row(
        diesel::update(invoice::table)
            .filter(invoice::tenant_id.eq(tx.tenant()?))
            .filter(invoice::id.eq(input.id))
            .set((
                invoice::customer_id.eq(customer_id),
                invoice::customer_name.eq(customer_name),
                invoice::currency.eq(code),
                invoice::exchange_rate.eq(rate),
                invoice::rounding.eq(terms.rounding),
                invoice::discount_percent.eq(terms.discount_percent),
                invoice::prices_include_tax.eq(terms.prices_include_tax),
                invoice::reference.eq(reference),
                invoice::net.eq(totals.net),
                invoice::tax.eq(totals.tax),
                invoice::gross.eq(totals.gross),
            ))
            .returning(Invoice::as_returning()),
    )
    .await
    .inspect(|updated: &Invoice| emit(tx, EventKind::InvoiceUpdated, updated.id.0))
}
