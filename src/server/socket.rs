//! `/graphql` over WebSocket, by the protocol `graphql-transport-ws`.
//!
//! One task a connection reads what comes; each operation is a task of its own, which writes when it has something. What is
//! written waits in a short queue: whoever does not read is not waited for, his connection is closed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, guard, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, ProtocolError, Session};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use super::body;
use super::cors::{self, Whose};
use super::follow::Told;
use super::operation::{Answer, Circumstances};
use super::perform::{Allowed, Asked, Performed, perform};
use super::presence::{Credential, Presence, still_in};
use super::{Shared, trace};
use crate::platform::db::Pools;
use crate::platform::error::Error;
use crate::platform::ids::new_uuid;
use crate::platform::scope::Caller;

/// The protocol's name in `Sec-WebSocket-Protocol`.
pub const PROTOCOL: &str = "graphql-transport-ws";
/// The longest message of a client. Files go over HTTP.
const MOST_BYTES: usize = 256 * 1024;
/// How long a client has to introduce itself.
const INIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client may leave what is written to it unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(25);
/// How long what was begun may still take when the server is told to stop.
pub(super) const GOING_TIMEOUT: Duration = Duration::from_secs(20);
/// Operations of one connection at a time.
pub(super) const MOST_OPERATIONS: usize = 50;
/// The longest id of an operation, in bytes.
pub(super) const LONGEST_ID: usize = 256;

/// Whether a request asks for a WebSocket.
pub fn is_asked(context: &guard::GuardContext<'_>) -> bool {
    let upgrade = context.head().headers().get(header::UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Close(u16, &'static str);

const GONE: Close = Close(1001, "The server is going away; connect again.");
const INVALID: Close = Close(4400, "Invalid message");
const UNAUTHORIZED: Close = Close(4401, "Unauthorized");
const FORBIDDEN: Close = Close(4403, "Forbidden");
const PROTOCOL_UNKNOWN: Close = Close(4406, "Subprotocol not acceptable");
const INIT_TOO_LATE: Close = Close(4408, "Connection initialisation timeout");
const DUPLICATE: Close = Close(4409, "Subscriber for this id already exists");
const INIT_TWICE: Close = Close(4429, "Too many initialisation requests");
const TOO_LARGE: Close = Close(1009, "The message is larger than 256 KiB.");
const TOO_MANY: Close = Close(1013, "Too many connections; try again later.");
const UNREAD: Close = Close(1008, "What was sent was not read in time.");
const BROKEN: Close = Close(1011, "Something went wrong on our side.");

/// Takes a connection over.
pub async fn open(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    pools: web::Data<Pools>,
) -> Result<HttpResponse, actix_web::Error> {
    let (response, session, messages) = actix_ws::handle_with_protocols(&request, payload, &[PROTOCOL])?;
    let messages = messages.max_frame_size(MOST_BYTES).aggregate_continuations().max_continuation_size(MOST_BYTES);
    let spoken = response.headers().contains_key(header::SEC_WEBSOCKET_PROTOCOL);
    let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let (closing, closed) = mpsc::channel(1);
    let socket = Socket {
        session,
        operations: Rc::default(),
        closing,
        address: shared.proxies.caller(&request),
        user_agent: user_agent.unwrap_or_default().chars().take(200).collect(),
        shared: shared.into_inner(),
        pools: (**pools).clone(),
    };
    let authorization = bearer(request.headers());
    actix_web::rt::spawn(async move {
        let session = socket.session.clone();
        let operations = Rc::clone(&socket.operations);
        let close = if spoken {
            // Boxed: what is awaited once at the beginning is not carried for as long as the connection lives.
            match Box::pin(socket.introduced(request, messages, authorization)).await {
                Ok((messages, known)) => socket.serve(messages, known, closed).await,
                Err(close) => close,
            }
        } else {
            Some(PROTOCOL_UNKNOWN)
        };
        if let Some(GONE) = close {
            // What was begun is brought to its end, and answered. Subscriptions end by themselves.
            let until = Instant::now() + GOING_TIMEOUT;
            while !operations.borrow().is_empty() && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        for (_, operation) in operations.borrow_mut().drain() {
            operation.abort();
        }
        let reason = close.map(|Close(code, reason)| CloseReason {
            code: CloseCode::from(code),
            description: Some(reason.to_owned()),
        });
        let _ = tokio::time::timeout(WRITE_TIMEOUT, session.close(reason)).await;
    });
    Ok(response)
}

/// A token in the usual header; browsers cannot send it, and put it into the first message instead.
fn bearer(headers: &HeaderMap) -> Option<String> {
    headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[derive(Deserialize)]
struct Incoming {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    payload: Option<Value>,
}

/// A client that has introduced itself.
struct Known {
    caller: Caller,
    presence: Presence,
    nudged: watch::Receiver<()>,
}

struct Socket {
    session: Session,
    operations: Rc<RefCell<HashMap<String, AbortHandle>>>,
    closing: mpsc::Sender<Close>,
    shared: Arc<Shared>,
    pools: Pools,
    address: String,
    user_agent: String,
}

impl Socket {
    /// Waits for the client's introduction and answers it. Nothing as a reason: the client is gone.
    async fn introduced(
        &self,
        request: HttpRequest,
        mut messages: AggregatedMessageStream,
        authorization: Option<String>,
    ) -> Result<(AggregatedMessageStream, Known), Option<Close>> {
        let init = tokio::time::timeout(INIT_TIMEOUT, async {
            loop {
                let Some(text) = self.text(messages.recv().await).await? else { continue };
                let incoming: Incoming = serde_json::from_str(&text).map_err(|_| Some(INVALID))?;
                match incoming.kind.as_str() {
                    "connection_init" => return Ok(incoming.payload),
                    "ping" => self.send(r#"{"type":"pong"}"#.to_owned()).await?,
                    "pong" => {}
                    "subscribe" => return Err(Some(UNAUTHORIZED)),
                    // of an operation that was refused
                    "complete" => {}
                    _ => return Err(Some(INVALID)),
                }
            }
        });
        let payload = init.await.map_err(|_| Some(INIT_TOO_LATE))??;
        let told = match &payload {
            None | Some(Value::Null) => None,
            Some(Value::Object(fields)) => fields
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
                .and_then(|(_, value)| value.as_str().map(str::to_owned)),
            Some(_) => return Err(Some(INVALID)),
        };
        let token = told.or(authorization).ok_or(Some(FORBIDDEN))?;
        let caller = match token.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => self.shared.keys.verify(token.trim()),
            _ => Caller::Invalid("Send the token as Authorization: Bearer."),
        };
        let credential = Credential::of(&caller).ok_or(Some(FORBIDDEN))?;
        if cors::is_foreign_portal(&request, &self.shared, Whose::of(&caller)) {
            return Err(Some(FORBIDDEN));
        }
        drop(request);
        let presence = self.shared.presences.enter(credential).ok_or(Some(TOO_MANY))?;
        let nudged = presence.nudged();
        match still_in(&caller, &self.pools).await {
            Ok(()) => {}
            Err(Error::Unavailable | Error::TimedOut) => return Err(Some(TOO_MANY)),
            Err(Error::Fault(_)) => return Err(Some(BROKEN)),
            Err(_) => return Err(Some(FORBIDDEN)),
        }
        self.send(r#"{"type":"connection_ack"}"#.to_owned()).await?;
        Ok((messages, Known { caller, presence, nudged }))
    }

    /// Reads and answers until the connection is over; says why it is to be closed.
    async fn serve(
        &self,
        mut messages: AggregatedMessageStream,
        mut known: Known,
        mut closed: mpsc::Receiver<Close>,
    ) -> Option<Close> {
        let mut ping = tokio::time::interval(PING_EVERY);
        ping.reset();
        let mut heard = true;
        loop {
            let outcome = tokio::select! {
                message = messages.recv() => {
                    heard = true;
                    match self.text(message).await {
                        Ok(Some(text)) => self.take(&text, &known).await,
                        Ok(None) => Ok(()),
                        Err(close) => Err(close),
                    }
                }
                close = closed.recv() => Err(close),
                _ = known.nudged.changed() => {
                    known.nudged.borrow_and_update();
                    if self.shared.draining.load(Ordering::Acquire) {
                        Err(Some(GONE))
                    } else {
                        Box::pin(still_in(&known.caller, &self.pools)).await.map_or_else(|error| closing(&error), Ok)
                    }
                }
                _ = ping.tick() => {
                    if std::mem::replace(&mut heard, false) { self.ping().await } else { Err(None) }
                }
            };
            if let Err(close) = outcome {
                return close;
            }
        }
    }

    /// The text of a message; nothing if it was one of the transport's own.
    async fn text(
        &self,
        message: Option<Result<AggregatedMessage, ProtocolError>>,
    ) -> Result<Option<String>, Option<Close>> {
        match message {
            Some(Ok(AggregatedMessage::Text(text))) => Ok(Some(text.to_string())),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                let mut session = self.session.clone();
                match tokio::time::timeout(WRITE_TIMEOUT, session.pong(&bytes)).await {
                    Ok(Ok(())) => Ok(None),
                    _ => Err(None),
                }
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(None),
            Some(Ok(AggregatedMessage::Binary(_))) => Err(Some(INVALID)),
            Some(Ok(AggregatedMessage::Close(_))) | None => Err(None),
            Some(Err(ProtocolError::Overflow)) => Err(Some(TOO_LARGE)),
            // a message in pieces that are too many
            Some(Err(ProtocolError::Io(_))) => Err(Some(TOO_LARGE)),
            Some(Err(_)) => Err(Some(Close(1002, "Not a WebSocket frame"))),
        }
    }

    async fn ping(&self) -> Result<(), Option<Close>> {
        let mut session = self.session.clone();
        match tokio::time::timeout(WRITE_TIMEOUT, session.ping(b"")).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(None),
        }
    }

    async fn send(&self, text: String) -> Result<(), Option<Close>> {
        if write(&mut self.session.clone(), text).await { Ok(()) } else { Err(None) }
    }

    /// Acts on a message of a client that has introduced itself.
    async fn take(&self, text: &str, known: &Known) -> Result<(), Option<Close>> {
        let incoming: Incoming = serde_json::from_str(text).map_err(|_| Some(INVALID))?;
        let id = incoming.id.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID);
        match (incoming.kind.as_str(), id) {
            ("connection_init", _) => Err(Some(INIT_TWICE)),
            ("ping", _) => self.send(r#"{"type":"pong"}"#.to_owned()).await,
            ("pong", _) => Ok(()),
            ("complete", Some(id)) => {
                if let Some(operation) = self.operations.borrow_mut().remove(&id) {
                    operation.abort();
                }
                Ok(())
            }
            ("subscribe", Some(id)) => self.subscribe(id, incoming.payload, known).await,
            _ => Err(Some(INVALID)),
        }
    }

    async fn subscribe(&self, id: String, payload: Option<Value>, known: &Known) -> Result<(), Option<Close>> {
        let Some(Value::Object(mut fields)) = payload else { return Err(Some(INVALID)) };
        let option = |name: &str| fields.get("extensions").and_then(|extensions| extensions.get(name)).cloned();
        let (key, dry_run) = (option("idempotencyKey"), option("dryRun"));
        let (parent, state) = (option("traceparent"), option("tracestate"));
        let around = Circumstances {
            budget: self.shared.budgets.of(&known.caller, &self.address),
            caller: known.caller.clone(),
            query: String::new(),
            request_id: new_uuid(),
            idempotency_key: match key {
                None | Some(Value::Null) => None,
                Some(Value::String(key)) if (1..=255).contains(&key.len()) && key.is_ascii() => Some(key),
                Some(_) => return Err(Some(INVALID)),
            },
            dry_run: match dry_run {
                None | Some(Value::Null) => false,
                Some(Value::Bool(dry_run)) => dry_run,
                Some(_) => return Err(Some(INVALID)),
            },
            warnings: Vec::new(),
            address: self.address.clone(),
            user_agent: self.user_agent.clone(),
        };
        if fields.get("variables") == Some(&Value::Null) {
            fields.remove("variables");
        }
        let body = body::from_value(Value::Object(fields)).map_err(|_| Some(INVALID))?;
        if self.operations.borrow().contains_key(&id) {
            return Err(Some(DUPLICATE));
        }
        if self.operations.borrow().len() >= MOST_OPERATIONS {
            let message = format!("At most {MOST_OPERATIONS} operations at a time on one connection.");
            let answer = super::operation::plain(around.request_id, "RATE_LIMITED", &message);
            return self.send(as_error(&id, &answer)).await;
        }
        let performed = {
            let (shared, pools) = (Arc::clone(&self.shared), self.pools.clone());
            let seats = known.presence.seats();
            let span = trace::begin(
                around.request_id,
                parent.as_ref().and_then(Value::as_str),
                state.as_ref().and_then(Value::as_str),
            );
            let asked = Asked { body, around, since: Instant::now(), span };
            let allowed = Allowed { mutations: true, subscriptions: true };
            async move { perform(&shared, &pools, asked, allowed, &seats).await }
        };
        let (mut session, operations, closing, own) =
            (self.session.clone(), Rc::clone(&self.operations), self.closing.clone(), id.clone());
        let task = actix_web::rt::spawn(async move {
            let close = Box::pin(run(performed, &mut session, &own)).await;
            operations.borrow_mut().remove(&own);
            if let Err(close) = close {
                // One reason is enough.
                let _ = closing.try_send(close.unwrap_or(UNREAD));
            }
        });
        self.operations.borrow_mut().insert(id, task.abort_handle());
        Ok(())
    }
}

/// Performs an operation and writes what comes of it. Fails if the connection is over.
async fn run(performed: impl Future<Output = Performed>, session: &mut Session, id: &str) -> Result<(), Option<Close>> {
    let mut follow = match Box::pin(performed).await {
        Performed::Follow(follow) => follow,
        Performed::Answer(answer) if answer.request_error => return sent(write(session, as_error(id, &answer)).await),
        Performed::Answer(answer) => {
            sent(write(session, as_next(id, &answer)).await)?;
            return sent(write(session, as_complete(id)).await);
        }
    };
    loop {
        let events = match follow.next().await {
            Ok(events) => events,
            Err(_) if follow.server_goes() => return Err(Some(GONE)),
            Err(error) => match closing(&error) {
                Err(close) => return Err(close),
                Ok(()) => {
                    let answer = super::operation::failure(new_uuid(), error);
                    return sent(write(session, as_error(id, &answer)).await);
                }
            },
        };
        for event in events {
            match Box::pin(follow.tell(&event)).await {
                Told::Answer(answer) => sent(write(session, as_next(id, &answer)).await)?,
                Told::Ended(answer) => {
                    return match answer.code.as_deref() {
                        Some("UNAUTHENTICATED") => Err(Some(UNAUTHORIZED)),
                        Some("FORBIDDEN") => Err(Some(FORBIDDEN)),
                        _ => sent(write(session, as_error(id, &answer)).await),
                    };
                }
            }
        }
    }
}

/// Whether an error ends the whole connection.
fn closing(error: &Error) -> Result<(), Option<Close>> {
    match error {
        Error::Unauthenticated(_) => Err(Some(UNAUTHORIZED)),
        Error::Forbidden(_) => Err(Some(FORBIDDEN)),
        _ => Ok(()),
    }
}

fn sent(written: bool) -> Result<(), Option<Close>> {
    if written { Ok(()) } else { Err(None) }
}

/// Writes a message. False if the client is gone, or has not read for too long.
async fn write(session: &mut Session, text: String) -> bool {
    matches!(tokio::time::timeout(WRITE_TIMEOUT, session.text(text)).await, Ok(Ok(())))
}

fn quoted(id: &str) -> String {
    Value::from(id).to_string()
}

fn as_next(id: &str, answer: &Answer) -> String {
    let payload = String::from_utf8_lossy(&answer.json);
    format!(r#"{{"id":{},"type":"next","payload":{payload}}}"#, quoted(id))
}

fn as_error(id: &str, answer: &Answer) -> String {
    let mut told: Value = serde_json::from_slice(&answer.json).unwrap_or_default();
    let errors = told.get_mut("errors").map(Value::take).unwrap_or_else(|| Value::Array(Vec::new()));
    format!(r#"{{"id":{},"type":"error","payload":{errors}}}"#, quoted(id))
}

fn as_complete(id: &str) -> String {
    format!(r#"{{"id":{},"type":"complete"}}"#, quoted(id))
}
