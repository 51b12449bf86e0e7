//! Passwords: argon2id hashes as PHC strings, and the same work for users who do not exist.
//!
//! Parameters are those that the OWASP Password Storage Cheat Sheet names first for argon2id: 19 MiB of memory,
//! 2 passes, 1 lane. One hash or verification takes some 25 ms of one core and those 19 MiB, so the caller runs
//! them on a pool of blocking threads that is bounded: its size times 19 MiB is the memory they need.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use policy::{MAX_CHARACTERS, MIN_CHARACTERS, WeakPassword, check_password};

mod policy;

/// 19 MiB in KiB, OWASP.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over the memory, OWASP.
const PASSES: u32 = 2;
/// Lanes, OWASP.
const LANES: u32 = 1;
/// Bytes of the hash itself, RFC 9106 §4.
const OUTPUT_BYTES: usize = 32;

/// A stored hash that asks for more than this is not one of ours and is not computed: it would be a way to
/// exhaust memory for whoever can write to the table.
const MAX_MEMORY_KIB: u32 = 128 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 4;

/// No password of [`MAX_CHARACTERS`] characters is longer than this in bytes.
const MAX_BYTES: usize = 4 * MAX_CHARACTERS;

/// A hash of no password, with the parameters above: salt and hash are made up.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGlzIGhlcmUhIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes and verifies passwords. Cheap to build, shared by reference; every method that takes a password blocks
/// for some 25 ms.
///
/// Passwords are prepared by the OpaqueString profile of RFC 8265 (Unicode NFC, any space is a space), so that
/// the same password typed on another system is the same password.
#[derive(Debug)]
pub struct Passwords {
    argon2: Argon2<'static>,
}

/// A password could not be hashed. Never says anything about the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// The parameters were refused, or memory or randomness was not to be had.
    Unavailable,
    /// The password is longer than any that is accepted.
    TooLong,
}

impl std::fmt::Display for PasswordError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unavailable => "the password could not be hashed",
            Self::TooLong => "the password is too long",
        })
    }
}

impl std::error::Error for PasswordError {}

impl Passwords {
    /// With the parameters of the module.
    ///
    /// # Errors
    /// [`PasswordError::Unavailable`] if the library refuses them, which a test rules out.
    pub fn new() -> Result<Self, PasswordError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(OUTPUT_BYTES));
        let params = params.map_err(|_| PasswordError::Unavailable)?;
        Ok(Self { argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params) })
    }

    /// Hashes a password with a fresh salt of 16 bytes, as a PHC string to be stored.
    ///
    /// Whether the password is good enough is [`check_password`]'s business, before this.
    ///
    /// # Errors
    /// [`PasswordError`].
    pub fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let prepared = prepare(password).ok_or(PasswordError::TooLong)?;
        let hash = self.argon2.hash_password(prepared.as_bytes()).map_err(|_| PasswordError::Unavailable)?;
        Ok(hash.to_string())
    }

    /// Whether the password is the one that was hashed; compared in constant time.
    ///
    /// A stored string that is not an argon2 hash within bounds verifies nothing, after the work for nobody.
    pub fn verify(&self, password: &str, stored: &str) -> bool {
        let Some(hash) = parse(stored) else {
            self.verify_unknown(password);
            return false;
        };
        let Some(prepared) = prepare(password) else {
            return false;
        };
        self.argon2.verify_password(prepared.as_bytes(), &hash).is_ok()
    }

    /// Does the work of [`verify`](Self::verify) for a user who does not exist or has no password, so that the
    /// time to answer does not tell (OWASP Authentication Cheat Sheet, "user enumeration").
    pub fn verify_unknown(&self, password: &str) {
        let (Some(prepared), Some(hash)) = (prepare(password), parse(NOBODY)) else {
            return;
        };
        // the outcome is of no interest, but the work must not be optimised away
        std::hint::black_box(self.argon2.verify_password(prepared.as_bytes(), &hash).is_ok());
    }

    /// Whether a stored hash was made with other parameters than today's and should be replaced at the next
    /// successful sign-in, the only moment when the password is at hand.
    pub fn needs_rehash(&self, stored: &str) -> bool {
        let Some(hash) = parse(stored) else {
            return true;
        };
        let current = Algorithm::Argon2id.ident() == hash.algorithm
            && hash.version == Some(Version::V0x13.into())
            && Params::try_from(&hash).is_ok_and(|params| {
                (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY_KIB, PASSES, LANES)
                    && params.output_len() == Some(OUTPUT_BYTES)
            });
        !current
    }
}

/// The password in the form that is hashed; nothing if it is longer than any accepted one.
fn prepare(password: &str) -> Option<Zeroizing<String>> {
    if password.len() > MAX_BYTES {
        return None;
    }
    // sized so that it never grows: growing would leave a copy behind (NFC makes no text more than 3 times longer)
    let mut prepared = Zeroizing::new(String::with_capacity(password.len().saturating_mul(3)));
    let space = |letter: char| {
        if !letter.is_ascii() && letter.is_whitespace() { ' ' } else { letter }
    };
    prepared.extend(password.chars().map(space).nfc());
    Some(prepared)
}

/// A stored hash, if it is an argon2 hash whose cost is within bounds.
fn parse(stored: &str) -> Option<PasswordHash> {
    let hash = PasswordHash::new(stored).ok()?;
    let params = Params::try_from(&hash).ok()?;
    let known = Algorithm::try_from(hash.algorithm.as_str()).is_ok() && hash.salt.is_some() && hash.hash.is_some();
    let bounded = params.m_cost() <= MAX_MEMORY_KIB && params.t_cost() <= MAX_PASSES && params.p_cost() <= MAX_LANES;
    (known && bounded).then_some(hash)
}

#[cfg(test)]
mod tests;
