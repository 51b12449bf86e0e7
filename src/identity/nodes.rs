//! The records of this department that are found by their own id.

use super::account::User;
use super::grant::Grant;
use super::invitation::Invitation;
use super::outside::provider::IdentityProvider;
use super::role::Role;
use super::service_account::ServiceAccount;
use crate::platform::ids::known::{GrantId, IdentityProviderId, InvitationId, RoleId, ServiceAccountId, UserId};

crate::platform::nodes! {
    Grant: GrantId by Grant;
    IdentityProvider: IdentityProviderId by IdentityProvider;
    Invitation: InvitationId by Invitation;
    Role: RoleId by Role;
    ServiceAccount: ServiceAccountId by ServiceAccount;
    User: UserId by User;
}
