//! `/calendars/…`: feeds of calendars, by their secret address only.

use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, web};

use crate::appointments::feed;
use crate::platform::db::Pools;
use crate::platform::error::Error;

/// The feeds.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.route("/calendars/{client}/{token}.ics", web::get().to(get));
}

async fn get(path: web::Path<(String, String)>, pools: web::Data<Pools>) -> HttpResponse {
    let (client, token) = path.into_inner();
    let mut response = match feed::file(&pools, &client, &token).await {
        Ok(Some(text)) => HttpResponse::Ok().content_type("text/calendar; charset=utf-8").body(text),
        // What never was, what was revoked and what is another client's look alike.
        Ok(None) => {
            HttpResponse::NotFound().content_type("text/plain; charset=utf-8").body("There is no such calendar.\n")
        }
        Err(Error::Unavailable | Error::TimedOut | Error::Retry) => HttpResponse::ServiceUnavailable().finish(),
        Err(error) => {
            // Logged as it is told; the caller learns nothing of it.
            let _ = async_graphql::Error::from(error);
            HttpResponse::InternalServerError().finish()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer"));
    response
}
