//! Taking in an uploaded file as a job: the same rules as at once, for files that take longer than a request.
//!
//! The whole file is read and held against the books first: one wrong line refuses it. Customers and vendors, each a record
//! of its own, then go in by batches; how far they have come is kept in the transaction of each batch, so a worker may die
//! anywhere and the next one goes on behind the last batch. Opening balances (one entry), a chart (a tree) and statements
//! (whose balances tie) are one thing each: they go in in one transaction, which finishes the job as well.

use std::sync::Arc;

use async_graphql::{Context, InputObject, InputType, Object, Value};
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::api::BankStatementFormat;
use super::bank_statement::Said;
use super::mapping::{BankCsvMappingInput, BankFileWritingInput, ImportMappingInput, of_sheet};
use super::parties::{A_STATEMENT, Side};
use super::problem::{FileError, FileErrors};
use super::{File, ImportKind, Outcome, bank_statement, chart, hex, known, opening, parties, record};
use crate::finance::bank::account;
use crate::finance::ids::BankAccountId;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::entity::Fetch;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{self, FileId, Files};
use crate::platform::job::{Job, JobPayload};
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Problem, Progress};
use crate::platform::scalars::{Date, Dec};
use crate::platform::scope::Ask;
use crate::registers::enter::RegisterEntryMode;
use crate::registers::ids::RegisterId;
use crate::registers::register::Register;
use backoffice_formats::limits::MAX_BYTES;
use backoffice_formats::parties_csv::Party;
use backoffice_formats::rows_in;

mod register_records;

/// An uploaded file to be taken in.
#[derive(InputObject, Clone, Debug)]
pub struct ImportCreateInput {
    /// What it holds.
    pub kind: ImportKind,
    /// The file, uploaded before: CSV, or XLSX of which the first sheet counts; bank statements also CAMT.053,
    /// MT940, OFX and QIF. At most 16 MiB
    /// and 200,000 lines.
    pub file: FileId,
    /// How it is written and what its columns are, where that is not as files of this kind are. Bank statements have
    /// `bankMapping`.
    pub mapping: Option<ImportMappingInput>,
    /// Tries everything and keeps nothing.
    #[graphql(default)]
    pub dry_run: bool,
    /// The first day of the books; opening balances only, which need it.
    pub date: Option<Date>,
    /// The bank account; bank statements only. CAMT.053, MT940 and OFX files name their own.
    pub bank_account: Option<BankAccountId>,
    /// The bank file's format; bank statements only, which need it. A spreadsheet is `CSV`.
    pub format: Option<BankStatementFormat>,
    /// Which column is what; bank statements in CSV only.
    pub bank_mapping: Option<BankCsvMappingInput>,
    /// How the bank's file is written; bank statements in QIF only.
    pub bank_writing: Option<BankFileWritingInput>,
    /// Balance before the first movement, positive for the client's money; bank statements in CSV, QIF and OFX only.
    pub opening_balance: Option<Dec>,
    /// Balance after the last movement, positive for the client's money; bank statements in CSV and QIF only.
    pub closing_balance: Option<Dec>,
    /// The register; records of registers only, which need it. Their columns are the keys of its fields.
    pub register: Option<RegisterId>,
    /// What becomes of good lines beside bad ones; records of registers only. `ALL_OR_NOTHING` if not said.
    pub mode: Option<RegisterEntryMode>,
}

impl ImportCreateInput {
    /// The rights that it takes: to import, to read the file, and to make by hand what the file holds.
    fn rights(&self) -> [Can; 3] {
        let right = match self.kind {
            ImportKind::ChartOfAccounts => Can::AccountManage,
            ImportKind::OpeningBalances => Can::JournalPost,
            ImportKind::Customers => Can::CustomerManage,
            ImportKind::Vendors => Can::VendorManage,
            ImportKind::BankStatement => Can::BankManage,
            ImportKind::RegisterRecords => Can::RegisterRecordEnter,
        };
        [Can::ImportRun, Can::FileRead, right]
    }

    /// Refuses what does not go together, before anything is read.
    fn check(&self) -> Result<()> {
        let needed = |field, message| Err(Error::refuse(UserErrorCode::Required, field, message));
        let out_of_place = |field| {
            Err(Error::refuse(UserErrorCode::Invalid, field, "Files of this kind do not have this; leave it away."))
        };
        let bank = self.kind == ImportKind::BankStatement;
        match self.date {
            None if self.kind == ImportKind::OpeningBalances => {
                return needed("date", "Say which day is the first of the books.");
            }
            Some(_) if self.kind != ImportKind::OpeningBalances => return out_of_place("date"),
            _ => {}
        }
        let records = self.kind == ImportKind::RegisterRecords;
        if records && self.register.is_none() {
            return needed("register", "Say which register the records are for.");
        }
        if self.register.is_some() && !records {
            return out_of_place("register");
        }
        if self.mode.is_some() && !records {
            return out_of_place("mode");
        }
        if bank && self.format.is_none() {
            return needed("format", "Say in which format the bank's file is.");
        }
        if bank && self.mapping.is_some() {
            return out_of_place("mapping");
        }
        for (given, field) in [
            (self.format.is_some(), "format"),
            (self.bank_account.is_some(), "bankAccount"),
            (self.bank_mapping.is_some(), "bankMapping"),
            (self.bank_writing.is_some(), "bankWriting"),
            (self.opening_balance.is_some(), "openingBalance"),
            (self.closing_balance.is_some(), "closingBalance"),
        ] {
            if given && !bank {
                return out_of_place(field);
            }
        }
        self.mapping.clone().unwrap_or_default().read()?;
        match self.bank_mapping.clone() {
            Some(mapping) => mapping.read("bankMapping").map(|_| ()),
            None => Ok(()),
        }
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

/// What came of an import.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Imported {
    #[serde(rename = "import")]
    id: Option<String>,
    dry_run: bool,
    lines: usize,
    created: usize,
    unchanged: usize,
    left_out: usize,
    problems: usize,
    more_problems: u64,
}

/// How far an import by batches has come.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default)]
struct State {
    /// The whole file was held against the books.
    compared: bool,
    /// Records that are in.
    done: usize,
    /// How many of them are new.
    created: usize,
}

impl State {
    fn progress(self, total: usize) -> Progress {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Progress { done: count(self.done), total: Some(count(total)) }
    }

    fn told(self, dry_run: bool, id: Option<String>) -> Imported {
        let unchanged = self.done.saturating_sub(self.created);
        Imported {
            id,
            dry_run,
            lines: self.done,
            created: self.created,
            unchanged,
            left_out: 0,
            problems: 0,
            more_problems: 0,
        }
    }
}

fn problem(error: FileError) -> Problem {
    let code = match InputType::to_value(&error.code) {
        Value::Enum(word) => word.to_string(),
        other => other.to_string(),
    };
    Problem { line: error.line, column: error.column, code, message: error.message }
}

/// One import while it runs.
struct Run<'a> {
    job: &'a JobContext,
    input: ImportCreateInput,
    rights: [Can; 3],
}

impl Run<'_> {
    async fn tx(&self) -> Result<Tx> {
        self.job.tx_with(&self.rights).await
    }

    /// Refuses the file and lists the lines that are wrong.
    async fn refuse(&self, errors: FileErrors, state: State) -> Halt {
        let said = match errors.refusal() {
            Error::Refused(reasons) => reasons.into_iter().map(|reason| reason.message).collect::<Vec<_>>().join(" "),
            _ => String::new(),
        };
        let message = match state.done {
            0 => said,
            done => {
                format!("Somebody else changed records meanwhile. The first {done} of the file are in, others not.")
            }
        };
        let more_problems = errors.more;
        let problems: Vec<Problem> = errors.listed.into_iter().map(problem).collect();
        let told = Imported { problems: problems.len(), more_problems, ..state.told(self.input.dry_run, None) };
        let listed = async { self.job.list_problems(self.tx().await?, &problems).await };
        match (listed.await, serde_json::to_value(told)) {
            (Ok(()), Ok(told)) => Halt::Refused(message, told),
            (Err(error), _) => error.into(),
            (_, Err(error)) => Error::fault(error).into(),
        }
    }

    /// The bytes of the file, made CSV if they are a spreadsheet.
    async fn open(&self, files: &Files) -> Result<File, Halt> {
        let tx = self.tx().await?;
        let read = read(files, &tx, self.input.file).await;
        tx.finish(false).await?;
        let (name, bytes) = read?;
        let sha256 = hex(&Sha256::digest(&bytes));
        let dialect = self.input.mapping.clone().unwrap_or_default().read()?;
        if !rows_in::is_spreadsheet(&bytes) {
            return Ok(File { name, bytes, sha256, dialect, sheet: false });
        }
        match super::parse(bytes, rows_in::to_csv).await? {
            Ok(bytes) => Ok(File { name, bytes, sha256, dialect: of_sheet(dialect), sheet: true }),
            Err(errors) => Err(self.refuse(errors, State::default()).await),
        }
    }

    /// Customers or vendors, by batches.
    async fn parties(&self, side: Side, file: File) -> JobResult {
        let mut state: State = self.job.state()?;
        let File { name, bytes, sha256, dialect, .. } = file;
        let parties = match parties::read(bytes, dialect).await? {
            Ok(parties) => parties,
            Err(errors) => return Err(self.refuse(errors, state).await),
        };
        self.job.is_prepared();
        let (total, dry_run) = (parties.len(), self.input.dry_run);
        if !state.compared {
            let tx = self.tx().await?;
            if let Some(lines) = known(&tx, side.kind(), &sha256).await? {
                state.done = lines;
                let id = match dry_run {
                    true => None,
                    false => Some(record(&tx, side.kind(), name, sha256, 0, lines).await?.id.to_string()),
                };
                return self.job.finish(tx, &state.told(dry_run, id), state.progress(lines)).await;
            }
            let mut errors = FileErrors::default();
            for some in parties.chunks(A_STATEMENT) {
                parties::compare(&tx, side, some, &mut errors).await?;
            }
            if !errors.is_empty() {
                tx.finish(false).await?;
                return Err(self.refuse(errors, state).await);
            }
            state.compared = true;
            if dry_run {
                tx.finish(false).await?;
            } else {
                self.job.checkpoint(tx, &state, state.progress(total)).await?;
            }
        }
        loop {
            let batch: &[Party] = parties.get(state.done..).unwrap_or_default();
            let batch = batch.get(..A_STATEMENT).unwrap_or(batch);
            let tx = self.tx().await?;
            let mut errors = FileErrors::default();
            let created = parties::put(&tx, side, batch, &mut errors).await?;
            if !errors.is_empty() {
                tx.finish(false).await?;
                return Err(self.refuse(errors, state).await);
            }
            state.done = state.done.saturating_add(batch.len());
            state.created = state.created.saturating_add(created);
            let (progress, over) = (state.progress(total), state.done >= total);
            if dry_run {
                undo(tx).await?;
                self.job.note(progress, &self.rights).await?;
                if over {
                    return self.job.finish(self.tx().await?, &state.told(true, None), progress).await;
                }
            } else if over {
                let unchanged = total.saturating_sub(state.created);
                let import = record(&tx, side.kind(), name, sha256, state.created, unchanged).await?;
                return self.job.finish(tx, &state.told(false, Some(import.id.to_string())), progress).await;
            } else {
                self.job.checkpoint(tx, &state, progress).await?;
            }
        }
    }

    /// What is one thing, in one transaction.
    async fn whole(&self, file: File) -> JobResult {
        let dry_run = self.input.dry_run;
        let tx = self.tx().await?;
        let import = match self.take_in(&tx, file).await {
            Ok(Outcome::Done(import)) => import,
            Ok(Outcome::Refused(errors)) => {
                tx.finish(false).await?;
                return Err(self.refuse(errors, State::default()).await);
            }
            Err(error) => {
                tx.finish(false).await?;
                return Err(error.into());
            }
        };
        let count = |number: i32| usize::try_from(number).unwrap_or_default();
        let state = State { compared: true, done: count(import.lines), created: count(import.created) };
        let told = state.told(dry_run, (!dry_run).then(|| import.id.to_string()));
        let tx = if dry_run {
            undo(tx).await?;
            self.tx().await?
        } else {
            tx
        };
        self.job.finish(tx, &told, state.progress(state.done)).await
    }

    async fn take_in(&self, tx: &Tx, file: File) -> Result<Outcome> {
        let missing = || Error::fault("an import was asked for without what it needs");
        match self.input.kind {
            ImportKind::ChartOfAccounts => chart::run(tx, file).await,
            ImportKind::Customers => parties::run(tx, Side::Customers, file).await,
            ImportKind::Vendors => parties::run(tx, Side::Vendors, file).await,
            ImportKind::RegisterRecords => Err(Error::fault("records of registers come in by lines")),
            ImportKind::OpeningBalances => {
                opening::run(tx, file, self.input.date.as_ref().ok_or_else(missing)?.0).await
            }
            ImportKind::BankStatement => {
                let said = Said {
                    bank_account: self.input.bank_account,
                    format: self.input.format.ok_or_else(missing)?,
                    mapping_at: "bankMapping",
                    mapping: self.input.bank_mapping.clone(),
                    writing_at: "bankWriting",
                    writing: self.input.bank_writing.clone(),
                    opening_balance: self.input.opening_balance,
                    closing_balance: self.input.closing_balance,
                };
                bank_statement::run(tx, said, || Ok(file)).await
            }
        }
    }
}

/// Ends the transaction of a dry run: what the database checks at the commit is checked, then nothing is kept.
async fn undo(tx: Tx) -> Result<()> {
    let checked = tx.check_now().await;
    tx.finish(false).await?;
    checked
}

/// The name and the bytes of a file, if they can be had and are not too many.
async fn read(files: &Files, tx: &Tx, id: FileId) -> Result<(String, Vec<u8>)> {
    let opened = files.read(tx, id).await?.ok_or_else(|| Error::not_found("file", "file that is ready"))?;
    let mut bytes = Vec::new();
    let mut pieces = opened.bytes;
    while let Some(piece) = pieces.try_next().await? {
        if bytes.len().saturating_add(piece.len()) > MAX_BYTES {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok((opened.file.name, bytes))
}

fn too_large() -> Error {
    let message = format!("The file is larger than {} MiB; split it.", MAX_BYTES / 1024 / 1024);
    Error::refuse(UserErrorCode::Invalid, "file", message)
}

impl JobKind for ImportJob {
    const NAME: JobName = JobName::Import;
    const TRIES: i32 = 4;
    type Args = serde_json::Value;

    async fn run(&self, job: &JobContext, args: serde_json::Value) -> JobResult {
        let value = Value::from_json(args).map_err(Error::fault)?;
        let input =
            ImportCreateInput::parse(Some(value)).map_err(|_| Error::fault("an import's input was not kept well"))?;
        let run = Run { job, rights: input.rights(), input };
        let file = run.open(&self.files).await?;
        match run.input.kind {
            ImportKind::Customers => run.parties(Side::Customers, file).await,
            ImportKind::Vendors => run.parties(Side::Vendors, file).await,
            ImportKind::RegisterRecords => run.records(file).await,
            _ => run.whole(file).await,
        }
    }
}

/// What an import costs beside its own price: 1 for every full KiB of its file.
fn price(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default() / 1024
}

async fn create(ctx: &Context<'_>, tx: &Tx, input: ImportCreateInput) -> Result<Job> {
    if let Some(id) = input.register
        && !Register::fetch(tx, vec![id]).await?.contains_key(&id)
    {
        return Err(Error::not_found("register", "register"));
    }
    input.check()?;
    if let Some(id) = input.bank_account
        && !account::all(tx).await?.iter().any(|account| account.id == id)
    {
        return Err(Error::not_found("bankAccount", "bank account"));
    }
    let file = files::find(tx, input.file).await?.ok_or_else(|| Error::not_found("file", "file"))?;
    if !file.is_there() {
        return Err(Error::refuse(UserErrorCode::State, "file", "The file cannot be used: it is not ready, or gone."));
    }
    if file.size.is_some_and(|size| usize::try_from(size).is_ok_and(|size| size > MAX_BYTES)) {
        return Err(too_large());
    }
    ctx.scope()?.charge(price(file.size))?;
    let args = InputType::to_value(&input).into_json().map_err(Error::fault)?;
    let id = jobs::enqueue::<ImportJob>(tx, &args, None).await?;
    Job::asked_for(tx, id).await
}

/// Mutations about imports that take longer.
#[derive(Default)]
pub struct ImportJobMutation;

#[Object]
impl ImportJobMutation {
    /// Starts a job that takes an uploaded file in. One wrong line refuses the file: then `Job.problems` names line, column
    /// and reason. Customers and vendors go in by batches and stay in as far as `progress` says; everything else goes in
    /// whole or not at all. Records of registers go in as `mode` says: the whole file or nothing of it, or all good lines; a line
    /// that has come in before adds nothing. Its result: `import`, `dryRun`, `lines`, `created`, `unchanged`, `leftOut`,
    /// `problems` and `moreProblems` beyond those listed. It costs 1 for every full KiB of its file, beside its own price. Rights: `core.import.run`, `core.file.read` and the right to make by hand what the file holds,
    /// now and while it runs.
    async fn import_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The file and what it holds.")] input: ImportCreateInput,
    ) -> async_graphql::Result<Option<JobPayload>> {
        let [import, read, manage] = input.rights();
        ctx.tx(import).await?;
        ctx.tx(read).await?;
        let tx = ctx.tx(manage).await?;
        JobPayload::settle(ctx, create(ctx, tx, input).await)
    }
}
