-- What jobs over many lines need: a note of how far one has come that keeps nothing until its end, and a list of what was
-- wrong with the lines that it was given.

-- Unlike core.checkpoint_job a note is no coming on: a job that is lost again and again behind the same note is given up.
-- True if the job is to stop.
CREATE FUNCTION core.progress_job(p_job uuid, p_token uuid, p_done bigint, p_total bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  asked  timestamptz;
BEGIN
  SELECT j.client_id INTO client FROM core.job_queue j WHERE j.job_id = p_job AND j.token = p_token FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'serialization_failure';
  END IF;
  UPDATE core.job j SET done = p_done, total = p_total, updated_at = clock_timestamp() WHERE j.tenant_id = client AND j.id = p_job
  RETURNING j.cancel_asked_at INTO asked;
  RETURN asked IS NOT NULL;
END $$;
GRANT EXECUTE ON FUNCTION core.progress_job TO backoffice_app;

CREATE TABLE core.job_problem (
  tenant_id   uuid NOT NULL,
  job_id      uuid NOT NULL,
  number      integer NOT NULL CHECK (number >= 1),
  line        integer NOT NULL CHECK (line >= 0),
  column_name text CHECK (length(column_name) <= 200),
  code        text NOT NULL CHECK (code ~ '^[A-Z_0-9]{1,64}$'),
  message     text NOT NULL CHECK (length(message) <= 1000),
  PRIMARY KEY (tenant_id, job_id, number),
  FOREIGN KEY (tenant_id, job_id) REFERENCES core.job (tenant_id, id)
);
COMMENT ON TABLE core.job_problem IS 'unaudited: what was wrong with the file that a job was given; written by the job alone';
SELECT core.raise_wall('core.job_problem', 'derived');

-- Writes the list of a job, instead of the one that it had. The caller holds the job's place.
CREATE FUNCTION core.list_job_problems(p_job uuid, p_token uuid, p_lines integer[], p_columns text[], p_codes text[], p_messages text[])
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  listed integer;
BEGIN
  SELECT j.client_id INTO client FROM core.job_queue j WHERE j.job_id = p_job AND j.token = p_token FOR UPDATE;
  IF NOT FOUND OR client IS DISTINCT FROM nullif(current_setting('app.tenant_id', true), '')::uuid THEN
    RAISE EXCEPTION 'the lease was lost' USING ERRCODE = 'serialization_failure';
  END IF;
  DELETE FROM core.job_problem p WHERE p.tenant_id = client AND p.job_id = p_job;
  INSERT INTO core.job_problem (tenant_id, job_id, number, line, column_name, code, message)
  SELECT client, p_job, n.number, n.line, left(n.column_name, 200), n.code, left(n.message, 1000)
    FROM unnest(p_lines, p_columns, p_codes, p_messages) WITH ORDINALITY AS n (line, column_name, code, message, number);
  GET DIAGNOSTICS listed = ROW_COUNT;
  RETURN listed;
END $$;
GRANT EXECUTE ON FUNCTION core.list_job_problems TO backoffice_app;
