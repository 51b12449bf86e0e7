-- Registers: records whose fields their client says itself. A record is one row with a JSON of values, each in its one
-- spelling; triggers lay the values out beside it, so that lists find them by index, and hold the keys, so that of two who
-- enter the same at once one is refused by the database.

CREATE TABLE practice.register (
  tenant_id   uuid NOT NULL,
  id          uuid NOT NULL,
  code        text NOT NULL CHECK (code ~ '^[a-z][a-z0-9_]{0,39}$'),
  name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
  edition     integer NOT NULL DEFAULT 1 CHECK (edition > 0),
  definition  jsonb NOT NULL CHECK (jsonb_typeof(definition) = 'object' AND jsonb_array_length(definition -> 'fields') BETWEEN 1 AND 100),
  keys        jsonb NOT NULL DEFAULT '[]',
  critical    text[] NOT NULL DEFAULT '{}',
  created_at  timestamptz NOT NULL DEFAULT now(),
  updated_at  timestamptz NOT NULL DEFAULT now(),
  version     integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, code)
);
COMMENT ON COLUMN practice.register.edition IS 'counts definitions; each of them stands in practice.register_edition';
COMMENT ON COLUMN practice.register.keys IS 'of the definition: fields that together no two records say alike; kept by a trigger';
COMMENT ON COLUMN practice.register.critical IS 'of the definition: fields that somebody else keys a second time; kept by a trigger';
SELECT core.raise_wall('practice.register', 'mutable');

CREATE TABLE practice.register_edition (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  register_id  uuid NOT NULL,
  number       integer NOT NULL CHECK (number > 0),
  definition   jsonb NOT NULL,
  made_by_name text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, register_id, number),
  FOREIGN KEY (tenant_id, register_id) REFERENCES practice.register (tenant_id, id)
);
COMMENT ON TABLE practice.register_edition IS 'append-only';
SELECT core.raise_wall('practice.register_edition', 'append_only');

CREATE TABLE practice.register_record (
  tenant_id    uuid NOT NULL,
  id           uuid NOT NULL,
  register_id  uuid NOT NULL,
  edition      integer NOT NULL CHECK (edition > 0),
  state        text NOT NULL DEFAULT 'unconfirmed' CHECK (state IN ('confirmed', 'unconfirmed', 'different', 'void')),
  fields       jsonb NOT NULL CHECK (jsonb_typeof(fields) = 'object'),
  round        integer NOT NULL DEFAULT 1 CHECK (round > 0),
  keyed_by     uuid[] NOT NULL DEFAULT '{}',
  void_reason  text CHECK (length(void_reason) BETWEEN 1 AND 1000),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  version      integer NOT NULL DEFAULT 1,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, register_id) REFERENCES practice.register (tenant_id, id),
  CHECK ((state = 'void') = (void_reason IS NOT NULL))
);
COMMENT ON COLUMN practice.register_record.edition IS 'the definition under which it was entered or changed last';
COMMENT ON COLUMN practice.register_record.round IS 'counts how often its critical values were keyed anew';
COMMENT ON COLUMN practice.register_record.keyed_by IS 'who has keyed its critical values the first time';
SELECT core.raise_wall('practice.register_record', 'mutable');
CREATE INDEX register_record_by_register ON practice.register_record (tenant_id, register_id, id);
CREATE INDEX register_record_by_state ON practice.register_record (tenant_id, register_id, state, id);

CREATE TABLE practice.register_value (
  tenant_id   uuid NOT NULL,
  register_id uuid NOT NULL,
  field       text NOT NULL,
  record_id   uuid NOT NULL,
  value       text NOT NULL,
  sort        text COLLATE "C" NOT NULL,
  PRIMARY KEY (tenant_id, record_id, field),
  FOREIGN KEY (tenant_id, record_id) REFERENCES practice.register_record (tenant_id, id)
);
COMMENT ON TABLE practice.register_value IS 'unaudited: kept by triggers from the records';
COMMENT ON COLUMN practice.register_value.sort IS 'the value so that its order as text is its own: see practice.register_sort';
SELECT core.raise_wall('practice.register_value', 'derived');
CREATE INDEX register_value_by_sort ON practice.register_value (tenant_id, register_id, field, sort, record_id);

CREATE TABLE practice.register_key (
  tenant_id   uuid NOT NULL,
  register_id uuid NOT NULL,
  key_name    text NOT NULL,
  digest      text NOT NULL,
  record_id   uuid NOT NULL,
  CONSTRAINT register_key_once PRIMARY KEY (tenant_id, register_id, key_name, digest),
  FOREIGN KEY (tenant_id, record_id) REFERENCES practice.register_record (tenant_id, id)
);
COMMENT ON TABLE practice.register_key IS 'unaudited: kept by triggers from the records';
COMMENT ON COLUMN practice.register_key.digest IS 'SHA-256 of what the record says in the fields of the key';
SELECT core.raise_wall('practice.register_key', 'derived');
CREATE INDEX register_key_by_record ON practice.register_key (tenant_id, record_id);

-- A value so that its order as text is its own, whatever its kind: numbers filled up with zeros, those below nothing the other
-- way round; texts by their beginning. Comparing texts reaches an index under row security, comparing numbers does not.
CREATE FUNCTION practice.register_sort(p_kind text, p_value text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT CASE
    WHEN p_kind <> 'number' THEN left(p_value, 100)
    WHEN p_value LIKE '-%' THEN '0' || translate(lpad(split_part(ltrim(p_value, '-'), '.', 1), 15, '0') || '.'
                                                 || rpad(split_part(p_value, '.', 2), 8, '0'), '0123456789', '9876543210')
    ELSE '1' || lpad(split_part(p_value, '.', 1), 15, '0') || '.' || rpad(split_part(p_value, '.', 2), 8, '0')
  END
$$;
GRANT EXECUTE ON FUNCTION practice.register_sort TO backoffice_app;

-- What a record says in the fields of each key. No value holds the character between them; a key of which a field is not
-- said keeps nobody apart.
CREATE FUNCTION practice.register_digests(p_keys jsonb, p_fields jsonb) RETURNS TABLE (key_name text, digest text)
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog AS $$
  SELECT string_agg(p.field, '+' ORDER BY p.place),
         encode(sha256(convert_to(string_agg(p_fields ->> p.field, E'\x1f' ORDER BY p.place), 'UTF8')), 'hex')
    FROM jsonb_array_elements(p_keys) WITH ORDINALITY AS k (names, number)
    CROSS JOIN LATERAL jsonb_array_elements_text(k.names) WITH ORDINALITY AS p (field, place)
   GROUP BY k.number
  HAVING bool_and(p_fields ->> p.field IS NOT NULL)
$$;
GRANT EXECUTE ON FUNCTION practice.register_digests TO backoffice_app;

-- A definition counts as another edition, and no field of it becomes another kind or goes as long as something stands in it.
CREATE FUNCTION practice.register_defined() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  new.keys := coalesce(new.definition -> 'keys', '[]');
  new.critical := ARRAY (SELECT f ->> 'key' FROM jsonb_array_elements(new.definition -> 'fields') AS f
                          WHERE coalesce((f ->> 'critical')::boolean, false));
  IF tg_op = 'INSERT' THEN
    new.edition := 1;
    RETURN new;
  END IF;
  IF new.code <> old.code THEN
    RAISE EXCEPTION 'a register keeps its code' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  new.edition := old.edition;
  IF new.definition IS DISTINCT FROM old.definition THEN
    new.edition := old.edition + 1;
    IF EXISTS (SELECT 1 FROM jsonb_array_elements(old.definition -> 'fields') AS o
                WHERE NOT EXISTS (SELECT 1 FROM jsonb_array_elements(new.definition -> 'fields') AS n
                                   WHERE n ->> 'key' = o ->> 'key' AND n ->> 'kind' = o ->> 'kind')
                  AND EXISTS (SELECT 1 FROM practice.register_value v
                               WHERE v.tenant_id = new.tenant_id AND v.register_id = new.id AND v.field = o ->> 'key')) THEN
      RAISE EXCEPTION 'a field in use keeps its kind' USING ERRCODE = 'BO200', CONSTRAINT = 'BO200';
    END IF;
    IF new.critical IS DISTINCT FROM old.critical
       AND EXISTS (SELECT 1 FROM practice.register_record r
                    WHERE r.tenant_id = new.tenant_id AND r.register_id = new.id AND r.state IN ('unconfirmed', 'different')) THEN
      RAISE EXCEPTION 'records wait to be confirmed' USING ERRCODE = 'BO205', CONSTRAINT = 'BO205';
    END IF;
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER defined BEFORE INSERT OR UPDATE ON practice.register
  FOR EACH ROW EXECUTE FUNCTION practice.register_defined();

-- Each definition is kept, and keys that are new or gone are held or let go.
CREATE FUNCTION practice.register_edition_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op = 'UPDATE' AND new.edition = old.edition THEN RETURN NULL; END IF;
  INSERT INTO practice.register_edition (tenant_id, id, register_id, number, definition, made_by_name)
  VALUES (new.tenant_id, gen_random_uuid(), new.id, new.edition, new.definition, coalesce(current_setting('app.actor_name', true), ''));
  IF tg_op = 'UPDATE' AND new.keys IS DISTINCT FROM old.keys THEN
    DELETE FROM practice.register_key k WHERE k.tenant_id = new.tenant_id AND k.register_id = new.id;
    INSERT INTO practice.register_key (tenant_id, register_id, key_name, digest, record_id)
    SELECT r.tenant_id, r.register_id, d.key_name, d.digest, r.id
      FROM practice.register_record r CROSS JOIN LATERAL practice.register_digests(new.keys, r.fields) AS d
     WHERE r.tenant_id = new.tenant_id AND r.register_id = new.id AND r.state <> 'void';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER edition_kept AFTER INSERT OR UPDATE ON practice.register
  FOR EACH ROW EXECUTE FUNCTION practice.register_edition_kept();

-- What state a record is in follows from its register and from who has keyed it, whatever a statement says: with critical
-- fields it is unconfirmed when it is entered, and again with each change of a critical value. Only what decides on keyings
-- says otherwise, as the owner of the tables. What is void stays so.
CREATE FUNCTION practice.register_record_state() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
  actor     uuid := nullif(current_setting('app.actor_id', true), '')::uuid;
  twice     text[];
BEGIN
  SELECT r.critical INTO twice FROM practice.register r WHERE r.tenant_id = new.tenant_id AND r.id = new.register_id;
  IF tg_op = 'INSERT' THEN
    new.state := CASE WHEN cardinality(twice) > 0 THEN 'unconfirmed' ELSE 'confirmed' END;
    new.round := 1;
    new.keyed_by := CASE WHEN actor IS NULL THEN '{}' ELSE ARRAY[actor] END;
    RETURN new;
  END IF;
  IF new.register_id <> old.register_id THEN
    RAISE EXCEPTION 'a record stays in its register' USING ERRCODE = 'BO001', CONSTRAINT = 'BO001';
  END IF;
  IF old.state = 'void' THEN
    RAISE EXCEPTION 'a record that is void stays so' USING ERRCODE = 'BO203', CONSTRAINT = 'BO203';
  END IF;
  IF current_user = 'backoffice_owner' THEN RETURN new; END IF;
  new.round := old.round;
  new.keyed_by := old.keyed_by;
  IF new.state = 'void' THEN
    new.fields := old.fields;
  ELSIF EXISTS (SELECT 1 FROM unnest(twice) AS t WHERE new.fields ->> t IS DISTINCT FROM old.fields ->> t) THEN
    new.state := 'unconfirmed';
    new.round := old.round + 1;
    IF actor IS NOT NULL AND actor <> ALL (old.keyed_by) THEN new.keyed_by := old.keyed_by || actor; END IF;
  ELSE
    new.state := old.state;
  END IF;
  RETURN new;
END $$;
CREATE TRIGGER state BEFORE INSERT OR UPDATE ON practice.register_record
  FOR EACH ROW EXECUTE FUNCTION practice.register_record_state();

-- Lays out the values of records that came or changed, and holds their keys, in one order for everybody. Those of a record
-- that is void are free.
CREATE FUNCTION practice.register_spread() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  IF tg_op = 'UPDATE' THEN
    DELETE FROM practice.register_value v USING changed c WHERE v.tenant_id = c.tenant_id AND v.record_id = c.id;
    DELETE FROM practice.register_key k USING changed c WHERE k.tenant_id = c.tenant_id AND k.record_id = c.id;
  END IF;
  WITH known AS MATERIALIZED (
    SELECT r.tenant_id, r.id AS register_id, f ->> 'key' AS field, f ->> 'kind' AS kind
      FROM practice.register r CROSS JOIN LATERAL jsonb_array_elements(r.definition -> 'fields') AS f
     WHERE (r.tenant_id, r.id) IN (SELECT DISTINCT c.tenant_id, c.register_id FROM changed c))
  INSERT INTO practice.register_value (tenant_id, register_id, field, record_id, value, sort)
  SELECT c.tenant_id, c.register_id, k.field, c.id, c.fields ->> k.field, practice.register_sort(k.kind, c.fields ->> k.field)
    FROM changed c JOIN known k ON k.tenant_id = c.tenant_id AND k.register_id = c.register_id
   WHERE c.fields ->> k.field IS NOT NULL;
  INSERT INTO practice.register_key (tenant_id, register_id, key_name, digest, record_id)
  SELECT c.tenant_id, c.register_id, d.key_name, d.digest, c.id
    FROM changed c
    JOIN practice.register r ON r.tenant_id = c.tenant_id AND r.id = c.register_id
    CROSS JOIN LATERAL practice.register_digests(r.keys, c.fields) AS d
   WHERE c.state <> 'void'
   ORDER BY d.key_name, d.digest;
  RETURN NULL;
END $$;
CREATE TRIGGER spread_new AFTER INSERT ON practice.register_record
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION practice.register_spread();
CREATE TRIGGER spread_changed AFTER UPDATE ON practice.register_record
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION practice.register_spread();

INSERT INTO core.record_type (node_type, home) VALUES
  ('Register', 'practice.register'),
  ('RegisterRecord', 'practice.register_record');
SELECT core.know_record_types();
