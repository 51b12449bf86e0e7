//! A document as the people of its client see it: what was made visible to them, in its current version and no other.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use diesel::prelude::*;

use super::ids::{ClientDocumentId, DocumentId};
use super::version::{Current, DocumentVersion};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::files::ticket::Verb;
use crate::platform::files::{File, FileId, Files};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::schema::file;
use crate::platform::scope::Ask;
use crate::schema::{document, document_version};

/// A document that the provider shows to the client's own people.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document)]
#[graphql(complex)]
pub struct ClientDocument {
    /// Global id.
    pub id: ClientDocumentId,
    /// Its title.
    pub title: String,
    /// When it was made.
    pub created_at: DateTime,
}

#[ComplexObject]
impl ClientDocument {
    /// The file of its current version; null if it has none that can be taken.
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ClientDocumentFile>> {
        let file = ctx.load::<Shown>(self.id).await?.filter(File::is_there);
        Ok(file.map(|file| ClientDocumentFile {
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size: file.size,
            received_at: file.received_at,
            file,
        }))
    }
}

/// The file of a document as the client's people see it.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct ClientDocumentFile {
    /// Its name, as it was given.
    pub name: String,
    /// What it is, found in its bytes.
    pub media_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<i64>,
    /// When its bytes had come.
    pub received_at: Option<DateTime>,
    #[graphql(skip)]
    file: File,
}

#[ComplexObject]
impl ClientDocumentFile {
    /// An address from which the bytes can be taken by GET, for 15 minutes, as long as the caller's session and right last
    /// and the document is shown to the client in this version. Right: `office.client_document.read`.
    async fn download_url(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<String>> {
        let tx = ctx.tx(Can::ClientDocumentRead).await?;
        // Queries from inside, for an export, lead to no addresses.
        let Some(files) = ctx.data_opt::<std::sync::Arc<Files>>() else { return Ok(None) };
        let scope = ctx.scope()?;
        scope.tells_secret();
        Ok(Some(files.address(scope.caller(), tx, &self.file, Verb::Shown)?.0))
    }
}

/// The client's documents that its own people see.
macro_rules! shown {
    ($tx:expr) => {
        document::table
            .filter(document::tenant_id.eq($tx.tenant()?))
            .filter(document::visible_to_client.eq(true))
            .filter(document::trashed_on.is_null())
    };
}

impl Fetch for ClientDocument {
    type Key = ClientDocumentId;
    type Value = Self;
    const CAN: Can = Can::ClientDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientDocumentId>) -> Result<HashMap<ClientDocumentId, Self>> {
        let rows: Vec<Self> = tx.rows(shown!(tx).filter(document::id.eq_any(keys)).select(Self::as_select())).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The files of documents that the client's people see.
struct Shown;

impl Fetch for Shown {
    type Key = ClientDocumentId;
    type Value = File;
    const CAN: Can = Can::ClientDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<ClientDocumentId>) -> Result<HashMap<ClientDocumentId, File>> {
        let seen = ClientDocument::fetch(tx, keys).await?;
        let current = Current::fetch(tx, seen.keys().map(|id| DocumentId(id.0)).collect()).await?;
        let by_file: HashMap<FileId, DocumentId> =
            current.into_iter().map(|(document, version)| (version.file_id, document)).collect();
        let files: Vec<File> = tx
            .rows(
                file::table
                    .filter(file::tenant_id.eq(tx.tenant()?))
                    .filter(file::id.eq_any(by_file.keys().copied().collect::<Vec<_>>()))
                    .select(File::as_select()),
            )
            .await?;
        Ok(files
            .into_iter()
            .filter_map(|file| by_file.get(&file.id).map(|document| (ClientDocumentId(document.0), file)))
            .collect())
    }
}

/// The file of that id, if it is the current version of a document that the client's people see: for the edge.
pub async fn file_shown(tx: &Tx, id: FileId) -> Result<Option<File>> {
    let version: Option<DocumentVersion> = tx
        .maybe(
            document_version::table
                .filter(document_version::tenant_id.eq(tx.tenant()?))
                .filter(document_version::file_id.eq(id))
                .select(DocumentVersion::as_select()),
        )
        .await?;
    let Some(version) = version else { return Ok(None) };
    let key = ClientDocumentId(version.document_id.0);
    Ok(Shown::fetch(tx, vec![key]).await?.remove(&key).filter(|file| file.id == id))
}

crate::platform::connection!(
    /// A page of documents as the client's own people see them.
    ClientDocumentConnection, ClientDocumentEdge, ClientDocument
);

/// Queries of the client's own people about documents.
#[derive(Default)]
pub struct ClientDocumentQuery;

#[Object]
impl ClientDocumentQuery {
    /// One document that the client's people see; null if the id is unknown. Right: `office.client_document.read`.
    async fn client_document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document's id.")] id: ClientDocumentId,
    ) -> async_graphql::Result<Option<ClientDocument>> {
        Ok(ctx.load::<ClientDocument>(id).await?)
    }

    /// The documents that the client's people see, the latest first. Right: `office.client_document.read`.
    async fn client_documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<ClientDocumentConnection> {
        let tx = ctx.tx(Can::ClientDocumentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(shown!(tx).count()).await?) } else { None };
        let mut page = shown!(tx).into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(document::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(document::id.desc()).limit(slice.limit()).select(ClientDocument::as_select())).await?;
        Ok(ClientDocumentConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
