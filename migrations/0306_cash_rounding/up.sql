-- Amounts that are paid in coins: the smallest step of a currency as a client has it, and the difference on each document.

CREATE TABLE finance.cash_rounding (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  currency   text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  step       numeric(19, 4) NOT NULL CHECK (step > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, currency)
);
SELECT core.raise_wall('finance.cash_rounding', 'deletable');

ALTER TABLE finance.invoice ADD COLUMN cash_difference numeric(19, 4) NOT NULL DEFAULT 0;
COMMENT ON COLUMN finance.invoice.cash_difference IS 'what is paid more than the gross amount, in its currency; given at issue';
ALTER TABLE finance.credit_note ADD COLUMN cash_difference numeric(19, 4) NOT NULL DEFAULT 0;
COMMENT ON COLUMN finance.credit_note.cash_difference IS 'what the customer owes less beyond the gross amount';
