-- Instalments of an open item: parts of it that are due one after the other. What is settled of the item settles the earliest
-- ones first, so that what is open of each is a matter of sums, and nothing of them ever changes.
CREATE TABLE finance.instalment (
  tenant_id     uuid NOT NULL,
  id            uuid NOT NULL,
  open_item_id  uuid NOT NULL,
  instalment_no integer NOT NULL CHECK (instalment_no BETWEEN 1 AND 60),
  due_date      date NOT NULL,
  amount        numeric(19, 4) NOT NULL CHECK (amount > 0),
  created_at    timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, open_item_id, instalment_no),
  FOREIGN KEY (tenant_id, open_item_id) REFERENCES finance.open_item (tenant_id, id)
);
COMMENT ON TABLE finance.instalment IS 'append-only';
COMMENT ON COLUMN finance.instalment.amount IS 'currency of the item';
SELECT core.raise_wall('finance.instalment', 'append_only');

-- What is open at the end of a day, as it was known at a moment, instalment by instalment: an item without them is one part,
-- of number 0. Of the books' amount each part has its share, by largest remainder and with so many decimals.
CREATE FUNCTION finance.open_parts(p_tenant uuid, p_side text, p_as_of date, p_known_at timestamptz, p_decimals integer)
RETURNS TABLE (open_item_id uuid, party_id uuid, instalment_no integer, due_date date, currency text, open numeric, open_book numeric)
LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  WITH settled AS (
    SELECT a.open_item_id, sum(a.amount) AS amount, sum(a.amount_book) AS amount_book
      FROM finance.allocation a
     WHERE a.tenant_id = p_tenant AND a.allocated_on <= p_as_of AND (p_known_at IS NULL OR a.created_at <= p_known_at)
     GROUP BY a.open_item_id
  ), items AS (
    SELECT i.id, coalesce(i.customer_id, i.vendor_id) AS party_id, i.due_date, i.currency, coalesce(s.amount, 0) AS settled,
           i.amount - coalesce(s.amount, 0) AS open, i.amount_book - coalesce(s.amount_book, 0) AS open_book
      FROM finance.open_item i
      LEFT JOIN settled s ON s.open_item_id = i.id
     WHERE i.tenant_id = p_tenant AND i.side = p_side AND i.item_date <= p_as_of AND (p_known_at IS NULL OR i.created_at <= p_known_at)
       AND i.amount <> coalesce(s.amount, 0)
  ), reached AS (
    SELECT i.id, i.party_id, n.instalment_no, n.due_date, i.currency, n.amount, i.open AS open_item, i.open_book,
           -- what is open of this one and of those before it
           greatest(0, sum(n.amount) OVER (PARTITION BY i.id ORDER BY n.instalment_no) - i.settled) AS through
      FROM items i
      JOIN finance.instalment n ON n.tenant_id = p_tenant AND n.open_item_id = i.id
  ), parts AS (
    SELECT r.*, coalesce(lag(r.through) OVER (PARTITION BY r.id ORDER BY r.instalment_no), 0) AS before FROM reached r
  ), shares AS (
    SELECT p.*, p.through - p.before AS open, trunc(p.open_book * (p.through - p.before) / p.open_item, p_decimals) AS cut,
           p.open_book * (p.through - p.before) / p.open_item - trunc(p.open_book * (p.through - p.before) / p.open_item, p_decimals) AS lost
      FROM parts p
     WHERE p.through > p.before
  ), ranked AS (
    -- the units that were cut off go to the parts that lost most
    SELECT s.*, row_number() OVER (PARTITION BY s.id ORDER BY s.lost DESC, s.instalment_no) AS place,
           (s.open_book - sum(s.cut) OVER (PARTITION BY s.id)) * 10::numeric ^ p_decimals AS units
      FROM shares s
  )
  SELECT i.id, i.party_id, 0, i.due_date, i.currency, i.open, i.open_book
    FROM items i
   WHERE NOT EXISTS (SELECT 1 FROM finance.instalment n WHERE n.tenant_id = p_tenant AND n.open_item_id = i.id)
  UNION ALL
  SELECT r.id, r.party_id, r.instalment_no, r.due_date, r.currency, r.open,
         round(r.cut + CASE WHEN r.place <= r.units THEN 10::numeric ^ -p_decimals ELSE 0 END, p_decimals)
    FROM ranked r
$$;
GRANT EXECUTE ON FUNCTION finance.open_parts TO backoffice_app;
