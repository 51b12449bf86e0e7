//! A chart of accounts from a file.

use backoffice_formats::chart_csv::Control as FileControl;
use backoffice_formats::chart_csv::{self, AccountType, ChartAccount};

use super::problem::{FileErrorCode, FileErrors};
use super::{File, ImportKind, Outcome, known, parse, record};
use crate::finance::ledger::account::{self, AccountKind, Control, NewAccount};
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::scalars::CurrencyCode;

fn kind(account_type: AccountType) -> AccountKind {
    match account_type {
        AccountType::Asset => AccountKind::Asset,
        AccountType::Liability => AccountKind::Liability,
        AccountType::Equity => AccountKind::Equity,
        AccountType::Income => AccountKind::Income,
        AccountType::Expense => AccountKind::Expense,
    }
}

fn control(control: FileControl) -> Control {
    match control {
        FileControl::Receivable => Control::Receivable,
        FileControl::Payable => Control::Payable,
        FileControl::Bank => Control::Bank,
        FileControl::InputTax => Control::InputTax,
        FileControl::OutputTax => Control::OutputTax,
        FileControl::RetainedEarnings => Control::RetainedEarnings,
        FileControl::ExchangeDifference => Control::ExchangeDifference,
        FileControl::UnrealizedExchange => Control::UnrealizedExchange,
        FileControl::DiscountAllowed => Control::DiscountAllowed,
        FileControl::DiscountReceived => Control::DiscountReceived,
        FileControl::DunningFee => Control::DunningFee,
        FileControl::DunningInterest => Control::DunningInterest,
        FileControl::Suspense => Control::Suspense,
        FileControl::FixedAsset => Control::FixedAsset,
        FileControl::AccumulatedDepreciation => Control::AccumulatedDepreciation,
        FileControl::Rounding => Control::Rounding,
    }
}

/// The accounts of a parsed chart, for the ledger; currencies that do not exist go on the list.
pub(crate) fn accounts(chart: Vec<ChartAccount>, errors: &mut FileErrors) -> Vec<NewAccount> {
    chart
        .into_iter()
        .map(|account| {
            if let Some(code) = &account.currency
                && CurrencyCode::checked(code).is_none()
            {
                let message = format!("{code} is not a currency of ISO 4217.");
                errors.push(account.line, Some("currency"), FileErrorCode::Currency, message);
            }
            NewAccount {
                code: account.code,
                name: account.name,
                kind: kind(account.account_type),
                parent: account.parent,
                is_group: account.group,
                control: account.control.map(control),
                currency: account.currency.map(CurrencyCode),
                statement_line: account.statement_line,
            }
        })
        .collect()
}

/// Takes a chart in. Accounts that are there with the same data stay; other data for the same number refuses the file.
pub(super) async fn run(tx: &Tx, file: File) -> Result<Outcome> {
    const KIND: ImportKind = ImportKind::ChartOfAccounts;
    if let Some(lines) = known(tx, KIND, &file.sha256).await? {
        return Ok(Outcome::Done(record(tx, KIND, file.name, file.sha256, 0, lines).await?));
    }
    let chart = match parse(file.bytes, move |bytes| chart_csv::parse(bytes, &file.dialect)).await? {
        Ok(chart) => chart,
        Err(errors) => return Ok(Outcome::Refused(errors)),
    };
    let lines: Vec<u64> = chart.iter().map(|account| account.line).collect();
    let mut errors = FileErrors::default();
    let accounts = accounts(chart, &mut errors);
    if !errors.is_empty() {
        return Ok(Outcome::Refused(errors));
    }
    let imported = account::import(tx, accounts).await?;
    for refused in imported.refused {
        let line = lines.get(refused.index).copied().unwrap_or(1);
        errors.push(line, Some(refused.column), FileErrorCode::Invalid, refused.message);
    }
    if !errors.is_empty() {
        return Ok(Outcome::Refused(errors));
    }
    Ok(Outcome::Done(record(tx, KIND, file.name, file.sha256, imported.created, imported.unchanged).await?))
}
