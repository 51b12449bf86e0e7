//! What the payment files of the single euro payments area share: parties, amounts, identifiers, remittance and letters.
//!
//! Sources: ISO 20022 for the structure, the European Payments Council's implementation guidelines for what is allowed in
//! it (EPC132-08 and EPC130-08), and EPC217-08 for the letters.

use std::collections::HashSet;

use rust_decimal::Decimal;

use crate::iban;
use crate::mistake::Found;
use crate::number::written;
use crate::problem::{ProblemCode, shown};
use crate::xml::write::Writer;

pub mod characters;
pub mod creditor_id;
pub mod reference;

/// The largest amount of one payment.
pub const MAX_AMOUNT: Decimal = Decimal::from_parts(0x4876_E7FF, 0x17, 0, false, 2);
/// Characters of an identifier.
const MAX_ID: usize = 35;
/// Characters of a name.
const MAX_NAME: usize = 70;
/// Characters of unstructured remittance information.
const MAX_REMITTANCE: usize = 140;

/// Somebody who pays or is paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// The name; letters outside the allowed ones are replaced, and what is beyond 70 characters is left out.
    pub name: String,
    /// Where it is, if that is known.
    pub address: Option<Address>,
}

impl Party {
    /// A party of which nothing but the name is said.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), address: None }
    }
}

/// A structured address; a town and a country at least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The street.
    pub street: Option<String>,
    /// The number of the house.
    pub building: Option<String>,
    /// The postal code.
    pub post_code: Option<String>,
    /// The town.
    pub town: String,
    /// The country, two capital letters.
    pub country: String,
}

/// An account: its IBAN, and the code of its bank where the bank wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The IBAN, with or without spaces.
    pub iban: String,
    /// The BIC of the bank; within the area it need not be said.
    pub bic: Option<String>,
}

/// What a payment is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remittance {
    /// The creditor's reference by ISO 11649, `RF` with check digits.
    Reference(String),
    /// Words, at most 140 characters.
    Words(String),
}

impl Party {
    pub(crate) fn check(&self, field: &str, found: &mut Found) {
        found.within(field, |found| {
            if characters::name(&self.name, MAX_NAME).is_empty() {
                found.add("name", ProblemCode::Required, "the name is empty");
            }
            let Some(address) = &self.address else { return };
            if characters::allowed(&address.town).is_empty() {
                found.add("address.town", ProblemCode::Required, "an address needs its town");
            }
            if address.country.len() != 2 || !address.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
                let message = format!("{} is not a country of two capital letters", shown(&address.country));
                found.add("address.country", ProblemCode::Country, message);
            }
        });
    }

    pub(crate) fn write(&self, element: &'static str, out: &mut Writer) {
        out.element(element, |out| {
            out.leaf("Nm", &characters::name(&self.name, MAX_NAME));
            let Some(address) = &self.address else { return };
            out.element("PstlAdr", |out| {
                let part = |text: &Option<String>, most: usize| {
                    text.as_deref().map(|text| characters::name(text, most)).filter(|text| !text.is_empty())
                };
                out.maybe("StrtNm", part(&address.street, 70).as_deref());
                out.maybe("BldgNb", part(&address.building, 16).as_deref());
                out.maybe("PstCd", part(&address.post_code, 16).as_deref());
                out.leaf("TwnNm", &characters::name(&address.town, 35));
                out.leaf("Ctry", &address.country);
            });
        });
    }
}

impl Account {
    pub(crate) fn check(&self, field: &str, found: &mut Found) {
        found.within(field, |found| {
            if let Err(message) = iban::check(&self.iban) {
                found.add("iban", ProblemCode::Iban, message);
            }
            if let Some(bic) = &self.bic
                && !is_bic(bic)
            {
                let message = format!("{} is not a BIC: eight or eleven letters and digits", shown(bic));
                found.add("bic", ProblemCode::Format, message);
            }
        });
    }

    pub(crate) fn write(&self, element: &'static str, out: &mut Writer) {
        out.element(element, |out| out.element("Id", |out| out.leaf("IBAN", &iban::normalised(&self.iban))));
    }

    /// The bank, by its BIC. Where the message cannot do without the bank it says that it is not named.
    pub(crate) fn write_bank(&self, element: &'static str, needed: bool, out: &mut Writer) {
        if self.bic.is_none() && !needed {
            return;
        }
        out.element(element, |out| {
            out.element("FinInstnId", |out| match &self.bic {
                Some(bic) => out.leaf("BICFI", bic),
                None => out.element("Othr", |out| out.leaf("Id", "NOTPROVIDED")),
            });
        });
    }
}

/// Four letters or digits, the country, two letters or digits, and perhaps the branch.
fn is_bic(bic: &str) -> bool {
    let upper = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    matches!(bic.len(), 8 | 11)
        && bic.bytes().all(|byte| upper(&byte))
        && bic.get(4..6).is_some_and(|country| country.bytes().all(|byte| byte.is_ascii_uppercase()))
}

impl Remittance {
    pub(crate) fn check(&self, found: &mut Found) {
        match self {
            Self::Reference(text) => {
                if let Err(message) = reference::check(text) {
                    found.add("remittance", ProblemCode::Format, message);
                }
            }
            Self::Words(text) => {
                let words = characters::allowed(text);
                if words.is_empty() {
                    found.add(
                        "remittance",
                        ProblemCode::Required,
                        "the remittance information is empty; leave it away",
                    );
                } else if words.len() > MAX_REMITTANCE {
                    let message = format!("remittance information has at most {MAX_REMITTANCE} characters");
                    found.add("remittance", ProblemCode::FieldTooLong, message);
                } else if slashes_are_wrong(&words) {
                    found.add("remittance", ProblemCode::Format, SLASHES);
                }
            }
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.element("RmtInf", |out| match self {
            Self::Words(text) => out.leaf("Ustrd", &characters::allowed(text)),
            Self::Reference(text) => out.element("Strd", |out| {
                out.element("CdtrRefInf", |out| {
                    out.element("Tp", |out| {
                        out.element("CdOrPrtry", |out| out.leaf("Cd", "SCOR"));
                        out.leaf("Issr", "ISO");
                    });
                    out.leaf("Ref", &reference::normalised(text));
                });
            }),
        });
    }
}

const SLASHES: &str = "it must not begin or end with a slash, nor hold two in a row";

fn slashes_are_wrong(text: &str) -> bool {
    text.starts_with('/') || text.ends_with('/') || text.contains("//")
}

/// An identifier comes back in the bank's answers, so it is never changed: what is not allowed in it is refused.
pub(crate) fn check_id(field: &str, id: &str, found: &mut Found) {
    let rest = id.chars().find(|character| !characters::is_allowed(*character));
    if id.is_empty() || id.trim() != id {
        found.add(field, ProblemCode::Required, "the identifier is empty, or has spaces around it");
    } else if id.len() > MAX_ID {
        found.add(field, ProblemCode::FieldTooLong, format!("{} has more than {MAX_ID} characters", shown(id)));
    } else if let Some(character) = rest {
        let message = format!("{} has the character {character:?}, which banks do not pass on", shown(id));
        found.add(field, ProblemCode::Format, message);
    } else if slashes_are_wrong(id) {
        found.add(field, ProblemCode::Format, SLASHES);
    }
}

/// The same, for one of which there may be none like it before.
pub(crate) fn check_own_id<'i>(field: &str, id: &'i str, seen: &mut HashSet<&'i str>, found: &mut Found) {
    check_id(field, id, found);
    if !seen.insert(id) {
        let message = format!("{} is there twice; the bank's answer could mean either", shown(id));
        found.add(field, ProblemCode::Duplicate, message);
    }
}

/// An amount in euros: 0.01 to 999,999,999.99, whole cents.
pub(crate) fn check_amount(amount: Decimal, found: &mut Found) {
    if amount.normalize().scale() > 2 {
        let message = format!("{} is not a whole number of cents", written(amount));
        found.add("amount", ProblemCode::TooManyDecimals, message);
    } else if amount <= Decimal::ZERO || amount > MAX_AMOUNT {
        let message = format!("{} is not between 0.01 and 999999999.99", written(amount));
        found.add("amount", ProblemCode::OutOfRange, message);
    }
}

/// An amount as the files have it: two decimals.
pub(crate) fn cents(amount: Decimal) -> String {
    format!("{:.2}", amount)
}

/// How many payments there are, and what they come to; nothing if that is beyond what can be added.
pub(crate) fn totals(amounts: impl Iterator<Item = Decimal>) -> Option<(u64, Decimal)> {
    let mut all = (0_u64, Decimal::ZERO);
    for amount in amounts {
        all = (all.0.checked_add(1)?, all.1.checked_add(amount)?);
    }
    Some(all)
}

/// Number and sum, as they stand in the head of the message and of each batch.
pub(crate) fn write_totals(amounts: impl Iterator<Item = Decimal>, out: &mut Writer) {
    // amounts and their number have been checked: the sum is far below what can be added
    let (count, sum) = totals(amounts).unwrap_or_default();
    out.leaf("NbOfTxs", &count.to_string());
    out.leaf("CtrlSum", &cents(sum));
}

/// The head of a message.
pub(crate) fn write_head(
    id: &str,
    created_at: chrono::NaiveDateTime,
    initiator: &str,
    amounts: impl Iterator<Item = Decimal>,
    out: &mut Writer,
) {
    out.element("GrpHdr", |out| {
        out.leaf("MsgId", id);
        out.leaf("CreDtTm", &created_at.format("%Y-%m-%dT%H:%M:%S").to_string());
        write_totals(amounts, out);
        out.element("InitgPty", |out| out.leaf("Nm", &characters::name(initiator, MAX_NAME)));
    });
}

/// Checks the head of a message, and how many payments it has.
pub(crate) fn check_head(id: &str, initiator: &str, payments: usize, found: &mut Found) {
    check_id("message_id", id, found);
    if characters::name(initiator, MAX_NAME).is_empty() {
        found.add("initiator", ProblemCode::Required, "the name of whoever sends the file is empty");
    }
    if payments > crate::limits::MAX_ROWS {
        let message = format!("a file holds at most {} payments", crate::limits::MAX_ROWS);
        found.add("batches", ProblemCode::TooLarge, message);
    }
}

#[cfg(test)]
mod tests;
