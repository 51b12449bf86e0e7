//! The one inbox: every open step that the caller may decide now, in a client or in all of his.

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Int4, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::ids::ApprovalRequestId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::ids::known::{ClientId, UserId, WorkItemId};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, DateTime, Dec, Money};
use crate::platform::scope::{Ask, Caller};
use crate::platform::sql::sql;

/// An open step of a request that the caller may decide.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ApprovalTask {
    /// The client whose it is.
    #[diesel(sql_type = SqlUuid)]
    pub client_id: ClientId,
    /// The name of that client.
    #[diesel(sql_type = Text)]
    pub client_name: String,
    /// The request: to decide, give it as `id`, with a token for that client.
    #[diesel(sql_type = SqlUuid)]
    pub request_id: ApprovalRequestId,
    /// The number of the step.
    #[diesel(sql_type = Int4)]
    pub step_number: i32,
    /// Its place in the queue.
    #[diesel(sql_type = SqlUuid)]
    pub work_item_id: WorkItemId,
    /// What is to be approved, in a line.
    #[diesel(sql_type = Text)]
    pub title: String,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[graphql(skip)]
    amount: Option<Dec>,
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    currency: Option<CurrencyCode>,
    /// Who asked for it.
    #[diesel(sql_type = Text)]
    pub requested_by_name: String,
    /// Since when it can be decided.
    #[diesel(sql_type = Timestamptz)]
    pub opened_at: DateTime,
    /// When it expires; null: never.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub expires_at: Option<DateTime>,
    /// In whose place the caller decides, as his delegate; null: in his own.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub in_place_of: Option<UserId>,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    step_id: Uuid,
}

#[ComplexObject]
impl ApprovalTask {
    /// The record's amount, in its currency; null if it has none.
    async fn amount(&self) -> Option<Money> {
        Some(Money::new(self.amount?, &self.currency.as_ref()?.0))
    }
}

crate::platform::connection!(
    /// A page of the inbox.
    ApprovalTaskConnection, ApprovalTaskEdge, ApprovalTask
);

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The transaction of the client, or of all clients in which the caller may decide.
async fn reach<'a>(ctx: &'a Context<'_>) -> Result<&'a Tx> {
    match ctx.scope()?.caller() {
        Caller::Person { client: None, .. } => ctx.portfolio(Can::PortfolioRead, Can::ApprovalDecide).await,
        _ => ctx.tx(Can::ApprovalDecide).await,
    }
}

/// The moment that a cursor of the inbox holds.
fn moment(text: &str) -> Result<DateTime> {
    let micros = text.parse().ok().and_then(chrono::DateTime::from_timestamp_micros);
    micros.map(DateTime).ok_or_else(|| Error::BadInput("`after` is not a cursor of this list.".to_owned()))
}

/// Queries about what waits for the caller.
#[derive(Default)]
pub struct ApprovalInboxQuery;

#[Object]
impl ApprovalInboxQuery {
    /// Every open step of a request that the caller may decide now, in his own place or another one's, the oldest first.
    /// With a token for a client that client's. With a token without client (`practice.portfolio.read`) those of all
    /// clients in which he may decide; an operation then has no other fields of the portfolio. Right:
    /// `work.approval.decide`.
    async fn approval_inbox(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ApprovalTaskConnection> {
        let tx = reach(ctx).await?;
        tx.tells_own();
        let slice = Slice::new(first, after.as_deref())?;
        let behind = slice.after.as_ref().map(|(text, id)| Ok::<_, Error>((moment(text)?, *id))).transpose()?.unzip();
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let counted: Count = tx
                .row(
                    sql("SELECT count(*) AS count FROM practice.approvals_to_decide($1)")
                        .bind::<SqlUuid, _>(tx.actor()),
                )
                .await?;
            Some(counted.count)
        } else {
            None
        };
        let rows = tx
            .rows(
                sql("SELECT a.client_id, a.client_name, a.request_id, a.step_number, a.work_item_id, a.title, a.amount, a.currency,
                            a.requested_by_name, a.opened_at, a.expires_at, nullif(a.seat_of, $1) AS in_place_of, a.step_id
                       FROM practice.approvals_to_decide($1) a
                      WHERE $2::timestamptz IS NULL OR (a.opened_at, a.step_id) > ($2, $3)
                      ORDER BY a.opened_at, a.step_id LIMIT $4")
                .bind::<SqlUuid, _>(tx.actor())
                .bind::<Nullable<Timestamptz>, _>(behind.0)
                .bind::<Nullable<SqlUuid>, _>(behind.1)
                .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        let cursor = |row: &ApprovalTask| encode(&row.opened_at.0.timestamp_micros().to_string(), row.step_id);
        Ok(ApprovalTaskConnection::new(ctx, &slice, rows, cursor, total))
    }
}
