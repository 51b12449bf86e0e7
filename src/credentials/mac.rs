//! Keyed hashes (HMAC-SHA256, RFC 2104): a text that the server gives out and knows again when it comes back.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A key for such hashes. Wiped when dropped, and not shown by `Debug`.
#[derive(Clone)]
pub struct MacKey(Zeroizing<[u8; 64]>);

impl MacKey {
    /// The key that belongs to a secret, which it does not betray.
    pub fn derive(secret: &[u8]) -> Self {
        let mut block = Zeroizing::new([0u8; 64]);
        let (front, _) = block.split_at_mut(32);
        front.copy_from_slice(&Sha256::new().chain_update(b"backoffice mac key 1\0").chain_update(secret).finalize());
        Self(block)
    }

    /// The hash of a message. The purpose keeps messages of one kind from being taken for another's.
    pub fn tag(&self, purpose: &str, message: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new((&*self.0).into());
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    /// Whether the hash is that of the message; compared in constant time.
    pub fn matches(&self, purpose: &str, message: &[u8], tag: &[u8]) -> bool {
        self.tag(purpose, message).ct_eq(tag).into()
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_purpose_and_message_match() {
        let (key, other) = (MacKey::derive(b"one"), MacKey::derive(b"two"));
        let tag = key.tag("files", b"message");
        assert!(key.matches("files", b"message", &tag));
        assert!(!key.matches("files", b"massage", &tag));
        assert!(!key.matches("file", b"smessage", &tag));
        assert!(!other.matches("files", b"message", &tag));
        assert!(!key.matches("files", b"message", &tag[..31]));
        assert!(!key.matches("files", b"message", b""));
    }

    #[test]
    fn it_is_the_hmac_of_the_standard() {
        // RFC 4231, test case 2, through a key that is given as it is
        let mut block = Zeroizing::new([0u8; 64]);
        block[..4].copy_from_slice(b"Jefe");
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(b"what do ya want for nothing?");
        let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
