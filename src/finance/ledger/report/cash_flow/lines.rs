//! The lines that a row of the statement of cash flows sums, page by page.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use diesel::sql_types::{Array, BigInt, Bool, Date as SqlDate, Int4, Jsonb, Nullable, Timestamptz, Uuid as SqlUuid};
use uuid::Uuid;

use super::Days;
use super::place::cash_accounts;
use crate::finance::ids::AccountId;
use crate::finance::ledger::journal::{JournalLine, line_columns};
use crate::finance::ledger::report::lines::{Found, by_page};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::sql::sql;

/// A page of the lines that a row sums.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CashFlowPage {
    pub(super) leaves: Arc<[AccountId]>,
    pub(super) direct: bool,
    pub(super) days: Days,
    pub(super) after: Option<(NaiveDate, Uuid)>,
    pub(super) limit: i64,
}

/// The lines that rows sum: of their accounts, where told directly those in entries that touch cash.
pub struct CashFlowLines;

impl Fetch for CashFlowLines {
    type Key = CashFlowPage;
    type Value = Vec<JournalLine>;
    const CAN: Can = Can::JournalRead;

    async fn fetch(tx: &Tx, keys: Vec<CashFlowPage>) -> Result<HashMap<CashFlowPage, Vec<JournalLine>>> {
        let cash = cash_accounts(tx).await?;
        let pages = i32::try_from(keys.len()).unwrap_or(i32::MAX);
        let leaves = |key: &CashFlowPage| -> serde_json::Value {
            key.leaves.iter().map(|account| account.0.to_string()).collect::<Vec<_>>().into()
        };
        let rows: Vec<Found> = tx
            .rows(
                sql(concat!(
                    "SELECT f.page, ",
                    line_columns!(),
                    " FROM unnest($2::int[], $3::jsonb[], $4::bool[], $5::date[], $6::date[], $7::timestamptz[], $8::date[], $9::uuid[], $10::bigint[])
                           AS k (page, leaves, direct, from_on, to_on, known_at, after_day, after_id, row_limit)
                     CROSS JOIN LATERAL (
                       SELECT k.page, c.id
                         FROM jsonb_array_elements_text(k.leaves) AS v (id)
                         JOIN finance.journal_line c ON c.tenant_id = $1 AND c.account_id = v.id::uuid AND c.entry_date BETWEEN k.from_on AND k.to_on
                         JOIN finance.journal_entry j ON j.tenant_id = $1 AND j.id = c.entry_id AND j.source NOT IN ('opening', 'closing')
                        WHERE (k.known_at IS NULL OR c.recorded_at <= k.known_at)
                          AND (k.after_id IS NULL OR (c.entry_date, c.id) > (k.after_day, k.after_id))
                          AND (NOT k.direct OR EXISTS (SELECT 1 FROM finance.journal_line o
                                                        WHERE o.tenant_id = $1 AND o.entry_id = c.entry_id AND o.account_id = ANY ($11)))
                        ORDER BY c.entry_date, c.id LIMIT k.row_limit) f
                     JOIN finance.journal_line l ON l.tenant_id = $1 AND l.id = f.id
                     JOIN finance.ledger g ON g.tenant_id = $1 AND g.id = l.ledger_id
                    ORDER BY f.page, l.entry_date, l.id"
                ))
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<Int4>, _>((0..pages).collect::<Vec<_>>())
                .bind::<Array<Jsonb>, _>(keys.iter().map(leaves).collect::<Vec<_>>())
                .bind::<Array<Bool>, _>(keys.iter().map(|key| key.direct).collect::<Vec<_>>())
                .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.days.from).collect::<Vec<_>>())
                .bind::<Array<SqlDate>, _>(keys.iter().map(|key| key.days.to).collect::<Vec<_>>())
                .bind::<Array<Nullable<Timestamptz>>, _>(keys.iter().map(|key| key.days.known_at).collect::<Vec<_>>())
                .bind::<Array<Nullable<SqlDate>>, _>(keys.iter().map(|key| key.after.map(|at| at.0)).collect::<Vec<_>>())
                .bind::<Array<Nullable<SqlUuid>>, _>(keys.iter().map(|key| key.after.map(|at| at.1)).collect::<Vec<_>>())
                .bind::<Array<BigInt>, _>(keys.iter().map(|key| key.limit).collect::<Vec<_>>())
                .bind::<Array<SqlUuid>, _>(cash),
            )
            .await?;
        Ok(by_page(&keys, rows))
    }
}
