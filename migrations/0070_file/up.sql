-- Files of a client: what is known of them. Their bytes lie in the object store, under a key that nobody can guess; only
-- an address that the server has signed leads to them.

CREATE TABLE core.file (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  purpose     text NOT NULL CHECK (purpose IN ('attachment', 'import', 'export')),
  state       text NOT NULL CHECK (state IN ('pending', 'quarantined', 'ready', 'refused')),
  object_key  text NOT NULL CHECK (object_key ~ '^[0-9a-f]{32}/[0-9a-f]{64}$'),
  size        bigint CHECK (size BETWEEN 0 AND 2147483647),
  sha256      text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  media_type  text CHECK (length(media_type) BETWEEN 3 AND 127),
  received_at timestamptz,
  refused_for text CHECK (length(refused_for) BETWEEN 1 AND 500),
  expires_at  timestamptz,
  removed_at  timestamptz,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, object_key),
  CHECK (state = 'pending' OR (received_at IS NOT NULL AND size IS NOT NULL AND sha256 IS NOT NULL AND media_type IS NOT NULL)),
  CHECK (state <> 'pending' OR expires_at IS NOT NULL),
  CHECK ((state = 'refused') = (refused_for IS NOT NULL))
);
COMMENT ON COLUMN core.file.object_key IS 'the client''s prefix and 256 random bits: neither ids nor this row tell one without the other';
COMMENT ON COLUMN core.file.media_type IS 'found in the bytes, whatever the name says';
COMMENT ON COLUMN core.file.expires_at IS 'of a pending file: until when its bytes can come; of a ready one: when its bytes go; null: they stay';
COMMENT ON COLUMN core.file.removed_at IS 'when the bytes went; the row stays where others may point at it';
SELECT core.raise_wall('core.file', 'mutable', secrets => '{object_key}');
CREATE INDEX file_by_expiry ON core.file (tenant_id, expires_at);
CREATE INDEX file_by_state ON core.file (tenant_id, state, id);

-- What a file is and who may see it is fixed once its bytes have come.
CREATE FUNCTION core.file_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.object_key <> old.object_key OR new.name <> old.name OR new.purpose <> old.purpose
     OR (old.received_at IS NOT NULL AND (new.received_at IS DISTINCT FROM old.received_at OR new.size IS DISTINCT FROM old.size
         OR new.sha256 IS DISTINCT FROM old.sha256 OR new.media_type IS DISTINCT FROM old.media_type))
     OR (old.state = 'refused' AND new.state <> 'refused') OR (old.state = 'ready' AND new.state <> 'ready')
     OR (old.removed_at IS NOT NULL AND new.removed_at IS DISTINCT FROM old.removed_at) THEN
    RAISE EXCEPTION 'a file whose bytes have come stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER file_stays BEFORE UPDATE ON core.file FOR EACH ROW EXECUTE FUNCTION core.file_stays();

------------------------------------------------------------------------------------------------------- quarantine
CREATE TABLE core.file_check (
  file_id uuid PRIMARY KEY,
  until   timestamptz NOT NULL
);
COMMENT ON TABLE core.file_check IS 'local: files that some server is having checked, so that no other does the same';

-- Files in quarantine that nobody is checking; they are the caller's for five minutes.
CREATE FUNCTION core.files_to_check(p_most integer) RETURNS TABLE (tenant_id uuid, id uuid, object_key text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  client uuid;
  waiting record;
  taken integer := 0;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    FOR waiting IN SELECT f.id, f.object_key FROM core.file f
                  WHERE f.tenant_id = client AND f.state = 'quarantined' ORDER BY f.id LIMIT p_most LOOP
      EXIT WHEN taken >= p_most;
      INSERT INTO core.file_check AS c (file_id, until) VALUES (waiting.id, now() + interval '5 minutes')
      ON CONFLICT (file_id) DO UPDATE SET until = excluded.until WHERE c.until < now();
      IF FOUND THEN
        taken := taken + 1;
        tenant_id := client; id := waiting.id; object_key := waiting.object_key;
        RETURN NEXT;
      END IF;
    END LOOP;
    EXIT WHEN taken >= p_most;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
GRANT EXECUTE ON FUNCTION core.files_to_check TO backoffice_identity;

-- What the check found: null is nothing. The client stays set, because the trail is sealed at commit.
CREATE FUNCTION core.file_checked(p_tenant uuid, p_file uuid, p_refused_for text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM core.set_tenant(p_tenant);
  PERFORM set_config('app.actor_kind', 'system', true);
  PERFORM set_config('app.actor_name', 'File check', true);
  DELETE FROM core.file_check c WHERE c.file_id = p_file;
  UPDATE core.file f
     SET state = CASE WHEN p_refused_for IS NULL THEN 'ready' ELSE 'refused' END, refused_for = p_refused_for,
         removed_at = CASE WHEN p_refused_for IS NULL THEN NULL ELSE now() END
   WHERE f.tenant_id = p_tenant AND f.id = p_file AND f.state = 'quarantined';
  RETURN FOUND;
END $$;
GRANT EXECUTE ON FUNCTION core.file_checked TO backoffice_identity;

-------------------------------------------------------------------------------------------------------- sweeping
-- Files whose bytes are to go: uploads that were not completed an hour after their time, and files whose time is over.
CREATE FUNCTION core.files_due(p_most integer) RETURNS TABLE (tenant_id uuid, id uuid, object_key text)
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
GRANT EXECUTE ON FUNCTION core.files_due TO backoffice_identity;

-- The bytes of these files of one client have gone. Uploads that nobody completed go altogether.
CREATE FUNCTION core.files_removed(p_tenant uuid, p_files uuid[]) RETURNS integer
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
GRANT EXECUTE ON FUNCTION core.files_removed TO backoffice_identity;
