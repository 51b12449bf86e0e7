//! Asking for an approval, deciding on it, taking it back. What counts is decided by functions of the database, which
//! lock the request; here it is said in words.

use async_graphql::{Context, ID, InputObject, Object};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::ApprovalSubject;
use super::ids::ApprovalRequestId;
use super::request::{ApprovalRequest, find};
use super::step::ApprovalVerdict;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::node;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// What is to be approved.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalRequestCreateInput {
    /// The record's id: a draft of a bill, a change of bank details, a proposed journal entry.
    pub record: ID,
    /// What the approvers should know, at most 2,000 characters.
    pub note: Option<String>,
}

/// What somebody decides.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalRequestDecideInput {
    /// The request.
    pub id: ApprovalRequestId,
    /// The number of the step; the first open one that is the caller's if not said.
    pub step: Option<i32>,
    /// What he decides. The same once more changes nothing.
    pub verdict: ApprovalVerdict,
    /// Why, at most 2,000 characters. A rejection says why.
    pub comment: Option<String>,
}

/// A request that is taken back.
#[derive(InputObject, Clone, Debug)]
pub struct ApprovalRequestWithdrawInput {
    /// The request. It has to be pending, and the caller to have asked for it or made the record.
    pub id: ApprovalRequestId,
}

crate::platform::payload! {
    /// What became of a request.
    ApprovalRequestPayload {
        /// The request as it is now.
        approval_request: ApprovalRequest
    }
}

fn refuse(field: &str, message: &str) -> Error {
    Error::refuse(UserErrorCode::State, field, message)
}

/// What an outcome that is none is told as.
fn refusal(outcome: &str) -> Error {
    let message = match outcome {
        "unknown" => return Error::not_found("id", "request"),
        "program" => "Only people decide on approvals, not service accounts.",
        "maker" => {
            "Whoever has made or changed something, or asked for its approval, does not decide on it, by no account."
        }
        "deputy" => "The delegate of whoever has made it does not decide on it.",
        "decided" => "You have decided on this request already, or somebody has in your place.",
        "limit" => "This is beyond what was delegated to you.",
        "none" => "This is not yours to decide.",
        "closed" => return refuse("step", "This request has no such step that is open."),
        "other" => "Only whoever has asked for it or made the record takes a request back.",
        "approved" => "This request is approved already.",
        "rejected" => "This request was rejected.",
        "withdrawn" => "This request was taken back.",
        "void" => "This request is void: what was asked for is not there any more.",
        "expired" => "This request has expired; ask for the approval anew.",
        other => return Error::fault(format!("an unknown outcome of an approval: {other}")),
    };
    refuse("id", message)
}

#[derive(QueryableByName)]
struct Started {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Array<SqlUuid>>)]
    opened: Option<Vec<Uuid>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    replaced: Option<Uuid>,
}

/// What comes of asking for an approval.
pub enum Asked {
    /// A request.
    For(ApprovalRequestId),
    /// None: nothing is to be asked for, and why.
    Needless(&'static str),
}

/// Asks for the approval of a record that the caller may read, under the policy as it is now.
pub async fn ask(tx: &Tx, subject: ApprovalSubject, record: Uuid, note: String) -> Result<Asked> {
    let id = ApprovalRequestId::new();
    let started: Started = tx
        .row(
            sql("SELECT s.outcome, s.opened, s.replaced FROM practice.start_approval($1, $2, $3, $4) s")
                .bind::<SqlUuid, _>(id)
                .bind::<Text, _>(subject)
                .bind::<SqlUuid, _>(record)
                .bind::<Text, _>(note),
        )
        .await?;
    match started.outcome.as_str() {
        "ok" => {}
        "unknown" => return Err(Error::not_found("record", "record")),
        "done" => return Ok(Asked::Needless("This is done already: nothing is left to approve.")),
        "free" => return Ok(Asked::Needless("This needs no approval.")),
        "pending" => return Ok(Asked::Needless("Its approval is asked for already.")),
        "approved" => return Ok(Asked::Needless("This is approved already.")),
        other => return Err(Error::fault(format!("an unknown outcome of a request: {other}"))),
    }
    if let Some(replaced) = started.replaced {
        emit(tx, EventKind::ApprovalRequestEnded, replaced);
    }
    emit(tx, EventKind::ApprovalRequestCreated, id.0);
    for item in started.opened.into_iter().flatten() {
        emit(tx, EventKind::WorkItemCreated, item);
    }
    Ok(Asked::For(id))
}

async fn create(tx: &Tx, subject: ApprovalSubject, record: Uuid, note: Option<String>) -> Result<ApprovalRequest> {
    let note = note.unwrap_or_default();
    sized("note", &note, 0..=2000)?;
    match ask(tx, subject, record, note).await? {
        Asked::Needless(why) => Err(refuse("record", why)),
        Asked::For(id) => {
            find(tx, id).await?.ok_or_else(|| Error::fault("the request that was just made is not there"))
        }
    }
}

#[derive(QueryableByName)]
struct Decided {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Array<SqlUuid>)]
    opened: Vec<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    closed: Vec<Uuid>,
    #[diesel(sql_type = Bool)]
    ended: bool,
}

async fn decide(tx: &Tx, input: ApprovalRequestDecideInput) -> Result<ApprovalRequest> {
    let ApprovalRequestDecideInput { id, step, verdict, comment } = input;
    let comment = comment.unwrap_or_default();
    sized("comment", &comment, 0..=2000)?;
    if verdict == ApprovalVerdict::Reject && comment.trim().is_empty() {
        return Err(Error::refuse(UserErrorCode::Required, "comment", "A rejection says why."));
    }
    let decided: Decided = tx
        .row(
            sql("SELECT d.outcome, d.opened, d.closed, d.ended FROM practice.decide_approval($1, $2, $3, $4, $5) d")
                .bind::<SqlUuid, _>(new_uuid())
                .bind::<SqlUuid, _>(id)
                .bind::<Nullable<Int4>, _>(step)
                .bind::<Text, _>(verdict)
                .bind::<Text, _>(comment),
        )
        .await?;
    match decided.outcome.as_str() {
        "ok" => {
            emit(tx, EventKind::ApprovalRequestDecided, id.0);
            if decided.ended {
                emit(tx, EventKind::ApprovalRequestEnded, id.0);
            }
            for item in decided.closed {
                emit(tx, EventKind::WorkItemCompleted, item);
            }
            for item in decided.opened {
                emit(tx, EventKind::WorkItemCreated, item);
            }
        }
        "again" => {}
        other => return Err(refusal(other)),
    }
    find(tx, id).await?.ok_or_else(|| Error::fault("the request that was just decided is not there"))
}

#[derive(QueryableByName)]
struct Withdrawn {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Array<SqlUuid>>)]
    closed: Option<Vec<Uuid>>,
}

async fn withdraw(tx: &Tx, id: ApprovalRequestId) -> Result<ApprovalRequest> {
    let withdrawn: Withdrawn =
        tx.row(sql("SELECT w.outcome, w.closed FROM practice.withdraw_approval($1) w").bind::<SqlUuid, _>(id)).await?;
    if withdrawn.outcome != "ok" {
        return Err(refusal(&withdrawn.outcome));
    }
    emit(tx, EventKind::ApprovalRequestEnded, id.0);
    for item in withdrawn.closed.into_iter().flatten() {
        emit(tx, EventKind::WorkItemCancelled, item);
    }
    find(tx, id).await?.ok_or_else(|| Error::fault("the request that was just taken back is not there"))
}

/// What is done with requests.
#[derive(Default)]
pub struct ApprovalRequestMutation;

#[Object]
impl ApprovalRequestMutation {
    /// Asks for the approval of a record, under the policy as it is now. Right: `work.approval.request`, and that to read
    /// the record.
    async fn approval_request_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record.")] input: ApprovalRequestCreateInput,
    ) -> async_graphql::Result<Option<ApprovalRequestPayload>> {
        let tx = ctx.tx(Can::ApprovalRequest).await?;
        let done = async {
            let unknown = || Error::not_found("record", "record");
            let (kind, record) = node::named(&input.record).ok_or_else(unknown)?;
            let subject = ApprovalSubject::of(kind).ok_or_else(unknown)?;
            node::find(ctx, &input.record).await?.ok_or_else(unknown)?;
            create(tx, subject, record, input.note).await
        };
        ApprovalRequestPayload::settle(ctx, done.await)
    }

    /// Decides on an open step of a request that is the caller's to decide today. Whoever has made the record, changed it or
    /// asked for its approval does not, nor his delegate, nor another account of his; a service account never does. One
    /// person decides once on a request. Right: `work.approval.decide`.
    async fn approval_request_decide(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is decided.")] input: ApprovalRequestDecideInput,
    ) -> async_graphql::Result<Option<ApprovalRequestPayload>> {
        ApprovalRequestPayload::settle(ctx, decide(ctx.tx(Can::ApprovalDecide).await?, input).await)
    }

    /// Takes a pending request back. Right: `work.approval.request`.
    async fn approval_request_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request.")] input: ApprovalRequestWithdrawInput,
    ) -> async_graphql::Result<Option<ApprovalRequestPayload>> {
        ApprovalRequestPayload::settle(ctx, withdraw(ctx.tx(Can::ApprovalRequest).await?, input.id).await)
    }
}
