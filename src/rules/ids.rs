//! Global ids of rules.

crate::platform::ids! {
    /// Names a rule.
    RuleId = "rule";
    /// Names a run of a rule.
    RuleRunId = "rrun";
}
