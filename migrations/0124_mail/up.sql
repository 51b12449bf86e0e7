-- What mails about coming in need: a way to a new password, the devices that an account was seen on, and a trail of what
-- happened to an account without a session of its owner. All of it belongs to people, not to a client.

CREATE TABLE identity.password_reset (
  hash       bytea PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES identity.account,
  expires_at timestamptz NOT NULL,
  used_at    timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE identity.password_reset IS 'local: ways to a new password that went out by mail, by hash';
CREATE INDEX password_reset_by_account ON identity.password_reset (account_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.password_reset TO backoffice_identity;

CREATE TABLE identity.device (
  account_id uuid NOT NULL REFERENCES identity.account,
  digest     bytea NOT NULL,
  seen_at    timestamptz NOT NULL DEFAULT now(),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, digest)
);
COMMENT ON TABLE identity.device IS 'local: what a person has signed in from, by hash';
GRANT SELECT, INSERT, UPDATE, DELETE ON identity.device TO backoffice_identity;

CREATE TABLE identity.account_trail (
  id         uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES identity.account,
  what       text NOT NULL CHECK (what IN ('welcome_mailed', 'reset_mailed', 'password_reset', 'new_device')),
  cause_id   uuid NOT NULL,
  address    text NOT NULL DEFAULT '',
  user_agent text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE identity.account_trail IS 'local: what happened to an account without a session of its owner; never changed';
COMMENT ON COLUMN identity.account_trail.cause_id IS 'the request that did it, or the job of the mail';
CREATE INDEX account_trail_by_account ON identity.account_trail (account_id, created_at);
CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON identity.account_trail FOR EACH ROW EXECUTE FUNCTION core.refuse_change();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON identity.account_trail EXECUTE FUNCTION core.refuse_change();
GRANT SELECT, INSERT ON identity.account_trail TO backoffice_identity;

-- What the mail of an invitation says. No row where it is not open any more.
CREATE FUNCTION identity.invitation_to_mail(p_tenant uuid, p_invitation uuid)
RETURNS TABLE (email text, name text, client_name text, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.set_tenant(p_tenant);
  RETURN QUERY
  SELECT i.email, i.name, c.name, i.expires_at
    FROM identity.invitation i JOIN practice.client c ON c.tenant_id = i.tenant_id
   WHERE i.tenant_id = p_tenant AND i.id = p_invitation
     AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now();
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION identity.invitation_to_mail TO backoffice_identity;
