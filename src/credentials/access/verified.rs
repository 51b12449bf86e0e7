//! A memory of tokens whose signatures fitted, so that a token used for many requests is computed once.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::{AccessClaims, MAX_TOKEN_BYTES, TokenError, check_claims};
use crate::keys::KeyRing;

/// Remembers which tokens were signed by which key, for at most so many tokens.
///
/// Only the signature is remembered, under the SHA-256 of the whole token: time, issuer and audience are checked
/// on every use, and the key must still be in the ring. Refused tokens leave nothing behind, so they cannot push
/// good ones out. An entry takes about 600 bytes.
pub struct VerifiedTokens {
    entries: Mutex<HashMap<[u8; 32], Entry>>,
    capacity: usize,
}

struct Entry {
    kid: String,
    claims: Arc<AccessClaims>,
}

impl VerifiedTokens {
    /// Room for `capacity` tokens; none means that every token is computed.
    pub fn new(capacity: usize) -> Self {
        Self { entries: Mutex::default(), capacity }
    }

    /// As [`KeyRing::verify`], with the signature from memory where it is there.
    ///
    /// # Errors
    /// As [`KeyRing::verify`].
    pub fn verify(
        &self,
        ring: &KeyRing,
        token: &str,
        issuer: &str,
        audience: &str,
        now_unix_s: i64,
    ) -> Result<Arc<AccessClaims>, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::TooLong);
        }
        let digest: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(claims) = self.recall(ring, &digest) {
            check_claims(&claims, issuer, audience, now_unix_s)?;
            return Ok(claims);
        }
        // computed without the lock: a slow signature holds nobody up
        let (kid, claims) = ring.verify_signature(token)?;
        check_claims(&claims, issuer, audience, now_unix_s)?;
        let claims = Arc::new(claims);
        self.remember(digest, Entry { kid, claims: Arc::clone(&claims) }, now_unix_s);
        Ok(claims)
    }

    fn recall(&self, ring: &KeyRing, digest: &[u8; 32]) -> Option<Arc<AccessClaims>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(digest)?;
        ring.find(&entry.kid)?;
        Some(Arc::clone(&entry.claims))
    }

    fn remember(&self, digest: [u8; 32], entry: Entry, now_unix_s: i64) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.capacity {
            entries.retain(|_, entry| entry.claims.exp > now_unix_s);
        }
        // full of living tokens: starting over costs one signature each, and needs no order of use to be kept
        if entries.len() >= self.capacity {
            entries.clear();
        }
        if entries.len() < self.capacity {
            entries.insert(digest, entry);
        }
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTokens").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{AUDIENCE, ISSUER, NOW, claims, ring};
    use super::*;
    use crate::keys::SigningKey;

    fn held(tokens: &VerifiedTokens) -> usize {
        tokens.entries.lock().unwrap().len()
    }

    #[test]
    fn a_remembered_token_is_still_checked() {
        let (ring, tokens) = (ring(), VerifiedTokens::new(8));
        let token = ring.issue(&claims()).unwrap();
        let at = |ring: &KeyRing, issuer, audience, now| {
            tokens.verify(ring, &token, issuer, audience, now).map(|claims| (*claims).clone())
        };
        for _ in 0..2 {
            assert_eq!(at(&ring, ISSUER, AUDIENCE, NOW), Ok(claims()));
            assert_eq!(at(&ring, "other", AUDIENCE, NOW), Err(TokenError::Issuer));
            assert_eq!(at(&ring, ISSUER, "other", NOW), Err(TokenError::Audience));
            assert_eq!(at(&ring, ISSUER, AUDIENCE, NOW + 600), Err(TokenError::Expired));
            assert_eq!(at(&ring, ISSUER, AUDIENCE, NOW - 60), Err(TokenError::NotYetValid));
        }
        assert_eq!(held(&tokens), 1);
        // its key was dropped from the ring
        let dropped = KeyRing::new(SigningKey::generate().unwrap(), vec![]).unwrap();
        assert_eq!(at(&dropped, ISSUER, AUDIENCE, NOW), Err(TokenError::UnknownKey));
    }

    #[test]
    fn a_refused_token_leaves_nothing_behind() {
        let (ring, tokens) = (ring(), VerifiedTokens::new(8));
        let token = ring.issue(&claims()).unwrap();
        let mut forged = token.clone();
        forged.replace_range(
            token.len() - 10..token.len() - 9,
            if token.as_bytes()[token.len() - 10] == b'A' { "B" } else { "A" },
        );
        for text in [forged.as_str(), "", "a.b.c", &"a".repeat(100_000)] {
            assert!(tokens.verify(&ring, text, ISSUER, AUDIENCE, NOW).is_err());
        }
        assert!(tokens.verify(&ring, &token, ISSUER, AUDIENCE, NOW + 600).is_err());
        assert_eq!(held(&tokens), 0);
    }

    #[test]
    fn memory_is_bounded() {
        let ring = ring();
        for capacity in [0, 1, 3] {
            let tokens = VerifiedTokens::new(capacity);
            for number in 0..10 {
                let token = ring.issue(&AccessClaims { jti: number.to_string(), ..claims() }).unwrap();
                assert!(tokens.verify(&ring, &token, ISSUER, AUDIENCE, NOW).is_ok());
                assert!(held(&tokens) <= capacity);
            }
        }
    }
}
