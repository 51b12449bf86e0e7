use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;

fn document(version: &str, statements: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"{NAMESPACE}{version}\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-01-31T20:00:00+01:00</CreDtTm></GrpHdr>\n{statements}</BkToCstmrStmt></Document>\n"
    )
}

fn balance(code: &str, amount: &str, direction: &str, day: &str) -> String {
    format!(
        "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"EUR\">{amount}</Amt>\
         <CdtDbtInd>{direction}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>\n"
    )
}

fn statement(id: &str, balances: &str, entries: &str) -> String {
    format!(
        "<Stmt><Id>{id}</Id><Acct><Id><IBAN>DE89 3704 0044 0532 0130 00</IBAN></Id><Ccy>EUR</Ccy></Acct>\n{balances}{entries}</Stmt>\n"
    )
}

/// A statement that opens with 100.00.
fn from_hundred(entries: &str, closing: &str) -> String {
    let balances = balance("OPBD", "100.00", "CRDT", "2026-01-01") + &balance("CLBD", closing, "CRDT", "2026-01-31");
    statement("S1", &balances, entries)
}

fn entry(amount: &str, direction: &str, status: &str, rest: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{status}\
         <BookgDt><Dt>2026-01-05</Dt></BookgDt>{rest}</Ntry>\n"
    )
}

fn read(version: &str, statements: &str) -> Result<Vec<BankStatement>, Problems> {
    parse(document(version, statements).as_bytes())
}

fn one(version: &str, statements: &str) -> BankStatement {
    let mut all = read(version, statements).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn wrong(statements: &str) -> Vec<(u64, String, ProblemCode)> {
    let problems = read("08", statements).unwrap_err();
    problems.into_iter().map(|p| (p.line, p.column.unwrap_or_default(), p.code)).collect()
}

fn codes(statements: &str) -> Vec<ProblemCode> {
    wrong(statements).into_iter().map(|(_, _, code)| code).collect()
}

const OLD: &str = "<Sts>BOOK</Sts>";
const NEW: &str = "<Sts><Cd>BOOK</Cd></Sts>";

#[test]
fn versions_name_the_same_things_differently() {
    let details = |party: &dyn Fn(&str) -> String| {
        format!(
            "<ValDt><Dt>2026-01-06</Dt></ValDt><AcctSvcrRef>B-1</AcctSvcrRef>\
             <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>\
             <NtryDtls><TxDtls><Refs><EndToEndId>E-1</EndToEndId></Refs><RltdPties>\
             <Dbtr>{}</Dbtr><DbtrAcct><Id><IBAN>FR14 2004</IBAN></Id></DbtrAcct><Cdtr>{}</Cdtr></RltdPties>\
             <RmtInf><Ustrd>RE 1\n  &amp; 2</Ustrd><Ustrd><![CDATA[<5>]]></Ustrd></RmtInf></TxDtls></NtryDtls>",
            party("M&#252;ller"),
            party("Us")
        )
    };
    let old = details(&|name| format!("<Nm>{name}</Nm>"));
    let new = details(&|name| format!("<Pty><Nm>{name}</Nm></Pty>"));
    let old = one("02", &from_hundred(&entry("20.50", "CRDT", OLD, &old), "120.50"));
    let new = one("08", &from_hundred(&entry("20.50", "CRDT", NEW, &new), "120.50"));
    assert_eq!(old, new);
    assert_eq!(old.tie(), Ok(()));
    assert_eq!(old.account.iban.as_deref(), Some("DE89370400440532013000"));
    let line = &old.lines[0];
    assert_eq!(line.amount, Decimal::new(205, 1));
    assert_eq!(line.counterparty.as_deref(), Some("Müller"));
    assert_eq!(line.counterparty_iban.as_deref(), Some("FR142004"));
    assert_eq!(line.reference.as_deref(), Some("RE 1 & 2 <5>"));
    assert_eq!((line.end_to_end_id.as_deref(), line.bank_reference.as_deref()), (Some("E-1"), Some("B-1")));
    assert_eq!(line.kind.as_deref(), Some("PMNT/RCDT/ESCT"));
    assert_eq!(line.value_on.map(|day| day.to_string()).as_deref(), Some("2026-01-06"));
    assert_eq!(line.line, 6);
}

#[test]
fn a_prefix_for_the_namespace() {
    let text = document("02", &from_hundred("", "100.00"))
        .replace("<Document xmlns=", "<Document xmlns:c=")
        .replace("</", "</c:")
        .replace('<', "<c:")
        .replace("<c:?", "<?")
        .replace("<c:/c:", "</c:");
    assert_eq!(parse(text.as_bytes()).unwrap().len(), 1, "{text}");
}

#[test]
fn directions() {
    let parties = "<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><Dbtr><Nm>D</Nm></Dbtr>\
        <Cdtr><Nm>C</Nm></Cdtr></RltdPties></TxDtls></NtryDtls>";
    let reversed = format!("<RvslInd>true</RvslInd>{NEW}");
    let entries = entry("1", "CRDT", NEW, parties)
        + &entry("2", "DBIT", NEW, parties)
        + &entry("3", "CRDT", &reversed, parties)
        + &entry("4", "DBIT", &reversed, parties);
    let statement = one("08", &from_hundred(&entries, "98"));
    assert_eq!(statement.tie(), Ok(()));
    let lines: Vec<(String, &str, bool)> = statement
        .lines
        .iter()
        .map(|line| (line.amount.to_string(), line.counterparty.as_deref().unwrap_or_default(), line.reversal))
        .collect();
    assert_eq!(
        lines,
        [("1".into(), "D", false), ("-2".into(), "C", false), ("3".into(), "C", true), ("-4".into(), "D", true)]
    );
    assert!(statement.lines.iter().all(|line| line.end_to_end_id.is_none()));
}

#[test]
fn entries_not_booked_are_counted() {
    let entries = entry("1", "CRDT", "<Sts><Cd>PDNG</Cd></Sts>", "")
        + &entry("2", "CRDT", "<Sts>PDNG</Sts>", "")
        + &entry("4", "CRDT", "<Sts><Cd>INFO</Cd></Sts>", "")
        + &entry("8", "DBIT", NEW, "");
    let statement = one("08", &from_hundred(&entries, "92"));
    assert_eq!((statement.lines.len(), statement.pending, statement.information), (1, 2, 1));
    assert_eq!(statement.tie(), Ok(()));
}

#[test]
fn balances() {
    let read = |balances: &str| read("08", &statement("S", balances, "")).map(|all| (all[0].opening, all[0].closing));
    let overdrawn = balance("PRCD", "5.00", "DBIT", "2025-12-31") + &balance("CLBD", "5.00", "DBIT", "2026-01-31");
    assert_eq!(read(&overdrawn), Ok((Decimal::from(-5), Decimal::from(-5))));
    let both = balance("PRCD", "1", "CRDT", "2025-12-31")
        + &balance("OPBD", "2", "CRDT", "2026-01-01")
        + &balance("CLBD", "3", "CRDT", "2026-01-31");
    assert_eq!(read(&both), Ok((Decimal::from(2), Decimal::from(3))));
    let interim = balance("ITBD", "1", "CRDT", "2026-01-02");
    assert_eq!(
        read(&(interim.clone() + &balance("CLBD", "3", "CRDT", "2026-01-31"))),
        Ok((Decimal::ONE, Decimal::from(3)))
    );
    assert_eq!(read(&(balance("OPBD", "3", "CRDT", "2026-01-01") + &interim)), Ok((Decimal::from(3), Decimal::ONE)));
    assert!(read(&interim).is_err());
    assert!(read(&balance("OPBD", "1", "CRDT", "2026-01-01")).is_err());
    let two = balance("OPBD", "1", "CRDT", "2026-01-01") + &balance("OPBD", "2", "CRDT", "2026-01-01");
    assert!(read(&(two + &balance("CLBD", "1", "CRDT", "2026-01-01"))).is_err());
}

fn transaction(amount: &str, reference: &str) -> String {
    format!(
        "<TxDtls>{amount}<RltdPties><Cdtr><Nm>C</Nm></Cdtr></RltdPties><RmtInf><Ustrd>{reference}</Ustrd></RmtInf></TxDtls>"
    )
}

#[test]
fn a_bundle_is_split_when_it_adds_up() {
    let new = |size: &str| format!("<Amt Ccy=\"EUR\">{size}</Amt><CdtDbtInd>DBIT</CdtDbtInd>");
    let old = |size: &str| format!("<AmtDtls><TxAmt><Amt Ccy=\"EUR\">{size}</Amt></TxAmt></AmtDtls>");
    for size in [&new as &dyn Fn(&str) -> String, &old] {
        let details = format!(
            "<AcctSvcrRef>B</AcctSvcrRef><NtryDtls>{}{}</NtryDtls>",
            transaction(&size("1.50"), "a"),
            transaction(&size("2.50"), "b")
        );
        let statement = one("08", &from_hundred(&entry("4.00", "DBIT", NEW, &details), "96.00"));
        let lines: Vec<(String, Option<&str>)> =
            statement.lines.iter().map(|line| (line.amount.to_string(), line.reference.as_deref())).collect();
        assert_eq!(lines, [("-1.5".into(), Some("a")), ("-2.5".into(), Some("b"))]);
        assert_eq!(statement.tie(), Ok(()));
        assert!(statement.lines.iter().all(|line| line.bank_reference.as_deref() == Some("B")));
    }
}

#[test]
fn a_bundle_that_does_not_add_up_stays_whole() {
    for second in ["<Amt Ccy=\"EUR\">2.49</Amt>", "<Amt Ccy=\"USD\">2.50</Amt>", ""] {
        let first = transaction("<Amt Ccy=\"EUR\">1.50</Amt>", "a");
        let details = format!("<NtryDtls>{first}{}</NtryDtls>", transaction(second, "b"));
        let statement = one("08", &from_hundred(&entry("4.00", "DBIT", NEW, &details), "96.00"));
        assert_eq!(statement.lines.len(), 1);
        let line = &statement.lines[0];
        assert_eq!((line.counterparty.as_deref(), line.reference.as_deref()), (Some("C"), Some("a; b")));
        assert_eq!(statement.tie(), Ok(()));
    }
    // one transaction only: its amount may be in the currency of the order
    let details = format!("<NtryDtls>{}</NtryDtls>", transaction("<Amt Ccy=\"SEK\">0</Amt>", "a"));
    assert_eq!(
        one("08", &from_hundred(&entry("4.00", "DBIT", NEW, &details), "96.00")).lines[0].amount,
        Decimal::from(-4)
    );
}

#[test]
fn several_statements_and_equal_lines() {
    let coffee = entry("2", "DBIT", NEW, "<AddtlNtryInf>Coffee</AddtlNtryInf>");
    let ends =
        |from: &str, to: &str| balance("OPBD", from, "CRDT", "2026-01-01") + &balance("CLBD", to, "CRDT", "2026-01-31");
    let text =
        statement("S1", &ends("10", "6"), &(coffee.clone() + &coffee)) + &statement("S2", &ends("6", "4"), &coffee);
    let all = read("08", &text).unwrap();
    assert!(all.iter().all(|statement| statement.tie().is_ok()));
    let occurrences: Vec<u32> = all.iter().flat_map(|statement| &statement.lines).map(|line| line.occurrence).collect();
    assert_eq!(occurrences, [1, 2, 3]);
    assert_eq!(all[0].lines[0].reference.as_deref(), Some("Coffee"));
    let twice = statement("S1", &ends("10", "8"), &coffee) + &statement("S1", &ends("10", "8"), &coffee);
    assert_eq!(codes(&twice), [ProblemCode::Duplicate]);
    let pages = twice.replacen("</Id><Acct>", "</Id><StmtPgntn><PgNb>2</PgNb></StmtPgntn><Acct>", 1);
    assert_eq!(read("08", &pages).unwrap().len(), 2);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let entries = entry("1.00001", "CRDT", NEW, "")
        + &entry("1e30", "CRDT", NEW, "")
        + &entry("-1", "CRDT", NEW, "")
        + &entry("1", "IN", NEW, "")
        + &entry("1", "CRDT", "<Sts>DONE</Sts>", "")
        + &entry("1", "CRDT", "", "")
        + &entry("1", "CRDT", NEW, "<ValDt><Dt>2026-02-30</Dt></ValDt>")
        + &entry("1", "CRDT", NEW, "").replace("EUR", "USD")
        + &entry("1", "CRDT", NEW, "").replace(" Ccy=\"EUR\"", "")
        + &entry("1", "CRDT", NEW, "").replace("2026-01-05", " ");
    let found = wrong(&from_hundred(&entries, "100"));
    let named: Vec<(u64, ProblemCode)> = found.iter().map(|(line, _, code)| (*line, *code)).collect();
    for expected in [
        (6, ProblemCode::TooManyDecimals),
        (7, ProblemCode::Number),
        (8, ProblemCode::Number),
        (9, ProblemCode::UnknownWord),
        (10, ProblemCode::UnknownWord),
        (11, ProblemCode::Required),
        (12, ProblemCode::Date),
        (13, ProblemCode::Currency),
        (14, ProblemCode::Currency),
        (15, ProblemCode::Required),
    ] {
        assert!(named.contains(&expected), "{expected:?} in {named:?}");
    }
    assert_eq!(
        codes(&from_hundred("", "100").replace("<IBAN>DE89 3704 0044 0532 0130 00</IBAN>", "")),
        [ProblemCode::Required]
    );
    assert_eq!(codes(&from_hundred("", "100").replacen("Ccy=\"EUR\"", "Ccy=\"SEK\"", 1)), [ProblemCode::Currency]);
    assert_eq!(codes(""), [ProblemCode::Required]);
}

#[test]
fn other_files() {
    let refused = |text: &str| parse(text.as_bytes()).unwrap_err().into_iter().next().unwrap();
    let notice = document("02", "").replace("camt.053.001.02", "camt.054.001.04");
    assert_eq!(refused(&notice).code, ProblemCode::Format);
    assert!(refused(&notice).message.contains("camt.054.001.04"));
    assert_eq!(refused("<html></html>").code, ProblemCode::Format);
    assert_eq!(refused("<Document/>").code, ProblemCode::Format);
    assert_eq!(refused(":20:STARTUMS\n:25:x").code, ProblemCode::Xml);
    assert_eq!(refused("").code, ProblemCode::Empty);
    assert_eq!(refused(&format!("{}<a/>", document("08", &from_hundred("", "100")))).code, ProblemCode::Xml);
}

#[test]
fn encodings() {
    let text = document("08", &from_hundred(&entry("1", "CRDT", NEW, "<AddtlNtryInf>Gebühr</AddtlNtryInf>"), "101"));
    let latin = |label: &str| encoding_rs::WINDOWS_1252.encode(&text.replace("UTF-8", label)).0.into_owned();
    assert_eq!(parse(&latin("ISO-8859-1")).unwrap()[0].lines[0].reference.as_deref(), Some("Gebühr"));
    let problem =
        |bytes: &[u8]| parse(bytes).unwrap_err().into_iter().next().map(|problem| (problem.line, problem.code));
    assert_eq!(problem(&latin("UTF-8")), Some((6, ProblemCode::Encoding)));
    assert_eq!(problem(&latin("KOI8-R")), Some((1, ProblemCode::Encoding)));
    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(parse(&utf16).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn a_damaged_file_is_survived(cut in 0_usize..2000, at in 0_usize..2000, piece in "(</?(Ntry|Stmt|Bal|Pty|Amt)>|[<>&;\"'a-c0-9]){0,6}") {
        let details = format!("<NtryDtls>{}</NtryDtls>", transaction("<Amt Ccy=\"EUR\">1</Amt>", "a &amp; b"));
        let mut text = document("08", &from_hundred(&entry("1", "CRDT", NEW, &details), "101"));
        let at = at % text.len();
        text.insert_str(at, &piece);
        let _ = parse(text.as_bytes());
        // without its last line feed alone a document is still whole
        text.truncate(cut % text.trim_end().len());
        prop_assert!(parse(text.as_bytes()).is_err());
    }
}
