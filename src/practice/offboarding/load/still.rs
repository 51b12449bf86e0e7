//! Tables while rows come in as they were: their triggers are off, and what their foreign keys say is looked at once, at
//! the end. Both for this transaction only, which nobody else sees before it is over.

use backoffice_archive::{Kind, Manifest};
use diesel::sql_types::{Array, Bool, Nullable, Text};
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use super::{LoadError, doing, refuse, run, texts_of};
use crate::database::Blocking;

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

/// What has to be put back.
pub(super) struct Stilled(Vec<String>);

/// Stills the tables.
pub(super) fn still(connection: &mut Blocking, tables: &[Table]) -> Result<Stilled, LoadError> {
    let mut back = Vec::new();
    for table in tables {
        let name = &table.name;
        let triggers = texts_of(
            connection,
            name,
            "SELECT CASE g.tgenabled WHEN 'A' THEN 'ALWAYS TRIGGER ' WHEN 'R' THEN 'REPLICA TRIGGER ' ELSE 'TRIGGER ' END || quote_ident(g.tgname) AS line
               FROM pg_trigger g WHERE g.tgrelid = to_regclass($1) AND NOT g.tgisinternal AND g.tgenabled <> 'D' ORDER BY g.tgname",
            name,
        )?;
        for trigger in triggers {
            let called = trigger.split_once("TRIGGER ").map(|(_, called)| called).unwrap_or_default();
            run(connection, name, &format!("ALTER TABLE {name} DISABLE TRIGGER {called}"))?;
            back.push(format!("ALTER TABLE {name} ENABLE {trigger}"));
        }
        let keys = texts_of(
            connection,
            name,
            "SELECT quote_ident(k.conname) AS line FROM pg_constraint k
              WHERE k.conrelid = to_regclass($1) AND k.contype = 'f' AND NOT k.condeferrable ORDER BY k.conname",
            name,
        )?;
        for key in keys {
            run(connection, name, &format!("ALTER TABLE {name} ALTER CONSTRAINT {key} DEFERRABLE INITIALLY DEFERRED"))?;
            back.push(format!("ALTER TABLE {name} ALTER CONSTRAINT {key} NOT DEFERRABLE"));
        }
    }
    Ok(Stilled(back))
}

impl Stilled {
    /// Looks at every foreign key, and puts everything back as it was.
    pub fn wake(self, connection: &mut Blocking) -> Result<(), LoadError> {
        run(connection, "rows point at what is not there", "SET CONSTRAINTS ALL IMMEDIATE")?;
        for statement in self.0 {
            run(connection, "putting the tables back", &statement)?;
        }
        run(connection, "putting the tables back", "SET CONSTRAINTS ALL DEFERRED")
    }
}
