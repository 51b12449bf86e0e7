//! `Idempotency-Key`: a request that is sent again is answered again, not run again.
//!
//! The key is taken in the operation's own transaction when that is opened, by whichever door, so it lasts exactly if
//! the effect does. In a client's transaction it is one of that client and actor; in the provider's, a founding one and
//! that of one's own account it is one of the actor alone.

use diesel::QueryableByName;
use diesel::sql_types::{Bool, Bytea, Nullable, Text, Uuid as SqlUuid};
use sha2::{Digest, Sha256};

use super::db::Tx;
use super::error::{Error, Result};
use super::sql::sql;

/// What a request claims to be: the same as any other with the same key.
#[derive(Clone)]
pub struct Claim {
    key: String,
    fingerprint: Vec<u8>,
}

/// Whose the keys of a transaction are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Its client's and its actor's.
    Client,
    /// Its actor's.
    Actor,
}

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Bytea)]
    request_hash: Vec<u8>,
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
}

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
    #[diesel(sql_type = Nullable<Bytea>)]
    request_hash: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    answer: Option<String>,
}

impl Taken {
    /// Nothing if the key is free.
    fn stored(self) -> Result<Option<Stored>> {
        match (self.taken, self.request_hash) {
            (true, _) => Ok(None),
            (false, Some(request_hash)) => Ok(Some(Stored { request_hash, answer: self.answer })),
            (false, None) => Err(Error::Retry),
        }
    }
}

impl Claim {
    /// A request by its key and by what identifies the rest of it.
    #[must_use]
    pub fn new(key: String, fingerprint: Vec<u8>) -> Self {
        Self { key, fingerprint }
    }

    /// Takes the key for this transaction, or gives the answer stored under it. A second request with the same key
    /// waits on the first one's row until that has committed or rolled back.
    pub(super) async fn take(&self, tx: &Tx, shelf: Shelf) -> Result<Option<String>> {
        let stored = match shelf {
            Shelf::Client => {
                let taken = tx
                    .exec(
                        sql("INSERT INTO core.idempotency (tenant_id, actor_id, key, request_hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING")
                            .bind::<SqlUuid, _>(tx.tenant()?)
                            .bind::<SqlUuid, _>(tx.actor())
                            .bind::<Text, _>(self.key.clone())
                            .bind::<Bytea, _>(self.fingerprint.clone()),
                    )
                    .await?;
                if taken == 1 {
                    return Ok(None);
                }
                tx.maybe(
                    sql("SELECT request_hash, answer FROM core.idempotency WHERE tenant_id = $1 AND actor_id = $2 AND key = $3")
                        .bind::<SqlUuid, _>(tx.tenant()?)
                        .bind::<SqlUuid, _>(tx.actor())
                        .bind::<Text, _>(self.key.clone()),
                )
                .await?
                .ok_or(Error::Retry)?
            }
            Shelf::Actor => {
                let taken: Taken = tx
                    .row(
                        sql("SELECT c.taken, c.request_hash, c.answer FROM core.claim_provider_key($1, $2) c")
                            .bind::<Bytea, _>(self.key_hash())
                            .bind::<Bytea, _>(self.request_hash(shelf)),
                    )
                    .await?;
                match taken.stored()? {
                    None => return Ok(None),
                    Some(stored) => stored,
                }
            }
        };
        self.answer(stored, shelf).map(Some)
    }

    /// The answer stored under the key of this transaction's actor, without taking the key.
    pub(super) async fn look(&self, tx: &Tx) -> Result<Option<String>> {
        let taken: Taken = tx
            .row(
                sql("SELECT c.taken, c.request_hash, c.answer FROM core.provider_answer($1) c")
                    .bind::<Bytea, _>(self.key_hash()),
            )
            .await?;
        taken.stored()?.map(|stored| self.answer(stored, Shelf::Actor)).transpose()
    }

    /// Stores the answer beside the key that this transaction has taken. A secret is kept nowhere: the empty text says
    /// that the request was done, and no more.
    pub(super) async fn keep(&self, tx: &Tx, shelf: Shelf, answer: String) -> Result<()> {
        match shelf {
            Shelf::Client => {
                tx.exec(
                    sql("UPDATE core.idempotency SET answer = $4 WHERE tenant_id = $1 AND actor_id = $2 AND key = $3")
                        .bind::<SqlUuid, _>(tx.tenant()?)
                        .bind::<SqlUuid, _>(tx.actor())
                        .bind::<Text, _>(self.key.clone())
                        .bind::<Text, _>(answer),
                )
                .await?
            }
            Shelf::Actor => {
                tx.exec(
                    sql("SELECT core.keep_provider_answer($1, $2)")
                        .bind::<Bytea, _>(self.key_hash())
                        .bind::<Text, _>(answer),
                )
                .await?
            }
        };
        Ok(())
    }

    fn answer(&self, stored: Stored, shelf: Shelf) -> Result<String> {
        match stored {
            Stored { request_hash, .. } if request_hash != self.request_hash(shelf) => {
                Err(Error::BadInput("This Idempotency-Key was used for another request.".to_owned()))
            }
            Stored { answer: Some(answer), .. } if answer.is_empty() => Err(Error::BadInput(
                "This request was done already. Its answer held a secret, which is shown only once.".to_owned(),
            )),
            Stored { answer: Some(answer), .. } => Ok(answer),
            Stored { answer: None, .. } => Err(Error::Retry),
        }
    }

    /// What stands for the key where the key itself must not.
    fn key_hash(&self) -> Vec<u8> {
        hash(&[b"key", self.key.as_bytes()])
    }

    /// Requests without a client may hold a password, so their hash is salted with the key, which is kept nowhere: it
    /// cannot be tried out against the stored rows.
    fn request_hash(&self, shelf: Shelf) -> Vec<u8> {
        match shelf {
            Shelf::Client => self.fingerprint.clone(),
            Shelf::Actor => hash(&[b"request", self.key.as_bytes(), &self.fingerprint]),
        }
    }
}

/// One hash of several parts, which cannot run into each other.
fn hash(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}
