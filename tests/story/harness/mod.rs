//! Starts a whole application in one line and speaks to it as a client does.

mod app;
mod client;
mod firm;
pub mod issuer;
mod office;
mod postgres;
pub mod program;
pub mod receiver;
pub mod socket;
pub mod wire;
pub mod work;

pub use app::{App, Setup, story_vault};
pub use client::{Client, Reply, http, http_builder};
pub use firm::{Books, PASSWORD, id_of};
pub use office::{Office, Person};
pub use postgres::{Database, execute, postgres};
