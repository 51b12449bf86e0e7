//! A document as the provider's people see it: what it is, where it lies, its versions and what it lies beside.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, Object, SimpleObject};
use diesel::prelude::*;

use super::folder::DocumentFolder;
use super::ids::{DocumentFolderId, DocumentId, DocumentTypeId};
use super::kind::DocumentType;
use super::link::DocumentLink;
use super::retention::DocumentRetention;
use super::share::{self, DocumentShare};
use super::version::{Current, DocumentVersion};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::filter::{DateFilter, FlagFilter, TextFilter};
use crate::platform::ids::split;
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::schema::{document, document_link};

/// A document of the client.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document)]
#[graphql(complex)]
pub struct Document {
    /// Global id.
    pub id: DocumentId,
    /// Its title.
    pub title: String,
    #[graphql(skip)]
    pub(super) type_id: DocumentTypeId,
    #[graphql(skip)]
    pub(super) folder_id: Option<DocumentFolderId>,
    #[graphql(skip)]
    pub(super) fields: serde_json::Value,
    /// Its tags, in the order of the alphabet.
    pub tags: Vec<String>,
    #[graphql(skip)]
    pub(super) rights: Vec<String>,
    /// Whether the client's own people see it as well, as a `ClientDocument`.
    pub visible_to_client: bool,
    /// The day from which its retention counts, in the client's time zone.
    pub retain_from: Date,
    /// The day on which it was archived; null if it is not. An archived document is not changed.
    pub archived_on: Option<Date>,
    /// The day on which it went into the trash; null if it is not there.
    pub trashed_on: Option<Date>,
    /// When the record was made.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

/// What a document says in a field of its type.
#[derive(SimpleObject, Clone, Debug)]
pub struct DocumentField {
    /// The field's name.
    pub name: String,
    /// What stands in it: a text, a decimal number, a day, `true` or `false`, or the choice.
    pub value: String,
}

impl Document {
    /// What it says in its fields.
    pub(super) fn values(&self) -> Result<std::collections::BTreeMap<String, String>> {
        serde_json::from_value(self.fields.clone()).map_err(Error::fault)
    }
}

#[ComplexObject]
impl Document {
    /// Its type.
    #[graphql(name = "type")]
    async fn kind(&self, ctx: &Context<'_>) -> async_graphql::Result<DocumentType> {
        let kind = ctx.load::<DocumentType>(self.type_id).await?;
        Ok(kind.ok_or_else(|| Error::fault("a document has no type"))?)
    }

    /// The folder in which it lies; null if in none.
    async fn folder(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DocumentFolder>> {
        match self.folder_id {
            Some(id) => Ok(ctx.load::<DocumentFolder>(id).await?),
            None => Ok(None),
        }
    }

    /// What it says in the fields of its type, by name.
    async fn fields(&self) -> async_graphql::Result<Vec<DocumentField>> {
        Ok(self.values()?.into_iter().map(|(name, value)| DocumentField { name, value }).collect())
    }

    /// The newest version that was not deleted; null before there is one.
    async fn current_version(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<DocumentVersion>> {
        Ok(ctx.load::<Current>(self.id).await?)
    }

    /// All its versions, the newest first, those that were deleted included.
    async fn versions(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentVersion>> {
        Ok(ctx.load::<DocumentVersion>(self.id).await?.unwrap_or_default())
    }

    /// The records beside which it lies.
    async fn links(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentLink>> {
        Ok(ctx.load::<DocumentLink>(self.id).await?.unwrap_or_default())
    }

    /// The links by which somebody without a sign-in takes it, the latest first.
    async fn shares(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DocumentShare>> {
        Ok(ctx.load::<share::OfDocument>(self.id).await?.unwrap_or_default())
    }

    /// What comes of retention for it.
    async fn retention(&self, ctx: &Context<'_>) -> async_graphql::Result<DocumentRetention> {
        let retention = ctx.load::<DocumentRetention>(self.id).await?;
        Ok(retention.ok_or_else(|| Error::fault("a document that is seen has no retention"))?)
    }
}

/// The client's documents that the actor of a transaction may see.
macro_rules! visible {
    ($tx:expr) => {{
        use diesel::PgArrayExpressionMethods;
        let tx: &$crate::platform::db::Tx = $tx;
        let held: Vec<&str> = tx.permissions().iter().map(|can| can.name()).collect();
        $crate::schema::document::table
            .filter($crate::schema::document::tenant_id.eq(tx.tenant()?))
            .filter($crate::schema::document::rights.is_contained_by(held))
    }};
}

impl Fetch for Document {
    type Key = DocumentId;
    type Value = Self;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentId>) -> Result<HashMap<DocumentId, Self>> {
        let rows: Vec<Self> = tx.rows(visible!(tx).filter(document::id.eq_any(keys)).select(Self::as_select())).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// The document of that id, locked until the transaction ends.
pub(super) async fn locked(tx: &Tx, id: DocumentId, field: &str) -> Result<Document> {
    let found = visible!(tx).filter(document::id.eq(id)).select(Document::as_select()).for_update();
    tx.maybe(found).await?.ok_or_else(|| Error::not_found(field, "document"))
}

crate::platform::connection!(
    /// A page of documents.
    DocumentConnection, DocumentEdge, Document
);

crate::platform::equality_filter!(
    /// Conditions on the type of a document.
    DocumentTypeFilter, DocumentTypeId
);
crate::platform::equality_filter!(
    /// Conditions on the folder of a document.
    DocumentFolderFilter, DocumentFolderId
);

crate::platform::filter! {
    /// Narrows a list of documents. Those in the trash are shown only if `trashedOn` asks for them.
    DocumentFilter over document {
        /// By title.
        title: TextFilter => text(document::title),
        /// By type.
        document_type: DocumentTypeFilter => equality(document::type_id),
        /// By the folder in which they lie, not by way of others.
        folder: DocumentFolderFilter => equality(document::folder_id),
        /// By whether the client's people see them.
        visible_to_client: FlagFilter => flag(document::visible_to_client),
        /// By the day from which their retention counts.
        retain_from: DateFilter => date(document::retain_from),
        /// By the day on which they were archived.
        archived_on: DateFilter => date(document::archived_on),
        /// By the day on which they went into the trash.
        trashed_on: DateFilter => date(document::trashed_on),
    }
}

impl DocumentFilter {
    /// Whether it says anywhere something about the trash.
    fn asks_for_trash(&self) -> bool {
        let parts = self.and.iter().chain(self.or.iter()).flatten();
        self.trashed_on.is_some() || parts.into_iter().any(Self::asks_for_trash)
    }
}

/// Queries about documents.
#[derive(Default)]
pub struct CabinetDocumentQuery;

#[Object]
impl CabinetDocumentQuery {
    /// One document; null if the id is unknown. Right: `office.document.read`.
    async fn document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document's id.")] id: DocumentId,
    ) -> async_graphql::Result<Option<Document>> {
        Ok(ctx.load::<Document>(id).await?)
    }

    /// The client's documents, the latest first, those in the trash aside. Right: `office.document.read`, and for each those
    /// of its type.
    async fn documents(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only documents that match.")] filter: Option<DocumentFilter>,
        #[graphql(desc = "Only documents beside the record of this id.")] record: Option<ID>,
        #[graphql(desc = "Only documents with all of these tags, at most 10.")] tags: Option<Vec<String>>,
    ) -> async_graphql::Result<DocumentConnection> {
        use diesel::PgArrayExpressionMethods;
        let tx = ctx.tx(Can::OfficeDocumentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let tags = tags.unwrap_or_default();
        if tags.len() > 10 {
            return Err(Error::BadInput("At most 10 tags at once.".to_owned()).into());
        }
        let with_trash = filter.as_ref().is_some_and(DocumentFilter::asks_for_trash);
        let narrowed = |filter: Option<DocumentFilter>| -> Result<_> {
            let mut query = visible!(tx).into_boxed();
            if !with_trash {
                query = query.filter(document::trashed_on.is_null());
            }
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            if !tags.is_empty() {
                query = query.filter(document::tags.contains(tags.clone()));
            }
            if let Some(record) = &record {
                // An id that is none lies beside nothing.
                let beside = split(record).map(|(_, id)| id).unwrap_or_default();
                query = query.filter(
                    document::id.eq_any(
                        document_link::table
                            .filter(document_link::tenant_id.eq(tenant))
                            .filter(document_link::record_id.eq(beside))
                            .select(document_link::document_id),
                    ),
                );
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(document::id.lt(*id));
        }
        let rows = tx.rows(page.order(document::id.desc()).limit(slice.limit()).select(Document::as_select())).await?;
        Ok(DocumentConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}
