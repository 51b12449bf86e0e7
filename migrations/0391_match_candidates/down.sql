CREATE OR REPLACE FUNCTION finance.keep_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF pg_trigger_depth() < 2
     OR to_jsonb(new) - '{open_amount,open_book,settled,updated_at,version}'::text[]
        IS DISTINCT FROM to_jsonb(old) - '{open_amount,open_book,settled,updated_at,version}'::text[] THEN
    RAISE EXCEPTION 'an open item only moves by allocation' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
ALTER TABLE finance.open_item DROP COLUMN mark;
DROP INDEX finance.open_item_by_open_amount;
