//! What a match posts and settles: no database, no clock.

use std::collections::HashSet;

use backoffice_money::{
    Balanced, Currency, Decimal, MoneyError, add, check_scale, mul, neg, round, split_last, sub, sum,
};

use crate::finance::bank::suggestion::flow;
use crate::finance::ids::AccountId;
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::NewLine;
use crate::finance::open_item::allocation::NewAllocation;
use crate::finance::open_item::{OpenItem, OpenItemSide};
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::at;

/// The bank line and the books.
pub(super) struct Facts {
    /// The account of the chart behind the bank account.
    pub account: AccountId,
    /// Positive is money in.
    pub amount: Decimal,
    /// The line's currency.
    pub currency: Currency,
    /// The books' currency.
    pub book: Currency,
    /// Book currency for one unit of the line's: there if there are postings.
    pub rate: Option<Decimal>,
}

/// An open item, locked, and how much of it is settled.
pub(super) struct Settled {
    /// The item.
    pub item: OpenItem,
    /// With the item's sign.
    pub amount: Decimal,
}

/// Something that settles no item.
pub(super) struct Posting {
    /// Where it is posted.
    pub account: AccountId,
    /// With the sign of the movement.
    pub amount: Decimal,
    /// What it is.
    pub description: String,
}

/// What is to be written.
pub(super) struct Plan {
    /// The lines of the entry.
    pub lines: Balanced<NewLine>,
    /// The settlements, in the order of the items' ids.
    pub allocations: Vec<NewAllocation>,
}

/// Checks the parts against the line and the items, and builds entry and allocations.
pub(super) fn plan(facts: &Facts, settled: &[Settled], postings: Vec<Posting>, description: &str) -> Result<Plan> {
    check_items(facts, settled)?;
    let mut flows = Vec::with_capacity(settled.len().saturating_add(postings.len()));
    for one in settled {
        flows.push(flow(one.item.side, one.amount)?);
    }
    for (index, posting) in postings.iter().enumerate() {
        let field = format!("postings.{index}.amount");
        check_scale(posting.amount, facts.currency.exponent()).map_err(|error| at(&field, error))?;
        if posting.amount.is_zero() {
            return Err(at(&field, MoneyError::ZeroLine));
        }
        flows.push(posting.amount);
    }
    check_sum(facts, &flows)?;

    let mut lines = Vec::with_capacity(flows.len().saturating_add(1));
    let mut allocations = Vec::with_capacity(settled.len());
    let mut bank_book = Decimal::ZERO;
    for one in settled {
        let book = book_share(facts, one)?;
        bank_book = add(bank_book, flow(one.item.side, book)?)?;
        let turned = |amount| match one.item.side {
            OpenItemSide::Receivable => neg(amount),
            OpenItemSide::Payable => Ok(amount),
        };
        lines.push(NewLine {
            account: one.item.account_id,
            amount_document: turned(one.amount)?,
            amount: turned(book)?,
            currency: facts.currency,
            description: format!("{} {}", one.item.document, one.item.party_name),
            tax_code: None,
            labels: Labels::none(),
        });
        allocations.push(NewAllocation { open_item: one.item.id, amount: one.amount, amount_book: book, undoes: None });
    }
    for posting in postings {
        let book = match facts.rate {
            Some(rate) => round(mul(posting.amount, rate)?, facts.book)?,
            None => posting.amount,
        };
        bank_book = add(bank_book, book)?;
        lines.push(NewLine {
            account: posting.account,
            amount_document: neg(posting.amount)?,
            amount: neg(book)?,
            currency: facts.currency,
            description: posting.description,
            tax_code: None,
            labels: Labels::none(),
        });
    }
    lines.insert(
        0,
        NewLine {
            account: facts.account,
            amount_document: facts.amount,
            amount: bank_book,
            currency: facts.currency,
            description: description.to_owned(),
            tax_code: None,
            labels: Labels::none(),
        },
    );
    allocations.sort_by_key(|one| one.open_item);
    Ok(Plan { lines: Balanced::check(facts.book, lines)?, allocations })
}

fn check_items(facts: &Facts, settled: &[Settled]) -> Result<()> {
    let mut seen = HashSet::new();
    for (index, Settled { item, amount }) in settled.iter().enumerate() {
        let field = format!("allocations.{index}.openItem");
        if !seen.insert(item.id) {
            return Err(Error::refuse(UserErrorCode::Duplicate, &field, "This open item is named twice."));
        }
        if item.currency != facts.currency.code() {
            let message = format!(
                "The bank line is in {} and the open item in {}: exchange differences cannot be settled here yet.",
                facts.currency, item.currency
            );
            return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
        }
        let field = format!("allocations.{index}.amount");
        check_scale(*amount, facts.currency.exponent()).map_err(|error| at(&field, error))?;
        let open = item.open_amount.0;
        if amount.is_zero() || amount.is_sign_negative() != item.amount.0.is_sign_negative() {
            let message = "The amount has the sign of the open item and is not zero.";
            return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
        }
        if amount.abs() > open.abs() {
            let message = format!("Only {} {} of {} is open.", open.normalize(), item.currency, item.document);
            return Err(Error::refuse(UserErrorCode::OverAllocated, &field, message));
        }
    }
    Ok(())
}

fn check_sum(facts: &Facts, flows: &[Decimal]) -> Result<()> {
    let total = sum(flows.iter().copied())?;
    let difference = sub(facts.amount, total)?;
    if difference.is_zero() {
        return Ok(());
    }
    let message = format!(
        "Allocations and postings sum to {} {currency}, the bank line to {}; {} {currency} are not accounted for.",
        total.normalize(),
        facts.amount.normalize(),
        difference.normalize(),
        currency = facts.currency,
    );
    Err(Error::refuse(UserErrorCode::Unbalanced, "allocations", message))
}

/// The books' amount of the settled part, at the rate that the item was posted with; the last part takes what is left.
fn book_share(facts: &Facts, one: &Settled) -> Result<Decimal> {
    if facts.currency == facts.book {
        return Ok(one.amount);
    }
    let rest = sub(one.item.open_amount.0, one.amount)?;
    let parts = split_last(one.item.open_book.0, &[one.amount.abs(), rest.abs()], facts.book.exponent())?;
    parts.into_iter().next().ok_or_else(|| Error::fault("a split without parts"))
}

#[cfg(test)]
mod tests;
