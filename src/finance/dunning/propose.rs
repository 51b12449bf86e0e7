//! Runs: what is looked at, and what is written of it, in sets.

use std::collections::{BTreeMap, HashMap};

use backoffice_money::{Decimal, add};
use chrono::NaiveDate;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Date as SqlDate, Int4, Nullable, Numeric, Text, Uuid as SqlUuid};
use uuid::Uuid;

use super::rules::{Facts, OpenPart, Proposed, days_overdue, propose};
use super::{DunningOmission, DunningRun, DunningRunProposeInput, level};
use crate::finance::dunning::level::DunningLevel;
use crate::finance::ids::{CustomerId, DunningItemId, DunningNoticeId, DunningRunId, OpenItemId};
use crate::finance::ledger::lock;
use crate::finance::receivables::customer::Customer;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::currency;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::sql::sql;
use crate::schema::dunning_run;

/// The most customers that a run is narrowed to.
const MOST: usize = 500;

/// A part of an open item, with what is known of the item.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    open_item_id: OpenItemId,
    #[diesel(sql_type = SqlUuid)]
    customer_id: CustomerId,
    #[diesel(sql_type = Text)]
    document: String,
    #[diesel(sql_type = Text)]
    customer_name: String,
    #[diesel(sql_type = Text)]
    currency: String,
    #[diesel(sql_type = Numeric)]
    open_now: Decimal,
    #[diesel(sql_type = SqlDate)]
    due_date: NaiveDate,
    #[diesel(sql_type = Numeric)]
    open: Decimal,
    #[diesel(sql_type = Bool)]
    charge: bool,
    #[diesel(sql_type = Bool)]
    disputed: bool,
    #[diesel(sql_type = Bool)]
    proposed: bool,
    #[diesel(sql_type = Int4)]
    sent_level: i32,
    #[diesel(sql_type = Nullable<SqlDate>)]
    interest_through: Option<NaiveDate>,
}

/// An open item that is looked at.
pub(super) struct Candidate {
    pub open_item: OpenItemId,
    customer: CustomerId,
    document: String,
    customer_name: String,
    currency: String,
    facts: Facts,
}

/// What customers owed at the end of a day and still do, in the order of the items' ids. `only` narrows to customers or to
/// items; what `of` reminders propose does not count as proposed by another run.
pub(super) async fn candidates(tx: &Tx, day: NaiveDate, only: Only, of: Vec<Uuid>) -> Result<Vec<Candidate>> {
    let decimals = i32::try_from(currency(tx.book_currency())?.exponent()).unwrap_or(2);
    let (customers, items) = match only {
        Only::All => (None, None),
        Only::Customers(ids) => (Some(ids), None),
        Only::Items(ids) => (None, Some(ids)),
    };
    let rows: Vec<Row> = tx
        .rows(
            sql("SELECT i.id AS open_item_id, i.customer_id, i.document, i.party_name AS customer_name, i.currency,
                        i.open_amount AS open_now, p.due_date, p.open, i.dunning_notice_id IS NOT NULL AS charge,
                        EXISTS (SELECT 1 FROM finance.open_item_dispute x
                                 WHERE x.tenant_id = $1 AND x.open_item_id = i.id AND x.ended_at IS NULL) AS disputed,
                        EXISTS (SELECT 1 FROM finance.dunning_item x
                                 WHERE x.tenant_id = $1 AND x.open_item_id = i.id AND x.state = 'proposed'
                                   AND x.notice_id <> ALL ($6)) AS proposed,
                        coalesce(d.level, 0) AS sent_level, d.interest_through
                   FROM finance.open_parts($1, 'receivable', $2, NULL, $3) p
                   JOIN finance.open_item i ON i.tenant_id = $1 AND i.id = p.open_item_id
                   LEFT JOIN (SELECT s.open_item_id, max(s.level) AS level,
                                     max(s.run_on) FILTER (WHERE s.interest_percent > 0) AS interest_through
                                FROM finance.dunning_item s WHERE s.tenant_id = $1 AND s.state = 'sent'
                               GROUP BY s.open_item_id) d ON d.open_item_id = i.id
                  WHERE i.amount > 0 AND i.open_amount > 0
                    AND ($4::uuid[] IS NULL OR i.customer_id = ANY ($4))
                    AND ($5::uuid[] IS NULL OR i.id = ANY ($5))
                  ORDER BY i.id, p.due_date, p.instalment_no")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(day)
            .bind::<Int4, _>(decimals)
            .bind::<Nullable<Array<SqlUuid>>, _>(
                customers.map(|ids| ids.into_iter().map(|id| id.0).collect::<Vec<_>>()),
            )
            .bind::<Nullable<Array<SqlUuid>>, _>(items.map(|ids| ids.into_iter().map(|id| id.0).collect::<Vec<_>>()))
            .bind::<Array<SqlUuid>, _>(of),
        )
        .await?;
    let mut found: Vec<Candidate> = Vec::new();
    for row in rows {
        let part = OpenPart { due_date: row.due_date, open: row.open };
        match found.last_mut() {
            Some(last) if last.open_item == row.open_item_id => last.facts.parts.push(part),
            _ => found.push(Candidate {
                open_item: row.open_item_id,
                customer: row.customer_id,
                document: row.document,
                customer_name: row.customer_name,
                facts: Facts {
                    parts: vec![part],
                    open_now: row.open_now,
                    currency: currency(&row.currency)?,
                    disputed: row.disputed,
                    proposed: row.proposed,
                    charge: row.charge,
                    sent_level: row.sent_level,
                    interest_through: row.interest_through,
                },
                currency: row.currency,
            }),
        }
    }
    Ok(found)
}

/// What a run looks at.
pub(super) enum Only {
    /// All that customers owe.
    All,
    /// What these customers owe.
    Customers(Vec<CustomerId>),
    /// These items.
    Items(Vec<OpenItemId>),
}

impl Candidate {
    /// What comes next for it on a day.
    pub(super) fn proposed(
        &self,
        levels: &[DunningLevel],
        day: NaiveDate,
    ) -> Result<std::result::Result<Proposed, DunningOmission>> {
        Ok(propose(&self.facts, levels, day)?)
    }
}

/// A reminder that is written.
#[derive(Default)]
struct Notice {
    customer_name: String,
    level: i32,
    overdue: Decimal,
    interest: Decimal,
}

/// Proposes reminders.
pub(super) async fn run(tx: &Tx, input: DunningRunProposeInput) -> Result<DunningRun> {
    let day = input.date.map_or_else(|| tx.today(), |date| date.0);
    if day > tx.today() {
        let message = "Nobody is reminded before the day has come.";
        return Err(Error::refuse(UserErrorCode::Invalid, "date", message));
    }
    let only = match input.customers {
        Some(given) if given.len() > MOST => {
            let message = format!("A run is narrowed to at most {MOST} customers.");
            return Err(Error::refuse(UserErrorCode::Invalid, "customers", message));
        }
        Some(given) => Only::Customers(given),
        None => Only::All,
    };
    if let Only::Customers(ids) = &only {
        let known = Customer::fetch(tx, ids.clone()).await?;
        if let Some(at) = ids.iter().position(|id| !known.contains_key(id)) {
            return Err(Error::not_found(&format!("customers.{at}"), "customer"));
        }
    }
    // of two runs the second sees what the first proposes
    lock::general_for_update(tx).await?;
    let levels = level::all(tx).await?;
    if levels.is_empty() {
        let message = "There are no levels of reminders: set them first.";
        return Err(Error::refuse(UserErrorCode::State, "date", message));
    }
    let found = candidates(tx, day, only, Vec::new()).await?;
    let made: DunningRun = tx
        .row(
            diesel::insert_into(dunning_run::table)
                .values((
                    dunning_run::tenant_id.eq(tx.tenant()?),
                    dunning_run::id.eq(DunningRunId::new()),
                    dunning_run::run_on.eq(Date(day)),
                    dunning_run::proposed_by_name.eq(tx.actor_name().to_owned()),
                ))
                .returning(DunningRun::as_returning()),
        )
        .await?;
    let mut notices: BTreeMap<(CustomerId, String), Notice> = BTreeMap::new();
    let mut looked = Vec::with_capacity(found.len());
    for one in &found {
        let outcome = one.proposed(&levels, day)?;
        if let Ok(proposed) = &outcome {
            let notice = notices.entry((one.customer, one.currency.clone())).or_default();
            notice.customer_name.clone_from(&one.customer_name);
            notice.level = notice.level.max(proposed.level);
            notice.overdue = add(notice.overdue, proposed.overdue)?;
            notice.interest = add(notice.interest, proposed.interest)?;
        }
        looked.push((one, outcome));
    }
    let ids = write_notices(tx, &made, &notices, &levels).await?;
    write_items(tx, &made, &looked, &ids).await?;
    emit(tx, EventKind::DunningRunProposed, made.id.0);
    Ok(made)
}

/// The fee of a reminder of a level, in its currency: none in another one than the books'.
pub(super) fn fee(tx: &Tx, levels: &[DunningLevel], level: i32, code: &str) -> (Decimal, bool) {
    let found = levels.iter().find(|one| one.level == level);
    let fee = found.filter(|_| code == tx.book_currency()).map(|one| one.fee.0).unwrap_or_default();
    (fee, found.is_some_and(|one| one.book_charges))
}

async fn write_notices(
    tx: &Tx,
    run: &DunningRun,
    notices: &BTreeMap<(CustomerId, String), Notice>,
    levels: &[DunningLevel],
) -> Result<HashMap<(CustomerId, String), DunningNoticeId>> {
    let ids: HashMap<(CustomerId, String), DunningNoticeId> =
        notices.keys().map(|key| (key.clone(), DunningNoticeId::new())).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let costs: Vec<(Decimal, bool)> =
        notices.iter().map(|((_, code), notice)| fee(tx, levels, notice.level, code)).collect();
    tx.exec(
        sql("INSERT INTO finance.dunning_notice (tenant_id, id, run_id, customer_id, customer_name, currency, level, overdue, fee, interest,
                                                 book_charges, state)
             SELECT $1, n.id, $2, n.customer_id, n.customer_name, n.currency, n.level, n.overdue, n.fee, n.interest, n.book_charges, 'proposed'
               FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::int[], $8::numeric[], $9::numeric[], $10::numeric[], $11::boolean[])
                 AS n (id, customer_id, customer_name, currency, level, overdue, fee, interest, book_charges)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(run.id)
            .bind::<Array<SqlUuid>, _>(notices.keys().filter_map(|key| ids.get(key).copied()).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(notices.keys().map(|(customer, _)| *customer).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(notices.values().map(|one| one.customer_name.clone()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(notices.keys().map(|(_, code)| code.clone()).collect::<Vec<_>>())
            .bind::<Array<Int4>, _>(notices.values().map(|one| one.level).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(notices.values().map(|one| one.overdue).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(costs.iter().map(|(fee, _)| *fee).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(notices.values().map(|one| one.interest).collect::<Vec<_>>())
            .bind::<Array<Bool>, _>(costs.iter().map(|(_, book)| *book).collect::<Vec<_>>()),
    )
    .await?;
    Ok(ids)
}

type Looked<'a> = (&'a Candidate, std::result::Result<Proposed, DunningOmission>);

async fn write_items(
    tx: &Tx,
    run: &DunningRun,
    looked: &[Looked<'_>],
    notices: &HashMap<(CustomerId, String), DunningNoticeId>,
) -> Result<()> {
    if looked.is_empty() {
        return Ok(());
    }
    let day = run.run_on.0;
    let notice = |(one, outcome): &Looked<'_>| {
        outcome.as_ref().ok().and_then(|_| notices.get(&(one.customer, one.currency.clone())).copied())
    };
    let of = |(one, outcome): &Looked<'_>| match outcome {
        Ok(proposed) => *proposed,
        Err(_) => Proposed {
            level: one.facts.sent_level,
            days_overdue: days_overdue(&one.facts, day),
            overdue: one.facts.open_now,
            interest_percent: Decimal::ZERO,
            interest: Decimal::ZERO,
        },
    };
    let written: Vec<Proposed> = looked.iter().map(of).collect();
    let left_out = |(_, outcome): &Looked<'_>| outcome.as_ref().err().map(|reason| reason.text().to_owned());
    tx.exec(
        sql("INSERT INTO finance.dunning_item (tenant_id, id, run_id, run_on, notice_id, open_item_id, document, customer_name, currency, level,
                                               days_overdue, overdue, interest_percent, interest, left_out_for, state)
             SELECT $1, n.id, $2, $3, n.notice_id, n.open_item_id, n.document, n.customer_name, n.currency, n.level, n.days_overdue, n.overdue,
                    n.interest_percent, n.interest, n.left_out_for, CASE WHEN n.left_out_for IS NULL THEN 'proposed' ELSE 'left_out' END
               FROM unnest($4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::int[], $11::int[], $12::numeric[],
                           $13::numeric[], $14::numeric[], $15::text[])
                 AS n (id, notice_id, open_item_id, document, customer_name, currency, level, days_overdue, overdue, interest_percent, interest,
                       left_out_for)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(run.id)
            .bind::<SqlDate, _>(day)
            .bind::<Array<SqlUuid>, _>(looked.iter().map(|_| DunningItemId::new()).collect::<Vec<_>>())
            .bind::<Array<Nullable<SqlUuid>>, _>(looked.iter().map(notice).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(looked.iter().map(|(one, _)| one.open_item).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(looked.iter().map(|(one, _)| one.document.clone()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(looked.iter().map(|(one, _)| one.customer_name.clone()).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(looked.iter().map(|(one, _)| one.currency.clone()).collect::<Vec<_>>())
            .bind::<Array<Int4>, _>(written.iter().map(|one| one.level).collect::<Vec<_>>())
            .bind::<Array<Int4>, _>(written.iter().map(|one| one.days_overdue).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(written.iter().map(|one| one.overdue).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(written.iter().map(|one| one.interest_percent).collect::<Vec<_>>())
            .bind::<Array<Numeric>, _>(written.iter().map(|one| one.interest).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(looked.iter().map(left_out).collect::<Vec<_>>()),
    )
    .await?;
    Ok(())
}
