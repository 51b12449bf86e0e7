use backoffice_money::Posting as _;
use chrono::NaiveDate;
use proptest::prelude::*;

use super::*;
use crate::finance::ids::{JournalEntryId, OpenItemId};
use crate::platform::scalars::{Date, Dec};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn item(side: OpenItemSide, currency: &str, open: Decimal, open_book: Decimal) -> OpenItem {
    let day = Date(NaiveDate::from_ymd_opt(2026, 1, 15).unwrap());
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
        item_date: day,
        due_date: day,
        currency: currency.to_owned(),
        amount: Dec(open),
        open_amount: Dec(open),
        open_book: Dec(open_book),
        version: 1,
    }
}

fn facts(amount: &str, currency: &str) -> Facts {
    Facts {
        account: AccountId::new(),
        amount: dec(amount),
        currency: Currency::parse(currency).unwrap(),
        book: Currency::parse("EUR").unwrap(),
        rate: None,
        exchange: Exchange::default(),
    }
}

fn code(result: Result<Plan>) -> UserErrorCode {
    match result {
        Err(Error::Refused(reasons)) => reasons[0].code,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("not refused"),
    }
}

#[test]
fn a_part_payment_and_a_fee() {
    let receivable = item(OpenItemSide::Receivable, "EUR", dec("9520"), dec("9520"));
    let account = receivable.account_id;
    let settled = [Settled { item: receivable, amount: dec("5000"), paid: None, discount: None }];
    let fee = Posting { account: AccountId::new(), amount: dec("-12.90"), description: String::new() };
    let plan = plan(&facts("4987.10", "EUR"), &settled, vec![fee], "test").unwrap();
    let amounts: Vec<Decimal> = plan.lines.lines().iter().map(|line| line.amount).collect();
    assert_eq!(amounts, [dec("4987.10"), dec("-5000"), dec("12.90")]);
    assert_eq!(plan.lines.lines()[1].account, account);
    assert_eq!(plan.allocations[0].0.amount, dec("5000"));
}

#[test]
fn a_payment_to_a_vendor_debits_what_is_owed() {
    let settled = [Settled {
        item: item(OpenItemSide::Payable, "EUR", dec("11900"), dec("11900")),
        amount: dec("11900"),
        paid: None,
        discount: None,
    }];
    let plan = plan(&facts("-11900", "EUR"), &settled, Vec::new(), "test").unwrap();
    assert_eq!(plan.lines.lines()[1].amount, dec("11900"));
}

#[test]
fn refusals() {
    let one = |amount: &str| Settled {
        item: item(OpenItemSide::Receivable, "EUR", dec("100"), dec("100")),
        amount: dec(amount),
        paid: None,
        discount: None,
    };
    assert_eq!(code(plan(&facts("100.01", "EUR"), &[one("100.01")], Vec::new(), "")), UserErrorCode::OverAllocated);
    assert_eq!(code(plan(&facts("99", "EUR"), &[one("100")], Vec::new(), "")), UserErrorCode::Unbalanced);
    assert_eq!(code(plan(&facts("-100", "EUR"), &[one("-100")], Vec::new(), "")), UserErrorCode::Invalid);
    assert_eq!(code(plan(&facts("1", "EUR"), &[one("0.001")], Vec::new(), "")), UserErrorCode::Invalid);
    assert_eq!(code(plan(&facts("100", "USD"), &[one("100")], Vec::new(), "")), UserErrorCode::Invalid);
    assert_eq!(code(plan(&facts("1", "EUR"), &[], Vec::new(), "")), UserErrorCode::Unbalanced);
    let twice = item(OpenItemSide::Receivable, "EUR", dec("100"), dec("100"));
    let twice = [
        Settled { item: twice.clone(), amount: dec("50"), paid: None, discount: None },
        Settled { item: twice, amount: dec("50"), paid: None, discount: None },
    ];
    assert_eq!(code(plan(&facts("100", "EUR"), &twice, Vec::new(), "")), UserErrorCode::Duplicate);
}

/// The books are kept in euros here, so the rupees of the stories are euros.
#[test]
fn what_is_paid_at_another_rate_is_realised() {
    let exchange = Exchange { gain: Some(AccountId::new()), loss: Some(AccountId::new()) };
    let owed = || item(OpenItemSide::Receivable, "USD", dec("100"), dec("5000"));
    let amounts = |plan: &Plan| plan.lines.lines().iter().map(|line| line.amount).collect::<Vec<_>>();
    // 100 booked at 50 and paid at 55.
    let line = Facts { rate: Some(dec("55")), exchange, ..facts("100", "USD") };
    let whole = [Settled { item: owed(), amount: dec("100"), paid: None, discount: None }];
    let gained = plan(&line, &whole, Vec::new(), "").unwrap();
    assert_eq!(amounts(&gained), [dec("5500"), dec("-5000"), dec("-500")]);
    assert_eq!(Some(gained.lines.lines()[2].account), exchange.gain);
    // 20 of them paid with 900 of the books' currency.
    let line = Facts { exchange, ..facts("900", "EUR") };
    let part = |paid| [Settled { item: owed(), amount: dec("20"), paid, discount: None }];
    let lost = plan(&line, &part(Some(dec("900"))), Vec::new(), "").unwrap();
    assert_eq!(amounts(&lost), [dec("900"), dec("-1000"), dec("100")]);
    assert_eq!(Some(lost.lines.lines()[2].account), exchange.loss);
    assert_eq!((lost.allocations[0].0.amount, lost.allocations[0].0.amount_book), (dec("20"), dec("1000")));
    // What is paid is said where the currencies differ, with the right sign, and nowhere else.
    assert_eq!(code(plan(&line, &part(None), Vec::new(), "")), UserErrorCode::Required);
    assert_eq!(code(plan(&line, &part(Some(dec("-900"))), Vec::new(), "")), UserErrorCode::Invalid);
    assert_eq!(code(plan(&line, &part(Some(dec("899"))), Vec::new(), "")), UserErrorCode::Unbalanced);
    let nowhere = Facts { exchange: Exchange::default(), ..facts("900", "EUR") };
    assert_eq!(code(plan(&nowhere, &part(Some(dec("900"))), Vec::new(), "")), UserErrorCode::State);
}

proptest! {
    /// However an item in a foreign currency is paid in parts, its book amount is used up exactly and every entry balances.
    #[test]
    fn parts_use_up_the_book_amount(
        parts in prop::collection::vec(1i64..=1_000_000, 1..8),
        rate in 1i64..=100_000,
        negative in any::<bool>(),
        payable in any::<bool>(),
    ) {
        let side = if payable { OpenItemSide::Payable } else { OpenItemSide::Receivable };
        let sign = if negative { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
        let total = sign * Decimal::new(parts.iter().sum::<i64>(), 2);
        let book = (total * Decimal::new(rate, 4)).round_dp(2);
        let mut item = item(side, "USD", total, book);
        for part in parts {
            let amount = sign * Decimal::new(part, 2);
            let flow = if payable { -amount } else { amount };
            let facts = facts(&flow.to_string(), "USD");
            let plan = plan(&facts, &[Settled { item: item.clone(), amount, paid: None, discount: None }], Vec::new(), "").unwrap();
            prop_assert_eq!(plan.lines.lines().iter().map(|line| line.book()).sum::<Decimal>(), Decimal::ZERO);
            item.open_amount = Dec(item.open_amount.0 - plan.allocations[0].0.amount);
            item.open_book = Dec(item.open_book.0 - plan.allocations[0].0.amount_book);
        }
        prop_assert!(item.open_amount.0.is_zero());
        prop_assert!(item.open_book.0.is_zero());
    }
}
