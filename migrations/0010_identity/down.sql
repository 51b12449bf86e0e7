DROP TABLE identity.service_account, identity.invitation, identity.access_grant, identity.role;
DROP TABLE identity.provider_grant, identity.provider_role, identity.signing_key, identity.attempt,
  identity.refresh_token, identity.session, identity.account;
