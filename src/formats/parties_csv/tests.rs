use super::*;

const HEADER: &str = "number,name,email,vat_number,country,street,postal_code,city,currency,payment_terms_days,iban";

fn read(lines: &str) -> Result<Vec<Party>, Problems> {
    parse(format!("{HEADER}\n{lines}").as_bytes(), &Dialect::default())
}

fn wrong(lines: &str) -> Vec<(u64, String, ProblemCode)> {
    read(lines).unwrap_err().into_iter().map(|p| (p.line, p.column.unwrap_or_default(), p.code)).collect()
}

#[test]
fn a_full_and_an_empty_one() {
    let parties = read(
        "10001,\"Möbel Krüger, Inh. A. Krüger\",rechnung@krueger.example,de 123456789,DE,Am Markt 5,01067,Dresden,EUR,14,DE89 3704 0044 0532 0130 00\n\
         10002,Bare,,,,,,,,,\n",
    )
    .unwrap();
    let full = &parties[0];
    assert_eq!(full.vat_number.as_deref(), Some("DE123456789"));
    assert_eq!(full.postal_code.as_deref(), Some("01067"));
    assert_eq!(full.iban.as_deref(), Some("DE89370400440532013000"));
    assert_eq!(full.payment_terms_days, Some(14));
    assert_eq!((parties[1].line, parties[1].email.clone()), (3, None));
}

#[test]
fn every_bad_field_is_named() {
    assert_eq!(
        wrong("1,A,a@b,X,Deutschland,=1,,,euro,366,DE88370400440532013000\n"),
        [
            (2, "email".into(), ProblemCode::Email),
            (2, "vat_number".into(), ProblemCode::VatNumber),
            (2, "country".into(), ProblemCode::Country),
            (2, "street".into(), ProblemCode::Formula),
            (2, "currency".into(), ProblemCode::Currency),
            (2, "payment_terms_days".into(), ProblemCode::OutOfRange),
            (2, "iban".into(), ProblemCode::Iban),
        ]
    );
}

#[test]
fn numbers_come_once() {
    assert_eq!(
        wrong("1,A,,,,,,,,,\n2,B,,,,,,,,,\n1,C,,,,,,,,,\n,D,,,,,,,,-1,\n"),
        [
            (4, "number".into(), ProblemCode::Duplicate),
            (5, "number".into(), ProblemCode::Required),
            (5, "payment_terms_days".into(), ProblemCode::OutOfRange),
        ]
    );
    assert_eq!(wrong(""), [(1, String::new(), ProblemCode::Empty)]);
}
