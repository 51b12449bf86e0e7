-- Sessions through the provider's identity providers end: without what they came by they would last.
UPDATE identity.session SET revoked_at = now(), revoked_for = 'revoked' WHERE staff_identity_provider_id IS NOT NULL AND revoked_at IS NULL;
DELETE FROM identity.outside_sign_in WHERE client_id IS NULL;
ALTER TABLE identity.outside_sign_in ALTER COLUMN client_id SET NOT NULL;

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

CREATE OR REPLACE FUNCTION core.enter_portfolio(p_actor uuid, p_session uuid,
  OUT verdict text, OUT permissions text[], OUT actor_name text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  granted uuid[] := '{}';
  everywhere boolean;
  confined uuid;
  candidate uuid;
  zone text;
BEGIN
  opened_at := now();
  verdict := 'ended';
  SELECT a.name, s.confined_to INTO actor_name, confined
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id
   WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(array_agg(DISTINCT p), '{}') INTO permissions
    FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id, unnest(r.permissions) AS p
   WHERE g.account_id = p_actor AND confined IS NULL;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  everywhere := EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                         WHERE g.account_id = p_actor AND r.client_permissions @> '{finance.figures.read}');
  FOR candidate IN
    SELECT DISTINCT g.tenant_id FROM identity.access_grant g WHERE g.account_id = p_actor AND (confined IS NULL OR g.tenant_id = confined)
    UNION SELECT t.id FROM core.tenant t WHERE everywhere AND confined IS NULL
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
DECLARE
  confined uuid;
BEGIN
  opened_at := now();
  verdict := 'ended';
  SELECT a.name, s.confined_to INTO actor_name, confined
    FROM identity.session s JOIN identity.account a ON a.id = s.account_id
   WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > now() AND a.disabled_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT coalesce(array_agg(DISTINCT p), '{}') INTO permissions
    FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id, unnest(r.permissions) AS p
   WHERE g.account_id = p_actor AND confined IS NULL;
  PERFORM set_config('app.actor_id', p_actor::text, true);
  verdict := 'ok';
END $$;

CREATE OR REPLACE FUNCTION identity.holds_everywhere(p_permission text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT EXISTS (SELECT 1 FROM identity.provider_grant g JOIN identity.provider_role r ON r.id = g.role_id
                  WHERE g.account_id = nullif(current_setting('app.actor_id', true), '')::uuid
                    AND r.client_permissions @> ARRAY[p_permission])
$$;
REVOKE EXECUTE ON FUNCTION identity.holds_everywhere FROM backoffice_identity;

DROP FUNCTION identity.staff_sign_in_from_outside;
DROP TRIGGER check_session ON identity.session;
DROP FUNCTION identity.check_session;
DROP FUNCTION identity.password_lets_in;
DROP TRIGGER note ON identity.provider_grant;
DROP INDEX identity.session_by_staff_identity_provider;
UPDATE identity.session SET came_through = NULL WHERE staff_identity_provider_id IS NOT NULL;
ALTER TABLE identity.session
  DROP CONSTRAINT session_came_one_way,
  DROP CONSTRAINT session_from_outside_has_a_name,
  DROP COLUMN staff_identity_provider_id,
  ADD CONSTRAINT session_from_outside_has_a_name CHECK ((identity_provider_id IS NULL) = (came_through IS NULL));
-- Roles because of groups go with the groups.
DELETE FROM identity.provider_grant WHERE identity_provider_id IS NOT NULL;
DROP INDEX identity.provider_grant_by_hand, identity.provider_grant_by_identity_provider;
ALTER TABLE identity.provider_grant
  DROP CONSTRAINT provider_grant_pkey,
  DROP CONSTRAINT provider_grant_by_hand_lasts,
  DROP COLUMN id,
  DROP COLUMN identity_provider_id,
  DROP COLUMN valid_until,
  ADD PRIMARY KEY (account_id, role_id);
DROP TABLE identity.staff_outside_account;
DROP TABLE identity.staff_identity_provider_role;
DROP TABLE identity.staff_identity_provider;
DROP TABLE identity.provider_trail;
DROP FUNCTION identity.end_sessions_of_staff_outsider;
DROP FUNCTION identity.end_staff_sessions;
DROP FUNCTION identity.breaks_glass;
DROP FUNCTION identity.note_for_provider;
