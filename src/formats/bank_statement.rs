//! A bank statement, whatever file it came in: opening balance, lines, closing balance, and whether they tie.

use std::collections::HashMap;
use std::fmt;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::number::written;

/// Which account at the bank.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct AccountId {
    /// Its IBAN as the bank gives it, without spaces.
    pub iban: Option<String>,
    /// Its number where it has no IBAN.
    pub other: Option<String>,
}

/// The movements of one account between two balances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankStatement {
    /// The account.
    pub account: AccountId,
    /// Its currency; every line has the same.
    pub currency: String,
    /// The bank's number of the statement.
    pub statement_id: Option<String>,
    /// First day covered, if stated.
    pub from: Option<NaiveDate>,
    /// Last day covered, if stated.
    pub to: Option<NaiveDate>,
    /// Balance before the first line.
    pub opening: Decimal,
    /// The day of that balance.
    pub opening_on: Option<NaiveDate>,
    /// Balance after the last line.
    pub closing: Decimal,
    /// The day of that balance.
    pub closing_on: Option<NaiveDate>,
    /// Booked movements, in the order of the file.
    pub lines: Vec<BankLine>,
    /// Entries left out because the bank has not booked them yet.
    pub pending: u64,
    /// Entries left out because they only inform.
    pub information: u64,
}

/// One movement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankLine {
    /// Line of the file.
    pub line: u64,
    /// The day the bank booked it.
    pub booked_on: NaiveDate,
    /// The day it counts for interest.
    pub value_on: Option<NaiveDate>,
    /// Positive is money in, negative money out.
    pub amount: Decimal,
    /// The statement's currency.
    pub currency: String,
    /// Who paid or was paid.
    pub counterparty: Option<String>,
    /// Their account as the bank gives it, without spaces: mostly an IBAN, not checked.
    pub counterparty_iban: Option<String>,
    /// What the payment is for, on one line.
    pub reference: Option<String>,
    /// The payer's own reference, carried from end to end.
    pub end_to_end_id: Option<String>,
    /// The bank's reference.
    pub bank_reference: Option<String>,
    /// The bank's code for the kind of movement, such as `PMNT/RCDT/ESCT`.
    pub kind: Option<String>,
    /// It takes back an earlier movement.
    pub reversal: bool,
    /// 1, or more if equal lines of the account stand before it in the same file.
    pub occurrence: u32,
}

impl BankLine {
    /// A text that is the same whenever the same movement is read again, from the same file or one that overlaps it, and
    /// differs between equal movements of one file. It identifies the movement within one bank account.
    ///
    /// Files overlap by whole days: banks do not cut a day in two, so counting equal lines gives the same numbers.
    pub fn fingerprint(&self) -> String {
        format!("{}\u{1f}{}", self.content(), self.occurrence)
    }

    /// Everything the bank says about the movement. U+001F cannot occur in the texts: control characters are refused.
    fn content(&self) -> String {
        let mut content = format!("1\u{1f}{}\u{1f}", self.booked_on);
        if let Some(value_on) = self.value_on {
            content.push_str(&value_on.to_string());
        }
        let amount = self.amount.normalize().to_string();
        let reversal = if self.reversal { "reversal" } else { "" };
        content.extend(["\u{1f}", &amount, "\u{1f}", &self.currency, "\u{1f}", reversal]);
        let texts = [
            &self.counterparty,
            &self.counterparty_iban,
            &self.reference,
            &self.end_to_end_id,
            &self.bank_reference,
            &self.kind,
        ];
        for text in texts {
            content.push('\u{1f}');
            content.push_str(text.as_deref().unwrap_or_default());
        }
        content
    }
}

/// Opening balance, entries and closing balance that do not fit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// The opening balance.
    pub opening: Decimal,
    /// The sum of the lines.
    pub entries: Decimal,
    /// The closing balance.
    pub closing: Decimal,
    /// Opening plus entries minus closing. Sums beyond what can be computed count as the largest number.
    pub difference: Decimal,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { opening, entries, closing, difference } = self;
        write!(
            f,
            "opening balance {} and entries {} do not give the closing balance {}; the difference is {}",
            written(*opening),
            written(*entries),
            written(*closing),
            written(*difference)
        )
    }
}

impl std::error::Error for Difference {}

impl BankStatement {
    /// Checks that the opening balance and the lines give the closing balance.
    pub fn tie(&self) -> Result<(), Difference> {
        let (opening, closing) = (self.opening, self.closing);
        let sum = self.lines.iter().try_fold(Decimal::ZERO, |sum, line| sum.checked_add(line.amount));
        let difference = sum.and_then(|sum| opening.checked_add(sum)).and_then(|end| end.checked_sub(closing));
        match difference {
            Some(difference) if difference.is_zero() => Ok(()),
            _ => Err(Difference {
                opening,
                entries: sum.unwrap_or(Decimal::MAX),
                closing,
                difference: difference.unwrap_or(Decimal::MAX),
            }),
        }
    }
}

/// Numbers the equal lines of each account, over all statements of one file.
pub(crate) fn count_occurrences(statements: &mut [BankStatement]) {
    number_occurrences(statements.iter_mut().map(|statement| (&statement.account, statement.lines.as_mut_slice())));
}

/// The same for lines by their account.
pub(crate) fn number_occurrences<'s>(parts: impl Iterator<Item = (&'s AccountId, &'s mut [BankLine])>) {
    let mut seen: HashMap<(AccountId, String), u32> = HashMap::new();
    for (account, lines) in parts {
        for line in lines {
            let count = seen.entry((account.clone(), line.content())).or_default();
            *count = count.saturating_add(1);
            line.occurrence = *count;
        }
    }
}

#[cfg(test)]
mod tests;
