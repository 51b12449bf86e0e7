-- What a line of a bank may settle is looked up instead of compared with everything that is open: documents by their number
-- without blanks and punctuation, and what is open by its amount.
ALTER TABLE finance.open_item ADD COLUMN mark text GENERATED ALWAYS AS (upper(regexp_replace(document, '[^[:alnum:]]', '', 'g'))) STORED;
COMMENT ON COLUMN finance.open_item.mark IS 'the document''s number in capitals, letters and digits only: how it is found in what a payer wrote';
CREATE INDEX open_item_by_mark ON finance.open_item (tenant_id, mark) WHERE NOT settled;
CREATE INDEX open_item_by_open_amount ON finance.open_item (tenant_id, open_amount) WHERE NOT settled;

-- The mark is computed behind this, as whether the item is settled.
CREATE OR REPLACE FUNCTION finance.keep_item() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF pg_trigger_depth() < 2
     OR to_jsonb(new) - '{open_amount,open_book,settled,mark,updated_at,version}'::text[]
        IS DISTINCT FROM to_jsonb(old) - '{open_amount,open_book,settled,mark,updated_at,version}'::text[] THEN
    RAISE EXCEPTION 'an open item only moves by allocation' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
