-- Without these columns the file would be everybody's who reads files, so none may be left whose bytes are there.
ALTER TABLE core.file NO FORCE ROW LEVEL SECURITY;
DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM core.file f WHERE (f.rights <> '{}' OR f.only_for IS NOT NULL) AND f.removed_at IS NULL) THEN
    RAISE EXCEPTION 'files that only some may see are still there; they go by themselves when their time is over';
  END IF;
END $$;
ALTER TABLE core.file FORCE ROW LEVEL SECURITY;

CREATE OR REPLACE FUNCTION core.file_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  IF new.object_key <> old.object_key OR new.name <> old.name OR new.purpose <> old.purpose
     OR (old.received_at IS NOT NULL AND (new.received_at IS DISTINCT FROM old.received_at OR new.size IS DISTINCT FROM old.size
         OR new.sha256 IS DISTINCT FROM old.sha256 OR new.media_type IS DISTINCT FROM old.media_type))
     OR (old.state = 'refused' AND new.state <> 'refused') OR (old.state = 'ready' AND new.state <> 'ready')
     OR (old.removed_at IS NOT NULL AND new.removed_at IS DISTINCT FROM old.removed_at) THEN
    RAISE EXCEPTION 'a file whose bytes have come stays what it is' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  RETURN new;
END $$;
ALTER TABLE core.file DROP COLUMN only_for;
ALTER TABLE core.file DROP COLUMN rights;
