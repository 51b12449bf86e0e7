//! Writing UBL 2.1: the elements in the order of its schema.

use rust_decimal::Decimal;

use super::NAMESPACE;
use super::write_party::{address, helper, identifier, party};
use crate::einvoice::model::{Adjustment, Attachment, Invoice, Line, Payment, Period};
use crate::einvoice::reading::{amount_text, plain_text};
use crate::einvoice::rules::Violation;
use crate::xml::write::Writer;

/// The invoice in UBL 2.1, UTF-8; or the rules that it breaks.
///
/// A credit note (by its type) becomes a CreditNote, all else an Invoice.
pub fn write(invoice: &Invoice) -> Result<String, Vec<Violation>> {
    invoice.check()?;
    Ok(unchecked(invoice))
}

/// The same whatever rules it breaks.
pub(in crate::einvoice) fn unchecked(invoice: &Invoice) -> String {
    let mut out = Writer::new();
    let root = if invoice.is_credit_note() { "CreditNote" } else { "Invoice" };
    let space = |name: &str| format!("{NAMESPACE}{name}-2");
    let (own, aggregate, basic) = (space(root), space("CommonAggregateComponents"), space("CommonBasicComponents"));
    let names = [("xmlns", own.as_str()), ("xmlns:cac", aggregate.as_str()), ("xmlns:cbc", basic.as_str())];
    out.element_with(root, &names, |out| Ubl { invoice, out }.document());
    out.finish()
}

/// An invoice while it is written.
struct Ubl<'w> {
    invoice: &'w Invoice,
    out: &'w mut Writer,
}

impl Ubl<'_> {
    fn document(&mut self) {
        let (invoice, note) = (self.invoice, self.invoice.is_credit_note());
        let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string());
        let out = &mut *self.out;
        out.maybe("cbc:CustomizationID", invoice.specification.as_deref());
        out.maybe("cbc:ProfileID", invoice.process.as_deref());
        out.maybe("cbc:ID", invoice.number.as_deref());
        out.maybe("cbc:IssueDate", day(invoice.issued_on).as_deref());
        if note {
            out.maybe("cbc:TaxPointDate", day(invoice.vat_point_on).as_deref());
            out.maybe("cbc:CreditNoteTypeCode", invoice.kind.as_deref());
        } else {
            out.maybe("cbc:DueDate", day(invoice.due_on).as_deref());
            out.maybe("cbc:InvoiceTypeCode", invoice.kind.as_deref());
        }
        for note in &invoice.notes {
            let subject = note.subject.as_deref().map(|subject| format!("#{subject}#")).unwrap_or_default();
            out.leaf("cbc:Note", &format!("{subject}{}", note.text));
        }
        if !note {
            out.maybe("cbc:TaxPointDate", day(invoice.vat_point_on).as_deref());
        }
        out.maybe("cbc:DocumentCurrencyCode", invoice.currency.as_deref());
        out.maybe("cbc:TaxCurrencyCode", invoice.vat_currency.as_deref());
        out.maybe("cbc:AccountingCost", invoice.buyer_account.as_deref());
        out.maybe("cbc:BuyerReference", invoice.buyer_reference.as_deref());
        if invoice.period.is_some() || invoice.vat_point_code.is_some() {
            period(invoice.period.unwrap_or_default(), invoice.vat_point_code.as_deref(), out);
        }
        self.references(note);
        self.parties();
        self.delivery();
        self.payments();
        if let Some(terms) = &invoice.payment_terms {
            self.out.element("cac:PaymentTerms", |out| out.leaf("cbc:Note", terms));
        }
        for adjustment in &invoice.adjustments {
            self.adjustment(adjustment, true);
        }
        self.taxes();
        self.totals();
        for line in &invoice.lines {
            self.line(line, note);
        }
    }

    /// An amount in the invoice's currency.
    fn amount(&mut self, name: &str, amount: Option<Decimal>) {
        if let Some(amount) = amount {
            let currency = self.invoice.currency.as_deref().unwrap_or_default();
            self.out.leaf_with(name, &[("currencyID", currency)], &amount_text(amount));
        }
    }

    fn within(&mut self, name: &'static str, inside: impl FnOnce(&mut Ubl<'_>)) {
        let invoice = self.invoice;
        self.out.element(name, |out| inside(&mut Ubl { invoice, out }));
    }

    fn references(&mut self, note: bool) {
        let (invoice, out) = (self.invoice, &mut *self.out);
        if invoice.purchase_order.is_some() || invoice.sales_order.is_some() {
            out.element("cac:OrderReference", |out| {
                out.leaf("cbc:ID", invoice.purchase_order.as_deref().unwrap_or("NA"));
                out.maybe("cbc:SalesOrderID", invoice.sales_order.as_deref());
            });
        }
        for preceding in &invoice.preceding {
            out.element("cac:BillingReference", |out| {
                out.element("cac:InvoiceDocumentReference", |out| {
                    out.maybe("cbc:ID", preceding.number.as_deref());
                    out.maybe("cbc:IssueDate", preceding.issued_on.map(|day| day.to_string()).as_deref());
                });
            });
        }
        let mut reference = |name: &'static str, number: &Option<String>| {
            if let Some(number) = number {
                out.element(name, |out| out.leaf("cbc:ID", number));
            }
        };
        reference("cac:DespatchDocumentReference", &invoice.despatch_advice);
        reference("cac:ReceiptDocumentReference", &invoice.receiving_advice);
        if !note {
            reference("cac:OriginatorDocumentReference", &invoice.tender);
        }
        reference("cac:ContractDocumentReference", &invoice.contract);
        if let Some(object) = &invoice.object {
            out.element("cac:AdditionalDocumentReference", |out| {
                identifier("cbc:ID", object, out);
                out.leaf("cbc:DocumentTypeCode", "130");
            });
        }
        // a credit note has no place of its own for the project
        if let (true, Some(project)) = (note, &invoice.project) {
            out.element("cac:AdditionalDocumentReference", |out| {
                out.leaf("cbc:ID", project);
                out.leaf("cbc:DocumentTypeCode", "50");
            });
        }
        invoice.attachments.iter().for_each(|one| attachment(one, out));
        match (note, &invoice.project, &invoice.tender) {
            (false, Some(project), _) => out.element("cac:ProjectReference", |out| out.leaf("cbc:ID", project)),
            (true, _, Some(tender)) => out.element("cac:OriginatorDocumentReference", |out| out.leaf("cbc:ID", tender)),
            _ => {}
        }
    }

    fn parties(&mut self) {
        let (invoice, out) = (self.invoice, &mut *self.out);
        let creditor = invoice.creditor_id.as_deref();
        // who is paid collects; that is the seller unless another is named
        let (of_seller, of_payee) = if invoice.payee.is_some() { (None, creditor) } else { (creditor, None) };
        out.element("cac:AccountingSupplierParty", |out| {
            out.element("cac:Party", |out| party(&invoice.seller, of_seller, out));
        });
        out.element("cac:AccountingCustomerParty", |out| {
            out.element("cac:Party", |out| party(&invoice.buyer, None, out));
        });
        if let Some(payee) = &invoice.payee {
            out.element("cac:PayeeParty", |out| helper(payee, of_payee, out));
        }
        if let Some(representative) = &invoice.tax_representative {
            out.element("cac:TaxRepresentativeParty", |out| helper(representative, None, out));
        }
    }

    fn delivery(&mut self) {
        let Some(delivery) = &self.invoice.delivery else { return };
        self.out.element("cac:Delivery", |out| {
            out.maybe("cbc:ActualDeliveryDate", delivery.on.map(|day| day.to_string()).as_deref());
            if delivery.location.is_some() || delivery.address.is_some() {
                out.element("cac:DeliveryLocation", |out| {
                    delivery.location.iter().for_each(|id| identifier("cbc:ID", id, out));
                    delivery.address.iter().for_each(|one| address("cac:Address", one, out));
                });
            }
            if let Some(name) = &delivery.name {
                out.element("cac:DeliveryParty", |out| {
                    out.element("cac:PartyName", |out| out.leaf("cbc:Name", name));
                });
            }
        });
    }

    fn payments(&mut self) {
        let invoice = self.invoice;
        let due = if invoice.is_credit_note() { invoice.due_on.map(|day| day.to_string()) } else { None };
        for (at, one) in invoice.payments.iter().enumerate() {
            let first = at == 0;
            self.out.element("cac:PaymentMeans", |out| {
                // the words are said once
                let name: &[(&str, &str)] = match &one.text {
                    Some(text) if first => &[("name", text.as_str())],
                    _ => &[],
                };
                if let Some(code) = &one.code {
                    out.leaf_with("cbc:PaymentMeansCode", name, code);
                }
                out.maybe("cbc:PaymentDueDate", due.as_deref().filter(|_| first));
                out.maybe("cbc:PaymentID", invoice.payment_reference.as_deref());
                payment(one, invoice.mandate.as_deref().filter(|_| first), out);
            });
        }
    }

    fn adjustment(&mut self, adjustment: &Adjustment, on_document: bool) {
        self.within("cac:AllowanceCharge", |ubl| {
            let out = &mut *ubl.out;
            out.leaf("cbc:ChargeIndicator", if adjustment.is_charge { "true" } else { "false" });
            out.maybe("cbc:AllowanceChargeReasonCode", adjustment.reason_code.as_deref());
            out.maybe("cbc:AllowanceChargeReason", adjustment.reason.as_deref());
            out.maybe("cbc:MultiplierFactorNumeric", adjustment.percent.map(plain_text).as_deref());
            ubl.amount("cbc:Amount", adjustment.amount);
            ubl.amount("cbc:BaseAmount", adjustment.base);
            if on_document && adjustment.category.is_some() {
                let category = adjustment.category.map(|category| category.as_str());
                tax_category("cac:TaxCategory", category, adjustment.rate, [None, None], ubl.out);
            }
        });
    }

    fn taxes(&mut self) {
        let invoice = self.invoice;
        if invoice.totals.vat.is_some() || !invoice.vat.is_empty() {
            self.within("cac:TaxTotal", |ubl| {
                // the schema wants a sum of tax even where there is none
                ubl.amount("cbc:TaxAmount", Some(invoice.totals.vat.unwrap_or_default()));
                for line in &invoice.vat {
                    ubl.within("cac:TaxSubtotal", |ubl| {
                        ubl.amount("cbc:TaxableAmount", line.taxable);
                        ubl.amount("cbc:TaxAmount", line.tax);
                        let category = line.category.map(|category| category.as_str());
                        let why = [line.exemption_code.as_deref(), line.exemption.as_deref()];
                        tax_category("cac:TaxCategory", category, line.rate, why, ubl.out);
                    });
                }
            });
        }
        if let Some(accounted) = invoice.totals.vat_accounted {
            let currency = invoice.vat_currency.as_deref().unwrap_or_default();
            self.out.element("cac:TaxTotal", |out| {
                out.leaf_with("cbc:TaxAmount", &[("currencyID", currency)], &amount_text(accounted));
            });
        }
    }

    fn totals(&mut self) {
        let totals = &self.invoice.totals;
        self.within("cac:LegalMonetaryTotal", |ubl| {
            ubl.amount("cbc:LineExtensionAmount", totals.lines);
            ubl.amount("cbc:TaxExclusiveAmount", totals.net);
            ubl.amount("cbc:TaxInclusiveAmount", totals.gross);
            ubl.amount("cbc:AllowanceTotalAmount", totals.allowances);
            ubl.amount("cbc:ChargeTotalAmount", totals.charges);
            ubl.amount("cbc:PrepaidAmount", totals.paid);
            ubl.amount("cbc:PayableRoundingAmount", totals.rounding);
            ubl.amount("cbc:PayableAmount", totals.due);
        });
    }

    fn line(&mut self, line: &Line, note: bool) {
        let (name, quantity) = if note {
            ("cac:CreditNoteLine", "cbc:CreditedQuantity")
        } else {
            ("cac:InvoiceLine", "cbc:InvoicedQuantity")
        };
        self.within(name, |ubl| {
            let out = &mut *ubl.out;
            out.maybe("cbc:ID", line.id.as_deref());
            out.maybe("cbc:Note", line.note.as_deref());
            measured(quantity, line.quantity, line.unit.as_deref(), out);
            ubl.amount("cbc:LineExtensionAmount", line.net);
            ubl.out.maybe("cbc:AccountingCost", line.buyer_account.as_deref());
            line.period.iter().for_each(|one| period(*one, None, ubl.out));
            if let Some(order_line) = &line.order_line {
                ubl.out.element("cac:OrderLineReference", |out| out.leaf("cbc:LineID", order_line));
            }
            if let Some(object) = &line.object {
                ubl.out.element("cac:DocumentReference", |out| {
                    identifier("cbc:ID", object, out);
                    out.leaf("cbc:DocumentTypeCode", "130");
                });
            }
            line.adjustments.iter().for_each(|one| ubl.adjustment(one, false));
            ubl.out.element("cac:Item", |out| item(line, out));
            if line.price.is_some() {
                ubl.within("cac:Price", |ubl| ubl.price(line));
            }
        });
    }

    fn price(&mut self, line: &Line) {
        let currency = self.invoice.currency.as_deref().unwrap_or_default();
        let amount = |name: &str, amount: Option<Decimal>, out: &mut Writer| {
            if let Some(amount) = amount {
                out.leaf_with(name, &[("currencyID", currency)], &amount_text(amount));
            }
        };
        amount("cbc:PriceAmount", line.price, self.out);
        measured("cbc:BaseQuantity", line.price_quantity, line.price_unit.as_deref(), self.out);
        if line.discount.is_some() || line.gross_price.is_some() {
            self.out.element("cac:AllowanceCharge", |out| {
                out.leaf("cbc:ChargeIndicator", "false");
                amount("cbc:Amount", Some(line.discount.unwrap_or_default()), out);
                amount("cbc:BaseAmount", line.gross_price, out);
            });
        }
    }
}

fn item(line: &Line, out: &mut Writer) {
    let id = |name: &'static str, id: &Option<String>, out: &mut Writer| {
        if let Some(id) = id {
            out.element(name, |out| out.leaf("cbc:ID", id));
        }
    };
    out.maybe("cbc:Description", line.description.as_deref());
    out.maybe("cbc:Name", line.name.as_deref());
    id("cac:BuyersItemIdentification", &line.buyer_id, out);
    id("cac:SellersItemIdentification", &line.seller_id, out);
    if let Some(standard) = &line.standard_id {
        out.element("cac:StandardItemIdentification", |out| identifier("cbc:ID", standard, out));
    }
    if let Some(origin) = &line.origin {
        out.element("cac:OriginCountry", |out| out.leaf("cbc:IdentificationCode", origin));
    }
    for class in &line.classes {
        let named = [("listID", &class.list), ("listVersionID", &class.version)];
        let attributes: Vec<(&str, &str)> =
            named.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        out.element("cac:CommodityClassification", |out| {
            out.leaf_with("cbc:ItemClassificationCode", &attributes, &class.code);
        });
    }
    if line.category.is_some() {
        let category = line.category.map(|category| category.as_str());
        tax_category("cac:ClassifiedTaxCategory", category, line.rate, [None, None], out);
    }
    for (name, value) in &line.attributes {
        out.element("cac:AdditionalItemProperty", |out| {
            out.leaf("cbc:Name", name);
            out.leaf("cbc:Value", value);
        });
    }
}

fn tax_category(
    name: &'static str,
    category: Option<&str>,
    rate: Option<Decimal>,
    [code, reason]: [Option<&str>; 2],
    out: &mut Writer,
) {
    out.element(name, |out| {
        out.maybe("cbc:ID", category);
        out.maybe("cbc:Percent", rate.map(plain_text).as_deref());
        out.maybe("cbc:TaxExemptionReasonCode", code);
        out.maybe("cbc:TaxExemptionReason", reason);
        out.element("cac:TaxScheme", |out| out.leaf("cbc:ID", "VAT"));
    });
}

fn measured(name: &str, quantity: Option<Decimal>, unit: Option<&str>, out: &mut Writer) {
    if let Some(quantity) = quantity {
        let unit: &[(&str, &str)] = match unit {
            Some(unit) => &[("unitCode", unit)],
            None => &[],
        };
        out.leaf_with(name, unit, &plain_text(quantity));
    }
}

fn period(period: Period, code: Option<&str>, out: &mut Writer) {
    out.element("cac:InvoicePeriod", |out| {
        out.maybe("cbc:StartDate", period.from.map(|day| day.to_string()).as_deref());
        out.maybe("cbc:EndDate", period.to.map(|day| day.to_string()).as_deref());
        out.maybe("cbc:DescriptionCode", code);
    });
}

fn attachment(one: &Attachment, out: &mut Writer) {
    out.element("cac:AdditionalDocumentReference", |out| {
        out.maybe("cbc:ID", one.number.as_deref());
        out.maybe("cbc:DocumentDescription", one.description.as_deref());
        if one.file.is_none() && one.uri.is_none() {
            return;
        }
        out.element("cac:Attachment", |out| {
            if let Some(file) = &one.file {
                let attributes = [("mimeCode", file.media_type.as_str()), ("filename", file.name.as_str())];
                out.leaf_with("cbc:EmbeddedDocumentBinaryObject", &attributes, &file.base64);
            }
            if let Some(uri) = &one.uri {
                out.element("cac:ExternalReference", |out| out.leaf("cbc:URI", uri));
            }
        });
    });
}

fn payment(one: &Payment, mandate: Option<&str>, out: &mut Writer) {
    if let Some(card) = &one.card {
        out.element("cac:CardAccount", |out| {
            out.leaf("cbc:PrimaryAccountNumberID", card);
            // the schema wants a network, and the standard knows none
            out.leaf("cbc:NetworkID", "NA");
            out.maybe("cbc:HolderName", one.card_holder.as_deref());
        });
    }
    if one.account.is_some() || one.account_name.is_some() || one.bank.is_some() {
        out.element("cac:PayeeFinancialAccount", |out| {
            out.maybe("cbc:ID", one.account.as_deref());
            out.maybe("cbc:Name", one.account_name.as_deref());
            if let Some(bank) = &one.bank {
                out.element("cac:FinancialInstitutionBranch", |out| out.leaf("cbc:ID", bank));
            }
        });
    }
    if mandate.is_some() || one.debited_account.is_some() {
        out.element("cac:PaymentMandate", |out| {
            out.maybe("cbc:ID", mandate);
            if let Some(account) = &one.debited_account {
                out.element("cac:PayerFinancialAccount", |out| out.leaf("cbc:ID", account));
            }
        });
    }
}
