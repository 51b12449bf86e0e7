//! The search over documents: what they say in title, tags, fields and text, as far as the caller may see them; the best first,
//! each with the place that says it.

use std::collections::HashMap;

use async_graphql::{Context, Object, SimpleObject};
use backoffice_extraction::search::{read, snippet};
use diesel::QueryableByName;
use diesel::sql_types::{Array, Int4, Nullable, Text, Uuid as SqlUuid};

use super::document::Document;
use super::ids::DocumentId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// A piece of a text, and whether it is what was searched for.
#[derive(SimpleObject, Clone, Debug)]
pub struct SnippetPiece {
    /// The piece.
    pub text: String,
    /// Whether it is one of the words that were searched for.
    pub hit: bool,
}

/// A document that was found.
#[derive(SimpleObject, Clone, Debug)]
pub struct DocumentHit {
    /// The document.
    pub document: Document,
    /// The place of its text, or of its title, that says what was searched for, in pieces; empty if only its tags or fields
    /// say it.
    pub snippet: Vec<SnippetPiece>,
    #[graphql(skip)]
    rank: i32,
}

crate::platform::connection!(
    /// A page of documents that were found.
    DocumentHitConnection, DocumentHitEdge, DocumentHit
);

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = SqlUuid)]
    document_id: DocumentId,
    #[diesel(sql_type = Int4)]
    rank: i32,
}

#[derive(QueryableByName)]
struct Body {
    #[diesel(sql_type = SqlUuid)]
    document_id: DocumentId,
    #[diesel(sql_type = Text)]
    body: String,
}

/// The beginnings of what is current in documents.
async fn bodies(tx: &Tx, ids: Vec<DocumentId>) -> Result<HashMap<DocumentId, String>> {
    let rows: Vec<Body> = tx
        .rows(
            sql("SELECT DISTINCT ON (v.document_id) v.document_id, left(coalesce(t.body, ''), 100000) AS body
                   FROM practice.document_version v
                   LEFT JOIN practice.document_text t ON t.tenant_id = v.tenant_id AND t.id = v.id
                  WHERE v.tenant_id = $1 AND v.document_id = ANY ($2) AND v.deleted_at IS NULL
                  ORDER BY v.document_id, v.number DESC")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(ids),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.document_id, row.body)).collect())
}

/// Queries that search.
#[derive(Default)]
pub struct SearchQuery;

#[Object]
impl SearchQuery {
    /// Documents that say all of these words, the trash aside: of the latest five hundred that do, the best first, where what
    /// stands in title, tags and fields weighs more than what stands in the first 200,000 characters of the current version.
    /// Right: `office.document.read`, and for each those of its type.
    async fn document_search(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "What is searched for, 1 to 500 characters: words, `\"phrases\"`, `begin*` (3 letters at least) and `-without`."
        )]
        text: String,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<DocumentHitConnection> {
        let tx = ctx.tx(Can::OfficeDocumentRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        if text.chars().count() > 500 {
            return Err(Error::BadInput("A search has at most 500 characters.".to_owned()).into());
        }
        let Some(wanted) = read(&text) else {
            return Err(Error::BadInput("Say at least one word that is wanted.".to_owned()).into());
        };
        let before = match &slice.after {
            Some((rank, id)) => {
                let rank: i32 =
                    rank.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
                Some((rank, *id))
            }
            None => None,
        };
        let rights: Vec<&str> = tx.permissions().iter().map(|can| can.name()).collect();
        let found: Vec<Found> = tx
            .rows(
                sql("SELECT f.document_id, f.rank FROM practice.documents_found($1, $2, $3, $4, $5) f")
                    .bind::<Text, _>(wanted.query.clone())
                    .bind::<Array<Text>, _>(rights)
                    .bind::<Nullable<Int4>, _>(before.map(|(rank, _)| rank))
                    .bind::<Nullable<SqlUuid>, _>(before.map(|(_, id)| id))
                    .bind::<Int4, _>(i32::try_from(slice.limit()).unwrap_or(101)),
            )
            .await?;
        let ids: Vec<DocumentId> = found.iter().map(|one| one.document_id).collect();
        // Read as everywhere else: what the caller may not see is not there, whatever was found.
        let mut documents = Document::fetch(tx, ids.clone()).await?;
        let bodies = if ctx.look_ahead().field("nodes").field("snippet").exists()
            || ctx.look_ahead().field("edges").field("node").field("snippet").exists()
        {
            bodies(tx, ids).await?
        } else {
            HashMap::new()
        };
        let hits = found
            .into_iter()
            .filter_map(|one| {
                let document = documents.remove(&one.document_id)?;
                let body = bodies.get(&one.document_id).map(String::as_str).unwrap_or_default();
                let mut pieces = snippet(body, &wanted.terms);
                if pieces.is_empty() {
                    pieces = snippet(&document.title, &wanted.terms);
                }
                let snippet =
                    pieces.into_iter().map(|piece| SnippetPiece { text: piece.text, hit: piece.hit }).collect();
                Some(DocumentHit { document, snippet, rank: one.rank })
            })
            .collect();
        Ok(DocumentHitConnection::new(ctx, &slice, hits, |hit| encode(&hit.rank.to_string(), hit.document.id.0), None))
    }
}
