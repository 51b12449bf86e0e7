//! The gate as its caller sees it: what passes, what it turns into, and what is turned away.

// Helpers of tests fail like tests.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bombs;
mod introspection;
mod merging;
mod parser;
mod passing;
mod pricing;
mod support;
