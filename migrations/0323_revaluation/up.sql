-- Revaluation: on a day what is open in foreign currencies is worth what its rate says. The difference is posted as
-- unrealised and taken back on the next day, both at once, so that the open items always equal their accounts.

SELECT finance.word_entry_sources('{revaluation}', '{}');

CREATE TABLE finance.revaluation (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  on_date        date NOT NULL,
  difference     numeric(19, 4) NOT NULL,
  entry_id       uuid,
  reversal_id    uuid,
  made_by_name   text NOT NULL CHECK (length(made_by_name) BETWEEN 1 AND 200),
  undone_at      timestamptz,
  undone_by_name text CHECK (length(undone_by_name) BETWEEN 1 AND 200),
  undone_reason  text CHECK (length(undone_reason) BETWEEN 3 AND 500),
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  FOREIGN KEY (tenant_id, reversal_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK ((entry_id IS NULL) = (reversal_id IS NULL)),
  CHECK ((undone_at IS NULL) = (undone_by_name IS NULL) AND (undone_at IS NULL) = (undone_reason IS NULL))
);
COMMENT ON COLUMN finance.revaluation.difference IS 'book currency; positive: a gain';
COMMENT ON COLUMN finance.revaluation.entry_id IS 'none if the rates change nothing';
SELECT core.raise_wall('finance.revaluation', 'mutable');
CREATE UNIQUE INDEX revaluation_live ON finance.revaluation (tenant_id, on_date) WHERE undone_at IS NULL;

CREATE FUNCTION finance.keep_revaluation() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.undone_at IS NOT NULL OR (new.on_date, new.difference, new.entry_id, new.reversal_id, new.made_by_name)
       IS DISTINCT FROM (old.on_date, old.difference, old.entry_id, old.reversal_id, old.made_by_name) THEN
    RAISE EXCEPTION 'a revaluation is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_revaluation BEFORE UPDATE ON finance.revaluation FOR EACH ROW EXECUTE FUNCTION finance.keep_revaluation();

-- What each figure comes from: an open item, or the balance of an account that is kept in a foreign currency.
CREATE TABLE finance.revaluation_line (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  revaluation_id  uuid NOT NULL,
  account_id      uuid NOT NULL,
  open_item_id    uuid,
  currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount_document numeric(22, 4) NOT NULL,
  amount_book     numeric(22, 4) NOT NULL,
  rate            numeric(18, 8) NOT NULL CHECK (rate > 0),
  difference      numeric(22, 4) NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, revaluation_id) REFERENCES finance.revaluation (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id)
);
COMMENT ON TABLE finance.revaluation_line IS 'append-only';
COMMENT ON COLUMN finance.revaluation_line.amount_document IS 'what is open, in the currency; debit positive, as the other amounts';
COMMENT ON COLUMN finance.revaluation_line.difference IS 'amount at the rate, rounded, less what stands in the books';
SELECT core.raise_wall('finance.revaluation_line', 'append_only');
CREATE INDEX revaluation_line_of ON finance.revaluation_line (tenant_id, revaluation_id, id);

INSERT INTO core.record_type (node_type, home) VALUES ('Revaluation', 'finance.revaluation');
SELECT core.know_record_types();
