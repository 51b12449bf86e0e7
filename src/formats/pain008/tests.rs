use proptest::prelude::*;

use super::*;
use crate::xml::Rules;
use crate::xml::tree::{self, Node};

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn debit(id: &str, amount: Decimal) -> Debit {
    Debit {
        end_to_end_id: id.into(),
        amount,
        mandate: Mandate { id: format!("M-{id}"), signed_on: day("2025-11-30"), former_id: None, former_iban: None },
        debtor: Party::named("Zoë Čapek"),
        account: Account { iban: "FR1420041010050500013M02606".into(), bic: None },
        remittance: Some(Remittance::Words("Beitrag März".into())),
    }
}

fn batch(id: &str, sequence: Sequence, debits: Vec<Debit>) -> DebitBatch {
    DebitBatch {
        id: id.into(),
        collection_on: day("2026-03-10"),
        one_booking: Some(false),
        scheme: Scheme::Core,
        sequence,
        creditor: Party::named("Hafen Verein e.V."),
        account: Account { iban: "DE89370400440532013000".into(), bic: None },
        creditor_id: "DE98 ZZZ0 9999 9999 99".into(),
        debits,
    }
}

fn file(batches: Vec<DebitBatch>) -> DirectDebits {
    DirectDebits {
        message_id: "COLL-3".into(),
        created_at: day("2026-03-01").and_hms_opt(18, 0, 5).unwrap(),
        initiator: "Hafen Verein e.V.".into(),
        batches,
    }
}

fn two_batches() -> DirectDebits {
    let mut changed = debit("E-3", "7.30".parse().unwrap());
    changed.mandate.former_id = Some("OLD-3".into());
    changed.mandate.former_iban = Some("NO93 8601 1117 947".into());
    let mut business = batch("B-2", Sequence::OneOff, vec![changed]);
    business.scheme = Scheme::BusinessToBusiness;
    let first = vec![debit("E-1", "25".parse().unwrap()), debit("E-2", "12.99".parse().unwrap())];
    file(vec![batch("B-1", Sequence::First, first), business])
}

fn tree(text: &str) -> Node {
    let (root, namespace) = tree::read(text, Rules::plain("Document")).unwrap();
    assert_eq!(namespace, NAMESPACE);
    root
}

#[test]
fn two_batches_of_debits() {
    let file = two_batches();
    let text = file.write().unwrap();
    assert_eq!(file.write().unwrap(), text);
    let root = tree(&text);
    let message = root.child("CstmrDrctDbtInitn").unwrap();
    let told = |node: &Node, paths: &[&str]| -> Vec<String> {
        paths.iter().map(|path| node.text(path).unwrap_or_default()).collect()
    };
    assert_eq!(told(message, &["GrpHdr/NbOfTxs", "GrpHdr/CtrlSum"]), ["3", "45.29"]);
    let batches = message.each("PmtInf");
    let head = ["PmtInfId", "PmtMtd", "NbOfTxs", "CtrlSum", "PmtTpInf/LclInstrm/Cd", "PmtTpInf/SeqTp", "ReqdColltnDt"];
    assert_eq!(told(batches[0], &head), ["B-1", "DD", "2", "37.99", "CORE", "FRST", "2026-03-10"]);
    assert_eq!(told(batches[1], &head), ["B-2", "DD", "1", "7.30", "B2B", "OOFF", "2026-03-10"]);
    assert_eq!(told(batches[0], &["CdtrSchmeId/Id/PrvtId/Othr/Id"]), ["DE98ZZZ09999999999"]);
    let mandate = batches[1].at("DrctDbtTxInf/DrctDbtTx/MndtRltdInf").unwrap();
    let fields =
        ["MndtId", "DtOfSgntr", "AmdmntInd", "AmdmntInfDtls/OrgnlMndtId", "AmdmntInfDtls/OrgnlDbtrAcct/Id/IBAN"];
    assert_eq!(told(mandate, &fields), ["M-E-3", "2025-11-30", "true", "OLD-3", "NO9386011117947"]);
    let unchanged = batches[0].at("DrctDbtTxInf/DrctDbtTx/MndtRltdInf").unwrap();
    assert!(unchanged.child("AmdmntInd").is_none());
    assert_eq!(told(batches[0], &["DrctDbtTxInf/Dbtr/Nm", "DrctDbtTxInf/RmtInf/Ustrd"]), ["Zoe Capek", "Beitrag Marz"]);
}

#[test]
fn what_a_bank_would_refuse() {
    let wrong = |change: fn(&mut DirectDebits)| -> Vec<(String, ProblemCode)> {
        let mut file = two_batches();
        change(&mut file);
        file.write().unwrap_err().into_iter().map(|mistake| (mistake.at, mistake.code)).collect()
    };
    let one = |at: &str, code: ProblemCode| vec![(at.to_owned(), code)];
    assert_eq!(wrong(|file| file.batches.clear()), one("batches", ProblemCode::Required));
    assert_eq!(wrong(|file| file.batches[0].debits.clear()), one("batches.0.debits", ProblemCode::Required));
    assert_eq!(
        wrong(|file| file.batches[0].creditor_id = "DE97ZZZ09999999999".into()),
        one("batches.0.creditor_id", ProblemCode::Format)
    );
    assert_eq!(
        wrong(|file| file.batches[0].debits[1].mandate.id.clear()),
        one("batches.0.debits.1.mandate.id", ProblemCode::Required)
    );
    assert_eq!(
        wrong(|file| file.batches[0].debits[1].mandate.signed_on = day("2026-03-11")),
        one("batches.0.debits.1.mandate.signed_on", ProblemCode::Date)
    );
    assert_eq!(
        wrong(|file| file.batches[1].debits[0].mandate.former_iban = Some("x".into())),
        one("batches.1.debits.0.mandate.former_iban", ProblemCode::Iban)
    );
    assert_eq!(
        wrong(|file| file.batches[1].debits[0].end_to_end_id = "E-1".into()),
        one("batches.1.debits.0.end_to_end_id", ProblemCode::Duplicate)
    );
}

proptest! {
    #[test]
    fn nothing_is_lost(cents in prop::collection::vec(1_i64..=99_999_999_999, 1..20)) {
        let debits: Vec<Debit> =
            cents.iter().enumerate().map(|(at, cents)| debit(&format!("E-{at}"), Decimal::new(*cents, 2))).collect();
        let text = file(vec![batch("B-1", Sequence::Recurring, debits.clone())]).write().unwrap();
        let root = tree(&text);
        let batch = root.at("CstmrDrctDbtInitn/PmtInf").unwrap();
        let read: Vec<(Option<String>, Option<Decimal>, Option<String>)> = batch
            .each("DrctDbtTxInf")
            .iter()
            .map(|one| {
                let amount = one.text("InstdAmt").and_then(|text| text.parse().ok());
                (one.text("PmtId/EndToEndId"), amount, one.text("DrctDbtTx/MndtRltdInf/MndtId"))
            })
            .collect();
        let expected: Vec<(Option<String>, Option<Decimal>, Option<String>)> = debits
            .iter()
            .map(|one| (Some(one.end_to_end_id.clone()), Some(one.amount), Some(one.mandate.id.clone())))
            .collect();
        prop_assert_eq!(read, expected);
        let sum: Decimal = debits.iter().map(|one| one.amount).sum();
        prop_assert_eq!(batch.text("CtrlSum").unwrap().parse::<Decimal>().unwrap(), sum);
    }

    #[test]
    fn whatever_is_asked_is_written_or_refused(text in "\\PC{0,50}", size in any::<i64>(), scale in 0_u32..28) {
        let mut file = two_batches();
        file.batches[0].creditor_id.clone_from(&text);
        let one = &mut file.batches[0].debits[0];
        one.mandate.id.clone_from(&text);
        one.debtor.name = text;
        one.amount = Decimal::new(size, scale);
        let _ = file.write();
    }
}
