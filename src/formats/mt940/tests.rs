use super::*;

fn one(file: &str) -> BankStatement {
    let mut statements = parse(file.as_bytes()).unwrap();
    assert_eq!(statements.len(), 1);
    statements.remove(0)
}

fn first(file: &str) -> (u64, ProblemCode, String) {
    let problem = parse(file.as_bytes()).unwrap_err().into_iter().next().unwrap();
    (problem.line, problem.code, problem.message)
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// As a German bank writes it: subfields, lines cut where they are full.
const GERMAN: &str = ":20:STARTUMSE
:25:10020030/1234567
:28C:00005/001
:60F:C251231EUR2187,95
:61:2601021231DR800,NSTONONREF//55555
:86:008?00DAUERAUFTRAG?100599?20Miete Januar?3010020030?31234567?32MUELLER?34339
:61:2601020102CR3000,NTRFNONREF//55556
:86:166?00GUTSCHRIFT?100599?20EREF+INV-2026-7?21SVWZ+Rechnung 2026-
7 vom 02.?22Januar?30COBADEFFXXX?31DE89370400440532013000?32Erika Must
ermann GmbH?33 & Co. KG?34000
:61:2601030103RC100,5NRTINONREF
:61:2601050105EC9,NTRFNONREF
:86:166?20not booked yet
:62F:C260103EUR4287,45
:64:C260103EUR4287,45
-
";

#[test]
fn a_german_statement() {
    let statement = one(GERMAN);
    assert_eq!(statement.account, AccountId { iban: None, other: Some("1234567".into()) });
    assert_eq!((statement.statement_id.as_deref(), statement.currency.as_str()), (Some("00005/001"), "EUR"));
    assert_eq!((statement.opening, statement.closing), (amount("2187.95"), amount("4287.45")));
    assert_eq!((statement.opening_on, statement.closing_on), (Some(day("2025-12-31")), Some(day("2026-01-03"))));
    assert_eq!((statement.tie(), statement.pending), (Ok(()), 1));
    let [rent, paid, back] = statement.lines.as_slice() else { panic!("{:#?}", statement.lines) };
    // It counts from the new year on and was booked in the old one.
    assert_eq!((rent.booked_on, rent.value_on), (day("2025-12-31"), Some(day("2026-01-02"))));
    assert_eq!((rent.amount, rent.counterparty.as_deref()), (amount("-800"), Some("MUELLER")));
    assert_eq!((rent.reference.as_deref(), rent.counterparty_iban.as_deref()), (Some("Miete Januar"), Some("234567")));
    assert_eq!((rent.bank_reference.as_deref(), rent.kind.as_deref()), (Some("55555"), Some("NSTO/008")));
    assert_eq!(paid.reference.as_deref(), Some("Rechnung 2026-7 vom 02.Januar"));
    assert_eq!(paid.end_to_end_id.as_deref(), Some("INV-2026-7"));
    assert_eq!(paid.counterparty.as_deref(), Some("Erika Mustermann GmbH & Co. KG"));
    assert_eq!(paid.counterparty_iban.as_deref(), Some("DE89370400440532013000"));
    assert_eq!((back.amount, back.reversal), (amount("-100.50"), true));
    assert_eq!((back.counterparty.as_deref(), back.end_to_end_id.as_deref()), (None, None));
}

#[test]
fn code_words_and_accounts_in_front() {
    let file = "{1:F01INGBNL2ABXXX0000000000}{2:I940INGBNL2AXXXN}{4:\r\n:20:P1\r\n:25:NL20INGB0001234567EUR\r\n:28C:00000\r\n\
:60F:D260101EUR10,\r\n\
:61:2601020102C12,00NTRFEREF//00000000001005\r\n/TRCD/00108/\r\n\
:86:/EREF/E2E-9//CNTP/NL32INGB0000012345/INGBNL2A/ING BANK NV/AMSTERDAM///REMI/USTD//Invoice 9 / May//\r\n\
:61:2601020102D1,5NTRFNONREF\r\n\
:86:/TRTP/SEPA OVERBOEKING/IBAN/NL32INGB0000012345/BIC/INGBNL2A/NAME/Jan/REMI/Rent/EREF/NOTPROVIDED\r\n\
:61:2601020102C0,5NTRFNONREF\r\n\
:86:DE89370400440532013000 hr gj paulissen\r\n \r\nBetaling sieraden\r\n\
:61:2601020102C1,NMSCNONREF\r\n:86:plain words; and more\r\nof them\r\n\
:62F:C260102EUR2,00\r\n-}{5:}\r\n";
    let statement = one(file);
    assert_eq!(statement.account.iban.as_deref(), Some("NL20INGB0001234567"));
    assert_eq!((statement.opening, statement.tie()), (amount("-10"), Ok(())));
    let texts = |at: usize| {
        let line: &BankLine = &statement.lines[at];
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [text(&line.counterparty), text(&line.counterparty_iban), text(&line.reference), text(&line.end_to_end_id)]
    };
    assert_eq!(texts(0), ["ING BANK NV", "NL32INGB0000012345", "Invoice 9 / May", "E2E-9"]);
    assert_eq!(texts(1), ["Jan", "NL32INGB0000012345", "Rent", ""]);
    assert_eq!(texts(2), ["hr gj paulissen", "DE89370400440532013000", "Betaling sieraden", ""]);
    assert_eq!(texts(3), ["", "", "plain words; and more of them", ""]);
}

#[test]
fn pages_become_one_statement() {
    let page = |from: &str, to: &str, line: &str| format!(":20:X\n:25:7\n:28C:1/1\n{from}\n{line}\n{to}\n-\n");
    let (opens, closes) = (":60F:C260101EUR1,", ":62F:C260102EUR3,");
    let line = ":61:2601020102C1,NTRFNONREF";
    let turned = page(opens, ":62M:C260102EUR2,", line);
    let statement = one(&(turned.clone() + &page(":60M:C260102EUR2,", closes, line)));
    assert_eq!((statement.lines.len(), statement.tie()), (2, Ok(())));
    // Equal movements are told apart.
    assert_ne!(statement.lines[0].fingerprint(), statement.lines[1].fingerprint());
    assert_eq!(first(&(turned.clone() + &page(":60M:C260102EUR5,", closes, line))).1, ProblemCode::OutOfBalance);
    assert_eq!(first(&page(":60M:C260102EUR2,", closes, line)).1, ProblemCode::Format);
}

#[test]
fn what_is_none_says_why() {
    let statement = |line: &str| format!(":20:X\n:25:7\n:60F:C260101EUR1,00\n{line}\n:62F:C260102EUR1,00\n");
    for (line, code) in [
        (":61:260132C1,NTRF", ProblemCode::Date),
        (":61:2601029999C1,NTRF", ProblemCode::Date),
        (":61:260102X1,NTRF", ProblemCode::Format),
        (":61:260102C,NTRF", ProblemCode::Format),
        (":61:260102C1,NTR", ProblemCode::Format),
        (":61:260102C1,234567NTRF", ProblemCode::TooManyDecimals),
        (":61:260102C1234567890123456,NTRF", ProblemCode::OutOfRange),
    ] {
        let (at, found, message) = first(&statement(line));
        assert_eq!((at, found), (4, code), "{line}: {message}");
    }
    assert_eq!(first("").1, ProblemCode::Empty);
    assert_eq!(first("hello\n").1, ProblemCode::Format);
    assert_eq!(first(":25:7\n").1, ProblemCode::Format);
    assert_eq!(first(":20:X\n:25:7\n:60F:C260101EUR1,\n").1, ProblemCode::Required);
    assert_eq!(first(":20:X\n:60F:C260101EUR1,\n:62F:C260101EUR1,\n").1, ProblemCode::Required);
    assert_eq!(first(":20:X\n:25:7\n:60F:C260101EUR1,\n:62F:C260101USD1,\n").1, ProblemCode::Currency);
    assert_eq!(first(":20:X\n:25:7\n:60F:C260101EUR1.000,00\n:62F:C260101EUR1,\n").1, ProblemCode::Number);
    assert_eq!(first(&format!(":20:X\n:86:{}\n", "x".repeat(MAX_FIELD_CHARS + 1))).1, ProblemCode::FieldTooLong);
}

#[test]
fn letters_of_the_bank_are_read_in_both_encodings() {
    let file = statement_of("Müller");
    let latin: Vec<u8> = file.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    for bytes in [file.as_bytes(), &latin] {
        assert_eq!(parse(bytes).unwrap()[0].lines[0].reference.as_deref(), Some("Müller"));
    }
}

fn statement_of(text: &str) -> String {
    format!("\u{1}:20:X\n:25:7\n:60F:C260101EUR1,00\n:61:260102C1,NTRF\n:86:{text}\n:62F:C260102EUR2,00\n-\u{3}\n")
}

proptest::proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(file in "[:0-9A-Z,/?\n\r{}+ ümä.-]{0,400}") {
        let _ = parse(file.as_bytes());
        let _ = parse(statement_of(&file).as_bytes());
    }
}
