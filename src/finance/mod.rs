//! The books: ledger, receivables, payables, bank, tax and statements.
//!
//! Everything that has a value ends in [`ledger::post`], which takes entries that balance and nothing else.


pub mod ids;
pub mod ledger;
pub mod receivables;

/// The department's queries.
#[derive(async_graphql::MergedObject, Default)]
pub struct FinanceQuery(
    ledger::LedgerQuery,
    receivables::customer::CustomerQuery,
);

/// The department's mutations.
#[derive(async_graphql::MergedObject, Default)]
pub struct FinanceMutation(
    ledger::LedgerMutation,
    receivables::customer::CustomerMutation,
);
