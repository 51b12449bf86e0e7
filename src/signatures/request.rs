//! A request for signatures as those see it who ask for them.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::ids::SignatureRequestId;
use super::signer::{OfRequest, SignatureSigner};
use crate::documents::ids::{DocumentId, DocumentVersionId};
use crate::documents::version::Current;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::files::{File, FileId};
use crate::platform::ids::known::UserId;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::signature_request;

crate::platform::words! {
    /// How far a request for signatures has come.
    SignatureState {
        /// It can still be changed, and nobody was asked yet.
        Draft = "draft",
        /// Its signers are asked, step by step.
        Out = "out",
        /// All have signed.
        Signed = "signed",
        /// Somebody has declined.
        Declined = "declined",
        /// Its time was over before all had signed.
        Expired = "expired",
        /// It was taken back.
        Withdrawn = "withdrawn",
    }
}

/// A request for signatures on one version of a document.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = signature_request)]
#[graphql(complex)]
pub struct SignatureRequest {
    /// Global id.
    pub id: SignatureRequestId,
    #[graphql(skip)]
    pub(super) document_id: DocumentId,
    #[graphql(skip)]
    pub(super) version_id: DocumentVersionId,
    /// The number of the version among those of its document.
    pub version_number: i32,
    #[graphql(skip)]
    pub(super) file_id: FileId,
    /// The name of the file that is signed.
    pub file_name: String,
    /// SHA-256 of the bytes that are signed, in hexadecimal. A later version is none of this request's business.
    pub document_sha256: String,
    #[graphql(skip)]
    pub(super) rights: Vec<String>,
    /// What it is about, in a line, as the signers read it.
    pub title: String,
    /// What the signers are told beside that; empty if nothing.
    pub message: String,
    #[graphql(skip)]
    pub(super) state: SignatureState,
    /// The step whose turn it is, from 1; 0 of a draft.
    pub step: i32,
    /// Until when it can be signed.
    pub expires_at: DateTime,
    #[graphql(name = "remindAfterDays")]
    /// On which days behind the day on which it went out whoever has not signed is reminded, at eight o'clock in the client's
    /// time zone.
    pub remind_after: Vec<i32>,
    #[graphql(skip)]
    requested_by: Uuid,
    /// The name of whoever has sent it, or laid the draft down.
    pub requested_by_name: String,
    /// When it went out; null of a draft.
    pub sent_at: Option<DateTime>,
    /// When it was signed by all, declined, withdrawn or over; null while it is not.
    pub ended_at: Option<DateTime>,
    /// Why it was declined or withdrawn; null if it was neither.
    pub reason: Option<String>,
    /// The hash of its latest event, in hexadecimal, to be kept elsewhere: who knows it can tell whether anything was changed
    /// since. Zeros before there is an event.
    pub head: String,
    #[graphql(skip)]
    pub(super) evidence_file_id: Option<FileId>,
    /// SHA-256 of the evidence sheet, in hexadecimal; null before there is one.
    pub evidence_sha256: Option<String>,
    #[graphql(skip)]
    pub(super) evidence_pdf_file_id: Option<FileId>,
    /// SHA-256 of the PDF of the evidence sheet, in hexadecimal; null where there is none.
    pub evidence_pdf_sha256: Option<String>,
    /// When it was laid down.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl SignatureRequest {
    /// How far it has come. What was not signed in time is expired from that instant on.
    async fn state(&self, ctx: &Context<'_>) -> async_graphql::Result<SignatureState> {
        let now = ctx.tx(Can::SignatureRead).await?.now();
        let over = self.state == SignatureState::Out && self.expires_at.0 <= now;
        Ok(if over { SignatureState::Expired } else { self.state })
    }

    /// The document.
    async fn document_id(&self) -> DocumentId {
        self.document_id
    }

    /// The version that is signed.
    async fn version_id(&self) -> DocumentVersionId {
        self.version_id
    }

    /// Whether no later version of the document is there. Right: `office.document.read`.
    async fn is_current_version(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        Ok(ctx.load::<Current>(self.document_id).await?.is_some_and(|current| current.id == self.version_id))
    }

    /// The id of whoever has sent it, or laid the draft down.
    async fn requested_by(&self) -> UserId {
        UserId(self.requested_by)
    }

    /// Its signers, in their order.
    async fn signers(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SignatureSigner>> {
        Ok(ctx.load::<OfRequest>(self.id).await?.unwrap_or_default())
    }

    /// The evidence sheet: a text that names what was signed, by whom and each event with its hash. Made within moments after
    /// the last has signed; null before. Right: `core.file.read`.
    async fn evidence(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        match self.evidence_file_id {
            Some(id) => Ok(ctx.load::<File>(id).await?),
            None => Ok(None),
        }
    }

    /// The evidence sheet as a PDF that looks like the client's letters: document, signers and events with their hashes, and
    /// the hash of the text. Made right behind the text; null before, and where this server has nothing that sets PDF. What can
    /// be computed again is the text. Right: `core.file.read`.
    async fn evidence_pdf(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        match self.evidence_pdf_file_id {
            Some(id) => Ok(ctx.load::<File>(id).await?),
            None => Ok(None),
        }
    }
}

/// The client's requests whose documents the actor of a transaction may see.
macro_rules! visible {
    ($tx:expr) => {{
        use diesel::PgArrayExpressionMethods;
        let tx: &$crate::platform::db::Tx = $tx;
        let held: Vec<&str> = tx.permissions().iter().map(|can| can.name()).collect();
        $crate::schema::signature_request::table
            .filter($crate::schema::signature_request::tenant_id.eq(tx.tenant()?))
            .filter($crate::schema::signature_request::rights.is_contained_by(held))
    }};
}

impl Fetch for SignatureRequest {
    type Key = SignatureRequestId;
    type Value = Self;
    const CAN: Can = Can::SignatureRead;

    async fn fetch(tx: &Tx, keys: Vec<SignatureRequestId>) -> Result<HashMap<SignatureRequestId, Self>> {
        let rows: Vec<Self> =
            tx.rows(visible!(tx).filter(signature_request::id.eq_any(keys)).select(Self::as_select())).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The request of that id, or nothing if there is none that the actor may see.
pub(super) async fn find(tx: &Tx, id: SignatureRequestId) -> Result<Option<SignatureRequest>> {
    Ok(SignatureRequest::fetch(tx, vec![id]).await?.remove(&id))
}

/// The request as a job sees it, which comes through a door of its own.
pub(super) async fn of_job(tx: &Tx, id: Uuid) -> Result<Option<SignatureRequest>> {
    tx.maybe(
        signature_request::table
            .filter(signature_request::tenant_id.eq(tx.tenant()?))
            .filter(signature_request::id.eq(id))
            .select(SignatureRequest::as_select()),
    )
    .await
}

/// The transaction of whoever asks for signatures: he may see requests, and change them.
pub(super) async fn asking<'a>(ctx: &'a Context<'_>) -> Result<&'a Tx> {
    ctx.tx(Can::SignatureRead).await?;
    ctx.tx(Can::SignatureRequest).await
}

crate::platform::connection!(
    /// A page of requests for signatures.
    SignatureRequestConnection, SignatureRequestEdge, SignatureRequest
);

crate::platform::payload! {
    /// What became of a request for signatures.
    SignatureRequestPayload {
        /// The request as it is now.
        signature_request: SignatureRequest
    }
}

/// Queries about requests for signatures.
#[derive(Default)]
pub struct SignatureRequestQuery;

#[Object]
impl SignatureRequestQuery {
    /// One request for signatures; null if the id is unknown. Right: `office.signature.read`.
    async fn signature_request(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The request's id.")] id: SignatureRequestId,
    ) -> async_graphql::Result<Option<SignatureRequest>> {
        Ok(ctx.load::<SignatureRequest>(id).await?)
    }

    /// The client's requests for signatures, the latest first. Right: `office.signature.read`, and for each those of its
    /// document.
    async fn signature_requests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those about this document.")] document: Option<DocumentId>,
        #[graphql(desc = "Only those in this state.")] state: Option<SignatureState>,
    ) -> async_graphql::Result<SignatureRequestConnection> {
        let tx = ctx.tx(Can::SignatureRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let mut query = visible!(tx).into_boxed();
            if let Some(document) = document {
                query = query.filter(signature_request::document_id.eq(document));
            }
            query = match state {
                // What is over is over before anybody has written it down.
                Some(SignatureState::Out) => query
                    .filter(signature_request::state.eq(SignatureState::Out))
                    .filter(signature_request::expires_at.gt(tx.now())),
                Some(SignatureState::Expired) => query.filter(signature_request::state.eq(SignatureState::Expired).or(
                    signature_request::state.eq(SignatureState::Out).and(signature_request::expires_at.le(tx.now())),
                )),
                Some(state) => query.filter(signature_request::state.eq(state)),
                None => query,
            };
            Ok(query)
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(signature_request::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(signature_request::id.desc()).limit(slice.limit()).select(SignatureRequest::as_select()))
            .await?;
        Ok(SignatureRequestConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
