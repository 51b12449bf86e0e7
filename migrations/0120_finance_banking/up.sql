-- Bank accounts, imported statements and their lines, and the match of a line to what it settles.

CREATE TABLE finance.bank_account (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  iban            text CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$'),
  number          text CHECK (length(number) BETWEEN 1 AND 40),
  currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  account_id      uuid NOT NULL,
  active          boolean NOT NULL DEFAULT true,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, iban),
  UNIQUE (tenant_id, account_id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  CHECK (iban IS NOT NULL OR number IS NOT NULL)
);
SELECT core.raise_wall('finance.bank_account', 'mutable');

CREATE TABLE finance.bank_statement (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  bank_account_id uuid NOT NULL,
  import_id       uuid NOT NULL,
  reference       text CHECK (length(reference) <= 100),
  opens_on        date NOT NULL,
  closes_on       date NOT NULL CHECK (closes_on >= opens_on),
  currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  opening_balance numeric(19, 4) NOT NULL,
  closing_balance numeric(19, 4) NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, bank_account_id) REFERENCES finance.bank_account (tenant_id, id),
  FOREIGN KEY (tenant_id, import_id) REFERENCES core.import (tenant_id, id)
);
COMMENT ON TABLE finance.bank_statement IS 'append-only';
SELECT core.raise_wall('finance.bank_statement', 'append_only');
CREATE INDEX bank_statement_by_account ON finance.bank_statement (tenant_id, bank_account_id, closes_on, id);

CREATE TABLE finance.bank_line (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  bank_account_id   uuid NOT NULL,
  statement_id      uuid NOT NULL,
  line_no           integer NOT NULL CHECK (line_no >= 1),
  booked_on         date NOT NULL,
  value_on          date,
  currency          text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount            numeric(19, 4) NOT NULL CHECK (amount <> 0),
  counterparty      text CHECK (length(counterparty) <= 200),
  counterparty_iban text CHECK (length(counterparty_iban) <= 34),
  reference         text NOT NULL CHECK (length(reference) <= 1000),
  bank_reference    text CHECK (length(bank_reference) <= 100),
  fingerprint       text NOT NULL CHECK (length(fingerprint) = 64),
  matched           boolean NOT NULL DEFAULT false,
  created_at        timestamptz NOT NULL DEFAULT now(),
  updated_at        timestamptz NOT NULL DEFAULT now(),
  version           integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, bank_account_id, fingerprint),
  FOREIGN KEY (tenant_id, bank_account_id) REFERENCES finance.bank_account (tenant_id, id),
  FOREIGN KEY (tenant_id, statement_id) REFERENCES finance.bank_statement (tenant_id, id)
);
COMMENT ON COLUMN finance.bank_line.amount IS 'positive: money in; negative: money out';
COMMENT ON COLUMN finance.bank_line.fingerprint IS 'the same movement in an overlapping file has the same fingerprint';
SELECT core.raise_wall('finance.bank_line', 'mutable', portfolio => true);
CREATE INDEX bank_line_by_date ON finance.bank_line (tenant_id, bank_account_id, booked_on, id);
CREATE INDEX bank_line_unmatched ON finance.bank_line (tenant_id, matched, booked_on, id);

-- One bank line clears once: a second live match cannot stand beside the first.
CREATE TABLE finance.bank_match (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  bank_line_id uuid NOT NULL,
  entry_id     uuid NOT NULL,
  undone_by_id uuid,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, bank_line_id) REFERENCES finance.bank_line (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  FOREIGN KEY (tenant_id, undone_by_id) REFERENCES finance.journal_entry (tenant_id, id)
);
COMMENT ON COLUMN finance.bank_match.undone_by_id IS 'the reversal that took the match back';
SELECT core.raise_wall('finance.bank_match', 'mutable');
CREATE UNIQUE INDEX bank_match_live ON finance.bank_match (tenant_id, bank_line_id) WHERE undone_by_id IS NULL;
CREATE INDEX bank_match_by_line ON finance.bank_match (tenant_id, bank_line_id, id);
CREATE INDEX bank_match_by_entry ON finance.bank_match (tenant_id, entry_id);

-- What the bank said stays as it was said; only the matched mark moves, and only with a match.
CREATE FUNCTION finance.keep_bank_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF pg_trigger_depth() < 2
     OR (new.bank_account_id, new.statement_id, new.line_no, new.booked_on, new.value_on, new.currency, new.amount,
         new.counterparty, new.counterparty_iban, new.reference, new.bank_reference, new.fingerprint)
        IS DISTINCT FROM
        (old.bank_account_id, old.statement_id, old.line_no, old.booked_on, old.value_on, old.currency, old.amount,
         old.counterparty, old.counterparty_iban, old.reference, old.bank_reference, old.fingerprint) THEN
    RAISE EXCEPTION 'a bank line is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_bank_line BEFORE UPDATE ON finance.bank_line FOR EACH ROW EXECUTE FUNCTION finance.keep_bank_line();

CREATE FUNCTION finance.mark_bank_line() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op = 'UPDATE' AND (new.bank_line_id, new.entry_id) IS DISTINCT FROM (old.bank_line_id, old.entry_id) THEN
    RAISE EXCEPTION 'a match is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  UPDATE finance.bank_line l SET matched = new.undone_by_id IS NULL
   WHERE l.tenant_id = new.tenant_id AND l.id = new.bank_line_id;
  RETURN NULL;
END $$;
CREATE TRIGGER mark_bank_line AFTER INSERT OR UPDATE ON finance.bank_match FOR EACH ROW EXECUTE FUNCTION finance.mark_bank_line();
