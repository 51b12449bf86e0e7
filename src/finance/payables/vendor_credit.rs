//! What a vendor gives back of a posted bill: goods that went back, or an allowance on what stays.
//!
//! A vendor credit is posted in one step, under the vendor's own number, and is never changed. It names lines of one bill; its
//! costs and input taxes are posted the other way round, and it settles what is still open on the bill. What it gives back
//! beyond that is owed by the vendor: an open item of its own. All credits of a bill together never exceed it, the one that
//! gives back the rest takes the last cent of every tax, and what was withheld of the bill comes back with it.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use backoffice_money::{Decimal, add};
use diesel::prelude::*;
use diesel::sql_types::{Array, Uuid as SqlUuid};

use crate::finance::document::DocumentTax;
use crate::finance::ids::{AccountId, BillId, JournalEntryId, TaxCodeId, VendorCreditId, VendorId};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::ledger::tax_code::TaxCode;
use crate::finance::open_item::{Allocation, ItemOfVendorCredit, OpenItem, allocation};
use crate::finance::payables::bill::Bill;
use crate::finance::payables::vendor::Vendor;
use crate::finance::receivables::credit_note::CreditNoteLineInput;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::vendor_credit;

pub mod api;
mod post;

pub use api::{VendorCreditMutation, VendorCreditQuery};

/// What a vendor gives back of a posted bill. All its amounts are in the bill's currency and positive where the client owes
/// less.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = vendor_credit)]
#[graphql(complex)]
pub struct VendorCredit {
    /// Global id.
    pub id: VendorCreditId,
    #[graphql(skip)]
    pub(crate) bill_id: BillId,
    #[graphql(skip)]
    pub(crate) vendor_id: VendorId,
    /// The vendor's own number, as it stands on the credit.
    pub number: String,
    /// Date of the credit.
    pub credit_date: Date,
    /// The day in the books.
    pub posted_on: Date,
    /// Why the vendor gives it.
    pub reason: String,
    /// Currency of all its amounts: the bill's.
    pub currency: CurrencyCode,
    /// The vendor's name at the time of the bill.
    pub vendor_name: String,
    #[graphql(skip)]
    pub(crate) net: Dec,
    #[graphql(skip)]
    pub(crate) tax: Dec,
    #[graphql(skip)]
    pub(crate) gross: Dec,
    #[graphql(skip)]
    pub(crate) withheld: Dec,
    #[graphql(skip)]
    pub(crate) entry_id: JournalEntryId,
    /// When it was posted.
    pub created_at: DateTime,
}

#[ComplexObject]
impl VendorCredit {
    /// Sum of the lines, before tax.
    async fn net(&self) -> Money {
        Money::new(self.net, &self.currency.0)
    }

    /// Sum of the taxes.
    async fn tax(&self) -> Money {
        Money::new(self.tax, &self.currency.0)
    }

    /// Net and tax: what the client owes less, but for what had been withheld.
    async fn gross(&self) -> Money {
        Money::new(self.gross, &self.currency.0)
    }

    /// What had been withheld of the vendor's bills and is not owed to the tax office any more.
    async fn withheld(&self) -> Money {
        Money::new(self.withheld, &self.currency.0)
    }

    /// The lines, in their order.
    async fn lines(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<VendorCreditLine>> {
        Ok(ctx.load::<Lines>(self.id).await?.unwrap_or_default())
    }

    /// The taxes by code.
    async fn taxes(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentTax>> {
        let lines = ctx.load::<Lines>(self.id).await?.unwrap_or_default();
        Ok(taxes(&lines, &self.currency.0)?)
    }

    /// The bill that it takes back, in part or in full.
    async fn bill(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Bill>> {
        Ok(ctx.load::<Bill>(self.bill_id).await?)
    }

    /// The vendor as it is today. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }

    /// The journal entry that it posted. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// What it settled of the bill, at most one allocation; none if nothing was open any more. Right:
    /// `finance.open_item.read`.
    async fn allocations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Allocation>> {
        Ok(ctx.load::<allocation::OfEntry>(self.entry_id).await?.unwrap_or_default())
    }

    /// What it gives back beyond what was still open on the bill: owed by the vendor, negative; null if there is none.
    /// Right: `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<ItemOfVendorCredit>(self.id).await?)
    }
}

/// A line of a vendor credit: what it gives back of one line of the bill.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct VendorCreditLine {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(crate) vendor_credit_id: VendorCreditId,
    /// Place in the credit, from 1.
    #[diesel(sql_type = diesel::sql_types::Int4)]
    pub line_no: i32,
    /// Place in the bill of the line that is given back.
    #[diesel(sql_type = diesel::sql_types::Int4)]
    pub bill_line_no: i32,
    /// What was bought.
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub description: String,
    /// How many went back; null for an allowance, where the goods stay.
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Numeric>)]
    pub quantity: Option<Dec>,
    /// Tax rate of the bill in percent; 0 outside of any tax.
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
impl VendorCreditLine {
    /// Net amount, in the bill's currency.
    async fn net(&self) -> Money {
        Money::new(self.net, &self.currency)
    }

    /// The line's shares of its taxes, in the bill's currency.
    async fn tax(&self) -> async_graphql::Result<Money> {
        let tax = add(self.tax.0, self.second_tax.0).map_err(crate::platform::error::Error::from)?;
        Ok(Money::new(Dec(tax), &self.currency))
    }

    /// The account that the net amount is posted to. Right: `finance.account.read`.
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

/// The taxes of a credit by code and rate, in the order of its lines.
fn taxes(lines: &[VendorCreditLine], currency: &str) -> Result<Vec<DocumentTax>> {
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

impl Fetch for VendorCredit {
    type Key = VendorCreditId;
    type Value = Self;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<VendorCreditId>) -> Result<HashMap<VendorCreditId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                vendor_credit::table
                    .filter(vendor_credit::tenant_id.eq(tx.tenant()?))
                    .filter(vendor_credit::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the credits of bills, in the order of posting.
pub struct OfBill;

impl Fetch for OfBill {
    type Key = BillId;
    type Value = Vec<VendorCredit>;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<BillId>) -> Result<HashMap<BillId, Vec<VendorCredit>>> {
        let rows: Vec<VendorCredit> = tx
            .rows(
                vendor_credit::table
                    .filter(vendor_credit::tenant_id.eq(tx.tenant()?))
                    .filter(vendor_credit::bill_id.eq_any(keys))
                    .order(vendor_credit::id)
                    .select(VendorCredit::as_select()),
            )
            .await?;
        let mut by_bill: HashMap<BillId, Vec<VendorCredit>> = HashMap::new();
        for row in rows {
            by_bill.entry(row.bill_id).or_default().push(row);
        }
        Ok(by_bill)
    }
}

/// Fetches the lines of credits.
struct Lines;

impl Fetch for Lines {
    type Key = VendorCreditId;
    type Value = Vec<VendorCreditLine>;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<VendorCreditId>) -> Result<HashMap<VendorCreditId, Vec<VendorCreditLine>>> {
        let rows: Vec<VendorCreditLine> = tx
            .rows(
                sql("SELECT l.vendor_credit_id, l.line_no, l.bill_line_no, l.description, l.quantity, l.tax_percent, l.net, l.tax,
                            l.account_id, l.tax_code_id, l.second_tax_percent, l.second_tax, l.second_tax_code_id, n.currency
                       FROM finance.vendor_credit_line l
                       JOIN finance.vendor_credit n ON n.tenant_id = l.tenant_id AND n.id = l.vendor_credit_id
                      WHERE l.tenant_id = $1 AND l.vendor_credit_id = ANY ($2)
                      ORDER BY l.vendor_credit_id, l.line_no")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_note: HashMap<VendorCreditId, Vec<VendorCreditLine>> = HashMap::new();
        for row in rows {
            by_note.entry(row.vendor_credit_id).or_default().push(row);
        }
        Ok(by_note)
    }
}

/// A line of the bill and how much of it is given back: so many, or so much of its net amount, or what is left of it.
#[derive(InputObject, Clone, Debug)]
pub struct VendorCreditLineInput {
    /// Place of the line in the bill, from 1.
    pub line: i32,
    /// How many went back, with the sign of the line and at most 4 decimals. Not together with `amount`.
    pub quantity: Option<Dec>,
    /// An allowance on the line, with its sign and in the bill's currency: net, or with its taxes where the prices of the bill
    /// include them. Not together with `quantity`.
    pub amount: Option<Dec>,
}

impl From<VendorCreditLineInput> for CreditNoteLineInput {
    fn from(line: VendorCreditLineInput) -> Self {
        Self { line: line.line, quantity: line.quantity, amount: line.amount }
    }
}

/// What a vendor credit is posted with.
#[derive(InputObject, Clone, Debug)]
pub struct VendorCreditPostInput {
    /// The bill, which has to be posted.
    pub bill: BillId,
    /// The vendor's number as it stands on the credit, 1 to 60 characters with at least one letter or digit. Unique for the
    /// vendor's credits of a year, whatever its case, blanks and punctuation.
    pub number: String,
    /// Date of the credit, not before that of the bill.
    pub credit_date: Date,
    /// The day in the books; the date of the credit if not said.
    pub posting_date: Option<Date>,
    /// Why the vendor gives it, 1 to 500 characters.
    pub reason: String,
    /// What is given back, each line of the bill once at most; everything that is left of it if not said.
    pub lines: Option<Vec<VendorCreditLineInput>>,
}

crate::platform::payload! {
    /// What became of a vendor credit.
    VendorCreditPayload {
        /// The credit.
        vendor_credit: VendorCredit
    }
}
