//! A list to a file: any list of the API, with its filter and order, in the rights of the one who asks.
//!
//! All pages are read in one transaction of one snapshot (REPEATABLE READ, read only), so the file is the list as it stood
//! at one moment: whole, with the number of its rows and the sums of its columns, or not at all. Rows are counted as they
//! come, from what was written of them, and by the list itself; the bytes are those that lie in the store.
//!
//! Whatever the reading asked for is a right of the file as well: while it is written it is looked whether the requester
//! still holds them all, and nobody who does not gets the file.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_graphql::{Context, Enum, InputObject, Object, Request, Response, Value, Variables};
use backoffice_formats::rows_out::MAX_SHEET_ROWS;
use chrono::TimeDelta;
use futures_util::stream::try_unfold;
use serde::{Deserialize, Serialize};

use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{self, Bytes, Draft, FilePurpose, Files, NotKept, Reserved};
use crate::platform::job::{Job, JobPayload};
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::json::Json;
use crate::platform::paging::MAX_FIRST;
use crate::platform::scope::{Ask, Mode, Scope};
use crate::practice::documents;

mod plan;
mod sink;

use plan::{PAGE, Plan, TOTAL};
use sink::Sink;

/// How long the file stays.
const KEPT_DAYS: i64 = 7;
/// How often it is noted how far it has come, and looked whether the rights are still held.
const NOTE_EVERY: Duration = Duration::from_millis(500);

/// How rows are written.
#[derive(Enum, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExportFormat {
    /// A JSON object a line, exactly as the API answers it.
    Jsonl,
    /// Comma-separated, UTF-8, with a header. Text that a spreadsheet would run stands behind an apostrophe.
    Csv,
    /// A spreadsheet with one sheet, at most 1,048,575 rows.
    Xlsx,
}

impl ExportFormat {
    fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// A list to be written to a file.
#[derive(InputObject, Clone, Debug)]
pub struct ExportCreateInput {
    /// A query of one list with its filter and order, without `first` and `after`: `{ invoices(filter: …) { nodes {
    /// number customer { name } gross { amount } } } }`. What `nodes` selects are the columns, in that order. Any list of
    /// pages will do, also one below another field, as `{ generalLedger(…) { lines { nodes { … } } } }`.
    pub query: String,
    /// The values of its variables.
    pub variables: Option<Json>,
    /// How rows are written.
    pub format: ExportFormat,
    /// The file's name without its ending, 1 to 100 characters; the list's name if not said.
    pub name: Option<String>,
}

/// What an export is asked to do.
#[derive(Serialize, Deserialize)]
pub struct ExportArgs {
    query: String,
    variables: serde_json::Value,
    format: ExportFormat,
    name: String,
}

/// What came of an export.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    file: String,
    format: ExportFormat,
    rows: u64,
    columns: Vec<String>,
    control_totals: BTreeMap<String, String>,
    size: u64,
    sha256: String,
}

/// The kind of job.
pub struct Export {
    files: Arc<Files>,
}

impl Export {
    /// Writes into those files.
    #[must_use]
    pub fn new(files: Arc<Files>) -> Self {
        Self { files }
    }
}

/// The pages while they are read.
struct Reading<'a> {
    job: &'a JobContext,
    scope: Arc<Scope>,
    plan: &'a Plan,
    variables: &'a Variables,
    sink: Arc<Mutex<Sink>>,
    listed: Arc<Mutex<Option<u64>>>,
    cursor: Option<String>,
    noted: Instant,
    over: bool,
}

/// Asks for a page in that scope.
async fn ask(
    plan: &Plan,
    variables: &Variables,
    after: Option<&str>,
    first: i32,
    scope: Arc<Scope>,
) -> Result<Response> {
    let mut request = Request::new(String::new()).variables(variables.clone()).data(scope);
    request.set_parsed_query(plan.page(after, first));
    let response = crate::graph::inside::read(request).await?;
    match failure(&response) {
        Some(error) => Err(error),
        None => Ok(response),
    }
}

/// Why a list could not be read, from the first error of its answer.
fn failure(response: &Response) -> Option<Error> {
    let error = response.errors.first()?;
    let code = match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code.as_str(),
        _ => "GRAPHQL_VALIDATION_FAILED",
    };
    Some(match code {
        "FORBIDDEN" | "UNAUTHENTICATED" => Error::Forbidden(error.message.clone()),
        "CONFLICT" => Error::Retry,
        "UNAVAILABLE" => Error::Unavailable,
        "RATE_LIMITED" => Error::Exhausted(1),
        "TIMEOUT" => Error::TimedOut,
        "INTERNAL_SERVER_ERROR" => Error::fault("a page of an export failed"),
        _ => Error::BadInput(error.message.clone()),
    })
}

fn take(fields: &mut Value, name: &str) -> Option<Value> {
    match fields {
        Value::Object(fields) => fields.swap_remove(name),
        _ => None,
    }
}

/// The list in an answer.
fn list(plan: &Plan, response: Response) -> Result<Value> {
    let mut list = response.data;
    for name in &plan.way {
        list = take(&mut list, name)
            .filter(|value| *value != Value::Null)
            .ok_or_else(|| Error::BadInput(format!("There is no `{name}` of which this is the list.")))?;
    }
    Ok(list)
}

fn total(list: &mut Value) -> Option<u64> {
    match take(list, TOTAL) {
        Some(Value::Number(total)) => total.as_u64(),
        _ => None,
    }
}

impl Reading<'_> {
    /// Reads the next page into the sink; gives the bytes that came of it.
    async fn page(&mut self) -> Result<Vec<u8>, Halt> {
        let response =
            ask(self.plan, self.variables, self.cursor.as_deref(), MAX_FIRST, Arc::clone(&self.scope)).await?;
        self.scope.forget_batches();
        let mut list = list(self.plan, response)?;
        let broken = || Error::fault("a page of an export has no rows");
        let page = take(&mut list, PAGE).and_then(|page| page.into_json().ok()).ok_or_else(broken)?;
        let listed = {
            let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
            *listed = listed.or(total(&mut list));
            *listed
        };
        let Some(Value::List(rows)) = take(&mut list, &self.plan.rows) else { return Err(broken().into()) };
        self.cursor = page.get("endCursor").and_then(|cursor| cursor.as_str()).map(str::to_owned);
        self.over = page.get("hasNextPage") != Some(&serde_json::Value::Bool(true));
        let (done, bytes) = {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            for row in &rows {
                sink.row(row)?;
            }
            let mut bytes = sink.take();
            if self.over {
                bytes.extend(sink.end()?);
            }
            (sink.rows(), bytes)
        };
        if self.noted.elapsed() > NOTE_EVERY {
            self.job.note(Progress { done, total: listed }, &self.scope.used()).await?;
            self.noted = Instant::now();
        }
        Ok(bytes)
    }
}

impl Export {
    /// Reads the whole list into the file; gives what was counted and who may have it.
    async fn write(
        &self,
        job: &JobContext,
        plan: &Plan,
        variables: &Variables,
        format: ExportFormat,
        draft: &Draft,
    ) -> Result<(sink::Counted, files::Written, Reserved), Halt> {
        let caller = job.caller()?;
        let scope = Arc::new(Scope::new(caller, Mode::Query, job.id().0, job.pools().clone()));
        let sink = Arc::new(Mutex::new(Sink::begin(format, plan.columns.clone())?));
        let listed = Arc::new(Mutex::new(None));
        let reading = Reading {
            job,
            scope: Arc::clone(&scope),
            plan,
            variables,
            sink: Arc::clone(&sink),
            listed: Arc::clone(&listed),
            cursor: None,
            noted: Instant::now(),
            over: false,
        };
        let bytes = Box::pin(try_unfold(reading, |mut reading| async move {
            if reading.over {
                return Ok(None);
            }
            let bytes = reading.page().await?;
            Ok::<_, Halt>(Some((Bytes::from(bytes), reading)))
        }));
        let written = self.files.write(draft, bytes).await;
        let own = scope.transaction().is_some_and(Tx::has_told_own);
        let ended = scope.end(true).await;
        let written = written.map_err(|reason| match reason {
            NotKept::Source(halt) => halt,
            NotKept::Store(error) => error.into(),
            NotKept::TooLarge => {
                Error::refuse(UserErrorCode::Invalid, "", "The file becomes larger than 2 GiB.").into()
            }
            NotKept::TooSmall | NotKept::OtherBytes => Error::fault("an export was not written as it was read").into(),
        })?;
        ended?;
        let listed = *listed.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = sink.lock().unwrap_or_else(PoisonError::into_inner).counted(listed)?;
        if (counted.size, &counted.sha256) != (written.size, &written.sha256) {
            return Err(Error::fault("an export lies in the store otherwise than it was written").into());
        }
        let only_for = own.then(|| job.requester()).transpose()?;
        Ok((counted, written, Reserved { rights: scope.used(), only_for }))
    }
}

impl JobKind for Export {
    const NAME: JobName = JobName::Export;
    const TRIES: i32 = 4;
    type Args = ExportArgs;

    async fn run(&self, job: &JobContext, args: ExportArgs) -> JobResult {
        let variables = Variables::from_json(args.variables);
        let plan = Plan::read(&args.query, &variables)?;
        let tx = job.tx_with(&with_export(&plan.rights)).await?;
        let name = format!("{}.{}", args.name, args.format.extension());
        // Of its rights it has what is known beforehand until it is known what the reading asks for.
        let reserved = Reserved { rights: plan.rights.clone(), only_for: Some(job.requester()?) };
        let draft = self.files.begin(&tx, &name, FilePurpose::Export, &reserved).await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("the file of an export was not announced").into());
        }
        let (counted, written, reserved) = self.write(job, &plan, &variables, args.format, &draft).await?;
        // A right that was withdrawn meanwhile: nobody gets the file.
        let tx = job.tx_with(&with_export(&reserved.rights)).await?;
        let file = self.files.finish(&tx, &draft, &written, Some(TimeDelta::days(KEPT_DAYS)), &reserved).await?;
        let exported = Exported {
            file: file.id.to_string(),
            format: args.format,
            rows: counted.rows,
            columns: plan.columns.iter().map(plan::Column::name).collect(),
            control_totals: counted.totals,
            size: counted.size,
            sha256: counted.sha256,
        };
        job.finish(tx, &exported, Progress { done: counted.rows, total: Some(counted.rows) }).await
    }
}

fn with_export(rights: &[Can]) -> Vec<Can> {
    rights.iter().copied().chain([Can::ExportRun]).collect()
}

/// Refuses what the caller may not read, and what cannot be read at all: the list is asked for its first row.
async fn try_out(ctx: &Context<'_>, tx: &Tx, plan: &Plan, variables: &Variables, format: ExportFormat) -> Result<()> {
    if let Some(missing) = plan.rights.iter().find(|can| !tx.permissions().contains(can)) {
        return Err(Error::Forbidden(format!("You need the right `{}` for this.", missing.name())));
    }
    let scope = ctx.data_opt::<Arc<Scope>>().ok_or_else(|| Error::fault("the request has no scope"))?;
    let tried = ask(plan, variables, None, 1, Arc::clone(scope)).await.and_then(|response| list(plan, response));
    let mut list = tried.map_err(|error| match error {
        Error::BadInput(message) => Error::refuse(UserErrorCode::Invalid, "query", message),
        other => other,
    })?;
    if format == ExportFormat::Xlsx && total(&mut list).is_some_and(|rows| rows >= MAX_SHEET_ROWS) {
        let message = format!("A spreadsheet has at most {MAX_SHEET_ROWS} rows with its header; take CSV or JSONL.");
        return Err(Error::refuse(UserErrorCode::Invalid, "format", message));
    }
    Ok(())
}

async fn create(ctx: &Context<'_>, tx: &Tx, input: ExportCreateInput) -> Result<Job> {
    if documents::barred(tx, &input.query).await? {
        let message = "Tokens of this client run published documents only, and so do its exports: publish this query.";
        return Err(Error::refuse(UserErrorCode::Invalid, "query", message));
    }
    let variables = input.variables.map_or(serde_json::Value::Null, Json::into_value);
    if !variables.is_object() && !variables.is_null() {
        return Err(Error::refuse(UserErrorCode::Invalid, "variables", "Variables are an object of names and values."));
    }
    let given = Variables::from_json(variables.clone());
    let plan = Plan::read(&input.query, &given)?;
    let name = input.name.unwrap_or_else(|| plan.list().to_owned());
    let plain = |character: char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > 100 || !name.chars().all(plain) || name.starts_with('.') {
        let message = "A name has 1 to 100 letters, digits, spaces, points, hyphens and underscores.";
        return Err(Error::refuse(UserErrorCode::Invalid, "name", message));
    }
    ctx.scope()?.charge(plan.price)?;
    try_out(ctx, tx, &plan, &given, input.format).await?;
    let args = ExportArgs { query: input.query, variables, format: input.format, name };
    let id = jobs::enqueue::<Export>(tx, &args, None).await?;
    Job::asked_for(tx, id).await
}

/// Mutations about exports.
#[derive(Default)]
pub struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Starts a job that writes a whole list to a file: any list of the client, with its filter and order, as it stood at one
    /// moment. Its result: `file` (for `file(id)`, kept 7 days), `rows`, `columns`, `controlTotals` (the sum of each column of
    /// decimals), `size` and `sha256`. The file is whole or there is none. Only who holds the rights that the reading asked
    /// for gets it. It costs what a page of 100 rows of its query costs, beside its own price. Rights: `core.export.run`, and those to read what is exported, now and until it is written.
    async fn export_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be written.")] input: ExportCreateInput,
    ) -> async_graphql::Result<Option<JobPayload>> {
        let tx = ctx.tx(Can::ExportRun).await?;
        JobPayload::settle(ctx, create(ctx, tx, input).await)
    }
}
