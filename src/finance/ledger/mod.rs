//! The ground floor of the books: entries that balance, posted once, never changed.
//!
//! Receivables, payables and bank only ever call [`journal::post`] and [`journal::reverse`]; sub-ledgers and control
//! accounts are equal after every transaction. Balances are kept at posting, so that statements add days and months
//! and never scan the journal.

use async_graphql::MergedObject;
use diesel::prelude::*;

use crate::finance::ids::LedgerId;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::schema::ledger;

pub mod account;
pub mod closing;
pub mod dimension;
pub mod exchange_rate;
pub mod journal;
pub mod lock;
pub mod opening;
pub mod period;
pub mod report;
pub mod revaluation;
pub mod tax_code;

/// The queries of the ledger.
#[derive(MergedObject, Default)]
pub struct LedgerQuery(
    account::AccountQuery,
    tax_code::TaxCodeQuery,
    dimension::DimensionsQuery,
    exchange_rate::ExchangeRateQuery,
    revaluation::RevaluationQuery,
    journal::JournalQuery,
    period::PeriodQuery,
    lock::LockQuery,
    report::ReportQuery,
    journal::proposal::JournalProposalQuery,
    journal::recurring::RecurringEntryQuery,
);

/// The mutations of the ledger.
#[derive(MergedObject, Default)]
pub struct LedgerMutation(
    account::AccountMutation,
    tax_code::TaxCodeMutation,
    dimension::DimensionsMutation,
    exchange_rate::ExchangeRateMutation,
    revaluation::RevaluationMutation,
    journal::JournalMutation,
    period::PeriodMutation,
    closing::ClosingMutation,
    lock::LockMutation,
    report::cash_flow::place::CashFlowMutation,
    journal::proposal::JournalProposalMutation,
    journal::recurring::RecurringEntryMutation,
);

/// Founds the books of a new client: the general ledger in its currency, the first fiscal year from the first day of
/// that month in that year, and the chart of a template if one is given.
pub async fn found(
    tx: &Tx,
    currency: &str,
    fiscal_year_start_month: u32,
    first_year: i32,
    template: Option<Vec<account::NewAccount>>,
) -> Result<LedgerId> {
    let id = LedgerId::new();
    tx.exec(diesel::insert_into(ledger::table).values((
        ledger::tenant_id.eq(tx.tenant()?),
        ledger::id.eq(id),
        ledger::code.eq("GENERAL"),
        ledger::name.eq("General ledger"),
        ledger::currency.eq(currency),
    )))
    .await?;
    let starts_on = chrono::NaiveDate::from_ymd_opt(first_year, fiscal_year_start_month, 1)
        .ok_or_else(|| Error::refuse(UserErrorCode::Invalid, "fiscalYearStartMonth", "A month is between 1 and 12."))?;
    period::insert(tx, period::twelve_months(starts_on)?).await?;
    if let Some(accounts) = template {
        let imported = account::import(tx, accounts).await?;
        if let Some(refused) = imported.refused.first() {
            return Err(Error::fault(format!("account {} of the template: {}", refused.index, refused.message)));
        }
    }
    Ok(id)
}

/// Refuses a text that is blank or too long, before the database would with fewer words.
pub(super) fn check_text(field: &str, text: &str, max: usize) -> Result<()> {
    if text.trim().is_empty() {
        return Err(Error::refuse(UserErrorCode::Required, field, "This needs a text."));
    }
    if text.chars().count() > max {
        return Err(Error::refuse(UserErrorCode::Invalid, field, format!("This text has at most {max} characters.")));
    }
    Ok(())
}
