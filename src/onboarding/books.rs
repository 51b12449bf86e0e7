//! The books of a new client: what the practice asks of finance when it takes a client on.

use backoffice_formats::chart_csv;
use backoffice_formats::table::Dialect;
use chrono::Datelike;

use crate::finance::ledger;
use crate::finance::ledger::account::{AccountKind, Control, NewAccount};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::scalars::CurrencyCode;

/// The general ledger, the first fiscal year and the accounts of a template.
pub(super) async fn found(
    tx: &Tx,
    currency: &CurrencyCode,
    start_month: i16,
    first_year: i32,
    chart: Option<&str>,
) -> Result<()> {
    let accounts = chart.map(template).transpose()?;
    let month = u32::try_from(start_month).map_err(Error::fault)?;
    ledger::found(tx, &currency.0, month, first_year, accounts).await.map(|_| ())
}

/// Refuses a first month of fiscal years that the years of the books do not lead to. Years are never rewritten: books
/// come to another first month by a fiscal year that is shorter or longer than twelve months, as an accountant closes it.
pub(super) async fn check_start_month(tx: &Tx, month: i16) -> Result<()> {
    match ledger::period::next_starts_on(tx).await? {
        Some(next) if (next.month(), next.day()) != (u32::try_from(month).map_err(Error::fault)?, 1) => {
            Err(Error::refuse(
                UserErrorCode::State,
                "fiscalYearStartMonth",
                format!(
                    "The next fiscal year of the books starts on {next}. First add one that ends the day before the new month begins (fiscalYearCreate)."
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// The accounts of a chart that the program ships; a mistake in one is ours.
fn template(chart: &str) -> Result<Vec<NewAccount>> {
    chart_csv::parse(chart.as_bytes(), &Dialect::default())
        .map_err(|problems| Error::fault(problems.to_string()))?
        .into_iter()
        .map(|new| {
            Ok(NewAccount {
                kind: AccountKind::parse(new.account_type.as_str()).ok_or_else(|| Error::fault("an unknown kind"))?,
                control: match new.control {
                    Some(control) => {
                        Some(Control::parse(control.as_str()).ok_or_else(|| Error::fault("an unknown role"))?)
                    }
                    None => None,
                },
                code: new.code,
                name: new.name,
                parent: new.parent,
                is_group: new.group,
                currency: new.currency.map(CurrencyCode),
                statement_line: new.statement_line,
            })
        })
        .collect()
}
