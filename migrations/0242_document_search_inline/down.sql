ALTER TABLE practice.document_search DROP CONSTRAINT document_search_pkey;
ALTER TABLE practice.document_search ADD PRIMARY KEY (document_id);
CREATE INDEX document_search_latest ON practice.document_search (client_id, document_id);
ALTER TABLE practice.document_search RESET (toast_tuple_target);
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
  ON CONFLICT (document_id) DO UPDATE SET words = excluded.words, rights = excluded.rights, trashed = excluded.trashed
   WHERE s.client_id = excluded.client_id;
END $$;
