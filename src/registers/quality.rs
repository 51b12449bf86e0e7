//! The quality of data: how much of what is wanted is said, fits the definition, is confirmed, and is there once. What is
//! counted stands beside the records; what it comes to is arithmetic of `backoffice_register_rules`.

use std::collections::HashMap;

use async_graphql::SimpleObject;
use backoffice_register_rules::likeness::likenesses;
use backoffice_register_rules::quality::{Share, score};
use backoffice_register_rules::{Definition, Reader, Values};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Text, Uuid as SqlUuid};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::duplicates::RegisterDuplicate;
use super::ids::{RegisterId, RegisterRecordId};
use super::record::{RegisterRecord, RegisterRecordState};
use super::register::Register;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::Result;
use crate::platform::sql::sql;

crate::platform::words! {
    /// What a share of quality is about.
    RegisterQualityAspect {
        /// Fields that are required or wanted say something.
        Completeness = "completeness",
        /// What is said fits the definition as it is now.
        Validity = "validity",
        /// Critical values were keyed by two people.
        Confirmation = "confirmation",
        /// No other record is perhaps the same.
        Uniqueness = "uniqueness",
    }
}

/// A share of quality.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterQualityShare {
    /// What it is about.
    pub aspect: RegisterQualityAspect,
    /// How much is good.
    pub good: i64,
    /// Of how much; where it is nothing, this share does not count.
    pub of: i64,
    /// The share in percent; null if there is nothing to count.
    pub percent: Option<i32>,
    /// What it weighs beside the others.
    pub weight: i32,
    /// What was counted, as a sentence.
    pub explanation: String,
}

/// How good data are.
#[derive(SimpleObject, Clone, Debug)]
pub struct RegisterQuality {
    /// The mean of its shares by their weights, 0 to 100, and 100 only if all is good; null if there is nothing to count.
    pub score: Option<i32>,
    /// The shares that it is made of.
    pub shares: Vec<RegisterQualityShare>,
}

/// What each aspect weighs.
fn weight(aspect: RegisterQualityAspect) -> u32 {
    match aspect {
        RegisterQualityAspect::Completeness => 40,
        RegisterQualityAspect::Validity => 30,
        RegisterQualityAspect::Confirmation => 20,
        RegisterQualityAspect::Uniqueness => 10,
    }
}

fn quality(counted: [(RegisterQualityAspect, i64, i64, String); 4]) -> RegisterQuality {
    let natural = |number: i64| u64::try_from(number).unwrap_or_default();
    let small = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let share = |aspect, good, of| Share { good: natural(good), of: natural(of), weight: weight(aspect) };
    let all: Vec<Share> = counted.iter().map(|(aspect, good, of, _)| share(*aspect, *good, *of)).collect();
    let shares = counted.into_iter().map(|(aspect, good, of, explanation)| RegisterQualityShare {
        aspect,
        good,
        of,
        percent: share(aspect, good, of).percent().map(small),
        weight: small(weight(aspect)),
        explanation,
    });
    RegisterQuality { shares: shares.collect(), score: score(&all).map(small) }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The keys of fields that a record should say.
fn wanted(definition: &Definition) -> Vec<&str> {
    definition.fields.iter().filter(|field| field.wanted || field.required).map(|field| field.key.as_str()).collect()
}

/// That of a record, with the records that are perhaps the same.
pub(super) fn of_record(
    register: &Register,
    record: &RegisterRecord,
    alike: &[RegisterDuplicate],
) -> Result<RegisterQuality> {
    let definition = register.definition();
    let values = record.said()?;
    let wanted = wanted(definition);
    let missing: Vec<&str> = wanted.iter().copied().filter(|key| !values.contains_key(*key)).collect();
    let told = match missing.as_slice() {
        [] => "Everything that is wanted is said.".to_owned(),
        some => format!("Not said: {}.", some.join(", ")),
    };
    let complete = (
        RegisterQualityAspect::Completeness,
        count(wanted.len().saturating_sub(missing.len())),
        count(wanted.len()),
        told,
    );
    // What was entered under the definition as it is now was held against it.
    let faults = if record.edition < register.edition { Reader::new(definition).faults(&values) } else { Vec::new() };
    let looked = definition.fields.iter().filter(|field| field.required || values.contains_key(&field.key)).count();
    let told = match faults.as_slice() {
        [] => "Everything that is said fits the definition.".to_owned(),
        // What a fault says of its value is nobody's to read who is to key it.
        some => {
            let fields: Vec<&str> = some.iter().map(|fault| fault.field.as_str()).collect();
            format!("Does not fit the definition any more: {}.", fields.join(", "))
        }
    };
    let valid = (RegisterQualityAspect::Validity, count(looked.saturating_sub(faults.len())), count(looked), told);
    let confirmed = record.state == RegisterRecordState::Confirmed;
    let told = match (definition.is_critical(), record.state) {
        (false, _) => "Nothing has to be keyed twice.",
        (_, RegisterRecordState::Confirmed) => "Its critical values are confirmed.",
        (_, RegisterRecordState::Different) => "Two people have keyed its critical values differently.",
        _ => "Nobody has keyed its critical values a second time.",
    };
    let of = i64::from(definition.is_critical());
    let keyed = (RegisterQualityAspect::Confirmation, of.min(i64::from(confirmed)), of, told.to_owned());
    let of = i64::from(!definition.duplicates.is_empty());
    let told = match (of, alike.len()) {
        (0, _) => "The register has no rule for duplicates.".to_owned(),
        (_, 0) => "No other record is like it.".to_owned(),
        (_, others) => format!("Perhaps the same as others: {others}."),
    };
    let once = (RegisterQualityAspect::Uniqueness, of.min(i64::from(alike.is_empty())), of, told);
    Ok(quality([complete, valid, keyed, once]))
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = SqlUuid)]
    register_id: RegisterId,
    #[diesel(sql_type = BigInt)]
    records: i64,
    #[diesel(sql_type = BigInt)]
    wanted: i64,
    #[diesel(sql_type = BigInt)]
    filled: i64,
    #[diesel(sql_type = BigInt)]
    misfits: i64,
    #[diesel(sql_type = BigInt)]
    critical: i64,
    #[diesel(sql_type = BigInt)]
    confirmed: i64,
    #[diesel(sql_type = BigInt)]
    rules: i64,
    #[diesel(sql_type = BigInt)]
    alike: i64,
}

impl Fetch for RegisterQuality {
    type Key = RegisterId;
    type Value = Self;
    const CAN: Can = Can::RegisterRead;

    async fn fetch(tx: &Tx, keys: Vec<RegisterId>) -> Result<HashMap<RegisterId, Self>> {
        let rows: Vec<Counted> = tx
            .rows(
                sql("SELECT g.id AS register_id, cardinality(w.wanted)::bigint AS wanted, cardinality(g.critical)::bigint AS critical,
                            coalesce(jsonb_array_length(g.definition -> 'duplicates'), 0)::bigint AS rules, n.records, n.confirmed,
                            (SELECT count(*) FROM practice.register_value v
                               JOIN practice.register_record r ON r.tenant_id = v.tenant_id AND r.id = v.record_id
                              WHERE v.tenant_id = $1 AND v.register_id = g.id AND v.field = ANY (w.wanted) AND r.state <> 'void') AS filled,
                            (SELECT count(*) FROM practice.register_misfit m WHERE m.tenant_id = $1 AND m.register_id = g.id) AS misfits,
                            (SELECT count(DISTINCT a.record_id) FROM practice.register_likeness a
                              WHERE a.tenant_id = $1 AND a.register_id = g.id
                                AND EXISTS (SELECT 1 FROM practice.register_likeness b
                                             WHERE b.tenant_id = $1 AND b.register_id = g.id AND b.rule = a.rule
                                               AND b.likeness = a.likeness AND b.record_id <> a.record_id)) AS alike
                       FROM practice.register g
                       CROSS JOIN LATERAL (SELECT ARRAY (SELECT f ->> 'key' FROM jsonb_array_elements(g.definition -> 'fields') AS f
                                                          WHERE (f ->> 'wanted')::boolean OR (f ->> 'required')::boolean) AS wanted) w
                       CROSS JOIN LATERAL (SELECT count(*) AS records, count(*) FILTER (WHERE r.state = 'confirmed') AS confirmed
                                             FROM practice.register_record r
                                            WHERE r.tenant_id = $1 AND r.register_id = g.id AND r.state <> 'void') n
                      WHERE g.tenant_id = $1 AND g.id = ANY ($2)")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<Array<SqlUuid>, _>(keys),
            )
            .await?;
        let of = |row: Counted| {
            let once = |of: i64| if of > 0 { row.records } else { 0 };
            let complete = row.wanted.saturating_mul(row.records);
            let valid = row.records.saturating_sub(row.misfits);
            let (critical, rules) = (once(row.critical), once(row.rules));
            let quality = quality([
                (
                    RegisterQualityAspect::Completeness,
                    row.filled,
                    complete,
                    format!("{} of {complete} values that are required or wanted are said.", row.filled),
                ),
                (
                    RegisterQualityAspect::Validity,
                    valid,
                    row.records,
                    format!("{valid} of {} records fit the definition.", row.records),
                ),
                (
                    RegisterQualityAspect::Confirmation,
                    row.confirmed.min(critical),
                    critical,
                    format!(
                        "{} of {critical} records with critical fields are confirmed.",
                        row.confirmed.min(critical)
                    ),
                ),
                (
                    RegisterQualityAspect::Uniqueness,
                    rules.saturating_sub(row.alike),
                    rules,
                    format!("{} of {rules} records are perhaps the same as another.", row.alike),
                ),
            ]);
            (row.register_id, quality)
        };
        Ok(rows.into_iter().map(of).collect())
    }
}

/// Forgets what the records of a register are told by.
pub(super) async fn forget_likeness(tx: &Tx, register: RegisterId) -> Result<()> {
    tx.exec(
        sql("DELETE FROM practice.register_likeness l WHERE l.tenant_id = $1 AND l.register_id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(register.0),
    )
    .await?;
    Ok(())
}

/// Notes what records are told by under each rule for duplicates.
pub(super) async fn note_likeness(
    tx: &Tx,
    register: RegisterId,
    definition: &Definition,
    records: &[(RegisterRecordId, Values)],
) -> Result<()> {
    let (mut ids, mut rules, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    for (id, values) in records {
        for (rule, likeness) in likenesses(definition, values) {
            ids.push(id.0);
            rules.push(rule);
            digests.push(super::intake::hex(&Sha256::digest(likeness.as_bytes())));
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    tx.exec(
        sql("INSERT INTO practice.register_likeness (tenant_id, register_id, rule, record_id, likeness)
             SELECT $1, $2, n.rule, n.id, n.likeness FROM unnest($3::uuid[], $4::int[], $5::text[]) AS n (id, rule, likeness)")
        .bind::<SqlUuid, _>(tx.tenant()?)
        .bind::<SqlUuid, _>(register.0)
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Int4>, _>(rules)
        .bind::<Array<Text>, _>(digests),
    )
    .await?;
    Ok(())
}

/// Notes all that stands beside records that were changed: they fit the definition, and are told by what they say now. Of one
/// that is void nothing is noted.
pub(super) async fn changed(tx: &Tx, register: &Register, id: RegisterRecordId, values: Option<Values>) -> Result<()> {
    for text in [
        "DELETE FROM practice.register_likeness l WHERE l.tenant_id = $1 AND l.register_id = $2 AND l.record_id = $3",
        "DELETE FROM practice.register_misfit m WHERE m.tenant_id = $1 AND m.register_id = $2 AND m.record_id = $3",
    ] {
        tx.exec(sql(text).bind::<SqlUuid, _>(tx.tenant()?).bind::<SqlUuid, _>(register.id.0).bind::<SqlUuid, _>(id.0))
            .await?;
    }
    match values {
        Some(values) => note_likeness(tx, register.id, register.definition(), &[(id, values)]).await,
        None => Ok(()),
    }
}

/// Lists the records of a register that do not fit its definition, instead of those that were listed before.
pub(super) async fn replace_misfits(tx: &Tx, register: RegisterId, misfits: &[Uuid]) -> Result<()> {
    tx.exec(
        sql("DELETE FROM practice.register_misfit m WHERE m.tenant_id = $1 AND m.register_id = $2")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(register.0),
    )
    .await?;
    for some in misfits.chunks(10_000) {
        tx.exec(
            sql("INSERT INTO practice.register_misfit (tenant_id, register_id, record_id) SELECT $1, $2, n FROM unnest($3::uuid[]) AS n")
                .bind::<SqlUuid, _>(tx.tenant()?)
                .bind::<SqlUuid, _>(register.0)
                .bind::<Array<SqlUuid>, _>(some.to_vec()),
        )
        .await?;
    }
    Ok(())
}
