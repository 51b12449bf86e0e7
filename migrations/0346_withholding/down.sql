DELETE FROM core.record_type WHERE node_type = 'WithholdingCode';
SELECT core.know_record_types();
DO $$
DECLARE
  written constant text := pg_get_functiondef('finance.bill_to_approve(uuid, uuid, boolean)'::regprocedure);
  changed constant text := replace(written, $x$ || coalesce(b.withholding_code_id::text, ''), 'UTF8')), 'hex')$x$, $x$, 'UTF8')), 'hex')$x$);
BEGIN
  IF changed = written THEN
    RAISE EXCEPTION 'finance.bill_to_approve does not read as this change expects it';
  END IF;
  EXECUTE changed;
END $$;
DROP TABLE finance.withholding_entry;
ALTER TABLE finance.bill DROP COLUMN withheld;
ALTER TABLE finance.bill DROP COLUMN withholding_code_id;
ALTER TABLE finance.vendor DROP COLUMN withholding_code_id;
DROP TABLE finance.withholding_rate, finance.withholding_code;
