//! What an identity provider publishes of itself, and why it cannot be asked.

use backoffice_credentials::id_token::ID_TOKEN_ALGORITHMS;
use serde::Deserialize;

use crate::webhooks::guard::{Destination, Policy};
use crate::webhooks::sender::WebhookOutcome;

/// What is published at `/.well-known/openid-configuration`, as far as it is of use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Discovery {
    pub authorization: String,
    pub token: String,
    pub jwks: String,
    pub userinfo: Option<String>,
    /// Whether the secret goes into the header (`client_secret_basic`); else into the form.
    pub basic: bool,
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

pub(super) type Answer<T> = std::result::Result<T, Trouble>;

/// A word of OAuth's, from a text that could be anything.
pub(super) fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect()
}

/// Reads what an issuer publishes of itself.
pub(super) fn read_discovery(bytes: &[u8], issuer: &str, policy: Policy) -> Answer<Discovery> {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
    fn a_word_is_no_markup() {
        assert_eq!(word("access_denied"), "access_denied");
        assert_eq!(word("<script>\"'"), "script");
    }
}
