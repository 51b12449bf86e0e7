//! The ids of who may come in, and of the client companies, which are what one comes into.

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
}
