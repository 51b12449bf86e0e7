//! What is promised already: requests and orders count against budgets before anything is booked. Other departments record
//! theirs with [`record`] and release them with [`release`] when a bill takes their place.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Currency, Decimal, add, sub};
use chrono::Datelike;
use diesel::prelude::*;

use super::plan::{Budget, BudgetControl, BudgetMeasure};
use super::report::{lines, month_end, total};
use crate::finance::chart;
use crate::finance::ids::{AccountId, CommitmentId, DimensionValueId};
use crate::finance::ledger::account::{self, Account};
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{decimals, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::{budget, commitment};

crate::platform::words! {
    /// What promises something.
    CommitmentKind {
        /// Somebody has asked for it.
        Request = "request",
        /// It is ordered.
        PurchaseOrder = "purchase_order",
    }
}

/// Something that is promised and not booked yet.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = commitment)]
#[graphql(complex)]
pub struct Commitment {
    /// Global id.
    pub id: CommitmentId,
    /// What promises it.
    pub kind: CommitmentKind,
    /// The number of the request or order.
    pub reference: String,
    #[graphql(skip)]
    account_id: AccountId,
    #[graphql(skip)]
    value_id: Option<DimensionValueId>,
    /// The day that it counts for.
    #[diesel(column_name = on_date)]
    #[graphql(name = "date")]
    pub on_date: Date,
    #[graphql(skip)]
    amount: Dec,
    #[graphql(skip)]
    released: Dec,
    /// What it exceeded when it was recorded, a sentence for each budget that only warns.
    pub warnings: Vec<String>,
    /// When it was recorded.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl Commitment {
    /// The account. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.account_id).await?)
    }

    /// The value of a dimension that it stands on. Right: `finance.account.read`.
    async fn dimension_value(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DimensionValue>> {
        match self.value_id {
            Some(value) => Ok(ctx.load::<DimensionValue>(value).await?),
            None => Ok(None),
        }
    }

    /// How much was promised.
    async fn amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount, ctx.tx(Can::ReportRead).await?.book_currency()))
    }

    /// How much of it was booked or given up, and counts no more.
    async fn released(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.released, ctx.tx(Can::ReportRead).await?.book_currency()))
    }
}

crate::platform::connection!(
    /// A page of commitments.
    CommitmentConnection, CommitmentEdge, Commitment
);

impl Fetch for Commitment {
    type Key = CommitmentId;
    type Value = Self;
    const CAN: Can = Can::ReportRead;

    async fn fetch(tx: &Tx, keys: Vec<CommitmentId>) -> Result<HashMap<CommitmentId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                commitment::table
                    .filter(commitment::tenant_id.eq(tx.tenant()?))
                    .filter(commitment::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Something that is promised.
#[derive(InputObject, Clone, Debug)]
pub struct CommitmentRecordInput {
    /// What promises it.
    pub kind: CommitmentKind,
    /// The number of the request or order, 1 to 60 characters; with kind, account and value unique.
    pub reference: String,
    /// The account that it will be booked on: a leaf of expenses or assets.
    pub account: AccountId,
    /// The value of a dimension that it will stand on; none if not said.
    pub dimension_value: Option<DimensionValueId>,
    /// The day that it counts for.
    pub date: Date,
    /// How much, in the books' currency: more than zero.
    pub amount: Dec,
}

/// What counts no more.
#[derive(InputObject, Clone, Debug)]
pub struct CommitmentReleaseInput {
    /// The commitment.
    pub id: CommitmentId,
    /// How much of it was booked or is given up, in the books' currency; all that is left if not said.
    pub amount: Option<Dec>,
}

crate::platform::payload! {
    /// What became of a commitment.
    CommitmentPayload {
        /// The commitment as it is now.
        commitment: Commitment
    }
}

/// What an amount would exceed: refused by budgets that stop, told by those that warn.
async fn exceeded(
    tx: &Tx,
    account: &Account,
    value: Option<DimensionValueId>,
    on: Date,
    amount: Decimal,
    currency: Currency,
) -> Result<Vec<String>> {
    // Locked, so that two who commit at once are added up.
    let budgets: Vec<Budget> = tx
        .rows(
            budget::table
                .filter(budget::tenant_id.eq(tx.tenant()?))
                .filter(budget::starts_on.le(on))
                .filter(budget::ends_on.ge(on))
                .filter(budget::control.ne(BudgetControl::None))
                .order(budget::id)
                .select(Budget::as_select())
                .for_update(),
        )
        .await?;
    let far = || Error::refuse(UserErrorCode::Invalid, "date", "This day lies too far away.");
    let (first, last) = (on.0.with_day(1).ok_or_else(far)?, month_end(on.0).ok_or_else(far)?);
    let mut warnings = Vec::new();
    for budget in budgets {
        let span = match budget.measure {
            BudgetMeasure::Month => (first, last),
            BudgetMeasure::ToDate => (budget.starts_on.0, last),
            BudgetMeasure::Whole => (budget.starts_on.0, budget.ends_on.0),
        };
        for line in lines(tx, budget.id, None, span, Some(account.id)).await? {
            if line.value.is_some() && line.value != value {
                continue;
            }
            let (meant, became, promised) = total(&line.months)?;
            let available = sub(sub(meant, became)?, promised)?;
            if amount <= available {
                continue;
            }
            let message = format!(
                "Budget {}, account {}: of {meant} {currency} meant from {} to {}, {became} are booked and {promised} promised; {} are left.",
                budget.name,
                line.code,
                span.0,
                span.1,
                currency.shown(available),
                meant = currency.shown(meant),
                became = currency.shown(became),
                promised = currency.shown(promised),
            );
            if budget.control == BudgetControl::Stop {
                return Err(Error::refuse(UserErrorCode::State, "amount", message));
            }
            warnings.push(message);
        }
    }
    Ok(warnings)
}

/// Records what is promised, unless a budget stops it. Fields of refusals are those of [`CommitmentRecordInput`].
pub async fn record(tx: &Tx, input: CommitmentRecordInput) -> Result<Commitment> {
    sized("reference", &input.reference, 1..=60)?;
    let currency = Currency::parse(tx.book_currency())?;
    let amount = decimals("amount", input.amount.0, currency.exponent())?;
    if amount <= Decimal::ZERO {
        return Err(Error::refuse(UserErrorCode::Invalid, "amount", "What is promised is more than zero."));
    }
    let account = account::find(tx, input.account).await?.ok_or_else(|| Error::not_found("account", "account"))?;
    chart::check_posting(&account, "account", currency)?;
    if !account.kind.grows_by_debit() {
        let message = "What is promised is spent: on an account of expenses or assets.";
        return Err(Error::refuse(UserErrorCode::Invalid, "account", message));
    }
    if let Some(value) = input.dimension_value
        && !DimensionValue::fetch(tx, vec![value]).await?.contains_key(&value)
    {
        return Err(Error::not_found("dimensionValue", "dimension value"));
    }
    let warnings = exceeded(tx, &account, input.dimension_value, input.date, amount, currency).await?;
    tx.row(
        diesel::insert_into(commitment::table)
            .values((
                commitment::tenant_id.eq(tx.tenant()?),
                commitment::id.eq(CommitmentId::new()),
                commitment::kind.eq(input.kind),
                commitment::reference.eq(input.reference),
                commitment::account_id.eq(account.id),
                commitment::value_id.eq(input.dimension_value),
                commitment::on_date.eq(input.date),
                commitment::amount.eq(Dec(amount)),
                commitment::warnings.eq(warnings),
            ))
            .returning(Commitment::as_returning()),
    )
    .await
    .inspect(|made: &Commitment| emit(tx, EventKind::CommitmentRecorded, made.id.0))
}

/// Releases what was booked or is given up of a commitment, or all that is left of it.
pub async fn release(tx: &Tx, input: CommitmentReleaseInput) -> Result<Commitment> {
    let found: Option<Commitment> = tx
        .maybe(
            commitment::table
                .filter(commitment::tenant_id.eq(tx.tenant()?))
                .filter(commitment::id.eq(input.id))
                .select(Commitment::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "commitment"))?;
    let left = sub(found.amount.0, found.released.0)?;
    if left.is_zero() {
        return Err(Error::refuse(UserErrorCode::State, "id", "Nothing is left of this commitment."));
    }
    let currency = Currency::parse(tx.book_currency())?;
    let amount = input.amount.map_or(Ok(left), |amount| decimals("amount", amount.0, currency.exponent()))?;
    if amount <= Decimal::ZERO || amount > left {
        let message = format!("What is released is more than zero and at most {}.", currency.shown(left));
        return Err(Error::refuse(UserErrorCode::Invalid, "amount", message));
    }
    let released = add(found.released.0, amount)?;
    tx.row(
        diesel::update(commitment::table)
            .filter(commitment::tenant_id.eq(tx.tenant()?))
            .filter(commitment::id.eq(found.id))
            .set(commitment::released.eq(Dec(released)))
            .returning(Commitment::as_returning()),
    )
    .await
    .inspect(|made: &Commitment| emit(tx, EventKind::CommitmentReleased, made.id.0))
}

/// Queries about commitments.
#[derive(Default)]
pub struct CommitmentQuery;

#[Object]
impl CommitmentQuery {
    /// What is promised and what was, the newest first. Right: `finance.report.read`.
    async fn commitments(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<CommitmentConnection> {
        let tx = ctx.tx(Can::ReportRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> { Ok(commitment::table.filter(commitment::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(commitment::id.lt(*id));
        }
        let page = page.order(commitment::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(Commitment::as_select())).await?;
        Ok(CommitmentConnection::new(ctx, &slice, rows, |row: &Commitment| encode("", row.id.0), total))
    }
}

/// Changes of commitments.
#[derive(Default)]
pub struct CommitmentMutation;

#[Object]
impl CommitmentMutation {
    /// Records what a request or an order promises. Above a budget it is refused or warned of, as the budget says. Right:
    /// `finance.journal.post`.
    async fn commitment_record(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is promised.")] input: CommitmentRecordInput,
    ) -> async_graphql::Result<Option<CommitmentPayload>> {
        CommitmentPayload::settle(ctx, record(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Releases what was booked of a commitment or is given up: it counts against no budget any more. Right:
    /// `finance.journal.post`.
    async fn commitment_release(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The commitment, and how much of it.")] input: CommitmentReleaseInput,
    ) -> async_graphql::Result<Option<CommitmentPayload>> {
        CommitmentPayload::settle(ctx, release(ctx.tx(Can::JournalPost).await?, input).await)
    }
}
