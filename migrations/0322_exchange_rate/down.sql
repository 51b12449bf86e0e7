DROP TABLE finance.exchange_rate;
ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
ALTER TABLE finance.account ADD CONSTRAINT account_control_check CHECK (control IN ('receivable', 'payable', 'bank', 'input_tax',
  'output_tax', 'retained_earnings', 'rounding'));
