//! Access tokens: short-lived JWTs signed with Ed25519, in the profile of RFC 9068, checked after RFC 8725.
//!
//! The check trusts nothing that a token says about itself: size is bounded before anything is parsed, the header
//! may hold exactly `alg`, `typ` and `kid` (so that no key or address of a key can be smuggled in), the algorithm
//! is the one there is, the key is one of the ring's, and every claim is required and compared.
//!
//! A check costs some 70 µs of one core in a release build, two thirds of it the signature's arithmetic.
//! [`VerifiedTokens`] remembers signatures that fitted and does the rest of the check in about 1 µs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation};
use serde::{Deserialize, Serialize};

pub use verified::VerifiedTokens;

use crate::keys::{ALGORITHM, KeyRing};

mod verified;

/// The longest token looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;
/// The longest life of an access token, in seconds: it cannot be revoked by itself.
pub const MAX_LIFETIME_S: i64 = 3600;
/// How far ahead the clock of the server that issued a token may be, in seconds. Expiry has no leeway.
pub const LEEWAY_S: i64 = 5;
/// The media type in the header, RFC 9068 §2.1: no other kind of JWT passes for an access token.
const TYPE: &str = "at+jwt";

/// Who acts with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    /// A person.
    User,
    /// A program, by a service account.
    Service,
}

/// What an access token says. All moments are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it: this installation.
    pub iss: String,
    /// Whom it is meant for: exactly one audience.
    pub aud: String,
    /// The id of the user or service account.
    pub sub: String,
    /// The id of the session, for revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The id of the client company it acts in; without one it sees the portfolio.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<String>,
    /// A person or a program.
    pub kind: ActorKind,
    /// Scopes separated by spaces (RFC 6749 §3.3); only service accounts have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// When it was issued.
    pub iat: i64,
    /// From when on it is good.
    pub nbf: i64,
    /// From when on it is no longer good; at most [`MAX_LIFETIME_S`] after `iat`.
    pub exp: i64,
    /// Its own id.
    pub jti: String,
}

/// Why a token is refused. For the log: a client is told only that his token is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    TooLong,
    /// Not three parts of base64url with JSON in them, or a claim is missing or of another type.
    Malformed,
    /// The header has a member beyond `alg`, `typ` and `kid`, such as `jku`, `jwk`, `x5u` or `crit`.
    Header,
    /// Signed with another algorithm, or with none.
    Algorithm,
    /// A JWT, but not an access token.
    Type,
    /// No key of this name is in the ring.
    UnknownKey,
    /// The signature does not fit.
    Signature,
    /// From another issuer.
    Issuer,
    /// For another audience.
    Audience,
    /// No subject or no id.
    Subject,
    /// `exp` is past.
    Expired,
    /// `nbf` or `iat` is still to come.
    NotYetValid,
    /// `exp` is before `iat` or too far behind it.
    Lifetime,
    /// It could not be signed.
    Unsigned,
}

impl TokenError {
    /// One word for logs and counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::Malformed => "malformed",
            Self::Header => "header",
            Self::Algorithm => "algorithm",
            Self::Type => "type",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Subject => "subject",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Lifetime => "lifetime",
            Self::Unsigned => "unsigned",
        }
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the access token is refused: {}", self.reason())
    }
}

impl std::error::Error for TokenError {}

impl KeyRing {
    /// Signs an access token with the current key.
    ///
    /// # Errors
    /// [`TokenError::Subject`], [`TokenError::Lifetime`] or [`TokenError::TooLong`] for claims that
    /// [`verify`](Self::verify) would refuse at any time; [`TokenError::Unsigned`].
    pub fn issue(&self, claims: &AccessClaims) -> Result<String, TokenError> {
        check_shape(claims)?;
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(TYPE.to_string());
        header.kid = Some(self.current().public().kid().to_string());
        let token =
            jsonwebtoken::encode(&header, claims, &self.current().encoding).map_err(|_| TokenError::Unsigned)?;
        if token.len() > MAX_TOKEN_BYTES { Err(TokenError::TooLong) } else { Ok(token) }
    }

    /// Checks an access token at a moment (seconds since 1970) and gives what it says.
    ///
    /// That the session still lives and the rights still stand is for the caller to look up.
    ///
    /// # Errors
    /// [`TokenError`], the first reason that applies; nothing of the payload is read before the signature fits.
    pub fn verify(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
        now_unix_s: i64,
    ) -> Result<AccessClaims, TokenError> {
        let (_, claims) = self.verify_signature(token)?;
        check_claims(&claims, issuer, audience, now_unix_s)?;
        Ok(claims)
    }

    /// The claims that one of the ring's keys has signed, and the name of that key; nothing about them is checked.
    fn verify_signature(&self, token: &str) -> Result<(String, AccessClaims), TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let kid = check_header(token)?;
        let key = self.find(&kid).ok_or(TokenError::UnknownKey)?;
        let data =
            jsonwebtoken::decode::<AccessClaims>(token, &key.decoding, &self.validation).map_err(
                |error| match error.kind() {
                    ErrorKind::InvalidSignature => TokenError::Signature,
                    ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
                    _ => TokenError::Malformed,
                },
            )?;
        Ok((kid, data.claims))
    }
}

/// All that is checked about claims whose signature fits.
fn check_claims(claims: &AccessClaims, issuer: &str, audience: &str, now_unix_s: i64) -> Result<(), TokenError> {
    if claims.iss != issuer {
        return Err(TokenError::Issuer);
    }
    if claims.aud != audience {
        return Err(TokenError::Audience);
    }
    check_shape(claims)?;
    check_time(claims, now_unix_s)
}

/// What the token library is left to check: the algorithm, the signature, and that the claims are there.
///
/// Its own checks of time read the clock with a minute of leeway, and those of issuer and audience skip a claim
/// that is missing; both are done here instead, on claims that cannot be missing.
pub(crate) fn signature_rules() -> Validation {
    let mut rules = Validation::new(ALGORITHM);
    rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    rules.leeway = 0;
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    rules
}

/// The members that a header may have: anything else makes it malformed, a member that is there twice as well.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StrictHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
}

/// Reads the header strictly and gives the name of the key.
fn check_header(token: &str) -> Result<String, TokenError> {
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(TokenError::Malformed);
    };
    let json = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Malformed)?;
    let header: StrictHeader = serde_json::from_slice(&json).map_err(|error| {
        // JSON that reads but does not fit has a member too many or one of another type
        if error.is_data() { TokenError::Header } else { TokenError::Malformed }
    })?;
    if header.alg != "EdDSA" {
        return Err(TokenError::Algorithm);
    }
    if header.typ.as_deref() != Some(TYPE) {
        return Err(TokenError::Type);
    }
    header.kid.ok_or(TokenError::UnknownKey)
}

/// What holds for an access token at any time.
fn check_shape(claims: &AccessClaims) -> Result<(), TokenError> {
    if claims.sub.is_empty() || claims.jti.is_empty() {
        return Err(TokenError::Subject);
    }
    let lifetime_s = claims.exp.checked_sub(claims.iat).ok_or(TokenError::Lifetime)?;
    if !(1..=MAX_LIFETIME_S).contains(&lifetime_s) || claims.nbf >= claims.exp {
        return Err(TokenError::Lifetime);
    }
    Ok(())
}

fn check_time(claims: &AccessClaims, now_unix_s: i64) -> Result<(), TokenError> {
    if claims.exp <= now_unix_s {
        return Err(TokenError::Expired);
    }
    if claims.nbf.max(claims.iat) > now_unix_s.saturating_add(LEEWAY_S) {
        return Err(TokenError::NotYetValid);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
