-- The documents that a client's portals send, published beforehand: a request can name one by its hash, and a client can
-- say that its tokens run no others.

CREATE TABLE practice.portal_document (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  sha256     text NOT NULL,
  body       text NOT NULL CHECK (length(body) BETWEEN 1 AND 102400),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, sha256),
  CHECK (sha256 = encode(sha256(convert_to(body, 'UTF8')), 'hex'))
);
COMMENT ON TABLE practice.portal_document IS 'append-only: the text that a hash stands for; the trail keeps the hash';
SELECT core.raise_wall('practice.portal_document', 'append_only', secrets => '{body}');

CREATE TABLE practice.document_manifest (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  portal     text NOT NULL CHECK (length(portal) BETWEEN 1 AND 100),
  hashes     text[] NOT NULL CHECK (cardinality(hashes) BETWEEN 1 AND 1000 AND array_position(hashes, NULL) IS NULL),
  retired_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE practice.document_manifest IS 'which documents a version of a portal sends';
SELECT core.raise_wall('practice.document_manifest', 'mutable');
CREATE INDEX document_manifest_live ON practice.document_manifest (tenant_id, portal) WHERE retired_at IS NULL;

-- What a version of a portal sends does not change afterwards.
CREATE FUNCTION practice.keep_manifest() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.portal <> old.portal OR new.hashes <> old.hashes OR (old.retired_at IS NOT NULL AND new.retired_at IS DISTINCT FROM old.retired_at) THEN
    RAISE EXCEPTION 'a manifest is retired, not changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_manifest BEFORE UPDATE ON practice.document_manifest
  FOR EACH ROW EXECUTE FUNCTION practice.keep_manifest();

ALTER TABLE practice.client ADD COLUMN only_persisted_documents boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN practice.client.only_persisted_documents IS 'tokens for this client run published documents only';
ALTER TABLE core.client_edge ADD COLUMN only_persisted_documents boolean NOT NULL DEFAULT false;

-- As before, and whether only published documents run.
CREATE OR REPLACE FUNCTION practice.tell_edge() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO core.client_edge AS e (client_id, portal_origins, only_persisted_documents)
  VALUES (new.tenant_id, new.portal_origins, new.only_persisted_documents)
  ON CONFLICT (client_id) DO UPDATE
    SET portal_origins = new.portal_origins, only_persisted_documents = new.only_persisted_documents, changed_at = clock_timestamp();
  RETURN NULL;
END $$;
DROP TRIGGER tell_edge ON practice.client;
CREATE TRIGGER tell_edge AFTER UPDATE ON practice.client
  FOR EACH ROW WHEN (old.portal_origins IS DISTINCT FROM new.portal_origins
                  OR old.only_persisted_documents <> new.only_persisted_documents) EXECUTE FUNCTION practice.tell_edge();

-- A server forgets what it knows of a client's documents when they change.
CREATE FUNCTION practice.tell_edge_of_documents() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO core.client_edge AS e (client_id) VALUES (new.tenant_id)
  ON CONFLICT (client_id) DO UPDATE SET changed_at = clock_timestamp();
  RETURN NULL;
END $$;
CREATE TRIGGER tell_edge AFTER INSERT OR UPDATE ON practice.document_manifest
  FOR EACH ROW EXECUTE FUNCTION practice.tell_edge_of_documents();

DROP FUNCTION core.client_edges;
CREATE FUNCTION core.client_edges(p_since timestamptz)
RETURNS TABLE (client_id uuid, portal_origins text[], only_persisted_documents boolean, changed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.client_id, e.portal_origins, e.only_persisted_documents, e.changed_at FROM core.client_edge e
   WHERE p_since IS NULL OR e.changed_at > p_since
$$;
GRANT EXECUTE ON FUNCTION core.client_edges TO backoffice_identity;

-- The text of a client's document that a manifest in force names; null if there is none. Asked before the client's own
-- transaction is opened, because the text decides what that will be.
CREATE FUNCTION practice.published_document(p_tenant uuid, p_sha256 text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  found text;
BEGIN
  PERFORM core.set_tenant(p_tenant);
  SELECT d.body INTO found FROM practice.portal_document d
   WHERE d.tenant_id = p_tenant AND d.sha256 = p_sha256
     AND EXISTS (SELECT 1 FROM practice.document_manifest m
                  WHERE m.tenant_id = p_tenant AND m.retired_at IS NULL AND p_sha256 = ANY (m.hashes));
  PERFORM set_config('app.tenant_id', '', true);
  RETURN found;
END $$;
GRANT EXECUTE ON FUNCTION practice.published_document TO backoffice_identity;
