//! What the bank says of a payment run: pain.002.

use async_graphql::{Context, SimpleObject};
use backoffice_formats::pain002::{self, Reason, Status, StatusReport};
use diesel::prelude::*;

use super::{PaymentRun, PaymentRunItem, PaymentRunItemState, PaymentRunState, command, items};
use crate::finance::ids::PaymentRunItemId;
use crate::finance::imports::{FileError, FileErrors, FileInput, parse};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::scope::settle;
use crate::schema::payment_run;

/// What a file of the bank changed.
#[derive(SimpleObject)]
pub struct PaymentStatusPayload {
    /// The run that the file is about; null if it was refused.
    pub payment_run: Option<PaymentRun>,
    /// How many payments it rejects that were on their way until now.
    pub rejected: i32,
    /// What is wrong with the file, by line; the first 1,000.
    pub file_errors: Vec<FileError>,
    /// How many more wrong places there are than `fileErrors` shows.
    pub more_file_errors: i32,
    /// Why the input was refused; empty if it was not. A refused file changed nothing.
    pub user_errors: Vec<UserError>,
}

/// What came of a file.
pub(super) enum Taken {
    /// It was about this run, and rejects so many payments.
    Run(PaymentRun, usize),
    /// It cannot be read.
    Refused(FileErrors),
}

impl PaymentStatusPayload {
    pub(super) fn settle(ctx: &Context<'_>, result: Result<Taken>) -> async_graphql::Result<Option<Self>> {
        let (result, errors) = match result {
            Ok(Taken::Run(run, rejected)) => (Ok((run, rejected)), FileErrors::default()),
            Ok(Taken::Refused(errors)) => (Err(errors.refusal()), errors),
            Err(error) => (Err(error), FileErrors::default()),
        };
        let (taken, user_errors) = settle(ctx, result)?;
        let (payment_run, rejected) = taken.map_or((None, 0), |(run, rejected)| (Some(run), rejected));
        Ok(Some(Self {
            payment_run,
            rejected: i32::try_from(rejected).unwrap_or(i32::MAX),
            more_file_errors: i32::try_from(errors.more).unwrap_or(i32::MAX),
            file_errors: errors.listed,
            user_errors,
        }))
    }
}

/// What a bank says of a rejection: its codes, and its words.
fn said(reasons: &[Reason]) -> String {
    let one = |reason: &Reason| {
        let code = reason.code.as_deref().or(reason.own_code.as_deref());
        let parts: Vec<&str> = code.into_iter().chain(reason.words.iter().map(String::as_str)).collect();
        parts.join(": ")
    };
    let text = reasons.iter().map(one).filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ");
    if text.is_empty() { "Rejected by the bank.".to_owned() } else { text.chars().take(500).collect() }
}

/// The payments on their way that a report rejects, each with the reason.
fn rejections(run: &str, report: &StatusReport, sent: &[PaymentRunItem]) -> Vec<(PaymentRunItemId, String)> {
    sent.iter()
        .filter_map(|item| match report.of(run, &item.end_to_end_id)? {
            (Status::Rejected | Status::Cancelled, reasons) => Some((item.id, said(reasons))),
            _ => None,
        })
        .collect()
}

/// Takes a report in.
pub(super) async fn import(tx: &Tx, file: FileInput) -> Result<Taken> {
    let report = match parse(file.bytes()?, pain002::parse).await? {
        Ok(report) => report,
        Err(errors) => return Ok(Taken::Refused(errors)),
    };
    let run: Option<PaymentRun> = tx
        .maybe(
            payment_run::table
                .filter(payment_run::tenant_id.eq(tx.tenant()?))
                .filter(payment_run::number.eq(report.message_id.clone()))
                .select(PaymentRun::as_select()),
        )
        .await?;
    let run = run.filter(|run| run.state == PaymentRunState::Sent).ok_or_else(|| {
        let message = format!("No payment run with the message id {} was sent to a bank.", report.message_id);
        Error::refuse(UserErrorCode::NotFound, "file", message)
    })?;
    let sent = items(tx, run.id, PaymentRunItemState::Sent).await?;
    let rejected = rejections(&run.number, &report, &sent);
    let count = rejected.len();
    if rejected.is_empty() {
        return Ok(Taken::Run(run, 0));
    }
    Ok(Taken::Run(command::reject(tx, run.id, rejected).await?, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bank_says_is_one_line() {
        let closed = Reason { code: Some("AC04".to_owned()), own_code: None, words: vec!["Account closed".to_owned()] };
        let own = Reason { code: None, own_code: Some("X1".to_owned()), words: Vec::new() };
        assert_eq!(said(&[closed, own]), "AC04: Account closed; X1");
        assert_eq!(said(&[]), "Rejected by the bank.");
        let long = Reason { code: None, own_code: None, words: vec!["x".repeat(600)] };
        assert_eq!(said(&[long]).len(), 500);
    }
}
