//! The bank's answer to orders: ISO 20022 payment status reports, pain.002.001.03 and later (tried with .03 and .10).
//!
//! An answer may speak of the file, of a batch in it or of a single payment; [`StatusReport::of`] says what holds for one.

use rust_decimal::Decimal;

use crate::limits::MAX_ROWS;
use crate::number::{self, DecimalMark};
use crate::problem::{Problem, ProblemCode, Problems, shown};
use crate::text;
use crate::xml::{self, Rules, Step, Walk};

const MESSAGE: &str = "Document/CstmrPmtStsRpt";
const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.";

words! {
    /// How far an order has come.
    pub enum Status {
        /// Received, nothing checked yet.
        Received = "RCVD",
        /// It can be read.
        TechnicallyAccepted = "ACTC",
        /// The customer may give it.
        ProfileAccepted = "ACCP",
        /// The money is there, or reserved.
        FundsChecked = "ACFC",
        /// It is being carried out.
        InProcess = "ACSP",
        /// The payer's account is charged.
        Settled = "ACSC",
        /// The payee has the money.
        Credited = "ACCC",
        /// Accepted with a change, of which the reasons tell.
        AcceptedWithChange = "ACWC",
        /// Accepted without the money being posted to the payee yet.
        AcceptedWithoutPosting = "ACWP",
        /// Some people who must agree have agreed.
        PartlyAuthorised = "PATC",
        /// Some of the payments are accepted, others not.
        Partly = "PART",
        /// It waits.
        Pending = "PDNG",
        /// The bank holds the money back.
        Blocked = "BLCK",
        /// Cancelled at the customer's wish.
        Cancelled = "CANC",
        /// Refused; the reasons tell why.
        Rejected = "RJCT",
    }
}

/// Why something has its status.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// The code of ISO 20022's list, such as `AC04` for a closed account.
    pub code: Option<String>,
    /// The bank's own code.
    pub own_code: Option<String>,
    /// What the bank adds in words.
    pub words: Vec<String>,
}

/// The answer to one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// The answer's own identifier.
    pub id: String,
    /// The identifier of the file that it is about.
    pub message_id: String,
    /// What kind of file that was, such as `pain.001.001.09`.
    pub message_kind: Option<String>,
    /// What holds for the file, if the bank says so.
    pub status: Option<Status>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What it says of batches, in the order of the answer.
    pub batches: Vec<BatchStatus>,
}

/// What the bank says of one batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchStatus {
    /// Line of the answer.
    pub line: u64,
    /// The batch's own identifier.
    pub id: String,
    /// What holds for the batch, if the bank says so.
    pub status: Option<Status>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What it says of single payments.
    pub payments: Vec<PaymentStatus>,
}

/// What the bank says of one payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentStatus {
    /// Line of the answer.
    pub line: u64,
    /// The payment's end-to-end identifier.
    pub end_to_end_id: Option<String>,
    /// Its instruction identifier.
    pub instruction_id: Option<String>,
    /// What holds for it, if the bank says so.
    pub status: Option<Status>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The bank's reference.
    pub bank_reference: Option<String>,
    /// The amount that was ordered, and its currency, if the bank repeats them.
    pub amount: Option<(Decimal, String)>,
}

impl StatusReport {
    /// What holds for one payment: what is said of it, else of its batch, else of the whole file.
    pub fn of(&self, batch: &str, end_to_end_id: &str) -> Option<(Status, &[Reason])> {
        let batch = self.batches.iter().find(|one| one.id == batch);
        let payment = batch.and_then(|batch| {
            batch.payments.iter().find(|payment| payment.end_to_end_id.as_deref() == Some(end_to_end_id))
        });
        let of_payment = payment.and_then(|payment| Some((payment.status?, payment.reasons.as_slice())));
        let of_batch = || batch.and_then(|batch| Some((batch.status?, batch.reasons.as_slice())));
        of_payment.or_else(of_batch).or_else(|| Some((self.status?, self.reasons.as_slice())))
    }
}

/// The answer in a file.
pub fn parse(file: &[u8]) -> Result<StatusReport, Problems> {
    let text = xml::decode(file)?;
    let mut walk = Walk::new(&text, Rules::plain(MESSAGE));
    let mut reading = Reading::default();
    loop {
        match walk.step()? {
            Step::Open(tag, line) => {
                if walk.depth() == 1 {
                    check_root(&tag, line)?;
                }
                if walk.path().ends_with("/InstdAmt") {
                    reading.currency = walk.attribute(&tag, "Ccy", line)?;
                }
                reading.open(walk.below(), line)?;
            }
            Step::Close(text, line) => {
                let path = walk.below();
                if let Some(text) = text::filled(&text) {
                    reading.value(path, text, line);
                }
                reading.close(path, line);
            }
            Step::End => return reading.finish(),
        }
    }
}

fn check_root(tag: &quick_xml::events::BytesStart<'_>, line: u64) -> Result<(), Problem> {
    let namespace = xml::namespace(tag);
    let version = namespace
        .strip_prefix(NAMESPACE)
        .filter(|version| version.len() == 2 && version.bytes().all(|byte| byte.is_ascii_digit()) && *version >= "03");
    if tag.local_name().as_ref() == "Document" && version.is_some() {
        return Ok(());
    }
    let is = shown(namespace.rsplit(':').next().filter(|name| !name.is_empty()).unwrap_or(tag.name().as_ref()));
    let message = format!("the file is {is}; a status report pain.002.001.03 or later is expected");
    Err(Problem::new(line, ProblemCode::Format, message))
}

/// What is gathered so far.
#[derive(Default)]
struct Reading {
    id: Option<String>,
    message_id: Option<String>,
    message_kind: Option<String>,
    status: Option<Status>,
    reasons: Vec<Reason>,
    batch: Option<BatchStatus>,
    payment: Option<PaymentStatus>,
    reason: Option<Reason>,
    /// `Ccy` of the innermost amount.
    currency: Option<String>,
    batches: Vec<BatchStatus>,
    rows: usize,
    problems: Problems,
}

const BATCH: &str = "OrgnlPmtInfAndSts";
const PAYMENT: &str = "OrgnlPmtInfAndSts/TxInfAndSts";

impl Reading {
    fn open(&mut self, path: &str, line: u64) -> Result<(), Problem> {
        if matches!(path, BATCH | PAYMENT) {
            self.rows = self.rows.saturating_add(1);
            if self.rows > MAX_ROWS {
                let message = format!("more than {MAX_ROWS} payments in one answer");
                return Err(Problem::new(line, ProblemCode::TooLarge, message));
            }
        }
        match path {
            BATCH => self.batch = Some(BatchStatus { line, ..BatchStatus::default() }),
            PAYMENT => self.payment = Some(PaymentStatus { line, ..PaymentStatus::default() }),
            _ if path.ends_with("/StsRsnInf") => self.reason = Some(Reason::default()),
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self, path: &str, text: String, line: u64) {
        if let Some((_, path)) = path.split_once("/StsRsnInf/") {
            let Some(reason) = &mut self.reason else { return };
            return match path {
                "Rsn/Cd" => reason.code = Some(text),
                "Rsn/Prtry" => reason.own_code = Some(text),
                "AddtlInf" => reason.words.push(text),
                _ => {}
            };
        }
        match path {
            "GrpHdr/MsgId" => return self.id = Some(text),
            "OrgnlGrpInfAndSts/OrgnlMsgId" => return self.message_id = Some(text),
            "OrgnlGrpInfAndSts/OrgnlMsgNmId" => return self.message_kind = Some(text),
            "OrgnlGrpInfAndSts/GrpSts" => return self.status = self.known(path, &text, line),
            "OrgnlPmtInfAndSts/PmtInfSts" => {
                let status = self.known(path, &text, line);
                return self.batch.iter_mut().for_each(|batch| batch.status = status);
            }
            "OrgnlPmtInfAndSts/OrgnlPmtInfId" => {
                return self.batch.iter_mut().for_each(|batch| batch.id.clone_from(&text));
            }
            _ => {}
        }
        let Some(path_below) = path.strip_prefix(PAYMENT).and_then(|path| path.strip_prefix('/')) else { return };
        let (status, amount) = match path_below {
            "TxSts" => (self.known(path, &text, line), None),
            "OrgnlTxRef/Amt/InstdAmt" => (None, self.amount(path, &text, line)),
            _ => (None, None),
        };
        let Some(payment) = &mut self.payment else { return };
        match path_below {
            "OrgnlEndToEndId" => payment.end_to_end_id = Some(text),
            "OrgnlInstrId" => payment.instruction_id = Some(text),
            "AcctSvcrRef" => payment.bank_reference = Some(text),
            "TxSts" => payment.status = status,
            "OrgnlTxRef/Amt/InstdAmt" => payment.amount = amount,
            _ => {}
        }
    }

    fn known(&mut self, path: &str, text: &str, line: u64) -> Option<Status> {
        let status = Status::ALL.iter().copied().find(|status| status.as_str() == text);
        if status.is_none() {
            let message = format!("the status {} is not one that banks answer with", shown(text));
            self.problems.push(Problem::new(line, ProblemCode::UnknownWord, message).in_column(path));
        }
        status
    }

    fn amount(&mut self, path: &str, text: &str, line: u64) -> Option<(Decimal, String)> {
        match (number::parse(text, DecimalMark::Plain), &self.currency) {
            (Ok(amount), Some(currency)) => Some((amount, currency.clone())),
            (Ok(_), None) => {
                let problem = Problem::new(line, ProblemCode::Currency, "the amount has no currency (Ccy)");
                self.problems.push(problem.in_column(path));
                None
            }
            (Err(bad), _) => {
                self.problems.push(Problem::new(line, bad.code, bad.message).in_column(path));
                None
            }
        }
    }

    fn close(&mut self, path: &str, line: u64) {
        match path {
            "OrgnlGrpInfAndSts/StsRsnInf" => self.reasons.extend(self.reason.take()),
            "OrgnlPmtInfAndSts/StsRsnInf" => {
                let reason = self.reason.take();
                self.batch.iter_mut().for_each(|batch| batch.reasons.extend(reason.clone()));
            }
            "OrgnlPmtInfAndSts/TxInfAndSts/StsRsnInf" => {
                let reason = self.reason.take();
                self.payment.iter_mut().for_each(|payment| payment.reasons.extend(reason.clone()));
            }
            PAYMENT => {
                let payment = self.payment.take();
                self.batch.iter_mut().for_each(|batch| batch.payments.extend(payment.clone()));
            }
            BATCH => {
                let Some(batch) = self.batch.take() else { return };
                if batch.id.is_empty() {
                    let message = "the answer does not say which batch it is about";
                    let problem = Problem::new(line, ProblemCode::Required, message);
                    self.problems.push(problem.in_column("OrgnlPmtInfAndSts/OrgnlPmtInfId"));
                }
                self.batches.push(batch);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Result<StatusReport, Problems> {
        let mut needed = |value: Option<String>, path: &str, what: &str| {
            if value.is_none() {
                let problem = Problem::new(1, ProblemCode::Required, format!("the answer does not name {what}"));
                self.problems.push(problem.in_column(path));
            }
            value.unwrap_or_default()
        };
        let id = needed(self.id, "GrpHdr/MsgId", "itself");
        let message_id = needed(self.message_id, "OrgnlGrpInfAndSts/OrgnlMsgId", "the file that it is about");
        self.problems.or(StatusReport {
            id,
            message_id,
            message_kind: self.message_kind,
            status: self.status,
            reasons: self.reasons,
            batches: self.batches,
        })
    }
}

#[cfg(test)]
mod tests;
