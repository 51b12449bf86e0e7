//! The balances that the books start with: one entry, posted once. The same content again is nothing new; another one
//! is refused until the first is reversed.

use std::collections::HashSet;

use backoffice_money::{Balanced, Currency, Decimal, neg};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Numeric, Text, Uuid as SqlUuid};

use super::account::{self, Account, Control};
use super::dimension::Labels;
use super::journal::{self, EntrySource, NewEntry, NewLine, Posted};
use crate::finance::ids::{AccountId, AllocationId, JournalEntryId, LedgerId, OpenItemId};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode, path};
use crate::platform::sql::sql;

/// What opening balances are called in the journal.
const DESCRIPTION: &str = "Opening balances";
/// The most lines that the database takes in one entry.
const MAX_LINES: usize = 10_000;

/// One balance, or one open item of it, in the books' currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningLine {
    /// Number of the account.
    pub account: String,
    /// Debit positive, credit negative.
    pub amount: Decimal,
    /// What it is.
    pub description: Option<String>,
    /// Number of the customer or vendor; needed on receivables and payables, nowhere else.
    pub party: Option<String>,
    /// Number of the invoice or bill.
    pub document: Option<String>,
    /// When it is due.
    pub due_date: Option<NaiveDate>,
}

/// An open item that the caller has to create, so that the sub-ledger equals its control account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningItem {
    /// Place of its line in the list, from 0.
    pub index: usize,
    /// [`Control::Receivable`] or [`Control::Payable`].
    pub side: Control,
    /// The control account.
    pub account: AccountId,
    /// Number of the customer or vendor.
    pub party: String,
    /// Number of the invoice or bill.
    pub document: Option<String>,
    /// When it is due; the date of the opening if the line did not say.
    pub due_date: NaiveDate,
    /// As open items count: positive if it is owed to the client (receivable) or by the client (payable).
    pub amount: Decimal,
}

/// What became of the opening balances.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The entry: the new one, or the one that was there with the same content.
    pub posted: Posted,
    /// Whether it was there already; then there is nothing to do.
    pub unchanged: bool,
    /// The open items that the caller creates; none if unchanged.
    pub items: Vec<OpeningItem>,
}

#[derive(QueryableByName)]
struct Present {
    #[diesel(sql_type = SqlUuid)]
    id: JournalEntryId,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = SqlUuid)]
    ledger_id: LedgerId,
    #[diesel(sql_type = SqlDate)]
    entry_date: NaiveDate,
}

/// Posts the opening balances. Refusals name `lines.<index>.<column>`.
pub async fn post_opening(tx: &Tx, date: NaiveDate, lines: Vec<OpeningLine>) -> Result<Opened> {
    if lines.len() > MAX_LINES {
        return Err(Error::refuse(
            UserErrorCode::Invalid,
            "lines",
            format!("An opening has at most {MAX_LINES} lines."),
        ));
    }
    // Two openings at once: the second waits here and then finds the first.
    tx.exec(
        sql("SELECT pg_advisory_xact_lock(hashtextextended('opening balances ' || $1::uuid::text, 0))")
            .bind::<SqlUuid, _>(tx.tenant()?),
    )
    .await?;
    let (new, items) = check(tx, date, &lines).await?;
    if let Some(present) = present(tx).await? {
        return if present.entry_date == date && same(tx, present.id, &new).await? {
            let posted = Posted { id: present.id, number: present.number, ledger_id: present.ledger_id };
            Ok(Opened { posted, unchanged: true, items: Vec::new() })
        } else {
            Err(Error::refuse(
                UserErrorCode::State,
                "",
                format!("The books are opened already by entry {}; reverse it first.", present.number),
            ))
        };
    }
    let book = Currency::parse(tx.book_currency())?;
    let entry = NewEntry {
        date,
        description: DESCRIPTION.to_owned(),
        currency: book,
        source: EntrySource::Opening,
        source_id: None,
        reverses: None,
        lines: Balanced::check(book, new).map_err(journal::refuse_lines)?,
    };
    Ok(Opened { posted: journal::post(tx, entry).await?, unchanged: false, items })
}

/// The opening entry that is not reversed.
async fn present(tx: &Tx) -> Result<Option<Present>> {
    tx.maybe(
        sql(
            "SELECT e.id, e.number, e.ledger_id, e.entry_date FROM finance.journal_entry e
              WHERE e.tenant_id = $1 AND e.source = 'opening'
                AND NOT EXISTS (SELECT 1 FROM finance.journal_entry r WHERE r.tenant_id = $1 AND r.reverses_id = e.id)",
        )
        .bind::<SqlUuid, _>(tx.tenant()?),
    )
    .await
}

/// Whether an entry has the same lines in the same order.
async fn same(tx: &Tx, entry: JournalEntryId, new: &[NewLine]) -> Result<bool> {
    let there = journal::lines_of(tx, &[entry]).await?.remove(&entry).unwrap_or_default();
    Ok(there.len() == new.len()
        && there.iter().zip(new).all(|(there, new)| {
            there.account_id == new.account && there.amount.0 == new.amount && there.description == new.description
        }))
}

async fn check(tx: &Tx, date: NaiveDate, lines: &[OpeningLine]) -> Result<(Vec<NewLine>, Vec<OpeningItem>)> {
    let codes: HashSet<String> = lines.iter().map(|line| line.account.clone()).collect();
    let accounts = account::by_code(tx, &codes.into_iter().collect::<Vec<_>>()).await?;
    let book = Currency::parse(tx.book_currency())?;
    let mut new = Vec::with_capacity(lines.len());
    let mut items = Vec::new();
    let mut refused = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let account = accounts.get(&line.account);
        refused.extend(wrong(account, line, book).into_iter().map(|(code, column, message)| UserError {
            code,
            field: path(&format!("lines.{index}.{column}")),
            message: message.to_owned(),
        }));
        let Some(account) = account else { continue };
        new.push(NewLine {
            account: account.id,
            amount_document: line.amount,
            amount: line.amount,
            currency: book,
            description: described(line),
            tax_code: None,
            labels: Labels::none(),
        });
        if let (Some(side), Some(party)) = (account.control.filter(|control| control.has_open_items()), &line.party) {
            items.push(OpeningItem {
                index,
                side,
                account: account.id,
                party: party.clone(),
                document: line.document.clone(),
                due_date: line.due_date.unwrap_or(date),
                amount: if side == Control::Payable { neg(line.amount)? } else { line.amount },
            });
        }
    }
    if refused.is_empty() { Ok((new, items)) } else { Err(Error::Refused(refused)) }
}

/// What is wrong with a line: code, column and sentence.
fn wrong(
    account: Option<&Account>,
    line: &OpeningLine,
    book: Currency,
) -> Vec<(UserErrorCode, &'static str, &'static str)> {
    let Some(account) = account else {
        return vec![(UserErrorCode::NotFound, "account", "There is no account with this number.")];
    };
    let mut wrong = Vec::new();
    if account.is_group {
        wrong.push((UserErrorCode::Invalid, "account", "A group account takes no postings."));
    }
    if !account.active {
        wrong.push((UserErrorCode::Invalid, "account", "This account is inactive."));
    }
    if account.currency.as_ref().is_some_and(|only| only.0 != book.code()) {
        wrong.push((UserErrorCode::Invalid, "account", "This account is kept in another currency."));
    }
    if account.control.is_some_and(Control::is_advance) {
        wrong.push((
            UserErrorCode::Invalid,
            "account",
            "Advances are recorded as payments, not opened with a balance.",
        ));
    }
    if account.control.is_some_and(Control::is_of_assets) {
        wrong.push((
            UserErrorCode::Invalid,
            "account",
            "Assets are entered one by one with what is written off of them, not opened with a balance.",
        ));
    }
    match (account.control.is_some_and(Control::has_open_items), &line.party) {
        (true, None) => wrong.push((
            UserErrorCode::Required,
            "party",
            "A balance of receivables or payables names its customer or vendor; one line each.",
        )),
        (false, Some(_)) => {
            wrong.push((UserErrorCode::Invalid, "party", "Only receivables and payables have a customer or vendor."));
        }
        _ => {}
    }
    wrong
}

/// The line's text holds everything that makes it what it is, so that the same content can be told from another.
fn described(line: &OpeningLine) -> String {
    let due = line.due_date.map(|date| format!("due {date}"));
    let parts = [line.description.as_ref(), line.party.as_ref(), line.document.as_ref(), due.as_ref()];
    let text = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" · ");
    text.chars().take(500).collect()
}

/// An open item that came with an opening.
#[derive(QueryableByName)]
pub(super) struct Item {
    #[diesel(sql_type = SqlUuid)]
    id: OpenItemId,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
    #[diesel(sql_type = Numeric)]
    amount_book: Decimal,
    #[diesel(sql_type = Numeric)]
    open_amount: Decimal,
}

/// Locks the open items that came with an opening entry; refuses if one of them is settled in part.
pub(super) async fn untouched_items(tx: &Tx, entry: JournalEntryId) -> Result<Vec<Item>> {
    let items: Vec<Item> = tx
        .rows(
            sql("SELECT i.id, i.amount, i.amount_book, i.open_amount FROM finance.open_item i
                  WHERE i.tenant_id = $1 AND i.entry_id = $2 ORDER BY i.id FOR UPDATE")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(entry),
        )
        .await?;
    if items.iter().any(|item| item.open_amount != item.amount) {
        return Err(Error::refuse(
            UserErrorCode::State,
            "entry",
            "An open item of this opening is settled already; undo that first.",
        ));
    }
    Ok(items)
}

/// Settles the open items of an opening by its reversal, so that the sub-ledger follows the control account.
pub(super) async fn settle(tx: &Tx, items: &[Item], reversal: JournalEntryId, date: NaiveDate) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO finance.allocation (tenant_id, id, open_item_id, entry_id, allocated_on, amount, amount_book)
             SELECT $1, n.id, n.item_id, $2, $3, n.amount, n.amount_book
               FROM unnest($4::uuid[], $5::uuid[], $6::numeric[], $7::numeric[]) AS n (id, item_id, amount, amount_book)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(reversal)
            .bind::<SqlDate, _>(date)
            .bind::<Array<SqlUuid>, _>(items.iter().map(|_| AllocationId::new()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(items.iter().map(|item| item.id).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(items.iter().map(|item| item.amount).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(items.iter().map(|item| item.amount_book).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> OpeningLine {
        OpeningLine {
            account: "1220".to_owned(),
            amount: Decimal::ONE,
            description: None,
            party: Some("10001".to_owned()),
            document: Some("INV-7".to_owned()),
            due_date: NaiveDate::from_ymd_opt(2026, 1, 31),
        }
    }

    #[test]
    fn what_makes_a_line_stands_in_its_text() {
        assert_eq!(described(&line()), "10001 · INV-7 · due 2026-01-31");
        let plain =
            OpeningLine { description: Some("Cash".to_owned()), party: None, document: None, due_date: None, ..line() };
        assert_eq!(described(&plain), "Cash");
    }

    #[test]
    fn an_unknown_account_is_refused_at_its_column() {
        let book = Currency::parse("EUR").unwrap();
        let wrong = wrong(None, &line(), book);
        assert_eq!(wrong.first().map(|(code, column, _)| (*code, *column)), Some((UserErrorCode::NotFound, "account")));
    }
}
