-- An event tells the version of its record as it was kept: whoever has read that one or a newer one need not read again.
ALTER TABLE core.event ADD COLUMN version integer;

-- The version of a record by the type that its events name it by; null where records of that type have none, or there is
-- no such record. A department whose records have versions adds its types here.
CREATE FUNCTION core.version_of(p_tenant uuid, p_type text, p_node uuid) RETURNS integer
LANGUAGE plpgsql STABLE SET search_path = pg_catalog AS $$
DECLARE
  found integer;
BEGIN
  CASE p_type
    WHEN 'Client' THEN SELECT r.version INTO found FROM practice.client r WHERE r.tenant_id = p_tenant;
    WHEN 'Grant' THEN SELECT r.version INTO found FROM identity.access_grant r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Invitation' THEN SELECT r.version INTO found FROM identity.invitation r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Role' THEN SELECT r.version INTO found FROM identity.role r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'IdentityProvider' THEN SELECT r.version INTO found FROM identity.identity_provider r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'ServiceAccount' THEN SELECT r.version INTO found FROM identity.service_account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Account' THEN SELECT r.version INTO found FROM finance.account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'TaxCode' THEN SELECT r.version INTO found FROM finance.tax_code r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Ledger' THEN SELECT r.version INTO found FROM finance.ledger r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'LockException' THEN SELECT r.version INTO found FROM finance.lock_exception r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Customer' THEN SELECT r.version INTO found FROM finance.customer r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Vendor' THEN SELECT r.version INTO found FROM finance.vendor r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Invoice' THEN SELECT r.version INTO found FROM finance.invoice r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'Bill' THEN SELECT r.version INTO found FROM finance.bill r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BankAccount' THEN SELECT r.version INTO found FROM finance.bank_account r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'BankLine' THEN SELECT r.version INTO found FROM finance.bank_line r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'File' THEN SELECT r.version INTO found FROM core.file r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'WebhookEndpoint' THEN SELECT r.version INTO found FROM core.webhook_endpoint r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    WHEN 'DocumentManifest' THEN SELECT r.version INTO found FROM practice.document_manifest r WHERE r.tenant_id = p_tenant AND r.id = p_node;
    ELSE NULL;
  END CASE;
  RETURN found;
END $$;

-- Writes the events of this transaction, in their order, at the positions behind the client's last. The server sends it
-- together with COMMIT, so that writers of one client wait for each other no longer than a commit takes.
CREATE OR REPLACE FUNCTION core.emit(p_ids uuid[], p_kinds text[], p_types text[], p_nodes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  versions integer[];
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  before bigint;
BEGIN
  -- Before the place behind the last is taken: others wait only for what has to be done in it.
  versions := ARRAY (SELECT core.version_of(tenant, n.node_type, n.node_id)
                       FROM unnest(p_types, p_nodes) WITH ORDINALITY AS n (node_type, node_id, place) ORDER BY n.place);
  INSERT INTO core.event_head AS h (tenant_id, position) VALUES (tenant, cardinality(p_ids))
  ON CONFLICT (tenant_id) DO UPDATE SET position = h.position + cardinality(p_ids)
  RETURNING h.position - cardinality(p_ids) INTO before;
  INSERT INTO core.event (tenant_id, position, id, kind, node_type, node_id, actor_kind, actor_id, request_id, occurred_at, version)
  SELECT tenant, before + n.place, n.id, n.kind, n.node_type, n.node_id,
         coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database'),
         nullif(current_setting('app.actor_id', true), '')::uuid,
         nullif(current_setting('app.request_id', true), '')::uuid, clock_timestamp(), versions[n.place]
    FROM unnest(p_ids, p_kinds, p_types, p_nodes) WITH ORDINALITY AS n (id, kind, node_type, node_id, place);
END $$;

DROP FUNCTION core.webhook_claim;
-- Takes lanes that are due, at most p_well of endpoints that answer and p_sick of endpoints that have not answered well
-- three times running, and of each the deliveries that are due: up to p_batch, of an endpoint that does not answer one.
-- The lane is the caller's for a minute. Clients take turns: each one's second lane comes behind everybody's first.
CREATE FUNCTION core.webhook_claim(p_well integer, p_sick integer, p_batch integer)
RETURNS TABLE (client_id uuid, endpoint_id uuid, lease uuid, is_sick boolean, url text, secret_ids uuid[], secrets bytea[], id uuid,
               message_id uuid, kind text, node_type text, node_id uuid, event_position bigint, occurred_at timestamptz,
               tries integer, first_tried_at timestamptz, node_version integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  sick    boolean;
  wanted  integer;
  taken   integer;
  turn    record;
  lane    core.webhook_lane;
BEGIN
  FOREACH sick IN ARRAY ARRAY[false, true] LOOP
    wanted := CASE WHEN sick THEN p_sick ELSE p_well END;
    CONTINUE WHEN wanted <= 0;
    FOR turn IN
      SELECT t.client_id, t.endpoint_id FROM (
        SELECT l.client_id, l.endpoint_id, l.due_at,
               row_number() OVER (PARTITION BY l.client_id ORDER BY l.due_at, l.endpoint_id)
               + (SELECT count(*) FROM core.webhook_lane o WHERE o.client_id = l.client_id AND o.leased_until >= now()) AS place
          FROM core.webhook_lane l
         WHERE l.active AND l.due_at <= now() AND (l.failures >= 3) = sick
           AND (l.held_until IS NULL OR l.held_until <= now()) AND (l.leased_until IS NULL OR l.leased_until < now())) t
       ORDER BY t.place, t.due_at LIMIT 4 * wanted
    LOOP
      EXIT WHEN wanted <= 0;
      SELECT l.* INTO lane FROM core.webhook_lane l
       WHERE l.client_id = turn.client_id AND l.endpoint_id = turn.endpoint_id
         AND l.active AND l.due_at <= now() AND (l.leased_until IS NULL OR l.leased_until < now())
         FOR UPDATE SKIP LOCKED;
      CONTINUE WHEN NOT FOUND;
      PERFORM core.set_tenant(lane.client_id);
      lane.lease := gen_random_uuid();
      RETURN QUERY
        SELECT lane.client_id, lane.endpoint_id, lane.lease, sick, e.url, s.ids, s.sealed, d.id, d.message_id, d.kind, d.node_type,
               d.node_id, d.position, d.occurred_at, d.tries, d.first_tried_at,
               (SELECT v.version FROM core.event v WHERE v.tenant_id = lane.client_id AND v.position = d.position)
          FROM core.webhook_endpoint e
          CROSS JOIN LATERAL (SELECT array_agg(k.id ORDER BY k.created_at DESC, k.id DESC) AS ids, array_agg(k.sealed ORDER BY k.created_at DESC, k.id DESC) AS sealed
                                FROM core.webhook_secret k
                               WHERE k.tenant_id = e.tenant_id AND k.endpoint_id = e.id AND (k.expires_at IS NULL OR k.expires_at > now())) s
          CROSS JOIN LATERAL (SELECT w.* FROM core.webhook_delivery w
                               WHERE w.tenant_id = e.tenant_id AND w.endpoint_id = e.id AND w.state = 'waiting' AND w.next_attempt_at <= now()
                               ORDER BY w.next_attempt_at, w.seq LIMIT CASE WHEN sick THEN 1 ELSE p_batch END) d
         WHERE e.tenant_id = lane.client_id AND e.id = lane.endpoint_id;
      GET DIAGNOSTICS taken = ROW_COUNT;
      IF taken = 0 THEN
        UPDATE core.webhook_lane l
           SET due_at = (SELECT min(w.next_attempt_at) FROM core.webhook_delivery w
                          WHERE w.tenant_id = lane.client_id AND w.endpoint_id = lane.endpoint_id AND w.state = 'waiting')
         WHERE l.client_id = lane.client_id AND l.endpoint_id = lane.endpoint_id;
      ELSE
        UPDATE core.webhook_lane l SET lease = lane.lease, leased_until = clock_timestamp() + interval '60 s'
         WHERE l.client_id = lane.client_id AND l.endpoint_id = lane.endpoint_id;
        wanted := wanted - 1;
      END IF;
    END LOOP;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.webhook_claim TO backoffice_identity;

-- Jobs that are over go 90 days after their end, with their attempts; the job that a schedule asked for last stays, and
-- so does one that anything else refers to.
CREATE INDEX job_by_end ON core.job (tenant_id, ended_at) WHERE ended_at IS NOT NULL;

-- Takes away at most p_most such jobs, of clients and of none; says how many went, and whether there may be more.
CREATE FUNCTION core.sweep_jobs(p_most integer, OUT jobs integer, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  over   timestamptz := now() - interval '90 days';
  client uuid;
  one    uuid;
BEGIN
  jobs := 0; more := false;
  IF p_most NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'a batch has 1 to 1000 rows';
  END IF;
  IF NOT pg_try_advisory_xact_lock(3104210092) THEN RETURN; END IF;
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    EXIT WHEN jobs >= p_most;
    PERFORM core.set_tenant(client);
    FOR one IN
      SELECT j.id FROM core.job j
       WHERE j.tenant_id = client AND j.ended_at < over
         AND NOT EXISTS (SELECT 1 FROM core.schedule_turn s WHERE s.tenant_id = client AND s.last_job_id = j.id)
       ORDER BY j.ended_at
    LOOP
      EXIT WHEN jobs >= p_most;
      BEGIN
        DELETE FROM core.job_attempt a WHERE a.tenant_id = client AND a.job_id = one;
        DELETE FROM core.job j WHERE j.tenant_id = client AND j.id = one;
        jobs := jobs + 1;
      EXCEPTION WHEN foreign_key_violation THEN
        CONTINUE;
      END;
    END LOOP;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  FOR one IN
    SELECT j.id FROM core.provider_job j
     WHERE j.ended_at < over AND NOT EXISTS (SELECT 1 FROM core.provider_schedule s WHERE s.last_job_id = j.id)
     ORDER BY j.ended_at
  LOOP
    EXIT WHEN jobs >= p_most;
    DELETE FROM core.provider_job j WHERE j.id = one;
    jobs := jobs + 1;
  END LOOP;
  more := jobs >= p_most;
END $$;
GRANT EXECUTE ON FUNCTION core.sweep_jobs TO backoffice_identity;
