//! Orders to transfer money, SEPA credit transfers in euros: ISO 20022 pain.001.001.09, written.
//!
//! The same orders give the same bytes. Whatever a bank would refuse is refused here first, by the field that is wrong; names
//! and words are put into the letters that banks pass on, identifiers are never changed.

use std::collections::HashSet;

use chrono::{NaiveDate, NaiveDateTime};
use rust_decimal::Decimal;

use crate::mistake::{Found, Mistake};
use crate::problem::ProblemCode;
use crate::sepa::{self, Account, Party, Remittance};
use crate::xml::write::Writer;

/// The namespace of the message.
pub const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/// All orders of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditTransfers {
    /// The file's own identifier, at most 35 characters; never used twice with one bank.
    pub message_id: String,
    /// When the file was made.
    pub created_at: NaiveDateTime,
    /// The name of whoever sends it.
    pub initiator: String,
    /// At least one.
    pub batches: Vec<TransferBatch>,
}

/// Orders from one account for one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferBatch {
    /// The batch's own identifier, at most 35 characters; one of its kind in the file.
    pub id: String,
    /// The day on which the bank is to transfer.
    pub execution_on: NaiveDate,
    /// Whether the account shows the batch as one sum; nothing leaves it to what was agreed with the bank.
    pub one_booking: Option<bool>,
    /// Who pays.
    pub debtor: Party,
    /// From which account.
    pub account: Account,
    /// At least one.
    pub transfers: Vec<Transfer>,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The payer's reference, carried to the payee and back in the bank's answers; one of its kind in the file.
    pub end_to_end_id: String,
    /// Euros, 0.01 to 999,999,999.99.
    pub amount: Decimal,
    /// Who is paid.
    pub creditor: Party,
    /// On which account.
    pub account: Account,
    /// What for.
    pub remittance: Option<Remittance>,
}

impl CreditTransfers {
    fn amounts(&self) -> impl Iterator<Item = Decimal> {
        self.batches.iter().flat_map(|batch| &batch.transfers).map(|transfer| transfer.amount)
    }

    /// Everything that a bank would refuse; nothing if the file can be written.
    pub fn check(&self) -> Result<(), Vec<Mistake>> {
        let mut found = Found::default();
        sepa::check_head(&self.message_id, &self.initiator, self.amounts().count(), &mut found);
        if self.batches.is_empty() {
            found.add("batches", ProblemCode::Required, "there is nothing to pay");
        }
        let (mut batches, mut transfers) = (HashSet::new(), HashSet::new());
        for (at, batch) in self.batches.iter().enumerate() {
            found.within(format!("batches.{at}"), |found| batch.check(&mut batches, &mut transfers, found));
        }
        found.or(())
    }

    /// The file, UTF-8; or everything that is wrong with it.
    pub fn write(&self) -> Result<String, Vec<Mistake>> {
        self.check()?;
        let mut out = Writer::new();
        out.element_with("Document", &[("xmlns", NAMESPACE)], |out| {
            out.element("CstmrCdtTrfInitn", |out| {
                sepa::write_head(&self.message_id, self.created_at, &self.initiator, self.amounts(), out);
                self.batches.iter().for_each(|batch| batch.write(out));
            });
        });
        Ok(out.finish())
    }
}

impl TransferBatch {
    fn check<'t>(&'t self, batches: &mut HashSet<&'t str>, transfers: &mut HashSet<&'t str>, found: &mut Found) {
        sepa::check_own_id("id", &self.id, batches, found);
        self.debtor.check("debtor", found);
        self.account.check("account", found);
        if self.transfers.is_empty() {
            found.add("transfers", ProblemCode::Required, "the batch pays nobody");
        }
        for (at, transfer) in self.transfers.iter().enumerate() {
            found.within(format!("transfers.{at}"), |found| {
                sepa::check_own_id("end_to_end_id", &transfer.end_to_end_id, transfers, found);
                sepa::check_amount(transfer.amount, found);
                transfer.creditor.check("creditor", found);
                transfer.account.check("account", found);
                transfer.remittance.iter().for_each(|remittance| remittance.check(found));
            });
        }
    }

    fn write(&self, out: &mut Writer) {
        out.element("PmtInf", |out| {
            out.leaf("PmtInfId", &self.id);
            out.leaf("PmtMtd", "TRF");
            out.maybe("BtchBookg", self.one_booking.map(|one| if one { "true" } else { "false" }));
            sepa::write_totals(self.transfers.iter().map(|transfer| transfer.amount), out);
            out.element("PmtTpInf", |out| out.element("SvcLvl", |out| out.leaf("Cd", "SEPA")));
            out.element("ReqdExctnDt", |out| out.leaf("Dt", &self.execution_on.to_string()));
            self.debtor.write("Dbtr", out);
            self.account.write("DbtrAcct", out);
            self.account.write_bank("DbtrAgt", true, out);
            out.leaf("ChrgBr", "SLEV");
            self.transfers.iter().for_each(|transfer| transfer.write(out));
        });
    }
}

impl Transfer {
    fn write(&self, out: &mut Writer) {
        out.element("CdtTrfTxInf", |out| {
            out.element("PmtId", |out| out.leaf("EndToEndId", &self.end_to_end_id));
            out.element("Amt", |out| out.leaf_with("InstdAmt", &[("Ccy", "EUR")], &sepa::cents(self.amount)));
            self.account.write_bank("CdtrAgt", false, out);
            self.creditor.write("Cdtr", out);
            self.account.write("CdtrAcct", out);
            self.remittance.iter().for_each(|remittance| remittance.write(out));
        });
    }
}

#[cfg(test)]
mod tests;
