//! What is asked of an identity provider's server: what it publishes of itself, its keys, and what a code is worth.
//!
//! The addresses come from clients and from the servers that they named, so each is looked at by the guard of webhooks:
//! public networks only, the address that was looked at and no other, no redirects, and an end to time and size. What
//! was heard is remembered for a while, by issuer; nobody waits for a server with a database connection in hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use backoffice_credentials::IssuerKeys;
use backoffice_credentials::id_token::ID_TOKEN_ALGORITHMS;
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

/// What is published at `/.well-known/openid-configuration`, as far as it is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Discovery {
    pub authorization: String,
    token: String,
    jwks: String,
    userinfo: Option<String>,
    /// Whether the secret goes into the header (`client_secret_basic`); else into the form.
    basic: bool,
    /// Whether it names itself when it sends people back (RFC 9207).
    pub names_issuer: bool,
}

/// Why an identity provider cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// One of its addresses may not be called.
    Address(&'static str),
    /// No answer came.
    Call(WebhookOutcome),
    /// It answered with that status.
    Status(u16),
    /// Its answer is not what it has to be.
    Document(&'static str),
    /// It refused, for a reason that OAuth has a word for.
    Refused(String),
}

impl Trouble {
    /// For the person who sets it up. It never says what a name resolved to.
    pub fn sentence(&self) -> String {
        let call = |what: &str| format!("The issuer's /.well-known/openid-configuration {what}.");
        match self {
            Self::Address(which) => format!("The issuer names an address ({which}) that lies in no public network."),
            Self::Call(WebhookOutcome::Refused) => call("lies in no public network"),
            Self::Call(WebhookOutcome::Unresolved) => call("has a name that resolves to nothing"),
            Self::Call(WebhookOutcome::Untrusted) => call("has a certificate that is not trusted"),
            Self::Call(WebhookOutcome::TimedOut) => call("did not answer in time"),
            Self::Call(_) => call("cannot be reached"),
            Self::Status(status) => call(&format!("answers with status {status}")),
            Self::Document(what) => call(&format!("is not usable: {what}")),
            Self::Refused(code) => format!("The identity provider refused: {code}."),
        }
    }

    /// One word for logs.
    pub fn reason(&self) -> String {
        match self {
            Self::Address(which) => format!("address:{which}"),
            Self::Call(outcome) => outcome.text().to_owned(),
            Self::Status(status) => format!("status:{status}"),
            Self::Document(what) => format!("document:{what}"),
            Self::Refused(code) => format!("refused:{code}"),
        }
    }
}

type Answer<T> = std::result::Result<T, Trouble>;

/// What is remembered of one issuer.
#[derive(Default)]
struct Known {
    discovery: Option<(Instant, Arc<Discovery>)>,
    trouble: Option<(Instant, Trouble)>,
    keys: Option<(Instant, Arc<IssuerKeys>)>,
    asked_again: Option<Instant>,
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

/// A word of OAuth's, from a text that could be anything.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect()
}

fn read_discovery(bytes: &[u8], issuer: &str, policy: Policy) -> Answer<Discovery> {
    #[derive(Deserialize)]
    struct Document {
        issuer: String,
        authorization_endpoint: String,
        token_endpoint: String,
        jwks_uri: String,
        userinfo_endpoint: Option<String>,
        response_types_supported: Option<Vec<String>>,
        code_challenge_methods_supported: Option<Vec<String>>,
        id_token_signing_alg_values_supported: Option<Vec<String>>,
        token_endpoint_auth_methods_supported: Option<Vec<String>>,
        #[serde(default)]
        authorization_response_iss_parameter_supported: bool,
    }
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|_| Trouble::Document("it lacks what OpenID Connect Discovery asks for"))?;
    if document.issuer != issuer {
        return Err(Trouble::Document("it names another issuer"));
    }
    // What is not announced is what the standards take for given.
    let has =
        |list: &Option<Vec<String>>, word: &str| list.as_ref().is_none_or(|list| list.iter().any(|one| one == word));
    if !has(&document.response_types_supported, "code") {
        return Err(Trouble::Document("it does not give codes"));
    }
    if !has(&document.code_challenge_methods_supported, "S256") {
        return Err(Trouble::Document("it does not know PKCE with S256"));
    }
    if !ID_TOKEN_ALGORITHMS.iter().any(|name| has(&document.id_token_signing_alg_values_supported, name)) {
        return Err(Trouble::Document("it signs with none of RS256, PS256, ES256 and EdDSA"));
    }
    let basic = has(&document.token_endpoint_auth_methods_supported, "client_secret_basic");
    if !basic && !has(&document.token_endpoint_auth_methods_supported, "client_secret_post") {
        return Err(Trouble::Document("it takes a client's secret neither by header nor by form"));
    }
    let checked = |url: String, which: &'static str| match Destination::parse(&url, policy) {
        Ok(_) => Ok(url),
        Err(_) => Err(Trouble::Address(which)),
    };
    Ok(Discovery {
        authorization: checked(document.authorization_endpoint, "authorization_endpoint")?,
        token: checked(document.token_endpoint, "token_endpoint")?,
        jwks: checked(document.jwks_uri, "jwks_uri")?,
        userinfo: document.userinfo_endpoint.map(|url| checked(url, "userinfo_endpoint")).transpose()?,
        basic,
        names_issuer: document.authorization_response_iss_parameter_supported,
    })
}

impl std::fmt::Debug for Relying {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Relying at {}", self.base)
    }
}

/// A fault of the vault, where nobody can mend anything.
pub(super) fn text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| Error::fault("a sealed text is none"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PUBLIC: Policy = Policy { to_loopback: false };
    const ISSUER: &str = "https://id.example/tenant";

    fn document() -> Value {
        json!({ "issuer": ISSUER, "authorization_endpoint": "https://id.example/auth", "token_endpoint": "https://id.example/token",
                "jwks_uri": "https://id.example/keys", "userinfo_endpoint": "https://id.example/me" })
    }

    fn read(changes: &Value) -> Answer<Discovery> {
        let mut document = document();
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        read_discovery(document.to_string().as_bytes(), ISSUER, PUBLIC)
    }

    #[test]
    fn what_is_not_announced_is_what_the_standards_take_for_given() {
        let found = read(&json!({})).unwrap();
        assert!(found.basic && !found.names_issuer);
        let post = read(&json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] })).unwrap();
        assert!(!post.basic);
        assert!(read(&json!({ "authorization_response_iss_parameter_supported": true })).unwrap().names_issuer);
    }

    #[test]
    fn a_document_that_leads_elsewhere_is_refused() {
        for (changes, which) in [
            (json!({ "issuer": "https://id.example/other" }), "it names another issuer"),
            (json!({ "issuer": "https://id.example/tenant/" }), "it names another issuer"),
            (json!({ "response_types_supported": ["id_token"] }), "it does not give codes"),
            (json!({ "code_challenge_methods_supported": ["plain"] }), "it does not know PKCE with S256"),
            (
                json!({ "id_token_signing_alg_values_supported": ["HS256", "none"] }),
                "it signs with none of RS256, PS256, ES256 and EdDSA",
            ),
            (
                json!({ "token_endpoint_auth_methods_supported": ["private_key_jwt"] }),
                "it takes a client's secret neither by header nor by form",
            ),
            (json!({ "jwks_uri": null }), "it lacks what OpenID Connect Discovery asks for"),
        ] {
            assert_eq!(read(&changes), Err(Trouble::Document(which)), "{changes}");
        }
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for inner in [
                "http://id.example/x",
                "https://127.0.0.1/x",
                "https://169.254.169.254/x",
                "javascript:alert(1)",
                "file:///etc/passwd",
                "https://db.internal/",
            ] {
                assert!(matches!(read(&json!({ name: inner })), Err(Trouble::Address(_))), "{name} {inner}");
            }
        }
    }

    #[test]
    fn each_issuer_sends_people_back_to_an_address_of_its_own() {
        assert_ne!(issuer_key("https://a.example"), issuer_key("https://b.example"));
        assert_eq!(issuer_key("https://a.example").len(), 16);
        assert_eq!(word("access_denied"), "access_denied");
        assert_eq!(word("<script>\"'"), "script");
    }
}
