//! `/oauth/token` (RFC 6749) and `/.well-known/jwks.json` (RFC 7517).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use base64::Engine;

use super::Shared;
use super::body;
use crate::identity::oauth::{self, OAuthError, TokenForm};
use crate::platform::db::Pools;

/// The largest token request.
const MAX_FORM_BYTES: usize = 16 * 1024;

/// The token endpoint and the public keys.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.route("/oauth/token", web::post().to(token)).route("/.well-known/jwks.json", web::get().to(jwks));
}

async fn jwks(shared: web::Data<Shared>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=60")).json(shared.keys.jwks())
}

async fn token(
    request: HttpRequest,
    payload: web::Payload,
    shared: web::Data<Shared>,
    pools: web::Data<Pools>,
) -> HttpResponse {
    let refused = |error: OAuthError| {
        let status =
            actix_web::http::StatusCode::from_u16(error.status).unwrap_or(actix_web::http::StatusCode::BAD_REQUEST);
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if status == actix_web::http::StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"backoffice\""));
        }
        response.json(serde_json::json!({ "error": error.error, "error_description": error.error_description }))
    };
    let malformed =
        || OAuthError::invalid_request("Send the form as application/x-www-form-urlencoded, at most 16 KiB.");
    let is_form =
        request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| {
            value
                .split(';')
                .next()
                .is_some_and(|media| media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        });
    let Ok(bytes) = body::read(&request, payload, MAX_FORM_BYTES).await else { return refused(malformed()) };
    let text = String::from_utf8(bytes).unwrap_or_default();
    let form = match web::Query::<TokenForm>::from_query(&text) {
        Ok(form) if is_form => form.into_inner(),
        _ => return refused(malformed()),
    };
    let form = match basic(&request) {
        Some((id, secret)) => TokenForm { client_id: Some(id), client_secret: Some(secret), ..form },
        None => form,
    };
    let address = shared.proxies.caller(&request);
    match oauth::token(&pools, &shared.keys, form, &address).await {
        Ok(token) => HttpResponse::Ok()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::PRAGMA, "no-cache"))
            .json(token),
        Err(error) => refused(error),
    }
}

/// HTTP Basic, as RFC 6749 section 2.3.1 prefers it.
fn basic(request: &HttpRequest) -> Option<(String, String)> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}
