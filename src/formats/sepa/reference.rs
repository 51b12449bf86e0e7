//! The creditor's reference by ISO 11649: `RF`, two check digits, and up to 21 letters and digits.
//!
//! The payer's bank carries it unchanged, so a payment finds its invoice by it.

use crate::iban;
use crate::problem::shown;

/// The reference in capitals without spaces, or a sentence on why it is none.
pub fn check(text: &str) -> Result<String, String> {
    let reference = normalised(text);
    let body = reference.get(4..).unwrap_or_default();
    let digits = reference.get(2..4).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !(reference.starts_with("RF") && digits && is_body(body)) {
        return Err(format!(
            "{} is not a creditor reference: RF, two check digits, then 1 to 21 letters and digits",
            shown(text)
        ));
    }
    if iban::remainder(reference.as_bytes()) != Some(1) {
        return Err(format!("{} has wrong check digits; a character is missing or mistyped", shown(text)));
    }
    Ok(reference)
}

/// The reference for a text of one's own, such as an invoice's number; nothing if no letter or digit is in it, or more than 21.
pub fn of(own: &str) -> Option<String> {
    let body: String =
        own.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect();
    if !is_body(&body) {
        return None;
    }
    let rest = iban::remainder(format!("RF00{body}").as_bytes())?;
    Some(format!("RF{:02}{body}", 98_u32.checked_sub(rest)?))
}

fn is_body(body: &str) -> bool {
    (1..=21).contains(&body.len()) && body.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

pub(crate) fn normalised(text: &str) -> String {
    iban::normalised(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_examples() {
        assert_eq!(check("RF18 5390 0754 7034"), Ok("RF18539007547034".into()));
        assert_eq!(of("5390 0754 7034").as_deref(), Some("RF18539007547034"));
        assert_eq!(of("2348236").as_deref(), Some("RF332348236"));
        assert!(check("RF19539007547034").unwrap_err().contains("check digits"));
        for text in ["", "RF18", "RF1853900754703453900754703412", "XX18539007547034", "RFAB1"] {
            assert!(check(text).is_err(), "{text}");
        }
        assert_eq!(of("---"), None);
    }

    proptest! {
        #[test]
        fn what_is_made_is_sound(own in "[A-Za-z0-9-]{1,24}") {
            if let Some(made) = of(&own) {
                prop_assert_eq!(check(&made), Ok(made));
            }
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}") {
            let _ = check(&text);
            let _ = of(&text);
        }
    }
}
