//! Secrets that have to be read again (a password only has to be compared): sealed with a key that is not in the
//! database, so that a copy of the database alone signs nothing.
//!
//! The key lies in a file: `secrets.key` in the data folder, made at the first start, or one that the configuration
//! names. Each line of it is a key; the first one seals, all of them open, so that a key is changed by putting a new line
//! in front. Servers that share a database share the file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use sha2::{Digest, Sha256};

use super::error::{Error, Result};

/// The form of what is sealed: this byte, the key's name, the nonce, the sealed bytes with their tag.
const FORM: u8 = 1;
/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of the tag behind what is sealed.
const TAG: usize = 16;
/// Bytes of a key's name.
const NAME: usize = 8;
/// The most keys of one file.
const MOST_KEYS: usize = 16;

type Name = [u8; NAME];

/// Seals and opens. Made once a process.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<[(Name, LessSafeKey)]>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Vault of {} keys", self.keys.len())
    }
}

impl Vault {
    /// Opens the file of keys; makes it, with a new key, if there is none. The error is a sentence.
    pub fn open(path: &Path) -> std::result::Result<Self, String> {
        let failed = |error: std::io::Error| {
            format!(
                "The key of the stored secrets cannot be kept in {}: {error}. Name another file with --secrets-key.",
                path.display()
            )
        };
        let mut text = String::new();
        match File::open(path) {
            Ok(mut file) => {
                file.read_to_string(&mut text).map_err(failed)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                text = new_line()?;
                let mut file =
                    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
                file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        Self::from_text(&text)
            .ok_or_else(|| format!("{} holds no keys: each line is 32 random bytes in base64.", path.display()))
    }

    /// A vault whose key nobody else has: for tests and commands that seal nothing.
    pub fn passing() -> std::result::Result<Self, String> {
        Self::from_text(&new_line()?).ok_or_else(|| "no key".to_owned())
    }

    fn from_text(text: &str) -> Option<Self> {
        let keys: Option<Vec<(Name, LessSafeKey)>> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).take(MOST_KEYS).map(key).collect();
        keys.filter(|keys| !keys.is_empty()).map(|keys| Self { keys: keys.into() })
    }

    /// Seals a secret for one place: what is put elsewhere does not open.
    pub fn seal(&self, place: &str, secret: &[u8]) -> Result<Vec<u8>> {
        let (name, key) = self.keys.first().ok_or_else(|| Error::fault("the vault has no key"))?;
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| Error::fault("the system gives no random numbers"))?;
        let mut sealed = secret.to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut sealed)
            .map_err(|_| Error::fault("a secret could not be sealed"))?;
        Ok([&[FORM], name.as_slice(), &nonce, &sealed].concat())
    }

    /// Whether that is something sealed, for secrets that were once kept as they are. Those begin otherwise (a key in
    /// PKCS #8) or are shorter than anything sealed (20 bytes of a one-time-code secret).
    #[must_use]
    pub fn is_sealed(stored: &[u8]) -> bool {
        stored.first() == Some(&FORM) && stored.len() > 1 + NAME + NONCE_LEN + TAG
    }

    /// Opens what was sealed for that place; gives back what was kept before secrets were sealed.
    pub fn reveal(&self, place: &str, stored: &[u8]) -> Result<Vec<u8>> {
        if Self::is_sealed(stored) { self.unseal(place, stored) } else { Ok(stored.to_vec()) }
    }

    /// Opens what was sealed for that place.
    pub fn unseal(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || Error::fault("a sealed secret is damaged, or was sealed for another place");
        let (form, rest) = sealed.split_first().ok_or_else(broken)?;
        let (name, rest) = rest.split_first_chunk::<NAME>().ok_or_else(broken)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        if *form != FORM {
            return Err(broken());
        }
        let (_, key) = self.keys.iter().find(|(known, _)| known == name).ok_or_else(|| {
            Error::fault("a secret was sealed with a key that this server does not have: servers of one database share the file --secrets-key")
        })?;
        let mut bytes = sealed.to_vec();
        let opened = key
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut bytes)
            .map_err(|_| broken())?;
        Ok(opened.to_vec())
    }
}

/// Where a one-time-code secret lies.
#[must_use]
pub fn place_of_totp(account: uuid::Uuid) -> String {
    format!("totp {account}")
}

/// Where a key that signs access tokens lies.
#[must_use]
pub fn place_of_signing_key(kid: &str) -> String {
    format!("signing key {kid}")
}

fn new_line() -> std::result::Result<String, String> {
    let mut bytes = [0; KEY];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "The system gives no random numbers.".to_owned())?;
    Ok(format!("{}\n", STANDARD.encode(bytes)))
}

fn key(line: &str) -> Option<(Name, LessSafeKey)> {
    let bytes = STANDARD.decode(line).ok().filter(|bytes| bytes.len() == KEY)?;
    let name: [u8; 32] = Sha256::digest([b"backoffice vault key ".as_slice(), &bytes].concat()).into();
    let name = name.first_chunk::<NAME>()?;
    Some((*name, LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &bytes).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let vault = Vault::passing().unwrap();
        let sealed = vault.seal("webhook 1", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        assert_ne!(sealed, vault.seal("webhook 1", b"secret").unwrap());
        assert_eq!(vault.unseal("webhook 1", &sealed).unwrap(), b"secret");
        assert!(vault.unseal("webhook 2", &sealed).is_err());
        assert_eq!(vault.reveal("webhook 1", &sealed).unwrap(), b"secret");
        assert_eq!(vault.reveal("totp", &[1; 20]).unwrap(), [1; 20]);
        assert!(vault.reveal("totp", &sealed).is_err());
        assert!(Vault::passing().unwrap().unseal("webhook 1", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(vault.unseal("webhook 1", &damaged).is_err(), "byte {at}");
            assert!(vault.unseal("webhook 1", &sealed[..at]).is_err());
        }
    }

    #[test]
    fn a_key_is_made_once_and_changed_by_a_line_in_front() {
        let folder = std::env::temp_dir().join(format!("backoffice-vault-{}", uuid::Uuid::now_v7()));
        let path = folder.join("secrets.key");
        let sealed = Vault::open(&path).unwrap().seal("x", b"old").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(Vault::open(&path).unwrap().unseal("x", &sealed).unwrap(), b"old");
        let former = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{}{former}", new_line().unwrap())).unwrap();
        let both = Vault::open(&path).unwrap();
        assert_eq!(both.unseal("x", &sealed).unwrap(), b"old");
        let resealed = both.seal("x", b"new").unwrap();
        assert!(Vault::from_text(&former).unwrap().unseal("x", &resealed).is_err());
        for text in ["", "no key", "YQ==\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(Vault::open(&path).unwrap_err().contains("holds no keys"));
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
