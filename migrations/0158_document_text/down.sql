CREATE OR REPLACE FUNCTION practice.document_purged(p_tenant uuid, p_document uuid) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  files uuid[];
BEGIN
  SELECT coalesce(array_agg(v.file_id), '{}') INTO files
    FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document;
  DELETE FROM practice.document_share s WHERE s.tenant_id = p_tenant AND s.document_id = p_document;
  DELETE FROM practice.document_link l WHERE l.tenant_id = p_tenant AND l.document_id = p_document;
  DELETE FROM practice.document_version v WHERE v.tenant_id = p_tenant AND v.document_id = p_document;
  DELETE FROM practice.document d WHERE d.tenant_id = p_tenant AND d.id = p_document;
  UPDATE core.file f SET deleted_at = now() WHERE f.tenant_id = p_tenant AND f.id = ANY (files) AND f.deleted_at IS NULL;
  RETURN cardinality(files);
END $$;
DROP FUNCTION practice.documents_found;
DROP TABLE practice.document_text;
DROP TRIGGER words ON practice.document_version;
DROP TRIGGER words ON practice.document;
DROP FUNCTION practice.keep_words;
DROP FUNCTION practice.index_document;
DROP TABLE practice.document_search;
ALTER TABLE practice.document_version DROP COLUMN text_note, DROP COLUMN text_state;
