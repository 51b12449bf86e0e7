-- Vendor credits: what a vendor gives back of a posted bill, under his own number, with an entry and lines of its own. Posted
-- in one step and never changed.

CREATE TABLE finance.vendor_credit (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  bill_id           uuid NOT NULL,
  vendor_id         uuid NOT NULL,
  number            text NOT NULL CHECK (length(number) BETWEEN 1 AND 60),
  normalized_number text NOT NULL CHECK (length(normalized_number) BETWEEN 1 AND 60),
  credit_date       date NOT NULL,
  credit_year       integer NOT NULL,
  posted_on         date NOT NULL,
  reason            text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  vendor_name       text NOT NULL CHECK (length(vendor_name) BETWEEN 1 AND 200),
  net               numeric(19, 4) NOT NULL,
  tax               numeric(19, 4) NOT NULL,
  gross             numeric(19, 4) NOT NULL CHECK (gross > 0),
  withheld          numeric(19, 4) NOT NULL DEFAULT 0,
  entry_id          uuid NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, vendor_id, normalized_number, credit_year),
  FOREIGN KEY (tenant_id, bill_id) REFERENCES finance.bill (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK (net + tax = gross),
  CHECK (withheld BETWEEN 0 AND gross)
);
COMMENT ON TABLE finance.vendor_credit IS 'append-only';
COMMENT ON COLUMN finance.vendor_credit.gross IS 'currency of the bill; positive: what the client owes less';
COMMENT ON COLUMN finance.vendor_credit.withheld IS 'what had been withheld and comes back with it; the vendor owes the rest of gross';
SELECT core.raise_wall('finance.vendor_credit', 'append_only');
CREATE INDEX vendor_credit_by_bill ON finance.vendor_credit (tenant_id, bill_id, id);
CREATE INDEX vendor_credit_by_vendor ON finance.vendor_credit (tenant_id, vendor_id, id);
CREATE INDEX vendor_credit_by_date ON finance.vendor_credit (tenant_id, credit_date, id);

CREATE TABLE finance.vendor_credit_line (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  vendor_credit_id   uuid NOT NULL,
  line_no            integer NOT NULL CHECK (line_no BETWEEN 1 AND 1000),
  bill_line_id       uuid NOT NULL,
  bill_line_no       integer NOT NULL,
  description        text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
  quantity           numeric(19, 4),
  account_id         uuid NOT NULL,
  tax_code_id        uuid,
  tax_percent        numeric(7, 4) NOT NULL,
  net                numeric(19, 4) NOT NULL,
  tax                numeric(19, 4) NOT NULL,
  second_tax_code_id uuid,
  second_tax_percent numeric(7, 4) NOT NULL DEFAULT 0,
  second_tax         numeric(19, 4) NOT NULL DEFAULT 0,
  created_at         timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, vendor_credit_id, line_no),
  UNIQUE (tenant_id, vendor_credit_id, bill_line_id),
  FOREIGN KEY (tenant_id, vendor_credit_id) REFERENCES finance.vendor_credit (tenant_id, id),
  FOREIGN KEY (tenant_id, bill_line_id) REFERENCES finance.bill_line (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id),
  FOREIGN KEY (tenant_id, second_tax_code_id) REFERENCES finance.tax_code (tenant_id, id),
  CHECK (second_tax_code_id IS NULL OR tax_code_id <> second_tax_code_id)
);
COMMENT ON TABLE finance.vendor_credit_line IS 'append-only';
COMMENT ON COLUMN finance.vendor_credit_line.quantity IS 'how many went back; null: an allowance, the goods stay';
COMMENT ON COLUMN finance.vendor_credit_line.tax IS 'the share of the first tax';
SELECT core.raise_wall('finance.vendor_credit_line', 'append_only');
CREATE INDEX vendor_credit_line_by_bill_line ON finance.vendor_credit_line (tenant_id, bill_line_id);

-- The second net below: the credits of a bill never give back more than it says, whoever writes them.
CREATE FUNCTION finance.keep_credit_within_bill() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  billed numeric;
BEGIN
  SELECT d.gross INTO billed FROM finance.bill d
   WHERE d.tenant_id = new.tenant_id AND d.id = new.bill_id AND d.status = 'posted' FOR NO KEY UPDATE;
  IF billed IS NULL OR billed < new.gross + (SELECT coalesce(sum(n.gross), 0) FROM finance.vendor_credit n
                                              WHERE n.tenant_id = new.tenant_id AND n.bill_id = new.bill_id AND n.id <> new.id) THEN
    RAISE EXCEPTION 'more is credited than was billed' USING ERRCODE = 'BO345', CONSTRAINT = 'BO345';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_within_bill AFTER INSERT ON finance.vendor_credit
  FOR EACH ROW EXECUTE FUNCTION finance.keep_credit_within_bill();

-- What a credit gives back beyond what is still open is owed by the vendor: an open item of its own.
ALTER TABLE finance.open_item ADD COLUMN vendor_credit_id uuid;
ALTER TABLE finance.open_item ADD CONSTRAINT open_item_vendor_credit FOREIGN KEY (tenant_id, vendor_credit_id) REFERENCES finance.vendor_credit (tenant_id, id);
CREATE UNIQUE INDEX open_item_of_vendor_credit ON finance.open_item (tenant_id, vendor_credit_id) WHERE vendor_credit_id IS NOT NULL;

-- Entries come from them, too: the list of sources grows by one and keeps what others have put on it.
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.journal_entry'::regclass AND c.conname = 'journal_entry_source_check');
BEGIN
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE 'ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check '
          || replace(said, '''bank''::text', '''bank''::text, ''vendor_credit''::text');
END $$;
