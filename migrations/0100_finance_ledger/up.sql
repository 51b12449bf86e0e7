-- The ledger: chart of accounts, fiscal years and periods, locks, tax codes, posted entries and the balances kept at
-- posting. Posted entries and their lines are never changed; a correction is a reversal.

CREATE TABLE finance.ledger (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  code         text NOT NULL CHECK (code ~ '^[A-Z0-9_]{1,16}$'),
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  soft_lock_on date,
  hard_lock_on date,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code)
);
COMMENT ON COLUMN finance.ledger.soft_lock_on IS 'last locked day; named exceptions may still post';
COMMENT ON COLUMN finance.ledger.hard_lock_on IS 'last locked day; nobody posts; only moves forward';
SELECT core.raise_wall('finance.ledger', 'mutable');

CREATE FUNCTION finance.keep_hard_lock() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.hard_lock_on IS NOT NULL AND (new.hard_lock_on IS NULL OR new.hard_lock_on < old.hard_lock_on) THEN
    RAISE EXCEPTION 'the hard lock only moves forward' USING ERRCODE = 'BO010', CONSTRAINT = 'BO010';
  END IF;
  IF new.currency <> old.currency THEN
    RAISE EXCEPTION 'the currency of a ledger never changes' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_hard_lock BEFORE UPDATE ON finance.ledger FOR EACH ROW EXECUTE FUNCTION finance.keep_hard_lock();

CREATE TABLE finance.lock_exception (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  ledger_id  uuid NOT NULL,
  account_id uuid NOT NULL REFERENCES identity.account,
  reason     text NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, ledger_id) REFERENCES finance.ledger (tenant_id, id)
);
COMMENT ON COLUMN finance.lock_exception.account_id IS 'the person who may post below the soft lock';
SELECT core.raise_wall('finance.lock_exception', 'mutable');

CREATE TABLE finance.fiscal_year (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
  starts_on  date NOT NULL,
  ends_on    date NOT NULL CHECK (ends_on > starts_on),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, starts_on)
);
COMMENT ON TABLE finance.fiscal_year IS 'append-only';
SELECT core.raise_wall('finance.fiscal_year', 'append_only');

-- Years follow each other without overlap: the check runs under a lock on the ledger rows of the client.
CREATE FUNCTION finance.check_fiscal_year() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM 1 FROM finance.ledger l WHERE l.tenant_id = new.tenant_id ORDER BY l.id FOR UPDATE;
  IF EXISTS (SELECT 1 FROM finance.fiscal_year y WHERE y.tenant_id = new.tenant_id
                AND y.starts_on <= new.ends_on AND y.ends_on >= new.starts_on) THEN
    RAISE EXCEPTION 'fiscal years overlap' USING ERRCODE = 'BO011', CONSTRAINT = 'BO011';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER check_fiscal_year BEFORE INSERT ON finance.fiscal_year FOR EACH ROW EXECUTE FUNCTION finance.check_fiscal_year();

CREATE TABLE finance.account (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  code           text NOT NULL CHECK (code ~ '^[0-9A-Za-z.-]{1,20}$'),
  name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  kind           text NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
  parent_id      uuid,
  is_group       boolean NOT NULL,
  control        text CHECK (control IN ('receivable', 'payable', 'bank', 'input_tax', 'output_tax', 'retained_earnings', 'rounding')),
  currency       text CHECK (currency ~ '^[A-Z]{3}$'),
  statement_line text CHECK (length(statement_line) <= 100),
  active         boolean NOT NULL DEFAULT true,
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code),
  FOREIGN KEY (tenant_id, parent_id) REFERENCES finance.account (tenant_id, id),
  CHECK (NOT (is_group AND control IS NOT NULL))
);
CREATE INDEX account_by_control ON finance.account (tenant_id, control) WHERE control IS NOT NULL;
SELECT core.raise_wall('finance.account', 'mutable', portfolio => true);

-- The chart is a tree: parents are groups of the same kind, and no account is below itself. An account that carries
-- postings keeps its kind and stays a leaf.
CREATE FUNCTION finance.check_account() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  above finance.account;
  next_id uuid := new.parent_id;
  steps integer := 0;
BEGIN
  IF tg_op = 'UPDATE' AND (new.kind <> old.kind OR new.is_group <> old.is_group OR new.control IS DISTINCT FROM old.control)
     AND EXISTS (SELECT 1 FROM finance.account_balance b WHERE b.tenant_id = old.tenant_id AND b.account_id = old.id) THEN
    RAISE EXCEPTION 'an account with postings keeps its kind' USING ERRCODE = 'BO012', CONSTRAINT = 'BO012';
  END IF;
  WHILE next_id IS NOT NULL LOOP
    steps := steps + 1;
    IF next_id = new.id OR steps > 20 THEN
      RAISE EXCEPTION 'the chart of accounts has a cycle' USING ERRCODE = 'BO013', CONSTRAINT = 'BO013';
    END IF;
    SELECT a.* INTO above FROM finance.account a WHERE a.tenant_id = new.tenant_id AND a.id = next_id FOR SHARE;
    IF FOUND AND (NOT above.is_group OR above.kind <> new.kind) THEN
      RAISE EXCEPTION 'the parent is a group of the same kind' USING ERRCODE = 'BO014', CONSTRAINT = 'BO014';
    END IF;
    next_id := above.parent_id;
  END LOOP;
  RETURN new;
END $$;
CREATE TRIGGER check_account BEFORE INSERT OR UPDATE ON finance.account FOR EACH ROW EXECUTE FUNCTION finance.check_account();

CREATE TABLE finance.tax_code (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  code       text NOT NULL CHECK (code ~ '^[0-9A-Za-z._-]{1,20}$'),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  direction  text NOT NULL CHECK (direction IN ('output', 'input')),
  account_id uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id)
);
SELECT core.raise_wall('finance.tax_code', 'mutable');

-- A rate holds from its first day until the next rate begins, so rates of one code cannot overlap.
CREATE TABLE finance.tax_rate (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  tax_code_id uuid NOT NULL,
  valid_from  date NOT NULL,
  percent     numeric(7, 4) NOT NULL CHECK (percent BETWEEN 0 AND 100),
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, tax_code_id, valid_from),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
COMMENT ON TABLE finance.tax_rate IS 'append-only';
SELECT core.raise_wall('finance.tax_rate', 'append_only');

---------------------------------------------------------------------------------------------------------- journal
CREATE TABLE finance.journal_entry (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  ledger_id   uuid NOT NULL,
  number      text NOT NULL,
  entry_date  date NOT NULL,
  recorded_at timestamptz NOT NULL,
  description text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
  currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  source      text NOT NULL CHECK (source IN ('manual', 'opening', 'reversal', 'invoice', 'bill', 'bank')),
  source_id   uuid,
  reverses_id uuid,
  posted_by   uuid NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number, ledger_id),
  CONSTRAINT journal_entry_reversed_once UNIQUE (tenant_id, reverses_id),
  FOREIGN KEY (tenant_id, ledger_id) REFERENCES finance.ledger (tenant_id, id),
  FOREIGN KEY (tenant_id, reverses_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK ((source = 'reversal') = (reverses_id IS NOT NULL))
);
COMMENT ON TABLE finance.journal_entry IS 'append-only';
CREATE INDEX journal_entry_by_date ON finance.journal_entry (tenant_id, entry_date, id);
CREATE INDEX journal_entry_by_source ON finance.journal_entry (tenant_id, source_id);
CREATE INDEX journal_entry_opening ON finance.journal_entry (tenant_id) WHERE source = 'opening';
SELECT core.raise_wall('finance.journal_entry', 'append_only');

-- One line: debit positive, credit negative, in the document's currency and in the books' currency. Date and recording
-- time are the entry's own, repeated so that a ledger card is one index range.
CREATE TABLE finance.journal_line (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  entry_id        uuid NOT NULL,
  line_no         integer NOT NULL CHECK (line_no BETWEEN 1 AND 10000),
  ledger_id       uuid NOT NULL,
  account_id      uuid NOT NULL,
  entry_date      date NOT NULL,
  recorded_at     timestamptz NOT NULL,
  description     text NOT NULL CHECK (length(description) <= 500),
  currency        text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  amount_document numeric(19, 4) NOT NULL,
  amount          numeric(19, 4) NOT NULL,
  tax_code_id     uuid,
  dimensions      jsonb NOT NULL DEFAULT '{}',
  created_at      timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, entry_id, line_no),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, tax_code_id) REFERENCES finance.tax_code (tenant_id, id)
);
COMMENT ON TABLE finance.journal_line IS 'append-only';
COMMENT ON COLUMN finance.journal_line.amount IS 'book currency; debit positive, credit negative';
CREATE INDEX journal_line_by_account ON finance.journal_line (tenant_id, account_id, entry_date, id);
CREATE INDEX journal_line_by_recording ON finance.journal_line (tenant_id, recorded_at);
SELECT core.raise_wall('finance.journal_line', 'append_only');

-- Balances a day, kept at posting: a report adds days, never lines.
CREATE TABLE finance.account_balance (
  tenant_id       uuid NOT NULL,
  ledger_id       uuid NOT NULL,
  account_id      uuid NOT NULL,
  on_date         date NOT NULL,
  currency        text NOT NULL,
  debit           numeric(22, 4) NOT NULL,
  credit          numeric(22, 4) NOT NULL,
  amount_document numeric(22, 4) NOT NULL,
  lines           bigint NOT NULL,
  PRIMARY KEY (tenant_id, ledger_id, account_id, on_date, currency)
);
COMMENT ON TABLE finance.account_balance IS 'derived; unaudited: the sum of the journal lines of a day';
CREATE INDEX account_balance_by_account ON finance.account_balance (tenant_id, account_id, on_date);
SELECT core.raise_wall('finance.account_balance', 'derived', portfolio => true);

-- The same by month, in the books' currency: a report adds whole months and the days of the broken ones, so its cost
-- grows with the months that the books have run, not with their days.
CREATE TABLE finance.account_month (
  tenant_id  uuid NOT NULL,
  ledger_id  uuid NOT NULL,
  account_id uuid NOT NULL,
  month      date NOT NULL CHECK (extract(day FROM month) = 1),
  debit      numeric(22, 4) NOT NULL,
  credit     numeric(22, 4) NOT NULL,
  lines      bigint NOT NULL,
  PRIMARY KEY (tenant_id, ledger_id, account_id, month)
);
COMMENT ON TABLE finance.account_month IS 'derived; unaudited: the sum of the journal lines of a month';
COMMENT ON COLUMN finance.account_month.month IS 'its first day';
SELECT core.raise_wall('finance.account_month', 'derived', portfolio => true);

-- An entry is dated in a fiscal year that exists and outside the locks, posted by its actor, on the clock of its
-- transaction. The ledger row is locked for share so that a lock cannot be set in the same moment.
CREATE FUNCTION finance.check_entry() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  book finance.ledger;
BEGIN
  SELECT l.* INTO book FROM finance.ledger l WHERE l.tenant_id = new.tenant_id AND l.id = new.ledger_id FOR SHARE;
  IF NOT EXISTS (SELECT 1 FROM finance.fiscal_year y
                  WHERE y.tenant_id = new.tenant_id AND y.starts_on <= new.entry_date AND y.ends_on >= new.entry_date) THEN
    RAISE EXCEPTION 'no fiscal year covers the date' USING ERRCODE = 'BO015', CONSTRAINT = 'BO015';
  END IF;
  IF new.entry_date <= book.hard_lock_on THEN
    RAISE EXCEPTION 'the date is locked for good' USING ERRCODE = 'BO016', CONSTRAINT = 'BO016';
  END IF;
  IF new.entry_date <= book.soft_lock_on AND NOT EXISTS (
       SELECT 1 FROM finance.lock_exception x
        WHERE x.tenant_id = new.tenant_id AND x.ledger_id = new.ledger_id AND x.account_id = new.posted_by
          AND x.revoked_at IS NULL AND x.expires_at > now()) THEN
    RAISE EXCEPTION 'the date is locked' USING ERRCODE = 'BO017', CONSTRAINT = 'BO017';
  END IF;
  IF new.recorded_at < now() OR new.recorded_at > clock_timestamp() THEN
    RAISE EXCEPTION 'an entry is recorded when it is posted' USING ERRCODE = 'BO018', CONSTRAINT = 'BO018';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER check_entry BEFORE INSERT ON finance.journal_entry FOR EACH ROW EXECUTE FUNCTION finance.check_entry();

-- All lines of an entry come in one statement and balance to the fourth decimal, in the books' currency and, where the
-- entry speaks one currency, in that one too. Then the balances of day and month take them in, accounts in one order.
CREATE FUNCTION finance.take_lines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM added GROUP BY tenant_id, entry_id
              HAVING sum(amount) <> 0 OR count(*) < 2
                  OR (count(DISTINCT currency) = 1 AND sum(amount_document) <> 0)) THEN
    RAISE EXCEPTION 'debit and credit differ' USING ERRCODE = 'BO019', CONSTRAINT = 'BO019';
  END IF;
  IF EXISTS (SELECT 1 FROM added n
               JOIN finance.journal_entry e ON e.tenant_id = n.tenant_id AND e.id = n.entry_id
              WHERE (e.entry_date, e.recorded_at, e.ledger_id) IS DISTINCT FROM (n.entry_date, n.recorded_at, n.ledger_id))
     OR EXISTS (SELECT 1 FROM (SELECT DISTINCT tenant_id, entry_id FROM added) d
                  JOIN finance.journal_line l ON l.tenant_id = d.tenant_id AND l.entry_id = d.entry_id
                 WHERE NOT EXISTS (SELECT 1 FROM added n WHERE n.tenant_id = l.tenant_id AND n.id = l.id)) THEN
    RAISE EXCEPTION 'the lines are not those of their entry' USING ERRCODE = 'BO018', CONSTRAINT = 'BO018';
  END IF;
  IF EXISTS (SELECT 1 FROM added n
               JOIN finance.account a ON a.tenant_id = n.tenant_id AND a.id = n.account_id
              WHERE a.is_group OR NOT a.active OR (a.currency IS NOT NULL AND a.currency <> n.currency)) THEN
    RAISE EXCEPTION 'the account takes no such posting' USING ERRCODE = 'BO020', CONSTRAINT = 'BO020';
  END IF;
  INSERT INTO finance.account_balance AS b (tenant_id, ledger_id, account_id, on_date, currency, debit, credit, amount_document, lines)
  SELECT tenant_id, ledger_id, account_id, entry_date, currency,
         sum(greatest(amount, 0)), sum(greatest(-amount, 0)), sum(amount_document), count(*)
    FROM added
   GROUP BY tenant_id, ledger_id, account_id, entry_date, currency
   ORDER BY tenant_id, ledger_id, account_id, entry_date, currency
  ON CONFLICT (tenant_id, ledger_id, account_id, on_date, currency) DO UPDATE
     SET debit = b.debit + excluded.debit, credit = b.credit + excluded.credit,
         amount_document = b.amount_document + excluded.amount_document, lines = b.lines + excluded.lines;
  INSERT INTO finance.account_month AS m (tenant_id, ledger_id, account_id, month, debit, credit, lines)
  SELECT tenant_id, ledger_id, account_id, entry_date - (extract(day FROM entry_date)::integer - 1),
         sum(greatest(amount, 0)), sum(greatest(-amount, 0)), count(*)
    FROM added
   GROUP BY 1, 2, 3, 4
   ORDER BY 1, 2, 3, 4
  ON CONFLICT (tenant_id, ledger_id, account_id, month) DO UPDATE
     SET debit = m.debit + excluded.debit, credit = m.credit + excluded.credit, lines = m.lines + excluded.lines;
  RETURN NULL;
END $$;
CREATE TRIGGER take_lines AFTER INSERT ON finance.journal_line
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION finance.take_lines();

-- The net below: at commit an entry has its lines and they balance, however they came.
CREATE FUNCTION finance.entry_balances() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF (SELECT count(*) < 2 OR sum(l.amount) <> 0 FROM finance.journal_line l
       WHERE l.tenant_id = new.tenant_id AND l.entry_id = new.id) THEN
    RAISE EXCEPTION 'debit and credit differ' USING ERRCODE = 'BO019', CONSTRAINT = 'BO019';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON finance.journal_entry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION finance.entry_balances();
