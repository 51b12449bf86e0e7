ALTER TABLE finance.payment_allocation DROP COLUMN discount_id;
DROP TABLE finance.early_payment_part, finance.early_payment;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, ', ''discount_allowed''::text, ''discount_received''::text', '');
END $$;
