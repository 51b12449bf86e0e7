UPDATE identity.provider_role SET permissions = array_remove(permissions, 'practice.engagement.require')
 WHERE id = '00000000-0000-7000-8000-000000000001';
DROP FUNCTION practice.require_engagement;
CREATE OR REPLACE FUNCTION core.enter_rule(p_client uuid, p_rule uuid, p_number integer, p_position bigint, p_run uuid,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  says practice.rule_version;
BEGIN
  opened_at := now();
  verdict := 'lost';
  permissions := '{}';
  PERFORM 1 FROM core.rule_lane l
    WHERE l.client_id = p_client AND l.rule_id = p_rule AND l.active AND l.number = p_number AND l.position = p_position
      FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM core.set_tenant(p_client);
  SELECT v.* INTO says FROM practice.rule_version v WHERE v.tenant_id = p_client AND v.rule_id = p_rule AND v.number = p_number;
  verdict := 'ended';
  IF says.publisher_kind = 'user' THEN
    SELECT a.name INTO actor_name FROM identity.account a WHERE a.id = says.publisher_id AND a.disabled_at IS NULL;
  ELSE
    SELECT s.name, ARRAY (SELECT unnest(s.scopes) INTERSECT SELECT unnest(says.scopes)) INTO actor_name, permissions
      FROM identity.service_account s
     WHERE s.tenant_id = p_client AND s.id = says.publisher_id AND s.revoked_at IS NULL AND s.expires_at > opened_at;
  END IF;
  IF NOT FOUND THEN
    permissions := '{}';
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  verdict := 'unknown';
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c WHERE c.tenant_id = p_client;
  IF FOUND AND says.publisher_kind = 'user' THEN
    permissions := core.permissions_in(says.publisher_id, p_client, time_zone);
  END IF;
  IF permissions = '{}' THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  PERFORM core.set_actor(says.publisher_id, says.publisher_kind, actor_name, p_run);
  verdict := 'ok';
END $$;

CREATE OR REPLACE FUNCTION core.enter_job(p_job uuid, p_token uuid, p_writes boolean,
  OUT verdict text, OUT permissions text[], OUT edition text, OUT actor_name text, OUT time_zone text, OUT currency text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  q core.job_queue;
BEGIN
  opened_at := now();
  verdict := 'lost';
  permissions := '{}';
  IF p_writes THEN
    SELECT j.* INTO q FROM core.job_queue j WHERE j.job_id = p_job AND j.token = p_token FOR UPDATE;
  ELSE
    SELECT j.* INTO q FROM core.job_queue j WHERE j.job_id = p_job AND j.token = p_token;
  END IF;
  IF NOT FOUND OR q.client_id IS NULL THEN RETURN; END IF;
  verdict := 'ended';
  IF q.requester_kind = 'user' THEN
    SELECT a.name INTO actor_name FROM identity.account a WHERE a.id = q.requester_id AND a.disabled_at IS NULL;
    IF NOT FOUND THEN RETURN; END IF;
  END IF;
  PERFORM core.set_tenant(q.client_id);
  IF q.requester_kind = 'service' THEN
    SELECT s.name, ARRAY (SELECT unnest(s.scopes) INTERSECT SELECT unnest(q.scopes)) INTO actor_name, permissions
      FROM identity.service_account s
     WHERE s.tenant_id = q.client_id AND s.id = q.requester_id AND s.revoked_at IS NULL AND s.expires_at > opened_at;
    IF NOT FOUND THEN
      permissions := '{}';
      PERFORM set_config('app.tenant_id', '', true);
      RETURN;
    END IF;
  END IF;
  verdict := 'unknown';
  SELECT c.time_zone, c.currency INTO time_zone, currency FROM practice.client c WHERE c.tenant_id = q.client_id;
  IF FOUND AND q.requester_kind = 'user' THEN
    permissions := core.permissions_in(q.requester_id, q.client_id, time_zone);
  END IF;
  IF permissions = '{}' THEN
    PERFORM set_config('app.tenant_id', '', true);
    RETURN;
  END IF;
  PERFORM core.set_actor(q.requester_id, q.requester_kind, actor_name, p_job);
  verdict := 'ok';
END $$;

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
     WHERE s.id = p_session AND s.account_id = p_actor AND s.revoked_at IS NULL AND s.expires_at > opened_at AND a.disabled_at IS NULL
       AND (s.confined_to IS NULL OR s.confined_to = p_tenant);
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

DROP FUNCTION practice.services_covering;
DROP FUNCTION practice.services_described;
DROP FUNCTION core.withheld_here;
CREATE OR REPLACE FUNCTION core.permissions_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  granted text[] := core.permissions_granted_in(p_account, p_tenant, p_time_zone);
  stands  text;
BEGIN
  SELECT c.status INTO stands FROM practice.client c WHERE c.tenant_id = p_tenant;
  IF stands IS NULL OR stands NOT IN ('suspended', 'ended') THEN RETURN granted; END IF;
  IF NOT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.staff) THEN RETURN '{}'; END IF;
  RETURN ARRAY (SELECT p FROM unnest(granted) AS p WHERE p LIKE '%.read' OR p IN ('core.export.run', 'practice.client.archive'));
END $$;

DROP FUNCTION core.engaged_rights;
DROP FUNCTION core.areas_of;
DROP TRIGGER keep_engagement_required ON practice.client;
DROP FUNCTION practice.keep_engagement_required;
DROP TRIGGER renew_rights ON practice.service;
DROP TRIGGER renew_rights_of_new ON practice.service;
DROP FUNCTION practice.renew_all_rights;
DROP TRIGGER renew_rights_engaged ON practice.client;
DROP TRIGGER renew_rights ON practice.engagement_service;
DROP TRIGGER renew_rights ON practice.engagement;
ALTER TABLE practice.client DROP COLUMN engagement_required;
ALTER TABLE practice.service DROP COLUMN covers;
