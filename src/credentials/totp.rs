//! One-time codes from an authenticator app: RFC 6238 with SHA-1, 6 digits and 30 seconds, which is what every
//! app supports. A code is accepted one step early or late, and only once.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use subtle::ConstantTimeEq;
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use crate::{NoRandomness, random};

/// Seconds that a code is current.
pub const STEP_S: u64 = 30;
/// Steps that a clock may be off, either way (RFC 6238 §5.2 recommends one).
const SKEW_STEPS: u64 = 1;
/// Bytes of a secret: the length of the hash (RFC 4226 §4, R6).
const SECRET_BYTES: usize = 20;

/// What need not be escaped in a part of a URI: RFC 3986 §2.3, unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The secret that an authenticator app and the server share. Wiped when dropped, and not shown by `Debug`.
///
/// The server must store it in a form that it can read again; it belongs encrypted or in a table of its own.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// A fresh secret of 160 bits.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        Ok(Self(random()?))
    }

    /// A stored secret; nothing unless it has exactly 20 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// The 20 bytes, for storage.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// The secret in base 32 (RFC 4648 §6), 32 characters, for typing it in where no camera is at hand.
    pub fn base32(&self) -> String {
        let mut text = String::with_capacity(32);
        // 5 bytes are 8 characters; 20 bytes need no padding
        for group in self.0.chunks(5) {
            let bits = group.iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
            for place in (0..8u32).rev() {
                let digit = (bits >> (place * 5) & 31) as u8;
                text.push(char::from(if digit < 26 { b'A' + digit } else { b'2' + digit - 26 }));
            }
        }
        text
    }

    /// The `otpauth://` address that a QR code carries (the "Key Uri Format" of Google Authenticator).
    ///
    /// Colons are dropped from issuer and account: the format uses them as its separator, encoded or not.
    pub fn provisioning_uri(&self, issuer: &str, account: &str) -> String {
        let escape = |part: &str| {
            let part = part.replace(':', "");
            utf8_percent_encode(&part, RESERVED).to_string()
        };
        let (issuer, account) = (escape(issuer), escape(account));
        let secret = self.base32();
        format!(
            "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period={STEP_S}"
        )
    }

    /// Checks a code at a moment (seconds since 1970) and gives the step that it belongs to.
    ///
    /// The caller stores the step and passes it as `last_used_step` the next time: codes of that step and of
    /// earlier ones are refused (RFC 6238 §5.2: a code is accepted once). Storing must be atomic with the check,
    /// for example `UPDATE … WHERE last_used_step < $step`; else two sign-ins at once could share a code.
    ///
    /// Spaces in the code are ignored. The time taken does not depend on how much of the code is right.
    pub fn verify(&self, code: &str, now_unix_s: u64, last_used_step: Option<u64>) -> Option<u64> {
        let mut digits = [0u8; 6];
        let mut typed = code.bytes().take(16).filter(|byte| *byte != b' ');
        for digit in &mut digits {
            *digit = typed.next().filter(u8::is_ascii_digit)?;
        }
        if typed.next().is_some() || code.len() > 16 {
            return None;
        }
        let totp = self.totp()?;
        let current = now_unix_s / STEP_S;
        let window = current.saturating_sub(SKEW_STEPS)..=current.saturating_add(SKEW_STEPS);
        // every step of the window is computed, found or not
        window.fold(None, |found, step| {
            let expected = totp.generate(step.checked_mul(STEP_S)?).to_string();
            let fresh = last_used_step.is_none_or(|last| step > last);
            let equal = bool::from(expected.as_bytes().ct_eq(&digits));
            if equal && fresh && found.is_none() { Some(step) } else { found }
        })
    }

    fn totp(&self) -> Option<Totp> {
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(STEP_S)
            .with_secret(*self.0)
            .build()
            .ok()
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    #[test]
    fn the_codes_of_rfc_6238_appendix_b() {
        // the last six of the eight digits printed there
        let codes = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ];
        for (now, code) in codes {
            assert_eq!(rfc_secret().verify(code, now, None), Some(now / STEP_S), "{now}");
        }
    }

    #[test]
    fn one_step_early_or_late_and_no_more() {
        let secret = rfc_secret();
        let (code, step) = ("050471", 1_111_111_111 / STEP_S);
        for now in [(step - 1) * STEP_S, step * STEP_S, (step + 2) * STEP_S - 1] {
            assert_eq!(secret.verify(code, now, None), Some(step));
        }
        for now in [(step - 1) * STEP_S - 1, (step + 2) * STEP_S] {
            assert_eq!(secret.verify(code, now, None), None);
        }
    }

    #[test]
    fn a_code_is_accepted_once() {
        let secret = rfc_secret();
        let step = secret.verify("050471", 1_111_111_111, None).unwrap();
        assert_eq!(secret.verify("050471", 1_111_111_111, Some(step)), None);
        // the code of the step before is older than the one used
        assert_eq!(secret.verify("081804", 1_111_111_111, Some(step)), None);
        assert_eq!(secret.verify("081804", 1_111_111_111, None), Some(step - 1));
        assert_eq!(secret.verify("050471", 1_111_111_111, Some(step - 1)), Some(step));
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let secret = rfc_secret();
        assert!(secret.verify("287 082", 59, None).is_some());
        for code in ["", "28708", "2870820", "+87082", "28708a", "٢٨٧٠٨٢", "287082\n", "287-082", "      "] {
            assert_eq!(secret.verify(code, 59, None), None, "{code:?}");
        }
        assert_eq!(secret.verify(&"2".repeat(1_000_000), 59, None), None);
        assert_eq!(secret.verify(&format!("287082{}", " ".repeat(20)), 59, None), None);
        assert_eq!(secret.verify("287082", u64::MAX, None), None);
        assert_eq!(secret.verify("287082", 0, None), Some(1));
    }

    #[test]
    fn the_address_for_the_app() {
        assert_eq!(
            rfc_secret().provisioning_uri("Back: Office", "rosa+x@example.org"),
            "otpauth://totp/Back%20Office:rosa%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Back%20Office&algorithm=SHA1&digits=6&period=30"
        );
    }

    #[test]
    fn secrets_are_random_and_do_not_show() {
        let (a, b) = (TotpSecret::generate().unwrap(), TotpSecret::generate().unwrap());
        assert_ne!(a.as_bytes(), b.as_bytes());
        assert_eq!(format!("{a:?}"), "TotpSecret(…)");
        assert_eq!(TotpSecret::from_bytes(a.as_bytes()).unwrap().base32(), a.base32());
        assert!(TotpSecret::from_bytes(&[0; 19]).is_none());
    }
}
