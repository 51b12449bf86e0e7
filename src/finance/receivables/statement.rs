//! What a customer owed, what came and went, and what it owes now: its account over some days, in each currency.
//!
//! Every entry that touched its open items is one movement: an invoice, a credit note, a payment or a reminder with its whole
//! amount, whatever it settled. So opening, movements and closing always add up, and the closing is what was open that day.

use async_graphql::{Context, Object, SimpleObject};
use backoffice_money::{Decimal, add};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Date as SqlDate, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::customer;
use crate::finance::ids::{CustomerId, JournalEntryId};
use crate::finance::open_item::day_of;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// A customer's account in one currency over some days.
#[derive(SimpleObject, Clone, Debug)]
pub struct CustomerStatement {
    /// Currency of all its amounts.
    pub currency: CurrencyCode,
    /// What the customer owed at the end of the day before the first; negative: what it was owed.
    pub opening: Money,
    /// What was charged on these days.
    pub charged: Money,
    /// What was paid or credited on these days, as a positive amount.
    pub credited: Money,
    /// What the customer owed at the end of the last day.
    pub closing: Money,
}

/// What one entry did to a customer's account.
#[derive(SimpleObject, Clone, Debug)]
pub struct CustomerMovement {
    #[graphql(skip)]
    entry_id: JournalEntryId,
    /// The day that it counts for.
    pub date: Date,
    /// What it was.
    pub description: String,
    /// What the customer owes more by it; negative: less.
    pub amount: Money,
    /// What the customer owed behind it.
    pub balance: Money,
}

crate::platform::connection!(
    /// A page of movements of a customer's account.
    CustomerMovementConnection, CustomerMovementEdge, CustomerMovement
);

/// What every entry did to the account of a customer ($2), by entry, day and currency.
macro_rules! movements {
    () => {
        "SELECT x.entry_id, x.on_date, x.currency, sum(x.amount) AS amount
           FROM (SELECT i.entry_id, i.item_date AS on_date, i.currency, i.amount
                   FROM finance.open_item i
                  WHERE i.tenant_id = $1 AND i.side = 'receivable' AND i.customer_id = $2
                 UNION ALL
                 SELECT a.entry_id, a.allocated_on, i.currency, -a.amount
                   FROM finance.open_item i
                   JOIN finance.allocation a ON a.tenant_id = i.tenant_id AND a.open_item_id = i.id
                  WHERE i.tenant_id = $1 AND i.side = 'receivable' AND i.customer_id = $2) x
          GROUP BY x.entry_id, x.on_date, x.currency
         HAVING sum(x.amount) <> 0"
    };
}

#[derive(QueryableByName)]
struct Sums {
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Numeric)]
    opening: Decimal,
    #[diesel(sql_type = Numeric)]
    charged: Decimal,
    #[diesel(sql_type = Numeric)]
    credited: Decimal,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    entry_id: JournalEntryId,
    #[diesel(sql_type = SqlDate)]
    on_date: Date,
    #[diesel(sql_type = Text)]
    description: String,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = Numeric)]
    balance: Decimal,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn check_days(from: NaiveDate, through: NaiveDate) -> Result<()> {
    if through < from {
        return Err(Error::BadInput("`through` does not lie before `from`.".to_owned()));
    }
    Ok(())
}

/// The account of a customer in each currency in which anything ever happened, by currency.
pub async fn of(tx: &Tx, id: CustomerId, from: NaiveDate, through: NaiveDate) -> Result<Vec<CustomerStatement>> {
    check_days(from, through)?;
    let rows: Vec<Sums> = tx
        .rows(
            sql(concat!(
                "SELECT m.currency, coalesce(sum(m.amount) FILTER (WHERE m.on_date < $3), 0) AS opening,
                        coalesce(sum(m.amount) FILTER (WHERE m.on_date >= $3 AND m.amount > 0), 0) AS charged,
                        coalesce(-sum(m.amount) FILTER (WHERE m.on_date >= $3 AND m.amount < 0), 0) AS credited
                   FROM (",
                movements!(),
                ") m WHERE m.on_date <= $4 GROUP BY m.currency ORDER BY m.currency"
            ))
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<SqlDate, _>(from)
            .bind::<SqlDate, _>(through),
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            let money = |amount| Money::new(Dec(amount), &row.currency);
            let closing = backoffice_money::sub(add(row.opening, row.charged)?, row.credited)?;
            Ok(CustomerStatement {
                opening: money(row.opening),
                charged: money(row.charged),
                credited: money(row.credited),
                closing: money(closing),
                currency: CurrencyCode(row.currency.clone()),
            })
        })
        .collect()
}

/// Movements of a customer's account in one currency, in their order, behind a place among them, at most so many.
pub async fn movements_of(
    tx: &Tx,
    (id, currency): (CustomerId, &CurrencyCode),
    (from, through): (NaiveDate, NaiveDate),
    after: Option<(NaiveDate, uuid::Uuid)>,
    most: i64,
) -> Result<Vec<CustomerMovement>> {
    check_days(from, through)?;
    let (day, entry) = after.unzip();
    let rows: Vec<Row> = tx
        .rows(
            sql(concat!(
                "SELECT b.entry_id, b.on_date, e.description, b.amount, b.balance
                   FROM (SELECT m.entry_id, m.on_date, m.amount, sum(m.amount) OVER (ORDER BY m.on_date, m.entry_id) AS balance
                           FROM (",
                movements!(),
                ") m WHERE m.currency = $3 AND m.on_date <= $5) b
                   JOIN finance.journal_entry e ON e.tenant_id = $1 AND e.id = b.entry_id
                  WHERE b.on_date >= $4 AND ($6::boolean OR (b.on_date, b.entry_id) > ($7, $8))
                  ORDER BY b.on_date, b.entry_id LIMIT $9"
            ))
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(currency.0.clone())
            .bind::<SqlDate, _>(from)
            .bind::<SqlDate, _>(through)
            .bind::<Bool, _>(day.is_none())
            .bind::<Nullable<SqlDate>, _>(day)
            .bind::<Nullable<SqlUuid>, _>(entry)
            .bind::<BigInt, _>(most),
        )
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| CustomerMovement {
            entry_id: row.entry_id,
            date: row.on_date,
            description: row.description,
            amount: Money::new(Dec(row.amount), &currency.0),
            balance: Money::new(Dec(row.balance), &currency.0),
        })
        .collect())
}

async fn count(
    tx: &Tx,
    (id, currency): (CustomerId, &CurrencyCode),
    (from, through): (NaiveDate, NaiveDate),
) -> Result<i64> {
    let found: Counted = tx
        .row(
            sql(concat!(
                "SELECT count(*) AS count FROM (",
                movements!(),
                ") m WHERE m.currency = $3 AND m.on_date BETWEEN $4 AND $5"
            ))
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<Text, _>(currency.0.clone())
            .bind::<SqlDate, _>(from)
            .bind::<SqlDate, _>(through),
        )
        .await?;
    Ok(found.count)
}

/// Queries about customers' accounts.
#[derive(Default)]
pub struct CustomerStatementQuery;

#[Object]
impl CustomerStatementQuery {
    /// What a customer owed, what was charged and credited, and what it owes then, in each currency; null if the id is
    /// unknown. Right: `finance.open_item.read`.
    async fn customer_statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer.")] customer: CustomerId,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day, not before the first.")] through: Date,
    ) -> async_graphql::Result<Option<Vec<CustomerStatement>>> {
        let tx = ctx.tx(Can::OpenItemRead).await?;
        match customer::find(tx, customer).await? {
            Some(found) => Ok(Some(of(tx, found.id, from.0, through.0).await?)),
            None => Ok(None),
        }
    }

    /// The movements of a customer's account in one currency, the earliest first. Right: `finance.open_item.read`.
    #[allow(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn customer_movements(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The customer.")] customer: CustomerId,
        #[graphql(desc = "The currency.")] currency: CurrencyCode,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day, not before the first.")] through: Date,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<CustomerMovementConnection> {
        let tx = ctx.tx(Can::OpenItemRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let (of, days) = ((customer, &currency), (from.0, through.0));
        let total = if ctx.look_ahead().field("totalCount").exists() { Some(count(tx, of, days).await?) } else { None };
        let behind = match &slice.after {
            Some((day, id)) => Some((day_of(day)?, *id)),
            None => None,
        };
        let rows = movements_of(tx, of, days, behind, slice.limit()).await?;
        let cursor = |row: &CustomerMovement| encode(&row.date.0.to_string(), row.entry_id.0);
        Ok(CustomerMovementConnection::new(ctx, &slice, rows, cursor, total))
    }
}
