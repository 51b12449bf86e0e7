//! What the bank says, and what it settles.
//!
//! Statements come in whole or not at all; a line of one clears once, against open items and accounts that sum to its
//! amount exactly. Nothing is matched without somebody saying so.

use std::collections::HashMap;

pub mod account;
pub mod coming;
pub mod forecast;
pub mod line;
pub mod matching;
pub mod position;
pub mod reconciliation;
pub mod statement;
pub mod suggestion;

/// Queries about the bank.
#[derive(async_graphql::MergedObject, Default)]
pub struct BankQuery(
    account::BankAccountQuery,
    statement::BankStatementQuery,
    line::BankLineQuery,
    reconciliation::BankReconciliationQuery,
    position::CashPositionQuery,
    forecast::CashForecastQuery,
);

/// Changes at the bank's side of the books.
#[derive(async_graphql::MergedObject, Default)]
pub struct BankMutation(account::BankAccountMutation, matching::BankMatchMutation);

/// Rows by key, each key's rows in their order.
fn grouped<K: std::hash::Hash + Eq, V>(rows: impl IntoIterator<Item = (K, V)>) -> HashMap<K, Vec<V>> {
    let mut groups: HashMap<K, Vec<V>> = HashMap::new();
    for (key, value) in rows {
        groups.entry(key).or_default().push(value);
    }
    groups
}
