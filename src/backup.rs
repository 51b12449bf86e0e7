//! `backoffice backup` and `backoffice restore`: the whole installation as one folder, and back into an empty place.
//!
//! A backup is a folder with `database.dump` (PostgreSQL's custom format, of one snapshot; the keys that sign tokens are
//! in it), `files/…` (the file store's folder), `manifest.json` (what it is of, how many rows of which table, the SHA-256
//! of each part and of each file that the database knows of) and `manifest.sha256`, which is written last. It is made under
//! another name and renamed when it is complete, so a folder with the right name is whole. It may be taken while the server
//! works.
//!
//! Files in a bucket stay there; the manifest says which they are. The key that opens stored secrets (`secrets.key`) is
//! never in a backup: beside what it seals it protects nothing.

mod dump;
mod manifest;
pub mod objects;
mod parts;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use backoffice_private_postgres::Tools;
use diesel::migration::MigrationSource;
use diesel::pg::Pg;

pub use manifest::{Manifest, Part};

use crate::check;
use crate::database::{self, DatabaseError, MIGRATIONS};
use crate::platform::files::store::Place;

/// The part that holds the database.
pub const DUMP: &str = "database.dump";
/// The folder of the file store, in a backup and below the data folder.
pub const FILES: &str = "files";

/// Why there is no backup, or nothing was restored; a sentence for the one at the terminal.
#[derive(Debug)]
pub struct BackupError(String);

impl std::fmt::Display for BackupError {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for BackupError {}

impl From<DatabaseError> for BackupError {
    fn from(error: DatabaseError) -> Self {
        Self(error.0)
    }
}

/// For `map_err`: names what was being done.
fn doing(what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> BackupError {
    move |error| BackupError(format!("Could not {what}: {error}."))
}

/// A PostgreSQL to take from or to fill.
pub struct Server {
    /// Where a superuser, or another role that row-level security does not bind, reaches the database.
    pub url: String,
    /// Programs that can speak with it.
    pub tools: Tools,
}

impl Server {
    /// A server of one's own, with programs of this machine that can speak with it.
    pub fn own(url: &str) -> Result<Self, BackupError> {
        let major = dump::major(url)?;
        let tools = Tools::for_server(major, "pg_dump").ok_or_else(|| {
            BackupError(format!(
                "pg_dump of PostgreSQL {major} or newer is not on this machine: install PostgreSQL's client programs, or name \
                 their folder in BACKOFFICE_PG_BIN."
            ))
        })?;
        Ok(Self { url: url.to_owned(), tools })
    }
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// Steps of the schema that were newer than the backup, and were run.
    pub migrated: usize,
    /// What `check` says of the restored database.
    pub report: check::Report,
}

/// Takes a backup into a folder that does not exist yet. A file store that is a folder is copied; it may be missing. The key
/// that opens stored secrets must not lie in it.
pub fn take(server: &Server, store: &Place, secrets_key: &Path, to: &Path) -> Result<Manifest, BackupError> {
    if let Place::Folder(files) = store
        && let (Ok(files), Ok(key)) = (files.canonicalize(), secrets_key.canonicalize())
        && key.starts_with(&files)
    {
        return Err(BackupError(format!(
            "{} lies in the folder of the files, which a backup copies: the key would lie beside what it seals, and protect \
             nothing. Move it, and name its place with --secrets-key.",
            key.display()
        )));
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError(format!("{} exists already; a backup takes a folder of its own.", to.display())));
    }
    let to = std::path::absolute(to).map_err(doing(format!("use {}", to.display())))?;
    let mut name = to.file_name().ok_or_else(|| BackupError("Name the backup's folder.".to_owned()))?.to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    let partial = to.with_file_name(name);
    let finish = || {
        parts::make_private_folder(&partial)?;
        // The database first: a file is in the store before its row is committed, so whatever a row of this snapshot
        // names is found by the copy that follows.
        let counted = dump::take(server, &partial.join(DUMP))?;
        let mut found = vec![parts::seal(&partial, Path::new(DUMP))?];
        let bucket = match store {
            Place::Folder(files) => {
                parts::copy_folder(files, &partial, Path::new(FILES), &mut found)?;
                None
            }
            Place::S3(bucket) => Some(format!("s3://{}/{}", bucket.bucket, bucket.prefix)),
        };
        let manifest = Manifest::new(counted, found, bucket);
        manifest.write(&partial)?;
        parts::sync_folder(&partial)?;
        fs::rename(&partial, &to).map_err(doing(format!("name {}", to.display())))?;
        parts::sync_folder(to.parent().unwrap_or(Path::new("/")))?;
        Ok(manifest)
    };
    finish().inspect_err(|_| {
        // Best effort: its name says already that it is no backup.
        let _ = fs::remove_dir_all(&partial);
    })
}

/// Reads every part of a backup and compares it with the manifest. Names the part that is damaged, missing or not its own.
pub fn verify(from: &Path) -> Result<Manifest, BackupError> {
    let manifest = Manifest::read(from)?;
    parts::verify(from, &manifest.parts)?;
    let known: Vec<String> = known_migrations()?;
    match manifest.migrations.iter().find(|version| !known.contains(version)) {
        Some(version) => Err(BackupError(format!(
            "The backup was taken by a newer program: this one does not know step {version} of the schema."
        ))),
        None => Ok(manifest),
    }
}

/// Fills an empty database from a verified backup, compares the counts of all tables, brings the schema up to date, and
/// runs `check`. The roles exist already. Either the database is as it was, or it is as empty as before.
pub fn fill(server: &Server, from: &Path, manifest: Manifest) -> Result<Restored, BackupError> {
    let mut connection = database::connect(&server.url)?;
    dump::refuse_filtered(&mut connection)?;
    if let Some(table) = dump::tables(&mut connection)?.first() {
        return Err(BackupError(format!(
            "The database is not empty ({table} is there); a backup is restored into an empty one only."
        )));
    }
    dump::restore(server, &from.join(DUMP))?;
    let counted = dump::count(&mut connection)?;
    if let Some(difference) = difference(&manifest.tables, &counted) {
        return Err(BackupError(format!("What was restored is not what was backed up: {difference}")));
    }
    dump::analyze(&mut connection)?;
    let migrated = database::migrate(&mut connection)?;
    // A session of its own, because migrating has changed the role of this one.
    let report = check::run(&mut database::connect(&server.url)?)?;
    Ok(Restored { manifest, migrated, report })
}

/// Copies the files of a verified backup to a folder that does not exist.
pub fn copy_files(from: &Path, to: &Path) -> Result<(), BackupError> {
    let (parent, name) = match (to.parent(), to.file_name()) {
        (Some(parent), Some(name)) => (parent, PathBuf::from(name)),
        _ => return Err(BackupError("Name a folder for the files.".to_owned())),
    };
    parts::copy_folder(&from.join(FILES), parent, &name, &mut Vec::new())
}

/// Refuses a place that holds anything.
pub fn refuse_occupied(place: &Path) -> Result<(), BackupError> {
    match fs::read_dir(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(doing(format!("read {}", place.display()))(error)),
        Ok(entries) => match entries.flatten().find(|entry| entry.file_name() != "lost+found") {
            None => Ok(()),
            Some(_) => Err(BackupError(format!(
                "{} is not empty; a backup is restored into an empty place only.",
                place.display()
            ))),
        },
    }
}

fn known_migrations() -> Result<Vec<String>, BackupError> {
    let all = MigrationSource::<Pg>::migrations(&MIGRATIONS).map_err(|error| BackupError(error.to_string()))?;
    Ok(all.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// The first table whose rows differ in number.
fn difference(then: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> Option<String> {
    then.keys().chain(now.keys()).find_map(|table| {
        let (was, is) = (then.get(table), now.get(table));
        let told =
            |count: Option<&u64>| count.map_or_else(|| "no such table".to_owned(), |rows| format!("{rows} rows"));
        (was != is).then(|| format!("{table}: {} then, {} now.", told(was), told(is)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_lost_rows_is_named() {
        let then = BTreeMap::from([("core.tenant".to_owned(), 2), ("finance.invoice".to_owned(), 7)]);
        assert_eq!(difference(&then, &then), None);
        let now = BTreeMap::from([("core.tenant".to_owned(), 2), ("finance.invoice".to_owned(), 6)]);
        assert_eq!(difference(&then, &now).unwrap(), "finance.invoice: 7 rows then, 6 rows now.");
        let now = BTreeMap::from([("core.tenant".to_owned(), 2)]);
        assert_eq!(difference(&then, &now).unwrap(), "finance.invoice: 7 rows then, no such table now.");
    }
}
