use proptest::prelude::*;

use super::*;

fn document(version: &str, notifications: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.{version}\">\
         <BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>M1</MsgId></GrpHdr>\n{notifications}</BkToCstmrDbtCdtNtfctn></Document>\n"
    )
}

fn notification(id: &str, account: &str, rest: &str) -> String {
    format!("<Ntfctn><Id>{id}</Id>\n<Acct><Id>{account}</Id></Acct>\n{rest}</Ntfctn>\n")
}

const ACCOUNT: &str = "<IBAN>DE89 3704 0044 0532 0130 00</IBAN>";

fn entry(amount: &str, direction: &str, status: &str, rest: &str) -> String {
    format!(
        "<Ntry><Amt Ccy=\"EUR\">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{status}\
         <BookgDt><Dt>2026-03-02</Dt></BookgDt>{rest}</Ntry>\n"
    )
}

const OLD: &str = "<Sts>BOOK</Sts>";
const NEW: &str = "<Sts><Cd>BOOK</Cd></Sts>";

fn read(version: &str, text: &str) -> Result<Vec<BankNotification>, Problems> {
    parse(document(version, text).as_bytes())
}

fn one(version: &str, text: &str) -> BankNotification {
    let mut all = read(version, text).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

fn problem(text: &str) -> (u64, ProblemCode, String) {
    let problem = read("08", text).unwrap_err().into_iter().next().unwrap();
    (problem.line, problem.code, problem.column.unwrap_or_default())
}

/// Two debits collected from customers, one sum on the account.
fn bundle(party: &dyn Fn(&str) -> String, second: &str) -> String {
    let transaction = |id: &str, size: &str, name: &str, account: &str| {
        format!(
            "<TxDtls><Refs><EndToEndId>{id}</EndToEndId></Refs><Amt Ccy=\"EUR\">{size}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
             <RltdPties><Dbtr>{}</Dbtr><DbtrAcct><Id><IBAN>{account}</IBAN></Id></DbtrAcct></RltdPties>\
             <RmtInf><Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls>",
            party(name)
        )
    };
    let details = transaction("E-1", "120.10", "Ada", "FR14 2004 1010 0505 0001 3M02 606")
        + &transaction("E-2", second, "Bert", "NO9386011117947");
    format!("<AcctSvcrRef>COLL-7</AcctSvcrRef><NtryDtls>{details}</NtryDtls>")
}

#[test]
fn a_bundle_in_all_versions() {
    let old = |name: &str| format!("<Nm>{name}</Nm>");
    let new = |name: &str| format!("<Pty><Nm>{name}</Nm></Pty>");
    let mut found = Vec::new();
    for version in ["02", "03", "04", "05", "06", "07", "08"] {
        let (status, party): (&str, &dyn Fn(&str) -> String) = if version < "08" { (OLD, &old) } else { (NEW, &new) };
        let text = notification("N1", ACCOUNT, &entry("150.35", "CRDT", status, &bundle(party, "30.25")));
        found.push(one(version, &text));
    }
    let first = found[0].clone();
    assert!(found.iter().all(|other| *other == first));
    assert_eq!(first.account.iban.as_deref(), Some("DE89370400440532013000"));
    assert_eq!((first.currency.as_deref(), first.notification_id.as_deref()), (Some("EUR"), Some("N1")));
    assert_eq!(first.tie(), Ok(()));
    let [ada, bert] = first.lines.as_slice() else { panic!("{:#?}", first.lines) };
    assert_eq!((ada.amount, ada.counterparty.as_deref()), ("120.1".parse().unwrap(), Some("Ada")));
    assert_eq!(ada.counterparty_iban.as_deref(), Some("FR1420041010050500013M02606"));
    assert_eq!(ada.reference.as_deref(), Some("RF18539007547034"));
    assert_eq!((bert.amount, bert.end_to_end_id.as_deref()), ("30.25".parse().unwrap(), Some("E-2")));
    assert_eq!(bert.bank_reference.as_deref(), Some("COLL-7"));
}

#[test]
fn a_bundle_that_does_not_add_up_stays_whole() {
    let party = |name: &str| format!("<Nm>{name}</Nm>");
    let text = notification("N1", ACCOUNT, &entry("150.35", "CRDT", OLD, &bundle(&party, "30.26")));
    assert_eq!(one("04", &text).lines.len(), 1);
}

#[test]
fn totals_are_held_against_the_entries() {
    let entries = entry("10", "CRDT", NEW, "")
        + &entry("2.50", "DBIT", "<Sts><Cd>PDNG</Cd></Sts>", "")
        + &entry("1", "DBIT", "<Sts><Cd>INFO</Cd></Sts>", "");
    let summary = |entries: &str, credit: &str, debit: &str| {
        format!(
            "<TxsSummry><TtlNtries><NbOfNtries>{entries}</NbOfNtries></TtlNtries>\
             <TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>{credit}</Sum></TtlCdtNtries>\
             <TtlDbtNtries><NbOfNtries>2</NbOfNtries><Sum>{debit}</Sum></TtlDbtNtries></TxsSummry>\n"
        )
    };
    let of = |totals: &str| one("08", &notification("N", ACCOUNT, &(totals.to_owned() + &entries)));
    let sound = of(&summary("3", "10.00", "3.5"));
    assert_eq!((sound.lines.len(), sound.pending, sound.information), (1, 1, 1));
    assert_eq!(sound.tie(), Ok(()));
    assert_eq!(of("").tie(), Ok(()));
    assert!(of(&summary("4", "10", "3.5")).tie().unwrap_err().contains("4 as its number of entries; it is 3"));
    assert!(of(&summary("3", "10.01", "3.5")).tie().unwrap_err().contains("10.01 as its sum of credits; it is 10.00"));
    assert!(of(&summary("3", "10", "3.49")).tie().unwrap_err().contains("sum of debits"));
    assert_eq!(problem(&notification("N", ACCOUNT, &summary("x", "1", "1"))).1, ProblemCode::Number);
    assert_eq!(
        problem(&notification("N", ACCOUNT, &summary("1", "1e5", "1"))),
        (5, ProblemCode::Number, "Ntfctn/TxsSummry/TtlCdtNtries/Sum".into())
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    assert_eq!(problem(""), (1, ProblemCode::Required, "Ntfctn".into()));
    assert_eq!(problem(&notification("N", "", "")), (3, ProblemCode::Required, "Ntfctn/Acct/Id".into()));
    let twice = notification("N", ACCOUNT, "") + &notification("N", ACCOUNT, "");
    assert_eq!(problem(&twice), (6, ProblemCode::Duplicate, "Ntfctn/Id".into()));
    let pages = twice.replacen("</Id>\n", "</Id>\n<NtfctnPgntn><PgNb>2</PgNb></NtfctnPgntn>", 1);
    assert_eq!(read("08", &pages).unwrap().len(), 2);
    let mixed = entry("1", "CRDT", NEW, "") + &entry("1", "CRDT", NEW, "").replace("EUR", "USD");
    assert_eq!(problem(&notification("N", ACCOUNT, &mixed)), (6, ProblemCode::Currency, "Ntfctn/Ntry/Amt".into()));
    let nothing = entry("1", "CRDT", "", "");
    assert_eq!(problem(&notification("N", ACCOUNT, &nothing)), (5, ProblemCode::Required, "Ntfctn/Ntry/Sts".into()));
    let date = entry("1", "CRDT", NEW, "<ValDt><Dt>2026-02-30</Dt></ValDt>");
    assert_eq!(problem(&notification("N", ACCOUNT, &date)), (5, ProblemCode::Date, "Ntfctn/Ntry/ValDt/Dt".into()));
}

#[test]
fn other_files() {
    let statement = document("08", "").replace("camt.054.001.08", "camt.053.001.08");
    let refused = parse(statement.as_bytes()).unwrap_err().into_iter().next().unwrap();
    assert_eq!(refused.code, ProblemCode::Format);
    assert!(refused.message.contains("camt.053.001.08"), "{}", refused.message);
    assert_eq!(
        parse(b"<!DOCTYPE d [<!ENTITY a \"b\">]><Document/>").unwrap_err().iter().next().unwrap().code,
        ProblemCode::Doctype
    );
}

#[test]
fn equal_lines_are_told_apart() {
    let fee = entry("2", "DBIT", NEW, "");
    let text = notification("A", ACCOUNT, &(fee.clone() + &fee)) + &notification("B", ACCOUNT, &fee);
    let all = read("08", &text).unwrap();
    let occurrences: Vec<u32> = all.iter().flat_map(|one| &one.lines).map(|line| line.occurrence).collect();
    assert_eq!(occurrences, [1, 2, 3]);
}

proptest! {
    #[test]
    fn what_was_written_is_read(cents in prop::collection::vec((1_i64..10_000_000, any::<bool>()), 1..20)) {
        let entries: String = cents
            .iter()
            .map(|(cents, credit)| entry(&Decimal::new(*cents, 2).to_string(), if *credit { "CRDT" } else { "DBIT" }, NEW, ""))
            .collect();
        let read = one("08", &notification("N", ACCOUNT, &entries));
        let expected: Vec<Decimal> =
            cents.iter().map(|(cents, credit)| Decimal::new(if *credit { *cents } else { -cents }, 2).normalize()).collect();
        let found: Vec<Decimal> = read.lines.iter().map(|line| line.amount.normalize()).collect();
        prop_assert_eq!(found, expected);
        let credit: Decimal = cents.iter().filter(|(_, credit)| *credit).map(|(cents, _)| Decimal::new(*cents, 2)).sum();
        prop_assert_eq!(read.counted.credit_sum, Some(credit));
    }

    #[test]
    fn a_damaged_file_is_survived(cut in 0_usize..2000, at in 0_usize..2000, piece in "(</?(Ntry|Ntfctn|TxDtls|Pty|Amt)>|[<>&;\"'a-c0-9]){0,6}") {
        let party = |name: &str| format!("<Nm>{name}</Nm>");
        let mut text = document("04", &notification("N1", ACCOUNT, &entry("150.35", "CRDT", OLD, &bundle(&party, "30.25"))));
        let at = at % text.len();
        text.insert_str(at, &piece);
        let _ = parse(text.as_bytes());
        text.truncate(cut % text.trim_end().len());
        prop_assert!(parse(text.as_bytes()).is_err());
    }
}
