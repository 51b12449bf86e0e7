//! The ids of approvals.

crate::platform::ids! {
    /// Names a policy.
    ApprovalPolicyId = "apol";
    /// Names a request.
    ApprovalRequestId = "apr";
    /// Names a delegation.
    ApprovalDelegationId = "adel";
}
