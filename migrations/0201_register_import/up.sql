-- Records of registers come in by files. What a line said when it came in stays with its record: the same line again adds
-- nothing, whatever became of the record since, and of two workers with the same file one is refused.
ALTER TABLE practice.register_record ADD COLUMN imported_as text CHECK (imported_as ~ '^[0-9a-f]{64}$');
COMMENT ON COLUMN practice.register_record.imported_as IS 'SHA-256 of what the line of a file said by which it came in; null: it came otherwise';
ALTER TABLE practice.register_record ADD CONSTRAINT register_record_imported_once UNIQUE (tenant_id, register_id, imported_as);

ALTER TABLE core.import DROP CONSTRAINT import_kind_check;
ALTER TABLE core.import ADD CONSTRAINT import_kind_check
  CHECK (kind IN ('chart_of_accounts', 'opening_balances', 'customers', 'vendors', 'bank_statement', 'register_records'));
