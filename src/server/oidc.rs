//! `/oidc/callback/…`: where people come back to from an identity provider, on their way to the portal that sent them.

use std::collections::HashMap;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use url::form_urlencoded;

use super::Shared;
use crate::identity::outside::back::{self, Returned, Sent};
use crate::platform::db::Pools;
use crate::platform::error::Error;

/// The longest query that is looked at.
const MAX_QUERY: usize = 8 * 1024;

/// The way back.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes.route("/oidc/callback/{issuer}", web::get().to(callback));
}

/// The parameters, if each is there once at most.
fn sent(query: &str) -> Option<Sent> {
    let mut sent = HashMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if sent.insert(name.into_owned(), value.into_owned()).is_some() {
            return None;
        }
    }
    Some(sent)
}

async fn callback(
    request: HttpRequest,
    issuer: web::Path<String>,
    shared: web::Data<Shared>,
    pools: web::Data<Pools>,
) -> HttpResponse {
    let query = request.query_string();
    let Some(sent) = (query.len() <= MAX_QUERY).then(|| sent(query)).flatten() else {
        return page(400, "This address is not complete. Go back to where you came from and sign in again.");
    };
    let Some(relying) = &shared.outside else { return page(404, "There is nothing here.") };
    let address = shared.proxies.caller(&request);
    match back::returned(&pools, relying, &issuer, &sent, &address).await {
        Ok(Returned::To(url)) => {
            bare(303).insert_header((header::LOCATION, url)).insert_header((header::CONTENT_LENGTH, 0)).finish()
        }
        Ok(Returned::Ends(sentence)) => page(400, sentence),
        Err(Error::Unavailable) => page(503, "The server is busy. Go back to where you came from and sign in again."),
        Err(error) => {
            tracing::error!(fault = ?error, "the way back from an identity provider failed");
            page(500, "Something went wrong on our side. Go back to where you came from and sign in again.")
        }
    }
}

/// An answer that nobody keeps, and that says nobody where it was.
fn bare(status: u16) -> actix_web::HttpResponseBuilder {
    let status = actix_web::http::StatusCode::from_u16(status).unwrap_or_default();
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    answer
}

/// A page with a sentence of our own, and nothing that was sent.
fn page(status: u16, sentence: &'static str) -> HttpResponse {
    bare(status)
        .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .body(format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign-in</title><h1>Sign-in</h1><p>{sentence}</p></html>"
        ))
}

#[cfg(test)]
mod tests {
    use super::sent;

    #[test]
    fn a_parameter_that_is_there_twice_refuses_all() {
        assert_eq!(sent("state=a%20b&code=c").unwrap()["state"], "a b");
        assert!(sent("").unwrap().is_empty());
        assert!(sent("state=a&state=b").is_none());
        assert!(sent("code=a&%63ode=b").is_none());
    }
}
