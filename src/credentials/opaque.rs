//! Opaque secrets: 256 random bits that are shown once, of which only a hash is stored.
//!
//! With 256 bits of entropy there is nothing to guess, so a plain SHA-256 is the right hash: it can be looked up
//! by an index, and a reader of the table can do nothing with it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{NoRandomness, random};

/// What an opaque secret is good for. Each kind has its own prefix, so that a secret of one kind is refused where
/// another is expected, and a scanner for leaked secrets can tell what it has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opaque {
    /// `bor_`: a refresh token. Never an access token: those are signed and have two dots.
    Refresh,
    /// `bos_`: the secret of a service account.
    Service,
    /// `boi_`: an invitation.
    Invitation,
    /// `bop_`: a way to a new password.
    Reset,
    /// `bot_`: a sign-in that is on its way through somebody else's server.
    State,
    /// `boc_`: a sign-in that has come back, for the portal that began it.
    Code,
    /// `boe_`: a stream of events that was reserved.
    Stream,
    /// `bof_`: a feed of a calendar.
    Feed,
    /// `bog_`: a link by which somebody without an account signs.
    Signing,
}

impl Opaque {
    /// The four characters before the random part.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Refresh => "bor_",
            Self::Service => "bos_",
            Self::Invitation => "boi_",
            Self::Reset => "bop_",
            Self::State => "bot_",
            Self::Code => "boc_",
            Self::Stream => "boe_",
            Self::Feed => "bof_",
            Self::Signing => "bog_",
        }
    }

    /// A fresh secret: the 47 characters to be shown once, and the hash to be stored.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(self) -> Result<(Zeroizing<String>, [u8; 32]), NoRandomness> {
        let bytes = random::<32>()?;
        let mut shown = Zeroizing::new(String::with_capacity(64));
        shown.push_str(self.prefix());
        URL_SAFE_NO_PAD.encode_string(bytes.as_slice(), &mut shown);
        let hash = Sha256::digest(shown.as_bytes()).into();
        Ok((shown, hash))
    }

    /// The hash of a secret as it was shown; nothing if it cannot be one of this kind, whatever is stored.
    ///
    /// Each secret has exactly one spelling: padding, other alphabets and stray bits are refused.
    pub fn hash(self, shown: &str) -> Option<[u8; 32]> {
        let encoded = shown.strip_prefix(self.prefix())?;
        let mut bytes = Zeroizing::new([0u8; 32]);
        // the length first, so that a long text is refused without being decoded
        if encoded.len() != 43 || URL_SAFE_NO_PAD.decode_slice(encoded, bytes.as_mut_slice()).ok()? != 32 {
            return None;
        }
        Some(Sha256::digest(shown.as_bytes()).into())
    }

    /// Whether a secret as it was shown is the one whose hash is stored; compared in constant time.
    pub fn matches(self, shown: &str, stored: &[u8]) -> bool {
        self.hash(shown).is_some_and(|hash| hash.ct_eq(stored).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Opaque; 9] = [
        Opaque::Refresh,
        Opaque::Service,
        Opaque::Invitation,
        Opaque::Reset,
        Opaque::State,
        Opaque::Code,
        Opaque::Feed,
        Opaque::Signing,
        Opaque::Stream,
    ];

    #[test]
    fn what_is_shown_matches_what_is_stored() {
        for kind in KINDS {
            let (shown, stored) = kind.generate().unwrap();
            assert_eq!(shown.len(), 47);
            assert!(shown.starts_with(kind.prefix()));
            assert_eq!(kind.hash(&shown), Some(stored));
            assert!(kind.matches(&shown, &stored));
            assert!(!kind.matches(&shown, &[0; 32]));
            assert!(!kind.matches(&shown, &stored[..31]));
            assert!(!kind.matches(&kind.generate().unwrap().0, &stored));
        }
    }

    #[test]
    fn one_kind_is_not_another() {
        let (shown, stored) = Opaque::Invitation.generate().unwrap();
        assert_eq!(Opaque::Refresh.hash(&shown), None);
        let disguised = shown.replace("boi_", "bor_");
        assert!(!Opaque::Refresh.matches(&disguised, &stored));
    }

    #[test]
    fn there_is_one_spelling() {
        let zeros = format!("bor_{}", "A".repeat(43));
        assert!(Opaque::Refresh.hash(&zeros).is_some());
        let wrong = [
            String::new(),
            "bor_".into(),
            format!("{zeros}="),
            format!(" {zeros}"),
            format!("{zeros}\n"),
            format!("bor_{}B", "A".repeat(42)),
            format!("bor_{}+", "A".repeat(42)),
            format!("bor_{}", "A".repeat(42)),
            format!("bor_{}", "ä".repeat(21)),
            format!("BOR_{}", "A".repeat(43)),
            "bor_".repeat(1_000_000),
        ];
        for shown in wrong {
            assert_eq!(Opaque::Refresh.hash(&shown), None);
        }
    }
}
