//! Ids that departments name which do not stand on each other: of who may come in, of the client companies, and of what may wait
//! for somebody.

crate::ids! {
    /// Names a client company.
    ClientId = "cli";
    /// Names a person.
    UserId = "usr";
    /// Names a sign-in on one device.
    SessionId = "ses";
    /// Names a role of a client.
    RoleId = "rol";
    /// Names a role of the provider.
    ProviderRoleId = "prl";
    /// Names a dated grant of a role.
    GrantId = "grt";
    /// Names an identity provider of a client.
    IdentityProviderId = "idp";
    /// Names an identity provider of the provider's own.
    StaffIdentityProviderId = "sip";
    /// Names an invitation.
    InvitationId = "ivt";
    /// Names a service account.
    ServiceAccountId = "svc";
    /// Names a work item.
    WorkItemId = "wi";
    /// Names an entry of the register of correspondence.
    CorrespondenceEntryId = "cor";
    /// Names a team of the provider's staff.
    TeamId = "team";
}
