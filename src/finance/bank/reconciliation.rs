//! The bank held against the books at the end of a day: what both say, and each thing that only one of them knows.
//!
//! The difference explains itself: it is what the books opened with beyond the first statement, and what only the books know,
//! less what only the bank knows and what statements that are missing have brought.

use async_graphql::{ComplexObject, Context, Object, SimpleObject};
use backoffice_money::{Decimal, add, neg, sub};
use chrono::{DateTime as Moment, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Date as SqlDate, Nullable, Numeric, Timestamptz, Uuid as SqlUuid};

use super::account::BankAccount;
use super::line::{BankLine, BankLineConnection};
use crate::finance::ids::{BankAccountId, BankLineId};
use crate::finance::ledger::journal::{JournalLine, JournalLineConnection, line_columns};
use crate::finance::ledger::report::lines::{behind, cursor};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::{Date, DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

/// What is held against what: parameters of every statement below, in their order.
#[derive(Clone, Copy, Debug)]
struct Asked {
    bank_account: BankAccountId,
    as_of: NaiveDate,
    known_at: Option<Moment<Utc>>,
}

/// What a bank account's statements say at the end of a day, held against its account in the ledger, in the bank account's
/// currency. `difference` = `openingDifference` + `onlyInBooks` − `onlyAtBank` − `missingStatements`.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct BankReconciliation {
    #[graphql(skip)]
    asked: Asked,
    /// The day.
    pub as_of: Date,
    /// Only what was recorded up to this moment counts; null: everything.
    pub known_at: Option<DateTime>,
    /// The last day of the last statement that ends by then; null without any.
    pub last_statement_on: Option<Date>,
    /// What the bank says: the closing balance of that statement, and what later ones have brought since; money there is positive.
    pub statement_balance: Money,
    /// What the account in the ledger says: debit positive.
    pub ledger_balance: Money,
    /// The ledger's balance less the bank's.
    pub difference: Money,
    /// What the books had on the account before the first statement, less what that statement opens with.
    pub opening_difference: Money,
    /// What is posted on the account and stands on no statement yet: debit positive.
    pub only_in_books: Money,
    /// What stands on statements and is not in the books yet: money in is positive.
    pub only_at_bank: Money,
    /// What must have moved between statements that do not follow each other: zero as long as none is missing.
    pub missing_statements: Money,
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Nullable<SqlDate>)]
    last_on: Option<NaiveDate>,
    #[diesel(sql_type = Numeric)]
    opening: Decimal,
    #[diesel(sql_type = Numeric)]
    statement: Decimal,
    #[diesel(sql_type = Numeric)]
    brought: Decimal,
    #[diesel(sql_type = Numeric)]
    ledger: Decimal,
    #[diesel(sql_type = Numeric)]
    ledger_opening: Decimal,
    #[diesel(sql_type = Numeric)]
    only_at_bank: Decimal,
    #[diesel(sql_type = Numeric)]
    only_in_books: Decimal,
}

/// The account, its first statement, the pairs of a bank line and an entry that both lie in the days, and what has no partner.
/// A match that was undone in the days leaves its line alone, and its two entries cancel. What moves the account's worth in the
/// books alone, a revaluation, is nothing that a bank could know.
macro_rules! apart {
    () => {
        "WITH bank AS (
           SELECT n.id, n.account_id, n.currency FROM finance.bank_account n WHERE n.tenant_id = $1 AND n.id = $2
         ), first AS (
           SELECT s.opens_on, s.opening_balance FROM finance.bank_statement s
            WHERE s.tenant_id = $1 AND s.bank_account_id = $2 AND s.opens_on <= $3 AND ($4::timestamptz IS NULL OR s.created_at <= $4)
            ORDER BY s.opens_on, s.id LIMIT 1
         ), said AS (
           SELECT b.id, b.booked_on, b.amount FROM finance.bank_line b
            WHERE b.tenant_id = $1 AND b.bank_account_id = $2 AND b.booked_on <= $3 AND ($4::timestamptz IS NULL OR b.created_at <= $4)
         ), pair AS MATERIALIZED (
           SELECT m.bank_line_id, m.entry_id, u.id AS undone_by_id
             FROM said s
             JOIN finance.bank_match m ON m.tenant_id = $1 AND m.bank_line_id = s.id AND ($4::timestamptz IS NULL OR m.created_at <= $4)
             JOIN finance.journal_entry e ON e.tenant_id = $1 AND e.id = m.entry_id AND e.entry_date <= $3
              AND ($4::timestamptz IS NULL OR e.recorded_at <= $4)
             LEFT JOIN finance.journal_entry u ON u.tenant_id = $1 AND u.id = m.undone_by_id AND u.entry_date <= $3
              AND ($4::timestamptz IS NULL OR u.recorded_at <= $4)
         ), paired AS (
           SELECT p.entry_id FROM pair p
            UNION
           SELECT p.undone_by_id FROM pair p WHERE p.undone_by_id IS NOT NULL
         ), posted AS (
           SELECT l.id, l.entry_date, l.amount_document, x.entry_id IS NOT NULL AS paired,
                  x.entry_id IS NULL AND (e.source = 'opening' OR coalesce(l.entry_date < (SELECT f.opens_on FROM first f), false)) AS before
             FROM bank n
             JOIN finance.journal_line l ON l.tenant_id = $1 AND l.account_id = n.account_id AND l.currency = n.currency AND l.amount_document <> 0
              AND l.entry_date <= $3 AND ($4::timestamptz IS NULL OR l.recorded_at <= $4)
             JOIN finance.journal_entry e ON e.tenant_id = $1 AND e.id = l.entry_id
             LEFT JOIN paired x ON x.entry_id = l.entry_id
         ), alone_at_bank AS (
           SELECT s.id, s.booked_on, s.amount FROM said s
            WHERE NOT EXISTS (SELECT 1 FROM pair p WHERE p.bank_line_id = s.id AND p.undone_by_id IS NULL)
         ), alone_in_books AS (
           SELECT p.id, p.entry_date, p.amount_document FROM posted p
            WHERE NOT p.before AND NOT p.paired
         ) "
    };
}

/// Holds them against each other.
async fn reconcile(tx: &Tx, asked: Asked) -> Result<Option<BankReconciliation>> {
    let Some(account) = BankAccount::fetch(tx, vec![asked.bank_account]).await?.remove(&asked.bank_account) else {
        return Ok(None);
    };
    let found: Found = tx
        .row(
            sql(concat!(
                apart!(),
                ", last AS (
                   SELECT s.closes_on, s.closing_balance FROM finance.bank_statement s
                    WHERE s.tenant_id = $1 AND s.bank_account_id = $2 AND s.closes_on <= $3 AND ($4::timestamptz IS NULL OR s.created_at <= $4)
                    ORDER BY s.closes_on DESC, s.id DESC LIMIT 1)
                 SELECT (SELECT x.closes_on FROM last x) AS last_on,
                        coalesce((SELECT f.opening_balance FROM first f), 0) AS opening,
                        coalesce((SELECT x.closing_balance FROM last x), (SELECT f.opening_balance FROM first f), 0)
                          + coalesce((SELECT sum(s.amount) FROM said s WHERE s.booked_on > coalesce((SELECT x.closes_on FROM last x), '-infinity')), 0) AS statement,
                        coalesce((SELECT sum(s.amount) FROM said s), 0) AS brought,
                        coalesce((SELECT sum(p.amount_document) FROM posted p), 0) AS ledger,
                        coalesce((SELECT sum(p.amount_document) FROM posted p WHERE p.before), 0) AS ledger_opening,
                        coalesce((SELECT sum(a.amount) FROM alone_at_bank a), 0) AS only_at_bank,
                        coalesce((SELECT sum(a.amount_document) FROM alone_in_books a), 0) AS only_in_books"
            ))
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(asked.bank_account)
            .bind::<SqlDate, _>(asked.as_of)
            .bind::<Nullable<Timestamptz>, _>(asked.known_at),
        )
        .await?;
    let opening_difference = sub(found.ledger_opening, found.opening)?;
    let missing = sub(found.statement, add(found.opening, found.brought)?)?;
    let difference = sub(found.ledger, found.statement)?;
    let explained = [opening_difference, found.only_in_books, neg(found.only_at_bank)?, neg(missing)?];
    if explained.into_iter().try_fold(Decimal::ZERO, add)? != difference {
        return Err(Error::fault("a bank account and its ledger account differ by what nothing explains"));
    }
    let money = |amount| Money::new(Dec(amount), &account.currency.0);
    Ok(Some(BankReconciliation {
        asked,
        as_of: Date(asked.as_of),
        known_at: asked.known_at.map(DateTime),
        last_statement_on: found.last_on.map(Date),
        statement_balance: money(found.statement),
        ledger_balance: money(found.ledger),
        difference: money(difference),
        opening_difference: money(opening_difference),
        only_in_books: money(found.only_in_books),
        only_at_bank: money(found.only_at_bank),
        missing_statements: money(missing),
    }))
}

#[derive(QueryableByName)]
struct Alone {
    #[diesel(sql_type = SqlUuid)]
    id: BankLineId,
}

async fn alone_at_bank(tx: &Tx, asked: &Asked, slice: &Slice) -> Result<Vec<BankLine>> {
    let (day, id) = behind(slice)?.unzip();
    let rows: Vec<Alone> = tx
        .rows(
            sql(concat!(
                apart!(),
                "SELECT a.id FROM alone_at_bank a
                  WHERE $6::uuid IS NULL OR (a.booked_on, a.id) > ($5::date, $6)
                  ORDER BY a.booked_on, a.id LIMIT $7"
            ))
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(asked.bank_account)
            .bind::<SqlDate, _>(asked.as_of)
            .bind::<Nullable<Timestamptz>, _>(asked.known_at)
            .bind::<Nullable<SqlDate>, _>(day)
            .bind::<Nullable<SqlUuid>, _>(id)
            .bind::<BigInt, _>(slice.limit()),
        )
        .await?;
    let mut lines = BankLine::fetch(tx, rows.iter().map(|row| row.id).collect()).await?;
    Ok(rows.iter().filter_map(|row| lines.remove(&row.id)).collect())
}

async fn alone_in_books(tx: &Tx, asked: &Asked, slice: &Slice) -> Result<Vec<JournalLine>> {
    let (day, id) = behind(slice)?.unzip();
    tx.rows(
        sql(concat!(
            apart!(),
            "SELECT ",
            line_columns!(),
            " FROM (SELECT a.id FROM alone_in_books a
                     WHERE $6::uuid IS NULL OR (a.entry_date, a.id) > ($5::date, $6)
                     ORDER BY a.entry_date, a.id LIMIT $7) a
              JOIN finance.journal_line l ON l.tenant_id = $1 AND l.id = a.id
              JOIN finance.ledger g ON g.tenant_id = $1 AND g.id = l.ledger_id
             ORDER BY l.entry_date, l.id"
        ))
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(asked.bank_account)
        .bind::<SqlDate, _>(asked.as_of)
        .bind::<Nullable<Timestamptz>, _>(asked.known_at)
        .bind::<Nullable<SqlDate>, _>(day)
        .bind::<Nullable<SqlUuid>, _>(id)
        .bind::<BigInt, _>(slice.limit()),
    )
    .await
}

#[ComplexObject]
impl BankReconciliation {
    /// The bank account.
    async fn bank_account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<BankAccount>> {
        Ok(ctx.load::<BankAccount>(self.asked.bank_account).await?)
    }

    /// The lines of statements that `onlyAtBank` sums, by day. A line that is matched to an entry of a later day is one of them.
    async fn bank_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<BankLineConnection> {
        let slice = Slice::new(first, after.as_deref())?;
        let rows = alone_at_bank(ctx.tx(Can::BankRead).await?, &self.asked, &slice).await?;
        let cursor = |row: &BankLine| encode(&row.booked_on.0.to_string(), row.id.0);
        Ok(BankLineConnection::new(ctx, &slice, rows, cursor, None))
    }

    /// The lines of the journal that `onlyInBooks` sums, by day. Right: `finance.journal.read`.
    async fn journal_lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<JournalLineConnection> {
        let slice = Slice::new(first, after.as_deref())?;
        let rows = alone_in_books(ctx.tx(Can::JournalRead).await?, &self.asked, &slice).await?;
        Ok(JournalLineConnection::new(ctx, &slice, rows, cursor, None))
    }
}

/// The bank against the books.
#[derive(Default)]
pub struct BankReconciliationQuery;

#[Object]
impl BankReconciliationQuery {
    /// What a bank account's statements say at the end of a day, held against the ledger, with everything that only one of
    /// them knows; null if the id is unknown. Right: `finance.bank.read`.
    async fn bank_reconciliation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The bank account.")] bank_account: BankAccountId,
        #[graphql(desc = "The day; today in the client's time zone if not said.")] as_of: Option<Date>,
        #[graphql(desc = "Only what was recorded up to this moment; everything if not said.")] known_at: Option<
            DateTime,
        >,
    ) -> async_graphql::Result<Option<BankReconciliation>> {
        let tx = ctx.tx(Can::BankRead).await?;
        let as_of = as_of.map_or(tx.today(), |day| day.0);
        Ok(reconcile(tx, Asked { bank_account, as_of, known_at: known_at.map(|at| at.0) }).await?)
    }
}
