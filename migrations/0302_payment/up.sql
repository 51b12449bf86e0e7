-- Payments of customers and to vendors: money that came or went, allocated to open items and back. What is not allocated is
-- an advance: an open item of its own, that is used once.

-- Advances have accounts of their own, where the chart has them: what customers paid ahead is owed to them.
DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.account'::regclass AND c.conname = 'account_control_check');
BEGIN
  ALTER TABLE finance.account DROP CONSTRAINT account_control_check;
  EXECUTE 'ALTER TABLE finance.account ADD CONSTRAINT account_control_check '
          || replace(said, '''bank''::text', '''bank''::text, ''customer_advance''::text, ''vendor_advance''::text');
END $$;

CREATE TABLE finance.payment (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  number        text NOT NULL,
  side          text NOT NULL CHECK (side IN ('receivable', 'payable')),
  customer_id   uuid,
  vendor_id     uuid,
  party_name    text NOT NULL CHECK (length(party_name) BETWEEN 1 AND 200),
  paid_on       date NOT NULL,
  currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  exchange_rate numeric(18, 8) NOT NULL CHECK (exchange_rate > 0),
  amount        numeric(19, 4) NOT NULL CHECK (amount <> 0),
  reference     text NOT NULL CHECK (length(reference) <= 500),
  account_id    uuid NOT NULL,
  bank_line_id  uuid,
  entry_id      uuid NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, number),
  UNIQUE (tenant_id, entry_id),
  FOREIGN KEY (tenant_id, customer_id) REFERENCES finance.customer (tenant_id, id),
  FOREIGN KEY (tenant_id, vendor_id) REFERENCES finance.vendor (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES finance.account (tenant_id, id),
  FOREIGN KEY (tenant_id, bank_line_id) REFERENCES finance.bank_line (tenant_id, id),
  FOREIGN KEY (tenant_id, entry_id) REFERENCES finance.journal_entry (tenant_id, id),
  CHECK ((side = 'receivable') = (customer_id IS NOT NULL) AND (side = 'payable') = (vendor_id IS NOT NULL))
);
COMMENT ON TABLE finance.payment IS 'append-only';
COMMENT ON COLUMN finance.payment.amount IS 'positive: the customer paid, or the vendor was paid; negative: a refund the other way';
SELECT core.raise_wall('finance.payment', 'append_only');
CREATE INDEX payment_by_customer ON finance.payment (tenant_id, customer_id, id);
CREATE INDEX payment_by_vendor ON finance.payment (tenant_id, vendor_id, id);
CREATE INDEX payment_by_date ON finance.payment (tenant_id, paid_on, id);

-- What a payment settled of an item: an allocation of the item and one of the payment's own item, undone together.
CREATE TABLE finance.payment_allocation (
  tenant_id           uuid NOT NULL,
  id                  uuid NOT NULL,
  payment_id          uuid NOT NULL,
  open_item_id        uuid NOT NULL,
  settles_id          uuid NOT NULL,
  uses_id             uuid NOT NULL,
  exchange_account_id uuid,
  created_at          timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, settles_id),
  UNIQUE (tenant_id, uses_id),
  FOREIGN KEY (tenant_id, payment_id) REFERENCES finance.payment (tenant_id, id),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id),
  FOREIGN KEY (tenant_id, settles_id) REFERENCES finance.allocation (tenant_id, id),
  FOREIGN KEY (tenant_id, uses_id) REFERENCES finance.allocation (tenant_id, id),
  FOREIGN KEY (tenant_id, exchange_account_id) REFERENCES finance.account (tenant_id, id)
);
COMMENT ON TABLE finance.payment_allocation IS 'append-only';
COMMENT ON COLUMN finance.payment_allocation.exchange_account_id IS 'where the difference of the two rates was posted, if there was one';
SELECT core.raise_wall('finance.payment_allocation', 'append_only');
CREATE INDEX payment_allocation_by_payment ON finance.payment_allocation (tenant_id, payment_id, id);

ALTER TABLE finance.open_item ADD COLUMN payment_id uuid;
ALTER TABLE finance.open_item ADD CONSTRAINT open_item_payment FOREIGN KEY (tenant_id, payment_id) REFERENCES finance.payment (tenant_id, id);
CREATE UNIQUE INDEX open_item_of_payment ON finance.open_item (tenant_id, payment_id) WHERE payment_id IS NOT NULL;

DO $$
DECLARE
  said text := (SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
                 WHERE c.conrelid = 'finance.journal_entry'::regclass AND c.conname = 'journal_entry_source_check');
BEGIN
  ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_source_check;
  EXECUTE 'ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_source_check '
          || replace(said, '''bank''::text', '''bank''::text, ''payment''::text');
END $$;

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
        ('Accountant', 'finance.bank.match', '{finance.payment.read,finance.payment.record}'::text[]),
        ('Bookkeeper', 'finance.bank.match', '{finance.payment.read,finance.payment.record}'::text[]),
        ('Client administrator', 'finance.open_item.read', '{finance.payment.read}'::text[]),
        ('Auditor', 'finance.open_item.read', '{finance.payment.read}'::text[])) AS g (name, held, added)
     WHERE r.tenant_id = client AND r.name = g.name AND g.held = ANY (r.permissions) AND NOT r.permissions @> g.added;
    -- What waits for the commit is sealed while its client is set.
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
  END LOOP;
  PERFORM set_config('app.tenant_id', '', true);
END $$;
