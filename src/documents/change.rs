//! What is done with documents: laid down, changed, put into the trash and taken out again.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use diesel::prelude::*;
use uuid::Uuid;

use super::document::{Document, locked};
use super::fields::check_values;
use super::ids::{DocumentFolderId, DocumentId, DocumentTypeId};
use super::kind::DocumentType;
use super::version::{DocumentVersionAddInput, append};
use super::{folder, link};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::FileId;
use crate::platform::input::sized;
use crate::platform::node;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::schema::document;

/// What a document says in a field of its type.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentFieldInput {
    /// The field's name.
    pub name: String,
    /// What stands in it: a text, a decimal number, a day (`YYYY-MM-DD`), `true` or `false`, or the choice.
    pub value: String,
}

/// A new document.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentCreateInput {
    /// Its title, 1 to 200 characters.
    pub title: String,
    /// Its type.
    pub document_type: DocumentTypeId,
    /// The folder in which it lies; in none if not said.
    pub folder: Option<DocumentFolderId>,
    /// What it says in the fields of its type.
    pub fields: Option<Vec<DocumentFieldInput>>,
    /// Its tags, at most 30 of 1 to 50 characters.
    pub tags: Option<Vec<String>>,
    /// Whether the client's own people see it as well; not if not said, and never a document whose type needs rights.
    pub visible_to_client: Option<bool>,
    /// The day from which its retention counts, in the client's time zone: today or before; today if not said.
    pub retain_from: Option<Date>,
    /// The file of its first version: sent as an `ATTACHMENT`, ready, and no version of anything yet.
    pub file: Option<FileId>,
    /// What the sender says that the file is, e.g. `application/pdf`; refused if its bytes are something else.
    pub media_type: Option<String>,
    /// The ids of records beside which it lies: at most 20, of any kind that the caller may read.
    pub records: Option<Vec<ID>>,
}

/// Changes of a document: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentUpdateInput {
    /// The document. Neither archived nor in the trash.
    pub id: DocumentId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Its title, 1 to 200 characters.
    pub title: Option<String>,
    /// Its type: one that needs the same rights.
    pub document_type: Option<DocumentTypeId>,
    /// The folder in which it lies.
    pub folder: MaybeUndefined<DocumentFolderId>,
    /// All that it says in the fields of its type from now on.
    pub fields: Option<Vec<DocumentFieldInput>>,
    /// All its tags from now on, at most 30 of 1 to 50 characters.
    pub tags: Option<Vec<String>>,
    /// Whether the client's own people see it as well.
    pub visible_to_client: Option<bool>,
    /// The day from which its retention counts, in the client's time zone: today or before.
    pub retain_from: Option<Date>,
}

/// Names a document.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentInput {
    /// The document.
    pub id: DocumentId,
}

crate::platform::payload! {
    /// What became of a document.
    DocumentPayload {
        /// The document as it is now.
        document: Document
    }
}

impl Document {
    /// Refuses what is archived or in the trash.
    pub(super) fn expect_open(&self, field: &str) -> Result<()> {
        let message = match (self.trashed_on, self.archived_on) {
            (Some(_), _) => "This document is in the trash; take it out first.",
            (_, Some(_)) => "This document is archived, and an archived document is not changed.",
            _ => return Ok(()),
        };
        Err(Error::refuse(UserErrorCode::State, field, message))
    }
}

/// Tags as they are kept: each once, in the order of the alphabet.
fn tagged(tags: Vec<String>) -> Result<Vec<String>> {
    let mut kept: Vec<String> = tags.iter().map(|tag| tag.trim().to_owned()).collect();
    kept.sort_unstable();
    kept.dedup();
    let wrong = |tag: &String| !(1..=50).contains(&tag.chars().count()) || tag.chars().any(char::is_control);
    if kept.len() > 30 || kept.iter().any(wrong) {
        let message = "A document has at most 30 tags of 1 to 50 characters.";
        return Err(Error::refuse(UserErrorCode::Invalid, "tags", message));
    }
    Ok(kept)
}

/// The type of that id, if the actor may see its documents.
async fn kind(tx: &Tx, id: DocumentTypeId) -> Result<DocumentType> {
    let found = DocumentType::fetch(tx, vec![id]).await?.remove(&id);
    let found = found.ok_or_else(|| Error::not_found("documentType", "type of documents"))?;
    let held = |name: &String| tx.permissions().iter().any(|can| can.name() == name);
    if !found.rights.iter().all(held) {
        let message = "Documents of this type are seen only by those who hold rights that you do not hold.";
        return Err(Error::refuse(UserErrorCode::Invalid, "documentType", message));
    }
    Ok(found)
}

/// What a document says in the fields of its type, checked.
fn filled(kind: &DocumentType, fields: Vec<DocumentFieldInput>) -> Result<serde_json::Value> {
    let said: Vec<_> = fields.into_iter().map(|field| (field.name, field.value)).collect();
    let values = check_values(&kind.rules()?, &said).map_err(|(at, message)| {
        let field = at.map_or("fields".to_owned(), |at| format!("fields.{at}.value"));
        Error::refuse(UserErrorCode::Invalid, &field, message)
    })?;
    serde_json::to_value(values).map_err(Error::fault)
}

fn retained(tx: &Tx, day: Option<Date>) -> Result<Date> {
    match day {
        Some(day) if day.0 > tx.today() => {
            let message = "Retention counts from today or from a day before.";
            Err(Error::refuse(UserErrorCode::Invalid, "retainFrom", message))
        }
        Some(day) => Ok(day),
        None => Ok(Date(tx.today())),
    }
}

/// Refuses to show the client what only those see who hold further rights.
fn expect_showable(visible: bool, rights: &[String]) -> Result<()> {
    if visible && !rights.is_empty() {
        let message = "Documents of this type need further rights, so the client's people do not see them.";
        return Err(Error::refuse(UserErrorCode::Invalid, "visibleToClient", message));
    }
    Ok(())
}

async fn create(tx: &Tx, input: DocumentCreateInput, records: Vec<(String, Uuid)>) -> Result<Document> {
    sized("title", &input.title, 1..=200)?;
    let kind = kind(tx, input.document_type).await?;
    folder::expect(tx, input.folder, "folder").await?;
    let visible = input.visible_to_client.unwrap_or_default();
    expect_showable(visible, &kind.rights)?;
    let made: Document = tx
        .row(
            diesel::insert_into(document::table)
                .values((
                    document::tenant_id.eq(tx.tenant()?),
                    document::id.eq(DocumentId::new()),
                    document::title.eq(input.title),
                    document::type_id.eq(kind.id),
                    document::folder_id.eq(input.folder),
                    document::fields.eq(filled(&kind, input.fields.unwrap_or_default())?),
                    document::tags.eq(tagged(input.tags.unwrap_or_default())?),
                    document::rights.eq(kind.rights.clone()),
                    document::visible_to_client.eq(visible),
                    document::retain_from.eq(retained(tx, input.retain_from)?),
                    document::created_by.eq(tx.actor()),
                ))
                .returning(Document::as_returning()),
        )
        .await?;
    link::lay(tx, made.id, records).await?;
    emit(tx, EventKind::DocumentCreated, made.id.0);
    if let Some(file) = input.file {
        let first = DocumentVersionAddInput { document: made.id, file, media_type: input.media_type, note: None };
        let version = append(tx, &made, first, "").await?;
        emit(tx, EventKind::DocumentVersionAdded, version.id.0);
    }
    tell_client(tx, &made, EventKind::ClientDocumentShown);
    Ok(made)
}

/// Tells the client's people of a document that they see.
pub(super) fn tell_client(tx: &Tx, document: &Document, kind: EventKind) {
    if document.visible_to_client {
        emit(tx, kind, document.id.0);
    }
}

async fn update(tx: &Tx, input: DocumentUpdateInput) -> Result<Document> {
    let found = locked(tx, input.id, "id").await?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The document was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    found.expect_open("id")?;
    let title = input.title.unwrap_or_else(|| found.title.clone());
    sized("title", &title, 1..=200)?;
    let kind = kind(tx, input.document_type.unwrap_or(found.type_id)).await?;
    if kind.rights != found.rights {
        let message = "A document moves only to a type that needs the same rights: its files keep those they have.";
        return Err(Error::refuse(UserErrorCode::Invalid, "documentType", message));
    }
    let folder = match input.folder {
        MaybeUndefined::Undefined => found.folder_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(folder) => Some(folder),
    };
    folder::expect(tx, folder, "folder").await?;
    let fields = match input.fields {
        Some(fields) => filled(&kind, fields)?,
        // A new type holds what was said against its own fields.
        None if kind.id != found.type_id => {
            let said = found.values()?.into_iter().map(|(name, value)| DocumentFieldInput { name, value }).collect();
            filled(&kind, said)?
        }
        None => found.fields.clone(),
    };
    let tags = input.tags.map(tagged).transpose()?.unwrap_or_else(|| found.tags.clone());
    let visible = input.visible_to_client.unwrap_or(found.visible_to_client);
    expect_showable(visible, &kind.rights)?;
    let retain_from = match input.retain_from {
        Some(day) => retained(tx, Some(day))?,
        None => found.retain_from,
    };
    let changed: Document = tx
        .row(
            diesel::update(document::table)
                .filter(document::tenant_id.eq(tx.tenant()?))
                .filter(document::id.eq(input.id))
                .set((
                    document::title.eq(title),
                    document::type_id.eq(kind.id),
                    document::folder_id.eq(folder),
                    document::fields.eq(fields),
                    document::tags.eq(tags),
                    document::visible_to_client.eq(visible),
                    document::retain_from.eq(retain_from),
                ))
                .returning(Document::as_returning()),
        )
        .await?;
    emit(tx, EventKind::DocumentUpdated, changed.id.0);
    if !found.visible_to_client {
        tell_client(tx, &changed, EventKind::ClientDocumentShown);
    }
    Ok(changed)
}

/// Puts a document into the trash on that day.
pub(super) async fn trash(tx: &Tx, found: &Document, day: Date) -> Result<Document> {
    let changed: Document = tx
        .row(
            diesel::update(document::table)
                .filter(document::tenant_id.eq(tx.tenant()?))
                .filter(document::id.eq(found.id))
                .set(document::trashed_on.eq(Some(day)))
                .returning(Document::as_returning()),
        )
        .await?;
    emit(tx, EventKind::DocumentTrashed, changed.id.0);
    Ok(changed)
}

async fn into_trash(tx: &Tx, id: DocumentId) -> Result<Document> {
    let found = locked(tx, id, "id").await?;
    if found.trashed_on.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This document is in the trash already."));
    }
    trash(tx, &found, Date(tx.today())).await
}

async fn restore(tx: &Tx, id: DocumentId) -> Result<Document> {
    let found = locked(tx, id, "id").await?;
    if found.trashed_on.is_none() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This document is not in the trash."));
    }
    tx.row(
        diesel::update(document::table)
            .filter(document::tenant_id.eq(tx.tenant()?))
            .filter(document::id.eq(id))
            .set(document::trashed_on.eq(None::<Date>))
            .returning(Document::as_returning()),
    )
    .await
    .inspect(|changed: &Document| emit(tx, EventKind::DocumentRestored, changed.id.0))
}

/// Changes of documents.
#[derive(Default)]
pub struct CabinetDocumentMutation;

#[Object]
impl CabinetDocumentMutation {
    /// Lays a document down. Right: `office.document.manage`, and for each record beside which it lies that to read it.
    async fn document_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new document.")] input: DocumentCreateInput,
    ) -> async_graphql::Result<Option<DocumentPayload>> {
        let tx = ctx.tx(Can::OfficeDocumentManage).await?;
        let named = input.records.clone().unwrap_or_default();
        if named.len() > 20 {
            let refused = Error::refuse(UserErrorCode::Invalid, "records", "Name at most 20 records.");
            return DocumentPayload::settle(ctx, Err(refused));
        }
        let mut records = Vec::new();
        for (at, record) in named.iter().enumerate() {
            match node::pointed_at(ctx, record, &format!("records.{at}")).await {
                Ok(record) if records.contains(&record) => {}
                Ok(record) => records.push(record),
                Err(refused) => return DocumentPayload::settle(ctx, Err(refused)),
            }
        }
        DocumentPayload::settle(ctx, create(tx, input, records).await)
    }

    /// Changes what a document says, where it lies, or who sees it. Right: `office.document.manage`.
    async fn document_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: DocumentUpdateInput,
    ) -> async_graphql::Result<Option<DocumentPayload>> {
        DocumentPayload::settle(ctx, update(ctx.tx(Can::OfficeDocumentManage).await?, input).await)
    }

    /// Puts a document into the trash, from which it can be taken out again until it is purged. Right:
    /// `office.document.manage`.
    async fn document_trash(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document.")] input: DocumentInput,
    ) -> async_graphql::Result<Option<DocumentPayload>> {
        DocumentPayload::settle(ctx, into_trash(ctx.tx(Can::OfficeDocumentManage).await?, input.id).await)
    }

    /// Takes a document out of the trash. Right: `office.document.manage`.
    async fn document_restore(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document.")] input: DocumentInput,
    ) -> async_graphql::Result<Option<DocumentPayload>> {
        DocumentPayload::settle(ctx, restore(ctx.tx(Can::OfficeDocumentManage).await?, input.id).await)
    }
}

#[cfg(test)]
mod tests {
    use super::tagged;

    #[test]
    fn tags_are_kept_once_and_in_order() {
        let texts = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        assert_eq!(tagged(texts(&["lease", " 2026 ", "lease"])).unwrap(), texts(&["2026", "lease"]));
        for wrong in [texts(&[" "]), texts(&["a\nb"]), vec!["x".repeat(51)], (0..31).map(|n| n.to_string()).collect()] {
            assert!(tagged(wrong).is_err());
        }
    }
}
