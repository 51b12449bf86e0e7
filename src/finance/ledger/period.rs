//! Fiscal years and their periods. Years follow each other without gap or overlap; periods are the months of a year,
//! computed, and their state is read off the ledger's two locks.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Enum, InputObject, Object, SimpleObject};
use chrono::{Datelike, Days, Months, NaiveDate};
use diesel::prelude::*;
use diesel::sql_types::{Bool, Date as SqlDate, Uuid as SqlUuid};

use super::check_text;
use super::closing::{ClosingOf, FiscalYearClosing};
use super::lock::{self, Ledger};
use crate::finance::ids::FiscalYearId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::fiscal_year;

/// The longest fiscal year: a first year may be longer than twelve months.
const MAX_MONTHS: u32 = 18;

/// A fiscal year of the client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = fiscal_year)]
#[graphql(complex)]
pub struct FiscalYear {
    /// Global id.
    pub id: FiscalYearId,
    /// Its name, e.g. `2026` or `2026/27`.
    pub name: String,
    /// Its first day.
    pub starts_on: Date,
    /// Its last day.
    pub ends_on: Date,
}

/// Whether entries can be posted into a period.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodState {
    /// At least its last day takes entries.
    Open,
    /// Locked as a whole; people with an exception may post.
    SoftLocked,
    /// Locked as a whole and for good.
    HardLocked,
}

/// A month of a fiscal year, or the part of a month that belongs to it.
#[derive(SimpleObject, Clone, Debug, PartialEq, Eq)]
pub struct Period {
    /// Its name, `YYYY-MM`.
    pub name: String,
    /// Its first day.
    pub starts_on: Date,
    /// Its last day.
    pub ends_on: Date,
    /// Whether entries can be posted into it.
    pub state: PeriodState,
}

#[ComplexObject]
impl FiscalYear {
    /// Its months, the first one first.
    async fn periods(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Period>> {
        let books = ctx.load::<Ledger>(lock::General).await?;
        Ok(periods(self.starts_on.0, self.ends_on.0, books.as_ref()))
    }

    /// That it is closed; null while it is open.
    async fn closing(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<FiscalYearClosing>> {
        Ok(ctx.load::<ClosingOf>(self.id).await?)
    }
}

crate::platform::connection!(
    /// A page of fiscal years.
    FiscalYearConnection, FiscalYearEdge, FiscalYear
);

impl Fetch for FiscalYear {
    type Key = FiscalYearId;
    type Value = Self;
    const CAN: Can = Can::PeriodRead;

    async fn fetch(tx: &Tx, keys: Vec<FiscalYearId>) -> Result<HashMap<FiscalYearId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                fiscal_year::table
                    .filter(fiscal_year::tenant_id.eq(tx.tenant()?))
                    .filter(fiscal_year::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A fiscal year to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFiscalYear {
    /// Its name.
    pub name: String,
    /// Its first day.
    pub starts_on: NaiveDate,
    /// Its last day.
    pub ends_on: NaiveDate,
}

/// A new fiscal year, right behind the last one or right before the first one.
#[derive(InputObject, Clone, Debug)]
pub struct FiscalYearCreateInput {
    /// Its first day; the day after the last year's end if not said.
    pub starts_on: Option<Date>,
    /// Its last day; twelve months if not said, at most 18 months.
    pub ends_on: Option<Date>,
    /// Its name, at most 40 characters; from its years if not said.
    pub name: Option<String>,
}

crate::platform::payload! {
    /// What became of a fiscal year.
    FiscalYearPayload {
        /// The fiscal year.
        fiscal_year: FiscalYear
    }
}

/// A year of twelve months from a day on, named by the calendar years it touches.
pub fn twelve_months(starts_on: NaiveDate) -> Result<NewFiscalYear> {
    let ends_on = after_months(starts_on, 12)?;
    Ok(NewFiscalYear { name: name_of(starts_on, ends_on), starts_on, ends_on })
}

/// The last day of that many months from a day on.
fn after_months(starts_on: NaiveDate, months: u32) -> Result<NaiveDate> {
    starts_on
        .checked_add_months(Months::new(months))
        .and_then(|next| next.checked_sub_days(Days::new(1)))
        .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "startsOn", "This year lies too far away."))
}

fn name_of(starts_on: NaiveDate, ends_on: NaiveDate) -> String {
    if starts_on.year() == ends_on.year() {
        starts_on.year().to_string()
    } else {
        format!("{}/{:02}", starts_on.year(), ends_on.year().rem_euclid(100))
    }
}

/// The months of a year with their state.
fn periods(starts_on: NaiveDate, ends_on: NaiveDate, books: Option<&Ledger>) -> Vec<Period> {
    let mut periods = Vec::new();
    let mut from = starts_on;
    while from <= ends_on {
        let next = from.with_day(1).and_then(|first| first.checked_add_months(Months::new(1)));
        let Some((next, last)) = next.and_then(|next| Some((next, next.pred_opt()?))) else { break };
        let to = last.min(ends_on);
        let locked = |on: Option<Date>| on.is_some_and(|on| on.0 >= to);
        let state = match books {
            Some(books) if locked(books.hard_lock_on) => PeriodState::HardLocked,
            Some(books) if locked(books.soft_lock_on) => PeriodState::SoftLocked,
            _ => PeriodState::Open,
        };
        periods.push(Period {
            name: from.format("%Y-%m").to_string(),
            starts_on: Date(from),
            ends_on: Date(to),
            state,
        });
        from = next;
    }
    periods
}

/// Adds a fiscal year; the database refuses one that overlaps another.
pub async fn insert(tx: &Tx, new: NewFiscalYear) -> Result<FiscalYear> {
    tx.row(
        diesel::insert_into(fiscal_year::table)
            .values((
                fiscal_year::tenant_id.eq(tx.tenant()?),
                fiscal_year::id.eq(FiscalYearId::new()),
                fiscal_year::name.eq(new.name),
                fiscal_year::starts_on.eq(new.starts_on),
                fiscal_year::ends_on.eq(new.ends_on),
            ))
            .returning(FiscalYear::as_returning()),
    )
    .await
}

/// The first day of the fiscal year that a day lies in. Behind the last year a new one is taken to begin where that
/// one ended; without any year before the day there is none.
pub async fn start_of_year(tx: &Tx, day: NaiveDate) -> Result<Option<NaiveDate>> {
    let before: Option<FiscalYear> = tx
        .maybe(
            fiscal_year::table
                .filter(fiscal_year::tenant_id.eq(tx.tenant()?))
                .filter(fiscal_year::starts_on.le(Date(day)))
                .order(fiscal_year::starts_on.desc())
                .limit(1)
                .select(FiscalYear::as_select()),
        )
        .await?;
    Ok(before.and_then(|year| if year.ends_on.0 >= day { Some(year.starts_on.0) } else { year.ends_on.0.succ_opt() }))
}

/// The first day after the last fiscal year, which cannot move until the transaction ends. None without any year.
pub async fn next_starts_on(tx: &Tx) -> Result<Option<NaiveDate>> {
    lock::general_for_update(tx).await?;
    let last: Option<FiscalYear> = tx
        .maybe(
            fiscal_year::table
                .filter(fiscal_year::tenant_id.eq(tx.tenant()?))
                .order(fiscal_year::starts_on.desc())
                .limit(1)
                .select(FiscalYear::as_select()),
        )
        .await?;
    Ok(last.and_then(|year| year.ends_on.0.succ_opt()))
}

#[derive(QueryableByName)]
struct Span {
    #[diesel(sql_type = diesel::sql_types::Nullable<SqlDate>)]
    first: Option<NaiveDate>,
    #[diesel(sql_type = diesel::sql_types::Nullable<SqlDate>)]
    last: Option<NaiveDate>,
    #[diesel(sql_type = Bool)]
    founded: bool,
}

async fn create(tx: &Tx, input: FiscalYearCreateInput) -> Result<FiscalYear> {
    lock::general_for_update(tx).await?;
    let span: Span = tx
        .row(
            sql("SELECT min(y.starts_on) AS first, max(y.ends_on) AS last, count(*) > 0 AS founded
                   FROM finance.fiscal_year y WHERE y.tenant_id = $1")
            .bind::<SqlUuid, _>(tx.tenant()?),
        )
        .await?;
    let next = span.last.and_then(|last| last.succ_opt());
    let starts_on = input.starts_on.map(|date| date.0).or(next).ok_or_else(|| {
        Error::refuse(UserErrorCode::Required, "startsOn", "The first fiscal year needs its first day.")
    })?;
    let mut new = twelve_months(starts_on)?;
    if let Some(Date(ends_on)) = input.ends_on {
        if ends_on <= starts_on || ends_on > after_months(starts_on, MAX_MONTHS)? {
            return Err(Error::refuse(
                UserErrorCode::Invalid,
                "endsOn",
                "A fiscal year ends after it starts and has at most 18 months.",
            ));
        }
        new = NewFiscalYear { name: name_of(starts_on, ends_on), starts_on, ends_on };
    }
    if let Some(name) = input.name {
        check_text("name", &name, 40)?;
        new.name = name;
    }
    let adjoins = Some(new.starts_on) == next || (new.ends_on.succ_opt() == span.first && span.first.is_some());
    if span.founded && !adjoins {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "startsOn",
            "A fiscal year follows the last one or ends right before the first one.",
        ));
    }
    insert(tx, new).await.inspect(|year| emit(tx, EventKind::FiscalYearCreated, year.id.0))
}

/// Queries about fiscal years.
#[derive(Default)]
pub struct PeriodQuery;

#[Object]
impl PeriodQuery {
    /// The client's fiscal years with their months and what is locked, the newest first. Right: `finance.period.read`.
    async fn fiscal_years(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<FiscalYearConnection> {
        let tx = ctx.tx(Can::PeriodRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all =
            || -> Result<_> { Ok(fiscal_year::table.filter(fiscal_year::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((starts_on, _)) = &slice.after {
            page = page.filter(fiscal_year::starts_on.lt(super::journal::cursor_date(starts_on)?));
        }
        let rows = tx
            .rows(page.order(fiscal_year::starts_on.desc()).limit(slice.limit()).select(FiscalYear::as_select()))
            .await?;
        Ok(FiscalYearConnection::new(ctx, &slice, rows, |row| encode(&row.starts_on.0.to_string(), row.id.0), total))
    }
}

/// Changes of fiscal years.
#[derive(Default)]
pub struct PeriodMutation;

#[Object]
impl PeriodMutation {
    /// Adds a fiscal year, so that entries can be dated in it. Right: `finance.period.lock`.
    async fn fiscal_year_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new fiscal year.")] input: FiscalYearCreateInput,
    ) -> async_graphql::Result<Option<FiscalYearPayload>> {
        let tx = ctx.tx(Can::PeriodLock).await?;
        FiscalYearPayload::settle(ctx, create(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The periods of a year cover each of its days once.
        #[test]
        fn periods_cover_the_year(start in 0u64..20_000, length in 1u64..560) {
            let starts_on = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + Days::new(start);
            let ends_on = starts_on + Days::new(length);
            let periods = periods(starts_on, ends_on, None);
            let mut next = starts_on;
            for period in &periods {
                prop_assert_eq!(period.starts_on.0, next);
                prop_assert!(period.ends_on >= period.starts_on);
                prop_assert_eq!(period.starts_on.0.month(), period.ends_on.0.month());
                next = period.ends_on.0 + Days::new(1);
            }
            prop_assert_eq!(next, ends_on + Days::new(1));
        }
    }

    #[test]
    fn years_are_named_by_what_they_touch() {
        let day = |y, m, d| NaiveDate::from_ymd_opt(y, m, d).unwrap();
        assert_eq!(twelve_months(day(2026, 1, 1)).unwrap().name, "2026");
        let broken = twelve_months(day(2026, 7, 1)).unwrap();
        assert_eq!((broken.name.as_str(), broken.ends_on), ("2026/27", day(2027, 6, 30)));
        assert_eq!(twelve_months(day(2024, 2, 29)).unwrap().ends_on, day(2025, 2, 27));
    }
}
