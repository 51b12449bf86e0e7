//! How much a credit note takes back, and with which taxes, of an invoice or of a bill: no database, no clock.

use backoffice_money::{
    Decimal, LineInput, LineTotals, Prices, RoundingMethod, TaxKey, TaxTotal, Totals, add, check_scale, split_last,
    sub, sum,
};

use crate::finance::ids::TaxCodeId;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{at, decimals};

/// A line of the invoice and what earlier notes took back of it.
#[derive(Clone, Debug)]
pub(crate) struct Invoiced {
    /// How many were sold.
    pub quantity: Decimal,
    /// Net amount.
    pub net: Decimal,
    /// Its taxes, each of the net amount.
    pub taxes: Vec<Taxed>,
    /// How many earlier notes took back.
    pub taken_quantity: Decimal,
    /// Net amount that they took back.
    pub taken_net: Decimal,
}

/// One tax of a line of the invoice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taxed {
    /// The code; none outside of any tax.
    pub code: Option<TaxCodeId>,
    /// The rate in percent.
    pub percent: Decimal,
    /// The line's share of it.
    pub tax: Decimal,
    /// What earlier notes took back of that.
    pub taken: Decimal,
}

impl Taxed {
    fn with(&self, other: &Self) -> bool {
        self.code == other.code && self.percent == other.percent
    }
}

impl Invoiced {
    /// What the line comes to as its prices are: net, or with its taxes.
    fn amount(&self, prices: Prices) -> Result<Decimal> {
        let tax = sum(self.taxes.iter().map(|tax| tax.tax))?;
        Ok(if prices == Prices::IncludeTax { add(self.net, tax)? } else { self.net })
    }

    /// The same of what was taken back.
    pub(crate) fn taken(&self, prices: Prices) -> Result<Decimal> {
        let tax = sum(self.taxes.iter().map(|tax| tax.taken))?;
        Ok(if prices == Prices::IncludeTax { add(self.taken_net, tax)? } else { self.taken_net })
    }

    /// Whether nothing is left of it.
    pub(crate) fn gone(&self, prices: Prices) -> Result<bool> {
        Ok(self.quantity == self.taken_quantity && self.amount(prices)? == self.taken(prices)?)
    }
}

/// How the invoice was computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    /// What its prices are.
    pub prices: Prices,
    /// When its taxes are rounded.
    pub method: RoundingMethod,
    /// Decimals of its currency.
    pub exponent: u32,
}

/// How much of a line is wanted back.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    /// Whatever is left of it.
    Rest,
    /// So many.
    Quantity(Decimal),
    /// So much of what it comes to: net, or with its taxes where the prices include them.
    Allowance(Decimal),
}

/// What is taken back of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credited {
    /// Which line, by its place in the list.
    pub line: usize,
    /// How many; none for an allowance.
    pub quantity: Option<Decimal>,
    /// Net amount.
    pub net: Decimal,
    /// The line's share of each of its taxes.
    pub taxes: Vec<Decimal>,
}

/// Nets and taxes of a note. Each wanted line names a line of the invoice by its place; none twice.
///
/// A part of a line is its share of the line's amount by quantity. Taxes are computed as the invoice's are: by document once
/// a tax code, by line on each line. Whoever takes back the last of what was taxed together takes what is left of the tax,
/// so that all notes together are the invoice to the last cent; and nobody takes more tax than is left.
pub(crate) fn credit(lines: &[Invoiced], wanted: &[(usize, Amount)], terms: Terms) -> Result<Vec<Credited>> {
    let mut parts = Vec::with_capacity(wanted.len());
    let mut inputs = Vec::with_capacity(wanted.len());
    for (place, (index, amount)) in wanted.iter().enumerate() {
        let line = lines.get(*index).ok_or_else(|| Error::fault("a line that the invoice does not have"))?;
        let (quantity, amount) = part(line, *amount, index.saturating_add(1), place, terms)?;
        parts.push((*index, quantity, amount));
        inputs.push(LineInput {
            quantity: Decimal::ONE,
            unit_price: amount,
            discount_percent: Decimal::ZERO,
            taxes: line.taxes.iter().map(|tax| TaxKey { key: tax.code, percent: tax.percent }).collect(),
        });
    }
    let computed = backoffice_money::totals(&inputs, Decimal::ZERO, terms.prices, terms.method, terms.exponent)?;
    let mut credited: Vec<Credited> = parts
        .iter()
        .zip(computed.lines)
        .map(|((line, quantity, _), amounts)| Credited {
            line: *line,
            quantity: *quantity,
            net: amounts.net,
            taxes: amounts.taxes,
        })
        .collect();
    for group in groups(lines, &credited, terms.method) {
        let now = |index: usize| parts.iter().find(|part| part.0 == index).map_or(Decimal::ZERO, |part| part.2);
        let off = correction(lines, &credited, &group, now, terms)?;
        let Some((index, place)) = group.last().copied() else { continue };
        let Some(last) = credited.get_mut(index) else { continue };
        if let Some(tax) = last.taxes.get_mut(place) {
            *tax = add(*tax, off)?;
        }
        if terms.prices == Prices::IncludeTax {
            last.net = sub(last.net, off)?;
        }
    }
    Ok(credited)
}

/// The shares of taxes that were rounded together, each by its line of the note and its place there.
fn groups(lines: &[Invoiced], credited: &[Credited], method: RoundingMethod) -> Vec<Vec<(usize, usize)>> {
    let taxed = |(index, place): (usize, usize)| lines.get(credited.get(index)?.line)?.taxes.get(place);
    let mut groups: Vec<Vec<(usize, usize)>> = Vec::new();
    for (index, one) in credited.iter().enumerate() {
        for place in 0..one.taxes.len() {
            let known = groups.iter_mut().find(|group| {
                let first = group.first().and_then(|first| taxed(*first));
                method == RoundingMethod::ByDocument && first.zip(taxed((index, place))).is_some_and(|(a, b)| a.with(b))
            });
            match known {
                Some(group) => group.push((index, place)),
                None => groups.push(vec![(index, place)]),
            }
        }
    }
    groups
}

/// What a group takes of its tax more, or less, than was computed.
fn correction(
    lines: &[Invoiced],
    credited: &[Credited],
    group: &[(usize, usize)],
    now: impl Fn(usize) -> Decimal,
    terms: Terms,
) -> Result<Decimal> {
    let share = |(index, place): &(usize, usize)| credited.get(*index)?.taxes.get(*place).copied();
    let tax = sum(group.iter().filter_map(share))?;
    let first = group.first().and_then(|(index, place)| {
        let one = credited.get(*index)?;
        Some((one.line, *lines.get(one.line)?.taxes.get(*place)?))
    });
    let Some((named, first)) = first else { return Ok(Decimal::ZERO) };
    let (mut left, mut complete, mut signs) = (Decimal::ZERO, true, Vec::new());
    for (index, line) in lines.iter().enumerate() {
        let together = terms.method == RoundingMethod::ByDocument || index == named;
        let Some(taxed) = line.taxes.iter().find(|taxed| together && taxed.with(&first)) else { continue };
        left = add(left, sub(taxed.tax, taxed.taken)?)?;
        complete &= add(line.taken(terms.prices)?, now(index))? == line.amount(terms.prices)?;
        if !line.net.is_zero() {
            signs.push(line.net.is_sign_negative());
        }
    }
    signs.dedup();
    let beyond = signs.len() <= 1 && tax.abs() > left.abs();
    Ok(if complete || beyond { sub(left, tax)? } else { Decimal::ZERO })
}

/// How many and how much.
fn part(
    line: &Invoiced,
    amount: Amount,
    number: usize,
    place: usize,
    terms: Terms,
) -> Result<(Option<Decimal>, Decimal)> {
    let left = sub(line.quantity, line.taken_quantity)?;
    let whole = line.amount(terms.prices)?;
    let rest = sub(whole, line.taken(terms.prices)?)?;
    let over = |field: &str, what: String| {
        Err(Error::refuse(UserErrorCode::OverAllocated, &format!("lines.{place}.{field}"), what))
    };
    let wrong = |field: &str, what: &str| {
        Err(Error::refuse(UserErrorCode::Invalid, &format!("lines.{place}.{field}"), what.to_owned()))
    };
    match amount {
        Amount::Rest if rest.is_zero() && left.is_zero() => {
            over("line", format!("Nothing is left of line {number}: it is credited in full."))
        }
        Amount::Rest => Ok(((!left.is_zero()).then_some(left), rest)),
        Amount::Quantity(quantity) => {
            decimals(&format!("lines.{place}.quantity"), quantity, 4)?;
            if quantity.is_zero() || quantity.is_sign_negative() != line.quantity.is_sign_negative() {
                return wrong("quantity", "The quantity has the sign of the line and is not zero.");
            }
            if quantity.abs() > left.abs() {
                let left = left.normalize();
                return over("quantity", format!("Only {left} of line {number} can still be credited."));
            }
            if quantity == left {
                return Ok((Some(quantity), rest));
            }
            let stays = sub(line.quantity, quantity)?;
            let parts = split_last(whole, &[quantity.abs(), stays.abs()], terms.exponent)?;
            let part = parts.into_iter().next().unwrap_or_default();
            // an allowance may have left less than the price of what comes back
            Ok((Some(quantity), if part.abs() > rest.abs() { rest } else { part }))
        }
        Amount::Allowance(amount) => {
            let field = format!("lines.{place}.amount");
            check_scale(amount, terms.exponent).map_err(|error| at(&field, error))?;
            if amount.is_zero() || amount.is_sign_negative() != whole.is_sign_negative() {
                return wrong("amount", "The amount has the sign of the line and is not zero.");
            }
            if amount.abs() > rest.abs() {
                let rest = rest.normalize();
                return over("amount", format!("Only {rest} of line {number} can still be credited."));
            }
            Ok((None, amount))
        }
    }
}

/// The totals that a note is posted with.
pub(crate) fn totals(lines: &[Invoiced], credited: &[Credited]) -> Result<Totals<Option<TaxCodeId>>> {
    let mut amounts = Vec::with_capacity(credited.len());
    let mut taxes: Vec<TaxTotal<Option<TaxCodeId>>> = Vec::new();
    for one in credited {
        let tax = sum(one.taxes.iter().copied())?;
        amounts.push(LineTotals { net: one.net, document_discount: Decimal::ZERO, tax, taxes: one.taxes.clone() });
        let Some(line) = lines.get(one.line) else { continue };
        for (taxed, share) in line.taxes.iter().zip(&one.taxes) {
            match taxes.iter_mut().find(|tax| tax.key == taxed.code && tax.percent == taxed.percent) {
                Some(tax) => {
                    tax.base = add(tax.base, one.net)?;
                    tax.tax = add(tax.tax, *share)?;
                }
                None => {
                    taxes.push(TaxTotal { key: taxed.code, percent: taxed.percent, base: one.net, tax: *share });
                }
            }
        }
    }
    let net = sum(amounts.iter().map(|line| line.net))?;
    let tax = sum(amounts.iter().map(|line| line.tax))?;
    Ok(Totals { lines: amounts, taxes, document_discount: Decimal::ZERO, net, tax, gross: add(net, tax)? })
}

#[cfg(test)]
mod tests;
