//! The database of a backup: `pg_dump` and `pg_restore`, and the rows of every table counted in the same snapshot.
//!
//! Row-level security is forced on every client's table, also for the owner. A role that it binds would get a dump
//! without rows, so both sides say `row_security = off`, with which PostgreSQL refuses instead of filtering, and we refuse
//! before that with a sentence of our own.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::{RunQueryDsl, sql_query};
use tokio_postgres::config::Host;

use super::objects::{self, Object};
use super::{BackupError, Server, doing};
use crate::database::{self, Blocking, text, texts};
use crate::platform::reach::{Reach, without_tls};

/// What the dump was taken of.
pub struct Counted {
    /// PostgreSQL's version.
    pub postgresql: String,
    /// Steps of the schema that have been run.
    pub migrations: Vec<String>,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// The files that it knows of.
    pub objects: Vec<Object>,
}

/// Writes the dump of one snapshot, and counts every table in the same snapshot.
pub fn take(server: &Server, to: &Path) -> Result<Counted, BackupError> {
    let mut connection = database::connect(&server.url)?;
    refuse_filtered(&mut connection)?;
    run(&mut connection, "SET idle_in_transaction_session_timeout = 0")?;
    run(&mut connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
    let snapshot = text(&mut connection, "SELECT pg_export_snapshot() AS line")?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let file = file.map_err(doing(format!("write {}", to.display())))?;
    let mut command = server.tools.command("pg_dump");
    let address = Address::of(&server.url)?;
    address.tell(&mut command);
    command
        .args(["--format=custom", "--compress=3", "--no-password", "--lock-wait-timeout=60s", "--encoding=UTF8"])
        .arg(format!("--snapshot={snapshot}"))
        .stdout(file);
    finish(command, "pg_dump")?;
    Ok(Counted {
        postgresql: text(&mut connection, "SELECT current_setting('server_version') AS line")?,
        migrations: texts(
            &mut connection,
            "SELECT version::text AS line FROM public.__diesel_schema_migrations ORDER BY 1",
        )?,
        tables: count(&mut connection)?,
        objects: objects::of_all(&mut connection)?,
    })
}

/// Fills the database in one transaction: all of it, or nothing.
pub fn restore(server: &Server, from: &Path) -> Result<(), BackupError> {
    let file = File::open(from).map_err(doing(format!("read {}", from.display())))?;
    let mut command = server.tools.command("pg_restore");
    let address = Address::of(&server.url)?;
    address.tell(&mut command);
    // The name alone, in quotes: nothing in it can be taken for another setting of the connection.
    let name = address.database.replace('\\', "\\\\").replace('\'', "\\'");
    command
        .args(["--single-transaction", "--exit-on-error", "--no-password"])
        .arg(format!("--dbname=dbname='{name}'"))
        .stdin(file)
        .stdout(Stdio::null());
    finish(command, "pg_restore")
}

/// Refuses a role that does not see every row.
pub fn refuse_filtered(connection: &mut Blocking) -> Result<(), BackupError> {
    let free =
        text(connection, "SELECT (rolsuper OR rolbypassrls)::text AS line FROM pg_roles WHERE rolname = current_user")?;
    if free != "true" {
        let user = text(connection, "SELECT current_user::text AS line")?;
        return Err(BackupError(format!(
            "The database role \"{user}\" does not see every client's rows, so its backup would lack them: set DATABASE_URL \
             to a superuser, or to a role with BYPASSRLS that may act as backoffice_owner."
        )));
    }
    run(connection, "SET row_security = off")
}

/// Every table that a dump carries.
pub fn tables(connection: &mut Blocking) -> Result<Vec<String>, BackupError> {
    Ok(texts(
        connection,
        "SELECT format('%I.%I', n.nspname, c.relname) AS line FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
          ORDER BY 1",
    )?)
}

/// The rows of every table.
pub fn count(connection: &mut Blocking) -> Result<BTreeMap<String, u64>, BackupError> {
    let mut counted = BTreeMap::new();
    for table in tables(connection)? {
        let rows = text(connection, &format!("SELECT count(*)::text AS line FROM {table}"))?;
        counted.insert(table, rows.parse().unwrap_or_default());
    }
    Ok(counted)
}

/// The planner's numbers, which a dump does not carry.
pub fn analyze(connection: &mut Blocking) -> Result<(), BackupError> {
    run(connection, "ANALYZE")
}

/// The major version of the server.
pub fn major(url: &str) -> Result<u32, BackupError> {
    let mut connection = database::connect(url)?;
    let number = text(&mut connection, "SELECT (current_setting('server_version_num')::int / 10000)::text AS line")?;
    number.parse().map_err(|_| BackupError("The database does not say its version.".to_owned()))
}

fn run(connection: &mut Blocking, statement: &str) -> Result<(), BackupError> {
    sql_query(statement)
        .execute(connection)
        .map(drop)
        .map_err(|error| BackupError(format!("The database refused: {error}")))
}

fn finish(mut command: Command, name: &str) -> Result<(), BackupError> {
    let started = command.stderr(Stdio::piped()).spawn().map_err(doing(format!("start {name}")))?;
    let output = started.wait_with_output().map_err(doing(format!("run {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).take(4).collect();
    Err(BackupError(format!("{name} failed ({}): {}", output.status, lines.join("; "))))
}

/// Where a database is, told to PostgreSQL's programs through the environment: what stands on a command line can be
/// read by everybody on the machine.
struct Address {
    variables: Vec<(&'static str, String)>,
    database: String,
}

impl Address {
    fn of(url: &str) -> Result<Self, BackupError> {
        let reach = Reach::of(url).map_err(BackupError)?;
        let (url, _, roots) = without_tls(url);
        let config: tokio_postgres::Config = url.parse().map_err(|_| {
            BackupError("DATABASE_URL has to look like postgres://user:password@host/database.".to_owned())
        })?;
        let mut variables = Vec::new();
        match config.get_hosts().first() {
            Some(Host::Tcp(name)) => variables.push(("PGHOST", name.clone())),
            Some(Host::Unix(folder)) => variables.push(("PGHOST", folder.display().to_string())),
            None => {}
        }
        if let Some(port) = config.get_ports().first() {
            variables.push(("PGPORT", port.to_string()));
        }
        // The programs keep to the same rule as the server.
        let mode = if reach.is_encrypted() { "verify-full" } else { "disable" };
        variables.push(("PGSSLMODE", mode.to_owned()));
        if reach.is_encrypted() {
            variables.push(("PGSSLROOTCERT", roots.unwrap_or_else(|| "system".to_owned())));
        }
        let user = config.get_user().unwrap_or("postgres").to_owned();
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        variables.push(("PGUSER", user));
        variables.push(("PGDATABASE", database.clone()));
        if let Some(password) = config.get_password() {
            variables.push(("PGPASSWORD", String::from_utf8_lossy(password).into_owned()));
        }
        Ok(Self { variables, database })
    }

    fn tell(&self, command: &mut Command) {
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        command.stdin(Stdio::null());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_without_the_command_line() {
        let address = Address::of("postgresql://postgres@/backoffice?host=%2Fsrv%2Fb&port=5432").unwrap();
        assert_eq!(address.database, "backoffice");
        assert!(address.variables.contains(&("PGHOST", "/srv/b".to_owned())));
        assert!(address.variables.contains(&("PGSSLMODE", "disable".to_owned())));
        let address = Address::of("postgres://u:p%40ss@db:6000/x").unwrap();
        assert!(address.variables.contains(&("PGSSLMODE", "verify-full".to_owned())));
        assert!(address.variables.contains(&("PGSSLROOTCERT", "system".to_owned())));
        let mut command = Command::new("pg_dump");
        address.tell(&mut command);
        assert!(!format!("{:?}", command.get_args().collect::<Vec<_>>()).contains("p@ss"));
        assert!(address.variables.contains(&("PGPASSWORD", "p@ss".to_owned())));
        assert!(address.variables.contains(&("PGPORT", "6000".to_owned())));
    }
}
