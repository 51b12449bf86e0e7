//! The ground floor of the books: entries that balance, posted once, never changed.
//!
//! Receivables, payables and bank only ever call [`journal::post`]; sub-ledgers and control accounts are equal after
//! every transaction.

pub mod journal;
