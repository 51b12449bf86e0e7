//! Folders of documents: a tree without circles, at most twenty deep.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};

use super::ids::DocumentFolderId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::{document, document_folder};

/// A folder of documents.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document_folder)]
#[graphql(complex)]
pub struct DocumentFolder {
    /// Global id.
    pub id: DocumentFolderId,
    /// Name, unique in its parent.
    pub name: String,
    #[graphql(skip)]
    parent_id: Option<DocumentFolderId>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl DocumentFolder {
    /// The folder in which it lies; null if in none. Right: `office.document.read`.
    async fn parent(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DocumentFolder>> {
        match self.parent_id {
            Some(id) => Ok(ctx.load::<DocumentFolder>(id).await?),
            None => Ok(None),
        }
    }

    /// The names of the folders that lead to it, itself last. Right: `office.document.read`.
    async fn path(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<String>> {
        Ok(ctx.load::<Paths>(self.id).await?.unwrap_or_default())
    }
}

impl Fetch for DocumentFolder {
    type Key = DocumentFolderId;
    type Value = Self;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentFolderId>) -> Result<HashMap<DocumentFolderId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                document_folder::table
                    .filter(document_folder::tenant_id.eq(tx.tenant()?))
                    .filter(document_folder::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The ways that lead to folders.
struct Paths;

#[derive(QueryableByName)]
struct Way {
    #[diesel(sql_type = SqlUuid)]
    id: DocumentFolderId,
    #[diesel(sql_type = Array<Text>)]
    path: Vec<String>,
}

impl Fetch for Paths {
    type Key = DocumentFolderId;
    type Value = Vec<String>;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentFolderId>) -> Result<HashMap<DocumentFolderId, Vec<String>>> {
        let rows: Vec<Way> = tx
            .rows(
                sql("WITH RECURSIVE way (id, above, path) AS (
                       SELECT f.id, f.parent_id, ARRAY[f.name] FROM practice.document_folder f
                        WHERE f.tenant_id = $1 AND f.id = ANY ($2)
                       UNION ALL
                       SELECT w.id, f.parent_id, f.name || w.path
                         FROM way w JOIN practice.document_folder f ON f.tenant_id = $1 AND f.id = w.above)
                     SELECT w.id, w.path FROM way w WHERE w.above IS NULL")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.path)).collect())
    }
}

/// A new folder.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentFolderCreateInput {
    /// Name, 1 to 100 characters, without `/`, unique in its parent.
    pub name: String,
    /// The folder in which it lies; in none if not said.
    pub parent: Option<DocumentFolderId>,
}

/// Changes of a folder: what is omitted stays, null clears.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentFolderUpdateInput {
    /// The folder.
    pub id: DocumentFolderId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Name, 1 to 100 characters, without `/`, unique in its parent.
    pub name: Option<String>,
    /// The folder in which it lies. Neither itself nor one that lies in it.
    pub parent: MaybeUndefined<DocumentFolderId>,
}

/// A folder that is not wanted any more.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentFolderDeleteInput {
    /// The folder. It has to be empty.
    pub id: DocumentFolderId,
}

crate::platform::payload! {
    /// What became of a folder.
    DocumentFolderPayload {
        /// The folder as it is now, or was before it was deleted.
        document_folder: DocumentFolder
    }
}

crate::platform::connection!(
    /// A page of folders.
    DocumentFolderConnection, DocumentFolderEdge, DocumentFolder
);

fn check_name(name: &str) -> Result<()> {
    let wrong = |one: char| one == '/' || one.is_control();
    if name.trim() != name || !(1..=100).contains(&name.chars().count()) || name.chars().any(wrong) {
        let message = "A folder's name has 1 to 100 characters, without / and without spaces at its ends.";
        return Err(Error::refuse(UserErrorCode::Invalid, "name", message));
    }
    Ok(())
}

/// Refuses a folder that is not there.
pub(super) async fn expect(tx: &Tx, id: Option<DocumentFolderId>, field: &str) -> Result<()> {
    match id {
        Some(id) if DocumentFolder::fetch(tx, vec![id]).await?.is_empty() => Err(Error::not_found(field, "folder")),
        _ => Ok(()),
    }
}

async fn create(tx: &Tx, input: DocumentFolderCreateInput) -> Result<DocumentFolder> {
    check_name(&input.name)?;
    expect(tx, input.parent, "parent").await?;
    tx.row(
        diesel::insert_into(document_folder::table)
            .values((
                document_folder::tenant_id.eq(tx.tenant()?),
                document_folder::id.eq(DocumentFolderId::new()),
                document_folder::name.eq(input.name),
                document_folder::parent_id.eq(input.parent),
            ))
            .returning(DocumentFolder::as_returning()),
    )
    .await
    .inspect(|made: &DocumentFolder| emit(tx, EventKind::DocumentFolderCreated, made.id.0))
}

async fn locked(tx: &Tx, id: DocumentFolderId) -> Result<DocumentFolder> {
    let found = document_folder::table
        .filter(document_folder::tenant_id.eq(tx.tenant()?))
        .filter(document_folder::id.eq(id))
        .select(DocumentFolder::as_select())
        .for_update();
    tx.maybe(found).await?.ok_or_else(|| Error::not_found("id", "folder"))
}

async fn update(tx: &Tx, input: DocumentFolderUpdateInput) -> Result<DocumentFolder> {
    let found = locked(tx, input.id).await?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The folder was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    let name = input.name.unwrap_or(found.name);
    check_name(&name)?;
    let parent = match input.parent {
        MaybeUndefined::Undefined => found.parent_id,
        MaybeUndefined::Null => None,
        MaybeUndefined::Value(parent) => Some(parent),
    };
    expect(tx, parent, "parent").await?;
    let one = document_folder::table
        .filter(document_folder::tenant_id.eq(tx.tenant()?))
        .filter(document_folder::id.eq(input.id));
    tx.row(
        diesel::update(one)
            .set((document_folder::name.eq(name), document_folder::parent_id.eq(parent)))
            .returning(DocumentFolder::as_returning()),
    )
    .await
    .inspect(|changed: &DocumentFolder| emit(tx, EventKind::DocumentFolderUpdated, changed.id.0))
}

async fn delete(tx: &Tx, id: DocumentFolderId) -> Result<DocumentFolder> {
    let found = locked(tx, id).await?;
    let tenant = tx.tenant()?;
    let documents: i64 = tx
        .row(document::table.filter(document::tenant_id.eq(tenant)).filter(document::folder_id.eq(id)).count())
        .await?;
    let folders = document_folder::table
        .filter(document_folder::tenant_id.eq(tenant))
        .filter(document_folder::parent_id.eq(id))
        .count();
    let folders: i64 = tx.row(folders).await?;
    if documents.saturating_add(folders) > 0 {
        let message = "The folder is not empty, its documents in the trash included.";
        return Err(Error::refuse(UserErrorCode::State, "id", message));
    }
    let one = document_folder::table.filter(document_folder::tenant_id.eq(tenant)).filter(document_folder::id.eq(id));
    tx.exec(diesel::delete(one)).await?;
    Ok(found)
}

/// Queries about folders.
#[derive(Default)]
pub struct DocumentFolderQuery;

#[Object]
impl DocumentFolderQuery {
    /// One folder; null if the id is unknown. Right: `office.document.read`.
    async fn document_folder(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The folder's id.")] id: DocumentFolderId,
    ) -> async_graphql::Result<Option<DocumentFolder>> {
        Ok(ctx.load::<DocumentFolder>(id).await?)
    }

    /// Folders, the latest first: all of the client's, or those that lie in one. Right: `office.document.read`.
    async fn document_folders(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only folders that lie in this one; null: only those that lie in none; all if not said.")]
        parent: MaybeUndefined<DocumentFolderId>,
    ) -> async_graphql::Result<DocumentFolderConnection> {
        let tx = ctx.tx(Can::OfficeDocumentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let own = document_folder::table.filter(document_folder::tenant_id.eq(tx.tenant()?)).into_boxed();
            Ok(match parent {
                MaybeUndefined::Undefined => own,
                MaybeUndefined::Null => own.filter(document_folder::parent_id.is_null()),
                MaybeUndefined::Value(parent) => own.filter(document_folder::parent_id.eq(parent)),
            })
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(document_folder::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(document_folder::id.desc()).limit(slice.limit()).select(DocumentFolder::as_select()))
            .await?;
        Ok(DocumentFolderConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of folders.
#[derive(Default)]
pub struct DocumentFolderMutation;

#[Object]
impl DocumentFolderMutation {
    /// Makes a folder. Right: `office.document.manage`.
    async fn document_folder_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new folder.")] input: DocumentFolderCreateInput,
    ) -> async_graphql::Result<Option<DocumentFolderPayload>> {
        DocumentFolderPayload::settle(ctx, create(ctx.tx(Can::OfficeDocumentManage).await?, input).await)
    }

    /// Renames a folder or moves it; a circle is refused. Right: `office.document.manage`.
    async fn document_folder_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: DocumentFolderUpdateInput,
    ) -> async_graphql::Result<Option<DocumentFolderPayload>> {
        DocumentFolderPayload::settle(ctx, update(ctx.tx(Can::OfficeDocumentManage).await?, input).await)
    }

    /// Deletes an empty folder. Right: `office.document.manage`.
    async fn document_folder_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The folder.")] input: DocumentFolderDeleteInput,
    ) -> async_graphql::Result<Option<DocumentFolderPayload>> {
        DocumentFolderPayload::settle(ctx, delete(ctx.tx(Can::OfficeDocumentManage).await?, input.id).await)
    }
}
