//! What is done to payment runs: each outcome of the database becomes the run as it is, or a sentence.

use std::sync::Arc;

use async_graphql::InputObject;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Nullable, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::{PaymentRun, PaymentRunItemState, items, order};
use crate::approvals;
use crate::finance::ids::{BankAccountId, PaymentRunId, PaymentRunItemId};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{Bytes, FilePurpose, Files, Reserved, not_written};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;

/// The most payments that are named in one request.
const MOST: usize = 500;

/// What is to be paid.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentRunProposeInput {
    /// The account that the money comes from: with an IBAN. Bills in its currency are looked at.
    pub bank_account: BankAccountId,
    /// The day on which the bank is to pay: today or later, at most a year away.
    pub pay_on: Date,
    /// Bills that are due until that day, it included; `payOn` if not said.
    pub due_until: Option<Date>,
}

/// Payments that a run is not to make.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentRunDropInput {
    /// The run: a draft.
    pub id: PaymentRunId,
    /// The payments, 1 to 500.
    pub items: Vec<PaymentRunItemId>,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// Payments that the bank has not made.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentRunRejectInput {
    /// The run: one that was sent.
    pub id: PaymentRunId,
    /// The payments, 1 to 500.
    pub items: Vec<PaymentRunItemId>,
    /// What the bank says, 1 to 500 characters.
    pub reason: String,
}

/// Which run.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentRunInput {
    /// The run.
    pub id: PaymentRunId,
}

crate::platform::payload! {
    /// What became of a payment run.
    PaymentRunPayload {
        /// The run as it is now.
        payment_run: PaymentRun
    }
}

/// What a function of the database says.
#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Text>)]
    vendor: Option<String>,
}

fn refuse<T>(field: &str, message: impl Into<String>) -> Result<T> {
    Err(Error::refuse(UserErrorCode::State, field, message))
}

/// The refusal that an outcome stands for.
fn refused(said: &Said) -> Error {
    let message = match said.outcome.as_str() {
        "unknown" => return Error::not_found("id", "payment run"),
        "draft" => "This run is a draft: it is approved first.".to_owned(),
        "approved" => "This run is approved: cancel it and propose anew what is to be otherwise.".to_owned(),
        "sent" => "This run is sent to the bank.".to_owned(),
        "cancelled" => "This run was given up.".to_owned(),
        "empty" => "This run holds no payment: everything that is due is left out of it.".to_owned(),
        "program" => "A payment run is approved by a person, not by a program.".to_owned(),
        "maker" => "Whoever has had a hand in a payment run does not approve it.".to_owned(),
        "paid" => "A bill of one of these payments is settled: take the match of its bank line back first.".to_owned(),
        "outdated" => format!(
            "A payment to {} would not be made any more as it was proposed: its bank details, a hold or what is open has \
             changed. Cancel this run and propose anew.",
            said.vendor.as_deref().unwrap_or_default()
        ),
        other => return Error::fault(format!("an unknown outcome of a payment run: {other}")),
    };
    Error::refuse(UserErrorCode::State, "id", message)
}

async fn now_is(tx: &Tx, id: PaymentRunId) -> Result<PaymentRun> {
    let found = PaymentRun::fetch(tx, vec![id]).await?.remove(&id);
    found.ok_or_else(|| Error::fault("the payment run that was just changed is not there"))
}

/// Proposes what is due.
pub(super) async fn propose(tx: &Tx, input: PaymentRunProposeInput) -> Result<PaymentRun> {
    let (today, pay_on): (NaiveDate, NaiveDate) = (tx.today(), input.pay_on.0);
    if pay_on < today || pay_on.signed_duration_since(today).num_days() > 366 {
        let message = "The day of payment is today or later, at most a year away.";
        return Err(Error::refuse(UserErrorCode::Invalid, "payOn", message));
    }
    let due_until = input.due_until.map_or(pay_on, |day| day.0);
    let id = PaymentRunId::new();
    let said: Said = tx
        .row(
            sql("SELECT p.outcome, NULL::text AS vendor FROM finance.propose_payment_run($1, $2, $3, $4) p (outcome)")
                .bind::<SqlUuid, _>(id)
                .bind::<SqlUuid, _>(input.bank_account)
                .bind::<SqlDate, _>(pay_on)
                .bind::<SqlDate, _>(due_until),
        )
        .await?;
    match said.outcome.as_str() {
        "ok" => {}
        "unknown" => return Err(Error::not_found("bankAccount", "bank account")),
        "inactive" => return refuse("bankAccount", "This bank account is not in use any more."),
        "number" => return refuse("bankAccount", "This bank account has no IBAN: no SEPA payment can come from it."),
        "currency" => return refuse("bankAccount", "SEPA payments are in euros: pay from an account in EUR."),
        "nothing" => {
            return refuse("dueUntil", format!("Nothing is due until {due_until} in this account's currency."));
        }
        other => return Err(Error::fault(format!("an unknown outcome of a proposal: {other}"))),
    }
    emit(tx, EventKind::PaymentRunProposed, id.0);
    now_is(tx, id).await
}

fn named(items: &[PaymentRunItemId]) -> Result<Vec<Uuid>> {
    let mut ids: Vec<Uuid> = items.iter().map(|id| id.0).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() > MOST {
        let message = format!("Name 1 to {MOST} payments.");
        return Err(Error::refuse(UserErrorCode::Invalid, "items", message));
    }
    Ok(ids)
}

/// Takes payments out of a draft.
pub(super) async fn drop_payments(tx: &Tx, input: PaymentRunDropInput) -> Result<PaymentRun> {
    sized("reason", &input.reason, 1..=500)?;
    let ids = named(&input.items)?;
    let said: Said = tx
        .row(
            sql("SELECT p.outcome, NULL::text AS vendor FROM finance.drop_payments($1, $2, $3) p (outcome)")
                .bind::<SqlUuid, _>(input.id)
                .bind::<Array<SqlUuid>, _>(ids)
                .bind::<Text, _>(input.reason),
        )
        .await?;
    match said.outcome.as_str() {
        "ok" => {}
        "item" => return refuse("items", "One of these is no planned payment of this run."),
        _ => return Err(refused(&said)),
    }
    // Whatever was asked for or approved before, this is something else.
    approvals::request::tell_void(tx, Some(input.id.0)).await?;
    emit(tx, EventKind::PaymentRunUpdated, input.id.0);
    now_is(tx, input.id).await
}

/// Releases a run, in the name of whoever acts.
pub(super) async fn approve(tx: &Tx, id: PaymentRunId) -> Result<PaymentRun> {
    let asked = sql("SELECT p.outcome, p.vendor FROM finance.approve_payment_run($1) p").bind::<SqlUuid, _>(id);
    let said: Said = tx.row(asked).await?;
    if said.outcome != "ok" {
        return Err(refused(&said));
    }
    emit(tx, EventKind::PaymentRunApproved, id.0);
    now_is(tx, id).await
}

/// Gives a run up.
pub(super) async fn cancel(tx: &Tx, id: PaymentRunId) -> Result<PaymentRun> {
    let asked = sql("SELECT p.outcome, NULL::text AS vendor FROM finance.cancel_payment_run($1) p (outcome)")
        .bind::<SqlUuid, _>(id);
    let said: Said = tx.row(asked).await?;
    if said.outcome != "ok" {
        return Err(refused(&said));
    }
    emit(tx, EventKind::PaymentRunCancelled, id.0);
    now_is(tx, id).await
}

async fn send_as(tx: &Tx, id: PaymentRunId, file: Option<Uuid>) -> Result<()> {
    let said: Said = tx
        .row(
            sql("SELECT p.outcome, p.vendor FROM finance.send_payment_run($1, $2) p")
                .bind::<SqlUuid, _>(id)
                .bind::<Nullable<SqlUuid>, _>(file),
        )
        .await?;
    if said.outcome == "ok" { Ok(()) } else { Err(refused(&said)) }
}

/// Makes the file of an approved run: from then on its payments are on their way.
pub(super) async fn send(tx: &Tx, files: &Arc<Files>, id: PaymentRunId) -> Result<PaymentRun> {
    send_as(tx, id, None).await?;
    let run = now_is(tx, id).await?;
    let planned = items(tx, id, PaymentRunItemState::Planned).await?;
    let text = order::credit_transfers(tx, &run, &planned).await?;
    let reserved = Reserved { rights: vec![Can::PaymentRunRead], only_for: None };
    let draft = files.begin(tx, &format!("{}.xml", run.number), FilePurpose::Export, &reserved).await?;
    let whole = futures_util::stream::iter([Ok::<_, Error>(Bytes::from(text.into_bytes()))]);
    let written = files.write(&draft, whole).await.map_err(not_written)?;
    let file = files.finish(tx, &draft, &written, None, &reserved).await?;
    send_as(tx, id, Some(file.id.0)).await?;
    emit(tx, EventKind::PaymentRunSent, id.0);
    now_is(tx, id).await
}

/// Notes that the bank has not made these payments, each for its reason.
pub(super) async fn reject(tx: &Tx, id: PaymentRunId, payments: Vec<(PaymentRunItemId, String)>) -> Result<PaymentRun> {
    let (ids, reasons): (Vec<Uuid>, Vec<String>) = payments.into_iter().map(|(id, reason)| (id.0, reason)).unzip();
    let said: Said = tx
        .row(
            sql("SELECT p.outcome, NULL::text AS vendor FROM finance.reject_payments($1, $2, $3) p (outcome)")
                .bind::<SqlUuid, _>(id)
                .bind::<Array<SqlUuid>, _>(ids)
                .bind::<Array<Text>, _>(reasons),
        )
        .await?;
    match said.outcome.as_str() {
        "ok" => {}
        "item" => return refuse("items", "One of these is no payment of this run that is on its way."),
        "approved" => return refuse("id", "This run is not sent yet."),
        _ => return Err(refused(&said)),
    }
    emit(tx, EventKind::PaymentRunUpdated, id.0);
    now_is(tx, id).await
}

/// The same for payments that a person names.
pub(super) async fn reject_named(tx: &Tx, input: PaymentRunRejectInput) -> Result<PaymentRun> {
    sized("reason", &input.reason, 1..=500)?;
    let ids = named(&input.items)?;
    let payments = ids.into_iter().map(|id| (PaymentRunItemId(id), input.reason.clone())).collect();
    reject(tx, input.id, payments).await
}
