-- The words of a document stand in its row as long as they fit into a page: a search for a phrase reads those of tens of
-- thousands, and each that lies aside costs a look-up of its own. The client comes first in the key, so that the latest
-- documents of a client are met without passing those of others.
ALTER TABLE practice.document_search SET (toast_tuple_target = 8160);
ALTER TABLE practice.document_search DROP CONSTRAINT document_search_pkey;
ALTER TABLE practice.document_search ADD PRIMARY KEY (client_id, document_id);
DROP INDEX practice.document_search_latest;
-- What is written anew stands in its row from now on.
UPDATE practice.document_search SET words = words || ''::tsvector;

CREATE OR REPLACE FUNCTION practice.index_document(p_tenant uuid, p_document uuid) RETURNS void
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
  ON CONFLICT (client_id, document_id) DO UPDATE SET words = excluded.words, rights = excluded.rights, trashed = excluded.trashed;
END $$;
