//! The tables that rows of an archive come into, and their columns.

use backoffice_archive::{Kind, Manifest};
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::{LoadError, doing, refuse};
use crate::platform::blocking::Blocking;

/// A table that rows come into.
#[derive(QueryableByName, Debug)]
pub(super) struct Table {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    pub secrets: Vec<String>,
    /// Its columns that the database computes.
    #[diesel(sql_type = Array<Text>)]
    pub computed: Vec<String>,
}

/// A column that can be written.
#[derive(QueryableByName, Debug)]
pub(super) struct Column {
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Its name as it stands in statements.
    #[diesel(sql_type = Text)]
    pub quoted: String,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Bool)]
    pub required: bool,
    #[diesel(sql_type = Bool)]
    pub identity: bool,
}

/// The tables of the archive, as this database has them.
pub(super) fn tables(connection: &mut Blocking, manifest: &Manifest) -> Result<Vec<Table>, LoadError> {
    let known: Vec<Table> = sql_query(
        "SELECT t.name, t.reason, t.secrets,
                ARRAY (SELECT a.attname::text FROM pg_attribute a
                        WHERE a.attrelid = to_regclass(t.name) AND a.attgenerated <> '' AND NOT a.attisdropped) AS computed
           FROM core.archive_tables() t",
    )
    .load(connection)
        .map_err(doing("looking at the tables"))?;
    let mut wanted = Vec::new();
    for part in &manifest.parts {
        if let Some(Kind::Table(name)) = Kind::of(&part.name) {
            wanted.push((name, part.rows.unwrap_or_default()));
        }
    }
    for (name, _) in &wanted {
        if !known.iter().any(|table| table.name == *name && table.reason.is_none()) {
            return refuse(format!("The archive holds rows of {name}, for which this server has no place."));
        }
    }
    Ok(known.into_iter().filter(|table| wanted.iter().any(|(name, _)| table.name == *name)).collect())
}

/// The columns of a table that values can be written to.
pub(super) fn columns(connection: &mut Blocking, table: &str) -> Result<Vec<Column>, LoadError> {
    sql_query(
        "SELECT a.attname::text AS name, quote_ident(a.attname) AS quoted, format_type(a.atttypid, NULL) AS kind,
                a.attnotnull AS required, a.attidentity <> '' AS identity
           FROM pg_attribute a
          WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum",
    )
    .bind::<Text, _>(table)
    .load(connection)
    .map_err(doing(table))
}
