//! `/graphql` as server-sent events, by the protocol `graphql-sse` in its mode of a single connection: for browsers that
//! speak HTTP/1 and open six connections to a server and no more.
//!
//! `PUT` reserves a stream and gives its token. `GET` or `POST` with the token and `Accept: text/event-stream` opens it, once.
//! `POST` with the token runs an operation under the id of `extensions.operationId`: it is let in and run like any other,
//! refused as over HTTP, and what it answers goes into the stream. `DELETE` stops one.
//!
//! A stream belongs to the credential that reserved it: the token alone opens nothing, and to others it is unknown. One task
//! looks after it for as long as it lives; it ends with the connection, the session or the grant behind it, and with this
//! process, which alone knows it. From its reservation on it counts among the credential's connections.
#![allow(clippy::result_large_err, reason = "the error is the answer itself, and made once a request")]

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, guard, web};
use backoffice_credentials::opaque::Opaque;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::follow::{Follow, Told};
use super::graphql::Edge;
use super::operation::{self, Answer};
use super::perform::{Allowed, MOMENT, Performed, perform};
use super::presence::{Credential, still_in};
use super::socket::{GOING_TIMEOUT, LONGEST_ID, MOST_OPERATIONS};
use super::stream::{self, GOING, SIGN_EVERY, write};
use crate::platform::db::Pools;
use crate::platform::error::Error;
use crate::platform::ids::new_uuid;
use crate::platform::scope::Caller;

/// The header that carries a stream's token.
const TOKEN: &str = "x-graphql-event-stream-token";
/// How long a reservation waits for its connection.
const RESERVED_FOR: Duration = Duration::from_secs(15);
/// Reservations of one credential that wait.
const MOST_RESERVED_OF_ONE: usize = 20;
/// Reservations of all that wait.
const MOST_RESERVED: usize = 1_000;
/// What a reservation costs.
const PRICE: u64 = 10;
/// Pieces that wait to be written.
const WAITING: usize = 8;
/// How long subscriptions have to say that the session is over.
const FAREWELL: Duration = Duration::from_secs(2);

mod lines;

pub use lines::Lines;
use lines::{Begun, Key, No, Reserved};

/// Whether a request runs an operation of such a stream: it carries a token.
pub fn is_meant(context: &guard::GuardContext<'_>) -> bool {
    let head = context.head();
    shown(head.headers(), head.uri.query().unwrap_or_default()).is_some()
}

/// Whether a request opens one.
pub fn is_opened(context: &guard::GuardContext<'_>) -> bool {
    let method = &context.head().method;
    (method == Method::GET || method == Method::POST) && stream::is_asked(context) && is_meant(context)
}

/// The token of a request, from its header or, as `EventSource` has it, from its address.
fn shown(headers: &HeaderMap, query: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Parameters {
        token: Option<String>,
    }
    match headers.get(TOKEN) {
        Some(value) => Some(value.to_str().unwrap_or_default().to_owned()),
        None if query.contains("token=") => web::Query::<Parameters>::from_query(query).ok()?.into_inner().token,
        None => None,
    }
}

/// Whose stream a request is about.
fn about(edge: &Edge<'_>, request: &HttpRequest, caller: &Caller) -> Result<(Key, Credential), HttpResponse> {
    let credential = credential(edge, caller)?;
    let token = shown(request.headers(), request.query_string()).unwrap_or_default();
    Ok((Opaque::Stream.hash(&token).ok_or_else(|| refused(edge, No::Such))?, credential))
}

fn credential(edge: &Edge<'_>, caller: &Caller) -> Result<Credential, HttpResponse> {
    Credential::of(caller).ok_or_else(|| {
        let message = "A stream needs a valid token; sign in first.";
        edge.refuse(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
    })
}

fn refused(edge: &Edge<'_>, no: No) -> HttpResponse {
    let (status, code, message) = match no {
        No::Such => (StatusCode::NOT_FOUND, "BAD_USER_INPUT", "There is no such stream; reserve one with PUT."),
        No::Twice => (StatusCode::CONFLICT, "CONFLICT", "The stream is open already, or the operation's id is taken."),
        No::More => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "Too many at a time; end some or try again later."),
    };
    let mut response = edge.refuse(status, code, message);
    if no == No::More {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
    }
    response
}

/// Reserves a stream.
pub async fn reserve(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let edge = Edge::streaming(&request, &shared);
    match reserved(&edge, &shared, &pools).await {
        Ok(token) => edge.word(StatusCode::CREATED, token, "stream reserved"),
        Err(refused) => refused,
    }
}

async fn reserved(edge: &Edge<'_>, shared: &web::Data<Shared>, pools: &Pools) -> Result<String, HttpResponse> {
    let around = edge.circumstances()?;
    let credential = credential(edge, &around.caller)?;
    let failed = |error| edge.request_error(operation::failure(edge.id(), error));
    if let Err(exhausted) = around.budget.take(PRICE) {
        let answer = operation::exhausted(edge.id(), &around.budget, exhausted, PRICE);
        tokio::time::sleep(MOMENT).await;
        return Err(edge.request_error(answer));
    }
    if shared.draining.load(Ordering::Acquire) {
        return Err(failed(Error::Unavailable));
    }
    Box::pin(still_in(&around.caller, pools)).await.map_err(failed)?;
    let (token, key) = Opaque::Stream.generate().map_err(|error| failed(Error::fault(error)))?;
    let presence = shared.presences.enter(credential).ok_or_else(|| refused(edge, No::More))?;
    let reserved = shared.lines.reserve(key, credential, presence).map_err(|no| refused(edge, no))?;
    actix_web::rt::spawn(keep(shared.clone().into_inner(), pools.clone(), key, around.caller, reserved));
    Ok(token.to_string())
}

/// Looks after a stream until it is over.
async fn keep(shared: Arc<Shared>, pools: Pools, key: Key, caller: Caller, reserved: Reserved) {
    let Reserved { mut nudged, opened, sender, mut over } = reserved;
    let expired = tokio::time::sleep(RESERVED_FOR);
    tokio::pin!(expired);
    let (mut open, mut sign) = (false, tokio::time::interval(SIGN_EVERY));
    let reason = loop {
        tokio::select! {
            () = opened.notified(), if !open => {
                open = true;
                sign.reset();
            }
            () = &mut expired, if !open => break "nobody opened it",
            () = sender.closed() => break "its connection is gone",
            _ = &mut over => break "what was sent was not read in time",
            _ = sign.tick(), if open => {
                // Where there is no room, something else is about to be written.
                let _ = sender.try_send(Bytes::from_static(b":\n\n"));
            }
            heard = nudged.changed() => {
                nudged.borrow_and_update();
                if shared.draining.load(Ordering::Acquire) {
                    // What was begun is brought to its end, and answered. Subscriptions end by themselves.
                    ended(&shared, &key, GOING_TIMEOUT).await;
                    write(&sender, GOING.to_owned()).await;
                    break "the server is going away";
                }
                let looked = Box::pin(still_in(&caller, &pools)).await;
                if heard.is_err() || matches!(looked, Err(Error::Unauthenticated(_) | Error::Forbidden(_))) {
                    ended(&shared, &key, FAREWELL).await;
                    break "the sign-in behind it is over";
                }
            }
        }
    };
    shared.lines.end(&key);
    tracing::debug!(reason, "a stream of many operations ended");
}

/// Waits until no operation of a stream runs, but not for ever.
async fn ended(shared: &Shared, key: &Key, at_most: Duration) {
    let work = async {
        while shared.lines.works(key) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(at_most, work).await;
}

/// Opens a stream that was reserved.
pub async fn open(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let edge = Edge::streaming(&request, &shared);
    let opened = async {
        let around = edge.circumstances()?;
        let (key, credential) = about(&edge, &request, &around.caller)?;
        let looked = Box::pin(still_in(&around.caller, &pools)).await;
        looked.map_err(|error| edge.request_error(operation::failure(edge.id(), error)))?;
        shared.lines.open(&key, credential).map_err(|no| refused(&edge, no))
    };
    match opened.await {
        Ok(receiver) => stream::streaming(&edge, stream::pieces(receiver)),
        Err(refused) => refused,
    }
}

/// Runs an operation whose answers go into a stream.
pub async fn run(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    pools: web::Data<Pools>,
) -> HttpResponse {
    let edge = match Edge::new(&request, &shared) {
        Ok(edge) => edge,
        Err(refused) => return refused,
    };
    match Box::pin(running(&edge, &request, payload, &shared, &pools)).await {
        Ok(response) | Err(response) => response,
    }
}

async fn running(
    edge: &Edge<'_>,
    request: &HttpRequest,
    payload: web::Payload,
    shared: &web::Data<Shared>,
    pools: &Pools,
) -> Result<HttpResponse, HttpResponse> {
    let mut asked = edge.take_post(payload).await?;
    let (key, credential) = about(edge, request, &asked.around.caller)?;
    let id = operation_id(edge, asked.body.operation_id.take())?;
    let begun = shared.lines.begin(&key, credential, id).map_err(|no| refused(edge, no))?;
    let Begun { sender, seats, mut stopped, place } = begun;
    let shared = shared.clone().into_inner();
    let allowed = Allowed { mutations: true, subscriptions: true };
    let performed = tokio::select! {
        performed = Box::pin(perform(&shared, pools, asked, allowed, &seats)) => performed,
        _ = &mut stopped => return Ok(edge.word(StatusCode::NO_CONTENT, String::new(), "stopped")),
    };
    match performed {
        Performed::Answer(answer) if answer.request_error => return Err(edge.request_error(answer)),
        Performed::Answer(answer) => {
            actix_web::rt::spawn(async move {
                if !last(&sender, &place.id, &answer).await {
                    shared.lines.end(&place.key);
                }
            });
        }
        Performed::Follow(follow) => {
            actix_web::rt::spawn(async move {
                if !Box::pin(tell(*follow, &sender, &mut stopped, &place.id)).await {
                    shared.lines.end(&place.key);
                }
            });
        }
    }
    Ok(edge.word(StatusCode::ACCEPTED, String::new(), "told in a stream"))
}

fn operation_id(edge: &Edge<'_>, id: Option<String>) -> Result<String, HttpResponse> {
    id.filter(|id| !id.is_empty() && id.len() <= LONGEST_ID).ok_or_else(|| {
        let message = format!("Say the operation's id, 1 to {LONGEST_ID} bytes of text.");
        edge.refuse(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", &message)
    })
}

/// Stops an operation.
pub async fn stop(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Parameters {
        operation_id: Option<String>,
    }
    let edge = Edge::streaming(&request, &shared);
    let stopped = || {
        let around = edge.circumstances()?;
        let (key, credential) = about(&edge, &request, &around.caller)?;
        let id = web::Query::<Parameters>::from_query(request.query_string()).ok();
        let id = operation_id(&edge, id.and_then(|parameters| parameters.into_inner().operation_id))?;
        shared.lines.stop(&key, credential, &id).map_err(|no| refused(&edge, no))
    };
    match stopped() {
        Ok(()) => edge.word(StatusCode::OK, String::new(), "stopped"),
        Err(refused) => refused,
    }
}

/// Writes events as they come, until the subscription is over. False if the connection is.
async fn tell(mut follow: Follow, sender: &mpsc::Sender<Bytes>, stopped: &mut oneshot::Receiver<()>, id: &str) -> bool {
    loop {
        let events = tokio::select! {
            events = follow.next() => events,
            _ = &mut *stopped => return true,
        };
        let events = match events {
            Ok(events) => events,
            // Said once for all of the stream, by the task that looks after it.
            Err(_) if follow.server_goes() => return true,
            Err(error) => return last(sender, id, &operation::failure(new_uuid(), error)).await,
        };
        for event in events {
            let written = match Box::pin(follow.tell(&event)).await {
                Told::Answer(answer) => write(sender, as_next(id, &answer)).await,
                Told::Ended(answer) => return last(sender, id, &answer).await,
            };
            if !written {
                return false;
            }
        }
    }
}

/// Writes an operation's last answer, and that it was.
async fn last(sender: &mpsc::Sender<Bytes>, id: &str, answer: &Answer) -> bool {
    write(sender, format!("{}{}", as_next(id, answer), as_complete(id))).await
}

/// An answer as an event. JSON has no line breaks of its own.
fn as_next(id: &str, answer: &Answer) -> String {
    let payload = String::from_utf8_lossy(&answer.json);
    format!("event: next\ndata: {{\"id\":{},\"payload\":{payload}}}\n\n", Value::from(id))
}

fn as_complete(id: &str) -> String {
    format!("event: complete\ndata: {}\n\n", json!({ "id": id }))
}

#[cfg(test)]
mod tests {
    use super::super::presence::Presences;
    use super::*;
    use uuid::Uuid;

    fn person(session: u128) -> Credential {
        let (account, session) = (Uuid::from_u128(1), Uuid::from_u128(session));
        Credential::of(&Caller::Person { account, session, client: None }).unwrap()
    }

    #[tokio::test]
    async fn reservations_are_bounded_and_belong_to_whoever_made_them() {
        let (lines, presences) = (Arc::new(Lines::default()), Arc::new(Presences::default()));
        let reserve = |number: u8, credential| {
            lines.reserve([number; 32], credential, presences.enter(credential).unwrap()).map(drop)
        };
        let (ada, eve) = (person(1), person(2));
        for number in 0..MOST_RESERVED_OF_ONE as u8 {
            assert_eq!(reserve(number, ada), Ok(()));
        }
        assert_eq!(reserve(100, ada), Err(No::More));
        assert_eq!(reserve(101, eve), Ok(()));
        assert_eq!(lines.open(&[101; 32], ada).map(drop), Err(No::Such));
        assert_eq!(lines.begin(&[101; 32], ada, "a".into()).map(drop), Err(No::Such));
        assert_eq!(lines.stop(&[101; 32], ada, "a"), Err(No::Such));
        let open = lines.open(&[101; 32], eve).unwrap();
        assert_eq!(lines.open(&[101; 32], eve).map(drop), Err(No::Twice));
        // One that is open waits no more; those that ended are gone, with their places among the connections.
        drop(open);
        for number in 0..MOST_RESERVED_OF_ONE as u8 {
            lines.end(&[number; 32]);
        }
        assert_eq!((reserve(100, ada), lines.count(), presences.count()), (Ok(()), 2, (2, 0)));
        lines.end(&[100; 32]);
        lines.end(&[101; 32]);
        assert_eq!(presences.count(), (0, 0));
    }

    #[tokio::test]
    async fn an_operation_has_its_id_for_itself() {
        let (lines, presences) = (Arc::new(Lines::default()), Arc::new(Presences::default()));
        let (key, ada) = ([1; 32], person(1));
        lines.reserve(key, ada, presences.enter(ada).unwrap()).map(drop).unwrap();
        let mut first = lines.begin(&key, ada, "a".into()).unwrap();
        assert_eq!(lines.begin(&key, ada, "a".into()).map(drop), Err(No::Twice));
        lines.stop(&key, ada, "a").unwrap();
        assert!(first.stopped.try_recv().is_err(), "it goes on");
        // The id is free, and the place of the first does not free the second's.
        let second = lines.begin(&key, ada, "a".into()).unwrap();
        drop(first);
        assert!(lines.works(&key));
        drop(second);
        assert!(!lines.works(&key));
        let many: Vec<Begun> = (0..MOST_OPERATIONS).map(|n| lines.begin(&key, ada, n.to_string()).unwrap()).collect();
        assert_eq!(lines.begin(&key, ada, "more".into()).map(drop), Err(No::More));
        lines.end(&key);
        drop(many);
        assert_eq!((lines.count(), presences.count()), (0, (0, 0)));
    }
}
