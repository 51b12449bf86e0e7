//! A sign-in on its way: a portal begins it, the person signs in at the identity provider and comes back with a code, the
//! portal completes it.
//!
//! Each step is good once. What decides is asked for at the end, for the portal that has shown the secret that it began
//! with: whoever is sent back here with somebody else's state is sent on to a portal that cannot complete it.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject};
use backoffice_credentials::{IdTokenError, IdTokenTerms, Opaque, random, verify_id_token};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Binary, Bool, Int4, Nullable, Text, Uuid as SqlUuid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;

use super::super::account::User;
use super::super::ids::{IdentityProviderId, UserId};
use super::super::prove::{self, Through};
use super::super::refresh::Continued;
use super::super::sign_in::SessionPayload;
use super::super::throttle::Subjects;
use super::change::{place, relying};
use super::claims::{self, Barred, Person};
use super::relying::{Exchange, Relying, Trouble, issuer_key, text, word};
use crate::platform::db::{Pools, Tx};
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::ids::new_uuid;
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, Scope, settle};
use crate::platform::sql::sql;

/// The longest code of an identity provider.
const MOST_CODE: usize = 4096;
/// How long a person may take at the identity provider, in seconds; the statement below says the same.
const WAY_S: i64 = 600;

/// A sign-in through an identity provider that begins.
#[derive(InputObject)]
pub struct SignInBeginInput {
    /// The identity provider: its `handle`.
    pub identity_provider: String,
    /// The page of the portal that the person is sent back to, with `signInCode` or `signInError` added to its query. A page
    /// of one of the client's portals (`portalOrigins`), of this installation, or of its `--allowed-origin`.
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
struct Provider {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    issuer: String,
    #[diesel(sql_type = Text)]
    oauth_client: String,
    #[diesel(sql_type = Binary)]
    sealed_secret: Vec<u8>,
    #[diesel(sql_type = Array<Text>)]
    scopes: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    email_domains: Vec<String>,
    #[diesel(sql_type = Nullable<Text>)]
    groups_claim: Option<String>,
    #[diesel(sql_type = Nullable<Int4>)]
    max_age_minutes: Option<i32>,
    #[diesel(sql_type = Array<Text>)]
    portal_origins: Vec<String>,
}

impl Provider {
    async fn find(tx: &Tx, client: Uuid, id: IdentityProviderId) -> Result<Option<Self>> {
        tx.maybe(
            sql("SELECT p.name, p.issuer, p.oauth_client, p.sealed_secret, p.scopes, p.email_domains, p.groups_claim,
                        p.max_age_minutes, p.portal_origins
                   FROM identity.enabled_identity_provider($1, $2) p")
            .bind::<SqlUuid, _>(client)
            .bind::<SqlUuid, _>(id),
        )
        .await
    }
}

/// What goes along with a sign-in and is shown to nobody but the identity provider.
#[derive(Serialize, Deserialize)]
struct Kept {
    verifier: String,
    nonce: String,
}

fn no_provider() -> Error {
    Error::not_found("identityProvider", "identity provider")
}

/// The client and the identity provider of a handle.
fn split(handle: &str) -> Option<(Uuid, IdentityProviderId)> {
    let (client, id) = handle.trim().split_once('.')?;
    let parse = |text: &str| (text.len() == 32).then(|| Uuid::try_parse(text).ok()).flatten();
    Some((parse(client)?, IdentityProviderId(parse(id)?)))
}

fn unguessable() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random::<32>().map_err(Error::fault)?.as_slice()))
}

fn s256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// What something is sealed for that goes along with a sign-in.
fn along(what: &str, state: &[u8]) -> String {
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
    (plain && (relying.is_own(&origin) || portals.iter().any(|portal| *portal == origin))).then_some(url)
}

async fn begin(scope: &Scope, relying: &Relying, input: SignInBeginInput) -> Result<(String, DateTime)> {
    prove::alone(scope)?;
    scope.keyless()?;
    let subjects = Subjects::new("identity provider", &input.identity_provider, scope.address());
    let (client, id) = split(&input.identity_provider).unwrap_or((Uuid::nil(), IdentityProviderId(Uuid::nil())));
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let found = async {
        subjects.check(&tx).await?;
        Provider::find(&tx, client, id).await
    }
    .await;
    tx.finish(false).await?;
    let Some(provider) = found? else {
        subjects.failed(scope.pools()).await?;
        return Err(no_provider());
    };
    let Some(return_to) = page(&input.return_to, relying, &provider.portal_origins) else {
        let message = "This is no page of one of the client's portals; the client names them as its portalOrigins.";
        return Err(Error::refuse(UserErrorCode::Invalid, "returnTo", message));
    };
    let challenge: Option<[u8; 32]> =
        URL_SAFE_NO_PAD.decode(&input.challenge).ok().and_then(|bytes| bytes.try_into().ok());
    let Some(challenge) = challenge else {
        let message = "A challenge is a SHA-256 in base64url without padding: 43 characters.";
        return Err(Error::refuse(UserErrorCode::Invalid, "challenge", message));
    };
    let discovery = relying.discover(&provider.issuer, false).await.map_err(|trouble| {
        tracing::warn!(provider = %id, reason = trouble.reason(), "an identity provider cannot be asked");
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
        .bind::<SqlUuid, _>(client)
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

fn out_of_order() -> Error {
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

/// A sign-in that the portal completes.
#[derive(QueryableByName)]
struct Completed {
    #[diesel(sql_type = Binary)]
    state_hash: Vec<u8>,
    #[diesel(sql_type = SqlUuid)]
    client_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    identity_provider_id: IdentityProviderId,
    #[diesel(sql_type = Text)]
    issuer: String,
    #[diesel(sql_type = Text)]
    redirect_uri: String,
    #[diesel(sql_type = Binary)]
    sealed: Vec<u8>,
    #[diesel(sql_type = Binary)]
    sealed_code: Vec<u8>,
}

/// Why a sign-in that has come back ends without one.
enum Failed {
    Trouble(Trouble),
    Token(IdTokenError),
    NoToken,
    Barred(Barred),
}

impl From<Trouble> for Failed {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

impl Failed {
    /// For the log, where those who run the installation look for it.
    fn reason(&self) -> String {
        match self {
            Self::Trouble(trouble) => trouble.reason(),
            Self::Token(error) => format!("id_token:{}", error.reason()),
            Self::NoToken => "no_id_token".to_owned(),
            Self::Barred(barred) => format!("{barred:?}"),
        }
    }

    /// For the person. What exactly was wrong with a token is nobody's business.
    fn refusal(&self) -> Error {
        let (code, message) = match self {
            Self::Trouble(Trouble::Refused(_))
            | Self::Token(_)
            | Self::NoToken
            | Self::Barred(Barred::AnotherSubject) => {
                (UserErrorCode::Invalid, "The identity provider's answer was not good; sign in again.")
            }
            Self::Trouble(_) => return out_of_order(),
            Self::Barred(Barred::TooManyGroups) => (
                UserErrorCode::State,
                "You are in too many groups to be told; the identity provider has to tell only those that count here.",
            ),
            Self::Barred(Barred::Domain) => (
                UserErrorCode::Invalid,
                "Your e-mail address is not verified, or lies in none of the domains that are allowed here.",
            ),
        };
        Error::refuse(code, "", message)
    }
}

/// Whether it can be a PKCE verifier at all.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}

async fn complete(scope: &Scope, relying: &Relying, input: SignInCompleteInput) -> Result<Continued> {
    prove::alone(scope)?;
    scope.keyless()?;
    let subjects = Subjects::new("sign-in code", &input.code, scope.address());
    let hash = Opaque::Code.hash(&input.code).filter(|_| is_verifier(&input.verifier));
    // The code is used up for good here, whatever becomes of it.
    let tx = Tx::open_anonymous(scope.pools()).await?;
    let found = async {
        subjects.check(&tx).await?;
        let Some(hash) = hash else { return Ok(None) };
        let completed: Option<Completed> = tx
            .maybe(
                sql("UPDATE identity.outside_sign_in o SET completed_at = now()
                      WHERE o.code_hash = $1 AND o.challenge = $2 AND o.completed_at IS NULL AND o.expires_at > now()
                    RETURNING o.state_hash, o.client_id, o.identity_provider_id, o.issuer, o.redirect_uri, o.sealed, o.sealed_code")
                .bind::<Binary, _>(hash.to_vec())
                .bind::<Binary, _>(s256(&input.verifier).to_vec()),
            )
            .await?;
        let Some(completed) = completed else { return Ok(None) };
        let provider = Provider::find(&tx, completed.client_id, completed.identity_provider_id).await?;
        Ok::<_, Error>(Some((completed, provider)))
    }
    .await;
    tx.finish(found.is_ok()).await?;
    let Some((completed, provider)) = found? else {
        subjects.failed(scope.pools()).await?;
        let message = "This sign-in is over, was completed before, or was begun somewhere else; begin again.";
        return Err(Error::refuse(UserErrorCode::Invalid, "code", message));
    };
    let Some(provider) = provider.filter(|provider| provider.issuer == completed.issuer) else {
        return Err(Error::refuse(
            UserErrorCode::State,
            "",
            "Nobody comes in through this identity provider any more.",
        ));
    };
    let kept = relying.vault().unseal(&along("secrets", &completed.state_hash), &completed.sealed)?;
    let kept: Kept = serde_json::from_slice(&kept).map_err(Error::fault)?;
    let code = text(relying.vault().unseal(&along("code", &completed.state_hash), &completed.sealed_code)?)?;
    let secret = text(relying.vault().unseal(&place(completed.identity_provider_id), &provider.sealed_secret)?)?;
    let exchange = Exchange {
        oauth_client: &provider.oauth_client,
        secret: &secret,
        code: &code,
        redirect_uri: &completed.redirect_uri,
        verifier: &kept.verifier,
    };
    let said = ask(relying, &provider, &exchange, &kept.nonce).await;
    let person = said.and_then(|person| match person.comes_from(&provider.email_domains) {
        Ok(()) => Ok(person),
        Err(barred) => Err(Failed::Barred(barred)),
    });
    match person {
        Ok(person) => enter(scope, &completed, person).await,
        Err(failed) => {
            // No word of who it was.
            tracing::warn!(provider = %completed.identity_provider_id, name = provider.name, reason = failed.reason(),
                "a sign-in through an identity provider failed");
            Err(failed.refusal())
        }
    }
}

/// What the identity provider says of the person who came back with that code.
async fn ask(
    relying: &Relying,
    provider: &Provider,
    exchange: &Exchange<'_>,
    nonce: &str,
) -> std::result::Result<Person, Failed> {
    let discovery = relying.discover(&provider.issuer, false).await?;
    let tokens = relying.exchange(&discovery, exchange).await?;
    let id_token = tokens.id_token.ok_or(Failed::NoToken)?;
    let terms = IdTokenTerms {
        issuer: &provider.issuer,
        audience: &provider.oauth_client,
        nonce,
        now_unix_s: chrono::Utc::now().timestamp(),
        max_age_s: provider.max_age_minutes.map(|minutes| i64::from(minutes).saturating_mul(60)),
    };
    let keys = relying.keys(&provider.issuer, &discovery, false).await?.unwrap_or_default();
    let claims: Map<String, Value> = match verify_id_token(&id_token, &keys, &terms) {
        // The issuer may have a new key.
        Err(IdTokenError::UnknownKey) => match relying.keys(&provider.issuer, &discovery, true).await? {
            Some(keys) => verify_id_token(&id_token, &keys, &terms),
            None => Err(IdTokenError::UnknownKey),
        },
        checked => checked,
    }
    .map_err(Failed::Token)?;
    let groups = provider.groups_claim.as_deref();
    let besides = if claims::says_too_little(&claims, groups) {
        relying.userinfo(&discovery, tokens.access_token.as_ref()).await?
    } else {
        None
    };
    claims::person(&claims, besides.as_ref(), groups).map_err(Failed::Barred)
}

#[derive(QueryableByName)]
struct Entered {
    #[diesel(sql_type = Text)]
    verdict: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account_id: Option<UserId>,
    #[diesel(sql_type = Nullable<Text>)]
    email: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    provider_name: Option<String>,
    #[diesel(sql_type = Nullable<Int4>)]
    session_hours: Option<i32>,
}

/// Signs the person in, in the operation's transaction.
async fn enter(scope: &Scope, completed: &Completed, person: Person) -> Result<Continued> {
    let tx = scope.sign_in().await?;
    let entered: Entered = tx
        .row(
            sql("SELECT e.verdict, e.account_id, e.email, e.name, e.provider_name, e.session_hours
                   FROM identity.sign_in_from_outside($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) e")
            .bind::<SqlUuid, _>(completed.client_id)
            .bind::<SqlUuid, _>(completed.identity_provider_id)
            .bind::<Text, _>(completed.issuer.clone())
            .bind::<Text, _>(person.subject)
            .bind::<Nullable<Text>, _>(person.email)
            .bind::<Bool, _>(person.verified)
            .bind::<Nullable<Text>, _>(person.name)
            .bind::<Array<Text>, _>(person.groups)
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<SqlUuid, _>(scope.request_id()),
        )
        .await?;
    let (Some(id), Some(email), Some(name), Some(through), Some(hours)) =
        (entered.account_id, entered.email, entered.name, entered.provider_name, entered.session_hours)
    else {
        let message = match entered.verdict.as_str() {
            "unverified" => {
                "The identity provider does not say that your e-mail address is verified; tell your administrator."
            }
            "unknown" => "Nobody comes in through this identity provider any more.",
            _ => {
                "You are not known here. Ask your administrator for an invitation; if you have an account already, accept it with that."
            }
        };
        tracing::info!(provider = %completed.identity_provider_id, verdict = entered.verdict,
            "somebody was not let in through an identity provider");
        return Err(Error::refuse(UserErrorCode::State, "", message));
    };
    let user = User { id, email, name, staff: false };
    let through =
        Through { client: completed.client_id, provider: completed.identity_provider_id, name: through, hours };
    prove::open_session(tx, scope, user, Some(through)).await
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
    /// no other, and ends after its `sessionHours`. Roles that the person's groups stand for are given, those that they no
    /// longer stand for are taken away. Needs no token, only code and secret. An operation of its own.
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
    fn a_handle_names_client_and_identity_provider() {
        let (client, id) = (new_uuid(), IdentityProviderId::new());
        assert_eq!(split(&format!("{}.{}", client.simple(), id.0.simple())), Some((client, id)));
        for wrong in ["", ".", "a.b", &client.simple().to_string(), &format!("{client}.{}", id.0)] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }

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

    #[test]
    fn a_verifier_is_as_pkce_has_it() {
        assert!(is_verifier(&"a".repeat(43)) && is_verifier(&"-._~".repeat(32)));
        for wrong in ["", &"a".repeat(42), &"a".repeat(129), &"ä".repeat(43), &format!("{} ", "a".repeat(43))] {
            assert!(!is_verifier(wrong));
        }
    }
}
