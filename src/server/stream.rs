//! `/graphql` as server-sent events, by the protocol `graphql-sse` in its mode of distinct connections: each operation is a
//! request of its own, answered by a stream of `next` and at the end `complete`. Its other mode: `single`.
//!
//! What a subscription tells carries its cursor as the event's id, so whoever connects again with `Last-Event-ID` goes on
//! where he was.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, guard, web};
use futures_util::stream;
use tokio::sync::mpsc;

use super::Shared;
use super::follow::{Follow, Told};
use super::graphql::Edge;
use super::operation::Answer;
use super::perform::{Allowed, Asked, Performed, perform};
use super::presence::{Credential, Presence};
use crate::platform::db::Pools;
use crate::platform::ids::new_uuid;

/// How long a client may leave what is written to it unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent stream says that it is still there.
pub(super) const SIGN_EVERY: Duration = Duration::from_secs(12);

/// Whether a request asks for a stream: names it among what it accepts, and likes nothing better.
pub fn is_asked(context: &guard::GuardContext<'_>) -> bool {
    accepts(context.head().headers())
}

fn accepts(headers: &HeaderMap) -> bool {
    let first =
        headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).and_then(|value| value.split(',').next());
    first
        .and_then(|media| media.split(';').next())
        .is_some_and(|media| media.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// An operation of any kind.
pub async fn post(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    pools: web::Data<Pools>,
) -> HttpResponse {
    let edge = Edge::streaming(&request, &shared);
    match edge.take_post(payload).await {
        Ok(asked) => answer(&edge, &request, shared.clone().into_inner(), &pools, asked, true).await,
        Err(refused) => refused,
    }
}

/// A query or a subscription.
pub async fn get(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let edge = Edge::streaming(&request, &shared);
    match edge.take_get() {
        Ok(asked) => answer(&edge, &request, shared.clone().into_inner(), &pools, asked, false).await,
        Err(refused) => refused,
    }
}

async fn answer(
    edge: &Edge<'_>,
    request: &HttpRequest,
    shared: Arc<Shared>,
    pools: &Pools,
    asked: Asked,
    mutations: bool,
) -> HttpResponse {
    let refuse = |status, code, message| edge.refuse(status, code, message);
    let Some(credential) = Credential::of(&asked.around.caller) else {
        return refuse(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "A stream needs a valid token; sign in first.");
    };
    let Some(presence) = shared.presences.enter(credential) else {
        let mut busy = refuse(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", "Too many connections; try again later.");
        busy.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
        return busy;
    };
    let allowed = Allowed { mutations, subscriptions: true };
    match Box::pin(perform(&shared, pools, asked, allowed, &presence.seats())).await {
        Performed::Answer(answer) if answer.request_error => edge.request_error(answer),
        Performed::Answer(answer) => {
            let text = format!("{}{COMPLETE}", as_next(&answer, None));
            streaming(edge, stream::iter([Ok::<_, std::io::Error>(Bytes::from(text))]))
        }
        Performed::Follow(mut follow) => {
            let last = request.headers().get(HeaderName::from_static("last-event-id"));
            if let Some(cursor) = last.and_then(|value| value.to_str().ok()).filter(|cursor| !cursor.is_empty())
                && let Err(answer) = follow.resume(cursor).await
            {
                return edge.request_error(answer);
            }
            let (sender, receiver) = mpsc::channel::<Bytes>(4);
            actix_web::rt::spawn(tell(*follow, presence, sender));
            streaming(edge, pieces(receiver))
        }
    }
}

/// The end of an operation.
const COMPLETE: &str = "event: complete\ndata:\n\n";

/// The end of a stream whose server goes away: a comment, for whoever reads along. Without `complete` the client connects
/// again, to another server, and goes on behind its last event.
pub(super) const GOING: &str = ": the server is going away; connect again\n\n";

pub(super) fn streaming(
    edge: &Edge<'_>,
    pieces: impl stream::Stream<Item = Result<Bytes, std::io::Error>> + 'static,
) -> HttpResponse {
    let mut response = HttpResponse::Ok()
        .content_type("text/event-stream; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        // proxies must not wait for the end
        .insert_header(("x-accel-buffering", "no"))
        .insert_header(("x-request-id", edge.id().to_string()))
        .streaming(pieces);
    edge.tell_origin(response.headers_mut());
    response
}

/// What is written, piece by piece.
pub(super) fn pieces(receiver: mpsc::Receiver<Bytes>) -> impl stream::Stream<Item = Result<Bytes, std::io::Error>> {
    stream::unfold(receiver, |mut receiver| async move { Some((Ok(receiver.recv().await?), receiver)) })
}

/// Writes events as they come, until the subscription or the client is gone.
async fn tell(mut follow: Follow, presence: Presence, sender: mpsc::Sender<Bytes>) {
    // Said at once: an intermediary may hold back the head of an answer until the first bytes of its body.
    if !write(&sender, ":\n\n".to_owned()).await {
        return;
    }
    let _presence = presence;
    loop {
        // Kept over the signs: a look for events that is given up costs its connection.
        let events = {
            let mut next = std::pin::pin!(follow.next());
            loop {
                tokio::select! {
                    events = &mut next => break events,
                    () = sender.closed() => return,
                    () = tokio::time::sleep(SIGN_EVERY) => {
                        if !write(&sender, ":\n\n".to_owned()).await {
                            return;
                        }
                    }
                }
            }
        };
        let events = match events {
            Ok(events) => events,
            Err(_) if follow.server_goes() => {
                write(&sender, GOING.to_owned()).await;
                return;
            }
            Err(error) => return end(&sender, &super::operation::failure(new_uuid(), error)).await,
        };
        for event in events {
            let cursor = event.place();
            match Box::pin(follow.tell(&event)).await {
                Told::Answer(answer) => {
                    if !write(&sender, as_next(&answer, Some(&cursor))).await {
                        return;
                    }
                }
                Told::Ended(answer) => return end(&sender, &answer).await,
            }
        }
    }
}

/// Ends a stream. What is over for good is said; where it is the server that cannot go on the stream breaks off, so that the
/// client connects again and goes on behind its last event.
async fn end(sender: &mpsc::Sender<Bytes>, answer: &Answer) {
    if matches!(answer.code.as_deref(), Some("UNAUTHENTICATED" | "FORBIDDEN" | "BAD_USER_INPUT")) {
        write(sender, format!("{}{COMPLETE}", as_next(answer, None))).await;
    }
}

/// Writes a piece. False if the client is gone, or has not read for too long.
pub(super) async fn write(sender: &mpsc::Sender<Bytes>, text: String) -> bool {
    matches!(tokio::time::timeout(WRITE_TIMEOUT, sender.send(Bytes::from(text))).await, Ok(Ok(())))
}

/// An answer as an event. JSON has no line breaks of its own.
fn as_next(answer: &Answer, cursor: Option<&str>) -> String {
    let payload = String::from_utf8_lossy(&answer.json);
    let id = cursor.map(|cursor| format!("id: {cursor}\n")).unwrap_or_default();
    format!("{id}event: next\ndata: {payload}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_asked_for_first() {
        let asked = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            accepts(&headers)
        };
        assert!(asked("text/event-stream") && asked("Text/Event-Stream; q=1, */*"));
        assert!(!asked("application/json, text/event-stream") && !asked("*/*"));
        assert!(!accepts(&HeaderMap::new()));
    }
}
