use proptest::prelude::*;

use super::*;

fn id(text: &str) -> Vec<ProblemCode> {
    let mut found = Found::default();
    check_id("id", text, &mut found);
    found.or(()).err().into_iter().flatten().map(|mistake| mistake.code).collect()
}

#[test]
fn identifiers_are_never_changed() {
    assert_eq!(id("RUN-2026/03 (1)"), []);
    for (text, code) in [
        ("", ProblemCode::Required),
        (" A", ProblemCode::Required),
        ("Zahlung-ü", ProblemCode::Format),
        ("A&B", ProblemCode::Format),
        ("/A", ProblemCode::Format),
        ("A/", ProblemCode::Format),
        ("A//B", ProblemCode::Format),
    ] {
        assert_eq!(id(text), [code], "{text}");
    }
    assert_eq!(id(&"A".repeat(35)), []);
    assert_eq!(id(&"A".repeat(36)), [ProblemCode::FieldTooLong]);
}

#[test]
fn amounts() {
    let codes = |amount: &str| -> Vec<ProblemCode> {
        let mut found = Found::default();
        check_amount(amount.parse().unwrap(), &mut found);
        found.or(()).err().into_iter().flatten().map(|mistake| mistake.code).collect()
    };
    assert_eq!(MAX_AMOUNT, "999999999.99".parse().unwrap());
    for sound in ["0.01", "1", "12.5", "12.500", "999999999.99"] {
        assert_eq!(codes(sound), [], "{sound}");
    }
    assert_eq!(codes("0.005"), [ProblemCode::TooManyDecimals]);
    for wrong in ["0", "-1", "1000000000"] {
        assert_eq!(codes(wrong), [ProblemCode::OutOfRange], "{wrong}");
    }
}

#[test]
fn banks() {
    for bic in ["COBADEFF", "COBADEFFXXX", "1NGBNL2A"] {
        assert!(is_bic(bic), "{bic}");
    }
    for bic in ["", "COBADEF", "cobadeff", "COBA12FF", "COBADEFFXX", "COBADEFFÄÄ"] {
        assert!(!is_bic(bic), "{bic}");
    }
}

proptest! {
    #[test]
    fn cents_are_written_exactly(cents in 1_i64..=99_999_999_999) {
        let amount = Decimal::new(cents, 2);
        prop_assert_eq!(super::cents(amount).parse::<Decimal>().unwrap(), amount);
        prop_assert_eq!(super::cents(amount.normalize()), super::cents(amount));
    }
}
