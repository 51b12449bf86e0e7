DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r SET permissions = array_remove(r.permissions, 'finance.credit_note.issue')
     WHERE r.tenant_id = client AND 'finance.credit_note.issue' = ANY (r.permissions);
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.journal_entry'::regclass AND c.conname = 'journal_entry_source_check');
BEGIN
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE 'ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check '
          || replace(said, ', ''credit_note''::text', '');
END $$;
CREATE OR REPLACE FUNCTION finance.keep_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF pg_trigger_depth() < 2
     OR (new.side, new.customer_id, new.vendor_id, new.invoice_id, new.bill_id, new.document, new.party_name, new.entry_id,
         new.account_id, new.item_date, new.due_date, new.currency, new.amount, new.amount_book)
        IS DISTINCT FROM
        (old.side, old.customer_id, old.vendor_id, old.invoice_id, old.bill_id, old.document, old.party_name, old.entry_id,
         old.account_id, old.item_date, old.due_date, old.currency, old.amount, old.amount_book) THEN
    RAISE EXCEPTION 'an open item only moves by allocation' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
ALTER TABLE finance.open_item DROP COLUMN credit_note_id;
DROP TABLE finance.credit_note_line, finance.credit_note;
DROP FUNCTION finance.keep_credit_within_invoice;
