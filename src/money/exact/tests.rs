//! Exactness: what is read is what was written, and nothing overflows quietly.

use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_plain_number_keeps_its_decimals() {
    for text in ["0", "1.50", "-0.01", "999999999999999.9999", "0.000000000000000000000000001", "007.10"] {
        assert_eq!(parse_decimal(text), Ok(dec(text)), "{text}");
    }
    assert_eq!(parse_decimal("1.50").unwrap().to_string(), "1.50");
    assert_eq!(parse_decimal("-0.00").unwrap().to_string(), "0.00");
}

#[test]
fn what_is_not_plain_is_refused() {
    let texts = [
        "", "-", ".", "+1", "1e30", "1E2", "NaN", "inf", "Infinity", "-inf", " 1", "1 ", "1_000", "1,000", "1.2.3",
        ".5", "5.", "--1", "-+1", "0x10", "١", "1\0", "½", "−1", "1.-5",
    ];
    for text in texts {
        assert_eq!(parse_decimal(text), Err(MoneyError::NotADecimal), "{text:?}");
    }
}

#[test]
fn long_and_large_numbers_are_refused() {
    let decimals_31 = format!("1.{}", "1".repeat(31));
    for text in [decimals_31.as_str(), &"9".repeat(29), &"0".repeat(29), &"1".repeat(1_000_000)] {
        assert_eq!(parse_decimal(text), Err(MoneyError::TooManyDigits));
    }
    for text in ["1000000000000000", "-1000000000000000.00", "9999999999999999999999999999"] {
        assert_eq!(parse_decimal(text), Err(MoneyError::Overflow), "{text}");
    }
}

#[test]
fn the_limit_is_ten_to_the_fifteen() {
    assert_eq!(LIMIT.to_string(), "1000000000000000");
}

#[test]
fn decimals_beyond_the_currency_are_refused_not_cut() {
    let value = dec("1.005");
    assert_eq!(check_scale(value, 2), Err(MoneyError::TooManyDecimals { value, allowed: 2 }));
    assert_eq!(check_scale(dec("1.500000"), 2), Ok(dec("1.5")));
    assert_eq!(check_scale(dec("1.00"), 0), Ok(dec("1")));
}

#[test]
fn arithmetic_stops_at_the_limit() {
    let most = dec("999999999999999.9999");
    assert_eq!(add(most, dec("0.0001")), Err(MoneyError::Overflow));
    assert_eq!(sub(neg(most).unwrap(), dec("0.0001")), Err(MoneyError::Overflow));
    assert_eq!(mul(most, most), Err(MoneyError::Overflow));
    assert_eq!(mul(Decimal::MAX, Decimal::MAX), Err(MoneyError::Overflow));
    assert_eq!(neg(Decimal::MAX), Err(MoneyError::Overflow));
    assert_eq!(sum([most, most]), Err(MoneyError::Overflow));
    assert_eq!(sum([]), Ok(Decimal::ZERO));
}

#[test]
fn halves_go_away_from_zero_or_to_even() {
    let euro = Currency::parse("EUR").unwrap();
    let yen = Currency::parse("JPY").unwrap();
    assert_eq!(round(dec("0.005"), euro), Ok(dec("0.01")));
    assert_eq!(round(dec("-0.005"), euro), Ok(dec("-0.01")));
    assert_eq!(round(dec("2.5"), yen), Ok(dec("3")));
    assert_eq!(round_to(dec("0.025"), 2, RoundingMode::HalfEven), Ok(dec("0.02")));
    assert_eq!(round(dec("999999999999999.9999"), yen), Err(MoneyError::Overflow));
}

#[test]
fn zero_has_no_sign() {
    assert_eq!(neg(Decimal::ZERO).unwrap().to_string(), "0");
    assert_eq!(round(dec("-0.001"), Currency::parse("EUR").unwrap()).unwrap().to_string(), "0.00");
    assert_eq!(mul(dec("-1"), Decimal::ZERO).unwrap().to_string(), "0");
}

proptest! {
    #[test]
    fn reading_never_panics(text in ".{0,60}") {
        let _ = parse_decimal(&text);
    }

    #[test]
    fn reading_number_like_text_never_panics(text in "[-+0-9.eE_ ,]{0,50}") {
        let _ = parse_decimal(&text);
    }

    #[test]
    fn what_is_written_is_read(units in -999_999_999_999_999_999i128..=999_999_999_999_999_999, scale in 4u32..=10) {
        let value = Decimal::from_i128_with_scale(units, scale);
        prop_assert_eq!(parse_decimal(&value.to_string()), Ok(value));
    }

    #[test]
    fn rounding_moves_by_at_most_half_a_unit(units in any::<i64>(), decimals in 0u32..=4) {
        let value = Decimal::from_i128_with_scale(i128::from(units), 8);
        let rounded = round_to(value, decimals, RoundingMode::HalfAwayFromZero).unwrap();
        prop_assert!((rounded - value).abs() <= Decimal::new(5, decimals + 1));
        prop_assert!(check_scale(rounded, decimals).is_ok());
        prop_assert_eq!(round_to(neg(value).unwrap(), decimals, RoundingMode::HalfAwayFromZero), neg(rounded));
    }
}
