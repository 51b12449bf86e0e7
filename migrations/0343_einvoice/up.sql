-- Electronic invoices by EN 16931: how the client names itself on them, where parties take them, what tax codes are to the
-- standard, the files that were made of invoices and credit notes, and those that became bills.

ALTER TABLE finance.customer ADD COLUMN electronic_address text;
ALTER TABLE finance.customer ADD CONSTRAINT customer_electronic_address CHECK (electronic_address ~ '^[0-9A-Z]{2,4}:[!-~]{1,100}$');
COMMENT ON COLUMN finance.customer.electronic_address IS 'list (EAS code) and address within it: 0088:1234567890128';
ALTER TABLE finance.vendor ADD COLUMN electronic_address text;
ALTER TABLE finance.vendor ADD CONSTRAINT vendor_electronic_address CHECK (electronic_address ~ '^[0-9A-Z]{2,4}:[!-~]{1,100}$');

CREATE TABLE finance.seller_profile (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  street             text CHECK (length(street) BETWEEN 1 AND 200),
  postal_code        text CHECK (length(postal_code) BETWEEN 1 AND 20),
  city               text CHECK (length(city) BETWEEN 1 AND 100),
  tax_number         text CHECK (length(tax_number) BETWEEN 1 AND 32),
  registration       text CHECK (length(registration) BETWEEN 1 AND 60),
  electronic_address text CHECK (electronic_address ~ '^[0-9A-Z]{2,4}:[!-~]{1,100}$'),
  bank_account_id    uuid,
  check_at_issue     text CHECK (check_at_issue IN ('peppol', 'ubl', 'cii')),
  created_at         timestamptz NOT NULL DEFAULT now(),
  updated_at         timestamptz NOT NULL DEFAULT now(),
  version            integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id),
  FOREIGN KEY (tenant_id, bank_account_id) REFERENCES finance.bank_account (tenant_id, id)
);
COMMENT ON COLUMN finance.seller_profile.check_at_issue IS 'invoices that could not be sent in this form are not issued; null: they are';
SELECT core.raise_wall('finance.seller_profile', 'mutable');

CREATE TABLE finance.tax_treatment (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  tax_code_id    uuid NOT NULL,
  category       text NOT NULL CHECK (category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O', 'L', 'M')),
  exemption      text CHECK (length(exemption) BETWEEN 1 AND 200),
  exemption_code text CHECK (length(exemption_code) BETWEEN 1 AND 40),
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, tax_code_id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
COMMENT ON COLUMN finance.tax_treatment.category IS 'UNTDID 5305; a code of which nothing is said is S above zero and Z at zero';
SELECT core.raise_wall('finance.tax_treatment', 'mutable');

CREATE TABLE finance.e_invoice (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  invoice_id     uuid,
  credit_note_id uuid,
  form           text NOT NULL CHECK (form IN ('peppol', 'ubl', 'cii')),
  file_id        uuid NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, invoice_id, form),
  UNIQUE (tenant_id, credit_note_id, form),
  FOREIGN KEY (tenant_id, invoice_id) REFERENCES finance.invoice (tenant_id, id),
  FOREIGN KEY (tenant_id, credit_note_id) REFERENCES finance.credit_note (tenant_id, id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES core.file (tenant_id, id),
  CHECK ((invoice_id IS NULL) <> (credit_note_id IS NULL))
);
COMMENT ON TABLE finance.e_invoice IS 'append-only';
SELECT core.raise_wall('finance.e_invoice', 'append_only');

CREATE TABLE finance.received_invoice (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  bill_id    uuid NOT NULL,
  file_id    uuid NOT NULL,
  sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  net        numeric(19, 4) NOT NULL,
  tax        numeric(19, 4) NOT NULL,
  gross      numeric(19, 4) NOT NULL,
  paid       numeric(19, 4) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT received_invoice_once UNIQUE (tenant_id, sha256),
  UNIQUE (tenant_id, bill_id),
  FOREIGN KEY (tenant_id, bill_id) REFERENCES finance.bill (tenant_id, id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES core.file (tenant_id, id)
);
COMMENT ON TABLE finance.received_invoice IS 'append-only';
COMMENT ON COLUMN finance.received_invoice.paid IS 'what the file says has been paid already; currency of the bill, like the others';
SELECT core.raise_wall('finance.received_invoice', 'append_only');
