//! What each category of the tax asks for: its place in the breakdown, who must have which number, rates, sums and reasons.

use rust_decimal::Decimal;

use super::Broken;
use super::sums::{rounded, sum, tax_fits};
use crate::einvoice::model::{Category, Invoice, VatLine};
use crate::number::written;

/// Something that is taxed.
struct Taxed {
    at: String,
    /// Of the rules of a category the one about who must have a number, and the one about the rate.
    rules: [&'static str; 2],
    category: Category,
    rate: Option<Decimal>,
    /// What it adds to what is taxed; allowances take from it.
    amount: Option<Decimal>,
}

/// How the standard calls the rules of a category.
fn prefix(category: Category) -> &'static str {
    match category {
        Category::Standard => "BR-S",
        Category::Zero => "BR-Z",
        Category::Exempt => "BR-E",
        Category::ReverseCharge => "BR-AE",
        Category::IntraCommunity => "BR-IC",
        Category::Export => "BR-G",
        Category::OutOfScope => "BR-O",
        Category::CanaryIslands => "BR-AF",
        Category::CeutaMelilla => "BR-AG",
    }
}

/// Whether there may be several rates, each with its own place in the breakdown.
fn has_rates(category: Category) -> bool {
    matches!(category, Category::Standard | Category::CanaryIslands | Category::CeutaMelilla)
}

pub(super) fn check(invoice: &Invoice, broken: &mut Broken) {
    let taxed = taxed(invoice);
    for category in Category::ALL.iter().copied() {
        let used: Vec<&Taxed> = taxed.iter().filter(|one| one.category == category).collect();
        let breakdown = invoice.vat.iter().filter(|line| line.category == Some(category)).count();
        let sound = if has_rates(category) {
            used.is_empty() == (breakdown == 0)
        } else {
            breakdown == 1 || breakdown == 0 && used.is_empty()
        };
        let message = format!("the breakdown of the tax has the category {category} {breakdown} times");
        broken.unless(sound, format!("{}-01", prefix(category)), "vat", message);
        for one in &used {
            numbers(invoice, one, broken);
            rate(one, broken);
        }
    }
    for (at, line) in invoice.vat.iter().enumerate() {
        if let Some(category) = line.category {
            breakdown(line, category, at, &taxed, broken);
        }
    }
    intra_community(invoice, broken);
    out_of_scope(invoice, &taxed, broken);
}

fn taxed(invoice: &Invoice) -> Vec<Taxed> {
    let lines = invoice.lines.iter().enumerate().filter_map(|(at, line)| {
        let (category, rate, amount) = (line.category?, line.rate, line.net);
        Some(Taxed { at: format!("lines.{at}"), rules: ["02", "05"], category, rate, amount })
    });
    let adjustments = invoice.adjustments.iter().enumerate().filter_map(|(at, one)| {
        let (rules, amount) =
            if one.is_charge { (["04", "07"], one.amount) } else { (["03", "06"], one.amount.map(|amount| -amount)) };
        Some(Taxed { at: format!("adjustments.{at}"), rules, category: one.category?, rate: one.rate, amount })
    });
    lines.chain(adjustments).collect()
}

/// Who must have a number for the tax, and who must not.
fn numbers(invoice: &Invoice, one: &Taxed, broken: &mut Broken) {
    let (seller, buyer) = (&invoice.seller, &invoice.buyer);
    let represented = invoice.tax_representative.as_ref().is_some_and(|party| party.vat_id.is_some());
    let by_vat = seller.vat_id.is_some() || represented;
    let by_any = by_vat || seller.tax_id.is_some();
    let (sound, message) = match one.category {
        Category::ReverseCharge => (
            by_any && (buyer.vat_id.is_some() || buyer.registration.is_some()),
            "under reverse charge the seller needs a tax number, and the buyer one for value added tax or in the register",
        ),
        Category::IntraCommunity => (
            by_vat && buyer.vat_id.is_some(),
            "within the union seller (or his tax representative) and buyer need their numbers for value added tax",
        ),
        Category::Export => {
            (by_vat, "for an export the seller or his tax representative needs a number for value added tax")
        }
        Category::OutOfScope => (
            !by_vat && buyer.vat_id.is_none(),
            "where nothing is subject to value added tax nobody is named with a number for it",
        ),
        _ => (
            by_any,
            "the seller needs a number for value added tax or another tax number, or a tax representative who has one",
        ),
    };
    let [rule, _] = one.rules;
    broken.unless(sound, format!("{}-{rule}", prefix(one.category)), format!("{}.category", one.at), message);
}

fn rate(one: &Taxed, broken: &mut Broken) {
    let (sound, message) = match one.category {
        Category::Standard => (one.rate.is_some_and(|rate| rate > Decimal::ZERO), "the rate is not above zero"),
        Category::CanaryIslands | Category::CeutaMelilla => {
            (one.rate.is_some_and(|rate| rate >= Decimal::ZERO), "the rate is not zero or above")
        }
        Category::OutOfScope => (one.rate.is_none(), "what is not subject to the tax has no rate"),
        _ => (one.rate.is_some_and(|rate| rate.is_zero()), "the rate is not zero"),
    };
    let [_, rule] = one.rules;
    broken.unless(sound, format!("{}-{rule}", prefix(one.category)), format!("{}.rate", one.at), message);
}

fn breakdown(line: &VatLine, category: Category, at: usize, taxed: &[Taxed], broken: &mut Broken) {
    let rule = |number: &str| format!("{}-{number}", prefix(category));
    let place = |field: &str| format!("vat.{at}.{field}");
    let same = |one: &&Taxed| one.category == category && (!has_rates(category) || one.rate == line.rate);
    let computed = sum(taxed.iter().filter(same).map(|one| one.amount)).and_then(rounded);
    if let Some(taxable) = line.taxable {
        let found = computed.map_or("more than can be added".to_owned(), written);
        let message =
            format!("{} is stated as taxed, and the lines, allowances and charges come to {found}", written(taxable));
        broken.unless(computed == Some(taxable), rule("08"), place("taxable"), message);
    }
    if let Some(tax) = line.tax {
        let sound = if has_rates(category) { tax_fits(line) } else { tax.is_zero() };
        let message = if has_rates(category) {
            format!("{} is not the tax at this rate", written(tax))
        } else {
            format!("in the category {category} there is no tax, and {} is stated", written(tax))
        };
        broken.unless(sound, rule("09"), place("tax"), message);
    }
    let explained = line.exemption.is_some() || line.exemption_code.is_some();
    let needs = !has_rates(category) && category != Category::Zero;
    let message = if needs { "it must say why there is no tax" } else { "there is no exemption to explain" };
    broken.unless(explained == needs, rule("10"), place("exemption"), message);
}

/// Where it was delivered, and when.
fn intra_community(invoice: &Invoice, broken: &mut Broken) {
    if !invoice.vat.iter().any(|line| line.category == Some(Category::IntraCommunity)) {
        return;
    }
    let delivery = invoice.delivery.as_ref();
    let dated = delivery.is_some_and(|delivery| delivery.on.is_some())
        || invoice.period.is_some_and(|period| period.from.is_some() || period.to.is_some());
    broken.unless(dated, "BR-IC-11", "delivery.on", "within the union the day or period of delivery must be said");
    let country = delivery.and_then(|delivery| delivery.address.as_ref()).is_some_and(|one| one.country.is_some());
    broken.unless(
        country,
        "BR-IC-12",
        "delivery.address.country",
        "within the union the country of delivery must be said",
    );
}

/// What is not subject to the tax does not mix with what is.
fn out_of_scope(invoice: &Invoice, taxed: &[Taxed], broken: &mut Broken) {
    let out = |category: Category| category == Category::OutOfScope;
    if !invoice.vat.iter().any(|line| line.category.is_some_and(out)) {
        return;
    }
    let others = invoice.vat.iter().filter_map(|line| line.category).any(|category| !out(category));
    let message = "what is not subject to the tax stands on an invoice of its own";
    broken.unless(!others, "BR-O-11", "vat", message);
    for (number, rule) in [("02", "BR-O-12"), ("03", "BR-O-13"), ("04", "BR-O-14")] {
        let other = taxed.iter().find(|one| one.rules.contains(&number) && !out(one.category));
        let at = other.map(|one| format!("{}.category", one.at)).unwrap_or_default();
        broken.unless(other.is_none(), rule, at, message);
    }
}
