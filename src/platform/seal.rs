//! What this server gives out and knows again when it comes back: signed addresses. The keys come from those that sign
//! access tokens, so all processes share them and a rotation renews them.

use std::sync::{Arc, PoisonError, RwLock};

use backoffice_credentials::MacKey;

/// The keys in use, the one that seals first.
#[derive(Debug, Default)]
pub struct Seals(RwLock<Arc<[MacKey]>>);

impl Seals {
    /// Takes these keys from now on, the one that seals first.
    pub fn renew(&self, keys: Vec<MacKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }

    /// The seal of a message; none if there is no key.
    #[must_use]
    pub fn seal(&self, purpose: &str, message: &[u8]) -> Option<[u8; 32]> {
        self.keys().first().map(|key| key.tag(purpose, message))
    }

    /// Whether the seal is one of ours.
    #[must_use]
    pub fn knows(&self, purpose: &str, message: &[u8], seal: &[u8]) -> bool {
        self.keys().iter().any(|key| key.matches(purpose, message, seal))
    }

    fn keys(&self) -> Arc<[MacKey]> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_outlives_the_next_key_and_not_the_one_after() {
        let [old, new] = [b"old", b"new"].map(|secret| MacKey::derive(secret));
        let seals = Seals::default();
        assert_eq!(seals.seal("files", b"x"), None);
        seals.renew(vec![old.clone()]);
        let seal = seals.seal("files", b"x").unwrap();
        seals.renew(vec![new.clone(), old]);
        assert!(seals.knows("files", b"x", &seal));
        assert_ne!(seals.seal("files", b"x").unwrap(), seal);
        seals.renew(vec![new]);
        assert!(!seals.knows("files", b"x", &seal));
    }
}
