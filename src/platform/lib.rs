//! What every department stands on, and nothing of theirs: the door to a transaction, refusals, ids, lists, money.

// Paths read alike inside and outside: `crate::platform::…` wherever it is.
pub extern crate self as platform;

// Of the macros.
#[doc(hidden)]
pub use serde;

pub mod blocking;
pub mod caller;
pub mod can;
pub mod db;
mod door;
pub mod entity;
pub mod error;
pub mod files;
pub mod filter;
pub mod ids;
pub mod inbound;
pub mod input;
pub mod job;
pub mod jobs;
pub mod json;
pub mod mail;
pub mod node;
pub mod nodes;
mod numeric;
pub mod outbox;
pub mod paging;
pub mod reach;
pub mod renewals;
pub mod repeat;
pub mod scalars;
pub mod schedules;
pub mod schema;
pub mod scope;
pub mod seal;
mod share;
pub mod signing;
pub mod sql;
pub mod sweep;
pub mod tls;
pub mod turns;
pub mod vault;
pub mod withheld;
pub mod words;
pub mod workers;
