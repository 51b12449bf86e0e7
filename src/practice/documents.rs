//! The documents of a client's portals, published beforehand. A portal sends the hash of a document instead of its text;
//! and where a client wants it so, its tokens run nothing else.

use std::collections::{HashMap, HashSet};

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject, Variables};
use chrono::Utc;
use diesel::prelude::*;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use sha2::{Digest, Sha256};

use super::ids::DocumentManifestId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::document_manifest;

/// The most documents of one manifest.
const MOST_DOCUMENTS: usize = 1_000;
/// The most manifests of a client that are in force.
const MOST_LIVE: i64 = 50;

/// Which documents one version of a portal sends. Several versions can be in force at once, because an old page stays
/// open in somebody's browser.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = document_manifest)]
#[graphql(complex)]
pub struct DocumentManifest {
    /// Global id.
    pub id: DocumentManifestId,
    /// The portal's name.
    pub portal: String,
    /// SHA-256 of each document's text in UTF-8, in hexadecimal digits.
    pub hashes: Vec<String>,
    /// When it was retired; null while it is in force.
    pub retired_at: Option<DateTime>,
    /// When it was published.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl DocumentManifest {
    /// How many documents it names.
    async fn documents(&self) -> i32 {
        i32::try_from(self.hashes.len()).unwrap_or(i32::MAX)
    }
}

crate::platform::connection!(
    /// A page of manifests.
    DocumentManifestConnection, DocumentManifestEdge, DocumentManifest
);

crate::platform::payload!(
    /// What came of publishing or retiring a manifest.
    DocumentManifestPayload {
        /// The manifest.
        document_manifest: DocumentManifest
    }
);

impl Fetch for DocumentManifest {
    type Key = DocumentManifestId;
    type Value = Self;
    const CAN: Can = Can::DocumentManage;

    async fn fetch(tx: &Tx, keys: Vec<DocumentManifestId>) -> Result<HashMap<DocumentManifestId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                document_manifest::table
                    .filter(document_manifest::tenant_id.eq(tx.tenant()?))
                    .filter(document_manifest::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A document of a portal.
#[derive(InputObject, Clone, Debug)]
pub struct PortalDocumentInput {
    /// SHA-256 of the text in UTF-8, in 64 hexadecimal digits in small letters: what requests name it by. Refused if it is
    /// not the text's.
    pub sha256: String,
    /// The text, with exactly one operation.
    pub text: String,
}

/// The documents of a version of a portal.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentManifestPublishInput {
    /// The portal's name, 1 to 100 characters.
    pub portal: String,
    /// All its documents, 1 to 1,000.
    pub documents: Vec<PortalDocumentInput>,
    /// Whether earlier manifests of this portal are retired; false if not said, so that open pages go on.
    pub replaces: Option<bool>,
}

/// The manifest to retire.
#[derive(InputObject, Clone, Debug)]
pub struct DocumentManifestRetireInput {
    /// Its id.
    pub id: DocumentManifestId,
    /// The version that was read; refused with `CONFLICT` if the record was changed since.
    pub expected_version: Option<i32>,
}

/// The name of a text: SHA-256 in hexadecimal digits.
#[must_use]
pub fn hash(text: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(text.as_bytes()).iter().fold(String::with_capacity(64), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// Whether it could name a text.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn check(input: &DocumentManifestPublishInput) -> Result<()> {
    let invalid = |field: &str, message: String| Err(Error::refuse(UserErrorCode::Invalid, field, message));
    if !(1..=100).contains(&input.portal.chars().count()) {
        return invalid("portal", "A portal's name has 1 to 100 characters.".to_owned());
    }
    if !(1..=MOST_DOCUMENTS).contains(&input.documents.len()) {
        return invalid("documents", format!("A manifest has 1 to {MOST_DOCUMENTS} documents."));
    }
    let mut limits = backoffice_gate::Limits::default();
    limits.argument_weight = u64::MAX;
    let mut seen = HashSet::with_capacity(input.documents.len());
    for (index, document) in input.documents.iter().enumerate() {
        if hash(&document.text) != document.sha256 {
            return invalid(&format!("documents.{index}.sha256"), "This is not the SHA-256 of the text.".to_owned());
        }
        if !seen.insert(document.sha256.as_str()) {
            return invalid(&format!("documents.{index}.sha256"), "This document is given twice.".to_owned());
        }
        if let Err(rejected) = backoffice_gate::admit(&document.text, None, &Variables::default(), &limits) {
            return invalid(&format!("documents.{index}.text"), rejected.to_string());
        }
    }
    Ok(())
}

async fn publish(tx: &Tx, input: DocumentManifestPublishInput) -> Result<DocumentManifest> {
    check(&input)?;
    let tenant = tx.tenant()?;
    let own = || document_manifest::table.filter(document_manifest::tenant_id.eq(tenant));
    if input.replaces == Some(true) {
        let earlier = own()
            .filter(document_manifest::portal.eq(input.portal.clone()))
            .filter(document_manifest::retired_at.is_null());
        let retired: Vec<DocumentManifestId> = tx
            .rows(
                diesel::update(earlier)
                    .set(document_manifest::retired_at.eq(Utc::now()))
                    .returning(document_manifest::id),
            )
            .await?;
        retired.iter().for_each(|id| emit(tx, EventKind::DocumentManifestRetired, id.0));
    }
    let live: i64 = tx.row(own().filter(document_manifest::retired_at.is_null()).count()).await?;
    if live >= MOST_LIVE {
        let message = format!("{MOST_LIVE} manifests are in force; retire one first, or publish with `replaces`.");
        return Err(Error::refuse(UserErrorCode::State, "portal", message));
    }
    let (hashes, texts): (Vec<String>, Vec<String>) =
        input.documents.into_iter().map(|document| (document.sha256, document.text)).unzip();
    let ids: Vec<_> = hashes.iter().map(|_| new_uuid()).collect();
    tx.exec(
        sql("INSERT INTO practice.portal_document (tenant_id, id, sha256, body)
             SELECT $1, d.id, d.sha256, d.body FROM unnest($2, $3, $4) AS d (id, sha256, body)
             ON CONFLICT (tenant_id, sha256) DO NOTHING")
        .bind::<SqlUuid, _>(tenant)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Text>, _>(hashes.clone())
        .bind::<Array<Text>, _>(texts),
    )
    .await?;
    tx.row(
        diesel::insert_into(document_manifest::table)
            .values((
                document_manifest::tenant_id.eq(tenant),
                document_manifest::id.eq(DocumentManifestId::new()),
                document_manifest::portal.eq(input.portal),
                document_manifest::hashes.eq(hashes),
            ))
            .returning(DocumentManifest::as_returning()),
    )
    .await
    .inspect(|made: &DocumentManifest| emit(tx, EventKind::DocumentManifestPublished, made.id.0))
}

async fn retire(tx: &Tx, input: DocumentManifestRetireInput) -> Result<DocumentManifest> {
    let one = || -> Result<_> {
        Ok(document_manifest::table
            .filter(document_manifest::tenant_id.eq(tx.tenant()?))
            .filter(document_manifest::id.eq(input.id)))
    };
    let found: Option<DocumentManifest> = tx.maybe(one()?.select(DocumentManifest::as_select()).for_update()).await?;
    let found = found.ok_or_else(|| Error::not_found("id", "manifest"))?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The manifest was changed since it was read; read it again.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    if found.retired_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "id", "This manifest is retired already."));
    }
    tx.row(
        diesel::update(one()?)
            .set(document_manifest::retired_at.eq(Utc::now()))
            .returning(DocumentManifest::as_returning()),
    )
    .await
    .inspect(|retired: &DocumentManifest| emit(tx, EventKind::DocumentManifestRetired, retired.id.0))
}

#[derive(diesel::QueryableByName)]
struct Barred {
    #[diesel(sql_type = diesel::sql_types::Bool)]
    barred: bool,
}

/// Whether that text may not be run here: the client's tokens run published documents only, and this is none.
pub async fn barred(tx: &Tx, text: &str) -> Result<bool> {
    let found: Option<Barred> = tx
        .maybe(
            sql("SELECT c.only_persisted_documents AND NOT EXISTS (
                        SELECT 1 FROM practice.document_manifest m
                         WHERE m.tenant_id = $1 AND m.retired_at IS NULL AND $2 = ANY (m.hashes)) AS barred
                   FROM practice.client c WHERE c.tenant_id = $1")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Text, _>(hash(text)),
        )
        .await?;
    Ok(found.is_none_or(|found| found.barred))
}

/// Queries about portals' documents.
#[derive(Default)]
pub struct DocumentQuery;

#[Object]
impl DocumentQuery {
    /// The manifests of the client's portals, the newest first. Right: `practice.document.manage`.
    async fn document_manifests(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<DocumentManifestConnection> {
        let tx = ctx.tx(Can::DocumentManage).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let tenant = tx.tenant()?;
        let own = || document_manifest::table.filter(document_manifest::tenant_id.eq(tenant));
        let total = match ctx.look_ahead().field("totalCount").exists() {
            true => Some(tx.row(own().count()).await?),
            false => None,
        };
        // Ids are ordered by time.
        let mut query = own().order(document_manifest::id.desc()).limit(slice.limit()).into_boxed();
        if let Some((_, id)) = slice.after {
            query = query.filter(document_manifest::id.lt(DocumentManifestId(id)));
        }
        let rows = tx.rows(query.select(DocumentManifest::as_select())).await?;
        Ok(DocumentManifestConnection::new(ctx, &slice, rows, |row: &DocumentManifest| encode("", row.id.0), total))
    }
}

/// Changes of portals' documents.
#[derive(Default)]
pub struct DocumentMutation;

#[Object]
impl DocumentMutation {
    /// Publishes the documents that a version of a portal sends. From now on requests with a token for this client can name
    /// each by `documentId: "sha256:…"` (or `extensions.persistedQuery.sha256Hash`) instead of sending its text. Right:
    /// `practice.document.manage`.
    async fn document_manifest_publish(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The portal and its documents.")] input: DocumentManifestPublishInput,
    ) -> async_graphql::Result<Option<DocumentManifestPayload>> {
        DocumentManifestPayload::settle(ctx, publish(ctx.tx(Can::DocumentManage).await?, input).await)
    }

    /// Retires a manifest: what no other manifest in force names is no longer known, within a few seconds. Right:
    /// `practice.document.manage`.
    async fn document_manifest_retire(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DocumentManifestRetireInput,
    ) -> async_graphql::Result<Option<DocumentManifestPayload>> {
        DocumentManifestPayload::settle(ctx, retire(ctx.tx(Can::DocumentManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(documents: &[(&str, &str)]) -> DocumentManifestPublishInput {
        let documents = documents
            .iter()
            .map(|(sha256, text)| PortalDocumentInput { sha256: (*sha256).into(), text: (*text).into() });
        DocumentManifestPublishInput { portal: "web".into(), documents: documents.collect(), replaces: None }
    }

    #[test]
    fn a_hash_is_that_of_the_specification() {
        let compact = "query($id:ID!){user(id:$id){name}}";
        assert_eq!(hash(compact), "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b");
        let spacious = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}";
        assert_eq!(hash(spacious), "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e");
        assert!(is_hash(&hash("")) && !is_hash("") && !is_hash(&"A".repeat(64)) && !is_hash(&"0".repeat(63)));
    }

    #[test]
    fn documents_are_what_they_say_and_can_run() {
        let (good, two) = ("{ a }", "query A { a } query B { b }");
        assert!(check(&input(&[(&hash(good), good)])).is_ok());
        for documents in [
            vec![],
            vec![("00", good)],
            vec![(&*hash("{ b }"), good)],
            vec![(&*hash(good), good), (&*hash(good), good)],
            vec![(&*hash("{ a("), "{ a(")],
            vec![(&*hash(two), two)],
        ] {
            assert!(check(&input(&documents)).is_err(), "{documents:?}");
        }
        let mut nameless = input(&[(&hash(good), good)]);
        nameless.portal.clear();
        assert!(check(&nameless).is_err());
    }
}
