//! Orders to collect money, SEPA direct debits in euros: ISO 20022 pain.008.001.08, written.
//!
//! Each debit stands on a mandate that the debtor has signed. Checked and written like [`pain001`](crate::pain001).

use std::collections::HashSet;

use chrono::{NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;

use crate::iban;
use crate::mistake::{Found, Mistake};
use crate::problem::ProblemCode;
use crate::sepa::{self, Account, Party, Remittance, creditor_id};
use crate::xml::write::Writer;

/// The namespace of the message.
pub const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.008.001.08";

words! {
    /// By which scheme money is collected.
    pub enum Scheme {
        /// From anybody.
        Core = "CORE",
        /// From companies, which cannot take the money back.
        BusinessToBusiness = "B2B",
    }
}

words! {
    /// Which of the debits of a mandate it is.
    pub enum Sequence {
        /// The first of several.
        First = "FRST",
        /// One of several.
        Recurring = "RCUR",
        /// The last one.
        Final = "FNAL",
        /// The only one.
        OneOff = "OOFF",
    }
}

/// All orders of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectDebits {
    /// The file's own identifier, at most 35 characters; never used twice with one bank.
    pub message_id: String,
    /// When the file was made.
    pub created_at: NaiveDateTime,
    /// The name of whoever sends it.
    pub initiator: String,
    /// At least one.
    pub batches: Vec<DebitBatch>,
}

/// Debits to one account on one day, of one scheme and one place in the sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebitBatch {
    /// The batch's own identifier, at most 35 characters; one of its kind in the file.
    pub id: String,
    /// The day on which the money is to be collected.
    pub collection_on: NaiveDate,
    /// Whether the account shows the batch as one sum; nothing leaves it to what was agreed with the bank.
    pub one_booking: Option<bool>,
    /// The scheme.
    pub scheme: Scheme,
    /// The place in the sequence.
    pub sequence: Sequence,
    /// Who collects.
    pub creditor: Party,
    /// To which account.
    pub account: Account,
    /// The identifier under which he collects.
    pub creditor_id: String,
    /// At least one.
    pub debits: Vec<Debit>,
}

/// One debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debit {
    /// The creditor's reference, carried to the debtor and back in the bank's answers; one of its kind in the file.
    pub end_to_end_id: String,
    /// Euros, 0.01 to 999,999,999.99.
    pub amount: Decimal,
    /// What the debtor has signed.
    pub mandate: Mandate,
    /// Who pays.
    pub debtor: Party,
    /// From which account.
    pub account: Account,
    /// What for.
    pub remittance: Option<Remittance>,
}

/// A mandate as the debit refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// Its identifier, at most 35 characters.
    pub id: String,
    /// The day on which it was signed; not after the day of collection.
    pub signed_on: NaiveDate,
    /// The identifier that it had before, if it has changed since the last debit.
    pub former_id: Option<String>,
    /// The IBAN from which was collected before, if it has changed since the last debit.
    pub former_iban: Option<String>,
}

impl DirectDebits {
    fn amounts(&self) -> impl Iterator<Item = Decimal> {
        self.batches.iter().flat_map(|batch| &batch.debits).map(|debit| debit.amount)
    }

    /// Everything that a bank would refuse; nothing if the file can be written.
    pub fn check(&self) -> Result<(), Vec<Mistake>> {
        let mut found = Found::default();
        sepa::check_head(&self.message_id, &self.initiator, self.amounts().count(), &mut found);
        if self.batches.is_empty() {
            found.add("batches", ProblemCode::Required, "there is nothing to collect");
        }
        let (mut batches, mut debits) = (HashSet::new(), HashSet::new());
        for (at, batch) in self.batches.iter().enumerate() {
            found.within(format!("batches.{at}"), |found| batch.check(&mut batches, &mut debits, found));
        }
        found.or(())
    }

    /// The file, UTF-8; or everything that is wrong with it.
    pub fn write(&self) -> Result<String, Vec<Mistake>> {
        self.check()?;
        let mut out = Writer::new();
        out.element_with("Document", &[("xmlns", NAMESPACE)], |out| {
            out.element("CstmrDrctDbtInitn", |out| {
                sepa::write_head(&self.message_id, self.created_at, &self.initiator, self.amounts(), out);
                self.batches.iter().for_each(|batch| batch.write(out));
            });
        });
        Ok(out.finish())
    }
}

impl DebitBatch {
    fn check<'t>(&'t self, batches: &mut HashSet<&'t str>, debits: &mut HashSet<&'t str>, found: &mut Found) {
        sepa::check_own_id("id", &self.id, batches, found);
        self.creditor.check("creditor", found);
        self.account.check("account", found);
        if let Err(message) = creditor_id::check(&self.creditor_id) {
            found.add("creditor_id", ProblemCode::Format, message);
        }
        if self.debits.is_empty() {
            found.add("debits", ProblemCode::Required, "the batch collects from nobody");
        }
        for (at, debit) in self.debits.iter().enumerate() {
            found.within(format!("debits.{at}"), |found| {
                sepa::check_own_id("end_to_end_id", &debit.end_to_end_id, debits, found);
                sepa::check_amount(debit.amount, found);
                debit.debtor.check("debtor", found);
                debit.account.check("account", found);
                debit.remittance.iter().for_each(|remittance| remittance.check(found));
                found.within("mandate", |found| debit.mandate.check(self.collection_on, found));
            });
        }
    }

    fn write(&self, out: &mut Writer) {
        out.element("PmtInf", |out| {
            out.leaf("PmtInfId", &self.id);
            out.leaf("PmtMtd", "DD");
            out.maybe("BtchBookg", self.one_booking.map(|one| if one { "true" } else { "false" }));
            sepa::write_totals(self.debits.iter().map(|debit| debit.amount), out);
            out.element("PmtTpInf", |out| {
                out.element("SvcLvl", |out| out.leaf("Cd", "SEPA"));
                out.element("LclInstrm", |out| out.leaf("Cd", self.scheme.as_str()));
                out.leaf("SeqTp", self.sequence.as_str());
            });
            out.leaf("ReqdColltnDt", &self.collection_on.to_string());
            self.creditor.write("Cdtr", out);
            self.account.write("CdtrAcct", out);
            self.account.write_bank("CdtrAgt", true, out);
            out.leaf("ChrgBr", "SLEV");
            out.element("CdtrSchmeId", |out| {
                out.element("Id", |out| {
                    out.element("PrvtId", |out| {
                        out.element("Othr", |out| {
                            out.leaf("Id", &iban::normalised(&self.creditor_id));
                            out.element("SchmeNm", |out| out.leaf("Prtry", "SEPA"));
                        });
                    });
                });
            });
            self.debits.iter().for_each(|debit| debit.write(out));
        });
    }
}

impl Mandate {
    fn check(&self, collection_on: NaiveDate, found: &mut Found) {
        sepa::check_id("id", &self.id, found);
        if self.signed_on > collection_on {
            let message = format!("signed on {}, after the collection on {collection_on}", self.signed_on);
            found.add("signed_on", ProblemCode::Date, message);
        }
        self.former_id.iter().for_each(|id| sepa::check_id("former_id", id, found));
        if let Some(Err(message)) = self.former_iban.as_deref().map(iban::check) {
            found.add("former_iban", ProblemCode::Iban, message);
        }
    }

    fn write(&self, out: &mut Writer) {
        out.element("MndtRltdInf", |out| {
            out.leaf("MndtId", &self.id);
            out.leaf("DtOfSgntr", &self.signed_on.to_string());
            if self.former_id.is_none() && self.former_iban.is_none() {
                return;
            }
            out.leaf("AmdmntInd", "true");
            out.element("AmdmntInfDtls", |out| {
                out.maybe("OrgnlMndtId", self.former_id.as_deref());
                if let Some(former) = &self.former_iban {
                    let account = Account { iban: former.clone(), bic: None };
                    account.write("OrgnlDbtrAcct", out);
                }
            });
        });
    }
}

impl Debit {
    fn write(&self, out: &mut Writer) {
        out.element("DrctDbtTxInf", |out| {
            out.element("PmtId", |out| out.leaf("EndToEndId", &self.end_to_end_id));
            out.leaf_with("InstdAmt", &[("Ccy", "EUR")], &sepa::cents(self.amount));
            out.element("DrctDbtTx", |out| self.mandate.write(out));
            self.account.write_bank("DbtrAgt", true, out);
            self.debtor.write("Dbtr", out);
            self.account.write("DbtrAcct", out);
            self.remittance.iter().for_each(|remittance| remittance.write(out));
        });
    }
}

#[cfg(test)]
mod tests;
