//! Samples of journal entries: what was drawn, from what, and by which seed.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};

use crate::finance::ids::{AccountId, AuditSampleId, AuditSampleItemId, JournalEntryId};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::journal::JournalEntry;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{audit_sample, audit_sample_item};

crate::platform::words! {
    /// How entries are drawn. Both ways are those of ISA 530, appendix 4, made so that they can be done once more.
    AuditSampleMethod {
        /// Each entry has the same chance: those with the lowest tickets, where a ticket is the SHA-256 of the seed, a colon
        /// and the entry's number, as hexadecimal digits.
        Random = "random",
        /// Each unit of money has the same chance. The entries lie one behind the other by day and number, each as long as
        /// its amount; a pointer stands in each of `size` equal parts, as far behind its beginning as the first 15
        /// hexadecimal digits of the SHA-256 of the seed say, read as a fraction. What a pointer stands on is drawn.
        MonetaryUnit = "monetary_unit",
    }
}

/// A sample of journal entries. It stays as it was drawn.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = audit_sample)]
#[graphql(complex)]
pub struct AuditSample {
    /// Global id.
    pub id: AuditSampleId,
    /// What it was drawn for.
    pub name: String,
    /// The first day whose entries it was drawn from.
    #[diesel(column_name = from_on)]
    pub from: Date,
    /// The last day.
    #[diesel(column_name = to_on)]
    pub to: Date,
    #[graphql(skip)]
    account_id: Option<AccountId>,
    /// How it was drawn.
    pub method: AuditSampleMethod,
    /// What it was drawn by: the same seed gives the same entries.
    pub seed: String,
    /// How many entries, or pointers, were asked for.
    pub size: i32,
    /// It was drawn from what was recorded up to this moment.
    pub known_at: DateTime,
    /// How many entries it was drawn from.
    pub population: i32,
    #[graphql(skip)]
    population_amount: Dec,
    /// Who drew it.
    pub drawn_by_name: String,
    /// When it was drawn.
    pub created_at: DateTime,
}

/// An entry of a sample.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = audit_sample_item)]
#[graphql(complex)]
pub struct AuditSampleItem {
    /// Global id.
    pub id: AuditSampleItemId,
    #[graphql(skip)]
    sample_id: AuditSampleId,
    /// Its place in the sample, from 1: by ticket in a random sample, by day and number in one by monetary units.
    pub place: i32,
    #[graphql(skip)]
    entry_id: JournalEntryId,
    #[graphql(skip)]
    amount: Dec,
    /// How many pointers stand on it; 1 in a random sample.
    pub hits: i32,
}

#[ComplexObject]
impl AuditSample {
    /// The account whose entries it was drawn from; null: those of all accounts.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        match self.account_id {
            Some(id) => Ok(ctx.load::<Account>(id).await?),
            None => Ok(None),
        }
    }

    /// What the entries it was drawn from come to, in the books' currency: Σ of their debits, or Σ of what moved on the
    /// account, debits and credits alike, without sign.
    async fn population_amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.population_amount, ctx.tx(Can::AuditSampleRead).await?.book_currency()))
    }

    /// How many entries of these days were recorded since: the sample could not draw them. Right:
    /// `finance.audit_sample.read`.
    async fn recorded_since(&self, ctx: &Context<'_>) -> async_graphql::Result<i64> {
        Ok(ctx.load::<RecordedSince>(self.id).await?.unwrap_or_default())
    }
}

#[ComplexObject]
impl AuditSampleItem {
    /// The sample.
    async fn sample(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<AuditSample>> {
        Ok(ctx.load::<AuditSample>(self.sample_id).await?)
    }

    /// The entry.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// What the entry counted with: Σ of its debits, or Σ of what it moved on the account, without sign.
    async fn amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount, ctx.tx(Can::AuditSampleRead).await?.book_currency()))
    }
}

impl Fetch for AuditSample {
    type Key = AuditSampleId;
    type Value = Self;
    const CAN: Can = Can::AuditSampleRead;

    async fn fetch(tx: &Tx, keys: Vec<AuditSampleId>) -> Result<HashMap<AuditSampleId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                audit_sample::table
                    .filter(audit_sample::tenant_id.eq(tx.tenant()?))
                    .filter(audit_sample::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for AuditSampleItem {
    type Key = AuditSampleItemId;
    type Value = Self;
    const CAN: Can = Can::AuditSampleRead;

    async fn fetch(tx: &Tx, keys: Vec<AuditSampleItemId>) -> Result<HashMap<AuditSampleItemId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                audit_sample_item::table
                    .filter(audit_sample_item::tenant_id.eq(tx.tenant()?))
                    .filter(audit_sample_item::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// How many entries of a sample's days were recorded behind it.
struct RecordedSince;

#[derive(QueryableByName)]
struct Since {
    #[diesel(sql_type = SqlUuid)]
    id: AuditSampleId,
    #[diesel(sql_type = BigInt)]
    entries: i64,
}

impl Fetch for RecordedSince {
    type Key = AuditSampleId;
    type Value = i64;
    const CAN: Can = Can::AuditSampleRead;

    async fn fetch(tx: &Tx, keys: Vec<AuditSampleId>) -> Result<HashMap<AuditSampleId, i64>> {
        let rows: Vec<Since> = tx
            .rows(
                sql("SELECT s.id, count(DISTINCT l.entry_id) AS entries
                       FROM finance.audit_sample s
                       JOIN finance.journal_line l ON l.tenant_id = $1 AND l.recorded_at > s.known_at
                        AND l.entry_date BETWEEN s.from_on AND s.to_on AND (s.account_id IS NULL OR l.account_id = s.account_id)
                        AND l.ledger_id = (SELECT g.id FROM finance.ledger g WHERE g.tenant_id = $1 AND g.code = 'GENERAL')
                      WHERE s.tenant_id = $1 AND s.id = ANY ($2)
                      GROUP BY s.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.entries)).collect())
    }
}

crate::platform::connection!(
    /// A page of samples.
    AuditSampleConnection, AuditSampleEdge, AuditSample
);
crate::platform::connection!(
    /// A page of the entries of samples.
    AuditSampleItemConnection, AuditSampleItemEdge, AuditSampleItem
);

/// Queries about samples.
#[derive(Default)]
pub struct AuditSampleQuery;

#[Object]
impl AuditSampleQuery {
    /// One sample; null if the id is unknown. Right: `finance.audit_sample.read`.
    async fn audit_sample(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The sample's id.")] id: AuditSampleId,
    ) -> async_graphql::Result<Option<AuditSample>> {
        Ok(ctx.load::<AuditSample>(id).await?)
    }

    /// The samples, newest first. Right: `finance.audit_sample.read`.
    async fn audit_samples(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<AuditSampleConnection> {
        let tx = ctx.tx(Can::AuditSampleRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all =
            || -> Result<_> { Ok(audit_sample::table.filter(audit_sample::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(audit_sample::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(audit_sample::id.desc()).limit(slice.limit()).select(AuditSample::as_select())).await?;
        Ok(AuditSampleConnection::new(ctx, &slice, rows, |row: &AuditSample| encode("", row.id.0), total))
    }

    /// One entry of a sample; null if the id is unknown. Right: `finance.audit_sample.read`.
    async fn audit_sample_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The item's id.")] id: AuditSampleItemId,
    ) -> async_graphql::Result<Option<AuditSampleItem>> {
        Ok(ctx.load::<AuditSampleItem>(id).await?)
    }

    /// The entries of samples, those of the latest sample first and each sample's in their order. Right:
    /// `finance.audit_sample.read`.
    async fn audit_sample_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this sample.")] sample: Option<AuditSampleId>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<AuditSampleItemConnection> {
        let tx = ctx.tx(Can::AuditSampleRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let mut query = audit_sample_item::table.filter(audit_sample_item::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(sample) = sample {
                query = query.filter(audit_sample_item::sample_id.eq(sample));
            }
            Ok(query)
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((place, of)) = &slice.after {
            let place: i32 =
                place.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page
                .filter(audit_sample_item::sample_id.le(*of))
                .filter(audit_sample_item::sample_id.lt(*of).or(audit_sample_item::place.gt(place)));
        }
        let order = (audit_sample_item::sample_id.desc(), audit_sample_item::place);
        let rows = tx.rows(page.order(order).limit(slice.limit()).select(AuditSampleItem::as_select())).await?;
        let cursor = |row: &AuditSampleItem| encode(&row.place.to_string(), row.sample_id.0);
        Ok(AuditSampleItemConnection::new(ctx, &slice, rows, cursor, total))
    }
}
