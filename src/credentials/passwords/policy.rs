//! Which passwords are refused, after NIST SP 800-63B §3.1.1: length matters, composition rules do not.

use std::collections::BTreeSet;
use std::fmt;

use super::prepare;

/// The shortest password accepted, in Unicode characters.
pub const MIN_CHARACTERS: usize = 12;
/// The longest password accepted, in Unicode characters.
pub const MAX_CHARACTERS: usize = 256;
/// Fewer different characters than this are no password, however often they are repeated.
const MIN_DISTINCT: usize = 5;
/// What must be left of a password without the user's own name in it.
const MIN_BESIDE_NAME: usize = 8;
/// Names shorter than this occur in ordinary words by chance.
const MIN_NAME: usize = 3;

/// The commonest passwords of twelve characters and more, in lower case. Shorter ones are refused anyway.
const COMMON: &[&str] = &[
    "0123456789012",
    "1234567890123",
    "123456789012",
    "1234567890ab",
    "1234567890qw",
    "123456789abc",
    "123qweasdzxc",
    "1q2w3e4r5t6y",
    "1q2w3e4r5t6y7u",
    "1qaz2wsx3edc",
    "abc123456789",
    "abcd12345678",
    "abcdefghijkl",
    "administrator",
    "asdfghjkl123",
    "changeme1234",
    "changemenow1",
    "correcthorsebatterystaple",
    "iloveyou1234",
    "letmein12345",
    "password1234",
    "password12345",
    "password123456",
    "passwordpassword",
    "p@ssw0rd1234",
    "q1w2e3r4t5y6",
    "qazwsxedcrfv",
    "qwerty123456",
    "qwerty12345678",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopas",
    "qwertyuiopasdfghjklzxcvbnm",
    "thequickbrownfox",
    "welcome12345",
    "zaq12wsxcde3",
];

/// Why a new password is refused. Displays as a sentence for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeakPassword {
    /// Fewer than [`MIN_CHARACTERS`] characters.
    TooShort,
    /// More than [`MAX_CHARACTERS`] characters.
    TooLong,
    /// One of the commonest, or a few characters repeated.
    TooCommon,
    /// Little more than the user's own name.
    LikeTheName,
}

impl fmt::Display for WeakPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => write!(f, "The password needs at least {MIN_CHARACTERS} characters."),
            Self::TooLong => write!(f, "The password can have at most {MAX_CHARACTERS} characters."),
            Self::TooCommon => f.write_str("This password is too easy to guess."),
            Self::LikeTheName => f.write_str("The password is too much like the e-mail address."),
        }
    }
}

impl std::error::Error for WeakPassword {}

/// Whether a user with this e-mail address may choose this password.
///
/// # Errors
/// [`WeakPassword`], the first that applies. Comparisons ignore case.
pub fn check_password(password: &str, email: &str) -> Result<(), WeakPassword> {
    let prepared = prepare(password).ok_or(WeakPassword::TooLong)?;
    let length = prepared.chars().count();
    if length < MIN_CHARACTERS {
        return Err(WeakPassword::TooShort);
    }
    if length > MAX_CHARACTERS {
        return Err(WeakPassword::TooLong);
    }
    let lower = zeroize::Zeroizing::new(prepared.to_lowercase());
    let distinct: BTreeSet<char> = lower.chars().collect();
    if distinct.len() < MIN_DISTINCT || COMMON.contains(&lower.as_str()) {
        return Err(WeakPassword::TooCommon);
    }
    let name = email.split('@').next().unwrap_or_default().to_lowercase();
    if name.chars().count() >= MIN_NAME && lower.contains(&name) {
        let beside: usize = lower.split(name.as_str()).map(|part| part.chars().count()).sum();
        if beside < MIN_BESIDE_NAME {
            return Err(WeakPassword::LikeTheName);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &str = "Rosa.Kern@example.org";

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(check_password("elevenchars", EMAIL), Err(WeakPassword::TooShort));
        assert_eq!(check_password("twelve chars", EMAIL), Ok(()));
        assert_eq!(check_password("ä€ñ😀ö漢字のかなkan", EMAIL), Ok(()));
        let long: String = "abcdefgh".chars().cycle().take(256).collect();
        assert_eq!(check_password(&long, EMAIL), Ok(()));
        assert_eq!(check_password(&format!("{long}i"), EMAIL), Err(WeakPassword::TooLong));
        assert_eq!(check_password(&"a".repeat(10_000_000), EMAIL), Err(WeakPassword::TooLong));
    }

    #[test]
    fn the_commonest_are_refused() {
        for password in ["password1234", "PassWord1234", "QWERTYUIOP12", "aaaaaaaaaaaa", "abababababab"] {
            assert_eq!(check_password(password, EMAIL), Err(WeakPassword::TooCommon), "{password}");
        }
        // each can only be met by a password that is long enough
        assert!(
            COMMON.iter().all(|common| common.chars().count() >= MIN_CHARACTERS && *common == common.to_lowercase())
        );
    }

    #[test]
    fn the_own_name_adds_nothing() {
        assert_eq!(check_password("Rosa.Kern2026", EMAIL), Err(WeakPassword::LikeTheName));
        assert_eq!(check_password("rosa.kernrosa.kern", EMAIL), Err(WeakPassword::LikeTheName));
        assert_eq!(check_password("rosa.kern likes tall ships", EMAIL), Ok(()));
        assert_eq!(check_password("no relation here", "no@example.org"), Ok(()));
        assert_eq!(check_password("an address of nobody", ""), Ok(()));
    }
}
