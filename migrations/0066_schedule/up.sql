-- Jobs that come again: by a cron pattern in a time zone. When one is due is computed by the server and stored, so that
-- an outage is noticed; however many times it missed, it runs once.

CREATE TABLE core.schedule (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  kind        text NOT NULL CHECK (kind ~ '^[a-z_.]{1,64}$'),
  args        jsonb NOT NULL,
  cron        text NOT NULL CHECK (length(cron) BETWEEN 1 AND 100),
  time_zone   text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
  paused_at   timestamptz,
  owner_id    uuid NOT NULL,
  owner_kind  text NOT NULL CHECK (owner_kind IN ('user', 'service')),
  owner_name  text NOT NULL,
  scopes      text[],
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, name)
);
COMMENT ON COLUMN core.schedule.owner_id IS 'whose rights its jobs have: who made it or changed it last';
SELECT core.raise_wall('core.schedule', 'deletable');

CREATE TABLE core.schedule_turn (
  tenant_id   uuid NOT NULL,
  schedule_id uuid NOT NULL,
  next_due_at timestamptz,
  last_due_at timestamptz,
  last_job_id uuid,
  passed_over integer NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, schedule_id),
  FOREIGN KEY (tenant_id, schedule_id) REFERENCES core.schedule (tenant_id, id),
  FOREIGN KEY (tenant_id, last_job_id) REFERENCES core.job (tenant_id, id)
);
COMMENT ON TABLE core.schedule_turn IS 'unaudited: when a schedule is due next and was last, written by the server';
SELECT core.raise_wall('core.schedule_turn', 'derived');

CREATE TABLE core.provider_schedule (
  id          uuid PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  kind        text NOT NULL,
  args        jsonb NOT NULL,
  cron        text NOT NULL CHECK (length(cron) BETWEEN 1 AND 100),
  time_zone   text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
  paused_at   timestamptz,
  next_due_at timestamptz,
  last_due_at timestamptz,
  last_job_id uuid REFERENCES core.provider_job (id),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE core.provider_schedule IS 'local: what the provider has done again and again';
CREATE INDEX provider_schedule_by_job ON core.provider_schedule (last_job_id);
GRANT SELECT ON core.provider_schedule, core.provider_job TO backoffice_identity;

CREATE TABLE core.schedule_queue (
  schedule_id uuid PRIMARY KEY,
  client_id   uuid REFERENCES core.tenant (id),
  due_at      timestamptz NOT NULL
);
COMMENT ON TABLE core.schedule_queue IS 'local: when which schedule is due';
CREATE INDEX schedule_queue_by_due ON core.schedule_queue (due_at);
CREATE INDEX schedule_queue_by_client ON core.schedule_queue (client_id);

-- Says when a schedule of this transaction's client is due next; null: not at all.
CREATE FUNCTION core.place_schedule(p_schedule uuid, p_due timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  PERFORM 1 FROM core.schedule s WHERE s.tenant_id = client AND s.id = p_schedule FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'no such schedule'; END IF;
  INSERT INTO core.schedule_turn AS t (tenant_id, schedule_id, next_due_at) VALUES (client, p_schedule, p_due)
  ON CONFLICT (tenant_id, schedule_id) DO UPDATE SET next_due_at = excluded.next_due_at;
  IF p_due IS NULL THEN
    DELETE FROM core.schedule_queue q WHERE q.schedule_id = p_schedule;
  ELSE
    INSERT INTO core.schedule_queue AS q (schedule_id, client_id, due_at) VALUES (p_schedule, client, p_due)
    ON CONFLICT (schedule_id) DO UPDATE SET due_at = excluded.due_at;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION core.place_schedule TO backoffice_app;

-- Takes what hangs on a schedule of this transaction's client, before the schedule itself goes.
CREATE FUNCTION core.unplace_schedule(p_schedule uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  DELETE FROM core.schedule_turn t WHERE t.tenant_id = client AND t.schedule_id = p_schedule;
  IF FOUND THEN
    DELETE FROM core.schedule_queue q WHERE q.schedule_id = p_schedule;
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION core.unplace_schedule TO backoffice_app;

-- The same as core.place_schedule for one of the provider's, with what was changed of it.
CREATE FUNCTION core.change_provider_schedule(p_schedule uuid, p_cron text, p_zone text, p_paused boolean, p_due timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  UPDATE core.provider_schedule s
     SET cron = p_cron, time_zone = p_zone, next_due_at = p_due, updated_at = clock_timestamp(),
         paused_at = CASE WHEN p_paused THEN coalesce(s.paused_at, now()) END
   WHERE s.id = p_schedule;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p_due IS NULL THEN
    DELETE FROM core.schedule_queue q WHERE q.schedule_id = p_schedule;
  ELSE
    INSERT INTO core.schedule_queue AS q (schedule_id, due_at) VALUES (p_schedule, p_due)
    ON CONFLICT (schedule_id) DO UPDATE SET due_at = excluded.due_at;
  END IF;
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION core.change_provider_schedule TO backoffice_identity;

-- The schedule that has been due for longest, held until this transaction ends, with what its next time is computed from.
CREATE FUNCTION core.next_schedule() RETURNS TABLE (schedule_id uuid, client_id uuid, due_at timestamptz, cron text, time_zone text, now_is timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
DECLARE
  q core.schedule_queue;
BEGIN
  SELECT s.* INTO q FROM core.schedule_queue s WHERE s.due_at <= clock_timestamp() ORDER BY s.due_at LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN RETURN; END IF;
  IF q.client_id IS NULL THEN
    RETURN QUERY SELECT q.schedule_id, q.client_id, q.due_at, s.cron, s.time_zone, clock_timestamp() FROM core.provider_schedule s WHERE s.id = q.schedule_id;
  ELSE
    PERFORM core.set_tenant(q.client_id);
    RETURN QUERY SELECT q.schedule_id, q.client_id, q.due_at, s.cron, s.time_zone, clock_timestamp()
                   FROM core.schedule s WHERE s.tenant_id = q.client_id AND s.id = q.schedule_id;
    PERFORM set_config('app.tenant_id', '', true);
  END IF;
END $$;
GRANT EXECUTE ON FUNCTION core.next_schedule TO backoffice_identity;

-- Asks for the job of a schedule that this transaction holds, and says when it is due next. The job is its owner's. While
-- the one before has not ended, no other is begun. Gives the job's id, or null if it was passed over.
CREATE FUNCTION core.fire_schedule(p_schedule uuid, p_job uuid, p_next timestamptz) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  q core.schedule_queue;
  s core.schedule;
  p core.provider_schedule;
  passed boolean;
BEGIN
  SELECT h.* INTO q FROM core.schedule_queue h WHERE h.schedule_id = p_schedule AND h.due_at <= clock_timestamp() FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;
  IF p_next IS NULL THEN
    DELETE FROM core.schedule_queue h WHERE h.schedule_id = p_schedule;
  ELSE
    UPDATE core.schedule_queue h SET due_at = p_next WHERE h.schedule_id = p_schedule;
  END IF;
  IF q.client_id IS NULL THEN
    SELECT c.* INTO p FROM core.provider_schedule c WHERE c.id = p_schedule;
    passed := EXISTS (SELECT 1 FROM core.job_queue j WHERE j.job_id = p.last_job_id);
    IF NOT passed THEN
      PERFORM core.enqueue_provider_job(p_job, p.kind, p.args, NULL);
    END IF;
    UPDATE core.provider_schedule c
       SET next_due_at = p_next, last_due_at = q.due_at, last_job_id = CASE WHEN passed THEN c.last_job_id ELSE p_job END, updated_at = clock_timestamp()
     WHERE c.id = p_schedule;
    RETURN CASE WHEN passed THEN NULL ELSE p_job END;
  END IF;
  PERFORM core.set_tenant(q.client_id);
  SELECT c.* INTO s FROM core.schedule c WHERE c.tenant_id = q.client_id AND c.id = p_schedule;
  passed := EXISTS (SELECT 1 FROM core.schedule_turn t JOIN core.job_queue j ON j.job_id = t.last_job_id
                     WHERE t.tenant_id = q.client_id AND t.schedule_id = p_schedule);
  IF NOT passed THEN
    INSERT INTO core.job (tenant_id, id, kind, state, args, requester_id, requester_kind, requester_name, scopes, run_at)
    VALUES (q.client_id, p_job, s.kind, 'waiting', s.args, s.owner_id, s.owner_kind, s.owner_name, s.scopes, now());
    INSERT INTO core.job_queue (job_id, client_id, lane, kind, requester_id, requester_kind, scopes, due_at)
    VALUES (p_job, q.client_id, q.client_id, s.kind, s.owner_id, s.owner_kind, s.scopes, now());
  END IF;
  UPDATE core.schedule_turn t
     SET next_due_at = p_next, last_due_at = q.due_at, last_job_id = CASE WHEN passed THEN t.last_job_id ELSE p_job END,
         passed_over = t.passed_over + passed::integer
   WHERE t.tenant_id = q.client_id AND t.schedule_id = p_schedule;
  PERFORM set_config('app.tenant_id', '', true);
  RETURN CASE WHEN passed THEN NULL ELSE p_job END;
END $$;
GRANT EXECUTE ON FUNCTION core.fire_schedule TO backoffice_identity;

-- The sweeping is the provider's first.
INSERT INTO core.provider_schedule (id, name, kind, args, cron, time_zone, next_due_at)
VALUES ('00000000-0000-7000-8000-000000000101', 'Sweeping', 'core.sweep', '{}', '17 * * * *', 'UTC', now() + interval '1 minute');
INSERT INTO core.schedule_queue (schedule_id, due_at) VALUES ('00000000-0000-7000-8000-000000000101', now() + interval '1 minute');

UPDATE identity.provider_role r SET permissions = r.permissions || '{work.provider_schedule.manage}'
 WHERE r.permissions @> '{practice.client.onboard}' AND NOT r.permissions @> '{work.provider_schedule.manage}';
