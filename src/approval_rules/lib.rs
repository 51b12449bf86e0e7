//! The rules of approvals that need no database: bands of a policy lie side by side, steps can be finished by those who
//! are named, and every request says why it needs the approvals that it needs.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod bands;
mod explain;
mod steps;

pub use bands::{Band, Fault, place};
pub use explain::{Weighed, explain};
pub use steps::{Step, StepFault, check_steps};
