//! Records on their way into a register, whichever way they come: one by one, many at once, or by a file.

use std::collections::HashMap;

use backoffice_register_rules::Values;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Int4, Jsonb, Nullable, Text, Uuid as SqlUuid};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::ids::RegisterRecordId;
use super::quality;
use super::register::Register;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result};
use crate::platform::sql::sql;

/// Records of one statement: each statement has its time.
pub const A_STATEMENT: usize = 1_000;

/// A record that is to be entered.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it says, in its one spelling.
    pub values: Values,
    /// Of what comes by a file: what the line says, as [`fingerprint`] has it.
    pub imported_as: Option<String>,
}

/// A key that a record of the register holds already.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which of the entries collides with it.
    pub at: usize,
    /// The fields of the key.
    pub parts: Vec<String>,
    /// The record that holds it.
    pub by: RegisterRecordId,
    /// What that says.
    pub values: Values,
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What a line says, as one text that is kept with the record that comes of it.
pub fn fingerprint(values: &Values) -> Result<String> {
    Ok(hex(&Sha256::digest(serde_json::to_vec(values).map_err(Error::fault)?)))
}

fn texts<'v>(values: impl Iterator<Item = &'v Values>) -> Result<Vec<String>> {
    values.map(|values| serde_json::to_string(values).map_err(Error::fault)).collect()
}

#[derive(QueryableByName)]
struct TakenRow {
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Text)]
    key_name: String,
    #[diesel(sql_type = SqlUuid)]
    id: RegisterRecordId,
    #[diesel(sql_type = Jsonb)]
    fields: serde_json::Value,
}

/// The keys of entries that records hold already, but for one record, in the order of the entries.
pub async fn taken(
    tx: &Tx,
    register: &Register,
    entries: &[&Values],
    but: Option<RegisterRecordId>,
) -> Result<Vec<Taken>> {
    if register.definition().keys.is_empty() || entries.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<TakenRow> = tx
        .rows(
            sql("SELECT n.at, d.key_name, r.id, r.fields
                   FROM unnest($3::text[]) WITH ORDINALITY AS n (fields, at)
                   CROSS JOIN LATERAL practice.register_digests($4, n.fields::jsonb) AS d
                   JOIN practice.register_key k ON k.tenant_id = $1 AND k.register_id = $2 AND k.key_name = d.key_name AND k.digest = d.digest
                   JOIN practice.register_record r ON r.tenant_id = $1 AND r.id = k.record_id
                  WHERE $5::uuid IS NULL OR r.id <> $5
                  ORDER BY n.at, d.key_name")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(register.id.0)
            .bind::<Array<Text>, _>(texts(entries.iter().copied())?)
            .bind::<Jsonb, _>(serde_json::to_value(&register.definition().keys).map_err(Error::fault)?)
            .bind::<Nullable<SqlUuid>, _>(but.map(|id| id.0)),
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Taken {
                at: usize::try_from(row.at).unwrap_or_default().saturating_sub(1),
                parts: row.key_name.split('+').map(str::to_owned).collect(),
                by: row.id,
                values: serde_json::from_value(row.fields).map_err(Error::fault)?,
            })
        })
        .collect()
}

/// Which of those lines have come in before, whatever became of their records since.
pub async fn known(tx: &Tx, register: &Register, fingerprints: Vec<String>) -> Result<Vec<String>> {
    #[derive(QueryableByName)]
    struct Known {
        #[diesel(sql_type = Text)]
        imported_as: String,
    }
    let rows: Vec<Known> = tx
        .rows(
            sql("SELECT r.imported_as FROM practice.register_record r
                  WHERE r.tenant_id = $1 AND r.register_id = $2 AND r.imported_as = ANY ($3)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(register.id.0)
            .bind::<Array<Text>, _>(fingerprints),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.imported_as).collect())
}

/// Enters records, with all that stands beside them; gives their ids in the order of the entries. Values are good by the
/// register's definition, and the register is held.
pub async fn insert(tx: &Tx, register: &Register, entries: &[Entry]) -> Result<Vec<RegisterRecordId>> {
    let ids: Vec<RegisterRecordId> = entries.iter().map(|_| RegisterRecordId::new()).collect();
    for (entries, ids) in entries.chunks(A_STATEMENT).zip(ids.chunks(A_STATEMENT)) {
        tx.exec(
            sql("INSERT INTO practice.register_record (tenant_id, id, register_id, edition, fields, imported_as)
                 SELECT $1, n.id, $2, $3, n.fields::jsonb, n.imported_as
                   FROM unnest($4::uuid[], $5::text[], $6::text[]) AS n (id, fields, imported_as)")
            .bind::<SqlUuid, _>(tx.tenant()?)
            .bind::<SqlUuid, _>(register.id.0)
            .bind::<Int4, _>(register.edition)
            .bind::<Array<SqlUuid>, _>(ids.iter().map(|id| id.0).collect::<Vec<Uuid>>())
            .bind::<Array<Text>, _>(texts(entries.iter().map(|entry| &entry.values))?)
            .bind::<Array<Nullable<Text>>, _>(
                entries.iter().map(|entry| entry.imported_as.clone()).collect::<Vec<_>>(),
            ),
        )
        .await?;
        if !register.definition().duplicates.is_empty() {
            let pairs: Vec<_> = ids.iter().copied().zip(entries.iter().map(|entry| entry.values.clone())).collect();
            quality::note_likeness(tx, register.id, register.definition(), &pairs).await?;
        }
    }
    Ok(ids)
}

/// Where keys are said first among many entries, to find those that say them again.
#[derive(Default)]
pub struct Seen {
    first: HashMap<(String, String), u64>,
}

impl Seen {
    /// The fields of the keys that were said before, each with the place where; else they are noted for this place.
    pub fn note(&mut self, register: &Register, values: &Values, place: u64) -> Vec<(Vec<String>, u64)> {
        let keys = backoffice_register_rules::value::keys(register.definition(), values);
        let again: Vec<(Vec<String>, u64)> = keys
            .iter()
            .filter_map(|key| Some((key.0.split('+').map(str::to_owned).collect(), *self.first.get(key)?)))
            .collect();
        // What is refused holds nothing.
        if again.is_empty() {
            self.first.extend(keys.into_iter().map(|key| (key, place)));
        }
        again
    }
}
