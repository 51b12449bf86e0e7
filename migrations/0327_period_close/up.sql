-- Closing a month as a record: its checklist stands in the work queue, its tie-outs are computed from the books, what they
-- are off by is noted, and somebody else than who prepared it signs it off, which locks the month.

-- The accounts that have to be empty at the end of a month.
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, '''bank''::text', '''bank''::text, ''suspense''::text');
END $$;

CREATE TABLE finance.period_close (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  period           text NOT NULL CHECK (period ~ '^[0-9]{4}-[0-9]{2}$'),
  starts_on        date NOT NULL,
  ends_on          date NOT NULL CHECK (ends_on >= starts_on),
  template_code    text CHECK (length(template_code) <= 30),
  prepared_at      timestamptz,
  prepared_by      uuid,
  prepared_by_name text CHECK (length(prepared_by_name) BETWEEN 1 AND 200),
  signed_at        timestamptz,
  signed_by        uuid,
  signed_by_name   text CHECK (length(signed_by_name) BETWEEN 1 AND 200),
  locked_before_on date,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT period_close_once UNIQUE (tenant_id, ends_on),
  CHECK ((prepared_at IS NULL) = (prepared_by IS NULL) AND (prepared_at IS NULL) = (prepared_by_name IS NULL)),
  CHECK ((signed_at IS NULL) = (signed_by IS NULL) AND (signed_at IS NULL) = (signed_by_name IS NULL)),
  CHECK (signed_at IS NULL OR prepared_at IS NOT NULL)
);
COMMENT ON COLUMN finance.period_close.prepared_by IS 'an account; not signed by the same person';
COMMENT ON COLUMN finance.period_close.locked_before_on IS 'the soft lock before the sign-off: where reopening moves it back to';
SELECT core.raise_wall('finance.period_close', 'mutable', portfolio => true);

-- What is closed stays what it is, and nobody signs off what he has prepared, by none of his accounts.
CREATE FUNCTION finance.keep_period_close() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF (new.period, new.starts_on, new.ends_on, new.template_code)
     IS DISTINCT FROM (old.period, old.starts_on, old.ends_on, old.template_code) THEN
    RAISE EXCEPTION 'a close is of one month' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  IF new.signed_by IS NOT NULL AND practice.same_person(new.signed_by, new.prepared_by) THEN
    RAISE EXCEPTION 'signed off by who prepared it' USING ERRCODE = 'BO327', CONSTRAINT = 'BO327';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_period_close BEFORE UPDATE ON finance.period_close FOR EACH ROW EXECUTE FUNCTION finance.keep_period_close();

CREATE TABLE finance.period_close_note (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  close_id   uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('bank', 'receivables', 'payables', 'tax', 'assets', 'suspense')),
  account_id uuid,
  difference numeric(22, 4) NOT NULL,
  text       text NOT NULL CHECK (length(text) BETWEEN 3 AND 2000),
  by_name    text NOT NULL CHECK (length(by_name) BETWEEN 1 AND 200),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, close_id) REFERENCES finance.period_close (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id)
);
COMMENT ON TABLE finance.period_close_note IS 'append-only';
COMMENT ON COLUMN finance.period_close_note.difference IS 'what the tie-out was off by when it was noted: a note explains no other difference';
SELECT core.raise_wall('finance.period_close_note', 'append_only');
CREATE INDEX period_close_note_of ON finance.period_close_note (tenant_id, close_id, id);

CREATE TABLE finance.period_close_step (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  close_id   uuid NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('prepared', 'signed', 'reopened')),
  by_id      uuid NOT NULL,
  by_name    text NOT NULL CHECK (length(by_name) BETWEEN 1 AND 200),
  reason     text CHECK (length(reason) BETWEEN 3 AND 500),
  figures    jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, close_id) REFERENCES finance.period_close (tenant_id, id),
  CHECK ((kind = 'reopened') = (reason IS NOT NULL))
);
COMMENT ON TABLE finance.period_close_step IS 'append-only';
COMMENT ON COLUMN finance.period_close_step.figures IS 'the tie-outs as they were when it was signed off';
SELECT core.raise_wall('finance.period_close_step', 'append_only');
CREATE INDEX period_close_step_of ON finance.period_close_step (tenant_id, close_id, id);

INSERT INTO core.record_type (node_type, home) VALUES ('PeriodClose', 'finance.period_close');
SELECT core.know_record_types();
