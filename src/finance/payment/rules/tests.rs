use backoffice_money::Posting;
use proptest::prelude::*;

use super::*;
use crate::finance::ids::{JournalEntryId, OpenItemId};
use crate::platform::scalars::{Date, Dec};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn item(side: OpenItemSide, amount: Decimal, book: Decimal, currency: &str) -> OpenItem {
    OpenItem {
        id: OpenItemId::new(),
        side,
        customer_id: None,
        vendor_id: None,
        invoice_id: None,
        bill_id: None,
        credit_note_id: None,
        vendor_credit_id: None,
        payment_id: None,
        dunning_notice_id: None,
        document: "INV-00001".to_owned(),
        party_name: "A".to_owned(),
        entry_id: JournalEntryId::new(),
        account_id: AccountId::new(),
        item_date: Date("2026-01-10".parse().unwrap()),
        due_date: Date("2026-01-24".parse().unwrap()),
        currency: currency.to_owned(),
        amount: Dec(amount),
        open_amount: Dec(amount),
        open_book: Dec(book),
        version: 1,
    }
}

fn facts(side: OpenItemSide, free: Decimal, book: Decimal, currency: &str) -> Facts {
    Facts {
        side,
        currency: Currency::parse(currency).unwrap(),
        book: Currency::parse("EUR").unwrap(),
        free,
        free_book: book,
        advance: AccountId::new(),
        exchange: Some(AccountId::new()),
        description: "PAY-00001".to_owned(),
    }
}

fn code(error: Error) -> UserErrorCode {
    let Error::Refused(reasons) = error else { panic!("{error:?}") };
    reasons[0].code
}

#[test]
fn a_gain_on_the_settled_part_alone() {
    // 100 booked at 50, paid at 55: a gain of 500 in the books.
    let facts = facts(OpenItemSide::Receivable, dec("100"), dec("5500"), "USD");
    let owed = item(OpenItemSide::Receivable, dec("100"), dec("5000"), "USD");
    let wanted = [Wanted { item: owed, amount: dec("100"), discount: None }];
    let settled = settle(&facts, &wanted).unwrap();
    let lines = recorded(&facts, AccountId::new(), &wanted, &settled).unwrap().into_lines();
    let gain = lines.iter().find(|line| Some(line.account) == facts.exchange).unwrap();
    assert_eq!((gain.amount, gain.book()), (dec("-500"), dec("-500")));
    // 20 of it paid with 900: a loss of 100.
    let part = Facts { free: dec("20"), free_book: dec("900"), ..facts };
    let owed = item(OpenItemSide::Receivable, dec("100"), dec("5000"), "USD");
    let wanted = [Wanted { item: owed, amount: dec("20"), discount: None }];
    let settled = settle(&part, &wanted).unwrap();
    let lines = recorded(&part, AccountId::new(), &wanted, &settled).unwrap().into_lines();
    assert_eq!(lines.iter().find(|line| Some(line.account) == part.exchange).unwrap().amount, dec("100"));
    let nowhere = Facts { exchange: None, ..part };
    assert_eq!(code(recorded(&nowhere, AccountId::new(), &wanted, &settled).unwrap_err()), UserErrorCode::Required);
}

#[test]
fn what_is_refused() {
    let side = OpenItemSide::Receivable;
    let facts = facts(side, dec("50"), dec("50"), "EUR");
    let one = |amount: &str, currency: &str, wanted: &str| {
        let item = item(side, dec(amount), dec(amount), currency);
        settle(&facts, &[Wanted { item, amount: dec(wanted), discount: None }]).map_err(code)
    };
    assert!(one("50", "EUR", "50").is_ok());
    assert_eq!(one("40", "EUR", "40.01"), Err(UserErrorCode::OverAllocated));
    assert_eq!(one("60", "EUR", "50.01"), Err(UserErrorCode::OverAllocated));
    assert_eq!(one("60", "USD", "1"), Err(UserErrorCode::Invalid));
    assert_eq!(one("60", "EUR", "0"), Err(UserErrorCode::Invalid));
    assert_eq!(one("60", "EUR", "-1"), Err(UserErrorCode::Invalid));
    assert_eq!(one("60", "EUR", "0.001"), Err(UserErrorCode::Invalid));
    assert_eq!(one("-60", "EUR", "-1"), Err(UserErrorCode::OverAllocated));
    let twice = item(side, dec("60"), dec("60"), "EUR");
    let wanted = [
        Wanted { item: twice.clone(), amount: dec("1"), discount: None },
        Wanted { item: twice, amount: dec("1"), discount: None },
    ];
    assert_eq!(code(settle(&facts, &wanted).unwrap_err()), UserErrorCode::Duplicate);
}

proptest! {
    /// Whatever is settled, at whatever rates: the entries balance, and undoing takes back exactly what was done.
    #[test]
    fn entries_balance_and_come_back(
        amounts in prop::collection::vec((1i64..1_000_000, 1i64..1_000_000), 1..6),
        more in 0i64..1_000_000,
        rate in 1i64..500,
        payable in any::<bool>(),
        refund in any::<bool>(),
    ) {
        let side = if payable { OpenItemSide::Payable } else { OpenItemSide::Receivable };
        let sign = if refund { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        let wanted: Vec<Wanted> = amounts
            .iter()
            .map(|(amount, book)| {
                let amount = Decimal::new(*amount, 2) * sign;
                Wanted { item: item(side, amount, Decimal::new(*book, 2) * sign, "USD"), amount, discount: None }
            })
            .collect();
        let used: i64 = amounts.iter().map(|(amount, _)| amount).sum();
        let free = Decimal::new(used + more, 2) * sign;
        let facts = facts(side, free, Decimal::new((used + more) * rate / 100 + 1, 2) * sign, "USD");
        let settled = settle(&facts, &wanted).unwrap();
        prop_assert!(recorded(&facts, AccountId::new(), &wanted, &settled).is_ok());
        let there = allocated(&facts, &wanted, &settled).unwrap().into_lines();
        let mut by_account = std::collections::BTreeMap::new();
        let back = wanted.iter().zip(&settled).flat_map(|(one, settled)| undone(&facts, &one.item, settled).unwrap().into_lines());
        for line in there.into_iter().chain(back) {
            *by_account.entry(line.account).or_insert(Decimal::ZERO) += line.amount;
        }
        prop_assert!(by_account.values().all(Decimal::is_zero));
    }
}
