//! What can be subscribed to.
//!
//! The engine would run all of a subscription in one context, so in one transaction. Here every event is answered like a
//! query of its own, with a transaction, rights and limits of its own: the schema that is shown has the subscription, and
//! a schema beside it has the same field as a query that answers with the event at hand (see `server/follow.rs`).

use std::sync::{Arc, OnceLock};

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{
    Context, EmptyMutation, EmptySubscription, Executor, Object, Request, Response, Schema, Subscription as Root,
    ValidationMode,
};
use futures_util::stream::{self, BoxStream, Stream};

use super::event::Event;
use crate::platform::error::Error;
use crate::platform::outbox::EventKind;

/// Everything that can be followed.
#[derive(Default)]
pub struct Subscription;

/// Over WebSocket (`graphql-transport-ws`) or server-sent events (`graphql-sse`).
#[Root]
impl Subscription {
    /// What happens at the client from now on, or from a cursor on: then nothing that was kept in between is missed, and
    /// nothing comes twice. Rights: `core.event.read`, and for each kind that to read records of its type; kinds that are not
    /// named are shown as far as the caller may read them. Ends when the session or the grant ends.
    async fn events(
        &self,
        #[graphql(desc = "Only events of these kinds.")] kinds: Option<Vec<EventKind>>,
        #[graphql(desc = "Goes on behind this cursor; from now on if not said.")] resume_after: Option<String>,
    ) -> impl Stream<Item = Event> {
        // never run: see above
        let _ = (kinds, resume_after);
        stream::empty()
    }
}

/// What a subscription asks for.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Only these kinds; all that the caller may read if not said.
    pub kinds: Option<Vec<EventKind>>,
    /// Behind this cursor; from now on if not said.
    pub resume_after: Option<String>,
}

/// The subscription's fields as queries.
#[derive(Default)]
pub struct Followed;

#[Object(name = "Subscription")]
impl Followed {
    /// As in the subscription.
    async fn events(
        &self,
        ctx: &Context<'_>,
        kinds: Option<Vec<EventKind>>,
        resume_after: Option<String>,
    ) -> async_graphql::Result<Event> {
        if let Some(event) = ctx.data_opt::<Event>() {
            return Ok(event.clone());
        }
        // Nothing has happened yet: it is asked what is subscribed to.
        if let Some(asked) = ctx.data_opt::<Arc<OnceLock<Asked>>>() {
            let _ = asked.set(Asked { kinds, resume_after });
            return Err(async_graphql::Error::new("Nothing has happened yet."));
        }
        Err(Error::fault("an event is told without there being one").into())
    }
}

/// The schema that answers with an event at hand.
pub type Following = Schema<Followed, EmptyMutation, EmptySubscription>;

/// That schema. Documents were held against the shown one before.
pub(super) fn following() -> Following {
    Schema::build(Followed, EmptyMutation, EmptySubscription)
        .limit_recursive_depth(64)
        .limit_directives(10)
        .disable_suggestions()
        .validation_mode(ValidationMode::Fast)
        .finish()
}

/// Answers a document with one event.
#[derive(Clone)]
pub struct Telling {
    /// The schema.
    pub schema: Following,
    /// The event.
    pub event: Event,
}

impl Executor for Telling {
    async fn execute(&self, request: Request) -> Response {
        self.schema.execute(request.data(self.event.clone())).await
    }

    fn execute_stream(
        &self,
        _request: Request,
        _session_data: Option<Arc<async_graphql::Data>>,
    ) -> BoxStream<'static, Response> {
        Box::pin(stream::empty())
    }
}

/// The one subscription of a document, as a query.
#[must_use]
pub fn as_query(document: &ExecutableDocument, name: Option<&str>) -> Option<ExecutableDocument> {
    let chosen = match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => operation,
        (DocumentOperations::Multiple(operations), Some(name)) => operations.get(name)?,
        (DocumentOperations::Multiple(_), None) => return None,
    };
    let mut operation = chosen.clone();
    operation.node.ty = OperationType::Query;
    Some(ExecutableDocument {
        operations: DocumentOperations::Single(operation),
        fragments: document.fragments.clone(),
    })
}
