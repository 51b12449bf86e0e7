//! The end of a client: its complete archive, and an archive into another server.

pub mod api;
pub mod archive;
pub mod ending;
pub mod load;
mod rows;
mod spool;
