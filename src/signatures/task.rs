//! A request as one of its signers sees it, who signs by his account: at his turn and behind it.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Int4, Int8, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::act::{Act, Who, act, open};
use super::ids::{SignatureRequestId, SignatureTaskId};
use super::request::SignatureState;
use super::signer::SignerState;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::files::ticket::Verb;
use crate::platform::files::{File, FileId, Files};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::schema::file;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// What somebody is asked to sign, or has signed, in his own name.
#[derive(QueryableByName, SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct SignatureTask {
    /// Global id.
    #[diesel(sql_type = SqlUuid)]
    pub id: SignatureTaskId,
    /// What it is about.
    #[diesel(sql_type = Text)]
    pub title: String,
    /// What the signers are told beside that; empty if nothing.
    #[diesel(sql_type = Text)]
    pub message: String,
    /// What one has done oneself.
    #[diesel(sql_type = Text)]
    pub state: SignerState,
    /// How far the request has come with all of its signers.
    #[diesel(sql_type = Text)]
    pub request_state: SignatureState,
    /// Who asks.
    #[diesel(sql_type = Text)]
    pub requested_by_name: String,
    /// The name of the file.
    #[diesel(sql_type = Text)]
    pub file_name: String,
    /// The number of the version among those of its document.
    #[diesel(sql_type = Int4)]
    pub version_number: i32,
    /// SHA-256 of the bytes that are signed, in hexadecimal. Whoever signs says it.
    #[diesel(sql_type = Text)]
    pub document_sha256: String,
    /// Until when it can be signed.
    #[diesel(sql_type = Timestamptz)]
    pub expires_at: DateTime,
    /// When one has opened the document first; null if one has not.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub opened_at: Option<DateTime>,
    /// When one has signed or declined; null before.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub acted_at: Option<DateTime>,
    /// The name that one has typed as one's signature; null before.
    #[diesel(sql_type = Nullable<Text>)]
    pub typed_name: Option<String>,
    #[diesel(sql_type = SqlUuid)]
    #[graphql(skip)]
    file_id: Uuid,
}

#[ComplexObject]
impl SignatureTask {
    /// An address from which the document's bytes can be taken by GET, for 15 minutes; null before the document was opened
    /// with `signatureTaskOpen`, and where it cannot be signed any more.
    async fn download_url(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let tx = ctx.tx(Can::SignatureSign).await?;
        if self.opened_at.is_none() {
            return Ok(None);
        }
        // Queries from inside, for an export, lead to no addresses.
        let Some(files) = ctx.data_opt::<std::sync::Arc<Files>>() else { return Ok(None) };
        let Some(file) = file_to_sign(tx, FileId(self.file_id)).await? else { return Ok(None) };
        let scope = ctx.scope()?;
        scope.tells_secret();
        Ok(Some(files.address(scope.caller(), tx, &file, Verb::ToSign)?.0))
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Int8)]
    count: i64,
}

/// Which of one's tasks.
#[derive(Default)]
struct Which {
    keys: Option<Vec<Uuid>>,
    file: Option<Uuid>,
    open: Option<bool>,
    before: Option<Uuid>,
    most: Option<i64>,
}

/// The tasks of the actor, the latest first.
async fn own(tx: &Tx, which: Which) -> Result<Vec<SignatureTask>> {
    tx.tells_own();
    tx.rows(
        sql("SELECT q.id, q.title, q.message, s.state,
                    CASE WHEN q.state = 'out' AND q.expires_at <= $3 THEN 'expired' ELSE q.state END AS request_state,
                    q.requested_by_name, q.file_name, q.version_number, q.document_sha256, q.expires_at, s.opened_at, s.acted_at,
                    s.typed_name, q.file_id
               FROM practice.signature_signer s
               JOIN practice.signature_request q ON q.tenant_id = s.tenant_id AND q.id = s.request_id
              WHERE s.tenant_id = $1 AND s.account_id = $2 AND s.state <> 'waiting'
                AND ($4 IS NULL OR s.request_id = ANY ($4)) AND ($5 IS NULL OR q.file_id = $5) AND ($7 IS NULL OR s.request_id < $7)
                AND ($6 IS NULL OR $6 = (s.state = 'asked' AND q.state = 'out' AND q.expires_at > $3))
              ORDER BY s.request_id DESC LIMIT $8")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Timestamptz, _>(DateTime(tx.now()))
        .bind::<Nullable<Array<SqlUuid>>, _>(which.keys)
        .bind::<Nullable<SqlUuid>, _>(which.file)
        .bind::<Nullable<Bool>, _>(which.open)
        .bind::<Nullable<SqlUuid>, _>(which.before)
        .bind::<Nullable<Int8>, _>(which.most),
    )
    .await
}

impl Fetch for SignatureTask {
    type Key = SignatureTaskId;
    type Value = Self;
    const CAN: Can = Can::SignatureSign;

    async fn fetch(tx: &Tx, keys: Vec<SignatureTaskId>) -> Result<HashMap<SignatureTaskId, Self>> {
        let keys = keys.into_iter().map(|key| key.0).collect();
        let rows = own(tx, Which { keys: Some(keys), ..Which::default() }).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The file of that id, if it is what the actor is asked to sign, or has signed.
pub async fn file_to_sign(tx: &Tx, id: FileId) -> Result<Option<File>> {
    let tasks = own(tx, Which { file: Some(id.0), ..Which::default() }).await?;
    let shown = tasks.iter().any(|task| {
        task.opened_at.is_some() && [SignatureState::Out, SignatureState::Signed].contains(&task.request_state)
    });
    if !shown {
        return Ok(None);
    }
    let found = file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(id)).select(File::as_select());
    Ok(tx.maybe(found).await?.filter(File::is_there))
}

crate::platform::connection!(
    /// A page of what one is asked to sign.
    SignatureTaskConnection, SignatureTaskEdge, SignatureTask
);

crate::platform::payload! {
    /// What became of what one was asked to sign.
    SignatureTaskPayload {
        /// It as it is now.
        signature_task: SignatureTask
    }
}

/// A document that is opened to be signed.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureTaskOpenInput {
    /// What one is asked to sign.
    pub id: SignatureTaskId,
}

/// A signature in one's own name.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureTaskSignInput {
    /// What one is asked to sign. It has to have been opened.
    pub id: SignatureTaskId,
    /// Whether one agrees to sign electronically. Without that nothing is signed.
    pub consent: bool,
    /// SHA-256 of the document as one has it before oneself, in hexadecimal.
    pub document_sha256: String,
    /// One's name, typed as one's signature, 1 to 200 characters.
    pub name: String,
    /// What one declares with it, e.g. `I have read this contract and agree to it`, 1 to 1,000 characters.
    pub words: String,
}

/// A signature that is not given.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureTaskDeclineInput {
    /// What one is asked to sign. It has to have been opened.
    pub id: SignatureTaskId,
    /// Why, 1 to 1,000 characters. It ends the request for all.
    pub reason: String,
}

async fn after(tx: &Tx, id: SignatureTaskId, done: Result<()>) -> Result<SignatureTask> {
    done?;
    let found = SignatureTask::fetch(tx, vec![id]).await?.remove(&id);
    found.ok_or_else(|| Error::fault("what was just done to a signature is not there"))
}

fn who(id: SignatureTaskId) -> Who {
    Who::Account(SignatureRequestId(id.0))
}

/// Queries of signers.
#[derive(Default)]
pub struct SignatureTaskQuery;

#[Object]
impl SignatureTaskQuery {
    /// One thing that one is asked to sign oneself, or has signed; null if the id is unknown. Right: `office.signature.sign`.
    async fn signature_task(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: SignatureTaskId,
    ) -> async_graphql::Result<Option<SignatureTask>> {
        Ok(ctx.load::<SignatureTask>(id).await?)
    }

    /// What one is asked to sign oneself, or has signed or declined, the latest first. What waits for others first is not
    /// shown. Right: `office.signature.sign`.
    async fn signature_tasks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "True: only what waits for one; false: only what does not; both if not said.")] open: Option<
            bool,
        >,
    ) -> async_graphql::Result<SignatureTaskConnection> {
        let tx = ctx.tx(Can::SignatureSign).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total = if ctx.look_ahead().field("totalCount").exists() {
            tx.tells_own();
            let counted: Count = tx
                .row(
                    sql("SELECT count(*) AS count FROM practice.signature_signer s
                           JOIN practice.signature_request q ON q.tenant_id = s.tenant_id AND q.id = s.request_id
                          WHERE s.tenant_id = $1 AND s.account_id = $2 AND s.state <> 'waiting'
                            AND ($4 IS NULL OR $4 = (s.state = 'asked' AND q.state = 'out' AND q.expires_at > $3))")
                    .bind::<SqlUuid, _>(tx.tenant()?)
                    .bind::<SqlUuid, _>(tx.actor())
                    .bind::<Timestamptz, _>(DateTime(tx.now()))
                    .bind::<Nullable<Bool>, _>(open),
                )
                .await?;
            Some(counted.count)
        } else {
            None
        };
        let before = slice.after.as_ref().map(|(_, id)| *id);
        let rows = own(tx, Which { open, before, most: Some(slice.limit()), ..Which::default() }).await?;
        Ok(SignatureTaskConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// What signers do.
#[derive(Default)]
pub struct SignatureTaskMutation;

#[Object]
impl SignatureTaskMutation {
    /// Opens the document that one is asked to sign: its address is in `downloadUrl` from now on, and that one has it before
    /// oneself is on the record. Right: `office.signature.sign`.
    async fn signature_task_open(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is opened.")] input: SignatureTaskOpenInput,
    ) -> async_graphql::Result<Option<SignatureTaskPayload>> {
        let (tx, scope) = (ctx.tx(Can::SignatureSign).await?, ctx.scope()?);
        let done = after(tx, input.id, open(tx, scope, who(input.id)).await).await;
        SignatureTaskPayload::settle(ctx, done)
    }

    /// Signs in one's own name. Nobody signs for another, and no service account signs. Right: `office.signature.sign`.
    async fn signature_task_sign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The signature.")] input: SignatureTaskSignInput,
    ) -> async_graphql::Result<Option<SignatureTaskPayload>> {
        let (tx, scope, id) = (ctx.tx(Can::SignatureSign).await?, ctx.scope()?, input.id);
        let SignatureTaskSignInput { consent, document_sha256: sha256, name, words, .. } = input;
        let done = act(tx, scope, who(id), Act::Sign { consent, sha256, name, words }).await;
        SignatureTaskPayload::settle(ctx, after(tx, id, done).await)
    }

    /// Declines to sign, which ends the request for all of its signers. Right: `office.signature.sign`.
    async fn signature_task_decline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is declined, and why.")] input: SignatureTaskDeclineInput,
    ) -> async_graphql::Result<Option<SignatureTaskPayload>> {
        let (tx, scope) = (ctx.tx(Can::SignatureSign).await?, ctx.scope()?);
        let done = act(tx, scope, who(input.id), Act::Decline(input.reason)).await;
        SignatureTaskPayload::settle(ctx, after(tx, input.id, done).await)
    }
}
