-- What foreign currencies are worth, by day and source. Rates are never changed: of one day the one that was entered last holds.

CREATE TABLE finance.exchange_rate (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  on_date    date NOT NULL,
  source     text NOT NULL CHECK (length(source) BETWEEN 1 AND 40),
  rate       numeric(18, 8) NOT NULL CHECK (rate > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE finance.exchange_rate IS 'append-only';
COMMENT ON COLUMN finance.exchange_rate.rate IS 'book currency for one unit of the currency';
SELECT core.raise_wall('finance.exchange_rate', 'append_only');
CREATE INDEX exchange_rate_by_day ON finance.exchange_rate (tenant_id, currency, on_date, id);
CREATE INDEX exchange_rate_by_date ON finance.exchange_rate (tenant_id, on_date, id);

-- Where what a settlement gains or loses by the rate goes, and what a revaluation says of open items.
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, '''bank''::text', '''bank''::text, ''exchange_difference''::text, ''unrealized_exchange''::text');
END $$;
