//! Files that are broken, hostile or simply wrong, and what each is refused for: one table to look things up in.

use std::time::{Duration, Instant};

use crate::bank_csv::{self, AmountColumns, ColumnMapping, StatementFacts};
use crate::limits::{MAX_BYTES, MAX_ROWS};
use crate::problem::{ProblemCode, Problems};
use crate::{AccountId, Dialect, camt053, chart_csv, opening_csv, parties_csv};

const CAMT: &str = "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\n";

fn opening(lines: &str) -> Result<(), Problems> {
    opening_csv::parse(format!("account,debit,credit,description\n{lines}").as_bytes(), &Dialect::default()).map(|_| ())
}

fn bank(lines: &str) -> Result<(), Problems> {
    let mapping = ColumnMapping {
        reference: Some("text".into()),
        ..ColumnMapping::new("day", AmountColumns::Signed("amount".into()))
    };
    let facts =
        StatementFacts { account: AccountId::default(), currency: "EUR".into(), opening: 0.into(), closing: 0.into() };
    bank_csv::parse(format!("day,amount,text\n{lines}").as_bytes(), &mapping, facts).map(|_| ())
}

fn camt(text: &str) -> Result<(), Problems> {
    camt053::parse(text.as_bytes()).map(|_| ())
}

/// What the first problem says: its line, and of which kind it is.
fn first(result: Result<(), Problems>) -> (u64, ProblemCode) {
    let problem = result.unwrap_err().into_iter().next().unwrap();
    (problem.line, problem.code)
}

#[test]
fn numbers_that_are_none() {
    for (number, code) in [
        ("NaN", ProblemCode::Number),
        ("Infinity", ProblemCode::Number),
        ("1e30", ProblemCode::Number),
        ("0x10", ProblemCode::Number),
        ("0.1000000000000000000000000000001", ProblemCode::TooManyDecimals),
        ("1000000000000000.00", ProblemCode::OutOfRange),
        ("\"1,234\"", ProblemCode::AmbiguousNumber),
        ("=1+1", ProblemCode::Formula),
    ] {
        assert_eq!(first(opening(&format!("1,5,,ok\n2,{number},,\n"))), (3, code), "{number}");
        assert_eq!(first(bank(&format!("2026-01-01,1,ok\n2026-01-01,{number},\n"))), (3, code), "{number}");
    }
}

#[test]
fn one_cent() {
    assert_eq!(first(opening("1,100.01,,\n2,,100.00,\n")), (3, ProblemCode::OutOfBalance));
}

#[test]
fn formulas() {
    for text in
        ["=HYPERLINK(\"\"https://x.example\"\")", "@SUM(A1:A9)", "+cmd|' /C calc'!A0", "-cmd|' /C calc'!A0", "\t=1"]
    {
        assert_eq!(first(opening(&format!("1,5,,\"{text}\"\n"))), (2, ProblemCode::Formula), "{text}");
        assert_eq!(first(bank(&format!("2026-01-01,1,\"{text}\"\n"))), (2, ProblemCode::Formula), "{text}");
    }
    bank("2026-01-01,-1.00,+49 30 1234\n").unwrap();
}

#[test]
fn wrong_encodings() {
    let csv = |bytes: &[u8]| first(parties_csv::parse(bytes, &Dialect::default()).map(|_| ()));
    assert_eq!(csv(b"number,name\n1,ok\n2,M\xFCller\n"), (3, ProblemCode::Encoding));
    assert_eq!(csv(b"n\0u\0m\0b\0e\0r\0"), (1, ProblemCode::ControlCharacter));
    assert_eq!(csv(b"PK\x03\x04\x14\x00\x06\x00"), (1, ProblemCode::ControlCharacter));
    assert_eq!(csv(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), (1, ProblemCode::Encoding));
    assert_eq!(csv(&[]), (1, ProblemCode::Empty));
}

#[test]
fn xml_that_is_cut_off() {
    assert_eq!(first(camt(&format!("{CAMT}<Stmt>\n<Id>1</Id>\n"))), (4, ProblemCode::Xml));
    assert_eq!(first(camt(&format!("{CAMT}<Stmt>\n<Id"))), (3, ProblemCode::Xml));
    assert_eq!(first(camt(&format!("{CAMT}<Stmt></Stmt>\n</Wrong>"))), (3, ProblemCode::Xml));
    assert_eq!(first(camt(&format!("{CAMT}&"))).1, ProblemCode::Xml);
}

#[test]
fn entities() {
    let laughs =
        "<?xml version=\"1.0\"?>\n<!DOCTYPE lolz [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]>\n<Document>&b;</Document>";
    assert_eq!(first(camt(laughs)), (2, ProblemCode::Doctype));
    let outside = "<!DOCTYPE d SYSTEM \"file:///etc/passwd\"><Document/>";
    assert_eq!(first(camt(outside)), (1, ProblemCode::Doctype));
    assert_eq!(first(camt(&format!("{CAMT}<Stmt><Id>&secret;</Id></Stmt>"))), (2, ProblemCode::Doctype));
    assert_eq!(first(camt(&format!("{CAMT}<Stmt><Id>&#0;</Id></Stmt>"))), (2, ProblemCode::ControlCharacter));
    assert_eq!(first(camt(&format!("{CAMT}<Stmt><Id>&#x1f;</Id></Stmt>"))), (2, ProblemCode::ControlCharacter));
}

#[test]
fn too_much_of_it_in_bounded_time() {
    let started = Instant::now();
    assert_eq!(first(camt(&format!("{CAMT}{}", "<a>".repeat(1_000_000)))), (2, ProblemCode::TooLarge));
    assert_eq!(first(camt(&format!("{CAMT}<Stmt a=\"{}\">", "x".repeat(1_000_000)))), (2, ProblemCode::TooLarge));
    assert_eq!(first(camt(&format!("{CAMT}<Stmt><Id>{}</Id>", "x".repeat(1_000_000)))), (2, ProblemCode::FieldTooLong));
    let entries = "<Ntry></Ntry>".repeat(MAX_ROWS + 1);
    assert_eq!(first(camt(&format!("{CAMT}<Stmt>{entries}</Stmt>"))), (2, ProblemCode::TooLarge));
    let attributes: String = (0..200_000).map(|number| format!(" a{number}=''")).collect();
    assert_eq!(first(camt(&format!("{CAMT}<Stmt{attributes}>"))), (2, ProblemCode::TooLarge));

    let chart = |text: &str| first(chart_csv::parse(text.as_bytes(), &Dialect::default()).map(|_| ()));
    assert_eq!(chart(&",".repeat(1_000_000)), (1, ProblemCode::TooLarge));
    assert_eq!(chart(&format!("code,name,type\n1,{},asset\n", "x".repeat(1_000_000))), (2, ProblemCode::FieldTooLong));
    assert_eq!(chart(&"x".repeat(MAX_BYTES + 1)), (1, ProblemCode::TooLarge));
    assert_eq!(
        chart(&format!("code,name,type\n{}", "1,A,asset\n".repeat(MAX_ROWS + 1))),
        (200_002, ProblemCode::TooLarge)
    );
    let unclosed = format!("code,name,type\n{}1,\"A,asset\n", "\"1\",A,asset\n".repeat(1_000));
    assert_eq!(chart(&unclosed), (1_002, ProblemCode::Quote));

    let many =
        chart_csv::parse(format!("code,name,type\n{}", ",,\"x\"\n".repeat(150_000)).as_bytes(), &Dialect::default());
    assert_eq!(many.unwrap_err().more(), 450_000 - 1_000);
    // generous: an unoptimised build on a busy machine; a quadratic step would take minutes
    assert!(started.elapsed() < Duration::from_secs(60));
}
