-- Expenses: what people have spent for the client, or get by the day or the kilometre. What of a claim is accepted becomes a
-- bill of the claimant, which is approved, posted and paid as any other.

CREATE TABLE finance.expense_type (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  code        text NOT NULL CHECK (length(code) BETWEEN 1 AND 20),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  kind        text NOT NULL CHECK (kind IN ('receipt', 'per_diem', 'mileage')),
  account_id  uuid NOT NULL,
  tax_code_id uuid,
  active      boolean NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
COMMENT ON COLUMN finance.expense_type.tax_code_id IS 'an input code; null: outside of any tax';
SELECT core.raise_wall('finance.expense_type', 'mutable');

CREATE TABLE finance.expense_rate (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  type_id       uuid NOT NULL,
  valid_from    date NOT NULL,
  unit_amount   numeric(19, 4) CHECK (unit_amount > 0),
  most          numeric(19, 4) CHECK (most > 0),
  receipt_above numeric(19, 4) CHECK (receipt_above >= 0),
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, type_id, valid_from),
  FOREIGN KEY (tenant_id, type_id) REFERENCES finance.expense_type (tenant_id, id)
);
COMMENT ON TABLE finance.expense_rate IS 'append-only';
COMMENT ON COLUMN finance.expense_rate.unit_amount IS 'of a day or a kilometre, in the books'' currency; null for receipts';
COMMENT ON COLUMN finance.expense_rate.most IS 'of a line nothing above it is accepted; null: no limit';
COMMENT ON COLUMN finance.expense_rate.receipt_above IS 'lines above it need their receipt; null: none does';
SELECT core.raise_wall('finance.expense_rate', 'append_only');

CREATE TABLE finance.expense_claim (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  number             text NOT NULL CHECK (length(number) BETWEEN 1 AND 20),
  vendor_id          uuid NOT NULL,
  vendor_name        text NOT NULL CHECK (length(vendor_name) BETWEEN 1 AND 200),
  purpose            text NOT NULL CHECK (length(purpose) BETWEEN 1 AND 500),
  prices_include_tax boolean NOT NULL,
  currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  state              text NOT NULL CHECK (state IN ('draft', 'submitted', 'accepted', 'rejected')),
  claimed            numeric(19, 4) NOT NULL,
  accepted           numeric(19, 4),
  submitted_by       uuid,
  submitted_by_name  text,
  decided_by_name    text,
  said               text CHECK (length(said) BETWEEN 1 AND 500),
  bill_id            uuid,
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  version            integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  UNIQUE (tenant_id, bill_id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  FOREIGN KEY (tenant_id, bill_id) REFERENCES finance.bill (tenant_id, id),
  CHECK ((state = 'accepted') = (bill_id IS NOT NULL) AND (state = 'accepted') = (accepted IS NOT NULL)),
  CHECK (state = 'draft' OR submitted_by IS NOT NULL)
);
COMMENT ON COLUMN finance.expense_claim.claimed IS 'the sum of its lines as claimed, in the books'' currency';
SELECT core.raise_wall('finance.expense_claim', 'mutable');
CREATE INDEX expense_claim_by_vendor ON finance.expense_claim (tenant_id, vendor_id, id);
CREATE INDEX expense_claim_by_state ON finance.expense_claim (tenant_id, state, id);

CREATE TABLE finance.expense_claim_line (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  claim_id    uuid NOT NULL,
  line_no     integer NOT NULL CHECK (line_no BETWEEN 1 AND 500),
  type_id     uuid NOT NULL,
  spent_on    date NOT NULL,
  description text NOT NULL CHECK (length(description) BETWEEN 1 AND 400),
  quantity    numeric(19, 4) NOT NULL CHECK (quantity > 0),
  unit_amount numeric(19, 4) NOT NULL CHECK (unit_amount > 0),
  claimed     numeric(19, 4) NOT NULL CHECK (claimed > 0),
  most        numeric(19, 4),
  accepted    numeric(19, 4) NOT NULL CHECK (accepted >= 0),
  said        text CHECK (length(said) BETWEEN 1 AND 500),
  file_id     uuid,
  dimensions  jsonb NOT NULL DEFAULT '[]',
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, claim_id, line_no),
  FOREIGN KEY (tenant_id, claim_id) REFERENCES finance.expense_claim (tenant_id, id),
  FOREIGN KEY (tenant_id, type_id) REFERENCES finance.expense_type (tenant_id, id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES core.file (tenant_id, id),
  CHECK (accepted <= claimed)
);
COMMENT ON COLUMN finance.expense_claim_line.accepted IS 'before the decision what would be: the claimed amount, at most the limit';
COMMENT ON COLUMN finance.expense_claim_line.dimensions IS 'ids of values';
SELECT core.raise_wall('finance.expense_claim_line', 'deletable');

-- What was decided stays; lines change with a draft, and what is accepted of them until the decision.
CREATE FUNCTION finance.freeze_expense_claim() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.state IN ('accepted', 'rejected') THEN
    RAISE EXCEPTION 'a claim that was decided is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER freeze_claim BEFORE UPDATE ON finance.expense_claim FOR EACH ROW EXECUTE FUNCTION finance.freeze_expense_claim();
CREATE FUNCTION finance.freeze_expense_claim_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE changed finance.expense_claim_line := CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
BEGIN
  IF EXISTS (SELECT 1 FROM finance.expense_claim c WHERE c.tenant_id = changed.tenant_id AND c.id = changed.claim_id
               AND c.state <> 'draft' AND (c.state <> 'submitted' OR tg_op <> 'UPDATE')) THEN
    RAISE EXCEPTION 'a claim that was decided is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN changed;
END $$;
CREATE TRIGGER freeze_line BEFORE INSERT OR UPDATE OR DELETE ON finance.expense_claim_line
  FOR EACH ROW EXECUTE FUNCTION finance.freeze_expense_claim_line();

-- Nobody accepts what he has submitted, by whichever account.
CREATE FUNCTION finance.keep_expense_claim() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF practice.same_person(new.submitted_by, nullif(current_setting('app.actor_id', true), '')::uuid) THEN
    RAISE EXCEPTION 'nobody accepts his own claim' USING ERRCODE = 'BO347', CONSTRAINT = 'BO347';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_claim AFTER UPDATE ON finance.expense_claim
  FOR EACH ROW WHEN (old.state = 'submitted' AND new.state = 'accepted') EXECUTE FUNCTION finance.keep_expense_claim();

INSERT INTO core.record_type (node_type, home) VALUES
  ('ExpenseType', 'finance.expense_type'),
  ('ExpenseClaim', 'finance.expense_claim');
SELECT core.know_record_types();
