//! The files that the database knows of, and whether the store has them as it knows them.
//!
//! A backup lists them whether it copies them or not: bytes in a bucket are the bucket's to keep, but whoever restores must
//! be able to tell that they are there.

use std::collections::HashSet;

use diesel::{RunQueryDsl, sql_query};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BackupError;
use crate::database::{Blocking, DatabaseError, text, texts};
use crate::platform::files::store::{Place, Store, hex};

/// A file as the database knows it.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Object {
    /// Its key in the store.
    pub key: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Files that can be had. Neither keys nor sums hold a space.
const READY: &str = "SELECT format('%s %s %s', f.object_key, f.size, f.sha256) AS line FROM core.file f
    WHERE f.state = 'ready' AND f.removed_at IS NULL AND f.deleted_at IS NULL AND (f.expires_at IS NULL OR f.expires_at > now())";

fn read(lines: Vec<String>) -> Vec<Object> {
    let object = |line: String| {
        let mut words = line.split(' ').map(str::to_owned);
        Some(Object { key: words.next()?, bytes: words.next()?.parse().ok()?, sha256: words.next()? })
    };
    lines.into_iter().filter_map(object).collect()
}

/// Those of all clients, for a role that sees every row.
pub fn of_all(connection: &mut Blocking) -> Result<Vec<Object>, DatabaseError> {
    Ok(read(texts(connection, &format!("{READY} ORDER BY f.object_key"))?))
}

/// Those of all clients, for the owner, who sees one client at a time.
fn of_each(connection: &mut Blocking) -> Result<Vec<Object>, DatabaseError> {
    let failed = |error: diesel::result::Error| DatabaseError(format!("The files could not be listed: {error}"));
    if text(connection, "SELECT current_user::text AS line")? != "backoffice_owner" {
        sql_query("SET ROLE backoffice_owner").execute(connection).map_err(failed)?;
    }
    let mut all = Vec::new();
    for tenant in texts(connection, "SELECT id::text AS line FROM core.tenant ORDER BY id")? {
        sql_query("BEGIN READ ONLY").execute(connection).map_err(failed)?;
        sql_query(format!("SELECT core.set_tenant('{tenant}')")).execute(connection).map_err(failed)?;
        all.extend(read(texts(
            connection,
            &format!("{READY} AND f.tenant_id = '{tenant}'::uuid ORDER BY f.object_key"),
        )?));
        sql_query("COMMIT").execute(connection).map_err(failed)?;
    }
    Ok(all)
}

/// What was looked at in a store.
#[derive(Debug, Default)]
pub struct Looked {
    /// How many files.
    pub files: usize,
    /// What is not as the database knows it, a line each.
    pub findings: Vec<String>,
}

/// Reads every file that the database knows of from the store, and compares length and SHA-256.
pub fn check(connection: &mut Blocking, place: &Place) -> Result<Looked, BackupError> {
    let objects = of_each(connection)?;
    let mut wrong = compare(place, &objects)?;
    if !wrong.is_empty() {
        // A file that was taken away while we looked is missed by nobody.
        let still: HashSet<String> = of_each(connection)?.into_iter().map(|object| object.key).collect();
        wrong.retain(|(key, _)| still.contains(key));
    }
    Ok(Looked { files: objects.len(), findings: wrong.into_iter().map(|(_, line)| line).collect() })
}

/// The files that a store does not have as they are told of, with a line each.
fn compare(place: &Place, objects: &[Object]) -> Result<Vec<(String, String)>, BackupError> {
    if let Place::Folder(folder) = place
        && !folder.is_dir()
    {
        // Looking makes no folder.
        let missing = |object: &Object| (object.key.clone(), format!("file {}: missing in the store", object.key));
        return Ok(objects.iter().map(missing).collect());
    }
    crate::platform::tls::install();
    let look = async {
        let store = Store::open(place).map_err(|error| BackupError(error.sentence()))?;
        let mut wrong = Vec::new();
        for object in objects {
            if let Some(how) = differs(&store, object).await {
                wrong.push((object.key.clone(), format!("file {}: {how}", object.key)));
            }
        }
        Ok(wrong)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(super::doing("look into the store"))?.block_on(look)
}

async fn differs(store: &Store, object: &Object) -> Option<String> {
    match store.size(&object.key).await {
        Ok(Some(size)) if size == object.bytes => {}
        Ok(Some(size)) => return Some(format!("has {size} bytes instead of {}", object.bytes)),
        Ok(None) => return Some("missing in the store".to_owned()),
        Err(error) => return Some(format!("cannot be read: {}", error.sentence())),
    }
    let sum = async {
        let (mut hash, mut pieces) = (Sha256::new(), store.read(&object.key, None).await?);
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
        }
        Ok::<_, crate::platform::error::Error>(hex(&hash.finalize()))
    };
    match sum.await {
        Ok(sum) if sum == object.sha256 => None,
        Ok(_) => Some("other bytes than the database knows".to_owned()),
        Err(error) => Some(format!("cannot be read: {}", error.sentence())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_does_not_have_is_named() {
        let folder = std::env::temp_dir().join(format!("backoffice-objects-{}", std::process::id()));
        let object = |key: &str, bytes: &[u8]| Object {
            key: key.to_owned(),
            bytes: bytes.len() as u64,
            sha256: hex(&Sha256::digest(bytes)),
        };
        let all = [
            object("a/good", b"good"),
            object("a/short", b"short"),
            object("a/other", b"other"),
            object("a/gone", b"x"),
        ];
        let place = Place::Folder(folder.clone());
        assert_eq!(compare(&place, &all).unwrap().len(), 4);
        assert!(!folder.exists(), "looking made a folder");
        std::fs::create_dir_all(folder.join("a")).unwrap();
        for (name, bytes) in [("good", &b"good"[..]), ("short", b"shor"), ("other", b"0ther")] {
            std::fs::write(folder.join("a").join(name), bytes).unwrap();
        }
        let found: Vec<String> = compare(&place, &all).unwrap().into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            found,
            [
                "file a/short: has 4 bytes instead of 5",
                "file a/other: other bytes than the database knows",
                "file a/gone: missing in the store"
            ]
        );
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn lines_are_read() {
        let line = format!("ab/cd 12 {}", "0".repeat(64));
        let read = read(vec![line, "nonsense".to_owned()]);
        assert_eq!(read, [Object { key: "ab/cd".to_owned(), bytes: 12, sha256: "0".repeat(64) }]);
    }
}
