//! The token endpoint of OAuth 2 (RFC 6749): client credentials for service accounts, refresh tokens for people.
//!
//! A service account's `client_id` is `<client>.<service account>`, two ids in hexadecimal: the client is named, so that
//! the account is looked up inside its wall.

use backoffice_credentials::Opaque;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Bool, Nullable, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::keys::{Keys, LIFETIME_S};
use super::refresh;
use super::throttle::Subjects;
use crate::platform::can::Can;
use crate::platform::db::{Pools, Tx};
use crate::platform::error::Error;
use crate::platform::sql::sql;

/// The form of a token request. Whoever uses HTTP Basic has his credentials moved here by the server.
#[derive(Deserialize, Clone, Default)]
#[serde(default)]
pub struct TokenForm {
    /// `client_credentials` or `refresh_token`.
    pub grant_type: String,
    /// The service account.
    pub client_id: Option<String>,
    /// Its secret.
    pub client_secret: Option<String>,
    /// Rights to narrow the token to, separated by spaces; all that the service account has if not said.
    pub scope: Option<String>,
    /// A person's refresh token.
    pub refresh_token: Option<String>,
}

/// A token as the endpoint gives it out (RFC 6749 §5.1). The answer must not be cached: `Cache-Control: no-store`.
#[derive(Serialize, Clone)]
pub struct TokenResponse {
    /// The access token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds that the token is good for.
    pub expires_in: i64,
    /// The rights of the token, separated by spaces; absent for people, whose rights are looked up each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The token that continues a person's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// Why no token was given (RFC 6749 §5.2).
#[derive(Serialize, Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    /// The status of the answer; 401 goes with `WWW-Authenticate: Basic`.
    #[serde(skip)]
    pub status: u16,
    /// The code.
    pub error: &'static str,
    /// A sentence for the developer.
    pub error_description: String,
}

impl OAuthError {
    fn new(status: u16, error: &'static str, description: &str) -> Self {
        Self { status, error, error_description: description.to_owned() }
    }

    /// The request is not what the endpoint takes.
    #[must_use]
    pub fn invalid_request(description: &str) -> Self {
        Self::new(400, "invalid_request", description)
    }

    fn invalid_client() -> Self {
        Self::new(401, "invalid_client", "The client id or secret is wrong, or the service account has ended.")
    }
}

impl From<Error> for OAuthError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(reasons) => {
                let sentence = reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" ");
                Self::new(429, "temporarily_unavailable", &sentence)
            }
            Error::Unavailable => {
                Self::new(503, "temporarily_unavailable", "The server is busy; try again in a moment.")
            }
            other => {
                tracing::error!(fault = ?other, "the token endpoint failed");
                Self::new(500, "server_error", "Something went wrong on our side.")
            }
        }
    }
}

#[derive(QueryableByName)]
struct Credentials {
    #[diesel(sql_type = Nullable<Binary>)]
    secret_hash: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Array<Text>>)]
    scopes: Option<Vec<String>>,
    #[diesel(sql_type = Nullable<Bool>)]
    live: Option<bool>,
}

/// The `client_id` of a service account.
#[must_use]
pub fn client_id(client: Uuid, service_account: Uuid) -> String {
    format!("{}.{}", client.simple(), service_account.simple())
}

fn split(client_id: &str) -> Option<(Uuid, Uuid)> {
    let (client, account) = client_id.split_once('.')?;
    let id = |text: &str| (text.len() == 32).then(|| Uuid::try_parse(text).ok()).flatten();
    Some((id(client)?, id(account)?))
}

/// The rights that a token gets: those asked for, each of which the service account must have; all of its own if none
/// are named.
fn narrow(asked: Option<&str>, own: &[String]) -> Result<Vec<Can>, OAuthError> {
    let own: Vec<Can> = own.iter().filter_map(|name| Can::parse(name)).collect();
    let Some(asked) = asked else { return Ok(own) };
    let mut narrowed: Vec<Can> = Vec::new();
    for name in asked.split(' ').filter(|name| !name.is_empty()) {
        match Can::parse(name).filter(|can| own.contains(can)) {
            Some(can) if !narrowed.contains(&can) => narrowed.push(can),
            Some(_) => {}
            None => {
                return Err(OAuthError::new(
                    400,
                    "invalid_scope",
                    "The service account does not have a scope that was asked for.",
                ));
            }
        }
    }
    if narrowed.is_empty() {
        return Err(OAuthError::new(400, "invalid_scope", "No scope was named."));
    }
    Ok(narrowed)
}

/// Answers a token request. `address` is the caller's, for throttling.
pub async fn token(pools: &Pools, keys: &Keys, form: TokenForm, address: &str) -> Result<TokenResponse, OAuthError> {
    match form.grant_type.as_str() {
        "client_credentials" => for_service(pools, keys, &form, address).await,
        "refresh_token" => for_person(pools, keys, &form).await,
        "" => Err(OAuthError::new(400, "invalid_request", "`grant_type` is missing.")),
        _ => Err(OAuthError::new(400, "unsupported_grant_type", "Use `client_credentials` or `refresh_token`.")),
    }
}

async fn for_service(pools: &Pools, keys: &Keys, form: &TokenForm, address: &str) -> Result<TokenResponse, OAuthError> {
    let (Some(id), Some(secret)) = (&form.client_id, &form.client_secret) else {
        return Err(OAuthError::new(401, "invalid_client", "`client_id` and `client_secret` are needed."));
    };
    let subjects = Subjects::new("service", id, address);
    // an id of another shape is looked up as well: both answers take the same way
    let (client, account) = split(id).unwrap_or_default();
    let tx = Tx::open_anonymous(pools).await?;
    let found = async {
        subjects.check(&tx).await?;
        tx.row::<Credentials, _>(
            sql("SELECT s.secret_hash, s.scopes, s.live FROM identity.service_account_secret($1, $2) s")
                .bind::<SqlUuid, _>(client)
                .bind::<SqlUuid, _>(account),
        )
        .await
    }
    .await;
    tx.finish(false).await?;
    let found = found?;
    let right = Opaque::Service.matches(secret, found.secret_hash.as_deref().unwrap_or(&[0; 32]));
    if !(right && found.secret_hash.is_some() && found.live == Some(true)) {
        subjects.failed(pools).await?;
        return Err(OAuthError::invalid_client());
    }
    let scopes = narrow(form.scope.as_deref(), &found.scopes.unwrap_or_default())?;
    let token = keys.for_service(account, client, &scopes)?;
    Ok(TokenResponse {
        access_token: token.token,
        token_type: "Bearer",
        expires_in: LIFETIME_S,
        scope: Some(scopes.iter().map(|can| can.name()).collect::<Vec<_>>().join(" ")),
        refresh_token: None,
    })
}

async fn for_person(pools: &Pools, keys: &Keys, form: &TokenForm) -> Result<TokenResponse, OAuthError> {
    let token = form.refresh_token.as_deref().unwrap_or_default();
    refresh::end_if_reused(pools, token).await?;
    let tx = Tx::open_anonymous(pools).await?;
    let continued = refresh::rotate(&tx, token).await?;
    tx.finish(continued.is_some()).await?;
    let continued = continued
        .ok_or_else(|| OAuthError::new(400, "invalid_grant", "The refresh token is no longer good; sign in again."))?;
    let access = keys.for_person(continued.user.id.0, continued.session.0, None)?;
    Ok(TokenResponse {
        access_token: access.token,
        token_type: "Bearer",
        expires_in: LIFETIME_S,
        scope: None,
        refresh_token: Some(continued.refresh),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_client_id_names_client_and_account() {
        let (client, account) = (Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(split(&client_id(client, account)), Some((client, account)));
        for wrong in ["", ".", "a.b", &client.simple().to_string(), &format!("{client}.{account}")] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_scope_beyond_the_accounts_own_is_refused() {
        let own = ["finance.invoice.read".to_owned(), "gone.since.then".to_owned()];
        assert_eq!(narrow(None, &own), Ok(vec![Can::InvoiceRead]));
        assert_eq!(narrow(Some("finance.invoice.read"), &own), Ok(vec![Can::InvoiceRead]));
        for beyond in
            ["finance.invoice.issue", "finance.invoice.read finance.invoice.issue", "gone.since.then", "", " "]
        {
            assert_eq!(narrow(Some(beyond), &own).unwrap_err().error, "invalid_scope", "{beyond}");
        }
    }

    proptest! {
        #[test]
        fn a_token_never_has_more_than_its_account(
            own in proptest::sample::subsequence(Can::ALL.to_vec(), 0..Can::ALL.len()),
            asked in proptest::sample::subsequence(Can::ALL.to_vec(), 0..Can::ALL.len()),
        ) {
            let names: Vec<String> = own.iter().map(|can| can.name().to_owned()).collect();
            let asked = asked.iter().map(|can| can.name()).collect::<Vec<_>>().join(" ");
            if let Ok(narrowed) = narrow(Some(&asked), &names) {
                prop_assert!(narrowed.iter().all(|can| own.contains(can)));
            }
        }
    }
}
