//! Signing without an account: by a link that was mailed to an address and is shown to nobody else. What was revoked or is over
//! looks like what never was.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_credentials::Opaque;
use diesel::QueryableByName;
use diesel::sql_types::{Binary, Int8, Nullable, Text, Timestamptz};
use futures_util::stream::BoxStream;
use uuid::Uuid;

use super::act::{Act, Who, act, open};
use super::signer::SignerState;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::files::api::files;
use crate::platform::files::{Bytes, Files};
use crate::platform::ids::new_uuid;
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::signing;
use crate::platform::sql::sql;

/// What somebody without an account is asked to sign, or has signed.
#[derive(SimpleObject, Clone, Debug)]
pub struct SignatureInvitation {
    /// What it is about.
    pub title: String,
    /// What the signers are told beside that; empty if nothing.
    pub message: String,
    /// The name of the client for which it is signed.
    pub client_name: String,
    /// Who asks.
    pub requested_by_name: String,
    /// The signer's name as he was asked.
    pub name: String,
    /// The address to which the link was mailed.
    pub email: String,
    /// What the signer has done.
    pub state: SignerState,
    /// The name of the file.
    pub file_name: String,
    /// SHA-256 of the bytes that are signed, in hexadecimal. Whoever signs says it.
    pub document_sha256: String,
    /// Until when it can be signed.
    pub expires_at: DateTime,
    /// When the signer has opened the document first; null if he has not.
    pub opened_at: Option<DateTime>,
    /// When he has signed or declined; null before.
    pub acted_at: Option<DateTime>,
    /// The address from which the document's bytes can be taken by GET, as long as the link leads to it. It begins with `/`
    /// where the server does not know how it is reached from outside.
    pub download_url: String,
}

#[derive(QueryableByName, Clone, Debug)]
struct Row {
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    message: String,
    #[diesel(sql_type = Text)]
    client_name: String,
    #[diesel(sql_type = Text)]
    requested_by_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    email: String,
    #[diesel(sql_type = Text)]
    state: SignerState,
    #[diesel(sql_type = Text)]
    file_name: String,
    #[diesel(sql_type = Text)]
    document_sha256: String,
    #[diesel(sql_type = Timestamptz)]
    expires_at: DateTime,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    opened_at: Option<DateTime>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    acted_at: Option<DateTime>,
    #[diesel(sql_type = Text)]
    object_key: String,
    #[diesel(sql_type = Int8)]
    size: i64,
    #[diesel(sql_type = Text)]
    media_type: String,
}

crate::platform::payload! {
    /// What became of what somebody without an account was asked to sign.
    SignatureInvitationPayload {
        /// It as it is now.
        signature: SignatureInvitation
    }
}

/// A link that is opened.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureLinkOpenInput {
    /// The token of the link.
    pub token: String,
}

/// A signature by a link.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureLinkSignInput {
    /// The token of the link. It has to have been opened.
    pub token: String,
    /// Whether the signer agrees to sign electronically. Without that nothing is signed.
    pub consent: bool,
    /// SHA-256 of the document as he has it before him, in hexadecimal.
    pub document_sha256: String,
    /// His name, typed as his signature, 1 to 200 characters.
    pub name: String,
    /// What he declares with it, e.g. `I have read this contract and agree to it`, 1 to 1,000 characters.
    pub words: String,
}

/// A signature that is not given.
#[derive(InputObject, Clone, Debug)]
pub struct SignatureLinkDeclineInput {
    /// The token of the link. It has to have been opened.
    pub token: String,
    /// Why, 1 to 1,000 characters. It ends the request for all.
    pub reason: String,
}

fn unknown() -> Error {
    Error::not_found("token", "request for your signature")
}

/// The client and the hash of a token; nothing if it is none.
fn split(token: &str) -> Option<(Uuid, [u8; 32])> {
    let (client, secret) = token.trim().split_once('.')?;
    let client = (client.len() == 32).then(|| Uuid::try_parse(client).ok()).flatten()?;
    Some((client, Opaque::Signing.hash(secret)?))
}

async fn row(tx: &Tx, hash: [u8; 32]) -> Result<Row> {
    let found =
        tx.maybe(sql("SELECT b.* FROM practice.signature_by_link($1) b").bind::<Binary, _>(hash.to_vec())).await?;
    found.ok_or_else(unknown)
}

/// What the link leads to, to be shown.
fn shown(files: &Files, token: &str, row: Row) -> SignatureInvitation {
    let base = files.settings().public_url.as_deref().unwrap_or_default().trim_end_matches('/');
    SignatureInvitation {
        title: row.title,
        message: row.message,
        client_name: row.client_name,
        requested_by_name: row.requested_by_name,
        name: row.name,
        email: row.email,
        state: row.state,
        file_name: row.file_name,
        document_sha256: row.document_sha256,
        expires_at: row.expires_at,
        opened_at: row.opened_at,
        acted_at: row.acted_at,
        download_url: format!("{base}/sign/{}", token.trim()),
    }
}

/// What a signer does by a link.
enum Doing {
    Open,
    Act(Act),
}

async fn by_link(ctx: &Context<'_>, token: &str, doing: Doing) -> Result<SignatureInvitation> {
    let scope = ctx.scope()?;
    if scope.transaction().is_some() {
        return Err(Error::BadInput("What is done by a link needs an operation of its own.".to_owned()));
    }
    let (client, hash) = split(token).ok_or_else(unknown)?;
    scope.tells_secret();
    let tx = scope.by_link(client, hash).await.map_err(|error| match error {
        Error::Forbidden(_) => unknown(),
        other => other,
    })?;
    let who = Who::Link(hash);
    match doing {
        Doing::Open => {
            open(tx, scope, who).await?;
            Ok(shown(files(ctx)?, token, row(tx, hash).await?))
        }
        Doing::Act(Act::Decline(reason)) => {
            let before = row(tx, hash).await?;
            act(tx, scope, who, Act::Decline(reason)).await?;
            // From now on the link leads nowhere.
            let declined = Row { state: SignerState::Declined, acted_at: Some(DateTime(tx.now())), ..before };
            Ok(shown(files(ctx)?, token, declined))
        }
        Doing::Act(sign) => {
            act(tx, scope, who, sign).await?;
            Ok(shown(files(ctx)?, token, row(tx, hash).await?))
        }
    }
}

/// The document of a link.
pub struct Taken {
    row: Row,
}

impl Taken {
    /// The file's name.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.row.file_name
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.row.size).unwrap_or_default()
    }

    /// SHA-256 of its bytes, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.row.document_sha256
    }

    /// What it is.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.row.media_type
    }

    /// Its bytes.
    pub async fn bytes(&self, files: &Files) -> Result<BoxStream<'static, Result<Bytes>>> {
        files.bytes_at(&self.row.object_key).await
    }
}

/// What a token leads to, for the edge; nothing if it leads nowhere, or its link was not opened.
pub async fn take(pools: &Pools, token: &str) -> Result<Option<Taken>> {
    let Some((client, hash)) = split(token) else { return Ok(None) };
    let tx = match signing::by_link(pools, client, hash, new_uuid()).await {
        Ok(tx) => tx,
        Err(Error::Forbidden(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = row(&tx, hash).await;
    tx.finish(false).await?;
    match found {
        Ok(row) => Ok(Some(Taken { row }).filter(|taken| taken.row.opened_at.is_some())),
        Err(Error::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What people without an account do.
#[derive(Default)]
pub struct SignatureLinkMutation;

#[Object]
impl SignatureLinkMutation {
    /// Opens the document that a link leads to, and puts on the record that the signer has it before him. The token of the link
    /// is the right. An operation of its own.
    async fn signature_link_open(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link.")] input: SignatureLinkOpenInput,
    ) -> async_graphql::Result<Option<SignatureInvitationPayload>> {
        SignatureInvitationPayload::settle(ctx, by_link(ctx, &input.token, Doing::Open).await)
    }

    /// Signs as whoever the link was mailed to. The token of the link is the right. An operation of its own.
    async fn signature_link_sign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The signature.")] input: SignatureLinkSignInput,
    ) -> async_graphql::Result<Option<SignatureInvitationPayload>> {
        let SignatureLinkSignInput { token, consent, document_sha256: sha256, name, words } = input;
        let sign = Doing::Act(Act::Sign { consent, sha256, name, words });
        SignatureInvitationPayload::settle(ctx, by_link(ctx, &token, sign).await)
    }

    /// Declines to sign, which ends the request for all of its signers. The token of the link is the right. An operation of
    /// its own.
    async fn signature_link_decline(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link, and why.")] input: SignatureLinkDeclineInput,
    ) -> async_graphql::Result<Option<SignatureInvitationPayload>> {
        let decline = Doing::Act(Act::Decline(input.reason));
        SignatureInvitationPayload::settle(ctx, by_link(ctx, &input.token, decline).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_the_client_and_holds_the_secret() {
        let (shown, hash) = Opaque::Signing.generate().unwrap();
        let client = new_uuid();
        let token = format!("{}.{}", client.simple(), shown.as_str());
        assert_eq!(split(&format!(" {token}\n")), Some((client, hash)));
        for wrong in ["", ".", shown.as_str(), &token[..token.len() - 1]] {
            assert_eq!(split(wrong), None);
        }
    }
}
