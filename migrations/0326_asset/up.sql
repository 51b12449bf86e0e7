-- Fixed assets: classes with their accounts, assets with a plan in each book, what is written off, and everything that
-- moved cost or accumulated depreciation. One book is posted to the ledger; the others only compute.

SELECT finance.word_entry_sources('{asset}', '{}');

-- The accounts of assets: what they cost, and what of that is written off.
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, '''bank''::text', '''bank''::text, ''fixed_asset''::text, ''accumulated_depreciation''::text');
END $$;

CREATE TABLE finance.asset_class (
  tenant_id              uuid NOT NULL,
  id                     uuid NOT NULL,
  code                   text NOT NULL CHECK (length(code) BETWEEN 1 AND 20),
  name                   text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  cost_account_id        uuid NOT NULL,
  accumulated_account_id uuid NOT NULL,
  expense_account_id     uuid NOT NULL,
  gain_account_id        uuid NOT NULL,
  loss_account_id        uuid NOT NULL,
  created_at             timestamptz NOT NULL DEFAULT now(),
  version                integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT asset_class_code UNIQUE (tenant_id, code),
  FOREIGN KEY (tenant_id, cost_account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, accumulated_account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, expense_account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, gain_account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, loss_account_id) REFERENCES finance.account (tenant_id, id)
);
COMMENT ON TABLE finance.asset_class IS 'append-only';
COMMENT ON COLUMN finance.asset_class.version IS 'always 1: what refers to any record asks for it';
SELECT core.raise_wall('finance.asset_class', 'append_only');

CREATE TABLE finance.asset (
  tenant_id       uuid NOT NULL,
  id              uuid NOT NULL,
  class_id        uuid NOT NULL,
  number          text NOT NULL CHECK (length(number) BETWEEN 1 AND 40),
  name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  acquired_on     date NOT NULL,
  dimensions      jsonb NOT NULL DEFAULT '{}',
  split_from_id   uuid,
  disposed_on     date,
  disposed_reason text CHECK (length(disposed_reason) BETWEEN 3 AND 500),
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  version         integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT asset_number UNIQUE (tenant_id, number),
  FOREIGN KEY (tenant_id, class_id) REFERENCES finance.asset_class (tenant_id, id),
  FOREIGN KEY (tenant_id, split_from_id) REFERENCES finance.asset (tenant_id, id),
  CHECK ((disposed_on IS NULL) = (disposed_reason IS NULL)),
  CHECK (disposed_on >= acquired_on)
);
COMMENT ON COLUMN finance.asset.dimensions IS 'the labels of the lines on income and expense: id of a dimension, id of its value';
SELECT core.raise_wall('finance.asset', 'mutable');

-- What an asset is stays as it was said; it goes once.
CREATE FUNCTION finance.keep_asset() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.disposed_on IS NOT NULL
     OR (new.class_id, new.number, new.name, new.acquired_on, new.dimensions, new.split_from_id)
        IS DISTINCT FROM (old.class_id, old.number, old.name, old.acquired_on, old.dimensions, old.split_from_id) THEN
    RAISE EXCEPTION 'an asset is never changed' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_asset BEFORE UPDATE ON finance.asset FOR EACH ROW EXECUTE FUNCTION finance.keep_asset();

-- How an asset is written off in a book from a day on; the plan that was laid last holds.
CREATE TABLE finance.asset_plan (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  asset_id   uuid NOT NULL,
  book       text NOT NULL CHECK (book ~ '^[A-Z][A-Z0-9_]{0,19}$'),
  from_on    date NOT NULL,
  ends_on    date NOT NULL CHECK (ends_on >= from_on),
  method     text NOT NULL CHECK (method IN ('straight_line', 'declining', 'units')),
  spread     text NOT NULL CHECK (spread IN ('by_month', 'by_day')),
  base       numeric(19, 4) NOT NULL CHECK (base >= 0),
  residual   numeric(19, 4) NOT NULL CHECK (residual BETWEEN 0 AND base),
  percent    numeric(7, 4) CHECK (percent > 0 AND percent <= 100),
  units      numeric(19, 4) CHECK (units > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, asset_id) REFERENCES finance.asset (tenant_id, id),
  CHECK ((method = 'declining') = (percent IS NOT NULL)),
  CHECK ((method = 'units') = (units IS NOT NULL))
);
COMMENT ON TABLE finance.asset_plan IS 'append-only';
COMMENT ON COLUMN finance.asset_plan.book IS 'LEDGER is posted';
COMMENT ON COLUMN finance.asset_plan.base IS 'book value on its first day, in book currency';
SELECT core.raise_wall('finance.asset_plan', 'append_only');
CREATE INDEX asset_plan_of ON finance.asset_plan (tenant_id, asset_id, book, id);

CREATE TABLE finance.asset_slice (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  asset_id   uuid NOT NULL,
  plan_id    uuid NOT NULL,
  book       text NOT NULL,
  from_on    date NOT NULL,
  to_on      date NOT NULL CHECK (to_on >= from_on),
  amount     numeric(19, 4) NOT NULL CHECK (amount >= 0),
  units      numeric(19, 4) CHECK (units >= 0),
  due        boolean NOT NULL,
  dropped    boolean NOT NULL DEFAULT false,
  entry_id   uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, entry_id),
  FOREIGN KEY (tenant_id, asset_id) REFERENCES finance.asset (tenant_id, id),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES finance.asset_plan (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK (NOT due OR (entry_id IS NULL AND book = 'LEDGER' AND amount > 0 AND NOT dropped)),
  CHECK (NOT dropped OR entry_id IS NULL)
);
COMMENT ON COLUMN finance.asset_slice.due IS 'whether it waits to be posted: never in a book that only computes, nor if it is worth nothing';
COMMENT ON COLUMN finance.asset_slice.dropped IS 'another plan or the end of the asset came first';
SELECT core.raise_wall('finance.asset_slice', 'mutable');
CREATE UNIQUE INDEX asset_slice_once ON finance.asset_slice (tenant_id, asset_id, book, from_on) WHERE NOT dropped;
CREATE INDEX asset_slice_due ON finance.asset_slice (tenant_id, to_on, id) WHERE due;

-- A slice is posted or dropped once: what it says stays.
CREATE FUNCTION finance.keep_asset_slice() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF old.entry_id IS NOT NULL OR old.dropped OR (new.due AND NOT old.due)
     OR (new.asset_id, new.plan_id, new.book, new.from_on, new.to_on, new.amount, new.units)
        IS DISTINCT FROM (old.asset_id, old.plan_id, old.book, old.from_on, old.to_on, old.amount, old.units) THEN
    RAISE EXCEPTION 'a slice is posted once' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER keep_asset_slice BEFORE UPDATE ON finance.asset_slice FOR EACH ROW EXECUTE FUNCTION finance.keep_asset_slice();

-- What moved: in the book LEDGER together with an entry of the same day and amounts, but for what only changes hands.
CREATE TABLE finance.asset_movement (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  asset_id    uuid NOT NULL,
  book        text NOT NULL CHECK (book ~ '^[A-Z][A-Z0-9_]{0,19}$'),
  on_date     date NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('acquisition', 'depreciation', 'revaluation', 'repair', 'split', 'disposal')),
  cost        numeric(19, 4) NOT NULL,
  accumulated numeric(19, 4) NOT NULL,
  amount      numeric(19, 4) NOT NULL DEFAULT 0,
  text        text NOT NULL DEFAULT '' CHECK (length(text) <= 500),
  entry_id    uuid,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, asset_id) REFERENCES finance.asset (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id)
);
COMMENT ON TABLE finance.asset_movement IS 'append-only';
COMMENT ON COLUMN finance.asset_movement.cost IS 'book currency; positive: the asset costs more';
COMMENT ON COLUMN finance.asset_movement.accumulated IS 'book currency; positive: more is written off';
COMMENT ON COLUMN finance.asset_movement.amount IS 'proceeds of a disposal, or what a repair cost that is none of the asset''s cost';
SELECT core.raise_wall('finance.asset_movement', 'append_only');
CREATE INDEX asset_movement_of ON finance.asset_movement (tenant_id, asset_id, book, on_date, id);

INSERT INTO core.record_type (node_type, home) VALUES ('Asset', 'finance.asset'), ('AssetClass', 'finance.asset_class');
SELECT core.know_record_types();
