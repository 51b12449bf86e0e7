-- Files can be deleted, and a client keeps no more bytes than it may.

ALTER TABLE core.file ADD COLUMN deleted_at timestamptz;
COMMENT ON COLUMN core.file.deleted_at IS 'when somebody deleted it: it cannot be used from then on, and its bytes go; the row stays';
CREATE INDEX file_by_deletion ON core.file (tenant_id, deleted_at) WHERE deleted_at IS NOT NULL AND removed_at IS NULL;
CREATE INDEX file_kept ON core.file (tenant_id, size) WHERE removed_at IS NULL AND deleted_at IS NULL;

CREATE FUNCTION core.file_stays_deleted() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.deleted_at IS NOT NULL AND (new.deleted_at IS DISTINCT FROM old.deleted_at OR new.state <> old.state) THEN
    RAISE EXCEPTION 'a file that was deleted stays so' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER file_stays_deleted BEFORE UPDATE ON core.file FOR EACH ROW EXECUTE FUNCTION core.file_stays_deleted();

-- What still refers to a file of this transaction's client: the table of any foreign key, whichever department's it is.
-- Null: nothing does.
CREATE FUNCTION core.file_referrer(p_file uuid) RETURNS text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant    uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  referring record;
  found_one boolean;
BEGIN
  FOR referring IN
    SELECT c.conrelid::regclass::text AS table_name,
           (SELECT a.attname FROM unnest(c.conkey, c.confkey) AS k (own, other)
              JOIN pg_attribute t ON t.attrelid = c.confrelid AND t.attnum = k.other AND t.attname = 'id'
              JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own) AS column_name
      FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = 'core.file'::regclass ORDER BY 1
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s r WHERE r.tenant_id = $1 AND r.%I = $2)', referring.table_name, referring.column_name)
       INTO found_one USING tenant, p_file;
    IF found_one THEN
      RETURN referring.table_name;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;
GRANT EXECUTE ON FUNCTION core.file_referrer TO backoffice_app;

ALTER TABLE practice.client ADD COLUMN most_file_bytes bigint CHECK (most_file_bytes >= 0);
COMMENT ON COLUMN practice.client.most_file_bytes IS 'how many bytes of files it may keep; null: as many as the server says';

-- How many bytes of files this transaction's client may keep and keeps, announced ones included; p_most: of clients for
-- which nothing else was said. Whoever is bounded waits for those who announce at the same time. Null as most: no bound.
CREATE FUNCTION core.file_room(p_most bigint, OUT most bigint, OUT kept bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
BEGIN
  SELECT coalesce(c.most_file_bytes, p_most) INTO most FROM practice.client c WHERE c.tenant_id = tenant;
  IF most IS NULL THEN RETURN; END IF;
  SELECT coalesce(c.most_file_bytes, p_most) INTO most FROM practice.client c WHERE c.tenant_id = tenant FOR NO KEY UPDATE;
  SELECT coalesce(sum(f.size), 0)::bigint INTO kept FROM core.file f
   WHERE f.tenant_id = tenant AND f.removed_at IS NULL AND f.deleted_at IS NULL;
END $$;
GRANT EXECUTE ON FUNCTION core.file_room TO backoffice_app;

-- Files whose bytes are to go: those that were deleted, uploads that were not completed an hour after their time, and files
-- whose time is over.
CREATE OR REPLACE FUNCTION core.files_due(p_most integer) RETURNS TABLE (tenant_id uuid, id uuid, object_key text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  left_over integer := p_most;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR tenant_id, id, object_key IN
      SELECT f.tenant_id, f.id, f.object_key FROM core.file f
       WHERE f.tenant_id = client AND f.removed_at IS NULL
         AND (f.deleted_at IS NOT NULL
              OR (f.expires_at < now() AND (f.state = 'ready' OR (f.state = 'pending' AND f.expires_at < now() - interval '1 hour'))))
       ORDER BY coalesce(f.deleted_at, f.expires_at) LIMIT left_over
    LOOP
      left_over := left_over - 1;
      RETURN NEXT;
    END LOOP;
    EXIT WHEN left_over <= 0;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;

-- The bytes of these files of one client have gone. Uploads that nobody completed go altogether.
CREATE OR REPLACE FUNCTION core.files_removed(p_tenant uuid, p_files uuid[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  dropped integer;
  kept integer;
BEGIN
  PERFORM core.set_tenant(p_tenant);
  PERFORM set_config('app.actor_kind', 'system', true);
  PERFORM set_config('app.actor_name', 'Sweeping', true);
  DELETE FROM core.file f
   WHERE f.tenant_id = p_tenant AND f.id = ANY (p_files) AND f.state = 'pending' AND f.deleted_at IS NULL
     AND f.expires_at < now() - interval '1 hour';
  GET DIAGNOSTICS dropped = ROW_COUNT;
  UPDATE core.file f SET removed_at = now()
   WHERE f.tenant_id = p_tenant AND f.id = ANY (p_files) AND f.removed_at IS NULL
     AND (f.deleted_at IS NOT NULL OR (f.state = 'ready' AND f.expires_at < now()));
  GET DIAGNOSTICS kept = ROW_COUNT;
  RETURN dropped + kept;
END $$;
