//! Writing the lines of an invoice in CII, and what stands on lines and on the document alike.

use rust_decimal::Decimal;

use super::OBJECT;
use super::write::{date, identifier, object};
use crate::einvoice::model::{Adjustment, Category, Line, Period};
use crate::einvoice::reading::{amount_text, plain_text};
use crate::xml::write::Writer;

pub(super) fn amount(name: &str, amount: Option<Decimal>, out: &mut Writer) {
    out.maybe(name, amount.map(amount_text).as_deref());
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

pub(super) fn period(period: Period, out: &mut Writer) {
    out.element("ram:BillingSpecifiedPeriod", |out| {
        date("ram:StartDateTime", "udt:DateTimeString", period.from, out);
        date("ram:EndDateTime", "udt:DateTimeString", period.to, out);
    });
}

fn category(name: &'static str, category: Option<Category>, rate: Option<Decimal>, out: &mut Writer) {
    if category.is_none() && rate.is_none() {
        return;
    }
    out.element(name, |out| {
        out.leaf("ram:TypeCode", "VAT");
        out.maybe("ram:CategoryCode", category.map(Category::as_str));
        out.maybe("ram:RateApplicablePercent", rate.map(plain_text).as_deref());
    });
}

fn indicator(is_charge: bool, out: &mut Writer) {
    out.element("ram:ChargeIndicator", |out| out.leaf("udt:Indicator", if is_charge { "true" } else { "false" }));
}

pub(super) fn allowance(one: &Adjustment, on_document: bool, out: &mut Writer) {
    out.element("ram:SpecifiedTradeAllowanceCharge", |out| {
        indicator(one.is_charge, out);
        out.maybe("ram:CalculationPercent", one.percent.map(plain_text).as_deref());
        amount("ram:BasisAmount", one.base, out);
        amount("ram:ActualAmount", one.amount, out);
        out.maybe("ram:ReasonCode", one.reason_code.as_deref());
        out.maybe("ram:Reason", one.reason.as_deref());
        if on_document {
            category("ram:CategoryTradeTax", one.category, one.rate, out);
        }
    });
}

pub(super) fn line(line: &Line, out: &mut Writer) {
    out.element("ram:IncludedSupplyChainTradeLineItem", |out| {
        out.element("ram:AssociatedDocumentLineDocument", |out| {
            out.maybe("ram:LineID", line.id.as_deref());
            if let Some(note) = &line.note {
                out.element("ram:IncludedNote", |out| out.leaf("ram:Content", note));
            }
        });
        out.element("ram:SpecifiedTradeProduct", |out| product(line, out));
        out.element("ram:SpecifiedLineTradeAgreement", |out| agreement(line, out));
        out.element("ram:SpecifiedLineTradeDelivery", |out| {
            measured("ram:BilledQuantity", line.quantity, line.unit.as_deref(), out);
        });
        out.element("ram:SpecifiedLineTradeSettlement", |out| {
            category("ram:ApplicableTradeTax", line.category, line.rate, out);
            line.period.iter().for_each(|one| period(*one, out));
            line.adjustments.iter().for_each(|one| allowance(one, false, out));
            out.element("ram:SpecifiedTradeSettlementLineMonetarySummation", |out| {
                amount("ram:LineTotalAmount", line.net, out);
            });
            line.object.iter().for_each(|id| object(id, OBJECT, out));
            if let Some(account) = &line.buyer_account {
                out.element("ram:ReceivableSpecifiedTradeAccountingAccount", |out| out.leaf("ram:ID", account));
            }
        });
    });
}

fn product(line: &Line, out: &mut Writer) {
    line.standard_id.iter().for_each(|id| identifier("ram:GlobalID", id, out));
    out.maybe("ram:SellerAssignedID", line.seller_id.as_deref());
    out.maybe("ram:BuyerAssignedID", line.buyer_id.as_deref());
    out.maybe("ram:Name", line.name.as_deref());
    out.maybe("ram:Description", line.description.as_deref());
    for (name, value) in &line.attributes {
        out.element("ram:ApplicableProductCharacteristic", |out| {
            out.leaf("ram:Description", name);
            out.leaf("ram:Value", value);
        });
    }
    for class in &line.classes {
        let named = [("listID", &class.list), ("listVersionID", &class.version)];
        let attributes: Vec<(&str, &str)> =
            named.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        out.element("ram:DesignatedProductClassification", |out| {
            out.leaf_with("ram:ClassCode", &attributes, &class.code);
        });
    }
    if let Some(origin) = &line.origin {
        out.element("ram:OriginTradeCountry", |out| out.leaf("ram:ID", origin));
    }
}

fn agreement(line: &Line, out: &mut Writer) {
    if let Some(order_line) = &line.order_line {
        out.element("ram:BuyerOrderReferencedDocument", |out| out.leaf("ram:LineID", order_line));
    }
    if line.gross_price.is_some() || line.discount.is_some() {
        out.element("ram:GrossPriceProductTradePrice", |out| {
            amount("ram:ChargeAmount", line.gross_price, out);
            measured("ram:BasisQuantity", line.price_quantity, line.price_unit.as_deref(), out);
            if line.discount.is_some() {
                out.element("ram:AppliedTradeAllowanceCharge", |out| {
                    indicator(false, out);
                    amount("ram:ActualAmount", line.discount, out);
                });
            }
        });
    }
    if line.price.is_some() {
        out.element("ram:NetPriceProductTradePrice", |out| {
            amount("ram:ChargeAmount", line.price, out);
            measured("ram:BasisQuantity", line.price_quantity, line.price_unit.as_deref(), out);
        });
    }
}
