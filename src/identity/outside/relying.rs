//! What is asked of an identity provider's server: what it publishes of itself, its keys, and what a code is worth.
//!
//! The addresses come from clients and from the servers that they named, so each is looked at by the guard of webhooks:
//! public networks only, the address that was looked at and no other, no redirects, and an end to time and size. What
//! was heard is remembered for a while, by issuer; nobody waits for a server with a database connection in hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::Context;
use backoffice_credentials::IssuerKeys;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use hyper::{Method, Request};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::Outside;
use super::discovery::{Answer, Discovery, Trouble, read_discovery, word};
use crate::platform::error::{Error, Result};
use crate::platform::vault::Vault;
use crate::webhooks;
use crate::webhooks::guard::{Destination, Policy};
use crate::webhooks::sender::{Sender, Times, WebhookOutcome, asking};

/// How long a question may take.
const TIMES: Times =
    Times { connect: Duration::from_secs(5), head: Duration::from_secs(5), body: Duration::from_secs(5) };
/// The longest answer that is read.
const MOST_BYTES: usize = 512 * 1024;
/// How long what an issuer publishes of itself is remembered.
const DISCOVERY_FOR: Duration = Duration::from_secs(600);
/// How long its keys are.
const KEYS_FOR: Duration = Duration::from_secs(3600);
/// How often its keys are asked for anew because a token names one that is not among them.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
/// How long a server that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(5);
/// The most issuers that are remembered.
const MOST_KNOWN: usize = 1024;

/// What is remembered of one issuer.
#[derive(Default)]
struct Known {
    discovery: Option<(Instant, Arc<Discovery>)>,
    trouble: Option<(Instant, Trouble)>,
    keys: Option<(Instant, Arc<IssuerKeys>)>,
    asked_again: Option<Instant>,
}

/// What the installation asks identity providers with.
pub(super) fn relying<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Relying>> {
    ctx.data_opt::<Outside>()
        .and_then(Option::as_ref)
        .ok_or_else(|| Error::fault("the schema has no settings of OpenID Connect"))
}

/// This installation, as the one who relies on identity providers.
pub struct Relying {
    vault: Vault,
    policy: Policy,
    sender: Sender,
    base: String,
    own_origins: Vec<String>,
    known: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Known>>>>,
}

/// What an identity provider gives for a code.
#[derive(Deserialize)]
pub(super) struct Tokens {
    pub id_token: Option<String>,
    pub access_token: Option<SecretString>,
}

/// What is shown for it.
pub(super) struct Exchange<'a> {
    pub oauth_client: &'a str,
    pub secret: &'a str,
    pub code: &'a str,
    pub redirect_uri: &'a str,
    pub verifier: &'a str,
}

impl Exchange<'_> {
    /// The form, and the header that names us, unless the form does (RFC 6749 §2.3.1).
    fn form(&self, basic: bool) -> (String, Option<String>) {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", self.code)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("code_verifier", self.verifier);
        if !basic {
            form.append_pair("client_id", self.oauth_client).append_pair("client_secret", self.secret);
            return (form.finish(), None);
        }
        let part = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", part(self.oauth_client), part(self.secret));
        (form.finish(), Some(format!("Basic {}", STANDARD.encode(pair))))
    }
}

impl Relying {
    /// `base` is how this installation is reached from outside, without a slash at its end. People are sent back to pages of
    /// that origin, of `own_origins`, and to the client's portals.
    pub fn new(settings: &webhooks::Settings, base: &str, own_origins: &[String]) -> Result<Self> {
        let base = base.trim_end_matches('/').to_owned();
        let mut own_origins = own_origins.to_vec();
        own_origins.extend(url::Url::parse(&base).ok().map(|url| url.origin().ascii_serialization()));
        Ok(Self {
            vault: settings.vault.clone(),
            policy: settings.policy,
            sender: Sender::new(TIMES)?,
            base,
            own_origins,
            known: Mutex::default(),
        })
    }

    pub(super) fn vault(&self) -> &Vault {
        &self.vault
    }

    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    /// Where an issuer sends people back to. Each has an address of its own, so that what one sends is never taken for
    /// another's, also where it does not name itself (RFC 9700 §4.4).
    pub fn redirect_uri(&self, issuer: &str) -> String {
        format!("{}/oidc/callback/{}", self.base, issuer_key(issuer))
    }

    /// Whether people may be sent to a page of that origin.
    pub(super) fn is_own(&self, origin: &str) -> bool {
        self.own_origins.iter().any(|own| own == origin)
    }

    fn known(&self, issuer: &str) -> Arc<tokio::sync::Mutex<Known>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN && !known.contains_key(issuer) {
            known.clear();
        }
        Arc::clone(known.entry(issuer.to_owned()).or_default())
    }

    /// What an issuer publishes of itself: as remembered, or asked for now.
    pub(super) async fn discover(&self, issuer: &str, now: bool) -> Answer<Arc<Discovery>> {
        let known = self.known(issuer);
        // Others who want to know wait for this answer.
        let mut known = known.lock().await;
        match (&known.discovery, &known.trouble) {
            (Some((at, found)), _) if !now && at.elapsed() < DISCOVERY_FOR => return Ok(Arc::clone(found)),
            (_, Some((at, trouble))) if !now && at.elapsed() < PAUSE => return Err(trouble.clone()),
            _ => {}
        }
        let at = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let found = match self.get(&at, "issuer", None).await {
            Ok(bytes) => read_discovery(&bytes, issuer, self.policy),
            Err(trouble) => Err(trouble),
        };
        match found {
            Ok(found) => {
                let found = Arc::new(found);
                known.discovery = Some((Instant::now(), Arc::clone(&found)));
                known.trouble = None;
                Ok(found)
            }
            Err(trouble) => {
                known.trouble = Some((Instant::now(), trouble.clone()));
                Err(trouble)
            }
        }
    }

    /// The keys that an issuer signs with. `again`: a token names one that is not among those remembered; nothing if they
    /// were asked for anew for such a reason within the last minute.
    pub(super) async fn keys(
        &self,
        issuer: &str,
        discovery: &Discovery,
        again: bool,
    ) -> Answer<Option<Arc<IssuerKeys>>> {
        let known = self.known(issuer);
        let mut known = known.lock().await;
        match &known.keys {
            Some((at, keys)) if !again && at.elapsed() < KEYS_FOR => return Ok(Some(Arc::clone(keys))),
            _ => {}
        }
        if again {
            if known.asked_again.is_some_and(|at| at.elapsed() < AGAIN_AFTER) {
                return Ok(None);
            }
            known.asked_again = Some(Instant::now());
        }
        let bytes = self.get(&discovery.jwks, "jwks_uri", None).await?;
        let keys = Arc::new(IssuerKeys::parse(&bytes).ok_or(Trouble::Document("its keys are not a list of keys"))?);
        known.keys = Some((Instant::now(), Arc::clone(&keys)));
        Ok(Some(keys))
    }

    /// What a code is worth.
    pub(super) async fn exchange(&self, discovery: &Discovery, given: &Exchange<'_>) -> Answer<Tokens> {
        let (form, basic) = given.form(discovery.basic);
        let to = self.destination(&discovery.token, "token_endpoint")?;
        let mut request =
            asking(Method::POST, &to).header(CONTENT_TYPE, "application/x-www-form-urlencoded").header(ACCEPT, JSON);
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let (status, bytes) = self.send(&to, request, Bytes::from(form)).await?;
        if status != 200 {
            #[derive(Deserialize)]
            struct Refusal {
                error: String,
            }
            return Err(match serde_json::from_slice::<Refusal>(&bytes) {
                Ok(refusal) => Trouble::Refused(word(&refusal.error)),
                Err(_) => Trouble::Status(status),
            });
        }
        serde_json::from_slice(&bytes).map_err(|_| Trouble::Document("its answer to a code is no JSON of tokens"))
    }

    /// What the identity provider says of a person besides the ID token; nothing if it says no more.
    pub(super) async fn userinfo(
        &self,
        discovery: &Discovery,
        access_token: Option<&SecretString>,
    ) -> Answer<Option<Map<String, Value>>> {
        let (Some(at), Some(token)) = (&discovery.userinfo, access_token) else { return Ok(None) };
        let bytes = self.get(at, "userinfo_endpoint", Some(token)).await?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(said)) => Ok(Some(said)),
            _ => Err(Trouble::Document("what it says of a person is no JSON")),
        }
    }

    fn destination(&self, url: &str, which: &'static str) -> Answer<Destination> {
        Destination::parse(url, self.policy).map_err(|_| Trouble::Address(which))
    }

    async fn get(&self, url: &str, which: &'static str, bearer: Option<&SecretString>) -> Answer<Vec<u8>> {
        let to = self.destination(url, which)?;
        let mut request = asking(Method::GET, &to).header(ACCEPT, JSON);
        if let Some(token) = bearer {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose_secret()));
        }
        match self.send(&to, request, Bytes::new()).await? {
            (200, bytes) => Ok(bytes),
            (status, _) => Err(Trouble::Status(status)),
        }
    }

    async fn send(
        &self,
        to: &Destination,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Answer<(u16, Vec<u8>)> {
        let request: Request<Full<Bytes>> = request
            .header(USER_AGENT, "Backoffice-OpenID-Connect/1")
            .body(Full::new(body))
            .map_err(|_| Trouble::Call(WebhookOutcome::Broken))?;
        self.sender.ask(to, request, MOST_BYTES).await.map_err(Trouble::Call)
    }
}

const JSON: &str = "application/json";

/// What an issuer's own address for people who come back ends with.
pub(super) fn issuer_key(issuer: &str) -> String {
    let hash = Sha256::digest(issuer.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.get(..12).unwrap_or_default())
}

impl std::fmt::Debug for Relying {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Relying at {}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_issuer_sends_people_back_to_an_address_of_its_own() {
        assert_ne!(issuer_key("https://a.example"), issuer_key("https://b.example"));
        assert_eq!(issuer_key("https://a.example").len(), 16);
    }
}
