//! The statement of cash flows, direct and indirect: what has come into cash and gone out of it between two days.
//!
//! Both come to the same change, and that to what the accounts of cash say: each entry balances, so what its lines on cash
//! are the others are, the other way round. Direct: the other lines of the entries that touch cash. Indirect: the result, and
//! what every other account has moved by.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_money::{Decimal, add, neg, sub};
use chrono::{DateTime as Moment, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Numeric, Timestamptz, Uuid as SqlUuid};

use super::figures::{Span, figures};
use super::lines::{behind, cursor};
use crate::finance::ids::AccountId;
use crate::finance::ledger::account::{self, Account};
use crate::finance::ledger::journal::JournalLineConnection;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::paging::Slice;
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

pub mod lines;
pub mod place;

use lines::{CashFlowLines, CashFlowPage};
use place::{CashFlowSection, places};

/// How a statement of cash flows is told.
#[derive(async_graphql::Enum, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CashFlowMethod {
    /// By what stands against cash in the entries that touch it.
    Direct,
    /// By the result, and by what all other accounts have moved by.
    Indirect,
}

/// The days of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Days {
    from: NaiveDate,
    to: NaiveDate,
    known_at: Option<Moment<Utc>>,
}

/// A row: an account, or the result.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct CashFlowRow {
    #[graphql(skip)]
    account_id: Option<AccountId>,
    /// The account's number; null for the result.
    pub code: Option<String>,
    /// The account's name; `Result` for the result.
    pub name: String,
    /// What it brought: positive into cash, negative out of it.
    pub amount: Money,
    /// The same of the days that it is compared with; null without any.
    pub previous: Option<Money>,
    #[graphql(skip)]
    leaves: Arc<[AccountId]>,
    #[graphql(skip)]
    days: Days,
    #[graphql(skip)]
    method: CashFlowMethod,
}

/// The rows of a section.
#[derive(SimpleObject, Clone, Debug)]
pub struct CashFlowPart {
    /// The section.
    pub section: CashFlowSection,
    /// Its rows, by account number, the result first.
    pub rows: Vec<CashFlowRow>,
    /// Σ of its rows.
    pub total: Money,
    /// The same of the days that it is compared with; null without any.
    pub previous: Option<Money>,
}

/// What has come into cash and gone out of it. `openingCash` + `change` = `closingCash`.
#[derive(SimpleObject, Clone, Debug)]
pub struct CashFlowStatement {
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Only what was recorded up to this moment counts; null: everything.
    pub known_at: Option<DateTime>,
    /// How it is told.
    pub method: CashFlowMethod,
    /// Cash before the first day.
    pub opening_cash: Money,
    /// Operating, investing and financing.
    pub sections: Vec<CashFlowPart>,
    /// Σ of the sections.
    pub change: Money,
    /// Cash at the end of the last day, as the accounts of cash say.
    pub closing_cash: Money,
}

#[ComplexObject]
impl CashFlowRow {
    /// The account; null for the result. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        match self.account_id {
            Some(account) => Ok(ctx.load::<Account>(account).await?),
            None => Ok(None),
        }
    }

    /// The lines that the row sums, by day and posting; a credit brings what a debit takes. Right: `finance.journal.read`.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<JournalLineConnection> {
        ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let (leaves, days, after, limit) = (Arc::clone(&self.leaves), self.days, behind(&slice)?, slice.limit());
        let page = CashFlowPage { leaves, direct: self.method == CashFlowMethod::Direct, days, after, limit };
        let rows = ctx.load::<CashFlowLines>(page).await?;
        Ok(JournalLineConnection::new(ctx, &slice, rows.unwrap_or_default(), cursor, None))
    }
}

/// The span of days without what closes fiscal years: that moves no cash and no result.
fn span(days: &Days) -> Span {
    Span { unclosed: Some(days.from), ..Span::of(Some(days.from), days.to, days.known_at) }
}

#[derive(QueryableByName)]
struct Brought {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

/// What the lines against cash come to, by account: positive into cash.
async fn against_cash(tx: &Tx, days: &Days, cash: &[AccountId]) -> Result<HashMap<AccountId, Decimal>> {
    let rows: Vec<Brought> = tx
        .rows(
            sql("SELECT o.account_id, -sum(o.amount) AS amount
                   FROM (SELECT DISTINCT l.entry_id FROM finance.journal_line l
                          WHERE l.tenant_id = $1 AND l.account_id = ANY ($2) AND l.entry_date BETWEEN $3 AND $4
                            AND ($5::timestamptz IS NULL OR l.recorded_at <= $5)) e
                   JOIN finance.journal_entry j ON j.tenant_id = $1 AND j.id = e.entry_id AND j.source NOT IN ('opening', 'closing')
                   JOIN finance.journal_line o ON o.tenant_id = $1 AND o.entry_id = e.entry_id AND o.account_id <> ALL ($2)
                  GROUP BY o.account_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(cash.to_vec())
            .bind::<SqlDate, _>(days.from)
            .bind::<SqlDate, _>(days.to)
            .bind::<Nullable<Timestamptz>, _>(days.known_at),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.amount)).collect())
}

/// What the books opened with in some days, by account, debit positive: that was there before and has not come in.
async fn opened(tx: &Tx, days: &Days) -> Result<HashMap<AccountId, Decimal>> {
    let rows: Vec<Brought> = tx
        .rows(
            sql("SELECT l.account_id, sum(l.amount) AS amount
                   FROM finance.journal_entry e
                   JOIN finance.journal_line l ON l.tenant_id = $1 AND l.entry_id = e.id
                  WHERE e.tenant_id = $1 AND e.source = 'opening' AND e.entry_date BETWEEN $2 AND $3
                    AND ($4::timestamptz IS NULL OR e.recorded_at <= $4)
                  GROUP BY l.account_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(days.from)
            .bind::<SqlDate, _>(days.to)
            .bind::<Nullable<Timestamptz>, _>(days.known_at),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row.amount)).collect())
}

/// What some days brought: by section and account number, the result under no number.
struct Told {
    opening: Decimal,
    closing: Decimal,
    rows: BTreeMap<(u8, Option<String>), Decimal>,
}

/// The sections in their order.
const SECTIONS: [CashFlowSection; 3] =
    [CashFlowSection::Operating, CashFlowSection::Investing, CashFlowSection::Financing];

fn order(section: CashFlowSection) -> u8 {
    match section {
        CashFlowSection::Cash | CashFlowSection::Operating => 0,
        CashFlowSection::Investing => 1,
        CashFlowSection::Financing => 2,
    }
}

async fn told(
    tx: &Tx,
    days: &Days,
    method: CashFlowMethod,
    leaves: &[&Account],
    places: &HashMap<AccountId, CashFlowSection>,
) -> Result<Told> {
    let (found, opened) = (figures(tx, &span(days), None).await?, opened(tx, days).await?);
    let moved = |account: &AccountId| -> Result<(Decimal, Decimal)> {
        let Some(one) = found.get(account) else { return Ok((Decimal::ZERO, Decimal::ZERO)) };
        let opened = opened.get(account).copied().unwrap_or_default();
        let before = add(sub(one.debit_before, one.credit_before)?, opened)?;
        Ok((before, sub(sub(one.debit, one.credit)?, opened)?))
    };
    let is_cash = |account: &&Account| places.get(&account.id) == Some(&CashFlowSection::Cash);
    let cash: Vec<AccountId> = leaves.iter().filter(|account| is_cash(account)).map(|account| account.id).collect();
    let mut told = Told { opening: Decimal::ZERO, closing: Decimal::ZERO, rows: BTreeMap::new() };
    for account in &cash {
        let (before, within) = moved(account)?;
        told.opening = add(told.opening, before)?;
        told.closing = add(add(told.closing, before)?, within)?;
    }
    let direct = match method {
        CashFlowMethod::Direct => Some(against_cash(tx, days, &cash).await?),
        CashFlowMethod::Indirect => None,
    };
    for account in leaves.iter().filter(|account| !is_cash(account)) {
        let section = places.get(&account.id).copied().unwrap_or(CashFlowSection::Operating);
        let (key, amount) = match &direct {
            Some(direct) => {
                let amount = direct.get(&account.id).copied().unwrap_or_default();
                ((order(section), Some(account.code.clone())), amount)
            }
            None if account.kind.is_result() => ((0, None), neg(moved(&account.id)?.1)?),
            None => ((order(section), Some(account.code.clone())), neg(moved(&account.id)?.1)?),
        };
        if !amount.is_zero() {
            let row = told.rows.entry(key).or_default();
            *row = add(*row, amount)?;
        }
    }
    Ok(told)
}

async fn statement(tx: &Tx, days: Days, compared: Option<Days>, method: CashFlowMethod) -> Result<CashFlowStatement> {
    let (accounts, places) = (account::all(tx).await?, places(tx).await?);
    let leaves: Vec<&Account> = accounts.iter().filter(|account| !account.is_group).collect();
    let results: Arc<[AccountId]> =
        leaves.iter().filter(|account| account.kind.is_result()).map(|account| account.id).collect();
    let by_code: HashMap<&str, &Account> = leaves.iter().map(|account| (account.code.as_str(), *account)).collect();
    let now = told(tx, &days, method, &leaves, &places).await?;
    let before = match &compared {
        Some(compared) => Some(told(tx, compared, method, &leaves, &places).await?),
        None => None,
    };
    let currency = tx.book_currency();
    let money = |amount| Money::new(Dec(amount), currency);
    let mut keys: Vec<(u8, Option<String>)> = now.rows.keys().cloned().collect();
    keys.extend(before.iter().flat_map(|before| before.rows.keys().cloned()));
    keys.sort();
    keys.dedup();
    let mut sections = Vec::with_capacity(SECTIONS.len());
    let mut change = Decimal::ZERO;
    for section in SECTIONS {
        let (mut rows, mut total, mut earlier) = (Vec::new(), Decimal::ZERO, Decimal::ZERO);
        for key in keys.iter().filter(|key| key.0 == order(section)) {
            let amount = now.rows.get(key).copied().unwrap_or_default();
            let previous = before.as_ref().map(|before| before.rows.get(key).copied().unwrap_or_default());
            total = add(total, amount)?;
            earlier = add(earlier, previous.unwrap_or_default())?;
            let account = key.1.as_deref().and_then(|code| by_code.get(code).copied());
            rows.push(CashFlowRow {
                account_id: account.map(|account| account.id),
                code: key.1.clone(),
                name: account.map_or_else(|| "Result".to_owned(), |account| account.name.clone()),
                amount: money(amount),
                previous: previous.map(money),
                leaves: account.map_or_else(|| Arc::clone(&results), |account| Arc::from([account.id])),
                days,
                method,
            });
        }
        change = add(change, total)?;
        let previous = before.as_ref().map(|_| money(earlier));
        sections.push(CashFlowPart { section, rows, total: money(total), previous });
    }
    Ok(CashFlowStatement {
        from: Date(days.from),
        to: Date(days.to),
        known_at: days.known_at.map(DateTime),
        method,
        opening_cash: money(now.opening),
        sections,
        change: money(change),
        closing_cash: money(now.closing),
    })
}

/// The statement as a query.
#[derive(Default)]
pub struct CashFlowQuery;

#[Object]
impl CashFlowQuery {
    /// What has come into cash and gone out of it between two days, told directly or indirectly, and held against other
    /// days. Right: `finance.report.read`.
    #[allow(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn cash_flow_statement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The last day.")] to: Date,
        #[graphql(desc = "How it is told; indirectly if not said.")] method: Option<CashFlowMethod>,
        #[graphql(desc = "The first day that it is compared with; needs the last one.")] compare_from: Option<Date>,
        #[graphql(desc = "The last day that it is compared with.")] compare_to: Option<Date>,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
    ) -> async_graphql::Result<CashFlowStatement> {
        let tx = ctx.tx(Can::ReportRead).await?;
        let known_at = known_at.map(|at| at.0);
        let days = |from: Date, to: Date| {
            if from > to {
                return Err(Error::BadInput("`from` lies behind the last day of the report.".to_owned()));
            }
            Ok(Days { from: from.0, to: to.0, known_at })
        };
        let compared = match (compare_from, compare_to) {
            (Some(from), Some(to)) => Some(days(from, to)?),
            (None, None) => None,
            _ => return Err(Error::BadInput("A comparison has a first and a last day.".to_owned()).into()),
        };
        Ok(statement(tx, days(from, to)?, compared, method.unwrap_or(CashFlowMethod::Indirect)).await?)
    }
}
