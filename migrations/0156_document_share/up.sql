-- Links by which somebody without a sign-in takes a document. Of the secret only its hash is kept; which client it belongs to
-- stands in a table that no role reads.

CREATE TABLE practice.document_share (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  document_id    uuid NOT NULL,
  version_id     uuid,
  token_hash     bytea NOT NULL CHECK (length(token_hash) = 32),
  password_hash  text,
  expires_at     timestamptz NOT NULL,
  most_downloads integer CHECK (most_downloads BETWEEN 1 AND 1000000),
  downloads      integer NOT NULL DEFAULT 0 CHECK (downloads >= 0 AND downloads <= coalesce(most_downloads, downloads)),
  failures       integer NOT NULL DEFAULT 0 CHECK (failures BETWEEN 0 AND 10),
  revoked_at     timestamptz,
  created_by     uuid NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, document_id) REFERENCES practice.document (tenant_id, id),
  FOREIGN KEY (tenant_id, version_id) REFERENCES practice.document_version (tenant_id, id)
);
COMMENT ON COLUMN practice.document_share.version_id IS 'the version that it leads to; null: whichever is current';
COMMENT ON COLUMN practice.document_share.failures IS 'wrong passwords; after ten it leads nowhere any more';
SELECT core.raise_wall('practice.document_share', 'deletable', secrets => '{token_hash,password_hash}');
CREATE INDEX document_share_by_document ON practice.document_share (tenant_id, document_id, id);

CREATE TABLE practice.share_door (
  token_hash bytea PRIMARY KEY,
  client_id  uuid NOT NULL,
  share_id   uuid NOT NULL
);
COMMENT ON TABLE practice.share_door IS 'local: which client the secret of a share link belongs to; no role reads it';
CREATE INDEX share_door_by_share ON practice.share_door (share_id);

CREATE FUNCTION practice.keep_share_door() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op = 'INSERT' THEN
    INSERT INTO practice.share_door (token_hash, client_id, share_id) VALUES (new.token_hash, new.tenant_id, new.id);
    RETURN new;
  END IF;
  IF tg_op = 'DELETE' THEN
    DELETE FROM practice.share_door d WHERE d.share_id = old.id AND d.client_id = old.tenant_id;
    RETURN old;
  END IF;
  IF new.token_hash <> old.token_hash OR new.document_id <> old.document_id OR new.version_id IS DISTINCT FROM old.version_id
     OR new.expires_at > old.expires_at OR new.password_hash IS DISTINCT FROM old.password_hash
     OR (old.revoked_at IS NOT NULL AND new.revoked_at IS DISTINCT FROM old.revoked_at) THEN
    RAISE EXCEPTION 'a share link stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER share_door AFTER INSERT OR UPDATE OR DELETE ON practice.document_share
  FOR EACH ROW EXECUTE FUNCTION practice.keep_share_door();

-- What the secret of that hash leads to now: nothing if there is no such link, or it is over, revoked or used up, or its
-- document is in the trash. All of that looks alike.
CREATE FUNCTION practice.share_opened(p_hash bytea)
RETURNS TABLE (client_id uuid, password_hash text, object_key text, name text, size bigint, sha256 text, media_type text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  door practice.share_door;
BEGIN
  SELECT d.* INTO door FROM practice.share_door d WHERE d.token_hash = p_hash;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM core.set_tenant(door.client_id);
  RETURN QUERY
    SELECT s.tenant_id, s.password_hash, f.object_key, f.name, f.size, f.sha256, f.media_type
      FROM practice.document_share s
      JOIN practice.document d ON d.tenant_id = s.tenant_id AND d.id = s.document_id AND d.trashed_on IS NULL
      JOIN LATERAL (
        SELECT v.file_id FROM practice.document_version v
         WHERE v.tenant_id = s.tenant_id AND v.document_id = s.document_id AND v.deleted_at IS NULL
           AND (s.version_id IS NULL OR v.id = s.version_id)
         ORDER BY v.number DESC LIMIT 1) AS v ON true
      JOIN core.file f ON f.tenant_id = s.tenant_id AND f.id = v.file_id AND f.state = 'ready'
                      AND f.removed_at IS NULL AND f.deleted_at IS NULL
     WHERE s.tenant_id = door.client_id AND s.id = door.share_id AND s.revoked_at IS NULL AND s.expires_at > now()
       AND (s.most_downloads IS NULL OR s.downloads < s.most_downloads) AND s.failures < 10;
END $$;
GRANT EXECUTE ON FUNCTION practice.share_opened TO backoffice_identity;

-- Counts that the document is taken by that link, or that the password was wrong. False: it leads nowhere any more. The
-- client stays set, because the trail is sealed at commit.
CREATE FUNCTION practice.share_counted(p_hash bytea, p_right boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  door practice.share_door;
BEGIN
  SELECT d.* INTO door FROM practice.share_door d WHERE d.token_hash = p_hash;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM core.set_tenant(door.client_id);
  PERFORM set_config('app.actor_kind', 'system', true);
  PERFORM set_config('app.actor_name', 'Share link', true);
  UPDATE practice.document_share s
     SET downloads = s.downloads + p_right::integer, failures = s.failures + (NOT p_right)::integer
   WHERE s.tenant_id = door.client_id AND s.id = door.share_id AND s.revoked_at IS NULL AND s.expires_at > now()
     AND (s.most_downloads IS NULL OR s.downloads < s.most_downloads) AND s.failures < 10;
  RETURN FOUND;
END $$;
GRANT EXECUTE ON FUNCTION practice.share_counted TO backoffice_identity;

INSERT INTO core.record_type (node_type, home) VALUES ('DocumentShare', 'practice.document_share');
SELECT core.know_record_types();
