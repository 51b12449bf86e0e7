//! Invoices of our own making for the tests.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::*;

pub(super) fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(super) fn amount(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

pub(super) fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn id(id: &str, scheme: Option<&str>) -> Identifier {
    Identifier { id: id.into(), scheme: scheme.map(Into::into) }
}

fn address(city: &str, country: &str) -> Address {
    Address {
        line_1: some("Kai 7"),
        line_2: some("Speicher B"),
        line_3: some("2. Stock"),
        city: some(city),
        post_code: some("20457"),
        region: some("HH"),
        country: some(country),
    }
}

pub(super) fn line(number: &str, quantity: &str, price: &str, net: &str, category: Category, rate: &str) -> Line {
    Line {
        id: some(number),
        quantity: amount(quantity),
        unit: some("C62"),
        net: amount(net),
        price: amount(price),
        category: Some(category),
        rate: amount(rate),
        name: some("Ankerwinde & Kette"),
        ..Line::default()
    }
}

/// 2 × 99.99 and 0.5 × 50.25 with a tenth off at 19 %, 10 × 3.10 at 7 %; the document 5.00 off and 4.90 more at 19 %.
pub(super) fn invoice() -> Invoice {
    let mut second = line("2", "0.5", "50.25", "22.62", Category::Standard, "19");
    second.adjustments = vec![Adjustment {
        amount: amount("2.51"),
        base: amount("25.13"),
        percent: amount("10"),
        reason: some("loyal"),
        reason_code: some("95"),
        ..Adjustment::default()
    }];
    let adjustment = |is_charge: bool, size: &str, why: &str| Adjustment {
        is_charge,
        amount: amount(size),
        category: Some(Category::Standard),
        rate: amount("19"),
        reason: some(why),
        ..Adjustment::default()
    };
    let vat = |taxable: &str, tax: &str, rate: &str| VatLine {
        taxable: amount(taxable),
        tax: amount(tax),
        category: Some(Category::Standard),
        rate: amount(rate),
        ..VatLine::default()
    };
    Invoice {
        specification: some(PEPPOL_SPECIFICATION),
        process: some(PEPPOL_PROCESS),
        number: some("2026-0017"),
        issued_on: day("2026-03-02"),
        kind: some("380"),
        currency: some("EUR"),
        due_on: day("2026-04-01"),
        buyer_reference: some("04011000-12345-34"),
        seller: Party {
            name: some("Nordwind Handel GmbH"),
            ids: vec![id("N-1", None)],
            vat_id: some("DE123456789"),
            endpoint: Some(id("info@nordwind.example", Some("EM"))),
            address: Some(address("Hamburg", "DE")),
            ..Party::default()
        },
        buyer: Party {
            name: some("Harbor Supply SAS"),
            vat_id: some("FR12345678901"),
            endpoint: Some(id("1234567890128", Some("0088"))),
            address: Some(address("Brest", "FR")),
            ..Party::default()
        },
        payments: vec![Payment { code: some("58"), account: some("DE89370400440532013000"), ..Payment::default() }],
        adjustments: vec![adjustment(false, "5.00", "Rabatt"), adjustment(true, "4.90", "Fracht")],
        totals: Totals {
            lines: amount("253.60"),
            allowances: amount("5.00"),
            charges: amount("4.90"),
            net: amount("253.50"),
            vat: amount("44.45"),
            gross: amount("297.95"),
            due: amount("297.95"),
            ..Totals::default()
        },
        vat: vec![vat("222.50", "42.28", "19"), vat("31.00", "2.17", "7")],
        lines: vec![
            line("1", "2", "99.99", "199.98", Category::Standard, "19"),
            second,
            line("3", "10", "3.1", "31.00", Category::Standard, "7"),
        ],
        ..Invoice::default()
    }
}

/// The same with everything that can be said.
pub(super) fn full() -> Invoice {
    let mut full = invoice();
    full.vat_currency = some("DKK");
    full.totals.vat_accounted = amount("331.60");
    full.vat_point_on = day("2026-03-01");
    full.project = some("P-1");
    full.contract = some("C-1");
    full.purchase_order = some("PO-1");
    full.sales_order = some("SO-1");
    full.receiving_advice = some("RA-1");
    full.despatch_advice = some("DA-1");
    full.tender = some("T-1");
    full.object = Some(id("METER-1", Some("AEH")));
    full.buyer_account = some("4711");
    full.payment_terms = some("30 Tage <netto>");
    full.notes = vec![
        Note { subject: some("AAI"), text: "Gelieferte Ware bleibt unser".into() },
        Note { subject: None, text: "Danke!".into() },
    ];
    full.preceding = vec![Preceding { number: some("2026-0003"), issued_on: day("2026-01-31") }];
    full.seller = Party {
        trading_name: some("Nordwind"),
        ids: vec![id("N-1", None), id("4000001123452", Some("0088"))],
        registration: Some(id("HRB 1234", Some("0002"))),
        tax_id: some("46/123/45678"),
        legal_form: some("Amtsgericht Hamburg"),
        contact: Some(Contact { name: some("Ada"), phone: some("+49 40 1"), email: some("ada@nordwind.example") }),
        ..full.seller
    };
    full.payee = Some(Party {
        name: some("Factor AG"),
        ids: vec![id("F-1", None)],
        registration: Some(id("FN 1", None)),
        ..Party::default()
    });
    full.tax_representative = Some(Party {
        name: some("Fiscal BV"),
        vat_id: some("NL123456789B01"),
        address: Some(address("Breda", "NL")),
        ..Party::default()
    });
    full.delivery = Some(Delivery {
        name: some("Lager West"),
        location: Some(id("4000001000005", Some("0088"))),
        on: day("2026-02-27"),
        address: Some(address("Brest", "FR")),
    });
    full.period = Some(Period { from: day("2026-02-01"), to: day("2026-02-28") });
    full.payments = vec![
        Payment {
            code: some("59"),
            text: some("SEPA direct debit"),
            debited_account: some("FR1420041010050500013M02606"),
            ..Payment::default()
        },
        Payment {
            code: some("59"),
            account: some("DE89370400440532013000"),
            account_name: some("Nordwind"),
            bank: some("COBADEFFXXX"),
            ..Payment::default()
        },
    ];
    full.payment_reference = some("RF18539007547034");
    full.mandate = some("M-1");
    full.creditor_id = some("DE98ZZZ09999999999");
    full.totals.paid = amount("100.00");
    full.totals.rounding = amount("0.05");
    full.totals.due = amount("198.00");
    full.attachments = vec![
        Attachment {
            number: some("A-1"),
            description: some("timesheet"),
            uri: some("https://nordwind.example/a"),
            file: None,
        },
        Attachment {
            number: some("A-2"),
            file: Some(EmbeddedFile { media_type: "text/csv".into(), name: "a.csv".into(), base64: "YSxiCg==".into() }),
            ..Attachment::default()
        },
    ];
    let first = &mut full.lines[0];
    first.note = some("mit Kette");
    first.object = Some(id("O-1", Some("AEH")));
    first.order_line = some("10");
    first.buyer_account = some("4712");
    first.period = Some(Period { from: day("2026-02-01"), to: None });
    first.discount = amount("10.00");
    first.gross_price = amount("109.99");
    first.price_quantity = amount("1");
    first.price_unit = some("C62");
    first.description = some("elektrisch");
    first.seller_id = some("AW-1");
    first.buyer_id = some("W-77");
    first.standard_id = Some(id("4000001123452", Some("0160")));
    first.classes = vec![Classification { code: "31161".into(), list: some("TST"), version: some("19.05.01") }];
    first.origin = some("DE");
    first.attributes = vec![("Farbe".into(), "rot".into())];
    full
}
