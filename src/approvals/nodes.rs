//! The records of this department that are found by their own id.

use super::delegation::ApprovalDelegation;
use super::ids::{ApprovalDelegationId, ApprovalPolicyId, ApprovalRequestId};
use super::policy::ApprovalPolicy;
use super::request::ApprovalRequest;

crate::platform::nodes! {
    ApprovalPolicy: ApprovalPolicyId by ApprovalPolicy;
    ApprovalRequest: ApprovalRequestId by ApprovalRequest;
    ApprovalDelegation: ApprovalDelegationId by ApprovalDelegation;
}
