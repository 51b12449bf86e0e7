use super::*;

fn one(file: &str, opening: Option<&str>) -> BankStatement {
    let mut statements = parse(file.as_bytes(), opening.map(amount)).unwrap();
    assert_eq!(statements.len(), 1);
    statements.remove(0)
}

fn amount(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Version 1, as banks in North America write it: values end where the next tag begins.
const SGML: &str = "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\n\n\
<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260201<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>\n\
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0</STATUS><STMTRS><CURDEF>USD\n\
<BANKACCTFROM><BANKID>121000248<ACCTID>12345 678<ACCTTYPE>CHECKING</BANKACCTFROM>\n\
<BANKTRANLIST><DTSTART>20260101<DTEND>20260131\n\
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260105120000.000[-5:EST]<TRNAMT>-80.00<FITID>T1<NAME>Rent &amp; Co<MEMO>January</STMTTRN>\n\
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260107<DTAVAIL>20260108<TRNAMT>+100,5<FITID>T2<CHECKNUM>77<NAME>Caf\u{e9}\n\
<BANKACCTTO><BANKID>1<ACCTID>999<ACCTTYPE>CHECKING</BANKACCTTO></STMTTRN>\n\
</BANKTRANLIST><LEDGERBAL><BALAMT>520.50<DTASOF>20260131</LEDGERBAL><AVAILBAL><BALAMT>1.00<DTASOF>20260131</AVAILBAL>\n\
</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n";

#[test]
fn version_1_with_values_that_are_not_closed() {
    let latin: Vec<u8> = SGML.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let statement = parse(&latin, None).unwrap().remove(0);
    assert_eq!(statement.account, AccountId { iban: None, other: Some("12345678".into()) });
    assert_eq!((statement.currency.as_str(), statement.closing), ("USD", amount("520.50")));
    // What it was before is what it is less what has moved; the available balance is another one.
    assert_eq!((statement.opening, statement.tie()), (amount("500.00"), Ok(())));
    assert_eq!((statement.from, statement.to), (Some(day("2026-01-01")), Some(day("2026-01-31"))));
    let [rent, paid] = statement.lines.as_slice() else { panic!("{:#?}", statement.lines) };
    assert_eq!((rent.booked_on, rent.amount, rent.value_on), (day("2026-01-05"), amount("-80"), None));
    assert_eq!((rent.counterparty.as_deref(), rent.reference.as_deref()), (Some("Rent & Co"), Some("January")));
    assert_eq!((rent.bank_reference.as_deref(), rent.kind.as_deref()), (Some("T1"), Some("DEBIT")));
    assert_eq!((paid.amount, paid.value_on), (amount("100.5"), Some(day("2026-01-08"))));
    assert_eq!((paid.counterparty.as_deref(), paid.counterparty_iban.as_deref()), (Some("Café"), Some("999")));
    assert_eq!(paid.end_to_end_id.as_deref(), Some("77"));
}

/// Version 2, of a credit card.
fn xml(body: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<?OFX OFXHEADER=\"200\" VERSION=\"211\"?>\n<OFX><CREDITCARDMSGSRSV1><CCSTMTTRNRS>\
         <CCSTMTRS><CURDEF>EUR</CURDEF><CCACCTFROM><ACCTID>DE89 3704 0044 0532 0130 00</ACCTID></CCACCTFROM><BANKTRANLIST>\
         <DTSTART>20260101</DTSTART><DTEND>20260131</DTEND>\n{body}</BANKTRANLIST><LEDGERBAL><BALAMT>-10.00</BALAMT>\
         <DTASOF>20260131</DTASOF></LEDGERBAL></CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>"
    )
}

const PAID: &str = "<STMTTRN><TRNTYPE>POS</TRNTYPE><DTPOSTED>20260110</DTPOSTED><TRNAMT>-10.00</TRNAMT><FITID>1</FITID>\
                    <PAYEE><NAME>Shop</NAME><ADDR1>Street 1</ADDR1></PAYEE><MEMO></MEMO></STMTTRN>\n";

#[test]
fn version_2_ties_to_a_balance_that_is_known() {
    let statement = one(&xml(PAID), None);
    assert_eq!(statement.account.iban.as_deref(), Some("DE89370400440532013000"));
    assert_eq!((statement.opening, statement.lines[0].counterparty.as_deref()), (amount("0"), Some("Shop")));
    assert_eq!(one(&xml(PAID), Some("0")).tie(), Ok(()));
    assert_eq!(one(&xml(PAID), Some("1")).tie().unwrap_err().difference, amount("1"));
}

#[test]
fn what_is_none_says_why() {
    let first = |file: &str| {
        let problem = parse(file.as_bytes(), None).unwrap_err().into_iter().next().unwrap();
        (problem.line, problem.code)
    };
    for (from, to, code) in [
        ("20260110", "20261310", ProblemCode::Date),
        ("20260110", "x", ProblemCode::Date),
        ("-10.00</TRNAMT>", "NaN</TRNAMT>", ProblemCode::Number),
        ("-10.00</TRNAMT>", "1,000.00</TRNAMT>", ProblemCode::Number),
        ("-10.00</TRNAMT>", "0.12345</TRNAMT>", ProblemCode::TooManyDecimals),
        ("<TRNAMT>-10.00</TRNAMT>", "", ProblemCode::Required),
        ("<MEMO></MEMO>", "<CURRENCY><CURRATE>1<CURSYM>USD</CURRENCY>", ProblemCode::Currency),
    ] {
        assert_eq!(first(&xml(&PAID.replace(from, to))), (4, code), "{to}");
    }
    assert_eq!(first("").1, ProblemCode::Format);
    assert_eq!(first("<OFX></OFX>").1, ProblemCode::Empty);
    assert_eq!(first("<OFX><INVSTMTRS></INVSTMTRS></OFX>").1, ProblemCode::Format);
    assert_eq!(first("<OFX><STMTRS><CURDEF>EUR</STMTRS></OFX>").1, ProblemCode::Required);
    assert_eq!(first("<OFX><STMTTRN></STMTTRN></OFX>").1, ProblemCode::Format);
    assert_eq!(first(&xml(PAID).replace("UTF-8", "EBCDIC")).1, ProblemCode::Encoding);
    let two =
        xml(PAID).replace("</CCSTMTRS>", "</CCSTMTRS><CCSTMTRS><CURDEF>EUR<ACCTID>1<LEDGERBAL><BALAMT>1</LEDGERBAL>");
    assert!(parse(two.as_bytes(), Some(amount("0"))).is_err());
}

proptest::proptest! {
    #[test]
    fn whatever_comes_is_read_or_refused(body in "(</?(STMTTRN|TRNAMT|DTPOSTED|LEDGERBAL|PAYEE|STMTRS|X)>|[0-9<>&;. -]{0,4}){0,40}") {
        let _ = parse(xml(&body).as_bytes(), None);
        let _ = parse(format!("<OFX>{body}").as_bytes(), None);
    }
}
