//! From a figure to its lines: pages of journal lines of any set of accounts, many pages in one statement.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Int4, Jsonb, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::figures::{FIRST_DAY, Span};
use crate::finance::ids::AccountId;
use crate::finance::ledger::journal::{JournalLine, cursor_date, line_columns};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::paging::{Slice, encode};
use crate::platform::sql::sql;

/// A page of the lines of some accounts, in the order of day and posting.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LinePage {
    /// The accounts, all leaves.
    pub leaves: Arc<[AccountId]>,
    /// Which days, as known when.
    pub span: Span,
    /// Only lines behind this one.
    pub after: Option<(NaiveDate, Uuid)>,
    /// How many.
    pub limit: i64,
}

impl LinePage {
    /// The page that a caller asked for, with one line more to know whether more follow.
    pub fn new(leaves: Arc<[AccountId]>, span: Span, slice: &Slice) -> Result<Self> {
        Ok(Self { leaves, span, after: behind(slice)?, limit: slice.limit() })
    }
}

/// The cursor of a line.
#[must_use]
pub fn cursor(line: &JournalLine) -> String {
    encode(&line.date.0.to_string(), line.id.0)
}

/// The day and line that a page of lines begins behind.
pub(crate) fn behind(slice: &Slice) -> Result<Option<(NaiveDate, Uuid)>> {
    match &slice.after {
        Some((day, id)) => Ok(Some((cursor_date(day)?.0, *id))),
        None => Ok(None),
    }
}

/// A line of one of the pages that a statement reads at once; `page` is the place of the page among its keys.
#[derive(QueryableByName)]
pub(crate) struct Found {
    #[diesel(sql_type = Int4)]
    page: i32,
    #[diesel(embed)]
    line: JournalLine,
}

/// Gives each page its lines, in their order.
pub(crate) fn by_page<K: Clone + Eq + Hash>(keys: &[K], rows: Vec<Found>) -> HashMap<K, Vec<JournalLine>> {
    let mut found: HashMap<K, Vec<JournalLine>> = HashMap::with_capacity(keys.len());
    for row in rows {
        if let Some(key) = usize::try_from(row.page).ok().and_then(|page| keys.get(page)) {
            found.entry(key.clone()).or_default().push(row.line);
        }
    }
    found
}

/// The lines of pages.
pub struct LinesIn;

impl Fetch for LinesIn {
    type Key = LinePage;
    type Value = Vec<JournalLine>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<LinePage>) -> Result<HashMap<LinePage, Vec<JournalLine>>> {
        let (all, narrowed): (Vec<_>, Vec<_>) = (0_i32..).zip(&keys).partition(|(_, key)| key.span.only.is_empty());
        let mut rows: Vec<Found> = Vec::new();
        if !all.is_empty() {
            rows.extend(of_accounts(tx, &all).await?);
        }
        if !narrowed.is_empty() {
            rows.extend(of_values(tx, &narrowed).await?);
        }
        Ok(by_page(&keys, rows))
    }
}

/// One place to look for lines of a page: what the statements take as columns.
#[derive(Default)]
struct Probes {
    pages: Vec<i32>,
    accounts: Vec<AccountId>,
    limits: Vec<i64>,
    froms: Vec<NaiveDate>,
    tos: Vec<NaiveDate>,
    known: Vec<Option<DateTime<Utc>>>,
    after_days: Vec<NaiveDate>,
    after_ids: Vec<Uuid>,
    unclosed: Vec<Option<NaiveDate>>,
}

impl Probes {
    fn push(&mut self, page: i32, key: &LinePage, account: AccountId) {
        // Behind a line means from its day on; without one, from the first day on and behind no id.
        let first = key.span.from.unwrap_or(FIRST_DAY);
        let (day, id) = key.after.unwrap_or((first, Uuid::nil()));
        self.pages.push(page);
        self.accounts.push(account);
        self.limits.push(key.limit);
        self.froms.push(first);
        self.tos.push(key.span.to);
        self.known.push(key.span.known_at);
        self.after_days.push(day);
        self.after_ids.push(id);
        self.unclosed.push(key.span.unclosed);
    }
}

/// One probe of the ledger card a page and account, each cut at the page's size; then the pages are merged.
async fn of_accounts(tx: &Tx, keys: &[(i32, &LinePage)]) -> Result<Vec<Found>> {
    let mut probes = Probes::default();
    for (page, key) in keys {
        for account in key.leaves.iter() {
            probes.push(*page, key, *account);
        }
    }
    tx.rows(
        sql(concat!(
            "SELECT f.page, ",
            line_columns!(),
            " FROM (SELECT a.page, h.id, h.entry_date, a.row_limit,
                      row_number() OVER (PARTITION BY a.page ORDER BY h.entry_date, h.id) AS place
                 FROM unnest($2::int[], $3::uuid[], $4::bigint[], $5::date[], $6::date[], $7::timestamptz[], $8::date[], $9::uuid[], $10::date[])
                   AS a (page, account_id, row_limit, from_day, to_day, known_at, after_day, after_id, unclosed)
                CROSS JOIN LATERAL (
                  SELECT c.id, c.entry_date FROM finance.journal_line c
                   WHERE c.tenant_id = $1 AND c.account_id = a.account_id
                     AND c.ledger_id = (SELECT b.id FROM finance.ledger b WHERE b.tenant_id = $1 AND b.code = 'GENERAL')
                     AND c.entry_date BETWEEN a.from_day AND a.to_day
                     AND (c.entry_date, c.id) > (a.after_day, a.after_id)
                     AND (a.known_at IS NULL OR c.recorded_at <= a.known_at)
                     AND (a.unclosed IS NULL OR c.entry_date < a.unclosed OR c.entry_id <> ALL (ARRAY (
                           SELECT e.id FROM finance.journal_entry e WHERE e.tenant_id = $1 AND e.source = 'closing')))
                   ORDER BY c.entry_date, c.id
                   LIMIT a.row_limit) h) f
               JOIN finance.journal_line l ON l.tenant_id = $1 AND l.id = f.id
               JOIN finance.ledger g ON g.tenant_id = $1 AND g.id = l.ledger_id
              WHERE f.place <= f.row_limit
              ORDER BY f.page, l.entry_date, l.id"
        ))
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<Int4>, _>(probes.pages)
        .bind::<Array<SqlUuid>, _>(probes.accounts)
        .bind::<Array<BigInt>, _>(probes.limits)
        .bind::<Array<SqlDate>, _>(probes.froms)
        .bind::<Array<SqlDate>, _>(probes.tos)
        .bind::<Array<Nullable<Timestamptz>>, _>(probes.known)
        .bind::<Array<SqlDate>, _>(probes.after_days)
        .bind::<Array<SqlUuid>, _>(probes.after_ids)
        .bind::<Array<Nullable<SqlDate>>, _>(probes.unclosed),
    )
    .await
}

/// The same for pages that are narrowed to values: a probe of the index of labels for each value of the first dimension;
/// values of further dimensions are looked up line by line.
async fn of_values(tx: &Tx, keys: &[(i32, &LinePage)]) -> Result<Vec<Found>> {
    let mut probes = Probes::default();
    let (mut values, mut others) = (Vec::new(), Vec::new());
    for (page, key) in keys {
        let Some(((_, first), rest)) = key.span.only.split_first() else { continue };
        let rest: Vec<Vec<String>> =
            rest.iter().map(|(_, values)| values.iter().map(|value| value.0.to_string()).collect()).collect();
        for account in key.leaves.iter() {
            for value in first {
                probes.push(*page, key, *account);
                values.push(*value);
                others.push(serde_json::json!(rest));
            }
        }
    }
    tx.rows(
        sql(concat!(
            "SELECT f.page, ",
            line_columns!(),
            " FROM (SELECT a.page, h.id, h.entry_date, a.row_limit,
                      row_number() OVER (PARTITION BY a.page ORDER BY h.entry_date, h.id) AS place
                 FROM unnest($2::int[], $3::uuid[], $4::bigint[], $5::date[], $6::date[], $7::timestamptz[], $8::date[], $9::uuid[], $10::date[],
                             $11::uuid[], $12::jsonb[])
                   AS a (page, account_id, row_limit, from_day, to_day, known_at, after_day, after_id, unclosed, value_id, others)
                CROSS JOIN LATERAL (
                  SELECT c.line_id AS id, c.entry_date FROM finance.line_dimension c
                   WHERE c.tenant_id = $1 AND c.value_id = a.value_id AND c.account_id = a.account_id
                     AND c.ledger_id = (SELECT b.id FROM finance.ledger b WHERE b.tenant_id = $1 AND b.code = 'GENERAL')
                     AND c.entry_date BETWEEN a.from_day AND a.to_day
                     AND (c.entry_date, c.line_id) > (a.after_day, a.after_id)
                     AND (a.known_at IS NULL OR c.recorded_at <= a.known_at)
                     AND (a.unclosed IS NULL OR c.entry_date < a.unclosed OR c.entry_id <> ALL (ARRAY (
                           SELECT e.id FROM finance.journal_entry e WHERE e.tenant_id = $1 AND e.source = 'closing')))
                     AND NOT EXISTS (
                           SELECT 1 FROM jsonb_array_elements(a.others) AS o (vals)
                            WHERE NOT EXISTS (
                              SELECT 1 FROM jsonb_array_elements_text(o.vals) AS v (id)
                                JOIN finance.line_dimension d ON d.tenant_id = $1 AND d.value_id = v.id::uuid AND d.account_id = c.account_id
                                 AND d.entry_date = c.entry_date AND d.line_id = c.line_id))
                   ORDER BY c.entry_date, c.line_id
                   LIMIT a.row_limit) h) f
               JOIN finance.journal_line l ON l.tenant_id = $1 AND l.id = f.id
               JOIN finance.ledger g ON g.tenant_id = $1 AND g.id = l.ledger_id
              WHERE f.place <= f.row_limit
              ORDER BY f.page, l.entry_date, l.id"
        ))
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<Array<Int4>, _>(probes.pages)
        .bind::<Array<SqlUuid>, _>(probes.accounts)
        .bind::<Array<BigInt>, _>(probes.limits)
        .bind::<Array<SqlDate>, _>(probes.froms)
        .bind::<Array<SqlDate>, _>(probes.tos)
        .bind::<Array<Nullable<Timestamptz>>, _>(probes.known)
        .bind::<Array<SqlDate>, _>(probes.after_days)
        .bind::<Array<SqlUuid>, _>(probes.after_ids)
        .bind::<Array<Nullable<SqlDate>>, _>(probes.unclosed)
        .bind::<Array<SqlUuid>, _>(values)
        .bind::<Array<Jsonb>, _>(others),
    )
    .await
}
