//! Writing CII D16B: the elements in the order of its schema.

use chrono::NaiveDate;

use super::write_line::{allowance, amount, line, period};
use super::{NAMESPACE, OBJECT, POINT_CODES, SUPPORT, TENDER};
use crate::einvoice::model::{Address, Attachment, Contact, Identifier, Invoice, Party, Payment, VatLine};
use crate::einvoice::reading::{amount_text, plain_text};
use crate::einvoice::rules::Violation;
use crate::xml::write::Writer;

/// The invoice in CII D16B, UTF-8; or the rules that it breaks.
pub fn write(invoice: &Invoice) -> Result<String, Vec<Violation>> {
    invoice.check()?;
    Ok(unchecked(invoice))
}

/// The same whatever rules it breaks.
pub(in crate::einvoice) fn unchecked(invoice: &Invoice) -> String {
    let mut out = Writer::new();
    let space = |name: &str| format!("{NAMESPACE}{name}:100");
    let spaces = [
        ("xmlns:rsm", space("CrossIndustryInvoice")),
        ("xmlns:ram", space("ReusableAggregateBusinessInformationEntity")),
        ("xmlns:qdt", space("QualifiedDataType")),
        ("xmlns:udt", space("UnqualifiedDataType")),
    ];
    let names: Vec<(&str, &str)> = spaces.iter().map(|(name, space)| (*name, space.as_str())).collect();
    out.element_with("rsm:CrossIndustryInvoice", &names, |out| {
        head(invoice, out);
        out.element("rsm:SupplyChainTradeTransaction", |out| {
            invoice.lines.iter().for_each(|one| line(one, out));
            out.element("ram:ApplicableHeaderTradeAgreement", |out| agreement(invoice, out));
            out.element("ram:ApplicableHeaderTradeDelivery", |out| delivery(invoice, out));
            out.element("ram:ApplicableHeaderTradeSettlement", |out| settlement(invoice, out));
        });
    });
    out.finish()
}

fn head(invoice: &Invoice, out: &mut Writer) {
    out.element("rsm:ExchangedDocumentContext", |out| {
        let parts = [
            ("ram:BusinessProcessSpecifiedDocumentContextParameter", &invoice.process),
            ("ram:GuidelineSpecifiedDocumentContextParameter", &invoice.specification),
        ];
        for (name, id) in parts {
            if let Some(id) = id {
                out.element(name, |out| out.leaf("ram:ID", id));
            }
        }
    });
    out.element("rsm:ExchangedDocument", |out| {
        out.maybe("ram:ID", invoice.number.as_deref());
        out.maybe("ram:TypeCode", invoice.kind.as_deref());
        date("ram:IssueDateTime", "udt:DateTimeString", invoice.issued_on, out);
        for note in &invoice.notes {
            out.element("ram:IncludedNote", |out| {
                out.leaf("ram:Content", &note.text);
                out.maybe("ram:SubjectCode", note.subject.as_deref());
            });
        }
    });
}

/// A day within an element that is there for nothing else.
pub(super) fn date(element: &'static str, name: &str, day: Option<NaiveDate>, out: &mut Writer) {
    if let Some(day) = day {
        let text = day.format("%Y%m%d").to_string();
        out.element(element, |out| out.leaf_with(name, &[("format", "102")], &text));
    }
}

pub(super) fn identifier(name: &str, id: &Identifier, out: &mut Writer) {
    let scheme: &[(&str, &str)] = match &id.scheme {
        Some(scheme) => &[("schemeID", scheme.as_str())],
        None => &[],
    };
    out.leaf_with(name, scheme, &id.id);
}

fn referenced(name: &'static str, number: &Option<String>, out: &mut Writer) {
    if let Some(number) = number {
        out.element(name, |out| out.leaf("ram:IssuerAssignedID", number));
    }
}

fn agreement(invoice: &Invoice, out: &mut Writer) {
    out.maybe("ram:BuyerReference", invoice.buyer_reference.as_deref());
    party("ram:SellerTradeParty", &invoice.seller, out);
    party("ram:BuyerTradeParty", &invoice.buyer, out);
    if let Some(representative) = &invoice.tax_representative {
        party("ram:SellerTaxRepresentativeTradeParty", representative, out);
    }
    referenced("ram:SellerOrderReferencedDocument", &invoice.sales_order, out);
    referenced("ram:BuyerOrderReferencedDocument", &invoice.purchase_order, out);
    referenced("ram:ContractReferencedDocument", &invoice.contract, out);
    invoice.attachments.iter().for_each(|one| attachment(one, out));
    let kinds =
        [(TENDER, invoice.tender.clone().map(|id| Identifier { id, scheme: None })), (OBJECT, invoice.object.clone())];
    for (kind, id) in kinds {
        id.iter().for_each(|id| object(id, kind, out));
    }
    if let Some(project) = &invoice.project {
        out.element("ram:SpecifiedProcuringProject", |out| {
            out.leaf("ram:ID", project);
            // the schema wants a name, and the standard knows none
            out.leaf("ram:Name", "Project reference");
        });
    }
}

pub(super) fn object(id: &Identifier, kind: &str, out: &mut Writer) {
    out.element("ram:AdditionalReferencedDocument", |out| {
        out.leaf("ram:IssuerAssignedID", &id.id);
        out.leaf("ram:TypeCode", kind);
        out.maybe("ram:ReferenceTypeCode", id.scheme.as_deref());
    });
}

fn attachment(one: &Attachment, out: &mut Writer) {
    out.element("ram:AdditionalReferencedDocument", |out| {
        out.maybe("ram:IssuerAssignedID", one.number.as_deref());
        out.maybe("ram:URIID", one.uri.as_deref());
        out.leaf("ram:TypeCode", SUPPORT);
        out.maybe("ram:Name", one.description.as_deref());
        if let Some(file) = &one.file {
            let attributes = [("mimeCode", file.media_type.as_str()), ("filename", file.name.as_str())];
            out.leaf_with("ram:AttachmentBinaryObject", &attributes, &file.base64);
        }
    });
}

fn party(name: &'static str, party: &Party, out: &mut Writer) {
    out.element(name, |out| {
        let (global, own): (Vec<&Identifier>, Vec<&Identifier>) = party.ids.iter().partition(|id| id.scheme.is_some());
        own.into_iter().for_each(|id| identifier("ram:ID", id, out));
        global.into_iter().for_each(|id| identifier("ram:GlobalID", id, out));
        out.maybe("ram:Name", party.name.as_deref());
        out.maybe("ram:Description", party.legal_form.as_deref());
        if party.registration.is_some() || party.trading_name.is_some() {
            out.element("ram:SpecifiedLegalOrganization", |out| {
                party.registration.iter().for_each(|id| identifier("ram:ID", id, out));
                out.maybe("ram:TradingBusinessName", party.trading_name.as_deref());
            });
        }
        party.contact.iter().for_each(|one| contact(one, out));
        party.address.iter().for_each(|one| address(one, out));
        if let Some(endpoint) = &party.endpoint {
            out.element("ram:URIUniversalCommunication", |out| identifier("ram:URIID", endpoint, out));
        }
        for (scheme, number) in [("VA", &party.vat_id), ("FC", &party.tax_id)] {
            if let Some(number) = number {
                out.element("ram:SpecifiedTaxRegistration", |out| {
                    out.leaf_with("ram:ID", &[("schemeID", scheme)], number);
                });
            }
        }
    });
}

fn contact(contact: &Contact, out: &mut Writer) {
    out.element("ram:DefinedTradeContact", |out| {
        out.maybe("ram:PersonName", contact.name.as_deref());
        if let Some(phone) = &contact.phone {
            out.element("ram:TelephoneUniversalCommunication", |out| out.leaf("ram:CompleteNumber", phone));
        }
        if let Some(email) = &contact.email {
            out.element("ram:EmailURIUniversalCommunication", |out| out.leaf("ram:URIID", email));
        }
    });
}

fn address(address: &Address, out: &mut Writer) {
    out.element("ram:PostalTradeAddress", |out| {
        out.maybe("ram:PostcodeCode", address.post_code.as_deref());
        out.maybe("ram:LineOne", address.line_1.as_deref());
        out.maybe("ram:LineTwo", address.line_2.as_deref());
        out.maybe("ram:LineThree", address.line_3.as_deref());
        out.maybe("ram:CityName", address.city.as_deref());
        out.maybe("ram:CountryID", address.country.as_deref());
        out.maybe("ram:CountrySubDivisionName", address.region.as_deref());
    });
}

fn delivery(invoice: &Invoice, out: &mut Writer) {
    if let Some(delivery) = &invoice.delivery {
        if delivery.name.is_some() || delivery.location.is_some() || delivery.address.is_some() {
            let to = Party {
                name: delivery.name.clone(),
                ids: delivery.location.iter().cloned().collect(),
                address: delivery.address.clone(),
                ..Party::default()
            };
            party("ram:ShipToTradeParty", &to, out);
        }
        if delivery.on.is_some() {
            out.element("ram:ActualDeliverySupplyChainEvent", |out| {
                date("ram:OccurrenceDateTime", "udt:DateTimeString", delivery.on, out);
            });
        }
    }
    referenced("ram:DespatchAdviceReferencedDocument", &invoice.despatch_advice, out);
    referenced("ram:ReceivingAdviceReferencedDocument", &invoice.receiving_advice, out);
}

fn settlement(invoice: &Invoice, out: &mut Writer) {
    out.maybe("ram:CreditorReferenceID", invoice.creditor_id.as_deref());
    out.maybe("ram:PaymentReference", invoice.payment_reference.as_deref());
    out.maybe("ram:TaxCurrencyCode", invoice.vat_currency.as_deref());
    out.maybe("ram:InvoiceCurrencyCode", invoice.currency.as_deref());
    invoice.payee.iter().for_each(|payee| party("ram:PayeeTradeParty", payee, out));
    invoice.payments.iter().for_each(|one| payment(one, out));
    invoice.vat.iter().enumerate().for_each(|(at, one)| tax(one, invoice, at == 0, out));
    invoice.period.iter().for_each(|one| period(*one, out));
    invoice.adjustments.iter().for_each(|one| allowance(one, true, out));
    if invoice.payment_terms.is_some() || invoice.due_on.is_some() || invoice.mandate.is_some() {
        out.element("ram:SpecifiedTradePaymentTerms", |out| {
            out.maybe("ram:Description", invoice.payment_terms.as_deref());
            date("ram:DueDateDateTime", "udt:DateTimeString", invoice.due_on, out);
            out.maybe("ram:DirectDebitMandateID", invoice.mandate.as_deref());
        });
    }
    summation(invoice, out);
    for preceding in &invoice.preceding {
        out.element("ram:InvoiceReferencedDocument", |out| {
            out.maybe("ram:IssuerAssignedID", preceding.number.as_deref());
            date("ram:FormattedIssueDateTime", "qdt:DateTimeString", preceding.issued_on, out);
        });
    }
    if let Some(account) = &invoice.buyer_account {
        out.element("ram:ReceivableSpecifiedTradeAccountingAccount", |out| out.leaf("ram:ID", account));
    }
}

fn payment(one: &Payment, out: &mut Writer) {
    out.element("ram:SpecifiedTradeSettlementPaymentMeans", |out| {
        out.maybe("ram:TypeCode", one.code.as_deref());
        out.maybe("ram:Information", one.text.as_deref());
        if let Some(card) = &one.card {
            out.element("ram:ApplicableTradeSettlementFinancialCard", |out| {
                out.leaf("ram:ID", card);
                out.maybe("ram:CardholderName", one.card_holder.as_deref());
            });
        }
        if let Some(account) = &one.debited_account {
            out.element("ram:PayerPartyDebtorFinancialAccount", |out| out.leaf("ram:IBANID", account));
        }
        if one.account.is_some() || one.account_name.is_some() {
            out.element("ram:PayeePartyCreditorFinancialAccount", |out| {
                let iban = one.account.as_deref().filter(|account| crate::iban::check(account).is_ok());
                out.maybe("ram:IBANID", iban);
                out.maybe("ram:AccountName", one.account_name.as_deref());
                out.maybe("ram:ProprietaryID", one.account.as_deref().filter(|_| iban.is_none()));
            });
        }
        if let Some(bank) = &one.bank {
            out.element("ram:PayeeSpecifiedCreditorFinancialInstitution", |out| out.leaf("ram:BICID", bank));
        }
    });
}

/// The tax of one category and rate. When it is due holds for all of them, and is said with the first.
fn tax(one: &VatLine, invoice: &Invoice, first: bool, out: &mut Writer) {
    let point_code = invoice.vat_point_code.as_deref().filter(|_| first).map(|code| {
        let known = POINT_CODES.iter().find(|(_, there)| *there == code);
        known.map_or(code, |(here, _)| *here)
    });
    out.element("ram:ApplicableTradeTax", |out| {
        amount("ram:CalculatedAmount", one.tax, out);
        out.leaf("ram:TypeCode", "VAT");
        out.maybe("ram:ExemptionReason", one.exemption.as_deref());
        amount("ram:BasisAmount", one.taxable, out);
        out.maybe("ram:CategoryCode", one.category.map(|category| category.as_str()));
        out.maybe("ram:ExemptionReasonCode", one.exemption_code.as_deref());
        date("ram:TaxPointDate", "udt:DateString", invoice.vat_point_on.filter(|_| first), out);
        out.maybe("ram:DueDateTypeCode", point_code);
        out.maybe("ram:RateApplicablePercent", one.rate.map(plain_text).as_deref());
    });
}

fn summation(invoice: &Invoice, out: &mut Writer) {
    let totals = &invoice.totals;
    out.element("ram:SpecifiedTradeSettlementHeaderMonetarySummation", |out| {
        amount("ram:LineTotalAmount", totals.lines, out);
        amount("ram:ChargeTotalAmount", totals.charges, out);
        amount("ram:AllowanceTotalAmount", totals.allowances, out);
        amount("ram:TaxBasisTotalAmount", totals.net, out);
        for (total, currency) in [(totals.vat, &invoice.currency), (totals.vat_accounted, &invoice.vat_currency)] {
            if let Some(total) = total {
                let currency = currency.as_deref().unwrap_or_default();
                out.leaf_with("ram:TaxTotalAmount", &[("currencyID", currency)], &amount_text(total));
            }
        }
        amount("ram:RoundingAmount", totals.rounding, out);
        amount("ram:GrandTotalAmount", totals.gross, out);
        amount("ram:TotalPrepaidAmount", totals.paid, out);
        amount("ram:DuePayableAmount", totals.due, out);
    });
}
