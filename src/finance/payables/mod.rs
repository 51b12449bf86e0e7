//! What the client owes.

pub mod bill;
pub mod vendor;
pub mod vendor_bank_change;
