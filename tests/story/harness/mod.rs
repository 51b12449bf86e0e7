//! Starts a whole application in one line and speaks to it as a client does.

mod app;
mod client;
mod postgres;

pub use app::App;
pub use client::Client;
pub use postgres::{Database, postgres};
