//! Files of banks and bookkeepers, taken in whole or not at all.
//!
//! One wrong line refuses its whole file, with line, column and reason. What is there already is not added again: the same
//! file a second time changes nothing and says so.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, SimpleObject};
use backoffice_formats::{Dialect, Problems};
use diesel::prelude::*;
use sha2::{Digest, Sha256};

use crate::finance::ids::ImportId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserError, UserErrorCode};
use crate::platform::input::sized;
use crate::platform::outbox::{EventKind, emit};
use crate::platform::scalars::{Base64, DateTime};
use crate::platform::scope::settle;
use crate::schema::import;

pub mod api;
mod bank_statement;
mod chart;
pub mod job;
mod mapping;
mod opening;
mod parties;
mod problem;

pub use api::{ImportsMutation, ImportsQuery};
pub(crate) use problem::FileErrors;
pub use problem::{FileError, FileErrorCode};

crate::platform::words! {
    /// What a file holds.
    ImportKind {
        /// A chart of accounts.
        ChartOfAccounts = "chart_of_accounts",
        /// The balances that the books start with.
        OpeningBalances = "opening_balances",
        /// Customers.
        Customers = "customers",
        /// Vendors.
        Vendors = "vendors",
        /// Bank statements.
        BankStatement = "bank_statement",
        /// Records of a register.
        RegisterRecords = "register_records",
    }
}

/// A file that was taken in.
#[derive(Queryable, Selectable, SimpleObject, Clone, Debug)]
#[diesel(table_name = import)]
pub struct Import {
    /// Global id.
    pub id: ImportId,
    /// What it holds.
    pub kind: ImportKind,
    /// Its name.
    pub file_name: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many records it holds: accounts, balances, parties, movements.
    pub lines: i32,
    /// How many of them were new.
    pub created: i32,
    /// How many were there already.
    pub unchanged: i32,
    /// When it was taken in.
    pub created_at: DateTime,
}

impl Fetch for Import {
    type Key = ImportId;
    type Value = Self;
    const CAN: Can = Can::ImportRead;

    async fn fetch(tx: &Tx, keys: Vec<ImportId>) -> Result<HashMap<ImportId, Self>> {
        let rows: Vec<Self> = tx
            .rows(
                import::table
                    .filter(import::tenant_id.eq(tx.tenant()?))
                    .filter(import::id.eq_any(keys))
                    .select(Self::as_select()),
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

/// A file, as text or as bytes: exactly one of the two. At most 16 MiB.
#[derive(InputObject, Clone, Debug)]
pub struct FileInput {
    /// The file's name, 1 to 255 characters.
    pub name: String,
    /// Its text, if it is UTF-8.
    pub text: Option<String>,
    /// Its bytes in base64, whatever its encoding.
    pub base64: Option<Base64>,
}

/// A file whose bytes are at hand.
pub(crate) struct File {
    name: String,
    bytes: Vec<u8>,
    sha256: String,
    dialect: Dialect,
    /// It was a spreadsheet before its bytes were made CSV.
    sheet: bool,
}

impl FileInput {
    /// Its bytes.
    pub(crate) fn bytes(self) -> Result<Vec<u8>> {
        Ok(self.open()?.bytes)
    }

    fn open(self) -> Result<File> {
        sized("file.name", &self.name, 1..=255)?;
        let bytes = match (self.text, self.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(Base64(bytes))) => bytes,
            _ => {
                let message = "A file comes as `text` or as `base64`: exactly one of the two.";
                return Err(Error::refuse(UserErrorCode::Required, "file", message));
            }
        };
        let digest = Sha256::digest(&bytes);
        Ok(File { name: self.name, sha256: hex(&digest), bytes, dialect: Dialect::default(), sheet: false })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // writing to a string cannot fail
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What became of a file.
pub(crate) enum Outcome {
    /// It was taken in.
    Done(Import),
    /// Some of its lines are wrong; nothing was changed.
    Refused(FileErrors),
}

/// What became of a file.
#[derive(SimpleObject)]
pub struct ImportPayload {
    /// The import; null if the file was refused.
    pub import: Option<Import>,
    /// What is wrong with the file, by line; the first 1,000.
    pub file_errors: Vec<FileError>,
    /// How many more wrong places there are than `fileErrors` shows.
    pub more_file_errors: i32,
    /// Why the input was refused; empty if it was not. A refused import changed nothing.
    pub user_errors: Vec<UserError>,
}

impl ImportPayload {
    fn settle(ctx: &Context<'_>, result: Result<Outcome>) -> async_graphql::Result<Option<Self>> {
        let (result, errors) = match result {
            Ok(Outcome::Done(import)) => (Ok(import), FileErrors::default()),
            Ok(Outcome::Refused(errors)) => (Err(errors.refusal()), errors),
            Err(error) => (Err(error), FileErrors::default()),
        };
        let (import, user_errors) = settle(ctx, result)?;
        let more_file_errors = i32::try_from(errors.more).unwrap_or(i32::MAX);
        Ok(Some(Self { import, file_errors: errors.listed, more_file_errors, user_errors }))
    }
}

/// Parses away from the thread that serves requests: a large file takes a while.
pub(crate) async fn parse<T, F>(bytes: Vec<u8>, parser: F) -> Result<std::result::Result<T, FileErrors>>
where
    T: Send + 'static,
    F: FnOnce(&[u8]) -> std::result::Result<T, Problems> + Send + 'static,
{
    let parsed = tokio::task::spawn_blocking(move || parser(&bytes)).await.map_err(Error::fault)?;
    Ok(parsed.map_err(FileErrors::from))
}

/// How often a count of a file fits; files are bounded far below.
fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// Notes that a file was taken in.
pub(crate) async fn record(
    tx: &Tx,
    kind: ImportKind,
    name: String,
    sha256: String,
    created: usize,
    unchanged: usize,
) -> Result<Import> {
    tx.row(
        diesel::insert_into(import::table)
            .values((
                import::tenant_id.eq(tx.tenant()?),
                import::id.eq(ImportId::new()),
                import::kind.eq(kind),
                import::file_name.eq(name),
                import::sha256.eq(sha256),
                import::lines.eq(count(created.saturating_add(unchanged))),
                import::created.eq(count(created)),
                import::unchanged.eq(count(unchanged)),
            ))
            .returning(Import::as_returning()),
    )
    .await
    .inspect(|import: &Import| emit(tx, EventKind::ImportFinished, import.id.0))
}

/// How many records a file brought that was taken in before, byte for byte. Records are changed afterwards by people,
/// so the same file again is not compared with them: it is known.
pub(crate) async fn known(tx: &Tx, kind: ImportKind, sha256: &str) -> Result<Option<usize>> {
    let lines: Option<i32> = tx
        .maybe(
            import::table
                .filter(import::tenant_id.eq(tx.tenant()?))
                .filter(import::kind.eq(kind))
                .filter(import::sha256.eq(sha256.to_owned()))
                .select(import::lines)
                .limit(1),
        )
        .await?;
    Ok(lines.and_then(|lines| usize::try_from(lines).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_text_or_bytes() {
        let file = |text: Option<&str>, base64: Option<&[u8]>| FileInput {
            name: "a.csv".to_owned(),
            text: text.map(str::to_owned),
            base64: base64.map(|bytes| Base64(bytes.to_vec())),
        };
        assert!(file(None, None).open().is_err());
        assert!(file(Some("a"), Some(b"a")).open().is_err());
        let (text, bytes) = (file(Some("abc"), None).open().unwrap(), file(None, Some(b"abc")).open().unwrap());
        assert_eq!(text.sha256, bytes.sha256);
        assert_eq!(text.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
