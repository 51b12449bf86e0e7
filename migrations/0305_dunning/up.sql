-- Dunning: levels as a client has them, items that are in dispute, runs that propose reminders by customer, and what was sent.
-- An item is proposed at most once at a time, and each of its levels is sent once.

DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, '''bank''::text', '''bank''::text, ''dunning_fee''::text, ''dunning_interest''::text');
END $$;
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.journal_entry'::regclass AND c.conname = 'journal_entry_source_check');
BEGIN
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE 'ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check '
          || replace(said, '''bank''::text', '''bank''::text, ''dunning''::text');
END $$;

CREATE TABLE finance.dunning_level (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  level            integer NOT NULL CHECK (level BETWEEN 1 AND 9),
  days_overdue     integer NOT NULL CHECK (days_overdue BETWEEN 1 AND 999),
  fee              numeric(19, 4) NOT NULL CHECK (fee >= 0),
  interest_percent numeric(7, 4) NOT NULL CHECK (interest_percent BETWEEN 0 AND 100),
  book_charges     boolean NOT NULL,
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, level)
);
COMMENT ON COLUMN finance.dunning_level.fee IS 'book currency';
COMMENT ON COLUMN finance.dunning_level.interest_percent IS 'a year';
SELECT core.raise_wall('finance.dunning_level', 'deletable');

CREATE TABLE finance.open_item_dispute (
  tenant_id      uuid NOT NULL,
  id             uuid NOT NULL,
  open_item_id   uuid NOT NULL,
  reason         text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  raised_by_name text NOT NULL CHECK (length(raised_by_name) BETWEEN 1 AND 200),
  ended_at       timestamptz,
  ended_by_name  text CHECK (length(ended_by_name) BETWEEN 1 AND 200),
  created_at     timestamptz NOT NULL DEFAULT now(),
  updated_at     timestamptz NOT NULL DEFAULT now(),
  version        integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id),
  CHECK ((ended_at IS NULL) = (ended_by_name IS NULL))
);
SELECT core.raise_wall('finance.open_item_dispute', 'mutable');
CREATE UNIQUE INDEX open_item_dispute_live ON finance.open_item_dispute (tenant_id, open_item_id) WHERE ended_at IS NULL;
CREATE INDEX open_item_dispute_by_item ON finance.open_item_dispute (tenant_id, open_item_id, id);

CREATE TABLE finance.dunning_run (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  run_on           date NOT NULL,
  proposed_by_name text NOT NULL CHECK (length(proposed_by_name) BETWEEN 1 AND 200),
  created_at       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE finance.dunning_run IS 'append-only';
SELECT core.raise_wall('finance.dunning_run', 'append_only');

CREATE TABLE finance.dunning_notice (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  run_id        uuid NOT NULL,
  customer_id   uuid NOT NULL,
  customer_name text NOT NULL CHECK (length(customer_name) BETWEEN 1 AND 200),
  currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  level         integer NOT NULL CHECK (level BETWEEN 1 AND 9),
  overdue       numeric(19, 4) NOT NULL CHECK (overdue >= 0),
  fee           numeric(19, 4) NOT NULL CHECK (fee >= 0),
  interest      numeric(19, 4) NOT NULL CHECK (interest >= 0),
  book_charges  boolean NOT NULL,
  state         text NOT NULL CHECK (state IN ('proposed', 'sent', 'dropped')),
  reason        text CHECK (length(reason) BETWEEN 1 AND 500),
  letter_id     uuid,
  entry_id      uuid,
  created_at    timestamptz NOT NULL DEFAULT now(),
  updated_at    timestamptz NOT NULL DEFAULT now(),
  version       integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, run_id, customer_id, currency),
  FOREIGN KEY (tenant_id, run_id) REFERENCES finance.dunning_run (tenant_id, id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES finance.customer (tenant_id, id),
  FOREIGN KEY (tenant_id, letter_id) REFERENCES practice.correspondence (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK ((state = 'sent') = (letter_id IS NOT NULL)),
  CHECK ((state = 'dropped') = (reason IS NOT NULL)),
  CHECK (state = 'sent' OR entry_id IS NULL)
);
COMMENT ON COLUMN finance.dunning_notice.overdue IS 'what is asked for, in its currency, as fee and interest are';
SELECT core.raise_wall('finance.dunning_notice', 'mutable');
CREATE INDEX dunning_notice_by_customer ON finance.dunning_notice (tenant_id, customer_id, id);
CREATE INDEX dunning_notice_by_state ON finance.dunning_notice (tenant_id, state, id);

CREATE TABLE finance.dunning_item (
  tenant_id        uuid NOT NULL,
  id               uuid NOT NULL,
  run_id           uuid NOT NULL,
  notice_id        uuid,
  open_item_id     uuid NOT NULL,
  document         text NOT NULL CHECK (length(document) BETWEEN 1 AND 60),
  customer_name    text NOT NULL CHECK (length(customer_name) BETWEEN 1 AND 200),
  run_on           date NOT NULL,
  level            integer NOT NULL CHECK (level BETWEEN 0 AND 9),
  days_overdue     integer NOT NULL,
  currency         text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  overdue          numeric(19, 4) NOT NULL,
  interest_percent numeric(7, 4) NOT NULL,
  interest         numeric(19, 4) NOT NULL CHECK (interest >= 0),
  state            text NOT NULL CHECK (state IN ('proposed', 'sent', 'dropped', 'left_out')),
  left_out_for     text CHECK (left_out_for IN ('not_due', 'too_early', 'last_level', 'disputed', 'proposed', 'charge', 'settled')),
  created_at       timestamptz NOT NULL DEFAULT now(),
  updated_at       timestamptz NOT NULL DEFAULT now(),
  version          integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, run_id) REFERENCES finance.dunning_run (tenant_id, id),
  FOREIGN KEY (tenant_id, notice_id) REFERENCES finance.dunning_notice (tenant_id, id),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id),
  CHECK ((state = 'left_out') = (notice_id IS NULL)),
  CHECK (state <> 'left_out' OR left_out_for IS NOT NULL),
  CHECK (state IN ('left_out', 'dropped') OR left_out_for IS NULL)
);
COMMENT ON COLUMN finance.dunning_item.level IS 'the level that is proposed; of an item that is left out the one that was sent last, 0 for none';
COMMENT ON COLUMN finance.dunning_item.left_out_for IS 'why it is left out of the run, or was taken out of its reminder before that was sent';
SELECT core.raise_wall('finance.dunning_item', 'mutable');
CREATE UNIQUE INDEX dunning_item_proposed ON finance.dunning_item (tenant_id, open_item_id) WHERE state = 'proposed';
CREATE UNIQUE INDEX dunning_item_sent ON finance.dunning_item (tenant_id, open_item_id, level) WHERE state = 'sent';
CREATE INDEX dunning_item_by_run ON finance.dunning_item (tenant_id, run_id, id);
CREATE INDEX dunning_item_by_notice ON finance.dunning_item (tenant_id, notice_id, id);

-- What was sent or dropped stays as it was.
CREATE FUNCTION finance.keep_dunning() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.state <> 'proposed' THEN
    RAISE EXCEPTION 'a reminder that was sent or dropped is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_dunning BEFORE UPDATE ON finance.dunning_notice FOR EACH ROW EXECUTE FUNCTION finance.keep_dunning();
CREATE TRIGGER keep_dunning BEFORE UPDATE ON finance.dunning_item FOR EACH ROW EXECUTE FUNCTION finance.keep_dunning();

-- Fee and interest that are booked are owed as an open item of their own.
ALTER TABLE finance.open_item ADD COLUMN dunning_notice_id uuid;
ALTER TABLE finance.open_item ADD CONSTRAINT open_item_dunning_notice FOREIGN KEY (tenant_id, dunning_notice_id)
  REFERENCES finance.dunning_notice (tenant_id, id);
CREATE UNIQUE INDEX open_item_of_dunning ON finance.open_item (tenant_id, dunning_notice_id) WHERE dunning_notice_id IS NOT NULL;

INSERT INTO core.record_type (node_type, home) VALUES ('DunningNotice', 'finance.dunning_notice'),
  ('DunningItem', 'finance.dunning_item'), ('OpenItem', 'finance.open_item');
SELECT core.know_record_types();

-- The rights for the roles that clients were founded with, where they hold what these go with.
DO $$
DECLARE
  client uuid;
BEGIN
  FOR client IN SELECT t.id FROM core.tenant t ORDER BY t.id LOOP
    PERFORM core.set_tenant(client);
    UPDATE identity.role r
       SET permissions = r.permissions || ARRAY(SELECT a.name FROM unnest(g.added) WITH ORDINALITY AS a (name, at)
                                                WHERE a.name <> ALL (r.permissions) ORDER BY a.at)
      FROM (VALUES
        ('Accountant', 'finance.invoice.issue', '{finance.dunning.read,finance.dunning.manage}'::text[]),
        ('Bookkeeper', 'finance.invoice.issue', '{finance.dunning.read,finance.dunning.manage}'::text[]),
        ('Client administrator', 'finance.open_item.read', '{finance.dunning.read}'::text[]),
        ('Auditor', 'finance.open_item.read', '{finance.dunning.read}'::text[])) AS g (name, held, added)
     WHERE r.tenant_id = client AND r.name = g.name AND g.held = ANY (r.permissions) AND NOT r.permissions @> g.added;
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
