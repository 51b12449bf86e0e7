ALTER TABLE finance.open_item DROP COLUMN mark;
DROP INDEX finance.open_item_by_open_amount;
