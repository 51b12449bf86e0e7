//! Currencies by their ISO 4217 codes, each with its number of minor-unit decimals.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use rust_decimal::Decimal;

use crate::error::MoneyError;

/// A currency that books can be kept in: an ISO 4217 code with a defined minor unit.
///
/// Codes without a minor unit are refused: metals (`XAU`), the special drawing right (`XDR`), the test code
/// (`XTS`) and "no currency" (`XXX`). Currencies that have been replaced (`HRK`) are accepted, as old books
/// still need them. Ordered by code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// No currency of that code.
const NONE: u8 = u8::MAX;

/// The exponents of all codes, by the place of their letters in the alphabet: every amount that is shown looks here.
static EXPONENTS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut table = vec![NONE; 26 * 26 * 26];
    for first in b'A'..=b'Z' {
        for second in b'A'..=b'Z' {
            for third in b'A'..=b'Z' {
                let letters = [first, second, third];
                let known = std::str::from_utf8(&letters).ok().and_then(iso_currency::Currency::from_code);
                let exponent = known.and_then(|known| known.exponent()).and_then(|digits| u8::try_from(digits).ok());
                if let (Some(exponent), Some(entry)) = (exponent, table.get_mut(place(letters))) {
                    *entry = exponent;
                }
            }
        }
    }
    table
});

/// Where three capital letters stand among all that there are.
fn place(letters: [u8; 3]) -> usize {
    letters.iter().fold(0_usize, |place, letter| {
        place.saturating_mul(26).saturating_add(usize::from(letter.saturating_sub(b'A')))
    })
}

impl Currency {
    /// Reads a code of exactly three capital letters.
    ///
    /// # Errors
    /// [`MoneyError::UnknownCurrency`] for anything else, lower case included: a code is not a word to be guessed.
    pub fn parse(code: &str) -> Result<Self, MoneyError> {
        let letters: [u8; 3] = code.as_bytes().try_into().map_err(|_| MoneyError::UnknownCurrency)?;
        if !letters.iter().all(u8::is_ascii_uppercase) {
            return Err(MoneyError::UnknownCurrency);
        }
        match EXPONENTS.get(place(letters)) {
            Some(&exponent) if exponent != NONE => Ok(Self { code: letters, exponent }),
            _ => Err(MoneyError::UnknownCurrency),
        }
    }

    /// How many decimals an amount may have: 0 for JPY, 2 for EUR, 3 for KWD, 4 for CLF.
    pub fn exponent(self) -> u32 {
        u32::from(self.exponent)
    }

    /// An amount with as many decimals as the currency has, or more if it needs them: what a column of four decimals gives
    /// back as `4900.0000` is `4900.00` in EUR and `4900` in JPY. The one way in which amounts are written into texts.
    pub fn shown(self, amount: Decimal) -> Decimal {
        if amount.scale() == self.exponent() {
            return amount;
        }
        let mut amount = amount.normalize();
        if amount.scale() < self.exponent() {
            amount.rescale(self.exponent());
        }
        amount
    }

    /// The three capital letters.
    pub fn code(&self) -> &str {
        // always ASCII by construction
        std::str::from_utf8(&self.code).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::parse(code)
    }
}

impl AsRef<str> for Currency {
    fn as_ref(&self) -> &str {
        self.code()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_units_follow_iso_4217() {
        let exponents = [("JPY", 0), ("EUR", 2), ("USD", 2), ("KWD", 3), ("CLF", 4)];
        for (code, exponent) in exponents {
            let currency = Currency::parse(code).unwrap();
            assert_eq!((currency.code(), currency.exponent()), (code, exponent));
        }
    }

    #[test]
    fn amounts_are_shown_in_minor_units_and_lose_nothing() {
        for (code, amount, shown) in [
            ("EUR", "4900.0000", "4900.00"),
            ("EUR", "4900", "4900.00"),
            ("EUR", "-0.5000", "-0.50"),
            ("EUR", "0.1250", "0.125"),
            ("JPY", "4900.0000", "4900"),
            ("JPY", "0.0000", "0"),
            ("KWD", "1.5000", "1.500"),
            ("CLF", "1.5", "1.5000"),
        ] {
            let amount: Decimal = amount.parse().unwrap();
            assert_eq!(Currency::parse(code).unwrap().shown(amount).to_string(), shown, "{code}");
        }
    }

    #[test]
    fn what_is_no_money_is_refused() {
        for code in ["", "E", "EU", "eur", "Eur", " EUR", "EURO", "QQQ", "XXX", "XTS", "XAU", "XDR", "€€€", "€", "E\0R"]
        {
            assert_eq!(Currency::parse(code), Err(MoneyError::UnknownCurrency), "{code:?}");
        }
    }
}
