-- Who may come in: users, sessions and keys (reached by the sign-in role only), and per client the roles, grants,
-- invitations and service accounts. core.enter is the one door through which the server opens a client's transaction.

------------------------------------------------------------------------------- the provider's own: local, no client
CREATE TABLE identity.account (
  id              uuid PRIMARY KEY,
  email           text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  staff           boolean NOT NULL,
  password_hash   text,
  totp_secret     bytea,
  totp_confirmed  boolean NOT NULL DEFAULT false,
  totp_last_step  bigint NOT NULL DEFAULT 0,
  disabled_at     timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  UNIQUE (email)
);
COMMENT ON TABLE identity.account IS 'local: users of the provider and of all clients';

CREATE TABLE identity.session (
  id          uuid PRIMARY KEY,
  account_id  uuid NOT NULL REFERENCES identity.account,
  user_agent  text NOT NULL DEFAULT '',
  address     text NOT NULL DEFAULT '',
  created_at  timestamptz NOT NULL DEFAULT now(),
  used_at     timestamptz NOT NULL DEFAULT now(),
  expires_at  timestamptz NOT NULL,
  revoked_at  timestamptz,
  revoked_for text CHECK (revoked_for IN ('signed_out', 'revoked', 'reuse', 'password_changed'))
);
COMMENT ON TABLE identity.session IS 'local: one sign-in on one device';
CREATE INDEX session_by_account ON identity.session (account_id, created_at DESC, id);

CREATE TABLE identity.refresh_token (
  hash        bytea PRIMARY KEY,
  session_id  uuid NOT NULL REFERENCES identity.session,
  created_at  timestamptz NOT NULL DEFAULT now(),
  used_at     timestamptz
);
COMMENT ON TABLE identity.refresh_token IS 'local: rotating secrets of a session, by hash';
CREATE INDEX refresh_token_by_session ON identity.refresh_token (session_id);

CREATE TABLE identity.attempt (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  subject     text NOT NULL,
  failed_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE identity.attempt IS 'local: failed sign-ins by account and by address, kept for throttling';
CREATE INDEX attempt_by_subject ON identity.attempt (subject, failed_at);

CREATE TABLE identity.signing_key (
  kid         text PRIMARY KEY,
  pkcs8       bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  retired_at  timestamptz
);
COMMENT ON TABLE identity.signing_key IS 'local: keys that sign access tokens';

CREATE TABLE identity.provider_role (
  id                 uuid PRIMARY KEY,
  name               text NOT NULL UNIQUE,
  permissions        text[] NOT NULL,
  client_permissions text[] NOT NULL
);
COMMENT ON TABLE identity.provider_role IS 'local: what staff may do for the provider, and in every client without a grant';

CREATE TABLE identity.provider_grant (
  account_id  uuid NOT NULL REFERENCES identity.account,
  role_id     uuid NOT NULL REFERENCES identity.provider_role,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, role_id)
);
COMMENT ON TABLE identity.provider_grant IS 'local: provider roles of staff';

GRANT SELECT, INSERT, UPDATE ON identity.account, identity.session, identity.refresh_token, identity.signing_key TO backoffice_identity;
GRANT SELECT, INSERT, DELETE ON identity.attempt TO backoffice_identity;
GRANT SELECT ON identity.provider_role TO backoffice_identity;
GRANT SELECT, INSERT, DELETE ON identity.provider_grant TO backoffice_identity;

INSERT INTO identity.provider_role (id, name, permissions, client_permissions) VALUES
  ('00000000-0000-7000-8000-000000000001', 'Provider administrator',
   '{practice.client.onboard,practice.portfolio.read,identity.staff.manage}',
   '{practice.client.read,practice.client.manage,identity.grant.read,identity.grant.manage,identity.role.read,identity.role.manage,identity.user.invite,identity.service_account.read,identity.service_account.manage,audit.trail.read,finance.figures.read}'),
  ('00000000-0000-7000-8000-000000000002', 'Staff', '{practice.portfolio.read}', '{}');

-------------------------------------------------------------------------------------------------------- per client
CREATE TABLE identity.role (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  permissions text[] NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
SELECT core.raise_wall('identity.role', 'mutable');

CREATE TABLE identity.access_grant (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  account_id  uuid NOT NULL REFERENCES identity.account,
  role_id     uuid NOT NULL,
  effect      text NOT NULL CHECK (effect IN ('allow', 'deny')),
  valid_from  date NOT NULL,
  valid_until date CHECK (valid_until >= valid_from),
  ended_at    timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, role_id) REFERENCES identity.role (tenant_id, id)
);
COMMENT ON COLUMN identity.access_grant.valid_until IS 'the last day, in the client''s time zone; null: without end';
COMMENT ON COLUMN identity.access_grant.ended_at IS 'ended at once, whatever its last day is';
SELECT core.raise_wall('identity.access_grant', 'mutable');
CREATE INDEX access_grant_by_account ON identity.access_grant (tenant_id, account_id);
CREATE INDEX access_grant_of_account ON identity.access_grant (account_id);
-- The one further policy: which clients a person may see at all has to be found across the walls, by the functions
-- below (they run as the owner) and only for the person that this transaction belongs to.
CREATE POLICY own_grants ON identity.access_grant FOR SELECT TO backoffice_owner
  USING (account_id = nullif(current_setting('app.actor_id', true), '')::uuid);

CREATE TABLE identity.invitation (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  email       text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  role_id     uuid NOT NULL,
  secret_hash bytea NOT NULL,
  expires_at  timestamptz NOT NULL,
  accepted_at timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, role_id) REFERENCES identity.role (tenant_id, id)
);
SELECT core.raise_wall('identity.invitation', 'mutable', secrets => '{secret_hash}');
CREATE INDEX invitation_by_secret ON identity.invitation (tenant_id, secret_hash);

CREATE TABLE identity.service_account (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  scopes      text[] NOT NULL,
  secret_hash bytea NOT NULL,
  expires_at  timestamptz NOT NULL,
  revoked_at  timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
SELECT core.raise_wall('identity.service_account', 'mutable', secrets => '{secret_hash}');
