-- Closing a fiscal year: an entry on its last day takes income and expense to retained earnings. While it stands nothing
-- else is posted into the year; reopening takes it back by an entry of its own.

-- The words that say where an entry comes from grow with the departments: a step names what it adds and what it takes away.
CREATE FUNCTION finance.word_entry_sources(p_add text[], p_remove text[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE words text;
BEGIN
  SELECT string_agg(quote_literal(w.word), ', ' ORDER BY w.word) INTO words
    FROM (SELECT m[1] AS word FROM pg_constraint k, regexp_matches(pg_get_constraintdef(k.oid), '''([a-z_]+)''', 'g') AS m
           WHERE k.conrelid = 'finance.journal_entry'::regclass AND k.conname = 'journal_entry_source_check'
           UNION SELECT unnest(p_add)) w
   WHERE w.word <> ALL (p_remove);
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE format('ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check CHECK (source IN (%s))', words);
END $$;
SELECT finance.word_entry_sources('{closing}', '{}');

-- What the books make themselves they take back under the same word.
ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_check;
ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_check
  CHECK (CASE WHEN source = 'reversal' THEN reverses_id IS NOT NULL
              WHEN source IN ('closing', 'revaluation', 'deferral') THEN true
              ELSE reverses_id IS NULL END);
CREATE INDEX journal_entry_closing ON finance.journal_entry (tenant_id, entry_date) WHERE source = 'closing';

CREATE TABLE finance.year_closing (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  fiscal_year_id   uuid NOT NULL,
  result           numeric(19, 4) NOT NULL,
  entry_id         uuid,
  closed_by_name   text NOT NULL CHECK (length(closed_by_name) BETWEEN 1 AND 200),
  reopened_at      timestamptz,
  reopened_by_name text CHECK (length(reopened_by_name) BETWEEN 1 AND 200),
  reopened_reason  text CHECK (length(reopened_reason) BETWEEN 3 AND 500),
  reopening_id     uuid,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, fiscal_year_id) REFERENCES finance.fiscal_year (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  FOREIGN KEY (tenant_id, reopening_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK ((reopened_at IS NULL) = (reopened_by_name IS NULL) AND (reopened_at IS NULL) = (reopened_reason IS NULL)),
  CHECK ((reopening_id IS NOT NULL) = (reopened_at IS NOT NULL AND entry_id IS NOT NULL))
);
COMMENT ON COLUMN finance.year_closing.result IS 'book currency; positive: a profit';
COMMENT ON COLUMN finance.year_closing.entry_id IS 'none if nothing was left on income and expense';
SELECT core.raise_wall('finance.year_closing', 'mutable');
CREATE UNIQUE INDEX year_closing_live ON finance.year_closing (tenant_id, fiscal_year_id) WHERE reopened_at IS NULL;

-- A closing is written once and taken back once.
CREATE FUNCTION finance.keep_year_closing() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.reopened_at IS NOT NULL OR (new.fiscal_year_id, new.result, new.entry_id, new.closed_by_name)
       IS DISTINCT FROM (old.fiscal_year_id, old.result, old.entry_id, old.closed_by_name) THEN
    RAISE EXCEPTION 'a closing is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_year_closing BEFORE UPDATE ON finance.year_closing FOR EACH ROW EXECUTE FUNCTION finance.keep_year_closing();

-- As before; and a year that is closed takes only what closes and reopens it.
CREATE OR REPLACE FUNCTION finance.check_entry() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  book finance.ledger;
  year uuid;
BEGIN
  SELECT l.* INTO book FROM finance.ledger l WHERE l.tenant_id = new.tenant_id AND l.id = new.ledger_id FOR SHARE;
  SELECT y.id INTO year FROM finance.fiscal_year y
   WHERE y.tenant_id = new.tenant_id AND y.starts_on <= new.entry_date AND y.ends_on >= new.entry_date;
  IF year IS NULL THEN
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
  IF new.source <> 'closing' AND EXISTS (
       SELECT 1 FROM finance.year_closing c
        WHERE c.tenant_id = new.tenant_id AND c.fiscal_year_id = year AND c.reopened_at IS NULL) THEN
    RAISE EXCEPTION 'the fiscal year is closed' USING ERRCODE = 'BO320', CONSTRAINT = 'BO320';
  END IF;
  IF new.recorded_at < now() OR new.recorded_at > clock_timestamp() THEN
    RAISE EXCEPTION 'an entry is recorded when it is posted' USING ERRCODE = 'BO018', CONSTRAINT = 'BO018';
  END IF;
  RETURN new;
END $$;

-- As before; and what closes a year empties accounts that are not in use any more, too.
CREATE OR REPLACE FUNCTION finance.take_lines() RETURNS trigger
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
              WHERE a.is_group OR (a.currency IS NOT NULL AND a.currency <> n.currency)
                 OR (NOT a.active AND NOT EXISTS (SELECT 1 FROM finance.journal_entry e
                                                   WHERE e.tenant_id = n.tenant_id AND e.id = n.entry_id AND e.source = 'closing'))) THEN
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
