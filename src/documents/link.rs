//! What a document lies beside: any records of the same client.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, ID, InputObject, Object, SimpleObject};
use diesel::prelude::*;
use uuid::Uuid;

use super::change::DocumentPayload;
use super::document::{Document, locked};
use super::ids::DocumentId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::{new_uuid, split};
use crate::platform::node::{self, Node};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::document_link;

/// The most records beside which one document lies.
const MOST: i64 = 200;

/// A record beside which a document lies.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document_link)]
#[graphql(complex)]
pub struct DocumentLink {
    #[graphql(skip)]
    document_id: DocumentId,
    #[graphql(skip)]
    record_prefix: String,
    #[graphql(skip)]
    record_id: Uuid,
    /// Since when it lies there.
    pub created_at: DateTime,
}

impl DocumentLink {
    fn text(&self) -> String {
        format!("{}_{}", self.record_prefix, self.record_id.simple())
    }
}

#[ComplexObject]
impl DocumentLink {
    /// The record's id.
    async fn record_id(&self) -> ID {
        ID(self.text())
    }

    /// The record; null if it is gone. Right: that to read records of its kind.
    async fn record(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Node>> {
        Ok(node::find(ctx, &self.text()).await?)
    }
}

impl Fetch for DocumentLink {
    type Key = DocumentId;
    type Value = Vec<Self>;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentId>) -> Result<HashMap<DocumentId, Vec<Self>>> {
        let rows: Vec<Self> = tx
            .rows(
                document_link::table
                    .filter(document_link::tenant_id.eq(tx.tenant()?))
                    .filter(document_link::document_id.eq_any(keys))
                    .order(document_link::id)
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

/// A document and a record.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentLinkInput {
    /// The document.
    pub document: DocumentId,
    /// The id of any record that the caller may read.
    pub record: ID,
}

/// Lays a document beside records.
pub(super) async fn lay(tx: &Tx, document: DocumentId, records: Vec<(String, Uuid)>) -> Result<()> {
    for (prefix, record) in records {
        tx.exec(diesel::insert_into(document_link::table).values((
            document_link::tenant_id.eq(tx.tenant()?),
            document_link::id.eq(new_uuid()),
            document_link::document_id.eq(document),
            document_link::record_prefix.eq(prefix),
            document_link::record_id.eq(record),
        )))
        .await?;
    }
    Ok(())
}

async fn add(tx: &Tx, document: DocumentId, record: (String, Uuid)) -> Result<Document> {
    let found = locked(tx, document, "document").await?;
    if record.1 == document.0 {
        return Err(Error::refuse(UserErrorCode::Invalid, "record", "A document does not lie beside itself."));
    }
    let own = || -> Result<_> {
        Ok(document_link::table
            .filter(document_link::tenant_id.eq(tx.tenant()?))
            .filter(document_link::document_id.eq(document)))
    };
    let same: i64 = tx.row(own()?.filter(document_link::record_id.eq(record.1)).count()).await?;
    if same > 0 {
        return Err(Error::refuse(UserErrorCode::Duplicate, "record", "The document lies beside this record already."));
    }
    let known: i64 = tx.row(own()?.count()).await?;
    if known >= MOST {
        let message = format!("A document lies beside at most {MOST} records.");
        return Err(Error::refuse(UserErrorCode::Invalid, "record", message));
    }
    lay(tx, document, vec![record]).await?;
    emit(tx, EventKind::DocumentUpdated, document.0);
    Ok(found)
}

async fn remove(tx: &Tx, input: DocumentLinkInput) -> Result<Document> {
    let found = locked(tx, input.document, "document").await?;
    let unknown = || Error::not_found("record", "record beside this document");
    let (prefix, record) = split(&input.record).ok_or_else(unknown)?;
    let gone = tx
        .exec(diesel::delete(
            document_link::table
                .filter(document_link::tenant_id.eq(tx.tenant()?))
                .filter(document_link::document_id.eq(input.document))
                .filter(document_link::record_prefix.eq(prefix.to_owned()))
                .filter(document_link::record_id.eq(record)),
        ))
        .await?;
    if gone == 0 {
        return Err(unknown());
    }
    emit(tx, EventKind::DocumentUpdated, input.document.0);
    Ok(found)
}

/// Changes of what documents lie beside.
#[derive(Default)]
pub struct DocumentLinkMutation;

#[Object]
impl DocumentLinkMutation {
    /// Lays a document beside a record of any kind. Right: `office.document.manage`, and that to read records of its kind.
    async fn document_link_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document and the record.")] input: DocumentLinkInput,
    ) -> async_graphql::Result<Option<DocumentPayload>> {
        let tx = ctx.tx(Can::OfficeDocumentManage).await?;
        match node::pointed_at(ctx, &input.record, "record").await {
            Ok(record) => DocumentPayload::settle(ctx, add(tx, input.document, record).await),
            Err(refused) => DocumentPayload::settle(ctx, Err(refused)),
        }
    }

    /// Takes a document away from a record. Right: `office.document.manage`.
    async fn document_link_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document and the record.")] input: DocumentLinkInput,
    ) -> async_graphql::Result<Option<DocumentPayload>> {
        DocumentPayload::settle(ctx, remove(ctx.tx(Can::OfficeDocumentManage).await?, input).await)
    }
}
