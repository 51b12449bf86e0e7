DROP FUNCTION core.sweep_jobs;
DROP INDEX core.job_by_end;
DROP FUNCTION core.webhook_claim;
-- Takes lanes that are due, at most p_well of endpoints that answer and p_sick of endpoints that have not answered well
-- three times running, and of each the deliveries that are due: up to p_batch, of an endpoint that does not answer one.
-- The lane is the caller's for a minute. Clients take turns: each one's second lane comes behind everybody's first.
CREATE FUNCTION core.webhook_claim(p_well integer, p_sick integer, p_batch integer)
RETURNS TABLE (client_id uuid, endpoint_id uuid, lease uuid, is_sick boolean, url text, secret_ids uuid[], secrets bytea[], id uuid,
               message_id uuid, kind text, node_type text, node_id uuid, event_position bigint, occurred_at timestamptz,
               tries integer, first_tried_at timestamptz)
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
               d.node_id, d.position, d.occurred_at, d.tries, d.first_tried_at
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

-- Writes the events of this transaction, in their order, at the positions behind the client's last. The server sends it
-- together with COMMIT, so that writers of one client wait for each other no longer than a commit takes.
CREATE OR REPLACE FUNCTION core.emit(p_ids uuid[], p_kinds text[], p_types text[], p_nodes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  before bigint;
BEGIN
  INSERT INTO core.event_head AS h (tenant_id, position) VALUES (tenant, cardinality(p_ids))
  ON CONFLICT (tenant_id) DO UPDATE SET position = h.position + cardinality(p_ids)
  RETURNING h.position - cardinality(p_ids) INTO before;
  INSERT INTO core.event (tenant_id, position, id, kind, node_type, node_id, actor_kind, actor_id, request_id, occurred_at)
  SELECT tenant, before + n.place, n.id, n.kind, n.node_type, n.node_id,
         coalesce(nullif(current_setting('app.actor_kind', true), ''), 'database'),
         nullif(current_setting('app.actor_id', true), '')::uuid,
         nullif(current_setting('app.request_id', true), '')::uuid, clock_timestamp()
    FROM unnest(p_ids, p_kinds, p_types, p_nodes) WITH ORDINALITY AS n (id, kind, node_type, node_id, place);
END $$;
DROP FUNCTION core.version_of;
ALTER TABLE core.event DROP COLUMN version;
