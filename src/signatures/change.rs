//! What becomes of a request while it is out, from those who ask: sent, extended, taken back, its links renewed.

use async_graphql::{Context, InputObject, Object};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Text, Timestamptz, Uuid as SqlUuid};

use super::draft::LONGEST;
use super::evidence::measured;
use super::expiry::watch;
use super::ids::SignatureRequestId;
use super::mails::{self, News};
use super::request::{SignatureRequest, SignatureRequestPayload, asking, find};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::Files;
use crate::platform::files::api::files;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::work::reminder;

/// A draft that is to go out.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureRequestSendInput {
    /// The request.
    pub id: SignatureRequestId,
}

/// Another end of a request.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureRequestExtendInput {
    /// The request. It has to be out.
    pub id: SignatureRequestId,
    /// Until when it can be signed: a moment of the next 366 days, later or earlier than before.
    pub expires_at: DateTime,
}

/// A request that is taken back.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureRequestWithdrawInput {
    /// The request: a draft, or one that is out.
    pub id: SignatureRequestId,
    /// Why, 1 to 1,000 characters.
    pub reason: String,
}

/// The links of a signer.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureRequestLinkInput {
    /// The request.
    pub id: SignatureRequestId,
    /// The number of the signer, who has no account here.
    pub signer: i32,
}

fn over(outcome: &str) -> Error {
    let message = match outcome {
        "unknown" => return Error::not_found("id", "request"),
        "draft" => "This request is a draft: it was not sent out yet.",
        "signed" => "This is signed by all.",
        "declined" => "A signer has declined.",
        "expired" => "Its time is over; ask anew.",
        "withdrawn" => "This was taken back before.",
        other => return Error::fault(format!("an unknown outcome of a request: {other}")),
    };
    Error::refuse(UserErrorCode::State, "id", message)
}

/// The request as the actor sees it.
async fn seen(tx: &Tx, id: SignatureRequestId) -> Result<SignatureRequest> {
    find(tx, id).await?.ok_or_else(|| Error::not_found("id", "request"))
}

#[derive(QueryableByName)]
struct Sent {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Array<Int4>)]
    asked: Vec<i32>,
}

#[derive(QueryableByName)]
struct Outcome {
    #[diesel(sql_type = Text)]
    outcome: String,
}

async fn send(tx: &Tx, files: &Files, id: SignatureRequestId) -> Result<SignatureRequest> {
    let known = seen(tx, id).await?;
    // What goes out is what lies in the store.
    if measured(tx, files, known.file_id).await?.is_some_and(|found| found != known.document_sha256) {
        let message = "The bytes of this document are not what they were when it was laid down: it cannot be signed.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let sent: Sent =
        tx.row(sql("SELECT s.outcome, s.asked FROM practice.send_signature($1) s").bind::<SqlUuid, _>(id)).await?;
    let refuse = |message: &str| Err(Error::refuse(UserErrorCode::State, "id", message));
    match sent.outcome.as_str() {
        "ok" => {}
        "state" => return refuse("This request went out before."),
        "version" => {
            return refuse(
                "This version is not the current one of its document any more, or the document is in the trash: \
                 lay the request down anew.",
            );
        }
        "past" => return refuse("Its end has passed: lay the draft down anew with another one."),
        "account" => return refuse("A signer may not sign in this client any more: lay the draft down anew."),
        other => return Err(over(other)),
    }
    for signer in sent.asked {
        mails::ask(tx, id.0, News::Asked { signer }, None).await?;
    }
    for after in known.remind_after {
        let due = reminder::due(tx.time_zone(), tx.today(), after)?;
        mails::ask(tx, id.0, News::Reminder, Some(due)).await?;
    }
    watch(tx, id.0, known.expires_at).await?;
    emit(tx, EventKind::SignatureRequestSent, id.0);
    seen(tx, id).await
}

async fn extend(tx: &Tx, input: SignatureRequestExtendInput) -> Result<SignatureRequest> {
    let known = seen(tx, input.id).await?;
    if input.expires_at.0 <= tx.now() || input.expires_at.0 > tx.now() + LONGEST {
        let message = "A request can be signed until a moment of the next 366 days.";
        return Err(Error::refuse(UserErrorCode::Invalid, "expiresAt", message));
    }
    let done: Outcome = tx
        .row(
            sql("SELECT practice.extend_signature($1, $2) AS outcome")
                .bind::<SqlUuid, _>(known.id)
                .bind::<Timestamptz, _>(input.expires_at),
        )
        .await?;
    match done.outcome.as_str() {
        "ok" => {}
        "past" => return Err(Error::refuse(UserErrorCode::Invalid, "expiresAt", "This moment has passed.")),
        other => return Err(over(other)),
    }
    let now = seen(tx, known.id).await?;
    watch(tx, known.id.0, now.expires_at).await?;
    emit(tx, EventKind::SignatureRequestUpdated, known.id.0);
    Ok(now)
}

async fn withdraw(tx: &Tx, input: SignatureRequestWithdrawInput) -> Result<SignatureRequest> {
    let known = seen(tx, input.id).await?;
    sized("reason", &input.reason, 1..=1000)?;
    let done: Outcome = tx
        .row(
            sql("SELECT practice.withdraw_signature($1, $2) AS outcome")
                .bind::<SqlUuid, _>(known.id)
                .bind::<Text, _>(input.reason),
        )
        .await?;
    if done.outcome != "ok" {
        return Err(over(&done.outcome));
    }
    emit(tx, EventKind::SignatureRequestEnded, known.id.0);
    seen(tx, known.id).await
}

async fn revoke(tx: &Tx, input: &SignatureRequestLinkInput) -> Result<SignatureRequest> {
    let known = seen(tx, input.id).await?;
    let done: Outcome = tx
        .row(
            sql("SELECT practice.revoke_signature_links($1, $2) AS outcome")
                .bind::<SqlUuid, _>(known.id)
                .bind::<Int4, _>(input.signer),
        )
        .await?;
    match done.outcome.as_str() {
        "ok" => {}
        "signer" => return Err(Error::not_found("signer", "signer of this request")),
        "account" => {
            let message = "This signer signs by his account, and has no link.";
            return Err(Error::refuse(UserErrorCode::State, "signer", message));
        }
        other => return Err(over(other)),
    }
    emit(tx, EventKind::SignatureRequestUpdated, known.id.0);
    seen(tx, known.id).await
}

/// What is done with requests.
#[derive(Default)]
pub struct SignatureRequestMutation;

#[Object]
impl SignatureRequestMutation {
    /// Sends a draft out: the signers of its first step are asked by mail. From now on its version and its document stay
    /// where they are until it is over. Rights: `office.signature.request`, `office.signature.read` and `core.file.read`.
    async fn signature_request_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The draft.")] input: SignatureRequestSendInput,
    ) -> async_graphql::Result<Option<SignatureRequestPayload>> {
        let tx = asking(ctx).await?;
        ctx.tx(Can::FileRead).await?;
        SignatureRequestPayload::settle(ctx, send(tx, files(ctx)?, input.id).await)
    }

    /// Gives a request that is out another end. Rights: `office.signature.request` and `office.signature.read`.
    async fn signature_request_extend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request and its new end.")] input: SignatureRequestExtendInput,
    ) -> async_graphql::Result<Option<SignatureRequestPayload>> {
        SignatureRequestPayload::settle(ctx, extend(asking(ctx).await?, input).await)
    }

    /// Takes a request back: nobody signs it any more. Rights: `office.signature.request` and `office.signature.read`.
    async fn signature_request_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request.")] input: SignatureRequestWithdrawInput,
    ) -> async_graphql::Result<Option<SignatureRequestPayload>> {
        SignatureRequestPayload::settle(ctx, withdraw(asking(ctx).await?, input).await)
    }

    /// Lets all links of a signer lead nowhere: from now on they look as if they had never been. Rights:
    /// `office.signature.request` and `office.signature.read`.
    async fn signature_request_link_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request and the signer.")] input: SignatureRequestLinkInput,
    ) -> async_graphql::Result<Option<SignatureRequestPayload>> {
        SignatureRequestPayload::settle(ctx, revoke(asking(ctx).await?, &input).await)
    }

    /// The same, and mails him a new link if it is his turn. The link is shown to nobody else. Rights:
    /// `office.signature.request` and `office.signature.read`.
    async fn signature_request_link_renew(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request and the signer.")] input: SignatureRequestLinkInput,
    ) -> async_graphql::Result<Option<SignatureRequestPayload>> {
        let tx = asking(ctx).await?;
        let done = async {
            let request = revoke(tx, &input).await?;
            mails::ask(tx, request.id.0, News::Asked { signer: input.signer }, None).await?;
            Ok(request)
        };
        SignatureRequestPayload::settle(ctx, done.await)
    }
}
