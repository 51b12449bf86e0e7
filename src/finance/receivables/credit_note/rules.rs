//! How much a credit note takes back, and with which taxes: no database, no clock.

use backoffice_money::{
    Decimal, LineInput, LineTotals, RoundingMethod, TaxKey, TaxTotal, Totals, add, check_scale, split_last, sub, sum,
};

use crate::finance::ids::TaxCodeId;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::{at, decimals};

/// A line of the invoice and what earlier notes took back of it.
#[derive(Clone, Debug)]
pub(super) struct Invoiced {
    /// How many were sold.
    pub quantity: Decimal,
    /// Net amount.
    pub net: Decimal,
    /// The line's share of its tax.
    pub tax: Decimal,
    /// What it is taxed with.
    pub code: Option<TaxCodeId>,
    /// The rate in percent.
    pub percent: Decimal,
    /// What earlier notes took back.
    pub taken: Taken,
}

/// What was taken back of a line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// How many.
    pub quantity: Decimal,
    /// Net amount.
    pub net: Decimal,
    /// Tax.
    pub tax: Decimal,
}

/// How much of a line is wanted back.
#[derive(Clone, Copy, Debug)]
pub(super) enum Amount {
    /// Whatever is left of it.
    Rest,
    /// So many.
    Quantity(Decimal),
    /// So much of its net amount.
    Net(Decimal),
}

/// What is taken back of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credited {
    /// Which line, by its place in the list.
    pub line: usize,
    /// How many; none for an allowance.
    pub quantity: Option<Decimal>,
    /// Net amount.
    pub net: Decimal,
    /// The line's share of its tax.
    pub tax: Decimal,
}

/// Nets and taxes of a note. Each wanted line names a line of the invoice by its place; none twice.
///
/// A part of a line is its share of the line's net by quantity. Taxes are rounded as the invoice's are: by document once a
/// tax code, by line on each line. Whoever takes back the last of what was taxed together takes what is left of the tax, so
/// that all notes together are the invoice to the last cent; and nobody takes more tax than is left.
pub(super) fn credit(
    lines: &[Invoiced],
    wanted: &[(usize, Amount)],
    method: RoundingMethod,
    exponent: u32,
) -> Result<Vec<Credited>> {
    let mut credited = Vec::with_capacity(wanted.len());
    for (place, (index, amount)) in wanted.iter().enumerate() {
        let line = lines.get(*index).ok_or_else(|| Error::fault("a line that the invoice does not have"))?;
        let (quantity, net) = part(line, *amount, index.saturating_add(1), place, exponent)?;
        credited.push(Credited { line: *index, quantity, net, tax: Decimal::ZERO });
    }
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, one) in credited.iter().enumerate() {
        let with = |other: &Credited| match (method, lines.get(one.line), lines.get(other.line)) {
            (RoundingMethod::ByDocument, Some(a), Some(b)) => a.code == b.code && a.percent == b.percent,
            _ => one.line == other.line,
        };
        let known =
            groups.iter_mut().find(|group| group.first().and_then(|first| credited.get(*first)).is_some_and(&with));
        match known {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    for group in groups {
        tax_group(lines, &mut credited, &group, method, exponent)?;
    }
    Ok(credited)
}

/// How many and how much net.
fn part(
    line: &Invoiced,
    amount: Amount,
    number: usize,
    place: usize,
    exponent: u32,
) -> Result<(Option<Decimal>, Decimal)> {
    let left = sub(line.quantity, line.taken.quantity)?;
    let rest = sub(line.net, line.taken.net)?;
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
                return wrong("quantity", "The quantity has the sign of the invoice's line and is not zero.");
            }
            if quantity.abs() > left.abs() {
                let left = left.normalize();
                return over("quantity", format!("Only {left} of line {number} can still be credited."));
            }
            if quantity == left {
                return Ok((Some(quantity), rest));
            }
            let stays = sub(line.quantity, quantity)?;
            let parts = split_last(line.net, &[quantity.abs(), stays.abs()], exponent)?;
            let net = parts.into_iter().next().unwrap_or_default();
            // an allowance may have left less than the price of what comes back
            Ok((Some(quantity), if net.abs() > rest.abs() { rest } else { net }))
        }
        Amount::Net(net) => {
            let field = format!("lines.{place}.net");
            check_scale(net, exponent).map_err(|error| at(&field, error))?;
            if net.is_zero() || net.is_sign_negative() != line.net.is_sign_negative() {
                return wrong("net", "The amount has the sign of the invoice's line and is not zero.");
            }
            if net.abs() > rest.abs() {
                let rest = rest.normalize();
                return over("net", format!("Only {rest} of line {number} can still be credited."));
            }
            Ok((None, net))
        }
    }
}

/// The taxes of lines that are taxed together.
fn tax_group(
    lines: &[Invoiced],
    credited: &mut [Credited],
    group: &[usize],
    method: RoundingMethod,
    exponent: u32,
) -> Result<()> {
    let members: Vec<Credited> = group.iter().filter_map(|index| credited.get(*index).copied()).collect();
    let Some(first) = members.first().and_then(|one| lines.get(one.line)) else { return Ok(()) };
    let inputs: Vec<LineInput<()>> = members
        .iter()
        .map(|one| LineInput {
            quantity: Decimal::ONE,
            unit_price: one.net,
            discount_percent: Decimal::ZERO,
            tax: TaxKey { key: (), percent: first.percent },
        })
        .collect();
    let computed = backoffice_money::totals(&inputs, Decimal::ZERO, method, exponent)?;
    let together: Vec<(usize, &Invoiced)> = lines
        .iter()
        .enumerate()
        .filter(|(index, line)| match method {
            RoundingMethod::ByDocument => line.code == first.code && line.percent == first.percent,
            RoundingMethod::ByLine => members.iter().any(|one| one.line == *index),
        })
        .collect();
    let mut left = Decimal::ZERO;
    let mut complete = true;
    for (index, line) in &together {
        left = add(left, sub(line.tax, line.taken.tax)?)?;
        let now = members.iter().find(|one| one.line == *index).map_or(Decimal::ZERO, |one| one.net);
        complete &= add(line.taken.net, now)? == line.net;
    }
    let one_sign = together
        .iter()
        .all(|(_, line)| line.net.is_zero() || line.net.is_sign_negative() == first.net.is_sign_negative());
    let tax = if complete || (one_sign && computed.tax.abs() > left.abs()) { left } else { computed.tax };
    // what the last of them takes more, or less, than its own share
    let mut off = sub(tax, computed.tax)?;
    for (index, amounts) in group.iter().zip(&computed.lines).rev() {
        if let Some(one) = credited.get_mut(*index) {
            one.tax = add(amounts.tax, off)?;
            off = Decimal::ZERO;
        }
    }
    Ok(())
}

/// The totals that a note is posted with.
pub(super) fn totals(lines: &[Invoiced], credited: &[Credited]) -> Result<Totals<Option<TaxCodeId>>> {
    let amounts: Vec<LineTotals> = credited
        .iter()
        .map(|one| LineTotals { net: one.net, document_discount: Decimal::ZERO, tax: one.tax })
        .collect();
    let mut taxes: Vec<TaxTotal<Option<TaxCodeId>>> = Vec::new();
    for one in credited {
        let Some(line) = lines.get(one.line) else { continue };
        match taxes.iter_mut().find(|tax| tax.key == line.code && tax.percent == line.percent) {
            Some(tax) => {
                tax.base = add(tax.base, one.net)?;
                tax.tax = add(tax.tax, one.tax)?;
            }
            None => taxes.push(TaxTotal { key: line.code, percent: line.percent, base: one.net, tax: one.tax }),
        }
    }
    let net = sum(amounts.iter().map(|line| line.net))?;
    let tax = sum(amounts.iter().map(|line| line.tax))?;
    Ok(Totals { lines: amounts, taxes, document_discount: Decimal::ZERO, net, tax, gross: add(net, tax)? })
}

#[cfg(test)]
mod tests;
