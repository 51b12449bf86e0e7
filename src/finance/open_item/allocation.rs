//! Settlements of open items, and the taking back of them.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use backoffice_money::Decimal;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::OpenItem;
use crate::finance::ids::{AllocationId, BillId, InvoiceId, JournalEntryId, OpenItemId};
use crate::finance::ledger::journal::JournalEntry;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// A settlement of part of an open item. One with `undoes` takes an earlier one back, with the opposite sign.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct Allocation {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: AllocationId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(crate) open_item_id: OpenItemId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(crate) entry_id: JournalEntryId,
    /// The day from which it counts.
    #[diesel(sql_type = SqlDate)]
    pub allocated_on: Date,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub(crate) amount: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub(crate) amount_book: Dec,
    /// Id of the allocation that this one takes back.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(name = "undoes")]
    pub undoes_id: Option<AllocationId>,
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    pub(crate) currency: String,
}

#[ComplexObject]
impl Allocation {
    /// How much was settled, in the item's currency and with the item's sign.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.currency)
    }

    /// The journal entry that settled it, or took the settlement back. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// The item that was settled.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<OpenItem>(self.open_item_id).await?)
    }
}

impl Fetch for Allocation {
    type Key = AllocationId;
    type Value = Self;
    const CAN: Can = Can::OpenItemRead;

    async fn fetch(tx: &Tx, keys: Vec<AllocationId>) -> Result<HashMap<AllocationId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT a.id, a.open_item_id, a.entry_id, a.allocated_on, a.amount, a.amount_book, a.undoes_id, i.currency
                       FROM finance.allocation a
                       JOIN finance.open_item i ON i.tenant_id = a.tenant_id AND i.id = a.open_item_id
                      WHERE a.tenant_id = $1 AND a.id = ANY ($2)")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// An allocation and what it was asked for by.
#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = SqlUuid)]
    key: Uuid,
    #[diesel(embed)]
    allocation: Allocation,
}

/// Declares how allocations are fetched by a column of theirs or of their open item.
macro_rules! allocations_by {
    ($(#[doc = $doc:literal])+ $Of:ident, $Id:ident, $column:literal) => {
        $(#[doc = $doc])+
        pub struct $Of;

        impl Fetch for $Of {
            type Key = $Id;
            type Value = Vec<Allocation>;
            const CAN: Can = Can::OpenItemRead;

            async fn fetch(tx: &Tx, keys: Vec<$Id>) -> Result<HashMap<$Id, Vec<Allocation>>> {
                let text = concat!(
                    "SELECT ", $column, " AS key, a.id, a.open_item_id, a.entry_id, a.allocated_on, a.amount, a.amount_book,
                            a.undoes_id, i.currency
                       FROM finance.open_item i
                       JOIN finance.allocation a ON a.tenant_id = i.tenant_id AND a.open_item_id = i.id
                      WHERE i.tenant_id = $1 AND ", $column, " = ANY ($2)
                      ORDER BY a.id"
                );
                let rows: Vec<Found> =
                    tx.rows(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(keys)).await?;
                let mut by_key: HashMap<$Id, Vec<Allocation>> = HashMap::new();
                for row in rows {
                    by_key.entry($Id(row.key)).or_default().push(row.allocation);
                }
                Ok(by_key)
            }
        }
    };
}

allocations_by! {
    /// Fetches the allocations of open items.
    OfItem, OpenItemId, "a.open_item_id"
}
allocations_by! {
    /// Fetches the allocations that entries made.
    OfEntry, JournalEntryId, "a.entry_id"
}
allocations_by! {
    /// Fetches how invoices were paid.
    OfInvoice, InvoiceId, "i.invoice_id"
}
allocations_by! {
    /// Fetches how bills were paid.
    OfBill, BillId, "i.bill_id"
}

/// The live allocations of an entry: neither undone nor undoing, by item, so that items are locked in one order.
pub async fn live(tx: &Tx, entry: JournalEntryId) -> Result<Vec<Allocation>> {
    tx.rows(
        sql("SELECT a.id, a.open_item_id, a.entry_id, a.allocated_on, a.amount, a.amount_book, a.undoes_id, i.currency
               FROM finance.allocation a
               JOIN finance.open_item i ON i.tenant_id = a.tenant_id AND i.id = a.open_item_id
              WHERE a.tenant_id = $1 AND a.entry_id = $2 AND a.undoes_id IS NULL
                AND NOT EXISTS (SELECT 1 FROM finance.allocation u WHERE u.tenant_id = $1 AND u.undoes_id = a.id)
              ORDER BY a.open_item_id, a.id")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(entry),
    )
    .await
}

/// An allocation to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAllocation {
    /// The item, whose row is locked.
    pub open_item: OpenItemId,
    /// In the item's currency and with its sign; the opposite sign when it undoes.
    pub amount: Decimal,
    /// The same in the books' currency, at the rate that the item was posted with.
    pub amount_book: Decimal,
    /// The allocation that it takes back.
    pub undoes: Option<AllocationId>,
}

/// Writes allocations of one entry; the database moves what is open and refuses what goes beyond it.
pub async fn write(tx: &Tx, entry: JournalEntryId, day: NaiveDate, new: &[NewAllocation]) -> Result<()> {
    let ids: Vec<AllocationId> = new.iter().map(|_| AllocationId::new()).collect();
    write_as(tx, &ids, entry, day, new).await
}

/// As [`write`], under ids that the caller knows beforehand: what refers to them can be sent with them.
pub async fn write_as(
    tx: &Tx,
    ids: &[AllocationId],
    entry: JournalEntryId,
    day: NaiveDate,
    new: &[NewAllocation],
) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO finance.allocation (tenant_id, id, open_item_id, entry_id, allocated_on, amount, amount_book, undoes_id)
             SELECT $1, n.id, n.open_item_id, $2, $3, n.amount, n.amount_book, n.undoes_id
               FROM unnest($4::uuid[], $5::uuid[], $6::numeric[], $7::numeric[], $8::uuid[])
                 AS n (id, open_item_id, amount, amount_book, undoes_id)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(entry)
            .bind::<SqlDate, _>(day)
            .bind::<Array<SqlUuid>, _>(ids.to_vec())
            .bind::<Array<SqlUuid>, _>(new.iter().map(|one| one.open_item).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(new.iter().map(|one| one.amount).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(new.iter().map(|one| one.amount_book).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(new.iter().map(|one| one.undoes).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

#[cfg(test)]
impl Allocation {
    /// For tests of what reads allocations.
    pub fn sample(open_item_id: OpenItemId, day: NaiveDate, amount: Decimal) -> Self {
        Self {
            id: AllocationId::new(),
            open_item_id,
            entry_id: JournalEntryId::new(),
            allocated_on: Date(day),
            amount: Dec(amount),
            amount_book: Dec(amount),
            undoes_id: None,
            currency: "EUR".to_owned(),
        }
    }
}
