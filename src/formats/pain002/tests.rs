use proptest::prelude::*;

use super::*;

fn document(version: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"{NAMESPACE}{version}\"><CstmrPmtStsRpt>\n\
         <GrpHdr><MsgId>ANS-1</MsgId><CreDtTm>2026-03-05T10:00:00</CreDtTm></GrpHdr>\n{inside}</CstmrPmtStsRpt></Document>\n"
    )
}

fn group(status: &str) -> String {
    format!(
        "<OrgnlGrpInfAndSts><OrgnlMsgId>RUN-7</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{status}</OrgnlGrpInfAndSts>\n"
    )
}

fn reason(code: &str, words: &str) -> String {
    format!("<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>{words}</AddtlInf></StsRsnInf>")
}

fn batch(id: &str, inside: &str) -> String {
    format!("<OrgnlPmtInfAndSts><OrgnlPmtInfId>{id}</OrgnlPmtInfId>{inside}</OrgnlPmtInfAndSts>\n")
}

fn payment(id: &str, inside: &str) -> String {
    format!("<TxInfAndSts><OrgnlEndToEndId>{id}</OrgnlEndToEndId>{inside}</TxInfAndSts>")
}

fn read(version: &str, inside: &str) -> StatusReport {
    parse(document(version, inside).as_bytes()).unwrap()
}

fn problem(text: &str) -> (u64, ProblemCode, String) {
    let problem = parse(text.as_bytes()).unwrap_err().into_iter().next().unwrap();
    (problem.line, problem.code, problem.column.unwrap_or_default())
}

#[test]
fn a_batch_of_which_one_payment_is_refused() {
    let closed = payment(
        "E-2",
        &format!(
            "<TxSts>RJCT</TxSts>{}<AcctSvcrRef>BK-9</AcctSvcrRef>\
             <OrgnlTxRef><Amt><InstdAmt Ccy=\"EUR\">99.99</InstdAmt></Amt></OrgnlTxRef>",
            reason("AC04", "account closed")
        ),
    );
    let own = "<StsRsnInf><Rsn><Prtry>X9</Prtry></Rsn></StsRsnInf>";
    let inside = group("<GrpSts>PART</GrpSts>")
        + &batch("B-1", &format!("<PmtInfSts>PART</PmtInfSts>{}{closed}", payment("E-1", "<TxSts>ACSC</TxSts>")))
        + &batch("B-2", &format!("<PmtInfSts>RJCT</PmtInfSts>{own}"));
    for version in ["03", "10", "12"] {
        let report = read(version, &inside);
        assert_eq!((report.id.as_str(), report.message_id.as_str()), ("ANS-1", "RUN-7"));
        assert_eq!((report.message_kind.as_deref(), report.status), (Some("pain.001.001.09"), Some(Status::Partly)));
        assert_eq!(report.of("B-1", "E-1"), Some((Status::Settled, [].as_slice())));
        let (status, reasons) = report.of("B-1", "E-2").unwrap();
        assert_eq!((status, reasons[0].code.as_deref()), (Status::Rejected, Some("AC04")));
        assert_eq!(reasons[0].words, ["account closed"]);
        // of this payment nothing is said, so what holds for the batch holds for it
        assert_eq!(report.of("B-1", "E-9").unwrap().0, Status::Partly);
        let (status, reasons) = report.of("B-2", "E-3").unwrap();
        assert_eq!((status, reasons[0].own_code.as_deref()), (Status::Rejected, Some("X9")));
        assert_eq!(report.of("B-7", "E-3").unwrap().0, Status::Partly);
        let payment = &report.batches[0].payments[1];
        assert_eq!(payment.bank_reference.as_deref(), Some("BK-9"));
        assert_eq!(payment.amount, Some(("99.99".parse().unwrap(), "EUR".into())));
    }
}

#[test]
fn an_answer_to_the_whole_file() {
    let report = read("03", &group(&format!("<GrpSts>RJCT</GrpSts>{}", reason("FF01", "no such format"))));
    assert!(report.batches.is_empty());
    let (status, reasons) = report.of("B-1", "E-1").unwrap();
    assert_eq!((status, reasons[0].words.as_slice()), (Status::Rejected, ["no such format".to_owned()].as_slice()));
    assert_eq!(read("03", &group("")).of("B-1", "E-1"), None);
}

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(problem(&document("10", "")).1, ProblemCode::Required);
    assert_eq!(
        problem(&document("10", &group("<GrpSts>FINE</GrpSts>"))),
        (4, ProblemCode::UnknownWord, "OrgnlGrpInfAndSts/GrpSts".into())
    );
    let nameless = group("") + "<OrgnlPmtInfAndSts><PmtInfSts>RJCT</PmtInfSts></OrgnlPmtInfAndSts>";
    assert_eq!(problem(&document("10", &nameless)).1, ProblemCode::Required);
    let amount = |amount: &str| {
        let reference = format!("<OrgnlTxRef><Amt>{amount}</Amt></OrgnlTxRef>");
        document("10", &(group("") + &batch("B", &payment("E", &reference))))
    };
    assert_eq!(problem(&amount("<InstdAmt Ccy=\"EUR\">1e5</InstdAmt>")).1, ProblemCode::Number);
    assert_eq!(problem(&amount("<InstdAmt>1</InstdAmt>")).1, ProblemCode::Currency);
    assert_eq!(problem(&document("02", &group(""))).1, ProblemCode::Format);
    assert_eq!(problem(&document("10", "").replace("pain.002", "pain.001")).1, ProblemCode::Format);
    assert_eq!(problem("<html/>").1, ProblemCode::Format);
    assert_eq!(problem("<!DOCTYPE x><Document/>").1, ProblemCode::Doctype);
    assert_eq!(problem(&document("10", "<a>".repeat(100).as_str())).1, ProblemCode::TooLarge);
}

proptest! {
    #[test]
    fn what_was_written_is_read(said in prop::collection::vec((0_usize..Status::ALL.len(), 1_i64..1_000_000), 1..20)) {
        let payments: String = said
            .iter()
            .enumerate()
            .map(|(at, (status, cents))| {
                let amount = Decimal::new(*cents, 2);
                payment(
                    &format!("E-{at}"),
                    &format!(
                        "<TxSts>{}</TxSts><OrgnlTxRef><Amt><InstdAmt Ccy=\"EUR\">{amount}</InstdAmt></Amt></OrgnlTxRef>",
                        Status::ALL[*status]
                    ),
                )
            })
            .collect();
        let report = read("10", &(group("") + &batch("B", &payments)));
        for (at, (status, cents)) in said.iter().enumerate() {
            prop_assert_eq!(report.of("B", &format!("E-{at}")).map(|(status, _)| status), Some(Status::ALL[*status]));
            let amount = report.batches[0].payments[at].amount.clone().map(|(amount, _)| amount);
            prop_assert_eq!(amount, Some(Decimal::new(*cents, 2)));
        }
    }

    #[test]
    fn a_damaged_file_is_survived(cut in 0_usize..2000, at in 0_usize..2000, piece in "(</?(TxInfAndSts|StsRsnInf|Rsn|GrpSts)>|[<>&;\"'a-c0-9]){0,6}") {
        let inside = group("<GrpSts>PART</GrpSts>") + &batch("B", &payment("E", &reason("AC04", "x &amp; y")));
        let mut text = document("10", &inside);
        let at = at % text.len();
        text.insert_str(at, &piece);
        let _ = parse(text.as_bytes());
        text.truncate(cut % text.trim_end().len());
        prop_assert!(parse(text.as_bytes()).is_err());
    }
}
