//! A type of documents: which fields they have, and which rights somebody needs who sees them.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;

use super::fields::{DocumentFieldKind, FieldRule, check_rules};
use super::ids::DocumentTypeId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::schema::document_type;

/// The most types of one client.
const MOST: i64 = 500;

/// A type of documents.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document_type)]
#[graphql(complex)]
pub struct DocumentType {
    /// Global id.
    pub id: DocumentTypeId,
    /// Name, unique in the client.
    pub name: String,
    #[graphql(skip)]
    fields: serde_json::Value,
    #[graphql(skip)]
    pub(super) rights: Vec<String>,
    /// When the record was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

/// A field that documents of a type have.
#[derive(SimpleObject, Clone, Debug)]
pub struct DocumentTypeField {
    /// Its name.
    pub name: String,
    /// What is shown beside it.
    pub label: String,
    /// What stands in it.
    pub kind: DocumentFieldKind,
    /// Whether a document has to say it.
    pub required: bool,
    /// What can be chosen, if it is a choice.
    pub choices: Vec<String>,
}

impl DocumentType {
    /// Its fields.
    pub(super) fn rules(&self) -> Result<Vec<FieldRule>> {
        serde_json::from_value(self.fields.clone()).map_err(Error::fault)
    }
}

#[ComplexObject]
impl DocumentType {
    /// The fields of its documents.
    async fn fields(&self) -> async_graphql::Result<Vec<DocumentTypeField>> {
        let fields = self.rules()?.into_iter().filter_map(|rule| {
            let kind = DocumentFieldKind::parse(&rule.kind)?;
            let FieldRule { name, label, required, choices, .. } = rule;
            Some(DocumentTypeField { name, label, kind, required, choices })
        });
        Ok(fields.collect())
    }

    /// Only who holds all of these rights sees its documents and their files.
    async fn rights(&self) -> Vec<Can> {
        self.rights.iter().filter_map(|name| Can::parse(name)).collect()
    }
}

impl Fetch for DocumentType {
    type Key = DocumentTypeId;
    type Value = Self;
    const CAN: Can = Can::OfficeDocumentRead;

    async fn fetch(tx: &Tx, keys: Vec<DocumentTypeId>) -> Result<HashMap<DocumentTypeId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                document_type::table
                    .filter(document_type::tenant_id.eq(tx.tenant()?))
                    .filter(document_type::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A field of a type.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentTypeFieldInput {
    /// Its name: 1 to 40 characters, lower case letters, digits and underscores.
    pub name: String,
    /// What is shown beside it, 1 to 100 characters; its name if not said.
    pub label: Option<String>,
    /// What stands in it.
    pub kind: DocumentFieldKind,
    /// Whether a document has to say it; not if not said.
    pub required: Option<bool>,
    /// What can be chosen, 1 to 100 texts; of a choice only.
    pub choices: Option<Vec<String>>,
}

/// A new type of documents.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentTypeCreateInput {
    /// Name, 1 to 100 characters, unique in the client.
    pub name: String,
    /// Its fields, at most 50.
    pub fields: Option<Vec<DocumentTypeFieldInput>>,
    /// Rights all of which somebody needs who sees its documents, beyond that to see documents; at most 10, and only such as
    /// the caller holds. They never change.
    pub rights: Option<Vec<Can>>,
}

/// Changes of a type of documents: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentTypeUpdateInput {
    /// The type.
    pub id: DocumentTypeId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
    /// Name, 1 to 100 characters, unique in the client.
    pub name: Option<String>,
    /// All its fields from now on. Documents are held against them when they are changed next.
    pub fields: Option<Vec<DocumentTypeFieldInput>>,
}

crate::platform::payload! {
    /// What became of a type of documents.
    DocumentTypePayload {
        /// The type as it is now.
        document_type: DocumentType
    }
}

crate::platform::connection!(
    /// A page of types of documents.
    DocumentTypeConnection, DocumentTypeEdge, DocumentType
);

fn rules(fields: Vec<DocumentTypeFieldInput>) -> Result<serde_json::Value> {
    let rules: Vec<FieldRule> = fields
        .into_iter()
        .map(|field| FieldRule {
            label: field.label.unwrap_or_else(|| field.name.clone()),
            name: field.name,
            kind: field.kind.text().to_owned(),
            required: field.required.unwrap_or_default(),
            choices: field.choices.unwrap_or_default(),
        })
        .collect();
    check_rules(&rules).map_err(|(at, message)| {
        let field = at.map_or("fields".to_owned(), |at| format!("fields.{at}"));
        Error::refuse(UserErrorCode::Invalid, &field, message)
    })?;
    serde_json::to_value(rules).map_err(Error::fault)
}

async fn create(tx: &Tx, input: DocumentTypeCreateInput) -> Result<DocumentType> {
    sized("name", &input.name, 1..=100)?;
    let mut rights = input.rights.unwrap_or_default();
    rights.sort_unstable();
    rights.dedup();
    if rights.len() > 10 || !rights.iter().all(|can| tx.permissions().contains(can)) {
        let message = "Name at most 10 rights, all of which you hold yourself.";
        return Err(Error::refuse(UserErrorCode::Invalid, "rights", message));
    }
    lay(tx, input.name, input.fields.unwrap_or_default(), &rights).await
}

/// Writes a type whose rights whoever makes it holds, or need not: that of a client that is being founded.
pub async fn lay(tx: &Tx, name: String, fields: Vec<DocumentTypeFieldInput>, rights: &[Can]) -> Result<DocumentType> {
    let rights: Vec<&str> = rights.iter().map(|can| can.name()).collect();
    let count: i64 = tx.row(document_type::table.filter(document_type::tenant_id.eq(tx.tenant()?)).count()).await?;
    if count >= MOST {
        return Err(Error::refuse(
            UserErrorCode::State,
            "",
            format!("A client has at most {MOST} types of documents."),
        ));
    }
    tx.row(
        diesel::insert_into(document_type::table)
            .values((
                document_type::tenant_id.eq(tx.tenant()?),
                document_type::id.eq(DocumentTypeId::new()),
                document_type::name.eq(name),
                document_type::fields.eq(rules(fields)?),
                document_type::rights.eq(rights),
            ))
            .returning(DocumentType::as_returning()),
    )
    .await
    .inspect(|made: &DocumentType| emit(tx, EventKind::DocumentTypeCreated, made.id.0))
}

async fn update(tx: &Tx, input: DocumentTypeUpdateInput) -> Result<DocumentType> {
    let one = || -> Result<_> {
        Ok(document_type::table
            .filter(document_type::tenant_id.eq(tx.tenant()?))
            .filter(document_type::id.eq(input.id)))
    };
    let found: Option<DocumentType> = tx.maybe(one()?.select(DocumentType::as_select()).for_no_key_update()).await?;
    let found = found.ok_or_else(|| Error::not_found("id", "type of documents"))?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The type was changed by somebody else since it was read.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    let name = input.name.unwrap_or(found.name);
    sized("name", &name, 1..=100)?;
    let fields = input.fields.map(rules).transpose()?.unwrap_or(found.fields);
    tx.row(
        diesel::update(one()?)
            .set((document_type::name.eq(name), document_type::fields.eq(fields)))
            .returning(DocumentType::as_returning()),
    )
    .await
    .inspect(|changed: &DocumentType| emit(tx, EventKind::DocumentTypeUpdated, changed.id.0))
}

/// Queries about types of documents.
#[derive(Default)]
pub struct DocumentTypeQuery;

#[Object]
impl DocumentTypeQuery {
    /// One type of documents; null if the id is unknown. Right: `office.document.read`.
    async fn document_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type's id.")] id: DocumentTypeId,
    ) -> async_graphql::Result<Option<DocumentType>> {
        Ok(ctx.load::<DocumentType>(id).await?)
    }

    /// The client's types of documents, the latest first. Right: `office.document.read`.
    async fn document_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<DocumentTypeConnection> {
        let tx = ctx.tx(Can::OfficeDocumentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let own = || -> Result<_> { Ok(document_type::table.filter(document_type::tenant_id.eq(tx.tenant()?))) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(own()?.count()).await?) } else { None };
        let mut page = own()?.into_boxed();
        if let Some((_, id)) = &slice.after {
            page = page.filter(document_type::id.lt(*id));
        }
        let rows = tx
            .rows(page.order(document_type::id.desc()).limit(slice.limit()).select(DocumentType::as_select()))
            .await?;
        Ok(DocumentTypeConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of types of documents.
#[derive(Default)]
pub struct DocumentTypeMutation;

#[Object]
impl DocumentTypeMutation {
    /// Makes a type of documents. Right: `office.document_type.manage`.
    async fn document_type_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new type.")] input: DocumentTypeCreateInput,
    ) -> async_graphql::Result<Option<DocumentTypePayload>> {
        DocumentTypePayload::settle(ctx, create(ctx.tx(Can::OfficeDocumentTypeManage).await?, input).await)
    }

    /// Changes a type of documents. Right: `office.document_type.manage`.
    async fn document_type_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: DocumentTypeUpdateInput,
    ) -> async_graphql::Result<Option<DocumentTypePayload>> {
        DocumentTypePayload::settle(ctx, update(ctx.tx(Can::OfficeDocumentTypeManage).await?, input).await)
    }
}
