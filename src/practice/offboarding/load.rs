//! `backoffice client load`: the archive of a client into a server that does not know it.
//!
//! The whole archive is read and compared with its manifest before anything is written. Then one transaction of the owner
//! brings the rows as they were, with numbers, moments and audit chain: triggers that would judge them anew are off in
//! this transaction alone, keys and foreign keys hold. What was written is read again and compared row by row, and the
//! figures with the manifest's. The last thing in it stands on the client's record: nobody who had access where the archive
//! comes from has it here, and nothing runs by itself. Others who write to the same tables wait meanwhile.

mod insert;
mod prove;
mod tables;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use backoffice_archive::{Entries, Kind, MANIFEST, Manifest, Part, Refused, hex, verify};
use diesel::sql_types::{Array, Uuid as SqlUuid};
use diesel::{RunQueryDsl, sql_query};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::still::{Undone, Walls, still};
use crate::platform::blocking::{Blocking, DatabaseError, text, texts};
use crate::platform::files::store::{Bytes, Expected, NotKept, Place, Store};

/// Why nothing was loaded; a sentence for whoever asked for it.
#[derive(Debug)]
pub struct LoadError(String);

impl std::fmt::Display for LoadError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

impl From<Refused> for LoadError {
    fn from(refused: Refused) -> Self {
        Self(refused.0)
    }
}

impl From<Undone> for LoadError {
    fn from(undone: Undone) -> Self {
        Self(format!("Nothing was loaded: {undone}"))
    }
}

impl From<DatabaseError> for LoadError {
    fn from(error: DatabaseError) -> Self {
        Self(error.0)
    }
}

/// For `map_err`: names what was being done.
fn doing(what: &str) -> impl Fn(diesel::result::Error) -> LoadError + '_ {
    move |error| LoadError(format!("Nothing was loaded: {what}: {error}"))
}

fn refuse<T>(sentence: impl Into<String>) -> Result<T, LoadError> {
    Err(LoadError(sentence.into()))
}

/// Runs a statement without values.
fn run(connection: &mut Blocking, what: &str, statement: &str) -> Result<(), LoadError> {
    Ok(super::still::run(connection, what, statement)?)
}

/// Reads a whole archive and compares it with its manifest, and the manifest with the SHA-256 that is expected of it.
pub fn examine(archive: &Path, expected: Option<&str>) -> Result<Manifest, LoadError> {
    let (manifest, sum) = verify(open(archive)?)?;
    match expected {
        Some(expected) if !expected.eq_ignore_ascii_case(&sum) => {
            refuse(format!("The manifest is another one than was expected: its SHA-256 is {sum}."))
        }
        _ => Ok(manifest),
    }
}

fn open(archive: &Path) -> Result<BufReader<File>, LoadError> {
    let file =
        File::open(archive).map_err(|error| LoadError(format!("{} cannot be read: {error}.", archive.display())))?;
    Ok(BufReader::with_capacity(256 * 1024, file))
}

/// Refuses an archive of a newer schema, and a database that is not this program's. Says whether archive and database
/// have the same schema.
fn check_schema(connection: &mut Blocking, manifest: &Manifest, known: &BTreeSet<String>) -> Result<bool, LoadError> {
    if let Some(step) = manifest.schema_steps.iter().find(|step| !known.contains(*step)) {
        return refuse(format!(
            "The archive was taken by a newer program: this one does not know step {step} of the schema."
        ));
    }
    let run: BTreeSet<String> =
        texts(connection, "SELECT version::text AS line FROM public.__diesel_schema_migrations")?.into_iter().collect();
    if let Some(step) = known.iter().find(|step| !run.contains(*step)) {
        return refuse(format!(
            "The database's schema is older than this program (step {step} is missing): run `backoffice migrate` first."
        ));
    }
    Ok(manifest.schema_steps.iter().cloned().collect::<BTreeSet<_>>() == run)
}

/// Loads an archive that was examined, and the files in it into the store. All of it, or nothing. `known`: the steps of the
/// schema that this program knows.
pub fn load(
    connection: &mut Blocking,
    place: &Place,
    archive: &Path,
    manifest: &Manifest,
    known: &BTreeSet<String>,
) -> Result<(), LoadError> {
    let Ok(client) = Uuid::try_parse(&manifest.client.id) else {
        return refuse("The archive does not say whose it is.");
    };
    if text(connection, "SELECT current_user::text AS line")? != "backoffice_owner" {
        run(connection, "acting as the owner", "SET ROLE backoffice_owner")?;
    }
    let same_schema = check_schema(connection, manifest, known)?;
    crate::platform::tls::install();
    let store = Store::open(place).map_err(|error| LoadError(error.sentence()))?;
    let mut loading = Loading { client, manifest, store, runtime: runtime()?, kept: Vec::new() };
    run(connection, "beginning", "BEGIN")?;
    let loaded = loading.all(connection, archive, same_schema);
    let ended = match &loaded {
        Ok(()) => run(connection, "the end", "COMMIT"),
        Err(_) => run(connection, "taking it back", "ROLLBACK"),
    };
    loaded.and(ended).inspect_err(|_| loading.forget())
}

fn runtime() -> Result<tokio::runtime::Runtime, LoadError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| LoadError(format!("The store cannot be reached: {error}.")))
}

struct Loading<'a> {
    client: Uuid,
    manifest: &'a Manifest,
    store: Store,
    runtime: tokio::runtime::Runtime,
    /// Keys of the objects that were written.
    kept: Vec<String>,
}

impl Loading<'_> {
    fn all(&mut self, connection: &mut Blocking, archive: &Path, same_schema: bool) -> Result<(), LoadError> {
        // As every other row is written, but without an end to what a statement may take.
        for setting in [
            "SET LOCAL timezone = 'UTC'",
            "SET LOCAL search_path = pg_catalog",
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL idle_in_transaction_session_timeout = 0",
        ] {
            run(connection, "settings", setting)?;
        }
        self.found(connection)?;
        let tables = tables::tables(connection, self.manifest)?;
        let stilled = still(connection, tables.iter().map(|table| table.name.as_str()), Walls::Stand)?;
        let sums = self.parts(connection, archive, &tables)?;
        stilled.wake(connection)?;
        prove::rows(connection, &tables, &sums, same_schema)?;
        prove::totals(connection, self.manifest)?;
        self.settle(connection)
    }

    /// The client's place, if nobody has it.
    fn found(&self, connection: &mut Blocking) -> Result<(), LoadError> {
        let there = sql_query("SELECT 1 FROM core.tenant t WHERE t.id = $1").bind::<SqlUuid, _>(self.client);
        if there.execute(connection).map_err(doing("looking for the client"))? > 0 {
            return refuse(format!(
                "This server knows the client {} ({}) already: an archive is loaded once.",
                self.manifest.client.name, self.manifest.client.id
            ));
        }
        let found = sql_query("INSERT INTO core.tenant (id) VALUES ($1)").bind::<SqlUuid, _>(self.client);
        found.execute(connection).map_err(doing("making room for the client"))?;
        let enter = sql_query("SELECT core.set_tenant($1)").bind::<SqlUuid, _>(self.client);
        enter.execute(connection).map(|_| ()).map_err(doing("entering the client"))
    }

    /// Brings every part; gives the sum of each table's rows.
    fn parts(
        &mut self,
        connection: &mut Blocking,
        archive: &Path,
        tables: &[tables::Table],
    ) -> Result<prove::Sums, LoadError> {
        let mut entries = Entries::new(open(archive)?);
        let mut told = self.manifest.parts.iter();
        let mut sums = prove::Sums::default();
        while let Some((name, size)) = entries.next_entry()? {
            if name == MANIFEST {
                break;
            }
            let part = told.next().filter(|part| part.name == name && part.bytes == size).ok_or_else(changed)?;
            let sum = match Kind::of(&name) {
                Some(Kind::Reference(table)) => insert::reference(connection, &mut entries, &table)?,
                Some(Kind::Table(table)) => {
                    let table = tables.iter().find(|known| known.name == table).ok_or_else(changed)?;
                    let (sum, rows) = insert::table(connection, &mut entries, table)?;
                    sums.insert(table.name.clone(), rows);
                    sum
                }
                Some(Kind::File(id)) => self.file(connection, &mut entries, &id, part)?,
                None => return Err(changed()),
            };
            if sum != part.sha256 {
                return Err(changed());
            }
        }
        match told.next() {
            Some(_) => Err(changed()),
            None => Ok(sums),
        }
    }

    /// Brings the bytes of a file to the store.
    fn file(
        &mut self,
        connection: &mut Blocking,
        entries: &mut Entries<BufReader<File>>,
        id: &str,
        part: &Part,
    ) -> Result<String, LoadError> {
        let key = format!(
            "SELECT coalesce(max(f.object_key), '') AS line FROM core.file f
              WHERE f.tenant_id = '{}' AND f.id = '{}' AND f.sha256 = '{}' AND f.size = {}",
            self.client,
            Uuid::try_parse(id).map_err(|_| changed())?,
            hex_only(&part.sha256)?,
            part.bytes
        );
        let key = text(connection, &key)?;
        if key.is_empty() {
            return refuse(format!("The archive holds the file {id}, of which none of its rows knows."));
        }
        let expected = Expected { most: part.bytes, size: Some(part.bytes), sha256: Some(part.sha256.clone()) };
        let pieces = std::iter::from_fn(|| {
            let mut piece = vec![0; 256 * 1024];
            match entries.read(&mut piece) {
                Ok(0) => None,
                Ok(read) => {
                    piece.truncate(read);
                    Some(Ok(Bytes::from(piece)))
                }
                Err(refused) => Some(Err(refused)),
            }
        });
        let writing = self.store.write(&key, futures_util::stream::iter(pieces), &expected);
        self.kept.push(key.clone());
        match self.runtime.block_on(writing) {
            Ok(written) => Ok(written.sha256),
            Err(NotKept::Source(refused)) => Err(refused.into()),
            Err(NotKept::Store(error)) => {
                refuse(format!("The store does not take the file {id}: {}", error.sentence()))
            }
            Err(_) => Err(changed()),
        }
    }

    fn settle(&self, connection: &mut Blocking) -> Result<(), LoadError> {
        let missing: Vec<Uuid> =
            self.manifest.missing_files.iter().filter_map(|file| Uuid::try_parse(&file.id).ok()).collect();
        sql_query("SELECT core.settle_loaded($1, $2)")
            .bind::<SqlUuid, _>(self.client)
            .bind::<Array<SqlUuid>, _>(missing)
            .execute(connection)
            .map(|_| ())
            .map_err(doing("settling the client"))
    }

    /// Takes the bytes away that were written for nothing.
    fn forget(&self) {
        for key in &self.kept {
            // Best effort: no row names them.
            let _ = self.runtime.block_on(self.store.remove(key));
        }
    }
}

fn changed() -> LoadError {
    LoadError("The archive was changed while it was read.".to_owned())
}

fn hex_only(text: &str) -> Result<&str, LoadError> {
    if text.bytes().all(|byte| byte.is_ascii_hexdigit()) { Ok(text) } else { Err(changed()) }
}

/// What was hashed.
fn sum(hash: Sha256) -> String {
    hex(&hash.finalize())
}
