//! The close of a month: a checklist in the work queue, tie-outs that the books compute themselves, and a sign-off by
//! somebody else than who prepared it, which locks the month.

use async_graphql::MergedObject;

pub mod command;
pub mod period_close;
pub mod portfolio;
pub mod tie_out;

/// The queries about closes.
#[derive(MergedObject, Default)]
pub struct CloseQuery(period_close::PeriodCloseQuery, portfolio::CloseStatusQuery);

/// The changes of closes.
#[derive(MergedObject, Default)]
pub struct CloseMutation(command::PeriodCloseMutation);
