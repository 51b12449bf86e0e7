//! Orders in the United States through the automated clearing house: NACHA files with PPD and CCD entries, written and read.
//!
//! A file is lines of 94 characters: its header, batches of entries between their header and control, its control, and lines
//! of nines until the number of lines is a multiple of ten. The controls count and add up what stands between them, and a
//! hash over the banks' routing numbers. Writing computes them; reading holds every one of them against the lines, and
//! tells the line that is wrong.
//!
//! Only original entries are read and written, in US dollars: returns and notifications of change (addenda 98 and 99) and
//! other kinds of entries than PPD and CCD are refused by name.

use chrono::{NaiveDate, NaiveTime};
use rust_decimal::Decimal;

mod read;
mod write;

pub use read::parse;

/// Characters of a line.
pub(crate) const LINE: usize = 94;
/// Lines of a block.
pub(crate) const BLOCK: usize = 10;
/// The largest amount of one entry: ten digits of cents.
const MAX_AMOUNT: Decimal = Decimal::from_parts(0x540B_E3FF, 0x2, 0, false, 2);

words! {
    /// Which kind of entries a batch holds.
    pub enum Kind {
        /// Prearranged payments and deposits of persons.
        Personal = "PPD",
        /// Payments between companies.
        Corporate = "CCD",
    }
}

words! {
    /// Which directions a batch holds.
    pub enum ServiceClass {
        /// Credits and debits.
        Mixed = "200",
        /// Money to others only.
        Credits = "220",
        /// Money from others only.
        Debits = "225",
    }
}

words! {
    /// What is to happen to the other's account.
    pub enum Transaction {
        /// Money to a checking account.
        CheckingCredit = "22",
        /// A trial without money, before money to a checking account.
        CheckingCreditTrial = "23",
        /// Money from a checking account.
        CheckingDebit = "27",
        /// A trial without money, before money from a checking account.
        CheckingDebitTrial = "28",
        /// Money to a savings account.
        SavingsCredit = "32",
        /// A trial without money, before money to a savings account.
        SavingsCreditTrial = "33",
        /// Money from a savings account.
        SavingsDebit = "37",
        /// A trial without money, before money from a savings account.
        SavingsDebitTrial = "38",
    }
}

impl Transaction {
    /// Whether the other gets money.
    pub fn is_credit(self) -> bool {
        matches!(
            self,
            Self::CheckingCredit | Self::CheckingCreditTrial | Self::SavingsCredit | Self::SavingsCreditTrial
        )
    }

    /// Whether no money moves.
    pub fn is_trial(self) -> bool {
        matches!(
            self,
            Self::CheckingCreditTrial | Self::CheckingDebitTrial | Self::SavingsCreditTrial | Self::SavingsDebitTrial
        )
    }
}

impl ServiceClass {
    /// Whether entries of this direction may stand in such a batch.
    fn allows(self, credit: bool) -> bool {
        match self {
            Self::Mixed => true,
            Self::Credits => credit,
            Self::Debits => !credit,
        }
    }
}

/// All entries of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AchFile {
    /// The routing number of the bank that gets the file, nine digits.
    pub destination: String,
    /// Who sends it: a routing number, or the ten characters that the bank has assigned.
    pub origin: String,
    /// The day on which the file was made.
    pub created_on: NaiveDate,
    /// The hour and minute, if that is said.
    pub created_at: Option<NaiveTime>,
    /// Tells files of one day apart: a capital letter or a digit.
    pub modifier: char,
    /// The name of the bank that gets it, at most 23 characters.
    pub destination_name: String,
    /// The name of whoever sends it, at most 23 characters.
    pub origin_name: String,
    /// A reference of the sender's own, at most 8 characters.
    pub reference: String,
    /// At least one.
    pub batches: Vec<AchBatch>,
}

/// Entries of one company, kind and day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AchBatch {
    /// Which directions it holds.
    pub class: ServiceClass,
    /// Which kind of entries.
    pub kind: Kind,
    /// The company's name as the other sees it, at most 16 characters.
    pub company_name: String,
    /// For the company's own use, at most 20 characters.
    pub discretionary: String,
    /// The company's number, at most 10 characters: mostly 1 and its tax number.
    pub company_id: String,
    /// What the entries are for as the other sees it, at most 10 characters, such as `PAYROLL`.
    pub description: String,
    /// A date or other words of at most 6 characters that the other sees.
    pub descriptive_date: String,
    /// The day on which the entries are to take effect.
    pub effective_on: Option<NaiveDate>,
    /// The first eight digits of the routing number of the bank that sends the entries into the network.
    pub bank: String,
    /// At least one.
    pub entries: Vec<AchEntry>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AchEntry {
    /// Line of the file that was read; 0 for one that is to be written.
    pub line: u64,
    /// What is to happen.
    pub transaction: Transaction,
    /// The routing number of the other's bank, nine digits of which the last is a check digit.
    pub routing: String,
    /// The other's account, at most 17 characters.
    pub account: String,
    /// US dollars, whole cents, up to 99,999,999.99; 0 for a trial.
    pub amount: Decimal,
    /// The company's number for the other, at most 15 characters.
    pub id: String,
    /// The other's name, at most 22 characters.
    pub name: String,
    /// For the bank's use, at most 2 characters.
    pub discretionary: String,
    /// What the entry is for, at most 80 characters (addenda 05).
    pub addenda: Option<String>,
    /// The last seven digits of its trace number; they ascend within a batch. The first eight are the batch's bank.
    pub trace: u32,
}

/// What a control says of the entries before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Entries and addenda.
    count: u64,
    /// The sum of the first eight digits of their banks' routing numbers.
    hash: u64,
    debits: u64,
    credits: u64,
}

impl Sums {
    /// Adds an entry; amounts in cents. Nothing if the sum is beyond what a file can say.
    fn plus(self, bank: u64, cents: u64, credit: bool, addenda: bool) -> Option<Self> {
        let (debits, credits) = if credit { (0, cents) } else { (cents, 0) };
        self.and(Self { count: if addenda { 2 } else { 1 }, hash: bank, debits, credits })
    }

    /// Both together.
    fn and(self, other: Self) -> Option<Self> {
        let money = |one: u64, other: u64| one.checked_add(other).filter(|sum| *sum < 1_000_000_000_000);
        Some(Self {
            count: self.count.checked_add(other.count)?,
            hash: self.hash.checked_add(other.hash)?,
            debits: money(self.debits, other.debits)?,
            credits: money(self.credits, other.credits)?,
        })
    }

    /// The last ten digits of the hash, as controls have it.
    fn short_hash(self) -> u64 {
        self.hash % 10_000_000_000
    }
}

/// Whether a routing number is nine digits that fit their check digit.
pub fn is_routing_number(text: &str) -> bool {
    let weights = [3_u32, 7, 1, 3, 7, 1, 3, 7, 1];
    let digits: Option<Vec<u32>> = text.chars().map(|character| character.to_digit(10)).collect();
    digits.filter(|digits| digits.len() == 9).is_some_and(|digits| {
        // nine digits: at most 9 × 9 × 7
        let sum: u32 = digits.iter().zip(weights).map(|(digit, weight)| digit.saturating_mul(weight)).sum();
        sum.is_multiple_of(10)
    })
}

/// Cents of an amount in whole cents; nothing if it has others, is negative or too large.
fn cents(amount: Decimal) -> Option<u64> {
    if amount < Decimal::ZERO || amount > MAX_AMOUNT {
        return None;
    }
    let cents = amount.checked_mul(Decimal::ONE_HUNDRED)?.normalize();
    // a whole number has no decimals, so its mantissa is the number itself
    if cents.scale() == 0 { u64::try_from(cents.mantissa()).ok() } else { None }
}

#[cfg(test)]
mod tests;
