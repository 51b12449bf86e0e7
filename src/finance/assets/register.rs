//! The register of assets: cost, what is written off, and book value at the end of any day, held against the accounts.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_money::{Decimal, sub};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Numeric, Text, Uuid as SqlUuid};

use super::LEDGER;
use crate::finance::ids::{AccountId, AssetId};
use crate::finance::ledger::account::Account;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// An asset in a book at the end of a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct On {
    /// The asset.
    pub asset: AssetId,
    /// The day.
    pub as_of: NaiveDate,
    /// The book.
    pub book: String,
}

/// What an asset cost, what is written off of that, and what is left.
#[derive(SimpleObject, Clone, Debug)]
pub struct AssetFigures {
    /// What it cost.
    pub cost: Money,
    /// What is written off of that: in the book `LEDGER` what is posted, in others what they compute.
    pub accumulated: Money,
    /// What is left.
    pub book_value: Money,
}

impl AssetFigures {
    fn of(cost: Decimal, accumulated: Decimal, currency: &str) -> Result<Self> {
        let money = |amount| Money::new(Dec(amount), currency);
        Ok(Self { cost: money(cost), accumulated: money(accumulated), book_value: money(sub(cost, accumulated)?) })
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = SqlUuid)]
    asset_id: AssetId,
    #[diesel(sql_type = SqlDate)]
    as_of: NaiveDate,
    #[diesel(sql_type = Text)]
    book: String,
    #[diesel(sql_type = Numeric)]
    cost: Decimal,
    #[diesel(sql_type = Numeric)]
    accumulated: Decimal,
}

/// The figures of assets, each in a book at the end of a day.
pub struct FiguresOn;

impl Fetch for FiguresOn {
    type Key = On;
    type Value = AssetFigures;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<On>) -> Result<HashMap<On, AssetFigures>> {
        let rows: Vec<Found> = tx
            .rows(
                sql("SELECT k.asset_id, k.as_of, k.book, sum(m.cost) AS cost, sum(m.accumulated) + coalesce(max(s.amount), 0) AS accumulated
                       FROM unnest($2::uuid[], $3::date[], $4::text[]) AS k (asset_id, as_of, book)
                       JOIN finance.asset_movement m ON m.tenant_id = $1 AND m.asset_id = k.asset_id AND m.book = k.book AND m.on_date <= k.as_of
                       LEFT JOIN LATERAL (SELECT sum(s.amount) AS amount FROM finance.asset_slice s
                                           WHERE s.tenant_id = $1 AND s.asset_id = k.asset_id AND s.book = k.book AND k.book <> $5
                                             AND NOT s.dropped AND s.to_on <= k.as_of) s ON true
                      GROUP BY k.asset_id, k.as_of, k.book")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys.iter().map(|key| key.asset).collect::<Vec<_>>())
                .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.as_of).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(keys.iter().map(|key| key.book.clone()).collect::<Vec<_>>())
                .bind::<Text, _>(LEDGER.to_owned()),
            )
            .await?;
        let currency = tx.book_currency();
        rows.into_iter()
            .map(|row| {
                let figures = AssetFigures::of(row.cost, row.accumulated, currency)?;
                Ok((On { asset: row.asset_id, as_of: row.as_of, book: row.book }, figures))
            })
            .collect()
    }
}

/// The figures of all assets on a pair of accounts, held against what stands on them.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct AssetRegisterRow {
    #[graphql(skip)]
    account_id: AccountId,
    /// What the register says, debit positive: cost on the accounts of cost, what is written off as a credit.
    pub register: Money,
    /// The account's balance, debit positive.
    pub balance: Money,
    /// Balance less register.
    pub difference: Money,
}

#[ComplexObject]
impl AssetRegisterRow {
    /// The account. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }
}

/// The register of assets in a book at the end of a day.
#[derive(SimpleObject, Clone, Debug)]
pub struct AssetRegister {
    /// The day.
    pub as_of: Date,
    /// The book.
    pub book: String,
    /// All assets together.
    pub total: AssetFigures,
    /// The accounts of assets, by number; none in books that only compute.
    pub rows: Vec<AssetRegisterRow>,
}

#[derive(QueryableByName)]
struct Total {
    #[diesel(sql_type = Numeric)]
    cost: Decimal,
    #[diesel(sql_type = Numeric)]
    accumulated: Decimal,
}

#[derive(QueryableByName)]
struct OnAccount {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Numeric)]
    register: Decimal,
    #[diesel(sql_type = Numeric)]
    balance: Decimal,
}

async fn register(tx: &Tx, as_of: NaiveDate, book: String) -> Result<AssetRegister> {
    let total: Total = tx
        .row(
            sql("SELECT coalesce(m.cost, 0) AS cost, coalesce(m.accumulated, 0) + coalesce(s.amount, 0) AS accumulated
                   FROM (SELECT sum(m.cost) AS cost, sum(m.accumulated) AS accumulated FROM finance.asset_movement m
                          WHERE m.tenant_id = $1 AND m.book = $3 AND m.on_date <= $2) m,
                        (SELECT sum(s.amount) AS amount FROM finance.asset_slice s
                          WHERE s.tenant_id = $1 AND s.book = $3 AND $3 <> $4 AND NOT s.dropped AND s.to_on <= $2) s")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(as_of)
            .bind::<Text, _>(book.clone())
            .bind::<Text, _>(LEDGER.to_owned()),
        )
        .await?;
    let currency = tx.book_currency();
    let mut rows = Vec::new();
    if book == LEDGER {
        let found: Vec<OnAccount> = tx
            .rows(
                sql("SELECT a.id AS account_id, coalesce(r.amount, 0) AS register, coalesce(b.balance, 0) AS balance
                       FROM finance.account a
                       LEFT JOIN (SELECT k.account_id, sum(k.amount) AS amount
                                    FROM finance.asset_movement m
                                    JOIN finance.asset x ON x.tenant_id = $1 AND x.id = m.asset_id
                                    JOIN finance.asset_class c ON c.tenant_id = $1 AND c.id = x.class_id
                                   CROSS JOIN LATERAL (VALUES (c.cost_account_id, m.cost), (c.accumulated_account_id, -m.accumulated))
                                           AS k (account_id, amount)
                                   WHERE m.tenant_id = $1 AND m.book = $3 AND m.on_date <= $2 GROUP BY k.account_id) r ON r.account_id = a.id
                       LEFT JOIN (SELECT b.account_id, sum(b.debit - b.credit) AS balance FROM finance.account_balance b
                                   WHERE b.tenant_id = $1 AND b.on_date <= $2 GROUP BY b.account_id) b ON b.account_id = a.id
                      WHERE a.tenant_id = $1 AND a.control IN ('fixed_asset', 'accumulated_depreciation')
                      ORDER BY a.code")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlDate, _>(as_of)
                .bind::<Text, _>(book.clone()),
            )
            .await?;
        for row in found {
            let money = |amount| Money::new(Dec(amount), currency);
            rows.push(AssetRegisterRow {
                account_id: row.account_id,
                register: money(row.register),
                balance: money(row.balance),
                difference: money(sub(row.balance, row.register)?),
            });
        }
    }
    let total = AssetFigures::of(total.cost, total.accumulated, currency)?;
    Ok(AssetRegister { as_of: Date(as_of), book, total, rows })
}

/// The register as a query.
#[derive(Default)]
pub struct AssetRegisterQuery;

#[Object]
impl AssetRegisterQuery {
    /// All assets together in a book at the end of a day, held against their control accounts; asset by asset see
    /// `assets` and `figures`. Right: `finance.journal.read`.
    async fn asset_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today in the client's time zone if not said.")] as_of: Option<Date>,
        #[graphql(desc = "The book; `LEDGER` if not said.")] book: Option<String>,
    ) -> async_graphql::Result<AssetRegister> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let as_of = as_of.map_or(tx.today(), |day| day.0);
        Ok(register(tx, as_of, book.unwrap_or_else(|| LEDGER.to_owned())).await?)
    }
}
