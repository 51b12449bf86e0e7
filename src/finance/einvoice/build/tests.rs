use backoffice_formats::einvoice::{Address, Party, cii, ubl};
use proptest::prelude::*;

use super::*;
use crate::platform::input::currency;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn party(name: &str, vat: &str) -> Party {
    Party {
        name: Some(name.to_owned()),
        vat_id: Some(vat.to_owned()),
        address: Some(Address { country: Some("DE".to_owned()), ..Address::default() }),
        ..Party::default()
    }
}

fn sold(quantity: &str, price: Option<(&str, &str)>, net: &str, discount: &str) -> FactLine {
    FactLine {
        description: "Rope".to_owned(),
        quantity: dec(quantity),
        price: price.map(|(price, percent)| (dec(price), dec(percent))),
        net: dec(net),
        document_discount: dec(discount),
        category: TaxCategory::Standard,
        rate: dec("19"),
    }
}

fn facts(lines: Vec<FactLine>, tax: &str) -> Facts {
    let base: Decimal = lines.iter().map(|line| line.net - line.document_discount).sum();
    Facts {
        number: "INV-00001".to_owned(),
        issued_on: "2026-01-15".parse().unwrap(),
        due_on: "2026-01-29".parse().ok(),
        takes_back: None,
        currency: currency("EUR").unwrap(),
        accounted: None,
        reference: None,
        seller: party("Seller", "DE123456789"),
        buyer: party("Buyer", "DE987654321"),
        discount_percent: Decimal::ZERO,
        account: Some(("DE89370400440532013000".to_owned(), true)),
        lines,
        taxes: vec![FactTax {
            category: TaxCategory::Standard,
            rate: dec("19"),
            base,
            tax: dec(tax),
            exemption: None,
            exemption_code: None,
        }],
        cash_difference: Decimal::ZERO,
        unfit: Vec::new(),
    }
}

#[test]
fn lines_say_price_and_discount_where_they_come_to_the_amount() {
    let made = |quantity, price, net| {
        let made = line(&sold(quantity, price, net, "0"), 0, currency("EUR").unwrap()).unwrap();
        (made.quantity.unwrap(), made.price.unwrap(), made.price_quantity, made.adjustments)
    };
    assert_eq!(made("3", Some(("33.33", "0")), "99.99"), (dec("3"), dec("33.33"), None, vec![]));
    let (_, price, _, less) = made("16", Some(("348.35", "4")), "5350.66");
    assert_eq!((price, less[0].base, less[0].amount), (dec("348.35"), Some(dec("5573.60")), Some(dec("222.94"))));
    // moved by a cent so that the document adds up: the amount is the price of all of it
    assert_eq!(made("3", Some(("33.33", "0")), "100.00"), (dec("3"), dec("100.00"), Some(dec("3")), vec![]));
    assert_eq!(made("-2", Some(("10", "10")), "-18.00"), (dec("-2"), dec("18.00"), Some(dec("2")), vec![]));
    assert_eq!(made("2", Some(("-10", "0")), "-20.00"), (dec("-2"), dec("10"), None, vec![]));
    assert_eq!(made("1", None, "5.00"), (dec("1"), dec("5.00"), None, vec![]));
}

#[test]
fn a_discount_on_the_document_is_an_allowance() {
    let two = vec![sold("1", Some(("100", "0")), "100.00", "10.00"), sold("2", Some(("50", "0")), "100.00", "10.00")];
    let tenth = Facts { discount_percent: dec("10"), ..facts(two, "34.20") };
    let made = invoice(&tenth, EInvoiceForm::Ubl).unwrap();
    assert_eq!((made.adjustments[0].base, made.adjustments[0].percent), (Some(dec("200.00")), Some(dec("10"))));
    made.check().unwrap();
    assert_eq!(made.adjustments.len(), 1);
    assert_eq!((made.totals.lines, made.totals.allowances), (Some(dec("200.00")), Some(dec("20.00"))));
    assert_eq!(made.totals.gross, Some(dec("214.20")));
}

#[test]
fn what_is_paid_in_coins_is_due_as_it_is_paid() {
    let coins = Facts {
        cash_difference: dec("-0.02"),
        ..facts(vec![sold("1", Some(("100.02", "0")), "100.02", "0")], "19.00")
    };
    let made = invoice(&coins, EInvoiceForm::Ubl).unwrap();
    made.check().unwrap();
    let totals = made.totals;
    assert_eq!(
        (totals.gross, totals.rounding, totals.due),
        (Some(dec("119.02")), Some(dec("-0.02")), Some(dec("119.00")))
    );
}

proptest! {
    /// Whatever is sold, what is made keeps the rules, and says in either form what the books say.
    #[test]
    fn what_is_made_is_sound(
        rows in prop::collection::vec((1_i64..100_000, 0_i64..1_000_000, 0_i64..10_000), 1..8),
    ) {
        let euro = currency("EUR").unwrap();
        let lines: Vec<FactLine> = rows
            .iter()
            .map(|(quantity, price, percent)| {
                let (quantity, price, percent) =
                    (Decimal::new(*quantity, 2), Decimal::new(*price, 4), Decimal::new(*percent, 2));
                let kept = (dec("100") - percent) / dec("100");
                FactLine {
                    description: "Rope".to_owned(),
                    quantity,
                    price: Some((price, percent)),
                    net: round(quantity * price * kept, euro).unwrap(),
                    document_discount: Decimal::ZERO,
                    category: TaxCategory::Standard,
                    rate: dec("19"),
                }
            })
            .collect();
        let base: Decimal = lines.iter().map(|line| line.net).sum();
        let tax = round(base * dec("0.19"), euro).unwrap();
        let made = invoice(&facts(lines, &tax.to_string()), EInvoiceForm::Ubl).unwrap();
        prop_assert_eq!(made.violations(), vec![]);
        for text in [ubl::write(&made).unwrap(), cii::write(&made).unwrap()] {
            let read = backoffice_formats::einvoice::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(read.totals.gross, Some(base + tax));
            prop_assert_eq!(read.totals.net, Some(base));
        }
    }
}
