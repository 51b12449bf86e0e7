-- Discounts for paying early: what a document grants until which day, and what a payment in time took of it, split into
-- income or expense and taxes.

-- Discounts have accounts of their own, where the chart has them.
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, '''bank''::text', '''bank''::text, ''discount_allowed''::text, ''discount_received''::text');
END $$;

CREATE TABLE finance.early_payment (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  open_item_id uuid NOT NULL,
  percent      numeric(7, 4) NOT NULL CHECK (percent > 0 AND percent < 100),
  last_day     date NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, open_item_id, last_day),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id)
);
COMMENT ON TABLE finance.early_payment IS 'append-only';
COMMENT ON COLUMN finance.early_payment.last_day IS 'the last day on which a payment takes the discount';
SELECT core.raise_wall('finance.early_payment', 'append_only');

CREATE TABLE finance.early_payment_part (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  allocation_id uuid NOT NULL,
  account_id    uuid NOT NULL,
  tax_code_id   uuid,
  base          numeric(19, 4) NOT NULL,
  amount        numeric(19, 4) NOT NULL,
  amount_book   numeric(19, 4) NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, allocation_id) REFERENCES finance.allocation (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
COMMENT ON TABLE finance.early_payment_part IS 'append-only';
COMMENT ON COLUMN finance.early_payment_part.allocation_id IS 'what the discount settled of the item; all its parts are that amount';
COMMENT ON COLUMN finance.early_payment_part.base IS 'the net amount that the tax is less by; of the net part the amount itself';
SELECT core.raise_wall('finance.early_payment_part', 'append_only');
CREATE INDEX early_payment_part_by_allocation ON finance.early_payment_part (tenant_id, allocation_id, id);

-- What a payment's allocation took with it as a discount; undone together.
ALTER TABLE finance.payment_allocation ADD COLUMN discount_id uuid;
ALTER TABLE finance.payment_allocation ADD CONSTRAINT payment_allocation_discount FOREIGN KEY (tenant_id, discount_id)
  REFERENCES finance.allocation (tenant_id, id);
