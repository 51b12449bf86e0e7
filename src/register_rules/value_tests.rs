use proptest::prelude::*;

use super::*;
use crate::definition::tests::field;

fn definition() -> Definition {
    let mut fields = vec![
        Field { required: true, max_length: Some(20), ..field("name", Kind::Text) },
        Field { pattern: Some("[A-Z]{2}[0-9]+".to_owned()), ..field("code", Kind::Text) },
        Field { min: Some("-10.5".to_owned()), max: Some("1000".to_owned()), ..field("amount", Kind::Number) },
        Field { min: Some("2020-01-01".to_owned()), ..field("day", Kind::Date) },
        field("flag", Kind::Boolean),
        field("choice", Kind::Choice),
    ];
    fields.push(Field { decimals: Some(8), ..field("exact", Kind::Number) });
    Definition { fields, ..Definition::default() }
}

fn one(key: &str, said: &str) -> Result<Option<String>, String> {
    let definition = definition();
    Reader::new(&definition).value(definition.field(key).unwrap(), said)
}

#[test]
fn each_value_has_one_spelling() {
    for (key, said, kept) in [
        ("name", "  Anna ", "Anna"),
        ("name", "A\u{308}", "Ä"),
        ("name", "a\r\nb", "a\nb"),
        ("code", "DE1", "DE1"),
        ("amount", "+012.50", "12.5"),
        ("amount", "-0", "0"),
        ("amount", "0.00", "0"),
        ("amount", "-10.5", "-10.5"),
        ("amount", "1000.000", "1000"),
        ("exact", "999999999999999.12345678", "999999999999999.12345678"),
        ("day", "2028-02-29", "2028-02-29"),
        ("flag", "TRUE", "true"),
        ("flag", "no", "false"),
        ("choice", "a", "a"),
        ("choice", "A", "a"),
    ] {
        assert_eq!(one(key, said), Ok(Some(kept.to_owned())), "{key} {said}");
        assert_eq!(one(key, kept), Ok(Some(kept.to_owned())), "{key} {kept} again");
    }
    for key in ["name", "code", "amount", "day", "flag", "choice"] {
        assert_eq!(one(key, " \n "), Ok(None), "{key}");
    }
}

#[test]
fn what_is_no_value_is_refused() {
    let huge = "9".repeat(400);
    for (key, said) in [
        ("name", "a\0b"),
        ("name", "a\u{1f}b"),
        ("name", "123456789012345678901"),
        ("code", "de1"),
        ("code", "DE1x"),
        ("code", "xDE1"),
        ("amount", "1e3"),
        ("amount", "1,5"),
        ("amount", "NaN"),
        ("amount", "."),
        ("amount", "1."),
        ("amount", "--1"),
        ("amount", "0x10"),
        ("amount", "0.001"),
        ("amount", "-10.51"),
        ("amount", "1000.01"),
        ("amount", huge.as_str()),
        ("exact", "1000000000000000"),
        ("exact", "0.123456789"),
        ("exact", "0.0000000000000000000000000001"),
        ("day", "2027-02-29"),
        ("day", "2019-12-31"),
        ("day", "1.2.2026"),
        ("day", "20260-1-01"),
        ("day", "2026-1-001"),
        ("flag", "maybe"),
        ("choice", "c"),
    ] {
        assert!(one(key, said).is_err(), "{key} {said}");
    }
}

#[test]
fn a_record_names_all_its_faults() {
    let definition = definition();
    let reader = Reader::new(&definition);
    let said = [("amount", Some("x")), ("none", Some("1")), ("flag", Some("true")), ("flag", Some("true"))];
    let faults = reader.read(said).unwrap_err();
    let told: Vec<(&str, FaultCode)> = faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
    assert_eq!(
        told,
        [
            ("amount", FaultCode::Invalid),
            ("none", FaultCode::Unknown),
            ("flag", FaultCode::Twice),
            ("name", FaultCode::Required)
        ]
    );
    let before = reader.read([("name", Some("Anna")), ("flag", Some("true"))]).unwrap();
    let after = reader.change(&before, [("flag", None), ("amount", Some("3"))]).unwrap();
    assert_eq!(after, Values::from([("name".to_owned(), "Anna".to_owned()), ("amount".to_owned(), "3".to_owned())]));
    assert_eq!(reader.change(&before, [("name", Some(" "))]).unwrap_err()[0].code, FaultCode::Required);
}

#[test]
fn a_key_that_is_not_said_keeps_nobody_apart() {
    let names = |names: &[&str]| names.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    let definition = Definition { keys: vec![names(&["name"]), names(&["name", "day"])], ..definition() };
    let values = Values::from([("name".to_owned(), "Anna".to_owned())]);
    assert_eq!(keys(&definition, &values), [("name".to_owned(), "Anna".to_owned())]);
}

#[test]
fn a_pattern_takes_time_in_proportion_to_the_text() {
    let evil = Field { pattern: Some("(a+)+b".to_owned()), max_length: Some(2000), ..field("evil", Kind::Text) };
    let definition = Definition { fields: vec![evil], ..Definition::default() };
    assert_eq!(definition.check(), Ok(()));
    let begun = std::time::Instant::now();
    assert!(Reader::new(&definition).read([("evil", Some("a".repeat(2000).as_str()))]).is_err());
    assert!(begun.elapsed() < std::time::Duration::from_secs(2));
}

proptest! {
    #[test]
    fn what_was_taken_is_taken_again(texts in proptest::collection::vec("\\PC{0,20}|[0-9.+-]{1,12}|[0-9]{4}-[0-9]{2}-[0-9]{2}", 7)) {
        let definition = definition();
        let reader = Reader::new(&definition);
        for (field, text) in definition.fields.iter().zip(&texts) {
            if let Ok(Some(value)) = reader.value(field, text) {
                prop_assert_eq!(reader.value(field, &value), Ok(Some(value.clone())));
            }
        }
    }

    #[test]
    fn numbers_keep_their_value(whole in -999_999_999_999_999_i64..=999_999_999_999_999, decimals in 0_u32..=99_999_999) {
        let said = format!("{whole}.{decimals:08}");
        let kept = one("exact", &said).unwrap().unwrap();
        prop_assert_eq!(Decimal::from_str_exact(&kept).unwrap(), Decimal::from_str_exact(&said).unwrap());
        prop_assert!(!kept.contains('.') || !kept.ends_with('0'));
    }
}
