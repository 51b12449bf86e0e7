//! Links by which somebody without a sign-in takes a document: a secret of which only the hash is kept, an end, perhaps a
//! password and a number of downloads. Over or revoked, they look like links that never were.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Bytea, Int8, Nullable, Text, Uuid as SqlUuid};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::document::{Document, locked};
use super::ids::{DocumentId, DocumentShareId, DocumentVersionId};
use super::version::ById;
use crate::identity::hashing;
use crate::platform::can::Can;
use crate::platform::db::{Pools, Tx};
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::files::Files;
use crate::platform::files::api::files;
use crate::platform::ids::known::UserId;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, settle};
use crate::platform::sql::sql;
use crate::schema::document_share;

/// The longest that a link leads anywhere.
const LONGEST: chrono::TimeDelta = chrono::TimeDelta::days(366);
/// The most links to one document that are not over.
const MOST: i64 = 100;

/// A link by which somebody without a sign-in takes a document. Its secret was said once, when it was made.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document_share)]
#[graphql(complex)]
pub struct DocumentShare {
    /// Global id.
    pub id: DocumentShareId,
    #[graphql(skip)]
    document_id: DocumentId,
    #[graphql(skip)]
    version_id: Option<DocumentVersionId>,
    #[graphql(skip)]
    password_hash: Option<String>,
    /// Until when it leads to the document.
    pub expires_at: DateTime,
    /// How often the document can be taken by it; null: without a bound.
    pub most_downloads: Option<i32>,
    /// How often it was taken.
    pub downloads: i32,
    /// When it was revoked; null if it was not.
    pub revoked_at: Option<DateTime>,
    #[graphql(skip)]
    created_by: Uuid,
    /// When it was made.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
}

#[ComplexObject]
impl DocumentShare {
    /// The document that it leads to.
    async fn document_id(&self) -> DocumentId {
        self.document_id
    }

    /// The version that it leads to; null: whichever is current.
    async fn version_id(&self) -> Option<DocumentVersionId> {
        self.version_id
    }

    /// Whether it asks for a password.
    async fn has_password(&self) -> bool {
        self.password_hash.is_some()
    }

    /// The id of whoever made it.
    async fn created_by(&self) -> UserId {
        UserId(self.created_by)
    }
}

impl Fetch for DocumentShare {
    type Key = DocumentShareId;
    type Value = Self;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentShareId>) -> Result<HashMap<DocumentShareId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                document_share::table
                    .filter(document_share::tenant_id.eq(tx.tenant()?))
                    .filter(document_share::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        let seen = Document::fetch(tx, rows.iter().map(|row| row.document_id).collect()).await?;
        Ok(rows.into_iter().filter(|row| seen.contains_key(&row.document_id)).map(|row| (row.id, row)).collect())
    }
}

/// The links to documents.
pub struct OfDocument;

impl Fetch for OfDocument {
    type Key = DocumentId;
    type Value = Vec<DocumentShare>;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentId>) -> Result<HashMap<DocumentId, Vec<DocumentShare>>> {
        let rows: Vec<DocumentShare> = tx
            .rows(
                document_share::table
                    .filter(document_share::tenant_id.eq(tx.tenant()?))
                    .filter(document_share::document_id.eq_any(keys))
                    .order(document_share::id.desc())
                    .select(DocumentShare::as_select()),
            )
            .await?;
        let mut by_document: HashMap<DocumentId, Vec<DocumentShare>> = HashMap::new();
        for row in rows {
            by_document.entry(row.document_id).or_default().push(row);
        }
        Ok(by_document)
    }
}

/// A new link to a document.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentShareCreateInput {
    /// The document.
    pub document: DocumentId,
    /// The version that it leads to; whichever is current if not said.
    pub version: Option<DocumentVersionId>,
    /// Until when it leads there: at most 366 days from now.
    pub expires_at: DateTime,
    /// A password that is asked for, 8 to 200 characters; none if not said.
    pub password: Option<String>,
    /// How often the document can be taken by it, 1 to 1,000,000; without a bound if not said.
    pub most_downloads: Option<i32>,
}

/// A link that is to lead nowhere any more.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentShareRevokeInput {
    /// The link.
    pub id: DocumentShareId,
}

/// What became of a new link.
#[derive(SimpleObject)]
pub struct DocumentShareCreatePayload {
    /// The link.
    pub document_share: Option<DocumentShare>,
    /// Its address with the secret, which is said this once and never again. It begins with `/` where the server does not
    /// know how it is reached from outside.
    pub url: Option<String>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

crate::platform::payload! {
    /// What became of a link.
    DocumentSharePayload {
        /// The link as it is now.
        document_share: DocumentShare
    }
}

/// What is kept of a secret.
fn hash(secret: &[u8]) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

async fn create(
    tx: &Tx,
    input: DocumentShareCreateInput,
    password_hash: Option<String>,
    secret: &[u8],
) -> Result<DocumentShare> {
    let invalid = |field: &str, message: &str| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    if input.expires_at.0 <= tx.now() || input.expires_at.0 > tx.now() + LONGEST {
        return invalid("expiresAt", "A link leads to a document until a moment of the next 366 days.");
    }
    if input.most_downloads.is_some_and(|most| !(1..=1_000_000).contains(&most)) {
        return invalid("mostDownloads", "A document is taken 1 to 1,000,000 times.");
    }
    let found = locked(tx, input.document, "document").await?;
    if found.trashed_on.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "document", "This document is in the trash."));
    }
    if let Some(version) = input.version {
        let own = ById::fetch(tx, vec![version]).await?.remove(&version);
        if !own.is_some_and(|own| own.document_id == found.id && own.deleted_at.is_none()) {
            return Err(Error::not_found("version", "version of this document"));
        }
    }
    let live: i64 = tx
        .row(
            document_share::table
                .filter(document_share::tenant_id.eq(tx.tenant()?))
                .filter(document_share::document_id.eq(found.id))
                .filter(document_share::revoked_at.is_null())
                .filter(document_share::expires_at.gt(tx.now()))
                .count(),
        )
        .await?;
    if live >= MOST {
        return Err(Error::refuse(
            UserErrorCode::State,
            "document",
            format!("At most {MOST} links lead to a document."),
        ));
    }
    tx.row(
        diesel::insert_into(document_share::table)
            .values((
                document_share::tenant_id.eq(tx.tenant()?),
                document_share::id.eq(DocumentShareId::new()),
                document_share::document_id.eq(found.id),
                document_share::version_id.eq(input.version),
                document_share::token_hash.eq(hash(secret)),
                document_share::password_hash.eq(password_hash),
                document_share::expires_at.eq(input.expires_at),
                document_share::most_downloads.eq(input.most_downloads),
                document_share::created_by.eq(tx.actor()),
            ))
            .returning(DocumentShare::as_returning()),
    )
    .await
    .inspect(|made: &DocumentShare| emit(tx, EventKind::DocumentShareCreated, made.id.0))
}

async fn revoke(tx: &Tx, id: DocumentShareId) -> Result<DocumentShare> {
    let known = DocumentShare::fetch(tx, vec![id]).await?.remove(&id);
    let known = known.ok_or_else(|| Error::not_found("id", "link"))?;
    if known.revoked_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This link was revoked before."));
    }
    tx.row(
        diesel::update(document_share::table)
            .filter(document_share::tenant_id.eq(tx.tenant()?))
            .filter(document_share::id.eq(id))
            .set(document_share::revoked_at.eq(tx.now()))
            .returning(DocumentShare::as_returning()),
    )
    .await
    .inspect(|revoked: &DocumentShare| emit(tx, EventKind::DocumentShareRevoked, revoked.id.0))
}

/// Changes of links.
#[derive(Default)]
pub struct ShareMutation;

#[Object]
impl ShareMutation {
    /// Makes a link by which whoever has it takes the document, without a sign-in. Right: `office.document.share`.
    async fn document_share_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new link.")] input: DocumentShareCreateInput,
    ) -> async_graphql::Result<Option<DocumentShareCreatePayload>> {
        let tx = ctx.tx(Can::OfficeDocumentShare).await?;
        ctx.scope()?.tells_secret();
        let secret = backoffice_credentials::random::<32>().map_err(Error::fault)?;
        let made = match hashed(input.password.as_deref()).await {
            Ok(password) => create(tx, input, password, secret.as_slice()).await,
            Err(refused) => Err(refused),
        };
        let (document_share, user_errors) = settle(ctx, made)?;
        let base = files(ctx)?.settings().public_url.as_deref().unwrap_or_default().trim_end_matches('/').to_owned();
        let url =
            document_share.as_ref().map(|_| format!("{base}/share/{}", URL_SAFE_NO_PAD.encode(secret.as_slice())));
        Ok(Some(DocumentShareCreatePayload { document_share, url, user_errors }))
    }

    /// Revokes a link: from now on it looks as if it had never been. Right: `office.document.share`.
    async fn document_share_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link.")] input: DocumentShareRevokeInput,
    ) -> async_graphql::Result<Option<DocumentSharePayload>> {
        DocumentSharePayload::settle(ctx, revoke(ctx.tx(Can::OfficeDocumentShare).await?, input.id).await)
    }
}

/// What is kept of a password.
async fn hashed(password: Option<&str>) -> Result<Option<String>> {
    let Some(password) = password else { return Ok(None) };
    if !(8..=200).contains(&password.chars().count()) {
        return Err(Error::refuse(UserErrorCode::Invalid, "password", "A password has 8 to 200 characters."));
    }
    // The operation holds a connection, so it does not wait for a turn.
    let (_, hash) = hashing::free_turn()?.hash(password.to_owned()).await?;
    Ok(Some(hash))
}

/// What a link leads to.
#[derive(QueryableByName, Clone, Debug)]
pub struct Opened {
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    password_hash: Option<String>,
    #[diesel(sql_type = Text)]
    object_key: String,
    /// The file's name.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Its size in bytes.
    #[diesel(sql_type = Int8)]
    pub size: i64,
    /// SHA-256 of its bytes.
    #[diesel(sql_type = Text)]
    pub sha256: String,
    /// What it is.
    #[diesel(sql_type = Text)]
    pub media_type: String,
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Bool)]
    counted: bool,
}

/// What an attempt to take a document by a link comes to.
#[derive(Debug)]
pub enum Attempt {
    /// Nothing: there is no such link, or not any more.
    Nothing,
    /// A password is asked for, or another one.
    Password,
    /// The document.
    Taken(Opened),
}

/// Who comes with a link.
#[derive(Debug)]
pub struct Knock<'a> {
    /// The last part of the address.
    pub secret: &'a str,
    /// The password, if one came with it.
    pub password: Option<SecretString>,
    /// Whether the bytes are taken, or only looked at from outside.
    pub takes: bool,
}

async fn counted(pools: &Pools, hash: &[u8], right: bool) -> Result<bool> {
    let tx = Tx::open_anonymous(pools).await?;
    let counted: Counted = tx
        .row(
            sql("SELECT practice.share_counted($1, $2) AS counted")
                .bind::<Bytea, _>(hash.to_vec())
                .bind::<Bool, _>(right),
        )
        .await?;
    Ok(tx.finish(true).await? && counted.counted)
}

/// Opens a link for whoever comes with it.
pub async fn open(pools: &Pools, knock: Knock<'_>) -> Result<Attempt> {
    let secret = match URL_SAFE_NO_PAD.decode(knock.secret) {
        Ok(secret) if secret.len() == 32 => secret,
        _ => return Ok(Attempt::Nothing),
    };
    let hash = hash(&secret);
    let tx = Tx::open_anonymous(pools).await?;
    let found: Option<Opened> =
        tx.maybe(sql("SELECT o.* FROM practice.share_opened($1) o").bind::<Bytea, _>(hash.clone())).await?;
    tx.finish(false).await?;
    let Some(opened) = found else { return Ok(Attempt::Nothing) };
    if let Some(stored) = &opened.password_hash {
        let Some(password) = knock.password else { return Ok(Attempt::Password) };
        let said = password.expose_secret().to_owned();
        let (_, checked) = hashing::turn().await?.check(said, Some(stored.clone())).await?;
        if !checked.right {
            return Ok(if counted(pools, &hash, false).await? { Attempt::Password } else { Attempt::Nothing });
        }
    }
    // Counted before the first byte goes: whoever breaks off has taken it.
    if knock.takes && !counted(pools, &hash, true).await? {
        return Ok(Attempt::Nothing);
    }
    tracing::info!(client = %opened.client_id, takes = knock.takes, "a document was taken by a link");
    Ok(Attempt::Taken(opened))
}

impl Opened {
    /// Its bytes.
    pub async fn bytes(
        &self,
        files: &Files,
    ) -> Result<futures_util::stream::BoxStream<'static, Result<crate::platform::files::Bytes>>> {
        files.bytes_at(&self.object_key).await
    }
}
