//! The levels of a client's reminders: after how many days, at which fee and interest.

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use backoffice_money::{Decimal, check_scale};
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int4, Numeric, Uuid as SqlUuid};

use crate::finance::ledger::lock;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::{at, currency, decimals};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{dunning_level, ledger};

/// The most levels.
const MOST: usize = 9;

/// A level of reminders.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = dunning_level)]
#[graphql(complex)]
pub struct DunningLevel {
    /// Its number, from 1.
    pub level: i32,
    /// How many days after an item was due it comes at the earliest.
    pub days_overdue: i32,
    #[graphql(skip)]
    pub(crate) fee: Dec,
    /// Interest in percent a year on what is overdue: simple, by days/365.
    pub interest_percent: Dec,
    /// Whether fee and interest are booked when a reminder is sent; else they are only asked for.
    pub book_charges: bool,
}

#[ComplexObject]
impl DunningLevel {
    /// What a reminder costs, in the books' currency. A reminder in another currency has no fee.
    async fn fee(&self, ctx: &Context<'_>) -> async_graphql::Result<Money> {
        Ok(Money::new(self.fee, ctx.tx(Can::DunningRead).await?.book_currency()))
    }
}

/// A level of reminders: its number is its place in the list.
#[derive(InputObject, Clone, Debug)]
pub struct DunningLevelInput {
    /// How many days after an item was due it comes at the earliest, 1 to 999: more than for the level before it.
    pub days_overdue: i32,
    /// What a reminder costs, in the books' currency; nothing if not said.
    pub fee: Option<Dec>,
    /// Interest in percent a year, 0 to 100, at most 4 decimals; none if not said.
    pub interest_percent: Option<Dec>,
    /// Whether fee and interest are booked when a reminder is sent, on accounts with the roles `DUNNING_FEE` and
    /// `DUNNING_INTEREST`; they are not if not said.
    pub book_charges: Option<bool>,
}

/// All levels of reminders.
#[derive(InputObject, Clone, Debug)]
pub struct DunningLevelsSetInput {
    /// The levels in their order, at most 9; with none nobody is reminded. What was sent stays as it was.
    pub levels: Vec<DunningLevelInput>,
}

crate::platform::payload! {
    /// What became of the levels of reminders.
    DunningLevelsPayload {
        /// The levels as they are now.
        levels: Vec<DunningLevel>
    }
}

/// The levels, in their order.
pub(super) async fn all(tx: &Tx) -> Result<Vec<DunningLevel>> {
    tx.rows(
        dunning_level::table
            .filter(dunning_level::tenant_id.eq(tx.tenant()?))
            .order(dunning_level::level.asc())
            .select(DunningLevel::as_select()),
    )
    .await
}

fn checked(tx: &Tx, given: &[DunningLevelInput]) -> Result<Vec<DunningLevel>> {
    let refuse = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    if given.len() > MOST {
        return refuse("levels", "There are at most 9 levels.");
    }
    let book = currency(tx.book_currency())?;
    let mut levels: Vec<DunningLevel> = Vec::with_capacity(given.len());
    for (index, one) in given.iter().enumerate() {
        let days = format!("levels.{index}.daysOverdue");
        if !(1..=999).contains(&one.days_overdue) {
            return refuse(&days, "A level comes 1 to 999 days after an item was due.");
        }
        if levels.last().is_some_and(|before| one.days_overdue <= before.days_overdue) {
            return refuse(&days, "A level comes later than the one before it.");
        }
        let (fee, percent) = (one.fee.unwrap_or_default(), one.interest_percent.unwrap_or_default());
        let field = format!("levels.{index}.fee");
        check_scale(fee.0, book.exponent()).map_err(|error| at(&field, error))?;
        if fee.0 < Decimal::ZERO {
            return refuse(&field, "A fee is nothing or more.");
        }
        let field = format!("levels.{index}.interestPercent");
        decimals(&field, percent.0, 4)?;
        if percent.0 < Decimal::ZERO || percent.0 > Decimal::ONE_HUNDRED {
            return refuse(&field, "Interest is 0 to 100 percent a year.");
        }
        levels.push(DunningLevel {
            level: i32::try_from(index).unwrap_or(i32::MAX).saturating_add(1),
            days_overdue: one.days_overdue,
            fee,
            interest_percent: percent,
            book_charges: one.book_charges.unwrap_or_default(),
        });
    }
    Ok(levels)
}

async fn set(tx: &Tx, input: DunningLevelsSetInput) -> Result<Vec<DunningLevel>> {
    let levels = checked(tx, &input.levels)?;
    // runs see the old ones or the new ones
    lock::general_for_update(tx).await?;
    tx.exec(diesel::delete(dunning_level::table).filter(dunning_level::tenant_id.eq(tx.tenant()?))).await?;
    tx.exec(
        sql("INSERT INTO finance.dunning_level (tenant_id, id, level, days_overdue, fee, interest_percent, book_charges)
             SELECT $1, n.id, n.level, n.days_overdue, n.fee, n.interest_percent, n.book_charges
               FROM unnest($2::uuid[], $3::int[], $4::int[], $5::numeric[], $6::numeric[], $7::boolean[])
                 AS n (id, level, days_overdue, fee, interest_percent, book_charges)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(levels.iter().map(|_| new_uuid()).collect::<Vec<_>>())
            .bind::<Array<Int4>, _>(levels.iter().map(|one| one.level).collect::<Vec<_>>())
            .bind::<Array<Int4>, _>(levels.iter().map(|one| one.days_overdue).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(levels.iter().map(|one| one.fee.0).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(levels.iter().map(|one| one.interest_percent.0).collect::<Vec<_>>())
            .bind::<Array<Bool>, _>(levels.iter().map(|one| one.book_charges).collect::<Vec<_>>()),
    )
    .await?;
    let books: uuid::Uuid =
        tx.row(ledger::table.filter(ledger::tenant_id.eq(tx.tenant()?)).select(ledger::id).limit(1)).await?;
    emit(tx, EventKind::DunningLevelsSet, books);
    Ok(levels)
}

/// Queries about levels of reminders.
#[derive(Default)]
pub struct DunningLevelQuery;

#[Object]
impl DunningLevelQuery {
    /// The levels of reminders, in their order. Right: `finance.dunning.read`.
    async fn dunning_levels(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DunningLevel>> {
        Ok(all(ctx.tx(Can::DunningRead).await?).await?)
    }
}

/// Changes of levels of reminders.
#[derive(Default)]
pub struct DunningLevelMutation;

#[Object]
impl DunningLevelMutation {
    /// Sets all levels of reminders. Right: `finance.dunning.manage`.
    async fn dunning_levels_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The levels in their order.")] input: DunningLevelsSetInput,
    ) -> async_graphql::Result<Option<DunningLevelsPayload>> {
        DunningLevelsPayload::settle(ctx, set(ctx.tx(Can::DunningManage).await?, input).await)
    }
}
