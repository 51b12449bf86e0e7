-- Tax that is withheld of what vendors are paid: codes with dated rates, and what was withheld of each document.

CREATE TABLE finance.withholding_code (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  code       text NOT NULL CHECK (length(code) BETWEEN 1 AND 20),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  scope      text NOT NULL CHECK (scope IN ('whole', 'excess')),
  account_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id)
);
SELECT core.raise_wall('finance.withholding_code', 'mutable');

CREATE TABLE finance.withholding_rate (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  code_id    uuid NOT NULL,
  valid_from date NOT NULL,
  percent    numeric(7, 4) NOT NULL CHECK (percent > 0 AND percent <= 100),
  threshold  numeric(19, 4) NOT NULL CHECK (threshold >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code_id, valid_from),
  FOREIGN KEY (tenant_id, code_id) REFERENCES finance.withholding_code (tenant_id, id)
);
COMMENT ON TABLE finance.withholding_rate IS 'append-only';
COMMENT ON COLUMN finance.withholding_rate.threshold IS 'net amount of a vendor in a fiscal year, in the books'' currency';
SELECT core.raise_wall('finance.withholding_rate', 'append_only');

ALTER TABLE finance.vendor ADD COLUMN withholding_code_id uuid;
ALTER TABLE finance.vendor ADD CONSTRAINT vendor_withholding_code FOREIGN KEY (tenant_id, withholding_code_id)
  REFERENCES finance.withholding_code (tenant_id, id);
ALTER TABLE finance.bill ADD COLUMN withholding_code_id uuid;
ALTER TABLE finance.bill ADD CONSTRAINT bill_withholding_code FOREIGN KEY (tenant_id, withholding_code_id)
  REFERENCES finance.withholding_code (tenant_id, id);
ALTER TABLE finance.bill ADD COLUMN withheld numeric(19, 4) NOT NULL DEFAULT 0;
COMMENT ON COLUMN finance.bill.withheld IS 'currency of the bill; what of gross is owed to the tax office instead of the vendor';

CREATE TABLE finance.withholding_entry (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  code_id          uuid NOT NULL,
  vendor_id        uuid NOT NULL,
  bill_id          uuid,
  vendor_credit_id uuid,
  entry_id         uuid NOT NULL,
  year_starts_on   date NOT NULL,
  posted_on        date NOT NULL,
  percent          numeric(7, 4) NOT NULL,
  threshold        numeric(19, 4) NOT NULL,
  net              numeric(19, 4) NOT NULL,
  base             numeric(19, 4) NOT NULL,
  amount           numeric(19, 4) NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, bill_id),
  UNIQUE (tenant_id, vendor_credit_id),
  FOREIGN KEY (tenant_id, code_id) REFERENCES finance.withholding_code (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  FOREIGN KEY (tenant_id, bill_id) REFERENCES finance.bill (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_credit_id) REFERENCES finance.vendor_credit (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK ((bill_id IS NULL) <> (vendor_credit_id IS NULL))
);
COMMENT ON TABLE finance.withholding_entry IS 'append-only';
COMMENT ON COLUMN finance.withholding_entry.year_starts_on IS 'the fiscal year in whose sum it counts: a credit counts in that of its bill';
COMMENT ON COLUMN finance.withholding_entry.base IS 'of how much something was withheld; more than net where earlier documents are made up for';
SELECT core.raise_wall('finance.withholding_entry', 'append_only');
CREATE INDEX withholding_entry_of_year ON finance.withholding_entry (tenant_id, vendor_id, code_id, year_starts_on);
CREATE INDEX withholding_entry_by_day ON finance.withholding_entry (tenant_id, posted_on, id);

-- What is approved of a bill says by which code is withheld, too. A bill without one keeps the fingerprint that it had.
DO $$
DECLARE
  written constant text := pg_get_functiondef('finance.bill_to_approve(uuid, uuid, boolean)'::regprocedure);
  changed constant text := replace(written, $x$, 'UTF8')), 'hex')$x$, $x$ || coalesce(b.withholding_code_id::text, ''), 'UTF8')), 'hex')$x$);
BEGIN
  IF changed = written THEN
    RAISE EXCEPTION 'finance.bill_to_approve does not read as this change expects it';
  END IF;
  EXECUTE changed;
END $$;

INSERT INTO core.record_type (node_type, home) VALUES ('WithholdingCode', 'finance.withholding_code');
SELECT core.know_record_types();
