//! A split loses nothing, whatever the weights.

use proptest::prelude::*;

use super::*;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn decs(texts: &[&str]) -> Vec<Decimal> {
    texts.iter().map(|text| dec(text)).collect()
}

#[test]
fn a_third_each_gives_the_odd_cent_to_the_first() {
    let thirds = decs(&["1", "1", "1"]);
    assert_eq!(split(dec("100"), &thirds, 2), Ok(decs(&["33.34", "33.33", "33.33"])));
    assert_eq!(split(dec("-100"), &thirds, 2), Ok(decs(&["-33.34", "-33.33", "-33.33"])));
    assert_eq!(split(dec("100"), &thirds, 0), Ok(decs(&["34", "33", "33"])));
    assert_eq!(split(dec("0"), &thirds, 2), Ok(decs(&["0", "0", "0"])));
}

#[test]
fn units_left_over_go_to_the_largest_remainders() {
    // exact shares 33.846…, 43.076…, 23.076… in cents: the two largest remainders are the last two
    let days = decs(&["22", "28", "15"]);
    assert_eq!(split(dec("100"), &days, 2), Ok(decs(&["33.84", "43.08", "23.08"])));
}

#[test]
fn slices_of_time_are_rounded_and_the_last_takes_the_rest() {
    let days = decs(&["22", "28", "15"]);
    assert_eq!(split_last(dec("100"), &days, 2), Ok(decs(&["33.85", "43.08", "23.07"])));
    let months = vec![Decimal::ONE; 21];
    let depreciation = split_last(dec("887.50"), &months, 2).unwrap();
    assert!(depreciation[..20].iter().all(|slice| *slice == dec("42.26")));
    assert_eq!(depreciation[20], dec("42.30"));
}

#[test]
fn slices_never_turn_around() {
    let ten = vec![Decimal::ONE; 10];
    let slices = split_last(dec("0.05"), &ten, 2).unwrap();
    assert_eq!(slices, decs(&["0.01", "0.01", "0.01", "0.01", "0.01", "0", "0", "0", "0", "0"]));
}

#[test]
fn percentages_make_a_whole() {
    assert_eq!(split_percent(dec("100"), &decs(&["60", "40"]), 2), Ok(decs(&["60", "40"])));
    assert_eq!(split_percent(dec("100"), &decs(&["40", "40"]), 2), Err(MoneyError::NotWhole { sum: dec("80") }));
    assert_eq!(split_percent(dec("0.01"), &decs(&["33.3", "33.4", "33.3"]), 2), Ok(decs(&["0", "0.01", "0"])));
}

#[test]
fn what_cannot_be_split_is_refused() {
    assert_eq!(split(dec("1"), &[], 2), Err(MoneyError::NoWeights));
    assert_eq!(split(dec("1"), &decs(&["0", "0"]), 2), Err(MoneyError::NoWeights));
    assert_eq!(split(dec("1"), &decs(&["1", "-1"]), 2), Err(MoneyError::NegativeWeight));
    assert!(matches!(split(dec("1.005"), &decs(&["1"]), 2), Err(MoneyError::TooManyDecimals { .. })));
    assert_eq!(split(Decimal::MAX, &decs(&["1"]), 2), Err(MoneyError::Overflow));
    let far_apart = decs(&["10000000000000000000000000", "0.0000000000000000000000000001"]);
    assert_eq!(split(dec("1"), &far_apart, 2), Err(MoneyError::Overflow));
}

#[test]
fn wide_products_are_exact() {
    let big = 999_999_999_999_999_999_999u128;
    assert_eq!(mul_div(big, u128::MAX >> 3, u128::MAX >> 3), (big, 0));
    assert_eq!(mul_div(7, 3, 5), (4, 1));
    assert_eq!(mul_div(0, 3, 5), (0, 0));
}

fn weights() -> impl Strategy<Value = Vec<Decimal>> {
    prop::collection::vec((0i64..=1_000_000_000, 0u32..=6).prop_map(|(n, scale)| Decimal::new(n, scale)), 1..24)
        .prop_filter("some weight", |weights| weights.iter().any(|weight| !weight.is_zero()))
}

proptest! {
    #[test]
    fn nothing_is_lost(units in -999_999_999_999_999i64..=999_999_999_999_999, exponent in 0u32..=4, weights in weights()) {
        let total = Decimal::new(units, exponent);
        let all: Decimal = weights.iter().copied().sum();
        let parts = split(total, &weights, exponent).unwrap();
        prop_assert_eq!(parts.iter().copied().sum::<Decimal>(), total);
        for (part, weight) in parts.iter().zip(&weights) {
            let exact = total / all * weight;
            prop_assert!((part - exact).abs() <= Decimal::new(1, exponent) + Decimal::new(1, 9));
            prop_assert!(!weight.is_zero() || part.is_zero());
        }
        let slices = split_last(total, &weights, exponent).unwrap();
        prop_assert_eq!(slices.iter().copied().sum::<Decimal>(), total);
        prop_assert!(slices.iter().all(|slice| slice.is_zero() || slice.is_sign_negative() == total.is_sign_negative()));
    }

    #[test]
    fn a_credit_note_mirrors_its_invoice(units in 0i64..=999_999_999_999, weights in weights()) {
        let total = Decimal::new(units, 2);
        let there = split(total, &weights, 2).unwrap();
        let back = split(-total, &weights, 2).unwrap();
        prop_assert!(there.iter().zip(&back).all(|(a, b)| (*a + *b).is_zero()));
    }

    #[test]
    fn any_input_is_answered(total in any::<i128>(), weights in prop::collection::vec(any::<(i64, u32)>(), 0..6), exponent in any::<u32>()) {
        let total = Decimal::try_from_i128_with_scale(total >> 40, 4).unwrap_or_default();
        let weights: Vec<Decimal> = weights.into_iter().map(|(n, scale)| Decimal::new(n, scale % 29)).collect();
        if let Ok(parts) = split(total, &weights, exponent) {
            prop_assert_eq!(sum(parts), Ok(total));
        }
    }
}
