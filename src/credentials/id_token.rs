//! ID tokens of OpenID Connect: what somebody else's server says of who has signed in there, checked after OpenID Connect
//! Core 1.0 §3.1.3.7 and RFC 8725.
//!
//! The check trusts nothing that a token says about itself: the algorithm is one of four with public keys, the key is one
//! that the issuer publishes and of the algorithm's own type (a public key is never taken for a shared secret), and every
//! claim that decides is required and compared. Addresses of keys in the header are not looked at.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq;

/// The longest ID token looked at, in bytes: groups make them long.
pub const MAX_ID_TOKEN_BYTES: usize = 64 * 1024;
/// How far the issuer's clock may be from ours, in seconds.
pub const ID_TOKEN_LEEWAY_S: i64 = 60;
/// How long ago a token may have been issued: it comes straight from the issuer, in answer to our question.
const FRESH_S: i64 = 600;
/// The most keys of one issuer.
const MOST_KEYS: usize = 100;
/// The most keys that are tried for a token that names none.
const MOST_TRIED: usize = 8;
/// Characters of the shortest modulus that is taken, 2048 bits in base64url.
const RSA_2048: usize = 342;
/// The algorithms that are taken, by their names.
pub const ID_TOKEN_ALGORITHMS: [&str; 4] = ["RS256", "PS256", "ES256", "EdDSA"];

/// The public keys that an issuer publishes (RFC 7517).
#[derive(Clone, Debug, Default)]
pub struct IssuerKeys(Vec<Jwk>);

impl IssuerKeys {
    /// From the document at the issuer's `jwks_uri`; nothing if it is none. Keys of kinds that are of no use here are left
    /// out, whatever else is wrong with them.
    #[must_use]
    pub fn parse(document: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document = serde_json::from_slice(document).ok()?;
        let keys = document.keys.into_iter().take(MOST_KEYS).filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Some(Self(keys.filter(|key| !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))).collect()))
    }
}

/// What an ID token has to say.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenTerms<'a> {
    /// Who has to have issued it, to the letter.
    pub issuer: &'a str,
    /// Whom it has to be for: our name at the issuer.
    pub audience: &'a str,
    /// What was sent along when the person was sent there.
    pub nonce: &'a str,
    /// The moment, in seconds since 1970.
    pub now_unix_s: i64,
    /// How long ago the person may have signed in there, in seconds, if that was asked for.
    pub max_age_s: Option<i64>,
}

/// Why an ID token is refused. For the log: nobody else is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdTokenError {
    /// Longer than [`MAX_ID_TOKEN_BYTES`].
    TooLong,
    /// Not three parts of base64url with JSON in them, or a claim is missing or of another type.
    Malformed,
    /// Signed with an algorithm that is not taken, or with none.
    Algorithm,
    /// The header says that there is something to heed which is not known here.
    Critical,
    /// The issuer publishes no key of this name for this algorithm.
    UnknownKey,
    /// The signature does not fit.
    Signature,
    /// From another issuer.
    Issuer,
    /// For another audience, or for several and another is the one it was issued to.
    Audience,
    /// No subject, or one that is too long.
    Subject,
    /// `exp` is past.
    Expired,
    /// `iat` or `nbf` is still to come.
    NotYetValid,
    /// Issued too long ago.
    Stale,
    /// In answer to another question, or to none.
    Nonce,
    /// The person has signed in there longer ago than he may have.
    TooOld,
}

impl IdTokenError {
    /// One word for logs.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Algorithm => "algorithm",
            Self::Critical => "critical",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Stale => "stale",
            Self::Nonce => "nonce",
            Self::TooOld => "too_old",
        }
    }
}

impl fmt::Display for IdTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the ID token is refused: {}", self.reason())
    }
}

impl std::error::Error for IdTokenError {}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    auth_time: Option<f64>,
}

/// Checks an ID token and gives all that it claims. The subject is there and not empty.
///
/// # Errors
/// [`IdTokenError`], the first reason that applies; nothing of the payload is read before the signature fits.
pub fn verify_id_token(
    token: &str,
    keys: &IssuerKeys,
    terms: &IdTokenTerms<'_>,
) -> Result<Map<String, Value>, IdTokenError> {
    if token.len() > MAX_ID_TOKEN_BYTES {
        return Err(IdTokenError::TooLong);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(IdTokenError::Malformed)?;
    let (head, payload) = signed.split_once('.').ok_or(IdTokenError::Malformed)?;
    check_signature(head, signed, signature, keys)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| IdTokenError::Malformed)?;
    // Read twice: into a struct, which refuses a claim that stands there twice, and whole.
    let claims: Claims = serde_json::from_slice(&payload).map_err(|_| IdTokenError::Malformed)?;
    check_claims(&claims, terms)?;
    match serde_json::from_slice(&payload) {
        Ok(Value::Object(all)) => Ok(all),
        _ => Err(IdTokenError::Malformed),
    }
}

fn check_signature(head: &str, signed: &str, signature: &str, keys: &IssuerKeys) -> Result<(), IdTokenError> {
    let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| IdTokenError::Malformed)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| IdTokenError::Malformed)?;
    let algorithm = algorithm(&head.alg).ok_or(IdTokenError::Algorithm)?;
    if head.crit.is_some() {
        return Err(IdTokenError::Critical);
    }
    let fitting: Vec<&Jwk> = keys
        .0
        .iter()
        .filter(|key| head.kid.is_none() || key.common.key_id == head.kid)
        .filter(|key| fits(key, algorithm, &head.alg))
        .take(MOST_TRIED)
        .collect();
    if fitting.is_empty() {
        return Err(IdTokenError::UnknownKey);
    }
    let good = fitting
        .into_iter()
        .filter_map(|key| DecodingKey::from_jwk(key).ok())
        .any(|key| matches!(jsonwebtoken::crypto::verify(signature, signed.as_bytes(), &key, algorithm), Ok(true)));
    if good { Ok(()) } else { Err(IdTokenError::Signature) }
}

fn algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "RS256" => Some(Algorithm::RS256),
        "PS256" => Some(Algorithm::PS256),
        "ES256" => Some(Algorithm::ES256),
        "EdDSA" => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// Whether a key is of the algorithm's own type, and not for another one.
fn fits(key: &Jwk, algorithm: Algorithm, name: &str) -> bool {
    let of_type = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::RSA(rsa), Algorithm::RS256 | Algorithm::PS256) => rsa.n.len() >= RSA_2048,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::OctetKeyPair(pair), Algorithm::EdDSA) => pair.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    // A key without the name of an algorithm does not say which.
    let own = key.common.key_algorithm.map(|own| own.to_string());
    of_type && own.is_none_or(|own| own == name)
}

fn check_claims(claims: &Claims, terms: &IdTokenTerms<'_>) -> Result<(), IdTokenError> {
    if claims.iss != terms.issuer {
        return Err(IdTokenError::Issuer);
    }
    let ours = match &claims.aud {
        Audience::One(one) => one == terms.audience,
        // Several have to say which of them it was issued to.
        Audience::Several(all) => {
            all.iter().any(|one| one == terms.audience) && (all.len() == 1 || claims.azp.is_some())
        }
    };
    if !ours || claims.azp.as_deref().is_some_and(|azp| azp != terms.audience) {
        return Err(IdTokenError::Audience);
    }
    if claims.sub.is_empty() || claims.sub.chars().count() > 255 {
        return Err(IdTokenError::Subject);
    }
    let now = terms.now_unix_s;
    if seconds(claims.exp)? <= now.saturating_sub(ID_TOKEN_LEEWAY_S) {
        return Err(IdTokenError::Expired);
    }
    let issued = seconds(claims.iat)?;
    let from = claims.nbf.map_or(Ok(issued), seconds)?.max(issued);
    if from > now.saturating_add(ID_TOKEN_LEEWAY_S) {
        return Err(IdTokenError::NotYetValid);
    }
    if issued < now.saturating_sub(FRESH_S + ID_TOKEN_LEEWAY_S) {
        return Err(IdTokenError::Stale);
    }
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(terms.nonce.as_bytes())) {
        return Err(IdTokenError::Nonce);
    }
    if let Some(most) = terms.max_age_s {
        let signed_in = claims.auth_time.map(seconds).ok_or(IdTokenError::TooOld)??;
        if signed_in < now.saturating_sub(most).saturating_sub(ID_TOKEN_LEEWAY_S) {
            return Err(IdTokenError::TooOld);
        }
    }
    Ok(())
}

/// A moment in whole seconds: some issuers write fractions.
fn seconds(value: f64) -> Result<i64, IdTokenError> {
    // some 285,000 years, exact in both
    const MOST: f64 = 9_007_199_254_740_991.0;
    if value.is_finite() && (0.0..=MOST).contains(&value) {
        #[allow(clippy::cast_possible_truncation, reason = "in range, and the fraction is of no use")]
        Ok(value as i64)
    } else {
        Err(IdTokenError::Malformed)
    }
}

#[cfg(test)]
mod tests;
