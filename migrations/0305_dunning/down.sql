DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = ARRAY(SELECT p.name FROM unnest(r.permissions) WITH ORDINALITY AS p (name, at)
                                WHERE p.name NOT IN ('finance.dunning.read', 'finance.dunning.manage') ORDER BY p.at)
     WHERE r.tenant_id = client AND r.permissions && '{finance.dunning.read,finance.dunning.manage}'::text[];
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
DELETE FROM core.record_type WHERE node_type IN ('DunningNotice', 'DunningItem', 'OpenItem');
SELECT core.know_record_types();
ALTER TABLE finance.open_item DROP COLUMN dunning_notice_id;
DROP TABLE finance.dunning_item, finance.dunning_notice, finance.dunning_run, finance.open_item_dispute, finance.dunning_level;
DROP FUNCTION finance.keep_dunning;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.journal_entry'::regclass AND c.conname = 'journal_entry_source_check');
BEGIN
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE 'ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check '
          || replace(said, ', ''dunning''::text', '');
END $$;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, ', ''dunning_fee''::text, ''dunning_interest''::text', '');
END $$;
