-- What stands in documents, and the search over it. Row security keeps an index on words from being used: its operators are not
-- leakproof. So the words stand in a table of their own that no role reads, and one function finds documents in it, which adds
-- the client of the transaction itself.

ALTER TABLE practice.document_version
  ADD COLUMN text_state text NOT NULL DEFAULT 'waiting' CHECK (text_state IN ('waiting', 'read', 'cut', 'none', 'failed')),
  ADD COLUMN text_note text CHECK (length(text_note) BETWEEN 1 AND 500);
COMMENT ON COLUMN practice.document_version.text_note IS 'why there is no text, or not all of it';

CREATE TABLE practice.document_text (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  document_id uuid NOT NULL,
  body        text NOT NULL CHECK (length(body) <= 2097152),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, id) REFERENCES practice.document_version (tenant_id, id)
);
COMMENT ON TABLE practice.document_text IS 'unaudited: what was read in the bytes of a version, which the trail knows by their hash';
SELECT core.raise_wall('practice.document_text', 'unaudited');
GRANT DELETE ON practice.document_text TO backoffice_app;

CREATE TABLE practice.document_search (
  document_id uuid PRIMARY KEY,
  client_id   uuid NOT NULL,
  words       tsvector NOT NULL,
  rights      text[] NOT NULL,
  trashed     boolean NOT NULL
);
COMMENT ON TABLE practice.document_search IS 'local: the words of each client''s documents; no role reads it';
-- The client is one of the words, so that one index finds the words of one client.
CREATE INDEX document_search_by_words ON practice.document_search USING gin (words);
CREATE INDEX document_search_latest ON practice.document_search (client_id, document_id);

-- Writes the words of a document anew: of its title, tags and fields, which weigh more, and of the first 200,000 characters of
-- its current version.
CREATE FUNCTION practice.index_document(p_tenant uuid, p_document uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO practice.document_search AS s (document_id, client_id, words, rights, trashed)
  SELECT d.id, d.tenant_id,
         setweight(to_tsvector('simple', d.title || ' ' || array_to_string(d.tags, ' ')
           || ' ' || coalesce((SELECT string_agg(f.value, ' ') FROM jsonb_each_text(d.fields) AS f), '')), 'A')
         || setweight(to_tsvector('simple', coalesce((
              SELECT left(t.body, 200000) FROM practice.document_version v
                JOIN practice.document_text t ON t.tenant_id = v.tenant_id AND t.id = v.id
               WHERE v.tenant_id = d.tenant_id AND v.document_id = d.id AND v.deleted_at IS NULL
                 AND v.number = (SELECT max(n.number) FROM practice.document_version n
                                  WHERE n.tenant_id = d.tenant_id AND n.document_id = d.id AND n.deleted_at IS NULL)), '')), 'D')
         || array_to_tsvector(ARRAY['client' || replace(d.tenant_id::text, '-', '')]),
         d.rights, d.trashed_on IS NOT NULL
    FROM practice.document d WHERE d.tenant_id = p_tenant AND d.id = p_document
  ON CONFLICT (document_id) DO UPDATE SET words = excluded.words, rights = excluded.rights, trashed = excluded.trashed
   WHERE s.client_id = excluded.client_id;
END $$;

-- Trigger: argument 0 is the column that names the document.
CREATE FUNCTION practice.keep_words() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  image jsonb := CASE WHEN tg_op = 'DELETE' THEN to_jsonb(old) ELSE to_jsonb(new) END - 'body';
BEGIN
  IF tg_op = 'DELETE' AND tg_argv[0] = 'id' THEN
    DELETE FROM practice.document_search s
     WHERE s.document_id = (image ->> 'id')::uuid AND s.client_id = (image ->> 'tenant_id')::uuid;
  ELSE
    PERFORM practice.index_document((image ->> 'tenant_id')::uuid, (image ->> tg_argv[0])::uuid);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER words AFTER INSERT OR DELETE OR UPDATE OF title, tags, fields, rights, trashed_on ON practice.document
  FOR EACH ROW EXECUTE FUNCTION practice.keep_words('id');
-- A version that comes takes the words of the one before away until its own were read.
CREATE TRIGGER words AFTER INSERT OR UPDATE OF deleted_at ON practice.document_version
  FOR EACH ROW EXECUTE FUNCTION practice.keep_words('document_id');
CREATE TRIGGER words AFTER INSERT OR UPDATE ON practice.document_text
  FOR EACH ROW EXECUTE FUNCTION practice.keep_words('document_id');

-- The documents of this transaction's client that hold those words and none but those rights, the trash aside: of the latest
-- five hundred the best first. p_before and p_before_id: only those behind that place.
CREATE FUNCTION practice.documents_found(p_query text, p_rights text[], p_before integer, p_before_id uuid, p_most integer)
RETURNS TABLE (document_id uuid, rank integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  wanted tsquery := to_tsquery('simple', p_query);
BEGIN
  IF tenant IS NULL THEN RETURN; END IF;
  -- planned for these words each time: a rare one is looked up, a common one is met among the latest
  RETURN QUERY EXECUTE $found$
    SELECT r.document_id, r.rank FROM (
      SELECT c.document_id, (ts_rank(c.words, $2) * 1000000)::integer AS rank
        FROM (SELECT s.document_id, s.words FROM practice.document_search s
               WHERE s.client_id = $1 AND s.words @@ ($2 && $3) AND NOT s.trashed AND (s.rights = '{}' OR s.rights <@ $4)
               ORDER BY s.document_id DESC LIMIT 500) c) r
     WHERE $5 IS NULL OR (r.rank, r.document_id) < ($5, $6)
     ORDER BY r.rank DESC, r.document_id DESC LIMIT $7 $found$
    USING tenant, wanted, quote_literal('client' || replace(tenant::text, '-', ''))::tsquery, p_rights, p_before, p_before_id, p_most;
END $$;
GRANT EXECUTE ON FUNCTION practice.documents_found TO backoffice_app;

CREATE OR REPLACE FUNCTION practice.document_purged(p_tenant uuid, p_document uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  files uuid[];
BEGIN
  SELECT coalesce(array_agg(v.file_id), '{}') INTO files
    FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document;
  DELETE FROM practice.document_share s WHERE s.tenant_id = p_tenant AND s.document_id = p_document;
  DELETE FROM practice.document_link l WHERE l.tenant_id = p_tenant AND l.document_id = p_document;
  DELETE FROM practice.document_text t WHERE t.tenant_id = p_tenant
     AND t.id IN (SELECT v.id FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document);
  DELETE FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document;
  DELETE FROM practice.document d WHERE d.tenant_id = p_tenant AND d.id = p_document;
  UPDATE core.file f SET deleted_at = now() WHERE f.tenant_id = p_tenant AND f.id = ANY (files) AND f.deleted_at IS NULL;
  RETURN cardinality(files);
END $$;

-- Documents that are there already.
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t LOOP
    PERFORM core.set_tenant(client);
    PERFORM practice.index_document(client, d.id) FROM practice.document d WHERE d.tenant_id = client;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
