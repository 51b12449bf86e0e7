//! The closes of all clients of a month, for the provider's staff: one statement for all of them.

use async_graphql::{Context, Enum, Object};
use chrono::Datelike;
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};

use super::period_close::PeriodCloseState;
use crate::platform::can::Can;
use crate::platform::error::Error;
use crate::platform::ids::known::ClientId;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// How many clients are told of at once if nobody says how many: all that a provider has, as a rule.
const MOST: usize = 500;

/// How far the close of a month has come in a client.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseStatusState {
    /// Nobody has opened it.
    NotOpened,
    /// Work goes on.
    Open,
    /// It waits for a sign-off.
    Prepared,
    /// Signed off: the month is locked.
    Signed,
}

/// The close of a month in one client.
#[derive(QueryableByName, Clone, Debug)]
pub struct CloseStatus {
    #[diesel(sql_type = SqlUuid)]
    client_id: ClientId,
    #[diesel(sql_type = Text)]
    client_name: String,
    #[diesel(sql_type = Bool)]
    opened: bool,
    #[diesel(sql_type = Nullable<Text>)]
    prepared_by: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    signed_by: Option<String>,
    #[diesel(sql_type = BigInt)]
    open_items: i64,
    #[diesel(sql_type = BigInt)]
    overdue_items: i64,
    #[diesel(sql_type = Nullable<SqlDate>)]
    next_due_on: Option<Date>,
}

/// The close of a month in one client.
#[Object]
impl CloseStatus {
    /// The client's id.
    async fn client_id(&self) -> ClientId {
        self.client_id
    }

    /// The client's name.
    async fn client_name(&self) -> &str {
        &self.client_name
    }

    /// How far it has come.
    async fn state(&self) -> CloseStatusState {
        let state = match (self.opened, &self.prepared_by, &self.signed_by) {
            (false, ..) => return CloseStatusState::NotOpened,
            (true, _, Some(_)) => PeriodCloseState::Signed,
            (true, Some(_), None) => PeriodCloseState::Prepared,
            (true, None, None) => PeriodCloseState::Open,
        };
        match state {
            PeriodCloseState::Open => CloseStatusState::Open,
            PeriodCloseState::Prepared => CloseStatusState::Prepared,
            PeriodCloseState::Signed => CloseStatusState::Signed,
        }
    }

    /// Who prepared it.
    async fn prepared_by_name(&self) -> Option<&str> {
        self.prepared_by.as_deref()
    }

    /// Who signed it off.
    async fn signed_by_name(&self) -> Option<&str> {
        self.signed_by.as_deref()
    }

    /// How many items of its checklist are still to be done.
    async fn open_items(&self) -> i64 {
        self.open_items
    }

    /// How many of them should have been done by now, in the client's time zone.
    async fn overdue_items(&self) -> i64 {
        self.overdue_items
    }

    /// The day until which the next of them has to be done.
    async fn next_due_on(&self) -> Option<Date> {
        self.next_due_on
    }
}

crate::platform::connection!(
    /// A page of closes, one of each client.
    CloseStatusConnection, CloseStatusEdge, CloseStatus
);

/// The closes of all clients as a query.
#[derive(Default)]
pub struct CloseStatusQuery;

#[Object]
impl CloseStatusQuery {
    /// Where the close of a month stands in each client whose periods the caller may read today, by name. Needs a token
    /// without client. Right: `practice.portfolio.read`.
    async fn close_statuses(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Any day of the month; of the one before today's if not said.")] month: Option<Date>,
        #[graphql(desc = "How many, 1 to 100; 500 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<CloseStatusConnection> {
        let tx = ctx.portfolio(Can::PortfolioRead, Can::PeriodRead).await?;
        let mut slice = Slice::new(first, after.as_deref())?;
        if first.is_none() {
            slice.first = MOST;
        }
        let begun = tx.now().date_naive().with_day(1).and_then(|first| first.pred_opt());
        let month = month.or(begun.map(Date)).ok_or_else(|| Error::fault("a day without a month"))?;
        let (name, id) = slice.after.clone().unzip();
        let rows: Vec<CloseStatus> = tx
            .rows(
                sql("SELECT c.tenant_id AS client_id, c.name AS client_name, p.id IS NOT NULL AS opened, p.prepared_by_name AS prepared_by,
                            p.signed_by_name AS signed_by, w.open_items, w.overdue_items, w.next_due_on
                       FROM practice.client c
                       LEFT JOIN finance.period_close p ON p.tenant_id = c.tenant_id AND p.period = to_char($1::date, 'YYYY-MM')
                      CROSS JOIN LATERAL (
                            SELECT count(*) AS open_items, count(*) FILTER (WHERE w.due_on < (now() AT TIME ZONE c.time_zone)::date) AS overdue_items,
                                   min(w.due_on) AS next_due_on
                              FROM practice.work_item w
                             WHERE w.tenant_id = p.tenant_id AND w.record_id = p.id AND w.closed_at IS NULL) w
                      WHERE c.tenant_id = ANY ((SELECT nullif(current_setting('app.tenant_ids', true), '')::uuid[])::uuid[])
                        AND ($2::text IS NULL OR (c.name, c.id) > ($2, $3))
                      ORDER BY c.name, c.id LIMIT $4")
                .bind::<SqlDate, _>(month)
                .bind::<Nullable<Text>, _>(name)
                .bind::<Nullable<SqlUuid>, _>(id)
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        let cursor = |row: &CloseStatus| encode(&row.client_name, row.client_id.0);
        Ok(CloseStatusConnection::new(ctx, &slice, rows, cursor, None))
    }
}
