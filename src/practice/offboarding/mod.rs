//! The end of a client: its complete archive, an archive into another server, and how what is left of it is purged.

pub mod api;
pub mod archive;
pub mod ending;
pub mod load;
pub mod purge;
pub mod purging;
mod rows;
mod spool;
mod still;
mod sums;
