//! What is taken back of an issued invoice: goods that came back, or an allowance on what stays.
//!
//! A credit note is issued in one step, with a number of its own gapless series, and is never changed. It names lines of one
//! invoice; its revenue and taxes are posted the other way round, and it settles what is still open on the invoice. What it
//! takes back beyond that is the customer's: an open item of its own. All notes of an invoice together never exceed it, and
//! the one that takes back the rest takes the last cent of every tax.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use backoffice_money::{Decimal, add};
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};

use crate::finance::document::DocumentTax;
use crate::finance::einvoice::{self, EInvoice};
use crate::finance::ids::{AccountId, CreditNoteId, CustomerId, InvoiceId, JournalEntryId, TaxCodeId};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::ledger::tax_code::TaxCode;
use crate::finance::open_item::{Allocation, ItemOfCreditNote, OpenItem, allocation};
use crate::finance::receivables::customer::Customer;
use crate::finance::receivables::invoice::Invoice;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::credit_note;

pub mod api;
pub(crate) mod issue;
pub(crate) mod rules;

pub use api::{CreditNoteMutation, CreditNoteQuery};

/// What is taken back of an issued invoice. All its amounts are in the invoice's currency and positive where the customer
/// owes less.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = credit_note)]
#[graphql(complex)]
pub struct CreditNote {
    /// Global id.
    pub id: CreditNoteId,
    #[graphql(skip)]
    pub(crate) invoice_id: InvoiceId,
    #[graphql(skip)]
    pub(crate) customer_id: CustomerId,
    /// Gapless number.
    pub number: String,
    /// Date of the note: decides its period.
    pub issue_date: Date,
    /// Why it was issued.
    pub reason: String,
    /// Currency of all its amounts: the invoice's.
    pub currency: CurrencyCode,
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
    pub(crate) entry_id: JournalEntryId,
    /// When it was issued.
    pub created_at: DateTime,
}

#[ComplexObject]
impl CreditNote {
    /// Sum of the lines, before tax.
    async fn net(&self) -> Money {
        Money::new(self.net, &self.currency.0)
    }

    /// Sum of the taxes.
    async fn tax(&self) -> Money {
        Money::new(self.tax, &self.currency.0)
    }

    /// Net and tax: what the customer owes less.
    async fn gross(&self) -> Money {
        Money::new(self.gross, &self.currency.0)
    }

    /// What the customer owes less beyond the gross amount because the currency is paid in steps; negative: what it owes
    /// all the same. The last note of an invoice takes what is left of the invoice's own.
    async fn cash_difference(&self) -> Money {
        Money::new(self.cash_difference, &self.currency.0)
    }

    /// The lines, in their order.
    async fn lines(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<CreditNoteLine>> {
        Ok(ctx.load::<Lines>(self.id).await?.unwrap_or_default())
    }

    /// The taxes by code.
    async fn taxes(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentTax>> {
        let lines = ctx.load::<Lines>(self.id).await?.unwrap_or_default();
        Ok(taxes(&lines, &self.currency.0)?)
    }

    /// The invoice that it takes back, in part or in full.
    async fn invoice(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Invoice>> {
        Ok(ctx.load::<Invoice>(self.invoice_id).await?)
    }

    /// The customer as it is today. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Customer>> {
        Ok(ctx.load::<Customer>(self.customer_id).await?)
    }

    /// The journal entry that issuing posted. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// The electronic invoices that were made of it.
    async fn e_invoices(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<EInvoice>> {
        Ok(ctx.load::<einvoice::OfCreditNote>(self.id).await?.unwrap_or_default())
    }

    /// What it settled of the invoice, at most one allocation; none if nothing was open any more. Right:
    /// `finance.open_item.read`.
    async fn allocations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Allocation>> {
        Ok(ctx.load::<allocation::OfEntry>(self.entry_id).await?.unwrap_or_default())
    }

    /// What it took back beyond what was still open on the invoice: the customer's credit, negative; null if there is none.
    /// Right: `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<ItemOfCreditNote>(self.id).await?)
    }
}

/// A line of a credit note: what it takes back of one line of the invoice.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct CreditNoteLine {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(crate) credit_note_id: CreditNoteId,
    /// Place in the note, from 1.
    #[diesel(sql_type = diesel::sql_types::Int4)]
    pub line_no: i32,
    /// Place in the invoice of the line that is taken back.
    #[diesel(sql_type = diesel::sql_types::Int4)]
    pub invoice_line_no: i32,
    /// What was sold.
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub description: String,
    /// How many are taken back; null for an allowance, where the goods stay.
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Numeric>)]
    pub quantity: Option<Dec>,
    /// Tax rate of the invoice in percent; 0 outside of any tax.
    #[diesel(sql_type = diesel::sql_types::Numeric)]
    pub tax_percent: Dec,
    #[diesel(sql_type = diesel::sql_types::Numeric)]
    #[graphql(skip)]
    pub(crate) net: Dec,
    #[diesel(sql_type = diesel::sql_types::Numeric)]
    #[graphql(skip)]
    pub(crate) tax: Dec,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(crate) account_id: AccountId,
    #[diesel(sql_type = diesel::sql_types::Nullable<SqlUuid>)]
    #[graphql(skip)]
    pub(crate) tax_code_id: Option<TaxCodeId>,
    /// Rate of the second tax in percent; 0 without one.
    #[diesel(sql_type = diesel::sql_types::Numeric)]
    pub second_tax_percent: Dec,
    #[diesel(sql_type = diesel::sql_types::Numeric)]
    #[graphql(skip)]
    pub(crate) second_tax: Dec,
    #[diesel(sql_type = diesel::sql_types::Nullable<SqlUuid>)]
    #[graphql(skip)]
    pub(crate) second_tax_code_id: Option<TaxCodeId>,
    #[diesel(sql_type = diesel::sql_types::Text)]
    #[graphql(skip)]
    pub(crate) currency: String,
}

#[ComplexObject]
impl CreditNoteLine {
    /// Net amount, in the invoice's currency.
    async fn net(&self) -> Money {
        Money::new(self.net, &self.currency)
    }

    /// The line's shares of its taxes, in the invoice's currency.
    async fn tax(&self) -> async_graphql::Result<Money> {
        let tax = add(self.tax.0, self.second_tax.0).map_err(crate::platform::error::Error::from)?;
        Ok(Money::new(Dec(tax), &self.currency))
    }

    /// The account that the net amount is taken from. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The tax code; null for a line outside of any tax. Right: `finance.tax_code.read`.
    async fn tax_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxCode>> {
        match self.tax_code_id {
            Some(code) => Ok(ctx.load::<TaxCode>(code).await?),
            None => Ok(None),
        }
    }

    /// The code of the second tax, if there is one. Right: `finance.tax_code.read`.
    async fn second_tax_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxCode>> {
        match self.second_tax_code_id {
            Some(code) => Ok(ctx.load::<TaxCode>(code).await?),
            None => Ok(None),
        }
    }
}

/// The taxes of a note by code and rate, in the order of its lines.
fn taxes(lines: &[CreditNoteLine], currency: &str) -> Result<Vec<DocumentTax>> {
    let mut sums: Vec<(Option<TaxCodeId>, Decimal, Decimal, Decimal)> = Vec::new();
    for line in lines {
        let second = line.second_tax_code_id.map(|code| (Some(code), line.second_tax_percent.0, line.second_tax.0));
        for (code, percent, share) in std::iter::once((line.tax_code_id, line.tax_percent.0, line.tax.0)).chain(second)
        {
            let known = sums.iter_mut().find(|sum| sum.0 == code && sum.1 == percent);
            if let Some((_, _, base, tax)) = known {
                *base = add(*base, line.net.0)?;
                *tax = add(*tax, share)?;
            } else {
                sums.push((code, percent, line.net.0, share));
            }
        }
    }
    let one = |(tax_code_id, percent, base, tax)| DocumentTax {
        tax_code_id,
        percent: Dec(percent),
        base: Money::new(Dec(base), currency),
        tax: Money::new(Dec(tax), currency),
    };
    Ok(sums.into_iter().map(one).collect())
}

impl Fetch for CreditNote {
    type Key = CreditNoteId;
    type Value = Self;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<CreditNoteId>) -> Result<HashMap<CreditNoteId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                credit_note::table
                    .filter(credit_note::tenant_id.eq(tx.tenant()?))
                    .filter(credit_note::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the credit notes of invoices, in the order of their numbers.
pub struct OfInvoice;

impl Fetch for OfInvoice {
    type Key = InvoiceId;
    type Value = Vec<CreditNote>;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<InvoiceId>) -> Result<HashMap<InvoiceId, Vec<CreditNote>>> {
        let rows: Vec<CreditNote> = tx
            .rows(
                credit_note::table
                    .filter(credit_note::tenant_id.eq(tx.tenant()?))
                    .filter(credit_note::invoice_id.eq_any(keys))
                    .order(credit_note::id)
                    .select(CreditNote::as_select()),
            )
            .await?;
        let mut by_invoice: HashMap<InvoiceId, Vec<CreditNote>> = HashMap::new();
        for row in rows {
            by_invoice.entry(row.invoice_id).or_default().push(row);
        }
        Ok(by_invoice)
    }
}

/// Fetches the lines of notes.
pub(crate) struct Lines;

impl Fetch for Lines {
    type Key = CreditNoteId;
    type Value = Vec<CreditNoteLine>;
    const CAN: Can = Can::InvoiceRead;

    async fn fetch(tx: &Tx, keys: Vec<CreditNoteId>) -> Result<HashMap<CreditNoteId, Vec<CreditNoteLine>>> {
        let rows: Vec<CreditNoteLine> = tx
            .rows(
                sql("SELECT l.credit_note_id, l.line_no, l.invoice_line_no, l.description, l.quantity, l.tax_percent, l.net, l.tax,
                            l.account_id, l.tax_code_id, l.second_tax_percent, l.second_tax, l.second_tax_code_id, n.currency
                       FROM finance.credit_note_line l
                       JOIN finance.credit_note n ON n.tenant_id = l.tenant_id AND n.id = l.credit_note_id
                      WHERE l.tenant_id = $1 AND l.credit_note_id = ANY ($2)
                      ORDER BY l.credit_note_id, l.line_no")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_note: HashMap<CreditNoteId, Vec<CreditNoteLine>> = HashMap::new();
        for row in rows {
            by_note.entry(row.credit_note_id).or_default().push(row);
        }
        Ok(by_note)
    }
}

/// A line of the invoice and how much of it is taken back: so many, or so much of its net amount, or what is left of it.
#[derive(InputObject, Clone, Debug)]
pub struct CreditNoteLineInput {
    /// Place of the line in the invoice, from 1.
    pub line: i32,
    /// How many come back, with the sign of the line and at most 4 decimals. Not together with `amount`.
    pub quantity: Option<Dec>,
    /// An allowance on the line, with its sign and in the invoice's currency: net, or with its taxes where the prices of the
    /// invoice include them. Not together with `quantity`.
    pub amount: Option<Dec>,
}

/// What a credit note is issued with.
#[derive(InputObject, Clone, Debug)]
pub struct CreditNoteIssueInput {
    /// The invoice, which has to be issued.
    pub invoice: InvoiceId,
    /// Date of the note, not before that of the invoice: decides its period. Today in the client's time zone if not said.
    pub issue_date: Option<Date>,
    /// Why it is issued, 1 to 500 characters.
    pub reason: String,
    /// What is taken back, each line of the invoice once at most; everything that is left of it if not said.
    pub lines: Option<Vec<CreditNoteLineInput>>,
}

crate::platform::payload! {
    /// What became of a credit note.
    CreditNotePayload {
        /// The note.
        credit_note: CreditNote
    }
}
