-- Receivables and payables: customers, vendors, invoices, bills, and the open items that tie them to the ledger.

DO $$
DECLARE party text;
BEGIN
  FOREACH party IN ARRAY ARRAY['customer', 'vendor'] LOOP
    EXECUTE format($table$
      CREATE TABLE finance.%I (
        tenant_id          uuid NOT NULL,
        id                 uuid NOT NULL,
        number             text NOT NULL CHECK (length(number) BETWEEN 1 AND 30),
        name               text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
        email              text CHECK (length(email) <= 254),
        vat_number         text CHECK (length(vat_number) <= 32),
        street             text CHECK (length(street) <= 200),
        postal_code        text CHECK (length(postal_code) <= 20),
        city               text CHECK (length(city) <= 100),
        country            text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
        currency           text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
        payment_terms_days integer NOT NULL CHECK (payment_terms_days BETWEEN 0 AND 365),
        iban               text CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$'),
        active             boolean NOT NULL DEFAULT true,
        created_at         timestamptz NOT NULL DEFAULT now(),
        updated_at         timestamptz NOT NULL DEFAULT now(),
        version            integer NOT NULL DEFAULT 1,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, number)
      )$table$, party);
    PERFORM core.raise_wall(format('finance.%I', party)::regclass, 'mutable');
    EXECUTE format('CREATE INDEX %I ON finance.%I (tenant_id, name, id)', party || '_by_name', party);
  END LOOP;
END $$;

CREATE TABLE finance.invoice (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  customer_id     uuid NOT NULL,
  status          text NOT NULL CHECK (status IN ('draft', 'issued')),
  number          text,
  issue_date      date,
  due_date        date,
  currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  exchange_rate   numeric(18, 8) NOT NULL CHECK (exchange_rate > 0),
  rounding        text NOT NULL CHECK (rounding IN ('by_document', 'by_line')),
  reference       text CHECK (length(reference) <= 100),
  customer_name   text NOT NULL CHECK (length(customer_name) BETWEEN 1 AND 200),
  net             numeric(19, 4) NOT NULL,
  tax             numeric(19, 4) NOT NULL,
  gross           numeric(19, 4) NOT NULL,
  entry_id        uuid,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES finance.customer (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK (net + tax = gross),
  CHECK ((status = 'issued') = (number IS NOT NULL AND issue_date IS NOT NULL AND due_date IS NOT NULL AND entry_id IS NOT NULL))
);
SELECT core.raise_wall('finance.invoice', 'mutable');
CREATE INDEX invoice_by_customer ON finance.invoice (tenant_id, customer_id, id);
CREATE INDEX invoice_by_issue_date ON finance.invoice (tenant_id, issue_date, id);
CREATE INDEX invoice_by_status ON finance.invoice (tenant_id, status, id);

CREATE TABLE finance.invoice_line (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  invoice_id       uuid NOT NULL,
  line_no          integer NOT NULL CHECK (line_no BETWEEN 1 AND 1000),
  description      text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
  quantity         numeric(19, 4) NOT NULL,
  unit_price       numeric(19, 4) NOT NULL,
  discount_percent numeric(7, 4) NOT NULL CHECK (discount_percent BETWEEN 0 AND 100),
  account_id       uuid NOT NULL,
  tax_code_id      uuid,
  tax_percent      numeric(7, 4) NOT NULL,
  net              numeric(19, 4) NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, invoice_id, line_no),
  FOREIGN KEY (tenant_id, invoice_id) REFERENCES finance.invoice (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
SELECT core.raise_wall('finance.invoice_line', 'deletable');

CREATE TABLE finance.bill (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  vendor_id         uuid NOT NULL,
  status            text NOT NULL CHECK (status IN ('draft', 'posted')),
  number            text NOT NULL CHECK (length(number) BETWEEN 1 AND 60),
  normalized_number text NOT NULL CHECK (length(normalized_number) BETWEEN 1 AND 60),
  bill_date         date NOT NULL,
  bill_year         integer NOT NULL,
  due_date          date NOT NULL,
  currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  exchange_rate     numeric(18, 8) NOT NULL CHECK (exchange_rate > 0),
  rounding          text NOT NULL CHECK (rounding IN ('by_document', 'by_line')),
  vendor_name       text NOT NULL CHECK (length(vendor_name) BETWEEN 1 AND 200),
  net               numeric(19, 4) NOT NULL,
  tax               numeric(19, 4) NOT NULL,
  gross             numeric(19, 4) NOT NULL,
  entry_id          uuid,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, vendor_id, normalized_number, bill_year),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK (net + tax = gross),
  CHECK (due_date >= bill_date),
  CHECK ((status = 'posted') = (entry_id IS NOT NULL))
);
COMMENT ON COLUMN finance.bill.normalized_number IS 'the vendor''s number in capitals without spaces and punctuation: finds the same bill written otherwise';
SELECT core.raise_wall('finance.bill', 'mutable');
CREATE INDEX bill_by_date ON finance.bill (tenant_id, bill_date, id);
CREATE INDEX bill_by_status ON finance.bill (tenant_id, status, id);

CREATE TABLE finance.bill_line (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  bill_id          uuid NOT NULL,
  line_no          integer NOT NULL CHECK (line_no BETWEEN 1 AND 1000),
  description      text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
  quantity         numeric(19, 4) NOT NULL,
  unit_price       numeric(19, 4) NOT NULL,
  discount_percent numeric(7, 4) NOT NULL CHECK (discount_percent BETWEEN 0 AND 100),
  account_id       uuid NOT NULL,
  tax_code_id      uuid,
  tax_percent      numeric(7, 4) NOT NULL,
  net              numeric(19, 4) NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, bill_id, line_no),
  FOREIGN KEY (tenant_id, bill_id) REFERENCES finance.bill (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
SELECT core.raise_wall('finance.bill_line', 'deletable');

-- A posted document and its lines are frozen: only the transition from draft may touch them.
CREATE FUNCTION finance.freeze_document() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.status <> 'draft' THEN
    RAISE EXCEPTION 'a posted document is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER freeze_document BEFORE UPDATE ON finance.invoice FOR EACH ROW EXECUTE FUNCTION finance.freeze_document();
CREATE TRIGGER freeze_document BEFORE UPDATE ON finance.bill FOR EACH ROW EXECUTE FUNCTION finance.freeze_document();

CREATE FUNCTION finance.freeze_invoice_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE changed finance.invoice_line := CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
BEGIN
  IF EXISTS (SELECT 1 FROM finance.invoice d WHERE d.tenant_id = changed.tenant_id AND d.id = changed.invoice_id AND d.status <> 'draft') THEN
    RAISE EXCEPTION 'a posted document is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN changed;
END $$;
CREATE TRIGGER freeze_line BEFORE INSERT OR UPDATE OR DELETE ON finance.invoice_line FOR EACH ROW EXECUTE FUNCTION finance.freeze_invoice_line();

CREATE FUNCTION finance.freeze_bill_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE changed finance.bill_line := CASE WHEN tg_op = 'DELETE' THEN old ELSE new END;
BEGIN
  IF EXISTS (SELECT 1 FROM finance.bill d WHERE d.tenant_id = changed.tenant_id AND d.id = changed.bill_id AND d.status <> 'draft') THEN
    RAISE EXCEPTION 'a posted document is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN changed;
END $$;
CREATE TRIGGER freeze_line BEFORE INSERT OR UPDATE OR DELETE ON finance.bill_line FOR EACH ROW EXECUTE FUNCTION finance.freeze_bill_line();

------------------------------------------------------------------------------------------------------- open items
CREATE TABLE finance.open_item (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  side        text NOT NULL CHECK (side IN ('receivable', 'payable')),
  customer_id uuid,
  vendor_id   uuid,
  invoice_id  uuid,
  bill_id     uuid,
  document    text NOT NULL CHECK (length(document) BETWEEN 1 AND 60),
  party_name  text NOT NULL CHECK (length(party_name) BETWEEN 1 AND 200),
  entry_id    uuid NOT NULL,
  account_id  uuid NOT NULL,
  item_date   date NOT NULL,
  due_date    date NOT NULL,
  currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount      numeric(19, 4) NOT NULL CHECK (amount <> 0),
  amount_book numeric(19, 4) NOT NULL CHECK (sign(amount_book) = sign(amount)),
  open_amount numeric(19, 4) NOT NULL,
  open_book   numeric(19, 4) NOT NULL,
  settled     boolean GENERATED ALWAYS AS (open_amount = 0) STORED,
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES finance.customer (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  FOREIGN KEY (tenant_id, invoice_id) REFERENCES finance.invoice (tenant_id, id),
  FOREIGN KEY (tenant_id, bill_id) REFERENCES finance.bill (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  CHECK ((side = 'receivable') = (customer_id IS NOT NULL) AND (side = 'payable') = (vendor_id IS NOT NULL)),
  CHECK (CASE WHEN amount > 0 THEN open_amount BETWEEN 0 AND amount ELSE open_amount BETWEEN amount AND 0 END),
  CHECK ((open_amount = 0) = (open_book = 0) OR open_amount <> 0)
);
COMMENT ON COLUMN finance.open_item.amount IS 'document currency; positive: owed to the client (receivable) or by the client (payable)';
COMMENT ON COLUMN finance.open_item.open_amount IS 'what allocations have left; kept by trigger';
SELECT core.raise_wall('finance.open_item', 'mutable', portfolio => true);
CREATE INDEX open_item_by_due ON finance.open_item (tenant_id, side, settled, due_date, id);
CREATE INDEX open_item_by_invoice ON finance.open_item (tenant_id, invoice_id);
CREATE INDEX open_item_by_bill ON finance.open_item (tenant_id, bill_id);
CREATE INDEX open_item_by_entry ON finance.open_item (tenant_id, entry_id);

-- A settlement of part of an open item; undone by a row of the opposite sign that names it.
CREATE TABLE finance.allocation (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  open_item_id uuid NOT NULL,
  entry_id     uuid NOT NULL,
  allocated_on date NOT NULL,
  amount       numeric(19, 4) NOT NULL CHECK (amount <> 0),
  amount_book  numeric(19, 4) NOT NULL,
  undoes_id    uuid,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, undoes_id),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  FOREIGN KEY (tenant_id, undoes_id) REFERENCES finance.allocation (tenant_id, id)
);
COMMENT ON TABLE finance.allocation IS 'append-only';
SELECT core.raise_wall('finance.allocation', 'append_only');
CREATE INDEX allocation_by_item ON finance.allocation (tenant_id, open_item_id, id);
CREATE INDEX allocation_by_entry ON finance.allocation (tenant_id, entry_id);

-- The open amount follows the allocations; the check on the item refuses what goes beyond it, also under concurrency.
CREATE FUNCTION finance.settle_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  UPDATE finance.open_item i
     SET open_amount = i.open_amount - new.amount, open_book = i.open_book - new.amount_book
   WHERE i.tenant_id = new.tenant_id AND i.id = new.open_item_id;
  RETURN NULL;
END $$;
CREATE TRIGGER settle_item AFTER INSERT ON finance.allocation FOR EACH ROW EXECUTE FUNCTION finance.settle_item();

-- Nothing but an allocation moves an open item.
CREATE FUNCTION finance.keep_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF pg_trigger_depth() < 2
     OR (new.side, new.customer_id, new.vendor_id, new.invoice_id, new.bill_id, new.document, new.party_name, new.entry_id,
         new.account_id, new.item_date, new.due_date, new.currency, new.amount, new.amount_book)
        IS DISTINCT FROM
        (old.side, old.customer_id, old.vendor_id, old.invoice_id, old.bill_id, old.document, old.party_name, old.entry_id,
         old.account_id, old.item_date, old.due_date, old.currency, old.amount, old.amount_book) THEN
    RAISE EXCEPTION 'an open item only moves by allocation' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_item BEFORE UPDATE ON finance.open_item FOR EACH ROW EXECUTE FUNCTION finance.keep_item();
