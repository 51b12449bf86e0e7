use backoffice_money::Posting;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::finance::document::DocumentRounding;
use crate::finance::document::pricing::{LineTax, Terms, total};

const TERMS: Terms =
    Terms { rounding: DocumentRounding::ByDocument, discount_percent: Decimal::ZERO, prices_include_tax: false };

fn account(number: u128) -> AccountId {
    AccountId(Uuid::from_u128(number))
}

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn line(net: &str, revenue: u128, tax: Option<(u128, &str)>) -> Line {
    Line {
        description: "x".to_owned(),
        quantity: Decimal::ONE,
        unit_price: dec(net),
        discount_percent: Decimal::ZERO,
        account: account(revenue),
        tax: tax.map(|(code, percent)| LineTax {
            code: TaxCodeId(Uuid::from_u128(code)),
            account: account(code + 1000),
            percent: dec(percent),
        }),
        second_tax: None,
        labels: Labels::none(),
    }
}

fn euros() -> Currencies {
    let eur = Currency::parse("EUR").unwrap();
    Currencies { document: eur, book: eur, rate: Decimal::ONE }
}

fn posted(kind: Kind, lines: &[Line], currencies: Currencies) -> Result<Entry> {
    let totals = total(lines, TERMS, currencies.document)?;
    entry(kind, account(1), lines, &totals, currencies, "test")
}

#[test]
fn an_invoice_at_two_rates() {
    let lines = [line("1000", 4400, Some((19, "19"))), line("500", 4300, Some((7, "7")))];
    let entry = posted(Kind::Invoice, &lines, euros()).unwrap();
    let amounts: Vec<(AccountId, Decimal)> =
        entry.lines.lines().iter().map(|line| (line.account, line.amount)).collect();
    let mut expected = vec![
        (account(1), dec("1725")),
        (account(4400), dec("-1000")),
        (account(4300), dec("-500")),
        (account(1007), dec("-35")),
        (account(1019), dec("-190")),
    ];
    assert_eq!(amounts, expected);
    let bill = posted(Kind::Bill, &lines, euros()).unwrap();
    expected.iter_mut().for_each(|(_, amount)| *amount = -*amount);
    let mirrored: Vec<(AccountId, Decimal)> =
        bill.lines.lines().iter().map(|line| (line.account, line.amount)).collect();
    assert_eq!(mirrored, expected);
}

#[test]
fn lines_of_one_account_are_one_posting() {
    let entry = posted(Kind::Invoice, &[line("1", 4400, None), line("2", 4400, None)], euros()).unwrap();
    assert_eq!(entry.lines.lines().len(), 2);
}

#[test]
fn a_document_without_amount_is_refused() {
    assert!(posted(Kind::Invoice, &[line("0", 4400, Some((19, "19")))], euros()).is_err());
}

#[test]
fn the_remainder_of_a_conversion_goes_to_the_furthest_rounded() {
    let currencies = Currencies {
        document: Currency::parse("USD").unwrap(),
        book: Currency::parse("EUR").unwrap(),
        rate: dec("0.5"),
    };
    // 0.015 + 0.015 + 0.015 = 0.045: each would be 0.02, together 0.05
    let (parts, gross) = in_book_currency(&[dec("0.03"), dec("0.03"), dec("0.03")], currencies, None).unwrap();
    assert_eq!(gross, dec("0.05"));
    assert_eq!(parts, [dec("0.01"), dec("0.02"), dec("0.02")]);
}

fn currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(vec!["EUR", "USD", "JPY", "KWD", "CLF"]).prop_map(|code| Currency::parse(code).unwrap())
}

fn any_line() -> impl Strategy<Value = Line> {
    (
        -9_999_999i64..=9_999_999,
        0i64..=99_999_999,
        0i64..=1_000_000,
        1u128..=4,
        prop::option::of((1u128..=3, 0i64..=300_000)),
    )
        .prop_map(|(quantity, price, discount, revenue, tax)| Line {
            second_tax: None,
            description: "x".to_owned(),
            quantity: Decimal::new(quantity, 4),
            unit_price: Decimal::new(price, 4),
            discount_percent: Decimal::new(discount, 4),
            account: account(revenue + 100),
            tax: tax.map(|(code, _)| LineTax {
                code: TaxCodeId(Uuid::from_u128(code)),
                account: account(code + 1000),
                // one rate a code on one day
                percent: Decimal::new(i64::try_from(code).unwrap() * 70_000, 4),
            }),
            labels: Labels::none(),
        })
}

proptest! {
    #[test]
    fn posting_always_balances(
        lines in prop::collection::vec(any_line(), 1..20),
        by_line in any::<bool>(),
        bill in any::<bool>(),
        document in currency(),
        book in currency(),
        rate in 1i64..=500_000_000_000,
    ) {
        let rounding = if by_line { DocumentRounding::ByLine } else { DocumentRounding::ByDocument };
        let rate = if document == book { Decimal::ONE } else { Decimal::new(rate, 8) };
        let currencies = Currencies { document, book, rate };
        let totals = total(&lines, Terms { rounding, ..TERMS }, document).unwrap();
        let kind = if bill { Kind::Bill } else { Kind::Invoice };
        match entry(kind, account(1), &lines, &totals, currencies, "test") {
            Ok(entry) => {
                let books: Decimal = entry.lines.lines().iter().map(Posting::book).sum();
                let documents: Decimal = entry.lines.lines().iter().map(Posting::document).sum();
                prop_assert_eq!(books, Decimal::ZERO);
                prop_assert_eq!(documents, Decimal::ZERO);
                let control: Decimal = entry.lines.lines().iter()
                    .filter(|line| line.account == account(1)).map(|line| line.amount_document).sum();
                prop_assert_eq!(control, if bill { -totals.gross } else { totals.gross });
            }
            // only documents that are worth nothing are refused
            Err(Error::Refused(_)) => {
                let worth = totals.gross.abs() * rate;
                let nothing = totals.lines.iter().all(|line| line.net.is_zero()) || worth < Decimal::ONE
                    || totals.gross.is_zero();
                prop_assert!(nothing);
            }
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }
}
