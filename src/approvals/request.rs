//! A request for approval: what it is about, why it needs the approvals that it needs, and how far it has come.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use backoffice_approval_rules::{Weighed, explain};
use backoffice_money::Decimal;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::ApprovalSubject;
use super::ids::{ApprovalPolicyId, ApprovalRequestId};
use super::step::{ApprovalDecision, ApprovalRequestStep};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::node::{self, Node};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{CurrencyCode, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

crate::platform::words! {
    /// Where a request stands.
    ApprovalState {
        /// It waits for decisions.
        Pending = "pending",
        /// It is approved.
        Approved = "approved",
        /// Somebody has rejected it.
        Rejected = "rejected",
        /// It was taken back.
        Withdrawn = "withdrawn",
        /// What was asked for is not there any more; see `endedFor`.
        Void = "void",
        /// Nobody decided in time.
        Expired = "expired",
    }
}

crate::platform::words! {
    /// Why a request is over.
    ApprovalEnding {
        /// By decisions.
        Decided = "decided",
        /// It was taken back.
        Withdrawn = "withdrawn",
        /// The record was changed.
        Edited = "edited",
        /// More counts together with the record than was approved.
        Outgrown = "outgrown",
        /// The policy does not hold any more.
        PolicyEnded = "policy_ended",
        /// Its time was over.
        Expired = "expired",
    }
}

/// A request for approval of a record.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ApprovalRequest {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: ApprovalRequestId,
    /// What it is about.
    #[diesel(sql_type = Text)]
    pub subject: ApprovalSubject,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    record_id: Uuid,
    /// What it is about, in a line.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// The other side of the record, e.g. the vendor; null if it has none.
    #[diesel(sql_type = Nullable<Text>)]
    pub counterparty: Option<String>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[graphql(skip)]
    amount: Option<Dec>,
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    currency: Option<CurrencyCode>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[graphql(skip)]
    counted: Option<Dec>,
    #[diesel(sql_type = Nullable<Text>)]
    #[graphql(skip)]
    counted_in: Option<CurrencyCode>,
    #[diesel(sql_type = Array<Numeric>)]
    #[graphql(skip)]
    together: Vec<Dec>,
    /// What was written with the request; empty if nothing.
    #[diesel(sql_type = Text)]
    pub note: String,
    /// Where it stands.
    #[diesel(sql_type = Text)]
    pub state: ApprovalState,
    /// Why it is over; null while it is pending.
    #[diesel(sql_type = Nullable<Text>)]
    pub ended_for: Option<ApprovalEnding>,
    /// Who asked for it: a person, or a program of a service account.
    #[diesel(sql_type = Text)]
    pub requested_by_name: String,
    /// When it expires; null: never. From that instant on nobody can approve it any more.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub expires_at: Option<DateTime>,
    /// When it was over; null while it is pending.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub ended_at: Option<DateTime>,
    /// When it was asked for.
    #[diesel(sql_type = Timestamptz)]
    pub created_at: DateTime,
    /// Counts changes.
    #[diesel(sql_type = Int4)]
    pub version: i32,
    /// The policy.
    #[diesel(sql_type = SqlUuid)]
    pub policy_id: ApprovalPolicyId,
    /// The number of the policy's edition that it was started under, which it keeps.
    #[diesel(sql_type = Int4)]
    pub edition: i32,
    #[diesel(sql_type = Nullable<Int4>)]
    #[graphql(skip)]
    split_days: Option<i32>,
    /// The number of the band that it fell into.
    #[diesel(sql_type = Int4)]
    pub band: i32,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[graphql(skip)]
    above: Option<Dec>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[graphql(skip)]
    up_to: Option<Dec>,
}

fn money(amount: Option<Dec>, currency: Option<&CurrencyCode>) -> Option<Money> {
    Some(Money::new(amount?, &currency?.0))
}

#[ComplexObject]
impl ApprovalRequest {
    /// The id of the record that is to be approved.
    async fn record_id(&self) -> Option<ID> {
        node::outside(self.subject.node_type(), self.record_id).map(ID)
    }

    /// The record as it is today. Right: that to read records of its kind.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        Ok(node::record_of(ctx, self.subject.node_type(), self.record_id).await?)
    }

    /// The record's own amount, in its currency; null if it has none.
    async fn amount(&self) -> Option<Money> {
        money(self.amount, self.currency.as_ref())
    }

    /// What it counts as: together with others of its counterparty, in the currency of the band; null if it has no amount.
    async fn counted(&self) -> Option<Money> {
        money(self.counted, self.counted_in.as_ref())
    }

    /// Why it needs the approvals that it needs, in a sentence.
    async fn explanation(&self) -> String {
        let together: Vec<Decimal> = self.together.iter().map(|amount| amount.0).collect();
        let pair = |amount: Option<Dec>, currency: &'_ Option<CurrencyCode>| -> Option<(Decimal, String)> {
            Some((amount?.0, currency.as_ref()?.0.clone()))
        };
        let (own, counted) = (pair(self.amount, &self.currency), pair(self.counted, &self.counted_in));
        explain(&Weighed {
            own: own.as_ref().map(|(amount, currency)| (*amount, currency.as_str())),
            counted: counted.as_ref().map(|(amount, currency)| (*amount, currency.as_str())),
            together: &together,
            days: self.split_days,
            counterparty: self.subject.counterparty(),
            band: self.band,
            above: self.above.map(|bound| bound.0),
            up_to: self.up_to.map(|bound| bound.0),
        })
    }

    /// Its steps, in their order.
    async fn steps(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ApprovalRequestStep>> {
        Ok(ctx.load::<ApprovalRequestStep>(self.id).await?.unwrap_or_default())
    }

    /// What was decided, in the order in which it was.
    async fn decisions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ApprovalDecision>> {
        Ok(ctx.load::<ApprovalDecision>(self.id).await?.unwrap_or_default())
    }
}

macro_rules! requests {
    ($conditions:literal) => {
        concat!(
            "SELECT r.id, r.subject, r.record_id, r.title, r.counterparty, r.amount, r.currency, r.counted, r.counted_in, r.together,
                    r.note, r.state, r.ended_for, r.requested_by_name, r.expires_at, r.ended_at, r.created_at, r.version,
                    e.policy_id, e.number AS edition, e.split_days, b.number AS band, b.above, b.up_to
               FROM practice.approval_request r
               JOIN practice.approval_edition e ON e.tenant_id = r.tenant_id AND e.id = r.edition_id
               JOIN practice.approval_band b ON b.tenant_id = r.tenant_id AND b.id = r.band_id
              WHERE r.tenant_id = $1 AND ",
            $conditions
        )
    };
}

impl Fetch for ApprovalRequest {
    type Key = ApprovalRequestId;
    type Value = Self;
    const CAN: Can = Can::ApprovalRead;

    async fn fetch(tx: &Tx, keys: Vec<ApprovalRequestId>) -> Result<HashMap<ApprovalRequestId, Self>> {
        let rows: Vec<Self> = tx
            .rows(sql(requests!("r.id = ANY ($2)")).bind::<SqlUuid, _>(tx.tenant()?).bind::<Array<SqlUuid>, _>(keys))
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The request of that id.
pub(super) async fn find(tx: &Tx, id: ApprovalRequestId) -> Result<Option<ApprovalRequest>> {
    Ok(ApprovalRequest::fetch(tx, vec![id]).await?.remove(&id))
}

#[derive(QueryableByName)]
struct Voided {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Array<SqlUuid>)]
    items: Vec<Uuid>,
}

/// Tells of the requests that this transaction has made void by what it has changed: of one record, or of any.
pub async fn tell_void(tx: &Tx, record: Option<Uuid>) -> Result<()> {
    let voided: Vec<Voided> = tx
        .rows(
            sql("SELECT r.id, ARRAY (SELECT i.id FROM practice.approval_request_step s
                                       JOIN practice.work_item i ON i.tenant_id = s.tenant_id AND i.id = s.work_item_id
                                      WHERE s.tenant_id = r.tenant_id AND s.request_id = r.id AND i.closed_at = now()) AS items
                   FROM practice.approval_request r
                  WHERE r.tenant_id = $1 AND ($2::uuid IS NULL OR r.record_id = $2) AND r.state = 'void' AND r.ended_at >= now()
                  ORDER BY r.id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Nullable<SqlUuid>, _>(record),
        )
        .await?;
    for one in voided {
        emit(tx, EventKind::ApprovalRequestEnded, one.id);
        for item in one.items {
            emit(tx, EventKind::WorkItemCancelled, item);
        }
    }
    Ok(())
}

crate::platform::connection!(
    /// A page of requests.
    ApprovalRequestConnection, ApprovalRequestEdge, ApprovalRequest
);

crate::platform::equality_filter!(
    /// Conditions on where a request stands.
    ApprovalStateFilter, ApprovalState
);

/// Narrows a list of requests.
#[derive(async_graphql::InputObject, Clone, Debug, Default)]
pub struct ApprovalRequestFilter {
    /// By where they stand.
    pub state: Option<ApprovalStateFilter>,
    /// About this only.
    pub subject: Option<ApprovalSubject>,
    /// About this record only.
    pub record: Option<ID>,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Queries about requests.
#[derive(Default)]
pub struct ApprovalRequestQuery;

#[Object]
impl ApprovalRequestQuery {
    /// One request; null if the id is unknown. Right: `work.approval.read`.
    async fn approval_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request's id.")] id: ApprovalRequestId,
    ) -> async_graphql::Result<Option<ApprovalRequest>> {
        Ok(ctx.load::<ApprovalRequest>(id).await?)
    }

    /// The client's requests, newest first. Right: `work.approval.read`.
    async fn approval_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only requests that match.")] filter: Option<ApprovalRequestFilter>,
    ) -> async_graphql::Result<ApprovalRequestConnection> {
        let tx = ctx.tx(Can::ApprovalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let ApprovalRequestFilter { state, subject, record } = filter.unwrap_or_default();
        let states: Option<Vec<&str>> = state.and_then(|state| {
            let mut wanted = state.any_of;
            if let Some(eq) = state.eq {
                wanted = Some(wanted.map_or(vec![eq], |list| list.into_iter().filter(|one| *one == eq).collect()));
            }
            Some(wanted?.into_iter().map(ApprovalState::text).collect())
        });
        // an id of no kind that is approved names nothing
        let record = record.map(|id| node::named(&id).map_or(Uuid::nil(), |(_, id)| id));
        let bound = |text: &'static str| -> Result<_> {
            Ok(sql(text)
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Nullable<Array<Text>>, _>(states.clone())
                .bind::<Nullable<Text>, _>(subject.map(ApprovalSubject::text))
                .bind::<Nullable<SqlUuid>, _>(record))
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            let text = "SELECT count(*) AS count FROM practice.approval_request r
                         WHERE r.tenant_id = $1 AND ($2::text[] IS NULL OR r.state = ANY ($2)) AND ($3::text IS NULL OR r.subject = $3)
                           AND ($4::uuid IS NULL OR r.record_id = $4)";
            let counted: Count = tx.row(bound(text)?).await?;
            Some(counted.count)
        } else {
            None
        };
        let page = bound(requests!(
            "($2::text[] IS NULL OR r.state = ANY ($2)) AND ($3::text IS NULL OR r.subject = $3)
                AND ($4::uuid IS NULL OR r.record_id = $4) AND ($5::uuid IS NULL OR r.id < $5)
              ORDER BY r.id DESC LIMIT $6"
        ))?;
        let rows = tx
            .rows(
                page.bind::<Nullable<SqlUuid>, _>(slice.after.as_ref().map(|(_, id)| *id))
                    .bind::<BigInt, _>(slice.limit()),
            )
            .await?;
        Ok(ApprovalRequestConnection::new(ctx, &slice, rows, |row: &ApprovalRequest| encode("", row.id.0), total))
    }
}
