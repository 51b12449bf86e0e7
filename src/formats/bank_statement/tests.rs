use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, day).unwrap()
}

fn line(on: u32, cents: i64) -> BankLine {
    BankLine {
        line: 1,
        booked_on: day(on),
        value_on: None,
        amount: Decimal::new(cents, 2),
        currency: "EUR".into(),
        counterparty: None,
        counterparty_iban: None,
        reference: Some("Coffee".into()),
        end_to_end_id: None,
        bank_reference: None,
        kind: None,
        reversal: false,
        occurrence: 1,
    }
}

fn statement(opening: i64, lines: Vec<BankLine>, closing: i64) -> BankStatement {
    let mut statement = [BankStatement {
        account: AccountId::default(),
        currency: "EUR".into(),
        statement_id: None,
        from: None,
        to: None,
        opening: Decimal::new(opening, 2),
        opening_on: None,
        closing: Decimal::new(closing, 2),
        closing_on: None,
        lines,
        pending: 0,
        information: 0,
    }];
    count_occurrences(&mut statement);
    let [statement] = statement;
    statement
}

fn fingerprints(statement: &BankStatement) -> Vec<String> {
    statement.lines.iter().map(BankLine::fingerprint).collect()
}

#[test]
fn one_cent_does_not_tie() {
    assert_eq!(statement(1_000, vec![line(1, -250), line(2, 50)], 800).tie(), Ok(()));
    let difference = statement(1_000, vec![line(1, -250), line(2, 50)], 801).tie().unwrap_err();
    assert_eq!(difference.difference, Decimal::new(-1, 2));
    assert_eq!(
        difference.to_string(),
        "opening balance 10.00 and entries -2.00 do not give the closing balance 8.01; the difference is -0.01"
    );
}

#[test]
fn sums_beyond_all_numbers_do_not_tie() {
    let mut huge = statement(0, vec![line(1, 1), line(1, 1)], 0);
    for line in &mut huge.lines {
        line.amount = Decimal::MAX;
    }
    assert_eq!(huge.tie().unwrap_err().difference, Decimal::MAX);
}

#[test]
fn equal_lines_are_told_apart() {
    let both = fingerprints(&statement(0, vec![line(1, -250), line(1, -250)], 0));
    assert_ne!(both[0], both[1]);
    assert_eq!(both, fingerprints(&statement(0, vec![line(1, -250), line(1, -250)], 0)));
}

#[test]
fn the_way_an_amount_is_written_does_not_matter() {
    let mut long = line(1, 0);
    long.amount = Decimal::new(25_000, 4);
    assert_eq!(long.fingerprint(), line(1, 250).fingerprint());
}

#[test]
fn what_makes_a_line_another_line() {
    let base = line(1, 250);
    let others = [
        BankLine { value_on: Some(day(2)), ..base.clone() },
        BankLine { currency: "USD".into(), ..base.clone() },
        BankLine { reversal: true, ..base.clone() },
        BankLine { reference: None, counterparty: Some("Coffee".into()), ..base.clone() },
        BankLine { bank_reference: Some("7".into()), ..base.clone() },
        BankLine { end_to_end_id: Some("7".into()), ..base.clone() },
        BankLine { kind: Some("7".into()), ..base.clone() },
        base.clone(),
    ];
    let distinct: HashSet<String> = others.iter().map(BankLine::fingerprint).collect();
    assert_eq!(distinct.len(), others.len());
    assert_eq!(BankLine { line: 99, ..base.clone() }.fingerprint(), base.fingerprint());
}

proptest! {
    #[test]
    fn files_that_overlap_by_days_add_nothing(days in prop::collection::vec((1_u32..10, -3_i64..3), 1..40), cut in 1_u32..10) {
        let mut days = days;
        days.sort_by_key(|(day, _)| *day);
        let all: Vec<BankLine> = days.iter().map(|(day, cents)| line(*day, *cents)).collect();
        let early = all.iter().filter(|line| line.booked_on <= day(cut)).cloned().collect();
        let late = all.iter().filter(|line| line.booked_on >= day(cut)).cloned().collect();
        let whole: HashSet<String> = fingerprints(&statement(0, all.clone(), 0)).into_iter().collect();
        let parts: HashSet<String> =
            [fingerprints(&statement(0, early, 0)), fingerprints(&statement(0, late, 0))].concat().into_iter().collect();
        prop_assert_eq!(whole.len(), all.len());
        prop_assert_eq!(parts, whole);
    }
}
