//! Following what happens, whatever the transport: where a subscription starts, what is new, and how an event is told.
//!
//! Every look for events is a transaction of its own as the subscriber, so what he may see is decided each time; and every
//! event is answered like a query. A subscription whose session or grant has ended fails with that.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Pos, Request, Response, Variables};
use backoffice_gate::{OperationKind, Passed};
use futures_util::future::try_join;
use tokio::sync::watch;
use tracing::Instrument;
use uuid::Uuid;

use super::budget::Budget;
use super::deprecated::Warning;
use super::operation::{self, Answer, Circumstances};
use super::presence::Seat;
use super::{Shared, trace};
use crate::graph::event::{Event, position};
use crate::graph::subscription::{Asked, Telling, as_query};
use crate::platform::can::Can;
use crate::platform::db::Pools;
use crate::platform::error::{Error, Result};
use crate::platform::ids::new_uuid;
use crate::platform::outbox::{self, EventId, EventKind};
use crate::platform::paging::Slice;
use crate::platform::scope::{Caller, Mode, Scope};

/// Events of one look.
const BATCH: i64 = 50;
/// How often a look is tried when what was known of the caller has changed meanwhile.
const TRIES: u32 = 3;
/// What the engine says to a subscription that it has held against the schema and found good.
const GOOD: &str = "Subscriptions are not supported on this transport.";

/// Who subscribes, from where.
#[derive(Clone)]
pub struct Subscriber {
    /// The caller.
    pub caller: Caller,
    /// His network address.
    pub address: String,
    /// His `User-Agent`.
    pub user_agent: String,
    /// What he pays from, each event as a query of the same document.
    pub budget: Budget,
    /// What his document uses that is going away.
    pub warnings: Vec<Warning>,
}

/// A subscription that runs.
pub struct Follow {
    shared: Arc<Shared>,
    pools: Pools,
    subscriber: Subscriber,
    query: String,
    operation_name: Option<String>,
    passed: Passed,
    variables: Variables,
    kinds: Option<Vec<EventKind>>,
    position: i64,
    rung: watch::Receiver<i64>,
    nudged: watch::Receiver<()>,
    _seat: Seat,
}

/// How an event is told, or that it cannot be.
pub enum Told {
    /// The answer to send.
    Answer(Answer),
    /// The subscription ends: the caller may no longer see it, or it cannot be told now. Whoever goes on from his last
    /// cursor has missed nothing.
    Ended(Answer),
}

impl Follow {
    /// Begins a subscription that the gate let through. An answer instead says why it cannot begin.
    pub async fn begin(
        shared: Arc<Shared>,
        pools: Pools,
        subscriber: Subscriber,
        (query, passed, mut variables): (String, Passed, Variables),
        nudged: watch::Receiver<()>,
        seat: Seat,
    ) -> std::result::Result<Self, Answer> {
        let id = new_uuid();
        for (name, value) in &passed.defaults {
            variables.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let (document, asked) = match ask(&shared, &passed, &variables).await {
            Ok(found) => found,
            Err(response) => return Err(operation::wrong(id, *response)),
        };
        let mut follow = Self {
            rung: outbox::bell().listen(client_of(&subscriber.caller).unwrap_or_default()),
            shared,
            pools,
            subscriber,
            query,
            operation_name: passed.operation_name.clone(),
            passed: Passed {
                document: Arc::new(document),
                operation_kind: OperationKind::Query,
                operation_name: None,
                ..passed
            },
            variables,
            kinds: asked.kinds,
            position: 0,
            nudged,
            _seat: seat,
        };
        follow.start(asked.resume_after.as_deref()).await.map_err(|error| operation::failure(id, error))?;
        Ok(follow)
    }

    /// Goes on behind another cursor than was asked for: what the transport remembers of an earlier connection.
    pub async fn resume(&mut self, cursor: &str) -> std::result::Result<(), Answer> {
        self.start(Some(cursor)).await.map_err(|error| operation::failure(new_uuid(), error))
    }

    async fn start(&mut self, cursor: Option<&str>) -> Result<()> {
        let wrong = || Error::BadInput("`resumeAfter` is no cursor of this client's events.".to_owned());
        let behind = match cursor {
            None => None,
            Some(cursor) => {
                let slice = Slice::new(None, Some(cursor)).map_err(|_| wrong())?;
                let (value, id) = slice.after.ok_or_else(wrong)?;
                Some((position(&value).map_err(|_| wrong())?, EventId(id)))
            }
        };
        let mut tried: u32 = 0;
        self.position = loop {
            tried = tried.saturating_add(1);
            let scope = self.scope();
            let looked = async {
                let tx = scope.client(Can::EventRead).await?;
                outbox::visible(tx, self.kinds.as_deref()).await?;
                match behind {
                    None => outbox::head(tx).await,
                    Some((position, id)) => {
                        if outbox::stands_at(tx, position, id).await? {
                            Ok(position)
                        } else {
                            Err(wrong())
                        }
                    }
                }
            };
            match ended(&scope, looked.await).await {
                Err(Error::Retry) if tried < TRIES => {}
                outcome => break outcome?,
            }
        };
        Ok(())
    }

    fn scope(&self) -> Scope {
        Scope::new(self.subscriber.caller.clone(), Mode::Query, new_uuid(), self.pools.clone())
            .from_device(self.subscriber.address.clone(), self.subscriber.user_agent.clone())
    }

    /// Whether this server has been told to stop: another one goes on, behind the last event.
    #[must_use]
    pub fn server_goes(&self) -> bool {
        self.shared.draining.load(Ordering::Acquire)
    }

    /// The next events: waits until there are some. Fails if the caller may no longer see any.
    pub async fn next(&mut self) -> Result<Vec<Event>> {
        loop {
            self.rung.borrow_and_update();
            self.nudged.borrow_and_update();
            if self.server_goes() {
                return Err(Error::Unavailable);
            }
            let events = self.look().await?;
            if !events.is_empty() {
                return Ok(events);
            }
            loop {
                tokio::select! {
                    rung = self.rung.changed() => {
                        rung.map_err(Error::fault)?;
                        if *self.rung.borrow_and_update() > self.position {
                            break;
                        }
                    }
                    nudged = self.nudged.changed() => {
                        nudged.map_err(Error::fault)?;
                        break;
                    }
                }
            }
        }
    }

    async fn look(&mut self) -> Result<Vec<Event>> {
        let mut tried: u32 = 0;
        loop {
            tried = tried.saturating_add(1);
            let scope = self.scope();
            let looked = async {
                let tx = scope.client(Can::EventRead).await?;
                let kinds = outbox::visible(tx, self.kinds.as_deref()).await?;
                // In one snapshot: what lies up to the head is among the rows or not to be shown.
                try_join(outbox::after(tx, self.position, &kinds, BATCH), outbox::head(tx)).await
            };
            match ended(&scope, looked.await).await {
                Err(Error::Retry) if tried < TRIES => {}
                Err(error) => return Err(error),
                Ok((rows, head)) => {
                    let full = i64::try_from(rows.len()).is_ok_and(|found| found >= BATCH);
                    let last = rows.last().map(|row| row.position);
                    self.position = if full { last.unwrap_or(self.position) } else { head.max(self.position) };
                    let events: Vec<Event> = rows.iter().filter_map(Event::read).collect();
                    if !(full && events.is_empty()) {
                        return Ok(events);
                    }
                    tried = 0;
                }
            }
        }
    }

    /// Answers the subscription's document with an event.
    pub async fn tell(&self, event: &Event) -> Told {
        loop {
            let around = Circumstances {
                caller: self.subscriber.caller.clone(),
                query: self.query.clone(),
                request_id: new_uuid(),
                idempotency_key: None,
                dry_run: false,
                address: self.subscriber.address.clone(),
                user_agent: self.subscriber.user_agent.clone(),
                budget: self.subscriber.budget.clone(),
                warnings: self.subscriber.warnings.clone(),
            };
            let telling = Telling { schema: self.shared.following.clone(), event: event.clone() };
            let (passed, variables) = (self.passed.clone(), self.variables.clone());
            let span = trace::begin(around.request_id, None, None);
            let field = passed.root_fields.first().cloned().unwrap_or_default();
            trace::named(&span, ("subscription", &field), self.operation_name.as_deref(), &around.caller);
            let answer =
                operation::run(&telling, &self.pools, passed, variables, around).instrument(span.clone()).await;
            trace::ended(&span, answer.code.as_deref());
            match answer.retry_after {
                // Whoever has used up what he has hears later, and of everything.
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds.clamp(1, 60))).await,
                None if answer.request_error => return Told::Ended(answer),
                None => return Told::Answer(answer),
            }
        }
    }
}

/// Ends a look's transaction. What it found counts only if the door let it through.
async fn ended<T>(scope: &Scope, looked: Result<T>) -> Result<T> {
    let looked = match looked {
        Ok(found) => scope.pass().await.map(|()| found),
        Err(error) => Err(error),
    };
    let retry = scope.wants_retry();
    // A read has nothing to keep; a connection whose transaction does not end well is closed.
    let _ = scope.end(looked.is_ok()).await;
    if retry { Err(Error::Retry) } else { looked }
}

fn client_of(caller: &Caller) -> Option<Uuid> {
    match caller {
        Caller::Person { client, .. } => *client,
        Caller::Service { client, .. } => Some(*client),
        Caller::Nobody | Caller::Invalid(_) | Caller::Job { .. } => None,
    }
}

/// Holds a subscription against the schema and reads what it asks for.
async fn ask(
    shared: &Shared,
    passed: &Passed,
    variables: &Variables,
) -> std::result::Result<(ExecutableDocument, Asked), Box<Response>> {
    let request = |document: ExecutableDocument| {
        let mut request = Request::new(String::new()).variables(variables.clone());
        request.set_parsed_query(document);
        request
    };
    let mut held = request((*passed.document).clone());
    if let Some(name) = &passed.operation_name {
        held = held.operation_name(name.clone());
    }
    let response = shared.graph.execute(held).await;
    if response.errors.iter().any(|error| error.message != GOOD) {
        return Err(Box::new(response));
    }
    let refusal = |error: Error| {
        let error = async_graphql::Error::from(error).into_server_error(Pos::default());
        Box::new(Response::from_errors(vec![error]))
    };
    let Some(document) = as_query(&passed.document, passed.operation_name.as_deref()) else {
        return Err(refusal(Error::fault("a subscription without its operation")));
    };
    let asked = Arc::new(OnceLock::<Asked>::new());
    let response = shared.following.execute(request(document.clone()).data(Arc::clone(&asked))).await;
    match asked.get() {
        Some(asked) => Ok((document, asked.clone())),
        // an argument that is not what it should be
        None if !response.errors.is_empty() => Err(Box::new(response)),
        // left out by a directive
        None => Err(refusal(Error::BadInput("A subscription asks for something.".to_owned()))),
    }
}
