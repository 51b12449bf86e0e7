-- The door of a client's transaction is passed with every request, and most of its work was to put together rights that
-- had not changed since the request before. Whatever they are made of now has an edition that changes with it: the
-- server says which edition it knows, and the door gives the rights only if that is not today's.

ALTER TABLE core.tenant ADD COLUMN rights_edition bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN core.tenant.rights_edition IS 'counts changes of the client''s roles and grants';
ALTER TABLE identity.account ADD COLUMN rights_edition bigint NOT NULL DEFAULT 1;
COMMENT ON COLUMN identity.account.rights_edition IS 'counts changes of the provider''s roles of this account';

CREATE FUNCTION core.renew_rights() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE core.tenant t SET rights_edition = t.rights_edition + 1
   WHERE t.id = CASE WHEN tg_op = 'DELETE' THEN old.tenant_id ELSE new.tenant_id END;
  RETURN NULL;
END $$;
CREATE TRIGGER renew_rights AFTER INSERT OR UPDATE OR DELETE ON identity.access_grant
  FOR EACH ROW EXECUTE FUNCTION core.renew_rights();
-- A new role is nobody's yet: its first grant counts.
CREATE TRIGGER renew_rights AFTER UPDATE OR DELETE ON identity.role
  FOR EACH ROW EXECUTE FUNCTION core.renew_rights();

CREATE FUNCTION identity.renew_rights_of_holder() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op <> 'INSERT' THEN
    UPDATE identity.account a SET rights_edition = a.rights_edition + 1 WHERE a.id = old.account_id;
  END IF;
  IF tg_op <> 'DELETE' THEN
    UPDATE identity.account a SET rights_edition = a.rights_edition + 1 WHERE a.id = new.account_id;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER renew_rights AFTER INSERT OR UPDATE OR DELETE ON identity.provider_grant
  FOR EACH ROW EXECUTE FUNCTION identity.renew_rights_of_holder();

CREATE FUNCTION identity.renew_rights_of_holders() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE identity.account a SET rights_edition = a.rights_edition + 1
   WHERE a.id IN (SELECT g.account_id FROM identity.provider_grant g WHERE g.role_id = new.id);
  RETURN NULL;
END $$;
CREATE TRIGGER renew_rights AFTER UPDATE ON identity.provider_role
  FOR EACH ROW EXECUTE FUNCTION identity.renew_rights_of_holders();

-- Also where a session has switched ordinary triggers off: an edition that stands still would keep rights alive.
ALTER TABLE identity.access_grant ENABLE ALWAYS TRIGGER renew_rights;
ALTER TABLE identity.role ENABLE ALWAYS TRIGGER renew_rights;
ALTER TABLE identity.provider_grant ENABLE ALWAYS TRIGGER renew_rights;
ALTER TABLE identity.provider_role ENABLE ALWAYS TRIGGER renew_rights;

-- What a person may do in one client today: the permissions of the provider roles that hold everywhere and of the
-- grants that are valid today in the client's time zone, less every permission of a valid grant that denies. A
-- permission that several roles give may stand there several times. The search path is the caller's: only doors with one
-- of their own call this.
CREATE OR REPLACE FUNCTION core.permissions_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
  today   date := (now() AT TIME ZONE p_time_zone)::date;
  allowed text[] := '{}';
  denied  text[];
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
    IF source.effect = 'deny' THEN
      denied := denied || source.permissions;
    ELSE
      allowed := allowed || source.permissions;
    END IF;
  END LOOP;
  -- denying is rare, and the only thing for which the lists have to be taken apart
  IF denied IS NOT NULL THEN
    allowed := ARRAY (SELECT p FROM unnest(allowed) AS p WHERE p <> ALL (denied));
  END IF;
  RETURN allowed;
END $$;

-- Opens a client's transaction. Verdicts: 'ok'; 'ended' (session over, account disabled, service account revoked);
-- 'unknown' (no such client, or no right in it: both look alike). Unless the verdict is 'ok' no client is set.
--
-- p_edition is the edition of the actor's rights that the server knows, or null. If it is still today's, permissions is
-- null and means: as you know them. The editions are read before what they count, so a change in between makes the
-- next request ask again. p_request is null in a transaction that writes nothing: nobody will ask who did it.
DROP FUNCTION core.enter;
CREATE FUNCTION core.enter(p_kind text, p_actor uuid, p_session uuid, p_tenant uuid, p_request uuid, p_edition text,
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
GRANT EXECUTE ON FUNCTION core.enter TO backoffice_app;
