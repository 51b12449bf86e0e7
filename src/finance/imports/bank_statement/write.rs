//! Statements and their lines in the database, as sets.

use std::collections::{HashMap, HashSet};

use backoffice_formats::BankLine;
use backoffice_money::Decimal;
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, Date as SqlDate, Int4, Nullable, Numeric, Text, Uuid as SqlUuid};

use super::Found;
use super::chain::Span;
use crate::finance::ids::{BankAccountId, BankLineId, BankStatementId, ImportId};
use crate::platform::db::Tx;
use crate::platform::error::Result;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::sql::sql;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = SqlUuid)]
    bank_account_id: BankAccountId,
    #[diesel(sql_type = Text)]
    fingerprint: String,
}

/// Lines of one statement: each statement has its time.
const A_STATEMENT: usize = 5_000;

/// Which lines of a file are there already.
pub(super) async fn known_lines(tx: &Tx, found: &[Found]) -> Result<HashSet<(BankAccountId, String)>> {
    let accounts: Vec<BankAccountId> = found.iter().map(|found| found.account).collect();
    let fingerprints: Vec<String> = found.iter().flat_map(|found| found.fingerprints.clone()).collect();
    let rows: Vec<Line> = tx
        .rows(
            sql("SELECT l.bank_account_id, l.fingerprint FROM finance.bank_line l
                  WHERE l.tenant_id = $1 AND l.bank_account_id = ANY ($2) AND l.fingerprint = ANY ($3)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(accounts)
            .bind::<Array<Text>, _>(fingerprints),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.bank_account_id, row.fingerprint)).collect())
}

#[derive(QueryableByName)]
struct Statement {
    #[diesel(sql_type = SqlUuid)]
    bank_account_id: BankAccountId,
    #[diesel(sql_type = SqlDate)]
    opens_on: NaiveDate,
    #[diesel(sql_type = SqlDate)]
    closes_on: NaiveDate,
    #[diesel(sql_type = Numeric)]
    opening_balance: Decimal,
    #[diesel(sql_type = Numeric)]
    closing_balance: Decimal,
}

/// The statements of accounts, in the order in which they were taken in.
pub(super) async fn known_statements(tx: &Tx, accounts: &[BankAccountId]) -> Result<HashMap<BankAccountId, Vec<Span>>> {
    let rows: Vec<Statement> = tx
        .rows(
            sql("SELECT s.bank_account_id, s.opens_on, s.closes_on, s.opening_balance, s.closing_balance
                   FROM finance.bank_statement s
                  WHERE s.tenant_id = $1 AND s.bank_account_id = ANY ($2) ORDER BY s.id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(accounts.to_vec()),
        )
        .await?;
    let mut spans: HashMap<BankAccountId, Vec<Span>> = HashMap::new();
    for row in rows {
        spans.entry(row.bank_account_id).or_default().push(Span {
            opens_on: row.opens_on,
            closes_on: row.closes_on,
            opening: row.opening_balance,
            closing: row.closing_balance,
        });
    }
    Ok(spans)
}

#[derive(QueryableByName)]
struct Moved {
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

/// The sum of an account's movements from a day to a day.
pub(super) async fn moved(tx: &Tx, account: BankAccountId, from: NaiveDate, to: NaiveDate) -> Result<Decimal> {
    let moved: Moved = tx
        .row(
            sql("SELECT coalesce(sum(l.amount), 0) AS amount FROM finance.bank_line l
                  WHERE l.tenant_id = $1 AND l.bank_account_id = $2 AND l.booked_on BETWEEN $3 AND $4")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(account)
            .bind::<SqlDate, _>(from)
            .bind::<SqlDate, _>(to),
        )
        .await?;
    Ok(moved.amount)
}

fn cut(text: Option<&String>, most: usize) -> Option<String> {
    text.map(|text| text.chars().take(most).collect())
}

/// What the payment is for, with the payer's own reference behind it unless it says the same or nothing.
fn reference(line: &BankLine) -> String {
    let mut text = line.reference.clone().unwrap_or_default();
    if let Some(own) = line.end_to_end_id.as_deref()
        && own != "NOTPROVIDED"
        && !text.contains(own)
    {
        if !text.is_empty() {
            text.push_str(" · ");
        }
        text.push_str(own);
    }
    cut(Some(&text), 1000).unwrap_or_default()
}

/// Writes statements and those of their lines that are new.
pub(super) async fn insert(
    tx: &Tx,
    fresh: &[&Found],
    known: &HashSet<(BankAccountId, String)>,
    import: ImportId,
) -> Result<()> {
    if fresh.is_empty() {
        return Ok(());
    }
    let ids: Vec<BankStatementId> = fresh.iter().map(|_| BankStatementId::new()).collect();
    insert_statements(tx, fresh, &ids, import).await?;
    for id in &ids {
        emit(tx, EventKind::BankStatementImported, id.0);
    }
    let mut lines: Vec<NewLine<'_>> = Vec::new();
    for (found, statement) in fresh.iter().zip(&ids) {
        for ((at, line), fingerprint) in found.statement.lines.iter().enumerate().zip(&found.fingerprints) {
            if !known.contains(&(found.account, fingerprint.clone())) {
                let line_no = i32::try_from(at).unwrap_or(i32::MAX).saturating_add(1);
                lines.push(NewLine { account: found.account, statement: *statement, line_no, line, fingerprint });
            }
        }
    }
    for some in lines.chunks(A_STATEMENT) {
        insert_lines(tx, some).await?;
    }
    Ok(())
}

async fn insert_statements(tx: &Tx, fresh: &[&Found], ids: &[BankStatementId], import: ImportId) -> Result<()> {
    tx.exec(
        sql("INSERT INTO finance.bank_statement (tenant_id, id, bank_account_id, import_id, reference, opens_on, closes_on, currency,
                                                 opening_balance, closing_balance)
             SELECT $1, n.id, n.account, $2, n.reference, n.opens_on, n.closes_on, n.currency, n.opening, n.closing
               FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::date[], $7::date[], $8::text[], $9::numeric[], $10::numeric[])
                 AS n (id, account, reference, opens_on, closes_on, currency, opening, closing)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(import)
            .bind::<Array<SqlUuid>, _>(ids.to_vec())
            .bind::<Array<SqlUuid>, _>(fresh.iter().map(|found| found.account).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(
                fresh.iter().map(|found| cut(found.statement.statement_id.as_ref(), 100)).collect::<Vec<_>>(),
            )
            .bind::<Array<SqlDate>, _>(fresh.iter().map(|found| found.span.opens_on).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(fresh.iter().map(|found| found.span.closes_on).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(fresh.iter().map(|found| found.statement.currency.clone()).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(fresh.iter().map(|found| found.span.opening).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(fresh.iter().map(|found| found.span.closing).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}

struct NewLine<'a> {
    account: BankAccountId,
    statement: BankStatementId,
    line_no: i32,
    line: &'a BankLine,
    fingerprint: &'a String,
}

async fn insert_lines(tx: &Tx, lines: &[NewLine<'_>]) -> Result<()> {
    // an account number longer than any IBAN is of no use for finding its owner
    let account_of = |line: &BankLine| line.counterparty_iban.clone().filter(|iban| iban.chars().count() <= 34);
    tx.exec(
        sql("INSERT INTO finance.bank_line (tenant_id, id, bank_account_id, statement_id, line_no, booked_on, value_on, currency, amount,
                                            counterparty, counterparty_iban, reference, bank_reference, fingerprint)
             SELECT $1, n.id, n.account, n.statement, n.line_no, n.booked_on, n.value_on, n.currency, n.amount, n.counterparty,
                    n.counterparty_iban, n.reference, n.bank_reference, n.fingerprint
               FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int[], $6::date[], $7::date[], $8::text[], $9::numeric[], $10::text[],
                           $11::text[], $12::text[], $13::text[], $14::text[])
                 AS n (id, account, statement, line_no, booked_on, value_on, currency, amount, counterparty, counterparty_iban,
                       reference, bank_reference, fingerprint)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<Array<SqlUuid>, _>(lines.iter().map(|_| BankLineId::new()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(lines.iter().map(|new| new.account).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(lines.iter().map(|new| new.statement).collect::<Vec<_>>())
            .bind::<Array<Int4>, _>(lines.iter().map(|new| new.line_no).collect::<Vec<_>>())
            .bind::<Array<SqlDate>, _>(lines.iter().map(|new| new.line.booked_on).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlDate>>, _>(lines.iter().map(|new| new.line.value_on).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(lines.iter().map(|new| new.line.currency.clone()).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(lines.iter().map(|new| new.line.amount).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(
                lines.iter().map(|new| cut(new.line.counterparty.as_ref(), 200)).collect::<Vec<_>>(),
            )
            .bind::<Array<Nullable<Text>>, _>(lines.iter().map(|new| account_of(new.line)).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(lines.iter().map(|new| reference(new.line)).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(
                lines.iter().map(|new| cut(new.line.bank_reference.as_ref(), 100)).collect::<Vec<_>>(),
            )
            .bind::<Array<Text>, _>(lines.iter().map(|new| new.fingerprint.clone()).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}
