-- The outbox and the webhooks beside the jobs. Read from the lanes (one row an endpoint) and the heads of the clients that
-- have any; no delivery and no event is counted one by one.

-- 'events': what stands behind the place up to which each client's endpoints were looked after, and for how long.
-- 'webhooks': deliveries of endpoints that are due and that nobody holds back, and for how long; the lanes at work.
CREATE OR REPLACE FUNCTION core.queue_figures(OUT queue text, OUT waiting bigint, OUT running bigint, OUT lag_s double precision) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client record;
  head   bigint;
  since  timestamptz;
  oldest timestamptz;
BEGIN
  RETURN QUERY
    SELECT 'jobs', count(*) FILTER (WHERE q.due_at <= now()), count(*) FILTER (WHERE q.token IS NOT NULL AND q.due_at > now()),
           coalesce(extract(epoch FROM now() - min(q.due_at) FILTER (WHERE q.due_at <= now())), 0)::double precision
      FROM core.job_queue q;
  RETURN QUERY
    SELECT 'webhooks', coalesce(sum(l.open) FILTER (WHERE l.ready_at <= now() AND NOT l.taken), 0)::bigint, count(*) FILTER (WHERE l.taken),
           coalesce(extract(epoch FROM now() - min(l.ready_at) FILTER (WHERE l.ready_at <= now() AND NOT l.taken)), 0)::double precision
      FROM (SELECT n.open, greatest(n.due_at, coalesce(n.held_until, n.due_at)) AS ready_at, coalesce(n.leased_until >= now(), false) AS taken
              FROM core.webhook_lane n WHERE n.active) l;
  waiting := 0;
  FOR client IN SELECT l.client_id, min(l.position) AS position FROM core.webhook_lane l WHERE l.active GROUP BY l.client_id LOOP
    PERFORM core.set_tenant(client.client_id);
    SELECT h.position INTO head FROM core.event_head h WHERE h.tenant_id = client.client_id;
    CONTINUE WHEN head IS NULL OR head <= client.position;
    waiting := waiting + head - client.position;
    SELECT e.occurred_at INTO since FROM core.event e WHERE e.tenant_id = client.client_id AND e.position = client.position + 1;
    oldest := least(oldest, since);
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
  queue := 'events';
  running := 0;
  lag_s := coalesce(extract(epoch FROM clock_timestamp() - oldest), 0)::double precision;
  RETURN NEXT;
END $$;

-- How the endpoints of all clients are: 'answering', 'failing' (their last attempt failed) or 'paused', and how many
-- deliveries each of these have open.
CREATE FUNCTION core.webhook_figures(OUT state text, OUT endpoints bigint, OUT open bigint) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT s.state, count(l.client_id), coalesce(sum(l.open), 0)::bigint
    FROM unnest('{answering,failing,paused}'::text[]) AS s (state)
    LEFT JOIN core.webhook_lane l ON s.state = CASE WHEN NOT l.active THEN 'paused' WHEN l.failures > 0 THEN 'failing' ELSE 'answering' END
   GROUP BY s.state
$$;
GRANT EXECUTE ON FUNCTION core.webhook_figures TO backoffice_identity;
