//! `/graphql` over HTTP: GraphQL over HTTP (the specification of the GraphQL foundation), strictly.
#![allow(clippy::result_large_err, reason = "the error is the answer itself, and made once a request")]

use std::cell::Cell;
use std::sync::atomic::Ordering;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, guard, web};
use uuid::Uuid;

use super::Shared;
use super::body::{self, BadBody, GraphqlBody, MAX_ANONYMOUS_BYTES, MAX_BODY_BYTES};
use super::compress;
use super::cors::{self, Whose};
use super::media::{Media, is_json};
use super::operation::{self, Answer, Circumstances};
use super::perform::{self, Allowed, Asked};
use super::{single, socket, stream, trace};
use crate::platform::db::Pools;
use crate::platform::ids::new_uuid;
use crate::platform::scope::Caller;

/// `POST` for everything, `GET` for queries, `OPTIONS` for browsers that ask first; `PUT` and `DELETE` for streams that carry
/// many operations.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource("/graphql")
            .route(web::get().guard(guard::fn_guard(socket::is_asked)).to(socket::open))
            .route(web::put().to(single::reserve))
            .route(web::delete().to(single::stop))
            .route(web::route().guard(guard::fn_guard(single::is_opened)).to(single::open))
            .route(web::post().guard(guard::fn_guard(single::is_meant)).to(single::run))
            .route(web::post().guard(guard::fn_guard(stream::is_asked)).to(stream::post))
            .route(web::get().guard(guard::fn_guard(stream::is_asked)).to(stream::get))
            .route(web::post().to(post))
            .route(web::get().to(get))
            .route(web::method(actix_web::http::Method::OPTIONS).to(cors::preflight))
            .default_service(web::to(other_method)),
    );
}

/// One request on its way through the edge.
pub(super) struct Edge<'a> {
    request: &'a HttpRequest,
    shared: &'a Shared,
    id: Uuid,
    media: Media,
    /// Nobody's until the token has been read.
    whose: Cell<Whose>,
    started: std::time::Instant,
}

async fn other_method(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let edge = match Edge::new(&request, &shared) {
        Ok(edge) => edge,
        Err(refused) => return refused,
    };
    let mut response = edge.refuse(
        StatusCode::METHOD_NOT_ALLOWED,
        "BAD_USER_INPUT",
        "Send the request with POST, or a query with GET.",
    );
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS"));
    response
}

async fn post(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    pools: web::Data<Pools>,
) -> HttpResponse {
    let edge = match Edge::new(&request, &shared) {
        Ok(edge) => edge,
        Err(refused) => return refused,
    };
    match edge.take_post(payload).await {
        Ok(asked) => edge.answer(asked, &pools, true).await,
        Err(refused) => refused,
    }
}

async fn get(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let edge = match Edge::new(&request, &shared) {
        Ok(edge) => edge,
        Err(refused) => return refused,
    };
    match edge.take_get() {
        Ok(asked) => edge.answer(asked, &pools, false).await,
        Err(refused) => refused,
    }
}

impl<'a> Edge<'a> {
    pub(super) fn new(request: &'a HttpRequest, shared: &'a Shared) -> Result<Self, HttpResponse> {
        let (started, whose) = (std::time::Instant::now(), Cell::default());
        let edge = Self { request, shared, id: new_uuid(), media: Media::GraphqlResponse, whose, started };
        match Media::accepted(request.headers()) {
            Some(media) => Ok(Self { media, ..edge }),
            None => Err(edge.refuse(
                StatusCode::NOT_ACCEPTABLE,
                "BAD_USER_INPUT",
                "Answers come as application/graphql-response+json or application/json.",
            )),
        }
    }

    /// A request that is answered by a stream. What cannot begin is refused as any other.
    pub(super) fn streaming(request: &'a HttpRequest, shared: &'a Shared) -> Self {
        let (started, whose) = (std::time::Instant::now(), Cell::default());
        Self { request, shared, id: new_uuid(), media: Media::GraphqlResponse, whose, started }
    }

    /// The request's id.
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// Tells a browser whether the page may read the answer.
    pub(super) fn tell_origin(&self, headers: &mut HeaderMap) {
        cors::tell(self.request, self.shared, self.whose.get(), headers);
    }

    /// Reads a request that was sent with POST.
    pub(super) async fn take_post(&self, payload: web::Payload) -> Result<Asked, HttpResponse> {
        if !is_json(self.request.headers()) {
            return Err(self.refuse(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "BAD_USER_INPUT",
                "Send the request as Content-Type: application/json in UTF-8.",
            ));
        }
        let around = self.circumstances()?;
        let known = matches!(around.caller, Caller::Person { .. } | Caller::Service { .. });
        let limit = if known { MAX_BODY_BYTES } else { MAX_ANONYMOUS_BYTES };
        let bytes = body::read(self.request, payload, limit).await.map_err(|reason| self.bad_body(reason, known))?;
        let body = body::parse(&bytes).map_err(|reason| self.bad_body(reason, known))?;
        Ok(self.asked(body, around))
    }

    /// Reads a request that was sent with GET.
    pub(super) fn take_get(&self) -> Result<Asked, HttpResponse> {
        let body = body::from_query(self.request.query_string()).map_err(|reason| self.malformed(&reason))?;
        Ok(self.asked(body, self.circumstances()?))
    }

    fn asked(&self, body: GraphqlBody, around: Circumstances) -> Asked {
        let header = |name: &str| self.request.headers().get(name)?.to_str().ok();
        let span = trace::begin(self.id, header("traceparent"), header("tracestate"));
        Asked { body, around, since: self.started, span }
    }

    pub(super) fn refuse(&self, status: StatusCode, code: &str, message: &str) -> HttpResponse {
        self.send(status, operation::plain(self.id, code, message), "refused")
    }

    /// A word to a caller whose answer comes by another way.
    pub(super) fn word(&self, status: StatusCode, text: String, what: &str) -> HttpResponse {
        let mut response = self.send(status, Answer { json: text.into_bytes(), ..Answer::default() }, what);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        response
    }

    fn malformed(&self, reason: &str) -> HttpResponse {
        self.refuse(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", reason)
    }

    fn bad_body(&self, reason: BadBody, known: bool) -> HttpResponse {
        let mut response = match reason {
            BadBody::TooLarge if known => self.refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BAD_USER_INPUT",
                "The request is larger than 24 MiB; split the file.",
            ),
            BadBody::TooLarge => self.refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "UNAUTHENTICATED",
                "Without a valid token a request is at most 256 KiB; sign in first.",
            ),
            BadBody::TooSlow => {
                self.refuse(StatusCode::REQUEST_TIMEOUT, "BAD_USER_INPUT", "The request came too slowly.")
            }
            BadBody::Broken => self.malformed("The request broke off."),
            BadBody::Malformed(reason) => return self.malformed(&reason),
        };
        // What is still on its way is not read: the connection ends with this answer.
        response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        response
    }

    async fn answer(&self, asked: Asked, pools: &Pools, mutations: bool) -> HttpResponse {
        let allowed = Allowed { mutations, subscriptions: false };
        let admitted = match perform::admit(self.shared, pools, asked, allowed).await {
            Ok(admitted) => admitted,
            Err(refused) if refused.only_by_post => {
                let mut response = self.send(StatusCode::METHOD_NOT_ALLOWED, refused, "refused");
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
                return response;
            }
            Err(refused) => return self.request_error(refused),
        };
        let field = admitted.field().to_owned();
        let answer = perform::run(self.shared, pools, admitted).await;
        if answer.request_error {
            return self.request_error(answer);
        }
        let (json, coding) = match answer.secret {
            true => (answer.json, None),
            false => compress::compressed(self.request.headers(), answer.json).await,
        };
        let mut response = self.send(StatusCode::OK, Answer { json, ..answer }, &field);
        if let Some(coding) = coding {
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        }
        response
    }

    /// The one value of a header. Twice the same header is refused: which of the two counts would be a guess.
    fn only(&self, name: HeaderName, wrong: &str) -> Result<Option<&str>, HttpResponse> {
        let mut values = self.request.headers().get_all(&name);
        match (values.next().map(HeaderValue::to_str), values.next()) {
            (None, _) => Ok(None),
            (Some(Ok(value)), None) => Ok(Some(value)),
            _ => Err(self.malformed(wrong)),
        }
    }

    pub(super) fn circumstances(&self) -> Result<Circumstances, HttpResponse> {
        let caller = match self.only(header::AUTHORIZATION, "Send one token, as Authorization: Bearer.")? {
            None => Caller::Nobody,
            Some(value) => match value.split_once(' ') {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => self.shared.keys.verify(token.trim()),
                _ => Caller::Invalid("Send the token as Authorization: Bearer."),
            },
        };
        self.whose.set(Whose::of(&caller));
        if cors::is_foreign_portal(self.request, self.shared, self.whose.get()) {
            let message = "This page is not a portal of the client that the token is for.";
            return Err(self.refuse(StatusCode::FORBIDDEN, "FORBIDDEN", message));
        }
        let either = "Dry-Run is either true or false.";
        let dry_run =
            match self.only(HeaderName::from_static("dry-run"), either)?.map(str::to_ascii_lowercase).as_deref() {
                None | Some("false") => false,
                Some("true") => true,
                Some(_) => return Err(self.malformed(either)),
            };
        let ascii = "Idempotency-Key is 1 to 255 printable ASCII characters.";
        let idempotency_key = match self.only(HeaderName::from_static("idempotency-key"), ascii)? {
            None => None,
            Some(key) if (1..=255).contains(&key.len()) => Some(key.to_owned()),
            Some(_) => return Err(self.malformed(ascii)),
        };
        let user_agent = self.request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let address = self.shared.proxies.caller(self.request);
        Ok(Circumstances {
            budget: self.shared.budgets.of(&caller, &address),
            caller,
            query: String::new(),
            request_id: self.id,
            idempotency_key,
            dry_run,
            warnings: Vec::new(),
            address,
            user_agent: user_agent.unwrap_or_default().chars().take(200).collect(),
        })
    }

    /// A request that was not run: the new media type says so in the status, the old one only where it is not GraphQL's
    /// business (who asks, and what is ours).
    pub(super) fn request_error(&self, answer: Answer) -> HttpResponse {
        let status = match (self.media, answer.code.as_deref()) {
            (_, Some("INTERNAL_SERVER_ERROR")) => StatusCode::INTERNAL_SERVER_ERROR,
            (_, Some("TIMEOUT" | "UNAVAILABLE")) => StatusCode::SERVICE_UNAVAILABLE,
            (_, Some("UNAUTHENTICATED")) => StatusCode::UNAUTHORIZED,
            (_, Some("RATE_LIMITED")) => StatusCode::TOO_MANY_REQUESTS,
            (Media::Json, _) => StatusCode::OK,
            (Media::GraphqlResponse, Some("FORBIDDEN" | "DOCUMENT_NOT_PUBLISHED")) => StatusCode::FORBIDDEN,
            (Media::GraphqlResponse, Some("CONFLICT")) => StatusCode::CONFLICT,
            (Media::GraphqlResponse, _) => StatusCode::BAD_REQUEST,
        };
        self.send(status, answer, "request error")
    }

    fn send(&self, status: StatusCode, answer: Answer, what: &str) -> HttpResponse {
        tracing::info!(
            request_id = %self.id,
            method = %self.request.method(),
            operation = what,
            status = status.as_u16(),
            code = answer.code.as_deref().unwrap_or("OK"),
            replayed = answer.replayed,
            ms = self.started.elapsed().as_millis(),
            "request"
        );
        let unavailable = status == StatusCode::SERVICE_UNAVAILABLE && answer.code.as_deref() == Some("UNAVAILABLE");
        let retry_after = answer.retry_after.or(unavailable.then_some(1));
        let mut response = HttpResponse::build(status)
            .content_type(self.media.content_type())
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header(("x-request-id", self.id.to_string()))
            .body(answer.json);
        if answer.replayed {
            response
                .headers_mut()
                .insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
        }
        if self.shared.draining.load(Ordering::Acquire) {
            // The caller comes back on a new connection, which another server takes.
            response.head_mut().set_connection_type(actix_web::http::ConnectionType::Close);
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        cors::tell(self.request, self.shared, self.whose.get(), response.headers_mut());
        response
    }
}
