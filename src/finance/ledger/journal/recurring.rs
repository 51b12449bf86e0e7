//! Entries that come again, and templates. What is due is noted with the day on which it comes next: however often it is
//! looked for, it comes once for each of its days.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Balanced, Currency};
use chrono::{Months, NaiveDate};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::manual::{JournalEntryPayload, JournalEntryPostInput, JournalLineInput, expect_approved, unsplit};
use super::{EntrySource, JournalEntry, NewEntry, NewLine, find, post, refuse_lines};
use crate::finance::ids::{AccountId, DimensionValueId, RecurringEntryId, TaxCodeId};
use crate::finance::ledger::dimension::Labels;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::recurring_entry;

pub mod due;

pub(crate) use due::named;
use due::post_through;
pub use due::{RecurringEntryRun, post_due};

/// An entry that comes again every so many months; without a rhythm a template that is posted by hand.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = recurring_entry)]
#[graphql(complex)]
pub struct RecurringEntry {
    /// Global id.
    pub id: RecurringEntryId,
    /// What happens.
    pub description: String,
    #[graphql(skip)]
    amount: Dec,
    #[graphql(skip)]
    lines: serde_json::Value,
    /// Every how many months it comes; null for a template.
    pub every_months: Option<i32>,
    /// The first day on which it comes; later ones are the same day of their months, or the last one of shorter months.
    pub starts_on: Option<Date>,
    /// The last day on which it may come; null: without end.
    pub ends_on: Option<Date>,
    #[graphql(skip)]
    pub(crate) came: i32,
    /// The day on which it comes next; null for a template, and when it is over.
    pub next_on: Option<Date>,
    /// When it was stopped.
    pub stopped_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// A line of an entry that comes again.
#[derive(SimpleObject, Clone, Debug)]
pub struct RecurringEntryLine {
    /// The account.
    pub account_id: AccountId,
    /// The amount in the books' currency: debit positive.
    pub amount: Money,
    /// What the line is about; may be empty.
    pub description: String,
    /// The tax code that it belongs to; null if to none.
    pub tax_code_id: Option<TaxCodeId>,
    /// The values of dimensions that it stands on.
    pub dimension_ids: Vec<DimensionValueId>,
}

/// A line as it is kept. Amounts are texts, so that nothing rounds them.
#[derive(Serialize, Deserialize)]
struct Kept {
    account: uuid::Uuid,
    book: String,
    text: String,
    tax: Option<uuid::Uuid>,
    labels: serde_json::Value,
}

impl RecurringEntry {
    /// Its lines, as they are posted.
    pub(crate) fn new_lines(&self, book: Currency) -> Result<Vec<NewLine>> {
        let kept: Vec<Kept> = serde_json::from_value(self.lines.clone()).map_err(Error::fault)?;
        kept.into_iter()
            .map(|line| {
                let amount = line.book.parse().map_err(|_| Error::fault("a recurring line has no amount"))?;
                Ok(NewLine {
                    account: AccountId(line.account),
                    amount_document: amount,
                    amount,
                    currency: book,
                    description: line.text,
                    tax_code: line.tax.map(TaxCodeId),
                    labels: Labels::from_json(&line.labels)?,
                })
            })
            .collect()
    }
}

#[ComplexObject]
impl RecurringEntry {
    /// The sum of its debits, in the books' currency.
    async fn amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// Its lines, in their order.
    async fn lines(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RecurringEntryLine>> {
        let book = Currency::parse(ctx.tx(Can::JournalRead).await?.book_currency()).map_err(Error::from)?;
        let lines = self.new_lines(book)?.into_iter().map(|line| RecurringEntryLine {
            account_id: line.account,
            amount: Money::new(Dec(line.amount), book.code()),
            description: line.description,
            tax_code_id: line.tax_code,
            dimension_ids: line.labels.values().collect(),
        });
        Ok(lines.collect())
    }
}

crate::platform::connection!(
    /// A page of recurring entries and templates.
    RecurringEntryConnection, RecurringEntryEdge, RecurringEntry
);

impl Fetch for RecurringEntry {
    type Key = RecurringEntryId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<RecurringEntryId>) -> Result<HashMap<RecurringEntryId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                recurring_entry::table
                    .filter(recurring_entry::tenant_id.eq(tx.tenant()?))
                    .filter(recurring_entry::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// An entry that comes again, or a template.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringEntryCreateInput {
    /// What happens, 1 to 500 characters.
    pub description: String,
    /// Its lines in the books' currency, 2 to 1,000; their debits and credits are equal.
    pub lines: Vec<JournalLineInput>,
    /// Every how many months it comes, 1 to 60; if not said it is a template that is posted by hand.
    pub every_months: Option<i32>,
    /// The first day on which it comes: needed if it comes again.
    pub starts_on: Option<Date>,
    /// The last day on which it may come; without end if not said.
    pub ends_on: Option<Date>,
}

/// What does not come any more.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringEntryStopInput {
    /// The recurring entry or template.
    pub id: RecurringEntryId,
}

/// A template that is posted.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringEntryPostInput {
    /// The template, or a recurring entry that comes once more, beside its rhythm.
    pub id: RecurringEntryId,
    /// The day that the entry counts for.
    pub date: Date,
    /// What happened; as the template says if not said.
    pub description: Option<String>,
}

/// Up to when entries are posted.
#[derive(InputObject, Clone, Debug)]
pub struct RecurringEntriesPostInput {
    /// Entries that are due up to this day are posted; up to today in the client's time zone if not said, and never later.
    pub through: Option<Date>,
}

crate::platform::payload! {
    /// What became of a recurring entry.
    RecurringEntryPayload {
        /// The recurring entry as it is now.
        recurring_entry: RecurringEntry
    }
}

crate::platform::payload! {
    /// What became of entries that were due.
    RecurringEntryRunPayload {
        /// What was posted.
        recurring_entry_run: RecurringEntryRun
    }
}

/// The day on which something comes for the n-th time after its first: the same day of a later month, or its last one.
fn comes(starts_on: NaiveDate, every_months: u32, times: u32) -> Option<NaiveDate> {
    starts_on.checked_add_months(Months::new(every_months.checked_mul(times)?))
}

/// The day on which it comes after it has come so often, unless that lies behind its last one.
pub(crate) fn next(row: &RecurringEntry, came: i32) -> Option<NaiveDate> {
    let (starts_on, every) = (row.starts_on?.0, u32::try_from(row.every_months?).ok()?);
    let day = comes(starts_on, every, u32::try_from(came).ok()?)?;
    row.ends_on.is_none_or(|last| day <= last.0).then_some(day)
}

async fn create(tx: &Tx, input: RecurringEntryCreateInput) -> Result<RecurringEntry> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    match (input.every_months, input.starts_on) {
        (Some(every), _) if !(1..=60).contains(&every) => {
            return refuse("everyMonths", "It comes every 1 to 60 months.");
        }
        (Some(_), None) => {
            let message = "What comes again needs the first day on which it comes.";
            return Err(Error::refuse(UserErrorCode::Required, "startsOn", message));
        }
        (None, Some(_)) => return refuse("startsOn", "A template has no rhythm: say every how many months it comes."),
        _ => {}
    }
    if input.ends_on.is_some_and(|last| input.starts_on.is_none_or(|first| last < first)) {
        return refuse("endsOn", "The last day does not lie before the first one.");
    }
    let asked = JournalEntryPostInput {
        date: input.starts_on.unwrap_or(Date(tx.today())),
        description: input.description.clone(),
        currency: None,
        exchange_rate: None,
        lines: input.lines,
    };
    let lines = unsplit(tx, asked).await?.lines;
    let amount = lines.volume()?;
    let kept: Vec<Kept> = lines
        .into_lines()
        .into_iter()
        .map(|line| Kept {
            account: line.account.0,
            book: line.amount.to_string(),
            text: line.description,
            tax: line.tax_code.map(|code| code.0),
            labels: line.labels.to_json(),
        })
        .collect();
    tx.row(
        diesel::insert_into(recurring_entry::table)
            .values((
                recurring_entry::tenant_id.eq(tx.tenant()?),
                recurring_entry::id.eq(RecurringEntryId::new()),
                recurring_entry::description.eq(input.description),
                recurring_entry::amount.eq(Dec(amount)),
                recurring_entry::lines.eq(serde_json::to_value(kept).map_err(Error::fault)?),
                recurring_entry::every_months.eq(input.every_months),
                recurring_entry::starts_on.eq(input.starts_on),
                recurring_entry::ends_on.eq(input.ends_on),
                recurring_entry::next_on.eq(input.starts_on),
            ))
            .returning(RecurringEntry::as_returning()),
    )
    .await
    .inspect(|made: &RecurringEntry| emit(tx, EventKind::RecurringEntryCreated, made.id.0))
}

async fn locked(tx: &Tx, id: RecurringEntryId) -> Result<RecurringEntry> {
    let found: Option<RecurringEntry> = tx
        .maybe(
            recurring_entry::table
                .filter(recurring_entry::tenant_id.eq(tx.tenant()?))
                .filter(recurring_entry::id.eq(id))
                .select(RecurringEntry::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "recurring entry"))?;
    if found.stopped_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This recurring entry is stopped."));
    }
    Ok(found)
}

async fn stop(tx: &Tx, id: RecurringEntryId) -> Result<RecurringEntry> {
    let found = locked(tx, id).await?;
    tx.row(
        diesel::update(recurring_entry::table)
            .filter(recurring_entry::tenant_id.eq(tx.tenant()?))
            .filter(recurring_entry::id.eq(found.id))
            .set((recurring_entry::stopped_at.eq(Some(DateTime(tx.now()))), recurring_entry::next_on.eq(None::<Date>)))
            .returning(RecurringEntry::as_returning()),
    )
    .await
    .inspect(|stopped: &RecurringEntry| emit(tx, EventKind::RecurringEntryStopped, stopped.id.0))
}

async fn post_one(tx: &Tx, row: &RecurringEntry, date: NaiveDate, description: String) -> Result<super::Posted> {
    let book = Currency::parse(tx.book_currency())?;
    let entry = NewEntry {
        date,
        description,
        currency: book,
        source: EntrySource::Recurring,
        source_id: Some(row.id.0),
        reverses: None,
        lines: Balanced::check(book, row.new_lines(book)?).map_err(refuse_lines)?,
    };
    let made = post(tx, entry).await?;
    expect_approved(tx, made.id).await?;
    Ok(made)
}

async fn post_by_hand(tx: &Tx, input: RecurringEntryPostInput) -> Result<JournalEntry> {
    let found = locked(tx, input.id).await?;
    let description = input.description.unwrap_or_else(|| found.description.clone());
    super::super::check_text("description", &description, 500)?;
    let made = post_one(tx, &found, input.date.0, description).await?;
    find(tx, made.id).await?.ok_or_else(|| Error::fault("the posted entry is not there"))
}

/// Queries about recurring entries.
#[derive(Default)]
pub struct RecurringEntryQuery;

#[Object]
impl RecurringEntryQuery {
    /// One recurring entry or template; null if the id is unknown. Right: `finance.journal.read`.
    async fn recurring_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: RecurringEntryId,
    ) -> async_graphql::Result<Option<RecurringEntry>> {
        Ok(ctx.load::<RecurringEntry>(id).await?)
    }

    /// Recurring entries and templates, also those that are over, the newest first. Right: `finance.journal.read`.
    async fn recurring_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<RecurringEntryConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> {
            Ok(recurring_entry::table.filter(recurring_entry::tenant_id.eq(tx.tenant()?)).into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(recurring_entry::id.lt(*id));
        }
        let page = page.order(recurring_entry::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(RecurringEntry::as_select())).await?;
        Ok(RecurringEntryConnection::new(ctx, &slice, rows, |row: &RecurringEntry| encode("", row.id.0), total))
    }
}

/// Changes of recurring entries.
#[derive(Default)]
pub struct RecurringEntryMutation;

#[Object]
impl RecurringEntryMutation {
    /// Makes an entry that comes again, or a template. Nothing is posted yet. Right: `finance.journal.post`.
    async fn recurring_entry_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The entry and its rhythm.")] input: RecurringEntryCreateInput,
    ) -> async_graphql::Result<Option<RecurringEntryPayload>> {
        RecurringEntryPayload::settle(ctx, create(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Stops a recurring entry or template for good: what is posted stays. Right: `finance.journal.post`.
    async fn recurring_entry_stop(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The recurring entry.")] input: RecurringEntryStopInput,
    ) -> async_graphql::Result<Option<RecurringEntryPayload>> {
        RecurringEntryPayload::settle(ctx, stop(ctx.tx(Can::JournalPost).await?, input.id).await)
    }

    /// Posts a template, or a recurring entry once more beside its rhythm. Right: `finance.journal.post`.
    async fn recurring_entry_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The template and the day.")] input: RecurringEntryPostInput,
    ) -> async_graphql::Result<Option<JournalEntryPayload>> {
        JournalEntryPayload::settle(ctx, post_by_hand(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Posts the recurring entries that are due, each once for each of its days: on that day, or on the first open one after
    /// it. A schedule of the kind `DUE_ENTRIES_POST` does the same by itself. Right: `finance.journal.post`.
    async fn recurring_entries_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Up to when.")] input: RecurringEntriesPostInput,
    ) -> async_graphql::Result<Option<RecurringEntryRunPayload>> {
        let tx = ctx.tx(Can::JournalPost).await?;
        RecurringEntryRunPayload::settle(ctx, post_through(tx, input.through).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_a_month_lacks_is_its_last_one() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let days: Vec<_> = (0..4).map(|times| comes(day(1, 31), 1, times).unwrap()).collect();
        assert_eq!(days, [day(1, 31), day(2, 28), day(3, 31), day(4, 30)]);
        assert_eq!(comes(day(1, 15), 3, 3), Some(day(10, 15)));
        assert_eq!(comes(day(1, 15), u32::MAX, 2), None);
    }
}
