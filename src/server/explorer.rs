//! stub
use actix_web::web;
/// stub
pub fn routes(_routes: &mut web::ServiceConfig) {}
