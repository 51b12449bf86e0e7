-- Work that is done later or takes long. A job is a record of its client; its place in the queue is the server's own.
--
-- A worker takes a job for a while (a lease, known by a token) and renews it while it works. The door of a job's
-- transaction locks its place in the queue and wants the token, so whoever lost the lease can write nothing any more,
-- and the last transaction takes the place away together with its effect: each effect happens once, however often
-- workers die.

CREATE TABLE core.job (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  kind            text NOT NULL CHECK (kind ~ '^[a-z_.]{1,64}$'),
  state           text NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled')),
  args            jsonb NOT NULL,
  checkpoint      jsonb,
  result          jsonb,
  error_code      text CHECK (error_code ~ '^[A-Z_]{1,64}$'),
  error           text CHECK (length(error) <= 2000),
  done            bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
  total           bigint CHECK (total >= 0),
  attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  requester_id    uuid NOT NULL,
  requester_kind  text NOT NULL CHECK (requester_kind IN ('user', 'service')),
  requester_name  text NOT NULL,
  scopes          text[],
  run_at          timestamptz NOT NULL,
  started_at      timestamptz,
  ended_at        timestamptz,
  cancel_asked_at timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE core.job IS 'unaudited: it is its own record, with its attempts; what it changes is audited';
COMMENT ON COLUMN core.job.scopes IS 'what the token of a service account was narrowed to when it asked; null for people';
COMMENT ON COLUMN core.job.checkpoint IS 'how far it has come, kept in the transaction that came so far';
SELECT core.raise_wall('core.job', 'derived');
CREATE INDEX job_by_state ON core.job (tenant_id, state, id);

CREATE TABLE core.job_attempt (
  tenant_id  uuid NOT NULL,
  job_id     uuid NOT NULL,
  number     integer NOT NULL CHECK (number >= 1),
  outcome    text NOT NULL CHECK (outcome IN ('succeeded', 'failed', 'retry', 'lost', 'cancelled')),
  error_code text,
  error      text,
  started_at timestamptz NOT NULL,
  ended_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, job_id, number),
  FOREIGN KEY (tenant_id, job_id) REFERENCES core.job (tenant_id, id)
);
COMMENT ON TABLE core.job_attempt IS 'unaudited: the history of a job';
SELECT core.raise_wall('core.job_attempt', 'derived');

CREATE TABLE core.provider_job (
  id         uuid PRIMARY KEY,
  kind       text NOT NULL CHECK (kind ~ '^[a-z_.]{1,64}$'),
  state      text NOT NULL CHECK (state IN ('waiting', 'running', 'succeeded', 'failed', 'cancelled')),
  args       jsonb NOT NULL,
  checkpoint jsonb,
  result     jsonb,
  error_code text,
  error      text,
  done       bigint NOT NULL DEFAULT 0,
  total      bigint,
  attempts   integer NOT NULL DEFAULT 0,
  run_at     timestamptz NOT NULL,
  started_at timestamptz,
  ended_at   timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE core.provider_job IS 'local: jobs that belong to no client';
CREATE INDEX provider_job_by_end ON core.provider_job (ended_at);

-- due_at says it all: a place may be taken from then on. Of a job that waits it is the time it is to run at, of one that
-- runs the end of its lease.
CREATE TABLE core.job_queue (
  job_id         uuid PRIMARY KEY,
  client_id      uuid REFERENCES core.tenant (id),
  lane           uuid NOT NULL,
  kind           text NOT NULL,
  requester_id   uuid,
  requester_kind text,
  scopes         text[],
  due_at         timestamptz NOT NULL,
  token          uuid,
  worker         uuid,
  begun_at       timestamptz,
  failures       integer NOT NULL DEFAULT 0,
  losses         integer NOT NULL DEFAULT 0,
  CHECK (lane = coalesce(client_id, '00000000-0000-0000-0000-000000000000'::uuid))
);
COMMENT ON TABLE core.job_queue IS 'local: the places of the jobs that are not over; what they are about stands in core.job';
COMMENT ON COLUMN core.job_queue.failures IS 'how often it failed since it last came on';
COMMENT ON COLUMN core.job_queue.losses IS 'how often its worker was lost since it last came on';
CREATE INDEX job_queue_by_lane ON core.job_queue (lane, due_at, job_id);
CREATE INDEX job_queue_by_worker ON core.job_queue (worker, lane) WHERE worker IS NOT NULL;
CREATE INDEX job_queue_by_client ON core.job_queue (client_id);

CREATE TABLE core.job_turn (
  lane      uuid PRIMARY KEY,
  served_at timestamptz NOT NULL
);
COMMENT ON TABLE core.job_turn IS 'local: when each client''s turn was, so that they take turns';

------------------------------------------------------------------------------------------------------------ asking
-- Puts a job of this transaction's client into the queue, for the actor of this transaction.
CREATE FUNCTION core.enqueue_job(p_id uuid, p_kind text, p_args jsonb, p_scopes text[], p_run_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  actor  uuid := core.acting();
  sort   text := nullif(current_setting('app.actor_kind', true), '');
  due    timestamptz := coalesce(p_run_at, now());
BEGIN
  IF client IS NULL OR sort IS NULL THEN
    RAISE EXCEPTION 'a job of a client is asked for in a writing transaction of that client' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO core.job (tenant_id, id, kind, state, args, requester_id, requester_kind, requester_name, scopes, run_at)
  VALUES (client, p_id, p_kind, 'waiting', p_args, actor, sort, coalesce(current_setting('app.actor_name', true), ''),
          CASE WHEN sort = 'service' THEN p_scopes END, due);
  INSERT INTO core.job_queue (job_id, client_id, lane, kind, requester_id, requester_kind, scopes, due_at)
  VALUES (p_id, client, client, p_kind, actor, sort, CASE WHEN sort = 'service' THEN p_scopes END, due);
END $$;
GRANT EXECUTE ON FUNCTION core.enqueue_job TO backoffice_app;

-- Puts a job that belongs to no client into the queue.
CREATE FUNCTION core.enqueue_provider_job(p_id uuid, p_kind text, p_args jsonb, p_run_at timestamptz) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO core.provider_job (id, kind, state, args, run_at) VALUES (p_id, p_kind, 'waiting', p_args, coalesce(p_run_at, now()));
  INSERT INTO core.job_queue (job_id, lane, kind, due_at)
  VALUES (p_id, '00000000-0000-0000-0000-000000000000', p_kind, coalesce(p_run_at, now()));
END $$;
GRANT EXECUTE ON FUNCTION core.enqueue_provider_job TO backoffice_app, backoffice_identity;

------------------------------------------------------------------------------------------------------------- notes
-- Writes down what became of an attempt. For the functions below, which hold the job's place.
CREATE FUNCTION core.note_job(q core.job_queue, p_outcome text, p_code text, p_error text, p_result jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  before text := coalesce(current_setting('app.tenant_id', true), '');
  moment timestamptz := clock_timestamp();
  over   boolean := p_outcome IN ('succeeded', 'failed', 'cancelled');
  counts integer := CASE WHEN p_outcome = 'released' OR q.begun_at IS NULL THEN 0 ELSE 1 END;
  tried  integer;
BEGIN
  IF q.client_id IS NULL THEN
    UPDATE core.provider_job j
       SET state = CASE WHEN over THEN p_outcome ELSE 'waiting' END, attempts = j.attempts + counts, result = coalesce(p_result, j.result),
           error_code = p_code, error = left(p_error, 2000), ended_at = CASE WHEN over THEN moment END, updated_at = moment
     WHERE j.id = q.job_id;
    RETURN;
  END IF;
  PERFORM core.set_tenant(q.client_id);
  UPDATE core.job j
     SET state = CASE WHEN over THEN p_outcome ELSE 'waiting' END, attempts = j.attempts + counts, result = coalesce(p_result, j.result),
         error_code = p_code, error = left(p_error, 2000), ended_at = CASE WHEN over THEN moment END, updated_at = moment
   WHERE j.tenant_id = q.client_id AND j.id = q.job_id
  RETURNING j.attempts INTO tried;
  IF counts > 0 THEN
    INSERT INTO core.job_attempt (tenant_id, job_id, number, outcome, error_code, error, started_at, ended_at)
    VALUES (q.client_id, q.job_id, tried, p_outcome, p_code, left(p_error, 2000), q.begun_at, moment);
  END IF;
  PERFORM set_config('app.tenant_id', before, true);
END $$;

----------------------------------------------------------------------------------------------------------- workers
-- Takes the next job for a worker. Clients take turns: the one whose turn is longest ago comes first, however many jobs
-- another has waiting, and no worker runs more than p_each of one client. A job whose lease has run out is taken again;
-- one that has lost its worker 25 times without coming on is given up.
CREATE FUNCTION core.claim_job(p_worker uuid, p_kinds text[], p_each integer, p_lease_ms bigint)
RETURNS TABLE (job_id uuid, client_id uuid, kind text, token uuid, requester_id uuid, failures integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  moment timestamptz := clock_timestamp();
  turn   uuid;
  q      core.job_queue;
  asked  timestamptz;
  again  boolean := true;
BEGIN
  WHILE again LOOP
    again := false;
    FOR turn IN
      WITH RECURSIVE lanes AS (
        (SELECT j.lane FROM core.job_queue j ORDER BY j.lane LIMIT 1)
        UNION ALL
        SELECT (SELECT j.lane FROM core.job_queue j WHERE j.lane > l.lane ORDER BY j.lane LIMIT 1) FROM lanes l WHERE l.lane IS NOT NULL
      )
      SELECT l.lane FROM lanes l LEFT JOIN core.job_turn t ON t.lane = l.lane
       WHERE l.lane IS NOT NULL
         AND (SELECT count(*) FROM core.job_queue h WHERE h.worker = p_worker AND h.lane = l.lane AND h.due_at > moment) < p_each
       ORDER BY t.served_at NULLS FIRST, l.lane
    LOOP
      SELECT j.* INTO q FROM core.job_queue j
       WHERE j.lane = turn AND j.due_at <= moment AND j.kind = ANY (p_kinds)
       ORDER BY j.due_at, j.job_id LIMIT 1 FOR UPDATE SKIP LOCKED;
      CONTINUE WHEN NOT FOUND;
      IF q.token IS NOT NULL THEN
        q.losses := q.losses + 1;
        IF q.losses >= 25 THEN
          DELETE FROM core.job_queue j WHERE j.job_id = q.job_id;
          PERFORM core.note_job(q, 'failed', 'WORKER_LOST', 'The worker was lost again and again while it did this.', NULL);
          again := true;
          CONTINUE;
        END IF;
        PERFORM core.note_job(q, 'lost', 'WORKER_LOST', 'The worker was lost while it did this.', NULL);
      END IF;
      asked := NULL;
      IF q.client_id IS NULL THEN
        UPDATE core.provider_job j SET state = 'running', started_at = coalesce(j.started_at, moment), updated_at = moment WHERE j.id = q.job_id;
      ELSE
        PERFORM core.set_tenant(q.client_id);
        UPDATE core.job j SET state = 'running', started_at = coalesce(j.started_at, moment), updated_at = moment
         WHERE j.tenant_id = q.client_id AND j.id = q.job_id
        RETURNING j.cancel_asked_at INTO asked;
        PERFORM set_config('app.tenant_id', '', true);
      END IF;
      IF asked IS NOT NULL THEN
        DELETE FROM core.job_queue j WHERE j.job_id = q.job_id;
        q.begun_at := NULL;
        PERFORM core.note_job(q, 'cancelled', NULL, NULL, NULL);
        again := true;
        CONTINUE;
      END IF;
      q.token := gen_random_uuid();
      UPDATE core.job_queue j
         SET token = q.token, worker = p_worker, begun_at = moment, losses = q.losses, due_at = moment + p_lease_ms * interval '1 millisecond'
       WHERE j.job_id = q.job_id;
      INSERT INTO core.job_turn AS t (lane, served_at) VALUES (turn, moment) ON CONFLICT (lane) DO UPDATE SET served_at = excluded.served_at;
      job_id := q.job_id; client_id := q.client_id; kind := q.kind; token := q.token;
      requester_id := q.requester_id; failures := q.failures;
      RETURN NEXT;
      RETURN;
    END LOOP;
  END LOOP;
END $$;
GRANT EXECUTE ON FUNCTION core.claim_job TO backoffice_identity;

-- Renews the leases of a worker. A place that is locked belongs to a transaction of its job, which renews it itself.
CREATE FUNCTION core.renew_leases(p_worker uuid, p_lease_ms bigint) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  renewed integer;
BEGIN
  UPDATE core.job_queue j SET due_at = clock_timestamp() + p_lease_ms * interval '1 millisecond'
   WHERE j.job_id = ANY (ARRAY (SELECT h.job_id FROM core.job_queue h WHERE h.worker = p_worker FOR UPDATE SKIP LOCKED));
  GET DIAGNOSTICS renewed = ROW_COUNT;
  RETURN renewed;
END $$;
GRANT EXECUTE ON FUNCTION core.renew_leases TO backoffice_identity;

-- Ends an attempt that did not finish its job: 'retry' after a while, 'failed' or 'cancelled' for good, 'released' to be
-- taken up at once by whoever is free. False if the lease was lost: then it is somebody else's.
CREATE FUNCTION core.end_job(p_job uuid, p_token uuid, p_outcome text, p_code text, p_error text, p_result jsonb, p_delay_ms bigint)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  q core.job_queue;
BEGIN
  SELECT j.* INTO q FROM core.job_queue j WHERE j.job_id = p_job AND j.token = p_token FOR UPDATE;
  IF NOT FOUND THEN RETURN false; END IF;
  IF p_outcome IN ('retry', 'released') THEN
    UPDATE core.job_queue j
       SET token = NULL, worker = NULL, begun_at = NULL, failures = j.failures + (p_outcome = 'retry')::integer,
           due_at = clock_timestamp() + p_delay_ms * interval '1 millisecond'
     WHERE j.job_id = p_job;
  ELSIF p_outcome IN ('failed', 'cancelled') THEN
    DELETE FROM core.job_queue j WHERE j.job_id = p_job;
  ELSE
    RAISE EXCEPTION 'no such outcome';
  END IF;
  PERFORM core.note_job(q, p_outcome, p_code, p_error, p_result);
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION core.end_job TO backoffice_identity;

------------------------------------------------------------------------------------------------------------- doors
-- Opens a transaction of a job for the one who asked for it, with the rights that he has now: his account is active, his
-- grants are in force today; a service account has what it has now and its token had then. No session is needed.
-- Verdicts as in core.enter, and 'lost': the lease is somebody else's. A transaction that writes holds the job's place
-- until it ends, so nobody else takes the job meanwhile. The trail names the job as the request.
CREATE FUNCTION core.enter_job(p_job uuid, p_token uuid, p_writes boolean,
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
GRANT EXECUTE ON FUNCTION core.enter_job TO backoffice_app;

-- The same for a job that belongs to no client: nobody acts, no client is set.
CREATE FUNCTION core.enter_provider_job(p_job uuid, p_token uuid, OUT verdict text, OUT opened_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  opened_at := now();
  PERFORM 1 FROM core.job_queue j WHERE j.job_id = p_job AND j.token = p_token AND j.client_id IS NULL FOR UPDATE;
  verdict := CASE WHEN FOUND THEN 'ok' ELSE 'lost' END;
END $$;
GRANT EXECUTE ON FUNCTION core.enter_provider_job TO backoffice_identity;

CREATE FUNCTION core.provider_job_args(p_job uuid, p_token uuid, OUT args jsonb, OUT checkpoint jsonb)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  SELECT p.args, p.checkpoint INTO args, checkpoint
    FROM core.job_queue j JOIN core.provider_job p ON p.id = j.job_id WHERE j.job_id = p_job AND j.token = p_token;
END $$;
GRANT EXECUTE ON FUNCTION core.provider_job_args TO backoffice_identity;

-- Writes down how far a job has come, in the transaction that came so far, and renews its lease. True if it is to stop.
CREATE FUNCTION core.checkpoint_job(p_job uuid, p_token uuid, p_checkpoint jsonb, p_done bigint, p_total bigint, p_lease_ms bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  asked  timestamptz;
BEGIN
  UPDATE core.job_queue j SET due_at = clock_timestamp() + p_lease_ms * interval '1 millisecond', failures = 0, losses = 0
   WHERE j.job_id = p_job AND j.token = p_token
  RETURNING j.client_id INTO client;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'serialization_failure';
  END IF;
  IF client IS NULL THEN
    UPDATE core.provider_job j SET checkpoint = p_checkpoint, done = p_done, total = p_total, updated_at = clock_timestamp() WHERE j.id = p_job;
    RETURN false;
  END IF;
  UPDATE core.job j SET checkpoint = p_checkpoint, done = p_done, total = p_total, updated_at = clock_timestamp()
   WHERE j.tenant_id = client AND j.id = p_job
  RETURNING j.cancel_asked_at INTO asked;
  RETURN asked IS NOT NULL;
END $$;
GRANT EXECUTE ON FUNCTION core.checkpoint_job TO backoffice_app, backoffice_identity;

-- Finishes a job in the transaction of its last effect.
CREATE FUNCTION core.finish_job(p_job uuid, p_token uuid, p_result jsonb, p_done bigint, p_total bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  q core.job_queue;
BEGIN
  DELETE FROM core.job_queue j WHERE j.job_id = p_job AND j.token = p_token RETURNING j.* INTO q;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'serialization_failure';
  END IF;
  IF q.client_id IS NULL THEN
    UPDATE core.provider_job j SET done = p_done, total = p_total, checkpoint = NULL WHERE j.id = p_job;
  ELSE
    UPDATE core.job j SET done = p_done, total = p_total, checkpoint = NULL WHERE j.tenant_id = q.client_id AND j.id = p_job;
  END IF;
  PERFORM core.note_job(q, 'succeeded', NULL, NULL, p_result);
END $$;
GRANT EXECUTE ON FUNCTION core.finish_job TO backoffice_app, backoffice_identity;

----------------------------------------------------------------------------------------------------------- clients
-- Stops a job of this transaction's client. 'cancelled': it had not begun, or nobody works on it; 'asked': it stops after
-- its next step; 'over': it had ended; 'unknown'.
CREATE FUNCTION core.cancel_job(p_job uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  stands text;
  q core.job_queue;
BEGIN
  SELECT j.state INTO stands FROM core.job j WHERE j.tenant_id = client AND j.id = p_job FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF stands NOT IN ('waiting', 'running') THEN RETURN 'over'; END IF;
  SELECT j.* INTO q FROM core.job_queue j
   WHERE j.job_id = p_job AND (j.token IS NULL OR j.due_at < clock_timestamp()) FOR UPDATE SKIP LOCKED;
  IF FOUND THEN
    DELETE FROM core.job_queue j WHERE j.job_id = p_job;
    q.begun_at := NULL;
    PERFORM core.note_job(q, 'cancelled', NULL, NULL, NULL);
    RETURN 'cancelled';
  END IF;
  UPDATE core.job j SET cancel_asked_at = coalesce(j.cancel_asked_at, now()), updated_at = clock_timestamp()
   WHERE j.tenant_id = client AND j.id = p_job;
  RETURN 'asked';
END $$;
GRANT EXECUTE ON FUNCTION core.cancel_job TO backoffice_app;

-- Puts a job that failed or was cancelled back into the queue, for the one who asked for it; it goes on where it was.
CREATE FUNCTION core.retry_job(p_job uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  known core.job;
BEGIN
  SELECT j.* INTO known FROM core.job j WHERE j.tenant_id = client AND j.id = p_job FOR UPDATE;
  IF NOT FOUND THEN RETURN 'unknown'; END IF;
  IF known.state NOT IN ('failed', 'cancelled') THEN RETURN 'state'; END IF;
  UPDATE core.job j
     SET state = 'waiting', ended_at = NULL, cancel_asked_at = NULL, error = NULL, error_code = NULL, result = NULL,
         run_at = now(), updated_at = clock_timestamp()
   WHERE j.tenant_id = client AND j.id = p_job;
  INSERT INTO core.job_queue (job_id, client_id, lane, kind, requester_id, requester_kind, scopes, due_at)
  VALUES (p_job, client, client, known.kind, known.requester_id, known.requester_kind, known.scopes, now());
  RETURN 'waiting';
END $$;
GRANT EXECUTE ON FUNCTION core.retry_job TO backoffice_app;

-- So that a client's chain can be verified as that client.
GRANT EXECUTE ON FUNCTION audit.canonical TO backoffice_app;
