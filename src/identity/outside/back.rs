//! A person who comes back from an identity provider, on his way to the portal that sent him there.

use std::collections::HashMap;

use backoffice_credentials::Opaque;
use diesel::QueryableByName;
use diesel::sql_types::{Binary, Bool, Text};
use url::Url;

use super::super::throttle::Subjects;
use super::discovery::word;
use super::flow::along;
use super::relying::{Relying, issuer_key};
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result};
use crate::platform::sql::sql;

/// The longest code of an identity provider.
const MOST_CODE: usize = 4096;
/// What becomes of somebody who came back from an identity provider.
#[derive(Debug, PartialEq, Eq)]
pub enum Returned {
    /// He is sent on, to the portal.
    To(String),
    /// He is told that it ends here, in a sentence.
    Ends(&'static str),
}

#[derive(QueryableByName)]
struct Waiting {
    #[diesel(sql_type = Text)]
    issuer: String,
    #[diesel(sql_type = Bool)]
    names_issuer: bool,
    #[diesel(sql_type = Text)]
    return_to: String,
}

/// What an identity provider sent along with the person: of each name one value.
pub type Sent = HashMap<String, String>;

const OVER: &str = "This sign-in is over, or was never begun here. Go back to where you came from and sign in again.";
const MIXED_UP: &str = "This answer did not come from where you were sent to. Nothing was done.";

/// Takes a person who comes back from an identity provider. `key` ends the address that he came to; `address` is his, for
/// throttling.
pub async fn returned(pools: &Pools, relying: &Relying, key: &str, sent: &Sent, address: &str) -> Result<Returned> {
    let state = sent.get("state").map(String::as_str).unwrap_or_default();
    let hash = Opaque::State.hash(state);
    let subjects = Subjects::new("state", state, address);
    let tx = Tx::open_anonymous(pools).await?;
    let back = take_back(&tx, relying, key, sent, hash, &subjects).await;
    tx.finish(back.is_ok()).await?;
    match back? {
        Some(back) => Ok(back),
        None => {
            subjects.failed(pools).await?;
            Ok(Returned::Ends(OVER))
        }
    }
}

async fn take_back(
    tx: &Tx,
    relying: &Relying,
    key: &str,
    sent: &Sent,
    hash: Option<[u8; 32]>,
    subjects: &Subjects,
) -> Result<Option<Returned>> {
    match subjects.check(tx).await {
        Ok(()) => {}
        Err(Error::Refused(_)) => {
            return Ok(Some(Returned::Ends(
                "There were too many failed sign-ins from here; try again in a quarter of an hour.",
            )));
        }
        Err(error) => return Err(error),
    }
    let Some(hash) = hash else { return Ok(None) };
    // Of two who come with one state, the second waits here and finds it used.
    let waiting: Option<Waiting> = tx
        .maybe(
            sql("UPDATE identity.outside_sign_in o SET returned_at = now()
                  WHERE o.state_hash = $1 AND o.returned_at IS NULL AND o.expires_at > now()
                RETURNING o.issuer, o.names_issuer, o.return_to")
            .bind::<Binary, _>(hash.to_vec()),
        )
        .await?;
    let Some(waiting) = waiting else { return Ok(None) };
    // Whose answer it is: by the address that he was told, and by his own word where he gives one (RFC 9207).
    let named = sent.get("iss");
    let other = named.map_or(waiting.names_issuer, |named| *named != waiting.issuer);
    if key != issuer_key(&waiting.issuer) || other {
        tracing::warn!(issuer = waiting.issuer, "an answer came from another issuer than the one that was asked");
        return Ok(Some(Returned::Ends(MIXED_UP)));
    }
    let code = sent.get("code").filter(|code| (1..=MOST_CODE).contains(&code.len()));
    let mut url = Url::parse(&waiting.return_to).map_err(Error::fault)?;
    match (code, sent.get("error")) {
        (Some(code), None) => {
            let (shown, code_hash) = Opaque::Code.generate().map_err(Error::fault)?;
            tx.exec(
                sql("UPDATE identity.outside_sign_in o SET code_hash = $2, sealed_code = $3, expires_at = now() + interval '120 s'
                      WHERE o.state_hash = $1")
                .bind::<Binary, _>(hash.to_vec())
                .bind::<Binary, _>(code_hash.to_vec())
                .bind::<Binary, _>(relying.vault().seal(&along("code", &hash), code.as_bytes())?),
            )
            .await?;
            url.query_pairs_mut().append_pair("signInCode", &shown);
        }
        (_, error) => {
            let reason = error.map_or_else(|| "invalid_request".to_owned(), |error| word(error));
            url.query_pairs_mut().append_pair("signInError", &reason);
        }
    }
    Ok(Some(Returned::To(url.into())))
}
