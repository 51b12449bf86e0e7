//! Persisted documents (the appendix of GraphQL over HTTP): a request names the document by its hash, and a client may say
//! that its tokens run published documents only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use backoffice_gate::{Passed, Rejected};
use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Text, Uuid as SqlUuid};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::Shared;
use super::clients::Clients;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::Error;
use crate::platform::scope::Caller;
use crate::platform::sql::sql;
use crate::practice::documents::{hash, is_hash};

/// How much text is remembered, in bytes; with more, all is forgotten.
const MOST_BYTES: usize = 16 << 20;
/// What runs whether it was published or not: otherwise nobody could publish any more.
const MANAGING: [&str; 5] =
    ["documentManifestPublish", "documentManifestRetire", "documentManifests", "clientUpdate", "__typename"];

/// The document that a request asks for: its text, its hash, or both.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Asked {
    text: Option<String>,
    sha256: Option<String>,
}

impl Asked {
    /// From the parameters `query`, `documentId` and `extensions`.
    ///
    /// # Errors
    ///
    /// A sentence, if they name no document, or two.
    pub fn new(
        query: Option<String>,
        document_id: Option<&str>,
        extensions: Option<&Map<String, Value>>,
    ) -> Result<Self, &'static str> {
        let text = query.filter(|query| !query.trim().is_empty());
        let prefixed = match document_id.map(|id| id.strip_prefix("sha256:").filter(|digits| is_hash(digits))) {
            None => None,
            Some(Some(digits)) => Some(digits),
            Some(None) => return Err("A `documentId` is sha256: and 64 hexadecimal digits in small letters."),
        };
        let extended = match extensions.and_then(|extensions| extensions.get("persistedQuery")) {
            None | Some(Value::Null) => None,
            Some(extension) => match extension.get("sha256Hash").and_then(Value::as_str).filter(|text| is_hash(text)) {
                Some(digits) => Some(digits),
                None => return Err("`persistedQuery` holds a `sha256Hash` of 64 hexadecimal digits in small letters."),
            },
        };
        let sha256 = match (prefixed, extended) {
            (Some(one), Some(other)) if one != other => return Err("The request names two documents."),
            (one, other) => one.or(other).map(str::to_owned),
        };
        match (&text, &sha256) {
            (None, None) => Err("`query` is missing."),
            (Some(text), Some(sha256)) if hash(text) != *sha256 => {
                Err("The document is not the one that its hash names.")
            }
            _ => Ok(Self { text, sha256 }),
        }
    }
}

/// A document to run.
#[derive(Debug)]
pub struct Document {
    /// Its text.
    pub text: String,
    /// Whether the caller's client is known to have published it. Looked up only where it matters.
    published: bool,
}

/// Why there is no document to run.
#[derive(Debug)]
pub enum Missing {
    /// The client has published none of this hash.
    Unknown,
    /// It could not be looked up.
    Failed(Error),
}

fn client_of(caller: &Caller) -> Option<Uuid> {
    match caller {
        Caller::Person { client, .. } => *client,
        Caller::Service { client, .. } => Some(*client),
        Caller::Nobody | Caller::Invalid(_) | Caller::Job { .. } => None,
    }
}

/// The document that the request asks for.
///
/// # Errors
///
/// [`Missing`] if it names one that is not there for this caller.
pub async fn find(shared: &Shared, pools: &Pools, caller: &Caller, asked: Asked) -> Result<Document, Missing> {
    let client = client_of(caller);
    match (asked, client) {
        (Asked { text: Some(text), .. }, Some(client)) if shared.clients.runs_only_published(client) => {
            let found = shared.persisted.find(&shared.clients, pools, client, &hash(&text)).await;
            Ok(Document { text, published: found.map_err(Missing::Failed)?.is_some() })
        }
        (Asked { text: Some(text), .. }, _) => Ok(Document { text, published: false }),
        (Asked { sha256: Some(sha256), .. }, Some(client)) => {
            let found =
                shared.persisted.find(&shared.clients, pools, client, &sha256).await.map_err(Missing::Failed)?;
            let text = found.ok_or(Missing::Unknown)?.to_string();
            Ok(Document { text, published: true })
        }
        // Documents are a client's.
        _ => Err(Missing::Unknown),
    }
}

/// What is said to a hash that names nothing. Programs that know the way send the text instead.
#[must_use]
pub fn unpublished() -> Rejected {
    let message = "No document of this hash is published for this client.".to_owned();
    Rejected { code: "PERSISTED_QUERY_NOT_FOUND", message, location: None, limit: None }
}

/// Whether this document may run for this caller.
#[must_use]
pub fn may_run(shared: &Shared, caller: &Caller, document: &Document, passed: &Passed) -> bool {
    document.published
        || !client_of(caller).is_some_and(|client| shared.clients.runs_only_published(client))
        || passed.root_fields.iter().all(|field| MANAGING.contains(&field.as_str()))
}

/// The texts that were looked up, until their client's documents change.
#[derive(Default)]
pub struct PersistedDocuments(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    bytes: usize,
    texts: HashMap<(Uuid, String), Remembered>,
}

/// A text, and when its client's documents had last changed when it was read.
type Remembered = (Option<DateTime<Utc>>, Arc<str>);

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<Text>)]
    body: Option<String>,
}

impl PersistedDocuments {
    async fn find(
        &self,
        clients: &Clients,
        pools: &Pools,
        client: Uuid,
        sha256: &str,
    ) -> Result<Option<Arc<str>>, Error> {
        // Read before the text is: what changes in between makes the next request look again.
        let edition = clients.edition(client);
        let key = (client, sha256.to_owned());
        if let Some((known, text)) = self.memory().texts.get(&key)
            && *known == edition
        {
            return Ok(Some(Arc::clone(text)));
        }
        let tx = Tx::open_anonymous(pools).await?;
        let found: Found = tx
            .row(
                sql("SELECT practice.published_document($1, $2) AS body")
                    .bind::<SqlUuid, _>(client)
                    .bind::<Text, _>(key.1.clone()),
            )
            .await?;
        tx.finish(true).await?;
        let text: Option<Arc<str>> = found.body.map(Arc::from);
        if let Some(text) = &text {
            self.memory().keep(key, (edition, Arc::clone(text)));
        }
        Ok(text)
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn keep(&mut self, key: (Uuid, String), entry: (Option<DateTime<Utc>>, Arc<str>)) {
        if self.bytes.saturating_add(entry.1.len()) > MOST_BYTES {
            *self = Self::default();
        }
        self.bytes = self.bytes.saturating_add(entry.1.len());
        if let Some((_, former)) = self.texts.insert(key, entry) {
            self.bytes = self.bytes.saturating_sub(former.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(query: Option<&str>, id: Option<&str>, extensions: &Value) -> Result<Asked, &'static str> {
        Asked::new(query.map(str::to_owned), id, extensions.as_object())
    }

    #[test]
    fn a_request_names_one_document() {
        let (text, none) = ("{ a }", json!({}));
        let sha256 = hash(text);
        let id = format!("sha256:{sha256}");
        let apollo = json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256 } });
        let both = Asked { text: Some(text.to_owned()), sha256: Some(sha256.clone()) };
        let by_hash = Asked { text: None, sha256: Some(sha256.clone()) };
        assert_eq!(asked(Some(text), None, &none).unwrap(), Asked { text: Some(text.to_owned()), sha256: None });
        assert_eq!(asked(None, Some(&id), &none).unwrap(), by_hash);
        assert_eq!(asked(Some(" "), Some(&id), &apollo).unwrap(), by_hash);
        assert_eq!(asked(None, None, &apollo).unwrap(), by_hash);
        assert_eq!(asked(Some(text), Some(&id), &none).unwrap(), both);
        for (query, id, extensions) in [
            (None, None, &none),
            (Some("{ b }"), Some(&*id), &none),
            (Some("{ b }"), None, &apollo),
            (None, Some(&*sha256), &none),
            (None, Some("md5:00"), &none),
            (None, Some(&*id.to_uppercase()), &none),
            (None, Some(&*format!("sha256:{}", hash("{ b }"))), &apollo),
            (None, None, &json!({ "persistedQuery": { "version": 1 } })),
            (None, None, &json!({ "persistedQuery": "x" })),
        ] {
            assert!(asked(query, id, extensions).is_err(), "{query:?} {id:?} {extensions}");
        }
    }

    #[test]
    fn the_memory_is_bounded() {
        let mut memory = Memory::default();
        let long: Arc<str> = Arc::from("x".repeat(1 << 20));
        for number in 0..100_u32 {
            memory.keep((Uuid::nil(), format!("{}", number % 40)), (None, Arc::clone(&long)));
            let held: usize = memory.texts.values().map(|(_, text)| text.len()).sum();
            assert!(held == memory.bytes && held <= MOST_BYTES);
        }
    }
}
