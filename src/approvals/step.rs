//! The steps of a request, and what was decided on them.

use std::collections::HashMap;

use async_graphql::SimpleObject;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Nullable, Text, Timestamptz, Uuid as SqlUuid};

use super::ids::ApprovalRequestId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::ids::known::{UserId, WorkItemId};
use crate::platform::scalars::DateTime;
use crate::platform::sql::sql;

crate::platform::words! {
    /// Where a step of a request stands.
    ApprovalStepState {
        /// An earlier stage is not approved yet.
        Waiting = "waiting",
        /// It can be decided.
        Open = "open",
        /// As many have approved as it needs.
        Approved = "approved",
        /// The request is over without it.
        Closed = "closed",
    }
}

crate::platform::words! {
    /// What somebody decides.
    ApprovalVerdict {
        /// It may happen.
        Approve = "approve",
        /// It may not: the request is over.
        Reject = "reject",
    }
}

/// A step of a request.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct ApprovalRequestStep {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    request_id: ApprovalRequestId,
    /// Counts the steps of a request from 1.
    #[diesel(sql_type = Int4)]
    pub number: i32,
    /// Steps of one stage are open beside each other.
    #[diesel(sql_type = Int4)]
    pub stage: i32,
    /// How many have to approve.
    #[diesel(sql_type = Int4)]
    pub needed: i32,
    /// How many have approved.
    #[diesel(sql_type = Int4)]
    pub approved: i32,
    /// Where it stands.
    #[diesel(sql_type = Text)]
    pub state: ApprovalStepState,
    /// Its place in the queue; null until it is open for the first time.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub work_item_id: Option<WorkItemId>,
    /// Since when it can be decided; null: not yet.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub opened_at: Option<DateTime>,
    /// From when on those approve as well who are called for help; null: never.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub escalate_at: Option<DateTime>,
}

impl Fetch for ApprovalRequestStep {
    type Key = ApprovalRequestId;
    type Value = Vec<Self>;
    const CAN: Can = Can::ApprovalRead;

    async fn fetch(tx: &Tx, keys: Vec<ApprovalRequestId>) -> Result<HashMap<ApprovalRequestId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT s.request_id, s.number, s.stage, s.needed, s.state, s.work_item_id, s.opened_at, s.escalate_at,
                            (SELECT count(*)::integer FROM practice.approval_decision d
                              WHERE d.tenant_id = s.tenant_id AND d.request_step_id = s.id AND d.verdict = 'approve') AS approved
                       FROM practice.approval_request_step s
                      WHERE s.tenant_id = $1 AND s.request_id = ANY ($2) ORDER BY s.request_id, s.number")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_request: HashMap<ApprovalRequestId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_request.entry(row.request_id).or_default().push(row);
        }
        Ok(by_request)
    }
}

/// What somebody decided on a step. It is never changed.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
pub struct ApprovalDecision {
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    request_id: ApprovalRequestId,
    /// The number of the step.
    #[diesel(sql_type = Int4)]
    pub step: i32,
    /// What was decided.
    #[diesel(sql_type = Text)]
    pub verdict: ApprovalVerdict,
    /// Who decided.
    #[diesel(sql_type = SqlUuid)]
    pub decided_by: UserId,
    /// His name at that time.
    #[diesel(sql_type = Text)]
    pub decided_by_name: String,
    /// In whose place, if he decided as a delegate; null: in his own.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub in_place_of: Option<UserId>,
    /// What was written with it; empty if nothing.
    #[diesel(sql_type = Text)]
    pub comment: String,
    /// When it was decided.
    #[diesel(sql_type = Timestamptz)]
    pub decided_at: DateTime,
}

impl Fetch for ApprovalDecision {
    type Key = ApprovalRequestId;
    type Value = Vec<Self>;
    const CAN: Can = Can::ApprovalRead;

    async fn fetch(tx: &Tx, keys: Vec<ApprovalRequestId>) -> Result<HashMap<ApprovalRequestId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                sql("SELECT d.request_id, s.number AS step, d.verdict, d.decided_by, d.decided_by_name,
                            nullif(d.seat_of, d.decided_by) AS in_place_of, d.comment, d.created_at AS decided_at
                       FROM practice.approval_decision d
                       JOIN practice.approval_request_step s ON s.tenant_id = d.tenant_id AND s.id = d.request_step_id
                      WHERE d.tenant_id = $1 AND d.request_id = ANY ($2) ORDER BY d.request_id, d.id")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let mut by_request: HashMap<ApprovalRequestId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_request.entry(row.request_id).or_default().push(row);
        }
        Ok(by_request)
    }
}
