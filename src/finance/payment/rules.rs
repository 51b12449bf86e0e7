//! What payments post and settle: no database, no clock.

use std::collections::HashSet;

use backoffice_money::{Balanced, Currency, Decimal, MoneyError, add, check_scale, neg, sub};

use crate::finance::ids::{AccountId, TaxCodeId};
use crate::finance::ledger::dimension::Labels;
use crate::finance::ledger::journal::NewLine;
use crate::finance::open_item::early_payment::{Discount, PostedPart};
use crate::finance::open_item::{OpenItem, OpenItemSide, share};
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::at;

/// What is known of a payment.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// Of a customer or to a vendor.
    pub side: OpenItemSide,
    /// Its currency.
    pub currency: Currency,
    /// The books' currency.
    pub book: Currency,
    /// What is free of it, with the sign of the payment.
    pub free: Decimal,
    /// The same in the books' currency, at the payment's rate.
    pub free_book: Decimal,
    /// The account of advances.
    pub advance: AccountId,
    /// Where differences of rates go.
    pub exchange: Option<AccountId>,
    /// What the lines of the entry say.
    pub description: String,
}

/// An open item, locked, and how much of it is settled.
pub(super) struct Wanted {
    /// The item.
    pub item: OpenItem,
    /// How much of it is paid, with the item's sign.
    pub amount: Decimal,
    /// What is taken off it because it is paid early.
    pub discount: Option<Discount>,
}

/// What is taken off an item that is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Off {
    /// With the item's sign, in the payment's currency.
    pub amount: Decimal,
    /// What it is worth in the books, at the item's own rate.
    pub amount_book: Decimal,
    /// Its parts, which are all of it.
    pub parts: Vec<PostedPart>,
}

/// One item that is settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// With the item's sign, in the payment's currency.
    pub amount: Decimal,
    /// What the item's part is worth in the books, at the item's own rate.
    pub item_book: Decimal,
    /// What the payment's part is worth in the books, at the payment's rate.
    pub payment_book: Decimal,
    /// What is taken off beside that.
    pub off: Option<Off>,
}

/// What a payment settles: checked against the payment and the items.
pub(super) fn settle(facts: &Facts, wanted: &[Wanted]) -> Result<Vec<Settled>> {
    let exponent = (facts.currency != facts.book).then_some(facts.book.exponent());
    let (mut free, mut free_book) = (facts.free, facts.free_book);
    let mut seen = HashSet::new();
    let mut settled = Vec::with_capacity(wanted.len());
    for (index, Wanted { item, amount, discount }) in wanted.iter().enumerate() {
        check_item(facts, index, item, *amount)?;
        if !seen.insert(item.id) {
            let message = "This open item is named twice.";
            let field = format!("allocations.{index}.openItem");
            return Err(Error::refuse(UserErrorCode::Duplicate, &field, message));
        }
        if amount.abs() > free.abs() || amount.is_sign_negative() != facts.free.is_sign_negative() {
            let field = format!("allocations.{index}.amount");
            let message = format!("Only {} {} of the payment is free.", free.normalize(), facts.currency);
            return Err(Error::refuse(UserErrorCode::OverAllocated, &field, message));
        }
        let payment_book = share(free, free_book, *amount, exponent)?;
        free = sub(free, *amount)?;
        free_book = sub(free_book, payment_book)?;
        let item_book = item.book_share(*amount, facts.book)?;
        let off = match discount {
            // with it nothing is left open
            Some(discount) => {
                let amount_book = sub(item.open_book.0, item_book)?;
                let parts = discount.worth(amount_book, facts.book)?;
                Some(Off { amount: discount.amount, amount_book, parts })
            }
            None => None,
        };
        settled.push(Settled { amount: *amount, item_book, payment_book, off });
    }
    Ok(settled)
}

fn check_item(facts: &Facts, index: usize, item: &OpenItem, amount: Decimal) -> Result<()> {
    let field = format!("allocations.{index}.openItem");
    if item.currency != facts.currency.code() {
        let message = format!(
            "The payment is in {} and the open item in {}: without a rate between them one cannot settle the other.",
            facts.currency, item.currency
        );
        return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
    }
    let field = format!("allocations.{index}.amount");
    check_scale(amount, facts.currency.exponent()).map_err(|error| at(&field, error))?;
    if amount.is_zero() || amount.is_sign_negative() != item.amount.0.is_sign_negative() {
        let message = "The amount has the sign of the open item and is not zero.";
        return Err(Error::refuse(UserErrorCode::Invalid, &field, message));
    }
    if amount.abs() > item.open_amount.0.abs() {
        let open = item.open_amount.0.normalize();
        let message = format!("Only {open} {} of {} is open.", item.currency, item.document);
        return Err(Error::refuse(UserErrorCode::OverAllocated, &field, message));
    }
    Ok(())
}

/// Builds the lines of an entry: debit positive, so that a receivable is debited by what customers owe.
struct Lines<'a> {
    facts: &'a Facts,
    lines: Vec<NewLine>,
}

impl Lines<'_> {
    /// Adds to an account what raises it on this side: amounts of receivables are debits, of payables credits.
    fn add(&mut self, account: AccountId, amount: Decimal, book: Decimal, text: String) -> Result<(), MoneyError> {
        self.add_taxed(account, None, amount, book, text)
    }

    fn add_taxed(
        &mut self,
        account: AccountId,
        tax_code: Option<TaxCodeId>,
        amount: Decimal,
        book: Decimal,
        text: String,
    ) -> Result<(), MoneyError> {
        if amount.is_zero() && book.is_zero() {
            return Ok(());
        }
        let turned = |amount| match self.facts.side {
            OpenItemSide::Receivable => Ok(amount),
            OpenItemSide::Payable => neg(amount),
        };
        self.lines.push(NewLine {
            account,
            amount_document: turned(amount)?,
            amount: turned(book)?,
            currency: self.facts.currency,
            description: text,
            tax_code,
            labels: Labels::none(),
        });
        Ok(())
    }

    /// What the items are settled with, and the difference of the rates.
    fn settle(&mut self, wanted: &[Wanted], settled: &[Settled]) -> Result<()> {
        let mut difference = Decimal::ZERO;
        for (Wanted { item, .. }, one) in wanted.iter().zip(settled) {
            let text = format!("{} {}", item.document, item.party_name);
            let (off, off_book) = one.off.as_ref().map_or_else(Default::default, |off| (off.amount, off.amount_book));
            self.add(item.account_id, neg(add(one.amount, off)?)?, neg(add(one.item_book, off_book)?)?, text)?;
            self.take_off(item, one.off.as_ref(), false)?;
            difference = add(difference, sub(one.item_book, one.payment_book)?)?;
        }
        self.difference(difference)
    }

    /// The parts of a discount; the other way round where it is not granted any more.
    fn take_off(&mut self, item: &OpenItem, off: Option<&Off>, undone: bool) -> Result<()> {
        for part in off.into_iter().flat_map(|off| &off.parts) {
            let text = format!("Discount {} {}", item.document, item.party_name);
            let turned = |amount| if undone { neg(amount) } else { Ok(amount) };
            self.add_taxed(part.account_id, part.tax_code_id, turned(part.amount)?, turned(part.amount_book)?, text)?;
        }
        Ok(())
    }

    /// What the books have on items more than on the payment.
    fn difference(&mut self, difference: Decimal) -> Result<()> {
        if difference.is_zero() {
            return Ok(());
        }
        let Some(account) = self.facts.exchange else {
            let message = format!(
                "The items were posted at other rates: say where the difference of {} {} goes.",
                difference.abs().normalize(),
                self.facts.book
            );
            return Err(Error::refuse(UserErrorCode::Required, "exchangeAccount", message));
        };
        let amount = match self.facts.side {
            OpenItemSide::Receivable => difference,
            OpenItemSide::Payable => neg(difference)?,
        };
        self.lines.push(NewLine {
            account,
            amount_document: amount,
            amount,
            currency: self.facts.book,
            description: self.facts.description.clone(),
            tax_code: None,
            labels: Labels::none(),
        });
        Ok(())
    }
}

fn sums(settled: &[Settled]) -> Result<(Decimal, Decimal), MoneyError> {
    settled.iter().try_fold((Decimal::ZERO, Decimal::ZERO), |(amount, book), one| {
        Ok((add(amount, one.amount)?, add(book, one.payment_book)?))
    })
}

/// The entry of a new payment: the money against the items, and the rest against advances.
pub(super) fn recorded(
    facts: &Facts,
    money: AccountId,
    wanted: &[Wanted],
    settled: &[Settled],
) -> Result<Balanced<NewLine>> {
    let mut lines = Lines { facts, lines: Vec::new() };
    lines.add(money, facts.free, facts.free_book, facts.description.clone())?;
    let (used, used_book) = sums(settled)?;
    let (rest, rest_book) = (sub(facts.free, used)?, sub(facts.free_book, used_book)?);
    lines.add(facts.advance, neg(rest)?, neg(rest_book)?, facts.description.clone())?;
    lines.settle(wanted, settled)?;
    Ok(Balanced::check(facts.book, lines.lines)?)
}

/// The entry of an allocation of what is free: advances against the items.
pub(super) fn allocated(facts: &Facts, wanted: &[Wanted], settled: &[Settled]) -> Result<Balanced<NewLine>> {
    let mut lines = Lines { facts, lines: Vec::new() };
    let (used, used_book) = sums(settled)?;
    lines.add(facts.advance, used, used_book, facts.description.clone())?;
    lines.settle(wanted, settled)?;
    Ok(Balanced::check(facts.book, lines.lines)?)
}

/// The entry that undoes an allocation: the item is owed again, and the payment free again.
pub(super) fn undone(facts: &Facts, item: &OpenItem, settled: &Settled) -> Result<Balanced<NewLine>> {
    let mut lines = Lines { facts, lines: Vec::new() };
    let text = format!("{} {}", item.document, item.party_name);
    let (off, off_book) = settled.off.as_ref().map_or_else(Default::default, |off| (off.amount, off.amount_book));
    lines.add(item.account_id, add(settled.amount, off)?, add(settled.item_book, off_book)?, text)?;
    lines.take_off(item, settled.off.as_ref(), true)?;
    lines.add(facts.advance, neg(settled.amount)?, neg(settled.payment_book)?, facts.description.clone())?;
    lines.difference(sub(settled.payment_book, settled.item_book)?)?;
    Ok(Balanced::check(facts.book, lines.lines)?)
}

#[cfg(test)]
mod tests;
