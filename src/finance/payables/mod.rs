//! What the client owes.

pub mod bill;
pub mod vendor;
