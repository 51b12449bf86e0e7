//! What customers owe.

pub mod customer;
