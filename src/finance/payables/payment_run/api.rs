//! The fields about payment runs.

use async_graphql::{Context, InputObject, Object};
use diesel::prelude::*;

use super::command::{
    self, PaymentRunDropInput, PaymentRunInput, PaymentRunPayload, PaymentRunProposeInput, PaymentRunRejectInput,
};
use super::status::{self, PaymentStatusPayload};
use super::{PaymentOmission, PaymentRun, PaymentRunItem, PaymentRunItemState, PaymentRunState};
use crate::finance::ids::{PaymentRunId, PaymentRunItemId};
use crate::finance::imports::FileInput;
use crate::platform::can::Can;
use crate::platform::error::{Error, Result};
use crate::platform::files::api::files;
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::{payment_run, payment_run_item};

crate::platform::connection!(
    /// A page of payment runs.
    PaymentRunConnection, PaymentRunEdge, PaymentRun
);

crate::platform::connection!(
    /// A page of a payment run.
    PaymentRunItemConnection, PaymentRunItemEdge, PaymentRunItem
);

crate::platform::equality_filter!(
    /// Conditions on where a payment run stands.
    PaymentRunStateFilter, PaymentRunState
);

crate::platform::filter! {
    /// Narrows a list of payment runs.
    PaymentRunFilter over payment_run {
        /// By where they stand.
        state: PaymentRunStateFilter => equality(payment_run::state),
    }
}

/// What a bank says about the payments of a run.
#[derive(InputObject, Clone, Debug)]
pub struct PaymentStatusImportInput {
    /// The file: pain.002.
    pub file: FileInput,
}

/// Queries about payment runs.
#[derive(Default)]
pub struct PaymentRunQuery;

#[Object]
impl PaymentRunQuery {
    /// One payment run; null if the id is unknown. Right: `finance.payment_run.read`.
    async fn payment_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run's id.")] id: PaymentRunId,
    ) -> async_graphql::Result<Option<PaymentRun>> {
        Ok(ctx.load::<PaymentRun>(id).await?)
    }

    /// The payment runs, newest first. Right: `finance.payment_run.read`.
    async fn payment_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only runs that match.")] filter: Option<PaymentRunFilter>,
    ) -> async_graphql::Result<PaymentRunConnection> {
        let tx = ctx.tx(Can::PaymentRunRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<PaymentRunFilter>| -> Result<_> {
            let mut query = payment_run::table.filter(payment_run::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(payment_run::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(payment_run::id.desc()).limit(slice.limit()).select(PaymentRun::as_select())).await?;
        Ok(PaymentRunConnection::new(ctx, &slice, rows, |row: &PaymentRun| encode("", row.id.0), total))
    }

    /// The bills of payment runs, those of the latest run first and each run's in their order: those that it pays, and those
    /// that it leaves out, with the reason. Right: `finance.payment_run.read`.
    async fn payment_run_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of this run.")] run: Option<PaymentRunId>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those in this state.")] state: Option<PaymentRunItemState>,
        #[graphql(desc = "Only those that are left out for this.")] left_out_for: Option<PaymentOmission>,
    ) -> async_graphql::Result<PaymentRunItemConnection> {
        let tx = ctx.tx(Can::PaymentRunRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let mut query = payment_run_item::table.filter(payment_run_item::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(run) = run {
                query = query.filter(payment_run_item::run_id.eq(run));
            }
            if let Some(state) = state {
                query = query.filter(payment_run_item::state.eq(state));
            }
            if let Some(omission) = left_out_for {
                query = query.filter(payment_run_item::left_out_for.eq(omission));
            }
            Ok(query)
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((line, of)) = &slice.after {
            let line: i32 =
                line.parse().map_err(|_| Error::BadInput("`after` is not a cursor of this list.".to_owned()))?;
            page = page
                .filter(payment_run_item::run_id.le(*of))
                .filter(payment_run_item::run_id.lt(*of).or(payment_run_item::line_no.gt(line)));
        }
        let order = (payment_run_item::run_id.desc(), payment_run_item::line_no);
        let rows = tx.rows(page.order(order).limit(slice.limit()).select(PaymentRunItem::as_select())).await?;
        let cursor = |row: &PaymentRunItem| encode(&row.line_no.to_string(), row.run_id.0);
        Ok(PaymentRunItemConnection::new(ctx, &slice, rows, cursor, total))
    }

    /// One payment of a run; null if the id is unknown. Right: `finance.payment_run.read`.
    async fn payment_run_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payment's id.")] id: PaymentRunItemId,
    ) -> async_graphql::Result<Option<PaymentRunItem>> {
        Ok(ctx.load::<PaymentRunItem>(id).await?)
    }
}

/// Changes of payment runs.
#[derive(Default)]
pub struct PaymentRunMutation;

#[Object]
impl PaymentRunMutation {
    /// Proposes the payment of what is due to vendors, and says what is left out and why. Right:
    /// `finance.payment_run.propose`.
    async fn payment_run_propose(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be paid.")] input: PaymentRunProposeInput,
    ) -> async_graphql::Result<Option<PaymentRunPayload>> {
        PaymentRunPayload::settle(ctx, command::propose(ctx.tx(Can::PaymentRunPropose).await?, input).await)
    }

    /// Takes payments out of a draft; an approval that was asked for or given is void. Right:
    /// `finance.payment_run.propose`.
    async fn payment_run_drop(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payments, and why.")] input: PaymentRunDropInput,
    ) -> async_graphql::Result<Option<PaymentRunPayload>> {
        PaymentRunPayload::settle(ctx, command::drop_payments(ctx.tx(Can::PaymentRunPropose).await?, input).await)
    }

    /// Approves a run: only a person who has had no hand in it, by whichever account, and where the client has a policy for
    /// payment runs only with the approvals that it asks for. Right: `finance.payment_run.approve`.
    async fn payment_run_approve(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run.")] input: PaymentRunInput,
    ) -> async_graphql::Result<Option<PaymentRunPayload>> {
        PaymentRunPayload::settle(ctx, command::approve(ctx.tx(Can::PaymentRunApprove).await?, input.id).await)
    }

    /// Makes the file of an approved run; its payments are on their way from then on. Right: `finance.payment_run.propose`.
    async fn payment_run_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run.")] input: PaymentRunInput,
    ) -> async_graphql::Result<Option<PaymentRunPayload>> {
        let files = files(ctx)?;
        PaymentRunPayload::settle(ctx, command::send(ctx.tx(Can::PaymentRunPropose).await?, files, input.id).await)
    }

    /// Gives up a run that was not sent: its bills are free for the next one. Right: `finance.payment_run.propose`.
    async fn payment_run_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run.")] input: PaymentRunInput,
    ) -> async_graphql::Result<Option<PaymentRunPayload>> {
        PaymentRunPayload::settle(ctx, command::cancel(ctx.tx(Can::PaymentRunPropose).await?, input.id).await)
    }

    /// Notes that the bank has not made some payments of a run: their bills are free for the next one. Right:
    /// `finance.payment_run.propose`.
    async fn payment_run_reject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The payments, and what the bank says.")] input: PaymentRunRejectInput,
    ) -> async_graphql::Result<Option<PaymentRunPayload>> {
        PaymentRunPayload::settle(ctx, command::reject_named(ctx.tx(Can::PaymentRunPropose).await?, input).await)
    }

    /// Takes in what the bank says about the payments of a run (pain.002), found by its message id: what it has rejected is
    /// free for the next run. The same file again changes nothing. Right: `finance.payment_run.propose`.
    async fn payment_status_import(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The bank's file.")] input: PaymentStatusImportInput,
    ) -> async_graphql::Result<Option<PaymentStatusPayload>> {
        PaymentStatusPayload::settle(ctx, status::import(ctx.tx(Can::PaymentRunPropose).await?, input.file).await)
    }
}
