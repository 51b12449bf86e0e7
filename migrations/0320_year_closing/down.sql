CREATE OR REPLACE FUNCTION finance.check_entry() RETURNS trigger
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

DROP TABLE finance.year_closing;
DROP FUNCTION finance.keep_year_closing;
DROP INDEX finance.journal_entry_closing;
ALTER TABLE finance.journal_entry DROP CONSTRAINT journal_entry_check;
ALTER TABLE finance.journal_entry ADD CONSTRAINT journal_entry_check CHECK ((source = 'reversal') = (reverses_id IS NOT NULL));
SELECT finance.word_entry_sources('{}', '{closing}');
DROP FUNCTION finance.word_entry_sources;
