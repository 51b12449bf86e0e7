//! The back offices of many client companies on one server, each walled off by the database.
//!
//! Departments are crates of their own below this one, a folder each; `ARCHITECTURE.md` is the map.

pub use backoffice_appointments as appointments;
pub use backoffice_approvals as approvals;
pub use backoffice_clocks as clocks;
pub use backoffice_correspondence as correspondence;
pub use backoffice_documents as documents;
pub use backoffice_finance as finance;
pub use backoffice_identity as identity;
pub use backoffice_notices as notices;
pub use backoffice_platform as platform;
pub use backoffice_practice as practice;
pub use backoffice_registers as registers;
pub use backoffice_rules as rules;
pub use backoffice_signatures as signatures;
pub use backoffice_webhooks as webhooks;
pub use backoffice_work as work;

pub mod audit;
pub mod background;
pub mod backup;
pub mod bulk;
pub mod check;
pub mod cli;
pub mod config;
pub mod database;
pub mod demo;
pub mod graph;
pub mod onboarding;
pub mod server;
