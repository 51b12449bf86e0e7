//! Recurring work: what is done for a client again and again, once for each service and period. A rule says when it comes
//! by the client's wall clock, a template of what it consists; a job that waits for the next time opens the work items.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_calendar::period::{Period, PeriodUnit};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::RecurringWorkId;
use super::item::{WorkItemState, WorkPerson, names};
use crate::clocks::ids::BusinessCalendarId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{TeamId, UserId, WorkItemId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::practice::service::Service;
use crate::practice::team::Team;
use crate::schema::{recurring_work, recurring_work_exception};

pub mod change;
pub mod input;
pub mod job;
mod open;
pub use open::{lay_for, lay_once};
mod plan;

pub use change::RecurringMutation;
use plan::Plan;

/// How many runs are shown.
const RUNS: i64 = 50;
/// The most single days of work that are otherwise.
const MOST_EXCEPTIONS: usize = 200;

crate::platform::words! {
    /// What work is done for: a period of which there is one run at most.
    WorkPeriod {
        /// A day.
        Day = "day",
        /// A week from Monday on, by ISO 8601.
        Week = "week",
        /// A month.
        Month = "month",
        /// A quarter of a year.
        Quarter = "quarter",
        /// A calendar year.
        Year = "year",
    }
}

impl WorkPeriod {
    fn unit(self) -> PeriodUnit {
        match self {
            Self::Day => PeriodUnit::Day,
            Self::Week => PeriodUnit::Week,
            Self::Month => PeriodUnit::Month,
            Self::Quarter => PeriodUnit::Quarter,
            Self::Year => PeriodUnit::Year,
        }
    }
}

/// Work that comes again.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = recurring_work)]
#[graphql(complex)]
pub struct RecurringWork {
    /// Global id.
    pub id: RecurringWorkId,
    /// Name.
    pub name: String,
    #[graphql(skip)]
    service_code: String,
    /// The code of the template of which its work is made.
    pub template_code: String,
    /// The rule by which it comes (RFC 5545, what stands behind `RRULE:`). A month that has no such day has its last one.
    pub rule: String,
    /// The day from which the rule counts.
    pub starts_on: Date,
    #[graphql(skip)]
    at_minute: i32,
    /// The first day on which it does not come any more; null: as long as its rule says.
    #[diesel(column_name = until_on)]
    pub until: Option<Date>,
    /// What it is done for: of each there is one run of the service at most.
    #[diesel(column_name = period_unit)]
    pub period: WorkPeriod,
    /// Which of them: 0 is the one in which its day lies, -1 the one before, 1 the one behind.
    pub period_shift: i32,
    #[graphql(skip)]
    calendar_id: Option<BusinessCalendarId>,
    #[graphql(skip)]
    assignee_id: Option<UserId>,
    #[graphql(skip)]
    team_id: Option<TeamId>,
    #[graphql(skip)]
    opened_through: DateTime,
    /// When it comes next; null if it does not come any more.
    pub next_at: Option<DateTime>,
    #[graphql(skip)]
    generation: i32,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

/// One run of recurring work: what was opened for a period, or why nothing was.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct RecurringWorkRun {
    #[graphql(skip)]
    id: Uuid,
    /// The period: `2026-03-31`, `2026-W14`, `2026-03`, `2026-Q1`, `2026`.
    pub period: String,
    /// The day that the rule names.
    pub occurs_on: Date,
    /// True: nothing was opened, because no live engagement covered the service on that day.
    pub passed_over: bool,
    /// When it was opened.
    pub opened_at: DateTime,
}

#[derive(QueryableByName)]
struct RunRow {
    #[diesel(sql_type = SqlUuid)]
    work_id: RecurringWorkId,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    period: String,
    #[diesel(sql_type = SqlDate)]
    occurs_on: Date,
    #[diesel(sql_type = Bool)]
    passed_over: bool,
    #[diesel(sql_type = Timestamptz)]
    opened_at: DateTime,
}

/// A work item that a run opened.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct RecurringWorkStep {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    run_id: Uuid,
    /// The item's id.
    #[diesel(sql_type = SqlUuid)]
    pub work_item_id: WorkItemId,
    /// What is to be done, in a line.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// Where it stands.
    #[diesel(sql_type = Text)]
    pub state: WorkItemState,
    /// True: it waits for the stage before it.
    #[diesel(sql_type = Bool)]
    pub gated: bool,
    /// The day until whose end it has to be done; null if none was set.
    #[diesel(sql_type = diesel::sql_types::Nullable<SqlDate>)]
    pub due_on: Option<Date>,
}

/// A time at which work is going to come.
#[derive(SimpleObject, Clone, Debug)]
pub struct RecurringWorkOccurrence {
    /// The day that the rule names.
    pub occurs_on: Date,
    /// The day on which it comes: another one if it was moved.
    pub comes_on: Date,
    /// When its work is opened.
    pub opens_at: DateTime,
    /// The period that it is done for.
    pub period: String,
}

#[ComplexObject]
impl RecurringWorkRun {
    /// What was opened, by stage.
    async fn items(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RecurringWorkStep>> {
        Ok(ctx.load::<RecurringWorkStep>(self.id).await?.unwrap_or_default())
    }
}

#[ComplexObject]
impl RecurringWork {
    /// The service.
    async fn service(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Service>> {
        Ok(names::service(ctx, Some(self.service_code.as_str())).await?)
    }

    /// The time of day at which it comes, by the client's wall clock: `08:00`.
    async fn time(&self) -> String {
        format!("{:02}:{:02}", self.at_minute / 60, self.at_minute % 60)
    }

    /// Who does it; null if nobody in particular.
    async fn assignee(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<WorkPerson>> {
        Ok(names::person(ctx, self.assignee_id).await?)
    }

    /// The team that does it; null if none.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Team>> {
        Ok(names::team(ctx, self.team_id).await?)
    }

    /// Its runs, the latest of at most 50 first.
    async fn runs(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<RecurringWorkRun>> {
        Ok(ctx.load::<RecurringWorkRun>(self.id).await?.unwrap_or_default())
    }

    /// The next times at which it comes.
    async fn upcoming(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 60; 5 if not said.")] first: Option<i32>,
    ) -> async_graphql::Result<Vec<RecurringWorkOccurrence>> {
        let tx = ctx.tx(Can::WorkItemRead).await?;
        let first = first.unwrap_or(5);
        if !(1..=60).contains(&first) {
            return Err(Error::BadInput("`first` is 1 to 60.".to_owned()).into());
        }
        let exceptions = ctx.load::<Exceptions>(self.id).await?.unwrap_or_default();
        let plan = self.plan(tx, exceptions)?;
        let most = usize::try_from(first).unwrap_or_default();
        Ok(plan
            .next(self.opened_through.0, most)
            .into_iter()
            .filter_map(|one| {
                Some(RecurringWorkOccurrence {
                    occurs_on: Date(one.occurs_on),
                    comes_on: Date(one.day),
                    opens_at: DateTime(one.at),
                    period: self.period_of(one.occurs_on)?.name,
                })
            })
            .collect())
    }
}

impl RecurringWork {
    /// When it comes, with the single days that are otherwise.
    fn plan(&self, tx: &Tx, exceptions: Vec<(Date, Option<Date>)>) -> Result<Plan> {
        let exceptions = exceptions.into_iter().map(|(day, to)| (day.0, to.map(|to| to.0))).collect();
        let until = self.until.map(|day| day.0);
        Plan::new(&self.rule, self.starts_on.0, self.at_minute, tx.time_zone(), until, exceptions).map_err(Error::fault)
    }

    /// What it is done for on a day.
    fn period_of(&self, day: chrono::NaiveDate) -> Option<Period> {
        Period::of(self.period.unit(), day, self.period_shift)
    }
}

/// Single days that are otherwise, by the work that they belong to.
struct Exceptions;

impl Fetch for Exceptions {
    type Key = RecurringWorkId;
    type Value = Vec<(Date, Option<Date>)>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<RecurringWorkId>) -> Result<HashMap<RecurringWorkId, Self::Value>> {
        let rows: Vec<(RecurringWorkId, Date, Option<Date>)> = tx
            .rows(
                recurring_work_exception::table
                    .filter(recurring_work_exception::tenant_id.eq(tx.tenant()?))
                    .filter(recurring_work_exception::work_id.eq_any(keys))
                    .order((recurring_work_exception::work_id, recurring_work_exception::occurs_on))
                    .select((
                        recurring_work_exception::work_id,
                        recurring_work_exception::occurs_on,
                        recurring_work_exception::moved_to,
                    )),
            )
            .await?;
        let mut by_work: HashMap<RecurringWorkId, Self::Value> = HashMap::new();
        for (work, day, to) in rows {
            by_work.entry(work).or_default().push((day, to));
        }
        Ok(by_work)
    }
}

impl Fetch for RecurringWork {
    type Key = RecurringWorkId;
    type Value = Self;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<RecurringWorkId>) -> Result<HashMap<RecurringWorkId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                recurring_work::table
                    .filter(recurring_work::tenant_id.eq(tx.tenant()?))
                    .filter(recurring_work::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

impl Fetch for RecurringWorkRun {
    type Key = RecurringWorkId;
    type Value = Vec<Self>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<RecurringWorkId>) -> Result<HashMap<RecurringWorkId, Vec<Self>>> {
        let rows: Vec<RunRow> = tx
            .rows(
                sql("SELECT r.work_id, r.id, r.period, r.occurs_on, r.passed_over, r.created_at AS opened_at
                       FROM unnest($2::uuid[]) AS k (id)
                      CROSS JOIN LATERAL (SELECT w.* FROM practice.recurring_work_run w
                                           WHERE w.tenant_id = $1 AND w.work_id = k.id ORDER BY w.id DESC LIMIT $3) r
                      ORDER BY r.id DESC")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys)
                .bind::<diesel::sql_types::BigInt, _>(RUNS),
            )
            .await?;
        let mut by_work: HashMap<RecurringWorkId, Vec<Self>> = HashMap::new();
        for RunRow { work_id, id, period, occurs_on, passed_over, opened_at } in rows {
            by_work.entry(work_id).or_default().push(Self { id, period, occurs_on, passed_over, opened_at });
        }
        Ok(by_work)
    }
}

impl Fetch for RecurringWorkStep {
    type Key = Uuid;
    type Value = Vec<Self>;
    const CAN: Can = Can::WorkItemRead;

    async fn fetch(tx: &Tx, keys: Vec<Uuid>) -> Result<HashMap<Uuid, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT i.run_id, i.id AS work_item_id, i.title, i.state, i.gated, i.due_on FROM practice.work_item i
                      WHERE i.tenant_id = $1 AND i.run_id = ANY ($2) ORDER BY i.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_run: HashMap<Uuid, Vec<Self>> = HashMap::new();
        for row in rows {
            by_run.entry(row.run_id).or_default().push(row);
        }
        Ok(by_run)
    }
}

crate::platform::connection!(
    /// A page of recurring work.
    RecurringWorkConnection, RecurringWorkEdge, RecurringWork
);

/// Queries about recurring work.
#[derive(Default)]
pub struct RecurringQuery;

#[Object]
impl RecurringQuery {
    /// Recurring work by its id; null if the id is unknown. Right: `work.item.read`.
    async fn recurring_work(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: RecurringWorkId,
    ) -> async_graphql::Result<Option<RecurringWork>> {
        Ok(ctx.load::<RecurringWork>(id).await?)
    }

    /// The client's recurring work, the latest first. Right: `work.item.read`.
    async fn recurring_works(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "True: also what does not come any more; what comes again if not said.")] ended: Option<bool>,
    ) -> async_graphql::Result<RecurringWorkConnection> {
        let tx = ctx.tx(Can::WorkItemRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let query = recurring_work::table.filter(recurring_work::tenant_id.eq(tx.tenant()?)).into_boxed();
            Ok(if ended.unwrap_or_default() { query } else { query.filter(recurring_work::next_at.is_not_null()) })
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(recurring_work::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(recurring_work::id.desc()).limit(slice.limit()).select(RecurringWork::as_select()))
            .await?;
        Ok(RecurringWorkConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
