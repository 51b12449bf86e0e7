//! What must add up: lines, allowances and charges, tax, and what is left to pay. And no amount has more than two decimals.

use rust_decimal::Decimal;

use super::Broken;
use crate::einvoice::model::{Adjustment, Invoice, VatLine};
use crate::number::written;

/// How the standard rounds: to cents, a half upwards.
pub(super) fn rounded(amount: Decimal) -> Option<Decimal> {
    let half = Decimal::new(5, 1);
    amount.checked_mul(Decimal::ONE_HUNDRED)?.checked_add(half)?.floor().checked_div(Decimal::ONE_HUNDRED)
}

/// The sum of amounts, those that are not there left out; nothing if it is beyond what can be added.
pub(super) fn sum(mut amounts: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
    amounts.try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount.unwrap_or_default()))
}

pub(super) fn check(invoice: &Invoice, broken: &mut Broken) {
    let totals = &invoice.totals;
    let adjustments = |charge: bool| invoice.adjustments.iter().filter(move |one| one.is_charge == charge);
    let amounts = |charge: bool| sum(adjustments(charge).map(|one| one.amount));
    let mut equal = |rule: &str, at: &str, stated: Option<Decimal>, computed: Option<Decimal>, what: &str| {
        let Some(stated) = stated else { return };
        let computed = computed.and_then(rounded);
        let found = computed.map_or("more than can be added".to_owned(), written);
        let message = format!("{} is stated, and {what} is {found}", written(stated));
        broken.unless(computed == Some(stated), rule, format!("totals.{at}"), message);
    };
    equal("BR-CO-10", "lines", totals.lines, sum(invoice.lines.iter().map(|line| line.net)), "the sum of the lines");
    // a sum that is left away is zero, but not where something is to be summed
    let stated =
        |total: Option<Decimal>, charge: bool| total.or_else(|| adjustments(charge).next().map(|_| Decimal::ZERO));
    equal("BR-CO-11", "allowances", stated(totals.allowances, false), amounts(false), "the sum of the allowances");
    equal("BR-CO-12", "charges", stated(totals.charges, true), amounts(true), "the sum of the charges");
    let zero = |amount: Option<Decimal>| amount.unwrap_or_default();
    let net =
        totals.lines.and_then(|lines| lines.checked_sub(zero(totals.allowances))?.checked_add(zero(totals.charges)));
    if totals.lines.is_some() {
        equal("BR-CO-13", "net", totals.net, net, "the lines less allowances plus charges");
    }
    if !invoice.vat.is_empty() {
        let tax = sum(invoice.vat.iter().map(|line| line.tax));
        equal("BR-CO-14", "vat", totals.vat, tax, "the sum of the breakdown's tax");
    }
    if let Some(net) = totals.net {
        equal("BR-CO-15", "gross", totals.gross, net.checked_add(zero(totals.vat)), "the sum without tax plus the tax");
    }
    if let Some(gross) = totals.gross {
        let due = gross.checked_sub(zero(totals.paid)).and_then(|due| due.checked_add(zero(totals.rounding)));
        equal("BR-CO-16", "due", totals.due, due, "the sum with tax less what is paid plus the rounding");
    }
    for (at, line) in invoice.vat.iter().enumerate() {
        let message = || {
            let [taxable, rate, tax] =
                [line.taxable, line.rate, line.tax].map(|value| written(value.unwrap_or_default()));
            format!("{tax} is not the tax of {rate} % on {taxable}")
        };
        broken.unless(tax_fits(line), "BR-CO-17", format!("vat.{at}.tax"), message());
    }
    decimals(invoice, broken);
}

/// Whether the tax is its rate of what is taxed. Taxes that are rounded line by line may be off by less than one unit.
pub(super) fn tax_fits(line: &VatLine) -> bool {
    let (Some(taxable), Some(tax)) = (line.taxable, line.tax) else { return true };
    let rate = line.rate.unwrap_or_default();
    if rate.abs() < Decimal::new(5, 1) {
        return tax.abs() < Decimal::new(5, 1);
    }
    let expected =
        taxable.abs().checked_mul(rate).and_then(|product| product.checked_div(Decimal::ONE_HUNDRED)).and_then(rounded);
    let off = expected.and_then(|expected| tax.abs().checked_sub(expected));
    off.is_some_and(|off| off.abs() < Decimal::ONE)
}

fn decimals(invoice: &Invoice, broken: &mut Broken) {
    let mut two = |amount: Option<Decimal>, rule: &str, at: String| {
        let Some(amount) = amount else { return };
        let message = format!("{} has more than two decimals", written(amount));
        broken.unless(amount.normalize().scale() <= 2, rule, at, message);
    };
    let totals = &invoice.totals;
    for (amount, rule, at) in [
        (totals.lines, "BR-DEC-09", "lines"),
        (totals.allowances, "BR-DEC-10", "allowances"),
        (totals.charges, "BR-DEC-11", "charges"),
        (totals.net, "BR-DEC-12", "net"),
        (totals.vat, "BR-DEC-13", "vat"),
        (totals.gross, "BR-DEC-14", "gross"),
        (totals.vat_accounted, "BR-DEC-15", "vat_accounted"),
        (totals.paid, "BR-DEC-16", "paid"),
        (totals.rounding, "BR-DEC-17", "rounding"),
        (totals.due, "BR-DEC-18", "due"),
    ] {
        two(amount, rule, format!("totals.{at}"));
    }
    for (at, line) in invoice.vat.iter().enumerate() {
        two(line.taxable, "BR-DEC-19", format!("vat.{at}.taxable"));
        two(line.tax, "BR-DEC-20", format!("vat.{at}.tax"));
    }
    let mut adjustment = |one: &Adjustment, at: String, allowance: [&str; 2], charge: [&str; 2]| {
        let [amount, base] = if one.is_charge { charge } else { allowance };
        two(one.amount, amount, format!("{at}.amount"));
        two(one.base, base, format!("{at}.base"));
    };
    for (at, one) in invoice.adjustments.iter().enumerate() {
        adjustment(one, format!("adjustments.{at}"), ["BR-DEC-01", "BR-DEC-02"], ["BR-DEC-05", "BR-DEC-06"]);
    }
    for (at, line) in invoice.lines.iter().enumerate() {
        for (position, one) in line.adjustments.iter().enumerate() {
            let at = format!("lines.{at}.adjustments.{position}");
            adjustment(one, at, ["BR-DEC-24", "BR-DEC-25"], ["BR-DEC-27", "BR-DEC-28"]);
        }
    }
    for (at, line) in invoice.lines.iter().enumerate() {
        two(line.net, "BR-DEC-23", format!("lines.{at}.net"));
    }
}
