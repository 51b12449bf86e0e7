//! What documents, bank and imports ask of the chart of accounts: may this be posted there?

use backoffice_money::Currency;

use crate::finance::document::Kind;
use crate::finance::ledger::account::{Account, AccountKind, Control, by_control};
use crate::finance::ledger::tax_code::{RateOn, TaxDirection};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};

/// Refuses an account that takes no posting in that currency.
pub fn check_posting(account: &Account, field: &str, currency: Currency) -> Result<()> {
    let code = &account.code;
    let refuse = |reason: String| Err(Error::refuse(UserErrorCode::Invalid, field, reason));
    if account.is_group {
        return refuse(format!("Account {code} is a group; post to one of the accounts below it."));
    }
    if !account.active {
        return refuse(format!("Account {code} is not in use any more."));
    }
    match &account.currency {
        Some(only) if only.0 != currency.code() => refuse(format!("Account {code} is kept in {} only.", only.0)),
        _ => Ok(()),
    }
}

/// Refuses control accounts of those roles and of assets: what stands on them has a record of its own beside the ledger.
pub fn check_no_control(account: &Account, field: &str, refused: &[Control]) -> Result<()> {
    match account.control {
        Some(control) if refused.contains(&control) || control.is_of_assets() => {
            let message = format!(
                "Account {} is a control account ({}) and takes no such posting by hand.",
                account.code,
                control.text().replace('_', " ")
            );
            Err(Error::refuse(UserErrorCode::Invalid, field, message))
        }
        _ => Ok(()),
    }
}

/// The account that collects what is owed in a currency: one kept in that currency before one that takes any, of several
/// the first by number.
pub async fn control(tx: &Tx, role: Control, currency: Currency) -> Result<Account> {
    let mut fitting = by_control(tx, role).await?;
    fitting.retain(|account| account.currency.as_ref().is_none_or(|only| only.0 == currency.code()));
    fitting.sort_by_key(|account| account.currency.is_none());
    fitting.into_iter().next().ok_or_else(|| {
        let role = role.text();
        let message =
            format!("The chart of accounts has no active account with the control role `{role}` for {currency}.");
        Error::refuse(UserErrorCode::State, "", message)
    })
}

/// The account that takes a gain or a loss by exchange rates: of several one of income for a gain and one of expense for a
/// loss. What is not realised goes where realised differences go if no account is there for it alone.
pub async fn exchange(tx: &Tx, role: Control, gain: bool) -> Result<Account> {
    let mut fitting = by_control(tx, role).await?;
    if fitting.is_empty() && role == Control::UnrealizedExchange {
        fitting = by_control(tx, Control::ExchangeDifference).await?;
    }
    fitting.retain(|account| account.currency.is_none());
    fitting.sort_by_key(|account| (account.kind == AccountKind::Income) != gain);
    fitting.into_iter().next().ok_or_else(|| {
        let role = role.text();
        let message = format!("The chart of accounts has no active account with the control role `{role}`.");
        Error::refuse(UserErrorCode::State, "", message)
    })
}

/// Refuses input taxes on invoices and output taxes on bills.
pub fn check_direction(code: &RateOn, field: &str, kind: Kind) -> Result<()> {
    let (wanted, document) = match kind {
        Kind::Invoice => (TaxDirection::Output, "an invoice"),
        Kind::Bill => (TaxDirection::Input, "a bill"),
    };
    if code.direction == wanted {
        return Ok(());
    }
    let message =
        format!("Tax code {} is for {} tax; {document} needs {} tax.", code.code, code.direction.text(), wanted.text());
    Err(Error::refuse(UserErrorCode::Invalid, field, message))
}
