//! What customers owe.

pub mod credit_limit;
pub mod credit_note;
pub mod customer;
pub mod invoice;
pub mod payment_data;
pub mod statement;
