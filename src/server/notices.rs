//! `/notices/unsubscribe/…`: the end of mails of notices, by the link that stands in each. By POST at once, as mail programs
//! do it in one click (RFC 8058); by GET a page that asks first, because programs look at links without being told to.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::Shared;
use crate::notices::unsubscribe;
use crate::platform::db::Pools;
use crate::platform::error::Error;

/// The link.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.service(web::resource("/notices/unsubscribe/{token}").route(web::get().to(look)).route(web::post().to(end)));
}

async fn look(token: web::Path<String>, shared: web::Data<Shared>) -> HttpResponse {
    if unsubscribe::is_known(&shared.vault, &token) {
        page(200, "Do you want no more mails of your notices?", true)
    } else {
        unknown()
    }
}

async fn end(token: web::Path<String>, shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    match unsubscribe::end(&pools, &shared.vault, &token).await {
        Ok(true) => page(200, "You get no more mails of your notices.", false),
        Ok(false) => unknown(),
        Err(Error::Unavailable | Error::TimedOut | Error::Retry) => HttpResponse::ServiceUnavailable().finish(),
        Err(error) => {
            // Logged as it is told; the caller learns nothing of it.
            let _ = async_graphql::Error::from(error);
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn unknown() -> HttpResponse {
    page(404, "This link is not complete. Say in the portal that you want no mails.", false)
}

/// A page with a sentence of our own, and nothing that was sent.
fn page(status: u16, sentence: &'static str, asks: bool) -> HttpResponse {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    let form = if asks { "<form method=\"post\"><button>No more mails</button></form>" } else { "" };
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; form-action 'self'; frame-ancestors 'none'"))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Mails</title><h1>Mails</h1><p>{sentence}</p>{form}</html>"
        ))
}
