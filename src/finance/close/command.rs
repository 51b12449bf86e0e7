//! What is done with the close of a month: it is opened with its checklist, what it is off by is noted, it is prepared, signed
//! off by somebody else, and opened again.

use async_graphql::{Context, InputObject, Object};
use backoffice_calendar::period::{Period, PeriodUnit};
use backoffice_money::Decimal;
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Nullable, Numeric, Text, Uuid as SqlUuid};
use serde_json::json;

use super::period_close::{PeriodClose, PeriodCloseStepKind, ProgressOf};
use super::tie_out::{Of, TieOut, TieOutKind, TieOutsOf};
use crate::finance::ids::{AccountId, PeriodCloseId};
use crate::finance::ledger::{lock, period};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::ids::known::UserId;
use crate::platform::ids::new_uuid;
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Date, DateTime};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::period_close;
use crate::work::item::assign;
use crate::work::recurring::lay_for;
use crate::work::template;

/// A month that is to be closed.
#[derive(InputObject, Clone, Debug)]
pub struct PeriodCloseOpenInput {
    /// Any day of the month; all of it lies in fiscal years.
    pub month: Date,
    /// The code of the work template that its checklist is made of: its items come into the work queue with their due days,
    /// about this close. Without one there is no checklist. Right: `work.item.manage`.
    pub template: Option<String>,
    /// Who is given the items; nobody if not said. Each can be given to somebody else afterwards.
    pub assignee: Option<UserId>,
}

/// A close that is prepared, or signed off.
#[derive(InputObject, Clone, Debug)]
pub struct PeriodClosePrepareInput {
    /// The close.
    pub id: PeriodCloseId,
}

/// Why a tie-out is off.
#[derive(InputObject, Clone, Debug)]
pub struct PeriodCloseNoteInput {
    /// The close.
    pub id: PeriodCloseId,
    /// Which tie-out: `BANK`, `TAX` or `SUSPENSE`. What the books keep twice is equal or wrong, and takes no note.
    pub kind: TieOutKind,
    /// Its account.
    pub account: AccountId,
    /// Why it is off, 3 to 2,000 characters.
    pub text: String,
}

/// A close that is signed off.
#[derive(InputObject, Clone, Debug)]
pub struct PeriodCloseSignInput {
    /// The close.
    pub id: PeriodCloseId,
}

/// A close that is opened again.
#[derive(InputObject, Clone, Debug)]
pub struct PeriodCloseReopenInput {
    /// The close: signed off, and the last one that is.
    pub id: PeriodCloseId,
    /// Why, 3 to 500 characters.
    pub reason: String,
}

crate::platform::payload! {
    /// What became of a close.
    PeriodClosePayload {
        /// The close as it is now.
        period_close: PeriodClose
    }
}

fn refuse(message: impl Into<String>) -> Error {
    Error::refuse(UserErrorCode::State, "id", message)
}

async fn open(tx: &Tx, input: PeriodCloseOpenInput) -> Result<PeriodClose> {
    let far = || Error::refuse(UserErrorCode::Invalid, "month", "This month lies too far away.");
    let month = Period::of(PeriodUnit::Month, input.month.0, 0).ok_or_else(far)?;
    for day in [month.first, month.last] {
        if period::start_of_year(tx, day).await?.is_none() {
            let message = format!("No fiscal year covers {day}.");
            return Err(Error::refuse(UserErrorCode::Invalid, "month", message));
        }
    }
    if let Some(person) = input.assignee {
        assign::check_person(tx, person, false, "assignee").await?;
    }
    let template = match &input.template {
        None => None,
        Some(code) => {
            let found = template::named(tx, code).await?;
            Some(found.ok_or_else(|| Error::not_found("template", "work template"))?)
        }
    };
    let made: PeriodClose = tx
        .row(
            diesel::insert_into(period_close::table)
                .values((
                    period_close::tenant_id.eq(tx.tenant()?),
                    period_close::id.eq(PeriodCloseId::new()),
                    period_close::period.eq(month.name.clone()),
                    period_close::starts_on.eq(Date(month.first)),
                    period_close::ends_on.eq(Date(month.last)),
                    period_close::template_code.eq(template.as_ref().map(|template| template.code.clone())),
                ))
                .returning(PeriodClose::as_returning()),
        )
        .await?;
    if let Some(template) = template {
        lay_for(tx, &template, &month, (PeriodCloseId::PREFIX.to_owned(), made.id.0), input.assignee).await?;
    }
    emit(tx, EventKind::PeriodCloseOpened, made.id.0);
    Ok(made)
}

/// A close, while nobody else does anything with it and nothing is posted or locked.
async fn held(tx: &Tx, id: PeriodCloseId) -> Result<PeriodClose> {
    lock::general_for_update(tx).await?;
    PeriodClose::fetch(tx, vec![id]).await?.remove(&id).ok_or_else(|| Error::not_found("id", "period close"))
}

async fn expect_done(tx: &Tx, close: &PeriodClose) -> Result<()> {
    let progress = ProgressOf::fetch(tx, vec![close.id]).await?.remove(&close.id).unwrap_or_default();
    match progress.open {
        0 => Ok(()),
        open => Err(refuse(format!("Of the checklist {open} of {} items are still to be done.", progress.items))),
    }
}

async fn tie_outs(tx: &Tx, close: &PeriodClose) -> Result<Vec<TieOut>> {
    let of = Of { close: close.id, from: close.starts_on.0, to: close.ends_on.0 };
    Ok(TieOutsOf::fetch(tx, vec![of]).await?.remove(&of).unwrap_or_default())
}

/// What a tie-out is called in a sentence.
fn named(tie_out: &TieOut) -> String {
    let what = tie_out.kind.text();
    tie_out.account.as_ref().map_or_else(|| what.to_owned(), |account| format!("{what}, account {account}"))
}

async fn step(
    tx: &Tx,
    close: PeriodCloseId,
    kind: PeriodCloseStepKind,
    reason: Option<String>,
    figures: serde_json::Value,
) -> Result<()> {
    tx.exec(
        sql("INSERT INTO finance.period_close_step (tenant_id, id, close_id, kind, by_id, by_name, reason, figures)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(new_uuid())
        .bind::<SqlUuid, _>(close)
        .bind::<Text, _>(kind)
        .bind::<SqlUuid, _>(tx.actor())
        .bind::<Text, _>(tx.actor_name().to_owned())
        .bind::<Nullable<Text>, _>(reason)
        .bind::<Jsonb, _>(figures),
    )
    .await?;
    Ok(())
}

async fn prepare(tx: &Tx, id: PeriodCloseId) -> Result<PeriodClose> {
    let close = held(tx, id).await?;
    if close.prepared_at.is_some() {
        return Err(refuse("This close is prepared already."));
    }
    expect_done(tx, &close).await?;
    step(tx, id, PeriodCloseStepKind::Prepared, None, json!([])).await?;
    tx.row(
        diesel::update(period_close::table)
            .filter(period_close::tenant_id.eq(tx.tenant()?))
            .filter(period_close::id.eq(id))
            .set((
                period_close::prepared_at.eq(Some(DateTime(tx.now()))),
                period_close::prepared_by.eq(Some(tx.actor())),
                period_close::prepared_by_name.eq(Some(tx.actor_name().to_owned())),
            ))
            .returning(PeriodClose::as_returning()),
    )
    .await
    .inspect(|close: &PeriodClose| emit(tx, EventKind::PeriodClosePrepared, close.id.0))
}

async fn note(tx: &Tx, input: PeriodCloseNoteInput) -> Result<PeriodClose> {
    sized("text", &input.text, 3..=2000)?;
    let close = held(tx, input.id).await?;
    if close.signed_at.is_some() {
        return Err(refuse("This close is signed off."));
    }
    if !input.kind.can_be_noted() {
        let message = "What the books keep twice is equal, or something is wrong with them: no note explains that.";
        return Err(Error::refuse(UserErrorCode::Invalid, "kind", message));
    }
    let found = tie_outs(tx, &close).await?;
    let found = found.iter().find(|one| one.kind == input.kind && one.account_id == Some(input.account));
    let found = found.ok_or_else(|| Error::not_found("account", "tie-out of an account"))?;
    if found.off == Decimal::ZERO {
        return Err(Error::refuse(UserErrorCode::State, "account", "Nothing differs here."));
    }
    tx.exec(
        sql("INSERT INTO finance.period_close_note (tenant_id, id, close_id, kind, account_id, difference, text, by_name)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(new_uuid())
            .bind::<SqlUuid, _>(close.id)
            .bind::<Text, _>(input.kind)
            .bind::<SqlUuid, _>(input.account)
            .bind::<Numeric, _>(found.off)
            .bind::<Text, _>(input.text)
            .bind::<Text, _>(tx.actor_name().to_owned()),
    )
    .await?;
    emit(tx, EventKind::PeriodCloseNoted, close.id.0);
    Ok(close)
}

async fn sign(tx: &Tx, id: PeriodCloseId) -> Result<PeriodClose> {
    let close = held(tx, id).await?;
    if close.signed_at.is_some() {
        return Err(refuse("This close is signed off already."));
    }
    if close.prepared_at.is_none() {
        return Err(refuse("This close is not prepared yet."));
    }
    if close.prepared_by == Some(tx.actor()) {
        return Err(Error::refuse(UserErrorCode::State, "id", "Nobody signs off what he has prepared himself."));
    }
    let before: Option<String> = tx
        .maybe(
            period_close::table
                .filter(period_close::tenant_id.eq(tx.tenant()?))
                .filter(period_close::ends_on.lt(close.starts_on))
                .filter(period_close::signed_at.is_null())
                .order(period_close::ends_on)
                .limit(1)
                .select(period_close::period),
        )
        .await?;
    if let Some(before) = before {
        return Err(refuse(format!(
            "The close of {before} comes first: a sign-off locks everything up to its month's end."
        )));
    }
    expect_done(tx, &close).await?;
    let found = tie_outs(tx, &close).await?;
    let wrong: Vec<String> = found
        .iter()
        .filter(|one| one.blocks)
        .map(|one| {
            let (register, balance) = (one.register.amount.0, one.balance.amount.0);
            let (off, currency) = (one.difference.amount.0, &one.balance.currency.0);
            format!("{}: the register says {register}, the books {balance} {currency}, {off} more", named(one))
        })
        .collect();
    if !wrong.is_empty() {
        return Err(refuse(format!("This does not tie out: {}.", wrong.join("; "))));
    }
    let figures: Vec<_> = found
        .iter()
        .map(|one| {
            json!({ "kind": one.kind, "account": one.account, "register": one.register.amount.0.to_string(),
                    "balance": one.balance.amount.0.to_string(),
                    "currency": one.balance.currency.0, "note": one.note.as_ref().map(|note| note.text.clone()) })
        })
        .collect();
    step(tx, id, PeriodCloseStepKind::Signed, None, json!(figures)).await?;
    let locked_before = lock::soft_at_least(tx, close.ends_on).await?;
    tx.row(
        diesel::update(period_close::table)
            .filter(period_close::tenant_id.eq(tx.tenant()?))
            .filter(period_close::id.eq(id))
            .set((
                period_close::signed_at.eq(Some(DateTime(tx.now()))),
                period_close::signed_by.eq(Some(tx.actor())),
                period_close::signed_by_name.eq(Some(tx.actor_name().to_owned())),
                period_close::locked_before_on.eq(locked_before),
            ))
            .returning(PeriodClose::as_returning()),
    )
    .await
    .inspect(|close: &PeriodClose| emit(tx, EventKind::PeriodCloseSigned, close.id.0))
}

async fn reopen(tx: &Tx, input: PeriodCloseReopenInput) -> Result<PeriodClose> {
    sized("reason", &input.reason, 3..=500)?;
    let close = held(tx, input.id).await?;
    if close.signed_at.is_none() {
        return Err(refuse("This close is not signed off."));
    }
    let behind: i64 = tx
        .row(
            period_close::table
                .filter(period_close::tenant_id.eq(tx.tenant()?))
                .filter(period_close::ends_on.gt(close.ends_on))
                .filter(period_close::signed_at.is_not_null())
                .count(),
        )
        .await?;
    if behind > 0 {
        return Err(refuse("A later month is signed off: that one is opened again first."));
    }
    lock::soft_before(tx, close.starts_on, close.locked_before_on).await?;
    step(tx, close.id, PeriodCloseStepKind::Reopened, Some(input.reason), json!([])).await?;
    tx.row(
        diesel::update(period_close::table)
            .filter(period_close::tenant_id.eq(tx.tenant()?))
            .filter(period_close::id.eq(close.id))
            .set((
                period_close::prepared_at.eq(None::<DateTime>),
                period_close::prepared_by.eq(None::<uuid::Uuid>),
                period_close::prepared_by_name.eq(None::<String>),
                period_close::signed_at.eq(None::<DateTime>),
                period_close::signed_by.eq(None::<uuid::Uuid>),
                period_close::signed_by_name.eq(None::<String>),
                period_close::locked_before_on.eq(None::<Date>),
            ))
            .returning(PeriodClose::as_returning()),
    )
    .await
    .inspect(|close: &PeriodClose| emit(tx, EventKind::PeriodCloseReopened, close.id.0))
}

/// Changes of closes.
#[derive(Default)]
pub struct PeriodCloseMutation;

#[Object]
impl PeriodCloseMutation {
    /// Opens the close of a month, once, with its checklist in the work queue. Rights: `finance.journal.post`, with a
    /// template `work.item.manage` as well.
    async fn period_close_open(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The month and its checklist.")] input: PeriodCloseOpenInput,
    ) -> async_graphql::Result<Option<PeriodClosePayload>> {
        let tx = ctx.tx(Can::JournalPost).await?;
        if input.template.is_some() {
            ctx.tx(Can::WorkItemManage).await?;
        }
        PeriodClosePayload::settle(ctx, open(tx, input).await)
    }

    /// Says that a close is prepared: all of its checklist is done. Right: `finance.journal.post`.
    async fn period_close_prepare(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The close.")] input: PeriodClosePrepareInput,
    ) -> async_graphql::Result<Option<PeriodClosePayload>> {
        PeriodClosePayload::settle(ctx, prepare(ctx.tx(Can::JournalPost).await?, input.id).await)
    }

    /// Notes why a tie-out is off. The note holds for this difference only. Right: `finance.journal.post`.
    async fn period_close_note(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The tie-out, and why.")] input: PeriodCloseNoteInput,
    ) -> async_graphql::Result<Option<PeriodClosePayload>> {
        PeriodClosePayload::settle(ctx, note(ctx.tx(Can::JournalPost).await?, input).await)
    }

    /// Signs a close off, as somebody else than who prepared it: everything ties out or is explained, the checklist is done,
    /// and no earlier close is open. Locks the books up to the end of the month. Right: `finance.period.lock`.
    async fn period_close_sign(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The close.")] input: PeriodCloseSignInput,
    ) -> async_graphql::Result<Option<PeriodClosePayload>> {
        PeriodClosePayload::settle(ctx, sign(ctx.tx(Can::PeriodLock).await?, input.id).await)
    }

    /// Opens the last close that is signed off again, for a reason: the lock moves back to where it was. Right:
    /// `finance.period.lock`.
    async fn period_close_reopen(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The close and why.")] input: PeriodCloseReopenInput,
    ) -> async_graphql::Result<Option<PeriodClosePayload>> {
        PeriodClosePayload::settle(ctx, reopen(ctx.tx(Can::PeriodLock).await?, input).await)
    }
}
