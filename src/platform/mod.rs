//! What every department stands on, and nothing of theirs: the door to a transaction, refusals, ids, lists, money.

pub mod can;
pub mod db;
mod door;
pub mod entity;
pub mod error;
pub mod files;
pub mod filter;
pub mod ids;
pub mod jobs;
pub mod json;
pub mod mail;
mod numeric;
pub mod outbox;
pub mod paging;
pub mod reach;
pub mod repeat;
pub mod scalars;
pub mod schedules;
pub mod scope;
pub mod seal;
mod share;
pub mod sql;
pub mod sweep;
pub mod tls;
pub mod vault;
pub mod words;
pub mod workers;
