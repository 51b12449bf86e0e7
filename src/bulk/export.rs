//! A list to a file: any list of the API, with its filter and order, in the rights of the one who asks.
//!
//! All pages are read in one snapshot, so the file is the list as it stood at one moment: whole, with the number of its
//! rows and the sums of its columns, or not at all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_graphql::{Context, Enum, InputObject, Object, Request, Value, Variables};
use chrono::TimeDelta;
use futures_util::stream::try_unfold;
use serde::{Deserialize, Serialize};

use crate::graph::Graph;
use crate::platform::can::Can;
use crate::platform::db::Tx;
use crate::platform::error::{Error, Result, UserErrorCode};
use crate::platform::files::{Bytes, FilePurpose, Files, NotKept};
use crate::platform::jobs::{self, Halt, JobContext, JobKind, JobName, JobResult, Progress};
use crate::platform::json::Json;
use crate::platform::scope::{Ask, Mode, Scope};
use crate::work::job::{Job, JobPayload};

mod plan;
mod sink;

use plan::{PAGE, Plan, TOTAL};
use sink::Sink;

/// How long the file stays.
const KEPT_DAYS: i64 = 7;
/// How many pages are read between two notes of how far it has come.
const PAGES_A_NOTE: u64 = 20;

/// How rows are written.
#[derive(Enum, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
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
    /// number customer { name } gross { amount } } } }`. What `nodes` selects are the columns, in that order.
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
    graph: OnceLock<Graph>,
}

impl Export {
    /// Writes into those files.
    #[must_use]
    pub fn new(files: Arc<Files>) -> Self {
        Self { files, graph: OnceLock::new() }
    }
}

/// The pages while they are read.
struct Reading<'a> {
    job: &'a JobContext,
    graph: &'a Graph,
    scope: Arc<Scope>,
    plan: &'a Plan,
    variables: &'a Variables,
    sink: Arc<Mutex<Sink>>,
    cursor: Option<String>,
    pages: u64,
    total: Option<u64>,
    over: bool,
}

/// Why a list could not be read, from the first error of its answer.
fn failure(response: &async_graphql::Response) -> Option<Error> {
    let error = response.errors.first()?;
    let code = match error.extensions.as_ref().and_then(|extensions| extensions.get("code")) {
        Some(Value::String(code)) => code.as_str(),
        _ => "GRAPHQL_VALIDATION_FAILED",
    };
    Some(match code {
        "FORBIDDEN" | "UNAUTHENTICATED" => Error::Forbidden(error.message.clone()),
        "CONFLICT" => Error::Retry,
        "UNAVAILABLE" => Error::Unavailable,
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

impl Reading<'_> {
    /// Reads the next page into the sink; gives the bytes that came of it.
    async fn page(&mut self) -> Result<Vec<u8>, Halt> {
        let mut request =
            Request::new(String::new()).variables(self.variables.clone()).data(Arc::clone(&self.scope));
        request.set_parsed_query(self.plan.page(self.cursor.as_deref()));
        // Outside of tokio's budget: all siblings are polled in one pass, so that their batches are whole.
        let mut response = tokio::task::unconstrained(self.graph.execute(request)).await;
        self.scope.forget_batches();
        if let Some(error) = failure(&response) {
            return Err(error.into());
        }
        let broken = || Error::fault("a page of an export has no rows");
        let mut list = take(&mut response.data, &self.plan.list).ok_or_else(broken)?;
        let page = take(&mut list, PAGE).and_then(|page| page.into_json().ok()).ok_or_else(broken)?;
        if let Some(Value::Number(total)) = take(&mut list, TOTAL) {
            self.total = total.as_u64();
        }
        let Some(Value::List(rows)) = take(&mut list, &self.plan.rows) else { return Err(broken().into()) };
        self.cursor = page.get("endCursor").and_then(|cursor| cursor.as_str()).map(str::to_owned);
        self.over = page.get("hasNextPage") != Some(&serde_json::Value::Bool(true));
        self.pages = self.pages.saturating_add(1);
        let (done, bytes) = {
            let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
            for row in &rows {
                sink.row(row)?;
            }
            let mut bytes = sink.take();
            if self.over {
                bytes.extend(sink.end()?);
            }
            (sink.rows, bytes)
        };
        if self.over && self.total.is_some_and(|total| total != done) {
            return Err(Error::fault(format!("an export of {done} rows where the list has {:?}", self.total)).into());
        }
        if self.pages.is_multiple_of(PAGES_A_NOTE) {
            self.job.note(Progress { done, total: self.total }).await?;
        }
        Ok(bytes)
    }
}

impl JobKind for Export {
    const NAME: JobName = JobName::Export;
    const TRIES: i32 = 4;
    type Args = ExportArgs;

    async fn run(&self, job: &JobContext, args: ExportArgs) -> JobResult {
        let variables = Variables::from_json(args.variables);
        let plan = Plan::read(&args.query, &variables)?;
        let graph = self.graph.get_or_init(crate::graph::for_introspection);
        let tx = job.tx(Can::ExportRun).await?;
        let name = format!("{}.{}", args.name, args.format.extension());
        let draft = self.files.begin(&tx, &name, FilePurpose::Export).await?;
        if !tx.finish(true).await? {
            return Err(Error::fault("the file of an export was not announced").into());
        }
        let scope = Arc::new(Scope::new(job.caller()?, Mode::Query, job.id().0, job.pools().clone()));
        let sink = Arc::new(Mutex::new(Sink::begin(args.format, plan.columns.clone())?));
        let reading = Reading {
            job,
            graph,
            scope: Arc::clone(&scope),
            plan: &plan,
            variables: &variables,
            sink: Arc::clone(&sink),
            cursor: None,
            pages: 0,
            total: None,
            over: false,
        };
        let bytes = Box::pin(try_unfold(reading, |mut reading| async move {
            if reading.over {
                return Ok(None);
            }
            let bytes = reading.page().await?;
            Ok::<_, Halt>(Some((Bytes::from(bytes), reading)))
        }));
        let written = self.files.write(&draft, bytes).await;
        let ended = scope.end(true).await;
        let written = written.map_err(|reason| match reason {
            NotKept::Source(halt) => halt,
            NotKept::Store(error) => error.into(),
            NotKept::TooLarge => Error::refuse(UserErrorCode::Invalid, "", "The file becomes larger than 2 GiB.").into(),
            NotKept::TooSmall | NotKept::OtherBytes => Error::fault("an export was not written as it was read").into(),
        })?;
        ended?;
        let (rows, totals) = {
            let sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
            (sink.rows, sink.totals.iter().map(|(name, total)| (name.clone(), total.to_string())).collect())
        };
        let tx = job.tx(Can::ExportRun).await?;
        let file = self.files.finish(&tx, &draft, &written, Some(TimeDelta::days(KEPT_DAYS))).await?;
        let exported = Exported {
            file: file.id.to_string(),
            format: args.format,
            rows,
            columns: plan.columns.iter().map(plan::Column::name).collect(),
            control_totals: totals,
            size: written.size,
            sha256: written.sha256,
        };
        job.finish(tx, &exported, Progress { done: rows, total: Some(rows) }).await
    }
}

async fn create(tx: &Tx, input: ExportCreateInput) -> Result<Job> {
    let variables = input.variables.map_or(serde_json::Value::Null, Json::into_value);
    if !variables.is_object() && !variables.is_null() {
        return Err(Error::refuse(UserErrorCode::Invalid, "variables", "Variables are an object of names and values."));
    }
    let plan = Plan::read(&input.query, &Variables::from_json(variables.clone()))?;
    let name = input.name.unwrap_or(plan.list);
    let plain = |character: char| character.is_alphanumeric() || matches!(character, ' ' | '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > 100 || !name.chars().all(plain) || name.starts_with('.') {
        let message = "A name has 1 to 100 letters, digits, spaces, points, hyphens and underscores.";
        return Err(Error::refuse(UserErrorCode::Invalid, "name", message));
    }
    let args = ExportArgs { query: input.query, variables, format: input.format, name };
    let id = jobs::enqueue::<Export>(tx, &args, None).await?;
    Job::asked_for(tx, id).await
}

/// Mutations about exports.
#[derive(Default)]
pub struct ExportMutation;

#[Object]
impl ExportMutation {
    /// Starts a job that writes a whole list to a file: any list of the API, with its filter and order. Its result:
    /// `file` (for `file(id)`, kept 7 days), `rows`, `columns`, `controlTotals` (the sum of each column of decimals),
    /// `size` and `sha256`. The file is the list as it stood at one moment, whole or not at all. Rights:
    /// `core.export.run`, and those to read the list, which are asked for when the job runs.
    async fn export_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to be written.")] input: ExportCreateInput,
    ) -> async_graphql::Result<Option<JobPayload>> {
        let tx = ctx.tx(Can::ExportRun).await?;
        JobPayload::settle(ctx, create(tx, input).await)
    }
}
