-- Where an account stands in the statement of cash flows, if not where its kind and role put it.

CREATE TABLE finance.cash_flow_place (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  account_id uuid NOT NULL,
  section    text NOT NULL CHECK (section IN ('cash', 'operating', 'investing', 'financing')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT cash_flow_place_once UNIQUE (tenant_id, account_id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id)
);
SELECT core.raise_wall('finance.cash_flow_place', 'mutable');
