//! UN/CEFACT Cross Industry Invoice D16B, as EN 16931, Factur-X and XRechnung use it.

use rust_decimal::Decimal;

use super::model::{
    Address, Adjustment, Attachment, Classification, Contact, Delivery, Identifier, Invoice, Line, Note, Party,
    Payment, Period, Preceding, Totals, VatLine,
};
use super::reading::{Reading, identifier};
use super::{check_namespace, document};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::xml::tree::Node;

mod write;
mod write_line;

#[cfg(test)]
pub(super) use write::unchecked;
pub use write::write;

const NAMESPACE: &str = "urn:un:unece:uncefact:data:standard:";
/// Of a document's kind: the tender, what the invoice is about, and what supports it.
const TENDER: &str = "50";
const OBJECT: &str = "130";
const SUPPORT: &str = "916";

/// What decides on which day the tax is due, in the words of UNTDID 2475 that stand here and of 2005 that stand in UBL.
const POINT_CODES: [(&str, &str); 3] = [("5", "3"), ("29", "35"), ("72", "432")];

/// The invoice in a file.
pub fn parse(file: &[u8]) -> Result<Invoice, Problems> {
    let (root, namespace) = document(file)?;
    of(&root, &namespace)
}

/// The same from its elements.
pub(super) fn of(root: &Node, namespace: &str) -> Result<Invoice, Problems> {
    if root.name != "CrossIndustryInvoice" {
        let message =
            format!("the file begins with {}; an invoice in CII begins with CrossIndustryInvoice", shown(&root.name));
        return Err(Problem::new(root.line, ProblemCode::Format, message).into());
    }
    check_namespace(root, namespace, &format!("{NAMESPACE}CrossIndustryInvoice:100"))?;
    let currency = root.text("SupplyChainTradeTransaction/ApplicableHeaderTradeSettlement/InvoiceCurrencyCode");
    let mut reading = Reading { currency, ..Reading::default() };
    let invoice = reading.cross_industry(root);
    reading.problems.or(invoice)
}

impl Reading {
    fn cross_industry(&mut self, root: &Node) -> Invoice {
        let nothing = Node::default();
        let part = |name: &str| root.at(name).unwrap_or(&nothing);
        let (context, head) = (part("ExchangedDocumentContext"), part("ExchangedDocument"));
        let trade = part("SupplyChainTradeTransaction");
        let agreement = trade.child("ApplicableHeaderTradeAgreement").unwrap_or(&nothing);
        let deliveries = trade.child("ApplicableHeaderTradeDelivery").unwrap_or(&nothing);
        let settlement = trade.child("ApplicableHeaderTradeSettlement").unwrap_or(&nothing);
        let documents = agreement.each("AdditionalReferencedDocument");
        let of_kind =
            |kind: &str| documents.iter().copied().find(move |node| node.text("TypeCode").as_deref() == Some(kind));
        let number = |name: &str| agreement.text(&format!("{name}/IssuerAssignedID"));
        let point_code = settlement.each("ApplicableTradeTax/DueDateTypeCode").into_iter().find_map(Node::own_text);
        let point_code = point_code.map(|code| {
            let known = POINT_CODES.iter().find(|(here, _)| *here == code);
            known.map_or(code.clone(), |(_, there)| (*there).to_owned())
        });
        let taxes = settlement.each("ApplicableTradeTax");
        let advice = |name: &str| deliveries.text(&format!("{name}/IssuerAssignedID"));
        Invoice {
            specification: context.text("GuidelineSpecifiedDocumentContextParameter/ID"),
            process: context.text("BusinessProcessSpecifiedDocumentContextParameter/ID"),
            number: head.text("ID"),
            issued_on: self.compact_date(head, "IssueDateTime/DateTimeString"),
            kind: head.text("TypeCode"),
            currency: settlement.text("InvoiceCurrencyCode"),
            vat_currency: settlement.text("TaxCurrencyCode"),
            vat_point_on: taxes.iter().find_map(|node| self.compact_date(node, "TaxPointDate/DateString")),
            vat_point_code: point_code,
            due_on: self.compact_date(settlement, "SpecifiedTradePaymentTerms/DueDateDateTime/DateTimeString"),
            buyer_reference: agreement.text("BuyerReference"),
            project: agreement.text("SpecifiedProcuringProject/ID"),
            contract: number("ContractReferencedDocument"),
            purchase_order: number("BuyerOrderReferencedDocument"),
            sales_order: number("SellerOrderReferencedDocument"),
            receiving_advice: advice("ReceivingAdviceReferencedDocument"),
            despatch_advice: advice("DespatchAdviceReferencedDocument"),
            tender: of_kind(TENDER).and_then(|node| node.text("IssuerAssignedID")),
            object: of_kind(OBJECT).and_then(object),
            buyer_account: settlement.text("ReceivableSpecifiedTradeAccountingAccount/ID"),
            payment_terms: settlement.text("SpecifiedTradePaymentTerms/Description"),
            notes: head.each("IncludedNote").into_iter().filter_map(note).collect(),
            preceding: settlement
                .each("InvoiceReferencedDocument")
                .into_iter()
                .map(|node| Preceding {
                    number: node.text("IssuerAssignedID"),
                    issued_on: self.compact_date(node, "FormattedIssueDateTime/DateTimeString"),
                })
                .collect(),
            seller: agreement.child("SellerTradeParty").map(party).unwrap_or_default(),
            buyer: agreement.child("BuyerTradeParty").map(party).unwrap_or_default(),
            payee: settlement.child("PayeeTradeParty").map(party),
            tax_representative: agreement.child("SellerTaxRepresentativeTradeParty").map(party),
            delivery: self.shipment(deliveries),
            period: settlement.child("BillingSpecifiedPeriod").map(|node| self.billing_period(node)),
            payments: settlement.each("SpecifiedTradeSettlementPaymentMeans").into_iter().map(payment).collect(),
            payment_reference: settlement.text("PaymentReference"),
            mandate: settlement.text("SpecifiedTradePaymentTerms/DirectDebitMandateID"),
            creditor_id: settlement.text("CreditorReferenceID"),
            adjustments: self.trade_adjustments(settlement),
            totals: self.summation(settlement),
            vat: taxes.into_iter().map(|node| self.trade_tax(node)).collect(),
            attachments: documents
                .iter()
                .filter(|node| !matches!(node.text("TypeCode").as_deref(), Some(TENDER | OBJECT)))
                .map(|node| self.supporting(node))
                .collect(),
            lines: trade
                .each("IncludedSupplyChainTradeLineItem")
                .into_iter()
                .map(|node| self.trade_line(node, &nothing))
                .collect(),
        }
    }

    fn billing_period(&mut self, node: &Node) -> Period {
        Period {
            from: self.compact_date(node, "StartDateTime/DateTimeString"),
            to: self.compact_date(node, "EndDateTime/DateTimeString"),
        }
    }

    fn shipment(&mut self, node: &Node) -> Option<Delivery> {
        let on = self.compact_date(node, "ActualDeliverySupplyChainEvent/OccurrenceDateTime/DateTimeString");
        let to = node.child("ShipToTradeParty");
        if to.is_none() && on.is_none() {
            return None;
        }
        let to = to.map(party).unwrap_or_default();
        Some(Delivery { name: to.name, location: to.ids.into_iter().next(), on, address: to.address })
    }

    fn trade_adjustments(&mut self, node: &Node) -> Vec<Adjustment> {
        let all = node.each("SpecifiedTradeAllowanceCharge").into_iter();
        all.map(|node| Adjustment {
            is_charge: self.flag(node, "ChargeIndicator/Indicator"),
            amount: self.amount(node, "ActualAmount"),
            base: self.amount(node, "BasisAmount"),
            percent: self.decimal(node, "CalculationPercent"),
            category: self.category(node, "CategoryTradeTax/CategoryCode"),
            rate: self.decimal(node, "CategoryTradeTax/RateApplicablePercent"),
            reason: node.text("Reason"),
            reason_code: node.text("ReasonCode"),
        })
        .collect()
    }

    fn summation(&mut self, settlement: &Node) -> Totals {
        let Some(node) = settlement.child("SpecifiedTradeSettlementHeaderMonetarySummation") else {
            return Totals::default();
        };
        let accounted = settlement.text("TaxCurrencyCode");
        let (mut vat, mut vat_accounted) = (None, None);
        for amount in node.each("TaxTotalAmount") {
            let currency = amount.attribute("currencyID");
            if currency.is_some() && currency != self.currency && currency == accounted {
                vat_accounted = self.own_decimal(amount);
            } else {
                vat = self.own_amount(amount);
            }
        }
        Totals {
            lines: self.amount(node, "LineTotalAmount"),
            allowances: self.amount(node, "AllowanceTotalAmount"),
            charges: self.amount(node, "ChargeTotalAmount"),
            net: self.amount(node, "TaxBasisTotalAmount"),
            vat,
            vat_accounted,
            gross: self.amount(node, "GrandTotalAmount"),
            paid: self.amount(node, "TotalPrepaidAmount"),
            rounding: self.amount(node, "RoundingAmount"),
            due: self.amount(node, "DuePayableAmount"),
        }
    }

    fn trade_tax(&mut self, node: &Node) -> VatLine {
        VatLine {
            taxable: self.amount(node, "BasisAmount"),
            tax: self.amount(node, "CalculatedAmount"),
            category: self.category(node, "CategoryCode"),
            rate: self.decimal(node, "RateApplicablePercent"),
            exemption: node.text("ExemptionReason"),
            exemption_code: node.text("ExemptionReasonCode"),
        }
    }

    fn supporting(&mut self, node: &Node) -> Attachment {
        Attachment {
            number: node.text("IssuerAssignedID"),
            description: node.text("Name"),
            uri: node.text("URIID"),
            file: node.child("AttachmentBinaryObject").map(|node| self.file(node)),
        }
    }

    fn trade_line(&mut self, node: &Node, nothing: &Node) -> Line {
        let product = node.child("SpecifiedTradeProduct").unwrap_or(nothing);
        let agreement = node.child("SpecifiedLineTradeAgreement").unwrap_or(nothing);
        let settlement = node.child("SpecifiedLineTradeSettlement").unwrap_or(nothing);
        let quantity = node.at("SpecifiedLineTradeDelivery/BilledQuantity");
        let documents = settlement.each("AdditionalReferencedDocument");
        let price = self.price(agreement);
        Line {
            line: node.line,
            id: node.text("AssociatedDocumentLineDocument/LineID"),
            note: node.text("AssociatedDocumentLineDocument/IncludedNote/Content"),
            object: documents
                .into_iter()
                .find(|node| node.text("TypeCode").as_deref() == Some(OBJECT))
                .and_then(object),
            quantity: quantity.and_then(|node| self.own_decimal(node)),
            unit: quantity.and_then(|node| node.attribute("unitCode")),
            net: self.amount(settlement, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"),
            order_line: agreement.text("BuyerOrderReferencedDocument/LineID"),
            buyer_account: settlement.text("ReceivableSpecifiedTradeAccountingAccount/ID"),
            period: settlement.child("BillingSpecifiedPeriod").map(|node| self.billing_period(node)),
            adjustments: self.trade_adjustments(settlement),
            price: price.net,
            discount: price.discount,
            gross_price: price.gross,
            price_quantity: price.quantity,
            price_unit: price.unit,
            category: self.category(settlement, "ApplicableTradeTax/CategoryCode"),
            rate: self.decimal(settlement, "ApplicableTradeTax/RateApplicablePercent"),
            name: product.text("Name"),
            description: product.text("Description"),
            seller_id: product.text("SellerAssignedID"),
            buyer_id: product.text("BuyerAssignedID"),
            standard_id: product.child("GlobalID").and_then(identifier),
            classes: product
                .each("DesignatedProductClassification/ClassCode")
                .into_iter()
                .filter_map(|node| {
                    let (list, version) = (node.attribute("listID"), node.attribute("listVersionID"));
                    Some(Classification { code: node.own_text()?, list, version })
                })
                .collect(),
            origin: product.text("OriginTradeCountry/ID"),
            attributes: product
                .each("ApplicableProductCharacteristic")
                .into_iter()
                .map(|node| (node.text("Description").unwrap_or_default(), node.text("Value").unwrap_or_default()))
                .collect(),
        }
    }

    fn price(&mut self, agreement: &Node) -> Price {
        let (net, gross) = ("NetPriceProductTradePrice", "GrossPriceProductTradePrice");
        let quantity_in = |price: &str| agreement.at(&format!("{price}/BasisQuantity"));
        let quantity = quantity_in(net).or_else(|| quantity_in(gross));
        Price {
            net: self.amount(agreement, "NetPriceProductTradePrice/ChargeAmount"),
            gross: self.amount(agreement, "GrossPriceProductTradePrice/ChargeAmount"),
            discount: self.amount(agreement, "GrossPriceProductTradePrice/AppliedTradeAllowanceCharge/ActualAmount"),
            quantity: quantity.and_then(|node| self.own_decimal(node)),
            unit: quantity.and_then(|node| node.attribute("unitCode")),
        }
    }
}

/// The price of a line.
struct Price {
    net: Option<Decimal>,
    gross: Option<Decimal>,
    discount: Option<Decimal>,
    quantity: Option<Decimal>,
    unit: Option<String>,
}

fn object(node: &Node) -> Option<Identifier> {
    Some(Identifier { id: node.text("IssuerAssignedID")?, scheme: node.text("ReferenceTypeCode") })
}

fn note(node: &Node) -> Option<Note> {
    Some(Note { subject: node.text("SubjectCode"), text: node.text("Content")? })
}

fn payment(node: &Node) -> Payment {
    let account = node.child("PayeePartyCreditorFinancialAccount");
    let number = |node: &Node| node.text("IBANID").or_else(|| node.text("ProprietaryID"));
    Payment {
        code: node.text("TypeCode"),
        text: node.text("Information"),
        account: account.and_then(number),
        account_name: account.and_then(|node| node.text("AccountName")),
        bank: node.text("PayeeSpecifiedCreditorFinancialInstitution/BICID"),
        card: node.text("ApplicableTradeSettlementFinancialCard/ID"),
        card_holder: node.text("ApplicableTradeSettlementFinancialCard/CardholderName"),
        debited_account: node.text("PayerPartyDebtorFinancialAccount/IBANID"),
    }
}

/// Whoever it is; what is not said of him is not there.
fn party(node: &Node) -> Party {
    let tax = |scheme: &str| {
        let all = node.each("SpecifiedTaxRegistration/ID");
        all.into_iter().find(|id| id.attribute("schemeID").as_deref() == Some(scheme)).and_then(Node::own_text)
    };
    Party {
        name: node.text("Name"),
        trading_name: node.text("SpecifiedLegalOrganization/TradingBusinessName"),
        ids: node.each("ID").into_iter().chain(node.each("GlobalID")).filter_map(identifier).collect(),
        registration: node.at("SpecifiedLegalOrganization/ID").and_then(identifier),
        vat_id: tax("VA"),
        tax_id: tax("FC"),
        legal_form: node.text("Description"),
        endpoint: node.at("URIUniversalCommunication/URIID").and_then(identifier),
        address: node.child("PostalTradeAddress").map(|node| Address {
            line_1: node.text("LineOne"),
            line_2: node.text("LineTwo"),
            line_3: node.text("LineThree"),
            city: node.text("CityName"),
            post_code: node.text("PostcodeCode"),
            region: node.text("CountrySubDivisionName"),
            country: node.text("CountryID"),
        }),
        contact: node.child("DefinedTradeContact").map(|node| Contact {
            name: node.text("PersonName").or_else(|| node.text("DepartmentName")),
            phone: node.text("TelephoneUniversalCommunication/CompleteNumber"),
            email: node.text("EmailURIUniversalCommunication/URIID"),
        }),
    }
}
