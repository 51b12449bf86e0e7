DROP FUNCTION finance.open_parts;
DROP TABLE finance.instalment;
