DELETE FROM core.record_type WHERE node_type IN ('ExpenseType', 'ExpenseClaim');
SELECT core.know_record_types();
DROP TABLE finance.expense_claim_line, finance.expense_claim, finance.expense_rate, finance.expense_type;
DROP FUNCTION finance.freeze_expense_claim;
DROP FUNCTION finance.freeze_expense_claim_line;
DROP FUNCTION finance.keep_expense_claim;
