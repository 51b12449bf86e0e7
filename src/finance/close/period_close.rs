//! The close of a month as its client sees it.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Enum, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::tie_out::{self, TieOut};
use crate::finance::ids::PeriodCloseId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::period_close;

/// How far the close of a month has come.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeriodCloseState {
    /// Work goes on.
    Open,
    /// Prepared: it waits for somebody else's sign-off.
    Prepared,
    /// Signed off: the month is locked.
    Signed,
}

/// The close of a month.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = period_close)]
#[graphql(complex)]
pub struct PeriodClose {
    /// Global id.
    pub id: PeriodCloseId,
    /// The month, `YYYY-MM`.
    pub period: String,
    /// Its first day.
    pub starts_on: Date,
    /// Its last day.
    pub ends_on: Date,
    /// The code of the work template that its checklist was made of; null if there was none.
    pub template_code: Option<String>,
    /// When it was prepared; null until then, and once it is opened again.
    pub prepared_at: Option<DateTime>,
    #[graphql(skip)]
    pub(super) prepared_by: Option<Uuid>,
    /// Who prepared it.
    pub prepared_by_name: Option<String>,
    /// When it was signed off; null until then, and once it is opened again.
    pub signed_at: Option<DateTime>,
    /// Who signed it off.
    pub signed_by_name: Option<String>,
    #[graphql(skip)]
    pub(super) locked_before_on: Option<Date>,
    /// When it was opened first.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

crate::platform::words! {
    /// What was done with a close.
    PeriodCloseStepKind {
        /// It was prepared.
        Prepared = "prepared",
        /// It was signed off.
        Signed = "signed",
        /// It was opened again.
        Reopened = "reopened",
    }
}

/// What was done with a close, by whom.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct PeriodCloseStep {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    close_id: PeriodCloseId,
    /// What was done.
    #[diesel(sql_type = Text)]
    pub kind: PeriodCloseStepKind,
    /// Who did it.
    #[diesel(sql_type = Text)]
    pub by_name: String,
    /// Why, for one that was opened again.
    #[diesel(sql_type = Nullable<Text>)]
    pub reason: Option<String>,
    /// When.
    #[diesel(sql_type = Timestamptz)]
    #[graphql(name = "at")]
    pub created_at: DateTime,
}

/// Where the checklist of a close stands; the items themselves are in the work queue, about this record.
#[derive(QueryableByName, SimpleObject, Clone, Debug, Default)]
pub struct PeriodCloseProgress {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    close_id: Uuid,
    /// How many work items are about it, without those that were cancelled.
    #[diesel(sql_type = BigInt)]
    pub items: i64,
    /// How many of them are still to be done.
    #[diesel(sql_type = BigInt)]
    pub open: i64,
    /// How many of those should have been done by now.
    #[diesel(sql_type = BigInt)]
    pub overdue: i64,
}

#[ComplexObject]
impl PeriodClose {
    /// How far it has come.
    async fn state(&self) -> PeriodCloseState {
        match (&self.signed_at, &self.prepared_at) {
            (Some(_), _) => PeriodCloseState::Signed,
            (None, Some(_)) => PeriodCloseState::Prepared,
            (None, None) => PeriodCloseState::Open,
        }
    }

    /// Where its checklist stands.
    async fn progress(&self, ctx: &Context<'_>) -> async_graphql::Result<PeriodCloseProgress> {
        Ok(ctx.load::<ProgressOf>(self.id).await?.unwrap_or_default())
    }

    /// What was done with it, the oldest first.
    async fn steps(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<PeriodCloseStep>> {
        Ok(ctx.load::<StepsOf>(self.id).await?.unwrap_or_default())
    }

    /// What the sub-ledgers say at its end, held against their accounts, as the books are now. Right:
    /// `finance.journal.read`.
    async fn tie_outs(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TieOut>> {
        ctx.tx(Can::JournalRead).await?;
        let on = tie_out::Of { close: self.id, from: self.starts_on.0, to: self.ends_on.0 };
        Ok(ctx.load::<tie_out::TieOutsOf>(on).await?.unwrap_or_default())
    }
}

crate::platform::connection!(
    /// A page of closes.
    PeriodCloseConnection, PeriodCloseEdge, PeriodClose
);

impl Fetch for PeriodClose {
    type Key = PeriodCloseId;
    type Value = Self;
    const CAN: Can = Can::PeriodRead;

    async fn fetch(tx: &Tx, keys: Vec<PeriodCloseId>) -> Result<HashMap<PeriodCloseId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                period_close::table
                    .filter(period_close::tenant_id.eq(tx.tenant()?))
                    .filter(period_close::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Where the checklists of closes stand.
pub struct ProgressOf;

impl Fetch for ProgressOf {
    type Key = PeriodCloseId;
    type Value = PeriodCloseProgress;
    const CAN: Can = Can::PeriodRead;

    async fn fetch(tx: &Tx, keys: Vec<PeriodCloseId>) -> Result<HashMap<PeriodCloseId, PeriodCloseProgress>> {
        let rows: Vec<PeriodCloseProgress> = tx
            .rows(
                sql("SELECT w.record_id AS close_id, count(*) FILTER (WHERE w.state <> 'cancelled') AS items,
                            count(*) FILTER (WHERE w.closed_at IS NULL) AS open,
                            count(*) FILTER (WHERE w.closed_at IS NULL AND w.due_on < $3) AS overdue
                       FROM practice.work_item w
                      WHERE w.tenant_id = $1 AND w.record_id = ANY ($2) GROUP BY w.record_id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys)
                .bind::<diesel::sql_types::Date, _>(tx.today()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (PeriodCloseId(row.close_id), row)).collect())
    }
}

/// What was done with closes, the oldest first.
pub struct StepsOf;

impl Fetch for StepsOf {
    type Key = PeriodCloseId;
    type Value = Vec<PeriodCloseStep>;
    const CAN: Can = Can::PeriodRead;

    async fn fetch(tx: &Tx, keys: Vec<PeriodCloseId>) -> Result<HashMap<PeriodCloseId, Vec<PeriodCloseStep>>> {
        let rows: Vec<PeriodCloseStep> = tx
            .rows(
                sql("SELECT s.close_id, s.kind, s.by_name, s.reason, s.created_at FROM finance.period_close_step s
                      WHERE s.tenant_id = $1 AND s.close_id = ANY ($2) ORDER BY s.close_id, s.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut found: HashMap<PeriodCloseId, Vec<PeriodCloseStep>> = HashMap::new();
        for row in rows {
            found.entry(row.close_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// Queries about closes.
#[derive(Default)]
pub struct PeriodCloseQuery;

#[Object]
impl PeriodCloseQuery {
    /// The close of a month; null if the id is unknown. Right: `finance.period.read`.
    async fn period_close(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The close's id.")] id: PeriodCloseId,
    ) -> async_graphql::Result<Option<PeriodClose>> {
        Ok(ctx.load::<PeriodClose>(id).await?)
    }

    /// The closes, the newest month first. Right: `finance.period.read`.
    async fn period_closes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<PeriodCloseConnection> {
        let tx = ctx.tx(Can::PeriodRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all =
            || -> Result<_> { Ok(period_close::table.filter(period_close::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((period, _)) = &slice.after {
            page = page.filter(period_close::period.lt(period.clone()));
        }
        let page = page.order(period_close::period.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(PeriodClose::as_select())).await?;
        Ok(PeriodCloseConnection::new(ctx, &slice, rows, |row: &PeriodClose| encode(&row.period, row.id.0), total))
    }
}
