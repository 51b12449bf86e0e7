-- Browsers may call from the portals of each client: which pages those are is the client's data. The edge has to know them
-- before any transaction is opened (a browser asks first, without a token), so they stand once more in a table of the
-- server's own, kept by a trigger.

ALTER TABLE practice.client
  ADD COLUMN portal_origins text[] NOT NULL DEFAULT '{}'
    CHECK (cardinality(portal_origins) <= 20 AND array_position(portal_origins, NULL) IS NULL);
COMMENT ON COLUMN practice.client.portal_origins IS 'origins of the pages that may call for this client: https://portal.example';

CREATE TABLE core.client_edge (
  client_id      uuid PRIMARY KEY REFERENCES core.tenant (id),
  portal_origins text[] NOT NULL DEFAULT '{}',
  changed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE core.client_edge IS 'local: what a server has to know of a client before it opens a transaction; written by triggers';
CREATE INDEX client_edge_by_change ON core.client_edge (changed_at);

CREATE FUNCTION practice.tell_edge() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO core.client_edge AS e (client_id, portal_origins) VALUES (new.tenant_id, new.portal_origins)
  ON CONFLICT (client_id) DO UPDATE SET portal_origins = new.portal_origins, changed_at = clock_timestamp();
  RETURN NULL;
END $$;
CREATE TRIGGER tell_edge AFTER UPDATE ON practice.client
  FOR EACH ROW WHEN (old.portal_origins IS DISTINCT FROM new.portal_origins) EXECUTE FUNCTION practice.tell_edge();
CREATE TRIGGER tell_edge_first AFTER INSERT ON practice.client
  FOR EACH ROW WHEN (new.portal_origins <> '{}') EXECUTE FUNCTION practice.tell_edge();

-- What was changed since a moment, null for all. Whoever asks again leaves room for transactions that were not yet
-- committed at that moment.
CREATE FUNCTION core.client_edges(p_since timestamptz)
RETURNS TABLE (client_id uuid, portal_origins text[], changed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
  SELECT e.client_id, e.portal_origins, e.changed_at FROM core.client_edge e
   WHERE p_since IS NULL OR e.changed_at > p_since
$$;
GRANT EXECUTE ON FUNCTION core.client_edges TO backoffice_identity;
