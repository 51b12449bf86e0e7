//! Where the cash is: what every account of cash holds at the end of a day, by currency.

use std::collections::BTreeMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_money::{Decimal, add};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};

use super::account::BankAccount;
use crate::finance::ids::{AccountId, BankAccountId};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::report::cash_flow::place::cash_accounts;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// What one account holds in one currency.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct CashHolding {
    #[graphql(skip)]
    account_id: AccountId,
    #[graphql(skip)]
    bank_account_id: Option<BankAccountId>,
    /// What it holds: money there is positive, an overdraft negative.
    pub balance: Money,
    /// The same in the books' currency, as the ledger has it.
    pub balance_book: Money,
}

/// What all accounts hold in one currency.
#[derive(SimpleObject, Clone, Debug)]
pub struct CashInCurrency {
    /// The currency.
    pub currency: CurrencyCode,
    /// What is held in it.
    pub balance: Money,
    /// The same in the books' currency, as the ledger has it.
    pub balance_book: Money,
}

/// Cash at the end of a day. Cash is what the statement of cash flows takes for it: `Account.cashFlowSection`.
#[derive(SimpleObject, Clone, Debug)]
pub struct CashPosition {
    /// The day.
    pub as_of: Date,
    /// Only what was recorded up to this moment counts; null: everything.
    pub known_at: Option<DateTime>,
    /// By account and currency, in the order of the chart; accounts that hold nothing are left out.
    pub holdings: Vec<CashHolding>,
    /// By currency.
    pub currencies: Vec<CashInCurrency>,
    /// All of it in the books' currency.
    pub total: Money,
}

#[ComplexObject]
impl CashHolding {
    /// The account in the ledger.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The bank account that it is kept for; null for a till.
    async fn bank_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankAccount>> {
        match self.bank_account_id {
            Some(id) => Ok(ctx.load::<BankAccount>(id).await?),
            None => Ok(None),
        }
    }
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    bank_account_id: Option<BankAccountId>,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = Numeric)]
    book: Decimal,
}

/// What accounts held, and by currency: the amount and what it is worth in the books.
pub(super) type ByCurrency = BTreeMap<String, (Decimal, Decimal)>;

async fn held(tx: &Tx, cash: &[AccountId], as_of: NaiveDate, known_at: Option<DateTime>) -> Result<Vec<Held>> {
    tx.rows(
        sql("SELECT a.id AS account_id, n.id AS bank_account_id, m.currency, sum(m.amount) AS amount, sum(m.book) AS book
               FROM (SELECT b.account_id, b.currency, b.amount_document AS amount, b.debit - b.credit AS book
                       FROM finance.account_balance b
                      WHERE b.tenant_id = $1 AND b.account_id = ANY ($2) AND b.on_date <= $3
                      UNION ALL
                     SELECT l.account_id, l.currency, -l.amount_document, -l.amount
                       FROM finance.journal_line l
                      WHERE l.tenant_id = $1 AND l.recorded_at > $4 AND l.account_id = ANY ($2) AND l.entry_date <= $3) m
               JOIN finance.account a ON a.tenant_id = $1 AND a.id = m.account_id
               LEFT JOIN finance.bank_account n ON n.tenant_id = $1 AND n.account_id = a.id
              GROUP BY a.id, a.code, n.id, m.currency
             HAVING sum(m.amount) <> 0 OR sum(m.book) <> 0
              ORDER BY a.code, m.currency")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<SqlUuid>, _>(cash.to_vec())
        .bind::<SqlDate, _>(as_of)
        .bind::<Nullable<Timestamptz>, _>(known_at.map(|at| at.0)),
    )
    .await
}

fn summed(held: &[Held]) -> Result<ByCurrency> {
    let mut sums = ByCurrency::new();
    for one in held {
        let sum = sums.entry(one.currency.clone()).or_default();
        *sum = (add(sum.0, one.amount)?, add(sum.1, one.book)?);
    }
    Ok(sums)
}

/// What is held in each currency at the end of a day.
pub(super) async fn by_currency(tx: &Tx, cash: &[AccountId], as_of: NaiveDate) -> Result<ByCurrency> {
    summed(&held(tx, cash, as_of, None).await?)
}

async fn position(tx: &Tx, as_of: NaiveDate, known_at: Option<DateTime>) -> Result<CashPosition> {
    let held = held(tx, &cash_accounts(tx).await?, as_of, known_at).await?;
    let book = tx.book_currency();
    let sums = summed(&held)?;
    let total = sums.values().map(|(_, book)| *book).try_fold(Decimal::ZERO, add)?;
    Ok(CashPosition {
        as_of: Date(as_of),
        known_at,
        holdings: held
            .into_iter()
            .map(|one| CashHolding {
                account_id: one.account_id,
                bank_account_id: one.bank_account_id,
                balance: Money::new(Dec(one.amount), &one.currency),
                balance_book: Money::new(Dec(one.book), book),
            })
            .collect(),
        currencies: sums
            .into_iter()
            .map(|(currency, (amount, worth))| CashInCurrency {
                balance: Money::new(Dec(amount), &currency),
                balance_book: Money::new(Dec(worth), book),
                currency: CurrencyCode(currency),
            })
            .collect(),
        total: Money::new(Dec(total), book),
    })
}

/// Where the cash is.
#[derive(Default)]
pub struct CashPositionQuery;

#[Object]
impl CashPositionQuery {
    /// What every account of cash holds at the end of a day, by currency. Right: `finance.report.read`.
    async fn cash_position(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; today in the client's time zone if not said.")] as_of: Option<Date>,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
    ) -> async_graphql::Result<CashPosition> {
        let tx = ctx.tx(Can::ReportRead).await?;
        Ok(position(tx, as_of.map_or(tx.today(), |day| day.0), known_at).await?)
    }
}
