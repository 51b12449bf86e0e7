-- Credit limits of customers, and who has issued an invoice beyond one and why.

CREATE TABLE finance.credit_limit (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  customer_id uuid NOT NULL,
  amount      numeric(19, 4) NOT NULL CHECK (amount >= 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, customer_id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES finance.customer (tenant_id, id)
);
COMMENT ON COLUMN finance.credit_limit.amount IS 'book currency';
SELECT core.raise_wall('finance.credit_limit', 'deletable');

CREATE TABLE finance.credit_override (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  invoice_id         uuid NOT NULL,
  limit_amount       numeric(19, 4) NOT NULL,
  used               numeric(19, 4) NOT NULL,
  amount             numeric(19, 4) NOT NULL CHECK (used + amount > limit_amount),
  reason             text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  overridden_by_name text NOT NULL CHECK (length(overridden_by_name) BETWEEN 1 AND 200),
  created_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, invoice_id),
  FOREIGN KEY (tenant_id, invoice_id) REFERENCES finance.invoice (tenant_id, id)
);
COMMENT ON TABLE finance.credit_override IS 'append-only';
COMMENT ON COLUMN finance.credit_override.used IS 'what the customer owed before, in book currency, as the limit and the invoice''s amount are';
SELECT core.raise_wall('finance.credit_override', 'append_only');

-- The right to go beyond a limit for the role that decides how the books are kept.
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r SET permissions = r.permissions || 'finance.credit.override'::text
     WHERE r.tenant_id = client AND r.name = 'Accountant' AND 'finance.invoice.issue' = ANY (r.permissions)
       AND 'finance.credit.override' <> ALL (r.permissions);
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
