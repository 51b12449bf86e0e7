//! The gate and the operation behind it, for transports that keep a connection open: WebSocket and server-sent events.

use std::sync::Arc;
use std::time::Instant;

use backoffice_gate::{OperationKind, Rejected};
use tracing::Instrument;
use uuid::Uuid;

use super::Shared;
use super::body::GraphqlBody;
use super::budget::Budget;
use super::cost::{self, Cost};
use super::follow::{Follow, Subscriber};
use super::measure::{self, Flight};
use super::operation::{self, Answer, Circumstances};
use super::persisted::{self, Missing, unpublished};
use super::presence::Seats;
use crate::platform::db::Pools;
use crate::platform::scope::Caller;

/// What came of a request.
pub enum Performed {
    /// An answer: a query or mutation was run, or the request was refused.
    Answer(Answer),
    /// A subscription that has begun.
    Follow(Box<Follow>),
}

/// Which operations a request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All.
    All,
    /// Those that change nothing.
    Reading,
}

/// Lets a request through the gate and runs it.
pub async fn perform(
    shared: &Arc<Shared>,
    pools: &Pools,
    body: GraphqlBody,
    around: Circumstances,
    seats: &Seats,
    allowed: Allowed,
) -> Performed {
    let _flight = Flight::begin();
    let (id, started) = (around.request_id, Instant::now());
    // Whoever has used up what he has is not even read.
    if let Err(exhausted) = around.budget.look() {
        return Performed::Answer(operation::exhausted(id, &around.budget, exhausted, 1));
    }
    let GraphqlBody { asked, operation_name, variables } = body;
    let document = match persisted::find(shared, pools, &around.caller, asked).await {
        Ok(document) => document,
        Err(Missing::Unknown) => return rejected(id, &unpublished(), &around.budget),
        Err(Missing::Failed(error)) => return Performed::Answer(operation::failure(id, error)),
    };
    let (query, documents) = (document.text.as_str(), &shared.documents);
    let shape = documents.shape(&variables);
    let found = documents.find(query, operation_name.as_deref(), shape);
    let admitted = match &found {
        Some(found) => backoffice_gate::admit_again(&found.passed, &variables, &shared.limits),
        None => backoffice_gate::admit(query, operation_name.as_deref(), &variables, &shared.limits),
    };
    let passed = match admitted {
        Ok(passed) => passed,
        Err(refused) => return rejected(id, &refused, &around.budget),
    };
    if !persisted::may_run(shared, &around.caller, &document, &passed) {
        let message = "This client runs published documents only, and this is none of them.";
        return Performed::Answer(operation::plain(id, "DOCUMENT_NOT_PUBLISHED", message));
    }
    let query = document.text;
    let field = passed.root_fields.first().cloned().unwrap_or_default();
    // A name that the schema does not know must not become a label: the caller could invent labels without end.
    let field = if shared.names.contains(&field) { field } else { "unknown".to_owned() };
    let kind = match passed.operation_kind {
        OperationKind::Mutation => "mutation",
        OperationKind::Query => "query",
        OperationKind::Subscription => "subscription",
    };
    if passed.operation_kind == OperationKind::Mutation && allowed == Allowed::Reading {
        return Performed::Answer(operation::plain(id, "BAD_USER_INPUT", "A mutation has to be sent with POST."));
    }
    if passed.operation_kind == OperationKind::Subscription {
        let begun = begin(shared, pools, (query, passed, variables), around, seats).await;
        let code = begun.as_ref().err().and_then(|answer| answer.code.as_deref()).unwrap_or("OK");
        measure::answered(kind, &field, Some(code), started.elapsed());
        return match begun {
            Ok(follow) => Performed::Follow(Box::new(follow)),
            Err(answer) => Performed::Answer(answer),
        };
    }
    let fits = found.is_some_and(|found| found.fits);
    let graph = if fits { &shared.trusting } else { &shared.graph };
    // What strangers send is not remembered: they could push out what everybody sends.
    let known = matches!(around.caller, Caller::Person { .. } | Caller::Service { .. });
    let news = (known && !fits).then(|| (query.clone(), passed.clone()));
    let deprecated = shared.measures.deprecated.used_by(&passed.document, passed.operation_name.as_deref());
    let asking = measure::asking(&around.caller);
    let around = Circumstances { query, ..around };
    let span = tracing::error_span!("operation", request_id = %id);
    let answer = operation::run(graph, pools, passed, variables, around).instrument(span).await;
    if let (Some((query, passed)), None) = (news, &answer.code) {
        documents.keep(&query, operation_name.as_deref(), shape, passed);
    }
    let code = answer.code.as_deref().unwrap_or("OK");
    measure::answered(kind, &field, Some(code), started.elapsed());
    if !answer.request_error {
        deprecated.into_iter().for_each(|used| measure::deprecated(&asking, used));
    }
    tracing::info!(request_id = %id, operation = %field, code, ms = started.elapsed().as_millis(), "operation");
    Performed::Answer(answer)
}

async fn begin(
    shared: &Arc<Shared>,
    pools: &Pools,
    asked: (String, backoffice_gate::Passed, async_graphql::Variables),
    around: Circumstances,
    seats: &Seats,
) -> Result<Follow, Answer> {
    if asked.1.root_fields.len() != 1 {
        let message = "A subscription has exactly one field.";
        return Err(operation::plain(around.request_id, "GRAPHQL_VALIDATION_FAILED", message));
    }
    // Beginning is paid like an operation, and so is each event that is told.
    let price = cost::price(&asked.1);
    if let Err(exhausted) = around.budget.take(price) {
        return Err(operation::exhausted(around.request_id, &around.budget, exhausted, price));
    }
    let Some(seat) = seats.seat() else {
        let message = "Too many subscriptions are open with this sign-in; end some first.";
        return Err(operation::plain(around.request_id, "RATE_LIMITED", message));
    };
    let subscriber = Subscriber {
        caller: around.caller,
        address: around.address,
        user_agent: around.user_agent,
        budget: around.budget,
    };
    Follow::begin(Arc::clone(shared), pools.clone(), subscriber, asked, seats.nudged(), seat).await
}

/// What the gate does not let through is paid for as well.
fn rejected(id: Uuid, rejected: &Rejected, budget: &Budget) -> Performed {
    measure::refused(rejected.code);
    if let Err(exhausted) = budget.take(cost::REJECTED) {
        return Performed::Answer(operation::exhausted(id, budget, exhausted, cost::REJECTED));
    }
    let cost = Cost::rejected(budget.left());
    Performed::Answer(operation::located(id, rejected.code, &rejected.message, rejected.location, cost))
}
