//! The fields about reminders.

use async_graphql::{Context, Object};
use diesel::prelude::*;

use super::{
    DunningItem, DunningItemState, DunningNotice, DunningNoticeDropInput, DunningNoticePayload, DunningOmission,
    DunningRun, DunningRunPayload, DunningRunProposeInput, DunningState, propose, send,
};
use crate::finance::ids::{DunningNoticeId, DunningRunId};
use crate::finance::open_item::CustomerIdFilter;
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::{dunning_item, dunning_notice, dunning_run};

crate::platform::connection!(
    /// A page of runs of reminders.
    DunningRunConnection, DunningRunEdge, DunningRun
);

crate::platform::connection!(
    /// A page of reminders.
    DunningNoticeConnection, DunningNoticeEdge, DunningNotice
);

crate::platform::connection!(
    /// A page of the items that runs have looked at.
    DunningItemConnection, DunningItemEdge, DunningItem
);

crate::platform::equality_filter!(
    /// Conditions on where a reminder stands.
    DunningStateFilter, DunningState
);

crate::platform::filter! {
    /// Narrows a list of reminders.
    DunningNoticeFilter over dunning_notice {
        /// By customer.
        customer: CustomerIdFilter => equality(dunning_notice::customer_id),
        /// By where they stand.
        state: DunningStateFilter => equality(dunning_notice::state),
    }
}

/// Queries about reminders.
#[derive(Default)]
pub struct DunningQuery;

#[Object]
impl DunningQuery {
    /// One run of reminders; null if the id is unknown. Right: `finance.dunning.read`.
    async fn dunning_run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The run's id.")] id: DunningRunId,
    ) -> async_graphql::Result<Option<DunningRun>> {
        Ok(ctx.load::<DunningRun>(id).await?)
    }

    /// The runs of reminders, newest first. Right: `finance.dunning.read`.
    async fn dunning_runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<DunningRunConnection> {
        let tx = ctx.tx(Can::DunningRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let all =
            || -> Result<_> { Ok(dunning_run::table.filter(dunning_run::tenant_id.eq(tx.tenant()?)).into_boxed()) };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(all()?.count()).await?) } else { None };
        let mut page = all()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(dunning_run::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(dunning_run::id.desc()).limit(slice.limit()).select(DunningRun::as_select())).await?;
        Ok(DunningRunConnection::new(ctx, &slice, rows, |row: &DunningRun| encode("", row.id.0), total))
    }

    /// One reminder; null if the id is unknown. Right: `finance.dunning.read`.
    async fn dunning_notice(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reminder's id.")] id: DunningNoticeId,
    ) -> async_graphql::Result<Option<DunningNotice>> {
        Ok(ctx.load::<DunningNotice>(id).await?)
    }

    /// The reminders, newest first. Right: `finance.dunning.read`.
    async fn dunning_notices(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this run.")] dunning_run: Option<DunningRunId>,
        #[graphql(desc = "Only reminders that match.")] filter: Option<DunningNoticeFilter>,
    ) -> async_graphql::Result<DunningNoticeConnection> {
        let tx = ctx.tx(Can::DunningRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<DunningNoticeFilter>| -> Result<_> {
            let mut query = dunning_notice::table.filter(dunning_notice::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(run) = dunning_run {
                query = query.filter(dunning_notice::run_id.eq(run));
            }
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
            page = page.filter(dunning_notice::id.lt(*id));
        }
        let page = page.order(dunning_notice::id.desc()).limit(slice.limit());
        let rows = tx.rows(page.select(DunningNotice::as_select())).await?;
        Ok(DunningNoticeConnection::new(ctx, &slice, rows, |row: &DunningNotice| encode("", row.id.0), total))
    }

    /// The items that runs have looked at, the latest run first: those that reminders ask for, and those that are left out,
    /// with the reason. Right: `finance.dunning.read`.
    async fn dunning_items(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only those of this run.")] dunning_run: Option<DunningRunId>,
        #[graphql(desc = "Only those in this state.")] state: Option<DunningItemState>,
        #[graphql(desc = "Only those that are left out for this.")] left_out_for: Option<DunningOmission>,
    ) -> async_graphql::Result<DunningItemConnection> {
        let tx = ctx.tx(Can::DunningRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = || -> Result<_> {
            let mut query = dunning_item::table.filter(dunning_item::tenant_id.eq(tx.tenant()?)).into_boxed();
            if let Some(run) = dunning_run {
                query = query.filter(dunning_item::run_id.eq(run));
            }
            if let Some(state) = state {
                query = query.filter(dunning_item::state.eq(state));
            }
            if let Some(omission) = left_out_for {
                query = query.filter(dunning_item::left_out_for.eq(omission));
            }
            Ok(query)
        };
        let total =
            if ctx.look_ahead().field("totalCount").exists() { Some(tx.row(narrowed()?.count()).await?) } else { None };
        let mut page = narrowed()?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(dunning_item::id.lt(*id));
        }
        let rows =
            tx.rows(page.order(dunning_item::id.desc()).limit(slice.limit()).select(DunningItem::as_select())).await?;
        Ok(DunningItemConnection::new(ctx, &slice, rows, |row: &DunningItem| encode("", row.id.0), total))
    }
}

/// Changes by reminders.
#[derive(Default)]
pub struct DunningMutation;

#[Object]
impl DunningMutation {
    /// Looks at what customers have not paid, proposes reminders by customer and currency, and says of everything else why
    /// nobody is reminded of it. Nothing is sent yet. Right: `finance.dunning.manage`.
    async fn dunning_run_propose(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "For which day and whom.")] input: DunningRunProposeInput,
    ) -> async_graphql::Result<Option<DunningRunPayload>> {
        DunningRunPayload::settle(ctx, propose::run(ctx.tx(Can::DunningManage).await?, input).await)
    }

    /// Drops a reminder that is proposed: a later run proposes its items again. Right: `finance.dunning.manage`.
    async fn dunning_notice_drop(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The reminder, and why.")] input: DunningNoticeDropInput,
    ) -> async_graphql::Result<Option<DunningNoticePayload>> {
        DunningNoticePayload::settle(ctx, send::drop(ctx.tx(Can::DunningManage).await?, input).await)
    }
}
