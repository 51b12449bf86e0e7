use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::einvoice::fixtures::{amount, day, full, invoice, some};
use crate::einvoice::model::{Category, Invoice, Payment, Period};

type Change = fn(&mut Invoice);

/// What is changed, and the rules that are broken by it, in the standard's names.
const BROKEN: &[(&[&str], Change)] = &[
    (&["BR-01"], |one| one.specification = None),
    (&["BR-02"], |one| one.number = None),
    (&["BR-03"], |one| one.issued_on = None),
    (&["BR-04"], |one| one.kind = None),
    (&["BR-06"], |one| one.seller.name = None),
    (&["BR-07"], |one| one.buyer.name = None),
    (&["BR-08"], |one| one.seller.address = None),
    (&["BR-09"], |one| one.seller.address.as_mut().unwrap().country = None),
    (&["BR-10"], |one| one.buyer.address = None),
    (&["BR-11"], |one| one.buyer.address.as_mut().unwrap().country = None),
    (&["BR-12"], |one| one.totals.lines = None),
    (&["BR-13"], |one| one.totals.net = None),
    (&["BR-14"], |one| one.totals.gross = None),
    (&["BR-15"], |one| one.totals.due = None),
    (&["BR-17"], |one| one.payee.as_mut().unwrap().name = None),
    (&["BR-18"], |one| one.tax_representative.as_mut().unwrap().name = None),
    (&["BR-19"], |one| one.tax_representative.as_mut().unwrap().address = None),
    (&["BR-20"], |one| one.tax_representative.as_mut().unwrap().address.as_mut().unwrap().country = None),
    (&["BR-21"], |one| one.lines[1].id = None),
    (&["BR-22", "BR-23"], |one| (one.lines[1].quantity, one.lines[1].unit) = (None, None)),
    (&["BR-23"], |one| one.lines[1].unit = None),
    (&["BR-25"], |one| one.lines[1].name = None),
    (&["BR-26"], |one| one.lines[1].price = None),
    (&["BR-27"], |one| one.lines[1].price = amount("-1")),
    (&["BR-28"], |one| one.lines[0].gross_price = amount("-1")),
    (&["BR-29"], |one| one.period = Some(Period { from: day("2026-03-01"), to: day("2026-02-01") })),
    (&["BR-30"], |one| one.lines[1].period = Some(Period { from: day("2026-03-01"), to: day("2026-02-01") })),
    (&["BR-33", "BR-CO-21"], |one| one.adjustments[0].reason = None),
    (&["BR-38", "BR-CO-22"], |one| one.adjustments[1].reason = None),
    (&["BR-42", "BR-CO-23"], |one| {
        let line = &mut one.lines[1].adjustments[0];
        (line.reason, line.reason_code) = (None, None);
    }),
    (&["BR-44", "BR-CO-24"], |one| {
        let line = &mut one.lines[1].adjustments[0];
        (line.is_charge, line.reason, line.reason_code) = (true, None, None);
    }),
    (&["BR-49"], |one| one.payments[0].code = None),
    (&["BR-50", "BR-61"], |one| {
        one.payments.iter_mut().for_each(|payment| payment.code = some("58"));
        one.payments.remove(0);
        one.payments[0].account = None;
    }),
    (&["UBL-SR-47"], |one| one.payments[1].code = some("31")),
    (&["BR-61"], |one| one.payments = vec![Payment { code: some("30"), ..Payment::default() }]),
    (&["BR-52"], |one| one.attachments[0].number = None),
    (&["BR-53"], |one| one.totals.vat_accounted = None),
    (&["BR-55"], |one| one.preceding[0].number = None),
    (&["BR-56"], |one| one.tax_representative.as_mut().unwrap().vat_id = None),
    (&["BR-57"], |one| one.delivery.as_mut().unwrap().address.as_mut().unwrap().country = None),
    (&["BR-62"], |one| one.seller.endpoint.as_mut().unwrap().scheme = None),
    (&["BR-63"], |one| one.buyer.endpoint.as_mut().unwrap().scheme = None),
    (&["BR-64"], |one| one.lines[0].standard_id.as_mut().unwrap().scheme = None),
    (&["BR-65"], |one| one.lines[0].classes[0].list = None),
    (&["BR-CO-03"], |one| one.vat_point_code = some("35")),
    (&["BR-CO-09"], |one| one.seller.vat_id = some("123456789")),
    (&["BR-CO-10", "BR-CO-13"], |one| one.totals.lines = amount("253.61")),
    (&["BR-CO-11", "BR-CO-13"], |one| one.totals.allowances = amount("5.01")),
    (&["BR-CO-12", "BR-CO-13"], |one| one.totals.charges = amount("4.91")),
    (&["BR-CO-13", "BR-CO-15"], |one| one.totals.net = amount("253.51")),
    (&["BR-CO-14", "BR-CO-15"], |one| one.totals.vat = amount("44.46")),
    (&["BR-CO-15", "BR-CO-16"], |one| one.totals.gross = amount("297.96")),
    (&["BR-CO-16"], |one| one.totals.due = amount("198.01")),
    (&["BR-CO-16"], |one| one.totals.rounding = None),
    (&["BR-CO-16"], |one| one.totals.paid = amount("99.99")),
    (&["BR-CO-17", "BR-S-09", "BR-CO-14"], |one| one.vat[0].tax = amount("43.28")),
    (&["BR-CO-26"], |one| {
        let seller = &mut one.seller;
        (seller.vat_id, seller.registration) = (None, None);
        seller.ids.clear();
    }),
    (&["BR-DEC-23", "BR-CO-10", "BR-S-08"], |one| one.lines[1].net = amount("22.639")),
    (&["BR-DEC-18", "BR-CO-16"], |one| one.totals.due = amount("198.001")),
    (&["BR-S-02", "BR-S-03", "BR-S-04"], |one| {
        (one.seller.vat_id, one.seller.tax_id, one.tax_representative) = (None, None, None);
    }),
    (&["BR-S-05", "BR-S-08"], |one| one.lines[1].rate = amount("0")),
    (&["BR-S-06", "BR-S-08"], |one| one.adjustments[0].rate = amount("0")),
    (&["BR-S-07", "BR-S-08"], |one| one.adjustments[1].rate = amount("0")),
    (&["BR-S-08"], |one| one.vat[1].taxable = amount("33.00")),
    (&["BR-S-10"], |one| one.vat[0].exemption = some("none")),
    (&["BR-CO-04", "BR-S-08"], |one| (one.lines[2].category, one.lines[2].rate) = (None, None)),
    (&["BR-E-01", "BR-S-08"], |one| (one.lines[2].category, one.lines[2].rate) = (Some(Category::Exempt), amount("0"))),
    (&["BR-AE-02", "BR-AE-03", "BR-AE-04", "BR-AE-10"], |one| {
        untaxed(one, Category::ReverseCharge);
        (one.buyer.vat_id, one.buyer.registration, one.vat[0].exemption) = (None, None, None);
    }),
    (&["BR-AE-05"], |one| {
        untaxed(one, Category::ReverseCharge);
        one.lines[0].rate = amount("19");
    }),
    (&["BR-E-08"], |one| {
        untaxed(one, Category::Exempt);
        one.vat[0].taxable = amount("253.51");
    }),
    (&["BR-E-09", "BR-CO-14"], |one| {
        untaxed(one, Category::Exempt);
        one.vat[0].tax = amount("0.01");
    }),
    (&["BR-E-10"], |one| {
        untaxed(one, Category::Exempt);
        one.vat[0].exemption = None;
    }),
    (&["BR-Z-10"], |one| {
        untaxed(one, Category::Zero);
        one.vat[0].exemption = some("none");
    }),
    (&["BR-G-02", "BR-G-03", "BR-G-04"], |one| {
        untaxed(one, Category::Export);
        (one.seller.vat_id, one.tax_representative) = (None, None);
    }),
    (&["BR-IC-02", "BR-IC-03", "BR-IC-04"], |one| {
        untaxed(one, Category::IntraCommunity);
        one.buyer.vat_id = None;
    }),
    (&["BR-IC-11", "BR-IC-12"], |one| {
        untaxed(one, Category::IntraCommunity);
        (one.delivery, one.period) = (None, None);
    }),
    (&["BR-O-02", "BR-O-03", "BR-O-04"], |one| {
        untaxed(one, Category::OutOfScope);
        one.seller.vat_id = some("DE123456789");
    }),
    (&["BR-O-05"], |one| {
        untaxed(one, Category::OutOfScope);
        one.lines[0].rate = amount("0");
    }),
    (&["BR-CO-17", "BR-O-08", "BR-O-09", "BR-O-10", "BR-O-11", "BR-O-12", "BR-O-13", "BR-O-14"], |one| {
        (one.vat[1].category, one.vat[1].rate) = (Some(Category::OutOfScope), None);
    }),
    (&["BR-CO-17", "BR-O-01", "BR-O-08", "BR-O-09", "BR-O-10", "BR-O-12", "BR-O-13", "BR-O-14", "BR-S-01"], |one| {
        for line in &mut one.vat {
            (line.category, line.rate) = (Some(Category::OutOfScope), None);
        }
    }),
];

/// The invoice with all of it in a category without tax.
fn untaxed(one: &mut Invoice, category: Category) {
    let rate = if category == Category::OutOfScope { None } else { amount("0") };
    for line in &mut one.lines {
        (line.category, line.rate) = (Some(category), rate);
    }
    for adjustment in &mut one.adjustments {
        (adjustment.category, adjustment.rate) = (Some(category), rate);
    }
    one.vat.truncate(1);
    let vat = &mut one.vat[0];
    (vat.category, vat.rate, vat.taxable, vat.tax) = (Some(category), rate, amount("253.50"), amount("0"));
    vat.exemption = if category == Category::Zero { None } else { some("no tax here") };
    let totals = &mut one.totals;
    (totals.vat, totals.gross, totals.due) = (amount("0"), amount("253.50"), amount("153.55"));
    if category == Category::OutOfScope {
        (one.seller.vat_id, one.buyer.vat_id, one.tax_representative) = (None, None, None);
    }
}

#[test]
fn each_rule_is_broken_by_name() {
    for (position, (rules, change)) in BROKEN.iter().enumerate() {
        let mut one = full();
        change(&mut one);
        let mut found: Vec<String> = one.violations().into_iter().map(|broken| broken.rule).collect();
        found.sort();
        found.dedup();
        let mut expected: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        expected.sort();
        assert_eq!(found, expected, "change {position}");
    }
}

#[test]
fn every_category_has_its_way_to_be_right() {
    for category in Category::ALL.iter().copied() {
        let mut one = full();
        if !matches!(category, Category::Standard | Category::CanaryIslands | Category::CeutaMelilla) {
            untaxed(&mut one, category);
        } else {
            one.lines.iter_mut().for_each(|line| line.category = Some(category));
            one.adjustments.iter_mut().for_each(|adjustment| adjustment.category = Some(category));
            one.vat.iter_mut().for_each(|line| line.category = Some(category));
        }
        assert_eq!(one.violations(), [], "{category}");
    }
}

#[test]
fn an_invoice_without_anything_lacks_it_all() {
    let rules: Vec<String> = Invoice::default().violations().into_iter().map(|broken| broken.rule).collect();
    for number in [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15, 16] {
        assert!(rules.contains(&format!("BR-{number:02}")), "{number}");
    }
}

proptest! {
    #[test]
    fn any_numbers_are_survived(sizes in prop::collection::vec((any::<i64>(), 0_u32..28), 12)) {
        let mut one = invoice();
        let mut numbers = sizes.iter().map(|(size, scale)| Some(Decimal::from_i128_with_scale(i128::from(*size) * 1_000_000_000, *scale)));
        let mut next = || numbers.next().flatten();
        let totals = &mut one.totals;
        (totals.lines, totals.net, totals.vat, totals.gross, totals.due) = (next(), next(), next(), next(), next());
        (one.vat[0].taxable, one.vat[0].tax, one.vat[0].rate) = (next(), next(), next());
        (one.lines[0].net, one.lines[1].net, one.adjustments[0].amount, one.adjustments[1].rate) = (next(), next(), next(), next());
        let _ = one.violations();
    }
}
