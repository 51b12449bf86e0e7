-- Deferrals and accruals: an amount spread over a time, by day or by month; each slice is posted once, when its time is over.

SELECT finance.word_entry_sources('{deferral}', '{}');

CREATE TABLE finance.deferral (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  description       text NOT NULL CHECK (length(description) BETWEEN 1 AND 400),
  debit_account_id  uuid NOT NULL,
  credit_account_id uuid NOT NULL CHECK (credit_account_id <> debit_account_id),
  amount            numeric(19, 4) NOT NULL CHECK (amount > 0),
  starts_on         date NOT NULL,
  ends_on           date NOT NULL CHECK (ends_on >= starts_on),
  method            text NOT NULL CHECK (method IN ('by_day', 'by_month')),
  dimensions        jsonb NOT NULL DEFAULT '{}',
  stopped_at        timestamptz,
  stopped_reason    text CHECK (length(stopped_reason) BETWEEN 3 AND 500),
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, debit_account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, credit_account_id) REFERENCES finance.account (tenant_id, id),
  CHECK ((stopped_at IS NULL) = (stopped_reason IS NULL))
);
COMMENT ON COLUMN finance.deferral.amount IS 'book currency';
COMMENT ON COLUMN finance.deferral.dimensions IS 'the labels of the lines on income and expense: id of a dimension, id of its value';
SELECT core.raise_wall('finance.deferral', 'mutable');

-- What is spread stays as it was said; it can only be stopped, once.
CREATE FUNCTION finance.keep_deferral() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.stopped_at IS NOT NULL
     OR (new.description, new.debit_account_id, new.credit_account_id, new.amount, new.starts_on, new.ends_on, new.method, new.dimensions)
        IS DISTINCT FROM
        (old.description, old.debit_account_id, old.credit_account_id, old.amount, old.starts_on, old.ends_on, old.method, old.dimensions) THEN
    RAISE EXCEPTION 'a deferral is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_deferral BEFORE UPDATE ON finance.deferral FOR EACH ROW EXECUTE FUNCTION finance.keep_deferral();

CREATE TABLE finance.deferral_slice (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  deferral_id uuid NOT NULL,
  number      integer NOT NULL CHECK (number >= 1),
  from_on     date NOT NULL,
  to_on       date NOT NULL CHECK (to_on >= from_on),
  amount      numeric(19, 4) NOT NULL CHECK (amount >= 0),
  entry_id    uuid,
  due         boolean NOT NULL DEFAULT true,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, deferral_id, number),
  UNIQUE (tenant_id, entry_id),
  FOREIGN KEY (tenant_id, deferral_id) REFERENCES finance.deferral (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK (NOT due OR entry_id IS NULL)
);
COMMENT ON COLUMN finance.deferral_slice.due IS 'whether it waits to be posted; not once it is posted or stopped, nor if it is worth nothing';
SELECT core.raise_wall('finance.deferral_slice', 'mutable');
CREATE INDEX deferral_slice_due ON finance.deferral_slice (tenant_id, to_on, id) WHERE due;

-- A slice is posted once: what it says stays, and an entry never leaves it.
CREATE FUNCTION finance.keep_deferral_slice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF NOT old.due OR (new.deferral_id, new.number, new.from_on, new.to_on, new.amount)
       IS DISTINCT FROM (old.deferral_id, old.number, old.from_on, old.to_on, old.amount) THEN
    RAISE EXCEPTION 'a slice is posted once' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_deferral_slice BEFORE UPDATE ON finance.deferral_slice FOR EACH ROW EXECUTE FUNCTION finance.keep_deferral_slice();

INSERT INTO core.record_type (node_type, home) VALUES ('Deferral', 'finance.deferral');
SELECT core.know_record_types();
