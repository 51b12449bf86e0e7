DROP FUNCTION identity.accept_invitation, identity.open_invitation, identity.holds_everywhere, identity.myself, identity.service_account_secret, identity.grantable, identity.members, identity.may_enter,
  core.enter_onboarding, core.enter_provider, core.enter_portfolio, core.enter, core.permissions_in, core.set_actor;
DROP TABLE practice.client;
DROP TABLE core.tenant;
