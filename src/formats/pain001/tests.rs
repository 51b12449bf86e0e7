use proptest::prelude::*;

use super::*;
use crate::sepa::Address;
use crate::sepa::characters::allowed;
use crate::xml::Rules;
use crate::xml::tree::{self, Node};

const OURS: &str = "DE89 3704 0044 0532 0130 00";
const THEIRS: [&str; 3] = ["FR1420041010050500013M02606", "NO9386011117947", "GB29NWBK60161331926819"];

fn transfer(id: &str, amount: &str, account: &str, remittance: Option<Remittance>) -> Transfer {
    Transfer {
        end_to_end_id: id.into(),
        amount: amount.parse().unwrap(),
        creditor: Party::named("Müller & Söhne"),
        account: Account { iban: account.into(), bic: None },
        remittance,
    }
}

fn batch(id: &str, transfers: Vec<Transfer>) -> TransferBatch {
    TransferBatch {
        id: id.into(),
        execution_on: NaiveDate::from_ymd_opt(2026, 3, 5).unwrap(),
        one_booking: None,
        debtor: Party::named("Nordwind Handel GmbH"),
        account: Account { iban: OURS.into(), bic: None },
        transfers,
    }
}

fn file(batches: Vec<TransferBatch>) -> CreditTransfers {
    CreditTransfers {
        message_id: "RUN-7".into(),
        created_at: NaiveDate::from_ymd_opt(2026, 3, 4).unwrap().and_hms_opt(9, 30, 0).unwrap(),
        initiator: "Nordwind Handel GmbH".into(),
        batches,
    }
}

fn two_batches() -> CreditTransfers {
    let reference = Remittance::Reference("RF18 5390 0754 7034".into());
    let words = Remittance::Words("Rechnung 4711; März".into());
    let mut second = batch("B-2", vec![transfer("E-3", "0.01", THEIRS[2], None)]);
    second.one_booking = Some(true);
    second.account.bic = Some("COBADEFFXXX".into());
    second.transfers[0].account.bic = Some("NWBKGB2L".into());
    second.transfers[0].creditor.address = Some(Address {
        street: Some("High Street".into()),
        building: Some("7a".into()),
        post_code: None,
        town: "London".into(),
        country: "GB".into(),
    });
    file(vec![
        batch(
            "B-1",
            vec![
                transfer("E-1", "1200.5", THEIRS[0], Some(reference)),
                transfer("E-2", "99.99", THEIRS[1], Some(words)),
            ],
        ),
        second,
    ])
}

fn tree(text: &str) -> Node {
    let (root, namespace) = tree::read(text, Rules::plain("Document")).unwrap();
    assert_eq!(namespace, NAMESPACE);
    root
}

/// What was written, read back with letters as they are allowed.
fn back(text: &str) -> CreditTransfers {
    let root = tree(text);
    let text = |node: &Node, path: &str| node.text(path).unwrap_or_default();
    let party = |node: &Node| Party {
        name: text(node, "Nm"),
        address: node.child("PstlAdr").map(|node| Address {
            street: node.text("StrtNm"),
            building: node.text("BldgNb"),
            post_code: node.text("PstCd"),
            town: text(node, "TwnNm"),
            country: text(node, "Ctry"),
        }),
    };
    let account = |node: &Node, account: &str, bank: &str| Account {
        iban: text(node, &format!("{account}/Id/IBAN")),
        bic: node.text(&format!("{bank}/FinInstnId/BICFI")),
    };
    let message = root.child("CstmrCdtTrfInitn").unwrap();
    let head = message.child("GrpHdr").unwrap();
    CreditTransfers {
        message_id: text(head, "MsgId"),
        created_at: text(head, "CreDtTm").parse().unwrap(),
        initiator: text(head, "InitgPty/Nm"),
        batches: message
            .each("PmtInf")
            .into_iter()
            .map(|batch| TransferBatch {
                id: text(batch, "PmtInfId"),
                execution_on: text(batch, "ReqdExctnDt/Dt").parse().unwrap(),
                one_booking: batch.text("BtchBookg").map(|text| text == "true"),
                debtor: party(batch.child("Dbtr").unwrap()),
                account: account(batch, "DbtrAcct", "DbtrAgt"),
                transfers: batch
                    .each("CdtTrfTxInf")
                    .into_iter()
                    .map(|one| Transfer {
                        end_to_end_id: text(one, "PmtId/EndToEndId"),
                        amount: text(one, "Amt/InstdAmt").parse().unwrap(),
                        creditor: party(one.child("Cdtr").unwrap()),
                        account: account(one, "CdtrAcct", "CdtrAgt"),
                        remittance: one
                            .text("RmtInf/Ustrd")
                            .map(Remittance::Words)
                            .or_else(|| one.text("RmtInf/Strd/CdtrRefInf/Ref").map(Remittance::Reference)),
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// The orders as they are written: letters replaced, account numbers without spaces.
fn plain(mut file: CreditTransfers) -> CreditTransfers {
    let iban = |account: &mut Account| account.iban = account.iban.replace(' ', "");
    file.initiator = allowed(&file.initiator);
    for batch in &mut file.batches {
        batch.debtor.name = allowed(&batch.debtor.name);
        iban(&mut batch.account);
        for transfer in &mut batch.transfers {
            transfer.creditor.name = allowed(&transfer.creditor.name);
            iban(&mut transfer.account);
            match &mut transfer.remittance {
                Some(Remittance::Words(words)) => *words = allowed(words),
                Some(Remittance::Reference(reference)) => *reference = reference.replace(' ', ""),
                None => {}
            }
        }
    }
    file
}

#[test]
fn numbers_and_sums_on_both_levels() {
    let file = two_batches();
    let text = file.write().unwrap();
    let root = tree(&text);
    let message = root.child("CstmrCdtTrfInitn").unwrap();
    assert_eq!(message.text("GrpHdr/NbOfTxs").as_deref(), Some("3"));
    assert_eq!(message.text("GrpHdr/CtrlSum").as_deref(), Some("1300.50"));
    let batches = message.each("PmtInf");
    let totals: Vec<(Option<String>, Option<String>)> =
        batches.iter().map(|batch| (batch.text("NbOfTxs"), batch.text("CtrlSum"))).collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(totals, [(some("2"), some("1300.49")), (some("1"), some("0.01"))]);
    assert_eq!(batches[0].text("DbtrAgt/FinInstnId/Othr/Id").as_deref(), Some("NOTPROVIDED"));
    assert_eq!(batches[1].text("DbtrAgt/FinInstnId/BICFI").as_deref(), Some("COBADEFFXXX"));
    assert!(batches[0].at("CdtTrfTxInf/CdtrAgt").is_none());
    assert_eq!(batches[0].text("CdtTrfTxInf/Cdtr/Nm").as_deref(), Some("Muller + Sohne"));
    assert_eq!(file.write().unwrap(), text);
    assert_eq!(back(&text), plain(file));
}

#[test]
fn what_a_bank_would_refuse() {
    let wrong = |change: &dyn Fn(&mut CreditTransfers)| -> Vec<(String, ProblemCode)> {
        let mut file = two_batches();
        change(&mut file);
        file.write().unwrap_err().into_iter().map(|mistake| (mistake.at, mistake.code)).collect()
    };
    let one = |at: &str, code: ProblemCode| vec![(at.to_owned(), code)];
    assert_eq!(wrong(&|file| file.batches.clear()), one("batches", ProblemCode::Required));
    assert_eq!(wrong(&|file| file.batches[1].transfers.clear()), one("batches.1.transfers", ProblemCode::Required));
    assert_eq!(wrong(&|file| file.message_id = "ä".into()), one("message_id", ProblemCode::Format));
    assert_eq!(wrong(&|file| file.initiator = " ".into()), one("initiator", ProblemCode::Required));
    assert_eq!(wrong(&|file| file.batches[1].id = "B-1".into()), one("batches.1.id", ProblemCode::Duplicate));
    let second = "batches.0.transfers.1";
    let change = |what: fn(&mut Transfer)| wrong(&move |file| what(&mut file.batches[0].transfers[1]));
    assert_eq!(
        change(|one| one.end_to_end_id = "E-1".into()),
        one(&format!("{second}.end_to_end_id"), ProblemCode::Duplicate)
    );
    assert_eq!(change(|one| one.amount = Decimal::ZERO), one(&format!("{second}.amount"), ProblemCode::OutOfRange));
    assert_eq!(
        change(|one| one.account.iban = "NO9386011117948".into()),
        one(&format!("{second}.account.iban"), ProblemCode::Iban)
    );
    assert_eq!(
        change(|one| one.account.bic = Some("NOBIC".into())),
        one(&format!("{second}.account.bic"), ProblemCode::Format)
    );
    assert_eq!(change(|one| one.creditor.name.clear()), one(&format!("{second}.creditor.name"), ProblemCode::Required));
    assert_eq!(
        change(|one| one.remittance = Some(Remittance::Reference("RF19539007547034".into()))),
        one(&format!("{second}.remittance"), ProblemCode::Format)
    );
    assert_eq!(
        change(|one| one.remittance = Some(Remittance::Words("x".repeat(141)))),
        one(&format!("{second}.remittance"), ProblemCode::FieldTooLong)
    );
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        orders in prop::collection::vec((1_i64..=99_999_999_999, 0_usize..3, "[A-Za-zäöüß&<>\"' .-]{0,20}x", 0_u8..3, "[A-Z0-9 ]{1,20}"), 1..12),
        cut in 1_usize..12,
    ) {
        let transfers: Vec<Transfer> = orders
            .iter()
            .enumerate()
            .map(|(at, (cents, account, name, kind, words))| Transfer {
                end_to_end_id: format!("E-{at}"),
                amount: Decimal::new(*cents, 2),
                creditor: Party::named(name.clone()),
                account: Account { iban: THEIRS[*account].into(), bic: None },
                remittance: match kind {
                    0 => None,
                    1 => Some(Remittance::Words(format!("x{words}"))),
                    _ => crate::sepa::reference::of(words).map(Remittance::Reference),
                },
            })
            .collect();
        let (first, second) = transfers.split_at(cut.min(transfers.len()));
        let mut batches = vec![batch("B-1", first.to_vec())];
        if !second.is_empty() {
            batches.push(batch("B-2", second.to_vec()));
        }
        let file = file(batches);
        let text = file.write().unwrap();
        prop_assert_eq!(back(&text), plain(file.clone()));
        let sum: Decimal = file.amounts().sum();
        let stated = tree(&text).text("CstmrCdtTrfInitn/GrpHdr/CtrlSum").unwrap();
        prop_assert_eq!(stated.parse::<Decimal>().unwrap(), sum);
    }

    #[test]
    fn whatever_is_asked_is_written_or_refused(name in "\\PC{0,80}", id in "\\PC{0,40}", iban in "\\PC{0,40}", words in "\\PC{0,160}", scale in 0_u32..28, size in any::<i64>()) {
        let mut file = two_batches();
        let one = &mut file.batches[0].transfers[0];
        one.creditor.name = name;
        one.end_to_end_id = id;
        one.amount = Decimal::new(size, scale);
        one.remittance = Some(Remittance::Words(words));
        one.account.bic = Some(iban.clone());
        if size % 2 == 0 {
            one.account.iban = iban;
        }
        let _ = file.write();
    }
}
