//! Who may come in.

pub mod ids;
