//! From a figure to its lines: pages of journal lines of any set of accounts, many pages in one statement.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Int4, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::figures::Span;
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
        let after = match &slice.after {
            Some((date, id)) => Some((cursor_date(date)?.0, *id)),
            None => None,
        };
        Ok(Self { leaves, span, after, limit: slice.limit() })
    }
}

/// The cursor of a line.
#[must_use]
pub fn cursor(line: &JournalLine) -> String {
    encode(&line.date.0.to_string(), line.id.0)
}

/// The lines of pages.
pub struct LinesIn;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Int4)]
    page: i32,
    #[diesel(embed)]
    line: JournalLine,
}

impl Fetch for LinesIn {
    type Key = LinePage;
    type Value = Vec<JournalLine>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<LinePage>) -> Result<HashMap<LinePage, Vec<JournalLine>>> {
        // One probe of the ledger card a page and account, each cut at the page's size; then the pages are merged.
        let mut pages: Vec<i32> = Vec::new();
        let (mut accounts, mut limits) = (Vec::new(), Vec::new());
        let (mut froms, mut tos, mut known) = (Vec::new(), Vec::new(), Vec::new());
        let (mut after_days, mut after_ids, mut unclosed) = (Vec::new(), Vec::new(), Vec::new());
        for (page, key) in (0_i32..).zip(&keys) {
            // Behind a line means from its day on; without one, from the first day on and behind no id.
            let first = key.span.from.unwrap_or(FIRST_DAY);
            let (day, id) = key.after.unwrap_or((first, Uuid::nil()));
            for account in key.leaves.iter() {
                pages.push(page);
                accounts.push(*account);
                limits.push(key.limit);
                froms.push(first);
                tos.push(key.span.to);
                known.push(key.span.known_at);
                after_days.push(day);
                after_ids.push(id);
                unclosed.push(key.span.unclosed);
            }
        }
        let rows: Vec<Found> = tx
            .rows(
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
                .bind::<Array<Int4>, _>(pages)
                .bind::<Array<SqlUuid>, _>(accounts)
                .bind::<Array<BigInt>, _>(limits)
                .bind::<Array<SqlDate>, _>(froms)
                .bind::<Array<SqlDate>, _>(tos)
                .bind::<Array<Nullable<Timestamptz>>, _>(known)
                .bind::<Array<SqlDate>, _>(after_days)
                .bind::<Array<SqlUuid>, _>(after_ids)
                .bind::<Array<Nullable<SqlDate>>, _>(unclosed),
            )
            .await?;
        let mut found: HashMap<LinePage, Vec<JournalLine>> = HashMap::with_capacity(keys.len());
        for row in rows {
            if let Some(key) = usize::try_from(row.page).ok().and_then(|page| keys.get(page)) {
                found.entry(key.clone()).or_default().push(row.line);
            }
        }
        Ok(found)
    }
}

/// Before any posting: no date of the interface is earlier.
const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};
