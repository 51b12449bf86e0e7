//! Reminders of what customers have not paid: a run proposes them by customer, and says of each item that it leaves out
//! why; they are sent as letters, and what they cost is booked if the client wants that.
//!
//! An item is proposed once at a time, and each of its levels is sent once: level 2 comes only behind level 1.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, SimpleObject};
use backoffice_money::add;
use diesel::prelude::*;

use crate::finance::ids::{CustomerId, DunningItemId, DunningNoticeId, DunningRunId, JournalEntryId, OpenItemId};
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::open_item::OpenItem;
use crate::finance::receivables::customer::Customer;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::CorrespondenceEntryId;
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::{dunning_item, dunning_notice, dunning_run};

pub mod api;
pub mod dispute;
pub mod level;
mod propose;
mod rules;
pub mod send;

pub use api::{DunningMutation, DunningQuery};

crate::platform::words! {
    /// Where a reminder stands.
    DunningState {
        /// It is proposed, and may be sent or dropped.
        Proposed = "proposed",
        /// It was sent.
        Sent = "sent",
        /// It was dropped, or nothing was left to ask for.
        Dropped = "dropped",
    }
}

crate::platform::words! {
    /// Where an item of a run stands.
    DunningItemState {
        /// It stands in a reminder that is proposed.
        Proposed = "proposed",
        /// It stands in a reminder that was sent.
        Sent = "sent",
        /// It was taken out of its reminder, or that was dropped.
        Dropped = "dropped",
        /// The run has left it out.
        LeftOut = "left_out",
    }
}

crate::platform::words! {
    /// Why nobody is reminded of an item.
    DunningOmission {
        /// Nothing of it is due yet.
        NotDue = "not_due",
        /// It is due, but not for as many days as its next level asks for.
        TooEarly = "too_early",
        /// Its last level was sent.
        LastLevel = "last_level",
        /// It is in dispute.
        Disputed = "disputed",
        /// Another run proposes it.
        Proposed = "proposed",
        /// It is the fee or interest of a reminder.
        Charge = "charge",
        /// It was settled before the reminder was sent.
        Settled = "settled",
    }
}

/// A run: who is to be reminded of what, as of one day.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = dunning_run)]
pub struct DunningRun {
    /// Global id.
    pub id: DunningRunId,
    /// The day that it was made for.
    pub run_on: Date,
    /// Who has made it.
    pub proposed_by_name: String,
    /// When.
    pub created_at: DateTime,
}

impl Fetch for DunningRun {
    type Key = DunningRunId;
    type Value = Self;
    const CAN: Can = Can::DunningRead;

    async fn fetch(tx: &Tx, keys: Vec<DunningRunId>) -> Result<HashMap<DunningRunId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                dunning_run::table
                    .filter(dunning_run::tenant_id.eq(tx.tenant()?))
                    .filter(dunning_run::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A reminder to a customer of what is overdue in one currency.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = dunning_notice)]
#[graphql(complex)]
pub struct DunningNotice {
    /// Global id.
    pub id: DunningNoticeId,
    #[graphql(skip)]
    pub(crate) run_id: DunningRunId,
    #[graphql(skip)]
    pub(crate) customer_id: CustomerId,
    /// The customer's name at the time of the run.
    pub customer_name: String,
    /// Currency of all its amounts.
    pub currency: CurrencyCode,
    /// The highest level of its items.
    pub level: i32,
    #[graphql(skip)]
    pub(crate) overdue: Dec,
    #[graphql(skip)]
    pub(crate) fee: Dec,
    #[graphql(skip)]
    pub(crate) interest: Dec,
    /// Whether fee and interest are booked when it is sent.
    pub book_charges: bool,
    /// Where it stands.
    pub state: DunningState,
    /// Why it was dropped; null if it was not.
    pub reason: Option<String>,
    #[graphql(skip)]
    pub(crate) letter_id: Option<CorrespondenceEntryId>,
    #[graphql(skip)]
    pub(crate) entry_id: Option<JournalEntryId>,
    /// When it was proposed.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

impl DunningNotice {
    /// Who is reminded.
    #[must_use]
    pub fn to(&self) -> CustomerId {
        self.customer_id
    }

    /// What is overdue, fee, interest, and their sum.
    pub fn figures(&self) -> Result<[Money; 4]> {
        let total = add(add(self.overdue.0, self.fee.0)?, self.interest.0)?;
        Ok([self.overdue, self.fee, self.interest, Dec(total)].map(|amount| Money::new(amount, &self.currency.0)))
    }
}

#[ComplexObject]
impl DunningNotice {
    /// What is overdue of its items.
    async fn overdue(&self) -> Money {
        Money::new(self.overdue, &self.currency.0)
    }

    /// What the reminder costs.
    async fn fee(&self) -> Money {
        Money::new(self.fee, &self.currency.0)
    }

    /// Interest on what is overdue.
    async fn interest(&self) -> Money {
        Money::new(self.interest, &self.currency.0)
    }

    /// What it asks for: what is overdue, fee and interest.
    async fn total(&self) -> async_graphql::Result<Money> {
        let [.., total] = self.figures()?;
        Ok(total)
    }

    /// The run that has proposed it.
    async fn run(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DunningRun>> {
        Ok(ctx.load::<DunningRun>(self.run_id).await?)
    }

    /// The customer as it is today. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Customer>> {
        Ok(ctx.load::<Customer>(self.customer_id).await?)
    }

    /// The id of its letter in the register of correspondence; null unless it was sent.
    async fn letter_id(&self) -> Option<ID> {
        self.letter_id.map(|id| ID(id.to_string()))
    }

    /// The journal entry that booked fee and interest; null if nothing was booked. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }

    /// Its items, also those that were taken out since, in their order; at most 500.
    async fn items(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DunningItem>> {
        Ok(ctx.load::<OfNotice>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for DunningNotice {
    type Key = DunningNoticeId;
    type Value = Self;
    const CAN: Can = Can::DunningRead;

    async fn fetch(tx: &Tx, keys: Vec<DunningNoticeId>) -> Result<HashMap<DunningNoticeId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                dunning_notice::table
                    .filter(dunning_notice::tenant_id.eq(tx.tenant()?))
                    .filter(dunning_notice::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// An open item that a run has looked at.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = dunning_item)]
#[graphql(complex)]
pub struct DunningItem {
    /// Global id.
    pub id: DunningItemId,
    #[graphql(skip)]
    pub(crate) run_id: DunningRunId,
    #[graphql(skip)]
    pub(crate) notice_id: Option<DunningNoticeId>,
    #[graphql(skip)]
    pub(crate) open_item_id: OpenItemId,
    /// Number of the document.
    pub document: String,
    /// Name of the customer.
    pub customer_name: String,
    /// The level that is proposed or was sent; of an item that is left out the one that was sent last, 0 for none.
    pub level: i32,
    /// Days since the first of its open parts was due; negative before that.
    pub days_overdue: i32,
    #[graphql(skip)]
    pub(crate) currency: String,
    #[graphql(skip)]
    pub(crate) overdue: Dec,
    /// Interest in percent a year.
    pub interest_percent: Dec,
    #[graphql(skip)]
    pub(crate) interest: Dec,
    /// Where it stands.
    pub state: DunningItemState,
    /// Why nobody is reminded of it; null if somebody is.
    pub left_out_for: Option<DunningOmission>,
    /// Counts changes.
    pub version: i32,
}

impl DunningItem {
    /// What is overdue of it.
    #[must_use]
    pub fn asked_for(&self) -> Money {
        Money::new(self.overdue, &self.currency)
    }
}

#[ComplexObject]
impl DunningItem {
    /// What is overdue of it; of an item that is left out what is open.
    async fn overdue(&self) -> Money {
        Money::new(self.overdue, &self.currency)
    }

    /// Interest on that.
    async fn interest(&self) -> Money {
        Money::new(self.interest, &self.currency)
    }

    /// The open item. Right: `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<OpenItem>(self.open_item_id).await?)
    }

    /// The reminder that it stands in; null if it is left out.
    async fn notice(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DunningNotice>> {
        match self.notice_id {
            Some(id) => Ok(ctx.load::<DunningNotice>(id).await?),
            None => Ok(None),
        }
    }
}

impl Fetch for DunningItem {
    type Key = DunningItemId;
    type Value = Self;
    const CAN: Can = Can::DunningRead;

    async fn fetch(tx: &Tx, keys: Vec<DunningItemId>) -> Result<HashMap<DunningItemId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                dunning_item::table
                    .filter(dunning_item::tenant_id.eq(tx.tenant()?))
                    .filter(dunning_item::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the items of reminders.
struct OfNotice;

impl Fetch for OfNotice {
    type Key = DunningNoticeId;
    type Value = Vec<DunningItem>;
    const CAN: Can = Can::DunningRead;

    async fn fetch(tx: &Tx, keys: Vec<DunningNoticeId>) -> Result<HashMap<DunningNoticeId, Vec<DunningItem>>> {
        let mut by_notice: HashMap<DunningNoticeId, Vec<DunningItem>> = HashMap::new();
        for item in items_of(tx, keys).await? {
            if let Some(notice) = item.notice_id {
                by_notice.entry(notice).or_default().push(item);
            }
        }
        Ok(by_notice)
    }
}

/// The items of reminders, in their order.
pub(crate) async fn items_of(tx: &Tx, notices: Vec<DunningNoticeId>) -> Result<Vec<DunningItem>> {
    tx.rows(
        dunning_item::table
            .filter(dunning_item::tenant_id.eq(tx.tenant()?))
            .filter(dunning_item::notice_id.eq_any(notices))
            .order(dunning_item::id.asc())
            .select(DunningItem::as_select()),
    )
    .await
}

/// For which day and whom reminders are proposed.
#[derive(InputObject, Clone, Debug)]
pub struct DunningRunProposeInput {
    /// The day, not after today in the client's time zone, which it is if not said.
    pub date: Option<Date>,
    /// Only these customers, at most 500; all if not said.
    pub customers: Option<Vec<CustomerId>>,
}

/// A reminder that is not sent.
#[derive(InputObject, Clone, Debug)]
pub struct DunningNoticeDropInput {
    /// The reminder, which is proposed.
    pub id: DunningNoticeId,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

crate::platform::payload! {
    /// What became of a run of reminders.
    DunningRunPayload {
        /// The run.
        dunning_run: DunningRun
    }
}

crate::platform::payload! {
    /// What became of a reminder.
    DunningNoticePayload {
        /// The reminder as it is now.
        dunning_notice: DunningNotice
    }
}

fn gone() -> Error {
    Error::fault("a locked reminder is gone")
}
