//! What a forecast of cash sums: open items by due date, and entries that come again, each page by page.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_graphql::{ComplexObject, Context, SimpleObject};
use backoffice_money::{Decimal, add, neg};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Int4, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::finance::ids::{AccountId, OpenItemId, RecurringEntryId};
use crate::finance::ledger::journal::recurring::{RecurringEntry, next};
use crate::finance::open_item::aging::cursor_of;
use crate::finance::open_item::{OpenItem, OpenItemSide, day_of};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::input::currency;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::recurring_entry;

/// The time that an entry that comes again brings something into cash, or takes it.
#[derive(Clone, Debug)]
pub struct Coming {
    /// The recurring entry.
    pub entry: RecurringEntryId,
    /// The day; today for what is due already.
    pub on: NaiveDate,
    /// What it brings, in the books' currency; negative: what it takes.
    pub amount: Decimal,
}

/// What comes again on accounts of cash from today to a day, by day and entry.
pub(super) async fn coming(
    tx: &Tx,
    cash: &BTreeSet<AccountId>,
    today: NaiveDate,
    through: NaiveDate,
) -> Result<Vec<Coming>> {
    let rows: Vec<RecurringEntry> = tx
        .rows(
            recurring_entry::table
                .filter(recurring_entry::tenant_id.eq(tx.tenant()?))
                .filter(recurring_entry::next_on.le(through))
                .select(RecurringEntry::as_select()),
        )
        .await?;
    let book = currency(tx.book_currency())?;
    let mut found = Vec::new();
    for row in rows {
        let lines = row.new_lines(book)?.into_iter().filter(|line| cash.contains(&line.account));
        let amount = lines.map(|line| line.amount).try_fold(Decimal::ZERO, add)?;
        if amount.is_zero() {
            continue;
        }
        let mut came = row.came;
        while let Some(day) = next(&row, came).filter(|day| *day <= through) {
            found.push(Coming { entry: row.id, on: day.max(today), amount });
            came = came.saturating_add(1);
        }
    }
    found.sort_by_key(|one| (one.on, one.entry.0));
    Ok(found)
}

/// An entry that comes again in the days of a forecast.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ForecastRecurring {
    #[graphql(skip)]
    entry: RecurringEntryId,
    /// The day; today for what is due already.
    pub on: Date,
    /// What it brings into cash; negative: what it takes. Of one that is due several times already, all of it.
    pub amount: Money,
}

#[ComplexObject]
impl ForecastRecurring {
    /// The recurring entry. Right: `finance.journal.read`.
    async fn recurring_entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<RecurringEntry>> {
        Ok(ctx.load::<RecurringEntry>(self.entry).await?)
    }
}

crate::platform::connection!(
    /// A page of what comes again.
    ForecastRecurringConnection, ForecastRecurringEdge, ForecastRecurring
);

pub(super) fn recurring_cursor(row: &ForecastRecurring) -> String {
    encode(&row.on.0.to_string(), row.entry.0)
}

/// A page of what comes again. An entry that was due twice before today stands there once, with the sum of both.
pub(super) fn page(all: &[Coming], slice: &Slice, currency: &str) -> Result<Vec<ForecastRecurring>> {
    let after = match &slice.after {
        Some((day, id)) => Some((day_of(day)?, *id)),
        None => None,
    };
    let mut sums: BTreeMap<(NaiveDate, Uuid), Decimal> = BTreeMap::new();
    for one in all {
        let sum = sums.entry((one.on, one.entry.0)).or_default();
        *sum = add(*sum, one.amount)?;
    }
    let rows = sums.into_iter().filter(|(key, _)| after.is_none_or(|after| *key > after));
    let rows = rows.take(usize::try_from(slice.limit()).unwrap_or_default());
    Ok(rows
        .map(|((on, entry), amount)| ForecastRecurring {
            entry: RecurringEntryId(entry),
            on: Date(on),
            amount: Money::new(Dec(amount), currency),
        })
        .collect())
}

/// An open item, or one instalment of it, that is due in the days of a forecast.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ForecastItem {
    #[graphql(skip)]
    open_item: OpenItemId,
    #[graphql(skip)]
    number: i32,
    /// Place of the instalment, from 1; null for an item without instalments.
    pub instalment_no: Option<i32>,
    /// The day it is due; before today if it is late.
    pub due_date: Date,
    /// What it brings into cash, in the item's currency; negative: what it takes.
    pub amount: Money,
}

#[ComplexObject]
impl ForecastItem {
    /// The item as it is today.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<OpenItem>(self.open_item).await?)
    }
}

crate::platform::connection!(
    /// A page of what is due in the days of a forecast.
    ForecastItemConnection, ForecastItemEdge, ForecastItem
);

pub(super) fn item_cursor(row: &ForecastItem) -> String {
    encode(&format!("{} {}", row.due_date.0, row.number), row.open_item.0)
}

/// A page of the items that a period sums.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ForecastPage {
    currency: String,
    through: NaiveDate,
    from: Option<NaiveDate>,
    to: NaiveDate,
    after: Option<(NaiveDate, Uuid, i32)>,
    limit: i64,
}

impl ForecastPage {
    /// The items of a forecast through some day that are due in these days, from the beginning if no first one is said.
    pub(super) fn of(currency: &str, through: NaiveDate, from: Option<NaiveDate>, to: NaiveDate) -> Self {
        Self { currency: currency.to_owned(), through, from, to, after: None, limit: 0 }
    }

    /// A part of them.
    pub(super) fn behind(&self, slice: &Slice) -> Result<Self> {
        let after = match &slice.after {
            Some((value, id)) => {
                let (day, number) = cursor_of(value)?;
                Some((day, *id, number))
            }
            None => None,
        };
        Ok(Self { after, limit: slice.limit(), ..self.clone() })
    }
}

/// The items that are due in the days of forecasts.
pub struct ItemsDue;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Int4)]
    page: i32,
    #[diesel(sql_type = Text)]
    side: OpenItemSide,
    #[diesel(sql_type = SqlUuid)]
    open_item_id: OpenItemId,
    #[diesel(sql_type = Int4)]
    instalment_no: i32,
    #[diesel(sql_type = SqlDate)]
    due_date: NaiveDate,
    #[diesel(sql_type = Numeric)]
    open: Decimal,
}

impl Fetch for ItemsDue {
    type Key = ForecastPage;
    type Value = Vec<ForecastItem>;
    const CAN: Can = Can::OpenItemRead;

    async fn fetch(tx: &Tx, keys: Vec<ForecastPage>) -> Result<HashMap<ForecastPage, Vec<ForecastItem>>> {
        // One forecast in a request is the rule: its periods take one statement together.
        let mut by_day: BTreeMap<NaiveDate, Vec<ForecastPage>> = BTreeMap::new();
        for key in keys {
            by_day.entry(key.through).or_default().push(key);
        }
        let mut found = HashMap::new();
        for (through, keys) in by_day {
            pages(tx, through, keys, &mut found).await?;
        }
        Ok(found)
    }
}

async fn pages(
    tx: &Tx,
    through: NaiveDate,
    keys: Vec<ForecastPage>,
    found: &mut HashMap<ForecastPage, Vec<ForecastItem>>,
) -> Result<()> {
    let count = i32::try_from(keys.len()).unwrap_or(i32::MAX);
    let decimals = i32::try_from(currency(tx.book_currency())?.exponent()).unwrap_or_default();
    let rows: Vec<Found> = tx
        .rows(
            sql("WITH part AS MATERIALIZED (
                   SELECT s.side, p.open_item_id, p.instalment_no, p.due_date, p.currency, p.open
                     FROM (VALUES ('receivable'), ('payable')) AS s (side)
                    CROSS JOIN LATERAL finance.open_parts($1, s.side, $2, NULL, $3) p
                    WHERE p.due_date <= $2)
                 SELECT k.page, f.side, f.open_item_id, f.instalment_no, f.due_date, f.open
                   FROM unnest($4::int[], $5::text[], $6::date[], $7::date[], $8::date[], $9::uuid[], $10::int[], $11::bigint[])
                          AS k (page, currency, from_on, to_on, after_day, after_id, after_no, row_limit)
                  CROSS JOIN LATERAL (
                    SELECT p.* FROM part p
                     WHERE p.currency = k.currency AND (k.from_on IS NULL OR p.due_date >= k.from_on) AND p.due_date <= k.to_on
                       AND (k.after_id IS NULL OR (p.due_date, p.open_item_id, p.instalment_no) > (k.after_day, k.after_id, k.after_no))
                     ORDER BY p.due_date, p.open_item_id, p.instalment_no LIMIT k.row_limit) f
                  ORDER BY k.page, f.due_date, f.open_item_id, f.instalment_no")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(through)
            .bind::<Int4, _>(decimals)
            .bind::<Array<Int4>, _>((0..count).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(keys.iter().map(|key| key.currency.clone()).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlDate>>, _>(keys.iter().map(|key| key.from).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.to).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlDate>>, _>(keys.iter().map(|key| key.after.map(|(day, _, _)| day)).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(keys.iter().map(|key| key.after.map(|(_, id, _)| id)).collect::<Vec<_>>())
            .bind::<Array<Nullable<Int4>>, _>(keys.iter().map(|key| key.after.map(|(_, _, no)| no)).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(keys.iter().map(|key| key.limit).collect::<Vec<_>>()),
        )
        .await?;
    for row in rows {
        let Some(key) = usize::try_from(row.page).ok().and_then(|page| keys.get(page)) else { continue };
        let amount = match row.side {
            OpenItemSide::Receivable => row.open,
            OpenItemSide::Payable => neg(row.open)?,
        };
        found.entry(key.clone()).or_default().push(ForecastItem {
            open_item: row.open_item_id,
            number: row.instalment_no,
            instalment_no: (row.instalment_no > 0).then_some(row.instalment_no),
            due_date: Date(row.due_date),
            amount: Money::new(Dec(amount), &key.currency),
        });
    }
    Ok(())
}
