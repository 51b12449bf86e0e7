DROP TABLE finance.account_month, finance.account_balance, finance.journal_line, finance.journal_entry, finance.tax_rate, finance.tax_code,
  finance.account, finance.fiscal_year, finance.lock_exception, finance.ledger;
DROP FUNCTION finance.entry_balances, finance.take_lines, finance.check_entry, finance.check_account,
  finance.check_fiscal_year, finance.keep_hard_lock;
