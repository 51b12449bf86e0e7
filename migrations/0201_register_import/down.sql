ALTER TABLE core.import DROP CONSTRAINT import_kind_check;
ALTER TABLE core.import ADD CONSTRAINT import_kind_check
  CHECK (kind IN ('chart_of_accounts', 'opening_balances', 'customers', 'vendors', 'bank_statement'));
ALTER TABLE practice.register_record DROP CONSTRAINT register_record_imported_once, DROP COLUMN imported_as;
