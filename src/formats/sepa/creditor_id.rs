//! The identifier under which a creditor collects: country, check digits, three characters of his own, and his number.

use crate::iban;
use crate::problem::shown;

/// The identifier in capitals without spaces, or a sentence on why it is none.
///
/// The three characters after the check digits are the creditor's own business and are not part of what the digits check.
pub fn check(text: &str) -> Result<String, String> {
    let id = iban::normalised(text);
    let (Some(head), Some(own), Some(number)) = (id.get(..4), id.get(4..7), id.get(7..)) else {
        return Err(format!("{} is too short for a creditor identifier", shown(text)));
    };
    let sound = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let head_is_sound = head.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
        && head.bytes().skip(2).all(|byte| byte.is_ascii_digit());
    if !(head_is_sound && sound(own) && sound(number) && (1..=28).contains(&number.len())) {
        return Err(format!(
            "{} is not a creditor identifier: two letters, two check digits, then 4 to 31 letters and digits",
            shown(text)
        ));
    }
    if iban::remainder(format!("{head}{number}").as_bytes()) != Some(1) {
        return Err(format!("{} has wrong check digits; a character is missing or mistyped", shown(text)));
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_examples() {
        for id in ["DE98 ZZZ0 9999 9999 99", "AT61ZZZ01234567890", "FR72ZZZ123456", "ES50ZZZM23456789"] {
            let right = check(id).is_ok();
            let mistyped = check(&id.replacen('9', "8", 1).replacen('1', "2", 1)).is_ok();
            assert!(right && !mistyped, "{id}");
        }
        // the creditor's own three characters may be any
        assert!(check("DE98ABC09999999999").is_ok());
        for text in ["", "DE98", "DE98ZZZ", "9898ZZZ09999999999", "DE98ZZZ0999999999ö"] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}") {
            let _ = check(&text);
        }
    }
}
