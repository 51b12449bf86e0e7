//! Ed25519 signing keys (RFC 8032): made, stored, published as a key set (RFC 8037) and rotated.
//!
//! A key is named by its own thumbprint (RFC 7638), so that a name can never mean two keys. A [`KeyRing`] signs
//! with one key and still accepts the tokens of others: those retired less than a token's lifetime ago, and those
//! announced to become current, so that servers which rotate at different moments trust each other.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Validation};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{NoRandomness, random};

/// A ring of more keys than this is a mistake in rotation: each may sign in anybody.
const MAX_KEYS: usize = 16;

/// Why a key cannot be used. Never shows the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The operating system gave no random bytes.
    NoRandomness,
    /// The bytes are not an Ed25519 key in the expected form.
    Invalid,
    /// The same key twice in a ring, or more keys than can be in use.
    BadRing,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRandomness => "the operating system gave no random bytes",
            Self::Invalid => "the bytes are not an Ed25519 key",
            Self::BadRing => "the keys do not make a ring: one is there twice, or there are too many",
        })
    }
}

impl std::error::Error for KeyError {}

impl From<NoRandomness> for KeyError {
    fn from(_: NoRandomness) -> Self {
        Self::NoRandomness
    }
}

/// A private key that signs access tokens. Wiped when dropped, and not shown by `Debug`.
pub struct SigningKey {
    pkcs8: Zeroizing<Vec<u8>>,
    pub(crate) encoding: EncodingKey,
    public: PublicKey,
}

impl SigningKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`KeyError::NoRandomness`].
    pub fn generate() -> Result<Self, KeyError> {
        Self::of(&ed25519_dalek::SigningKey::from_bytes(&*random::<32>()?))
    }

    /// A stored key, from PKCS #8 in DER (RFC 8410).
    ///
    /// # Errors
    /// [`KeyError::Invalid`], also when the public key that is stored beside the private one is not its own.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        Self::of(&ed25519_dalek::SigningKey::from_pkcs8_der(der).map_err(|_| KeyError::Invalid)?)
    }

    /// PKCS #8 in DER, for storage; whoever reads it can sign in as anybody.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The half that verifies and may be published.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    fn of(key: &ed25519_dalek::SigningKey) -> Result<Self, KeyError> {
        let pkcs8 = key.to_pkcs8_der().map_err(|_| KeyError::Invalid)?.to_bytes();
        Ok(Self {
            encoding: EncodingKey::from_ed_der(&pkcs8),
            public: PublicKey::from_bytes(key.verifying_key().as_bytes())?,
            pkcs8,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.kid)
    }
}

/// A key that verifies access tokens.
#[derive(Clone)]
pub struct PublicKey {
    bytes: [u8; 32],
    kid: String,
    pub(crate) decoding: DecodingKey,
}

impl PublicKey {
    /// From the 32 bytes of RFC 8032.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] if they are no point of the curve, or one of small order, under which one signature
    /// could fit many messages.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Invalid)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Invalid)?;
        if key.is_weak() {
            return Err(KeyError::Invalid);
        }
        Ok(Self { kid: thumbprint(&bytes), decoding: DecodingKey::from_ed_der(&bytes), bytes })
    }

    /// The 32 bytes of RFC 8032, for storage.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its name: the thumbprint, 43 characters of base64url.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    fn jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(self.bytes),
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kid)
    }
}

/// RFC 7638 §3 with the members of RFC 8037 §2: the hash of the required members in alphabetical order.
fn thumbprint(public: &[u8; 32]) -> String {
    let x = URL_SAFE_NO_PAD.encode(public);
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}

/// One key that signs, and all keys whose tokens are accepted. Built anew when keys rotate; shared by reference.
pub struct KeyRing {
    current: SigningKey,
    verify_only: Vec<PublicKey>,
    pub(crate) validation: Validation,
}

impl KeyRing {
    /// A ring that signs with `current` and also accepts what the keys in `verify_only` have signed.
    ///
    /// # Errors
    /// [`KeyError::BadRing`] when a key is there twice, or more than 16 are given.
    pub fn new(current: SigningKey, verify_only: Vec<PublicKey>) -> Result<Self, KeyError> {
        // The token library picks its cryptography from cargo features and panics when it cannot choose, which
        // another crate in the build could bring about. Choosing here makes that impossible; a second call is
        // refused by the library and changes nothing.
        let _ = jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default();
        let mut kids: Vec<&str> = verify_only.iter().map(PublicKey::kid).collect();
        kids.push(current.public.kid());
        kids.sort_unstable();
        kids.dedup();
        if kids.len() != verify_only.len() + 1 || kids.len() > MAX_KEYS {
            return Err(KeyError::BadRing);
        }
        Ok(Self { current, verify_only, validation: crate::access::signature_rules() })
    }

    /// The ring after a rotation: `next` signs, the former current key only verifies.
    ///
    /// The former key can be left out once its last token has expired.
    ///
    /// # Errors
    /// [`KeyError::BadRing`] as in [`KeyRing::new`]. A key that was announced before may become current.
    pub fn rotate(&self, next: SigningKey) -> Result<Self, KeyError> {
        let mut verify_only = vec![self.current.public.clone()];
        verify_only.extend(self.verify_only.iter().filter(|key| key.kid != next.public.kid).cloned());
        Self::new(next, verify_only)
    }

    /// The key that signs.
    pub fn current(&self) -> &SigningKey {
        &self.current
    }

    /// The keys that verify only.
    pub fn verify_only(&self) -> &[PublicKey] {
        &self.verify_only
    }

    /// The key set to be published (RFC 7517 §5, RFC 8037 §2), the current key first.
    pub fn jwks(&self) -> serde_json::Value {
        serde_json::json!({ "keys": self.all().map(PublicKey::jwk).collect::<Vec<_>>() })
    }

    /// The key of this name. Names are only ever compared: no file, no address, no query is made of one.
    pub(crate) fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.all().find(|key| key.kid == kid)
    }

    fn all(&self) -> impl Iterator<Item = &PublicKey> {
        std::iter::once(&self.current.public).chain(&self.verify_only)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("current", &self.current).field("verify_only", &self.verify_only).finish()
    }
}

/// The only algorithm there is here.
pub(crate) const ALGORITHM: Algorithm = Algorithm::EdDSA;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thumbprint_of_rfc_8037_appendix_a_3() {
        let public = URL_SAFE_NO_PAD.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        assert_eq!(PublicKey::from_bytes(&public).unwrap().kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn a_key_survives_storage() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(key.pkcs8()).unwrap();
        assert_eq!(again.public().as_bytes(), key.public().as_bytes());
        assert_eq!(again.public().kid(), key.public().kid());
        assert_ne!(SigningKey::generate().unwrap().public().kid(), key.public().kid());
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let key = SigningKey::generate().unwrap();
        let der = key.pkcs8();
        // the public half stands last: another one does not belong to the private half
        let mut foreign = der.to_vec();
        *foreign.last_mut().unwrap() ^= 1;
        for bytes in [&[][..], &der[1..], &der[..der.len() - 1], &[0; 64], &foreign] {
            assert!(matches!(SigningKey::from_pkcs8(bytes), Err(KeyError::Invalid)));
        }
        // too short, too long, and the neutral element of the curve
        let mut neutral = [0; 32];
        neutral[0] = 1;
        for bytes in [&[1; 31][..], &[1; 33], &neutral] {
            assert!(matches!(PublicKey::from_bytes(bytes), Err(KeyError::Invalid)));
        }
    }

    #[test]
    fn a_ring_publishes_all_its_public_keys_and_nothing_private() {
        let old = SigningKey::generate().unwrap();
        let private = URL_SAFE_NO_PAD.encode(&old.pkcs8()[16..48]);
        let old_kid = old.public().kid().to_string();
        let ring = KeyRing::new(old, vec![]).unwrap().rotate(SigningKey::generate().unwrap()).unwrap();
        let jwks = ring.jwks();
        assert_eq!(jwks["keys"][0]["kid"], ring.current().public().kid());
        assert_eq!(jwks["keys"][1]["kid"], old_kid);
        for key in jwks["keys"].as_array().unwrap() {
            assert_eq!((&key["kty"], &key["crv"]), (&"OKP".into(), &"Ed25519".into()));
            assert_eq!((&key["alg"], &key["use"]), (&"EdDSA".into(), &"sig".into()));
            assert!(key.get("d").is_none());
        }
        assert!(!jwks.to_string().contains(&private) && !format!("{ring:?}").contains(&private));
    }

    #[test]
    fn an_announced_key_becomes_current_and_none_is_there_twice() {
        let next = SigningKey::generate().unwrap();
        let announced = next.public().clone();
        let ring = KeyRing::new(SigningKey::generate().unwrap(), vec![announced.clone()]).unwrap();
        let ring = ring.rotate(next).unwrap();
        assert_eq!(ring.verify_only().len(), 1);
        assert_eq!(ring.current().public().kid(), announced.kid());
        let twice = KeyRing::new(SigningKey::generate().unwrap(), vec![announced.clone(), announced]);
        assert!(matches!(twice, Err(KeyError::BadRing)));
    }
}
