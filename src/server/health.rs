//! Whether the server lives, is ready, and what it counted. None of these says anything about a client.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, web};

use super::{Shared, measure};
use crate::platform::db::Pools;

/// `/health/live`, `/health/ready`, `/metrics`.
pub fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/health/live", web::get().to(live))
        .route("/health/ready", web::get().to(ready))
        .route("/metrics", web::get().to(metrics));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("alive\n")
}

async fn ready(shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    if shared.draining.load(Ordering::Acquire) {
        return HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body("draining\n");
    }
    match pools.ping().await {
        Ok(()) => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"),
        Err(error) => {
            tracing::warn!(?error, "not ready");
            HttpResponse::ServiceUnavailable().content_type("text/plain; charset=utf-8").body("no database\n")
        }
    }
}

async fn metrics(shared: web::Data<Shared>, pools: web::Data<Pools>) -> HttpResponse {
    match &shared.metrics {
        Some(handle) => HttpResponse::Ok()
            .content_type("text/plain; version=0.0.4; charset=utf-8")
            .body(measure::scrape(&shared, &pools, handle).await),
        None => HttpResponse::NotFound().finish(),
    }
}
