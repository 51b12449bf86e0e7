//! Budgets: what is meant to be earned and spent, by account, value of a dimension and month, in versions; what is promised
//! already, by requests and orders; and what has become of it.

use async_graphql::MergedObject;

pub mod commitment;
pub mod plan;
pub mod report;
pub mod rules;

/// The queries about budgets.
#[derive(MergedObject, Default)]
pub struct BudgetsQuery(plan::BudgetQuery, commitment::CommitmentQuery, report::BudgetReportQuery);

/// The changes of budgets.
#[derive(MergedObject, Default)]
pub struct BudgetsMutation(plan::BudgetMutation, commitment::CommitmentMutation);
