DROP TABLE finance.bank_match, finance.bank_line, finance.bank_statement, finance.bank_account;
DROP FUNCTION finance.mark_bank_line, finance.keep_bank_line;
