//! Closing a fiscal year: what income and expense have come to goes to retained earnings, by an entry on the last day that
//! the closed year's income statement leaves out. While a year is closed nothing else is posted into it. Until the hard
//! lock the last closed year can be opened again, by an entry that takes the closing back.

use std::collections::{BTreeMap, HashMap};

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use backoffice_money::{Balanced, Currency, Decimal, add, neg, sum};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Date as SqlDate, Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::account::Control;
use super::check_text;
use super::dimension::Labels;
use super::journal::{self, EntrySource, JournalEntry, NewEntry, NewLine, post};
use super::lock;
use super::period::{FiscalYear, FiscalYearPayload};
use crate::finance::chart;
use crate::finance::ids::{AccountId, FiscalYearId, JournalEntryId, LedgerId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::relabel;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::year_closing;

/// That a fiscal year is closed.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = year_closing)]
#[graphql(complex)]
pub struct FiscalYearClosing {
    #[graphql(skip)]
    id: Uuid,
    #[graphql(skip)]
    fiscal_year_id: FiscalYearId,
    #[graphql(skip)]
    result: Dec,
    #[graphql(skip)]
    entry_id: Option<JournalEntryId>,
    /// Who closed it.
    pub closed_by_name: String,
    /// When it was closed.
    #[graphql(name = "closedAt")]
    pub created_at: DateTime,
}

#[ComplexObject]
impl FiscalYearClosing {
    /// What the year has earned, in the books' currency: positive is a profit, negative a loss.
    async fn result(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.result, ctx.tx(Can::PeriodRead).await?.book_currency()))
    }

    /// The entry that took the result to equity; null if nothing was left on income and expense. Right:
    /// `finance.journal.read`.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }
}

/// The closings of fiscal years that were not taken back.
pub struct ClosingOf;

impl Fetch for ClosingOf {
    type Key = FiscalYearId;
    type Value = FiscalYearClosing;
    const CAN: Can = Can::PeriodRead;

    async fn fetch(tx: &Tx, keys: Vec<FiscalYearId>) -> Result<HashMap<FiscalYearId, FiscalYearClosing>> {
        let rows: Vec<FiscalYearClosing> = tx
            .rows(
                year_closing::table
                    .filter(year_closing::tenant_id.eq(tx.tenant()?))
                    .filter(year_closing::fiscal_year_id.eq_any(keys))
                    .filter(year_closing::reopened_at.is_null())
                    .select(FiscalYearClosing::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.fiscal_year_id, row)).collect())
    }
}

/// Which fiscal year is closed.
#[derive(InputObject, Clone, Debug)]
pub struct FiscalYearCloseInput {
    /// The fiscal year; those before it are closed already.
    pub id: FiscalYearId,
}

/// Which fiscal year is opened again.
#[derive(InputObject, Clone, Debug)]
pub struct FiscalYearReopenInput {
    /// The fiscal year: the last one that is closed.
    pub id: FiscalYearId,
    /// Why, 3 to 500 characters.
    pub reason: String,
}

/// What an account of income or expense has come to in a year: on both sides for one kept in a foreign currency, so that
/// amounts in both currencies have one sign.
#[derive(QueryableByName, Clone, Debug)]
struct Total {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    /// The only currency of the account; none if it takes any.
    #[diesel(sql_type = Nullable<Text>)]
    currency: Option<String>,
    /// In that currency; in the books' if it takes any. Debit positive.
    #[diesel(sql_type = Numeric)]
    amount_document: Decimal,
    /// In the books' currency. Debit positive.
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    /// The values of dimensions that it stands on.
    #[diesel(sql_type = Jsonb)]
    dimensions: serde_json::Value,
}

/// The lines that empty the accounts and take the rest to retained earnings, for each combination of labels by itself, and
/// the result: positive is a profit.
fn lines(totals: &[Total], earnings: AccountId, book: Currency, text: &str) -> Result<(Vec<NewLine>, Decimal)> {
    let line = |account, amount_document, amount, currency, labels| NewLine {
        account,
        amount_document,
        amount,
        currency,
        description: text.to_owned(),
        tax_code: None,
        labels,
    };
    let mut made = Vec::with_capacity(totals.len().saturating_add(1));
    let mut rests: BTreeMap<Labels, Decimal> = BTreeMap::new();
    for total in totals {
        let currency = total.currency.as_deref().map_or(Ok(book), Currency::parse)?;
        let labels = Labels::from_json(&total.dimensions)?;
        let rest = rests.entry(labels.clone()).or_default();
        *rest = add(*rest, total.amount)?;
        made.push(line(total.account_id, neg(total.amount_document)?, neg(total.amount)?, currency, labels));
    }
    let result = neg(sum(rests.values().copied())?)?;
    for (labels, rest) in rests {
        if !rest.is_zero() {
            made.push(line(earnings, rest, rest, book, labels));
        }
    }
    Ok((made, result))
}

/// One pass over the year's lines of all accounts of income and expense.
async fn totals(tx: &Tx, ledger: LedgerId, year: &FiscalYear) -> Result<Vec<Total>> {
    tx.rows(
        sql("SELECT a.id AS account_id, a.currency, l.dimensions,
                    sum(CASE WHEN a.currency IS NULL THEN l.amount ELSE l.amount_document END) AS amount_document, sum(l.amount) AS amount
               FROM finance.account a
               JOIN finance.journal_line l ON l.tenant_id = $1 AND l.account_id = a.id
              WHERE a.tenant_id = $1 AND a.kind IN ('income', 'expense') AND l.ledger_id = $2 AND l.entry_date BETWEEN $3 AND $4
              GROUP BY a.id, a.currency, a.code, l.dimensions, CASE WHEN a.currency IS NULL THEN true ELSE l.amount > 0 END
             HAVING sum(l.amount) <> 0
              ORDER BY a.code, l.dimensions, amount")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(ledger)
        .bind::<SqlDate, _>(year.starts_on)
        .bind::<SqlDate, _>(year.ends_on),
    )
    .await
}

#[derive(QueryableByName)]
struct Neighbour {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The earliest year before this one that is not closed.
async fn open_before(tx: &Tx, year: &FiscalYear) -> Result<Option<String>> {
    let found: Option<Neighbour> = tx
        .maybe(
            sql("SELECT y.name FROM finance.fiscal_year y
                  WHERE y.tenant_id = $1 AND y.starts_on < $2
                    AND NOT EXISTS (SELECT 1 FROM finance.year_closing c
                                     WHERE c.tenant_id = $1 AND c.fiscal_year_id = y.id AND c.reopened_at IS NULL)
                  ORDER BY y.starts_on LIMIT 1")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(year.starts_on),
        )
        .await?;
    Ok(found.map(|year| year.name))
}

/// The last year behind this one that is closed.
async fn closed_behind(tx: &Tx, year: &FiscalYear) -> Result<Option<String>> {
    let found: Option<Neighbour> = tx
        .maybe(
            sql("SELECT y.name FROM finance.year_closing c
                   JOIN finance.fiscal_year y ON y.tenant_id = $1 AND y.id = c.fiscal_year_id
                  WHERE c.tenant_id = $1 AND c.reopened_at IS NULL AND y.starts_on > $2
                  ORDER BY y.starts_on DESC LIMIT 1")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(year.starts_on),
        )
        .await?;
    Ok(found.map(|year| year.name))
}

async fn find(tx: &Tx, id: FiscalYearId) -> Result<FiscalYear> {
    FiscalYear::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::not_found("id", "fiscal year"))
}

fn refuse(message: String) -> Error {
    Error::refuse(UserErrorCode::State, "id", message)
}

async fn close(tx: &Tx, id: FiscalYearId) -> Result<FiscalYear> {
    // Whoever posts waits for this, so that nothing comes between counting and closing.
    let books = lock::general_for_update(tx).await?;
    let year = find(tx, id).await?;
    if ClosingOf::fetch(tx, vec![id]).await?.contains_key(&id) {
        return Err(refuse("This fiscal year is closed already.".to_owned()));
    }
    if let Some(earlier) = open_before(tx, &year).await? {
        return Err(refuse(format!("Fiscal years are closed in their order: close {earlier} first.")));
    }
    let book = Currency::parse(tx.book_currency())?;
    let totals = totals(tx, books.id, &year).await?;
    let (mut entry, mut result) = (None, Decimal::ZERO);
    if !totals.is_empty() {
        let earnings = chart::control(tx, Control::RetainedEarnings, book).await?;
        let text = format!("Closing of fiscal year {}", year.name);
        let (made, earned) = lines(&totals, earnings.id, book, &text)?;
        result = earned;
        let posted = post(
            tx,
            NewEntry {
                date: year.ends_on.0,
                description: text,
                currency: book,
                source: EntrySource::Closing,
                source_id: Some(year.id.0),
                reverses: None,
                lines: Balanced::check(book, made)?,
            },
        );
        entry = Some(posted.await.map_err(|error| relabel(error, &[("date", "id"), ("lines", "id")]))?.id);
    } else {
        check_open(year.ends_on.0, &books)?;
    }
    tx.exec(diesel::insert_into(year_closing::table).values((
        year_closing::tenant_id.eq(tx.tenant()?),
        year_closing::id.eq(new_uuid()),
        year_closing::fiscal_year_id.eq(year.id),
        year_closing::result.eq(Dec(result)),
        year_closing::entry_id.eq(entry),
        year_closing::closed_by_name.eq(tx.actor_name().to_owned()),
    )))
    .await?;
    emit(tx, EventKind::FiscalYearClosed, year.id.0);
    Ok(year)
}

async fn reopen(tx: &Tx, input: FiscalYearReopenInput) -> Result<FiscalYear> {
    check_text("reason", &input.reason, 500)?;
    if input.reason.trim().chars().count() < 3 {
        return Err(Error::refuse(UserErrorCode::Invalid, "reason", "A reason has at least 3 characters."));
    }
    let books = lock::general_for_update(tx).await?;
    let year = find(tx, input.id).await?;
    let closing = ClosingOf::fetch(tx, vec![year.id]).await?.remove(&year.id);
    let closing = closing.ok_or_else(|| refuse("This fiscal year is not closed.".to_owned()))?;
    if let Some(later) = closed_behind(tx, &year).await? {
        return Err(refuse(format!("Only the last closed fiscal year is opened again: reopen {later} first.")));
    }
    check_open(year.ends_on.0, &books)?;
    let reopening = match closing.entry_id {
        Some(entry) => {
            let text = format!("Reopening of fiscal year {}", year.name);
            let made = journal::take_back(
                tx,
                entry,
                year.ends_on.0,
                text,
                (EntrySource::Closing, Some(year.id.0)),
                Some(entry),
            )
            .await;
            Some(made.map_err(|error| relabel(error, &[("date", "id"), ("lines", "id")]))?.id)
        }
        None => None,
    };
    tx.exec(
        diesel::update(year_closing::table)
            .filter(year_closing::tenant_id.eq(tx.tenant()?))
            .filter(year_closing::id.eq(closing.id))
            .set((
                year_closing::reopened_at.eq(Some(DateTime(tx.now()))),
                year_closing::reopened_by_name.eq(Some(tx.actor_name().to_owned())),
                year_closing::reopened_reason.eq(Some(input.reason)),
                year_closing::reopening_id.eq(reopening),
            )),
    )
    .await?;
    emit(tx, EventKind::FiscalYearReopened, year.id.0);
    Ok(year)
}

/// Refuses to close or reopen behind the hard lock, also where there is no entry that the database would refuse.
fn check_open(ends_on: NaiveDate, books: &lock::Ledger) -> Result<()> {
    match books.hard_lock_on {
        Some(locked) if locked.0 >= ends_on => Err(Error::refuse(
            UserErrorCode::PeriodLocked,
            "id",
            "The books are locked for good up to a later date: this fiscal year stays as it is.",
        )),
        _ => Ok(()),
    }
}

/// Closing and reopening fiscal years.
#[derive(Default)]
pub struct ClosingMutation;

#[async_graphql::Object]
impl ClosingMutation {
    /// Closes a fiscal year: takes its result to retained earnings by an entry on its last day. Its income statement stays
    /// as it is, and nothing else is posted into it until it is reopened. Right: `finance.period.lock`.
    async fn fiscal_year_close(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fiscal year.")] input: FiscalYearCloseInput,
    ) -> async_graphql::Result<Option<FiscalYearPayload>> {
        FiscalYearPayload::settle(ctx, close(ctx.tx(Can::PeriodLock).await?, input.id).await)
    }

    /// Opens the last closed fiscal year again, unless it is locked for good: an entry takes its closing back. Right:
    /// `finance.period.lock`.
    async fn fiscal_year_reopen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The fiscal year and why.")] input: FiscalYearReopenInput,
    ) -> async_graphql::Result<Option<FiscalYearPayload>> {
        FiscalYearPayload::settle(ctx, reopen(ctx.tx(Can::PeriodLock).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(amount: i64) -> Total {
        let amount = Decimal::new(amount, 2);
        Total {
            account_id: AccountId::new(),
            currency: None,
            amount_document: amount,
            amount,
            dimensions: serde_json::json!({}),
        }
    }

    #[test]
    fn a_loss_lowers_equity() {
        let (book, earnings) = (Currency::parse("EUR").unwrap(), AccountId::new());
        let (lines, result) = lines(&[total(-40_000), total(60_000)], earnings, book, "Closing").unwrap();
        assert_eq!(result, Decimal::new(-20_000, 2));
        let last = lines.last().unwrap();
        assert_eq!((last.account, last.amount), (earnings, Decimal::new(20_000, 2)));
        Balanced::check(book, lines).unwrap();
    }

    proptest! {
        /// Every account is empty afterwards, equity takes what they came to, and the entry balances.
        #[test]
        fn closing_empties_income_and_expense(
            amounts in prop::collection::vec((1i64..100_000_000, any::<bool>()), 2..60),
        ) {
            let (book, earnings) = (Currency::parse("EUR").unwrap(), AccountId::new());
            let totals: Vec<Total> =
                amounts.into_iter().map(|(amount, debit)| total(if debit { amount } else { -amount })).collect();
            let (lines, result) = lines(&totals, earnings, book, "Closing").unwrap();
            for (total, line) in totals.iter().zip(&lines) {
                prop_assert_eq!(total.account_id, line.account);
                prop_assert_eq!(sum([total.amount, line.amount]).unwrap(), Decimal::ZERO);
            }
            let moved = lines.iter().filter(|line| line.account == earnings).map(|line| line.amount);
            prop_assert_eq!(neg(sum(moved).unwrap()).unwrap(), result);
            prop_assert!(Balanced::check(book, lines).is_ok());
        }
    }
}
