-- A manual entry that needs an approval is proposed before it is posted: it is in no ledger until then, and what is posted
-- is what was proposed.

CREATE TABLE finance.journal_proposal (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  entry_date       date NOT NULL,
  description      text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
  currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount           numeric(19, 4) NOT NULL CHECK (amount > 0),
  amount_book      numeric(19, 4) NOT NULL CHECK (amount_book >= 0),
  lines            jsonb NOT NULL CHECK (jsonb_typeof(lines) = 'array'),
  proposed_by_name text NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE finance.journal_proposal IS 'append-only';
COMMENT ON COLUMN finance.journal_proposal.amount IS 'the debits, in the currency of the lines';
COMMENT ON COLUMN finance.journal_proposal.lines IS 'account, document (amount in the currency, debit positive), book (in that of the books), text, tax';
SELECT core.raise_wall('finance.journal_proposal', 'append_only');

CREATE UNIQUE INDEX journal_entry_of_proposal ON finance.journal_entry (tenant_id, source_id) WHERE source = 'manual' AND source_id IS NOT NULL;

CREATE FUNCTION finance.proposal_to_approve(p_tenant uuid, p_record uuid, p_lock boolean)
RETURNS TABLE (title text, counterparty_id uuid, counterparty text, amount numeric, currency text, rate numeric, day date, open boolean, fingerprint text)
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RETURN QUERY
    SELECT left('Entry of ' || p.entry_date || ': ' || p.description, 300), NULL::uuid, NULL::text, p.amount, p.currency,
           round(p.amount_book / p.amount, 8), p.entry_date,
           NOT EXISTS (SELECT 1 FROM finance.journal_entry e WHERE e.tenant_id = p_tenant AND e.source = 'manual' AND e.source_id = p.id),
           encode(sha256(convert_to(jsonb_build_array(p.entry_date, p.description, p.currency, p.amount, p.lines)::text, 'UTF8')), 'hex')
      FROM finance.journal_proposal p WHERE p.tenant_id = p_tenant AND p.id = p_record;
END $$;
INSERT INTO practice.approval_subject (subject, facts) VALUES ('journal_proposal', 'finance.proposal_to_approve');

-- Refuses a manual entry that needs an approval and has none: one that was not proposed, says something else than what was
-- proposed, or whose proposal was not approved.
CREATE FUNCTION finance.expect_entry_approved(p_tenant uuid, p_entry uuid) RETURNS void
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
GRANT EXECUTE ON FUNCTION finance.expect_entry_approved TO backoffice_app;

-- The server asks as soon as it has written an entry; whatever does not is asked when it commits.
CREATE FUNCTION finance.expect_manual_entry_approved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  PERFORM finance.expect_entry_approved(new.tenant_id, new.id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER expect_approval AFTER INSERT ON finance.journal_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.source = 'manual') EXECUTE FUNCTION finance.expect_manual_entry_approved();
