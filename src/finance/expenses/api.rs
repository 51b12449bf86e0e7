//! The fields about expenses.

use async_graphql::{Context, Object};
use diesel::prelude::*;

use super::claim::{
    ExpenseClaim, ExpenseClaimAcceptInput, ExpenseClaimCreateInput, ExpenseClaimPayload, ExpenseClaimPostInput,
    ExpenseClaimRejectInput, ExpenseClaimState, ExpenseClaimSubmitInput, ExpenseClaimUpdateInput,
};
use super::{
    ExpenseRateAddInput, ExpenseType, ExpenseTypeCreateInput, ExpenseTypePayload, add_rate, command, create, posting,
};
use crate::finance::ids::{ExpenseClaimId, ExpenseTypeId};
use crate::finance::open_item::VendorIdFilter;
use crate::platform::can::Can;
use crate::platform::error::Result;
use crate::platform::filter::{FlagFilter, TextFilter};
use crate::platform::paging::{Slice, encode};
use crate::platform::scope::Ask;
use crate::schema::{expense_claim, expense_type};

crate::platform::connection!(
    /// A page of types of expense.
    ExpenseTypeConnection, ExpenseTypeEdge, ExpenseType
);

crate::platform::connection!(
    /// A page of expense claims.
    ExpenseClaimConnection, ExpenseClaimEdge, ExpenseClaim
);

crate::platform::equality_filter!(
    /// Conditions on where a claim stands.
    ExpenseClaimStateFilter, ExpenseClaimState
);

crate::platform::filter! {
    /// Narrows a list of types of expense.
    ExpenseTypeFilter over expense_type {
        /// By short name.
        code: TextFilter => text(expense_type::code),
        /// Active or not.
        active: FlagFilter => flag(expense_type::active),
    }
}

crate::platform::filter! {
    /// Narrows a list of expense claims.
    ExpenseClaimFilter over expense_claim {
        /// By claimant.
        claimant: VendorIdFilter => equality(expense_claim::vendor_id),
        /// By where it stands.
        state: ExpenseClaimStateFilter => equality(expense_claim::state),
        /// By number.
        number: TextFilter => text(expense_claim::number),
    }
}

/// Queries about expenses.
#[derive(Default)]
pub struct ExpenseQuery;

#[Object]
impl ExpenseQuery {
    /// One type of expense; null if the id is unknown. Right: `finance.bill.read`.
    async fn expense_type(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type's id.")] id: ExpenseTypeId,
    ) -> async_graphql::Result<Option<ExpenseType>> {
        Ok(ctx.load::<ExpenseType>(id).await?)
    }

    /// The client's types of expense, by short name. Right: `finance.bill.read`.
    async fn expense_types(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only types that match.")] filter: Option<ExpenseTypeFilter>,
    ) -> async_graphql::Result<ExpenseTypeConnection> {
        let tx = ctx.tx(Can::BillRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<ExpenseTypeFilter>| -> Result<_> {
            let mut query = expense_type::table.filter(expense_type::tenant_id.eq(tx.tenant()?)).into_boxed();
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
        if let Some((code, _)) = &slice.after {
            page = page.filter(expense_type::code.gt(code.clone()));
        }
        let page = page.order(expense_type::code.asc()).limit(slice.limit()).select(ExpenseType::as_select());
        let rows = tx.rows(page).await?;
        Ok(ExpenseTypeConnection::new(ctx, &slice, rows, |row| encode(&row.code, row.id.0), total))
    }

    /// One expense claim; null if the id is unknown. Right: `finance.bill.read`.
    async fn expense_claim(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The claim's id.")] id: ExpenseClaimId,
    ) -> async_graphql::Result<Option<ExpenseClaim>> {
        Ok(ctx.load::<ExpenseClaim>(id).await?)
    }

    /// The expense claims, newest first. Right: `finance.bill.read`.
    async fn expense_claims(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only claims that match.")] filter: Option<ExpenseClaimFilter>,
    ) -> async_graphql::Result<ExpenseClaimConnection> {
        let tx = ctx.tx(Can::BillRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<ExpenseClaimFilter>| -> Result<_> {
            let mut query = expense_claim::table.filter(expense_claim::tenant_id.eq(tx.tenant()?)).into_boxed();
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
            page = page.filter(expense_claim::id.lt(*id));
        }
        let page = page.order(expense_claim::id.desc()).limit(slice.limit()).select(ExpenseClaim::as_select());
        let rows = tx.rows(page).await?;
        Ok(ExpenseClaimConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of expenses.
#[derive(Default)]
pub struct ExpenseMutation;

#[Object]
impl ExpenseMutation {
    /// Creates a type of expense with what holds for it. Right: `finance.tax_code.manage`.
    async fn expense_type_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new type.")] input: ExpenseTypeCreateInput,
    ) -> async_graphql::Result<Option<ExpenseTypePayload>> {
        let tx = ctx.tx(Can::TaxCodeManage).await?;
        ExpenseTypePayload::settle(ctx, create(tx, input).await)
    }

    /// Says what holds for a type of expense from another day on. Right: `finance.tax_code.manage`.
    async fn expense_rate_add(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The type and what holds.")] input: ExpenseRateAddInput,
    ) -> async_graphql::Result<Option<ExpenseTypePayload>> {
        let tx = ctx.tx(Can::TaxCodeManage).await?;
        ExpenseTypePayload::settle(ctx, add_rate(tx, input).await)
    }

    /// Drafts an expense claim. Right: `finance.bill.draft`.
    async fn expense_claim_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The new draft.")] input: ExpenseClaimCreateInput,
    ) -> async_graphql::Result<Option<ExpenseClaimPayload>> {
        let tx = ctx.tx(Can::BillDraft).await?;
        ExpenseClaimPayload::settle(ctx, command::create(tx, input).await)
    }

    /// Changes a draft; lines, when given, replace all lines. Right: `finance.bill.draft`.
    async fn expense_claim_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What changes.")] input: ExpenseClaimUpdateInput,
    ) -> async_graphql::Result<Option<ExpenseClaimPayload>> {
        let tx = ctx.tx(Can::BillDraft).await?;
        ExpenseClaimPayload::settle(ctx, command::update(tx, input).await)
    }

    /// Submits a draft for a decision. Right: `finance.bill.draft`.
    async fn expense_claim_submit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The draft.")] input: ExpenseClaimSubmitInput,
    ) -> async_graphql::Result<Option<ExpenseClaimPayload>> {
        let tx = ctx.tx(Can::BillDraft).await?;
        ExpenseClaimPayload::settle(ctx, command::submit(tx, input).await)
    }

    /// Accepts a claim, in whole or in part, that somebody else has submitted: what is accepted becomes the draft of a bill of
    /// the claimant, which needs the approvals that bills need. Right: `finance.bill.post`.
    async fn expense_claim_accept(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The claim and what of it is accepted.")] input: ExpenseClaimAcceptInput,
    ) -> async_graphql::Result<Option<ExpenseClaimPayload>> {
        let tx = ctx.tx(Can::BillPost).await?;
        ExpenseClaimPayload::settle(ctx, command::accept(tx, input).await)
    }

    /// Rejects a claim. Right: `finance.bill.post`.
    async fn expense_claim_reject(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The claim and why.")] input: ExpenseClaimRejectInput,
    ) -> async_graphql::Result<Option<ExpenseClaimPayload>> {
        let tx = ctx.tx(Can::BillPost).await?;
        ExpenseClaimPayload::settle(ctx, command::reject(tx, input).await)
    }

    /// Posts the bill of an accepted claim and settles it with the advances that the claimant has not used, the oldest first.
    /// Rights: `finance.bill.post` and `finance.payment.record`.
    async fn expense_claim_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The claim and its day in the books.")] input: ExpenseClaimPostInput,
    ) -> async_graphql::Result<Option<ExpenseClaimPayload>> {
        ctx.tx(Can::BillPost).await?;
        let tx = ctx.tx(Can::PaymentRecord).await?;
        ExpenseClaimPayload::settle(ctx, posting::post(tx, input).await)
    }
}
