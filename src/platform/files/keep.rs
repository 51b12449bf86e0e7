//! What a client keeps: how many bytes it may, and that it deletes what it does not want any more.

use async_graphql::InputObject;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Int8, Nullable, Text, Uuid as SqlUuid};

use super::{File, FileId, Files, readable, store};
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::outbox::{EventKind, emit};
use crate::platform::sql::sql;
use crate::schema::file;

/// A file that is not wanted any more.
#[derive(InputObject, Clone, Debug)]
pub struct FileDeleteInput {
    /// The file.
    pub file: FileId,
    /// The version that was read; refused with `CONFLICT` if the file was changed since.
    pub expected_version: Option<i32>,
}

crate::payload! {
    /// What became of a deletion.
    FileDeletePayload {
        /// The file, deleted: its record stays, its bytes go within minutes.
        file: File
    }
}

#[derive(QueryableByName)]
struct Referrer {
    #[diesel(sql_type = Nullable<Text>)]
    referrer: Option<String>,
}

#[derive(QueryableByName)]
struct Room {
    #[diesel(sql_type = Nullable<Int8>)]
    most: Option<i64>,
    #[diesel(sql_type = Nullable<Int8>)]
    kept: Option<i64>,
}

/// Deletes a file that nothing refers to. Whoever wants to refer to it meanwhile waits for the row, and finds it deleted.
pub(super) async fn delete(tx: &Tx, input: FileDeleteInput) -> Result<File> {
    let found = readable!(tx).filter(file::id.eq(input.file)).select(File::as_select()).for_update();
    let found: Option<File> = tx.maybe(found).await?;
    let found = found.ok_or_else(|| Error::not_found("file", "file"))?;
    if input.expected_version.is_some_and(|expected| expected != found.version) {
        let message = "The file was changed since it was read; read it again.";
        return Err(Error::refuse(UserErrorCode::Conflict, "expectedVersion", message));
    }
    if found.deleted_at.is_some() {
        return Err(Error::refuse(UserErrorCode::State, "file", "This file was deleted before."));
    }
    let refers: Referrer =
        tx.row(sql("SELECT core.file_referrer($1) AS referrer").bind::<SqlUuid, _>(input.file.0)).await?;
    if let Some(table) = refers.referrer {
        let concept = table.rsplit('.').next().unwrap_or_default().replace('_', " ");
        let message = format!("Something still refers to this file: a record of the kind \"{concept}\".");
        return Err(Error::refuse(UserErrorCode::State, "file", message));
    }
    let one = file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(input.file));
    tx.row(diesel::update(one).set(file::deleted_at.eq(tx.now())).returning(File::as_returning()))
        .await
        .inspect(|deleted: &File| emit(tx, EventKind::FileDeleted, deleted.id.0))
}

/// Refuses a file for whose bytes the client has no room left. Those who announce at the same time are counted one after
/// the other.
pub(super) async fn check_room(tx: &Tx, most: Option<i64>, size: i64) -> Result<()> {
    let room: Room =
        tx.row(sql("SELECT r.most, r.kept FROM core.file_room($1) r").bind::<Nullable<Int8>, _>(most)).await?;
    let (Some(most), Some(kept)) = (room.most, room.kept) else { return Ok(()) };
    if kept.saturating_add(size) <= most {
        return Ok(());
    }
    let message = format!(
        "The client may keep {most} bytes of files and keeps {kept}: there is no room for {size} more. Delete some, or ask the provider for more room."
    );
    Err(Error::refuse(UserErrorCode::Invalid, "size", message))
}

impl Files {
    /// SHA-256 of its bytes as they lie in the store, in hexadecimal; nothing if they do not.
    pub async fn digest(&self, file: &File) -> Result<Option<String>> {
        use futures_util::StreamExt;
        use sha2::Digest;
        let Some((_, mut bytes)) = self.stored(&file.object_key).await? else { return Ok(None) };
        let mut hash = sha2::Sha256::new();
        while let Some(piece) = bytes.next().await {
            hash.update(&piece?);
        }
        Ok(Some(store::hex(&hash.finalize())))
    }
}
