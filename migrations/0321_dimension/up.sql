-- Dimensions: what lines are labelled with beside their account (cost centre, project, department, location: as the client
-- likes), their values, what amounts on a value are split into, and which accounts need a value of which dimension.

CREATE TABLE finance.dimension (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  code       text NOT NULL CHECK (code ~ '^[a-z][a-z0-9_]{0,19}$'),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  active     boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version    integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code)
);
SELECT core.raise_wall('finance.dimension', 'mutable');

CREATE TABLE finance.dimension_value (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  dimension_id uuid NOT NULL,
  code         text NOT NULL CHECK (code ~ '^[0-9A-Za-z._-]{1,30}$'),
  name         text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  active       boolean NOT NULL DEFAULT true,
  valid_from   date,
  valid_to     date,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, dimension_id, code),
  UNIQUE (tenant_id, id, dimension_id),
  FOREIGN KEY (tenant_id, dimension_id) REFERENCES finance.dimension (tenant_id, id),
  CHECK (valid_to >= valid_from)
);
SELECT core.raise_wall('finance.dimension_value', 'mutable');

-- From a day on, until the next one of its value begins; one without parts ends the splitting.
CREATE TABLE finance.value_split (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  dimension_id uuid NOT NULL,
  value_id     uuid NOT NULL,
  valid_from   date NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, value_id, valid_from),
  UNIQUE (tenant_id, id, dimension_id),
  FOREIGN KEY (tenant_id, value_id, dimension_id) REFERENCES finance.dimension_value (tenant_id, id, dimension_id)
);
COMMENT ON TABLE finance.value_split IS 'append-only';
SELECT core.raise_wall('finance.value_split', 'append_only');

CREATE TABLE finance.value_split_part (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  split_id     uuid NOT NULL,
  dimension_id uuid NOT NULL,
  value_id     uuid NOT NULL,
  percent      numeric(9, 6) NOT NULL CHECK (percent > 0 AND percent <= 100),
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, split_id, value_id),
  FOREIGN KEY (tenant_id, split_id, dimension_id) REFERENCES finance.value_split (tenant_id, id, dimension_id),
  FOREIGN KEY (tenant_id, value_id, dimension_id) REFERENCES finance.dimension_value (tenant_id, id, dimension_id)
);
COMMENT ON TABLE finance.value_split_part IS 'append-only';
SELECT core.raise_wall('finance.value_split_part', 'append_only');

CREATE FUNCTION finance.check_split() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM (SELECT DISTINCT tenant_id, split_id FROM added) d
               JOIN finance.value_split_part p ON p.tenant_id = d.tenant_id AND p.split_id = d.split_id
              GROUP BY d.tenant_id, d.split_id HAVING sum(p.percent) <> 100) THEN
    RAISE EXCEPTION 'the parts of a split are 100 percent' USING ERRCODE = 'BO323', CONSTRAINT = 'BO323';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER check_split AFTER INSERT ON finance.value_split_part
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION finance.check_split();

-- Accounts whose lines need a value of a dimension.
CREATE TABLE finance.account_dimension (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  account_id   uuid NOT NULL,
  dimension_id uuid NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, account_id, dimension_id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, dimension_id) REFERENCES finance.dimension (tenant_id, id)
);
SELECT core.raise_wall('finance.account_dimension', 'deletable');

-- The labels of posted lines, by value: a report of a value reads its lines in one index range.
CREATE TABLE finance.line_dimension (
  tenant_id    uuid NOT NULL,
  value_id     uuid NOT NULL,
  account_id   uuid NOT NULL,
  entry_date   date NOT NULL,
  line_id      uuid NOT NULL,
  dimension_id uuid NOT NULL,
  ledger_id    uuid NOT NULL,
  entry_id     uuid NOT NULL,
  recorded_at  timestamptz NOT NULL,
  amount       numeric(19, 4) NOT NULL,
  PRIMARY KEY (tenant_id, value_id, account_id, entry_date, line_id),
  FOREIGN KEY (tenant_id, value_id, dimension_id) REFERENCES finance.dimension_value (tenant_id, id, dimension_id)
);
COMMENT ON TABLE finance.line_dimension IS 'derived; unaudited: the labels of journal lines, kept at posting';
COMMENT ON COLUMN finance.line_dimension.amount IS 'book currency; debit positive, credit negative';
SELECT core.raise_wall('finance.line_dimension', 'derived');
COMMENT ON COLUMN finance.journal_line.dimensions IS 'id of a dimension: id of its value; at most one of each';

-- What closes a year has a line for each account and combination of labels.
ALTER TABLE finance.journal_line DROP CONSTRAINT journal_line_line_no_check;
ALTER TABLE finance.journal_line ADD CONSTRAINT journal_line_line_no_check CHECK (line_no BETWEEN 1 AND 1000000);

-- Behind take_lines: labels are values of their dimensions that hold on the day, accounts have what they need. What takes
-- back, closes or opens the books repeats what was.
CREATE FUNCTION finance.take_labels() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM added n
               JOIN finance.account_dimension r ON r.tenant_id = n.tenant_id AND r.account_id = n.account_id
               JOIN finance.journal_entry e ON e.tenant_id = n.tenant_id AND e.id = n.entry_id
              WHERE n.dimensions -> r.dimension_id::text IS NULL
                AND e.reverses_id IS NULL AND e.source NOT IN ('closing', 'opening')) THEN
    RAISE EXCEPTION 'an account needs a value of a dimension' USING ERRCODE = 'BO322', CONSTRAINT = 'BO322';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM added n WHERE n.dimensions <> '{}') THEN
    RETURN NULL;
  END IF;
  IF EXISTS (SELECT 1 FROM added n
              CROSS JOIN LATERAL jsonb_each_text(n.dimensions) AS d (dimension_id, value_id)
               JOIN finance.journal_entry e ON e.tenant_id = n.tenant_id AND e.id = n.entry_id
               LEFT JOIN finance.dimension_value v ON v.tenant_id = n.tenant_id AND v.id = d.value_id::uuid
                AND v.dimension_id = d.dimension_id::uuid
              WHERE v.id IS NULL
                 OR (e.reverses_id IS NULL AND e.source <> 'closing'
                     AND (NOT v.active OR n.entry_date < v.valid_from OR n.entry_date > v.valid_to))) THEN
    RAISE EXCEPTION 'a label is no value that holds on the day' USING ERRCODE = 'BO321', CONSTRAINT = 'BO321';
  END IF;
  INSERT INTO finance.line_dimension (tenant_id, value_id, account_id, entry_date, line_id, dimension_id, ledger_id, entry_id, recorded_at, amount)
  SELECT n.tenant_id, d.value_id::uuid, n.account_id, n.entry_date, n.id, d.dimension_id::uuid, n.ledger_id, n.entry_id, n.recorded_at, n.amount
    FROM added n CROSS JOIN LATERAL jsonb_each_text(n.dimensions) AS d (dimension_id, value_id);
  RETURN NULL;
END $$;
CREATE TRIGGER take_lines_labels AFTER INSERT ON finance.journal_line
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION finance.take_labels();

ALTER TABLE finance.invoice_line ADD COLUMN dimensions jsonb NOT NULL DEFAULT '{}';
ALTER TABLE finance.bill_line ADD COLUMN dimensions jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN finance.journal_proposal.lines IS 'account, document (amount in the currency, debit positive), book (in that of the books), text, tax, labels';

-- As before; and a line stands on what was proposed.
CREATE OR REPLACE FUNCTION finance.expect_entry_approved(p_tenant uuid, p_entry uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  e finance.journal_entry;
  p finance.journal_proposal;
  edition uuid;
  document numeric;
  book numeric;
  counted_in text;
BEGIN
  SELECT d.id INTO edition FROM practice.approval_policy y
    JOIN practice.approval_edition d ON d.tenant_id = y.tenant_id AND d.policy_id = y.id AND d.number = y.edition
   WHERE y.tenant_id = p_tenant AND y.subject = 'journal_proposal' AND y.ended_at IS NULL;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT j.* INTO e FROM finance.journal_entry j WHERE j.tenant_id = p_tenant AND j.id = p_entry;
  IF e.source_id IS NOT NULL THEN
    SELECT q.* INTO p FROM finance.journal_proposal q WHERE q.tenant_id = p_tenant AND q.id = e.source_id;
    IF NOT FOUND OR (e.entry_date, e.description, e.currency) IS DISTINCT FROM (p.entry_date, p.description, p.currency)
       OR EXISTS (
         SELECT 1 FROM (SELECT * FROM finance.journal_line o WHERE o.tenant_id = p_tenant AND o.entry_id = p_entry) l
           FULL JOIN jsonb_array_elements(p.lines) WITH ORDINALITY AS w (line, place) ON w.place = l.line_no
          WHERE l.account_id IS DISTINCT FROM (w.line ->> 'account')::uuid
             OR l.amount_document IS DISTINCT FROM (w.line ->> 'document')::numeric
             OR l.amount IS DISTINCT FROM (w.line ->> 'book')::numeric
             OR l.tax_code_id IS DISTINCT FROM (w.line ->> 'tax')::uuid
             OR l.dimensions IS DISTINCT FROM coalesce(w.line -> 'labels', '{}')) THEN
      RAISE EXCEPTION 'the entry is not what was proposed' USING ERRCODE = 'BO158', CONSTRAINT = 'BO158';
    END IF;
    PERFORM practice.expect_approval('journal_proposal', p.id, 'BO151');
    RETURN;
  END IF;
  SELECT sum(l.amount_document) FILTER (WHERE l.amount_document > 0), sum(l.amount) FILTER (WHERE l.amount > 0) INTO document, book
    FROM finance.journal_line l WHERE l.tenant_id = p_tenant AND l.entry_id = p_entry;
  counted_in := CASE WHEN EXISTS (SELECT 1 FROM practice.approval_band b
                                   WHERE b.tenant_id = p_tenant AND b.edition_id = edition AND b.currency = e.currency)
                     THEN e.currency ELSE (SELECT c.currency FROM practice.client c WHERE c.tenant_id = p_tenant) END;
  IF EXISTS (SELECT 1 FROM practice.approval_band b
              WHERE b.tenant_id = p_tenant AND b.edition_id = edition AND b.currency = counted_in
                AND (b.above IS NULL OR coalesce(CASE WHEN counted_in = e.currency THEN document ELSE book END, 0) > b.above)) THEN
    RAISE EXCEPTION 'the entry is proposed and approved first' USING ERRCODE = 'BO158', CONSTRAINT = 'BO158';
  END IF;
END $$;

INSERT INTO core.record_type (node_type, home) VALUES
  ('Dimension', 'finance.dimension'),
  ('DimensionValue', 'finance.dimension_value');
SELECT core.know_record_types();
