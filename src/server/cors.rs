//! Which pages a browser may call from (CORS): the provider's own by configuration, and each client's portals with tokens
//! for that client. Nothing is taken from cookies, so a foreign page has nobody's rights to begin with; and whatever
//! changes something takes `application/json` alone, so a browser asks first.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpResponse, web};
use uuid::Uuid;

use super::Shared;
use super::clients::Clients;
use crate::platform::scope::Caller;

/// Origins that may call for whomever, as configured: separated by commas.
#[derive(Clone, Debug, Default)]
pub struct OwnOrigins(Vec<String>);

impl OwnOrigins {
    /// From the configuration.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let origins = text.split(',').map(|part| part.trim().trim_end_matches('/').to_ascii_lowercase());
        Self(origins.filter(|origin| !origin.is_empty()).collect())
    }

    /// The origins.
    #[must_use]
    pub fn list(&self) -> &[String] {
        &self.0
    }
}

/// For whom a page asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Whose {
    /// Nobody is known (yet), or a person who has taken no client's token: on his way in, through whichever portal.
    #[default]
    Nobodys,
    /// The token is for this client.
    Clients(Uuid),
}

impl Whose {
    /// What the token says.
    #[must_use]
    pub fn of(caller: &Caller) -> Self {
        match caller {
            Caller::Person { client: Some(client), .. } | Caller::Service { client, .. } => Self::Clients(*client),
            _ => Self::Nobodys,
        }
    }
}

fn allowed(origin: &str, whose: Whose, own: &OwnOrigins, clients: &Clients) -> bool {
    own.0.iter().any(|own| own == origin)
        || match whose {
            Whose::Nobodys => clients.any_has_portal(origin),
            Whose::Clients(client) => clients.has_portal(client, origin),
        }
}

fn origin(request: &HttpRequest) -> Option<&HeaderValue> {
    request.headers().get(header::ORIGIN)
}

/// Whether the page is the portal of another client than the one that the token is for. A browser would have been told
/// that it may ask, since it asks before it shows the token.
pub fn is_foreign_portal(request: &HttpRequest, shared: &Shared, whose: Whose) -> bool {
    let Some(origin) = origin(request).and_then(|origin| origin.to_str().ok()) else { return false };
    !allowed(origin, whose, &shared.own_origins, &shared.clients) && shared.clients.any_has_portal(origin)
}

/// Tells the browser whether the page may read this answer.
pub fn tell(request: &HttpRequest, shared: &Shared, whose: Whose, headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin(request) else { return };
    if origin.to_str().is_ok_and(|origin| allowed(origin, whose, &shared.own_origins, &shared.clients)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("x-request-id, idempotency-replayed, www-authenticate, retry-after"),
        );
    }
}

/// Answers a browser that asks before it sends: it may if any client has such a portal, because it does not say yet for
/// whom it asks. The answer itself is for the portals of the token's client.
pub async fn preflight(request: HttpRequest, shared: web::Data<Shared>) -> HttpResponse {
    let mut response = HttpResponse::new(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    tell(&request, &shared, Whose::Nobodys, headers);
    if headers.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS).next().is_some() {
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
            (
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization, content-type, accept, idempotency-key, dry-run, last-event-id, x-graphql-event-stream-token",
            ),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
