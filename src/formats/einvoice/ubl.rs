//! UBL 2.1 Invoice and CreditNote, as EN 16931 and Peppol BIS Billing 3 use them.

use super::model::{
    Address, Adjustment, Attachment, Classification, Contact, Delivery, Identifier, Invoice, Line, Note, Party,
    Payment, Period, Preceding, Totals, VatLine,
};
use super::reading::{Reading, identifier};
use super::{CREDIT_NOTES, check_namespace, document};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::xml::tree::Node;

mod write;
mod write_party;

#[cfg(test)]
pub(super) use write::unchecked;
pub use write::write;

const NAMESPACE: &str = "urn:oasis:names:specification:ubl:schema:xsd:";

/// The invoice or credit note in a file.
pub fn parse(file: &[u8]) -> Result<Invoice, Problems> {
    let (root, namespace) = document(file)?;
    of(&root, &namespace)
}

/// The same from its elements.
pub(super) fn of(root: &Node, namespace: &str) -> Result<Invoice, Problems> {
    if !matches!(root.name.as_str(), "Invoice" | "CreditNote") {
        let message =
            format!("the file begins with {}; an invoice in UBL begins with Invoice or CreditNote", shown(&root.name));
        return Err(Problem::new(root.line, ProblemCode::Format, message).into());
    }
    check_namespace(root, namespace, &format!("{NAMESPACE}{}-2", root.name))?;
    let mut reading = Reading { currency: root.text("DocumentCurrencyCode"), ..Reading::default() };
    let invoice = reading.invoice(root);
    let is_note = root.name == "CreditNote";
    if let Some(kind) = invoice.kind.as_deref()
        && is_note != CREDIT_NOTES.contains(&kind)
    {
        let message = format!("the type {} does not fit a document that begins with {}", shown(kind), root.name);
        reading.problems.push(Problem::new(root.line, ProblemCode::TypeMismatch, message));
    }
    reading.problems.or(invoice)
}

/// The tax scheme that an element belongs to.
fn is_vat(node: &Node) -> bool {
    node.text("TaxScheme/ID").is_some_and(|scheme| scheme.eq_ignore_ascii_case("VAT"))
}

fn is_object(node: &&Node) -> bool {
    node.text("DocumentTypeCode").as_deref() == Some("130")
}

fn is_project(node: &&Node) -> bool {
    node.text("DocumentTypeCode").as_deref() == Some("50")
}

impl Reading {
    fn invoice(&mut self, root: &Node) -> Invoice {
        let documents = root.each("AdditionalDocumentReference");
        let project = documents.iter().copied().find(is_project).and_then(|node| node.text("ID"));
        let supplier = root.at("AccountingSupplierParty/Party");
        let sepa = |node: &&Node| node.attribute("schemeID").as_deref() == Some("SEPA");
        let creditor_ids = [supplier, root.at("PayeeParty")];
        let creditor_id = creditor_ids
            .into_iter()
            .flatten()
            .flat_map(|party| party.each("PartyIdentification/ID"))
            .find(sepa)
            .and_then(Node::own_text);
        Invoice {
            specification: root.text("CustomizationID"),
            process: root.text("ProfileID"),
            number: root.text("ID"),
            issued_on: self.date(root, "IssueDate"),
            kind: root.text("InvoiceTypeCode").or_else(|| root.text("CreditNoteTypeCode")),
            currency: root.text("DocumentCurrencyCode"),
            vat_currency: root.text("TaxCurrencyCode"),
            vat_point_on: self.date(root, "TaxPointDate"),
            vat_point_code: root.text("InvoicePeriod/DescriptionCode"),
            due_on: self.date(root, "DueDate").or_else(|| self.date(root, "PaymentMeans/PaymentDueDate")),
            buyer_reference: root.text("BuyerReference"),
            project: root.text("ProjectReference/ID").or(project),
            contract: root.text("ContractDocumentReference/ID"),
            // the schema wants an order's number even where there is none but the seller's
            purchase_order: root
                .text("OrderReference/ID")
                .filter(|id| id != "NA" || root.at("OrderReference/SalesOrderID").is_none()),
            sales_order: root.text("OrderReference/SalesOrderID"),
            receiving_advice: root.text("ReceiptDocumentReference/ID"),
            despatch_advice: root.text("DespatchDocumentReference/ID"),
            tender: root.text("OriginatorDocumentReference/ID"),
            object: documents.iter().copied().find(is_object).and_then(|node| node.child("ID")).and_then(identifier),
            buyer_account: root.text("AccountingCost"),
            payment_terms: root.text("PaymentTerms/Note"),
            notes: root.each("Note").into_iter().filter_map(note).collect(),
            preceding: root
                .each("BillingReference/InvoiceDocumentReference")
                .into_iter()
                .map(|node| Preceding { number: node.text("ID"), issued_on: self.date(node, "IssueDate") })
                .collect(),
            seller: supplier.map(party).unwrap_or_default(),
            buyer: root.at("AccountingCustomerParty/Party").map(party).unwrap_or_default(),
            payee: root.child("PayeeParty").map(helper),
            tax_representative: root.child("TaxRepresentativeParty").map(helper),
            delivery: root.child("Delivery").map(|node| self.delivery(node)),
            period: root.child("InvoicePeriod").and_then(|node| self.period(node)),
            payments: root.each("PaymentMeans").into_iter().map(payment).collect(),
            payment_reference: root.each("PaymentMeans/PaymentID").into_iter().find_map(Node::own_text),
            mandate: root.each("PaymentMeans/PaymentMandate/ID").into_iter().find_map(Node::own_text),
            creditor_id,
            adjustments: root.each("AllowanceCharge").into_iter().map(|node| self.adjustment(node)).collect(),
            totals: self.totals(root),
            vat: root.each("TaxTotal/TaxSubtotal").into_iter().map(|node| self.vat(node)).collect(),
            attachments: documents
                .into_iter()
                .filter(|node| !is_object(node) && !is_project(node))
                .map(|node| self.attachment(node))
                .collect(),
            lines: root
                .each("InvoiceLine")
                .into_iter()
                .chain(root.each("CreditNoteLine"))
                .map(|node| self.line(node))
                .collect(),
        }
    }

    fn period(&mut self, node: &Node) -> Option<Period> {
        // a period may hold nothing but the code of the day on which the tax is due
        let empty = node.child("StartDate").is_none() && node.child("EndDate").is_none();
        if empty && node.child("DescriptionCode").is_some() {
            return None;
        }
        Some(Period { from: self.date(node, "StartDate"), to: self.date(node, "EndDate") })
    }

    fn delivery(&mut self, node: &Node) -> Delivery {
        Delivery {
            name: node.text("DeliveryParty/PartyName/Name"),
            location: node.at("DeliveryLocation/ID").and_then(identifier),
            on: self.date(node, "ActualDeliveryDate"),
            address: node.at("DeliveryLocation/Address").map(address),
        }
    }

    fn adjustment(&mut self, node: &Node) -> Adjustment {
        Adjustment {
            is_charge: self.flag(node, "ChargeIndicator"),
            amount: self.amount(node, "Amount"),
            base: self.amount(node, "BaseAmount"),
            percent: self.decimal(node, "MultiplierFactorNumeric"),
            category: self.category(node, "TaxCategory/ID"),
            rate: self.decimal(node, "TaxCategory/Percent"),
            reason: node.text("AllowanceChargeReason"),
            reason_code: node.text("AllowanceChargeReasonCode"),
        }
    }

    fn totals(&mut self, root: &Node) -> Totals {
        let mut totals = Totals::default();
        for node in root.each("TaxTotal/TaxAmount") {
            let currency = node.attribute("currencyID");
            if currency == self.currency || currency.is_none() {
                totals.vat = self.own_amount(node);
            } else if currency == root.text("TaxCurrencyCode") {
                totals.vat_accounted = self.own_decimal(node);
            } else {
                // in a currency that the invoice does not speak of: refused like any other amount
                self.own_amount(node);
            }
        }
        let Some(node) = root.child("LegalMonetaryTotal") else { return totals };
        Totals {
            lines: self.amount(node, "LineExtensionAmount"),
            allowances: self.amount(node, "AllowanceTotalAmount"),
            charges: self.amount(node, "ChargeTotalAmount"),
            net: self.amount(node, "TaxExclusiveAmount"),
            gross: self.amount(node, "TaxInclusiveAmount"),
            paid: self.amount(node, "PrepaidAmount"),
            rounding: self.amount(node, "PayableRoundingAmount"),
            due: self.amount(node, "PayableAmount"),
            ..totals
        }
    }

    fn vat(&mut self, node: &Node) -> VatLine {
        VatLine {
            taxable: self.amount(node, "TaxableAmount"),
            tax: self.amount(node, "TaxAmount"),
            category: self.category(node, "TaxCategory/ID"),
            rate: self.decimal(node, "TaxCategory/Percent"),
            exemption: node.text("TaxCategory/TaxExemptionReason"),
            exemption_code: node.text("TaxCategory/TaxExemptionReasonCode"),
        }
    }

    fn attachment(&mut self, node: &Node) -> Attachment {
        Attachment {
            number: node.text("ID"),
            description: node.text("DocumentDescription"),
            uri: node.text("Attachment/ExternalReference/URI"),
            file: node.at("Attachment/EmbeddedDocumentBinaryObject").map(|node| self.file(node)),
        }
    }

    fn line(&mut self, node: &Node) -> Line {
        let quantity = if node.child("CreditedQuantity").is_some() { "CreditedQuantity" } else { "InvoicedQuantity" };
        let item = |path: &str| node.text(&format!("Item/{path}"));
        let price = node.at("Price/AllowanceCharge");
        Line {
            line: node.line,
            id: node.text("ID"),
            note: node.text("Note"),
            object: node.at("DocumentReference/ID").and_then(identifier),
            quantity: self.decimal(node, quantity),
            unit: node.child(quantity).and_then(|node| node.attribute("unitCode")),
            net: self.amount(node, "LineExtensionAmount"),
            order_line: node.text("OrderLineReference/LineID"),
            buyer_account: node.text("AccountingCost"),
            period: node.child("InvoicePeriod").and_then(|node| self.period(node)),
            adjustments: node.each("AllowanceCharge").into_iter().map(|node| self.adjustment(node)).collect(),
            price: self.amount(node, "Price/PriceAmount"),
            discount: price.and_then(|node| self.amount(node, "Amount")),
            gross_price: price.and_then(|node| self.amount(node, "BaseAmount")),
            price_quantity: self.decimal(node, "Price/BaseQuantity"),
            price_unit: node.at("Price/BaseQuantity").and_then(|node| node.attribute("unitCode")),
            category: self.category(node, "Item/ClassifiedTaxCategory/ID"),
            rate: self.decimal(node, "Item/ClassifiedTaxCategory/Percent"),
            name: item("Name"),
            description: item("Description"),
            seller_id: item("SellersItemIdentification/ID"),
            buyer_id: item("BuyersItemIdentification/ID"),
            standard_id: node.at("Item/StandardItemIdentification/ID").and_then(identifier),
            classes: node
                .each("Item/CommodityClassification/ItemClassificationCode")
                .into_iter()
                .filter_map(class)
                .collect(),
            origin: item("OriginCountry/IdentificationCode"),
            attributes: node
                .each("Item/AdditionalItemProperty")
                .into_iter()
                .map(|node| (node.text("Name").unwrap_or_default(), node.text("Value").unwrap_or_default()))
                .collect(),
        }
    }
}

/// `#AAI#words`: the subject stands in front of them.
fn note(node: &Node) -> Option<Note> {
    let text = node.own_text()?;
    let parts = text.strip_prefix('#').and_then(|rest| rest.split_once('#'));
    Some(
        match parts.filter(|(subject, _)| subject.len() == 3 && subject.bytes().all(|byte| byte.is_ascii_uppercase())) {
            Some((subject, words)) => Note { subject: Some(subject.to_owned()), text: words.trim().to_owned() },
            None => Note { subject: None, text },
        },
    )
}

fn class(node: &Node) -> Option<Classification> {
    Some(Classification {
        code: node.own_text()?,
        list: node.attribute("listID"),
        version: node.attribute("listVersionID"),
    })
}

fn payment(node: &Node) -> Payment {
    Payment {
        code: node.text("PaymentMeansCode"),
        text: node.child("PaymentMeansCode").and_then(|node| node.attribute("name")),
        account: node.text("PayeeFinancialAccount/ID"),
        account_name: node.text("PayeeFinancialAccount/Name"),
        bank: node.text("PayeeFinancialAccount/FinancialInstitutionBranch/ID"),
        card: node.text("CardAccount/PrimaryAccountNumberID"),
        card_holder: node.text("CardAccount/HolderName"),
        debited_account: node.text("PaymentMandate/PayerFinancialAccount/ID"),
    }
}

/// The identifiers of a party, but for the one with which money is collected.
fn ids(node: &Node) -> Vec<Identifier> {
    let all = node.each("PartyIdentification/ID").into_iter().filter_map(identifier);
    all.filter(|id| id.scheme.as_deref() != Some("SEPA")).collect()
}

/// Seller or buyer.
fn party(node: &Node) -> Party {
    let tax = node.each("PartyTaxScheme");
    let number = |vat: bool| tax.iter().find(|node| is_vat(node) == vat).and_then(|node| node.text("CompanyID"));
    Party {
        name: node.text("PartyLegalEntity/RegistrationName"),
        trading_name: node.text("PartyName/Name"),
        ids: ids(node),
        registration: node.at("PartyLegalEntity/CompanyID").and_then(identifier),
        vat_id: number(true),
        tax_id: number(false),
        legal_form: node.text("PartyLegalEntity/CompanyLegalForm"),
        endpoint: node.child("EndpointID").and_then(identifier),
        address: node.child("PostalAddress").map(address),
        contact: node.child("Contact").map(|node| Contact {
            name: node.text("Name"),
            phone: node.text("Telephone"),
            email: node.text("ElectronicMail"),
        }),
    }
}

/// Payee or tax representative, whose name stands where that in trade stands otherwise.
fn helper(node: &Node) -> Party {
    let all = party(node);
    Party { name: all.trading_name, trading_name: None, ..all }
}

fn address(node: &Node) -> Address {
    Address {
        line_1: node.text("StreetName"),
        line_2: node.text("AdditionalStreetName"),
        line_3: node.text("AddressLine/Line"),
        city: node.text("CityName"),
        post_code: node.text("PostalZone"),
        region: node.text("CountrySubentity"),
        country: node.text("Country/IdentificationCode"),
    }
}
