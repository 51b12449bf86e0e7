-- Webhooks: endpoints of a client, their secrets, what is to be delivered to them and what came of it.
--
-- Endpoints and secrets are records like others. Deliveries and attempts are bookkeeping: they say what was sent, not what
-- is so, and stay out of the trail, which would otherwise grow with every attempt. They are written by the functions
-- below only.

CREATE TABLE core.webhook_endpoint (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  url        text NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
  kinds      text[] NOT NULL CHECK (cardinality(kinds) BETWEEN 1 AND 200),
  state      text NOT NULL CHECK (state IN ('active', 'paused', 'deleted')),
  paused_for text CHECK (paused_for IN ('asked', 'gone', 'failing')),
  paused_at  timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK ((state = 'paused') = (paused_for IS NOT NULL) AND (state = 'paused') = (paused_at IS NOT NULL))
);
SELECT core.raise_wall('core.webhook_endpoint', 'mutable');

CREATE TABLE core.webhook_secret (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  sealed      bytea NOT NULL,
  expires_at  timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, endpoint_id) REFERENCES core.webhook_endpoint
);
COMMENT ON COLUMN core.webhook_secret.sealed IS 'encrypted with a key that is not in the database';
CREATE INDEX webhook_secret_by_endpoint ON core.webhook_secret (tenant_id, endpoint_id, created_at);
SELECT core.raise_wall('core.webhook_secret', 'mutable', secrets => '{sealed}');

-- One lane an endpoint: how far its events were looked at, whether something is due, who is delivering now. Workers find
-- their work here across all clients; what the work is they read as the client that it belongs to.
CREATE TABLE core.webhook_lane (
  client_id       uuid NOT NULL,
  endpoint_id     uuid NOT NULL,
  active          boolean NOT NULL,
  position        bigint NOT NULL,
  open            integer NOT NULL DEFAULT 0 CHECK (open >= 0),
  due_at          timestamptz,
  held_until      timestamptz,
  lease           uuid,
  leased_until    timestamptz,
  failures        integer NOT NULL DEFAULT 0,
  failing_since   timestamptz,
  last_success_at timestamptz,
  PRIMARY KEY (client_id, endpoint_id)
);
COMMENT ON TABLE core.webhook_lane IS 'local: where the workers of all clients look for deliveries that are due; reached by functions only';
CREATE INDEX webhook_lane_due ON core.webhook_lane (due_at) WHERE active AND due_at IS NOT NULL;

-- State 'waiting': to be sent at next_attempt_at. 'queued': behind an earlier one of the same record, which is 'waiting'.
CREATE TABLE core.webhook_delivery (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  seq             bigint GENERATED ALWAYS AS IDENTITY,
  endpoint_id     uuid NOT NULL,
  message_id      uuid NOT NULL,
  kind            text NOT NULL,
  node_type       text,
  node_id         uuid,
  position        bigint,
  occurred_at     timestamptz NOT NULL,
  state           text NOT NULL CHECK (state IN ('queued', 'waiting', 'succeeded', 'given_up', 'cancelled')),
  attempts        integer NOT NULL DEFAULT 0,
  tries           integer NOT NULL DEFAULT 0,
  first_tried_at  timestamptz,
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  ended_at        timestamptz,
  replay_of       uuid,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, endpoint_id) REFERENCES core.webhook_endpoint,
  CHECK ((state IN ('queued', 'waiting')) = (ended_at IS NULL))
);
COMMENT ON TABLE core.webhook_delivery IS 'derived; unaudited: what was sent for which event; swept 30 days after its end';
CREATE INDEX webhook_delivery_by_endpoint ON core.webhook_delivery (tenant_id, endpoint_id, seq);
CREATE INDEX webhook_delivery_by_seq ON core.webhook_delivery (tenant_id, seq);
CREATE INDEX webhook_delivery_due ON core.webhook_delivery (tenant_id, endpoint_id, next_attempt_at, seq) WHERE state = 'waiting';
CREATE INDEX webhook_delivery_open ON core.webhook_delivery (tenant_id, endpoint_id, node_id, seq) WHERE state IN ('queued', 'waiting');
CREATE INDEX webhook_delivery_by_end ON core.webhook_delivery (tenant_id, ended_at) WHERE ended_at IS NOT NULL;
SELECT core.raise_wall('core.webhook_delivery', 'derived');

CREATE TABLE core.webhook_attempt (
  tenant_id   uuid NOT NULL,
  delivery_id uuid NOT NULL,
  number      integer NOT NULL,
  started_at  timestamptz NOT NULL,
  latency_ms  integer NOT NULL CHECK (latency_ms >= 0),
  outcome     text NOT NULL,
  status      integer,
  answer      text CHECK (length(answer) <= 2000),
  PRIMARY KEY (tenant_id, delivery_id, number),
  FOREIGN KEY (tenant_id, delivery_id) REFERENCES core.webhook_delivery
);
COMMENT ON TABLE core.webhook_attempt IS 'derived; unaudited: the log of attempts; goes with its delivery';
SELECT core.raise_wall('core.webhook_attempt', 'derived');

------------------------------------------------------------------------------------------------- kept by the endpoint
-- Keeps an endpoint's lane in step: a new one begins with the events to come; a paused one is not looked at and goes on
-- where it stopped; a resumed one tries what waits afresh; a deleted one has none.
CREATE FUNCTION core.webhook_keep_lane() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op = 'INSERT' THEN
    INSERT INTO core.webhook_lane (client_id, endpoint_id, active, position)
    VALUES (new.tenant_id, new.id, new.state = 'active',
            coalesce((SELECT h.position FROM core.event_head h WHERE h.tenant_id = new.tenant_id), 0));
  ELSIF new.state = 'deleted' THEN
    DELETE FROM core.webhook_lane l WHERE l.client_id = new.tenant_id AND l.endpoint_id = new.id;
    UPDATE core.webhook_delivery d SET state = 'cancelled', ended_at = now()
     WHERE d.tenant_id = new.tenant_id AND d.endpoint_id = new.id AND d.state IN ('queued', 'waiting');
  ELSIF new.state <> old.state OR new.url <> old.url THEN
    UPDATE core.webhook_lane l
       SET active = new.state = 'active', failures = 0, failing_since = NULL, held_until = NULL,
           due_at = CASE WHEN l.open > 0 THEN now() END
     WHERE l.client_id = new.tenant_id AND l.endpoint_id = new.id;
    UPDATE core.webhook_delivery d SET next_attempt_at = now(), tries = 0, first_tried_at = NULL
     WHERE d.tenant_id = new.tenant_id AND d.endpoint_id = new.id AND d.state = 'waiting' AND new.state = 'active';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_lane AFTER INSERT OR UPDATE ON core.webhook_endpoint FOR EACH ROW EXECUTE FUNCTION core.webhook_keep_lane();

-- How the lanes of some endpoints of this transaction's client stand.
CREATE FUNCTION core.webhook_lanes(p_endpoints uuid[])
RETURNS TABLE (endpoint_id uuid, open integer, failing_since timestamptz, last_success_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT l.endpoint_id, l.open, l.failing_since, l.last_success_at FROM core.webhook_lane l
   WHERE l.client_id = nullif(current_setting('app.tenant_id', true), '')::uuid AND l.endpoint_id = ANY (p_endpoints)
$$;
GRANT EXECUTE ON FUNCTION core.webhook_lanes TO backoffice_app;

-- Adds a delivery that somebody asked for: a test, or an earlier one once more. It is queued behind what waits for the
-- same record. False: the endpoint is none of the client's.
CREATE FUNCTION core.webhook_enqueue(p_id uuid, p_endpoint uuid, p_message uuid, p_kind text, p_replay_of uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  PERFORM 1 FROM core.webhook_lane l WHERE l.client_id = tenant AND l.endpoint_id = p_endpoint FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p_replay_of IS NULL THEN
    INSERT INTO core.webhook_delivery (tenant_id, id, endpoint_id, message_id, kind, occurred_at, state)
    VALUES (tenant, p_id, p_endpoint, p_message, p_kind, now(), 'waiting');
  ELSE
    INSERT INTO core.webhook_delivery (tenant_id, id, endpoint_id, message_id, kind, node_type, node_id, position, occurred_at, state, replay_of)
    SELECT tenant, p_id, d.endpoint_id, d.message_id, d.kind, d.node_type, d.node_id, d.position, d.occurred_at,
           CASE WHEN EXISTS (SELECT 1 FROM core.webhook_delivery b WHERE b.tenant_id = tenant AND b.endpoint_id = d.endpoint_id
                                AND b.node_id = d.node_id AND b.state IN ('queued', 'waiting')) THEN 'queued' ELSE 'waiting' END, d.id
      FROM core.webhook_delivery d
     WHERE d.tenant_id = tenant AND d.endpoint_id = p_endpoint AND d.id = p_replay_of;
    IF NOT FOUND THEN RETURN false; END IF;
  END IF;
  UPDATE core.webhook_lane l SET open = l.open + 1, due_at = least(l.due_at, now())
   WHERE l.client_id = tenant AND l.endpoint_id = p_endpoint;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION core.webhook_enqueue TO backoffice_app;

------------------------------------------------------------------------------------------------------------- workers
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

-- Writes down what came of a lane's deliveries and gives the lane back. Each result is
-- {id, started_at, latency_ms, outcome, status, answer, state, delay_ms}: state as it is now, delay_ms until the next
-- attempt of one that waits. p_hold_ms: the receiver asked for so long a pause. p_gone: it is gone for good.
-- Gives the reason if the endpoint was paused for it.
CREATE FUNCTION core.webhook_finish(p_client uuid, p_endpoint uuid, p_lease uuid, p_results jsonb, p_hold_ms bigint, p_gone boolean) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  lane      core.webhook_lane;
  ended     integer;
  succeeded integer;
  failed    integer;
  reason    text;
BEGIN
  PERFORM core.set_tenant(p_client);
  -- Whoever changes an endpoint locks it before its lane: where this may have to, it does as well.
  IF p_gone OR EXISTS (SELECT 1 FROM core.webhook_lane l WHERE l.client_id = p_client AND l.endpoint_id = p_endpoint
                          AND l.failing_since < now() - interval '3 days') THEN
    PERFORM 1 FROM core.webhook_endpoint e WHERE e.tenant_id = p_client AND e.id = p_endpoint FOR NO KEY UPDATE;
  END IF;
  SELECT l.* INTO lane FROM core.webhook_lane l WHERE l.client_id = p_client AND l.endpoint_id = p_endpoint FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;

  INSERT INTO core.webhook_attempt (tenant_id, delivery_id, number, started_at, latency_ms, outcome, status, answer)
  SELECT p_client, d.id, d.attempts + 1, r.started_at, r.latency_ms, r.outcome, r.status, r.answer
    FROM jsonb_to_recordset(p_results) AS r (id uuid, started_at timestamptz, latency_ms integer, outcome text, status integer, answer text)
    JOIN core.webhook_delivery d ON d.tenant_id = p_client AND d.endpoint_id = p_endpoint AND d.id = r.id;
  WITH told AS (
    SELECT r.id, r.started_at, r.state, r.delay_ms
      FROM jsonb_to_recordset(p_results) AS r (id uuid, started_at timestamptz, state text, delay_ms bigint)
  ), counted AS (
    UPDATE core.webhook_delivery d SET attempts = d.attempts + 1
      FROM told t WHERE d.tenant_id = p_client AND d.id = t.id AND d.state <> 'waiting'
  ), changed AS (
    -- One that another worker has ended meanwhile stays as it is.
    UPDATE core.webhook_delivery d
       SET attempts = d.attempts + 1, tries = d.tries + 1, first_tried_at = coalesce(d.first_tried_at, t.started_at),
           state = t.state, ended_at = CASE WHEN t.state <> 'waiting' THEN clock_timestamp() END,
           next_attempt_at = CASE WHEN t.state = 'waiting' THEN clock_timestamp() + t.delay_ms * interval '1 ms' ELSE d.next_attempt_at END
      FROM told t
     WHERE d.tenant_id = p_client AND d.id = t.id AND d.state = 'waiting'
    RETURNING d.state
  )
  SELECT count(*) FILTER (WHERE c.state <> 'waiting'), count(*) FILTER (WHERE c.state = 'succeeded'), count(*) FILTER (WHERE c.state <> 'succeeded')
    INTO ended, succeeded, failed FROM changed c;
  -- The next one of each record whose earlier one has ended.
  UPDATE core.webhook_delivery d SET state = 'waiting', next_attempt_at = clock_timestamp()
   WHERE d.tenant_id = p_client AND d.endpoint_id = p_endpoint AND d.state = 'queued'
     AND d.seq IN (SELECT (SELECT min(q.seq) FROM core.webhook_delivery q
                            WHERE q.tenant_id = p_client AND q.endpoint_id = p_endpoint AND q.node_id = e.node_id AND q.state IN ('queued', 'waiting'))
                     FROM core.webhook_delivery e
                     JOIN jsonb_to_recordset(p_results) AS r (id uuid) ON r.id = e.id
                    WHERE e.tenant_id = p_client AND e.endpoint_id = p_endpoint AND e.ended_at IS NOT NULL AND e.node_id IS NOT NULL);

  lane.open := greatest(lane.open - ended, 0);
  IF succeeded > 0 THEN
    lane.failures := 0; lane.failing_since := NULL; lane.last_success_at := clock_timestamp(); lane.held_until := NULL;
  ELSIF failed > 0 THEN
    lane.failures := lane.failures + failed;
    lane.failing_since := coalesce(lane.failing_since, clock_timestamp());
    IF lane.failures >= 3 THEN
      lane.held_until := clock_timestamp() + least(interval '5 s' * 2 ^ least(lane.failures - 3, 10), interval '5 min') * (0.8 + 0.4 * random());
    END IF;
  END IF;
  IF p_hold_ms > 0 THEN
    lane.held_until := greatest(lane.held_until, clock_timestamp() + p_hold_ms * interval '1 ms');
  END IF;
  UPDATE core.webhook_lane l
     SET open = lane.open, failures = lane.failures, failing_since = lane.failing_since, last_success_at = lane.last_success_at,
         held_until = lane.held_until,
         lease = CASE WHEN l.lease IS DISTINCT FROM p_lease THEN l.lease END,
         leased_until = CASE WHEN l.lease IS DISTINCT FROM p_lease THEN l.leased_until END,
         due_at = (SELECT min(w.next_attempt_at) FROM core.webhook_delivery w
                    WHERE w.tenant_id = p_client AND w.endpoint_id = p_endpoint AND w.state = 'waiting')
   WHERE l.client_id = p_client AND l.endpoint_id = p_endpoint;

  reason := CASE WHEN p_gone THEN 'gone' WHEN lane.failing_since < clock_timestamp() - interval '3 days' THEN 'failing' END;
  IF reason IS NOT NULL AND lane.active THEN
    PERFORM core.set_actor(NULL, 'system', 'webhooks', NULL);
    UPDATE core.webhook_endpoint e SET state = 'paused', paused_for = reason, paused_at = clock_timestamp()
     WHERE e.tenant_id = p_client AND e.id = p_endpoint AND e.state = 'active';
    PERFORM core.emit(ARRAY[gen_random_uuid()], ARRAY['webhook_endpoint.paused'], ARRAY['WebhookEndpoint'], ARRAY[p_endpoint]);
  ELSE
    reason := NULL;
  END IF;
  -- The client stays set: at commit, the trail of the pause is sealed.
  RETURN reason;
END $$;
GRANT EXECUTE ON FUNCTION core.webhook_finish TO backoffice_identity;

-- Makes the deliveries of events that have come since it was last looked, for each endpoint from its own position on; both
-- are kept together, so that no event is lost or taken twice. An endpoint with 10,000 open deliveries gets no more until
-- some of them have ended: the events wait where they are.
CREATE FUNCTION core.webhook_fan_out(p_most integer, OUT made integer, OUT more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client  record;
  head    bigint;
  through bigint;
  own     integer;
  lane    core.webhook_lane;
BEGIN
  made := 0; more := false;
  FOR client IN SELECT l.client_id, min(l.position) AS position FROM core.webhook_lane l WHERE l.active GROUP BY l.client_id ORDER BY random() LOOP
    IF made >= p_most THEN
      more := true;
      EXIT;
    END IF;
    PERFORM core.set_tenant(client.client_id);
    SELECT h.position INTO head FROM core.event_head h WHERE h.tenant_id = client.client_id;
    CONTINUE WHEN head IS NULL OR head <= client.position;
    FOR lane IN
      SELECT l.* FROM core.webhook_lane l
       WHERE l.client_id = client.client_id AND l.active AND l.position < head AND l.open < 10000
         FOR UPDATE SKIP LOCKED
    LOOP
      through := least(head, lane.position + least(10000 - lane.open, 1000));
      INSERT INTO core.webhook_delivery (tenant_id, id, endpoint_id, message_id, kind, node_type, node_id, position, occurred_at, state)
      SELECT lane.client_id, gen_random_uuid(), lane.endpoint_id, e.id, e.kind, e.node_type, e.node_id, e.position, e.occurred_at,
             CASE WHEN e.place = 1 AND NOT EXISTS (SELECT 1 FROM core.webhook_delivery b WHERE b.tenant_id = lane.client_id
                           AND b.endpoint_id = lane.endpoint_id AND b.node_id = e.node_id AND b.state IN ('queued', 'waiting'))
                  THEN 'waiting' ELSE 'queued' END
        FROM (SELECT v.*, row_number() OVER (PARTITION BY v.node_id ORDER BY v.position) AS place
                FROM core.event v
                JOIN core.webhook_endpoint w ON w.tenant_id = v.tenant_id AND w.id = lane.endpoint_id AND v.kind = ANY (w.kinds)
               WHERE v.tenant_id = lane.client_id AND v.position > lane.position AND v.position <= through) e
       ORDER BY e.position;
      GET DIAGNOSTICS own = ROW_COUNT;
      UPDATE core.webhook_lane l
         SET position = through, open = l.open + own, due_at = CASE WHEN own > 0 THEN least(l.due_at, now()) ELSE l.due_at END
       WHERE l.client_id = lane.client_id AND l.endpoint_id = lane.endpoint_id;
      made := made + own;
      more := more OR (through < head AND lane.open + own < 10000);
    END LOOP;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.webhook_fan_out TO backoffice_identity;

-- Takes away at most p_most deliveries that ended more than 30 days ago, with their attempts. Gives how many went.
CREATE FUNCTION core.webhook_sweep(p_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  over   uuid[];
  swept  integer := 0;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    EXIT WHEN swept >= p_most;
    PERFORM core.set_tenant(client);
    over := ARRAY (SELECT d.id FROM core.webhook_delivery d WHERE d.tenant_id = client AND d.ended_at < now() - interval '30 days'
                    ORDER BY d.ended_at LIMIT p_most - swept FOR UPDATE SKIP LOCKED);
    CONTINUE WHEN over = '{}';
    DELETE FROM core.webhook_attempt a WHERE a.tenant_id = client AND a.delivery_id = ANY (over);
    DELETE FROM core.webhook_delivery d WHERE d.tenant_id = client AND d.id = ANY (over);
    swept := swept + cardinality(over);
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN swept;
END $$;
GRANT EXECUTE ON FUNCTION core.webhook_sweep TO backoffice_identity;

-- Those who run an installation may set webhooks up in every client, as they do service accounts.
UPDATE identity.provider_role SET client_permissions = client_permissions || '{core.webhook.read,core.webhook.manage}'
 WHERE id = '00000000-0000-7000-8000-000000000001';
