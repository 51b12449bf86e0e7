//! Drawing a sample: a set, in the database, from what it holds at this moment.

use async_graphql::{Context, InputObject, Object};
use backoffice_money::Decimal;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Date as SqlDate, Int4, Nullable, Numeric, Text, Timestamptz, Uuid as SqlUuid};

use super::sample::{AuditSample, AuditSampleMethod};
use crate::finance::ids::{AccountId, AuditSampleId};
use crate::finance::ledger::account::Account;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::Date;
use crate::platform::scope::Ask;
use crate::platform::sql::sql;
use crate::schema::audit_sample;

/// The most entries or pointers of a sample.
const MOST: i32 = 1000;

/// What is drawn, from what, and how.
#[derive(InputObject, Clone, Debug)]
pub struct AuditSampleDrawInput {
    /// What it is drawn for, 1 to 100 characters.
    pub name: String,
    /// The first day whose entries may be drawn.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Only entries that move on this account, counted with what they move there; all entries, counted with their debits, if
    /// not said.
    pub account: Option<AccountId>,
    /// How it is drawn.
    pub method: AuditSampleMethod,
    /// How many entries, or how many pointers, 1 to 1,000. In a random sample at most as many as there are entries.
    pub size: i32,
    /// What it is drawn by, 1 to 100 characters: chosen by the auditor, so that nobody else can choose the entries.
    pub seed: String,
}

crate::platform::payload! {
    /// What became of a sample.
    AuditSamplePayload {
        /// The sample.
        audit_sample: AuditSample
    }
}

#[derive(QueryableByName)]
struct Population {
    #[diesel(sql_type = BigInt)]
    entries: i64,
    #[diesel(sql_type = Numeric)]
    amount: Decimal,
}

async fn draw(tx: &Tx, input: AuditSampleDrawInput) -> Result<AuditSample> {
    let AuditSampleDrawInput { name, from, to, account, method, size, seed } = input;
    sized("name", &name, 1..=100)?;
    sized("seed", &seed, 1..=100)?;
    if to.0 < from.0 {
        return Err(Error::refuse(UserErrorCode::Invalid, "to", "The last day lies before the first."));
    }
    if !(1..=MOST).contains(&size) {
        return Err(Error::refuse(UserErrorCode::Invalid, "size", format!("A sample has 1 to {MOST} entries.")));
    }
    if let Some(account) = account {
        let found = Account::fetch(tx, vec![account]).await?;
        let found = found.get(&account).ok_or_else(|| Error::not_found("account", "account"))?;
        if found.is_group {
            return Err(Error::refuse(UserErrorCode::Invalid, "account", "Nothing is posted to a group."));
        }
    }
    let known_at = tx.now();
    let population: Population = tx
        .row(
            sql("SELECT count(*) AS entries, coalesce(sum(v.amount), 0) AS amount
                   FROM finance.audit_values($1, $2, $3, $4, $5) v")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(from)
            .bind::<SqlDate, _>(to)
            .bind::<Nullable<SqlUuid>, _>(account)
            .bind::<Timestamptz, _>(known_at),
        )
        .await?;
    let Population { entries, amount } = population;
    if entries == 0 {
        return Err(Error::refuse(UserErrorCode::State, "from", "There is no entry in these days to draw from."));
    }
    match method {
        AuditSampleMethod::Random if i64::from(size) > entries => {
            let message = format!("There are only {entries} entries to draw from.");
            return Err(Error::refuse(UserErrorCode::Invalid, "size", message));
        }
        AuditSampleMethod::MonetaryUnit if amount.is_zero() => {
            return Err(Error::refuse(UserErrorCode::State, "method", "These entries come to nothing."));
        }
        AuditSampleMethod::Random | AuditSampleMethod::MonetaryUnit => {}
    }
    let drawn: AuditSample = tx
        .row(
            diesel::insert_into(audit_sample::table)
                .values((
                    audit_sample::tenant_id.eq(tx.tenant()?),
                    audit_sample::id.eq(AuditSampleId::new()),
                    audit_sample::name.eq(name),
                    audit_sample::from_on.eq(from),
                    audit_sample::to_on.eq(to),
                    audit_sample::account_id.eq(account),
                    audit_sample::method.eq(method),
                    audit_sample::seed.eq(seed),
                    audit_sample::size.eq(size),
                    audit_sample::known_at.eq(known_at),
                    audit_sample::population.eq(i32::try_from(entries).unwrap_or(i32::MAX)),
                    audit_sample::population_amount.eq(amount),
                    audit_sample::drawn_by_name.eq(tx.actor_name().to_owned()),
                ))
                .returning(AuditSample::as_returning()),
        )
        .await?;
    take(tx, &drawn, account).await?;
    emit(tx, EventKind::AuditSampleDrawn, drawn.id.0);
    Ok(drawn)
}

/// The entries of a sample. Counting the pointers before an entry's end less those before its beginning gives those that
/// stand on it: each end is the next one's beginning, so that together they are as many as were asked for, however the
/// quotients are rounded.
async fn take(tx: &Tx, sample: &AuditSample, account: Option<AccountId>) -> Result<()> {
    let statement = match sample.method {
        AuditSampleMethod::Random => sql(
            "INSERT INTO finance.audit_sample_item (tenant_id, id, sample_id, place, entry_id, amount, hits)
             SELECT $1, gen_random_uuid(), $6, row_number() OVER (ORDER BY d.ticket, d.number COLLATE \"C\"), d.entry_id, d.amount, 1
               FROM (SELECT v.entry_id, v.number, v.amount, encode(sha256(convert_to($7 || ':' || v.number, 'UTF8')), 'hex') AS ticket
                       FROM finance.audit_values($1, $2, $3, $4, $5) v
                      ORDER BY ticket, v.number COLLATE \"C\" LIMIT $8) AS d",
        ),
        AuditSampleMethod::MonetaryUnit => sql(
            "INSERT INTO finance.audit_sample_item (tenant_id, id, sample_id, place, entry_id, amount, hits)
             SELECT $1, gen_random_uuid(), $6, row_number() OVER (ORDER BY h.ends), h.entry_id, h.amount, h.hits
               FROM (SELECT l.entry_id, l.amount, l.ends,
                            (ceil(l.ends * $8 / l.total - s.fraction) - ceil((l.ends - l.amount) * $8 / l.total - s.fraction))::integer AS hits
                       FROM (SELECT v.entry_id, v.amount, sum(v.amount) OVER () AS total,
                                    sum(v.amount) OVER (ORDER BY v.entry_date, v.number COLLATE \"C\") AS ends
                               FROM finance.audit_values($1, $2, $3, $4, $5) v) AS l,
                            (SELECT ('x' || left(encode(sha256(convert_to($7, 'UTF8')), 'hex'), 15))::bit(60)::bigint / 1152921504606846976::numeric AS fraction) AS s) AS h
              WHERE h.hits > 0",
        ),
    };
    tx.exec(
        statement
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlDate, _>(sample.from)
            .bind::<SqlDate, _>(sample.to)
            .bind::<Nullable<SqlUuid>, _>(account)
            .bind::<Timestamptz, _>(sample.known_at.0)
            .bind::<SqlUuid, _>(sample.id)
            .bind::<Text, _>(sample.seed.clone())
            .bind::<Int4, _>(sample.size),
    )
    .await?;
    Ok(())
}

/// Changes of samples.
#[derive(Default)]
pub struct AuditSampleMutation;

#[Object]
impl AuditSampleMutation {
    /// Draws a sample of journal entries from what the books hold at this moment. The same seed draws the same entries from
    /// the same journal. Right: `finance.audit_sample.draw`.
    async fn audit_sample_draw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is drawn, and how.")] input: AuditSampleDrawInput,
    ) -> async_graphql::Result<Option<AuditSamplePayload>> {
        AuditSamplePayload::settle(ctx, draw(ctx.tx(Can::AuditSampleDraw).await?, input).await)
    }
}
