//! Importing an uploaded file as a job: the same rules as at once, for files that take longer than a request.
//!
//! A file is taken in whole, in one transaction that also finishes the job: a worker may die anywhere in it, and the next
//! one begins the file anew.

use std::sync::Arc;

use async_graphql::{Context, InputObject, InputType, Object, Value};
use futures_util::TryStreamExt;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::api::{BankStatementFormat, BankStatementImportInput};
use super::mapping::BankCsvMappingInput;
use super::parties::Side;
use super::problem::{FileError, FileErrors};
use super::{File, ImportKind, Outcome, bank_statement, chart, hex, opening, parties};
use crate::finance::bank::account;
use crate::finance::ids::BankAccountId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{FileId, Files};
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::work::job::{Job, JobPayload};
use backoffice_formats::limits::{MAX_BYTES, MAX_COLUMNS};
use backoffice_formats::rows_in;

/// What a column of a file is.
#[derive(InputObject, Clone, Debug)]
pub struct ImportColumnInput {
    /// Its name in the file's first line.
    pub column: String,
    /// What it is: one of the columns that files of this kind have, e.g. `number`.
    pub field: String,
}

/// An uploaded file to be taken in.
#[derive(InputObject, Clone, Debug)]
pub struct ImportCreateInput {
    /// What it holds.
    pub kind: ImportKind,
    /// The file, uploaded before: CSV or XLSX, of which the first sheet counts; bank statements also CAMT.053. At most
    /// 16 MiB.
    pub file: FileId,
    /// Columns that have other names in the file; not for bank statements, which have `mapping`.
    pub columns: Option<Vec<ImportColumnInput>>,
    /// True tries everything and keeps nothing.
    #[graphql(default)]
    pub dry_run: bool,
    /// The first day of the books; opening balances only.
    pub date: Option<Date>,
    /// The bank account; bank statements only. A CAMT.053 file names its own.
    pub bank_account: Option<BankAccountId>,
    /// The bank file's format; bank statements only, where it is needed.
    pub format: Option<BankStatementFormat>,
    /// Which column is what; bank statements in CSV only.
    pub mapping: Option<BankCsvMappingInput>,
    /// Balance before the first movement; bank statements in CSV only.
    pub opening_balance: Option<Dec>,
    /// Balance after the last movement; bank statements in CSV only.
    pub closing_balance: Option<Dec>,
}

/// The right to make by hand what a file holds.
fn right(kind: ImportKind) -> Can {
    match kind {
        ImportKind::ChartOfAccounts => Can::AccountManage,
        ImportKind::OpeningBalances => Can::JournalPost,
        ImportKind::Customers => Can::CustomerManage,
        ImportKind::Vendors => Can::VendorManage,
        ImportKind::BankStatement => Can::BankManage,
    }
}

/// The kind of job.
pub struct ImportJob {
    files: Arc<Files>,
}

impl ImportJob {
    /// Reads those files.
    #[must_use]
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }
}

/// A wrong place in a file.
#[derive(Serialize)]
struct Wrong {
    line: i32,
    column: Option<String>,
    code: String,
    message: String,
}

/// What came of an import.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Imported {
    #[serde(rename = "import")]
    id: Option<String>,
    dry_run: bool,
    lines: i32,
    created: i32,
    unchanged: i32,
    file_errors: Vec<Wrong>,
    more_file_errors: u64,
}

fn wrong(error: FileError) -> Wrong {
    let code = match InputType::to_value(&error.code) {
        Value::Enum(word) => word.to_string(),
        other => other.to_string(),
    };
    Wrong { line: error.line, column: error.column, code, message: error.message }
}

/// The refusal of a file, with the lines that are wrong.
fn refused(errors: FileErrors, dry_run: bool) -> Halt {
    let message = match errors.refusal() {
        Error::Refused(reasons) => reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" "),
        _ => String::new(),
    };
    let told = Imported {
        dry_run,
        more_file_errors: errors.more,
        file_errors: errors.listed.into_iter().map(wrong).collect(),
        ..Imported::default()
    };
    Halt::Refused(message, serde_json::to_value(told).unwrap_or_default())
}

/// The file with the names that its columns have here.
fn renamed(bytes: Vec<u8>, columns: &[ImportColumnInput]) -> Vec<u8> {
    if columns.is_empty() {
        return bytes;
    }
    let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(bytes.len());
    let Some((header, rest)) = bytes.split_at_checked(end) else { return bytes };
    let Ok(header) = std::str::from_utf8(header) else { return bytes };
    let separator = [';', '\t'].into_iter().find(|mark| header.contains(*mark)).unwrap_or(',');
    let names = header.trim_start_matches('\u{FEFF}').split(separator).map(|name| {
        let plain = name.trim().trim_matches('"');
        let known = columns.iter().find(|column| column.column.trim().eq_ignore_ascii_case(plain));
        known.map_or_else(|| name.to_owned(), |column| column.field.clone())
    });
    let mut out = names.collect::<Vec<_>>().join(&separator.to_string()).into_bytes();
    out.extend_from_slice(rest);
    out
}

impl ImportJob {
    /// The bytes of the file, if they can be had and are not too many.
    async fn read(&self, tx: &Tx, id: FileId) -> Result<(String, Vec<u8>)> {
        let opened = self.files.read(tx, id).await?.ok_or_else(|| Error::not_found("file", "file that is ready"))?;
        let mut bytes = Vec::new();
        let mut pieces = opened.bytes;
        while let Some(piece) = pieces.try_next().await? {
            if bytes.len().saturating_add(piece.len()) > MAX_BYTES {
                let message = format!("The file is larger than {} MiB; split it.", MAX_BYTES / 1024 / 1024);
                return Err(Error::refuse(UserErrorCode::Invalid, "file", message));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok((opened.file.name, bytes))
    }
}

async fn take_in(tx: &Tx, input: ImportCreateInput, file: File) -> Result<Outcome> {
    match input.kind {
        ImportKind::ChartOfAccounts => chart::run(tx, file).await,
        ImportKind::Customers => parties::run(tx, Side::Customers, file).await,
        ImportKind::Vendors => parties::run(tx, Side::Vendors, file).await,
        ImportKind::OpeningBalances => {
            let date = input.date.ok_or_else(|| {
                Error::refuse(UserErrorCode::Required, "date", "Say which day is the first of the books.")
            })?;
            opening::run(tx, file, date.0).await
        }
        ImportKind::BankStatement => {
            let format = input.format.ok_or_else(|| {
                Error::refuse(UserErrorCode::Required, "format", "Say in which format the bank's file is.")
            })?;
            let asked = BankStatementImportInput {
                file: file.given(),
                bank_account: input.bank_account,
                format,
                mapping: input.mapping,
                opening_balance: input.opening_balance,
                closing_balance: input.closing_balance,
            };
            bank_statement::run(tx, asked).await
        }
    }
}

impl JobKind for ImportJob {
    const NAME: JobName = JobName::Import;
    const TRIES: i32 = 4;
    type Args = serde_json::Value;

    async fn run(&self, job: &JobContext, args: serde_json::Value) -> JobResult {
        let value = Value::from_json(args).map_err(Error::fault)?;
        let input = ImportCreateInput::parse(Some(value)).map_err(|_| Error::fault("an import's input was not kept well"))?;
        let dry_run = input.dry_run;
        let tx = job.tx(Can::ImportRun).await?;
        let needed = right(input.kind);
        if !tx.permissions().contains(&needed) || !tx.permissions().contains(&Can::FileRead) {
            tx.finish(false).await?;
            let message = format!("Whoever asked for this job does not hold the right `{}` any more.", needed.name());
            return Err(Error::Forbidden(message).into());
        }
        let (name, bytes) = self.read(&tx, input.file).await?;
        let sha256 = hex(&Sha256::digest(&bytes));
        let bytes = if rows_in::is_spreadsheet(&bytes) {
            match super::parse(bytes, rows_in::to_csv).await? {
                Ok(csv) => csv,
                Err(errors) => return Err(refused(errors, dry_run)),
            }
        } else {
            bytes
        };
        let bytes = renamed(bytes, input.columns.as_deref().unwrap_or_default());
        let import = match take_in(&tx, input, File { name, bytes, sha256 }).await? {
            Outcome::Done(import) => import,
            Outcome::Refused(errors) => {
                tx.finish(false).await?;
                return Err(refused(errors, dry_run));
            }
        };
        let lines = u64::try_from(import.lines).unwrap_or_default();
        let told = Imported {
            id: (!dry_run).then(|| import.id.to_string()),
            dry_run,
            lines: import.lines,
            created: import.created,
            unchanged: import.unchanged,
            ..Imported::default()
        };
        let tx = if dry_run {
            // What the database checks at the commit is checked now; then nothing of it is kept.
            let checked = tx.check_now().await;
            tx.finish(false).await?;
            checked?;
            job.tx(Can::ImportRun).await?
        } else {
            tx
        };
        job.finish(tx, &told, Progress { done: lines, total: Some(lines) }).await
    }
}

async fn create(tx: &Tx, input: ImportCreateInput) -> Result<Job> {
    let file = crate::platform::files::find(tx, input.file).await?;
    if !file.ok_or_else(|| Error::not_found("file", "file"))?.is_there() {
        return Err(Error::refuse(UserErrorCode::State, "file", "The file cannot be used: it is not ready, or gone."));
    }
    if input.columns.as_ref().is_some_and(|columns| columns.len() > MAX_COLUMNS) {
        let message = format!("A file has at most {MAX_COLUMNS} columns.");
        return Err(Error::refuse(UserErrorCode::Invalid, "columns", message));
    }
    if let Some(id) = input.bank_account
        && !account::all(tx).await?.iter().any(|account| account.id == id)
    {
        return Err(Error::not_found("bankAccount", "bank account"));
    }
    let args = InputType::to_value(&input).into_json().map_err(Error::fault)?;
    let id = jobs::enqueue::<ImportJob>(tx, &args, None).await?;
    Job::asked_for(tx, id).await
}

/// Mutations about imports that take longer.
#[derive(Default)]
pub struct ImportJobMutation;

#[Object]
impl ImportJobMutation {
    /// Starts a job that takes an uploaded file in, whole or not at all. Its result: `import`, `lines`, `created`,
    /// `unchanged`; of a refused file `fileErrors` (`line`, `column`, `code`, `message`; the first 1,000) and
    /// `moreFileErrors`. Rights: `core.import.run`, `core.file.read` and the right to make by hand what the file holds,
    /// now and when the job runs.
    async fn import_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file and what it holds.")] input: ImportCreateInput,
    ) -> async_graphql::Result<Option<JobPayload>> {
        ctx.tx(Can::ImportRun).await?;
        ctx.tx(Can::FileRead).await?;
        let tx = ctx.tx(right(input.kind)).await?;
        JobPayload::settle(ctx, create(tx, input).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_get_the_names_that_they_have_here() {
        let columns = [
            ImportColumnInput { column: "Kundennummer".to_owned(), field: "number".to_owned() },
            ImportColumnInput { column: "firma".to_owned(), field: "name".to_owned() },
        ];
        let file = "\u{FEFF}Kundennummer;\"Firma\";city\n1;A;Bonn\n".as_bytes().to_vec();
        assert_eq!(renamed(file.clone(), &columns), b"number;name;city\n1;A;Bonn\n");
        assert_eq!(renamed(file.clone(), &[]), file);
        assert_eq!(renamed(b"Firma".to_vec(), &columns), b"name");
    }
}
