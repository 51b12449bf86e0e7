-- What a person may do in one client today: the permissions of the provider roles that hold everywhere and of the
-- grants that are valid today in the client's time zone, less every permission of a valid grant that denies.
CREATE OR REPLACE FUNCTION core.permissions_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  today   date := (now() AT TIME ZONE p_time_zone)::date;
  allowed text[] := '{}';
  denied  text[] := '{}';
  sources integer := 0;
  source  record;
BEGIN
  FOR source IN
    SELECT g.effect, r.permissions
      FROM identity.access_grant g
      JOIN identity.role r ON r.tenant_id = p_tenant AND r.id = g.role_id
     WHERE g.tenant_id = p_tenant AND g.account_id = p_account AND g.ended_at IS NULL
       AND g.valid_from <= today AND (g.valid_until IS NULL OR g.valid_until >= today)
    UNION ALL
    SELECT 'allow', r.client_permissions
      FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
     WHERE g.account_id = p_account AND r.client_permissions <> '{}'
  LOOP
    sources := sources + 1;
    IF source.effect = 'deny' THEN
      denied := denied || source.permissions;
    ELSE
      allowed := allowed || source.permissions;
    END IF;
  END LOOP;
  -- one role, as is usual, is what it is
  IF sources > 1 THEN
    allowed := ARRAY (SELECT DISTINCT p FROM unnest(allowed) AS p WHERE p <> ALL (denied));
  END IF;
  RETURN allowed;
END $$;

-- Opens a client's transaction. Verdicts: 'ok'; 'ended' (session over, account disabled, service account revoked);
-- 'unknown' (no such client, or no right in it: both look alike). Unless the verdict is 'ok' no client is set.
DROP FUNCTION core.enter;
CREATE FUNCTION core.enter(p_kind text, p_actor uuid, p_session uuid, p_tenant uuid, p_request uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  set_to text;
BEGIN
  opened_at := now();
  verdict := 'ended';
  IF p_kind = 'user' THEN
    SELECT a.name INTO actor_name
      FROM identity.session s JOIN identity.account a ON a.id = s.account_id
     WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  set_to := core.set_tenant(p_tenant);
  IF p_kind = 'service' THEN
    SELECT s.name, s.scopes INTO actor_name, permissions FROM identity.service_account s
     WHERE s.tenant_id = p_tenant AND s.id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now();
    IF NOT FOUND THEN
      set_to := set_config('app.tenant_id', '', true);
      RETURN;
    END IF;
  END IF;
  verdict := 'unknown';
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c WHERE c.tenant_id = p_tenant;
  IF FOUND AND p_kind = 'user' THEN
    permissions := core.permissions_in(p_actor, p_tenant, time_zone);
  END IF;
  IF time_zone IS NULL OR permissions IS NULL OR permissions = '{}' THEN
    set_to := set_config('app.tenant_id', '', true);
    permissions := '{}';
    RETURN;
  END IF;
  set_to := set_config('app.actor_id', p_actor::text, true);
  set_to := set_config('app.actor_kind', p_kind, true);
  set_to := set_config('app.actor_name', actor_name, true);
  set_to := set_config('app.request_id', p_request::text, true);
  verdict := 'ok';
END $$;
GRANT EXECUTE ON FUNCTION core.enter TO backoffice_app;

DROP TRIGGER renew_rights ON identity.provider_role;
DROP TRIGGER renew_rights ON identity.provider_grant;
DROP TRIGGER renew_rights ON identity.role;
DROP TRIGGER renew_rights ON identity.access_grant;
DROP FUNCTION identity.renew_rights_of_holders;
DROP FUNCTION identity.renew_rights_of_holder;
DROP FUNCTION core.renew_rights;
ALTER TABLE identity.account DROP COLUMN rights_edition;
ALTER TABLE core.tenant DROP COLUMN rights_edition;
