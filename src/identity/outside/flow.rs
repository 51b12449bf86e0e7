//! A sign-in on its way: a portal begins it, the person signs in at the identity provider and comes back with a code, the
//! portal completes it.
//!
//! Each step is good once. What decides is asked for at the end, for the portal that has shown the secret that it began
//! with: whoever is sent back here with somebody else's state is sent on to a portal that cannot complete it.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_credentials::{Opaque, random};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::super::prove;
use super::super::sign_in::SessionPayload;
use super::super::throttle::Subjects;
use super::complete::complete;
use super::owner::Owner;
use super::relying::{Relying, relying};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, Scope, settle};
use crate::platform::sql::sql;

/// How long a person may take at the identity provider, in seconds; the statement below says the same.
const WAY_S: i64 = 600;

/// A sign-in through an identity provider that begins.
#[derive(InputObject)]
pub struct SignInBeginInput {
    /// The identity provider: its `handle`.
    pub identity_provider: String,
    /// The page of the portal that the person is sent back to, with `signInCode` or `signInError` added to its query. A page
    /// of one of the client's portals (`portalOrigins`), of this installation, or of its `--allowed-origin`; for the provider's
    /// own staff one of the latter two.
    pub return_to: String,
    /// SHA-256, in base64url without padding, of a secret of 43 to 128 letters, digits and `-._~` that the portal makes and
    /// keeps to itself, in the browser that begins (as PKCE has it, RFC 7636 with S256).
    pub challenge: String,
    /// The e-mail address of the person, if it is known: the identity provider may fill it in.
    pub login_hint: Option<String>,
}

/// A sign-in that has come back.
#[derive(InputObject)]
pub struct SignInCompleteInput {
    /// The `signInCode` that the person came back with. Good once, for two minutes.
    pub code: String,
    /// The secret whose hash the portal began with.
    pub verifier: String,
}

/// Where the person signs in.
#[derive(SimpleObject)]
pub struct SignInBeginPayload {
    /// The address that the browser is sent to.
    pub authorization_url: Option<String>,
    /// Until when the person has to be back: 10 minutes.
    pub expires_at: Option<DateTime>,
    /// Why it was refused; empty if it was not.
    pub user_errors: Vec<UserError>,
}

/// What sign-in knows of an identity provider.
#[derive(QueryableByName)]
pub(super) struct Provider {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub issuer: String,
    #[diesel(sql_type = Text)]
    pub oauth_client: String,
    #[diesel(sql_type = Binary)]
    pub sealed_secret: Vec<u8>,
    #[diesel(sql_type = Array<Text>)]
    pub scopes: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    pub email_domains: Vec<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub groups_claim: Option<String>,
    #[diesel(sql_type = Nullable<Int4>)]
    pub max_age_minutes: Option<i32>,
    #[diesel(sql_type = Array<Text>)]
    pub portal_origins: Vec<String>,
}

impl Provider {
    /// One that is enabled; nothing of any other. The provider has no portals of its own.
    pub async fn find(tx: &Tx, owner: Owner, id: Uuid) -> Result<Option<Self>> {
        let question = match owner {
            Owner::Client(client) => sql(
                "SELECT p.name, p.issuer, p.oauth_client, p.sealed_secret, p.scopes, p.email_domains, p.groups_claim,
                        p.max_age_minutes, p.portal_origins
                   FROM identity.enabled_identity_provider($1, $2) p",
            )
            .bind::<SqlUuid, _>(client),
            Owner::Provider => sql(
                "SELECT p.name, p.issuer, p.oauth_client, p.sealed_secret, p.scopes, p.email_domains, p.groups_claim,
                        p.max_age_minutes, '{}'::text[] AS portal_origins
                   FROM identity.staff_identity_provider p WHERE p.id = $1 AND p.state = 'enabled'",
            ),
        };
        tx.maybe(question.bind::<SqlUuid, _>(id)).await
    }
}

/// What goes along with a sign-in and is shown to nobody but the identity provider.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept {
    pub verifier: String,
    pub nonce: String,
}

fn no_provider() -> Error {
    Error::not_found("identityProvider", "identity provider")
}

fn unguessable() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>().map_err(Error::fault)?.as_slice()))
}

pub(super) fn s256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// What something is sealed for that goes along with a sign-in.
pub(super) fn along(what: &str, state: &[u8]) -> String {
    format!("{what} of outside sign-in {}", URL_SAFE_NO_PAD.encode(state))
}

/// The page to send the person back to, if it is one that people may be sent to.
fn page(text: &str, relying: &Relying, portals: &[String]) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= 2048)?;
    let plain = matches!(url.scheme(), "https" | "http")
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let origin = url.origin().ascii_serialization();
    (plain && (relying.is_own(&origin) || portals.contains(&origin))).then_some(url)
}

async fn begin(scope: &Scope, relying: &Relying, input: SignInBeginInput) -> Result<(String, DateTime)> {
    prove::alone(scope)?;
    scope.keyless()?;
    let subjects = Subjects::new("identity provider", &input.identity_provider, scope.address());
    let (owner, id) = Owner::parse(&input.identity_provider).unwrap_or((Owner::Client(Uuid::nil()), Uuid::nil()));
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let found = async {
        subjects.check(&tx).await?;
        Provider::find(&tx, owner, id).await
    }
    .await;
    tx.finish(false).await?;
    let Some(provider) = found? else {
        subjects.failed(scope.pools()).await?;
        return Err(no_provider());
    };
    let Some(return_to) = page(&input.return_to, relying, &provider.portal_origins) else {
        let message = match owner {
            Owner::Client(_) => {
                "This is no page of one of the client's portals; the client names them as its portalOrigins."
            }
            Owner::Provider => "This is no page of this installation, nor of one that it allows (--allowed-origin).",
        };
        return Err(Error::refuse(UserErrorCode::Invalid, "returnTo", message));
    };
    let challenge: Option<[u8; 32]> =
        URL_SAFE_NO_PAD.decode(&input.challenge).ok().and_then(|bytes| bytes.try_into().ok());
    let Some(challenge) = challenge else {
        let message = "A challenge is a SHA-256 in base64url without padding: 43 characters.";
        return Err(Error::refuse(UserErrorCode::Invalid, "challenge", message));
    };
    let discovery = relying.discover(&provider.issuer, false).await.map_err(|trouble| {
        tracing::warn!(provider = owner.handle(id), reason = trouble.reason(), "an identity provider cannot be asked");
        out_of_order()
    })?;

    let (state, state_hash) = Opaque::State.generate().map_err(Error::fault)?;
    let kept = Kept { verifier: unguessable()?, nonce: unguessable()? };
    let redirect_uri = relying.redirect_uri(&provider.issuer);
    let url = Url::parse(&discovery.authorization).map_err(Error::fault)?;
    let url = authorization_url(url, &provider, &state, &kept, &redirect_uri, input.login_hint.as_deref());
    let sealed = serde_json::to_vec(&kept).map_err(Error::fault)?;
    let sealed = relying.vault().seal(&along("secrets", &state_hash), &sealed)?;
    let tx = scope.sign_in().await?;
    tx.exec(
        sql("WITH over AS (DELETE FROM identity.outside_sign_in o WHERE o.state_hash = ANY (ARRAY (
                 SELECT s.state_hash FROM identity.outside_sign_in s WHERE s.expires_at < now() - interval '1 hour'
                  ORDER BY s.expires_at LIMIT 100 FOR UPDATE SKIP LOCKED)))
             INSERT INTO identity.outside_sign_in
               (state_hash, client_id, identity_provider_id, issuer, names_issuer, redirect_uri, return_to, challenge, sealed, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + interval '600 s')")
        .bind::<Binary, _>(state_hash.to_vec())
        .bind::<Nullable<SqlUuid>, _>(owner.client())
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(provider.issuer)
        .bind::<Bool, _>(discovery.names_issuer)
        .bind::<Text, _>(redirect_uri)
        .bind::<Text, _>(return_to.to_string())
        .bind::<Binary, _>(challenge.to_vec())
        .bind::<Binary, _>(sealed),
    )
    .await?;
    Ok((url, DateTime(tx.now() + chrono::TimeDelta::seconds(WAY_S))))
}

pub(super) fn out_of_order() -> Error {
    let message = "The identity provider does not answer as it should; try again later, or tell your administrator.";
    Error::refuse(UserErrorCode::State, "", message)
}

fn authorization_url(
    mut url: Url,
    provider: &Provider,
    state: &str,
    kept: &Kept,
    redirect_uri: &str,
    login_hint: Option<&str>,
) -> String {
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &provider.oauth_client)
        .append_pair("redirect_uri", redirect_uri)
        .append_pair("scope", &provider.scopes.join(" "))
        .append_pair("state", state)
        .append_pair("nonce", &kept.nonce)
        .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(s256(&kept.verifier)))
        .append_pair("code_challenge_method", "S256");
    if let Some(minutes) = provider.max_age_minutes {
        url.query_pairs_mut().append_pair("max_age", &i64::from(minutes).saturating_mul(60).to_string());
    }
    if let Some(hint) = login_hint.filter(|hint| hint.len() <= 254) {
        url.query_pairs_mut().append_pair("login_hint", hint);
    }
    url.into()
}

/// Signing in from outside.
#[derive(Default)]
pub struct OutsideSignInMutation;

#[Object]
impl OutsideSignInMutation {
    /// Begins a sign-in through an identity provider: the browser is sent to the address that this gives, and comes back to
    /// the portal with a code for `signInComplete`. Needs no token. An operation of its own.
    async fn sign_in_begin(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Through which identity provider, and from which page.")] input: SignInBeginInput,
    ) -> async_graphql::Result<Option<SignInBeginPayload>> {
        let begun = match relying(ctx) {
            Ok(relying) => begin(ctx.scope()?, relying, input).await,
            Err(error) => Err(error),
        };
        let (value, user_errors) = settle(ctx, begun)?;
        let (authorization_url, expires_at) = value.unzip();
        Ok(Some(SignInBeginPayload { authorization_url, expires_at, user_errors }))
    }

    /// Completes a sign-in through an identity provider. The session is good for the client of the identity provider and for
    /// no other, or, of the provider's staff, for all that the person may enter; it ends after `sessionHours`. Roles that the
    /// person's groups stand for are given, those that they no longer stand for are taken away. Needs no token, only code and
    /// secret. An operation of its own.
    async fn sign_in_complete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The code, and the secret whose hash the portal began with.")] input: SignInCompleteInput,
    ) -> async_graphql::Result<Option<SessionPayload>> {
        let completed = match relying(ctx) {
            Ok(relying) => complete(ctx.scope()?, relying, input).await,
            Err(error) => Err(error),
        };
        SessionPayload::settle(ctx, completed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::Settings;

    #[test]
    fn people_are_sent_to_known_pages_only() {
        let settings = Settings::idle().unwrap();
        let relying =
            Relying::new(&settings, "https://books.example/", &["https://office.example".to_owned()]).unwrap();
        let portals = ["https://portal.example:8443".to_owned()];
        for good in ["https://portal.example:8443/a?b=c", "https://office.example", "https://books.example/graphiql"] {
            assert!(page(good, &relying, &portals).is_some(), "{good}");
        }
        for bad in [
            "",
            "/a",
            "//portal.example:8443/",
            "https://portal.example/",
            "http://portal.example:8443/",
            "https://portal.example:8443.evil.example/",
            "https://portal.example:8443@evil.example/",
            "https://evil@portal.example:8443/",
            "https://portal.example:8443/#part",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://evil.example/https://portal.example:8443/",
        ] {
            assert!(page(bad, &relying, &portals).is_none(), "{bad}");
        }
    }
}
