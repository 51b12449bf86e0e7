//! Laying a request down, and changing it before it goes out.

use async_graphql::{Context, InputObject, Object};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::{Value, json};

use super::ids::SignatureRequestId;
use super::request::{SignatureRequest, SignatureRequestPayload, asking, find};
use crate::documents::ids::DocumentVersionId;
use crate::documents::version::ById;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::input::{mailable, sized};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::work::reminder;

/// The longest that a request can be signed.
pub(super) const LONGEST: chrono::TimeDelta = chrono::TimeDelta::days(366);
/// The most signers of one request.
const MOST: usize = 20;

/// Somebody who is to sign: by his account, or by name and address.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureSignerInput {
    /// Who signs by his account: somebody with the right `office.signature.sign` in this client.
    pub user: Option<UserId>,
    /// The name of whoever has no account here, 1 to 200 characters.
    pub name: Option<String>,
    /// His mail address: the link by which he signs goes there and nowhere else. Somebody with an account signs by that.
    pub email: Option<String>,
}

/// Those who sign beside each other.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureStepInput {
    /// Who, at least one.
    pub signers: Vec<SignatureSignerInput>,
}

/// A new request for signatures.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureRequestCreateInput {
    /// The version that is to be signed: when it goes out, the current one of its document.
    pub version: DocumentVersionId,
    /// What it is about, 1 to 200 characters.
    pub title: String,
    /// What the signers are told beside that, at most 2,000 characters.
    pub message: Option<String>,
    /// The steps in their order, with at most 20 signers altogether. A step is asked when all of the step before have signed.
    pub steps: Vec<SignatureStepInput>,
    /// Until when it can be signed: a moment of the next 366 days.
    pub expires_at: DateTime,
    /// On which days behind the day on which it goes out whoever has not signed is reminded: at most 20, each 1 to 365.
    pub remind_after_days: Option<Vec<i32>>,
}

/// A draft that is laid down anew, as a whole.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureRequestUpdateInput {
    /// The request. It has to be a draft.
    pub id: SignatureRequestId,
    /// The version that is to be signed.
    pub version: DocumentVersionId,
    /// What it is about, 1 to 200 characters.
    pub title: String,
    /// What the signers are told beside that, at most 2,000 characters; nothing if not said.
    pub message: Option<String>,
    /// The steps in their order, with at most 20 signers altogether.
    pub steps: Vec<SignatureStepInput>,
    /// Until when it can be signed: a moment of the next 366 days.
    pub expires_at: DateTime,
    /// On which days behind the day on which it goes out whoever has not signed is reminded; on none if not said.
    pub remind_after_days: Option<Vec<i32>>,
    /// The version of the request that was read; a later one is not overwritten.
    pub expected_version: Option<i32>,
}

fn invalid(field: &str, message: &str) -> Error {
    Error::refuse(UserErrorCode::Invalid, field, message)
}

/// Where a signer stands in the input, and what the database is told of him.
fn signers(steps: &[SignatureStepInput]) -> Result<Vec<(String, Value)>> {
    let all = steps.iter().map(|step| step.signers.len()).fold(0, usize::saturating_add);
    if all == 0 || all > MOST {
        return Err(invalid("steps", "A request has 1 to 20 signers."));
    }
    let mut said = Vec::with_capacity(all);
    for (at, step) in steps.iter().enumerate() {
        if step.signers.is_empty() {
            return Err(invalid(&format!("steps.{at}.signers"), "In a step somebody signs."));
        }
        for (place, one) in step.signers.iter().enumerate() {
            let field = format!("steps.{at}.signers.{place}");
            let number = at.saturating_add(1);
            let value = match (one.user, &one.name, &one.email) {
                (Some(user), None, None) => json!({ "step": number, "account": user.0 }),
                (None, Some(name), Some(email)) => {
                    sized(&format!("{field}.name"), name, 1..=200)?;
                    let email = mailable(&format!("{field}.email"), email)?;
                    json!({ "step": number, "name": name.trim(), "email": email })
                }
                _ => return Err(invalid(&field, "A signer is a user, or a name with a mail address.")),
            };
            said.push((field, value));
        }
    }
    Ok(said)
}

#[derive(QueryableByName)]
struct Laid {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Int4>)]
    signer: Option<i32>,
}

/// The refusal of a signer, by where he stands in the input.
fn of_signer(said: &[(String, Value)], signer: Option<i32>, code: UserErrorCode, message: &str) -> Error {
    let at = signer.and_then(|number| usize::try_from(number).ok()).and_then(|number| number.checked_sub(1));
    let field = at.and_then(|at| said.get(at)).map_or("steps", |(field, _)| field.as_str());
    Error::refuse(code, field, message)
}

async fn lay(
    tx: &Tx,
    id: SignatureRequestId,
    input: SignatureRequestCreateInput,
    change: Option<Option<i32>>,
) -> Result<SignatureRequest> {
    sized("title", &input.title, 1..=200)?;
    let message = input.message.unwrap_or_default();
    sized("message", &message, 0..=2000)?;
    if input.expires_at.0 <= tx.now() || input.expires_at.0 > tx.now() + LONGEST {
        return Err(invalid("expiresAt", "A request can be signed until a moment of the next 366 days."));
    }
    let days = reminder::days(input.remind_after_days.unwrap_or_default())?;
    let said = signers(&input.steps)?;
    let version = input.version;
    if ById::fetch(tx, vec![version]).await?.remove(&version).is_none_or(|found| found.deleted_at.is_some()) {
        return Err(Error::not_found("version", "version of a document"));
    }
    let list: Vec<&Value> = said.iter().map(|(_, value)| value).collect();
    let laid: Laid = tx
        .row(
            sql("SELECT l.outcome, l.signer FROM practice.lay_signature($1, $2, $3, $4, $5, $6, $7, $8, $9) l")
                .bind::<SqlUuid, _>(id)
                .bind::<SqlUuid, _>(version)
                .bind::<Text, _>(input.title)
                .bind::<Text, _>(message)
                .bind::<Timestamptz, _>(input.expires_at)
                .bind::<Array<Int4>, _>(days)
                .bind::<Jsonb, _>(json!(list))
                .bind::<Bool, _>(change.is_some())
                .bind::<Nullable<Int4>, _>(change.flatten()),
        )
        .await?;
    let refused = |code, message: &str| Err(of_signer(&said, laid.signer, code, message));
    match laid.outcome.as_str() {
        "ok" => find(tx, id).await?.ok_or_else(|| Error::fault("the request that was just laid down is not there")),
        "unknown" => Err(Error::not_found("id", "request")),
        "state" => Err(Error::refuse(
            UserErrorCode::State,
            "id",
            "This request is no draft any more: what was sent out stays.",
        )),
        "conflict" => {
            let message = "The request was changed by somebody else since it was read.";
            Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message))
        }
        "version" => {
            let message = "This version cannot be signed: its file is not there, or its document lies in the trash.";
            Err(Error::refuse(UserErrorCode::State, "version", message))
        }
        "account" => refused(UserErrorCode::NotFound, "There is no such user who may sign in this client."),
        "known" => refused(
            UserErrorCode::Invalid,
            "This address belongs to somebody with an account here: name the user, who signs by that.",
        ),
        "twice" => refused(UserErrorCode::Duplicate, "One person signs once."),
        other => Err(Error::fault(format!("an unknown outcome of a draft: {other}"))),
    }
}

async fn change(tx: &Tx, input: SignatureRequestUpdateInput) -> Result<SignatureRequest> {
    let known = find(tx, input.id).await?.ok_or_else(|| Error::not_found("id", "request"))?;
    let new = SignatureRequestCreateInput {
        version: input.version,
        title: input.title,
        message: input.message,
        steps: input.steps,
        expires_at: input.expires_at,
        remind_after_days: input.remind_after_days,
    };
    lay(tx, known.id, new, Some(input.expected_version)).await
}

/// Drafts of requests.
#[derive(Default)]
pub struct SignatureDraftMutation;

#[Object]
impl SignatureDraftMutation {
    /// Lays a request for signatures down as a draft: nobody is asked before it is sent. Rights: `office.signature.request`,
    /// `office.signature.read` and `office.document.read`.
    async fn signature_request_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new request.")] input: SignatureRequestCreateInput,
    ) -> async_graphql::Result<Option<SignatureRequestPayload>> {
        let tx = asking(ctx).await?;
        ctx.tx(Can::OfficeDocumentRead).await?;
        SignatureRequestPayload::settle(ctx, lay(tx, SignatureRequestId::new(), input, None).await)
    }

    /// Lays a draft down anew. Rights: `office.signature.request`, `office.signature.read` and `office.document.read`.
    async fn signature_request_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The draft as it is to be.")] input: SignatureRequestUpdateInput,
    ) -> async_graphql::Result<Option<SignatureRequestPayload>> {
        let tx = asking(ctx).await?;
        ctx.tx(Can::OfficeDocumentRead).await?;
        SignatureRequestPayload::settle(ctx, change(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outsider(email: &str) -> SignatureSignerInput {
        SignatureSignerInput { user: None, name: Some("Otto".to_owned()), email: Some(email.to_owned()) }
    }

    #[test]
    fn a_signer_is_a_user_or_a_name_with_an_address() {
        let step = |signers| SignatureStepInput { signers };
        let user = SignatureSignerInput { user: Some(UserId::new()), name: None, email: None };
        let both = SignatureSignerInput { user: user.user, ..outsider("a@b.example") };
        let said = signers(&[step(vec![user.clone()]), step(vec![user, outsider("A@b.example")])]).unwrap();
        let steps: Vec<i64> = said.iter().map(|(_, value)| value["step"].as_i64().unwrap()).collect();
        assert_eq!(steps, [1, 2, 2]);
        assert_eq!(said[2].1["email"], "a@b.example");
        for wrong in [
            vec![],
            vec![step(vec![])],
            vec![step(vec![both])],
            vec![step(vec![outsider("nobody")])],
            vec![step(vec![outsider("a@b.example"); 21])],
        ] {
            assert!(signers(&wrong).is_err());
        }
    }
}
