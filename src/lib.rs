//! The back offices of many client companies on one server, each walled off by the database.
//!
//! One line a module; `ARCHITECTURE.md` is the map.

pub mod finance;
pub mod graph;
pub mod identity;
pub mod platform;
pub mod schema;
