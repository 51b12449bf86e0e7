//! What foreign currencies are worth, by day and source. A document without a rate of its own takes the newest one of its
//! day or shortly before; a rate that is long past is not taken.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_money::{Currency, Decimal, check_scale};
use chrono::{Days, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Numeric, Text, Uuid as SqlUuid};

use crate::finance::ids::ExchangeRateId;
use crate::finance::ledger::journal::cursor_date;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::filter::{DateFilter, TextFilter};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::exchange_rate;

/// The most rates that are entered at once.
const MOST: usize = 100;
/// How many days a rate is taken for: longer weekends and holidays, not a rate that nobody has kept up.
const LASTS: u64 = 31;

/// What one unit of a currency is worth in the books' currency, on a day and by a source.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = exchange_rate)]
pub struct ExchangeRate {
    /// Global id.
    pub id: ExchangeRateId,
    /// The foreign currency.
    pub currency: CurrencyCode,
    /// The day.
    #[graphql(name = "date")]
    pub on_date: Date,
    /// Where the rate comes from, e.g. `ECB`.
    pub source: String,
    /// Units of book currency for one unit of the currency.
    pub rate: Dec,
    /// When it was entered. Of the rates of one day the one entered last holds.
    pub created_at: DateTime,
}

crate::platform::connection!(
    /// A page of exchange rates.
    ExchangeRateConnection, ExchangeRateEdge, ExchangeRate
);

impl Fetch for ExchangeRate {
    type Key = ExchangeRateId;
    type Value = Self;
    const CAN: Can = Can::AccountRead;

    async fn fetch(tx: &Tx, keys: Vec<ExchangeRateId>) -> Result<HashMap<ExchangeRateId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                exchange_rate::table
                    .filter(exchange_rate::tenant_id.eq(tx.tenant()?))
                    .filter(exchange_rate::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

crate::platform::filter! {
    /// Narrows a list of exchange rates.
    ExchangeRateFilter over exchange_rate {
        /// By currency.
        currency: TextFilter => text(exchange_rate::currency),
        /// By day.
        date: DateFilter => date(exchange_rate::on_date),
        /// By source.
        source: TextFilter => text(exchange_rate::source),
    }
}

/// Exchange rates to be entered.
#[derive(InputObject, Clone, Debug)]
pub struct ExchangeRatesAddInput {
    /// The rates, 1 to 100. One that stands there already with the same figures is left out.
    pub rates: Vec<ExchangeRateInput>,
}

/// A rate of a currency on a day.
#[derive(InputObject, Clone, Debug)]
pub struct ExchangeRateInput {
    /// The currency; not that of the books.
    pub currency: CurrencyCode,
    /// The day.
    pub date: Date,
    /// Units of book currency for one unit of the currency: more than zero, at most 8 decimals.
    pub rate: Dec,
    /// Where the rate comes from, 1 to 40 characters.
    pub source: String,
}

crate::platform::payload! {
    /// What became of exchange rates.
    ExchangeRatesPayload {
        /// Those that were entered, as they stand.
        exchange_rates: Vec<ExchangeRate>
    }
}

/// Whether a rate can be kept.
pub(super) fn is_rate(rate: Decimal) -> bool {
    rate > Decimal::ZERO && rate < Decimal::from(1_000_000_000_u32) && check_scale(rate, 8).is_ok()
}

async fn enter(tx: &Tx, input: ExchangeRatesAddInput) -> Result<Vec<ExchangeRate>> {
    if input.rates.is_empty() || input.rates.len() > MOST {
        let message = format!("At once 1 to {MOST} rates are entered.");
        return Err(Error::refuse(UserErrorCode::Invalid, "rates", message));
    }
    for (at, one) in input.rates.iter().enumerate() {
        let field = |name: &str| format!("rates.{at}.{name}");
        if Currency::parse(&one.currency.0).is_err() || one.currency.0 == tx.book_currency() {
            let message = "A rate is that of a foreign currency: in the books' own one it is 1.";
            return Err(Error::refuse(UserErrorCode::Invalid, &field("currency"), message));
        }
        if !is_rate(one.rate.0) {
            let message = "A rate is more than 0 and less than a billion, with at most 8 decimals.";
            return Err(Error::refuse(UserErrorCode::Invalid, &field("rate"), message));
        }
        sized(&field("source"), &one.source, 1..=40)?;
    }
    let entered: Vec<ExchangeRate> = tx
        .rows(
            sql("INSERT INTO finance.exchange_rate (tenant_id, id, currency, on_date, source, rate)
                 SELECT $1, n.id, n.currency, n.on_date, n.source, n.rate
                   FROM unnest($2::uuid[], $3::text[], $4::date[], $5::text[], $6::numeric[]) AS n (id, currency, on_date, source, rate)
                  WHERE n.rate IS DISTINCT FROM (SELECT r.rate FROM finance.exchange_rate r
                                                  WHERE r.tenant_id = $1 AND r.currency = n.currency AND r.on_date = n.on_date AND r.source = n.source
                                                  ORDER BY r.id DESC LIMIT 1)
                 RETURNING id, currency, on_date, source, rate, created_at")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(input.rates.iter().map(|_| ExchangeRateId::new()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(input.rates.iter().map(|one| one.currency.0.clone()).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(input.rates.iter().map(|one| one.date).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(input.rates.iter().map(|one| one.source.clone()).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(input.rates.iter().map(|one| one.rate).collect::<Vec<_>>()),
        )
        .await?
        .into_iter()
        .map(|row: Entered| row.into())
        .collect();
    for one in &entered {
        emit(tx, EventKind::ExchangeRateAdded, one.id.0);
    }
    Ok(entered)
}

/// A rate as the statement that enters it gives it back.
#[derive(QueryableByName)]
struct Entered {
    #[diesel(sql_type = SqlUuid)]
    id: ExchangeRateId,
    #[diesel(sql_type = Text)]
    currency: CurrencyCode,
    #[diesel(sql_type = SqlDate)]
    on_date: Date,
    #[diesel(sql_type = Text)]
    source: String,
    #[diesel(sql_type = Numeric)]
    rate: Dec,
    #[diesel(sql_type = diesel::sql_types::Timestamptz)]
    created_at: DateTime,
}

impl From<Entered> for ExchangeRate {
    fn from(row: Entered) -> Self {
        let Entered { id, currency, on_date, source, rate, created_at } = row;
        Self { id, currency, on_date, source, rate, created_at }
    }
}

/// The rates of currencies that hold on a day: the newest of that day or of the 31 days before. One statement.
pub async fn on_day(tx: &Tx, currencies: Vec<String>, day: NaiveDate) -> Result<HashMap<String, ExchangeRate>> {
    if currencies.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<Entered> = tx
        .rows(
            sql("SELECT r.* FROM unnest($2::text[]) AS c (currency)
                  CROSS JOIN LATERAL (SELECT r.id, r.currency, r.on_date, r.source, r.rate, r.created_at FROM finance.exchange_rate r
                                       WHERE r.tenant_id = $1 AND r.currency = c.currency AND r.on_date BETWEEN $3 AND $4
                                       ORDER BY r.on_date DESC, r.id DESC LIMIT 1) r")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<Text>, _>(currencies)
            .bind::<SqlDate, _>(day.checked_sub_days(Days::new(LASTS)).unwrap_or(day))
            .bind::<SqlDate, _>(day),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.currency.0.clone(), row.into())).collect())
}

/// The rate that a caller gives, or else the one that holds on the day; none in the books' own currency.
pub async fn given_or_on(tx: &Tx, given: Option<Decimal>, money: Currency, day: NaiveDate) -> Result<Option<Decimal>> {
    if given.is_some() || money.code() == tx.book_currency() {
        return Ok(given);
    }
    let mut found = on_day(tx, vec![money.code().to_owned()], day).await?;
    Ok(found.remove(money.code()).map(|found| found.rate.0))
}

/// Queries about exchange rates.
#[derive(Default)]
pub struct ExchangeRateQuery;

#[Object]
impl ExchangeRateQuery {
    /// The exchange rates, by day, the newest first. Right: `finance.account.read`.
    async fn exchange_rates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only rates that match.")] filter: Option<ExchangeRateFilter>,
    ) -> async_graphql::Result<ExchangeRateConnection> {
        let tx = ctx.tx(Can::AccountRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<ExchangeRateFilter>| -> Result<_> {
            let mut query = exchange_rate::table.filter(exchange_rate::tenant_id.eq(tx.tenant()?)).into_boxed();
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
        if let Some((day, id)) = &slice.after {
            let day = cursor_date(day)?;
            page = page
                .filter(exchange_rate::on_date.le(day))
                .filter(exchange_rate::on_date.lt(day).or(exchange_rate::id.lt(*id)));
        }
        let page = page.order((exchange_rate::on_date.desc(), exchange_rate::id.desc())).limit(slice.limit());
        let rows = tx.rows(page.select(ExchangeRate::as_select())).await?;
        let cursor = |row: &ExchangeRate| encode(&row.on_date.0.to_string(), row.id.0);
        Ok(ExchangeRateConnection::new(ctx, &slice, rows, cursor, total))
    }

    /// The rate that holds for a currency on a day: the newest of that day or of the 31 days before; null if there is none.
    /// Right: `finance.account.read`.
    async fn exchange_rate_on(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The currency.")] currency: CurrencyCode,
        #[graphql(desc = "The day.")] date: Date,
    ) -> async_graphql::Result<Option<ExchangeRate>> {
        let tx = ctx.tx(Can::AccountRead).await?;
        Ok(on_day(tx, vec![currency.0.clone()], date.0).await?.remove(&currency.0))
    }
}

/// Changes of exchange rates.
#[derive(Default)]
pub struct ExchangeRateMutation;

#[Object]
impl ExchangeRateMutation {
    /// Enters exchange rates. Rates are never changed; one entered later takes the place of another of its day. Right:
    /// `finance.account.manage`.
    async fn exchange_rates_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rates.")] input: ExchangeRatesAddInput,
    ) -> async_graphql::Result<Option<ExchangeRatesPayload>> {
        ExchangeRatesPayload::settle(ctx, enter(ctx.tx(Can::AccountManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_bounds() {
        for good in ["0.00000001", "1", "85.5", "999999999.99999999"] {
            assert!(is_rate(good.parse().unwrap()), "{good}");
        }
        for bad in ["0", "-1", "0.000000001", "1000000000"] {
            assert!(!is_rate(bad.parse().unwrap()), "{bad}");
        }
    }
}
