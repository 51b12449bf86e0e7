//! What the client owes.

pub mod bill;
pub mod payment_run;
pub mod vendor;
pub mod vendor_bank_change;
pub mod vendor_credit;
pub mod vendor_hold;
