-- Credit notes: what is taken back of an issued invoice, with a number, an entry and lines of its own. Issued in one step and
-- never changed.

CREATE TABLE finance.credit_note (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  invoice_id    uuid NOT NULL,
  customer_id   uuid NOT NULL,
  number        text NOT NULL,
  issue_date    date NOT NULL,
  reason        text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  customer_name text NOT NULL CHECK (length(customer_name) BETWEEN 1 AND 200),
  net           numeric(19, 4) NOT NULL,
  tax           numeric(19, 4) NOT NULL,
  gross         numeric(19, 4) NOT NULL CHECK (gross > 0),
  entry_id      uuid NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  FOREIGN KEY (tenant_id, invoice_id) REFERENCES finance.invoice (tenant_id, id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES finance.customer (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK (net + tax = gross)
);
COMMENT ON TABLE finance.credit_note IS 'append-only';
COMMENT ON COLUMN finance.credit_note.gross IS 'currency of the invoice; positive: what the customer owes less';
SELECT core.raise_wall('finance.credit_note', 'append_only');
CREATE INDEX credit_note_by_invoice ON finance.credit_note (tenant_id, invoice_id, id);
CREATE INDEX credit_note_by_customer ON finance.credit_note (tenant_id, customer_id, id);
CREATE INDEX credit_note_by_date ON finance.credit_note (tenant_id, issue_date, id);

CREATE TABLE finance.credit_note_line (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  credit_note_id  uuid NOT NULL,
  line_no         integer NOT NULL CHECK (line_no BETWEEN 1 AND 1000),
  invoice_line_id uuid NOT NULL,
  invoice_line_no integer NOT NULL,
  description     text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
  quantity        numeric(19, 4),
  account_id      uuid NOT NULL,
  tax_code_id     uuid,
  tax_percent     numeric(7, 4) NOT NULL,
  net             numeric(19, 4) NOT NULL,
  tax             numeric(19, 4) NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, credit_note_id, line_no),
  UNIQUE (tenant_id, credit_note_id, invoice_line_id),
  FOREIGN KEY (tenant_id, credit_note_id) REFERENCES finance.credit_note (tenant_id, id),
  FOREIGN KEY (tenant_id, invoice_line_id) REFERENCES finance.invoice_line (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
COMMENT ON TABLE finance.credit_note_line IS 'append-only';
COMMENT ON COLUMN finance.credit_note_line.quantity IS 'how many are taken back; null: an allowance, the goods stay';
SELECT core.raise_wall('finance.credit_note_line', 'append_only');
CREATE INDEX credit_note_line_by_invoice_line ON finance.credit_note_line (tenant_id, invoice_line_id);

-- The second net below: the notes of an invoice never take back more than it says, whoever writes them.
CREATE FUNCTION finance.keep_credit_within_invoice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  invoiced numeric;
BEGIN
  SELECT d.gross INTO invoiced FROM finance.invoice d
   WHERE d.tenant_id = new.tenant_id AND d.id = new.invoice_id AND d.status = 'issued' FOR NO KEY UPDATE;
  IF invoiced IS NULL OR invoiced < new.gross + (SELECT coalesce(sum(n.gross), 0) FROM finance.credit_note n
                                                  WHERE n.tenant_id = new.tenant_id AND n.invoice_id = new.invoice_id AND n.id <> new.id) THEN
    RAISE EXCEPTION 'more is credited than was invoiced' USING ERRCODE = 'BO300', CONSTRAINT = 'BO300';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER keep_within_invoice AFTER INSERT ON finance.credit_note
  FOR EACH ROW EXECUTE FUNCTION finance.keep_credit_within_invoice();

-- What a note takes back beyond what is still open is the customer's: an open item of its own.
ALTER TABLE finance.open_item ADD COLUMN credit_note_id uuid;
ALTER TABLE finance.open_item ADD CONSTRAINT open_item_credit_note FOREIGN KEY (tenant_id, credit_note_id) REFERENCES finance.credit_note (tenant_id, id);
CREATE INDEX open_item_by_credit_note ON finance.open_item (tenant_id, credit_note_id) WHERE credit_note_id IS NOT NULL;

CREATE OR REPLACE FUNCTION finance.keep_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF pg_trigger_depth() < 2
     OR to_jsonb(new) - '{open_amount,open_book,settled,updated_at,version}'::text[]
        IS DISTINCT FROM to_jsonb(old) - '{open_amount,open_book,settled,updated_at,version}'::text[] THEN
    RAISE EXCEPTION 'an open item only moves by allocation' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;

-- Entries come from them, too: the list of sources grows by one and keeps what others have put on it.
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.journal_entry'::regclass AND c.conname = 'journal_entry_source_check');
BEGIN
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE 'ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check '
          || replace(said, '''bank''::text', '''bank''::text, ''credit_note''::text');
END $$;

-- The right to issue them for the roles that clients were founded with, where those may issue invoices.
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r SET permissions = r.permissions || 'finance.credit_note.issue'::text
     WHERE r.tenant_id = client AND r.name IN ('Accountant', 'Bookkeeper') AND 'finance.invoice.issue' = ANY (r.permissions)
       AND 'finance.credit_note.issue' <> ALL (r.permissions);
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
