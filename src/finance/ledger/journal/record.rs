//! Posted entries and their lines as they are read: from a figure to its lines, from a line to its entry, from an entry
//! to the document that it comes from.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use backoffice_money::{Decimal, neg};
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use futures_util::future::try_join_all;
use uuid::Uuid;

use super::{EntrySource, cursor_date};
use crate::finance::ids::{
    AccountId, AssetId, BankLineId, BillId, CreditNoteId, DeferralId, DunningNoticeId, FiscalYearId, InvoiceId,
    JournalEntryId, JournalLineId, PaymentId, RecurringEntryId, RevaluationId, TaxCodeId, VendorCreditId,
};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::finance::ledger::tax_code::TaxCode;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::journal_entry;

/// A posted entry. It never changes; a reversal takes it back.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = journal_entry)]
#[graphql(complex)]
pub struct JournalEntry {
    /// Global id.
    pub id: JournalEntryId,
    /// Its gapless number.
    pub number: String,
    /// The day that it counts for.
    #[graphql(name = "date")]
    pub entry_date: Date,
    /// When it was posted.
    pub recorded_at: DateTime,
    /// What happened.
    pub description: String,
    /// The currency of its document.
    pub currency: CurrencyCode,
    /// Where it comes from.
    pub source: EntrySource,
    /// The record that it comes from.
    #[graphql(skip)]
    pub source_id: Option<Uuid>,
    /// The entry that it takes back.
    #[graphql(skip)]
    pub reverses_id: Option<JournalEntryId>,
}

/// The columns of [`JournalLine`], of line `l` in ledger `g`.
macro_rules! line_columns {
    () => {
        "l.id, l.entry_id, l.line_no AS line_number, l.account_id, l.entry_date AS date, l.description, l.currency, \
         l.amount_document, l.amount, l.tax_code_id, l.dimensions, g.currency AS book_currency"
    };
}
pub(crate) use line_columns;

/// A line of a posted entry: one account, one side.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct JournalLine {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: JournalLineId,
    /// Its entry.
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub entry_id: JournalEntryId,
    /// Its place in the entry, from 1.
    #[diesel(sql_type = Int4)]
    pub line_number: i32,
    /// Its account.
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    pub account_id: AccountId,
    /// The day that it counts for: that of its entry.
    #[diesel(sql_type = SqlDate)]
    pub date: Date,
    /// What it is about; may be empty.
    #[diesel(sql_type = Text)]
    pub description: String,
    /// The document's currency.
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    pub currency: CurrencyCode,
    /// Debit positive, credit negative, in the document's currency.
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub amount_document: Dec,
    /// Debit positive, credit negative, in the books' currency.
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    pub amount: Dec,
    /// The tax code that made it.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    pub tax_code_id: Option<TaxCodeId>,
    /// The values of dimensions that it stands on, as they are kept.
    #[diesel(sql_type = Jsonb)]
    #[graphql(skip)]
    pub dimensions: serde_json::Value,
    /// The books' currency.
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    pub book_currency: String,
}

#[ComplexObject]
impl JournalEntry {
    /// Its lines in order. Their debits and credits are equal.
    async fn lines(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<JournalLine>> {
        Ok(ctx.load::<LinesOf>(self.id).await?.unwrap_or_default())
    }

    /// The entry that it takes back, if it is a reversal.
    async fn reverses(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.reverses_id {
            Some(reversed) => Ok(ctx.load::<JournalEntry>(reversed).await?),
            None => Ok(None),
        }
    }

    /// The entry that took it back, if there is one.
    async fn reversed_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<ReversalOf>(self.id).await?)
    }

    /// The name of the person or service account that posted it, as it was then.
    async fn posted_by(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        Ok(ctx.load::<PosterOf>(self.id).await?)
    }

    /// What it comes from: the id of an invoice, a credit note, a vendor credit, a bill, a payment, a bank line, a closed year,
    /// a revaluation, a deferral, a fixed asset or a recurring entry, for a reversal that of the reversed entry; null
    /// for entries that are their own document.
    async fn document_id(&self) -> Option<ID> {
        document_id(self.source, self.source_id)
    }
}

#[ComplexObject]
impl JournalLine {
    /// Its entry.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(ctx.load::<JournalEntry>(self.entry_id).await?)
    }

    /// Its account.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// Its amount in the document's currency: debit positive, credit negative.
    async fn amount_document(&self) -> Money {
        Money::new(self.amount_document, &self.currency.0)
    }

    /// Its amount in the books' currency: debit positive, credit negative.
    async fn amount(&self) -> Money {
        Money::new(self.amount, &self.book_currency)
    }

    /// Its amount in the books' currency if it is a debit, otherwise zero.
    async fn debit(&self) -> Money {
        Money::new(Dec(self.amount.0.max(Decimal::ZERO)), &self.book_currency)
    }

    /// Its amount in the books' currency, without sign, if it is a credit, otherwise zero.
    async fn credit(&self) -> async_graphql::Result<Money> {
        let credit = neg(self.amount.0.min(Decimal::ZERO)).map_err(crate::platform::error::Error::from)?;
        Ok(Money::new(Dec(credit), &self.book_currency))
    }

    /// The tax code that made it.
    async fn tax_code(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TaxCode>> {
        match self.tax_code_id {
            Some(code) => Ok(ctx.load::<TaxCode>(code).await?),
            None => Ok(None),
        }
    }

    /// The values of dimensions that it stands on, in the order in which the dimensions were made. Right:
    /// `finance.account.read`.
    async fn dimensions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DimensionValue>> {
        let labels = Labels::from_json(&self.dimensions)?;
        let found = try_join_all(labels.values().map(|value| ctx.load::<DimensionValue>(value))).await?;
        Ok(found.into_iter().flatten().collect())
    }
}

crate::platform::connection!(
    /// A page of journal entries.
    JournalEntryConnection, JournalEntryEdge, JournalEntry
);

crate::platform::connection!(
    /// A page of journal lines.
    JournalLineConnection, JournalLineEdge, JournalLine
);

/// The outside id of what an entry comes from.
fn document_id(source: EntrySource, id: Option<Uuid>) -> Option<ID> {
    let id = id?;
    Some(ID(match source {
        EntrySource::Invoice => InvoiceId(id).to_string(),
        EntrySource::Bill => BillId(id).to_string(),
        EntrySource::Bank => BankLineId(id).to_string(),
        EntrySource::CreditNote => CreditNoteId(id).to_string(),
        EntrySource::VendorCredit => VendorCreditId(id).to_string(),
        EntrySource::Payment => PaymentId(id).to_string(),
        EntrySource::Dunning => DunningNoticeId(id).to_string(),
        EntrySource::Reversal => JournalEntryId(id).to_string(),
        EntrySource::Closing => FiscalYearId(id).to_string(),
        EntrySource::Asset => AssetId(id).to_string(),
        EntrySource::Deferral => DeferralId(id).to_string(),
        EntrySource::Recurring => RecurringEntryId(id).to_string(),
        EntrySource::Revaluation => RevaluationId(id).to_string(),
        EntrySource::Manual | EntrySource::Opening => return None,
    }))
}

impl Fetch for JournalEntry {
    type Key = JournalEntryId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<JournalEntryId>) -> Result<HashMap<JournalEntryId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                journal_entry::table
                    .filter(journal_entry::tenant_id.eq(tx.tenant()?))
                    .filter(journal_entry::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for JournalLine {
    type Key = JournalLineId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<JournalLineId>) -> Result<HashMap<JournalLineId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                sql(concat!(
                    "SELECT ",
                    line_columns!(),
                    " FROM finance.journal_line l
                       JOIN finance.ledger g ON g.tenant_id = $1 AND g.id = l.ledger_id
                      WHERE l.tenant_id = $1 AND l.id = ANY ($2)"
                ))
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The lines of entries.
pub struct LinesOf;

impl Fetch for LinesOf {
    type Key = JournalEntryId;
    type Value = Vec<JournalLine>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<JournalEntryId>) -> Result<HashMap<JournalEntryId, Vec<JournalLine>>> {
        lines_of(tx, &keys).await
    }
}

/// The reversals of entries.
pub struct ReversalOf;

impl Fetch for ReversalOf {
    type Key = JournalEntryId;
    type Value = JournalEntry;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<JournalEntryId>) -> Result<HashMap<JournalEntryId, JournalEntry>> {
        let rows: Vec<JournalEntry> = tx
            .rows(
                journal_entry::table
                    .filter(journal_entry::tenant_id.eq(tx.tenant()?))
                    .filter(journal_entry::reverses_id.eq_any(keys))
                    .select(JournalEntry::as_select()),
            )
            .await?;
        Ok(rows.into_iter().filter_map(|row| Some((row.reverses_id?, row))).collect())
    }
}

/// The names of those who posted entries, from the trail.
pub struct PosterOf;

#[derive(QueryableByName)]
struct Poster {
    #[diesel(sql_type = SqlUuid)]
    entry_id: JournalEntryId,
    #[diesel(sql_type = Text)]
    name: String,
}

impl Fetch for PosterOf {
    type Key = JournalEntryId;
    type Value = String;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<JournalEntryId>) -> Result<HashMap<JournalEntryId, String>> {
        let rows: Vec<Poster> = tx
            .rows(
                sql("SELECT e.record_id AS entry_id, e.actor_name AS name FROM audit.entry e
                      WHERE e.tenant_id = $1 AND e.record_id = ANY ($2) AND e.action = 'insert'")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.entry_id, row.name)).collect())
    }
}

/// The lines of entries, in order.
pub(crate) async fn lines_of(tx: &Tx, entries: &[JournalEntryId]) -> Result<HashMap<JournalEntryId, Vec<JournalLine>>> {
    let rows: Vec<JournalLine> = tx
        .rows(
            sql(concat!(
                "SELECT ",
                line_columns!(),
                " FROM finance.journal_line l
                   JOIN finance.ledger g ON g.tenant_id = $1 AND g.id = l.ledger_id
                  WHERE l.tenant_id = $1 AND l.entry_id = ANY ($2)
                  ORDER BY l.entry_id, l.line_no"
            ))
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(entries.to_vec()),
        )
        .await?;
    let mut found: HashMap<JournalEntryId, Vec<JournalLine>> = HashMap::new();
    for row in rows {
        found.entry(row.entry_id).or_default().push(row);
    }
    Ok(found)
}

/// The entry, or nothing.
pub async fn find(tx: &Tx, id: JournalEntryId) -> Result<Option<JournalEntry>> {
    Ok(JournalEntry::fetch(tx, vec![id]).await?.remove(&id))
}

/// The entry that took it back, if there is one.
pub(super) async fn reversal_of(tx: &Tx, id: JournalEntryId) -> Result<Option<JournalEntry>> {
    Ok(ReversalOf::fetch(tx, vec![id]).await?.remove(&id))
}

crate::platform::equality_filter!(
    /// Conditions on where an entry comes from.
    EntrySourceFilter,
    EntrySource
);

crate::platform::filter! {
    /// Narrows a list of journal entries.
    JournalEntryFilter over journal_entry {
        /// By the day that they count for.
        date: DateFilter => date(journal_entry::entry_date),
        /// By where they come from.
        source: EntrySourceFilter => equality(journal_entry::source),
        /// By number.
        number: TextFilter => text(journal_entry::number),
    }
}

/// Queries about the journal.
#[derive(Default)]
pub struct JournalQuery;

#[Object]
impl JournalQuery {
    /// One journal entry; null if the id is unknown. Right: `finance.journal.read`.
    async fn journal_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry's id.")] id: JournalEntryId,
    ) -> async_graphql::Result<Option<JournalEntry>> {
        Ok(find(ctx.tx(Can::JournalRead).await?, id).await?)
    }

    /// The journal, by the day that entries count for, the newest first. Right: `finance.journal.read`.
    async fn journal_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only entries that match.")] filter: Option<JournalEntryFilter>,
    ) -> async_graphql::Result<JournalEntryConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<JournalEntryFilter>| -> Result<_> {
            let mut query = journal_entry::table.filter(journal_entry::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((date, id)) = &slice.after {
            let date = cursor_date(date)?;
            page = page
                .filter(journal_entry::entry_date.le(date))
                .filter(journal_entry::entry_date.lt(date).or(journal_entry::id.lt(*id)));
        }
        let rows = tx
            .rows(
                page.order((journal_entry::entry_date.desc(), journal_entry::id.desc()))
                    .limit(slice.limit())
                    .select(JournalEntry::as_select()),
            )
            .await?;
        let cursor = |row: &JournalEntry| encode(&row.entry_date.0.to_string(), row.id.0);
        Ok(JournalEntryConnection::new(ctx, &slice, rows, cursor, total))
    }
}
