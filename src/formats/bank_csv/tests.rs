use super::*;
use crate::date::DateFormat;
use crate::text::Encoding;

fn german() -> ColumnMapping {
    let some = |name: &str| Some(name.to_owned());
    ColumnMapping {
        value_on: some("Valuta"),
        currency: some("Währung"),
        counterparty: some("Name"),
        counterparty_iban: some("IBAN"),
        reference: some("Verwendungszweck"),
        balance: some("Saldo"),
        dialect: Dialect {
            encoding: Encoding::Windows1252,
            date_format: DateFormat::DayMonthYearPoints,
            skip_lines: 2,
            ..Dialect::default()
        },
        ..ColumnMapping::new("Buchungstag", AmountColumns::Signed("Betrag".into()))
    }
}

const GERMAN: &str = "Konto;DE89370400440532013000\r\n\r\n\
    Buchungstag;Valuta;Name;IBAN;Verwendungszweck;Betrag;Währung;Saldo;Info\r\n\
    05.01.2026;06.01.2026;Bäckerei;fr14 2004 1010 0505 0001 3M02 606;\"RE 5;\r\nTeil 1\";1.234,50;EUR;1.334,50;=x\r\n\
    07.01.2026;;;;Gebühr;-4,50;EUR;1.330,00;\r\n\
    07.01.2026;;;;Gebühr;-4,50;EUR;1.325,50;\r\n";

fn facts(opening: &str, closing: &str) -> StatementFacts {
    StatementFacts {
        account: AccountId { iban: Some("DE89370400440532013000".into()), other: None },
        currency: "EUR".into(),
        opening: opening.parse().unwrap(),
        closing: closing.parse().unwrap(),
    }
}

fn windows(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

fn wrong(text: &str, mapping: &ColumnMapping) -> Vec<(u64, String, ProblemCode)> {
    let problems = parse(text.as_bytes(), mapping, facts("0", "0")).unwrap_err();
    problems.into_iter().map(|p| (p.line, p.column.unwrap_or_default(), p.code)).collect()
}

#[test]
fn a_german_export() {
    let statement = parse(&windows(GERMAN), &german(), facts("100", "1325.50")).unwrap();
    assert_eq!(statement.tie(), Ok(()));
    let first = &statement.lines[0];
    assert_eq!((first.line, first.amount), (4, Decimal::new(12_345, 1)));
    assert_eq!(first.counterparty.as_deref(), Some("Bäckerei"));
    assert_eq!(first.counterparty_iban.as_deref(), Some("FR1420041010050500013M02606"));
    assert_eq!(first.reference.as_deref(), Some("RE 5; Teil 1"));
    assert_eq!(statement.lines[1].line, 6);
    assert_ne!(statement.lines[1].fingerprint(), statement.lines[2].fingerprint());
    assert_eq!(statement.from.map(|day| day.to_string()).as_deref(), Some("2026-01-05"));
    let again = parse(&windows(GERMAN), &german(), facts("0", "0")).unwrap();
    assert_eq!(again.lines, statement.lines);
    assert!(again.tie().is_err());
}

#[test]
fn a_changed_line_breaks_the_balances() {
    let changed = windows(&GERMAN.replacen("-4,50", "-4,51", 1));
    let problems = parse(&changed, &german(), facts("100", "1325.50")).unwrap_err();
    let found: Vec<_> = problems.into_iter().map(|problem| (problem.line, problem.code)).collect();
    assert_eq!(found, [(6, ProblemCode::OutOfBalance)]);
    // newest first is as good
    let mut lines: Vec<&str> = "a;amount;saldo\n2026-01-01;5;5\n2026-01-02;6;11\n2026-01-03;-1;10".lines().collect();
    lines[1..].reverse();
    let mapping = ColumnMapping {
        balance: Some("saldo".into()),
        ..ColumnMapping::new("a", AmountColumns::Signed("amount".into()))
    };
    assert_eq!(parse(lines.join("\n").as_bytes(), &mapping, facts("0", "10")).unwrap().tie(), Ok(()));
}

#[test]
fn wrong_encoding_is_seen() {
    let mut mapping = german();
    mapping.dialect.encoding = Encoding::Unicode;
    let problems = parse(&windows(GERMAN), &mapping, facts("0", "0")).unwrap_err();
    assert_eq!(problems.iter().next().map(|problem| (problem.line, problem.code)), Some((3, ProblemCode::Encoding)));
}

#[test]
fn two_columns_for_the_amount() {
    let mapping = ColumnMapping {
        dialect: Dialect { date_format: DateFormat::MonthDayYearSlashes, ..Dialect::default() },
        reference: Some("Description".into()),
        counterparty: Some("Description".into()),
        ..ColumnMapping::new("Date", AmountColumns::Sides { debit: "Withdrawals".into(), credit: "Deposits".into() })
    };
    let text =
        "Date,Description,Withdrawals,Deposits\n1/5/2026,A,\"1,000.50\",\n01/06/2026,B,,2.00\n1/7/2026,C,-3.00,0.00\n";
    let statement = parse(text.as_bytes(), &mapping, facts("1001.50", "0")).unwrap();
    let amounts: Vec<String> = statement.lines.iter().map(|line| line.amount.to_string()).collect();
    assert_eq!(amounts, ["-1000.5", "2", "-3"]);
    assert_eq!(statement.tie(), Ok(()));
    assert_eq!(statement.lines[1].counterparty, statement.lines[1].reference);
    assert_eq!(
        wrong(
            "Date,Description,Withdrawals,Deposits\n1/5/2026,A,1,1\n1/5/2026,A,,\n1/5/2026,A,,-1\n31/5/2026,A,1,\n,A,1,\n",
            &mapping
        ),
        [
            (2, "Withdrawals".into(), ProblemCode::OneSide),
            (3, "Withdrawals".into(), ProblemCode::OneSide),
            (4, "Deposits".into(), ProblemCode::OneSide),
            (5, "Date".into(), ProblemCode::Date),
            (6, "Date".into(), ProblemCode::Required),
        ]
    );
}

#[test]
fn what_the_mapping_says_must_be_there() {
    let mapping = ColumnMapping {
        currency: Some("ccy".into()),
        reference: Some("text".into()),
        ..ColumnMapping::new("day", AmountColumns::Signed("sum".into()))
    };
    assert_eq!(
        wrong("day,amount\n", &mapping),
        [
            (1, "sum".into(), ProblemCode::MissingColumn),
            (1, "ccy".into(), ProblemCode::MissingColumn),
            (1, "text".into(), ProblemCode::MissingColumn),
        ]
    );
    let text = "day,sum,ccy,text\n2026-01-01,1,USD,a\n2026-01-01,,EUR,=A1\n";
    assert_eq!(
        wrong(text, &mapping),
        [
            (2, "ccy".into(), ProblemCode::Currency),
            (3, "sum".into(), ProblemCode::Required),
            (3, "text".into(), ProblemCode::Formula),
        ]
    );
    let nameless = ColumnMapping { reference: Some(" ".into()), ..mapping };
    assert_eq!(wrong(text, &nameless), [(1, String::new(), ProblemCode::MissingColumn)]);
}

#[test]
fn formula_text_can_be_accepted() {
    let mapping = ColumnMapping {
        reference: Some("text".into()),
        accept_formula_text: true,
        ..ColumnMapping::new("day", AmountColumns::Signed("sum".into()))
    };
    let statement = parse(b"day,sum,text\n2026-01-01,1,=A1\n", &mapping, facts("0", "1")).unwrap();
    assert_eq!(statement.lines[0].reference.as_deref(), Some("=A1"));
}
