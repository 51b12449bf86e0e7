DROP FUNCTION core.webhook_figures;
CREATE OR REPLACE FUNCTION core.queue_figures(OUT queue text, OUT waiting bigint, OUT running bigint, OUT lag_s double precision) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT 'jobs', count(*) FILTER (WHERE q.due_at <= now()), count(*) FILTER (WHERE q.token IS NOT NULL AND q.due_at > now()),
         coalesce(extract(epoch FROM now() - min(q.due_at) FILTER (WHERE q.due_at <= now())), 0)::double precision
    FROM core.job_queue q
$$;
