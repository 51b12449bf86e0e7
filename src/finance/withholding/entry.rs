//! What was withheld, document by document, and its sums by vendor and code.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::WithholdingCode;
use crate::finance::ids::{BillId, JournalEntryId, VendorCreditId, VendorId, WithholdingCodeId, WithholdingEntryId};
use crate::finance::ledger::journal::JournalEntry;
use crate::finance::payables::bill::Bill;
use crate::finance::payables::vendor::Vendor;
use crate::finance::payables::vendor_credit::VendorCredit;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::paging::Slice;
use crate::platform::scalars::{Date, DateTime, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::withholding_entry;

/// What was withheld of one document, also where it was nothing. Amounts are in the books' currency, and below zero where
/// a credit takes back.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = withholding_entry)]
#[graphql(complex)]
pub struct WithholdingEntry {
    /// Global id.
    pub id: WithholdingEntryId,
    #[graphql(skip)]
    code_id: WithholdingCodeId,
    #[graphql(skip)]
    vendor_id: VendorId,
    #[graphql(skip)]
    bill_id: Option<BillId>,
    #[graphql(skip)]
    vendor_credit_id: Option<VendorCreditId>,
    #[graphql(skip)]
    entry_id: JournalEntryId,
    /// First day of the fiscal year in whose sum it counts.
    pub year_starts_on: Date,
    /// The day in the books.
    pub posted_on: Date,
    /// Percent that held.
    pub percent: Dec,
    /// The threshold that held.
    pub threshold: Dec,
    /// The document's net amount.
    pub net: Dec,
    /// Of how much something was withheld: more than the net amount where earlier documents are made up for.
    pub base: Dec,
    /// What was withheld.
    pub amount: Dec,
    /// When it was posted.
    pub created_at: DateTime,
}

#[ComplexObject]
impl WithholdingEntry {
    /// The code. Right: `finance.tax_code.read`.
    async fn withholding_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WithholdingCode>> {
        Ok(ctx.load::<WithholdingCode>(self.code_id).await?)
    }

    /// The vendor. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }

    /// The bill, if it was withheld of one. Right: `finance.bill.read`.
    async fn bill(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Bill>> {
        match self.bill_id {
            Some(id) => Ok(ctx.load::<Bill>(id).await?),
            None => Ok(None),
        }
    }

    /// The vendor credit, if one gave it back. Right: `finance.bill.read`.
    async fn vendor_credit(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<VendorCredit>> {
        match self.vendor_credit_id {
            Some(id) => Ok(ctx.load::<VendorCredit>(id).await?),
            None => Ok(None),
        }
    }

    /// The journal entry that posted it. Right: `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }
}

impl Fetch for WithholdingEntry {
    type Key = WithholdingEntryId;
    type Value = Self;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<WithholdingEntryId>) -> Result<HashMap<WithholdingEntryId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                withholding_entry::table
                    .filter(withholding_entry::tenant_id.eq(tx.tenant()?))
                    .filter(withholding_entry::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::connection!(
    /// A page of what was withheld.
    WithholdingEntryConnection, WithholdingEntryEdge, WithholdingEntry
);

/// What was withheld of a vendor's documents of some days, by one code. Amounts are in the books' currency.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct WithholdingTotal {
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    pub(super) vendor_number: String,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub(super) last_id: uuid::Uuid,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    vendor_id: VendorId,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    code_id: WithholdingCodeId,
    /// Net amounts of the documents.
    #[diesel(sql_type = Numeric)]
    pub net: Dec,
    /// Of how much something was withheld.
    #[diesel(sql_type = Numeric)]
    pub base: Dec,
    /// What was withheld, less what was given back.
    #[diesel(sql_type = Numeric)]
    pub amount: Dec,
}

#[ComplexObject]
impl WithholdingTotal {
    /// The code. Right: `finance.tax_code.read`.
    async fn withholding_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WithholdingCode>> {
        Ok(ctx.load::<WithholdingCode>(self.code_id).await?)
    }

    /// The vendor. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }
}

crate::platform::connection!(
    /// A page of sums of what was withheld.
    WithholdingTotalConnection, WithholdingTotalEdge, WithholdingTotal
);

/// The sums of the documents that were posted from one day to another, by vendor and code; vendors in the order of their
/// numbers.
pub(super) async fn totals(tx: &Tx, from: Date, to: Date, slice: &Slice) -> Result<Vec<WithholdingTotal>> {
    let after = slice.after.as_ref();
    tx.rows(
        sql("SELECT v.number AS vendor_number, s.code_id AS last_id, s.vendor_id, s.code_id, s.net, s.base, s.amount
               FROM (SELECT w.vendor_id, w.code_id, sum(w.net) AS net, sum(w.base) AS base, sum(w.amount) AS amount
                       FROM finance.withholding_entry w
                      WHERE w.tenant_id = $1 AND w.posted_on BETWEEN $2 AND $3 GROUP BY w.vendor_id, w.code_id) s
               JOIN finance.vendor v ON v.tenant_id = $1 AND v.id = s.vendor_id
              WHERE $4::text IS NULL OR (v.number, s.code_id) > ($4, $5)
              ORDER BY v.number, s.code_id LIMIT $6")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlDate, _>(from.0)
        .bind::<SqlDate, _>(to.0)
        .bind::<Nullable<Text>, _>(after.map(|(number, _)| number.clone()))
        .bind::<Nullable<SqlUuid>, _>(after.map(|(_, id)| *id))
        .bind::<BigInt, _>(slice.limit()),
    )
    .await
}
