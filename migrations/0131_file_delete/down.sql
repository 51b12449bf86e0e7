-- Files whose bytes are to go: uploads that were not completed an hour after their time, and files whose time is over.
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
       WHERE f.tenant_id = client AND f.expires_at < now() AND f.removed_at IS NULL
         AND (f.state = 'ready' OR (f.state = 'pending' AND f.expires_at < now() - interval '1 hour'))
       ORDER BY f.expires_at LIMIT left_over
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
   WHERE f.tenant_id = p_tenant AND f.id = ANY (p_files) AND f.state = 'pending' AND f.expires_at < now() - interval '1 hour';
  GET DIAGNOSTICS dropped = ROW_COUNT;
  UPDATE core.file f SET removed_at = now()
   WHERE f.tenant_id = p_tenant AND f.id = ANY (p_files) AND f.state = 'ready' AND f.expires_at < now() AND f.removed_at IS NULL;
  GET DIAGNOSTICS kept = ROW_COUNT;
  RETURN dropped + kept;
END $$;

DROP FUNCTION core.file_room;
ALTER TABLE practice.client DROP COLUMN most_file_bytes;
DROP FUNCTION core.file_referrer;
DROP TRIGGER file_stays_deleted ON core.file;
DROP FUNCTION core.file_stays_deleted;
ALTER TABLE core.file DROP COLUMN deleted_at;
