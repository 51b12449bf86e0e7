UPDATE identity.provider_role SET client_permissions = array_remove(array_remove(client_permissions, 'identity.identity_provider.read'), 'identity.identity_provider.manage')
 WHERE id = '00000000-0000-7000-8000-000000000001';

CREATE OR REPLACE FUNCTION core.enter(p_kind text, p_actor uuid, p_session uuid, p_tenant uuid, p_request uuid, p_edition text,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  set_to text;
  of_actor bigint;
  of_tenant bigint;
  scopes text[];
BEGIN
  opened_at := now();
  verdict := 'ended';
  IF p_kind = 'user' THEN
    SELECT a.name, a.rights_edition INTO actor_name, of_actor
      FROM identity.session s JOIN identity.account a ON a.id = s.account_id
     WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > opened_at AND a.disabled_at IS NULL;
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  set_to := set_config('app.tenant_id', p_tenant::text, true);
  IF p_kind = 'service' THEN
    SELECT s.name, s.version, s.scopes INTO actor_name, of_actor, scopes FROM identity.service_account s
     WHERE s.tenant_id = p_tenant AND s.id = p_actor AND s.revoked_at IS NULL AND s.expires_at > opened_at;
    IF NOT FOUND THEN
      set_to := set_config('app.tenant_id', '', true);
      RETURN;
    END IF;
  END IF;
  verdict := 'unknown';
  SELECT c.time_zone, c.currency, t.rights_edition INTO time_zone, currency, of_tenant
    FROM practice.client c JOIN core.tenant t ON t.id = c.tenant_id WHERE c.tenant_id = p_tenant;
  IF FOUND THEN
    edition := of_actor || '.' || of_tenant || '.' || (opened_at AT TIME ZONE time_zone)::date;
    IF p_edition IS DISTINCT FROM edition THEN
      permissions := coalesce(scopes, core.permissions_in(p_actor, p_tenant, time_zone));
    END IF;
  END IF;
  IF edition IS NULL OR permissions = '{}' THEN
    set_to := set_config('app.tenant_id', '', true);
    permissions := '{}';
    RETURN;
  END IF;
  set_to := set_config('app.actor_id', p_actor::text, true);
  IF p_request IS NOT NULL THEN
    set_to := set_config('app.actor_kind', p_kind, true);
    set_to := set_config('app.actor_name', actor_name, true);
    set_to := set_config('app.request_id', p_request::text, true);
  END IF;
  verdict := 'ok';
END $$;

CREATE OR REPLACE FUNCTION core.enter_portfolio(p_actor uuid, p_session uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  granted uuid[] := '{}';
  everywhere boolean;
  candidate uuid;
  zone text;
BEGIN
  opened_at := now();
  verdict := 'ended';
  SELECT a.name INTO actor_name
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id
   WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(array_agg(DISTINCT p), '{}') INTO permissions
    FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id, unnest(r.permissions) AS p
   WHERE g.account_id = p_actor;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  everywhere := EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                         WHERE g.account_id = p_actor AND r.client_permissions @> '{finance.figures.read}');
  FOR candidate IN
    SELECT DISTINCT g.tenant_id FROM identity.access_grant g WHERE g.account_id = p_actor
    UNION SELECT t.id FROM core.tenant t WHERE everywhere
  LOOP
    PERFORM core.set_tenant(candidate);
    SELECT c.time_zone INTO zone FROM practice.client c WHERE c.tenant_id = candidate;
    IF core.permissions_in(p_actor, candidate, zone) @> '{finance.figures.read}' THEN
      granted := granted || candidate;
    END IF;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  PERFORM set_config('app.tenant_ids', granted::text, true);
  verdict := 'ok';
END $$;

CREATE OR REPLACE FUNCTION core.enter_provider(p_actor uuid, p_session uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  opened_at := now();
  verdict := 'ended';
  SELECT a.name INTO actor_name
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id
   WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(array_agg(DISTINCT p), '{}') INTO permissions
    FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id, unnest(r.permissions) AS p
   WHERE g.account_id = p_actor;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  verdict := 'ok';
END $$;

DROP FUNCTION identity.session_may_enter;
DROP FUNCTION identity.sign_in_from_outside;
DROP FUNCTION identity.enabled_identity_provider;
DROP TABLE identity.outside_sign_in;
-- Without what they were confined by, sessions from outside would be good for everything. Grants because of groups end with
-- their last day.
UPDATE identity.session SET revoked_at = now(), revoked_for = 'revoked' WHERE confined_to IS NOT NULL AND revoked_at IS NULL;
DROP INDEX identity.session_by_identity_provider;
ALTER TABLE identity.session
  DROP CONSTRAINT session_from_outside_is_confined,
  DROP CONSTRAINT session_from_outside_has_a_name,
  DROP COLUMN confined_to,
  DROP COLUMN identity_provider_id,
  DROP COLUMN came_through;
DROP INDEX identity.access_grant_by_identity_provider;
ALTER TABLE identity.access_grant DROP COLUMN identity_provider_id;
DROP TABLE identity.outside_account;
DROP TABLE identity.identity_provider_role;
DROP TABLE identity.identity_provider;
DROP FUNCTION identity.end_sessions_of_outsider;
DROP FUNCTION identity.end_outside_sessions;
