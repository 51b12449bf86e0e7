-- The evidence sheet as people read it: a PDF that is set from the same events as the text, beside it. What can be verified
-- with nothing else stays the text; the PDF's own hash is an event like that of the text.
ALTER TABLE practice.signature_request
  ADD COLUMN evidence_pdf_file_id uuid,
  ADD COLUMN evidence_pdf_sha256 text CHECK (evidence_pdf_sha256 ~ '^[0-9a-f]{64}$'),
  ADD FOREIGN KEY (tenant_id, evidence_pdf_file_id) REFERENCES core.file (tenant_id, id),
  ADD CHECK ((evidence_pdf_file_id IS NULL) = (evidence_pdf_sha256 IS NULL));
ALTER TABLE practice.signature_request
  ADD CHECK (evidence_pdf_file_id IS NULL OR evidence_file_id IS NOT NULL);
CREATE INDEX signature_request_by_evidence_pdf ON practice.signature_request (tenant_id, evidence_pdf_file_id) WHERE evidence_pdf_file_id IS NOT NULL;

-- Binds the PDF to a request whose sheet is kept. False: it has one, or has no sheet.
CREATE FUNCTION practice.keep_signature_evidence_pdf(p_request uuid, p_file uuid, p_sha256 text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  r practice.signature_request;
BEGIN
  SELECT q.* INTO r FROM practice.signature_request q WHERE q.tenant_id = tenant AND q.id = p_request FOR UPDATE;
  IF NOT FOUND OR r.evidence_file_id IS NULL OR r.evidence_pdf_file_id IS NOT NULL THEN RETURN false; END IF;
  UPDATE practice.signature_request q SET evidence_pdf_file_id = p_file, evidence_pdf_sha256 = p_sha256
   WHERE q.tenant_id = tenant AND q.id = p_request;
  PERFORM practice.note_signature(tenant, p_request, 'evidence', NULL, 'Server', NULL, NULL, NULL, NULL,
                                  jsonb_build_object('sha256', p_sha256, 'mediaType', 'application/pdf'));
  RETURN true;
END $$;
GRANT EXECUTE ON FUNCTION practice.keep_signature_evidence_pdf TO backoffice_app;
