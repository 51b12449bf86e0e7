use super::*;
use crate::number::DecimalMark;

fn read(text: &str) -> Result<OpeningBalances, Problems> {
    parse(text.as_bytes(), &Dialect::default())
}

fn wrong(text: &str) -> Vec<(u64, String, ProblemCode)> {
    read(text).unwrap_err().into_iter().map(|p| (p.line, p.column.unwrap_or_default(), p.code)).collect()
}

#[test]
fn balances_and_open_items() {
    let opening = read(
        "account,debit,credit,currency,description,party,document,due_date\n\
         1800,100.10,,EUR,Bank,,,\n\
         1200,50,0.00,,,C-1,INV-7,2026-01-15\n\
         0870,,150.10,EUR,,,,\n",
    )
    .unwrap();
    assert_eq!((opening.total, opening.currency.as_deref()), (Decimal::new(15_010, 2), Some("EUR")));
    let item = &opening.lines[1];
    assert_eq!((item.party.as_deref(), item.document.as_deref()), (Some("C-1"), Some("INV-7")));
    assert_eq!(item.due_date, NaiveDate::from_ymd_opt(2026, 1, 15));
}

#[test]
fn one_cent_is_a_difference() {
    let problems = read("account,debit,credit\n1,100.01,\n2,,100\n").unwrap_err();
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.code, ProblemCode::OutOfBalance);
    assert_eq!(problem.message, "debits 100.01 and credits 100.00 differ by 0.01");
}

#[test]
fn one_side_and_positive() {
    assert_eq!(
        wrong("account,debit,credit\n1,1,1\n2,,\n3,0,0\n4,-5,\n5,,-5\n"),
        [
            (2, "debit".into(), ProblemCode::OneSide),
            (3, "debit".into(), ProblemCode::OneSide),
            (4, "debit".into(), ProblemCode::OneSide),
            (5, "debit".into(), ProblemCode::OneSide),
            (6, "credit".into(), ProblemCode::OneSide),
        ]
    );
}

#[test]
fn impossible_amounts() {
    assert_eq!(
        wrong("account,debit,credit\n1,NaN,\n2,1e30,\n3,0.1000000000000000000000000000001,\n4,1000000000000000,\n"),
        [
            (2, "debit".into(), ProblemCode::Number),
            (3, "debit".into(), ProblemCode::Number),
            (4, "debit".into(), ProblemCode::TooManyDecimals),
            (5, "debit".into(), ProblemCode::OutOfRange),
        ]
    );
}

#[test]
fn other_things_that_do_not_fit() {
    assert_eq!(
        wrong("account,debit,credit,currency,document\n1,1,,EUR,\n2,,1,USD,\n3,,1,,X-1\n"),
        [(3, "currency".into(), ProblemCode::Currency), (4, "party".into(), ProblemCode::Required)]
    );
    assert_eq!(wrong("account,debit,credit\n"), [(1, String::new(), ProblemCode::Empty)]);
}

#[test]
fn continental_numbers() {
    let dialect = Dialect { decimal_mark: DecimalMark::Comma, ..Dialect::default() };
    let opening = parse(b"account;debit;credit\n1;1.234,50;\n2;;1.234,50\n", &dialect).unwrap();
    assert_eq!(opening.total, Decimal::new(12_345, 1));
}
