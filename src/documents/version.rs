//! Versions of documents: files, counted from 1. They are added; the newest can be taken back, and then the one before it is
//! current again. A version's number is never given twice.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::document::{Document, locked};
use super::ids::{DocumentId, DocumentVersionId};
use super::text::{DocumentTextState, Of, TextJob};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{self, File, FileId, FilePurpose, FileState, sniff};
use crate::platform::ids::known::UserId;
use crate::platform::jobs;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::schema::file;
use crate::platform::scope::Ask;
use crate::schema::{document, document_version};

/// The most versions of one document.
const MOST: i32 = 10_000;

/// A version of a document.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document_version)]
#[graphql(complex)]
pub struct DocumentVersion {
    /// Global id.
    pub id: DocumentVersionId,
    #[graphql(skip)]
    pub(super) document_id: DocumentId,
    /// Its number among the versions of its document, from 1.
    pub number: i32,
    #[graphql(skip)]
    pub(super) file_id: FileId,
    /// What was said about it; empty if nothing was.
    pub note: String,
    /// When it was deleted; null if it was not. Its bytes are gone then.
    pub deleted_at: Option<DateTime>,
    #[graphql(skip)]
    created_by: Uuid,
    /// When it was added.
    pub created_at: DateTime,
    /// Counts changes.
    pub version: i32,
    /// What came of reading its text, for the search.
    pub text_state: DocumentTextState,
    /// Why there is no text of it, or not all; null if there is nothing to be said.
    pub text_note: Option<String>,
}

#[ComplexObject]
impl DocumentVersion {
    /// The document that it is a version of.
    async fn document_id(&self) -> DocumentId {
        self.document_id
    }

    /// Its file, with size, checksum, what its bytes are, and an address to take them from. Right: `core.file.read`.
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        Ok(ctx.load::<File>(self.file_id).await?)
    }

    /// Whether the file's name says that it is something else than its bytes are. Right: `core.file.read`.
    async fn name_misleads(&self, ctx: &Context<'_>) -> async_graphql::Result<bool> {
        let file = ctx.load::<File>(self.file_id).await?;
        Ok(file.is_some_and(|file| misleads(&file.name, file.media_type.as_deref().unwrap_or(sniff::UNKNOWN))))
    }

    /// The id of whoever added it.
    async fn created_by(&self) -> UserId {
        UserId(self.created_by)
    }
}

/// What a name's ending says that a file is; nothing if it says nothing that is known.
fn said_by(name: &str) -> Option<&'static [&'static str]> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "pdf" => &["application/pdf"],
        "png" => &["image/png"],
        "jpg" | "jpeg" => &["image/jpeg"],
        "gif" => &["image/gif"],
        "webp" => &["image/webp"],
        "tif" | "tiff" => &["image/tiff"],
        "docx" => &["application/vnd.openxmlformats-officedocument.wordprocessingml.document"],
        "xlsx" => &["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"],
        "odt" => &["application/vnd.oasis.opendocument.text"],
        "ods" => &["application/vnd.oasis.opendocument.spreadsheet"],
        "zip" => &["application/zip"],
        "htm" | "html" => &["text/html", "application/xhtml+xml"],
        "xml" => &["application/xml", "image/svg+xml"],
        "json" => &["application/json"],
        "txt" | "csv" | "md" | "log" | "eml" => &["text/plain", "application/json"],
        _ => return None,
    })
}

/// Whether a file's name says something else than its bytes.
pub fn misleads(name: &str, media_type: &str) -> bool {
    said_by(name).is_some_and(|kinds| !kinds.contains(&media_type))
}

impl Fetch for DocumentVersion {
    type Key = DocumentId;
    type Value = Vec<Self>;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentId>) -> Result<HashMap<DocumentId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                document_version::table
                    .filter(document_version::tenant_id.eq(tx.tenant()?))
                    .filter(document_version::document_id.eq_any(keys))
                    .order((document_version::document_id, document_version::number.desc()))
                    .select(Self::as_select()),
            )
            .await?;
        let mut by_document: HashMap<DocumentId, Vec<Self>> = HashMap::new();
        for row in rows {
            by_document.entry(row.document_id).or_default().push(row);
        }
        Ok(by_document)
    }
}

/// The current version of a document.
pub struct Current;

impl Fetch for Current {
    type Key = DocumentId;
    type Value = DocumentVersion;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentId>) -> Result<HashMap<DocumentId, DocumentVersion>> {
        let rows: Vec<DocumentVersion> = tx
            .rows(
                document_version::table
                    .filter(document_version::tenant_id.eq(tx.tenant()?))
                    .filter(document_version::document_id.eq_any(keys))
                    .filter(document_version::deleted_at.is_null())
                    .distinct_on(document_version::document_id)
                    .order((document_version::document_id, document_version::number.desc()))
                    .select(DocumentVersion::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.document_id, row)).collect())
    }
}

/// Versions by their own id.
pub struct ById;

impl Fetch for ById {
    type Key = DocumentVersionId;
    type Value = DocumentVersion;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentVersionId>) -> Result<HashMap<DocumentVersionId, DocumentVersion>> {
        let rows: Vec<DocumentVersion> = tx
            .rows(
                document_version::table
                    .filter(document_version::tenant_id.eq(tx.tenant()?))
                    .filter(document_version::id.eq_any(keys))
                    .select(DocumentVersion::as_select()),
            )
            .await?;
        let seen = Document::fetch(tx, rows.iter().map(|row| row.document_id).collect()).await?;
        Ok(rows.into_iter().filter(|row| seen.contains_key(&row.document_id)).map(|row| (row.id, row)).collect())
    }
}

/// A further version of a document.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentVersionAddInput {
    /// The document.
    pub document: DocumentId,
    /// Its file: sent as an `ATTACHMENT`, ready, and no version of anything yet.
    pub file: FileId,
    /// What the sender says that the file is, e.g. `application/pdf`; refused if its bytes are something else.
    pub media_type: Option<String>,
    /// What is to be said about it, at most 1,000 characters.
    pub note: Option<String>,
}

/// A version that is to be taken back.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentVersionDeleteInput {
    /// The version: the newest of its document, if there is one before it.
    pub id: DocumentVersionId,
}

crate::platform::payload! {
    /// What became of a version.
    DocumentVersionPayload {
        /// The version as it is now.
        document_version: DocumentVersion
    }
}

/// The file that becomes a version of a document, locked: from now on it needs the rights of the document.
async fn bound(tx: &Tx, of: &Document, id: FileId, declared: Option<&str>, at: &str) -> Result<()> {
    let own = || -> Result<_> { Ok(file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(id))) };
    let at_file = format!("{at}file");
    if files::find(tx, id).await?.is_none() {
        return Err(Error::not_found(&at_file, "file"));
    }
    let found: File = tx.row(own()?.select(File::as_select()).for_update()).await?;
    let state = |message: &str| Error::refuse(UserErrorCode::State, &at_file, message);
    if found.state == FileState::Quarantined {
        return Err(state("This file is still being checked; try again in a moment."));
    }
    if !found.is_there() || found.state != FileState::Ready || found.expires_at.is_some() {
        return Err(state("This file cannot be used: it was not completed, or does not stay."));
    }
    if found.purpose != FilePurpose::Attachment {
        return Err(state("Only a file that was sent as an attachment becomes a version of a document."));
    }
    let is = found.media_type.as_deref().unwrap_or(sniff::UNKNOWN);
    if let Some(declared) = declared.filter(|declared| *declared != is) {
        let mail = declared == "message/rfc822" && is == "text/plain";
        if !mail {
            let message = format!("The bytes of this file are {is}, not what was declared.");
            return Err(Error::refuse(UserErrorCode::Invalid, &format!("{at}mediaType"), message));
        }
    }
    let taken = document_version::table
        .filter(document_version::tenant_id.eq(tx.tenant()?))
        .filter(document_version::file_id.eq(id))
        .count();
    if tx.row::<i64, _>(taken).await? > 0 {
        return Err(Error::refuse(UserErrorCode::Duplicate, &at_file, "This file is a version of a document already."));
    }
    let mut rights: Vec<String> = of.rights.clone();
    rights.push(Can::OfficeDocumentRead.name().to_owned());
    rights.sort_unstable();
    rights.dedup();
    tx.exec(diesel::update(own()?).set(file::rights.eq(rights))).await?;
    Ok(())
}

/// Adds a version to a document that is locked.
pub(super) async fn append(
    tx: &Tx,
    of: &Document,
    input: DocumentVersionAddInput,
    at: &str,
) -> Result<DocumentVersion> {
    let note = input.note.unwrap_or_default();
    crate::platform::input::sized(&format!("{at}note"), &note, 0..=1000)?;
    bound(tx, of, input.file, input.media_type.as_deref(), at).await?;
    let newest: Option<i32> = tx
        .row(
            document_version::table
                .filter(document_version::tenant_id.eq(tx.tenant()?))
                .filter(document_version::document_id.eq(of.id))
                .select(diesel::dsl::max(document_version::number)),
        )
        .await?;
    let number = newest.unwrap_or(0).saturating_add(1);
    if number > MOST {
        return Err(Error::refuse(UserErrorCode::State, "", format!("A document has at most {MOST} versions.")));
    }
    let made: DocumentVersion = tx
        .row(
            diesel::insert_into(document_version::table)
                .values((
                    document_version::tenant_id.eq(tx.tenant()?),
                    document_version::id.eq(DocumentVersionId::new()),
                    document_version::document_id.eq(of.id),
                    document_version::number.eq(number),
                    document_version::file_id.eq(input.file),
                    document_version::note.eq(note),
                    document_version::created_by.eq(tx.actor()),
                ))
                .returning(DocumentVersion::as_returning()),
        )
        .await?;
    jobs::enqueue::<TextJob>(tx, &Of { version: made.id.0 }, None).await?;
    Ok(made)
}

async fn add(tx: &Tx, input: DocumentVersionAddInput) -> Result<DocumentVersion> {
    let found = locked(tx, input.document, "document").await?;
    found.expect_open("document")?;
    append(tx, &found, input, "").await.inspect(|made| emit(tx, EventKind::DocumentVersionAdded, made.id.0))
}

async fn delete(tx: &Tx, id: DocumentVersionId) -> Result<DocumentVersion> {
    let unknown = || Error::not_found("id", "version");
    let found = ById::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(unknown)?;
    locked(tx, found.document_id, "id").await?.expect_open("id")?;
    // Read again: whoever held the document may have deleted it.
    let found = ById::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(unknown)?;
    if found.deleted_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This version was deleted before."));
    }
    let tenant = tx.tenant()?;
    let deleted: DocumentVersion = tx
        .row(
            diesel::update(document_version::table)
                .filter(document_version::tenant_id.eq(tenant))
                .filter(document_version::id.eq(id))
                .set((document_version::deleted_at.eq(tx.now()), document_version::deleted_by.eq(tx.actor())))
                .returning(DocumentVersion::as_returning()),
        )
        .await?;
    tx.exec(
        diesel::update(file::table)
            .filter(file::tenant_id.eq(tenant))
            .filter(file::id.eq(found.file_id))
            .filter(file::deleted_at.is_null())
            .set(file::deleted_at.eq(tx.now())),
    )
    .await?;
    // What is current has changed.
    tx.exec(
        diesel::update(document::table)
            .filter(document::tenant_id.eq(tenant))
            .filter(document::id.eq(found.document_id))
            .set(document::updated_at.eq(tx.now())),
    )
    .await?;
    emit(tx, EventKind::DocumentVersionDeleted, id.0);
    Ok(deleted)
}

/// Changes of versions.
#[derive(Default)]
pub struct DocumentVersionMutation;

#[Object]
impl DocumentVersionMutation {
    /// Adds a version to a document, which is its current one from then on. Right: `office.document.manage`.
    async fn document_version_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document and the file.")] input: DocumentVersionAddInput,
    ) -> async_graphql::Result<Option<DocumentVersionPayload>> {
        DocumentVersionPayload::settle(ctx, add(ctx.tx(Can::OfficeDocumentManage).await?, input).await)
    }

    /// Takes the newest version back: the one before it is current again, its bytes go, its record and its trail stay.
    /// Right: `office.document.manage`.
    async fn document_version_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The version.")] input: DocumentVersionDeleteInput,
    ) -> async_graphql::Result<Option<DocumentVersionPayload>> {
        DocumentVersionPayload::settle(ctx, delete(ctx.tx(Can::OfficeDocumentManage).await?, input.id).await)
    }
}

#[cfg(test)]
mod tests {
    use super::misleads;

    #[test]
    fn a_name_misleads_if_it_says_something_else() {
        for (name, media_type, expected) in [
            ("a.pdf", "application/pdf", false),
            ("A.PDF", "image/png", true),
            ("invoice.html", "application/pdf", true),
            ("mail.eml", "text/plain", false),
            ("list.csv", "text/plain", false),
            ("notes", "text/plain", false),
            ("x.unknown", "application/pdf", false),
            ("setup.pdf.exe", "application/x-msdownload", false),
            ("setup.pdf", "application/x-msdownload", true),
        ] {
            assert_eq!(misleads(name, media_type), expected, "{name}");
        }
    }
}
