//! The balances that the books start with, from a file: one entry, and an open item for each line of a party.

use std::collections::HashMap;

use backoffice_formats::opening_csv::OpeningLine as FileLine;
use backoffice_formats::opening_csv::{self, OpeningBalances};
use backoffice_money::{check_scale, sub};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Text, Uuid as SqlUuid};
use futures_util::future::try_join;
use uuid::Uuid;

use super::problem::{FileErrorCode, FileErrors};
use super::{File, ImportKind, Outcome, parse, record};
use crate::finance::ids::{CustomerId, JournalEntryId, VendorId};
use crate::finance::ledger::account::Control;
use crate::finance::ledger::opening::{OpeningItem, OpeningLine, post_opening};
use crate::finance::open_item::{self, NewItem, Party, Source};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::input::currency;
use crate::platform::sql::sql;

/// The longest number of a document that an open item keeps.
const LONGEST_DOCUMENT: usize = 60;

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Text)]
    name: String,
}

/// Takes opening balances in, dated as given. The same content again is nothing new; other balances are refused until
/// the first are reversed.
pub(super) async fn run(tx: &Tx, file: File, date: NaiveDate) -> Result<Outcome> {
    let parsed = parse(file.bytes, move |bytes| opening_csv::parse(bytes, &file.dialect)).await?;
    let balances = match parsed {
        Ok(balances) => balances,
        Err(errors) => return Ok(Outcome::Refused(errors)),
    };
    let mut errors = check(tx, &balances)?;
    if !errors.is_empty() {
        return Ok(Outcome::Refused(errors));
    }
    let lines = balances.lines.iter().map(stated).collect::<Result<Vec<_>>>()?;
    let opened = match post_opening(tx, date, lines).await {
        Ok(opened) => opened,
        Err(Error::Refused(reasons)) => return by_line(reasons, &balances, errors),
        Err(error) => return Err(error),
    };
    let count = balances.lines.len();
    let (created, unchanged) = if opened.unchanged { (0, count) } else { (count, 0) };
    if !opened.items.is_empty() {
        let items = items(tx, &balances, opened.items, date, &mut errors, opened.posted.id).await?;
        if !errors.is_empty() {
            return Ok(Outcome::Refused(errors));
        }
        open_item::open(tx, &items).await?;
    }
    let kind = ImportKind::OpeningBalances;
    Ok(Outcome::Done(record(tx, kind, file.name, file.sha256, created, unchanged).await?))
}

fn check(tx: &Tx, balances: &OpeningBalances) -> Result<FileErrors> {
    let book = currency(tx.book_currency())?;
    let mut errors = FileErrors::default();
    for line in &balances.lines {
        if let Some(code) = line.currency.as_ref().filter(|code| code.as_str() != book.code()) {
            let message = format!("The balance is in {code}; the books are kept in {book}.");
            errors.push(line.line, Some("currency"), FileErrorCode::Currency, message);
        }
        for (column, amount) in [("debit", line.debit), ("credit", line.credit)] {
            if let Err(error) = check_scale(amount, book.exponent()) {
                errors.push(line.line, Some(column), FileErrorCode::TooManyDecimals, error.to_string());
            }
        }
        if line.document.as_ref().is_some_and(|document| document.chars().count() > LONGEST_DOCUMENT) {
            let message = format!("This has more than {LONGEST_DOCUMENT} characters.");
            errors.push(line.line, Some("document"), FileErrorCode::FieldTooLong, message);
        }
        if line.description.as_ref().is_some_and(|text| text.chars().count() > 300) {
            let message = "This has more than 300 characters.";
            errors.push(line.line, Some("description"), FileErrorCode::FieldTooLong, message);
        }
    }
    Ok(errors)
}

fn stated(line: &FileLine) -> Result<OpeningLine> {
    Ok(OpeningLine {
        account: line.account.clone(),
        amount: sub(line.debit, line.credit)?,
        description: line.description.clone(),
        party: line.party.clone(),
        document: line.document.clone(),
        due_date: line.due_date,
    })
}

/// Refusals of the ledger that name a line of the list are problems of that line of the file.
fn by_line(reasons: Vec<UserError>, balances: &OpeningBalances, mut errors: FileErrors) -> Result<Outcome> {
    let mut others = Vec::new();
    for reason in reasons {
        let line = match reason.field.as_slice() {
            [_, lines, index, rest @ ..] if lines == "lines" => {
                index.parse::<usize>().ok().and_then(|index| balances.lines.get(index)).map(|line| (line, rest.first()))
            }
            _ => None,
        };
        let Some((line, column)) = line else {
            others.push(reason);
            continue;
        };
        let code = match reason.code {
            UserErrorCode::NotFound => FileErrorCode::NotFound,
            UserErrorCode::Required => FileErrorCode::Required,
            _ => FileErrorCode::Invalid,
        };
        errors.push(line.line, column.map(String::as_str), code, reason.message);
    }
    if others.is_empty() { Ok(Outcome::Refused(errors)) } else { Err(Error::Refused(others)) }
}

/// The open items behind the control accounts; parties that do not exist go on the list.
async fn items(
    tx: &Tx,
    balances: &OpeningBalances,
    opened: Vec<OpeningItem>,
    date: NaiveDate,
    errors: &mut FileErrors,
    entry: JournalEntryId,
) -> Result<Vec<NewItem>> {
    let numbers = |side: Control| {
        opened.iter().filter(|item| item.side == side).map(|item| item.party.clone()).collect::<Vec<String>>()
    };
    let (customers, vendors) =
        try_join(customers(tx, numbers(Control::Receivable)), vendors(tx, numbers(Control::Payable))).await?;
    let currency = tx.book_currency().to_owned();
    let mut items = Vec::with_capacity(opened.len());
    for item in opened {
        let party = if item.side == Control::Payable {
            vendors.get(&item.party).map(|(id, name)| (Party::Vendor(*id), name))
        } else {
            customers.get(&item.party).map(|(id, name)| (Party::Customer(*id), name))
        };
        let Some((party, name)) = party else {
            let line = balances.lines.get(item.index).map_or(1, |line| line.line);
            let what = if item.side == Control::Payable { "vendor" } else { "customer" };
            let message = format!("There is no {what} with the number {}.", item.party);
            errors.push(line, Some("party"), FileErrorCode::NotFound, message);
            continue;
        };
        items.push(NewItem {
            party,
            source: Source::Opening,
            // a balance without a document is called by its party
            document: item.document.unwrap_or_else(|| item.party.clone()),
            party_name: name.clone(),
            entry,
            account: item.account,
            item_date: date,
            due_date: item.due_date,
            currency: currency.clone(),
            amount: item.amount,
            amount_book: item.amount,
        });
    }
    Ok(items)
}

async fn customers(tx: &Tx, numbers: Vec<String>) -> Result<HashMap<String, (CustomerId, String)>> {
    let rows: Vec<Named> = tx
        .rows(
            sql("SELECT p.id, p.number, p.name FROM finance.customer p WHERE p.tenant_id = $1 AND p.number = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Text>, _>(numbers),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.number, (CustomerId(row.id), row.name))).collect())
}

async fn vendors(tx: &Tx, numbers: Vec<String>) -> Result<HashMap<String, (VendorId, String)>> {
    let rows: Vec<Named> = tx
        .rows(
            sql("SELECT p.id, p.number, p.name FROM finance.vendor p WHERE p.tenant_id = $1 AND p.number = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Text>, _>(numbers),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.number, (VendorId(row.id), row.name))).collect())
}
