//! What a match posts and settles: no database, no clock.

use std::collections::HashSet;

use backoffice_money::{Balanced, Currency, Decimal, MoneyError, add, check_scale, mul, neg, round, sub, sum};

use crate::finance::bank::suggestion::flow;
use crate::finance::ids::AccountId;
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::NewLine;
use crate::finance::open_item::allocation::NewAllocation;
use crate::finance::open_item::early_payment::{Discount, PostedPart};
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
    /// Book currency for one unit of the line's. Without one what is settled is worth what it was posted with.
    pub rate: Option<Decimal>,
    /// Where a gain and a loss by exchange rates go; none where there is no such account.
    pub exchange: Exchange,
}

/// The accounts of exchange differences.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Exchange {
    /// Takes a gain.
    pub gain: Option<AccountId>,
    /// Takes a loss.
    pub loss: Option<AccountId>,
}

/// An open item, locked, and how much of it is settled.
pub(super) struct Settled {
    /// The item.
    pub item: OpenItem,
    /// With the item's sign.
    pub amount: Decimal,
    /// How much of the line settles it, in the line's currency and with the item's sign, where the currencies differ.
    pub paid: Option<Decimal>,
    /// What is taken off it because it is paid early.
    pub discount: Option<Discount>,
}

impl Settled {
    /// What the line gives for it.
    fn taken(&self) -> Decimal {
        self.paid.unwrap_or(self.amount)
    }
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
    /// The settlements, in the order of the items' ids, and the parts of those that are discounts.
    pub allocations: Vec<(NewAllocation, Vec<PostedPart>)>,
}

/// Checks the parts against the line and the items, and builds entry and allocations.
pub(super) fn plan(facts: &Facts, settled: &[Settled], postings: Vec<Posting>, description: &str) -> Result<Plan> {
    check_items(facts, settled)?;
    let mut flows = Vec::with_capacity(settled.len().saturating_add(postings.len()));
    for one in settled {
        flows.push(flow(one.item.side, one.taken())?);
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
        let book = one.item.book_share(one.amount, facts.book)?;
        bank_book = add(bank_book, flow(one.item.side, book)?)?;
        let turned = |amount| match one.item.side {
            OpenItemSide::Receivable => neg(amount),
            OpenItemSide::Payable => Ok(amount),
        };
        let (off, off_book, parts) = match &one.discount {
            // with it nothing is left open
            Some(discount) => {
                let off_book = sub(one.item.open_book.0, book)?;
                (discount.amount, off_book, discount.worth(off_book, facts.book)?)
            }
            None => Default::default(),
        };
        lines.push(NewLine {
            account: one.item.account_id,
            amount_document: turned(add(one.amount, off)?)?,
            amount: turned(add(book, off_book)?)?,
            currency: Currency::parse(&one.item.currency)?,
            description: format!("{} {}", one.item.document, one.item.party_name),
            tax_code: None,
            labels: Labels::none(),
        });
        for part in &parts {
            lines.push(NewLine {
                account: part.account_id,
                amount_document: neg(turned(part.amount)?)?,
                amount: neg(turned(part.amount_book)?)?,
                currency: Currency::parse(&one.item.currency)?,
                description: format!("Discount {} {}", one.item.document, one.item.party_name),
                tax_code: part.tax_code_id,
                labels: Labels::none(),
            });
        }
        let allocated =
            |amount, amount_book| NewAllocation { open_item: one.item.id, amount, amount_book, undoes: None };
        allocations.push((allocated(one.amount, book), Vec::new()));
        if !parts.is_empty() {
            allocations.push((allocated(off, off_book), parts));
        }
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
    // What the line is worth on its day is what the bank has; what it lacks or has over is realised now, for this part alone.
    let worth = match facts.rate {
        _ if facts.currency == facts.book => facts.amount,
        Some(rate) => round(mul(facts.amount, rate)?, facts.book)?,
        None => bank_book,
    };
    let gain = sub(worth, bank_book)?;
    if !gain.is_zero() {
        let account = if gain > Decimal::ZERO { facts.exchange.gain } else { facts.exchange.loss };
        let account = account.ok_or_else(|| {
            let message = "The chart of accounts has no active account with the control role `exchange_difference`.";
            Error::refuse(UserErrorCode::State, "allocations", message)
        })?;
        lines.push(NewLine {
            account,
            amount_document: neg(gain)?,
            amount: neg(gain)?,
            currency: facts.book,
            description: "Exchange difference".to_owned(),
            tax_code: None,
            labels: Labels::none(),
        });
    }
    lines.insert(
        0,
        NewLine {
            account: facts.account,
            amount_document: facts.amount,
            amount: worth,
            currency: facts.currency,
            description: description.to_owned(),
            tax_code: None,
            labels: Labels::none(),
        },
    );
    allocations.sort_by_key(|(one, _)| one.open_item);
    Ok(Plan { lines: Balanced::check(facts.book, lines)?, allocations })
}

fn check_items(facts: &Facts, settled: &[Settled]) -> Result<()> {
    let mut seen = HashSet::new();
    for (index, Settled { item, amount, paid, .. }) in settled.iter().enumerate() {
        let field = format!("allocations.{index}.openItem");
        if !seen.insert(item.id) {
            return Err(Error::refuse(UserErrorCode::Duplicate, &field, "This open item is named twice."));
        }
        check_paid(facts, index, item, *amount, *paid)?;
        let field = format!("allocations.{index}.amount");
        check_scale(*amount, Currency::parse(&item.currency)?.exponent()).map_err(|error| at(&field, error))?;
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

/// What the line gives is said where it has another currency than the item: the books' own.
fn check_paid(facts: &Facts, index: usize, item: &OpenItem, amount: Decimal, paid: Option<Decimal>) -> Result<()> {
    let field = format!("allocations.{index}.paid");
    let same = item.currency == facts.currency.code();
    match paid {
        Some(_) if same => {
            let message = "The line and the open item have one currency: what is paid is the amount.";
            Err(Error::refuse(UserErrorCode::Invalid, &field, message))
        }
        None if same => Ok(()),
        _ if facts.currency != facts.book => {
            let message = format!(
                "The bank line is in {} and the open item in {}: only a line in the books' currency settles another one.",
                facts.currency, item.currency
            );
            Err(Error::refuse(UserErrorCode::Invalid, &format!("allocations.{index}.openItem"), message))
        }
        None => {
            let message = format!("Say how many {} of the line are paid for this part of it.", facts.currency);
            Err(Error::refuse(UserErrorCode::Required, &field, message))
        }
        Some(paid) => {
            check_scale(paid, facts.currency.exponent()).map_err(|error| at(&field, error))?;
            if paid.is_zero() || paid.is_sign_negative() != amount.is_sign_negative() {
                let message = "What is paid has the sign of the amount and is not zero.";
                return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
            }
            Ok(())
        }
    }
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

#[cfg(test)]
mod tests;
