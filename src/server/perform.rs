//! The one way of an operation, whatever transport it comes by: what lets it in (`admit`) and what runs it (`run`).

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::Variables;
use backoffice_gate::{OperationKind, Passed, Rejected};
use tracing::{Instrument, Span};
use uuid::Uuid;

use super::body::GraphqlBody;
use super::budget::Budget;
use super::cost::{self, Cost};
use super::documents::Shape;
use super::follow::{Follow, Subscriber};
use super::measure::{self, Flight};
use super::operation::{self, Answer, Circumstances};
use super::persisted::{self, Missing, unpublished};
use super::presence::Seats;
use super::{Shared, trace};
use crate::platform::db::Pools;
use crate::platform::scope::Caller;

/// How long the answer waits that refuses for too much in too short a time. Whoever does not wait when he is told to waits
/// here: a loop without a pause would otherwise keep the server busy with refusing.
pub(super) const MOMENT: Duration = Duration::from_millis(100);

/// A request as a transport has read it.
pub struct Asked {
    /// What it asks for.
    pub body: GraphqlBody,
    /// What surrounds it.
    pub around: Circumstances,
    /// When its first byte had come.
    pub since: Instant,
    /// What is logged and traced of it stands in there.
    pub span: Span,
}

/// Which operations a request may hold, besides queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Those that change something.
    pub mutations: bool,
    /// Those that last.
    pub subscriptions: bool,
}

/// An operation that may run.
pub struct Admitted {
    passed: Passed,
    variables: Variables,
    around: Circumstances,
    operation_name: Option<String>,
    shape: Shape,
    /// Whether such variables were held against the schema already.
    fits: bool,
    kind: &'static str,
    field: String,
    since: Instant,
    span: Span,
    _flight: Flight,
}

impl Admitted {
    /// Its first field, for logs and metrics; never a text that only the caller knows.
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// Lets a request in, or says why not: what the caller has left, the document, the gate, the client's list of documents.
pub async fn admit(shared: &Shared, pools: &Pools, asked: Asked, allowed: Allowed) -> Result<Admitted, Answer> {
    let span = asked.span.clone();
    let admitted = let_in(shared, pools, asked, allowed).instrument(span.clone()).await;
    if let Err(refused) = &admitted {
        trace::ended(&span, refused.code.as_deref());
        if refused.retry_after.is_some() {
            tokio::time::sleep(MOMENT).await;
        }
    }
    admitted
}

async fn let_in(shared: &Shared, pools: &Pools, asked: Asked, allowed: Allowed) -> Result<Admitted, Answer> {
    let flight = Flight::begin();
    let Asked { body: GraphqlBody { asked, operation_name, variables, .. }, around, since, span } = asked;
    let id = around.request_id;
    // Whoever has used up what he has is not even read.
    around.budget.look().map_err(|exhausted| operation::exhausted(id, &around.budget, exhausted, 1))?;
    let document = match persisted::find(shared, pools, &around.caller, asked).await {
        Ok(document) => document,
        Err(Missing::Unknown) => return Err(rejected(id, &unpublished(), &around.budget)),
        Err(Missing::Failed(error)) => return Err(operation::failure(id, error)),
    };
    let query = document.text.as_str();
    let shape = shared.documents.shape(&variables);
    let found = shared.documents.find(query, operation_name.as_deref(), shape);
    let passed = match &found {
        Some(found) => backoffice_gate::admit_again(&found.passed, &variables, &shared.limits),
        None => backoffice_gate::admit(query, operation_name.as_deref(), &variables, &shared.limits),
    };
    let passed = passed.map_err(|refused| rejected(id, &refused, &around.budget))?;
    if !persisted::may_run(shared, &around.caller, &document, &passed) {
        let message = "This client runs published documents only, and this is none of them.";
        return Err(operation::plain(id, "DOCUMENT_NOT_PUBLISHED", message));
    }
    let kind = match passed.operation_kind {
        OperationKind::Query => "query",
        OperationKind::Mutation if allowed.mutations => "mutation",
        OperationKind::Mutation => {
            let refused = operation::plain(id, "BAD_USER_INPUT", "A mutation has to be sent with POST.");
            return Err(Answer { only_by_post: true, ..refused });
        }
        OperationKind::Subscription if allowed.subscriptions => "subscription",
        OperationKind::Subscription => {
            return Err(operation::plain(id, "BAD_USER_INPUT", "Subscriptions are not served over this transport."));
        }
    };
    let field = passed.root_fields.first().cloned().unwrap_or_default();
    // A name that the schema does not know must not become a label: the caller could invent labels without end.
    let field = if shared.names.contains(&field) { field } else { "unknown".to_owned() };
    trace::named(&span, (kind, &field), passed.operation_name.as_deref(), &around.caller);
    let fits = found.is_some_and(|found| found.fits);
    let warnings = shared.measures.deprecated.used_by(&passed.document, passed.operation_name.as_deref());
    let around = Circumstances { query: document.text, warnings, ..around };
    Ok(Admitted { passed, variables, around, operation_name, shape, fits, kind, field, since, span, _flight: flight })
}

/// Runs a query or mutation that was let in, and counts it.
pub async fn run(shared: &Shared, pools: &Pools, admitted: Admitted) -> Answer {
    let Admitted { passed, variables, around, operation_name, shape, fits, kind, field, since, span, _flight } =
        admitted;
    let graph = if fits { &shared.trusting } else { &shared.graph };
    // What strangers send is not remembered: they could push out what everybody sends.
    let known = matches!(around.caller, Caller::Person { .. } | Caller::Service { .. });
    let news = (known && !fits).then(|| (around.query.clone(), passed.clone()));
    let (asking, warnings) = (measure::asking(&around.caller), around.warnings.clone());
    // Whatever is logged below stands under the request's id.
    let answer = operation::run(graph, pools, passed, variables, around).instrument(span.clone()).await;
    trace::ended(&span, answer.code.as_deref());
    if let (Some((query, passed)), None) = (news, &answer.code) {
        shared.documents.keep(&query, operation_name.as_deref(), shape, passed);
    }
    measure::answered(kind, &field, answer.code.as_deref(), since.elapsed());
    if !answer.request_error {
        warnings.iter().for_each(|used| measure::deprecated(&asking, &used.field));
    }
    if answer.retry_after.is_some() {
        tokio::time::sleep(MOMENT).await;
    }
    answer
}

/// What came of a request on a transport that keeps a connection open.
pub enum Performed {
    /// An answer: a query or mutation was run, or the request was refused.
    Answer(Answer),
    /// A subscription that has begun.
    Follow(Box<Follow>),
}

/// Lets a request in and runs it or begins to follow, for WebSocket and server-sent events.
pub async fn perform(shared: &Arc<Shared>, pools: &Pools, asked: Asked, allowed: Allowed, seats: &Seats) -> Performed {
    let admitted = match admit(shared, pools, asked, allowed).await {
        Ok(admitted) => admitted,
        Err(refused) => return Performed::Answer(refused),
    };
    let (id, since, field) = (admitted.around.request_id, admitted.since, admitted.field.clone());
    if admitted.passed.operation_kind == OperationKind::Subscription {
        let (span, asking, warnings) =
            (admitted.span.clone(), measure::asking(&admitted.around.caller), admitted.around.warnings.clone());
        let begun = begin(shared, pools, admitted, seats).instrument(span.clone()).await;
        let code = begun.as_ref().err().and_then(|answer| answer.code.as_deref());
        trace::ended(&span, code);
        measure::answered("subscription", &field, code, since.elapsed());
        return match begun {
            Ok(follow) => {
                warnings.iter().for_each(|used| measure::deprecated(&asking, &used.field));
                Performed::Follow(Box::new(follow))
            }
            Err(refused) => Performed::Answer(refused),
        };
    }
    let answer = run(shared, pools, admitted).await;
    let code = answer.code.as_deref().unwrap_or("OK");
    tracing::info!(request_id = %id, operation = %field, code, ms = since.elapsed().as_millis(), "operation");
    Performed::Answer(answer)
}

async fn begin(shared: &Arc<Shared>, pools: &Pools, admitted: Admitted, seats: &Seats) -> Result<Follow, Answer> {
    let Admitted { passed, variables, around, .. } = admitted;
    if passed.root_fields.len() != 1 {
        let message = "A subscription has exactly one field.";
        return Err(operation::plain(around.request_id, "GRAPHQL_VALIDATION_FAILED", message));
    }
    // Beginning is paid like an operation, and so is each event that is told.
    let price = cost::price(&passed);
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
        warnings: around.warnings,
    };
    let asked = (around.query, passed, variables);
    Follow::begin(Arc::clone(shared), pools.clone(), subscriber, asked, seats.nudged(), seat).await
}

/// What the gate does not let through is paid for as well.
fn rejected(id: Uuid, rejected: &Rejected, budget: &Budget) -> Answer {
    measure::refused(rejected.code);
    if let Err(exhausted) = budget.take(cost::REJECTED) {
        return operation::exhausted(id, budget, exhausted, cost::REJECTED);
    }
    let cost = Cost::rejected(budget.left());
    operation::located(id, rejected.code, &rejected.message, rejected.location, cost)
}
