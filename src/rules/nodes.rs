//! The records of this department that are found by their own id.

use super::ids::{RuleId, RuleRunId};
use super::rule::Rule;
use super::run::RuleRun;

crate::platform::nodes! {
    Rule: RuleId by Rule;
    RuleRun: RuleRunId by RuleRun;
}
