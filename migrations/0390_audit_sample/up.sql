-- Samples that auditors draw from the journal: by a seed that is kept, so that anybody can draw the same once more from the
-- exported journal.
CREATE TABLE finance.audit_sample (
  tenant_id         uuid NOT NULL,
  id                uuid NOT NULL,
  name              text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  from_on           date NOT NULL,
  to_on             date NOT NULL CHECK (to_on >= from_on),
  account_id        uuid,
  method            text NOT NULL CHECK (method IN ('random', 'monetary_unit')),
  seed              text NOT NULL CHECK (length(seed) BETWEEN 1 AND 100),
  size              integer NOT NULL CHECK (size BETWEEN 1 AND 1000),
  known_at          timestamptz NOT NULL,
  population        integer NOT NULL CHECK (population > 0),
  population_amount numeric(25, 4) NOT NULL CHECK (population_amount >= 0),
  drawn_by_name     text NOT NULL,
  created_at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id)
);
COMMENT ON TABLE finance.audit_sample IS 'append-only';
COMMENT ON COLUMN finance.audit_sample.size IS 'entries that were asked for, or monetary units that were pointed at';
COMMENT ON COLUMN finance.audit_sample.population_amount IS 'what the entries it was drawn from come to, in the books'' currency';
SELECT core.raise_wall('finance.audit_sample', 'append_only');

CREATE TABLE finance.audit_sample_item (
  tenant_id  uuid NOT NULL,
  id         uuid NOT NULL,
  sample_id  uuid NOT NULL,
  place      integer NOT NULL CHECK (place > 0),
  entry_id   uuid NOT NULL,
  amount     numeric(19, 4) NOT NULL CHECK (amount >= 0),
  hits       integer NOT NULL CHECK (hits > 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, sample_id, place),
  UNIQUE (tenant_id, sample_id, entry_id),
  FOREIGN KEY (tenant_id, sample_id) REFERENCES finance.audit_sample (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id)
);
COMMENT ON TABLE finance.audit_sample_item IS 'append-only';
COMMENT ON COLUMN finance.audit_sample_item.hits IS 'monetary units of the entry that were pointed at; 1 in a random sample';
SELECT core.raise_wall('finance.audit_sample_item', 'append_only');

-- The rights for the roles that clients were founded with, where they are still what they were.
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
        ('Accountant', 'finance.journal.read', '{finance.audit_sample.read,finance.audit_sample.draw}'::text[]),
        ('Bookkeeper', 'finance.journal.read', '{finance.audit_sample.read}'::text[]),
        ('Client administrator', 'finance.journal.read', '{finance.audit_sample.read}'::text[]),
        ('Auditor', 'finance.journal.read', '{finance.audit_sample.read}'::text[])) AS g (name, held, added)
     WHERE r.tenant_id = client AND r.name = g.name AND g.held = ANY (r.permissions) AND NOT r.permissions @> g.added;
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;

-- The entries of some days, as they were known at a moment, and what each counts with: its debits, or what it moves on the
-- account.
CREATE FUNCTION finance.audit_values(p_tenant uuid, p_from date, p_to date, p_account uuid, p_known_at timestamptz)
RETURNS TABLE (entry_id uuid, entry_date date, number text, amount numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT e.id, e.entry_date, e.number, v.amount
    FROM (SELECT l.entry_id, sum(CASE WHEN p_account IS NULL THEN greatest(l.amount, 0) ELSE abs(l.amount) END) AS amount
            FROM finance.journal_line l
           WHERE l.tenant_id = p_tenant AND l.entry_date BETWEEN p_from AND p_to AND l.recorded_at <= p_known_at
             AND l.ledger_id = (SELECT g.id FROM finance.ledger g WHERE g.tenant_id = p_tenant AND g.code = 'GENERAL')
             AND (p_account IS NULL OR l.account_id = p_account)
           GROUP BY l.entry_id) AS v
    JOIN finance.journal_entry e ON e.tenant_id = p_tenant AND e.id = v.entry_id
$$;
GRANT EXECUTE ON FUNCTION finance.audit_values TO backoffice_app;
