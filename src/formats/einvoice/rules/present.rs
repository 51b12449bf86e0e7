//! What an invoice must say: numbers, names, addresses, and the parts of what it says at all.

use rust_decimal::Decimal;

use super::Broken;
use crate::einvoice::model::{Adjustment, Identifier, Invoice, Line, Party, Payment, Period};
use crate::problem::shown;

pub(super) fn check(invoice: &Invoice, broken: &mut Broken) {
    head(invoice, broken);
    parties(invoice, broken);
    totals(invoice, broken);
    for (at, payment) in invoice.payments.iter().enumerate() {
        self::payment(payment, &format!("payments.{at}"), broken);
    }
    // the standard knows one way to pay (BG-16), to several accounts perhaps
    let mut codes: Vec<&String> = invoice.payments.iter().filter_map(|payment| payment.code.as_ref()).collect();
    codes.dedup();
    let message = "all accounts are paid to in the same way: one code for all of them";
    broken.unless(codes.len() <= 1, "UBL-SR-47", "payments", message);
    for (at, adjustment) in invoice.adjustments.iter().enumerate() {
        self::adjustment(adjustment, &format!("adjustments.{at}"), true, broken);
    }
    for (at, vat) in invoice.vat.iter().enumerate() {
        let at = |field: &str| format!("vat.{at}.{field}");
        broken.unless(vat.taxable.is_some(), "BR-45", at("taxable"), "the breakdown of the tax lacks what is taxed");
        broken.unless(vat.tax.is_some(), "BR-46", at("tax"), "the breakdown of the tax lacks the tax");
        broken.unless(vat.category.is_some(), "BR-47", at("category"), "the breakdown of the tax lacks its category");
        let needs_rate = vat.category.is_none_or(|category| category.as_str() != "O");
        broken.unless(
            vat.rate.is_some() || !needs_rate,
            "BR-48",
            at("rate"),
            "the breakdown of the tax lacks its rate",
        );
    }
    for (at, attachment) in invoice.attachments.iter().enumerate() {
        let at = format!("attachments.{at}.number");
        broken.unless(attachment.number.is_some(), "BR-52", at, "the supporting document has no reference");
    }
    for (at, preceding) in invoice.preceding.iter().enumerate() {
        let at = format!("preceding.{at}.number");
        broken.unless(preceding.number.is_some(), "BR-55", at, "the invoice before it is not named");
    }
    for (at, line) in invoice.lines.iter().enumerate() {
        self::line(line, &format!("lines.{at}"), broken);
    }
}

fn head(invoice: &Invoice, broken: &mut Broken) {
    let mut needed = |there: bool, rule: &str, at: &str, what: &str| {
        broken.unless(there, rule, at, format!("the invoice lacks {what}"));
    };
    needed(invoice.specification.is_some(), "BR-01", "specification", "the specification that it follows");
    needed(invoice.number.is_some(), "BR-02", "number", "its number");
    needed(invoice.issued_on.is_some(), "BR-03", "issued_on", "the day on which it was issued");
    needed(invoice.kind.is_some(), "BR-04", "kind", "its type");
    needed(invoice.currency.is_some(), "BR-05", "currency", "its currency");
    needed(!invoice.lines.is_empty(), "BR-16", "lines", "any line");
    needed(!invoice.vat.is_empty(), "BR-CO-18", "vat", "a breakdown of the tax");
    if invoice.vat_currency.is_some() {
        let there = invoice.totals.vat_accounted.is_some();
        needed(there, "BR-53", "totals.vat_accounted", "the tax in the currency in which it is accounted for");
    }
    let both = invoice.vat_point_on.is_some() && invoice.vat_point_code.is_some();
    let message = "the day on which the tax is due, and the code of what decides it, exclude each other";
    broken.unless(!both, "BR-CO-03", "vat_point_code", message);
    invoice.period.iter().for_each(|one| period(one, "period", ["BR-29", "BR-CO-19"], broken));
}

fn period(period: &Period, at: &str, [order, filled]: [&str; 2], broken: &mut Broken) {
    broken.unless(
        period.from.is_some() || period.to.is_some(),
        filled,
        at,
        "the period has neither a first nor a last day",
    );
    if let (Some(from), Some(to)) = (period.from, period.to) {
        broken.unless(from <= to, order, at, format!("the period ends on {to}, before it begins on {from}"));
    }
}

fn parties(invoice: &Invoice, broken: &mut Broken) {
    let (seller, buyer) = (&invoice.seller, &invoice.buyer);
    broken.unless(seller.name.is_some(), "BR-06", "seller.name", "the seller has no name");
    broken.unless(buyer.name.is_some(), "BR-07", "buyer.name", "the buyer has no name");
    broken.unless(seller.address.is_some(), "BR-08", "seller.address", "the seller has no address");
    broken.unless(buyer.address.is_some(), "BR-10", "buyer.address", "the buyer has no address");
    country(seller, "BR-09", "seller", broken);
    country(buyer, "BR-11", "buyer", broken);
    let identified = !seller.ids.is_empty() || seller.registration.is_some() || seller.vat_id.is_some();
    let message = "the seller has no number at all: neither his own, nor one in the register, nor one for the tax";
    broken.unless(identified, "BR-CO-26", "seller", message);
    endpoint(&seller.endpoint, "BR-62", "seller", broken);
    endpoint(&buyer.endpoint, "BR-63", "buyer", broken);
    vat_id(&seller.vat_id, "seller", broken);
    vat_id(&buyer.vat_id, "buyer", broken);
    if let Some(payee) = &invoice.payee {
        broken.unless(payee.name.is_some(), "BR-17", "payee.name", "the payee has no name");
    }
    if let Some(representative) = &invoice.tax_representative {
        let at = |field: &str| format!("tax_representative.{field}");
        broken.unless(representative.name.is_some(), "BR-18", at("name"), "the tax representative has no name");
        broken.unless(
            representative.address.is_some(),
            "BR-19",
            at("address"),
            "the tax representative has no address",
        );
        country(representative, "BR-20", "tax_representative", broken);
        broken.unless(
            representative.vat_id.is_some(),
            "BR-56",
            at("vat_id"),
            "the tax representative has no tax number",
        );
        vat_id(&representative.vat_id, "tax_representative", broken);
    }
    if let Some(address) = invoice.delivery.as_ref().and_then(|delivery| delivery.address.as_ref()) {
        let there = address.country.is_some();
        broken.unless(there, "BR-57", "delivery.address.country", "the place of delivery has no country");
    }
}

fn country(party: &Party, rule: &str, who: &str, broken: &mut Broken) {
    if let Some(address) = &party.address {
        let at = format!("{who}.address.country");
        broken.unless(address.country.is_some(), rule, at, "the address has no country");
    }
}

fn endpoint(endpoint: &Option<Identifier>, rule: &str, who: &str, broken: &mut Broken) {
    let sound = endpoint.as_ref().is_none_or(|endpoint| endpoint.scheme.is_some());
    broken.unless(sound, rule, format!("{who}.endpoint"), "the electronic address does not say of which kind it is");
}

/// A number for value added tax begins with its country.
fn vat_id(number: &Option<String>, who: &str, broken: &mut Broken) {
    let Some(number) = number else { return };
    let letters = number.get(..2).is_some_and(|head| head.bytes().all(|byte| byte.is_ascii_uppercase()));
    let message = format!("{} does not begin with the two letters of a country", shown(number));
    broken.unless(letters || number.starts_with("1A"), "BR-CO-09", format!("{who}.vat_id"), message);
}

fn totals(invoice: &Invoice, broken: &mut Broken) {
    let totals = &invoice.totals;
    for (there, rule, at, what) in [
        (totals.lines.is_some(), "BR-12", "totals.lines", "the sum of its lines"),
        (totals.net.is_some(), "BR-13", "totals.net", "its sum without tax"),
        (totals.gross.is_some(), "BR-14", "totals.gross", "its sum with tax"),
        (totals.due.is_some(), "BR-15", "totals.due", "what is left to pay"),
    ] {
        broken.unless(there, rule, at, format!("the invoice lacks {what}"));
    }
}

fn payment(payment: &Payment, at: &str, broken: &mut Broken) {
    broken.unless(payment.code.is_some(), "BR-49", format!("{at}.code"), "the way to pay does not say which it is");
    let account = format!("{at}.account");
    let transfer = matches!(payment.code.as_deref(), Some("30" | "58"));
    let described = payment.account_name.is_some() || payment.bank.is_some();
    let named = payment.account.is_some() || !transfer || !described;
    broken.unless(named, "BR-50", account.clone(), "the account to pay to has no number");
    broken.unless(payment.account.is_some() || !transfer, "BR-61", account, "a transfer needs the account to pay to");
}

fn adjustment(adjustment: &Adjustment, at: &str, on_document: bool, broken: &mut Broken) {
    let [amount, category, reason, either] = match (on_document, adjustment.is_charge) {
        (true, false) => ["BR-31", "BR-32", "BR-33", "BR-CO-21"],
        (true, true) => ["BR-36", "BR-37", "BR-38", "BR-CO-22"],
        (false, false) => ["BR-41", "", "BR-42", "BR-CO-23"],
        (false, true) => ["BR-43", "", "BR-44", "BR-CO-24"],
    };
    let what = if adjustment.is_charge { "charge" } else { "allowance" };
    broken.unless(adjustment.amount.is_some(), amount, format!("{at}.amount"), format!("the {what} has no amount"));
    if on_document {
        let there = adjustment.category.is_some();
        broken.unless(there, category, format!("{at}.category"), format!("the {what} does not say which tax is on it"));
    }
    let told = adjustment.reason.is_some() || adjustment.reason_code.is_some();
    for rule in [reason, either] {
        broken.unless(told, rule, format!("{at}.reason"), format!("the {what} does not say why"));
    }
}

fn line(line: &Line, at: &str, broken: &mut Broken) {
    let mut needed = |there: bool, rule: &str, field: &str, what: &str| {
        broken.unless(there, rule, format!("{at}.{field}"), format!("the line lacks {what}"));
    };
    needed(line.id.is_some(), "BR-21", "id", "its number");
    needed(line.quantity.is_some(), "BR-22", "quantity", "a quantity");
    needed(line.unit.is_some(), "BR-23", "unit", "the unit of its quantity");
    needed(line.net.is_some(), "BR-24", "net", "its amount");
    needed(line.name.is_some(), "BR-25", "name", "what was sold");
    needed(line.price.is_some(), "BR-26", "price", "a price");
    needed(line.category.is_some(), "BR-CO-04", "category", "the category of its tax");
    let not_negative = |price: Option<Decimal>| price.is_none_or(|price| price >= Decimal::ZERO);
    broken.unless(not_negative(line.price), "BR-27", format!("{at}.price"), "the price is below zero");
    let message = "the price before the discount is below zero";
    broken.unless(not_negative(line.gross_price), "BR-28", format!("{at}.gross_price"), message);
    line.period.iter().for_each(|one| period(one, &format!("{at}.period"), ["BR-30", "BR-CO-20"], broken));
    for (position, one) in line.adjustments.iter().enumerate() {
        adjustment(one, &format!("{at}.adjustments.{position}"), false, broken);
    }
    for (position, (name, value)) in line.attributes.iter().enumerate() {
        let there = !name.is_empty() && !value.is_empty();
        broken.unless(there, "BR-54", format!("{at}.attributes.{position}"), "an attribute has a name and a value");
    }
    let listed = line.standard_id.as_ref().is_none_or(|id| id.scheme.is_some());
    broken.unless(
        listed,
        "BR-64",
        format!("{at}.standard_id"),
        "the standard number does not say from which list it is",
    );
    for (position, class) in line.classes.iter().enumerate() {
        let at = format!("{at}.classes.{position}");
        broken.unless(class.list.is_some(), "BR-65", at, "the class does not say from which list it is");
    }
}
