//! Money of customers and to vendors: recorded once, allocated to many open items and back.
//!
//! A payment is posted whole. What is allocated settles open items; what is not is an advance on an account of its own
//! (on the control account where the chart has none) and an open item of the payment, which is used up once and no more.
//! An allocation is undone by its opposite: then the item is open again and the payment free again, each as it was.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use backoffice_money::neg;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Numeric, Text, Uuid as SqlUuid};

use crate::finance::bank::line::BankLine;
use crate::finance::ids::{
    AccountId, BankLineId, CustomerId, JournalEntryId, OpenItemId, PaymentAllocationId, PaymentId, VendorId,
};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::open_item::{ItemOfPayment, OpenItem, OpenItemSide};
use crate::finance::payables::vendor::Vendor;
use crate::finance::receivables::customer::Customer;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::payment;

pub mod api;
mod apply;
mod record;
mod rules;

pub use api::{PaymentMutation, PaymentQuery};
pub(crate) use apply::allocate;

/// Money that a customer paid or a vendor was paid, or a refund the other way.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = payment)]
#[graphql(complex)]
pub struct Payment {
    /// Global id.
    pub id: PaymentId,
    /// Gapless number.
    pub number: String,
    /// Of a customer (`RECEIVABLE`) or to a vendor (`PAYABLE`).
    pub side: OpenItemSide,
    #[graphql(skip)]
    pub(crate) customer_id: Option<CustomerId>,
    #[graphql(skip)]
    pub(crate) vendor_id: Option<VendorId>,
    /// Name of the customer or vendor at the time of the payment.
    pub party_name: String,
    /// The day of the payment.
    pub paid_on: Date,
    /// Currency of all its amounts.
    pub currency: CurrencyCode,
    /// Book currency for one unit of the payment's currency; 1 in the books' own.
    pub exchange_rate: Dec,
    #[graphql(skip)]
    pub(crate) amount: Dec,
    /// What it is for, as whoever paid said it; may be empty.
    pub reference: String,
    #[graphql(skip)]
    pub(crate) account_id: AccountId,
    #[graphql(skip)]
    pub(crate) bank_line_id: Option<BankLineId>,
    #[graphql(skip)]
    pub(crate) entry_id: JournalEntryId,
    /// When it was recorded.
    pub created_at: DateTime,
}

#[ComplexObject]
impl Payment {
    /// Positive: the customer paid, or the vendor was paid; negative: a refund the other way.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency.0)
    }

    /// What is not allocated to any open item, with the sign of the amount: an advance. Nothing once it is reversed. Right:
    /// `finance.open_item.read`.
    async fn free(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        let item = ctx.load::<ItemOfPayment>(self.id).await?;
        let open = neg(item.map(|item| item.open_amount.0).unwrap_or_default()).map_err(Error::from)?;
        Ok(Money::new(Dec(open), &self.currency.0))
    }

    /// The customer as it is today, on a receivable. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Customer>> {
        match self.customer_id {
            Some(id) => Ok(ctx.load::<Customer>(id).await?),
            None => Ok(None),
        }
    }

    /// The vendor as it is today, on a payable. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        match self.vendor_id {
            Some(id) => Ok(ctx.load::<Vendor>(id).await?),
            None => Ok(None),
        }
    }

    /// The account that the money came to or went from. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The bank line that it is, if it was recorded from one. Right: `finance.bank.read`.
    async fn bank_line(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankLine>> {
        match self.bank_line_id {
            Some(id) => Ok(ctx.load::<BankLine>(id).await?),
            None => Ok(None),
        }
    }

    /// The journal entry that recording posted. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// Its own open item, with the opposite sign: what is free of it. Right: `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<ItemOfPayment>(self.id).await?)
    }

    /// What it settled, in the order of recording, also what was undone since.
    async fn allocations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<PaymentAllocation>> {
        Ok(ctx.load::<OfPayment>(self.id).await?.unwrap_or_default())
    }
}

/// What a payment settled of an open item.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct PaymentAllocation {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: PaymentAllocationId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(crate) payment_id: PaymentId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(crate) open_item_id: OpenItemId,
    /// The day from which it counts.
    #[diesel(sql_type = SqlDate)]
    pub allocated_on: Date,
    /// Whether it was undone.
    #[diesel(sql_type = Bool)]
    pub undone: bool,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub(crate) amount: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub(crate) discount: Dec,
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    pub(crate) currency: String,
}

#[ComplexObject]
impl PaymentAllocation {
    /// How much of the payment it took, with the sign of the item, whether it was undone or not.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency)
    }

    /// What was taken off the item beside that because it was paid early, with the sign of the item; 0 for nothing.
    async fn discount(&self) -> Money {
        Money::new(self.discount, &self.currency)
    }

    /// The item. Right: `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<OpenItem>(self.open_item_id).await?)
    }

    /// The payment.
    async fn payment(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Payment>> {
        Ok(ctx.load::<Payment>(self.payment_id).await?)
    }
}

impl Fetch for Payment {
    type Key = PaymentId;
    type Value = Self;
    const CAN: Can = Can::PaymentRead;

    async fn fetch(tx: &Tx, keys: Vec<PaymentId>) -> Result<HashMap<PaymentId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                payment::table
                    .filter(payment::tenant_id.eq(tx.tenant()?))
                    .filter(payment::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Declares how allocations of payments are fetched by a column of theirs.
macro_rules! allocations_by {
    ($column:literal, $order:literal) => {
        concat!(
            "SELECT p.id, p.payment_id, p.open_item_id, a.allocated_on, a.amount, coalesce(d.amount, 0) AS discount, i.currency,
                    EXISTS (SELECT 1 FROM finance.allocation u WHERE u.tenant_id = $1 AND u.undoes_id = a.id) AS undone
               FROM finance.payment_allocation p
               JOIN finance.allocation a ON a.tenant_id = p.tenant_id AND a.id = p.settles_id
               JOIN finance.open_item i ON i.tenant_id = p.tenant_id AND i.id = p.open_item_id
               LEFT JOIN finance.allocation d ON d.tenant_id = p.tenant_id AND d.id = p.discount_id
              WHERE p.tenant_id = $1 AND ",
            $column,
            " = ANY ($2) ORDER BY ",
            $order
        )
    };
}

impl Fetch for PaymentAllocation {
    type Key = PaymentAllocationId;
    type Value = Self;
    const CAN: Can = Can::PaymentRead;

    async fn fetch(tx: &Tx, keys: Vec<PaymentAllocationId>) -> Result<HashMap<PaymentAllocationId, Self>> {
        let text = sql(allocations_by!("p.id", "p.id"));
        let rows: Vec<Self> = tx.rows(text.bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(keys)).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches what payments settled.
struct OfPayment;

impl Fetch for OfPayment {
    type Key = PaymentId;
    type Value = Vec<PaymentAllocation>;
    const CAN: Can = Can::PaymentRead;

    async fn fetch(tx: &Tx, keys: Vec<PaymentId>) -> Result<HashMap<PaymentId, Vec<PaymentAllocation>>> {
        let text = sql(allocations_by!("p.payment_id", "p.payment_id, p.id"));
        let rows: Vec<PaymentAllocation> =
            tx.rows(text.bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(keys)).await?;
        let mut by_payment: HashMap<PaymentId, Vec<PaymentAllocation>> = HashMap::new();
        for row in rows {
            by_payment.entry(row.payment_id).or_default().push(row);
        }
        Ok(by_payment)
    }
}

/// The payment that an entry recorded, if it did.
pub async fn of_entry(tx: &Tx, entry: JournalEntryId) -> Result<Option<Payment>> {
    tx.maybe(
        payment::table
            .filter(payment::tenant_id.eq(tx.tenant()?))
            .filter(payment::entry_id.eq(entry))
            .select(Payment::as_select()),
    )
    .await
}

/// A part of an open item that a payment settles.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentAllocationInput {
    /// An open item of the payment's customer or vendor, in its currency.
    pub open_item: OpenItemId,
    /// How much of it, with its sign: positive by a payment, negative by a refund.
    pub amount: Dec,
    /// Whether a discount for paying early settles the rest. If not said, it does where the payment is in time and comes to
    /// what is due then; refused where it is said and cannot be taken.
    pub discount: Option<bool>,
}

/// A payment to be recorded: of a customer or to a vendor, by a bank line or in any other way.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentRecordInput {
    /// The customer who paid or is refunded. Either a customer or a vendor.
    pub customer: Option<CustomerId>,
    /// The vendor who was paid or refunds. Either a customer or a vendor.
    pub vendor: Option<VendorId>,
    /// The bank line that it is, not matched yet: then the day, the amount, the currency and the account are the line's.
    pub bank_line: Option<BankLineId>,
    /// The day of the payment; needed without a bank line.
    pub paid_on: Option<Date>,
    /// Positive: the customer paid, or the vendor was paid; negative: a refund the other way. Needed without a bank line.
    pub amount: Option<Dec>,
    /// Currency of all amounts; the customer's or vendor's if not said.
    pub currency: Option<CurrencyCode>,
    /// Book currency for one unit of the payment's currency, at most 8 decimals: needed if the two differ.
    pub exchange_rate: Option<Dec>,
    /// The account that the money came to or went from, such as cash: a leaf, and a bank account or no control account.
    /// Needed without a bank line.
    pub account: Option<AccountId>,
    /// What it is for, up to 500 characters; that of the bank line if not said.
    pub reference: Option<String>,
    /// What it settles, each open item once, at most 500; the rest is an advance.
    pub allocations: Option<Vec<PaymentAllocationInput>>,
    /// Where the difference goes if items were posted at other rates than the payment: an income or expense account.
    pub exchange_account: Option<AccountId>,
}

/// Open items that what is free of a payment settles.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentAllocateInput {
    /// The payment.
    pub payment: PaymentId,
    /// The day from which it counts, not before the payment; today in the client's time zone if not said.
    pub date: Option<Date>,
    /// What it settles, each open item once, 1 to 500.
    pub allocations: Vec<PaymentAllocationInput>,
    /// Where the difference goes if items were posted at other rates than the payment: an income or expense account.
    pub exchange_account: Option<AccountId>,
}

/// What a payment settled and settles no more.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentAllocationUndoInput {
    /// What it settled.
    pub id: PaymentAllocationId,
    /// The day from which it is open again, not before the allocation; that of the allocation if not said.
    pub date: Option<Date>,
}

/// A payment that is taken back.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentReverseInput {
    /// The payment, of which nothing is allocated any more.
    pub id: PaymentId,
    /// The day of the reversal, not before the payment; that of the payment if not said.
    pub date: Option<Date>,
}

crate::platform::payload! {
    /// What became of a payment.
    PaymentPayload {
        /// The payment as it is now.
        payment: Payment
    }
}
