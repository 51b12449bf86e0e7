//! Signatures by Standard Webhooks: HMAC-SHA256 over `id.timestamp.payload`, with each secret that is live.
//!
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::platform::error::{Error, Result};

/// Bytes of a new secret; the specification asks for 24 to 64.
const BYTES: usize = 32;
/// What a secret begins with where people see it.
const PREFIX: &str = "whsec_";

/// What the two sides of a webhook share. It prints nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret")
    }
}

impl Secret {
    /// A new one.
    pub fn generate() -> Result<Self> {
        let mut bytes = vec![0; BYTES];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut bytes)
            .map_err(|_| Error::fault("the system gives no random numbers"))?;
        Ok(Self(bytes))
    }

    /// From the bytes as they are kept.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, to be kept sealed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As it is shown once: `whsec_…`.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Takes the secret out of a text of somebody else's, in each form in which it could stand there.
    #[must_use]
    pub fn hidden_in(&self, text: &str) -> String {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        let base64 = STANDARD.encode(&self.0);
        let bare = base64.trim_end_matches('=');
        let safe = bare.replace('+', "-").replace('/', "_");
        [bare, &safe, &hex].iter().fold(text.to_owned(), |text, form| text.replace(*form, "…"))
    }

    fn sign(&self, id: &str, timestamp: i64, payload: &[u8]) -> Result<String> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.0).map_err(Error::fault)?;
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(payload);
        Ok(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    }
}

/// The header `webhook-signature`: one signature for each live secret, so that a receiver may change to the new one
/// whenever he likes.
pub fn header(secrets: &[Secret], id: &str, timestamp: i64, payload: &[u8]) -> Result<String> {
    let signed: Result<Vec<String>> = secrets.iter().map(|secret| secret.sign(id, timestamp, payload)).collect();
    Ok(signed?.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn the_known_example_is_signed_as_everybody_signs_it() {
        let secret = Secret(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#).unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_live_secret_signs() {
        let secrets = [Secret::generate().unwrap(), Secret::generate().unwrap()];
        assert_ne!(secrets[0], secrets[1]);
        let header = header(&secrets, "msg_1", 1, b"{}").unwrap();
        assert_eq!(header.split(' ').count(), 2);
        assert!(header.split(' ').all(|one| one.starts_with("v1,")));
        assert_eq!(header.split(' ').next().unwrap(), secrets[0].sign("msg_1", 1, b"{}").unwrap());
    }

    #[test]
    fn a_secret_shows_itself_only_when_asked() {
        let secret = Secret::from_bytes(vec![0xfb; BYTES]);
        assert!(secret.shown().starts_with("whsec_+/v7"));
        assert_eq!(format!("{secret:?}"), "Secret");
        let hex = "fb".repeat(BYTES);
        for form in [secret.shown(), secret.shown().replace('+', "-").replace('/', "_"), hex] {
            let hidden = secret.hidden_in(&format!("you said {form}!"));
            assert!(!hidden.contains("v7-_v7") && !hidden.contains("v7+/v7") && !hidden.contains("fbfb"), "{hidden}");
        }
    }
}
