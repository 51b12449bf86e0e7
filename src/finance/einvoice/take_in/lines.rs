//! From the lines of a file to those of a bill that says the same amounts to the last cent: no database, no clock.

use backoffice_formats::einvoice::{Adjustment, Category, Invoice, Line};
use backoffice_money::{
    Decimal, LineInput, Prices, RoundingMode, TaxKey, add, check_scale, mul, neg, round_to, split, sub, sum,
};

use super::EInvoiceProblem;
use crate::finance::document::DocumentRounding;
use crate::platform::error::Result;

/// Decimals that quantities and prices of a bill have at most.
const FINEST: u32 = 4;

/// A bill that says what the file says.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// Its lines.
    pub lines: Vec<Wanted>,
    /// When its taxes are rounded.
    pub rounding: DocumentRounding,
    /// The discount on all of it in percent.
    pub discount_percent: Decimal,
    /// Whether the prices of the lines include their taxes.
    pub prices_include_tax: bool,
}

/// A line of the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What was bought.
    pub description: String,
    /// How many.
    pub quantity: Decimal,
    /// The price of one: net, or with its tax where the bill's prices include it.
    pub unit_price: Decimal,
    /// The discount on the line in percent.
    pub discount_percent: Decimal,
    /// What it comes to without tax, before a discount on the bill.
    pub net: Decimal,
    /// What it is taxed with.
    pub category: Category,
    /// At which rate in percent; 0 where nothing is subject to the tax.
    pub rate: Decimal,
}

impl Wanted {
    /// The same as one piece for the whole amount.
    fn as_one(&self) -> Self {
        let said = format!(" ({} at {})", self.quantity.normalize(), self.unit_price.normalize());
        let kept: String = self.description.chars().take(500_usize.saturating_sub(said.len())).collect();
        let description = if self.quantity == Decimal::ONE { self.description.clone() } else { kept + &said };
        Self {
            description,
            quantity: Decimal::ONE,
            unit_price: self.net,
            discount_percent: Decimal::ZERO,
            ..self.clone()
        }
    }
}

/// The bill that comes to what the file says, or why there is none.
///
/// Senders round in several lawful ways, which differ by a cent: by document or by line, from prices or from amounts, with a
/// discount before or after, with taxes inside. The first way that gives all of the file's amounts is the bill's.
pub(super) fn of(invoice: &Invoice, exponent: u32) -> Result<std::result::Result<Made, Vec<EInvoiceProblem>>> {
    let problem = |field: &str, message: String| EInvoiceProblem { rule: None, field: field.to_owned(), message };
    if invoice.totals.rounding.is_some_and(|rounding| !rounding.is_zero()) {
        let message = "It is rounded to what can be paid in coins, which a bill is not: enter it by hand.".to_owned();
        return Ok(Err(vec![problem("totals.rounding", message)]));
    }
    let mut lines = Vec::with_capacity(invoice.lines.len());
    for line in &invoice.lines {
        lines.push(wanted(line, exponent)?);
    }
    let discount = discount(invoice);
    let sold = lines.clone();
    for one in &invoice.adjustments {
        let amount = one.amount.unwrap_or_default();
        let amount = if one.is_charge { amount } else { neg(amount)? };
        let usual = if one.is_charge { "Charge" } else { "Allowance" };
        lines.push(Wanted {
            description: text(one.reason.as_deref().unwrap_or(usual)),
            quantity: Decimal::ONE,
            unit_price: amount,
            discount_percent: Decimal::ZERO,
            net: amount,
            category: one.category.unwrap_or(Category::OutOfScope),
            rate: one.rate.unwrap_or_default(),
        });
    }
    let singles: Vec<Wanted> = lines.iter().map(Wanted::as_one).collect();
    let with_tax = with_tax(invoice, &singles, exponent)?;
    let none = Decimal::ZERO;
    for (lines, discount_percent, prices_include_tax) in [
        (Some(&lines), none, false),
        (discount.is_some().then_some(&sold), discount.unwrap_or_default(), false),
        (Some(&singles), none, false),
        (with_tax.as_ref(), none, true),
    ] {
        let Some(lines) = lines else { continue };
        for rounding in [DocumentRounding::ByDocument, DocumentRounding::ByLine] {
            let made = Made { lines: lines.clone(), rounding, discount_percent, prices_include_tax };
            if ties(invoice, &made, exponent)? {
                return Ok(Ok(made));
            }
        }
    }
    Ok(Err(vec![problem("vat", off(invoice, &singles, exponent)?)]))
}

/// The discount on all of the document in percent, where its allowances are nothing else.
fn discount(invoice: &Invoice) -> Option<Decimal> {
    let percent = invoice.adjustments.first()?.percent?;
    let same = |one: &Adjustment| !one.is_charge && one.percent == Some(percent);
    (invoice.adjustments.iter().all(same) && check_scale(percent, FINEST).is_ok()).then_some(percent)
}

/// The lines at prices with their taxes: the tax of each category among its lines. None where something of it cannot be.
fn with_tax(invoice: &Invoice, lines: &[Wanted], exponent: u32) -> Result<Option<Vec<Wanted>>> {
    let mut priced = lines.to_vec();
    for vat in &invoice.vat {
        let Some(tax) = vat.tax.filter(|tax| !tax.is_zero()) else { continue };
        let rate = vat.rate.unwrap_or_default();
        let of = |line: &&mut Wanted| Some(line.category) == vat.category && line.rate == rate;
        let mut taxed: Vec<&mut Wanted> = priced.iter_mut().filter(of).collect();
        let weights: Vec<Decimal> = taxed.iter().map(|line| line.net.abs()).collect();
        if taxed.iter().any(|line| line.net.is_sign_negative() != tax.is_sign_negative()) {
            return Ok(None);
        }
        let Ok(shares) = split(tax, &weights, exponent) else { return Ok(None) };
        for (line, share) in taxed.iter_mut().zip(shares) {
            line.unit_price = add(line.net, share)?;
        }
    }
    Ok(Some(priced))
}

/// What is bought, as long as a bill can say it.
fn text(words: &str) -> String {
    let kept: String = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(500).collect();
    if kept.is_empty() { "Goods or services".to_owned() } else { kept }
}

/// Quantity and price where they come to the amount, and are no finer than a bill can say; else one piece.
fn wanted(line: &Line, exponent: u32) -> Result<Wanted> {
    let net = line.net.unwrap_or_default();
    let quantity = line.quantity.unwrap_or(Decimal::ONE).normalize();
    let many = line.price_quantity.filter(|many| !many.is_zero()).unwrap_or(Decimal::ONE);
    let price = line.price.unwrap_or_default().checked_div(many).unwrap_or_default().normalize();
    let one = Wanted {
        description: text(line.name.as_deref().unwrap_or_default()),
        quantity,
        unit_price: price,
        discount_percent: Decimal::ZERO,
        net,
        category: line.category.unwrap_or(Category::OutOfScope),
        rate: line.rate.unwrap_or_default(),
    };
    if check_scale(quantity, FINEST).is_err() || check_scale(price, FINEST).is_err() {
        return Ok(one.as_one());
    }
    let rounded = |amount| round_to(amount, exponent, RoundingMode::HalfAwayFromZero);
    let whole = mul(quantity, price)?;
    if rounded(whole)? == net && line.adjustments.is_empty() {
        return Ok(one);
    }
    let percent = match line.adjustments.as_slice() {
        [only] if !only.is_charge => only.percent.filter(|percent| check_scale(*percent, FINEST).is_ok()),
        _ => None,
    };
    if let Some(discount_percent) = percent.filter(|percent| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(percent)) {
        let kept = sub(Decimal::ONE_HUNDRED, discount_percent)?.checked_div(Decimal::ONE_HUNDRED).unwrap_or_default();
        // moved by a unit, perhaps, so that the sender's document adds up
        let unit = Decimal::new(1, exponent);
        if sub(rounded(mul(whole, kept)?)?, net)?.abs() <= unit {
            return Ok(Wanted { discount_percent, ..one });
        }
    }
    Ok(one.as_one())
}

fn totals(made: &Made, exponent: u32) -> Result<backoffice_money::Totals<&'static str>> {
    let inputs: Vec<LineInput<&'static str>> = made
        .lines
        .iter()
        .map(|line| LineInput {
            quantity: line.quantity,
            unit_price: line.unit_price,
            discount_percent: line.discount_percent,
            taxes: vec![TaxKey { key: line.category.as_str(), percent: line.rate }],
        })
        .collect();
    let prices = if made.prices_include_tax { Prices::IncludeTax } else { Prices::Net };
    Ok(backoffice_money::totals(&inputs, made.discount_percent, prices, made.rounding.into(), exponent)?)
}

/// Whether these lines come to what the file says: each line, each tax and the sums.
fn ties(invoice: &Invoice, bill: &Made, exponent: u32) -> Result<bool> {
    let made = totals(bill, exponent)?;
    let stated = &invoice.totals;
    let lined = made
        .lines
        .iter()
        .zip(&bill.lines)
        .all(|(made, wanted)| add(made.net, made.document_discount).is_ok_and(|net| net == wanted.net));
    let taxed = invoice.vat.iter().all(|vat| {
        let same = |tax: &&backoffice_money::TaxTotal<&'static str>| {
            Some(tax.key) == vat.category.map(Category::as_str) && tax.percent == vat.rate.unwrap_or_default()
        };
        let found = made.taxes.iter().filter(same).map(|tax| tax.tax);
        sum(found).is_ok_and(|tax| Some(tax) == vat.tax)
    });
    Ok(lined
        && taxed
        && Some(made.net) == stated.net
        && made.tax == stated.vat.unwrap_or_default()
        && Some(made.gross) == stated.gross)
}

/// What the file says of a tax and what its lines come to, where these differ.
fn off(invoice: &Invoice, lines: &[Wanted], exponent: u32) -> Result<String> {
    let plain = Made {
        lines: lines.to_vec(),
        rounding: DocumentRounding::ByDocument,
        discount_percent: Decimal::ZERO,
        prices_include_tax: false,
    };
    let made = totals(&plain, exponent)?;
    for vat in &invoice.vat {
        let rate = vat.rate.unwrap_or_default();
        let same = |tax: &&backoffice_money::TaxTotal<&'static str>| {
            Some(tax.key) == vat.category.map(Category::as_str) && tax.percent == rate
        };
        let mut computed = Decimal::ZERO;
        for tax in made.taxes.iter().filter(same) {
            computed = add(computed, tax.tax)?;
        }
        let stated = vat.tax.unwrap_or_default();
        if computed != stated {
            let rate = rate.normalize();
            return Ok(format!(
                "The tax at {rate} % is stated as {stated}, and the lines come to {computed}: enter the bill by hand."
            ));
        }
    }
    let stated = invoice.totals.gross.unwrap_or_default();
    Ok(format!("The file states {stated} with tax, and its lines come to {}: enter the bill by hand.", made.gross))
}

#[cfg(test)]
mod tests {
    use backoffice_formats::einvoice::{Totals, VatLine};
    use proptest::prelude::*;

    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn line(quantity: &str, price: &str, net: &str) -> Line {
        Line {
            quantity: Some(dec(quantity)),
            price: Some(dec(price)),
            net: Some(dec(net)),
            category: Some(Category::Standard),
            rate: Some(dec("19")),
            name: Some(" Rope  and chain ".to_owned()),
            ..Line::default()
        }
    }

    fn invoice(lines: Vec<Line>, net: &str, tax: &str, gross: &str) -> Invoice {
        let vat = VatLine {
            taxable: Some(dec(net)),
            tax: Some(dec(tax)),
            category: Some(Category::Standard),
            rate: Some(dec("19")),
            ..VatLine::default()
        };
        let totals = Totals {
            lines: Some(dec(net)),
            net: Some(dec(net)),
            vat: Some(dec(tax)),
            gross: Some(dec(gross)),
            ..Totals::default()
        };
        Invoice { lines, vat: vec![vat], totals, ..Invoice::default() }
    }

    #[test]
    fn quantities_stay_where_they_come_to_the_amount() {
        let whole = invoice(vec![line("3", "33.33", "99.99")], "99.99", "19.00", "118.99");
        let Made { lines, rounding, .. } = of(&whole, 2).unwrap().unwrap();
        let first = (lines[0].quantity, lines[0].unit_price, rounding);
        assert_eq!(first, (dec("3"), dec("33.33"), DocumentRounding::ByDocument));
        assert_eq!(lines[0].description, "Rope and chain");
        // a third of a cent too much for a price of a bill
        let mut fine = line("3", "100", "100.00");
        fine.price_quantity = Some(dec("3"));
        let Made { lines, .. } = of(&invoice(vec![fine], "100.00", "19.00", "119.00"), 2).unwrap().unwrap();
        assert_eq!((lines[0].quantity, lines[0].unit_price), (dec("1"), dec("100.00")));
        // tax by line: 0.13 × 19 % is 0.02 twice, by document 0.05
        let two = vec![line("1", "0.13", "0.13"), line("1", "0.13", "0.13")];
        let Made { rounding, .. } = of(&invoice(two.clone(), "0.26", "0.04", "0.30"), 2).unwrap().unwrap();
        assert_eq!(rounding, DocumentRounding::ByLine);
        let Made { rounding, .. } = of(&invoice(two.clone(), "0.26", "0.05", "0.31"), 2).unwrap().unwrap();
        assert_eq!(rounding, DocumentRounding::ByDocument);
        // the tax was inside of the prices: 69.93 at 19 %
        let inside = of(&invoice(vec![line("7", "8.3943", "58.76")], "58.76", "11.17", "69.93"), 2).unwrap().unwrap();
        assert_eq!((inside.prices_include_tax, inside.lines[0].unit_price), (true, dec("69.93")));
        let held = of(&invoice(two, "0.26", "0.08", "0.34"), 2).unwrap().unwrap_err();
        assert_eq!(held[0].field, "vat");
        assert!(held[0].message.contains("0.08") && held[0].message.contains("0.05"), "{}", held[0].message);
    }

    proptest! {
        /// Whoever rounds as the standard says is taken in, whatever his prices are.
        #[test]
        fn the_standards_own_rounding_always_ties(rows in prop::collection::vec((1_i64..100_000, 0_i64..10_000_000), 1..8)) {
            let cents = backoffice_money::RoundingMode::HalfAwayFromZero;
            let lines: Vec<Line> = rows
                .iter()
                .map(|(quantity, price)| {
                    let (quantity, price) = (Decimal::new(*quantity, 3), Decimal::new(*price, 5));
                    let net = round_to(quantity * price, 2, cents).unwrap();
                    Line { quantity: Some(quantity), price: Some(price), ..line("1", "1", &net.to_string()) }
                })
                .collect();
            let net: Decimal = lines.iter().filter_map(|line| line.net).sum();
            let tax = round_to(net * dec("0.19"), 2, cents).unwrap();
            let whole = invoice(lines, &net.to_string(), &tax.to_string(), &(net + tax).to_string());
            let made = of(&whole, 2).unwrap().unwrap();
            prop_assert_eq!(made.lines.iter().map(|line| line.net).sum::<Decimal>(), net);
        }
    }
}
