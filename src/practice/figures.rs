//! The headline figures of a client, and of a whole page of clients in one statement.

use std::collections::HashMap;

use async_graphql::{ComplexObject, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Numeric, Text, Uuid as SqlUuid};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::ClientId;
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::sql::sql;

/// What a client has, is owed and owes, as of today in its time zone, in the currency of its books.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ClientFigures {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    client_id: ClientId,
    #[diesel(sql_type = Text)]
    #[graphql(skip)]
    currency: String,
    /// The day that the figures are of, in the client's time zone.
    #[diesel(sql_type = SqlDate)]
    pub as_of: Date,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    cash: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    receivables: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    overdue_receivables: Dec,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    payables: Dec,
    /// Lines of bank statements that are not matched to anything yet.
    #[diesel(sql_type = BigInt)]
    pub unmatched_bank_lines: i64,
}

#[ComplexObject]
impl ClientFigures {
    /// Balance of the bank accounts in the books, entries up to today; negative if overdrawn.
    async fn cash(&self) -> Money {
        Money::new(self.cash, &self.currency)
    }

    /// What customers owe: all open items, due or not. Positive: owed to the client.
    async fn receivables(&self) -> Money {
        Money::new(self.receivables, &self.currency)
    }

    /// The part of the receivables whose due date is past.
    async fn overdue_receivables(&self) -> Money {
        Money::new(self.overdue_receivables, &self.currency)
    }

    /// What the client owes its vendors: all open items, due or not. Positive: owed by the client.
    async fn payables(&self) -> Money {
        Money::new(self.payables, &self.currency)
    }
}

/// Figures under the right that holds inside one client.
pub(super) struct OwnFigures;

/// Figures under the right that holds for the provider; the database has chosen the clients.
pub(super) struct PortfolioFigures;

impl Fetch for OwnFigures {
    type Key = ClientId;
    type Value = ClientFigures;
    const CAN: Can = Can::FiguresRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientId>) -> Result<HashMap<ClientId, ClientFigures>> {
        fetch(tx, keys).await
    }
}

impl Fetch for PortfolioFigures {
    type Key = ClientId;
    type Value = ClientFigures;
    const CAN: Can = Can::PortfolioRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientId>) -> Result<HashMap<ClientId, ClientFigures>> {
        fetch(tx, keys).await
    }
}

/// Each figure is one index range a client; cash adds whole months and the days of this one. A client keeps one ledger so far; with a second one the balances of the
/// general ledger have to be picked here.
async fn fetch(tx: &Tx, keys: Vec<ClientId>) -> Result<HashMap<ClientId, ClientFigures>> {
    let rows: Vec<ClientFigures> = tx
        .rows(
            sql("SELECT c.tenant_id AS client_id, c.currency, day.today AS as_of,
                        coalesce(months.total, 0) + coalesce(days.total, 0) AS cash,
                        coalesce(owed.receivables, 0) AS receivables,
                        coalesce(owed.overdue, 0) AS overdue_receivables,
                        coalesce(owing.payables, 0) AS payables,
                        bank.unmatched AS unmatched_bank_lines
                   FROM practice.client c
                  CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE c.time_zone)::date AS today) day
                  CROSS JOIN LATERAL (SELECT day.today - (extract(day FROM day.today)::integer - 1) AS begins) month
                  CROSS JOIN LATERAL (
                        SELECT sum(b.debit - b.credit) AS total
                          FROM finance.account a
                          JOIN finance.account_month b ON b.tenant_id = a.tenant_id AND b.account_id = a.id
                         WHERE a.tenant_id = c.tenant_id AND a.control = 'bank' AND b.month < month.begins) months
                  CROSS JOIN LATERAL (
                        SELECT sum(b.debit - b.credit) AS total
                          FROM finance.account a
                          JOIN finance.account_balance b ON b.tenant_id = a.tenant_id AND b.account_id = a.id
                         WHERE a.tenant_id = c.tenant_id AND a.control = 'bank'
                           AND b.on_date BETWEEN month.begins AND day.today) days
                  CROSS JOIN LATERAL (
                        SELECT sum(i.open_book) AS receivables, sum(i.open_book) FILTER (WHERE i.due_date < day.today) AS overdue
                          FROM finance.open_item i
                         WHERE i.tenant_id = c.tenant_id AND i.side = 'receivable' AND i.settled = false) owed
                  CROSS JOIN LATERAL (
                        SELECT sum(i.open_book) AS payables
                          FROM finance.open_item i
                         WHERE i.tenant_id = c.tenant_id AND i.side = 'payable' AND i.settled = false) owing
                  CROSS JOIN LATERAL (
                        SELECT count(*) AS unmatched
                          FROM finance.bank_line l
                         WHERE l.tenant_id = c.tenant_id AND l.matched = false) bank
                  WHERE c.tenant_id = ANY ($1)")
                .bind::<Array<SqlUuid>, _>(keys),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.client_id, row)).collect())
}
