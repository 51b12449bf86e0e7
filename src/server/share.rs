//! `/share/…`: documents by links, for people without a sign-in. What is over, revoked or used up looks like what never was.

use std::sync::LazyLock;

use actix_web::body::SizedStream;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Shared;
use super::files::{disposition, guard};
use crate::documents::share::{Attempt, Knock, open};
use crate::platform::db::Pools;
use crate::platform::error::Error;
use crate::platform::files::sniff;
use crate::platform::ids::new_uuid;

/// Documents that are taken by links at the same time, by this process.
const AT_ONCE: usize = 32;
static PLACES: LazyLock<std::sync::Arc<Semaphore>> = LazyLock::new(|| std::sync::Arc::new(Semaphore::new(AT_ONCE)));

/// The bytes of one document.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource("/share/{secret}").route(web::get().to(take)).route(web::head().to(take)).default_service(
            web::to(|| async { plain(StatusCode::METHOD_NOT_ALLOWED, "Documents are taken with GET.") }),
        ),
    );
}

pub(super) fn plain(status: StatusCode, message: &'static str) -> HttpResponse {
    let mut response = HttpResponse::build(status)
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(message);
    guard(response.headers_mut());
    response
}

/// The password of HTTP Basic; the name before it is nobody's.
fn password(request: &HttpRequest) -> Option<secrecy::SecretString> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let bytes = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(bytes).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    text.split_once(':').map(|(_, password)| password.to_owned().into())
}

async fn take(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let id = new_uuid();
    let Ok(place) = std::sync::Arc::clone(&PLACES).try_acquire_owned() else {
        let mut busy = plain(StatusCode::SERVICE_UNAVAILABLE, "Too many documents are taken at the moment.");
        busy.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        return busy;
    };
    let response = match given(&request, &shared, &pools, place).await {
        Ok(response) => response,
        Err(Error::Refused(_) | Error::Unavailable | Error::TimedOut | Error::Retry) => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "The server is busy; try again in a moment.")
        }
        Err(error) => {
            tracing::error!(request_id = %id, ?error, "a document could not be given by its link");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
        }
    };
    tracing::info!(request_id = %id, method = %request.method(), operation = "share", status = response.status().as_u16(), "request");
    response
}

async fn given(
    request: &HttpRequest,
    shared: &Shared,
    pools: &Pools,
    place: OwnedSemaphorePermit,
) -> Result<HttpResponse, Error> {
    let only_head = request.method() == Method::HEAD;
    let secret = request.match_info().get("secret").unwrap_or_default();
    let opened = match open(pools, Knock { secret, password: password(request), takes: !only_head }).await? {
        Attempt::Nothing => return Ok(plain(StatusCode::NOT_FOUND, "There is nothing here.")),
        Attempt::Password => {
            let mut asked = plain(StatusCode::UNAUTHORIZED, "This document asks for a password.");
            let basic = header::HeaderValue::from_static("Basic realm=\"document\", charset=\"UTF-8\"");
            asked.headers_mut().insert(header::WWW_AUTHENTICATE, basic);
            return Ok(asked);
        }
        Attempt::Taken(opened) => opened,
    };
    let size = u64::try_from(opened.size).unwrap_or_default();
    let mut response = HttpResponse::Ok();
    response
        .insert_header((header::CONTENT_TYPE, sniff::told(&opened.media_type)))
        .insert_header((header::CONTENT_DISPOSITION, disposition(false, &opened.name)))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::ETAG, format!("\"{}\"", opened.sha256)));
    let mut response = if only_head {
        response.body(SizedStream::new(size, stream::empty::<Result<web::Bytes, std::io::Error>>()))
    } else {
        let bytes = opened.bytes(&shared.files).await?.map_err(|error| {
            tracing::error!(?error, "the bytes of a document broke off");
            std::io::Error::other("the document broke off")
        });
        // Its place is taken until the last byte has gone.
        let bytes = bytes.map(move |piece| {
            let _ = &place;
            piece
        });
        response.body(SizedStream::new(size, bytes))
    };
    guard(response.headers_mut());
    Ok(response)
}
