//! A budget and its versions: the last one holds, the ones before stay as they were.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Currency, Decimal};
use chrono::{Months, NaiveDate};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};

use super::rules;
use crate::finance::chart;
use crate::finance::ids::{AccountId, BudgetId, DimensionValueId};
use crate::finance::ledger::account;
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{at, decimals, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::budget;

/// The longest budget.
const MOST_MONTHS: i32 = 60;
/// The most lines of a version.
const MOST_LINES: usize = 1000;

crate::platform::words! {
    /// What becomes of a commitment above a budget.
    BudgetControl {
        /// Nothing: the budget only compares.
        None = "none",
        /// It is recorded, with a warning on it.
        Warn = "warn",
        /// It is refused.
        Stop = "stop",
    }
}

crate::platform::words! {
    /// Which months of a budget a commitment is held against.
    BudgetMeasure {
        /// The month of its day.
        Month = "month",
        /// All months up to that one.
        ToDate = "to_date",
        /// All months.
        Whole = "whole",
    }
}

/// What is meant to be earned and spent.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = budget)]
#[graphql(complex)]
pub struct Budget {
    /// Global id.
    pub id: BudgetId,
    /// Its name, unique.
    pub name: String,
    /// The first day of its first month.
    pub starts_on: Date,
    /// The last day of its last month.
    pub ends_on: Date,
    /// What becomes of a commitment above it.
    pub control: BudgetControl,
    /// Which of its months a commitment is held against.
    pub measure: BudgetMeasure,
    /// When it was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// A version of a budget: the one with the highest number holds.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct BudgetVersion {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    budget_id: BudgetId,
    /// Its number, from 1.
    #[diesel(sql_type = Int4)]
    pub number: i32,
    /// Why it was made.
    #[diesel(sql_type = Text)]
    pub reason: String,
    /// Who made it.
    #[diesel(sql_type = Text)]
    pub made_by_name: String,
    /// When.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
}

#[ComplexObject]
impl Budget {
    /// Its versions, the first one first. What they say: see `budgetReport`.
    async fn versions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<BudgetVersion>> {
        Ok(ctx.load::<VersionsOf>(self.id).await?.unwrap_or_default())
    }
}

crate::platform::connection!(
    /// A page of budgets.
    BudgetConnection, BudgetEdge, Budget
);

impl Fetch for Budget {
    type Key = BudgetId;
    type Value = Self;
    const CAN: Can = Can::ReportRead;

    async fn fetch(tx: &Tx, keys: Vec<BudgetId>) -> Result<HashMap<BudgetId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                budget::table
                    .filter(budget::tenant_id.eq(tx.tenant()?))
                    .filter(budget::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The versions of budgets, the first one first.
pub struct VersionsOf;

impl Fetch for VersionsOf {
    type Key = BudgetId;
    type Value = Vec<BudgetVersion>;
    const CAN: Can = Can::ReportRead;

    async fn fetch(tx: &Tx, keys: Vec<BudgetId>) -> Result<HashMap<BudgetId, Vec<BudgetVersion>>> {
        let rows: Vec<BudgetVersion> = tx
            .rows(
                sql(
                    "SELECT v.budget_id, v.number, v.reason, v.made_by_name, v.created_at FROM finance.budget_version v
                      WHERE v.tenant_id = $1 AND v.budget_id = ANY ($2) ORDER BY v.budget_id, v.number",
                )
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<BudgetId, Vec<BudgetVersion>> = HashMap::new();
        for row in rows {
            found.entry(row.budget_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// A new budget, without any amounts yet.
#[derive(InputObject, Clone, Debug)]
pub struct BudgetCreateInput {
    /// Its name, 1 to 100 characters, unique.
    pub name: String,
    /// Any day of its first month.
    pub starts_on: Date,
    /// How many months it has, 1 to 60; twelve if not said.
    pub months: Option<i32>,
    /// What becomes of a commitment above it.
    pub control: BudgetControl,
    /// Which of its months a commitment is held against; all of them if not said.
    pub measure: Option<BudgetMeasure>,
}

/// What is meant for an account, or for a value of a dimension on it.
#[derive(InputObject, Clone, Debug)]
pub struct BudgetLineInput {
    /// The account: a leaf.
    pub account: AccountId,
    /// A value of a dimension; the whole account if not said.
    pub dimension_value: Option<DimensionValueId>,
    /// For all months of the budget together, in the books' currency: positive for what the account grows by, spending for
    /// expenses and earning for income.
    pub amount: Dec,
    /// How it is spread over the months: a weight for each, in their order, zero or more. Evenly if not said; every cent is
    /// kept.
    pub weights: Option<Vec<Dec>>,
}

/// A version of a budget that holds from now on.
#[derive(InputObject, Clone, Debug)]
pub struct BudgetVersionPublishInput {
    /// The budget.
    pub budget: BudgetId,
    /// Why, 3 to 500 characters.
    pub reason: String,
    /// All its lines, 1 to 1,000, each account and value once.
    pub lines: Vec<BudgetLineInput>,
}

crate::platform::payload! {
    /// What became of a budget.
    BudgetPayload {
        /// The budget as it is now.
        budget: Budget
    }
}

async fn create(tx: &Tx, input: BudgetCreateInput) -> Result<Budget> {
    sized("name", &input.name, 1..=100)?;
    let count = input.months.unwrap_or(12);
    let months = u32::try_from(count).ok().filter(|_| (1..=MOST_MONTHS).contains(&count));
    let months =
        months.ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "months", "A budget has 1 to 60 months."))?;
    let far = || Error::refuse(UserErrorCode::Invalid, "startsOn", "This lies too far away.");
    let starts_on = chrono::Datelike::with_day(&input.starts_on.0, 1).ok_or_else(far)?;
    let ends_on = starts_on.checked_add_months(Months::new(months)).and_then(|day| day.pred_opt()).ok_or_else(far)?;
    tx.row(
        diesel::insert_into(budget::table)
            .values((
                budget::tenant_id.eq(tx.tenant()?),
                budget::id.eq(BudgetId::new()),
                budget::name.eq(input.name),
                budget::starts_on.eq(Date(starts_on)),
                budget::ends_on.eq(Date(ends_on)),
                budget::control.eq(input.control),
                budget::measure.eq(input.measure.unwrap_or(BudgetMeasure::Whole)),
            ))
            .returning(Budget::as_returning()),
    )
    .await
    .inspect(|made: &Budget| emit(tx, EventKind::BudgetCreated, made.id.0))
}

/// An amount of a version.
struct Amount {
    account: AccountId,
    value: Option<DimensionValueId>,
    month: NaiveDate,
    amount: Decimal,
}

async fn amounts(tx: &Tx, budget: &Budget, lines: Vec<BudgetLineInput>) -> Result<Vec<Amount>> {
    let book = Currency::parse(tx.book_currency())?;
    let ids: Vec<AccountId> = lines.iter().map(|line| line.account).collect();
    let accounts = account::by_id(tx, &ids).await?;
    let values: Vec<DimensionValueId> = lines.iter().filter_map(|line| line.dimension_value).collect();
    let values = if values.is_empty() { HashMap::new() } else { DimensionValue::fetch(tx, values).await? };
    let months = rules::months(budget.starts_on.0, budget.ends_on.0);
    let mut seen = BTreeSet::new();
    let mut made = Vec::with_capacity(lines.len().saturating_mul(months.len()));
    for (place, line) in lines.into_iter().enumerate() {
        let field = |name: &str| format!("lines.{place}.{name}");
        let account = accounts.get(&line.account).ok_or_else(|| Error::not_found(&field("account"), "account"))?;
        chart::check_posting(account, &field("account"), book)?;
        if line.dimension_value.is_some_and(|value| !values.contains_key(&value)) {
            return Err(Error::not_found(&field("dimensionValue"), "dimension value"));
        }
        if !seen.insert((line.account.0, line.dimension_value.map(|value| value.0))) {
            let message = "This account and value have a line already.";
            return Err(Error::refuse(UserErrorCode::Duplicate, &field("account"), message));
        }
        let amount = decimals(&field("amount"), line.amount.0, book.exponent())?;
        let weights: Vec<Decimal> = match line.weights {
            None => vec![Decimal::ONE; months.len()],
            Some(weights) if weights.len() == months.len() => weights.into_iter().map(|weight| weight.0).collect(),
            Some(_) => {
                let message = format!("This needs a weight for each of the {} months.", months.len());
                return Err(Error::refuse(UserErrorCode::Invalid, &field("weights"), message));
            }
        };
        let parts = rules::spread(amount, &weights, book.exponent()).map_err(|error| at(&field("weights"), error))?;
        made.extend(months.iter().zip(parts).map(|(month, amount)| Amount {
            account: line.account,
            value: line.dimension_value,
            month: *month,
            amount,
        }));
    }
    Ok(made)
}

/// A budget, while nobody else publishes a version of it.
async fn held(tx: &Tx, id: BudgetId) -> Result<Budget> {
    let found: Option<Budget> = tx
        .maybe(
            budget::table
                .filter(budget::tenant_id.eq(tx.tenant()?))
                .filter(budget::id.eq(id))
                .select(Budget::as_select())
                .for_update(),
        )
        .await?;
    found.ok_or_else(|| Error::not_found("budget", "budget"))
}

async fn publish(tx: &Tx, input: BudgetVersionPublishInput) -> Result<Budget> {
    sized("reason", &input.reason, 3..=500)?;
    if !(1..=MOST_LINES).contains(&input.lines.len()) {
        return Err(Error::refuse(UserErrorCode::Invalid, "lines", "A version has 1 to 1,000 lines."));
    }
    let found = held(tx, input.budget).await?;
    let amounts = amounts(tx, &found, input.lines).await?;
    let id = new_uuid();
    tx.exec(
        sql("INSERT INTO finance.budget_version (tenant_id, id, budget_id, number, reason, made_by_name)
             SELECT $1, $2, $3, coalesce(max(v.number), 0) + 1, $4, $5 FROM finance.budget_version v
              WHERE v.tenant_id = $1 AND v.budget_id = $3")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(id)
        .bind::<SqlUuid, _>(found.id)
        .bind::<Text, _>(input.reason)
        .bind::<Text, _>(tx.actor_name().to_owned()),
    )
    .await?;
    tx.exec(
        sql("INSERT INTO finance.budget_amount (tenant_id, id, version_id, account_id, value_id, month, amount)
             SELECT $1, n.id, $2, n.account_id, n.value_id, n.month, n.amount
               FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::date[], $7::numeric[]) AS n (id, account_id, value_id, month, amount)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(id)
            .bind::<Array<SqlUuid>, _>(amounts.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(amounts.iter().map(|one| one.account).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(amounts.iter().map(|one| one.value).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(amounts.iter().map(|one| one.month).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(amounts.iter().map(|one| one.amount).collect::<Vec<_>>()),
    )
    .await?;
    emit(tx, EventKind::BudgetVersionPublished, found.id.0);
    Ok(found)
}

/// Queries about budgets.
#[derive(Default)]
pub struct BudgetQuery;

#[Object]
impl BudgetQuery {
    /// One budget; null if the id is unknown. Right: `finance.report.read`.
    async fn budget(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The budget's id.")] id: BudgetId,
    ) -> async_graphql::Result<Option<Budget>> {
        Ok(ctx.load::<Budget>(id).await?)
    }

    /// The budgets, by name. Right: `finance.report.read`.
    async fn budgets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<BudgetConnection> {
        let tx = ctx.tx(Can::ReportRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> { Ok(budget::table.filter(budget::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((name, _)) = &slice.after {
            page = page.filter(budget::name.gt(name.clone()));
        }
        let rows = tx.rows(page.order(budget::name.asc()).limit(slice.limit()).select(Budget::as_select())).await?;
        Ok(BudgetConnection::new(ctx, &slice, rows, |row: &Budget| encode(&row.name, row.id.0), total))
    }
}

/// Changes of budgets.
#[derive(Default)]
pub struct BudgetMutation;

#[Object]
impl BudgetMutation {
    /// Makes a budget. Its amounts come with a version: see `budgetVersionPublish`. Right: `finance.account.manage`.
    async fn budget_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The budget.")] input: BudgetCreateInput,
    ) -> async_graphql::Result<Option<BudgetPayload>> {
        BudgetPayload::settle(ctx, create(ctx.tx(Can::AccountManage).await?, input).await)
    }

    /// Publishes a version of a budget, which holds from now on; those before stay as they were. Right:
    /// `finance.account.manage`.
    async fn budget_version_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The version's amounts.")] input: BudgetVersionPublishInput,
    ) -> async_graphql::Result<Option<BudgetPayload>> {
        BudgetPayload::settle(ctx, publish(ctx.tx(Can::AccountManage).await?, input).await)
    }
}
