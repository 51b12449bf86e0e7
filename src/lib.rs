//! The back offices of many client companies on one server, each walled off by the database.
//!
//! One line a module; `ARCHITECTURE.md` is the map.

pub mod appointments;
pub mod approvals;
pub mod audit;
pub mod background;
pub mod backup;
pub mod bulk;
pub mod check;
pub mod cli;
pub mod clocks;
pub mod config;
pub mod correspondence;
pub mod database;
pub mod demo;
pub mod documents;
pub mod finance;
pub mod graph;
pub mod identity;
pub mod notices;
pub mod platform;
pub mod practice;
pub mod registers;
pub mod rules;
pub mod schema;
pub mod server;
pub mod signatures;
pub mod webhooks;
pub mod work;
