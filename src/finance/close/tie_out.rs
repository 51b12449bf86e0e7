//! Tie-outs: what a sub-ledger says at the end of a month, held against the accounts, computed from the books whenever it is
//! asked. Where they differ, the lines that make the difference are one step away.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, SimpleObject};
use backoffice_money::{Decimal, sub};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Int4, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use crate::finance::ids::{AccountId, PeriodCloseId};
use crate::finance::ledger::account::Account;
use crate::finance::ledger::journal::{JournalLine, JournalLineConnection, line_columns};
use crate::finance::ledger::report::lines::{Found, behind, by_page, cursor};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::paging::Slice;
use crate::platform::scalars::{DateTime, Dec, Money};
use crate::platform::scope::Ask;
use crate::platform::sql::sql;

crate::platform::words! {
    /// What is held against its accounts.
    TieOutKind {
        /// What the bank's last statement says, of each bank account.
        Bank = "bank",
        /// The open items of customers.
        Receivables = "receivables",
        /// The open items of vendors.
        Payables = "payables",
        /// What the tax codes of the month have posted, of each account of taxes.
        Tax = "tax",
        /// The register of fixed assets, of each of its accounts.
        Assets = "assets",
        /// Nothing: these accounts have to be empty.
        Suspense = "suspense",
    }
}

impl TieOutKind {
    /// Whether a difference can be explained by a note: what the bank or a person does in between. What the books keep
    /// twice is equal, or something is wrong with them.
    #[must_use]
    pub fn can_be_noted(self) -> bool {
        matches!(self, Self::Bank | Self::Tax | Self::Suspense)
    }
}

/// The close of a month and its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Of {
    /// The close.
    pub close: PeriodCloseId,
    /// The first day of its month.
    pub from: NaiveDate,
    /// The last one.
    pub to: NaiveDate,
}

/// A note on what a tie-out is off by.
#[derive(SimpleObject, Clone, Debug)]
pub struct TieOutNote {
    /// Why it is off.
    pub text: String,
    /// Who says so.
    pub by_name: String,
    /// When.
    pub at: DateTime,
}

/// A sub-ledger at the end of a month, held against an account or several together.
#[derive(SimpleObject, Clone, Debug)]
#[graphql(complex)]
pub struct TieOut {
    #[graphql(skip)]
    of: Of,
    /// What is held against its accounts.
    pub kind: TieOutKind,
    #[graphql(skip)]
    pub(super) account_id: Option<AccountId>,
    /// What the sub-ledger says: debit positive.
    pub register: Money,
    /// What the accounts say: debit positive.
    pub balance: Money,
    /// Balance less register.
    pub difference: Money,
    /// The last note that explains this very difference; null if there is none, and where none can.
    pub note: Option<TieOutNote>,
    /// Whether it stands in the way of a sign-off: it differs, and no note explains that.
    pub blocks: bool,
    #[graphql(skip)]
    pub(super) off: Decimal,
    #[graphql(skip)]
    pub(super) account: Option<String>,
}

#[ComplexObject]
impl TieOut {
    /// The account; null if several are taken together. Right: `finance.account.read`.
    async fn account(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<Account>> {
        match self.account_id {
            Some(account) => Ok(ctx.load::<Account>(account).await?),
            None => Ok(None),
        }
    }

    /// The lines of the journal that the sub-ledger knows nothing of: what the difference is made of as far as it stands on
    /// the accounts. For the bank those that no line of a statement is matched to.
    async fn lines(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<JournalLineConnection> {
        ctx.tx(Can::JournalRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let after = behind(&slice)?;
        let page = Unknown { of: self.of, kind: self.kind, account: self.account_id, after, limit: slice.limit() };
        let rows = ctx.load::<UnknownLines>(page).await?.unwrap_or_default();
        Ok(JournalLineConnection::new(ctx, &slice, rows, cursor, None))
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    close_id: PeriodCloseId,
    #[diesel(sql_type = Text)]
    kind: TieOutKind,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    account_id: Option<AccountId>,
    #[diesel(sql_type = Nullable<Text>)]
    account: Option<String>,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Numeric)]
    register: Decimal,
    #[diesel(sql_type = Numeric)]
    balance: Decimal,
    #[diesel(sql_type = Nullable<Text>)]
    note: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    note_by: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    note_at: Option<DateTime>,
}

/// The tie-outs of closes: by kind and account, all in one statement.
pub struct TieOutsOf;

impl Fetch for TieOutsOf {
    type Key = Of;
    type Value = Vec<TieOut>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<Of>) -> Result<HashMap<Of, Vec<TieOut>>> {
        let rows: Vec<Row> = tx
            .rows(
                sql("WITH asked AS (SELECT * FROM unnest($2::uuid[], $3::date[], $4::date[]) AS k (close_id, from_on, to_on)),
                     sides AS (SELECT * FROM (VALUES ('receivables', 'receivable', 'customer_advance', 1), ('payables', 'payable', 'vendor_advance', -1))
                                 AS s (kind, side, advance, sign)),
                     found AS (
                       SELECT k.close_id, s.kind, NULL::uuid AS account_id, NULL::text AS account, $5 AS currency,
                              coalesce(i.amount, 0) * s.sign + coalesce(v.amount, 0) AS register, coalesce(b.amount, 0) AS balance
                         FROM asked k CROSS JOIN sides s
                        CROSS JOIN LATERAL (
                              SELECT sum(o.amount_book - coalesce(a.amount, 0)) AS amount
                                FROM finance.open_item o
                                JOIN finance.journal_entry e ON e.tenant_id = $1 AND e.id = o.entry_id AND e.entry_date <= k.to_on
                                LEFT JOIN LATERAL (SELECT sum(x.amount_book) AS amount FROM finance.allocation x
                                                    WHERE x.tenant_id = $1 AND x.open_item_id = o.id AND x.allocated_on <= k.to_on) a ON true
                               WHERE o.tenant_id = $1 AND o.side = s.side) i
                        CROSS JOIN LATERAL (
                              SELECT sum(l.difference) AS amount
                                FROM finance.revaluation r
                                JOIN finance.revaluation_line l ON l.tenant_id = $1 AND l.revaluation_id = r.id
                                JOIN finance.account a ON a.tenant_id = $1 AND a.id = l.account_id AND a.control IN (s.side, s.advance)
                               WHERE r.tenant_id = $1 AND r.on_date = k.to_on AND r.undone_at IS NULL) v
                        CROSS JOIN LATERAL (
                              SELECT sum(b.debit - b.credit) AS amount
                                FROM finance.account a
                                JOIN finance.account_balance b ON b.tenant_id = $1 AND b.account_id = a.id AND b.on_date <= k.to_on
                               WHERE a.tenant_id = $1 AND a.control IN (s.side, s.advance)) b
                       UNION ALL
                       SELECT k.close_id, 'bank', a.id, a.code, n.currency, coalesce(s.closing_balance, 0), coalesce(b.amount, 0)
                         FROM asked k
                         JOIN finance.bank_account n ON n.tenant_id = $1
                         JOIN finance.account a ON a.tenant_id = $1 AND a.id = n.account_id
                         LEFT JOIN LATERAL (SELECT s.closing_balance FROM finance.bank_statement s
                                             WHERE s.tenant_id = $1 AND s.bank_account_id = n.id AND s.closes_on <= k.to_on
                                             ORDER BY s.closes_on DESC, s.id DESC LIMIT 1) s ON true
                        CROSS JOIN LATERAL (SELECT sum(b.amount_document) AS amount FROM finance.account_balance b
                                             WHERE b.tenant_id = $1 AND b.account_id = a.id AND b.currency = n.currency AND b.on_date <= k.to_on) b
                       UNION ALL
                       SELECT k.close_id, 'tax', a.id, a.code, $5, coalesce(b.coded, 0), coalesce(b.amount, 0)
                         FROM asked k
                         JOIN finance.account a ON a.tenant_id = $1 AND a.control IN ('input_tax', 'output_tax')
                        CROSS JOIN LATERAL (SELECT sum(l.amount) AS amount, sum(l.amount) FILTER (WHERE l.tax_code_id IS NOT NULL) AS coded
                                              FROM finance.journal_line l
                                             WHERE l.tenant_id = $1 AND l.account_id = a.id AND l.entry_date BETWEEN k.from_on AND k.to_on) b
                       UNION ALL
                       SELECT k.close_id, 'assets', a.id, a.code, $5, coalesce(r.amount, 0), coalesce(b.amount, 0)
                         FROM asked k
                         JOIN finance.account a ON a.tenant_id = $1 AND a.control IN ('fixed_asset', 'accumulated_depreciation')
                        CROSS JOIN LATERAL (SELECT sum(CASE WHEN a.id = c.cost_account_id THEN m.cost ELSE -m.accumulated END) AS amount
                                              FROM finance.asset_class c
                                              JOIN finance.asset x ON x.tenant_id = $1 AND x.class_id = c.id
                                              JOIN finance.asset_movement m ON m.tenant_id = $1 AND m.asset_id = x.id AND m.book = 'LEDGER' AND m.on_date <= k.to_on
                                             WHERE c.tenant_id = $1 AND a.id IN (c.cost_account_id, c.accumulated_account_id)) r
                        CROSS JOIN LATERAL (SELECT sum(b.debit - b.credit) AS amount FROM finance.account_balance b
                                             WHERE b.tenant_id = $1 AND b.account_id = a.id AND b.on_date <= k.to_on) b
                       UNION ALL
                       SELECT k.close_id, 'suspense', a.id, a.code, $5, 0, coalesce(b.amount, 0)
                         FROM asked k
                         JOIN finance.account a ON a.tenant_id = $1 AND a.control = 'suspense'
                        CROSS JOIN LATERAL (SELECT sum(b.debit - b.credit) AS amount FROM finance.account_balance b
                                             WHERE b.tenant_id = $1 AND b.account_id = a.id AND b.on_date <= k.to_on) b)
                     SELECT f.close_id, f.kind, f.account_id, f.account, f.currency, f.register, f.balance,
                            n.text AS note, n.by_name AS note_by, n.created_at AS note_at
                       FROM found f
                       LEFT JOIN LATERAL (SELECT n.text, n.by_name, n.created_at FROM finance.period_close_note n
                                           WHERE n.tenant_id = $1 AND n.close_id = f.close_id AND n.kind = f.kind
                                             AND n.account_id IS NOT DISTINCT FROM f.account_id AND n.difference = f.balance - f.register
                                             AND n.difference <> 0
                                           ORDER BY n.id DESC LIMIT 1) n ON true
                      ORDER BY f.close_id, f.kind, f.account")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys.iter().map(|key| key.close).collect::<Vec<_>>())
                .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.from).collect::<Vec<_>>())
                .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.to).collect::<Vec<_>>())
                .bind::<Text, _>(tx.book_currency().to_owned()),
            )
            .await?;
        let of: HashMap<PeriodCloseId, Of> = keys.into_iter().map(|key| (key.close, key)).collect();
        let mut found: HashMap<Of, Vec<TieOut>> = HashMap::new();
        for row in rows {
            let Some(key) = of.get(&row.close_id) else { continue };
            let off = sub(row.balance, row.register)?;
            let money = |amount| Money::new(Dec(amount), &row.currency);
            let note = match (row.note, row.note_by, row.note_at) {
                (Some(text), Some(by_name), Some(at)) => Some(TieOutNote { text, by_name, at }),
                _ => None,
            };
            found.entry(*key).or_default().push(TieOut {
                of: *key,
                kind: row.kind,
                account_id: row.account_id,
                register: money(row.register),
                balance: money(row.balance),
                difference: money(off),
                blocks: !off.is_zero() && note.is_none(),
                note,
                off,
                account: row.account,
            });
        }
        Ok(found)
    }
}

/// A page of lines that a sub-ledger knows nothing of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unknown {
    of: Of,
    kind: TieOutKind,
    account: Option<AccountId>,
    after: Option<(NaiveDate, Uuid)>,
    limit: i64,
}

/// Lines of accounts that their sub-ledgers know nothing of.
pub struct UnknownLines;

impl Fetch for UnknownLines {
    type Key = Unknown;
    type Value = Vec<JournalLine>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<Unknown>) -> Result<HashMap<Unknown, Vec<JournalLine>>> {
        let pages = i32::try_from(keys.len()).unwrap_or(i32::MAX);
        let rows: Vec<Found> = tx
            .rows(
                sql(concat!(
                    "SELECT f.page, ",
                    line_columns!(),
                    " FROM unnest($2::int[], $3::text[], $4::uuid[], $5::date[], $6::date[], $7::date[], $8::uuid[], $9::bigint[])
                           AS k (page, kind, account_id, from_on, to_on, after_day, after_id, row_limit)
                     CROSS JOIN LATERAL (
                       SELECT k.page, c.id, c.entry_date
                         FROM finance.journal_line c
                         JOIN finance.account a ON a.tenant_id = $1 AND a.id = c.account_id
                        WHERE c.tenant_id = $1 AND c.entry_date <= k.to_on AND (k.kind <> 'tax' OR c.entry_date >= k.from_on)
                          AND CASE k.kind WHEN 'receivables' THEN a.control IN ('receivable', 'customer_advance')
                                          WHEN 'payables' THEN a.control IN ('payable', 'vendor_advance')
                                          ELSE c.account_id = k.account_id END
                          AND CASE k.kind
                                WHEN 'tax' THEN c.tax_code_id IS NULL
                                WHEN 'suspense' THEN true
                                WHEN 'bank' THEN NOT EXISTS (SELECT 1 FROM finance.bank_match m WHERE m.tenant_id = $1 AND m.entry_id = c.entry_id AND m.undone_by_id IS NULL)
                                WHEN 'assets' THEN NOT EXISTS (SELECT 1 FROM finance.asset_movement m WHERE m.tenant_id = $1 AND m.entry_id = c.entry_id)
                                ELSE NOT EXISTS (SELECT 1 FROM finance.open_item o WHERE o.tenant_id = $1 AND o.entry_id = c.entry_id)
                                     AND NOT EXISTS (SELECT 1 FROM finance.allocation o WHERE o.tenant_id = $1 AND o.entry_id = c.entry_id)
                                     AND NOT EXISTS (SELECT 1 FROM finance.journal_entry e WHERE e.tenant_id = $1 AND e.id = c.entry_id AND e.source = 'revaluation')
                              END
                          AND (k.after_id IS NULL OR (c.entry_date, c.id) > (k.after_day, k.after_id))
                        ORDER BY c.entry_date, c.id LIMIT k.row_limit) f
                     JOIN finance.journal_line l ON l.tenant_id = $1 AND l.id = f.id
                     JOIN finance.ledger g ON g.tenant_id = $1 AND g.id = l.ledger_id
                    ORDER BY f.page, l.entry_date, l.id"
                ))
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Int4>, _>((0..pages).collect::<Vec<_>>())
                .bind::<Array<Text>, _>(keys.iter().map(|key| key.kind.text().to_owned()).collect::<Vec<_>>())
                .bind::<Array<Nullable<SqlUuid>>, _>(keys.iter().map(|key| key.account).collect::<Vec<_>>())
                .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.of.from).collect::<Vec<_>>())
                .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.of.to).collect::<Vec<_>>())
                .bind::<Array<Nullable<SqlDate>>, _>(keys.iter().map(|key| key.after.map(|at| at.0)).collect::<Vec<_>>())
                .bind::<Array<Nullable<SqlUuid>>, _>(keys.iter().map(|key| key.after.map(|at| at.1)).collect::<Vec<_>>())
                .bind::<Array<BigInt>, _>(keys.iter().map(|key| key.limit).collect::<Vec<_>>()),
            )
            .await?;
        Ok(by_page(&keys, rows))
    }
}
