//! Rows of an archive into their tables, as they were.

use std::fs::File;
use std::io::BufReader;

use backoffice_archive::{Entries, Refused};
use diesel::sql_types::{Array, Text};
use diesel::{RunQueryDsl, sql_query};
use sha2::{Digest, Sha256};

use super::super::still::texts_of;
use super::super::sums::Rows;
use super::tables::{Column, Table, columns};
use super::{LoadError, doing, refuse, run, sum};
use crate::platform::blocking::Blocking;

type Source = Entries<BufReader<File>>;

/// How many lines are brought at once, and after how many bytes no more are waited for.
const BATCH: (usize, usize) = (1000, 4 * 1024 * 1024);
/// The longest line there is.
const MOST_LINE: usize = 256 * 1024 * 1024;
/// The key beside the columns under which a row names those that hold JSON's null.
const JSON_NULL: &str = "json null";

/// Brings the lines of a part, batch by batch; gives the SHA-256 of the part and what is remembered of its lines.
fn lines(
    source: &mut Source,
    mut bring: impl FnMut(&[String]) -> Result<(), LoadError>,
) -> Result<(String, Rows), LoadError> {
    let (mut hash, mut rows, mut batch, mut bytes) = (Sha256::new(), Rows::default(), Vec::new(), 0_usize);
    let (mut open, mut buffer) = (Vec::new(), vec![0; 256 * 1024]);
    loop {
        let read = source.read(&mut buffer)?;
        let Some(piece) = buffer.get(..read).filter(|piece| !piece.is_empty()) else { break };
        hash.update(piece);
        for piece in piece.split_inclusive(|byte| *byte == b'\n') {
            open.extend_from_slice(piece);
            if open.len() > MOST_LINE {
                return refuse("The archive holds a row that is longer than any can be.");
            }
            if open.last() != Some(&b'\n') {
                continue;
            }
            open.pop();
            let line = String::from_utf8(std::mem::take(&mut open))
                .map_err(|_| Refused("The archive holds a row that is no text.".to_owned()))?;
            rows.add(&line);
            bytes = bytes.saturating_add(line.len());
            batch.push(line);
            if batch.len() >= BATCH.0 || bytes >= BATCH.1 {
                bring(&batch)?;
                batch.clear();
                bytes = 0;
            }
        }
    }
    if !batch.is_empty() {
        bring(&batch)?;
    }
    Ok((sum(hash), rows))
}

/// What stands in a column of secrets that must hold something: nothing that anybody knows the secret of.
fn filler(table: &str, column: &Column) -> Result<String, LoadError> {
    const RANDOM: &str = "sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))";
    match (table, column.name.as_str(), column.kind.as_str()) {
        ("core.file", "object_key", _) => {
            Ok(format!("replace(r.tenant_id::text, '-', '') || '/' || encode({RANDOM}, 'hex')"))
        }
        (_, _, "bytea") => Ok(RANDOM.to_owned()),
        (_, _, "text") => Ok(format!("encode({RANDOM}, 'hex')")),
        (_, name, kind) => refuse(format!("{table}.{name} holds secrets of the kind {kind}, which cannot be made up.")),
    }
}

/// The statement that brings lines with those keys.
fn statement(table: &Table, columns: &[Column], keys: &[String]) -> Result<String, LoadError> {
    if let Some(key) = keys.iter().find(|key| *key != JSON_NULL && !columns.iter().any(|column| column.name == **key)) {
        // Columns that are computed are in the row as well.
        if !table.computed.contains(key) {
            return refuse(format!("The archive holds {}.{key}, for which this server has no place.", table.name));
        }
    }
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in columns {
        if table.secrets.contains(&column.name) {
            if !column.required {
                continue;
            }
            names.push(column.quoted.clone());
            values.push(filler(&table.name, column)?);
        } else if keys.contains(&column.name) {
            names.push(column.quoted.clone());
            let quoted = &column.quoted;
            values.push(if column.kind == "jsonb" {
                let named = column.name.replace('\'', "''");
                format!("CASE WHEN l.line::jsonb -> '{JSON_NULL}' ? '{named}' THEN 'null'::jsonb ELSE r.{quoted} END")
            } else {
                format!("r.{quoted}")
            });
        }
    }
    Ok(format!(
        "INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM unnest($1) AS l (line),
         LATERAL jsonb_populate_record(NULL::{table}, l.line::jsonb) AS r",
        names.join(", "),
        values.join(", "),
        table = table.name
    ))
}

fn keys_of(connection: &mut Blocking, what: &str, line: &str) -> Result<Vec<String>, LoadError> {
    Ok(texts_of(connection, what, "SELECT k AS line FROM jsonb_object_keys($1::jsonb) k", line)?)
}

/// Brings the rows of a table; gives the SHA-256 of the part and what is remembered of its rows.
pub(super) fn table(
    connection: &mut Blocking,
    source: &mut Source,
    table: &Table,
) -> Result<(String, Rows), LoadError> {
    let columns = columns(connection, &table.name)?;
    let mut prepared: Option<String> = None;
    let brought = lines(source, |batch| {
        let statement = match &prepared {
            Some(statement) => statement.clone(),
            None => {
                let first = batch.first().map(String::as_str).unwrap_or("{}");
                let mut keys = keys_of(connection, &table.name, first)?;
                keys.sort_unstable();
                prepared.insert(statement(table, &columns, &keys)?).clone()
            }
        };
        let brought = sql_query(statement).bind::<Array<Text>, _>(batch.to_vec()).execute(connection);
        match brought.map_err(doing(&table.name))? {
            count if count == batch.len() => Ok(()),
            count => refuse(format!("{count} of {} rows came into {}.", batch.len(), table.name)),
        }
    })?;
    for column in columns.iter().filter(|column| column.identity) {
        let (name, column) = (&table.name, &column.quoted);
        let further = format!(
            "SELECT setval(pg_get_serial_sequence('{name}', '{column}')::regclass, greatest(coalesce(max(t.{column}), 1),
                    nextval(pg_get_serial_sequence('{name}', '{column}')::regclass))) FROM {name} t"
        );
        run(connection, name, &further)?;
    }
    Ok(brought)
}

/// Brings what of the provider's own the client's rows point at. What is there stays as it is. People come as names: they
/// have no way in, and their addresses stay free for those to whom they belong.
pub(super) fn reference(connection: &mut Blocking, source: &mut Source, table: &str) -> Result<String, LoadError> {
    let known = texts_of(
        connection,
        table,
        "SELECT array_to_string(ARRAY (SELECT quote_ident(c) FROM unnest(r.names) AS c), ', ') AS line
           FROM core.archive_reference r WHERE r.table_name = $1",
        table,
    )?;
    let Some(columns) = known.first() else {
        return refuse(format!("The archive holds rows of {table}, for which this server has no place."));
    };
    let statement = match table {
        "identity.account" => "INSERT INTO identity.account (id, email, name, staff, created_at, disabled_at)
             SELECT r.id, left(replace(r.email, '@', '.at.'), 190) || '@' || replace(r.id::text, '-', '') || '.invalid', r.name, false, r.created_at, now()
               FROM unnest($1) AS l (line), LATERAL jsonb_populate_record(NULL::identity.account, l.line::jsonb) AS r
             ON CONFLICT (id) DO NOTHING"
            .to_owned(),
        "practice.team" => "INSERT INTO practice.team (id, name, created_at)
             SELECT r.id, CASE WHEN EXISTS (SELECT 1 FROM practice.team t WHERE t.name = r.name)
                               THEN left(r.name, 60) || ' ' || r.id ELSE r.name END, r.created_at
               FROM unnest($1) AS l (line), LATERAL jsonb_populate_record(NULL::practice.team, l.line::jsonb) AS r
             ON CONFLICT (id) DO NOTHING"
            .to_owned(),
        "core.provider_calendar" => "INSERT INTO core.provider_calendar (id, name, time_zone, region, hours, exceptions, created_at)
             SELECT r.id, CASE WHEN EXISTS (SELECT 1 FROM core.provider_calendar p WHERE p.name = r.name)
                               THEN left(r.name, 60) || ' ' || r.id ELSE r.name END, r.time_zone, r.region, r.hours, r.exceptions, r.created_at
               FROM unnest($1) AS l (line), LATERAL jsonb_populate_record(NULL::core.provider_calendar, l.line::jsonb) AS r
             ON CONFLICT (id) DO NOTHING"
            .to_owned(),
        _ => format!(
            "INSERT INTO {table} ({columns}) SELECT {columns}
               FROM unnest($1) AS l (line), LATERAL jsonb_populate_record(NULL::{table}, l.line::jsonb) AS r
             ON CONFLICT DO NOTHING"
        ),
    };
    let (sum, _) = lines(source, |batch| {
        let brought = sql_query(statement.clone()).bind::<Array<Text>, _>(batch.to_vec()).execute(connection);
        brought.map(|_| ()).map_err(doing(table))
    })?;
    Ok(sum)
}
