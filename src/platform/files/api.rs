//! Files in the API: announced, completed, listed, and addressed.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, InputObject, Object, SimpleObject};
use diesel::prelude::*;

use super::keep::{FileDeleteInput, FileDeletePayload, check_room, delete};
use super::ticket::Verb;
use super::{File, FileId, FilePurpose, FileState, Files, Reserved, UPLOAD_OPEN, announce, find, readable, sniff};
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::filter::TextFilter;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::paging::{Slice, encode};
use crate::platform::scalars::DateTime;
use crate::platform::scope::{Ask, settle};
use crate::schema::file;

crate::connection!(
    /// A page of files.
    FileConnection, FileEdge, File
);

crate::equality_filter!(
    /// Conditions on how far a file has come.
    FileStateFilter, FileState
);
crate::equality_filter!(
    /// Conditions on what a file is for.
    FilePurposeFilter, FilePurpose
);

crate::filter! {
    /// Narrows a list of files.
    FileFilter over file {
        /// By name.
        name: TextFilter => text(file::name),
        /// By how far they have come.
        state: FileStateFilter => equality(file::state),
        /// By what they are for.
        purpose: FilePurposeFilter => equality(file::purpose),
    }
}

#[ComplexObject]
impl File {
    /// An address from which the bytes can be taken by GET, for 15 minutes and as long as the caller's session and right
    /// last; whoever has it needs no token. Null unless the file is ready and its bytes are there. It begins with `/` where
    /// the server does not know how it is reached from outside. Null in an export, which is read when no address is good any
    /// more. Right: `core.file.read`.
    async fn download_url(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Whether a browser shall show it instead of keeping it: pictures (PNG, JPEG, GIF, WebP) and PDF only, whatever else is kept.",
            default
        )]
        inline: bool,
    ) -> async_graphql::Result<Option<String>> {
        let tx = ctx.tx(Can::FileRead).await?;
        if !self.is_there() {
            return Ok(None);
        }
        // Queries from inside, for an export, lead to no addresses.
        let Some(files) = ctx.data_opt::<Arc<Files>>() else { return Ok(None) };
        let scope = ctx.scope()?;
        scope.tells_secret();
        let shown = inline && self.media_type.as_deref().is_some_and(sniff::may_be_shown);
        let verb = if shown { Verb::Show } else { Verb::Get };
        Ok(Some(files.address(scope.caller(), tx, self, verb)?.0))
    }
}

/// The files of this process.
pub fn files<'a>(ctx: &Context<'a>) -> Result<&'a Arc<Files>> {
    ctx.data_opt::<Arc<Files>>().ok_or_else(|| Error::fault("the schema has no files"))
}

/// A file that is going to be sent.
#[derive(InputObject, Clone, Debug)]
pub struct FileUploadCreateInput {
    /// The file's name, 1 to 255 characters, without folders.
    pub name: String,
    /// Its size in bytes.
    pub size: i64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// What it is for: `ATTACHMENT` or `IMPORT`.
    pub purpose: FilePurpose,
}

/// A file whose bytes have been sent.
#[derive(InputObject, Clone, Debug)]
pub struct FileUploadCompleteInput {
    /// The file.
    pub file: FileId,
    /// SHA-256 of its bytes once more, in hexadecimal.
    pub sha256: String,
}

/// Where the bytes of a file go.
#[derive(SimpleObject, Clone, Debug)]
pub struct FileUpload {
    /// The address to which the bytes are sent by PUT, as they are, without a token. Good for this one file, its size and
    /// its checksum.
    pub url: String,
    /// Until when it is good: 15 minutes, if the caller's session and right last.
    pub expires_at: DateTime,
}

/// What became of an announced file.
#[derive(SimpleObject)]
pub struct FileUploadCreatePayload {
    /// The file, pending.
    pub file: Option<File>,
    /// Where its bytes go.
    pub upload: Option<FileUpload>,
    /// Why the input was refused; empty if it was not. A refused mutation changed nothing.
    pub user_errors: Vec<UserError>,
}

crate::payload! {
    /// What became of an upload.
    FileUploadCompletePayload {
        /// The file: ready, or quarantined until it has been checked.
        file: File
    }
}

/// The name of a file as it can be kept: no folder, nothing that shows otherwise than it is.
fn named(name: &str) -> Result<String> {
    let name = name.trim();
    let misleading = |one: char| {
        one.is_control()
            || matches!(one, '/' | '\\' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if name.is_empty() || name.chars().count() > 255 || name.chars().any(misleading) || name == "." || name == ".." {
        let message = "A file's name has 1 to 255 characters, without folders and control characters.";
        return Err(Error::refuse(UserErrorCode::Invalid, "name", message));
    }
    Ok(name.to_owned())
}

/// A SHA-256 as it is kept.
fn checksum(text: &str) -> Result<String> {
    let text = text.trim().to_ascii_lowercase();
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text);
    }
    Err(Error::refuse(UserErrorCode::Invalid, "sha256", "A SHA-256 has 64 hexadecimal digits."))
}

async fn create(tx: &Tx, files: &Files, input: FileUploadCreateInput, reserved: &Reserved) -> Result<File> {
    let (name, sha256) = (named(&input.name)?, checksum(&input.sha256)?);
    let most = files.settings().most_bytes;
    if !u64::try_from(input.size).is_ok_and(|size| (1..=most).contains(&size)) {
        return Err(Error::refuse(UserErrorCode::Invalid, "size", format!("A file has 1 to {most} bytes.")));
    }
    if input.purpose == FilePurpose::Export {
        return Err(Error::refuse(UserErrorCode::Invalid, "purpose", "Files of exports are made by the server."));
    }
    check_room(tx, files.settings().most_bytes_of_client, input.size).await?;
    announce(tx, &name, input.purpose, UPLOAD_OPEN, Some((input.size, sha256)), reserved).await
}

/// Announces a file that somebody brings who sends no files otherwise: what a record of the client waits for. Whoever holds
/// the rights of `reserved` sees it, and completes it by [`complete_brought`].
pub async fn announce_brought(
    ctx: &Context<'_>,
    tx: &Tx,
    input: FileUploadCreateInput,
    reserved: &Reserved,
) -> Result<(File, FileUpload)> {
    let (files, scope) = (files(ctx)?, ctx.scope()?);
    scope.tells_secret();
    let announced = create(tx, files, input, reserved).await?;
    let (url, expires_at) = files.address(scope.caller(), tx, &announced, Verb::Bring)?;
    Ok((announced, FileUpload { url, expires_at }))
}

/// Makes a file count that was announced by [`announce_brought`] with the same rights; any other is unknown here.
pub async fn complete_brought(
    ctx: &Context<'_>,
    tx: &Tx,
    input: FileUploadCompleteInput,
    reserved: &Reserved,
) -> Result<File> {
    let rights = reserved.names();
    let one = file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(input.file));
    let known: i64 = tx.row(one.filter(file::rights.eq(rights)).count()).await?;
    if known == 0 {
        return Err(Error::not_found("file", "file"));
    }
    complete(tx, files(ctx)?, input).await
}

async fn complete(tx: &Tx, files: &Files, input: FileUploadCompleteInput) -> Result<File> {
    let sha256 = checksum(&input.sha256)?;
    let one =
        || -> Result<_> { Ok(file::table.filter(file::tenant_id.eq(tx.tenant()?)).filter(file::id.eq(input.file))) };
    let found: Option<File> = tx.maybe(one()?.select(File::as_select()).for_update()).await?;
    let found = found.ok_or_else(|| Error::not_found("file", "file"))?;
    let state = |message: &str| Error::refuse(UserErrorCode::State, "file", message);
    if found.deleted_at.is_some() {
        return Err(state("This file was deleted."));
    }
    if found.state != FileState::Pending {
        return Err(state("The upload of this file was completed before."));
    }
    if found.received_at.is_none() {
        return Err(state("The bytes of this file have not come yet: PUT them to the address of the upload."));
    }
    if found.sha256.as_deref() != Some(sha256.as_str()) {
        let message = "The file that came has another SHA-256.";
        return Err(Error::refuse(UserErrorCode::Invalid, "sha256", message));
    }
    if files.store.size(&found.object_key).await? != Some(found.bytes()) {
        return Err(Error::fault(format!("the bytes of file {} are not in the store as they were received", found.id)));
    }
    let next = if files.settings().check.is_some() { FileState::Quarantined } else { FileState::Ready };
    tx.row(
        diesel::update(one()?)
            .set((file::state.eq(next), file::expires_at.eq(None::<DateTime>)))
            .returning(File::as_returning()),
    )
    .await
    .inspect(|completed: &File| emit(tx, EventKind::FileCompleted, completed.id.0))
}

/// Queries about files.
#[derive(Default)]
pub struct FileQuery;

#[Object]
impl FileQuery {
    /// One file; null if the id is unknown. Right: `core.file.read`.
    async fn file(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The record's id.")] id: FileId,
    ) -> async_graphql::Result<Option<File>> {
        Ok(find(ctx.tx(Can::FileRead).await?, id).await?)
    }

    /// The client's files, newest first. Right: `core.file.read`.
    async fn files(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 25 if not said.")] first: Option<i32>,
        #[graphql(desc = "Only rows behind this cursor.")] after: Option<String>,
        #[graphql(desc = "Only files that match.")] filter: Option<FileFilter>,
    ) -> async_graphql::Result<FileConnection> {
        let tx = ctx.tx(Can::FileRead).await?;
        let slice = Slice::new(first, after.as_deref())?;
        let narrowed = |filter: Option<FileFilter>| -> Result<_> {
            let mut query = readable!(tx).into_boxed();
            if let Some(condition) = filter.map(|filter| filter.condition(0)).transpose()?.flatten() {
                query = query.filter(condition);
            }
            Ok(query)
        };
        let total = if ctx.look_ahead().field("totalCount").exists() {
            Some(tx.row(narrowed(filter.clone())?.count()).await?)
        } else {
            None
        };
        let mut page = narrowed(filter)?;
        if let Some((_, id)) = &slice.after {
            page = page.filter(file::id.lt(*id));
        }
        let rows = tx.rows(page.order(file::id.desc()).limit(slice.limit()).select(File::as_select())).await?;
        Ok(FileConnection::new(ctx, &slice, rows, |row| encode("", row.id.0), total))
    }
}

/// Changes of files.
#[derive(Default)]
pub struct FileMutation;

#[Object]
impl FileMutation {
    /// Announces a file and gives the address to which its bytes are sent by PUT. What was not completed an hour later is
    /// forgotten. Right: `core.file.manage`.
    async fn file_upload_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file.")] input: FileUploadCreateInput,
    ) -> async_graphql::Result<Option<FileUploadCreatePayload>> {
        let tx = ctx.tx(Can::FileManage).await?;
        let (files, scope) = (files(ctx)?, ctx.scope()?);
        scope.tells_secret();
        let (file, user_errors) = settle(ctx, create(tx, files, input, &Reserved::default()).await)?;
        let upload = match &file {
            Some(file) => {
                let (url, expires_at) = files.address(scope.caller(), tx, file, Verb::Put)?;
                Some(FileUpload { url, expires_at })
            }
            None => None,
        };
        Ok(Some(FileUploadCreatePayload { file, upload, user_errors }))
    }

    /// Makes a file count whose bytes have been sent. If this server has files checked, it is quarantined first, and ready
    /// or refused some moments later. Right: `core.file.manage`.
    async fn file_upload_complete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which file.")] input: FileUploadCompleteInput,
    ) -> async_graphql::Result<Option<FileUploadCompletePayload>> {
        let tx = ctx.tx(Can::FileManage).await?;
        FileUploadCompletePayload::settle(ctx, complete(tx, files(ctx)?, input).await)
    }

    /// Deletes a file that nothing refers to, or takes an announced one back: from now on it cannot be used, its bytes go
    /// within minutes, its record and its trail stay. Right: `core.file.manage`.
    async fn file_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which file.")] input: FileDeleteInput,
    ) -> async_graphql::Result<Option<FileDeletePayload>> {
        FileDeletePayload::settle(ctx, delete(ctx.tx(Can::FileManage).await?, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_folders_and_hide_nothing() {
        for good in ["a", "Rechnung März.pdf", " x.csv ", "..hidden", &"ü".repeat(255)] {
            assert_eq!(named(good).unwrap(), good.trim());
        }
        for wrong in ["", " ", ".", "..", "a/b", "a\\b", "a\nb", "a\0", "exe\u{202e}fdp.", &"x".repeat(256)] {
            assert!(named(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_checksum_has_one_spelling() {
        assert_eq!(checksum(&"AB".repeat(32)).unwrap(), "ab".repeat(32));
        for wrong in ["", "ab", &"ab".repeat(33), &"xy".repeat(32)] {
            assert!(checksum(wrong).is_err());
        }
    }
}
