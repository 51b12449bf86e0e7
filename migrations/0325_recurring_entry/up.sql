-- Entries that come again: what is posted, every how many months, and when it is next due. One without a rhythm is a template
-- that is posted by hand. What has come for a day is noted, so that it never comes twice.

SELECT finance.word_entry_sources('{recurring}', '{}');

CREATE TABLE finance.recurring_entry (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  description  text NOT NULL CHECK (length(description) BETWEEN 1 AND 500),
  amount       numeric(19, 4) NOT NULL CHECK (amount > 0),
  lines        jsonb NOT NULL CHECK (jsonb_typeof(lines) = 'array'),
  every_months integer CHECK (every_months BETWEEN 1 AND 60),
  starts_on    date,
  ends_on      date CHECK (ends_on >= starts_on),
  came         integer NOT NULL DEFAULT 0 CHECK (came >= 0),
  next_on      date,
  stopped_at   timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CHECK ((every_months IS NULL) = (starts_on IS NULL)),
  CHECK (every_months IS NOT NULL OR (ends_on IS NULL AND next_on IS NULL)),
  CHECK (stopped_at IS NULL OR next_on IS NULL)
);
COMMENT ON COLUMN finance.recurring_entry.amount IS 'the debits, in book currency';
COMMENT ON COLUMN finance.recurring_entry.lines IS 'account, book (debit positive), text, tax, labels';
COMMENT ON COLUMN finance.recurring_entry.came IS 'how often it has come by its rhythm';
SELECT core.raise_wall('finance.recurring_entry', 'mutable');
CREATE INDEX recurring_entry_due ON finance.recurring_entry (tenant_id, next_on, id) WHERE next_on IS NOT NULL;

CREATE FUNCTION finance.keep_recurring_entry() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.stopped_at IS NOT NULL
     OR (new.description, new.amount, new.lines, new.every_months, new.starts_on, new.ends_on)
        IS DISTINCT FROM (old.description, old.amount, old.lines, old.every_months, old.starts_on, old.ends_on)
     OR new.came < old.came THEN
    RAISE EXCEPTION 'a recurring entry is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_recurring_entry BEFORE UPDATE ON finance.recurring_entry FOR EACH ROW EXECUTE FUNCTION finance.keep_recurring_entry();

CREATE TABLE finance.recurring_entry_run (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  recurring_id uuid NOT NULL,
  due_on       date NOT NULL,
  entry_id     uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT recurring_entry_came_once UNIQUE (tenant_id, recurring_id, due_on),
  FOREIGN KEY (tenant_id, recurring_id) REFERENCES finance.recurring_entry (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id)
);
COMMENT ON TABLE finance.recurring_entry_run IS 'append-only';
SELECT core.raise_wall('finance.recurring_entry_run', 'append_only');

INSERT INTO core.record_type (node_type, home) VALUES ('RecurringEntry', 'finance.recurring_entry');
SELECT core.know_record_types();
