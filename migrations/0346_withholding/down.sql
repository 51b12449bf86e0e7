DELETE FROM core.record_type WHERE node_type = 'WithholdingCode';
SELECT core.know_record_types();
DO $$
BEGIN
  EXECUTE replace(pg_get_functiondef('finance.bill_to_approve(uuid, uuid, boolean)'::regprocedure),
                  $x$ || coalesce(b.withholding_code_id::text, ''), 'UTF8')), 'hex')$x$, $x$, 'UTF8')), 'hex')$x$);
END $$;
DROP TABLE finance.withholding_entry;
ALTER TABLE finance.bill DROP COLUMN withheld;
ALTER TABLE finance.bill DROP COLUMN withholding_code_id;
ALTER TABLE finance.vendor DROP COLUMN withholding_code_id;
DROP TABLE finance.withholding_rate, finance.withholding_code;
