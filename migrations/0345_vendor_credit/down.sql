DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.journal_entry'::regclass AND c.conname = 'journal_entry_source_check');
BEGIN
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE 'ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check '
          || replace(said, ', ''vendor_credit''::text', '');
END $$;
ALTER TABLE finance.open_item DROP COLUMN vendor_credit_id;
DROP TABLE finance.vendor_credit_line, finance.vendor_credit;
DROP FUNCTION finance.keep_credit_within_bill;
