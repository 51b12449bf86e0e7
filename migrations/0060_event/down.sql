-- As it was in 0050.
CREATE OR REPLACE FUNCTION identity.accept_invitation(p_tenant uuid, p_secret_hash bytea, p_proven uuid, p_account uuid, p_grant uuid, p_password_hash text, p_request uuid,
  OUT verdict text, OUT account_id uuid, OUT email text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  invited identity.invitation;
  zone text;
BEGIN
  verdict := 'unknown';
  PERFORM core.set_tenant(p_tenant);
  SELECT i.* INTO invited FROM identity.invitation i
   WHERE i.tenant_id = p_tenant AND i.secret_hash = p_secret_hash AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()
     FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  email := invited.email;
  SELECT a.id INTO account_id FROM identity.account a WHERE a.email = invited.email;
  IF account_id IS DISTINCT FROM p_proven OR (account_id IS NULL AND p_password_hash IS NULL) THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  verdict := 'joined';
  IF account_id IS NULL THEN
    INSERT INTO identity.account (id, email, name, staff, password_hash)
    VALUES (p_account, invited.email, invited.name, false, p_password_hash);
    account_id := p_account;
    verdict := 'created';
  END IF;
  PERFORM core.set_actor(account_id, 'user', invited.name, p_request);
  SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = p_tenant;
  INSERT INTO identity.access_grant (tenant_id, id, account_id, role_id, effect, valid_from)
  VALUES (p_tenant, p_grant, accept_invitation.account_id, invited.role_id, 'allow', (now() AT TIME ZONE zone)::date);
  UPDATE identity.invitation i SET accepted_at = now() WHERE i.tenant_id = p_tenant AND i.id = invited.id;
END $$;
DROP FUNCTION core.emit;
DROP TABLE core.event, core.event_head;
