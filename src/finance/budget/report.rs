//! What has become of a budget: meant, booked and promised, by account and value, month by month.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_money::{Decimal, MoneyError, add, neg, sub};
use chrono::{Datelike, Days, Months, NaiveDate};
use diesel::QueryableByName;
use diesel::sql_types::{Date as SqlDate, Int4, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::plan::Budget;
use super::rules;
use crate::finance::ids::{AccountId, BudgetId, DimensionValueId};
use crate::finance::ledger::account::{Account, AccountKind};
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::scalars::{Date, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// A month of an account and value, as its account grows.
#[derive(Clone, Copy, Debug)]
pub struct Month {
    /// Its first day.
    pub month: NaiveDate,
    /// What was meant.
    pub meant: Decimal,
    /// What was booked.
    pub became: Decimal,
    /// What is promised and not released.
    pub promised: Decimal,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    account_id: AccountId,
    #[diesel(sql_type = Text)]
    kind: AccountKind,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    value_id: Option<DimensionValueId>,
    #[diesel(sql_type = SqlDate)]
    month: NaiveDate,
    #[diesel(sql_type = Numeric)]
    meant: Decimal,
    #[diesel(sql_type = Numeric)]
    became: Decimal,
    #[diesel(sql_type = Numeric)]
    promised: Decimal,
}

/// An account and a value of a budget with their months.
pub struct Line {
    /// The account.
    pub account: AccountId,
    /// Its number.
    pub code: String,
    /// The value; none for the whole account.
    pub value: Option<DimensionValueId>,
    /// Its months in their order, those in which nothing was meant, booked or promised left out.
    pub months: Vec<Month>,
}

/// The lines of a version of a budget, the last one if none is named, in some of its months and of one account or all. One
/// statement: whole accounts by kept months, values by kept labels. What closes a year is no spending.
pub async fn lines(
    tx: &Tx,
    budget: BudgetId,
    version: Option<i32>,
    (from, to): (NaiveDate, NaiveDate),
    only: Option<AccountId>,
) -> Result<Vec<Line>> {
    let rows: Vec<Row> = tx
        .rows(
            sql("WITH held AS (SELECT v.id FROM finance.budget_version v
                                WHERE v.tenant_id = $1 AND v.budget_id = $2 AND ($3::int IS NULL OR v.number = $3) ORDER BY v.number DESC LIMIT 1),
                 said AS (SELECT a.account_id, a.value_id, a.month, a.amount FROM finance.budget_amount a
                           WHERE a.tenant_id = $1 AND a.version_id = (SELECT id FROM held) AND ($6::uuid IS NULL OR a.account_id = $6)),
                 pair AS (SELECT DISTINCT s.account_id, s.value_id FROM said s),
                 part AS (
                   SELECT s.account_id, s.value_id, s.month, s.amount AS meant, 0::numeric AS booked, 0::numeric AS promised
                     FROM said s WHERE s.month BETWEEN $4 AND $5
                   UNION ALL
                   SELECT p.account_id, p.value_id, m.month, 0, m.debit - m.credit, 0
                     FROM pair p
                     JOIN finance.account_month m ON m.tenant_id = $1 AND m.account_id = p.account_id AND m.month BETWEEN $4 AND $5
                    WHERE p.value_id IS NULL
                   UNION ALL
                   SELECT p.account_id, p.value_id, date_trunc('month', l.entry_date)::date, 0, -l.amount, 0
                     FROM finance.journal_entry e
                     JOIN finance.journal_line l ON l.tenant_id = $1 AND l.entry_id = e.id
                     JOIN pair p ON p.account_id = l.account_id AND p.value_id IS NULL
                    WHERE e.tenant_id = $1 AND e.source = 'closing' AND e.entry_date BETWEEN $4 AND $5
                   UNION ALL
                   SELECT p.account_id, p.value_id, date_trunc('month', d.entry_date)::date, 0, d.amount, 0
                     FROM pair p
                     JOIN finance.line_dimension d ON d.tenant_id = $1 AND d.value_id = p.value_id AND d.account_id = p.account_id AND d.entry_date BETWEEN $4 AND $5
                     JOIN finance.journal_entry e ON e.tenant_id = $1 AND e.id = d.entry_id AND e.source <> 'closing'
                   UNION ALL
                   SELECT p.account_id, p.value_id, date_trunc('month', c.on_date)::date, 0, 0, c.amount - c.released
                     FROM pair p
                     JOIN finance.commitment c ON c.tenant_id = $1 AND c.account_id = p.account_id AND c.on_date BETWEEN $4 AND $5
                      AND c.released < c.amount AND (p.value_id IS NULL OR c.value_id = p.value_id))
                 SELECT x.account_id, a.kind, a.code, x.value_id, x.month, sum(x.meant) AS meant, sum(x.booked) AS became, sum(x.promised) AS promised
                   FROM part x JOIN finance.account a ON a.tenant_id = $1 AND a.id = x.account_id
                  GROUP BY x.account_id, a.kind, a.code, x.value_id, x.month
                  ORDER BY a.code, x.value_id NULLS FIRST, x.month")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(budget)
            .bind::<Nullable<Int4>, _>(version)
            .bind::<SqlDate, _>(from)
            .bind::<SqlDate, _>(to)
            .bind::<Nullable<SqlUuid>, _>(only),
        )
        .await?;
    let mut found: Vec<Line> = Vec::new();
    for row in rows {
        let became = if row.kind.grows_by_debit() { row.became } else { neg(row.became)? };
        let month = Month { month: row.month, meant: row.meant, became, promised: row.promised };
        match found.last_mut() {
            Some(line) if (line.account, line.value) == (row.account_id, row.value_id) => line.months.push(month),
            _ => found.push(Line { account: row.account_id, code: row.code, value: row.value_id, months: vec![month] }),
        }
    }
    Ok(found)
}

/// What months come to: meant, booked, promised.
pub fn total(months: &[Month]) -> Result<(Decimal, Decimal, Decimal), MoneyError> {
    months.iter().try_fold((Decimal::ZERO, Decimal::ZERO, Decimal::ZERO), |(meant, became, promised), one| {
        Ok((add(meant, one.meant)?, add(became, one.became)?, add(promised, one.promised)?))
    })
}

/// A month of a row.
#[derive(SimpleObject, Clone, Debug)]
pub struct BudgetReportMonth {
    /// Its first day.
    pub month: Date,
    /// What was meant.
    pub budget: Money,
    /// What was booked.
    pub actual: Money,
    /// What is promised by requests and orders, and not released.
    pub committed: Money,
}

/// An account of a budget, or a value of a dimension on it. Positive: what the account grows by.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct BudgetReportRow {
    #[graphql(skip)]
    account_id: AccountId,
    #[graphql(skip)]
    value_id: Option<DimensionValueId>,
    /// What was meant.
    pub budget: Money,
    /// What was booked.
    pub actual: Money,
    /// What is promised by requests and orders, and not released.
    pub committed: Money,
    /// What was meant, less what was booked and is promised; negative if that is more.
    pub available: Money,
    /// What was booked less what was meant.
    pub variance: Money,
    /// The variance in percent of what was meant, with its sign, to two decimals; null where nothing was meant.
    pub variance_percent: Option<Dec>,
    /// What was booked in the months that are over, and what was meant for the others.
    pub forecast: Money,
    /// Its months, those left out in which nothing was meant, booked or promised.
    pub months: Vec<BudgetReportMonth>,
}

#[ComplexObject]
impl BudgetReportRow {
    /// The account. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The value of a dimension; null for the whole account. Right: `finance.account.read`.
    async fn dimension_value(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DimensionValue>> {
        match self.value_id {
            Some(value) => Ok(ctx.load::<DimensionValue>(value).await?),
            None => Ok(None),
        }
    }
}

/// A budget and what has become of it.
#[derive(SimpleObject, Clone, Debug)]
pub struct BudgetReport {
    /// The budget.
    pub budget: Budget,
    /// The first day of the first month.
    #[graphql(name = "from")]
    pub from_on: Date,
    /// The last day of the last month.
    #[graphql(name = "to")]
    pub to_on: Date,
    /// The last day of what is over: the forecast takes what was booked up to it, and what was meant behind it.
    pub actual_through: Date,
    /// Its accounts by number, each followed by its values.
    pub rows: Vec<BudgetReportRow>,
}

/// The months of a report.
struct Asked {
    from: NaiveDate,
    to: NaiveDate,
    through: NaiveDate,
}

fn row(line: &Line, asked: &Asked, currency: &str) -> Result<BudgetReportRow> {
    let money = |amount| Money::new(Dec(amount), currency);
    let (meant, became, promised) = total(&line.months)?;
    let mut forecast = Decimal::ZERO;
    for one in &line.months {
        forecast = add(forecast, if one.month <= asked.through { one.became } else { one.meant })?;
    }
    Ok(BudgetReportRow {
        account_id: line.account,
        value_id: line.value,
        budget: money(meant),
        actual: money(became),
        committed: money(promised),
        available: money(sub(sub(meant, became)?, promised)?),
        variance: money(sub(became, meant)?),
        variance_percent: rules::percent_off(meant, became)?.map(Dec),
        forecast: money(forecast),
        months: line
            .months
            .iter()
            .map(|one| BudgetReportMonth {
                month: Date(one.month),
                budget: money(one.meant),
                actual: money(one.became),
                committed: money(one.promised),
            })
            .collect(),
    })
}

/// The last day of the month of a day.
pub fn month_end(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)?.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))
}

async fn report(tx: &Tx, budget: Budget, version: Option<i32>, asked: Asked) -> Result<BudgetReport> {
    let found = lines(tx, budget.id, version, (asked.from, asked.to), None).await?;
    let currency = tx.book_currency();
    let rows = found.iter().map(|line| row(line, &asked, currency)).collect::<Result<Vec<_>>>()?;
    let (from_on, to_on, actual_through) = (Date(asked.from), Date(asked.to), Date(asked.through));
    Ok(BudgetReport { budget, from_on, to_on, actual_through, rows })
}

/// Budgets as a report.
#[derive(Default)]
pub struct BudgetReportQuery;

#[Object]
impl BudgetReportQuery {
    /// A budget held against what was booked and is promised; null if the id is unknown. Right: `finance.report.read`.
    #[allow(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn budget_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The budget.")] budget: BudgetId,
        #[graphql(desc = "The number of a version; the last one if not said.")] version: Option<i32>,
        #[graphql(desc = "Any day of the first month; the budget's first one if not said.")] from: Option<Date>,
        #[graphql(desc = "Any day of the last month; the budget's last one if not said.")] to: Option<Date>,
        #[graphql(
            desc = "A day of the last month that is over, for the forecast; the month before today's if not said."
        )]
        actual_through: Option<Date>,
    ) -> async_graphql::Result<Option<BudgetReport>> {
        let tx = ctx.tx(Can::ReportRead).await?;
        let mut known: HashMap<BudgetId, Budget> = Budget::fetch(tx, vec![budget]).await?;
        let Some(found) = known.remove(&budget) else { return Ok(None) };
        let far = || Error::BadInput("This day lies too far away.".to_owned());
        let from = from.map_or(Some(found.starts_on.0), |day| day.0.with_day(1)).ok_or_else(far)?;
        let to = to.map_or(Some(found.ends_on.0), |day| month_end(day.0)).ok_or_else(far)?;
        let over = tx.today().with_day(1).and_then(|first| first.pred_opt());
        let through = actual_through.map_or(over, |day| month_end(day.0)).ok_or_else(far)?;
        if from > to {
            return Err(Error::BadInput("`from` lies behind the last month of the report.".to_owned()).into());
        }
        let asked = Asked { from: from.max(found.starts_on.0), to: to.min(found.ends_on.0), through };
        Ok(Some(report(tx, found, version, asked).await?))
    }
}
