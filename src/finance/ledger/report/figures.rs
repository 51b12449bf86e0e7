//! What an account moved by: sums of kept balances less what was recorded later than the moment asked about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use backoffice_money::{Decimal, add};
use chrono::{DateTime as Moment, Datelike, Months, NaiveDate, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Date as SqlDate, Nullable, Numeric, Timestamptz, Uuid as SqlUuid};

use crate::finance::ids::{AccountId, DimensionId, DimensionValueId};
use crate::finance::ledger::dimension::value::DimensionValue;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result};
use crate::platform::sql::sql;

/// What a report looks at: the days from `from` (or the beginning) to `to`, as they were known at a moment (or now).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// First day; everything before it is the opening. None: from the beginning.
    pub from: Option<NaiveDate>,
    /// Last day.
    pub to: NaiveDate,
    /// Only what was recorded up to this moment counts. None: everything.
    pub known_at: Option<Moment<Utc>>,
    /// Entries that close a fiscal year, or reopen it, are left out from this day on. None: they count like any other.
    pub unclosed: Option<NaiveDate>,
    /// Only lines that stand on one of these values, of each dimension that is named. Empty: all lines.
    pub only: Only,
}

/// Values of dimensions, each dimension once.
pub type Only = Arc<[(DimensionId, Vec<DimensionValueId>)]>;

impl Span {
    /// The days from `from` (or the beginning) to `to`, with all entries.
    #[must_use]
    pub fn of(from: Option<NaiveDate>, to: NaiveDate, known_at: Option<Moment<Utc>>) -> Self {
        Self { from, to, known_at, unclosed: None, only: Arc::new([]) }
    }
}

/// What an account moved by, in the books' currency; all without sign.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The account.
    #[diesel(sql_type = SqlUuid)]
    pub account_id: AccountId,
    /// Debits before the span.
    #[diesel(sql_type = Numeric)]
    pub debit_before: Decimal,
    /// Credits before the span.
    #[diesel(sql_type = Numeric)]
    pub credit_before: Decimal,
    /// Debits in the span.
    #[diesel(sql_type = Numeric)]
    pub debit: Decimal,
    /// Credits in the span.
    #[diesel(sql_type = Numeric)]
    pub credit: Decimal,
    /// How many lines there are before the span.
    #[diesel(sql_type = BigInt)]
    pub lines_before: i64,
    /// How many lines the span has.
    #[diesel(sql_type = BigInt)]
    pub lines: i64,
}

impl Figures {
    /// An account that has not moved.
    #[must_use]
    pub fn none(account_id: AccountId) -> Self {
        let (zero, lines) = (Decimal::ZERO, 0);
        Self {
            account_id,
            debit_before: zero,
            credit_before: zero,
            debit: zero,
            credit: zero,
            lines_before: lines,
            lines,
        }
    }

    /// Whether there is a line at all.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.lines != 0 || self.lines_before != 0
    }

    /// Only what lies in the span.
    #[must_use]
    pub fn within(&self) -> Self {
        Self { debit: self.debit, credit: self.credit, lines: self.lines, ..Self::none(self.account_id) }
    }

    /// Only what lies before the span, as if it were the span.
    #[must_use]
    pub fn before(&self) -> Self {
        Self {
            debit: self.debit_before,
            credit: self.credit_before,
            lines: self.lines_before,
            ..Self::none(self.account_id)
        }
    }

    /// All of it, as if it were the span.
    pub fn whole(&self) -> Result<Self> {
        Ok(Self {
            debit: add(self.debit_before, self.debit)?,
            credit: add(self.credit_before, self.credit)?,
            lines: self.lines_before.saturating_add(self.lines),
            ..Self::none(self.account_id)
        })
    }
}

/// How a span is put together: whole months from the monthly balances, the days of broken months from the daily ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cut {
    /// First day that counts as in the span.
    from: NaiveDate,
    /// Months from this one on are not taken whole; the days from here to the end of the span are.
    tail: NaiveDate,
    /// The month that `from` breaks: left out as a whole, its days taken. Another day than the first of a month if
    /// `from` breaks none.
    head: NaiveDate,
    /// The last day of that month that is taken by days here; before `head` if there is nothing to take.
    head_last: NaiveDate,
}

impl Cut {
    fn of(span: &Span) -> Option<Self> {
        let tail = span.to.succ_opt()?.with_day(1)?;
        let from = span.from.unwrap_or(NaiveDate::from_ymd_opt(1, 1, 1)?);
        if from.day() == 1 {
            // No month begins on a second day, so this leaves none out and takes no day.
            return Some(Self { from, tail, head: from.succ_opt()?, head_last: from });
        }
        let head = from.with_day(1)?;
        let month_end = head.checked_add_months(Months::new(1))?.pred_opt()?;
        Some(Self { from, tail, head, head_last: month_end.min(tail.pred_opt()?) })
    }
}

/// The figures of the accounts that moved up to the end of the span, in one statement. `only`: of these accounts.
pub async fn figures(tx: &Tx, span: &Span, only: Option<&[AccountId]>) -> Result<HashMap<AccountId, Figures>> {
    if !span.only.is_empty() {
        return of_values(tx, span, only).await;
    }
    let cut = Cut::of(span).ok_or_else(|| Error::BadInput("This date lies too far away.".to_owned()))?;
    let rows: Vec<Figures> = tx
        .rows(
            sql("WITH book AS (SELECT l.id FROM finance.ledger l WHERE l.tenant_id = $1 AND l.code = 'GENERAL'),
                 part AS (
                   SELECT a.id AS account_id, p.within, p.debit, p.credit, p.lines
                     FROM finance.account a
                    CROSS JOIN LATERAL (
                      SELECT m.month >= $2 AS within, m.debit, m.credit, m.lines FROM finance.account_month m
                       WHERE m.tenant_id = $1 AND m.ledger_id = (SELECT id FROM book) AND m.account_id = a.id
                         AND m.month < $4 AND m.month <> $5
                       UNION ALL
                      SELECT b.on_date >= $2, b.debit, b.credit, b.lines FROM finance.account_balance b
                       WHERE b.tenant_id = $1 AND b.ledger_id = (SELECT id FROM book) AND b.account_id = a.id
                         AND b.on_date BETWEEN $4 AND $3
                       UNION ALL
                      SELECT b.on_date >= $2, b.debit, b.credit, b.lines FROM finance.account_balance b
                       WHERE b.tenant_id = $1 AND b.ledger_id = (SELECT id FROM book) AND b.account_id = a.id
                         AND b.on_date BETWEEN $5 AND $6) p
                    WHERE a.tenant_id = $1 AND NOT a.is_group AND ($8::uuid[] IS NULL OR a.id = ANY ($8))
                    UNION ALL
                   SELECT l.account_id, l.entry_date >= $2, -greatest(l.amount, 0), -greatest(-l.amount, 0), -1
                     FROM finance.journal_line l
                    WHERE l.tenant_id = $1 AND l.recorded_at > $7 AND l.ledger_id = (SELECT id FROM book)
                      AND l.entry_date <= $3 AND ($8::uuid[] IS NULL OR l.account_id = ANY ($8))
                    UNION ALL
                   SELECT l.account_id, l.entry_date >= $2, -greatest(l.amount, 0), -greatest(-l.amount, 0), -1
                     FROM finance.journal_entry e
                     JOIN finance.journal_line l ON l.tenant_id = $1 AND l.entry_id = e.id
                    WHERE e.tenant_id = $1 AND e.source = 'closing' AND e.ledger_id = (SELECT id FROM book)
                      AND e.entry_date BETWEEN $9 AND $3 AND ($7 IS NULL OR e.recorded_at <= $7)
                      AND ($8::uuid[] IS NULL OR l.account_id = ANY ($8)))
                 SELECT account_id,
                        coalesce(sum(debit) FILTER (WHERE NOT within), 0) AS debit_before,
                        coalesce(sum(credit) FILTER (WHERE NOT within), 0) AS credit_before,
                        coalesce(sum(debit) FILTER (WHERE within), 0) AS debit,
                        coalesce(sum(credit) FILTER (WHERE within), 0) AS credit,
                        coalesce(sum(lines) FILTER (WHERE NOT within), 0)::bigint AS lines_before,
                        coalesce(sum(lines) FILTER (WHERE within), 0)::bigint AS lines
                   FROM part GROUP BY account_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(cut.from)
            .bind::<SqlDate, _>(span.to)
            .bind::<SqlDate, _>(cut.tail)
            .bind::<SqlDate, _>(cut.head)
            .bind::<SqlDate, _>(cut.head_last)
            .bind::<Nullable<Timestamptz>, _>(span.known_at)
            .bind::<Nullable<Array<SqlUuid>>, _>(only.map(<[AccountId]>::to_vec))
            .bind::<Nullable<SqlDate>, _>(span.unclosed),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row)).collect())
}

/// The same from the lines on values of dimensions, by the index of their labels. A line has one value of a dimension, so
/// one that is found as often as dimensions are named stands on a value of each.
async fn of_values(tx: &Tx, span: &Span, only: Option<&[AccountId]>) -> Result<HashMap<AccountId, Figures>> {
    let rows: Vec<Figures> = tx
        .rows(
            sql("WITH line AS (
                   SELECT d.line_id, d.account_id, d.entry_date >= $2 AS within, d.amount
                     FROM finance.line_dimension d
                    WHERE d.tenant_id = $1 AND d.value_id = ANY ($4) AND d.entry_date <= $3
                      AND d.ledger_id = (SELECT l.id FROM finance.ledger l WHERE l.tenant_id = $1 AND l.code = 'GENERAL')
                      AND ($5::timestamptz IS NULL OR d.recorded_at <= $5)
                      AND ($6::uuid[] IS NULL OR d.account_id = ANY ($6))
                      AND ($7::date IS NULL OR d.entry_date < $7 OR d.entry_id <> ALL (ARRAY (
                            SELECT e.id FROM finance.journal_entry e WHERE e.tenant_id = $1 AND e.source = 'closing')))
                    GROUP BY 1, 2, 3, 4 HAVING count(*) = $8)
                 SELECT account_id,
                        coalesce(sum(greatest(amount, 0)) FILTER (WHERE NOT within), 0) AS debit_before,
                        coalesce(sum(greatest(-amount, 0)) FILTER (WHERE NOT within), 0) AS credit_before,
                        coalesce(sum(greatest(amount, 0)) FILTER (WHERE within), 0) AS debit,
                        coalesce(sum(greatest(-amount, 0)) FILTER (WHERE within), 0) AS credit,
                        count(*) FILTER (WHERE NOT within) AS lines_before,
                        count(*) FILTER (WHERE within) AS lines
                   FROM line GROUP BY account_id")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(span.from.unwrap_or(FIRST_DAY))
            .bind::<SqlDate, _>(span.to)
            .bind::<Array<SqlUuid>, _>(span.only.iter().flat_map(|(_, values)| values.clone()).collect::<Vec<_>>())
            .bind::<Nullable<Timestamptz>, _>(span.known_at)
            .bind::<Nullable<Array<SqlUuid>>, _>(only.map(<[AccountId]>::to_vec))
            .bind::<Nullable<SqlDate>, _>(span.unclosed)
            .bind::<BigInt, _>(i64::try_from(span.only.len()).unwrap_or(i64::MAX)),
        )
        .await?;
    Ok(rows.into_iter().map(|row| (row.account_id, row)).collect())
}

/// The values that a caller names, by dimension.
pub async fn named(tx: &Tx, values: Option<Vec<DimensionValueId>>) -> Result<Only> {
    let values = values.unwrap_or_default();
    if values.len() > MOST_VALUES {
        return Err(Error::BadInput(format!("A report is narrowed to at most {MOST_VALUES} values.")));
    }
    let known = if values.is_empty() { HashMap::new() } else { DimensionValue::fetch(tx, values.clone()).await? };
    let mut by_dimension: BTreeMap<DimensionId, BTreeSet<DimensionValueId>> = BTreeMap::new();
    for id in values {
        let value = known.get(&id).ok_or_else(|| Error::BadInput("There is no such dimension value.".to_owned()))?;
        by_dimension.entry(value.dimension_id).or_default().insert(id);
    }
    Ok(by_dimension.into_iter().map(|(dimension, values)| (dimension, values.into_iter().collect())).collect())
}

/// The most values that a report is narrowed to.
const MOST_VALUES: usize = 100;

/// Before any posting: no date of the interface is earlier.
pub(super) const FIRST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn day(number: u64) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + Days::new(number)
    }

    proptest! {
        /// Every day up to the end of the span is counted once, on the right side of its beginning.
        #[test]
        fn months_and_days_cover_the_span(from in prop::option::of(0u64..800), to in 0u64..800) {
            let span = Span::of(from.map(day), day(to), None);
            let cut = Cut::of(&span).unwrap();
            for on in (0..900).map(day) {
                let month = on.with_day(1).unwrap();
                let by_month = month < cut.tail && month != cut.head;
                let by_tail = (cut.tail..=span.to).contains(&on);
                let by_head = (cut.head..=cut.head_last).contains(&on);
                let times = [by_month, by_tail, by_head].into_iter().filter(|taken| *taken).count();
                prop_assert_eq!(times, usize::from(on <= span.to), "{}", on);
                if by_month {
                    // A whole month lies on one side of the beginning.
                    prop_assert_eq!(month >= cut.from, on >= cut.from);
                }
            }
        }
    }
}
