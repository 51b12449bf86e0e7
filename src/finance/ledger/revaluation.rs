//! Revaluation: what is open in foreign currencies at the end of a day is worth what the rates of that day say. The
//! difference is posted as unrealised and taken back on the next day, both at once: open items keep the rate that they were
//! posted with, and what is paid is realised by its payment alone.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Balanced, Currency, Decimal, sum};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::account::{Account, Control};
use super::journal::{self, EntrySource, JournalEntry, NewEntry, post};
use super::{check_text, exchange_rate, lock};
use crate::finance::chart;
use crate::finance::ids::{AccountId, JournalEntryId, OpenItemId, RevaluationId};
use crate::finance::open_item::OpenItem;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::relabel;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{revaluation, revaluation_line};

mod rules;

use rules::{Position, Valued};

/// What is open in foreign currencies, valued at the end of a day.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = revaluation)]
#[graphql(complex)]
pub struct Revaluation {
    /// Global id.
    pub id: RevaluationId,
    /// The day at whose end it holds.
    #[graphql(name = "date")]
    pub on_date: Date,
    #[graphql(skip)]
    difference: Dec,
    #[graphql(skip)]
    entry_id: Option<JournalEntryId>,
    #[graphql(skip)]
    reversal_id: Option<JournalEntryId>,
    /// Who made it.
    pub made_by_name: String,
    /// When it was taken back; null while it stands.
    pub undone_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// What a figure of a revaluation comes from: an open item, or the balance of an account that is kept in a foreign currency.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = revaluation_line)]
#[graphql(complex)]
pub struct RevaluationLine {
    #[graphql(skip)]
    id: Uuid,
    #[graphql(skip)]
    account_id: AccountId,
    #[graphql(skip)]
    open_item_id: Option<OpenItemId>,
    #[graphql(skip)]
    currency: CurrencyCode,
    #[graphql(skip)]
    amount_document: Dec,
    #[graphql(skip)]
    amount_book: Dec,
    /// Book currency for one unit of the currency.
    pub rate: Dec,
    #[graphql(skip)]
    difference: Dec,
}

#[ComplexObject]
impl Revaluation {
    /// What it gains, in the books' currency; negative for a loss.
    async fn difference(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.difference, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// The entry of the day; null if the rates change nothing.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }

    /// The entry of the next day that takes it back.
    async fn reversal(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.reversal_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }

    /// What its figures come from, item by item. Their differences sum to its own.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<RevaluationLineConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own = || -> Result<_> {
            let query = revaluation_line::table.filter(revaluation_line::tenant_id.eq(tx.tenant()?));
            Ok(query.filter(revaluation_line::revaluation_id.eq(self.id)).into_boxed())
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(revaluation_line::id.gt(*id));
        }
        let page = page.order(revaluation_line::id.asc()).limit(slice.limit());
        let rows = tx.rows(page.select(RevaluationLine::as_select())).await?;
        Ok(RevaluationLineConnection::new(ctx, &slice, rows, |row: &RevaluationLine| encode("", row.id), total))
    }
}

#[ComplexObject]
impl RevaluationLine {
    /// The account that it stands on. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The open item; null for the balance of an account. Right: `finance.open_item.read`.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        match self.open_item_id {
            Some(item) => Ok(ctx.load::<OpenItem>(item).await?),
            None => Ok(None),
        }
    }

    /// What was open, in its currency: debit positive.
    async fn amount_document(&self) -> Money {
        Money::new(self.amount_document, &self.currency.0)
    }

    /// What stood in the books for it, in their currency: debit positive.
    async fn amount_book(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount_book, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// What it is worth at the rate, rounded, less what stood in the books: debit positive.
    async fn difference(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.difference, ctx.tx(Can::JournalRead).await?.book_currency()))
    }
}

crate::platform::connection!(
    /// A page of revaluations.
    RevaluationConnection, RevaluationEdge, Revaluation
);

crate::platform::connection!(
    /// A page of what a revaluation's figures come from.
    RevaluationLineConnection, RevaluationLineEdge, RevaluationLine
);

impl Fetch for Revaluation {
    type Key = RevaluationId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<RevaluationId>) -> Result<HashMap<RevaluationId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                revaluation::table
                    .filter(revaluation::tenant_id.eq(tx.tenant()?))
                    .filter(revaluation::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A day at whose end what is open is valued.
#[derive(InputObject, Clone, Debug)]
pub struct RevaluationRunInput {
    /// The day. It and the next one lie in a fiscal year and outside the locks.
    pub date: Date,
}

/// A revaluation that is taken back.
#[derive(InputObject, Clone, Debug)]
pub struct RevaluationUndoInput {
    /// The revaluation.
    pub id: RevaluationId,
    /// Why, 3 to 500 characters.
    pub reason: String,
}

crate::platform::payload! {
    /// What became of a revaluation.
    RevaluationPayload {
        /// The revaluation as it is now.
        revaluation: Revaluation
    }
}

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    open_item_id: Option<OpenItemId>,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Numeric)]
    document: Decimal,
    #[diesel(sql_type = Numeric)]
    book: Decimal,
}

/// What was open at the end of a day: items less what was settled of them by then, and balances of accounts of assets and
/// liabilities that are kept in a foreign currency without open items behind them. One statement.
async fn open_on(tx: &Tx, day: NaiveDate) -> Result<Vec<Position>> {
    let rows: Vec<Open> = tx
        .rows(
            sql("SELECT i.account_id, i.id AS open_item_id, i.currency,
                        CASE i.side WHEN 'receivable' THEN 1 ELSE -1 END * (i.amount - coalesce(a.amount, 0)) AS document,
                        CASE i.side WHEN 'receivable' THEN 1 ELSE -1 END * (i.amount_book - coalesce(a.amount_book, 0)) AS book
                   FROM finance.open_item i
                   JOIN finance.journal_entry e ON e.tenant_id = $1 AND e.id = i.entry_id AND e.entry_date <= $2
                   LEFT JOIN LATERAL (SELECT sum(x.amount) AS amount, sum(x.amount_book) AS amount_book FROM finance.allocation x
                                       WHERE x.tenant_id = $1 AND x.open_item_id = i.id AND x.allocated_on <= $2) a ON true
                  WHERE i.tenant_id = $1 AND i.currency <> $3 AND i.amount <> coalesce(a.amount, 0)
                 UNION ALL
                 SELECT a.id, NULL, k.currency, sum(b.amount_document), sum(b.debit - b.credit)
                   FROM finance.account a
                   LEFT JOIN finance.bank_account n ON n.tenant_id = $1 AND n.account_id = a.id
                  CROSS JOIN LATERAL (SELECT coalesce(a.currency, n.currency) AS currency) k
                   JOIN finance.account_balance b ON b.tenant_id = $1 AND b.account_id = a.id AND b.on_date <= $2 AND b.currency = k.currency
                  WHERE a.tenant_id = $1 AND a.kind IN ('asset', 'liability') AND k.currency <> $3
                    AND a.control IS DISTINCT FROM 'receivable' AND a.control IS DISTINCT FROM 'payable'
                  GROUP BY a.id, k.currency HAVING sum(b.amount_document) <> 0 OR sum(b.debit - b.credit) <> 0
                  ORDER BY 3, 1, 2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(day)
            .bind::<Text, _>(tx.book_currency().to_owned()),
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Position {
                account: row.account_id,
                item: row.open_item_id,
                currency: Currency::parse(&row.currency)?,
                document: row.document,
                book: row.book,
            })
        })
        .collect()
}

async fn run(tx: &Tx, day: NaiveDate) -> Result<Revaluation> {
    // Whoever posts or settles waits for this, so that nothing comes between counting and posting.
    lock::general_for_update(tx).await?;
    let made: i64 = tx
        .row(
            revaluation::table
                .filter(revaluation::tenant_id.eq(tx.tenant()?))
                .filter(revaluation::on_date.eq(Date(day)))
                .filter(revaluation::undone_at.is_null())
                .count(),
        )
        .await?;
    if made > 0 {
        let message = "What is open is valued at the end of this day already; take that back first.";
        return Err(Error::refuse(UserErrorCode::Duplicate, "date", message));
    }
    let refuse = |message: String| Error::refuse(UserErrorCode::State, "date", message);
    let next = day.succ_opt().ok_or_else(|| refuse("This day lies too far away.".to_owned()))?;
    let book = Currency::parse(tx.book_currency())?;
    let open = open_on(tx, day).await?;
    let currencies: std::collections::BTreeSet<String> =
        open.iter().map(|one| one.currency.code().to_owned()).collect();
    let rates = exchange_rate::on_day(tx, currencies.into_iter().collect(), day).await?;
    let rates = rates.into_iter().map(|(currency, found)| (currency, found.rate.0)).collect();
    let (valued, missing) = rules::valued(open, &rates, book)?;
    if let Some(currency) = missing.first() {
        return Err(refuse(format!("There is no rate of {currency} for {day} or the 31 days before; enter it first.")));
    }
    let id = RevaluationId::new();
    let (mut entry, mut reversal, mut gain) = (None, None, Decimal::ZERO);
    if valued.iter().any(|one| !one.difference.is_zero()) {
        gain = sum(valued.iter().map(|one| one.difference))?;
        let unrealized = chart::exchange(tx, Control::UnrealizedExchange, gain > Decimal::ZERO).await?;
        let text = format!("Revaluation at the end of {day}");
        let lines = rules::lines(&valued, unrealized.id, book, &text)?;
        if !lines.is_empty() {
            let new = NewEntry {
                date: day,
                description: text.clone(),
                currency: book,
                source: EntrySource::Revaluation,
                source_id: Some(id.0),
                reverses: None,
                lines: Balanced::check(book, lines)?,
            };
            let posted = post(tx, new).await.map_err(|error| relabel(error, &[("lines", "date")]))?;
            entry = Some(posted.id);
            let text = format!("{text}, taken back");
            let source = (EntrySource::Revaluation, Some(id.0));
            let back = journal::take_back(tx, posted.id, next, text, source, Some(posted.id)).await;
            reversal = Some(back.map_err(|error| relabel(error, &[("lines", "date")]))?.id);
        }
    }
    tx.exec(diesel::insert_into(revaluation::table).values((
        revaluation::tenant_id.eq(tx.tenant()?),
        revaluation::id.eq(id),
        revaluation::on_date.eq(Date(day)),
        revaluation::difference.eq(Dec(gain)),
        revaluation::entry_id.eq(entry),
        revaluation::reversal_id.eq(reversal),
        revaluation::made_by_name.eq(tx.actor_name().to_owned()),
    )))
    .await?;
    keep(tx, id, &valued).await?;
    emit(tx, EventKind::RevaluationMade, id.0);
    find(tx, id).await
}

/// Writes what the figures come from.
async fn keep(tx: &Tx, id: RevaluationId, valued: &[Valued]) -> Result<()> {
    if valued.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO finance.revaluation_line (tenant_id, id, revaluation_id, account_id, open_item_id, currency, amount_document,
               amount_book, rate, difference)
             SELECT $1, n.id, $2, n.account_id, n.open_item_id, n.currency, n.amount_document, n.amount_book, n.rate, n.difference
               FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[])
                 AS n (id, account_id, open_item_id, currency, amount_document, amount_book, rate, difference)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<Array<SqlUuid>, _>(valued.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(valued.iter().map(|one| one.position.account).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(valued.iter().map(|one| one.position.item).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(valued.iter().map(|one| one.position.currency.to_string()).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(valued.iter().map(|one| one.position.document).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(valued.iter().map(|one| one.position.book).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(valued.iter().map(|one| one.rate).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(valued.iter().map(|one| one.difference).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

async fn find(tx: &Tx, id: RevaluationId) -> Result<Revaluation> {
    Revaluation::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::not_found("id", "revaluation"))
}

async fn undo(tx: &Tx, input: RevaluationUndoInput) -> Result<Revaluation> {
    check_text("reason", &input.reason, 500)?;
    if input.reason.trim().chars().count() < 3 {
        return Err(Error::refuse(UserErrorCode::Invalid, "reason", "A reason has at least 3 characters."));
    }
    lock::general_for_update(tx).await?;
    let found = find(tx, input.id).await?;
    if found.undone_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This revaluation is taken back already."));
    }
    // Each on its own day: every day stands as if there had been none.
    // The entry of the day has its reversal on the next one already.
    let next = found.on_date.0.succ_opt();
    for (entry, day, named) in [(found.entry_id, Some(found.on_date.0), false), (found.reversal_id, next, true)] {
        let (Some(entry), Some(day)) = (entry, day) else { continue };
        let text = format!("Revaluation at the end of {} undone", found.on_date.0);
        let source = (EntrySource::Revaluation, Some(found.id.0));
        let back = journal::take_back(tx, entry, day, text, source, named.then_some(entry)).await;
        back.map_err(|error| relabel(error, &[("date", "id"), ("lines", "id")]))?;
    }
    tx.row(
        diesel::update(revaluation::table)
            .filter(revaluation::tenant_id.eq(tx.tenant()?))
            .filter(revaluation::id.eq(found.id))
            .set((
                revaluation::undone_at.eq(Some(DateTime(tx.now()))),
                revaluation::undone_by_name.eq(Some(tx.actor_name().to_owned())),
                revaluation::undone_reason.eq(Some(input.reason)),
            ))
            .returning(Revaluation::as_returning()),
    )
    .await
    .inspect(|undone: &Revaluation| emit(tx, EventKind::RevaluationUndone, undone.id.0))
}

/// Queries about revaluations.
#[derive(Default)]
pub struct RevaluationQuery;

#[Object]
impl RevaluationQuery {
    /// One revaluation; null if the id is unknown. Right: `finance.journal.read`.
    async fn revaluation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The revaluation's id.")] id: RevaluationId,
    ) -> async_graphql::Result<Option<Revaluation>> {
        Ok(ctx.load::<Revaluation>(id).await?)
    }

    /// The revaluations, also those that were taken back, the newest first. Right: `finance.journal.read`.
    async fn revaluations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<RevaluationConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all =
            || -> Result<_> { Ok(revaluation::table.filter(revaluation::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(revaluation::id.lt(*id));
        }
        let page = page.order(revaluation::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(Revaluation::as_select())).await?;
        Ok(RevaluationConnection::new(ctx, &slice, rows, |row: &Revaluation| encode("", row.id.0), total))
    }
}

/// Changes of revaluations.
#[derive(Default)]
pub struct RevaluationMutation;

#[Object]
impl RevaluationMutation {
    /// Values what is open in foreign currencies at the end of a day, once for each day: posts the difference as unrealised
    /// and takes it back on the next day. Right: `finance.journal.post`.
    async fn revaluation_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day.")] input: RevaluationRunInput,
    ) -> async_graphql::Result<Option<RevaluationPayload>> {
        RevaluationPayload::settle(ctx, run(ctx.tx(Can::JournalPost).await?, input.date.0).await)
    }

    /// Takes a revaluation back, so that its day can be valued anew. Right: `finance.journal.reverse`.
    async fn revaluation_undo(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The revaluation and why.")] input: RevaluationUndoInput,
    ) -> async_graphql::Result<Option<RevaluationPayload>> {
        RevaluationPayload::settle(ctx, undo(ctx.tx(Can::JournalReverse).await?, input).await)
    }
}
