DELETE FROM core.record_type WHERE node_type IN ('Asset', 'AssetClass');
SELECT core.know_record_types();
DROP TABLE finance.asset_movement, finance.asset_slice, finance.asset_plan, finance.asset, finance.asset_class;
DROP FUNCTION finance.keep_asset_slice, finance.keep_asset;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, ', ''fixed_asset''::text, ''accumulated_depreciation''::text', '');
END $$;
SELECT finance.word_entry_sources('{}', '{asset}');
