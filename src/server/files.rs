//! `/files/…`: the bytes of files, by signed address only. Whoever comes is the one that the address was made for, with
//! that one right; the database is asked again whether his session and right last.

use std::cell::Cell;
use std::ops::Range;
use std::time::Duration;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::cors::{self, Whose};
use super::{Shared, operation};
use crate::documents::client;
use crate::platform::db::Pools;
use crate::platform::error::Error;
use crate::platform::files::ticket::{BadTicket, Ticket, Verb};
use crate::platform::files::{self, File, FileId, FileState, Files, NotKept, sniff};
use crate::platform::ids::new_uuid;
use crate::platform::scope::{Mode, Scope};
use crate::signatures::task;

/// What an upload may take beyond the wait for its next piece: so long, and a second for each so many bytes.
const UPLOAD_TIME: (Duration, u64) = (Duration::from_secs(60), 32 * 1024);

/// The bytes of one file.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource("/files/{ticket}")
            .route(web::put().to(put))
            .route(web::get().to(get))
            .route(web::head().to(get))
            .route(web::method(Method::OPTIONS).to(preflight))
            .default_service(web::to(other_method)),
    );
}

/// Why a request is not answered with what it asked for.
struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let (status, code) = match &error {
            Error::Refused(_) | Error::BadInput(_) => (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"),
            Error::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, "FORBIDDEN"),
            Error::Retry | Error::RolledBack => (StatusCode::CONFLICT, "CONFLICT"),
            Error::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            Error::Exhausted(_) => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"),
            Error::TimedOut => (StatusCode::SERVICE_UNAVAILABLE, "TIMEOUT"),
            Error::Fault(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR"),
        };
        Self::new(status, code, async_graphql::Error::from(error).message)
    }
}

impl From<BadTicket> for Refused {
    fn from(bad: BadTicket) -> Self {
        let message = match bad {
            BadTicket::Foreign => "This address was not signed by this server.",
            BadTicket::Expired => "The time of this address is over; ask for a new one.",
        };
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }
}

fn ticket_of(request: &HttpRequest, shared: &Shared) -> Result<Ticket, BadTicket> {
    shared.files.ticket(request.match_info().get("ticket").unwrap_or_default())
}

/// One request on its way through.
struct Visit<'a> {
    request: &'a HttpRequest,
    shared: &'a Shared,
    pools: &'a Pools,
    id: Uuid,
    /// For whom a page asks: known from the ticket.
    whose: Cell<Whose>,
    started: std::time::Instant,
}

impl<'a> Visit<'a> {
    fn new(request: &'a HttpRequest, shared: &'a Shared, pools: &'a Pools) -> Self {
        Self { request, shared, pools, id: new_uuid(), whose: Cell::default(), started: std::time::Instant::now() }
    }

    fn files(&self) -> &Files {
        &self.shared.files
    }

    /// The ticket of the address, if it is good for one of these.
    fn ticket(&self, verbs: &[Verb]) -> Result<Ticket, Refused> {
        let ticket = ticket_of(self.request, self.shared)?;
        self.whose.set(Whose::Clients(ticket.client));
        if verbs.contains(&ticket.verb) { Ok(ticket) } else { Err(BadTicket::Foreign.into()) }
    }

    /// The file, as its caller sees it now.
    async fn file(&self, ticket: &Ticket) -> Result<Option<File>, Refused> {
        let scope = self.scope(ticket, Mode::Query);
        let tx = scope.client(ticket.right()).await?;
        let found = match ticket.verb {
            Verb::Shown => client::file_shown(tx, FileId(ticket.file)).await?,
            Verb::ToSign => task::file_to_sign(tx, FileId(ticket.file)).await?,
            Verb::Put | Verb::Get | Verb::Show | Verb::Bring => files::find(tx, FileId(ticket.file)).await?,
        };
        scope.end(true).await?;
        Ok(found)
    }

    fn scope(&self, ticket: &Ticket, mode: Mode) -> Scope {
        Scope::new(ticket.caller(), mode, self.id, self.pools.clone())
    }

    /// Sends the answer, and says in the log what happened. The address itself is a secret for as long as it is good.
    fn answer(&self, outcome: Result<HttpResponse, Refused>) -> HttpResponse {
        let (mut response, code) = match outcome {
            Ok(response) => (response, "OK"),
            Err(refused) => {
                let body = operation::plain(self.id, refused.code, &refused.message).json;
                let mut response = HttpResponse::build(refused.status)
                    .content_type("application/json")
                    .insert_header((header::CACHE_CONTROL, "no-store"))
                    .body(body);
                if refused.status == StatusCode::SERVICE_UNAVAILABLE {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                }
                // What is still on its way is not read.
                response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
                (response, refused.code)
            }
        };
        tracing::info!(
            request_id = %self.id,
            method = %self.request.method(),
            operation = "files",
            status = response.status().as_u16(),
            code,
            ms = self.started.elapsed().as_millis(),
            "request"
        );
        metrics::counter!("backoffice_file_requests_total", "method" => self.request.method().to_string(), "code" => code)
            .increment(1);
        guard(response.headers_mut());
        if let Ok(id) = HeaderValue::from_str(&self.id.to_string()) {
            response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
        }
        cors::tell(self.request, self.shared, self.whose.get(), response.headers_mut());
        response
    }
}

/// Whatever is answered here runs nowhere and is nobody else's.
pub(super) fn guard(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-site"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

async fn other_method(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let visit = Visit::new(&request, &shared, &pools);
    let message = "Bytes are sent with PUT and taken with GET.";
    let mut response = visit.answer(Err(Refused::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_USER_INPUT", message)));
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, PUT, OPTIONS"));
    response
}

async fn preflight(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let whose = ticket_of(&request, &shared).map_or(Whose::Nobodys, |ticket| Whose::Clients(ticket.client));
    cors::tell(&request, &shared, whose, response.headers_mut());
    if response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, PUT"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, range, if-none-match, if-range"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

async fn put(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    pools: web::Data<Pools>,
) -> HttpResponse {
    let visit = Visit::new(&request, &shared, &pools);
    visit.answer(take(&visit, payload).await)
}

/// Takes the bytes of an announced file.
async fn take(visit: &Visit<'_>, payload: web::Payload) -> Result<HttpResponse, Refused> {
    let refused = |status, message: &str| Refused::new(status, "BAD_USER_INPUT", message);
    let ticket = visit.ticket(&[Verb::Put, Verb::Bring])?;
    let announced = visit
        .request
        .headers()
        .get(header::CONTENT_LENGTH)
        .map(|length| length.to_str().ok().and_then(|length| length.parse::<u64>().ok()));
    match announced {
        Some(Some(length)) if length > ticket.size => {
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than it was announced."));
        }
        Some(Some(length)) if length < ticket.size => {
            return Err(refused(StatusCode::UNPROCESSABLE_ENTITY, "The file is smaller than it was announced."));
        }
        Some(None) => return Err(refused(StatusCode::BAD_REQUEST, "Content-Length is not a number.")),
        _ => {}
    }
    if visit.request.headers().contains_key(header::CONTENT_ENCODING)
        || visit.request.headers().contains_key(header::CONTENT_RANGE)
    {
        return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "The bytes are sent as they are and all at once."));
    }
    let Some(_uploading) = visit.files().uploading(ticket.client) else {
        return Err(Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "Too many files come at the same time.",
        ));
    };
    let gone = || Refused::new(StatusCode::NOT_FOUND, "BAD_USER_INPUT", "This upload is no longer open.");
    let file = visit.file(&ticket).await?.ok_or_else(gone)?;
    if file.deleted_at.is_some() {
        return Err(gone());
    }
    if file.state != FileState::Pending {
        return Err(refused(StatusCode::CONFLICT, "The upload of this file was completed before."));
    }
    // No connection to the database is held while the bytes come.
    let written =
        match visit.files().receive(&file, arriving(payload, visit.files().settings().piece_wait, ticket.size)).await {
            Ok(written) => written,
            Err(reason) => return Err(not_kept(reason)),
        };
    let scope = visit.scope(&ticket, Mode::Mutation);
    let known = files::received(scope.client(ticket.right()).await?, file.id, &written).await?;
    scope.end(true).await?;
    if !known {
        visit.files().drop_bytes(&file).await?;
        return Err(gone());
    }
    Ok(HttpResponse::NoContent().insert_header((header::ETAG, format!("\"{}\"", written.sha256))).finish())
}

/// Why a body broke off.
enum Broken {
    TooSlow,
    CutOff,
}

/// The pieces of a body, each within its time and all within theirs.
fn arriving(
    payload: web::Payload,
    piece_wait: Duration,
    size: u64,
) -> impl futures_util::Stream<Item = Result<web::Bytes, Broken>> + Unpin {
    let (least, bytes_a_second) = UPLOAD_TIME;
    let until =
        tokio::time::Instant::now() + least + Duration::from_secs(size.checked_div(bytes_a_second).unwrap_or_default());
    Box::pin(stream::unfold(Some(payload), move |payload| async move {
        let mut payload = payload?;
        let piece = tokio::time::timeout_at(until.min(tokio::time::Instant::now() + piece_wait), payload.next()).await;
        match piece {
            Ok(None) => None,
            Ok(Some(Ok(piece))) => Some((Ok(piece), Some(payload))),
            Ok(Some(Err(_))) => Some((Err(Broken::CutOff), None)),
            Err(_) => Some((Err(Broken::TooSlow), None)),
        }
    }))
}

fn not_kept(reason: NotKept<Broken>) -> Refused {
    let (status, message) = match reason {
        NotKept::Store(error) => return error.into(),
        NotKept::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than it was announced."),
        NotKept::TooSmall => (StatusCode::UNPROCESSABLE_ENTITY, "The file is smaller than it was announced."),
        NotKept::OtherBytes => (StatusCode::UNPROCESSABLE_ENTITY, "The file has another SHA-256 than was announced."),
        NotKept::Source(Broken::TooSlow) => (StatusCode::REQUEST_TIMEOUT, "The file came too slowly."),
        NotKept::Source(Broken::CutOff) => (StatusCode::BAD_REQUEST, "The file broke off."),
    };
    Refused::new(status, "BAD_USER_INPUT", message)
}

async fn get(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let visit = Visit::new(&request, &shared, &pools);
    visit.answer(give(&visit).await)
}

/// Gives the bytes of a file, or those that were asked for.
async fn give(visit: &Visit<'_>) -> Result<HttpResponse, Refused> {
    let ticket = visit.ticket(&[Verb::Get, Verb::Show, Verb::Shown, Verb::ToSign])?;
    let file = visit.file(&ticket).await?.filter(File::is_there);
    let gone = || Refused::new(StatusCode::NOT_FOUND, "BAD_USER_INPUT", "This file is not there any more.");
    let file = file.ok_or_else(gone)?;
    let size = file.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    let tag = format!("\"{}\"", file.sha256.as_deref().unwrap_or_default());
    let found = file.media_type.as_deref().unwrap_or(sniff::UNKNOWN);
    let shown = ticket.verb == Verb::Show && sniff::may_be_shown(found);
    let sent = |name: HeaderName| visit.request.headers().get(name).and_then(|value| value.to_str().ok());

    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, sniff::told(found)))
        .insert_header((header::CONTENT_DISPOSITION, disposition(shown, &file.name)))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::ETAG, tag.clone()))
        .insert_header((header::ACCEPT_RANGES, "bytes"));
    if shown && found == "application/pdf" {
        // Browsers show PDF by a part of their own, which a sandbox keeps from starting; it runs nothing on this origin.
        response.insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"));
    }
    if sent(header::IF_NONE_MATCH)
        .is_some_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
    {
        return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
    }
    let wanted = sent(header::RANGE).filter(|_| sent(header::IF_RANGE).is_none_or(|known| known == tag));
    let part = match wanted.map_or(Wanted::Whole, |range| range_of(range, size)) {
        Wanted::Whole => 0..size,
        Wanted::Part(part) => {
            response.status(StatusCode::PARTIAL_CONTENT).insert_header((
                header::CONTENT_RANGE,
                format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1)),
            ));
            part
        }
        Wanted::Nowhere => {
            return Ok(response
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .insert_header((header::CONTENT_RANGE, format!("bytes */{size}")))
                .finish());
        }
    };
    let length = part.end.saturating_sub(part.start);
    let whole = length == size;
    if visit.request.method() == Method::HEAD || length == 0 {
        let nothing = stream::empty::<Result<web::Bytes, std::io::Error>>();
        return Ok(response.body(SizedStream::new(length, nothing)));
    }
    let bytes = visit.files().bytes(&file, (!whole).then_some(part)).await?;
    let id = visit.id;
    let bytes = bytes.map_err(move |error| {
        // The status has gone out: the connection breaks off, which the length tells.
        tracing::error!(request_id = %id, ?error, "the bytes of a file broke off");
        std::io::Error::other("the file broke off")
    });
    Ok(response.body(SizedStream::new(length, bytes)))
}

/// `Content-Disposition` (RFC 6266): the name in ASCII for old programs, and as it is.
pub(super) fn disposition(shown: bool, name: &str) -> String {
    use std::fmt::Write;
    let plain: String =
        name.chars()
            .map(|one| {
                if one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_' | ' ' | '(' | ')') { one } else { '_' }
            })
            .collect();
    let mut whole = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            whole.push(char::from(byte));
        } else {
            // writing to a string cannot fail
            let _ = write!(whole, "%{byte:02X}");
        }
    }
    format!("{}; filename=\"{plain}\"; filename*=UTF-8''{whole}", if shown { "inline" } else { "attachment" })
}

/// Which bytes are wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    Nowhere,
}

/// `Range` (RFC 9110 section 14): one range of bytes. Several, and what is no range, ask for the whole.
fn range_of(header: &str, size: u64) -> Wanted {
    let Some((first, last)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    match (first.trim(), last.trim()) {
        ("", "") => Wanted::Whole,
        ("", last) => match number(last) {
            None => Wanted::Whole,
            Some(0) => Wanted::Nowhere,
            Some(_) if size == 0 => Wanted::Nowhere,
            Some(last) => Wanted::Part(size.saturating_sub(last)..size),
        },
        (first, last) => match (number(first), if last.is_empty() { Some(u64::MAX) } else { number(last) }) {
            (Some(first), Some(last)) if first > last => Wanted::Whole,
            (Some(first), Some(_)) if first >= size => Wanted::Nowhere,
            (Some(first), Some(last)) => Wanted::Part(first..last.saturating_add(1).min(size)),
            _ => Wanted::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_is_one_range_of_bytes() {
        for (header, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=4-99999999999999999999999", Wanted::Part(4..10)),
            ("bytes=10-", Wanted::Nowhere),
            ("bytes=-0", Wanted::Nowhere),
            ("bytes=5-4", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(range_of(header, 10), expected, "{header}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_file(header in "bytes=[0-9]{0,21}-[0-9]{0,21}", size in 0..1_000_000u64) {
            if let Wanted::Part(part) = range_of(&header, size) {
                prop_assert!(part.start < part.end && part.end <= size);
            }
        }

        #[test]
        fn no_name_breaks_out_of_its_header(name in "\\PC{0,60}") {
            let header = disposition(false, &name);
            prop_assert!(HeaderValue::from_str(&header).is_ok());
            prop_assert_eq!(header.matches('"').count(), 2);
        }
    }

    #[test]
    fn a_name_is_kept_for_those_who_can_read_it() {
        assert_eq!(
            disposition(false, "Über \"uns\".pdf"),
            "attachment; filename=\"_ber _uns_.pdf\"; filename*=UTF-8''%C3%9Cber%20%22uns%22.pdf"
        );
    }
}
