//! Tables whose rows come or go as a whole: their triggers are off, what their foreign keys say is looked at once, at the end,
//! and if it is asked for, the owner sees the rows of every client. All for this transaction only, which nobody else sees
//! before it is over; others who write to these tables wait for it.

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl, sql_query};

use crate::platform::blocking::Blocking;

/// A statement that did not go through, and what it was for.
#[derive(Debug)]
pub(super) struct Undone {
    doing: String,
    error: diesel::result::Error,
}

impl std::fmt::Display for Undone {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.doing, self.error)
    }
}

/// For `map_err`: names what was being done.
pub(super) fn doing(what: &str) -> impl Fn(diesel::result::Error) -> Undone + '_ {
    move |error| Undone { doing: what.to_owned(), error }
}

/// Runs a statement without values.
pub(super) fn run(connection: &mut Blocking, what: &str, statement: &str) -> Result<(), Undone> {
    sql_query(statement).execute(connection).map(|_| ()).map_err(doing(what))
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Texts of a statement that has one value.
pub(super) fn texts_of(
    connection: &mut Blocking,
    what: &str,
    statement: &str,
    value: &str,
) -> Result<Vec<String>, Undone> {
    let rows: Vec<Line> = sql_query(statement).bind::<Text, _>(value).load(connection).map_err(doing(what))?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

/// What else is lifted while tables are still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walls {
    /// Row security binds the owner as well.
    Stand,
    /// The owner sees and deletes rows of every client.
    NotForTheOwner,
}

/// What has to be put back.
pub(super) struct Stilled(Vec<String>);

/// Stills the tables.
pub(super) fn still<'a>(
    connection: &mut Blocking,
    tables: impl Iterator<Item = &'a str>,
    walls: Walls,
) -> Result<Stilled, Undone> {
    let mut back = Vec::new();
    for name in tables {
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
        if walls == Walls::NotForTheOwner {
            let forced = texts_of(
                connection,
                name,
                "SELECT c.relname::text AS line FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relforcerowsecurity",
                name,
            )?;
            if !forced.is_empty() {
                run(connection, name, &format!("ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY"))?;
                back.push(format!("ALTER TABLE {name} FORCE ROW LEVEL SECURITY"));
            }
        }
    }
    Ok(Stilled(back))
}

impl Stilled {
    /// Looks at every foreign key, and puts everything back as it was.
    pub fn wake(self, connection: &mut Blocking) -> Result<(), Undone> {
        run(connection, "rows point at what is not there", "SET CONSTRAINTS ALL IMMEDIATE")?;
        for statement in self.0 {
            run(connection, "putting the tables back", &statement)?;
        }
        run(connection, "putting the tables back", "SET CONSTRAINTS ALL DEFERRED")
    }
}
