//! What a backup says of itself. Its own SHA-256 lies beside it, so that a changed manifest is told from a changed part.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use super::dump::Counted;
use super::objects::Object;
use super::{BackupError, FILES, doing, parts};

/// The manifest's name in a backup.
const MANIFEST: &str = "manifest.json";
/// The file that is written last, in the form that `sha256sum --check` reads.
const CLOSING: &str = "manifest.sha256";
/// The form of a backup that this program writes; it reads the first one as well.
const FORMAT: u32 = 2;

/// What a backup holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// The form of the backup.
    pub format: u32,
    /// Version of the program that took it.
    pub program: String,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// Version of the PostgreSQL it was taken from.
    pub postgresql: String,
    /// Steps of the schema that had been run.
    pub migrations: Vec<String>,
    /// Rows of each table.
    pub tables: BTreeMap<String, u64>,
    /// Every file of the backup but this one.
    pub parts: Vec<Part>,
    /// The bucket that holds the clients' files, which are not in the backup then.
    #[serde(default)]
    pub bucket: Option<String>,
    /// The clients' files that the database knows of, wherever they lie.
    #[serde(default)]
    pub objects: Vec<Object>,
}

/// A file of a backup.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// Its path in the backup.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// What is told of a backup that was just taken.
    pub(super) fn new(counted: Counted, parts: Vec<Part>, bucket: Option<String>) -> Self {
        Self {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at: Utc::now().trunc_subsecs(0),
            postgresql: counted.postgresql,
            migrations: counted.migrations,
            tables: counted.tables,
            parts,
            bucket,
            objects: counted.objects,
        }
    }

    /// Files that the database knows of and the backup should hold, but does not hold as they are known.
    #[must_use]
    pub fn missing(&self) -> Vec<&str> {
        if self.bucket.is_some() {
            return Vec::new();
        }
        let held: HashMap<&str, (u64, &str)> =
            self.parts.iter().map(|part| (part.path.as_str(), (part.bytes, part.sha256.as_str()))).collect();
        let wrong = |object: &&Object| {
            held.get(format!("{FILES}/{}", object.key).as_str()) != Some(&(object.bytes, object.sha256.as_str()))
        };
        self.objects.iter().filter(wrong).map(|object| object.key.as_str()).collect()
    }

    /// Client companies in the backup.
    #[must_use]
    pub fn clients(&self) -> u64 {
        self.tables.get("core.tenant").copied().unwrap_or_default()
    }

    /// Rows of all tables together.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.values().fold(0, |sum, rows| sum.saturating_add(*rows))
    }

    /// Bytes of all parts together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let mut text = serde_json::to_vec_pretty(self).map_err(|error| BackupError(error.to_string()))?;
        text.push(b'\n');
        parts::write(&folder.join(MANIFEST), &text)?;
        parts::write(&folder.join(CLOSING), format!("{}  {MANIFEST}\n", parts::digest(&text)).as_bytes())
    }

    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let closing = fs::read_to_string(folder.join(CLOSING)).map_err(|_| {
            BackupError(format!("{} is not a complete backup: {CLOSING} is missing.", folder.display()))
        })?;
        let text = fs::read(folder.join(MANIFEST)).map_err(doing(format!("read {MANIFEST} of the backup")))?;
        let damaged = || BackupError(format!("The backup is damaged: {MANIFEST} is not as it was written."));
        if closing.split_whitespace().next() != Some(parts::digest(&text).as_str()) {
            return Err(damaged());
        }
        #[derive(Deserialize)]
        struct Form {
            format: u32,
        }
        let form: Form = serde_json::from_slice(&text).map_err(|_| damaged())?;
        if !(1..=FORMAT).contains(&form.format) {
            return Err(BackupError(format!(
                "The backup has form {}; this program reads forms 1 to {FORMAT}. Restore it with the program that took it.",
                form.format
            )));
        }
        serde_json::from_slice(&text).map_err(|_| damaged())
    }

    /// The manifest's own files, which it does not list.
    pub(super) fn is_own(path: &str) -> bool {
        path == MANIFEST || path == CLOSING
    }
}
