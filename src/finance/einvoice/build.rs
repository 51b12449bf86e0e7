//! From what the books say to an invoice by EN 16931: no database, no clock.

use backoffice_formats::einvoice::{
    Adjustment, Invoice, Line, PEPPOL_PROCESS, PEPPOL_SPECIFICATION, Payment, Preceding, Totals, VatLine,
};
use backoffice_money::{Currency, Decimal, add, mul, neg, round, sub, sum};

use super::EInvoiceForm;
use super::facts::{FactLine, FactTax, Facts};
use super::treatment::TaxCategory;
use crate::platform::error::Result;

/// What stands as its specification in an invoice that follows the standard alone.
const SPECIFICATION: &str = "urn:cen.eu:en16931:2017";
/// The unit of what is counted in pieces.
const PIECE: &str = "C62";
/// Why a price is lower: a discount (UNTDID 5189).
const DISCOUNT: &str = "95";

/// The invoice of what the books say.
pub(super) fn invoice(facts: &Facts, form: EInvoiceForm) -> Result<Invoice> {
    let lines = facts.lines.iter().enumerate().map(|(at, one)| line(one, at, facts.currency)).collect::<Result<_>>()?;
    let adjustments = discounts(&facts.lines, facts.discount_percent)?;
    let of_lines = sum(facts.lines.iter().map(|line| line.net))?;
    let allowances = sum(facts.lines.iter().map(|line| line.document_discount))?;
    let net = sub(of_lines, allowances)?;
    let tax = sum(facts.taxes.iter().map(|tax| tax.tax))?;
    let gross = add(net, tax)?;
    let peppol = form == EInvoiceForm::Peppol;
    let payment = facts.account.as_ref().map(|(number, is_iban)| Payment {
        code: Some(if *is_iban && facts.currency.code() == "EUR" { "58" } else { "30" }.to_owned()),
        account: Some(number.clone()),
        ..Payment::default()
    });
    Ok(Invoice {
        specification: Some(if peppol { PEPPOL_SPECIFICATION } else { SPECIFICATION }.to_owned()),
        process: peppol.then(|| PEPPOL_PROCESS.to_owned()),
        number: Some(facts.number.clone()),
        issued_on: Some(facts.issued_on),
        kind: Some(if facts.takes_back.is_some() { "381" } else { "380" }.to_owned()),
        currency: Some(facts.currency.code().to_owned()),
        vat_currency: facts.accounted.map(|(book, _)| book.code().to_owned()),
        due_on: facts.due_on,
        purchase_order: facts.reference.clone(),
        preceding: facts
            .takes_back
            .iter()
            .map(|(number, day)| Preceding { number: Some(number.clone()), issued_on: *day })
            .collect(),
        seller: facts.seller.clone(),
        buyer: facts.buyer.clone(),
        payments: payment.into_iter().collect(),
        payment_reference: facts.account.as_ref().map(|_| facts.number.clone()),
        totals: Totals {
            lines: Some(of_lines),
            allowances: (!adjustments.is_empty()).then_some(allowances),
            net: Some(net),
            vat: Some(tax),
            vat_accounted: facts.accounted.map(|(_, tax)| tax),
            gross: Some(gross),
            rounding: (!facts.cash_difference.is_zero()).then_some(facts.cash_difference),
            due: Some(add(gross, facts.cash_difference)?),
            ..Totals::default()
        },
        vat: facts.taxes.iter().map(vat).collect(),
        adjustments,
        lines,
        ..Invoice::default()
    })
}

/// The rate as the standard has it: none where nothing is subject to the tax.
fn rate(category: TaxCategory, percent: Decimal) -> Option<Decimal> {
    (category != TaxCategory::OutOfScope).then_some(percent)
}

fn vat(tax: &FactTax) -> VatLine {
    VatLine {
        taxable: Some(tax.base),
        tax: Some(tax.tax),
        category: Some(tax.category.in_file()),
        rate: rate(tax.category, tax.rate),
        exemption: tax.exemption.clone(),
        exemption_code: tax.exemption_code.clone(),
    }
}

/// A line says quantity and price where these come to its amount; else its amount as the price of all of it, which is
/// always exact. Prices are never below zero: what is taken back has a quantity below zero.
fn line(of: &FactLine, at: usize, currency: Currency) -> Result<Line> {
    let mut line = Line {
        id: Some(at.saturating_add(1).to_string()),
        quantity: Some(of.quantity),
        unit: Some(PIECE.to_owned()),
        net: Some(of.net),
        category: Some(of.category.in_file()),
        rate: rate(of.category, of.rate),
        name: Some(of.description.clone()),
        ..Line::default()
    };
    if let Some((price, percent)) = of.price {
        let (quantity, price) =
            if price.is_sign_negative() { (neg(of.quantity)?, neg(price)?) } else { (of.quantity, price) };
        let whole = round(mul(quantity, price)?, currency)?;
        let less = sub(whole, of.net)?;
        let fits = less.is_zero() || !percent.is_zero() && less > Decimal::ZERO && whole > Decimal::ZERO;
        if fits {
            line.quantity = Some(quantity);
            line.price = Some(price);
            if !less.is_zero() {
                line.adjustments = vec![Adjustment {
                    amount: Some(less),
                    base: Some(whole),
                    percent: Some(percent),
                    reason: Some("Discount".to_owned()),
                    reason_code: Some(DISCOUNT.to_owned()),
                    ..Adjustment::default()
                }];
            }
            return Ok(line);
        }
    }
    let many = if of.quantity.is_zero() { Decimal::ONE } else { of.quantity.abs() };
    line.quantity = Some(if of.net.is_sign_negative() { neg(many)? } else { many });
    line.price = Some(of.net.abs());
    if many != Decimal::ONE {
        line.price_quantity = Some(many);
        line.price_unit = Some(PIECE.to_owned());
    }
    Ok(line)
}

/// What the amount of an allowance may be off its percentage, by Peppol's rule R040.
const SLACK: Decimal = Decimal::from_parts(2, 0, 0, false, 2);

/// The discount on the document: an allowance for each category and rate. Its percentage is said where it comes to the
/// amount, which is the sum of what was rounded line by line.
fn discounts(lines: &[FactLine], percent: Decimal) -> Result<Vec<Adjustment>> {
    let mut found: Vec<(TaxCategory, Decimal, Decimal, Decimal)> = Vec::new();
    for line in lines {
        match found.iter_mut().find(|one| one.0 == line.category && one.1 == line.rate) {
            Some(one) => {
                one.2 = add(one.2, line.document_discount)?;
                one.3 = add(one.3, line.net)?;
            }
            None => found.push((line.category, line.rate, line.document_discount, line.net)),
        }
    }
    let mut made = Vec::with_capacity(found.len());
    for (category, of_rate, amount, base) in found.into_iter().filter(|one| !one.2.is_zero()) {
        let exact = mul(base, percent)?.checked_div(Decimal::ONE_HUNDRED).unwrap_or_default();
        let comes = sub(exact, amount)?.abs() <= SLACK;
        made.push(Adjustment {
            amount: Some(amount),
            base: comes.then_some(base),
            percent: comes.then_some(percent),
            category: Some(category.in_file()),
            rate: rate(category, of_rate),
            reason: Some("Discount".to_owned()),
            reason_code: Some(DISCOUNT.to_owned()),
            ..Adjustment::default()
        });
    }
    Ok(made)
}

#[cfg(test)]
mod tests;
