-- Budgets: what is meant to be earned and spent, month by month, in versions; and what is promised already, by requests and
-- orders, which counts against them before anything is booked.

CREATE TABLE finance.budget (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  starts_on  date NOT NULL CHECK (extract(day FROM starts_on) = 1),
  ends_on    date NOT NULL CHECK (ends_on > starts_on),
  control    text NOT NULL CHECK (control IN ('none', 'warn', 'stop')),
  measure    text NOT NULL CHECK (measure IN ('month', 'to_date', 'whole')),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT budget_name UNIQUE (tenant_id, name)
);
COMMENT ON COLUMN finance.budget.control IS 'what becomes of a commitment above it';
COMMENT ON COLUMN finance.budget.measure IS 'which of its months a commitment is held against';
SELECT core.raise_wall('finance.budget', 'mutable');

CREATE TABLE finance.budget_version (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  budget_id    uuid NOT NULL,
  number       integer NOT NULL CHECK (number >= 1),
  reason       text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
  made_by_name text NOT NULL CHECK (length(made_by_name) BETWEEN 1 AND 200),
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, budget_id, number),
  FOREIGN KEY (tenant_id, budget_id) REFERENCES finance.budget (tenant_id, id)
);
COMMENT ON TABLE finance.budget_version IS 'append-only';
SELECT core.raise_wall('finance.budget_version', 'append_only');

CREATE TABLE finance.budget_amount (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  version_id uuid NOT NULL,
  account_id uuid NOT NULL,
  value_id   uuid,
  month      date NOT NULL CHECK (extract(day FROM month) = 1),
  amount     numeric(19, 4) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE NULLS NOT DISTINCT (tenant_id, version_id, account_id, value_id, month),
  FOREIGN KEY (tenant_id, version_id) REFERENCES finance.budget_version (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, value_id) REFERENCES finance.dimension_value (tenant_id, id)
);
COMMENT ON TABLE finance.budget_amount IS 'append-only';
COMMENT ON COLUMN finance.budget_amount.amount IS 'book currency; positive: what the account grows by, spending for expenses and earning for income';
COMMENT ON COLUMN finance.budget_amount.value_id IS 'a value of a dimension; none: the whole account';
SELECT core.raise_wall('finance.budget_amount', 'append_only');

CREATE TABLE finance.commitment (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('request', 'purchase_order')),
  reference  text NOT NULL CHECK (length(reference) BETWEEN 1 AND 60),
  account_id uuid NOT NULL,
  value_id   uuid,
  on_date    date NOT NULL,
  amount     numeric(19, 4) NOT NULL CHECK (amount > 0),
  released   numeric(19, 4) NOT NULL DEFAULT 0 CHECK (released BETWEEN 0 AND amount),
  warnings   text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT commitment_reference UNIQUE NULLS NOT DISTINCT (tenant_id, kind, reference, account_id, value_id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, value_id) REFERENCES finance.dimension_value (tenant_id, id)
);
COMMENT ON COLUMN finance.commitment.released IS 'what was booked or given up of it: that counts against a budget no more';
SELECT core.raise_wall('finance.commitment', 'mutable');
CREATE INDEX commitment_open ON finance.commitment (tenant_id, account_id, on_date) WHERE released < amount;

-- What was promised stays as it was said; it is only released, and never taken back.
CREATE FUNCTION finance.keep_commitment() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.released < old.released OR (new.kind, new.reference, new.account_id, new.value_id, new.on_date, new.amount, new.warnings)
       IS DISTINCT FROM (old.kind, old.reference, old.account_id, old.value_id, old.on_date, old.amount, old.warnings) THEN
    RAISE EXCEPTION 'a commitment is only released' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_commitment BEFORE UPDATE ON finance.commitment FOR EACH ROW EXECUTE FUNCTION finance.keep_commitment();

INSERT INTO core.record_type (node_type, home) VALUES ('Budget', 'finance.budget'), ('Commitment', 'finance.commitment');
SELECT core.know_record_types();
