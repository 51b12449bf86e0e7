//! How old is what is owed: at the end of any day, as it was known at any moment, by party and item by item.
//!
//! Each instalment counts by its own due date, an item without instalments by its own. What is not due yet is current; the
//! rest lies 1 to 30, 31 to 60, 61 to 90 or more than 90 days behind its due date. What is owed the other way round (credits,
//! advances) counts with its own sign. Sums are in the books' currency, at the rates that the items were posted with.

use async_graphql::{ComplexObject, Context, Enum, Object, SimpleObject};
use backoffice_money::Decimal;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Date as SqlDate, Int4, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::{OpenItem, OpenItemSide};
use crate::finance::ids::{CustomerId, OpenItemId, VendorId};
use crate::finance::payables::vendor::Vendor;
use crate::finance::receivables::customer::Customer;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::input::currency;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// How long something has been due.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgingBucket {
    /// It is not due before the day, or on it.
    Current,
    /// 1 to 30 days.
    #[graphql(name = "DAYS_1_TO_30")]
    Days1To30,
    /// 31 to 60 days.
    #[graphql(name = "DAYS_31_TO_60")]
    Days31To60,
    /// 61 to 90 days.
    #[graphql(name = "DAYS_61_TO_90")]
    Days61To90,
    /// More than 90 days.
    #[graphql(name = "OVER_90")]
    Over90,
}

impl AgingBucket {
    /// The bucket of so many days behind the due date, and the first and last of its days.
    const ALL: [(Self, i32, i32); 5] = [
        (Self::Current, i32::MIN, 0),
        (Self::Days1To30, 1, 30),
        (Self::Days31To60, 31, 60),
        (Self::Days61To90, 61, 90),
        (Self::Over90, 91, i32::MAX),
    ];

    fn of(days: i32) -> Self {
        let found = Self::ALL.iter().find(|(_, from, to)| (*from..=*to).contains(&days));
        found.map_or(Self::Current, |(bucket, _, _)| *bucket)
    }

    fn days(self) -> (i32, i32) {
        let found = Self::ALL.iter().find(|(bucket, _, _)| *bucket == self);
        found.map_or((i32::MIN, i32::MAX), |(_, from, to)| (*from, *to))
    }
}

/// What is owed by age, in the books' currency.
#[derive(SimpleObject, Clone, Debug)]
pub struct AgingAmounts {
    /// What is not due yet.
    pub current: Money,
    /// Due for 1 to 30 days.
    pub days1_to30: Money,
    /// Due for 31 to 60 days.
    pub days31_to60: Money,
    /// Due for 61 to 90 days.
    pub days61_to90: Money,
    /// Due for more than 90 days.
    pub over90: Money,
    /// All of it.
    pub total: Money,
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = Numeric)]
    undue: Decimal,
    #[diesel(sql_type = Numeric)]
    d30: Decimal,
    #[diesel(sql_type = Numeric)]
    d60: Decimal,
    #[diesel(sql_type = Numeric)]
    d90: Decimal,
    #[diesel(sql_type = Numeric)]
    more: Decimal,
    #[diesel(sql_type = Numeric)]
    total: Decimal,
}

impl Sums {
    fn shown(&self, code: &str) -> AgingAmounts {
        let money = |amount| Money::new(Dec(amount), code);
        AgingAmounts {
            current: money(self.undue),
            days1_to30: money(self.d30),
            days31_to60: money(self.d60),
            days61_to90: money(self.d90),
            over90: money(self.more),
            total: money(self.total),
        }
    }
}

/// The sums of [`Sums`], over parts `p` at day `$3`.
macro_rules! sums {
    () => {
        "coalesce(sum(p.open_book) FILTER (WHERE $3 - p.due_date <= 0), 0) AS undue,
         coalesce(sum(p.open_book) FILTER (WHERE $3 - p.due_date BETWEEN 1 AND 30), 0) AS d30,
         coalesce(sum(p.open_book) FILTER (WHERE $3 - p.due_date BETWEEN 31 AND 60), 0) AS d60,
         coalesce(sum(p.open_book) FILTER (WHERE $3 - p.due_date BETWEEN 61 AND 90), 0) AS d90,
         coalesce(sum(p.open_book) FILTER (WHERE $3 - p.due_date > 90), 0) AS more,
         coalesce(sum(p.open_book), 0) AS total"
    };
}

/// What one customer owes, or one vendor is owed, by age.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct AgingParty {
    #[graphql(skip)]
    side: OpenItemSide,
    #[graphql(skip)]
    party_id: Uuid,
    /// Name of the customer or vendor as it is today.
    pub name: String,
    /// What is owed by age.
    pub amounts: AgingAmounts,
    /// How many items, or instalments of them, that is: `agingItems` of the party lists them.
    pub count: i64,
}

#[ComplexObject]
impl AgingParty {
    /// The customer, among receivables. Right: `finance.customer.read`.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Customer>> {
        match self.side {
            OpenItemSide::Receivable => Ok(ctx.load::<Customer>(CustomerId(self.party_id)).await?),
            OpenItemSide::Payable => Ok(None),
        }
    }

    /// The vendor, among payables. Right: `finance.vendor.read`.
    async fn vendor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        match self.side {
            OpenItemSide::Receivable => Ok(None),
            OpenItemSide::Payable => Ok(ctx.load::<Vendor>(VendorId(self.party_id)).await?),
        }
    }
}

crate::platform::connection!(
    /// A page of parties and what is owed by age.
    AgingPartyConnection, AgingPartyEdge, AgingParty
);

/// An open item, or one instalment of it, and how long it has been due.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct AgingItem {
    #[graphql(skip)]
    open_item_id: OpenItemId,
    /// Place of the instalment, from 1; null for an item without instalments.
    pub instalment_no: Option<i32>,
    /// The day it is due.
    pub due_date: Date,
    /// How many days it has been due at the end of the day; negative: days until then.
    pub days_overdue: i32,
    /// Where it counts.
    pub bucket: AgingBucket,
    /// What was open of it, in the item's currency.
    pub open: Money,
    /// The same in the books' currency.
    pub open_book: Money,
}

#[ComplexObject]
impl AgingItem {
    /// The item as it is today.
    async fn open_item(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<OpenItem>> {
        Ok(ctx.load::<OpenItem>(self.open_item_id).await?)
    }
}

crate::platform::connection!(
    /// A page of open items by age.
    AgingItemConnection, AgingItemEdge, AgingItem
);

/// Whose items, on which day, and what was known of them.
struct Asked {
    side: OpenItemSide,
    as_of: NaiveDate,
    known_at: Option<DateTime>,
}

impl Asked {
    fn new(tx: &Tx, side: OpenItemSide, as_of: Option<Date>, known_at: Option<DateTime>) -> Self {
        Self { side, as_of: as_of.map_or_else(|| tx.today(), |day| day.0), known_at }
    }
}

/// A statement over the parts that are open: `$1` to `$5` say which.
macro_rules! over_parts {
    ($tx:expr, $asked:expr, $text:expr) => {
        sql($text)
            .bind::<SqlUuid, _>($tx.tenant()?)
            .bind::<Text, _>($asked.side.text())
            .bind::<SqlDate, _>($asked.as_of)
            .bind::<Nullable<Timestamptz>, _>($asked.known_at.map(|at| at.0))
            .bind::<Int4, _>(i32::try_from(currency($tx.book_currency())?.exponent()).unwrap_or_default())
    };
}

async fn totals(tx: &Tx, asked: &Asked) -> Result<AgingAmounts> {
    let text = concat!("SELECT ", sums!(), " FROM finance.open_parts($1, $2, $3, $4, $5) p");
    let sums: Sums = tx.row(over_parts!(tx, asked, text)).await?;
    Ok(sums.shown(tx.book_currency()))
}

#[derive(QueryableByName)]
struct PartyRow {
    #[diesel(sql_type = SqlUuid)]
    party_id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
    #[diesel(embed)]
    sums: Sums,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct ItemRow {
    #[diesel(sql_type = SqlUuid)]
    open_item_id: OpenItemId,
    #[diesel(sql_type = Int4)]
    instalment_no: i32,
    #[diesel(sql_type = SqlDate)]
    due_date: NaiveDate,
    #[diesel(sql_type = Int4)]
    days: i32,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Numeric)]
    open: Decimal,
    #[diesel(sql_type = Numeric)]
    open_book: Decimal,
}

/// Queries about the age of what is owed.
#[derive(Default)]
pub struct AgingQuery;

#[Object]
impl AgingQuery {
    /// All that was owed at the end of a day, by age, in the books' currency: the sum of `agingParties`. Right:
    /// `finance.open_item.read`.
    async fn aging_totals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What customers owe (`RECEIVABLE`, if not said) or vendors are owed.")] side: Option<
            OpenItemSide,
        >,
        #[graphql(desc = "The day; today in the client's time zone if not said.")] as_of: Option<Date>,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
    ) -> async_graphql::Result<AgingAmounts> {
        let tx = ctx.tx(Can::OpenItemRead).await?;
        Ok(totals(tx, &Asked::new(tx, side.unwrap_or(OpenItemSide::Receivable), as_of, known_at)).await?)
    }

    /// What each customer owed, or each vendor was owed, at the end of a day, by age, in the books' currency; by name. Right:
    /// `finance.open_item.read`.
    #[allow(clippy::too_many_arguments)]
    async fn aging_parties(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "What customers owe (`RECEIVABLE`, if not said) or vendors are owed.")] side: Option<
            OpenItemSide,
        >,
        #[graphql(desc = "The day; today in the client's time zone if not said.")] as_of: Option<Date>,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
    ) -> async_graphql::Result<AgingPartyConnection> {
        let tx = ctx.tx(Can::OpenItemRead).await?;
        let side = side.unwrap_or(OpenItemSide::Receivable);
        let (slice, asked) = (Slice::new(first, after.as_deref())?, Asked::new(tx, side, as_of, known_at));
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let text = "SELECT count(DISTINCT p.party_id) AS count FROM finance.open_parts($1, $2, $3, $4, $5) p";
            Some(tx.row::<Count, _>(over_parts!(tx, asked, text)).await?.count)
        } else {
            None
        };
        let text = concat!(
            "SELECT q.party_id, n.name, q.count, q.undue, q.d30, q.d60, q.d90, q.more, q.total
               FROM (SELECT p.party_id, count(*) AS count, ",
            sums!(),
            " FROM finance.open_parts($1, $2, $3, $4, $5) p GROUP BY p.party_id) q
               JOIN (SELECT c.id, c.name FROM finance.customer c WHERE c.tenant_id = $1 AND $2 = 'receivable'
                     UNION ALL SELECT v.id, v.name FROM finance.vendor v WHERE v.tenant_id = $1 AND $2 = 'payable') n ON n.id = q.party_id
              WHERE $6::text IS NULL OR (n.name, n.id) > ($6, $7)
              ORDER BY n.name, n.id LIMIT $8"
        );
        let (name, id) = slice.after.clone().unzip();
        let rows: Vec<PartyRow> = tx
            .rows(
                over_parts!(tx, asked, text)
                    .bind::<Nullable<Text>, _>(name)
                    .bind::<Nullable<SqlUuid>, _>(id)
                    .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        let shown = |row: PartyRow| AgingParty {
            side,
            party_id: row.party_id,
            name: row.name,
            amounts: row.sums.shown(tx.book_currency()),
            count: row.count,
        };
        let rows = rows.into_iter().map(shown).collect();
        let cursor = |row: &AgingParty| encode(&row.name, row.party_id);
        Ok(AgingPartyConnection::new(ctx, &slice, rows, cursor, total))
    }

    /// What was open at the end of a day, item by item and instalment by instalment, the longest due first. Right:
    /// `finance.open_item.read`.
    #[allow(clippy::too_many_arguments)]
    async fn aging_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(
            desc = "What customers owe or vendors are owed; if not said, vendors where one is named, else customers."
        )]
        side: Option<OpenItemSide>,
        #[graphql(desc = "The day; today in the client's time zone if not said.")] as_of: Option<Date>,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
        #[graphql(desc = "Only what this customer owes.")] customer: Option<CustomerId>,
        #[graphql(desc = "Only what this vendor is owed.")] vendor: Option<VendorId>,
        #[graphql(desc = "Only what has been due so long.")] bucket: Option<AgingBucket>,
    ) -> async_graphql::Result<AgingItemConnection> {
        let tx = ctx.tx(Can::OpenItemRead).await?;
        let named = if vendor.is_some() { OpenItemSide::Payable } else { OpenItemSide::Receivable };
        let side = side.unwrap_or(named);
        let (slice, asked) = (Slice::new(first, after.as_deref())?, Asked::new(tx, side, as_of, known_at));
        let (least, most) = bucket.map_or((i32::MIN, i32::MAX), AgingBucket::days);
        let (customer, vendor) = (customer.map(|id| id.0), vendor.map(|id| id.0));
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let text = "SELECT count(*) AS count FROM finance.open_parts($1, $2, $3, $4, $5) p
                         WHERE ($6::uuid IS NULL OR p.party_id = $6) AND ($7::uuid IS NULL OR p.party_id = $7)
                           AND $3 - p.due_date BETWEEN $8 AND $9";
            let counted = over_parts!(tx, asked, text)
                .bind::<Nullable<SqlUuid>, _>(customer)
                .bind::<Nullable<SqlUuid>, _>(vendor)
                .bind::<Int4, _>(least)
                .bind::<Int4, _>(most);
            Some(tx.row::<Count, _>(counted).await?.count)
        } else {
            None
        };
        let (day, number, id) = match &slice.after {
            Some((value, id)) => {
                let (day, number) = cursor_of(value)?;
                (Some(day), Some(number), Some(*id))
            }
            None => (None, None, None),
        };
        let text = "SELECT p.open_item_id, p.instalment_no, p.due_date, $3 - p.due_date AS days, p.currency, p.open, p.open_book
                      FROM finance.open_parts($1, $2, $3, $4, $5) p
                     WHERE ($6::uuid IS NULL OR p.party_id = $6) AND ($7::uuid IS NULL OR p.party_id = $7)
                       AND $3 - p.due_date BETWEEN $8 AND $9
                       AND ($10::date IS NULL OR (p.due_date, p.open_item_id, p.instalment_no) > ($10, $11, $12))
                     ORDER BY p.due_date, p.open_item_id, p.instalment_no LIMIT $13";
        let rows: Vec<ItemRow> = tx
            .rows(
                over_parts!(tx, asked, text)
                    .bind::<Nullable<SqlUuid>, _>(customer)
                    .bind::<Nullable<SqlUuid>, _>(vendor)
                    .bind::<Int4, _>(least)
                    .bind::<Int4, _>(most)
                    .bind::<Nullable<SqlDate>, _>(day)
                    .bind::<Nullable<SqlUuid>, _>(id)
                    .bind::<Nullable<Int4>, _>(number)
                    .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        let shown = |row: ItemRow| AgingItem {
            open_item_id: row.open_item_id,
            instalment_no: (row.instalment_no > 0).then_some(row.instalment_no),
            due_date: Date(row.due_date),
            days_overdue: row.days,
            bucket: AgingBucket::of(row.days),
            open: Money::new(Dec(row.open), &row.currency),
            open_book: Money::new(Dec(row.open_book), tx.book_currency()),
        };
        let rows = rows.into_iter().map(shown).collect();
        let cursor = |row: &AgingItem| {
            let number = row.instalment_no.unwrap_or_default();
            encode(&format!("{} {number}", row.due_date.0), row.open_item_id.0)
        };
        Ok(AgingItemConnection::new(ctx, &slice, rows, cursor, total))
    }
}

/// Due date and instalment that a cursor holds.
pub(crate) fn cursor_of(value: &str) -> Result<(NaiveDate, i32)> {
    let parsed = value.split_once(' ').and_then(|(day, number)| Some((day.parse().ok()?, number.parse().ok()?)));
    parsed.ok_or_else(|| Error::BadInput("`after` is not a cursor of this list.".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        for (days, bucket) in [
            (i32::MIN, AgingBucket::Current),
            (0, AgingBucket::Current),
            (1, AgingBucket::Days1To30),
            (30, AgingBucket::Days1To30),
            (31, AgingBucket::Days31To60),
            (60, AgingBucket::Days31To60),
            (61, AgingBucket::Days61To90),
            (90, AgingBucket::Days61To90),
            (91, AgingBucket::Over90),
            (i32::MAX, AgingBucket::Over90),
        ] {
            assert_eq!(AgingBucket::of(days), bucket, "{days}");
            let (from, to) = bucket.days();
            assert!((from..=to).contains(&days));
        }
        assert!(cursor_of("2026-01-01 2").is_ok());
        assert!(cursor_of("2026-01-01").is_err());
    }
}
