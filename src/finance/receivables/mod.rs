//! What customers owe.

pub mod customer;
pub mod invoice;
