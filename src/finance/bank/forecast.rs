//! What cash will be: what is held today, what open items bring and take when they are due, what comes again, and what is
//! posted for days ahead. Currency by currency, since one does not pay for the other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, Object, SimpleObject};
use backoffice_money::{Decimal, add, sub};
use chrono::{Datelike, Days, Months, NaiveDate};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Numeric, Text, Uuid as SqlUuid};

use super::coming::{Coming, ForecastItemConnection, ForecastPage, ForecastRecurringConnection, ItemsDue, coming};
use super::position::by_currency;
use crate::finance::ids::AccountId;
use crate::finance::ledger::report::cash_flow::place::cash_accounts;
use crate::finance::open_item::OpenItemSide;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::input::currency;
use crate::platform::paging::Slice;
use crate::platform::scalars::{CurrencyCode, Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// The most periods of a forecast.
const MOST_PERIODS: usize = 60;

/// How long the periods of a forecast are.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForecastStep {
    /// Each is one day.
    Day,
    /// Each is seven days, the first one beginning today.
    Week,
    /// Each is a month of the calendar, the first one what is left of this month.
    Month,
}

/// Some days of a forecast in one currency. `opening` + `receipts` − `payments` + `recurring` + `posted` = `closing`.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct CashForecastPeriod {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// What is there before the first day; in the first period what is held at the end of today.
    pub opening: Money,
    /// What customers owe that is due in these days; in the first period also what was due before. Credits of theirs count against it.
    pub receipts: Money,
    /// What vendors are owed, in the same way.
    pub payments: Money,
    /// What entries that come again will bring into cash, less what they take.
    pub recurring: Money,
    /// What is posted on accounts of cash for these days already, if they lie ahead.
    pub posted: Money,
    /// What will be there at the end of the last day.
    pub closing: Money,
    #[graphql(skip)]
    page: ForecastPage,
    #[graphql(skip)]
    coming: Arc<[Coming]>,
}

#[ComplexObject]
impl CashForecastPeriod {
    /// The open items, or instalments of them, that `receipts` and `payments` sum, by due date. Right:
    /// `finance.open_item.read`.
    async fn items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ForecastItemConnection> {
        let slice = Slice::new(first, after.as_deref())?;
        let rows = ctx.load::<ItemsDue>(self.page.behind(&slice)?).await?.unwrap_or_default();
        Ok(ForecastItemConnection::new(ctx, &slice, rows, super::coming::item_cursor, None))
    }

    /// What `recurring` sums, by day. Right: `finance.journal.read`.
    async fn recurring_entries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ForecastRecurringConnection> {
        ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let rows = super::coming::page(&self.coming, &slice, &self.opening.currency.0)?;
        Ok(ForecastRecurringConnection::new(ctx, &slice, rows, super::coming::recurring_cursor, None))
    }
}

/// A forecast in one currency.
#[derive(SimpleObject, Clone, Debug)]
pub struct CashForecastCurrency {
    /// The currency.
    pub currency: CurrencyCode,
    /// What is held at the end of today.
    pub opening: Money,
    /// Its periods, one behind the other.
    pub periods: Vec<CashForecastPeriod>,
    /// What will be there at the end of the last one.
    pub closing: Money,
    /// The least that will be there at the end of any period: negative means that cash runs out.
    pub lowest: Money,
}

/// What cash will be. It is what the books know: no payroll and no taxes before they are posted or come again.
#[derive(SimpleObject, Clone, Debug)]
pub struct CashForecast {
    /// Today in the client's time zone: its first day.
    pub from: Date,
    /// Its last day.
    pub through: Date,
    /// By currency.
    pub currencies: Vec<CashForecastCurrency>,
}

/// The first and last days of the periods from today on.
fn periods(today: NaiveDate, through: NaiveDate, step: ForecastStep) -> Option<Vec<(NaiveDate, NaiveDate)>> {
    let mut found = Vec::new();
    let mut from = today;
    while from <= through {
        let behind = match step {
            ForecastStep::Day => from.checked_add_days(Days::new(1))?,
            ForecastStep::Week => from.checked_add_days(Days::new(7))?,
            ForecastStep::Month => from.with_day(1)?.checked_add_months(Months::new(1))?,
        };
        if found.len() == MOST_PERIODS {
            return None;
        }
        found.push((from, behind.pred_opt()?.min(through)));
        from = behind;
    }
    Some(found)
}

#[derive(QueryableByName)]
struct Due {
    #[diesel(sql_type = Text)]
    side: OpenItemSide,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = SqlDate)]
    on_date: NaiveDate,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

/// What is open and due by a day, by side, currency and due date. Payments that are posted for days until then count as made.
async fn due(tx: &Tx, through: NaiveDate) -> Result<Vec<Due>> {
    let decimals = i32::try_from(currency(tx.book_currency())?.exponent()).unwrap_or_default();
    tx.rows(
        sql("SELECT s.side, p.currency, p.due_date AS on_date, sum(p.open) AS amount
               FROM (VALUES ('receivable'), ('payable')) AS s (side)
              CROSS JOIN LATERAL finance.open_parts($1, s.side, $2, NULL, $3) p
              WHERE p.due_date <= $2
              GROUP BY 1, 2, 3")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlDate, _>(through)
        .bind::<Int4, _>(decimals),
    )
    .await
}

#[derive(QueryableByName)]
struct Ahead {
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = SqlDate)]
    on_date: NaiveDate,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

/// What is posted on accounts of cash for days ahead.
async fn ahead(tx: &Tx, cash: &[AccountId], today: NaiveDate, through: NaiveDate) -> Result<Vec<Ahead>> {
    tx.rows(
        sql("SELECT b.currency, b.on_date, sum(b.amount_document) AS amount
               FROM finance.account_balance b
              WHERE b.tenant_id = $1 AND b.account_id = ANY ($2) AND b.on_date > $3 AND b.on_date <= $4
              GROUP BY 1, 2")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(cash.to_vec())
        .bind::<SqlDate, _>(today)
        .bind::<SqlDate, _>(through),
    )
    .await
}

/// What moves in a period.
#[derive(Clone, Copy, Default)]
struct Moves {
    receipts: Decimal,
    payments: Decimal,
    recurring: Decimal,
    posted: Decimal,
}

/// The moves of each currency, by the place of their period.
struct Table<'a> {
    periods: &'a [(NaiveDate, NaiveDate)],
    moves: BTreeMap<String, Vec<Moves>>,
}

impl Table<'_> {
    /// Counts something on its day; what was due before today counts in the first period.
    fn count(&mut self, currency: &str, on: NaiveDate, add_to: impl Fn(&mut Moves) -> Result<()>) -> Result<()> {
        let at = self.periods.iter().position(|(_, to)| on <= *to);
        let many = self.periods.len();
        let moves = self.moves.entry(currency.to_owned()).or_insert_with(|| vec![Moves::default(); many]);
        at.and_then(|at| moves.get_mut(at)).map_or(Ok(()), add_to)
    }
}

async fn forecast(tx: &Tx, through: NaiveDate, step: ForecastStep) -> Result<CashForecast> {
    let today = tx.today();
    let periods = periods(today, through, step).filter(|periods| !periods.is_empty()).ok_or_else(|| {
        Error::BadInput(format!("A forecast goes through today or a later day, in 1 to {MOST_PERIODS} periods."))
    })?;
    let (cash, book) = (cash_accounts(tx).await?, tx.book_currency().to_owned());
    let held = by_currency(tx, &cash, today).await?;
    let comes = coming(tx, &cash.iter().copied().collect::<BTreeSet<_>>(), today, through).await?;
    let mut table = Table { periods: &periods, moves: BTreeMap::new() };
    for currency in held.keys() {
        table.count(currency, today, |_| Ok(()))?;
    }
    for one in due(tx, through).await? {
        table.count(&one.currency, one.on_date, |moves| {
            let sum = match one.side {
                OpenItemSide::Receivable => &mut moves.receipts,
                OpenItemSide::Payable => &mut moves.payments,
            };
            *sum = add(*sum, one.amount)?;
            Ok(())
        })?;
    }
    for one in &comes {
        table.count(&book, one.on, |moves| {
            moves.recurring = add(moves.recurring, one.amount)?;
            Ok(())
        })?;
    }
    for one in ahead(tx, &cash, today, through).await? {
        table.count(&one.currency, one.on_date, |moves| {
            moves.posted = add(moves.posted, one.amount)?;
            Ok(())
        })?;
    }
    let mut currencies = Vec::with_capacity(table.moves.len());
    for (currency, moves) in table.moves {
        let opening = held.get(&currency).map_or(Decimal::ZERO, |(amount, _)| *amount);
        let recurring: &[Coming] = if currency == book { &comes } else { &[] };
        currencies.push(in_currency(&currency, opening, &periods, &moves, recurring, through)?);
    }
    Ok(CashForecast { from: Date(today), through: Date(through), currencies })
}

fn in_currency(
    currency: &str,
    opening: Decimal,
    periods: &[(NaiveDate, NaiveDate)],
    moves: &[Moves],
    recurring: &[Coming],
    through: NaiveDate,
) -> Result<CashForecastCurrency> {
    let money = |amount| Money::new(Dec(amount), currency);
    let (mut there, mut lowest) = (opening, None::<Decimal>);
    let mut shown = Vec::with_capacity(periods.len());
    for (at, ((from, to), moves)) in periods.iter().zip(moves).enumerate() {
        let before = there;
        there = sub(add(there, moves.receipts)?, moves.payments)?;
        there = add(add(there, moves.recurring)?, moves.posted)?;
        lowest = Some(lowest.map_or(there, |least| least.min(there)));
        let since = (at > 0).then_some(*from);
        shown.push(CashForecastPeriod {
            from: Date(*from),
            to: Date(*to),
            opening: money(before),
            receipts: money(moves.receipts),
            payments: money(moves.payments),
            recurring: money(moves.recurring),
            posted: money(moves.posted),
            closing: money(there),
            page: ForecastPage::of(currency, through, since, *to),
            coming: recurring.iter().filter(|one| (*from..=*to).contains(&one.on)).cloned().collect(),
        });
    }
    Ok(CashForecastCurrency {
        currency: CurrencyCode(currency.to_owned()),
        opening: money(opening),
        periods: shown,
        closing: money(there),
        lowest: money(lowest.unwrap_or(opening)),
    })
}

/// What cash will be.
#[derive(Default)]
pub struct CashForecastQuery;

#[Object]
impl CashForecastQuery {
    /// What cash will be from today on, currency by currency. Right: `finance.report.read`.
    async fn cash_forecast(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The last day.")] through: Date,
        #[graphql(desc = "How long its periods are, at most 60 of them; weeks if not said.")] step: Option<
            ForecastStep,
        >,
    ) -> async_graphql::Result<CashForecast> {
        let tx = ctx.tx(Can::ReportRead).await?;
        Ok(forecast(tx, through.0, step.unwrap_or(ForecastStep::Week)).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_each_other_to_the_last_day() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        let months = periods(day(1, 15), day(3, 10), ForecastStep::Month).unwrap();
        assert_eq!(months, [(day(1, 15), day(1, 31)), (day(2, 1), day(2, 28)), (day(3, 1), day(3, 10))]);
        let weeks = periods(day(1, 15), day(1, 22), ForecastStep::Week).unwrap();
        assert_eq!(weeks, [(day(1, 15), day(1, 21)), (day(1, 22), day(1, 22))]);
        assert_eq!(periods(day(1, 15), day(1, 15), ForecastStep::Day).unwrap(), [(day(1, 15), day(1, 15))]);
        assert_eq!(periods(day(1, 15), day(1, 14), ForecastStep::Day), Some(Vec::new()));
        assert_eq!(periods(day(1, 1), day(3, 1), ForecastStep::Day).map(|days| days.len()), Some(60));
        assert_eq!(periods(day(1, 1), day(3, 2), ForecastStep::Day), None);
    }
}
