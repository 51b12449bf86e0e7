ALTER TABLE finance.credit_note DROP COLUMN cash_difference;
ALTER TABLE finance.invoice DROP COLUMN cash_difference;
DROP TABLE finance.cash_rounding;
