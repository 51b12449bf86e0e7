//! What customers owe.

pub mod credit_note;
pub mod customer;
pub mod invoice;
