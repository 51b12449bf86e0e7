//! A claim: drafted, submitted, then accepted in whole or in part by somebody else, or rejected.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, InputObject, SimpleObject};
use diesel::prelude::*;

use super::ExpenseType;
use crate::finance::ids::{BillId, DimensionValueId, ExpenseClaimId, ExpenseTypeId, VendorId};
use crate::finance::payables::bill::Bill;
use crate::finance::payables::vendor::Vendor;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::files::{File, FileId};
use crate::platform::scalars::{CurrencyCode, Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::schema::{expense_claim, expense_claim_line};

crate::platform::words! {
    /// Where an expense claim stands.
    ExpenseClaimState {
        /// May still be changed.
        Draft = "draft",
        /// Waits for a decision.
        Submitted = "submitted",
        /// Accepted, in whole or in part: a bill of the claimant.
        Accepted = "accepted",
        /// Rejected.
        Rejected = "rejected",
    }
}

/// What somebody has spent for the client. All amounts are in the books' currency.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = expense_claim)]
#[graphql(complex)]
pub struct ExpenseClaim {
    /// Global id.
    pub id: ExpenseClaimId,
    /// Gapless number.
    pub number: String,
    #[graphql(skip)]
    pub(crate) vendor_id: VendorId,
    /// The claimant's name at the time of the claim.
    #[graphql(name = "claimantName")]
    pub vendor_name: String,
    /// What it was for.
    pub purpose: String,
    /// Whether the amounts of the lines include their taxes; else these come on top.
    pub prices_include_tax: bool,
    #[graphql(skip)]
    pub(crate) currency: CurrencyCode,
    /// Where it stands.
    pub state: ExpenseClaimState,
    #[graphql(skip)]
    pub(crate) claimed: Dec,
    #[graphql(skip)]
    pub(crate) accepted: Option<Dec>,
    /// Who submitted it; null on a draft.
    pub submitted_by_name: Option<String>,
    /// Who decided; null until then.
    pub decided_by_name: Option<String>,
    /// Why it was rejected.
    #[graphql(name = "reason")]
    pub said: Option<String>,
    #[graphql(skip)]
    pub(crate) bill_id: Option<BillId>,
    /// When the draft was made.
    pub created_at: DateTime,
    /// Counts changes; give it as `expectedVersion`.
    pub version: i32,
}

#[ComplexObject]
impl ExpenseClaim {
    /// The claimant, who is a vendor of the client. Right: `finance.vendor.read`.
    async fn claimant(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Vendor>> {
        Ok(ctx.load::<Vendor>(self.vendor_id).await?)
    }

    /// The sum of the lines as they are claimed.
    async fn claimed(&self) -> Money {
        Money::new(self.claimed, &self.currency.0)
    }

    /// The sum of what was accepted of them; null until it is.
    async fn accepted(&self) -> Option<Money> {
        self.accepted.map(|accepted| Money::new(accepted, &self.currency.0))
    }

    /// The bill that it became: with its taxes, what the claimant is owed.
    async fn bill(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Bill>> {
        match self.bill_id {
            Some(id) => Ok(ctx.load::<Bill>(id).await?),
            None => Ok(None),
        }
    }

    /// The lines, in their order.
    async fn lines(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<ExpenseClaimLine>> {
        Ok(ctx.load::<Lines>(self.id).await?.unwrap_or_default())
    }
}

/// A line of a claim.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = expense_claim_line)]
#[graphql(complex)]
pub struct ExpenseClaimLine {
    #[graphql(skip)]
    pub(crate) claim_id: ExpenseClaimId,
    /// Place in the claim, from 1.
    pub line_no: i32,
    #[graphql(skip)]
    pub(crate) type_id: ExpenseTypeId,
    /// The day.
    pub spent_on: Date,
    /// What for.
    pub description: String,
    /// How many days or kilometres; 1 for a receipt.
    pub quantity: Dec,
    /// The amount of one.
    pub unit_amount: Dec,
    /// What is claimed.
    pub claimed: Dec,
    /// The limit of the type on that day: nothing above it is accepted; null: none.
    pub most: Option<Dec>,
    /// What is accepted; before the decision what would be.
    pub accepted: Dec,
    /// Why less is accepted, if somebody said so.
    #[graphql(name = "reason")]
    pub said: Option<String>,
    #[graphql(skip)]
    pub(crate) file_id: Option<FileId>,
    #[graphql(skip)]
    pub(crate) dimensions: serde_json::Value,
}

#[ComplexObject]
impl ExpenseClaimLine {
    /// The type of expense.
    async fn expense_type(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<ExpenseType>> {
        Ok(ctx.load::<ExpenseType>(self.type_id).await?)
    }

    /// The receipt. Right: `core.file.read`.
    async fn file(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<File>> {
        match self.file_id {
            Some(id) => Ok(ctx.load::<File>(id).await?),
            None => Ok(None),
        }
    }
}

impl Fetch for ExpenseClaim {
    type Key = ExpenseClaimId;
    type Value = Self;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<ExpenseClaimId>) -> Result<HashMap<ExpenseClaimId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                expense_claim::table
                    .filter(expense_claim::tenant_id.eq(tx.tenant()?))
                    .filter(expense_claim::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// Fetches the lines of claims.
pub(super) struct Lines;

impl Fetch for Lines {
    type Key = ExpenseClaimId;
    type Value = Vec<ExpenseClaimLine>;
    const CAN: Can = Can::BillRead;

    async fn fetch(tx: &Tx, keys: Vec<ExpenseClaimId>) -> Result<HashMap<ExpenseClaimId, Vec<ExpenseClaimLine>>> {
        let rows: Vec<ExpenseClaimLine> = tx
            .rows(
                expense_claim_line::table
                    .filter(expense_claim_line::tenant_id.eq(tx.tenant()?))
                    .filter(expense_claim_line::claim_id.eq_any(keys))
                    .order((expense_claim_line::claim_id, expense_claim_line::line_no))
                    .select(ExpenseClaimLine::as_select()),
            )
            .await?;
        let mut found: HashMap<ExpenseClaimId, Vec<ExpenseClaimLine>> = HashMap::new();
        for row in rows {
            found.entry(row.claim_id).or_default().push(row);
        }
        Ok(found)
    }
}

/// A line of a new claim.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseClaimLineInput {
    /// The type of expense, which has to be active.
    pub expense_type: ExpenseTypeId,
    /// The day: decides the rate.
    pub spent_on: Date,
    /// What for, 1 to 400 characters.
    pub description: String,
    /// How many days or kilometres, more than 0 with at most 4 decimals; not for receipts.
    pub quantity: Option<Dec>,
    /// The amount of the receipt, with its tax where the claim says so; not for days and kilometres.
    pub amount: Option<Dec>,
    /// The receipt, an uploaded file: needed above what the type says before the claim is submitted.
    pub file: Option<FileId>,
    /// The values of dimensions that it stands on.
    pub dimensions: Option<Vec<DimensionValueId>>,
}

/// A new claim.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseClaimCreateInput {
    /// Who claims: a vendor, who has to be active.
    pub claimant: VendorId,
    /// What it was for, 1 to 500 characters.
    pub purpose: String,
    /// Whether the amounts of the lines include their taxes; they do if not said.
    pub prices_include_tax: Option<bool>,
    /// 1 to 500 lines.
    pub lines: Vec<ExpenseClaimLineInput>,
}

/// Changes of a draft: what is omitted stays.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseClaimUpdateInput {
    /// The draft.
    pub id: ExpenseClaimId,
    /// The version that was read; refused with `CONFLICT` if the claim was changed since.
    pub expected_version: Option<i32>,
    /// Another purpose.
    pub purpose: Option<String>,
    /// Whether the amounts of the lines include their taxes, which stay as numbers.
    pub prices_include_tax: Option<bool>,
    /// Lines that replace all lines there are.
    pub lines: Option<Vec<ExpenseClaimLineInput>>,
}

/// Which claim.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseClaimSubmitInput {
    /// The draft.
    pub id: ExpenseClaimId,
    /// The version that was read; refused with `CONFLICT` if the claim was changed since.
    pub expected_version: Option<i32>,
}

/// What is accepted of a line.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseAcceptedInput {
    /// Place of the line in the claim, from 1.
    pub line: i32,
    /// How much is accepted, at most what is claimed and what the type allows; 0: nothing.
    pub amount: Dec,
    /// Why it is less than is claimed, 1 to 500 characters; needed then.
    pub reason: Option<String>,
}

/// What is accepted of a claim.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseClaimAcceptInput {
    /// The claim, which has to be submitted.
    pub id: ExpenseClaimId,
    /// The version that was read; refused with `CONFLICT` if the claim was changed since.
    pub expected_version: Option<i32>,
    /// Lines of which another amount is accepted than what is claimed up to the limit.
    pub lines: Option<Vec<ExpenseAcceptedInput>>,
    /// The day on which it is due; by the claimant's payment terms if not said.
    pub due_date: Option<Date>,
}

/// A claim that is rejected.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseClaimRejectInput {
    /// The claim, which has to be submitted.
    pub id: ExpenseClaimId,
    /// Why, 1 to 500 characters.
    pub reason: String,
}

/// What an accepted claim is posted with.
#[derive(InputObject, Clone, Debug)]
pub struct ExpenseClaimPostInput {
    /// The claim, which has to be accepted.
    pub id: ExpenseClaimId,
    /// The day in the books; the last day of the claim if not said.
    pub posting_date: Option<Date>,
}

crate::platform::payload! {
    /// What became of an expense claim.
    ExpenseClaimPayload {
        /// The claim as it is now.
        expense_claim: ExpenseClaim
    }
}
