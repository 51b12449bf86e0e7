-- Files that not everybody who reads files may have: an export holds what only certain rights lead to.

ALTER TABLE core.file ADD COLUMN rights text[] NOT NULL DEFAULT '{}';
ALTER TABLE core.file ADD COLUMN only_for uuid;
COMMENT ON COLUMN core.file.rights IS 'only who holds all of these rights sees the file';
COMMENT ON COLUMN core.file.only_for IS 'only this actor sees the file; null: whoever holds the rights';

-- What a file is and who may see it is fixed once its bytes have come.
CREATE OR REPLACE FUNCTION core.file_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.object_key <> old.object_key OR new.name <> old.name OR new.purpose <> old.purpose
     OR (old.received_at IS NOT NULL AND (new.received_at IS DISTINCT FROM old.received_at OR new.size IS DISTINCT FROM old.size
         OR new.sha256 IS DISTINCT FROM old.sha256 OR new.media_type IS DISTINCT FROM old.media_type
         OR new.rights <> old.rights OR new.only_for IS DISTINCT FROM old.only_for))
     OR (old.state = 'refused' AND new.state <> 'refused') OR (old.state = 'ready' AND new.state <> 'ready')
     OR (old.removed_at IS NOT NULL AND new.removed_at IS DISTINCT FROM old.removed_at) THEN
    RAISE EXCEPTION 'a file whose bytes have come stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
