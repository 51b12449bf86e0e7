-- Nothing is done outside a live engagement, in every department. A service says what it covers: departments, which are the
-- first word of rights, or one concept of a department. For a client that the provider keeps to its engagements the rights to
-- change what services cover are withheld from the provider's staff and from programs, unless a live engagement covers them
-- on the client's day. Reading stays, the client's own people keep theirs, and what no service covers is nobody's to engage.
-- That follows from the rights themselves, so that no resolver and no job has to be told.

ALTER TABLE practice.service ADD COLUMN covers text[] NOT NULL DEFAULT '{}'
  CHECK (cardinality(covers) <= 50 AND array_position(covers, NULL) IS NULL
         AND array_to_string(covers, ' ') ~ '^([a-z_]+(\.[a-z_]+)?( |$))*$'
         AND array_to_string(covers, ' ') !~ '(^| )(practice|identity|core|audit)(\.| |$)');
COMMENT ON COLUMN practice.service.covers IS 'departments (finance) and concepts of departments (finance.invoice) that are worked in for it';

ALTER TABLE practice.client ADD COLUMN engagement_required boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN practice.client.engagement_required IS 'whether the staff does nothing of what services cover outside a live engagement';

-- What servers remember of rights is over when an engagement changes; days are part of the edition of rights.
CREATE TRIGGER renew_rights AFTER INSERT OR UPDATE OR DELETE ON practice.engagement
  FOR EACH ROW EXECUTE FUNCTION core.renew_rights();
CREATE TRIGGER renew_rights AFTER INSERT OR UPDATE OR DELETE ON practice.engagement_service
  FOR EACH ROW EXECUTE FUNCTION core.renew_rights();
CREATE TRIGGER renew_rights_engaged AFTER UPDATE ON practice.client
  FOR EACH ROW WHEN (old.engagement_required IS DISTINCT FROM new.engagement_required) EXECUTE FUNCTION core.renew_rights();
ALTER TABLE practice.engagement ENABLE ALWAYS TRIGGER renew_rights;
ALTER TABLE practice.engagement_service ENABLE ALWAYS TRIGGER renew_rights;
ALTER TABLE practice.client ENABLE ALWAYS TRIGGER renew_rights_engaged;

-- What a service covers concerns all clients. They are taken in one order, as everywhere.
CREATE FUNCTION practice.renew_all_rights() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM 1 FROM core.tenant t ORDER BY t.id FOR NO KEY UPDATE;
  UPDATE core.tenant t SET rights_edition = t.rights_edition + 1;
  RETURN NULL;
END $$;
CREATE TRIGGER renew_rights_of_new AFTER INSERT ON practice.service
  FOR EACH ROW WHEN (new.covers <> '{}') EXECUTE FUNCTION practice.renew_all_rights();
CREATE TRIGGER renew_rights AFTER UPDATE ON practice.service
  FOR EACH ROW WHEN (old.covers IS DISTINCT FROM new.covers) EXECUTE FUNCTION practice.renew_all_rights();
ALTER TABLE practice.service ENABLE ALWAYS TRIGGER renew_rights_of_new;
ALTER TABLE practice.service ENABLE ALWAYS TRIGGER renew_rights;

-- The server's role frees no client of it by a statement of its own.
CREATE FUNCTION practice.keep_engagement_required() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF current_user = 'backoffice_app' THEN
    RAISE EXCEPTION 'whether engagements are required is the provider''s to say' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_engagement_required BEFORE UPDATE ON practice.client
  FOR EACH ROW WHEN (old.engagement_required IS DISTINCT FROM new.engagement_required) EXECUTE FUNCTION practice.keep_engagement_required();

-- What a right belongs to: its department, and the concept of its department.
CREATE FUNCTION core.areas_of(p_right text) RETURNS text[]
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT ARRAY[split_part(p_right, '.', 1), split_part(p_right, '.', 1) || '.' || split_part(p_right, '.', 2)]
$$;
GRANT EXECUTE ON FUNCTION core.areas_of TO backoffice_app;

-- Of these rights in a client those that its engagements leave today: reading, what no service covers, and what a live
-- engagement covers. All of them where the client is not kept to its engagements. The search path is the caller's.
CREATE FUNCTION core.engaged_rights(p_tenant uuid, p_time_zone text, p_rights text[]) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  today   date := (now() AT TIME ZONE p_time_zone)::date;
  offered text[];
  live    text[];
BEGIN
  IF NOT EXISTS (SELECT 1 FROM practice.client c WHERE c.tenant_id = p_tenant AND c.engagement_required) THEN
    RETURN p_rights;
  END IF;
  offered := ARRAY (SELECT DISTINCT a FROM practice.service s, unnest(s.covers) AS a);
  live := ARRAY (SELECT DISTINCT a
                   FROM practice.engagement e
                   JOIN practice.engagement_service l ON l.tenant_id = e.tenant_id AND l.engagement_id = e.id
                   JOIN practice.service s ON s.code = l.service_code, unnest(s.covers) AS a
                  WHERE e.tenant_id = p_tenant AND e.from_on <= today AND l.from_on <= today
                    AND (e.until_on IS NULL OR e.until_on > today) AND (l.until_on IS NULL OR l.until_on > today));
  RETURN ARRAY (SELECT r.name FROM unnest(p_rights) WITH ORDINALITY AS r (name, place)
                 WHERE r.name LIKE '%.read' OR NOT core.areas_of(r.name) && offered OR core.areas_of(r.name) && live
                 ORDER BY r.place);
END $$;

-- What a person may do in one client today: what is granted, less what is denied, and of that what the status of the client
-- and its engagements leave. The search path is the caller's: only doors with one of their own call this.
CREATE OR REPLACE FUNCTION core.permissions_in(p_account uuid, p_tenant uuid, p_time_zone text) RETURNS text[]
LANGUAGE plpgsql STABLE STRICT AS $$
DECLARE
  granted text[] := core.permissions_granted_in(p_account, p_tenant, p_time_zone);
  stands  text;
  engaged boolean;
BEGIN
  SELECT c.status, c.engagement_required INTO stands, engaged FROM practice.client c WHERE c.tenant_id = p_tenant;
  IF stands IS NULL OR stands NOT IN ('suspended', 'ended') THEN
    IF engaged AND EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.staff) THEN
      RETURN core.engaged_rights(p_tenant, p_time_zone, granted);
    END IF;
    RETURN granted;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM identity.account a WHERE a.id = p_account AND a.staff) THEN RETURN '{}'; END IF;
  RETURN ARRAY (SELECT p FROM unnest(granted) AS p WHERE p LIKE '%.read' OR p IN ('core.export.run', 'practice.client.archive'));
END $$;

-- What whoever acts in this transaction is granted in its client, and no live engagement leaves him today: for the sentence
-- that refuses it. Nothing where something else takes it: the status of the client, or an end.
CREATE FUNCTION core.withheld_here() RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant  uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  actor   uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  zone    text;
  granted text[];
BEGIN
  SELECT c.time_zone INTO zone FROM practice.client c
   WHERE c.tenant_id = tenant AND c.engagement_required AND c.status NOT IN ('suspended', 'ended');
  IF zone IS NULL OR actor IS NULL THEN RETURN '{}'; END IF;
  IF EXISTS (SELECT 1 FROM identity.account a WHERE a.id = actor) THEN
    SELECT core.permissions_granted_in(a.id, tenant, zone) INTO granted
      FROM identity.account a WHERE a.id = actor AND a.staff AND a.disabled_at IS NULL;
  ELSE
    SELECT s.scopes INTO granted FROM identity.service_account s WHERE s.tenant_id = tenant AND s.id = actor AND s.revoked_at IS NULL;
  END IF;
  RETURN ARRAY (SELECT DISTINCT r FROM unnest(granted) AS r WHERE r <> ALL (core.engaged_rights(tenant, zone, granted)) ORDER BY r);
END $$;
GRANT EXECUTE ON FUNCTION core.withheld_here TO backoffice_app;

-- Services that stand on records that the caller has read, with what they cover.
CREATE FUNCTION practice.services_described(p_codes text[]) RETURNS TABLE (code text, name text, covers text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.code, s.name, s.covers FROM practice.service s WHERE s.code = ANY (p_codes)
$$;
GRANT EXECUTE ON FUNCTION practice.services_described TO backoffice_app, backoffice_portfolio;

-- The services that cover a right, for those who may see which services the client has.
CREATE FUNCTION practice.services_covering(p_right text) RETURNS TABLE (code text, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.code, s.name FROM practice.service s WHERE s.covers && core.areas_of(p_right) ORDER BY s.code LIMIT 20
$$;
GRANT EXECUTE ON FUNCTION practice.services_covering TO backoffice_app;

-- As before, but that a program has of what it was given what the engagements of the client leave.
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
      permissions := coalesce(core.engaged_rights(p_tenant, time_zone, scopes), core.permissions_in(p_actor, p_tenant, time_zone));
    END IF;
  END IF;
  IF edition IS NULL OR coalesce(scopes, permissions) = '{}' THEN
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
  IF q.requester_kind = 'service' THEN
    permissions := coalesce(core.engaged_rights(q.client_id, time_zone, permissions), '{}');
  END IF;
  PERFORM core.set_actor(q.requester_id, q.requester_kind, actor_name, p_job);
  verdict := 'ok';
END $$;

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
  IF says.publisher_kind = 'service' THEN
    permissions := coalesce(core.engaged_rights(p_client, time_zone, permissions), '{}');
  END IF;
  PERFORM core.set_actor(says.publisher_id, says.publisher_kind, actor_name, p_run);
  verdict := 'ok';
END $$;

-- Keeps a client to its engagements, or frees it; the transaction is the provider's. Verdicts: 'ok', 'unknown' (no such
-- client, or it is closed).
CREATE FUNCTION practice.require_engagement(p_client uuid, p_required boolean, p_request uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  actor   uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  verdict text := 'ok';
  set_to  text;
BEGIN
  PERFORM core.set_tenant(p_client);
  PERFORM core.set_actor(actor, 'user', (SELECT a.name FROM identity.account a WHERE a.id = actor), p_request);
  PERFORM 1 FROM practice.client c WHERE c.tenant_id = p_client FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    verdict := 'unknown';
  ELSE
    UPDATE practice.client c SET engagement_required = p_required WHERE c.tenant_id = p_client AND c.engagement_required <> p_required;
    -- The trail is sealed as long as this client is set: the next field of the operation may be about another.
    SET CONSTRAINTS audit.seal IMMEDIATE;
    SET CONSTRAINTS audit.seal DEFERRED;
  END IF;
  set_to := set_config('app.tenant_id', '', true);
  RETURN verdict;
END $$;
GRANT EXECUTE ON FUNCTION practice.require_engagement TO backoffice_identity;

UPDATE identity.provider_role SET permissions = permissions || '{practice.engagement.require}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
