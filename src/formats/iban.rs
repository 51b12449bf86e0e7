//! International bank account numbers (ISO 13616): normalised, and checked by their check digits.

use crate::problem::shown;

/// The IBAN without spaces in capitals, or a sentence on why it is none.
pub fn check(text: &str) -> Result<String, String> {
    let iban = normalised(text);
    let bytes = iban.as_bytes();
    let country = bytes.get(..2).is_some_and(|country| country.iter().all(u8::is_ascii_uppercase));
    let digits = bytes.get(2..4).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    let alphanumeric = bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !(country && digits && alphanumeric && (15..=34).contains(&bytes.len())) {
        return Err(format!(
            "{} is not an IBAN: two letters, two check digits, then 11 to 30 letters and digits",
            shown(text)
        ));
    }
    if remainder(bytes) != Some(1) {
        return Err(format!("{} has wrong check digits; a digit is missing or mistyped", shown(text)));
    }
    Ok(iban)
}

/// The account number without white space, in capitals; not checked.
pub(crate) fn normalised(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_ascii_uppercase())
        .collect()
}

/// ISO 7064: the first four characters move to the end, letters count 10 to 35, and the number leaves 1 when divided by 97.
pub(crate) fn remainder(bytes: &[u8]) -> Option<u32> {
    let (head, tail) = bytes.split_at_checked(4)?;
    tail.iter().chain(head).try_fold(0_u32, |rest, byte| {
        let value = char::from(*byte).to_digit(36)?;
        let shift = if value < 10 { 10 } else { 100 };
        Some(rest.checked_mul(shift)?.checked_add(value)? % 97)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn published_examples_pass() {
        for iban in
            ["DE89 3704 0044 0532 0130 00", "gb29nwbk60161331926819", "FR1420041010050500013M02606", "NO9386011117947"]
        {
            assert!(check(iban).is_ok(), "{iban}");
        }
    }

    #[test]
    fn mistyped_ones_do_not() {
        assert!(check("DE88370400440532013000").unwrap_err().contains("check digits"));
        for text in
            ["", "DE89", "8937040044053201300000", "DE89370400440532013Ö00", "DE893704004405320130001234567890123456"]
        {
            assert!(check(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn one_changed_digit_is_noticed(place in 4_usize..22, digit in 0_u8..10) {
            let mut iban = b"DE89370400440532013000".to_vec();
            let old = iban[place];
            iban[place] = b'0' + digit;
            let text = String::from_utf8(iban.clone()).unwrap();
            prop_assert_eq!(check(&text).is_ok(), iban[place] == old);
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,40}") {
            let _ = check(&text);
        }
    }
}
