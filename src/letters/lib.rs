//! Letters without a database.
//!
//! Templates are written by people of a client, so they are taken for hostile: they see nothing but the texts that they
//! are given, and a template that could run or grow without end is refused before it is kept.

mod merge;
mod template;

pub use merge::{Missing, Values, long_date, merge};
pub use template::{Known, Template, check};
