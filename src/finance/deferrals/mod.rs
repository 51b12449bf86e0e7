//! Deferrals and accruals: an amount spread over the time that it belongs to, by day or by month. Each month's slice is posted
//! once, on its last day, and on the first open day after it where that is locked by then.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MergedObject, Object, SimpleObject};
use backoffice_money::{Currency, Decimal};
use chrono::{Months, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Int4, Nullable, Numeric, Uuid as SqlUuid};

use crate::finance::chart;
use crate::finance::ids::{AccountId, DeferralId, DimensionValueId, JournalEntryId};
use crate::finance::ledger::account::{self, Account, Control};
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::finance::ledger::dimension::{Labels, labels};
use crate::finance::ledger::journal::JournalEntry;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{at, sized};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::deferral;

pub mod post;
pub mod slices;

use slices::{DeferralMethod, slices};

/// The longest time: ten years.
const MOST_MONTHS: u32 = 120;

/// The queries about deferrals.
#[derive(MergedObject, Default)]
pub struct DeferralsQuery(DeferralQuery);

/// The changes of deferrals.
#[derive(MergedObject, Default)]
pub struct DeferralsMutation(DeferralMutation, post::DeferralPostMutation);

/// An amount that is spread over a time: a cost paid beforehand, income that is not earned yet, a cost that is not billed yet.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = deferral)]
#[graphql(complex)]
pub struct Deferral {
    /// Global id.
    pub id: DeferralId,
    /// What it is.
    pub description: String,
    #[graphql(skip)]
    debit_account_id: AccountId,
    #[graphql(skip)]
    credit_account_id: AccountId,
    #[graphql(skip)]
    amount: Dec,
    /// The first day that it belongs to.
    pub starts_on: Date,
    /// The last day that it belongs to.
    pub ends_on: Date,
    /// How it is spread.
    pub method: DeferralMethod,
    #[graphql(skip)]
    dimensions: serde_json::Value,
    /// When it was stopped: slices that were not posted by then never are. Null while it runs.
    pub stopped_at: Option<DateTime>,
    /// When it was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

/// A month's part of what is spread.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct DeferralSlice {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    deferral_id: DeferralId,
    /// Its place, from 1.
    #[diesel(sql_type = Int4)]
    pub number: i32,
    /// Its first day.
    #[diesel(sql_type = SqlDate)]
    #[graphql(name = "from")]
    pub from_on: Date,
    /// Its last day: when it is posted.
    #[diesel(sql_type = SqlDate)]
    #[graphql(name = "to")]
    pub to_on: Date,
    #[diesel(sql_type = Numeric)]
    #[graphql(skip)]
    amount: Dec,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    #[graphql(skip)]
    entry_id: Option<JournalEntryId>,
    /// Whether it waits to be posted.
    #[diesel(sql_type = Bool)]
    pub due: bool,
}

#[ComplexObject]
impl Deferral {
    /// The account that each slice debits. Right: `finance.account.read`.
    async fn debit_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.debit_account_id).await?)
    }

    /// The account that each slice credits. Right: `finance.account.read`.
    async fn credit_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        Ok(ctx.load::<Account>(self.credit_account_id).await?)
    }

    /// What is spread, in the books' currency.
    async fn amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// The values of dimensions that lines on income and expense stand on. Right: `finance.account.read`.
    async fn dimensions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DimensionValue>> {
        let mut found = Vec::new();
        for value in Labels::from_json(&self.dimensions)?.values() {
            found.extend(ctx.load::<DimensionValue>(value).await?);
        }
        Ok(found)
    }

    /// Its slices, month by month: together they are the amount.
    async fn slices(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DeferralSlice>> {
        Ok(ctx.load::<SlicesOf>(self.id).await?.unwrap_or_default())
    }
}

#[ComplexObject]
impl DeferralSlice {
    /// What belongs to it, in the books' currency.
    async fn amount(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.amount, ctx.tx(Can::JournalRead).await?.book_currency()))
    }

    /// The entry that it was posted with; null until then, and for one that is worth nothing.
    async fn entry(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<JournalEntry>> {
        match self.entry_id {
            Some(entry) => Ok(ctx.load::<JournalEntry>(entry).await?),
            None => Ok(None),
        }
    }
}

crate::platform::connection!(
    /// A page of deferrals.
    DeferralConnection, DeferralEdge, Deferral
);

impl Fetch for Deferral {
    type Key = DeferralId;
    type Value = Self;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<DeferralId>) -> Result<HashMap<DeferralId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                deferral::table
                    .filter(deferral::tenant_id.eq(tx.tenant()?))
                    .filter(deferral::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The slices of deferrals, in their order.
pub struct SlicesOf;

impl Fetch for SlicesOf {
    type Key = DeferralId;
    type Value = Vec<DeferralSlice>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<DeferralId>) -> Result<HashMap<DeferralId, Vec<DeferralSlice>>> {
        let rows: Vec<DeferralSlice> = tx
            .rows(
                sql("SELECT s.deferral_id, s.number, s.from_on, s.to_on, s.amount, s.entry_id, s.due FROM finance.deferral_slice s
                      WHERE s.tenant_id = $1 AND s.deferral_id = ANY ($2) ORDER BY s.deferral_id, s.number")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<DeferralId, Vec<DeferralSlice>> = HashMap::new();
        for row in rows {
            found.entry(row.deferral_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// An amount to be spread.
#[derive(InputObject, Clone, Debug)]
pub struct DeferralCreateInput {
    /// What it is, 1 to 400 characters.
    pub description: String,
    /// The account that each slice debits: the cost, or what was received beforehand.
    pub debit_account: AccountId,
    /// The account that each slice credits: what was paid beforehand, the income, or what is owed without a bill.
    pub credit_account: AccountId,
    /// What is spread, in the books' currency: more than zero.
    pub amount: Dec,
    /// The first day that it belongs to.
    pub starts_on: Date,
    /// The last day that it belongs to, at most 120 months on.
    pub ends_on: Date,
    /// How it is spread.
    pub method: DeferralMethod,
    /// The values of dimensions that lines on income and expense stand on, at most one of each dimension; none if not said.
    pub dimensions: Option<Vec<DimensionValueId>>,
}

/// What is not spread any further.
#[derive(InputObject, Clone, Debug)]
pub struct DeferralStopInput {
    /// The deferral.
    pub id: DeferralId,
    /// Why, 3 to 500 characters.
    pub reason: String,
}

crate::platform::payload! {
    /// What became of a deferral.
    DeferralPayload {
        /// The deferral as it is now.
        deferral: Deferral
    }
}

fn check_time(starts_on: NaiveDate, ends_on: NaiveDate) -> Result<()> {
    let last = starts_on.checked_add_months(Months::new(MOST_MONTHS));
    if ends_on < starts_on || last.is_none_or(|last| ends_on >= last) {
        let message = format!("The last day does not lie before the first one, and less than {MOST_MONTHS} months on.");
        return Err(Error::refuse(UserErrorCode::Invalid, "endsOn", message));
    }
    Ok(())
}

async fn create(tx: &Tx, input: DeferralCreateInput) -> Result<Deferral> {
    sized("description", &input.description, 1..=400)?;
    let (starts_on, ends_on) = (input.starts_on.0, input.ends_on.0);
    check_time(starts_on, ends_on)?;
    let book = Currency::parse(tx.book_currency())?;
    if input.amount.0 <= Decimal::ZERO {
        return Err(Error::refuse(UserErrorCode::Invalid, "amount", "What is spread is more than zero."));
    }
    if input.debit_account == input.credit_account {
        let message = "A slice debits one account and credits another one.";
        return Err(Error::refuse(UserErrorCode::Invalid, "creditAccount", message));
    }
    let accounts = account::by_id(tx, &[input.debit_account, input.credit_account]).await?;
    for (field, id) in [("debitAccount", input.debit_account), ("creditAccount", input.credit_account)] {
        let found = accounts.get(&id).ok_or_else(|| Error::not_found(field, "account"))?;
        chart::check_posting(found, field, book)?;
        chart::check_no_control(found, field, &[Control::Receivable, Control::Payable, Control::Bank])?;
    }
    let wanted = vec![("dimensions".to_owned(), input.dimensions.unwrap_or_default())];
    let labels = labels::resolve(tx, &wanted, starts_on).await?.remove(0);
    let made = slices(input.amount.0, starts_on, ends_on, input.method, book.exponent())
        .map_err(|error| at("amount", error))?;
    let id = DeferralId::new();
    let tenant = tx.tenant()?;
    let row: Deferral = tx
        .row(
            diesel::insert_into(deferral::table)
                .values((
                    deferral::tenant_id.eq(tenant),
                    deferral::id.eq(id),
                    deferral::description.eq(input.description),
                    deferral::debit_account_id.eq(input.debit_account),
                    deferral::credit_account_id.eq(input.credit_account),
                    deferral::amount.eq(input.amount),
                    deferral::starts_on.eq(input.starts_on),
                    deferral::ends_on.eq(input.ends_on),
                    deferral::method.eq(input.method),
                    deferral::dimensions.eq(labels.to_json()),
                ))
                .returning(Deferral::as_returning()),
        )
        .await?;
    tx.exec(
        sql("INSERT INTO finance.deferral_slice (tenant_id, id, deferral_id, number, from_on, to_on, amount, due)
             SELECT $1, n.id, $2, n.number, n.from_on, n.to_on, n.amount, n.amount > 0
               FROM unnest($3::uuid[], $4::date[], $5::date[], $6::numeric[]) WITH ORDINALITY AS n (id, from_on, to_on, amount, number)")
            .bind::<SqlUuid, _>(tenant)
            .bind::<SqlUuid, _>(id)
            .bind::<Array<SqlUuid>, _>(made.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(made.iter().map(|slice| slice.from).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(made.iter().map(|slice| slice.to).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(made.iter().map(|slice| slice.amount).collect::<Vec<_>>()),
    )
    .await?;
    emit(tx, EventKind::DeferralCreated, id.0);
    Ok(row)
}

async fn stop(tx: &Tx, input: DeferralStopInput) -> Result<Deferral> {
    sized("reason", &input.reason, 3..=500)?;
    let found: Option<Deferral> = tx
        .maybe(
            deferral::table
                .filter(deferral::tenant_id.eq(tx.tenant()?))
                .filter(deferral::id.eq(input.id))
                .select(Deferral::as_select())
                .for_update(),
        )
        .await?;
    let found = found.ok_or_else(|| Error::not_found("id", "deferral"))?;
    if found.stopped_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This deferral is stopped already."));
    }
    tx.exec(
        sql("UPDATE finance.deferral_slice s SET due = false WHERE s.tenant_id = $1 AND s.deferral_id = $2 AND s.due")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(found.id),
    )
    .await?;
    tx.row(
        diesel::update(deferral::table)
            .filter(deferral::tenant_id.eq(tx.tenant()?))
            .filter(deferral::id.eq(found.id))
            .set((deferral::stopped_at.eq(Some(DateTime(tx.now()))), deferral::stopped_reason.eq(Some(input.reason))))
            .returning(Deferral::as_returning()),
    )
    .await
    .inspect(|stopped: &Deferral| emit(tx, EventKind::DeferralStopped, stopped.id.0))
}

/// Queries about deferrals.
#[derive(Default)]
pub struct DeferralQuery;

#[Object]
impl DeferralQuery {
    /// One deferral; null if the id is unknown. Right: `finance.journal.read`.
    async fn deferral(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The deferral's id.")] id: DeferralId,
    ) -> async_graphql::Result<Option<Deferral>> {
        Ok(ctx.load::<Deferral>(id).await?)
    }

    /// The deferrals, also those that are over, the newest first. Right: `finance.journal.read`.
    async fn deferrals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<DeferralConnection> {
        let tx = ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all = || -> Result<_> { Ok(deferral::table.filter(deferral::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(deferral::id.lt(*id));
        }
        let page = page.order(deferral::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(Deferral::as_select())).await?;
        Ok(DeferralConnection::new(ctx, &slice, rows, |row: &Deferral| encode("", row.id.0), total))
    }
}

/// Changes of deferrals.
#[derive(Default)]
pub struct DeferralMutation;

#[Object]
impl DeferralMutation {
    /// Spreads an amount over a time. Nothing is posted yet: see `deferralsPost`. Right: `finance.journal.post`.
    async fn deferral_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is spread.")] input: DeferralCreateInput,
    ) -> async_graphql::Result<Option<DeferralPayload>> {
        DeferralPayload::settle(ctx, create(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Stops a deferral: what is posted stays, the rest never is. Right: `finance.journal.post`.
    async fn deferral_stop(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The deferral and why.")] input: DeferralStopInput,
    ) -> async_graphql::Result<Option<DeferralPayload>> {
        DeferralPayload::settle(ctx, stop(ctx.tx(Can::JournalPost).await?, input).await)
    }
}
