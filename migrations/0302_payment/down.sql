DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = ARRAY(SELECT p.name FROM unnest(r.permissions) WITH ORDINALITY AS p (name, at)
                                WHERE p.name NOT IN ('finance.payment.read', 'finance.payment.record') ORDER BY p.at)
     WHERE r.tenant_id = client AND r.permissions && '{finance.payment.read,finance.payment.record}'::text[];
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
          || replace(said, ', ''payment''::text', '');
END $$;
ALTER TABLE finance.open_item DROP COLUMN payment_id;
DROP TABLE finance.payment_allocation, finance.payment;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, ', ''customer_advance''::text, ''vendor_advance''::text', '');
END $$;
