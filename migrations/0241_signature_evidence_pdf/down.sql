DROP FUNCTION practice.keep_signature_evidence_pdf;
ALTER TABLE practice.signature_request DROP COLUMN evidence_pdf_file_id, DROP COLUMN evidence_pdf_sha256;
