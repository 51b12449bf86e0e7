use proptest::prelude::*;
use rust_decimal::Decimal;

use super::fixtures::{amount, day, full, invoice, line, some};
use super::*;
use crate::limits::MAX_FIELD_CHARS;

/// Without the lines of the file that it was read from.
fn unplaced(mut invoice: Invoice) -> Invoice {
    invoice.lines.iter_mut().for_each(|line| line.line = 0);
    invoice
}

/// What was written in either syntax, read back.
fn back(invoice: &Invoice) -> [Invoice; 2] {
    [ubl::unchecked(invoice), cii::unchecked(invoice)].map(|text| unplaced(parse(text.as_bytes()).unwrap()))
}

#[test]
fn all_that_can_be_said_comes_back_in_both_syntaxes() {
    let mut card = full();
    card.payments =
        vec![Payment { code: some("48"), card: some("1234"), card_holder: some("Ada"), ..Payment::default() }];
    for invoice in [invoice(), full(), card] {
        assert_eq!(invoice.check(), Ok(()));
        let [ubl, cii] = back(&invoice);
        assert_eq!(ubl, invoice);
        assert_eq!(cii, invoice);
        assert_eq!(ubl::write(&invoice), ubl::write(&invoice));
    }
}

#[test]
fn a_credit_note_has_its_own_document() {
    let mut note = full();
    note.kind = some("381");
    let text = ubl::write(&note).unwrap();
    assert!(text.contains("<CreditNote ") && text.contains("CreditedQuantity"));
    assert_eq!(back(&note), [note.clone(), note.clone()]);
    let wrong = text.replace(">381<", ">380<");
    assert_eq!(ubl::parse(wrong.as_bytes()).unwrap_err().iter().next().unwrap().code, ProblemCode::TypeMismatch);
}

#[test]
fn when_the_tax_is_due_has_other_words_in_the_other_syntax() {
    let mut invoice = invoice();
    invoice.vat_point_code = some("35");
    assert!(ubl::write(&invoice).unwrap().contains("<cbc:DescriptionCode>35<"));
    assert!(cii::write(&invoice).unwrap().contains("<ram:DueDateTypeCode>29<"));
    assert_eq!(back(&invoice), [invoice.clone(), invoice]);
}

#[test]
fn what_breaks_a_rule_is_not_written() {
    let mut invoice = invoice();
    invoice.seller.vat_id = None;
    for refused in [ubl::write(&invoice).unwrap_err(), cii::write(&invoice).unwrap_err()] {
        assert!(
            refused
                .iter()
                .all(|broken| broken.rule == "BR-S-02" || broken.rule == "BR-S-03" || broken.rule == "BR-S-04")
        );
        assert_eq!(refused.len(), 5);
        assert_eq!(refused[0].at, "lines.0.category");
    }
}

#[test]
fn what_cannot_be_read_is_named() {
    let ubl = ubl::write(&full()).unwrap();
    let cii = cii::write(&full()).unwrap();
    let first = |text: &str| {
        let problem = parse(text.as_bytes()).unwrap_err().into_iter().next().unwrap();
        (problem.code, problem.column.unwrap_or_default())
    };
    for (text, from, to, code, place) in [
        (&ubl, ">253.60<", ">253,60<", ProblemCode::Number, "Invoice/LegalMonetaryTotal/LineExtensionAmount"),
        (&ubl, ">2026-03-02<", ">2026-02-30<", ProblemCode::Date, "Invoice/IssueDate"),
        (
            &ubl,
            "\"EUR\">253.60<",
            "\"USD\">253.60<",
            ProblemCode::Currency,
            "Invoice/LegalMonetaryTotal/LineExtensionAmount",
        ),
        (&ubl, "\"DKK\">331.60<", "\"SEK\">331.60<", ProblemCode::Currency, "Invoice/TaxTotal/TaxAmount"),
        (&ubl, ">S<", ">X<", ProblemCode::UnknownWord, "Invoice/AllowanceCharge/TaxCategory/ID"),
        (&ubl, ">false<", ">no<", ProblemCode::UnknownWord, "Invoice/AllowanceCharge/ChargeIndicator"),
        (
            &ubl,
            "YSxiCg==",
            "YSxiC*==",
            ProblemCode::Encoding,
            "Invoice/AdditionalDocumentReference/Attachment/EmbeddedDocumentBinaryObject",
        ),
        (&ubl, "Invoice-2", "Order-2", ProblemCode::Format, ""),
        (
            &cii,
            ">20260302<",
            ">2026-03-02<",
            ProblemCode::Date,
            "CrossIndustryInvoice/ExchangedDocument/IssueDateTime/DateTimeString",
        ),
        (
            &cii,
            "\"102\">20260302<",
            "\"610\">202603<",
            ProblemCode::Date,
            "CrossIndustryInvoice/ExchangedDocument/IssueDateTime/DateTimeString",
        ),
        (&cii, "Invoice:100", "Invoice:200", ProblemCode::Format, ""),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(first(&text.replacen(from, to, 1)), (code, place.to_owned()), "{from} {to}");
    }
    assert_eq!(first("<html/>").0, ProblemCode::Format);
    assert_eq!(first("").0, ProblemCode::Empty);
    assert_eq!(first(&ubl.replacen("?>", "?><!DOCTYPE a [<!ENTITY b \"c\">]>", 1)).0, ProblemCode::Doctype);
    assert_eq!(first(&ubl.replacen(">Nordwind", ">&b;", 1)).0, ProblemCode::Doctype);
    let long = "x".repeat(MAX_FIELD_CHARS + 1);
    assert_eq!(first(&ubl.replacen("Danke!", &long, 1)).0, ProblemCode::FieldTooLong);
    // a file within the invoice may be longer than any text
    let file = ubl.replacen("YSxiCg==", &"YSxiCg\n==".replace("\n==", "aa").repeat(2_000), 1);
    assert_eq!(parse(file.as_bytes()).unwrap().attachments.len(), 2);
    let elements = "<a/>".repeat(crate::limits::MAX_XML_ELEMENTS);
    assert_eq!(first(&ubl.replacen("</Invoice>", &format!("{elements}</Invoice>"), 1)).0, ProblemCode::TooLarge);
}

/// Written by hand: other prefixes, attributes and white space than ours.
const BY_HAND: &str = r#"<?xml version='1.0' encoding="UTF-8"?>
<!-- a comment -->
<u:CreditNote xmlns:u="urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
    xmlns:a="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
    xmlns:b="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <b:CustomizationID> urn:cen.eu:en16931:2017 </b:CustomizationID><b:ID>CN &amp; 1</b:ID>
  <b:IssueDate>2026-03-31</b:IssueDate><b:CreditNoteTypeCode listID="UNCL1001">381</b:CreditNoteTypeCode>
  <b:DocumentCurrencyCode>DKK</b:DocumentCurrencyCode>
  <a:BillingReference><a:InvoiceDocumentReference><b:ID>17</b:ID></a:InvoiceDocumentReference></a:BillingReference>
  <a:AccountingSupplierParty><a:Party>
    <a:PartyName><b:Name>Ø</b:Name></a:PartyName>
    <a:PostalAddress><a:Country><b:IdentificationCode>DK</b:IdentificationCode></a:Country></a:PostalAddress>
    <a:PartyLegalEntity><b:RegistrationName>Ørsted</b:RegistrationName><b:CompanyID>1</b:CompanyID></a:PartyLegalEntity>
  </a:Party></a:AccountingSupplierParty>
  <a:AccountingCustomerParty><a:Party>
    <a:PostalAddress><a:Country><b:IdentificationCode>DK</b:IdentificationCode></a:Country></a:PostalAddress>
    <a:PartyLegalEntity><b:RegistrationName>B</b:RegistrationName></a:PartyLegalEntity>
  </a:Party></a:AccountingCustomerParty>
  <a:PaymentMeans><b:PaymentMeansCode>10</b:PaymentMeansCode><b:PaymentDueDate>2026-04-30</b:PaymentDueDate></a:PaymentMeans>
  <a:TaxTotal><b:TaxAmount currencyID="DKK">0</b:TaxAmount><a:TaxSubtotal>
    <b:TaxableAmount currencyID="DKK">12.5</b:TaxableAmount><b:TaxAmount currencyID="DKK">0</b:TaxAmount>
    <a:TaxCategory><b:ID>O</b:ID><b:TaxExemptionReason>none</b:TaxExemptionReason>
      <a:TaxScheme><b:ID>VAT</b:ID></a:TaxScheme></a:TaxCategory></a:TaxSubtotal></a:TaxTotal>
  <a:LegalMonetaryTotal><b:LineExtensionAmount currencyID="DKK">12.50</b:LineExtensionAmount>
    <b:TaxExclusiveAmount currencyID="DKK">12.50</b:TaxExclusiveAmount>
    <b:TaxInclusiveAmount currencyID="DKK">12.50</b:TaxInclusiveAmount>
    <b:PayableAmount currencyID="DKK">12.50</b:PayableAmount></a:LegalMonetaryTotal>
  <a:CreditNoteLine><b:ID>1</b:ID><b:CreditedQuantity unitCode="HUR">1.25</b:CreditedQuantity>
    <b:LineExtensionAmount currencyID="DKK">12.50</b:LineExtensionAmount>
    <a:Item><b:Name>Hour
      of work</b:Name><a:ClassifiedTaxCategory><b:ID>O</b:ID><a:TaxScheme><b:ID>VAT</b:ID></a:TaxScheme></a:ClassifiedTaxCategory></a:Item>
    <a:Price><b:PriceAmount currencyID="DKK">10.000000</b:PriceAmount></a:Price></a:CreditNoteLine>
</u:CreditNote>"#;

#[test]
fn a_note_by_another_hand() {
    let note = parse(BY_HAND.as_bytes()).unwrap();
    assert_eq!(note.check(), Ok(()));
    assert!(note.is_credit_note());
    assert_eq!((note.number.as_deref(), note.due_on), (Some("CN & 1"), day("2026-04-30")));
    assert_eq!(note.preceding[0].number.as_deref(), Some("17"));
    assert_eq!((note.seller.name.as_deref(), note.seller.trading_name.as_deref()), (Some("Ørsted"), Some("Ø")));
    let line = &note.lines[0];
    assert_eq!((line.line, line.name.as_deref(), line.price), (28, Some("Hour of work"), amount("10")));
    assert_eq!((line.category, line.rate), (Some(Category::OutOfScope), None));
    assert_eq!(back(&note), [unplaced(note.clone()), unplaced(note)]);
}

/// An invoice of such lines, its totals computed.
fn of_lines(lines: Vec<(i64, i64, u8)>, paid: i64) -> Invoice {
    let mut invoice = invoice();
    invoice.adjustments.clear();
    let rates = ["19", "7", "5.5"];
    invoice.lines = lines
        .iter()
        .zip(1..)
        .map(|((quantity, cents, rate), number)| {
            let (quantity, price) = (Decimal::new(*quantity, 3), Decimal::new(*cents, 2));
            let net = quantity.checked_mul(price).unwrap().round_dp(2);
            let texts = [quantity, price, net].map(|value| value.normalize().to_string());
            line(&number.to_string(), &texts[0], &texts[1], &texts[2], Category::Standard, rates[usize::from(*rate)])
        })
        .collect();
    invoice.vat = rates
        .iter()
        .filter_map(|rate| {
            let rate = amount(rate);
            let mut same = invoice.lines.iter().filter(|line| line.rate == rate).peekable();
            same.peek()?;
            let taxable: Decimal = same.filter_map(|line| line.net).sum();
            let tax = (taxable * rate? / Decimal::ONE_HUNDRED).round_dp(2);
            Some(VatLine {
                taxable: Some(taxable.normalize()),
                tax: Some(tax.normalize()),
                category: Some(Category::Standard),
                rate,
                ..VatLine::default()
            })
        })
        .collect();
    let net: Decimal = invoice.lines.iter().filter_map(|line| line.net).sum();
    let vat: Decimal = invoice.vat.iter().filter_map(|line| line.tax).sum();
    let paid = Decimal::new(paid, 2);
    let number = |value: Decimal| Some(if value.is_zero() { Decimal::ZERO } else { value.normalize() });
    invoice.totals = Totals {
        lines: number(net),
        net: number(net),
        vat: number(vat),
        gross: number(net + vat),
        paid: number(paid),
        due: number(net + vat - paid),
        ..Totals::default()
    };
    invoice
}

proptest! {
    #[test]
    fn every_total_is_kept(lines in prop::collection::vec((1_i64..1_000_000, 0_i64..1_000_000, 0_u8..3), 1..12), paid in 0_i64..10_000) {
        let invoice = of_lines(lines, paid);
        prop_assert_eq!(invoice.check(), Ok(()));
        let [ubl, cii] = back(&invoice);
        prop_assert_eq!(&ubl, &invoice);
        prop_assert_eq!(&cii, &invoice);
        // from one syntax to the other and back
        prop_assert_eq!(&back(&ubl)[1], &invoice);
        prop_assert_eq!(&back(&cii)[0], &invoice);
    }

    #[test]
    fn a_cent_is_noticed(lines in prop::collection::vec((1_i64..1_000_000, 0_i64..1_000_000, 0_u8..3), 1..6), field in 0_u8..4) {
        let mut invoice = of_lines(lines, 0);
        let totals = &mut invoice.totals;
        let field = match field {
            0 => &mut totals.lines,
            1 => &mut totals.net,
            2 => &mut totals.gross,
            _ => &mut totals.due,
        };
        *field = field.map(|amount| amount + Decimal::new(1, 2));
        prop_assert!(invoice.check().is_err());
    }

    #[test]
    fn texts_come_back(text in "[ -~äöü€\n]{0,30}x") {
        let mut invoice = full();
        let line = crate::text::one_line(&text);
        invoice.seller.name = Some(line.clone());
        invoice.payment_terms = Some(line.clone());
        invoice.lines[1].name = Some(line.clone());
        invoice.lines[0].standard_id = Some(Identifier { id: line.clone(), scheme: Some(line) });
        prop_assert_eq!(back(&invoice), [invoice.clone(), invoice]);
    }

    #[test]
    fn a_damaged_file_is_survived(which in any::<bool>(), cut in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), piece in "(</?(cac:Party|cbc:ID|ram:Name|ram:ID)>|[<>&;\"'a-c0-9]){0,6}") {
        let mut text = if which { ubl::unchecked(&full()) } else { cii::unchecked(&full()) };
        text.insert_str(at.index(text.len()), &piece);
        if let Ok(read) = parse(text.as_bytes()) {
            let _ = read.violations();
            let _ = ubl::unchecked(&read);
            let _ = cii::unchecked(&read);
        }
        text.truncate(cut.index(text.trim_end().len()));
        prop_assert!(parse(text.as_bytes()).is_err());
    }
}
