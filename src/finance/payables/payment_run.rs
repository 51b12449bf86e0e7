//! Payments to vendors: what is due is proposed, approved by somebody who has had no hand in it, sent to the bank as a file,
//! and confirmed by what the bank says.
//!
//! The rules that must hold whatever a resolver does are in the database (`migrations/0340_payment_run`): runs and their
//! payments change by functions that the server's role can call and by nothing else.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Numeric, Uuid as SqlUuid};

use super::vendor::Vendor;
use crate::finance::bank::account::BankAccount;
use crate::finance::ids::{BankAccountId, OpenItemId, PaymentRunId, PaymentRunItemId, VendorId};
use crate::finance::open_item::OpenItem;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{File, FileId};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Iban, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{payment_run, payment_run_item};

pub mod api;
mod command;
mod order;
mod status;

pub use api::{PaymentRunMutation, PaymentRunQuery};

crate::platform::words! {
    /// Where a payment run stands.
    PaymentRunState {
        /// It is proposed: payments may be taken out of it.
        Draft = "draft",
        /// Somebody who has had no hand in it has approved it.
        Approved = "approved",
        /// Its file is made: its payments are on their way.
        Sent = "sent",
        /// It was given up before it was sent.
        Cancelled = "cancelled",
    }
}

crate::platform::words! {
    /// What becomes of a bill in a payment run.
    PaymentRunItemState {
        /// It is going to be paid.
        Planned = "planned",
        /// It is due, and not paid by this run.
        LeftOut = "left_out",
        /// Its payment is on its way, or was made.
        Sent = "sent",
        /// The bank has not made the payment: the bill is free for the next run.
        Rejected = "rejected",
        /// The run was given up.
        Cancelled = "cancelled",
    }
}

crate::platform::words! {
    /// Why a bill that is due is left out of a payment run.
    PaymentOmission {
        /// It is in the client's favour: settle it against bills of the vendor first.
        Credit = "credit",
        /// Another run pays it.
        AnotherRun = "another_run",
        /// The vendor has no bank account on record.
        NoBankDetails = "no_bank_details",
        /// Payments to the vendor are on hold.
        OnHold = "on_hold",
        /// A change of the vendor's bank details is written down and not done.
        BankDetailsPending = "bank_details_pending",
        /// The vendor's bank details have changed a short while ago: see `coolingOffDays` of the bank account.
        CoolingOff = "cooling_off",
        /// Somebody took it out.
        Dropped = "dropped",
    }
}

/// Payments to vendors that go to the bank together.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = payment_run)]
#[graphql(complex)]
pub struct PaymentRun {
    /// Global id: what `approvalRequestCreate` is asked with where the client has a policy.
    pub id: PaymentRunId,
    /// Its number, without gap in the client; the message id of its file.
    pub number: String,
    #[graphql(skip)]
    pub(crate) bank_account_id: BankAccountId,
    /// The day on which the bank is to make the payments.
    pub pay_on: Date,
    /// The last due date of the bills that were looked at.
    pub due_until: Date,
    #[graphql(skip)]
    pub(crate) currency: CurrencyCode,
    /// Where it stands.
    pub state: PaymentRunState,
    /// How many payments it holds; bills that are left out are not counted.
    pub payments: i32,
    #[graphql(skip)]
    pub(crate) amount: Dec,
    /// Who proposed it.
    pub proposed_by_name: String,
    /// Who approved it; null: nobody has.
    pub approved_by_name: Option<String>,
    /// When it was approved.
    pub approved_at: Option<DateTime>,
    #[graphql(skip)]
    pub(crate) file_id: Option<FileId>,
    /// When its file was made.
    pub sent_at: Option<DateTime>,
    /// When it was proposed.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl PaymentRun {
    /// The sum of its payments, in the currency of its bank account.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency.0)
    }

    /// How much of the bills on their way is settled in the books, by bank lines that were matched or otherwise.
    async fn settled_amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        let settled = ctx.load::<SettledBy>(self.id).await?.unwrap_or_default();
        Ok(Money::new(settled, &self.currency.0))
    }

    /// The account that the money comes from. Right: `finance.bank.read`.
    async fn bank_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankAccount>> {
        Ok(ctx.load::<BankAccount>(self.bank_account_id).await?)
    }

    /// The file for the bank, pain.001.001.09; null until the run is sent. Right: `core.file.read`.
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        match self.file_id {
            Some(file) => Ok(ctx.load::<File>(file).await?),
            None => Ok(None),
        }
    }
}

/// A bill that was due when a payment run was proposed, and what becomes of it.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = payment_run_item)]
#[graphql(complex)]
pub struct PaymentRunItem {
    /// Global id.
    pub id: PaymentRunItemId,
    #[graphql(skip)]
    pub(crate) run_id: PaymentRunId,
    /// Its place in the run, from 1.
    #[graphql(name = "lineNumber")]
    pub line_no: i32,
    #[graphql(skip)]
    pub(crate) open_item_id: OpenItemId,
    #[graphql(skip)]
    pub(crate) vendor_id: VendorId,
    /// The vendor's name when the run was proposed.
    pub vendor_name: String,
    /// The number of the bill.
    pub document: String,
    /// When it is due.
    pub due_date: Date,
    /// The vendor's bank account when the run was proposed; null: none.
    pub iban: Option<Iban>,
    #[graphql(skip)]
    pub(crate) currency: CurrencyCode,
    #[graphql(skip)]
    pub(crate) amount: Dec,
    /// What becomes of it.
    pub state: PaymentRunItemState,
    /// Why it is left out; null if it is not.
    pub left_out_for: Option<PaymentOmission>,
    /// What names the payment from end to end: it comes back with the bank's lines.
    pub end_to_end_id: String,
    /// Why it was dropped or rejected, as a person or the bank said.
    pub said: Option<String>,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl PaymentRunItem {
    /// What is paid: all that is open on the bill; negative for what is in the client's favour, which is left out.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency.0)
    }

    /// The run.
    async fn run(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<PaymentRun>> {
        Ok(ctx.load::<PaymentRun>(self.run_id).await?)
    }

    /// The vendor as it is today. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }

    /// What is paid. Right: `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<OpenItem>(self.open_item_id).await?)
    }
}

impl Fetch for PaymentRun {
    type Key = PaymentRunId;
    type Value = Self;
    const CAN: Can = Can::PaymentRunRead;

    async fn fetch(tx: &Tx, keys: Vec<PaymentRunId>) -> Result<HashMap<PaymentRunId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                payment_run::table
                    .filter(payment_run::tenant_id.eq(tx.tenant()?))
                    .filter(payment_run::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for PaymentRunItem {
    type Key = PaymentRunItemId;
    type Value = Self;
    const CAN: Can = Can::PaymentRunRead;

    async fn fetch(tx: &Tx, keys: Vec<PaymentRunItemId>) -> Result<HashMap<PaymentRunItemId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                payment_run_item::table
                    .filter(payment_run_item::tenant_id.eq(tx.tenant()?))
                    .filter(payment_run_item::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches how much of the payments of runs is settled.
struct SettledBy;

#[derive(QueryableByName)]
struct SettledRun {
    #[diesel(sql_type = SqlUuid)]
    run_id: PaymentRunId,
    #[diesel(sql_type = Numeric)]
    settled: Dec,
}

impl Fetch for SettledBy {
    type Key = PaymentRunId;
    type Value = Dec;
    const CAN: Can = Can::PaymentRunRead;

    async fn fetch(tx: &Tx, keys: Vec<PaymentRunId>) -> Result<HashMap<PaymentRunId, Dec>> {
        let rows: Vec<SettledRun> = tx
            .rows(
                sql("SELECT i.run_id, sum(i.amount - least(i.amount, o.open_amount)) AS settled
                       FROM finance.payment_run_item i
                       JOIN finance.open_item o ON o.tenant_id = i.tenant_id AND o.id = i.open_item_id
                      WHERE i.tenant_id = $1 AND i.run_id = ANY ($2) AND i.state = 'sent'
                      GROUP BY i.run_id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.run_id, row.settled)).collect())
    }
}

/// The payments of a run in that state, in their order.
pub(crate) async fn items(tx: &Tx, run: PaymentRunId, state: PaymentRunItemState) -> Result<Vec<PaymentRunItem>> {
    tx.rows(
        payment_run_item::table
            .filter(payment_run_item::tenant_id.eq(tx.tenant()?))
            .filter(payment_run_item::run_id.eq(run))
            .filter(payment_run_item::state.eq(state))
            .order(payment_run_item::line_no)
            .select(PaymentRunItem::as_select()),
    )
    .await
}

#[derive(QueryableByName)]
struct Coming {
    #[diesel(sql_type = SqlUuid)]
    open_item_id: OpenItemId,
    #[diesel(sql_type = Numeric)]
    amount: Dec,
}

/// What of a run that was sent is not settled yet: open items and the amounts that are on their way to them.
pub async fn on_their_way(tx: &Tx, id: PaymentRunId) -> Result<Vec<(OpenItemId, Dec)>> {
    let run = PaymentRun::fetch(tx, vec![id]).await?.remove(&id);
    let run = run.ok_or_else(|| Error::not_found("paymentRun", "payment run"))?;
    if run.state != PaymentRunState::Sent {
        return Err(Error::refuse(UserErrorCode::State, "paymentRun", "This payment run was not sent to the bank."));
    }
    let rows: Vec<Coming> = tx
        .rows(
            sql("SELECT i.open_item_id, least(i.amount, o.open_amount) AS amount
                   FROM finance.payment_run_item i
                   JOIN finance.open_item o ON o.tenant_id = i.tenant_id AND o.id = i.open_item_id
                  WHERE i.tenant_id = $1 AND i.run_id = $2 AND i.state = 'sent' AND NOT o.settled
                  ORDER BY i.line_no")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.open_item_id, row.amount)).collect())
}
