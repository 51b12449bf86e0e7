//! The tables as diesel sees them, one file a database schema.

pub mod audit;
pub mod core;
pub mod documents;
pub mod finance;
pub mod identity;
pub mod practice;
pub mod registers;
pub mod signatures;
