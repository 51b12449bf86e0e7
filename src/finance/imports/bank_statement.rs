//! Bank statements from files: CAMT.053, MT940, OFX, QIF, or a bank's CSV by a mapping.
//!
//! Movements are told apart by their fingerprints, so files may overlap. Statements that join or overlap form one chain:
//! the chain's first opening balance and all its movements have to give its last closing balance. That finds a missing
//! statement as well as movements that come a second time in another form. A gap of days between statements is no fault
//! yet, because files may come in any order; the chain is checked over the gap when it is filled.

use std::collections::{HashMap, HashSet};

use backoffice_formats::{AccountId as FileAccount, BankStatement};
use backoffice_money::{Decimal, check_scale};
use sha2::{Digest, Sha256};

use super::problem::{FileErrorCode, FileErrors};
use super::{File, ImportKind, Outcome, hex, record};
use crate::finance::bank::account::{self, BankAccount};
use crate::finance::ids::BankAccountId;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::currency;

mod chain;
mod read;
mod write;

use chain::Span;
pub(super) use read::Said;

/// A statement of a file and the account that it belongs to.
struct Found {
    account: BankAccountId,
    statement: BankStatement,
    span: Span,
    fingerprints: Vec<String>,
}

/// Takes a bank's file in.
pub(super) async fn run(tx: &Tx, input: Said, open: impl FnOnce() -> Result<File> + Send) -> Result<Outcome> {
    let accounts = account::all(tx).await?;
    let chosen = match input.bank_account {
        Some(id) => {
            let chosen = accounts.iter().find(|account| account.id == id);
            Some(chosen.ok_or_else(|| Error::not_found("bankAccount", "bank account"))?)
        }
        None => None,
    };
    let (name, sha256, parsed) = read::read(input, chosen, open).await?;
    let statements = match parsed {
        Ok(statements) => statements,
        Err(errors) => return Ok(Outcome::Refused(errors)),
    };
    let (found, errors) = assign(statements, &accounts, chosen)?;
    if !errors.is_empty() {
        return Ok(Outcome::Refused(errors));
    }
    check_ties(&found)?;
    take_in(tx, found, name, sha256).await
}

/// Finds the account of each statement; what does not fit goes on the list.
fn assign(
    statements: Vec<BankStatement>,
    accounts: &[BankAccount],
    chosen: Option<&BankAccount>,
) -> Result<(Vec<Found>, FileErrors)> {
    let mut errors = FileErrors::default();
    let mut found = Vec::with_capacity(statements.len());
    for mut statement in statements {
        let line = statement.lines.first().map_or(1, |line| line.line);
        let shown = statement.account.iban.as_ref().or(statement.account.other.as_ref()).cloned().unwrap_or_default();
        let Some(account) = accounts.iter().find(|account| is_of(&statement.account, account)) else {
            let message = format!("The statement is of account {shown}; there is no bank account with that number.");
            errors.push(1, Some("Stmt/Acct/Id"), FileErrorCode::NotFound, message);
            continue;
        };
        if let Some(chosen) = chosen.filter(|chosen| chosen.id != account.id) {
            let message = format!("The statement is of account {shown}, not of {}.", chosen.name);
            errors.push(1, Some("Stmt/Acct/Id"), FileErrorCode::Invalid, message);
        }
        if statement.currency != account.currency.0 {
            let message = format!("The statement is in {}, the account in {}.", statement.currency, account.currency.0);
            errors.push(line, None, FileErrorCode::Currency, message);
            continue;
        }
        let exponent = currency(&statement.currency)?.exponent();
        for line in &statement.lines {
            if let Err(error) = check_scale(line.amount, exponent) {
                errors.push(line.line, None, FileErrorCode::TooManyDecimals, error.to_string());
            }
        }
        for balance in [statement.opening, statement.closing] {
            if let Err(error) = check_scale(balance, exponent) {
                errors.push(1, None, FileErrorCode::TooManyDecimals, error.to_string());
            }
        }
        let Some(span) = Span::of(&statement) else {
            errors.push(line, None, FileErrorCode::Required, "The statement says neither days nor movements.");
            continue;
        };
        // a movement of nothing moves nothing
        statement.lines.retain(|line| !line.amount.is_zero());
        let fingerprints =
            statement.lines.iter().map(|line| hex(&Sha256::digest(line.fingerprint().as_bytes()))).collect();
        found.push(Found { account: account.id, statement, span, fingerprints });
    }
    Ok((found, errors))
}

fn is_of(stated: &FileAccount, account: &BankAccount) -> bool {
    let iban = account.iban.as_ref().map(|iban| &iban.0);
    match (&stated.iban, &stated.other) {
        (Some(stated), _) if iban.is_some() => iban == Some(stated),
        (stated, other) => {
            let number = account.number.as_ref();
            number.is_some() && (number == other.as_ref() || number == stated.as_ref())
        }
    }
}

fn check_ties(found: &[Found]) -> Result<()> {
    for Found { statement, .. } in found {
        if let Err(difference) = statement.tie() {
            let name = statement.statement_id.as_ref().map(|id| format!("Statement {id}: ")).unwrap_or_default();
            let message = format!("{name}{difference}. Nothing was taken in.");
            return Err(Error::refuse(UserErrorCode::Unbalanced, "file", message));
        }
    }
    Ok(())
}

async fn take_in(tx: &Tx, found: Vec<Found>, name: String, sha256: String) -> Result<Outcome> {
    let mut ids: Vec<BankAccountId> = found.iter().map(|found| found.account).collect();
    ids.sort_unstable();
    ids.dedup();
    // one import of an account at a time, in the order of ids
    for id in &ids {
        account::lock(tx, *id).await?;
    }
    let known = write::known_lines(tx, &found).await?;
    let mut spans = write::known_statements(tx, &ids).await?;
    let total: usize = found.iter().map(|found| found.statement.lines.len()).sum();
    let is_new = |account: BankAccountId, fingerprint: &String| !known.contains(&(account, fingerprint.clone()));
    let created = found
        .iter()
        .flat_map(|found| found.fingerprints.iter().map(|fingerprint| (found.account, fingerprint)))
        .filter(|(account, fingerprint)| is_new(*account, fingerprint))
        .count();
    let unchanged = total.saturating_sub(created);
    let import = record(tx, ImportKind::BankStatement, name, sha256, created, unchanged).await?;
    let mut fresh: Vec<&Found> = Vec::new();
    for found in &found {
        let there = spans.get(&found.account).is_some_and(|spans| spans.contains(&found.span));
        if !there || found.fingerprints.iter().any(|fingerprint| is_new(found.account, fingerprint)) {
            fresh.push(found);
        }
    }
    write::insert(tx, &fresh, &known, import.id).await?;
    for found in &fresh {
        spans.entry(found.account).or_default().push(found.span.clone());
    }
    check_chains(tx, &fresh, &spans).await?;
    Ok(Outcome::Done(import))
}

/// Checks the chains that the new statements belong to.
async fn check_chains(tx: &Tx, fresh: &[&Found], spans: &HashMap<BankAccountId, Vec<Span>>) -> Result<()> {
    let mut checked = HashSet::new();
    for found in fresh {
        let Some(spans) = spans.get(&found.account) else { continue };
        let Some(chain) = chain::around(spans, &found.span) else { continue };
        if !checked.insert((found.account, chain.opens_on)) {
            continue;
        }
        let moved: Decimal = write::moved(tx, found.account, chain.opens_on, chain.closes_on).await?;
        chain.check(moved)?;
    }
    Ok(())
}
