//! Credentials: password hashes, one-time codes, signed access tokens and opaque secrets; no database.
//!
//! | module | what it knows |
//! |---|---|
//! | [`passwords`] | argon2id hashes, and which passwords are refused |
//! | [`totp`] | one-time codes from an authenticator app |
//! | [`keys`] | Ed25519 signing keys, their rotation and their publication |
//! | [`access`] | short-lived signed access tokens |
//! | [`id_token`] | what an OpenID provider says of who has signed in there |
//! | [`mac`] | keyed hashes: what the server itself has written and nobody has changed |
//! | [`opaque`] | random secrets of which only a hash is stored |
//!
//! Nothing here reads a clock: time and stored values come in as arguments. Secrets do not appear
//! in `Debug` output or in errors, comparisons of secrets take constant time, and secret memory that this crate
//! owns is wiped when it is dropped.

pub mod access;
pub mod id_token;
pub mod keys;
pub mod mac;
pub mod opaque;
pub mod passwords;
pub mod totp;

pub use access::{AccessClaims, ActorKind, TokenError, VerifiedTokens};
pub use id_token::{IdTokenError, IdTokenTerms, IssuerKeys, verify_id_token};
pub use keys::{KeyError, KeyRing, PublicKey, SigningKey};
pub use mac::MacKey;
pub use opaque::Opaque;
pub use passwords::{PasswordError, Passwords, WeakPassword, check_password};
pub use totp::TotpSecret;

/// The operating system gave no random bytes. Nothing can be made up instead: the operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomness;

impl std::fmt::Display for NoRandomness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the operating system gave no random bytes")
    }
}

impl std::error::Error for NoRandomness {}

/// Random bytes from the operating system.
///
/// # Errors
/// [`NoRandomness`].
pub fn random<const N: usize>() -> Result<zeroize::Zeroizing<[u8; N]>, NoRandomness> {
    let mut bytes = zeroize::Zeroizing::new([0u8; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
