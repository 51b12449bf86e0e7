DELETE FROM core.record_type WHERE node_type IN ('Dimension', 'DimensionValue');
SELECT core.know_record_types();
CREATE OR REPLACE FUNCTION finance.expect_entry_approved(p_tenant uuid, p_entry uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  e finance.journal_entry;
  p finance.journal_proposal;
  edition uuid;
  document numeric;
  book numeric;
  counted_in text;
BEGIN
  SELECT d.id INTO edition FROM practice.approval_policy y
    JOIN practice.approval_edition d ON d.tenant_id = y.tenant_id AND d.policy_id = y.id AND d.number = y.edition
   WHERE y.tenant_id = p_tenant AND y.subject = 'journal_proposal' AND y.ended_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT j.* INTO e FROM finance.journal_entry j WHERE j.tenant_id = p_tenant AND j.id = p_entry;
  IF e.source_id IS NOT NULL THEN
    SELECT q.* INTO p FROM finance.journal_proposal q WHERE q.tenant_id = p_tenant AND q.id = e.source_id;
    IF NOT FOUND OR (e.entry_date, e.description, e.currency) IS DISTINCT FROM (p.entry_date, p.description, p.currency)
       OR EXISTS (
         SELECT 1 FROM (SELECT * FROM finance.journal_line o WHERE o.tenant_id = p_tenant AND o.entry_id = p_entry) l
           FULL JOIN jsonb_array_elements(p.lines) WITH ORDINALITY AS w (line, place) ON w.place = l.line_no
          WHERE l.account_id IS DISTINCT FROM (w.line ->> 'account')::uuid
             OR l.amount_document IS DISTINCT FROM (w.line ->> 'document')::numeric
             OR l.amount IS DISTINCT FROM (w.line ->> 'book')::numeric
             OR l.tax_code_id IS DISTINCT FROM (w.line ->> 'tax')::uuid) THEN
      RAISE EXCEPTION 'the entry is not what was proposed' USING ERRCODE = 'BO158', CONSTRAINT = 'BO158';
    END IF;
    PERFORM practice.expect_approval('journal_proposal', p.id, 'BO151');
    RETURN;
  END IF;
  SELECT sum(l.amount_document) FILTER (WHERE l.amount_document > 0), sum(l.amount) FILTER (WHERE l.amount > 0) INTO document, book
    FROM finance.journal_line l WHERE l.tenant_id = p_tenant AND l.entry_id = p_entry;
  counted_in := CASE WHEN EXISTS (SELECT 1 FROM practice.approval_band b
                                   WHERE b.tenant_id = p_tenant AND b.edition_id = edition AND b.currency = e.currency)
                     THEN e.currency ELSE (SELECT c.currency FROM practice.client c WHERE c.tenant_id = p_tenant) END;
  IF EXISTS (SELECT 1 FROM practice.approval_band b
              WHERE b.tenant_id = p_tenant AND b.edition_id = edition AND b.currency = counted_in
                AND (b.above IS NULL OR coalesce(CASE WHEN counted_in = e.currency THEN document ELSE book END, 0) > b.above)) THEN
    RAISE EXCEPTION 'the entry is proposed and approved first' USING ERRCODE = 'BO158', CONSTRAINT = 'BO158';
  END IF;
END $$;
COMMENT ON COLUMN finance.journal_proposal.lines IS 'account, document (amount in the currency, debit positive), book (in that of the books), text, tax';
ALTER TABLE finance.invoice_line DROP COLUMN dimensions;
ALTER TABLE finance.bill_line DROP COLUMN dimensions;
DROP TRIGGER take_lines_labels ON finance.journal_line;
ALTER TABLE finance.journal_line DROP CONSTRAINT journal_line_line_no_check;
ALTER TABLE finance.journal_line ADD CONSTRAINT journal_line_line_no_check CHECK (line_no BETWEEN 1 AND 10000);
COMMENT ON COLUMN finance.journal_line.dimensions IS NULL;
DROP TABLE finance.line_dimension, finance.account_dimension, finance.value_split_part, finance.value_split,
  finance.dimension_value, finance.dimension;
DROP FUNCTION finance.take_labels, finance.check_split;
