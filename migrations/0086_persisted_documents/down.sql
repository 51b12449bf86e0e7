DROP FUNCTION practice.published_document;
DROP FUNCTION core.client_edges;
CREATE FUNCTION core.client_edges(p_since timestamptz)
RETURNS TABLE (client_id uuid, portal_origins text[], changed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.client_id, e.portal_origins, e.changed_at FROM core.client_edge e
   WHERE p_since IS NULL OR e.changed_at > p_since
$$;
GRANT EXECUTE ON FUNCTION core.client_edges TO backoffice_identity;
DROP TABLE practice.document_manifest;
DROP TABLE practice.portal_document;
DROP FUNCTION practice.tell_edge_of_documents;
DROP FUNCTION practice.keep_manifest;
DROP TRIGGER tell_edge ON practice.client;
CREATE OR REPLACE FUNCTION practice.tell_edge() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO core.client_edge AS e (client_id, portal_origins) VALUES (new.tenant_id, new.portal_origins)
  ON CONFLICT (client_id) DO UPDATE SET portal_origins = new.portal_origins, changed_at = clock_timestamp();
  RETURN NULL;
END $$;
CREATE TRIGGER tell_edge AFTER UPDATE ON practice.client
  FOR EACH ROW WHEN (old.portal_origins IS DISTINCT FROM new.portal_origins) EXECUTE FUNCTION practice.tell_edge();
ALTER TABLE core.client_edge DROP COLUMN only_persisted_documents;
ALTER TABLE practice.client DROP COLUMN only_persisted_documents;
