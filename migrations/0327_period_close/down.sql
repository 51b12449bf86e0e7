DELETE FROM core.record_type WHERE node_type = 'PeriodClose';
SELECT core.know_record_types();
DROP TABLE finance.period_close_step, finance.period_close_note, finance.period_close;
DROP FUNCTION finance.keep_period_close;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, ', ''suspense''::text', '');
END $$;
