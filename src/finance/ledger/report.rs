//! The statements: trial balance, general ledger, income statement, balance sheet and cash flows, at any date and as known
//! at any moment.
//!
//! A figure is the sum of kept balances (whole months, then the days of broken ones) less the lines recorded after the
//! moment asked about. Each row leads to the lines that it sums, each line to its entry and document.

use async_graphql::MergedObject;

pub mod cash_flow;
pub mod comparison;
pub mod figures;
pub mod general_ledger;
pub mod lines;
pub mod row;
pub mod statements;
pub mod tree;

/// The statements' queries.
#[derive(MergedObject, Default)]
pub struct ReportQuery(
    statements::StatementQuery,
    comparison::ComparisonQuery,
    general_ledger::GeneralLedgerQuery,
    cash_flow::CashFlowQuery,
);
