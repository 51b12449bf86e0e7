//! Running one operation: retry, repeat, dry run, and the rule that all of a mutation happens or none of it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_graphql::{Executor, PathSegment, Pos, Request, Response, ServerError, Value, Variables};
use backoffice_gate::{OperationKind, Passed};
use futures_util::FutureExt;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tracing::Instrument;
use uuid::Uuid;

use super::budget::{Budget, Exhausted, Spending};
use super::cost::{self, Cost};
use super::deprecated::Warning;
use super::own_error;
use crate::platform::db::Pools;
use crate::platform::error::{Error, Result};
use crate::platform::repeat::Claim;
use crate::platform::scope::{Caller, Mode, Scope};

/// How often an operation is tried when another transaction won.
const TRIES: u32 = 5;
/// How long an operation may take altogether.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// What surrounds the operation.
pub struct Circumstances {
    /// Who asks.
    pub caller: Caller,
    /// The document as it was sent: with its variables it is what an `Idempotency-Key` stands for.
    pub query: String,
    /// The request's id.
    pub request_id: Uuid,
    /// `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// `Dry-Run: true`.
    pub dry_run: bool,
    /// The caller's address.
    pub address: String,
    /// The caller's `User-Agent`.
    pub user_agent: String,
    /// What the caller pays from.
    pub budget: Budget,
    /// What it uses that is going away; told with the answer.
    pub warnings: Vec<Warning>,
}

/// The answer, ready to be sent.
#[derive(Default)]
pub struct Answer {
    /// The response as JSON.
    pub json: Vec<u8>,
    /// True if the request could not be run at all: parse, validation, sign-in.
    pub request_error: bool,
    /// True if this is the stored answer of an earlier request with the same key.
    pub replayed: bool,
    /// After how many seconds it can be asked again, where it was refused because of that.
    pub retry_after: Option<u64>,
    /// True if it was refused only because it did not come with POST.
    pub only_by_post: bool,
    /// Whether it tells a secret: a token, a key.
    pub secret: bool,
    /// The first error's code, for logs and status.
    pub code: Option<String>,
}

/// Runs an operation that the gate let through.
pub async fn run<G: Executor>(
    graph: &G,
    pools: &Pools,
    passed: Passed,
    variables: Variables,
    around: Circumstances,
) -> Answer {
    let request_id = around.request_id;
    let spending = match around.budget.take(cost::price(&passed)) {
        Ok(spending) => Arc::new(spending),
        Err(exhausted) => return self::exhausted(request_id, &around.budget, exhausted, cost::price(&passed)),
    };
    let committing = AtomicBool::new(false);
    let work = AssertUnwindSafe(tries(graph, pools, passed, variables, around, &spending, &committing)).catch_unwind();
    match tokio::time::timeout(TIME_LIMIT, work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => {
            // The transaction went down with the unwinding; its connection is closed.
            tracing::error!("an operation panicked");
            failure(request_id, Error::fault("panic"))
        }
        Err(_) => {
            tracing::warn!("an operation took too long and was stopped");
            let message = if committing.load(Ordering::Acquire) {
                "The operation took too long and was stopped while it was being kept; look whether it took effect."
            } else {
                "The operation took too long and was stopped; nothing of it was kept."
            };
            plain(request_id, "TIMEOUT", message)
        }
    }
}

async fn tries<G: Executor>(
    graph: &G,
    pools: &Pools,
    mut passed: Passed,
    mut variables: Variables,
    around: Circumstances,
    spending: &Arc<Spending>,
    committing: &AtomicBool,
) -> Answer {
    let mutation = passed.operation_kind == OperationKind::Mutation;
    if mutation {
        own_error::mark(Arc::make_mut(&mut passed.document));
    }
    let claim = around
        .idempotency_key
        .as_ref()
        .filter(|_| mutation && !around.dry_run)
        .map(|key| Claim::new(key.clone(), fingerprint(&around.query, &passed, &variables)));
    // async-graphql decides @skip and @include from the variables that were sent; defaults have to be among them.
    for (name, value) in &passed.defaults {
        variables.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let mut tried: u32 = 0;
    loop {
        tried = tried.saturating_add(1);
        let mode = if mutation { Mode::Mutation } else { Mode::Query };
        let scope = Arc::new(
            Scope::new(around.caller.clone(), mode, around.request_id, pools.clone())
                .from_device(around.address.clone(), around.user_agent.clone())
                .claiming(claim.clone())
                .paying(Arc::<Spending>::clone(spending)),
        );
        spending.again();
        let last = tried >= TRIES;
        let attempt = Attempt { passed: &passed, variables: &variables, around: &around, spending, last };
        let answer = once(graph, &scope, attempt, committing).await;
        committing.store(false, Ordering::Release);
        match answer {
            Ok(answer) => return answer,
            Err(error) => {
                // Ended in order, the connection can be used again; if that fails too, it is closed.
                let _ = scope.end(false).await;
                if last || !matches!(error, Error::Retry) {
                    return failure(around.request_id, error);
                }
            }
        }
        // Somebody else won; step back for a moment that grows and differs between the losers.
        let jitter = u64::from(around.request_id.as_bytes().last().copied().unwrap_or_default()) % 8;
        tokio::time::sleep(Duration::from_millis(u64::from(tried).saturating_mul(8).saturating_add(jitter))).await;
    }
}

/// One try of an operation.
struct Attempt<'a> {
    passed: &'a Passed,
    variables: &'a Variables,
    around: &'a Circumstances,
    spending: &'a Spending,
    /// Whether there is no other after it.
    last: bool,
}

async fn once<G: Executor>(
    graph: &G,
    scope: &Arc<Scope>,
    attempt: Attempt<'_>,
    committing: &AtomicBool,
) -> Result<Answer> {
    let Attempt { passed, variables, around, spending, last } = attempt;
    let mut request = Request::new(String::new()).variables(variables.clone()).data(Arc::clone(scope));
    if let Some(name) = &passed.operation_name {
        request = request.operation_name(name.clone());
    }
    request.set_parsed_query((*passed.document).clone());
    // Outside of tokio's budget: all siblings are polled in one pass, so that their batches are whole.
    let mut response = tokio::task::unconstrained(graph.execute(request)).await;

    if let Some(stored) = scope.take_repeated() {
        spending.settle(passed.cost.least);
        return Ok(Answer { json: stored?.into_bytes(), replayed: true, ..Answer::default() });
    }

    if passed.operation_kind != OperationKind::Mutation {
        // Nothing is told that the door has not let through, be it known by heart.
        if let Err(error) = scope.pass().await
            && !scope.wants_retry()
        {
            return Err(error);
        }
        if scope.wants_retry() && !last {
            return Err(Error::Retry);
        }
        let answer = finish(response, scope, (passed, spending), around);
        let scope = Arc::clone(scope);
        // A read has nothing to keep: its transaction may end while the answer is already on its way.
        let ending = async move {
            if let Err(error) = scope.end(true).await {
                tracing::debug!(?error, "a read's transaction did not end well; its connection is closed");
            }
        };
        actix_web::rt::spawn(ending.in_current_span());
        return Ok(answer);
    }

    let mut failed = scope.has_failed() || !response.errors.is_empty();
    if around.dry_run
        && !failed
        && let Err(error) = scope.check_now().await
    {
        response.errors.push(to_server_error(error));
        failed = true;
    }
    if failed {
        if scope.wants_retry() && !last {
            return Err(Error::Retry);
        }
        let refused = scope.refused_fields();
        if response.errors.is_empty() && refused.is_empty() {
            // A command went on over a failed statement. The database has kept nothing, so the answer must not say otherwise.
            response.errors.push(to_server_error(Error::fault("a statement failed and its failure was passed over")));
        }
        roll_back_others(&mut response, &refused);
        let answer = finish(response, scope, (passed, spending), around);
        // The answer stands whether the rollback is heard or not: a connection that does not say so is closed.
        let _ = scope.end(false).await;
        return Ok(answer);
    }
    if around.dry_run {
        let answer = finish(response, scope, (passed, spending), around);
        let _ = scope.end(false).await;
        return Ok(answer);
    }
    let answer = finish(response, scope, (passed, spending), around);
    scope.keep(&answer.json).await?;
    committing.store(true, Ordering::Release);
    // A check that waits for the commit may refuse: nothing was kept then, and the answer is the refusal.
    scope.end(true).await?;
    Ok(answer)
}

/// The identity of a request for `Idempotency-Key`: the document as it was sent, which of its operations, which values.
/// The parsed document would not do: its fragments lie in a map that has another order each time.
fn fingerprint(query: &str, passed: &Passed, variables: &Variables) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [query.as_bytes(), passed.operation_name.as_deref().unwrap_or_default().as_bytes()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hash.update(serde_json::to_vec(variables).unwrap_or_default());
    hash.finalize().to_vec()
}

/// Turns every root field that did not itself refuse or fail to null, and says so at its path.
fn roll_back_others(response: &mut Response, refused: &[String]) {
    let Value::Object(fields) = &mut response.data else { return };
    let failed: Vec<String> = response
        .errors
        .iter()
        .filter_map(|error| match error.path.first() {
            Some(PathSegment::Field(name)) => Some(name.clone()),
            _ => None,
        })
        .collect();
    for (name, value) in fields.iter_mut() {
        if refused.iter().any(|refused| refused == name.as_str()) || name.as_str() == "__typename" {
            continue;
        }
        *value = Value::Null;
        if !failed.iter().any(|failed| failed == name.as_str()) {
            let mut error = to_server_error(Error::RolledBack);
            error.path = vec![PathSegment::Field(name.to_string())];
            response.errors.push(error);
        }
    }
}

fn to_server_error(error: Error) -> ServerError {
    async_graphql::Error::from(error).into_server_error(Pos::default())
}

fn finish(response: Response, scope: &Scope, paid: (&Passed, &Spending), around: &Circumstances) -> Answer {
    let cost = Cost::settled(&response.data, paid, scope.statements());
    let retry_after = paid.1.short();
    Answer {
        secret: scope.is_secret(),
        retry_after,
        ..write(response, around.request_id, Some(cost), &around.warnings)
    }
}

/// An answer as it is written. That to a request that was not run is without `data`, as the specification has it.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Value>,
    #[serde(skip_serializing_if = "<[ServerError]>::is_empty")]
    errors: &'a [ServerError],
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions<'a>>,
}

#[derive(Serialize)]
struct Extensions<'a> {
    cost: Cost,
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    warnings: &'a [Warning],
}

fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

/// What befalls a request as a whole although each field finds it out by itself: nobody, or nobody any more, stands behind
/// it, which the caller's program mends by signing in; or the server is busy or he has used up what he has, which it mends by waiting.
const AS_A_WHOLE: [&str; 3] = ["UNAUTHENTICATED", "UNAVAILABLE", "RATE_LIMITED"];

/// The code that befell the request as a whole, if nothing of it was answered.
fn befell(response: &Response) -> Option<&'static str> {
    let empty = match &response.data {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(|value| *value == Value::Null),
        _ => false,
    };
    AS_A_WHOLE.into_iter().filter(|_| empty).find(|whole| {
        response.errors.iter().any(|error| code_of(error) == Some(whole))
            && response
                .errors
                .iter()
                .all(|error| code_of(error).is_some_and(|code| code == *whole || code == "ROLLED_BACK"))
    })
}

/// Writes the response: every error gets a code and the request's id.
fn write(mut response: Response, request_id: Uuid, cost: Option<Cost>, warnings: &[Warning]) -> Answer {
    if let Some(whole) = befell(&response) {
        response.data = Value::Null;
        response.errors.retain(|error| code_of(error) == Some(whole));
        response.errors.truncate(1);
        for error in &mut response.errors {
            error.path.clear();
            error.locations.clear();
        }
    }
    let request_error = response.data == Value::Null && response.errors.iter().all(|error| error.path.is_empty());
    let request_error = request_error && !response.errors.is_empty();
    let mut code = None;
    for error in &mut response.errors {
        if error.locations.iter().all(|at| at.line == 0) {
            error.locations.clear();
        }
        let missing = if error.path.is_empty() { "GRAPHQL_VALIDATION_FAILED" } else { "BAD_USER_INPUT" };
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            extensions.set("code", missing);
        }
        extensions.set("requestId", request_id.to_string());
        if let (None, Some(Value::String(first))) = (&code, extensions.get("code")) {
            code = Some(first.clone());
        }
    }
    let written = Written {
        data: (!request_error).then_some(&response.data),
        errors: &response.errors,
        extensions: cost.map(|cost| Extensions { cost, warnings }),
    };
    let json = serde_json::to_vec(&written);
    let json = json.unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written");
        br#"{"errors":[{"message":"The answer could not be written.","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#
            .to_vec()
    });
    Answer { json, request_error, code, ..Answer::default() }
}

/// The answer to a request that the schema does not take.
pub(super) fn wrong(request_id: Uuid, response: Response) -> Answer {
    write(response, request_id, None, &[])
}

/// The answer to a request that failed as a whole.
pub fn failure(request_id: Uuid, error: Error) -> Answer {
    write(Response::from_errors(vec![to_server_error(error)]), request_id, None, &[])
}

/// The answer to a request that was refused before it ran.
pub fn plain(request_id: Uuid, code: &str, message: &str) -> Answer {
    refusal(request_id, code, message, None, None)
}

/// The same, with line and column of the document, and with what it took to find out.
pub fn located(request_id: Uuid, code: &str, message: &str, at: Option<(usize, usize)>, cost: Cost) -> Answer {
    refusal(request_id, code, message, at, Some(cost))
}

/// The answer to who has asked for too much in too short a time.
pub fn exhausted(request_id: Uuid, budget: &Budget, exhausted: Exhausted, price: u64) -> Answer {
    let seconds = exhausted.retry_after.as_secs().saturating_add(1);
    let message = format!("Too much was asked for in a short time; nothing was done. Try again after {seconds} s.");
    let cost = Cost::not_taken(price, budget.left());
    Answer { retry_after: Some(seconds), ..refusal(request_id, "RATE_LIMITED", &message, None, Some(cost)) }
}

fn refusal(request_id: Uuid, code: &str, message: &str, at: Option<(usize, usize)>, cost: Option<Cost>) -> Answer {
    let mut error = ServerError::new(message, at.map(|(line, column)| Pos { line, column }));
    error.extensions.get_or_insert_default().set("code", code);
    write(Response::from_errors(vec![error]), request_id, cost, &[])
}
