//! `/sign/…`: documents that somebody without an account is asked to sign, by the token of his link. What is over or revoked
//! looks like what never was.

use std::sync::{Arc, LazyLock};

use actix_web::body::SizedStream;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Shared;
use super::files::disposition;
use super::share::plain;
use crate::platform::db::Pools;
use crate::platform::error::Error;
use crate::platform::files::sniff;
use crate::platform::ids::new_uuid;
use crate::signatures::link::take;

/// Documents that are taken at the same time, by this process.
const AT_ONCE: usize = 32;
static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(AT_ONCE)));

/// The bytes of one document.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.service(
        web::resource("/sign/{token}").route(web::get().to(get)).default_service(web::to(|| async {
            plain(StatusCode::METHOD_NOT_ALLOWED, "Documents are taken with GET.")
        })),
    );
}

async fn get(request: HttpRequest, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    let id = new_uuid();
    let Ok(place) = Arc::clone(&PLACES).try_acquire_owned() else {
        let mut busy = plain(StatusCode::SERVICE_UNAVAILABLE, "Too many documents are taken at the moment.");
        busy.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
        return busy;
    };
    let token = request.match_info().get("token").unwrap_or_default();
    let response = match given(token, &shared, &pools, place).await {
        Ok(response) => response,
        Err(Error::Unavailable | Error::TimedOut | Error::Retry) => {
            plain(StatusCode::SERVICE_UNAVAILABLE, "The server is busy; try again in a moment.")
        }
        Err(error) => {
            tracing::error!(request_id = %id, ?error, "a document could not be given to its signer");
            plain(StatusCode::INTERNAL_SERVER_ERROR, "Something went wrong on our side.")
        }
    };
    // The address itself is a secret.
    tracing::info!(request_id = %id, operation = "sign", status = response.status().as_u16(), "request");
    response
}

async fn given(
    token: &str,
    shared: &Shared,
    pools: &Pools,
    place: OwnedSemaphorePermit,
) -> Result<HttpResponse, Error> {
    let Some(taken) = take(pools, token).await? else {
        return Ok(plain(StatusCode::NOT_FOUND, "There is nothing here."));
    };
    let bytes = taken.bytes(&shared.files).await?.map_err(|error| {
        tracing::error!(?error, "the bytes of a document broke off");
        std::io::Error::other("the document broke off")
    });
    // Its place is taken until the last byte has gone.
    let bytes = bytes.map(move |piece| {
        let _ = &place;
        piece
    });
    let mut response = HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, sniff::told(taken.media_type())))
        .insert_header((header::CONTENT_DISPOSITION, disposition(false, taken.file_name())))
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::ETAG, format!("\"{}\"", taken.sha256())))
        .body(SizedStream::new(taken.size(), bytes));
    super::files::guard(response.headers_mut());
    Ok(response)
}
