//! The entry of a document: control account against the accounts of the lines and the taxes. No database, no clock.

use std::collections::BTreeMap;

use backoffice_money::{Balanced, Currency, Decimal, MoneyError, Totals, add, mul, neg, round, sub, sum};

use super::Kind;
use super::cash_rounding::{Cash, payable};
use super::pricing::Line;
use crate::finance::ids::{AccountId, TaxCodeId};
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::NewLine;
use crate::platform::error::{Error, Result, UserErrorCode};

/// What a document is posted with.
pub struct Entry {
    /// The lines of the journal entry.
    pub lines: Balanced<NewLine>,
    /// What is paid, rounded or not, in the books' currency: what the open item is worth.
    pub gross_book: Decimal,
}

/// The currencies of a document.
#[derive(Clone, Copy, Debug)]
pub struct Currencies {
    /// The document's.
    pub document: Currency,
    /// The books'.
    pub book: Currency,
    /// Book currency for one unit of the document's.
    pub rate: Decimal,
}

struct Part {
    account: AccountId,
    tax_code: Option<TaxCodeId>,
    labels: Labels,
    amount: Decimal,
}

/// Builds the entry. An invoice debits its control account and credits revenue and output tax; a bill the reverse.
///
/// Every part is converted by itself and rounded to the books' currency; so is the gross amount. Where the rounded parts
/// miss the rounded gross amount, the parts that were rounded furthest take one unit each.
pub fn entry(
    kind: Kind,
    control: AccountId,
    lines: &[Line],
    totals: &Totals<Option<TaxCodeId>>,
    currencies: Currencies,
    description: &str,
) -> Result<Entry> {
    entry_worth(kind, control, lines, totals, currencies, description, None)
}

/// As [`entry`], where what the gross amount is worth in the books' currency is known already: a credit note takes back
/// what the open item stands in the books with.
pub fn entry_worth(
    kind: Kind,
    control: AccountId,
    lines: &[Line],
    totals: &Totals<Option<TaxCodeId>>,
    currencies: Currencies,
    description: &str,
    worth: Option<Decimal>,
) -> Result<Entry> {
    entry_paid(kind, control, lines, totals, currencies, description, Paid { worth, cash: None })
}

/// What else is known of what a document is paid with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paid {
    /// What that is worth in the books' currency.
    pub worth: Option<Decimal>,
    /// How it is rounded.
    pub cash: Option<Cash>,
}

/// As [`entry`], where what is paid is rounded beside the gross amount: the difference stands on an account of its own.
pub fn entry_paid(
    kind: Kind,
    control: AccountId,
    lines: &[Line],
    totals: &Totals<Option<TaxCodeId>>,
    currencies: Currencies,
    description: &str,
    Paid { worth, cash }: Paid,
) -> Result<Entry> {
    let mut parts = parts(lines, totals)?;
    let gross = payable(totals.gross, cash)?;
    if let Some(Cash { account, difference }) = cash {
        parts.push(Part { account, tax_code: None, labels: Labels::none(), amount: difference });
    }
    if parts.is_empty() {
        return Err(Error::refuse(UserErrorCode::State, "id", "A document without any amount is not posted."));
    }
    let amounts: Vec<Decimal> = parts.iter().map(|part| part.amount).collect();
    let (books, gross_book) = in_book_currency(&amounts, currencies, worth)?;
    if gross_book.is_zero() != gross.is_zero() {
        let message = format!("The amount is too small to be worth anything in {}.", currencies.book);
        return Err(Error::refuse(UserErrorCode::Invalid, "id", message));
    }
    let line = |account, tax_code, labels, amount_document, amount| NewLine {
        account,
        amount_document,
        amount,
        currency: currencies.document,
        description: description.to_owned(),
        tax_code,
        labels,
    };
    let mut posted = Vec::with_capacity(parts.len().saturating_add(1));
    if !gross.is_zero() {
        posted.push(match kind {
            Kind::Invoice => line(control, None, Labels::none(), gross, gross_book),
            Kind::Bill => line(control, None, Labels::none(), neg(gross)?, neg(gross_book)?),
        });
    }
    for (part, book) in parts.into_iter().zip(books) {
        posted.push(match kind {
            Kind::Invoice => line(part.account, part.tax_code, part.labels, neg(part.amount)?, neg(book)?),
            Kind::Bill => line(part.account, part.tax_code, part.labels, part.amount, book),
        });
    }
    let lines = Balanced::check(currencies.book, posted).map_err(Error::from)?;
    Ok(Entry { lines, gross_book })
}

/// Nets by account and labels, in the order of their first lines, then taxes by code; what sums to nothing is left out.
fn parts(lines: &[Line], totals: &Totals<Option<TaxCodeId>>) -> Result<Vec<Part>> {
    let mut order: Vec<(AccountId, &Labels)> = Vec::new();
    let mut nets: BTreeMap<(AccountId, &Labels), Decimal> = BTreeMap::new();
    for (line, amounts) in lines.iter().zip(&totals.lines) {
        let net = nets.entry((line.account, &line.labels)).or_insert_with(|| {
            order.push((line.account, &line.labels));
            Decimal::ZERO
        });
        *net = add(*net, amounts.net)?;
    }
    let taxes = lines.iter().flat_map(|line| line.tax.into_iter().chain(line.second_tax));
    let accounts: BTreeMap<TaxCodeId, AccountId> = taxes.map(|tax| (tax.code, tax.account)).collect();
    let nets = order.into_iter().map(|(account, labels)| Part {
        account,
        tax_code: None,
        labels: labels.clone(),
        amount: nets.get(&(account, labels)).copied().unwrap_or_default(),
    });
    let taxes = totals.taxes.iter().filter_map(|tax| {
        let code = tax.key?;
        Some(Part { account: *accounts.get(&code)?, tax_code: Some(code), labels: Labels::none(), amount: tax.tax })
    });
    Ok(nets.chain(taxes).filter(|part| !part.amount.is_zero()).collect())
}

/// Parts and their sum in the books' currency, adding up. The sum is `worth` where that is known, else the rounded one.
pub fn in_book_currency(
    parts: &[Decimal],
    currencies: Currencies,
    worth: Option<Decimal>,
) -> Result<(Vec<Decimal>, Decimal), MoneyError> {
    let gross = sum(parts.iter().copied())?;
    if currencies.document == currencies.book {
        return Ok((parts.to_vec(), gross));
    }
    let target = match worth {
        Some(worth) => worth,
        None => round(mul(gross, currencies.rate)?, currencies.book)?,
    };
    let mut rounded = Vec::with_capacity(parts.len());
    let mut order = Vec::with_capacity(parts.len());
    for (at, part) in parts.iter().enumerate() {
        let exact = mul(*part, currencies.rate)?;
        let kept = round(exact, currencies.book)?;
        rounded.push(kept);
        // how much the rounding took away
        order.push((sub(exact, kept)?, at));
    }
    let mut off = sub(target, sum(rounded.iter().copied())?)?;
    let unit = Decimal::try_new(1, currencies.book.exponent()).map_err(|_| MoneyError::Overflow)?;
    let step = if off.is_sign_negative() {
        order.sort_by_key(|(taken, _)| *taken);
        neg(unit)?
    } else {
        order.sort_by_key(|(taken, _)| std::cmp::Reverse(*taken));
        unit
    };
    // Each part is off by half a unit at most and so is a rounded target: one unit for each of the furthest is enough, and
    // those were rounded in the other direction, so no part changes its sign. A target that is known may be further.
    for (_, at) in order.iter().cycle().copied() {
        if off.is_zero() {
            break;
        }
        if let Some(amount) = rounded.get_mut(at) {
            *amount = add(*amount, step)?;
            off = sub(off, step)?;
        }
    }
    Ok((rounded, target))
}

#[cfg(test)]
mod tests;
